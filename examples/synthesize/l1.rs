//! What L1 keeps of a synthetic settlement layer: its commits, executions and blobs.
//!
//! The messages of an SL batch are those of chains that commit: their pubdata and StoredBatchInfo. Its state
//! differences are the slots of the contracts that were written, among others. What fills the rest is random, as
//! are the state roots. The KZG commitments are random too, since making them takes long and nothing reads them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::U256;
use alloy_sol_types::SolValue;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use slproof::{
    keccak::{hash_node, keccak256},
    message::{BatchLogs, BatchView, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash, Word, hex},
    state::{keys::era_key, slots::mapping_value},
};

use super::{
    blobs::Encoder,
    history::Draw,
    l1_calls::{self, Published, StoredBatchInfo},
    layer::{BRIDGEHUB, Layer, MESSAGE_ROOT, Slots},
};

/// The diamond of the settlement layer on L1, the RelayedSLDAValidator, and the sender of random messages.
const DIAMOND: Address = Address::system(0xd1a);
const VALIDATOR: Address = Address::system(0xda);
const NOBODY: Address = Address::system(0xbeef);
/// The enumeration indexes below were given before the history begins.
const FIRST_INDEX: u64 = 1000;
/// The batches that one transaction executes.
const EXECUTED_AT_ONCE: usize = 3;

/// The size of what is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Batches of chains in an SL batch.
    pub(crate) batches: u64,
    /// Blobs of an SL batch; if it is 0, the pubdata are in the calldata.
    pub(crate) blobs: usize,
    /// Other slots that an SL batch writes for the first time. As many are written again.
    pub(crate) writes: usize,
}

/// Writes the files of L1.
pub(crate) struct L1 {
    size: Size,
    blobs: PathBuf,
    commits: BufWriter<File>,
    executes: BufWriter<File>,
    encoder: Encoder,
    draw: Draw,
    /// The enumeration indexes of the contracts' slots.
    indexes: HashMap<Hash, u64>,
    next_index: u64,
    current: SlBatch,
    /// The batch before, which may still get messages.
    waiting: Option<SlBatch>,
    last: StoredBatchInfo,
    executed: Vec<StoredBatchInfo>,
}

/// An SL batch that is being made.
#[derive(Default)]
struct SlBatch {
    /// The chains that were registered in it.
    new: HashSet<ChainId>,
    batches: u64,
    messages: Vec<(Address, Vec<u8>)>,
    /// The slots that were written, by their derived keys.
    written: BTreeMap<Hash, Word>,
    /// When it is complete: its state differences, the index after them, and the root of the shared tree.
    diffs: Vec<u8>,
    next_index: u64,
    shared_root: Hash,
}

impl Slots for L1 {
    fn set(&mut self, contract: Address, slot: Word, value: Word) {
        let key = era_key(contract, slot);
        // All slots but the number of executed batches are written once.
        if slot == 11.into() || !self.indexes.contains_key(&key) {
            self.current.written.insert(key, value);
        }
    }
}

impl L1 {
    pub(crate) fn create(directory: &Path, size: Size, seed: u64) -> io::Result<Self> {
        let blobs = directory.join("blobs");
        fs::create_dir_all(&blobs)?;
        let create = |name| File::create(directory.join(name)).map(BufWriter::new);
        Ok(Self {
            size,
            blobs,
            commits: create("commits.jsonl")?,
            executes: create("executes.jsonl")?,
            encoder: Encoder::new(),
            draw: Draw(seed ^ 0x11),
            indexes: HashMap::new(),
            next_index: FIRST_INDEX,
            current: SlBatch::default(),
            waiting: None,
            last: StoredBatchInfo {
                indexRepeatedStorageChanges: FIRST_INDEX,
                ..StoredBatchInfo::default()
            },
            executed: Vec::new(),
        })
    }

    /// The last chain of the layer was registered.
    pub(crate) fn registered(&mut self, layer: &Layer) {
        let index = layer.chains().len() - 1;
        let chain = &layer.chains()[index];
        let (index, id) = (Word::from(index as u64), chain.id.to_word());
        self.set(MESSAGE_ROOT, mapping_value(index, 3.into()), id);
        self.set(MESSAGE_ROOT, mapping_value(id, 2.into()), index);
        if !index.is_zero() {
            self.set(BRIDGEHUB, mapping_value(id, 210.into()), chain.diamond.to_word());
        }
        self.current.new.insert(chain.id);
    }

