//! A chunk of a snapshot: the protobuf message `SnapshotStorageLogsChunk`, read record by record.
//!
//! ```text
//! SnapshotStorageLogsChunk { repeated SnapshotStorageLog storage_logs = 1 }
//! SnapshotStorageLog {
//!   bytes  account_address = 1   20 bytes  ┐ version 0
//!   bytes  storage_key     = 2   32 bytes  ┘
//!   bytes  storage_value   = 3   32 bytes
//!   uint32 l1_batch_number_of_initial_write = 4
//!   uint64 enumeration_index = 5
//!   bytes  hashed_key      = 6   32 bytes    version 1
//! }
//! ```
//!
//! Fields may come in any order. A field that is not in this list means an unknown format. Parsing the fields
//! in the read buffer costs a fraction of inflating them, and holds no message in memory, unlike a generated
//! decoder.

use std::io::{self, Read};

use bytemuck::TransparentWrapper;

use crate::primitives::{
    Address, Hash, Word,
    varint::{self, VarintError},
};

const BUFFER_LEN: usize = 1 << 18;
/// The longest record, in bytes. A usual record has about a hundred.
const LONGEST_RECORD: u64 = 1 << 12;
/// A record with its tag and its length, two varints of at most ten bytes.
const LONGEST_ITEM: usize = LONGEST_RECORD as usize + 20;

/// The key of a record's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name<'b> {
    /// Version 0: address and slot.
    Plain(&'b Address, &'b Word),
    /// Version 1: the key by the Era scheme.
    Hashed(&'b Hash),
}

impl Name<'_> {
    /// The version of the snapshots whose records have such a key.
    pub(super) fn version(self) -> u16 {
        match self {
            Self::Plain(..) => 0,
            Self::Hashed(_) => 1,
        }
    }
}

/// A record in the read buffer. It is copied only once, to its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Log<'b> {
    pub(super) name: Name<'b>,
    pub(super) value: &'b Word,
    /// The batch of the first write.
    pub(super) batch: u32,
    /// The enumeration index.
    pub(super) index: u64,
}

/// Why reading a chunk stopped.
#[derive(Debug)]
pub(super) enum ChunkError {
    Read(io::Error),
    Bad(String),
}

/// The records of a chunk.
pub(super) struct Logs<R> {
    data: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The offset of `buffer[0]` in the inflated chunk.
    base: u64,
    /// Whether `data` is at its end.
    is_at_end: bool,
}

impl<R: Read> Logs<R> {
    pub(super) fn new(data: R) -> Self {
        let buffer = vec![0; BUFFER_LEN];
        Self { data, buffer, start: 0, end: 0, base: 0, is_at_end: false }
    }

    /// The offset of the next record.
    fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Passes the next records to `take`, up to `most` of them. Returns their number, which is less than `most` only at the
    /// end of the chunk. An error has the offset of its record.
    pub(super) fn read(
        &mut self,
        most: usize,
        mut take: impl FnMut(&Log<'_>) -> Result<(), ChunkError>,
    ) -> Result<usize, (u64, ChunkError)> {
        let mut taken = 0;
        while taken < most {
            if self.end - self.start < LONGEST_ITEM && !self.is_at_end {
                self.fill().map_err(|error| (self.offset(), error))?;
            }
            // A record that begins after this place may not be in the buffer as a whole.
            let behind = if self.is_at_end { 0 } else { LONGEST_ITEM - 1 };
            let mut bytes = &self.buffer[self.start..self.end];
            if bytes.is_empty() {
                break;
            }
            let mut read = Ok(());
            while taken < most && bytes.len() > behind {
                let len = match as_nodes_write(bytes) {
                    Some((log, len)) => take(&log).map(|()| len),
                    None => take_any(bytes, &mut take),
                };
                match len {
                    Ok(len) => bytes = &bytes[len..],
                    Err(error) => {
                        read = Err(error);
                        break;
                    }
                }
                taken += 1;
            }
            self.start = self.end - bytes.len();
            read.map_err(|error| (self.offset(), error))?;
        }
        Ok(taken)
    }

    fn fill(&mut self) -> Result<(), ChunkError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        while self.end < self.buffer.len() {
            match self.data.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.is_at_end = true;
                    break;
                }
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ChunkError::Read(error)),
            }
        }
        Ok(())
    }
}

