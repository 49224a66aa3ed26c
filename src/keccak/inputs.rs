//! The inputs of the backends: many inputs of one length, at any place in memory.

/// How many bytes one application of the permutation absorbs. Inputs are shorter, so that each takes exactly one
/// permutation.
pub(super) const RATE: usize = 136;

/// How many bytes of an input are read at a time: four words, the length of a hash.
pub(super) const ROW: usize = 32;

/// Many inputs of one length. Their rows may come from different places, so inputs that are composed of parts
/// need not be copied together.
pub(super) trait Inputs: Copy {
    /// The length of every input in bytes: a multiple of 8 below [`RATE`]. [`RATE`] stands for inputs of different
    /// lengths, whose rows hold their padding.
    const LEN: usize;

    /// The length of an input in bytes, without padding.
    #[inline(always)]
    fn len(self, _input: usize) -> usize {
        Self::LEN
    }

    /// The bytes of one input from `row * ROW` on, followed by zeros where the input ends.
    fn row(self, input: usize, row: usize) -> [u8; ROW];
}

/// Inputs that are stored back to back.
impl<const LEN: usize> Inputs for &[[u8; LEN]] {
    const LEN: usize = LEN;

    // Always inlined, because only then is the row loaded from memory directly into a register.
    #[inline(always)]
    fn row(self, input: usize, row: usize) -> [u8; ROW] {
        let rest = &self[input][row * ROW..];
        let len = rest.len().min(ROW);
        let mut bytes = [0; ROW];
        bytes[..len].copy_from_slice(&rest[..len]);
        bytes
    }
}

/// `prefix ‖ roots[i] ‖ numbers[i]`, the number in 256 bits, big-endian.
#[derive(Clone, Copy)]
pub(super) struct Leaves<'a> {
    pub(super) prefix: &'a [u8; 32],
    pub(super) roots: &'a [[u8; 32]],
    pub(super) numbers: &'a [u64],
}

impl Inputs for Leaves<'_> {
    const LEN: usize = 96;

    #[inline(always)]
    fn row(self, input: usize, row: usize) -> [u8; ROW] {
        match row {
            0 => *self.prefix,
            1 => self.roots[input],
            _ => {
                let mut word = [0; ROW];
                word[24..].copy_from_slice(&self.numbers[input].to_be_bytes());
                word
            }
        }
    }
}

/// Texts of different lengths, all below [`RATE`].
#[derive(Clone, Copy)]
pub(super) struct Texts<'a>(pub(super) &'a [&'a [u8]]);

impl Inputs for Texts<'_> {
    const LEN: usize = RATE;

    #[inline(always)]
    fn len(self, input: usize) -> usize {
        self.0[input].len()
    }

    #[inline(always)]
    fn row(self, input: usize, row: usize) -> [u8; ROW] {
        let rest = self.0[input].get(row * ROW..).unwrap_or_default();
        let len = rest.len().min(ROW);
        let mut bytes = [0; ROW];
        bytes[..len].copy_from_slice(&rest[..len]);
        // The padding: one bit after the text, one at the end of the rate.
        if self.len(input) / ROW == row {
            bytes[len] = 0x01;
        }
        if row == RATE / ROW {
            bytes[RATE % ROW - 1] |= 0x80;
        }
        bytes
    }
}