    /// A batch of a chain was executed. It was committed in the SL batch before, unless the chain is new.
    pub(crate) fn executed(
        &mut self,
        (chain, diamond): (ChainId, Address),
        (batch, root): (BatchNumber, Hash),
        logs: Option<BatchView<'_>>,
    ) {
        self.set(diamond, 11.into(), batch.to_word());
        self.current.batches += 1;
        let is_new = self.current.new.contains(&chain);
        let info = StoredBatchInfo {
            batchNumber: batch.0,
            batchHash: self.draw.hash().as_bytes().into(),
            l2LogsTreeRoot: root.as_bytes().into(),
            commitment: self.draw.hash().as_bytes().into(),
            ..StoredBatchInfo::default()
        };
        let stored = (U256::ZERO, info, U256::from(batch.0), U256::from(1)).abi_encode_params();
        let relayed = logs.map(|logs| {
            let pubdata = alloy_primitives::Bytes::from(pubdata(logs, &[0; 2]));
            let words = (U256::ZERO, U256::from(chain.0), U256::from(batch.0), pubdata);
            (VALIDATOR, words.abi_encode_params())
        });
        let committed = self.waiting.as_mut().filter(|_| !is_new).unwrap_or(&mut self.current);
        committed.messages.extend(relayed.into_iter().chain([(diamond, stored)]));
    }

    /// The block of the layer ended.
    pub(crate) fn block_ended(&mut self, layer: &Layer) -> io::Result<()> {
        if self.current.batches < self.size.batches { Ok(()) } else { self.complete(layer) }
    }

    fn complete(&mut self, layer: &Layer) -> io::Result<()> {
        let mut batch = std::mem::take(&mut self.current);
        batch.diffs = self.diffs(std::mem::take(&mut batch.written));
        batch.next_index = self.next_index;
        batch.shared_root = layer.root();
        let before = self.waiting.replace(batch);
        before.map_or(Ok(()), |batch| self.commit(batch))
    }

    /// The state differences with these slots among others.
    fn diffs(&mut self, written: BTreeMap<Hash, Word>) -> Vec<u8> {
        let is_new = |key: &Hash| !self.indexes.contains_key(key);
        let (mut new, known): (BTreeMap<_, _>, BTreeMap<_, _>) =
            written.into_iter().partition(|(key, _)| is_new(key));
        let own: HashSet<Hash> = new.keys().copied().collect();
        for _ in 0..self.size.writes {
            new.insert(self.draw.hash(), self.draw.hash().into());
        }
        let mut diffs = (new.len() as u16).to_be_bytes().to_vec();
        let known: Vec<(u64, Word)> =
            known.into_iter().map(|(key, value)| (self.indexes[&key], value)).collect();
        for (key, value) in new {
            diffs.extend(key.as_bytes());
            set(value, &mut diffs);
            if own.contains(&key) {
                self.indexes.insert(key, self.next_index);
            }
            self.next_index += 1;
        }
        for (index, value) in known {
            diffs.extend((index as u32).to_be_bytes());
            set(value, &mut diffs);
        }
        for _ in 0..self.size.writes {
            // Something is added to a slot from before the history.
            diffs.extend((self.draw.below(FIRST_INDEX) as u32).to_be_bytes());
            diffs.extend([1 << 3 | 1, self.draw.below(256) as u8]);
        }
        diffs
    }

