//! Thrift's compact protocol, in which Parquet writes its footers and page headers (source: Thrift,
//! `thrift-compact-protocol.md`).
//!
//! Every element of a list takes at least one byte, and structs nest only a few levels deep. So the time to
//! read some bytes grows with their number, whatever counts they declare.

use crate::primitives::varint;

/// The maximum nesting depth. A valid footer has about six levels.
const DEEPEST: u8 = 16;

/// The type of a field or of the elements of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The value is part of the type. In a list it is a byte instead.
    Boolean(bool),
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
            1 | 2 => Self::Boolean(code == 1),
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

/// Bytes that are being read. Functions return `None` when the bytes are invalid.
#[derive(Clone)]
pub(super) struct Compact<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Compact<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// The bytes that were not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        varint::read(&mut self.rest).ok()
    }

    pub(super) fn integer(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// Reads an integer that is not negative.
    pub(super) fn number(&mut self) -> Option<u64> {
        u64::try_from(self.integer()?).ok()
    }

    pub(super) fn binary(&mut self) -> Option<&'a [u8]> {
        let len = self.varint()?;
        self.take(len)
    }

    /// Reads a struct. `read` gets the number and the type of each field, and must read or skip its value.
    pub(super) fn fields(
        &mut self,
        mut read: impl FnMut(&mut Self, i64, Kind) -> Option<()>,
    ) -> Option<()> {
        self.enter()?;
        let mut id = 0i64;
        loop {
            let &[head] = self.take(1)? else { return None };
            if head == 0 {
                self.depth -= 1;
                return Some(());
            }
            id = match head >> 4 {
                0 => self.integer()?,
                delta => id.checked_add(delta.into())?,
            };
            read(self, id, Kind::of(head & 0xf)?)?;
        }
    }

    /// Reads a list. `read` gets the type of each element, and must read or skip its value.
    pub(super) fn list(
        &mut self,
        mut read: impl FnMut(&mut Self, Kind) -> Option<()>,
    ) -> Option<()> {
        self.enter()?;
        let &[head] = self.take(1)? else { return None };
        let len = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        if len > 0 {
            let kind = match Kind::of(head & 0xf)? {
                Kind::Boolean(_) => Kind::Byte,
                kind => kind,
            };
            (0..len).try_for_each(|_| read(self, kind))?;
        }
        self.depth -= 1;
        Some(())
    }

    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= DEEPEST).then_some(())
    }

    pub(super) fn skip(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::Boolean(_) => Some(()),
            Kind::Byte => self.take(1).map(drop),
            Kind::Integer => self.varint().map(drop),
            Kind::Double => self.take(8).map(drop),
            Kind::Binary => self.binary().map(drop),
            Kind::List => self.list(Self::skip),
            Kind::Struct => self.fields(|thrift, _, kind| thrift.skip(kind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(bytes: &[u8]) -> Option<()> {
        Compact::new(bytes).skip(Kind::Struct)
    }

    #[test]
    fn every_kind_of_value_is_skipped() {
        // Written by hand from the specification: a boolean, a byte, an integer, a double, a text, a list of
        // two integers, a list of three booleans, a struct, and a field with its whole number.
        let fields: [&[u8]; 9] = [
            &[0x11],
            &[0x13, 9],
            &[0x15, 0x90, 0x4e],
            &[0x17, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0x18, 2, b'a', b'b'],
            &[0x19, 0x25, 1, 2],
            &[0x19, 0x31, 1, 2, 1],
            &[0x1c, 0x15, 2, 0],
            &[0x05, 0x80, 1, 7],
        ];
        let bytes = [&fields.concat()[..], &[0, 77]].concat();
        let mut thrift = Compact::new(&bytes);
        let mut ids = Vec::new();
        let read = thrift.fields(|thrift, id, kind| {
            ids.push(id);
            thrift.skip(kind)
        });
        assert_eq!((read, thrift.rest()), (Some(()), &[77][..]));
        assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8, 64]);
        for len in 0..bytes.len() - 1 {
            assert_eq!(skip(&bytes[..len]), None, "{len}");
        }
    }

    #[test]
    fn declared_counts_and_depths_take_no_time() {
        let many = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
        // Lists of 2^62 booleans, structs and lists.
        for kind in [0xf1, 0xf2, 0xfc, 0xf9] {
            assert_eq!(skip(&[&[0x19, kind], &many[..]].concat()), None);
        }
        assert_eq!(skip(&[[0x19, 0x19].repeat(5000), vec![0]].concat()), None);
        assert_eq!(skip(&[0x1c; 5000]), None);
    }

    #[test]
    fn negative_numbers_are_not_counts() {
        assert_eq!(Compact::new(&[1]).number(), None);
        assert_eq!(Compact::new(&[0x90, 0x4e]).number(), Some(5000));
    }
}
