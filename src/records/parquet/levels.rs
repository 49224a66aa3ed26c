//! Definition levels mark absent values; repetition levels mark the continuation of a list (source:
//! parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid").
//!
//! ```text
//! run      count << 1 as a varint ‖ the level in one byte
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
}
