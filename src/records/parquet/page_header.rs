//! Parses the sizes in a page's header, which uses Thrift's compact protocol (source: parquet-format,
//! `parquet.thrift`, `PageHeader`; Thrift, `thrift-compact-protocol.md`).

use crate::primitives::varint;

/// The maximum nesting depth of structs. A valid header has two levels.
const DEEPEST: u8 = 8;

/// The sizes of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// The header's own length in bytes.
    pub(super) header_len: u64,
    /// The page's length in the file.
    pub(super) len: u64,
    /// The page's length after decompression.
    pub(super) raw_len: u64,
    /// The number of values, including absent ones.
    pub(super) values: u64,
}

impl PageHeader {
    /// Parses the header at the beginning of `bytes`; `None` when it is invalid, or of a kind of page without
    /// values.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut thrift = Compact { rest: bytes };
        let (mut len, mut raw_len, mut values) = (None, None, None);
        let mut id = 0;
        while let Some(kind) = thrift.field(&mut id)? {
            match (id, kind) {
                (2, Kind::Integer) => raw_len = Some(thrift.size()?),
                (3, Kind::Integer) => len = Some(thrift.size()?),
                // Data pages of both versions and dictionary pages store the number of values first.
                (5 | 7 | 8, Kind::Struct) => {
                    let mut inner = 0;
                    while let Some(kind) = thrift.field(&mut inner)? {
                        match (inner, kind) {
                            (1, Kind::Integer) => values = Some(thrift.size()?),
                            _ => thrift.skip(kind, 0)?,
                        }
                    }
                }
                _ => thrift.skip(kind, 0)?,
            }
        }
        let header_len = (bytes.len() - thrift.rest.len()) as u64;
        Some(Self { header_len, len: len?, raw_len: raw_len?, values: values? })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Byte,
    Integer,
    Double,
    Binary,
    List,
    Struct,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 | 2 => Self::Boolean,
            3 => Self::Byte,
            4..=6 => Self::Integer,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            12 => Self::Struct,
            _ => return None,
        })
    }
}

struct Compact<'a> {
    rest: &'a [u8],
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn varint(&mut self) -> Option<u64> {
        varint::read(&mut self.rest).ok()
    }

    fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// Reads a length or a count: a non-negative `i32`.
    fn size(&mut self) -> Option<u64> {
        let size = i32::try_from(self.zigzag()?).ok()?;
        u64::try_from(size).ok()
    }

    /// Reads the header of a struct's next field. `id` is the number of the previous field, and is set to
    /// that of this one. Returns no kind at the end of the struct.
    fn field(&mut self, id: &mut i64) -> Option<Option<Kind>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *id = match head >> 4 {
            0 => self.zigzag()?,
            delta => id.checked_add(delta.into())?,
        };
        Kind::of(head & 0xf).map(Some)
    }

    fn skip(&mut self, kind: Kind, depth: u8) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            // The value of a boolean field is part of its kind.
            Kind::Boolean => {}
            Kind::Byte => self.skip_bytes(1)?,
            Kind::Integer => {
                self.varint()?;
            }
            Kind::Double => self.skip_bytes(8)?,
            Kind::Binary => {
                let len = self.varint()?;
                self.skip_bytes(len)?;
            }
            Kind::List => {
                let head = self.byte()?;
                let len = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                let kind = Kind::of(head & 0xf)?;
                for _ in 0..len {
                    // In a list, a boolean takes a byte.
                    self.skip(if kind == Kind::Boolean { Kind::Byte } else { kind }, depth + 1)?;
                }
            }
            Kind::Struct => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth + 1)?;
                }
            }
        }
        Some(())
    }

    fn skip_bytes(&mut self, len: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(len).ok()?..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header written by hand from `parquet.thrift`: a data page of 1000 bytes, 5000 bytes after
    /// decompression, with 45 values and statistics.
    fn header() -> Vec<u8> {
        let mut bytes = vec![0x15, 0];
        bytes.extend([0x15, 0x90, 0x4e, 0x15, 0xd0, 0x0f]);
        bytes.extend([0x2c, 0x15, 90, 0x15, 0, 0x15, 6, 0x15, 6]);
        bytes.extend([0x1c, 0x18, 3, b'm', b'a', b'x', 0]);
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn sizes_are_found_among_the_fields() {
        let mut bytes = header();
        let len = bytes.len() as u64;
        let expected = PageHeader { header_len: len, len: 1000, raw_len: 5000, values: 45 };
        assert_eq!(PageHeader::parse(&bytes), Some(expected));
        bytes.extend([7; 20]);
        assert_eq!(PageHeader::parse(&bytes), Some(expected));
    }

    #[test]
    fn cut_headers_and_negative_sizes_are_none() {
        let bytes = header();
        for len in 0..bytes.len() {
            assert_eq!(PageHeader::parse(&bytes[..len]), None, "{len}");
        }
        // The uncompressed sizes -1 and 2^40.
        for size in [vec![1], vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x40]] {
            let bytes = [&bytes[..3], &size, &bytes[5..]].concat();
            assert_eq!(PageHeader::parse(&bytes), None);
        }
        // Deeply nested lists and structs.
        assert_eq!(PageHeader::parse(&[[0x19, 0x19].repeat(5000), vec![0]].concat()), None);
        assert_eq!(PageHeader::parse(&[0x1c; 5000]), None);
        // A list of 2^62 booleans.
        let list = [0x19, 0xf1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
        assert_eq!(PageHeader::parse(&list), None);
    }
}
