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
//! Fields may come in any order; a field that this list does not have is a format that is not known.
//! Walking the fields where they lie in the read buffer costs a fraction of inflating them and keeps
//! no message in memory, which a generated decoder would.

use std::io::{self, Read};

use crate::primitives::{
    Address, Hash, Word,
    varint::{self, VarintError},
};

const BUFFER_LEN: usize = 1 << 18;
/// A record has about a hundred bytes.
const LONGEST_RECORD: u64 = 1 << 12;
/// A varint has at most ten bytes.
const LONGEST_PREFIX: usize = 11;

/// How a record names its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Version 0: address and slot.
    Plain,
    /// Version 1: the key by the Era scheme.
    Hashed,
}

/// A record; one value is filled again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// A bit for every field that was there.
    fields: u8,
    pub(super) address: Address,
    pub(super) slot: Word,
    pub(super) value: Word,
    pub(super) batch: u32,
    pub(super) index: u64,
    pub(super) hashed_key: Hash,
}

/// What ended the reading of a chunk.
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
}

impl<R: Read> Logs<R> {
    pub(super) fn new(data: R) -> Self {
        Self { data, buffer: vec![0; BUFFER_LEN], start: 0, end: 0, base: 0 }
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Reads the next record into `log`; `None` at the end of the chunk.
    pub(super) fn next(&mut self, log: &mut Log) -> Result<Option<Name>, ChunkError> {
        if !self.has(LONGEST_PREFIX)? && self.start == self.end {
            return Ok(None);
        }
        let mut rest = &self.buffer[self.start..self.end];
        let tag = varint::read(&mut rest)?;
        if tag != 0x0a {
            return Err(ChunkError::Bad(format!(
                "the tag {tag:#x} is none of a list of storage logs: this is no chunk of a snapshot"
            )));
        }
        let len = varint::read(&mut rest)?;
        if len > LONGEST_RECORD {
            return Err(ChunkError::Bad(format!("a record of {len} bytes")));
        }
        let prefix = self.end - self.start - rest.len();
        let len = prefix + len as usize;
        if !self.has(len)? {
            return Err(ChunkError::Bad("the last record is cut short".into()));
        }
        let name = log.parse(&self.buffer[self.start + prefix..self.start + len])?;
        self.start += len;
        Ok(Some(name))
    }

    /// Whether `len` more bytes are in the buffer, after reading on if need be.
    fn has(&mut self, len: usize) -> Result<bool, ChunkError> {
        if self.end - self.start >= len {
            return Ok(true);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        while self.end < self.buffer.len() {
            match self.data.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ChunkError::Read(error)),
            }
        }
        Ok(self.end >= len)
    }
}

impl From<VarintError> for ChunkError {
    fn from(error: VarintError) -> Self {
        Self::Bad(error.to_string())
    }
}

/// `N` bytes with their length before them.
#[inline]
fn fixed<'b, const N: usize>(bytes: &mut &'b [u8], what: &str) -> Result<&'b [u8; N], ChunkError> {
    let len = varint::read(bytes)?;
    match bytes.split_first_chunk::<N>() {
        Some((array, rest)) if len == N as u64 => {
            *bytes = rest;
            Ok(array)
        }
        _ => Err(ChunkError::Bad(format!("{what} has {len} bytes, not {N}"))),
    }
}

const FIELDS: [&str; 6] = [
    "account_address",
    "storage_key",
    "storage_value",
    "l1_batch_number_of_initial_write",
    "enumeration_index",
    "hashed_key",
];
/// The fields of both versions, of version 0 alone, and of version 1 alone.
const COMMON: u8 = 0b01_1100;
const PLAIN: u8 = 0b00_0011;
const HASHED: u8 = 0b10_0000;

