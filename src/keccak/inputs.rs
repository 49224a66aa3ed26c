//! The inputs of the backends: many inputs of one length, at any place in memory.

/// How many bytes one application of the permutation absorbs. Inputs are shorter, so each costs exactly one
/// permutation.
pub(super) const RATE: usize = 136;

/// How many bytes of an input are read at a time: four words, the length of a hash.
pub(super) const ROW: usize = 32;

/// Many inputs of one length. Their rows may come from different places, so inputs that are composed of parts
/// need not be copied together.
pub(super) trait Inputs: Copy {
    /// The length of every input in bytes: a multiple of 8 below [`RATE`].
    const LEN: usize;

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