impl From<VarintError> for ChunkError {
    fn from(error: VarintError) -> Self {
        Self::Bad(error.to_string())
    }
}

/// The record at the front of `bytes` and its length, if it has each field once in the order of their numbers, as the
/// node's encoder writes them. It does the same as [`in_any_order`] without its loop, and is faster. A position is
/// a number here and not a slice that shrinks: compilers keep such a slice in memory, and the processor waits for it.
#[inline]
fn as_nodes_write(bytes: &[u8]) -> Option<(Log<'_>, usize)> {
    let [0x0a, len @ ..0x80, tag, ..] = *bytes else { return None };
    let (mut at, mut plain) = (2, None);
    if tag == 0x0a {
        let address = Address::wrap_ref(field::<20>(bytes, at, 0x0a)?);
        plain = Some(Name::Plain(address, Word::wrap_ref(field::<32>(bytes, at + 22, 0x12)?)));
        at += 56;
    }
    let value = Word::wrap_ref(field::<32>(bytes, at, 0x1a)?);
    let (batch, at) = number(bytes, at + 34, 0x20)?;
    let (index, mut at) = number(bytes, at, 0x28)?;
    let name = match plain {
        Some(plain) => plain,
        None => {
            let key = Hash::wrap_ref(field::<32>(bytes, at, 0x32)?);
            at += 34;
            Name::Hashed(key)
        }
    };
    let log = Log { name, value, batch: u32::try_from(batch).ok()?, index };
    (at == 2 + usize::from(len)).then_some((log, at))
}

/// The `N` bytes of the field with this tag at a position.
#[inline]
fn field<const N: usize>(bytes: &[u8], at: usize, tag: u8) -> Option<&[u8; N]> {
    let ([found, len], rest) = bytes.get(at..)?.split_first_chunk()?;
    if *found == tag && usize::from(*len) == N { rest.first_chunk() } else { None }
}

/// The number of the field with this tag at a position, and the end of the field. `None` also if it is too long to be
/// read at once.
#[inline]
fn number(bytes: &[u8], at: usize, tag: u8) -> Option<(u64, usize)> {
    let ([found], rest) = bytes.get(at..)?.split_first_chunk()?;
    let (number, len) = if *found == tag { varint::short(rest)? } else { return None };
    Some((number, at + 1 + len))
}

