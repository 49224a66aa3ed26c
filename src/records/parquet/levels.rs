//! Definition levels mark absent values; repetition levels mark the continuation of a list (source:
//! parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid").
//!
//! ```text
//! run      count << 1 as a varint ‖ the level in one byte
//! packed   count / 8 << 1 | 1 as a varint ‖ the levels, a few bits each, lowest bits first
//! ```

use parquet::errors::ParquetError;

use crate::primitives::varint;

/// Levels as runs of equal values.
#[derive(Default)]
pub(super) struct Levels {
    runs: Vec<u8>,
    level: u8,
    /// The number of last levels that are not yet in `runs`.
    count: usize,
    total: usize,
}

impl Levels {
    pub(super) fn push(&mut self, level: u8, count: usize) {
        if level != self.level {
            self.end_run();
            self.level = level;
        }
        self.count += count;
        self.total += count;
    }

    /// The number of levels.
    pub(super) fn len(&self) -> usize {
        self.total
    }

    fn end_run(&mut self) {
        if self.count == 0 {
            return;
        }
        varint::write((self.count << 1) as u64, &mut self.runs);
        self.runs.push(self.level);
        self.count = 0;
    }

    /// Appends the runs after their length to a page, and resets them.
    pub(super) fn take_to(&mut self, page: &mut Vec<u8>) -> Result<(), ParquetError> {
        self.end_run();
        page.extend_from_slice(&u32::try_from(self.runs.len())?.to_le_bytes());
        page.append(&mut self.runs);
        self.total = 0;
        Ok(())
    }
}

/// Counts how many of the first `len` levels equal `level`, with levels of `width` bits, at most 8. `None`
/// when there are fewer than `len` levels.
pub(super) fn count_of(level: u8, width: u32, len: u64, mut levels: &[u8]) -> Option<u64> {
    let (mut count, mut left) = (0, len);
    while left > 0 {
        let header = varint::read(&mut levels).ok()?;
        let many = header >> 1;
        if many == 0 {
            return None;
        }
        if header & 1 == 0 {
            let (found, rest) = levels.split_first()?;
            levels = rest;
            let many = many.min(left);
            count += if *found == level { many } else { 0 };
            left -= many;
        } else {
            let bytes = usize::try_from(many.checked_mul(width.into())?).ok()?;
            let (packed, rest) = levels.split_at_checked(bytes)?;
            levels = rest;
            let many = many.checked_mul(8)?.min(left);
            let bits = |at: u64| {
                let bit = at * u64::from(width);
                let byte = (bit / 8) as usize;
                let next = packed.get(byte + 1).copied().unwrap_or(0);
                let pair = u16::from_le_bytes([packed[byte], next]);
                (pair >> (bit % 8)) & ((1 << width) - 1)
            };
            count += (0..many).filter(|at| bits(*at) == u16::from(level)).count() as u64;
            left -= many;
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_levels_become_one_run() {
        let mut levels = Levels::default();
        levels.push(0, 1);
        levels.push(1, 44);
        levels.push(1, 0);
        levels.push(1, 100);
        levels.push(0, 1);
        let mut page = Vec::new();
        levels.take_to(&mut page).unwrap();
        // 144 << 1 is 0x120.
        assert_eq!(page, [7, 0, 0, 0, 2, 0, 0xa0, 2, 1, 2, 0]);
        levels.push(0, 3);
        page.clear();
        levels.take_to(&mut page).unwrap();
        assert_eq!(page, [2, 0, 0, 0, 6, 0]);
    }

    #[test]
    fn levels_are_counted_in_runs_and_in_packed_groups() {
        // Source of the packed form: the example 0 to 7 with three bits in Encodings.md.
        let packed = [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        for level in 0..8 {
            assert_eq!(count_of(level, 3, 8, &packed), Some(1));
        }
        assert_eq!(count_of(5, 3, 5, &packed), Some(0), "the rest of a group is padding");
        let mixed = [&[8, 2][..], &[0b11, 0b1010_0110, 0b0000_0001], &[0x80, 2, 2]].concat();
        assert_eq!(count_of(2, 2, 4 + 8 + 128, &mixed), Some(4 + 3 + 128));
        assert_eq!(count_of(2, 2, 4 + 8 + 129, &mixed), None, "there are fewer");
        for len in 0..mixed.len() {
            assert_eq!(count_of(2, 2, 140, &mixed[..len]), None);
        }
        assert_eq!(count_of(1, 1, 5, &[0, 1, 10, 1]), None, "a run of none has no end");
        assert_eq!(count_of(1, 1, 5, &[0xff; 20]), None);
    }
}
