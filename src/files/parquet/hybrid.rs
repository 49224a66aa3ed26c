//! Levels and dictionary indexes (source: parquet-format, `Encodings.md`, "Run Length Encoding / Bit-Packing
//! Hybrid").
//!
//! ```text
//! run      count << 1 as a varint ‖ the number in as many bytes as its width needs
//! packed   count / 8 << 1 | 1 as a varint ‖ the numbers, `width` bits each, lowest bits first
//! ```

use bytes::Bytes;

use crate::primitives::varint;

/// Small numbers, which are decoded one by one. A long run therefore takes no memory.
pub(super) struct Hybrid {
    bytes: Bytes,
    /// The position of the next run in `bytes`.
    at: usize,
    /// The number of bits of a number, at most 32.
    width: u8,
    run: Run,
}

enum Run {
    Equal { number: u64, left: u64 },
    Packed { bit: usize, left: u64 },
}

impl Hybrid {
    pub(super) fn new(bytes: Bytes, width: u8) -> Self {
        debug_assert!(width <= 32);
        Self { bytes, at: 0, width, run: Run::Equal { number: 0, left: 0 } }
    }

    /// Decodes numbers of `width` bits without counts before them.
    pub(super) fn packed(bytes: Bytes, width: u8) -> Self {
        Self { run: Run::Packed { bit: 0, left: u64::MAX }, ..Self::new(bytes, width) }
    }

    /// Decodes levels up to `deepest`.
    pub(super) fn levels(bytes: Bytes, deepest: u8) -> Self {
        Self::new(bytes, (u8::BITS - deepest.leading_zeros()) as u8)
    }

    /// The next number; `None` at the end of the bytes.
    pub(super) fn next(&mut self) -> Option<u64> {
        loop {
            match &mut self.run {
                Run::Equal { number, left } if *left > 0 => {
                    *left -= 1;
                    return Some(*number);
                }
                Run::Packed { bit, left } if *left > 0 => {
                    let (byte, shift) = (*bit / 8, *bit % 8);
                    *bit += usize::from(self.width);
                    *left -= 1;
                    // Some writers cut the padding of the last group.
                    let number = little_endian(self.bytes.get(byte..bit.div_ceil(8))?);
                    return Some(number >> shift & ((1 << self.width) - 1));
                }
                _ => self.start_run()?,
            }
        }
    }

    /// How many of the next numbers are known to be equal to this one.
    pub(super) fn equal(&mut self, wanted: u64) -> u64 {
        if matches!(self.run, Run::Equal { left: 0, .. } | Run::Packed { left: 0, .. }) {
            // The next number says what is wrong.
            let _ = self.start_run();
        }
        match self.run {
            Run::Equal { number, left } if number == wanted => left,
            _ => 0,
        }
    }

    /// Passes over numbers that [`Self::equal`] counted.
    pub(super) fn pass(&mut self, count: u64) {
        if let Run::Equal { left, .. } = &mut self.run {
            *left = left.saturating_sub(count);
        }
    }

    fn start_run(&mut self) -> Option<()> {
        let mut rest = self.bytes.get(self.at..)?;
        let header = varint::read(&mut rest).ok()?;
        let start = self.bytes.len() - rest.len();
        if header & 1 == 0 {
            let len = usize::from(self.width.div_ceil(8));
            let number = little_endian(rest.get(..len)?);
            self.at = start + len;
            self.run = Run::Equal { number, left: header >> 1 };
        } else {
            let left = (header >> 1).checked_mul(8)?;
            let bits = usize::try_from(left).ok()?.checked_mul(self.width.into())?;
            self.at = start.checked_add(bits / 8)?;
            self.run = Run::Packed { bit: start * 8, left };
        }
        Some(())
    }
}

/// Up to eight bytes as a number.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8], width: u8) -> Vec<u64> {
        let mut hybrid = Hybrid::new(Bytes::copy_from_slice(bytes), width);
        std::iter::from_fn(|| hybrid.next()).take(1000).collect()
    }

    #[test]
    fn published_numbers_are_decoded() {
        // Source: the example 0 to 7 with three bits in Encodings.md.
        let packed = [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(numbers(&packed, 3), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(numbers(&packed[..3], 3), [0, 1, 2, 3, 4], "the last group is cut");
    }

    #[test]
    fn runs_and_packed_groups_follow_each_other() {
        let mixed = [&[8, 2][..], &[0b11, 0b1010_0110, 0b0000_0001], &[0x80, 2, 1]].concat();
        let expected = [&[2; 4][..], &[2, 1, 2, 2, 1, 0, 0, 0], &[1; 128]].concat();
        assert_eq!(numbers(&mixed, 2), expected);
        assert_eq!(numbers(&[4, 0x34, 0x12], 13), [0x1234, 0x1234]);
        assert_eq!(numbers(&[4, 0xff, 0xff, 0xff, 0xff], 32), [u64::from(u32::MAX); 2]);
        assert_eq!(numbers(&[3, 0xff, 0xff, 0xff, 0xff], 32), [u64::from(u32::MAX)]);
        assert_eq!(numbers(&[0, 1, 4, 1], 1), [1, 1], "a run may be empty");
    }

    #[test]
    fn equal_numbers_are_counted_and_passed_over() {
        let mixed = [&[8, 2][..], &[0b11, 0b1010_0110, 0b0000_0001], &[4, 1]].concat();
        let mut hybrid = Hybrid::new(Bytes::from(mixed), 2);
        assert_eq!((hybrid.equal(1), hybrid.equal(2)), (0, 4));
        hybrid.pass(3);
        assert_eq!(
            (hybrid.next(), hybrid.equal(2)),
            (Some(2), 0),
            "packed numbers are not counted"
        );
        for _ in 0..8 {
            hybrid.next();
        }
        assert_eq!(hybrid.equal(1), 2);
        hybrid.pass(2);
        assert_eq!((hybrid.equal(1), hybrid.next()), (0, None));
    }

    #[test]
    fn numbers_of_no_bits_are_zeros() {
        assert_eq!(numbers(&[6, 3], 0), [0; 3 + 8]);
    }

    #[test]
    fn damaged_runs_end_the_numbers() {
        assert!(numbers(&[], 1).is_empty());
        assert!(numbers(&[0xff; 20], 1).is_empty());
        assert!(numbers(&[8], 9).is_empty());
        // A packed run of about 2^63 numbers.
        let long = [&[0xff; 8][..], &[0x7f, 1]].concat();
        assert!(numbers(&long, 32).is_empty());
        // A run of about 2^62 numbers takes no memory.
        assert_eq!(numbers(&[&[0xfe], &[0xff; 7][..], &[0x7f, 1]].concat(), 1).len(), 1000);
    }
}
