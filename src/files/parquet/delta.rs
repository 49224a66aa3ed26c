//! Numbers as differences, and bytes with the part that they share with the value before (source:
//! parquet-format, `Encodings.md`, "Delta Encoding", "Delta-length byte array" and "Delta Strings").
//!
//! ```text
//! numbers  values of a block ‖ miniblocks of a block ‖ count ‖ first value ‖ blocks
//! block    the smallest difference ‖ the width of each miniblock in one byte ‖ miniblocks
//! lengths  numbers: the lengths ‖ the bytes of all values
//! shared   numbers: how much each value shares with the one before ‖ lengths, of the rest of each value
//! ```

use bytes::{Bytes, BytesMut};

use super::{LONGEST_PAGE, LONGEST_SHARED};
use crate::primitives::varint;

/// Numbers, which are decoded one by one. A count that the bytes do not have takes no memory.
#[derive(Clone)]
pub(super) struct Deltas {
    bytes: Bytes,
    /// The position of the next miniblock or block.
    at: usize,
    /// The number of values that were not returned yet.
    left: u64,
    /// The next value.
    value: i64,
    /// The numbers of values and of bytes of widths.
    miniblock: u64,
    miniblocks: usize,
    smallest: i64,
    /// The positions of the widths of the miniblocks that were not started.
    widths: std::ops::Range<usize>,
    /// The position of the next difference in bits, its width, and how many are left in the miniblock.
    bit: usize,
    width: usize,
    here: u64,
}

impl Deltas {
    pub(super) fn new(bytes: Bytes) -> Option<Self> {
        let mut rest = &bytes[..];
        let (block, miniblocks) = (varint::read(&mut rest).ok()?, varint::read(&mut rest).ok()?);
        let (left, value) = (varint::read(&mut rest).ok()?, signed(&mut rest)?);
        let miniblock = block.checked_div(miniblocks).filter(|values| *values > 0)?;
        let (at, miniblocks) = (bytes.len() - rest.len(), usize::try_from(miniblocks).ok()?);
        let (smallest, widths, bit, width, here) = (0, 0..0, 0, 0, 0);
        Some(Self {
            bytes,
            at,
            left,
            value,
            miniblock,
            miniblocks,
            smallest,
            widths,
            bit,
            width,
            here,
        })
    }

    pub(super) fn next(&mut self) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        let value = self.value;
        if self.left > 0 {
            if self.here == 0 {
                self.start_miniblock()?;
            }
            self.here -= 1;
            let end = self.bit + self.width;
            let bytes = self.bytes.get(self.bit / 8..end.div_ceil(8))?;
            let bits = bytes.iter().rev().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
            let difference = bits >> (self.bit % 8) & ((1 << self.width) - 1);
            self.bit = end;
            // The widest difference has 64 bits. Differences wrap around.
            let difference = (difference as u64).cast_signed().wrapping_add(self.smallest);
            self.value = value.wrapping_add(difference);
        }
        Some(value)
    }

    fn start_miniblock(&mut self) -> Option<()> {
        if self.widths.is_empty() {
            let mut rest = self.bytes.get(self.at..)?;
            self.smallest = signed(&mut rest)?;
            let start = self.bytes.len() - rest.len();
            self.at = start.checked_add(self.miniblocks)?;
            self.widths = start..self.at;
        }
        self.width = usize::from(*self.bytes.get(self.widths.next()?)?);
        let bits = usize::try_from(self.miniblock).ok()?.checked_mul(self.width)?;
        self.bit = self.at.checked_mul(8)?;
        self.at = self.at.checked_add(bits.div_ceil(8))?;
        self.here = self.miniblock;
        (self.width <= 64).then_some(())
    }

    /// The bytes after the numbers.
    fn after(mut self) -> Option<Bytes> {
        let mut left = self.left.saturating_sub(1);
        while left > 0 {
            self.start_miniblock()?;
            left = left.saturating_sub(self.miniblock);
        }
        (self.at <= self.bytes.len()).then(|| self.bytes.slice(self.at..))
    }
}

/// Reads a signed number in zigzag form.
fn signed(rest: &mut &[u8]) -> Option<i64> {
    let number = varint::read(rest).ok()?;
    Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
}

/// Values whose lengths are before all of them.
pub(super) struct Lengths {
    lengths: Deltas,
    bytes: Bytes,
}