    /// Writes the commit of an SL batch, and its blobs.
    fn commit(&mut self, mut batch: SlBatch) -> io::Result<()> {
        let layer = ChainId(506);
        let number = self.last.batchNumber + 1;
        let logs_of = |messages: &[(Address, Vec<u8>)]| {
            let log = |(tx, (sender, message)): (usize, &(Address, Vec<u8>))| {
                L2ToL1Log::of_message(tx as u16, *sender, message)
            };
            let logs = messages.iter().enumerate().map(log).collect();
            let list: MessageList = messages.iter().map(|(_, message)| message).collect();
            BatchLogs::new(layer, BatchNumber(number), logs, list, None).map_err(io::Error::other)
        };
        let size = pubdata(logs_of(&batch.messages)?.view(), &batch.diffs).len();
        let wanted =
            (self.size.blobs * Encoder::PUBDATA).saturating_sub(self.draw.below(999) as usize);
        if let Some(fill) = wanted.checked_sub(size + L2ToL1Log::LEN + 4) {
            let message = (0..fill.div_ceil(8)).flat_map(|_| self.draw.next().to_be_bytes());
            batch.messages.push((NOBODY, message.take(fill).collect()));
        }
        let logs = logs_of(&batch.messages)?;
        let pubdata = pubdata(logs.view(), &batch.diffs);
        let root = hash_node(logs.view().tree().root(), batch.shared_root);
        let (linear_hashes, rest, blobs) = match self.size.blobs {
            0 => (vec![linear_hash(&pubdata)], [&[0], &pubdata[..], &[0; 32]].concat(), vec![]),
            _ => self.write_blobs(&pubdata)?,
        };
        let pubdata_hash = keccak256(&pubdata);
        let published = Published { root, pubdata_hash, linear_hashes, rest };
        let info = StoredBatchInfo {
            batchNumber: number,
            batchHash: self.draw.hash().as_bytes().into(),
            indexRepeatedStorageChanges: batch.next_index,
            priorityOperationsHash: keccak256(b"").as_bytes().into(),
            l2LogsTreeRoot: root.as_bytes().into(),
            timestamp: U256::from(1_750_000_000 + 3600 * number),
            commitment: self.draw.hash().as_bytes().into(),
            ..StoredBatchInfo::default()
        };
        let input = l1_calls::commit(DIAMOND, &self.last, &info, &published);
        writeln!(
            self.commits,
            "{}",
            l1_calls::transaction(20_000_000 + 300 * number, &input, &blobs)
        )?;
        self.last = info.clone();
        self.executed.push(info);
        if self.executed.len() == EXECUTED_AT_ONCE { self.execute() } else { Ok(()) }
    }

    /// Writes blobs. Returns the hashes of the pubdata in them, the end of `operatorDAInput`, and their versioned
    /// hashes.
    fn write_blobs(&mut self, pubdata: &[u8]) -> io::Result<(Vec<Hash>, Vec<u8>, Vec<Hash>)> {
        let pieces: Vec<&[u8]> = pubdata.chunks(Encoder::PUBDATA).collect();
        let (mut rest, mut names) = (vec![1], Vec::new());
        for _ in &pieces {
            let mut commitment = [0xc0; 48];
            commitment[16..].copy_from_slice(self.draw.hash().as_bytes());
            rest.extend([0; 16 + 32]);
            rest.extend(commitment);
            rest.extend([0; 48 + 32]);
            let mut name: [u8; 32] = Sha256::digest(commitment).into();
            name[0] = 1;
            names.push(Hash::new(name));
        }
        let written = pieces.par_iter().zip(&names).map(|(piece, name)| {
            let path = self.blobs.join(format!("{}.blob", hex::encode(name.as_bytes())));
            fs::write(path, self.encoder.blob(piece))?;
            Ok(linear_hash(piece))
        });
        Ok((written.collect::<io::Result<_>>()?, rest, names))
    }

    fn execute(&mut self) -> io::Result<()> {
        let input = l1_calls::execute(DIAMOND, &std::mem::take(&mut self.executed));
        let block = 20_000_100 + 300 * self.last.batchNumber;
        writeln!(self.executes, "{}", l1_calls::transaction(block, &input, &[]))
    }

    /// Writes the SL batches up to the end. The last one is committed and not executed.
    pub(crate) fn finish(&mut self, layer: &Layer) -> io::Result<()> {
        self.complete(layer)?;
        if !self.executed.is_empty() {
            self.execute()?;
        }
        if let Some(last) = self.waiting.take() {
            self.commit(last)?;
        }
        self.commits.flush()?;
        self.executes.flush()
    }
}

/// A value as a whole.
fn set(value: Word, diffs: &mut Vec<u8>) {
    diffs.push(0);
    diffs.extend(value.as_bytes());
}

/// The pubdata of a batch of an Era chain, without bytecodes.
fn pubdata(batch: BatchView<'_>, diffs: &[u8]) -> Vec<u8> {
    let mut bytes = (batch.logs().len() as u32).to_be_bytes().to_vec();
    batch.logs().iter().for_each(|log| bytes.extend(log.as_bytes()));
    bytes.extend((batch.messages().len() as u32).to_be_bytes());
    for message in batch.messages().iter() {
        bytes.extend((message.len() as u32).to_be_bytes());
        bytes.extend(message);
    }
    bytes.extend([0, 0, 0, 0, 1]);
    bytes.extend(&(diffs.len() as u32).to_be_bytes()[1..]);
    bytes.push(4);
    bytes.extend(diffs);
    bytes
}

/// The keccak256 of a blob's pubdata.
fn linear_hash(piece: &[u8]) -> Hash {
    let mut padded = piece.to_vec();
    padded.resize(Encoder::PUBDATA, 0);
    keccak256(&padded)
}