impl Log {
    #[inline]
    fn parse(&mut self, mut bytes: &[u8]) -> Result<Name, ChunkError> {
        self.fields = 0;
        while !bytes.is_empty() {
            // The number of a field above, its wire type in the low three bits.
            let tag = varint::read(&mut bytes)?;
            match tag {
                0x0a => self.address = Address::new(*fixed(&mut bytes, FIELDS[0])?),
                0x12 => self.slot = Word::new(*fixed(&mut bytes, FIELDS[1])?),
                0x1a => self.value = Word::new(*fixed(&mut bytes, FIELDS[2])?),
                0x20 => {
                    let batch = varint::read(&mut bytes)?;
                    self.batch = u32::try_from(batch).map_err(|_| {
                        ChunkError::Bad(format!("the batch {batch} is wider than 32 bits"))
                    })?;
                }
                0x28 => self.index = varint::read(&mut bytes)?,
                0x32 => self.hashed_key = Hash::new(*fixed(&mut bytes, FIELDS[5])?),
                _ => {
                    return Err(ChunkError::Bad(format!("a record with the unknown tag {tag:#x}")));
                }
            }
            self.fields |= 1 << ((tag >> 3) - 1);
        }
        match self.fields ^ COMMON {
            PLAIN => Ok(Name::Plain),
            HASHED => Ok(Name::Hashed),
            _ => Err(self.incomplete()),
        }
    }

    fn incomplete(&self) -> ChunkError {
        let has = |field: usize| self.fields >> field & 1 == 1;
        let common = (2..5).find(|field| !has(*field));
        ChunkError::Bad(match common {
            Some(field) => format!("a record without {}", FIELDS[field]),
            None => "a record needs account_address and storage_key, or hashed_key".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn logs(bytes: &[u8]) -> Result<Vec<(Name, Log)>, ChunkError> {
        let (mut logs, mut log) = (Logs::new(bytes), Log::default());
        let mut all = Vec::new();
        while let Some(name) = logs.next(&mut log)? {
            all.push((name, log.clone()));
        }
        Ok(all)
    }

    fn unhex(text: &str) -> Vec<u8> {
        const_hex::decode(text.replace([' ', '\n'], "")).unwrap()
    }

    /// The records of chainCount = 4, first written in batch 22 with index 300, of either version, as
    /// the node's own encoder writes them.
    fn examples() -> [(Vec<u8>, Name, Log); 2] {
        let value = format!("1a20 {:064x} 2016 28ac02", 4);
        let key = "47ea1fc23ae86f586ef17771ebe9bf37676a15af61c94de48d3471f06519a352";
        let plain = format!("0a5f 0a14 {:040x} 1220 {:064x} {value}", 0x10005, 1);
        let log =
            |fields| Log { fields, value: Word::from(4), batch: 22, index: 300, ..Log::default() };
        let (address, slot) = (Address::system(0x10005), Word::from(1));
        [
            (unhex(&plain), Name::Plain, Log { address, slot, ..log(PLAIN | COMMON) }),
            (
                unhex(&format!("0a49 {value} 3220 {key}")),
                Name::Hashed,
                Log { hashed_key: key_of(key), ..log(HASHED | COMMON) },
            ),
        ]
    }

    fn key_of(text: &str) -> Hash {
        format!("0x{text}").parse().unwrap()
    }

    #[test]
    fn records_of_both_versions_are_read() {
        for (bytes, name, log) in examples() {
            assert_eq!(logs(&bytes).unwrap(), [(name, log.clone())]);
            let many = bytes.repeat(10_000);
            assert!(logs(&many).unwrap() == vec![(name, log); 10_000]);
            for end in 1..bytes.len() {
                assert!(logs(&bytes[..end]).is_err(), "cut at {end}");
            }
        }
        assert!(logs(b"").unwrap().is_empty());
    }

    #[test]
    fn fields_may_come_in_any_order_but_not_from_elsewhere() {
        let key = "47ea1fc23ae86f586ef17771ebe9bf37676a15af61c94de48d3471f06519a352";
        let swapped = unhex(&format!("0a49 3220 {key} 28ac02 2016 1a20 {:064x}", 4));
        assert_eq!(logs(&swapped).unwrap()[0].1.index, 300);
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

    proptest! {
        #[test]
        fn noise_does_no_harm(noise in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = logs(&noise);
            for (bytes, ..) in examples() {
                let _ = logs(&[&bytes[..], &noise].concat());
            }
        }
    }
}
