use std::fmt;

use bytemuck::{Pod, Zeroable};

/// A position in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The whole source.
    #[default]
    Whole,
    /// A line, counted from 1.
    Line(u64),
    /// A byte of the decompressed source, counted from 0.
    Byte(u64),
    /// A row of a Parquet file, counted from 1.
    Row(u64),
}

impl Place {
    /// The place of a line that was counted after so many others. Other places stay as they are.
    pub(crate) fn after_lines(self, lines: u64) -> Self {
        match self {
            Self::Line(line) => Self::Line(lines + line),
            other => other,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Line(line) => write!(f, ", line {line}"),
            Self::Byte(byte) => write!(f, ", byte {byte}"),
            Self::Row(row) => write!(f, ", row {row}"),
        }
    }
}

/// The origin of a batch: its source and the position in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The number of the source, as returned by [`ArchiveWriter::source`](super::ArchiveWriter::source).
    pub source: u32,
    /// The position in the source.
    pub place: Place,
}

/// An origin for records of fixed width. The order is by source, then by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct PackedOrigin {
    source: u32,
    /// 0: the whole source, 1: a line, 2: a byte, 3: a row.
    kind: u32,
    number: u64,
}

impl From<Origin> for PackedOrigin {
    fn from(Origin { source, place }: Origin) -> Self {
        let (kind, number) = match place {
            Place::Whole => (0, 0),
            Place::Line(line) => (1, line),
            Place::Byte(byte) => (2, byte),
            Place::Row(row) => (3, row),
        };
        Self { source, kind, number }
    }
}

impl From<PackedOrigin> for Origin {
    fn from(packed: PackedOrigin) -> Self {
        let place = match packed.kind {
            1 => Place::Line(packed.number),
            2 => Place::Byte(packed.number),
            3 => Place::Row(packed.number),
            _ => Place::Whole,
        };
        Self { source: packed.source, place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_origins_are_unpacked_as_they_were_and_ascend_like_them() {
        let places =
            [Place::Whole, Place::Line(1), Place::Line(u64::MAX), Place::Byte(0), Place::Row(1)];
        let origins =
            [0, 1, u32::MAX].map(|source| places.map(|place| Origin { source, place })).concat();
        let packed: Vec<_> = origins.iter().copied().map(PackedOrigin::from).collect();
        assert!(packed.is_sorted());
        let unpacked: Vec<_> = packed.into_iter().map(Origin::from).collect();
        assert_eq!(unpacked, origins);
    }
}
