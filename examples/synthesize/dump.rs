//! Writers of storage in the dump formats of nodes. They follow the documentation of the formats and do not
//! use the readers of this crate.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, U256};
use alloy_trie::root::storage_root_unhashed;
use blake2::{Blake2s256, Digest};
use flate2::{Compression, write::GzEncoder};
use slproof::primitives::{Address, Word};

use super::layer::Slots;

/// Slots per chunk of an Era snapshot.
const CHUNK: u64 = 1_000_000;

/// A dump that is being written. The first error is kept and returned by [`Dump::finish`], because the
/// history cannot stop early.
pub(crate) struct Dump {
    form: Form,
    failure: Option<io::Error>,
}

enum Form {
    /// `address,slot,value` rows, in the order of writing.
    Table(BufWriter<File>),
    /// A zksync-era snapshot of version 0 or 1, in the order of writing.
    Era(Era),
    /// A dump grouped by account, so it is held in memory until the end.
    Accounts(PathBuf, Kind, BTreeMap<Address, BTreeMap<Word, Word>>),
}

#[derive(Clone, Copy)]
enum Kind {
    Anvil,
    Geth,
}

impl Dump {
    /// Begins a dump at `path`: a file, or a directory for Era snapshots.
    pub(crate) fn create(path: &Path, form: &str) -> io::Result<Self> {
        let form = match form {
            "table" => {
                let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
                file.write_all(b"address,slot,value\n")?;
                Form::Table(file)
            }
            "era-v0" => Form::Era(Era::create(path, 0)?),
            "era-v1" => Form::Era(Era::create(path, 1)?),
            "anvil" => Form::Accounts(path.into(), Kind::Anvil, BTreeMap::new()),
            "geth" => Form::Accounts(path.into(), Kind::Geth, BTreeMap::new()),
            _ => return Err(io::Error::other(format!("{form:?} is not a dump format"))),
        };
        Ok(Self { form, failure: None })
    }

    /// Ends the dump of the state at the end of `block`.
    pub(crate) fn finish(self, block: u64) -> io::Result<()> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        match self.form {
            Form::Table(mut file) => file.flush(),
            Form::Era(era) => era.finish(block),
            Form::Accounts(path, Kind::Anvil, accounts) => anvil(&path, block, &accounts),
            Form::Accounts(path, Kind::Geth, accounts) => geth(&path, &accounts),
        }
    }

    fn put(&mut self, contract: Address, slot: Word, value: Word) -> io::Result<()> {
        match &mut self.form {
            Form::Table(file) => writeln!(file, "{contract},{slot},{value}"),
            Form::Era(era) => era.put(contract, slot, value),
            Form::Accounts(.., accounts) => {
                accounts.entry(contract).or_default().insert(slot, value);
                Ok(())
            }
        }
    }
}

impl Slots for Dump {
    fn set(&mut self, contract: Address, slot: Word, value: Word) {
        if self.failure.is_none() && !value.is_zero() {
            self.failure = self.put(contract, slot, value).err();
        }
    }
}

fn anvil(
    path: &Path,
    block: u64,
    accounts: &BTreeMap<Address, BTreeMap<Word, Word>>,
) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write!(file, "{{\"block\":{{\"number\":\"{block:#x}\"}},\"accounts\":{{")?;
    for (i, (address, slots)) in accounts.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        write!(
            file,
            "{comma}\"{address}\":{{\"nonce\":1,\"balance\":\"0x0\",\"code\":\"0x\",\"storage\":{{"
        )?;
        for (i, (slot, value)) in slots.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(file, "{comma}\"{slot}\":\"{value}\"")?;
        }
        file.write_all(b"}}")?;
    }
    write!(
        file,
        "}},\"best_block_number\":{block},\"blocks\":[],\"transactions\":[],\"historical_states\":null}}"
    )?;
    file.flush()
}

fn geth(path: &Path, accounts: &BTreeMap<Address, BTreeMap<Word, Word>>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for (address, slots) in accounts {
        let root = storage_root_unhashed(slots.iter().map(|(slot, value)| {
            (B256::new(*slot.as_bytes()), U256::from_be_bytes(*value.as_bytes()))
        }));
        write!(file, "{{\"balance\":\"0\",\"nonce\":1,\"root\":\"{root}\",\"storage\":{{")?;
        for (i, (slot, value)) in slots.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let text = value.to_string();
            let digits = text[2..].trim_start_matches("00");
            write!(file, "{comma}\"{slot}\":\"{digits}\"")?;
        }
        writeln!(file, "}},\"address\":\"{address}\"}}")?;
    }
    file.flush()
}

/// An Era snapshot: gzipped protobuf messages of a million slots each, and the header as a node returns it.
struct Era {
    folder: PathBuf,
    version: u8,
    written: u64,
    chunk: Option<Box<GzEncoder<BufWriter<File>>>>,
}

impl Era {
    fn create(folder: &Path, version: u8) -> io::Result<Self> {
        fs::create_dir_all(folder.join("storage_logs_snapshots"))?;
        Ok(Self { folder: folder.into(), version, written: 0, chunk: None })
    }

    fn chunk_name(number: u64) -> String {
        format!("snapshot_l1_batch_1_storage_logs_part_{number:04}.proto.gzip")
    }

    fn put(&mut self, contract: Address, slot: Word, value: Word) -> io::Result<()> {
        if self.written.is_multiple_of(CHUNK) {
            self.end_chunk()?;
            let name = Self::chunk_name(self.written / CHUNK);
            let file = File::create(self.folder.join("storage_logs_snapshots").join(name))?;
            self.chunk = Some(Box::new(GzEncoder::new(BufWriter::new(file), Compression::fast())));
        }
        self.written += 1;
        let mut log = Vec::with_capacity(128);
        let mut bytes = |field: u8, bytes: &[u8]| {
            log.extend([field << 3 | 2, bytes.len() as u8]);
            log.extend(bytes);
        };
        let mut key = Vec::new();
        if self.version == 0 {
            bytes(1, contract.as_bytes());
            bytes(2, slot.as_bytes());
        } else {
            let preimage = [&[0; 12][..], contract.as_bytes(), slot.as_bytes()].concat();
            key = Blake2s256::digest(preimage).to_vec();
        }
        bytes(3, value.as_bytes());
        log.extend([4 << 3, 1]);
        log.push(5 << 3);
        varint(&mut log, self.written);
        if !key.is_empty() {
            log.extend([6 << 3 | 2, 32]);
            log.extend(key);
        }
        let mut framed = vec![1 << 3 | 2];
        varint(&mut framed, log.len() as u64);
        framed.extend(log);
        self.chunk.as_mut().map_or(Ok(()), |chunk| chunk.write_all(&framed))
    }

    fn end_chunk(&mut self) -> io::Result<()> {
        match self.chunk.take() {
            Some(chunk) => chunk.finish()?.flush(),
            None => Ok(()),
        }
    }

    fn finish(mut self, block: u64) -> io::Result<()> {
        self.end_chunk()?;
        let chunks: Vec<String> = (0..self.written.div_ceil(CHUNK))
            .map(|id| {
                let name = Self::chunk_name(id);
                format!("{{\"chunkId\":{id},\"filepath\":\"./storage_logs_snapshots/{name}\"}}")
            })
            .collect();
        let header = format!(
            "{{\"version\":{},\"l1BatchNumber\":1,\"miniblockNumber\":{block},\"storageLogsChunks\":[{}],\
             \"factoryDepsFilepath\":\"\"}}",
            self.version,
            chunks.join(",")
        );
        fs::write(self.folder.join("snapshots_getSnapshot.json"), header)
    }
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