impl Lengths {
    pub(super) fn new(bytes: Bytes) -> Option<Self> {
        let lengths = Deltas::new(bytes)?;
        Some(Self { bytes: lengths.clone().after()?, lengths })
    }

    pub(super) fn next(&mut self) -> Option<Bytes> {
        let len = usize::try_from(self.lengths.next()?).ok()?;
        (len <= self.bytes.len()).then(|| self.bytes.split_to(len))
    }
}

/// Values without the beginning that they share with the value before.
pub(super) struct Shared {
    shared: Deltas,
    rests: Lengths,
    last: Bytes,
    /// The number of bytes that all values together have so far.
    total: u64,
}

impl Shared {
    pub(super) fn new(bytes: Bytes) -> Option<Self> {
        let shared = Deltas::new(bytes)?;
        let rests = Lengths::new(shared.clone().after()?)?;
        Some(Self { shared, rests, last: Bytes::new(), total: 0 })
    }

    /// The next value. A page of values that share much could decompress to any length.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let shared = self.last.get(..usize::try_from(self.shared.next()?).ok()?)?;
        let rest = self.rests.next()?;
        let len = shared.len() + rest.len();
        self.total += len as u64;
        if len > LONGEST_SHARED || self.total > LONGEST_PAGE {
            return None;
        }
        let mut value = BytesMut::with_capacity(len);
        value.extend_from_slice(shared);
        value.extend_from_slice(&rest);
        self.last = value.freeze();
        Some(self.last.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8]) -> Vec<i64> {
        let deltas = Deltas::new(Bytes::copy_from_slice(bytes));
        deltas.map(|mut deltas| std::iter::from_fn(|| deltas.next()).collect()).unwrap_or_default()
    }

    #[test]
    fn published_numbers_are_decoded() {
        // Source: the examples of Encodings.md, 1 to 5, and 7, 5, 3, 1, 2, 3, 4, 5, in blocks of 32 values.
        assert_eq!(numbers(&[32, 1, 5, 2, 2, 0]), [1, 2, 3, 4, 5]);
        let packed = [32, 1, 8, 14, 3, 2, 0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0];
        assert_eq!(numbers(&packed), [7, 5, 3, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn bytes_follow_their_lengths_and_share_beginnings() {
        // Source: the examples of Encodings.md: Hello, World, Foobar, ABCDEF; and axis, axle, babble, babyhood.
        let mut text = vec![32, 1, 4, 10, 0, 1, 0b0000_0010, 0, 0, 0];
        text.extend(b"HelloWorldFoobarABCDEF");
        let mut lengths = Lengths::new(text.into()).unwrap();
        let found: Vec<_> = std::iter::from_fn(|| lengths.next()).collect();
        assert_eq!(found, ["Hello", "World", "Foobar", "ABCDEF"]);
        // They share 0, 2, 0, 3: the differences 2, -2, 3 less the smallest are 4, 0, 5, with three bits each.
        let mut text = vec![32, 1, 4, 0, 3, 3, 4 | 1 << 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        // The rests have the lengths 4, 2, 6, 5: the differences -2, 4, -1 less the smallest are 0, 6, 1.
        text.extend([32, 1, 4, 8, 3, 3, 6 << 3 | 1 << 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        text.extend(b"axislebabbleyhood");
        let mut shared = Shared::new(text.into()).unwrap();
        let found: Vec<_> = std::iter::from_fn(|| shared.next()).collect();
        assert_eq!(found, ["axis", "axle", "babble", "babyhood"]);
    }

    #[test]
    fn damaged_numbers_end() {
        for bytes in [
            &[][..],
            &[0, 1, 5, 2],
            &[32, 0, 5, 2],
            &[32, 1, 5, 2],
            &[32, 1, 5, 2, 2, 65],
            &[32, 1, 5, 2, 2, 8, 1, 2],
        ] {
            assert!(numbers(bytes).len() < 5, "{bytes:?}");
            assert!(Lengths::new(Bytes::copy_from_slice(bytes)).is_none(), "{bytes:?}");
        }
        // 2^62 numbers in a few bytes.
        let mut many = vec![32, 1];
        many.extend([&[0xff; 8][..], &[0x3f, 2, 2, 0]].concat());
        assert!(Lengths::new(many.into()).is_none());
    }
}
