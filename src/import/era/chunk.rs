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

use crate::primitives::{Address, Hash, Word};

const BUFFER_LEN: usize = 1 << 18;
/// A record has about a hundred bytes.
const LONGEST_RECORD: u64 = 1 << 12;
/// A varint has at most ten bytes.
const LONGEST_PREFIX: usize = 11;

/// How a record names its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Version 0: address and slot.
    Plain(Address, Word),
    /// Version 1: the key by the Era scheme.
    Hashed(Hash),
}

/// A slot of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) name: Name,
    pub(super) value: Word,
    pub(super) batch: u32,
    pub(super) index: u64,
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

    /// The next record; `None` at the end of the chunk.
    pub(super) fn next(&mut self) -> Result<Option<Log>, ChunkError> {
        if !self.has(LONGEST_PREFIX)? && self.start == self.end {
            return Ok(None);
        }
        let mut rest = &self.buffer[self.start..self.end];
        let tag = varint(&mut rest)?;
        if tag != 0x0a {
            return Err(ChunkError::Bad(format!(
                "the tag {tag:#x} is none of a list of storage logs: this is no chunk of a snapshot"
            )));
        }
        let len = varint(&mut rest)?;
        if len > LONGEST_RECORD {
            return Err(ChunkError::Bad(format!("a record of {len} bytes")));
        }
        let prefix = self.end - self.start - rest.len();
        let len = prefix + len as usize;
        if !self.has(len)? {
            return Err(ChunkError::Bad("the last record is cut short".into()));
        }
        let log = parse(&self.buffer[self.start + prefix..self.start + len])?;
        self.start += len;
        Ok(Some(log))
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

fn varint(bytes: &mut &[u8]) -> Result<u64, ChunkError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((byte, rest)) = bytes.split_first() else {
            return Err(ChunkError::Bad("a number is cut short".into()));
        };
        *bytes = rest;
        let low = u64::from(byte & 0x7f);
        if low << shift >> shift != low {
            break;
        }
        value |= low << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(ChunkError::Bad("a number of more than 64 bits".into()))
}

/// `N` bytes with their length before them.
fn fixed<const N: usize>(bytes: &mut &[u8], what: &str) -> Result<[u8; N], ChunkError> {
    let len = varint(bytes)?;
    match bytes.split_first_chunk::<N>() {
        Some((array, rest)) if len == N as u64 => {
            *bytes = rest;
            Ok(*array)
        }
        _ => Err(ChunkError::Bad(format!("{what} has {len} bytes, not {N}"))),
    }
}

fn parse(mut bytes: &[u8]) -> Result<Log, ChunkError> {
    let (mut account, mut slot, mut hashed, mut value) = (None, None, None, None);
    let (mut batch, mut index) = (None, None);
    while !bytes.is_empty() {
        match varint(&mut bytes)? {
            0x0a => account = Some(Address::new(fixed(&mut bytes, "account_address")?)),
            0x12 => slot = Some(Word::new(fixed(&mut bytes, "storage_key")?)),
            0x1a => value = Some(Word::new(fixed(&mut bytes, "storage_value")?)),
            0x20 => batch = Some(varint(&mut bytes)?),
            0x28 => index = Some(varint(&mut bytes)?),
            0x32 => hashed = Some(Hash::new(fixed(&mut bytes, "hashed_key")?)),
            tag => return Err(ChunkError::Bad(format!("a record with the unknown tag {tag:#x}"))),
        }
    }
    let name = match (account, slot, hashed) {
        (Some(account), Some(slot), None) => Name::Plain(account, slot),
        (None, None, Some(hashed)) => Name::Hashed(hashed),
        _ => {
            return Err(ChunkError::Bad(
                "a record needs account_address and storage_key, or hashed_key".into(),
            ));
        }
    };
    let missing = |what: &str| ChunkError::Bad(format!("a record without {what}"));
    let batch = batch.ok_or_else(|| missing("l1_batch_number_of_initial_write"))?;
    Ok(Log {
        name,
        value: value.ok_or_else(|| missing("storage_value"))?,
        batch: u32::try_from(batch)
            .map_err(|_| ChunkError::Bad(format!("the batch {batch} is wider than 32 bits")))?,
        index: index.ok_or_else(|| missing("enumeration_index"))?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn logs(bytes: &[u8]) -> Result<Vec<Log>, ChunkError> {
        let mut logs = Logs::new(bytes);
        std::iter::from_fn(|| logs.next().transpose()).collect()
    }

    fn unhex(text: &str) -> Vec<u8> {
        const_hex::decode(text.replace([' ', '\n'], "")).unwrap()
    }

    /// The records of chainCount = 4, first written in batch 22 with index 300, of either version, as
    /// the node's own encoder writes them.
    fn examples() -> [(Vec<u8>, Name); 2] {
        let value = format!("1a20 {:064x} 2016 28ac02", 4);
        let key = "47ea1fc23ae86f586ef17771ebe9bf37676a15af61c94de48d3471f06519a352";
        let plain = format!("0a5f 0a14 {:040x} 1220 {:064x} {value}", 0x10005, 1);
        [
            (unhex(&plain), Name::Plain(Address::system(0x10005), Word::from(1))),
            (unhex(&format!("0a49 {value} 3220 {key}")), Name::Hashed(key_of(key))),
        ]
    }

    fn key_of(text: &str) -> Hash {
        format!("0x{text}").parse().unwrap()
    }

    #[test]
    fn records_of_both_versions_are_read() {
        for (bytes, name) in examples() {
            let log = Log { name, value: Word::from(4), batch: 22, index: 300 };
            assert_eq!(logs(&bytes).unwrap(), [log]);
            let many = bytes.repeat(10_000);
            assert!(logs(&many).unwrap() == vec![log; 10_000]);
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

    proptest! {
        #[test]
        fn noise_does_no_harm(noise in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = logs(&noise);
            for (bytes, _) in examples() {
                let _ = logs(&[&bytes[..], &noise].concat());
            }
        }
    }
}