/// Passes the record at the front of `bytes` to `take`, whatever the order of its fields. Returns its length.
#[cold]
fn take_any(
    bytes: &[u8],
    take: &mut impl FnMut(&Log<'_>) -> Result<(), ChunkError>,
) -> Result<usize, ChunkError> {
    let (log, len) = in_any_order(bytes)?;
    take(&log).map(|()| len)
}

const FIELDS: [&str; 6] = [
    "account_address",
    "storage_key",
    "storage_value",
    "l1_batch_number_of_initial_write",
    "enumeration_index",
    "hashed_key",
];

/// The record at the front of `bytes`, and its length.
fn in_any_order(bytes: &[u8]) -> Result<(Log<'_>, usize), ChunkError> {
    let mut rest = bytes;
    let tag = varint::read(&mut rest)?;
    if tag != 0x0a {
        return Err(ChunkError::Bad(format!(
            "the tag {tag:#x} is not one of a list of storage logs: the file is not a chunk of a snapshot"
        )));
    }
    let len = varint::read(&mut rest)?;
    if len > LONGEST_RECORD {
        return Err(ChunkError::Bad(format!("a record of {len} bytes")));
    }
    let (mut fields, rest) = rest
        .split_at_checked(len as usize)
        .ok_or_else(|| ChunkError::Bad("the last record is cut short".into()))?;
    let (mut address, mut slot, mut value) = (None, None, None);
    let (mut batch, mut index, mut key) = (None, None, None);
    while !fields.is_empty() {
        // A field number as above, with its wire type in the low three bits.
        match varint::read(&mut fields)? {
            0x0a => address = Some(Address::wrap_ref(fixed(&mut fields, FIELDS[0])?)),
            0x12 => slot = Some(Word::wrap_ref(fixed(&mut fields, FIELDS[1])?)),
            0x1a => value = Some(Word::wrap_ref(fixed(&mut fields, FIELDS[2])?)),
            0x20 => {
                let number = varint::read(&mut fields)?;
                batch = Some(u32::try_from(number).map_err(|_| {
                    ChunkError::Bad(format!("the batch {number} is wider than 32 bits"))
                })?);
            }
            0x28 => index = Some(varint::read(&mut fields)?),
            0x32 => key = Some(Hash::wrap_ref(fixed(&mut fields, FIELDS[5])?)),
            tag => {
                return Err(ChunkError::Bad(format!("a record with the unknown tag {tag:#x}")));
            }
        }
    }
    let without = |field| ChunkError::Bad(format!("a record without {field}"));
    let value = value.ok_or_else(|| without(FIELDS[2]))?;
    let batch = batch.ok_or_else(|| without(FIELDS[3]))?;
    let index = index.ok_or_else(|| without(FIELDS[4]))?;
    let name = match (address, slot, key) {
        (Some(address), Some(slot), None) => Name::Plain(address, slot),
        (None, None, Some(key)) => Name::Hashed(key),
        _ => {
            let reason = "a record must have account_address and storage_key, or hashed_key";
            return Err(ChunkError::Bad(reason.into()));
        }
    };
    Ok((Log { name, value, batch, index }, bytes.len() - rest.len()))
}

/// `N` bytes with a length prefix.
fn fixed<'b, const N: usize>(bytes: &mut &'b [u8], what: &str) -> Result<&'b [u8; N], ChunkError> {
    let len = varint::read(bytes)?;
    if len != N as u64 {
        return Err(ChunkError::Bad(format!("{what} has {len} bytes, not {N}")));
    }
    let cut = || ChunkError::Bad(format!("a record ends within {what}"));
    let (array, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
    *bytes = rest;
    Ok(array)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An owned record.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Kept {
        plain: Option<(Address, Word)>,
        hashed: Option<Hash>,
        value: Word,
        batch: u32,
        index: u64,
    }

    impl From<Log<'_>> for Kept {
        fn from(log: Log<'_>) -> Self {
            let Log { name, value, batch, index } = log;
            let (plain, hashed) = match name {
                Name::Plain(address, slot) => (Some((*address, *slot)), None),
                Name::Hashed(key) => (None, Some(*key)),
            };
            Self { plain, hashed, value: *value, batch, index }
        }
    }

    fn logs(bytes: &[u8]) -> Result<Vec<Kept>, (u64, ChunkError)> {
        let mut all = Vec::new();
        Logs::new(bytes).read(usize::MAX, |log| {
            all.push((*log).into());
            Ok(())
        })?;
        Ok(all)
    }

    fn unhex(text: &str) -> Vec<u8> {
        const_hex::decode(text.replace([' ', '\n'], "")).unwrap()
    }

    /// Records with chainCount = 4, first written in batch 22 with index 300, in both versions, encoded by
    /// the node's own encoder.
    fn examples() -> [(Vec<u8>, Kept); 2] {
        let value = format!("1a20 {:064x} 2016 28ac02", 4);
        let key = "47ea1fc23ae86f586ef17771ebe9bf37676a15af61c94de48d3471f06519a352";
        let plain = format!("0a5f 0a14 {:040x} 1220 {:064x} {value}", 0x10005, 1);
        let log =
            |plain, hashed| Kept { plain, hashed, value: Word::from(4), batch: 22, index: 300 };
        let name = (Address::system(0x10005), Word::from(1));
        [
            (unhex(&plain), log(Some(name), None)),
            (unhex(&format!("0a49 {value} 3220 {key}")), log(None, Some(key_of(key)))),
        ]
    }

    fn key_of(text: &str) -> Hash {
        format!("0x{text}").parse().unwrap()
    }

    #[test]
    fn records_of_both_versions_are_read() {
        for (bytes, log) in examples() {
            assert_eq!(logs(&bytes).unwrap(), std::slice::from_ref(&log));
            let many = bytes.repeat(10_000);
            assert!(logs(&many).unwrap() == vec![log; 10_000]);
            for end in 1..bytes.len() {
                assert!(logs(&bytes[..end]).is_err(), "cut at {end}");
            }
        }
        assert!(logs(b"").unwrap().is_empty());
    }

    /// However many records are read at a time, all are read, and an error has the offset of its record.
    #[test]
    fn records_are_read_in_blocks_of_any_length() {
        for (bytes, _) in examples() {
            let good = 3 * BUFFER_LEN / bytes.len();
            let many = [bytes.repeat(good), vec![0x12], bytes.clone()].concat();
            for most in [1, 255, 1 << 14, usize::MAX] {
                let (mut logs, mut taken) = (Logs::new(&many[..]), 0);
                let (offset, _) = loop {
                    let read = logs.read(most, |_| {
                        taken += 1;
                        Ok(())
                    });
                    match read {
                        Ok(read) => assert_eq!(read, most),
                        Err(error) => break error,
                    }
                };
                assert_eq!((taken, offset), (good, (good * bytes.len()) as u64));
            }
        }
    }

    /// The end of a chunk is seen by a block that is not full. A refused record is named, not the one after it.
    #[test]
    fn the_end_and_refused_records_are_told() {
        let (bytes, _) = &examples()[1];
        let chunk = bytes.repeat(10);
        let mut logs = Logs::new(&chunk[..]);
        assert_eq!(logs.read(7, |_| Ok(())).unwrap(), 7);
        assert_eq!(logs.read(7, |_| Ok(())).unwrap(), 3);
        assert_eq!(logs.read(7, |_| Ok(())).unwrap(), 0);
        let mut seen = 0;
        let refused = Logs::new(&chunk[..]).read(usize::MAX, |_| {
            seen += 1;
            if seen == 5 { Err(ChunkError::Bad("refused".into())) } else { Ok(()) }
        });
        assert_eq!(refused.unwrap_err().0, 4 * bytes.len() as u64);
    }

    #[test]
    fn fields_may_be_in_any_order_but_not_unknown() {
        let key = "47ea1fc23ae86f586ef17771ebe9bf37676a15af61c94de48d3471f06519a352";
        let swapped = unhex(&format!("0a49 3220 {key} 28ac02 2016 1a20 {:064x}", 4));
        assert_eq!(logs(&swapped).unwrap()[0].index, 300);
        for hostile in [
            "0a00",
            "0a02 2016",
            "12 00",
            "0a04 0a021234",
            "0a ffffffffffffffffff01",
            "0a ffffffffffffffffffff",
            "0a 8080808080808080808000",
            "0a0c 20 ffffffffffffffffff7f",
            "0a02 3a00",
        ] {
            assert!(logs(&unhex(hostile)).is_err(), "{hostile}");
        }
    }

    /// Checks that the fast path accepts its form, and nothing that the other refuses or decodes otherwise.
    fn ways_agree(bytes: &[u8]) {
        if let Some(fast) = as_nodes_write(bytes) {
            assert_eq!(fast, in_any_order(bytes).unwrap());
        }
    }

    proptest! {
        #[test]
        fn random_bytes_do_not_panic(noise in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = logs(&noise);
            for (bytes, _) in examples() {
                let _ = logs(&[&bytes[..], &noise].concat());
            }
        }

        #[test]
        fn both_parsers_agree(
            index in 0..1u64 << 56,
            batch: u32,
            changes in prop::collection::vec((0..100usize, any::<u8>()), 0..3),
        ) {
            for (bytes, log) in examples() {
                let after_value = bytes.windows(2).position(|pair| pair == [0x20, 0x16]).unwrap();
                let mut fields = bytes[2..after_value].to_vec();
                fields.push(0x20);
                varint::write(batch.into(), &mut fields);
                fields.push(0x28);
                varint::write(index, &mut fields);
                fields.extend_from_slice(&bytes[after_value + 5..]);
                let mut bytes = [&[0x0a, fields.len() as u8], &fields[..], &bytes].concat();
                let fast = as_nodes_write(&bytes).map(|(log, _)| log.into());
                prop_assert_eq!(fast, Some(Kept { index, batch, ..log }));
                ways_agree(&bytes);
                for (at, byte) in changes.iter().copied() {
                    bytes[at] = byte;
                    ways_agree(&bytes);
                }
            }
        }
    }
}
