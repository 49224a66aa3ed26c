//! What the batches of a settlement layer on L1 show of its trees.
//!
//! The first value of a slot is published with its key, in the batch in which the slot was written. So each batch
//! shows its own first values, whatever is known of the others. What the trees are made of is written once: the
//! registered chains, the roots of executed batches, and the interop roots.

use std::{collections::BTreeSet, path::Path};

use bytemuck::{Pod, Zeroable};
use thiserror::Error;

use crate::{
    files::{
        Access, ContainerError, ExternalSort, Output, OutputError, SortRecord, TemporaryDirectory,
        temporary_directory,
    },
    ingest::logs::{EraPart, relayed_batch},
    message::{BatchView, L2ToL1Log},
    primitives::{Address, BatchNumber, ChainId, Hash, SlBatch, Word},
    snapshot::{Columns, Snapshot, SnapshotHeader, SnapshotWriter, Source, WriteError},
    state::entries::Entry,
};

/// The memory for first values before they are sorted in a file, in bytes.
const IN_MEMORY: usize = 128 << 20;

/// The most batches, from the first one to the last one: one per minute for four years.
const MOST_BATCHES: u64 = 1 << 21;

/// The most senders of messages that are kept with the chain whose pubdata were relayed before.
const MOST_RELAYING: usize = 1 << 12;

/// First values written at once.
const CHUNK: usize = 1 << 14;

/// Why what the batches show could not be put together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LayerRecordError {
    /// A temporary file could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A temporary file could not be read back.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// Two batches both publish the first value of one slot.
    #[error(
        "SL batches {first} and {second} both publish a first value of the slot with the key {key}: one of them is \
         not of this settlement layer"
    )]
    WrittenTwice {
        /// The key.
        key: Hash,
        /// The earlier batch.
        first: SlBatch,
        /// The later batch.
        second: SlBatch,
    },
    /// A batch is too far away from the first one.
    #[error(
        "SL batch {batch} cannot be in one history with SL batch {first}: at most {MOST_BATCHES} batches are read"
    )]
    TooFar {
        /// The first batch.
        first: SlBatch,
        /// The batch at fault.
        batch: SlBatch,
    },
}

/// A batch of the settlement layer, as far as L1 shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlBatchOnL1 {
    /// The batch.
    pub batch: SlBatch,
    /// The batch root in its commit. `None` if the commit is missing.
    pub root: Option<Hash>,
    /// The root of its own logs. `None` if they are missing.
    pub local_root: Option<Hash>,
    /// Whether its state diffs are there, and with them what it appended to the trees.
    pub has_diffs: bool,
    /// Whether all its pubdata are there.
    pub is_whole: bool,
    /// Whether L1 executed it. `None` if that is not known.
    pub executed: Option<bool>,
}

impl SlBatchOnL1 {
    /// Whether its state diffs were found by their form, since blobs are missing.
    fn has_found_diffs(&self) -> bool {
        self.has_diffs && !self.is_whole
    }

    /// A batch of which nothing is there.
    fn missing(batch: SlBatch) -> Self {
        let (root, local_root, executed) = (None, None, None);
        Self { batch, root, local_root, has_diffs: false, is_whole: false, executed }
    }
}

/// A batch of a chain that was committed on the settlement layer, according to a message of the chain's diamond.
/// It need not have been executed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommittedOnSl {
    /// The sender of the message.
    pub sender: Address,
    /// The batch of the chain.
    pub batch: BatchNumber,
    /// The batch of the settlement layer with the message.
    pub sl_batch: SlBatch,
    /// The batch root.
    pub root: Hash,
}

impl CommittedOnSl {
    /// Reads the message that a diamond sends when a batch is committed:
    ///
    /// ```text
    /// v26 to v28         0 ‖ StoredBatchInfo (8 words) ‖ metadataHash ‖ auxiliaryOutputHash
    /// v29 to v31, Era    0 ‖ StoredBatchInfo (9 words) ‖ metadataHash ‖ auxiliaryOutputHash
    /// ZKsync OS          1 ‖ StoredBatchInfo (9 words)
    /// ```
    ///
    /// StoredBatchInfo begins with the batch number. The root of the batch is its sixth word, or with 9 words
    /// the seventh. `None` for every other message. Anyone can send such a message.
    ///
    /// Source: era-contracts `Executor.sol`, v26-1 to v30, and `Committer.sol`, v31.
    fn parse(sl_batch: SlBatch, sender: Address, message: &[u8]) -> Option<Self> {
        let (words, rest) = message.as_chunks::<32>();
        let version = Word::new(*words.first()?).to_u64().ok()?;
        let root = match (version, words.len(), rest.len()) {
            (0, 11, 0) => 6,
            (0, 12, 0) | (1, 10, 0) => 7,
            _ => return None,
        };
        let batch = BatchNumber(Word::new(words[1]).to_u64().ok()?);
        Some(Self { sender, batch, sl_batch, root: Hash::new(words[root]) })
    }
}

/// A slot of MessageRoot with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NodeSlot {
    /// `sharedTree._nodes[level][index]`.
    Shared(u32, u64),
    /// `chainTree[chain]._sides[level]`.
    Side(ChainId, u32),
    /// A slot that a missing batch wrote first, so that its key is lost. It need not be a node.
    Lost,
}

/// A node that a batch of the settlement layer stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredNode {
    /// The batch.
    pub(crate) batch: SlBatch,
    /// Where it stored the node.
    pub(crate) slot: NodeSlot,
    /// The node at the end of the batch.
    pub(crate) node: Hash,
}

/// What the batches of a settlement layer on L1 show of its trees.
#[derive(Debug)]
pub struct LayerRecord {
    /// The settlement layer's chain id, if its commits name it.
    pub(crate) chain: Option<ChainId>,
    /// Every slot that was written for the first time, with its value at the end of that batch.
    pub(crate) first_values: Snapshot,
    /// Whether all commits have the encoding of v26 to v28, which store no roots by block.
    pub(crate) is_before_v29: bool,
    /// The batches by number, without gaps: also those that are missing.
    pub(crate) batches: Vec<SlBatchOnL1>,
    /// What diamonds said about committed batches, in ascending order.
    pub(crate) committed: Vec<CommittedOnSl>,
    /// The senders of these messages, with the chain whose pubdata was relayed just before. Anyone can send both.
    pub(crate) relaying: Vec<(Address, ChainId)>,
    /// The nodes that the batches after the first missing one stored, by batch.
    pub(crate) stored_nodes: Vec<StoredNode>,
    /// The nodes of the shared tree, by level and index, whose slots are known. Where batches are missing, only these are
    /// seen to change.
    pub(crate) shared_slots: BTreeSet<(u32, u64)>,
}

impl LayerRecord {
    /// The settlement layer's chain id, if its commits name it.
    #[must_use]
    pub fn chain(&self) -> Option<ChainId> {
        self.chain
    }

    /// The batches by number, without gaps: also those that are missing.
    #[must_use]
    pub fn batches(&self) -> &[SlBatchOnL1] {
        &self.batches
    }

    /// Whether state diffs are used that were found by their form, since blobs of their batch are missing. Other bytes
    /// may have this form.
    pub(crate) fn has_found_diffs(&self) -> bool {
        self.batches.iter().any(SlBatchOnL1::has_found_diffs)
    }

    /// Whether the state diffs of a batch are there.
    pub(super) fn has_diffs(&self, batch: SlBatch) -> bool {
        let at = self.batches.binary_search_by_key(&batch, |one| one.batch);
        at.is_ok_and(|at| self.batches[at].has_diffs)
    }

    /// What senders said about committed batches, in ascending order of the senders.
    pub(crate) fn committed_by(&self, sender: Address) -> &[CommittedOnSl] {
        let start = self.committed.partition_point(|one| one.sender < sender);
        let len = self.committed[start..].partition_point(|one| one.sender == sender);
        &self.committed[start..][..len]
    }
}

/// What is published of a batch of the settlement layer.
#[derive(Clone, Copy, Debug)]
pub struct PublishedBatch<'b> {
    /// The batch of the settlement layer.
    pub batch: SlBatch,
    /// The batch root in its commit.
    pub root: Hash,
    /// Whether L1 executed it. `None` if that is not known.
    pub executed: Option<bool>,
    /// Its own logs and messages.
    pub logs: BatchView<'b>,
    /// The enumeration index of its first slot.
    pub first_index: u64,
    /// The slots that were written for the first time.
    pub first_values: &'b [(Hash, Word)],
}

/// Puts together what batches show. They are added in ascending order.
#[derive(Debug)]
pub struct LayerRecorder {
    chain: Option<ChainId>,
    directory: TemporaryDirectory,
    sort: ExternalSort<FirstValue>,
    batches: Vec<SlBatchOnL1>,
    committed: Vec<CommittedOnSl>,
    relaying: BTreeSet<(Address, ChainId)>,
}

impl LayerRecorder {
    /// Begins in a temporary directory. `chain` is the settlement layer's chain id, if its commits name it.
    ///
    /// # Errors
    /// [`LayerRecordError::Output`] if there is no place for temporary files.
    pub fn new(chain: Option<ChainId>) -> Result<Self, LayerRecordError> {
        let directory = temporary_directory()?;
        let sort = ExternalSort::beside(&Self::target(directory.path()), IN_MEMORY);
        let (batches, committed, relaying) = (Vec::new(), Vec::new(), BTreeSet::new());
        Ok(Self { chain, directory, sort, batches, committed, relaying })
    }

    /// As [`LayerRecord::has_found_diffs`].
    pub(super) fn has_found_diffs(&self) -> bool {
        self.batches.iter().any(SlBatchOnL1::has_found_diffs)
    }

    fn target(directory: &Path) -> std::path::PathBuf {
        directory.join("first-values.slsnap")
    }

    /// Adds a batch whose pubdata is missing. `root` is that in its commit, if there is one.
    ///
    /// # Errors
    /// [`LayerRecordError::TooFar`] if the number of the batch is too large.
    pub fn missing(
        &mut self,
        batch: SlBatch,
        root: Option<Hash>,
        executed: Option<bool>,
    ) -> Result<(), LayerRecordError> {
        self.push(SlBatchOnL1 { root, executed, ..SlBatchOnL1::missing(batch) })
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`LayerRecordError`] if a temporary file cannot be written, or the number of the batch is too large.
    pub fn add(&mut self, published: &PublishedBatch<'_>) -> Result<(), LayerRecordError> {
        let PublishedBatch { batch, root, executed, logs, first_index, first_values } = *published;
        let local_root = Some(logs.tree().root());
        let (root, has_diffs, is_whole) = (Some(root), true, true);
        self.push(SlBatchOnL1 { batch, root, local_root, has_diffs, is_whole, executed })?;
        self.add_first_values(batch, first_index, first_values)?;
        let messages = logs.with_messages().filter_map(|(log, message)| Some((log, message?)));
        self.add_messages(batch, messages.map(|(log, message)| (log, message, true)));
        Ok(())
    }

    /// Adds what is left of a batch, whose first slot has this enumeration index.
    ///
    /// # Errors
    /// As [`LayerRecorder::add`].
    pub fn add_part(
        &mut self,
        (batch, root, executed): (SlBatch, Hash, Option<bool>),
        first_index: u64,
        part: &EraPart,
    ) -> Result<(), LayerRecordError> {
        let (root, local_root, has_diffs) = (Some(root), part.local_root(), part.diffs.is_some());
        let is_whole = false;
        self.push(SlBatchOnL1 { batch, root, local_root, has_diffs, is_whole, executed })?;
        if let Some(diffs) = &part.diffs {
            self.add_first_values(batch, first_index, &diffs.initial)?;
        }
        let messages = part.messages.iter();
        let messages = messages.map(|one| (&one.log, &one.bytes[..], one.is_whole));
        self.add_messages(batch, messages);
        Ok(())
    }

    fn add_first_values(
        &mut self,
        batch: SlBatch,
        first_index: u64,
        first_values: &[(Hash, Word)],
    ) -> Result<(), LayerRecordError> {
        for (at, (key, value)) in first_values.iter().enumerate() {
            let index = first_index.wrapping_add(at as u64);
            let value = FirstValue {
                entry: Entry { key: *key, value: *value },
                index: index.to_le_bytes(),
                batch: (batch.0 as u32).to_le_bytes(),
                padding: [0; 4],
            };
            self.sort.push(value, &[])?;
        }
        Ok(())
    }

    /// Adds messages in their order, each with its log, and whether it is whole.
    fn add_messages<'m>(
        &mut self,
        batch: SlBatch,
        messages: impl Iterator<Item = (&'m L2ToL1Log, &'m [u8], bool)>,
    ) {
        let mut relayed = None;
        for (log, text, is_whole) in messages {
            let Some(sender) = log.message_sender() else { continue };
            if let Some((chain, number)) = relayed_batch(text) {
                relayed = Some((log.tx_number(), chain, number));
            }
            let found = CommittedOnSl::parse(batch, sender, text).filter(|_| is_whole);
            let Some(found) = found else { continue };
            let is_of = |(tx, _, number): &(u16, ChainId, BatchNumber)| {
                (*tx, *number) == (log.tx_number(), found.batch)
            };
            if self.relaying.len() < MOST_RELAYING {
                self.relaying.extend(relayed.filter(is_of).map(|(_, chain, _)| (sender, chain)));
            }
            self.committed.push(found);
        }
    }

    fn push(&mut self, batch: SlBatchOnL1) -> Result<(), LayerRecordError> {
        let first = self.batches.first().map_or(batch.batch, |first| first.batch);
        if batch.batch.0 - first.0 >= MOST_BATCHES || u32::try_from(batch.batch.0).is_err() {
            return Err(LayerRecordError::TooFar { first, batch: batch.batch });
        }
        let next = self.batches.last().map_or(batch.batch.0, |last| last.batch.0 + 1);
        let missing = (next..batch.batch.0).map(SlBatch).map(SlBatchOnL1::missing);
        self.batches.extend(missing);
        self.batches.push(batch);
        Ok(())
    }

    /// Sorts what was added.
    ///
    /// # Errors
    /// [`LayerRecordError`] if two batches contradict each other, or a temporary file cannot be written or read.
    pub fn finish(self) -> Result<LayerRecord, LayerRecordError> {
        let Self { chain, directory, sort, batches, mut committed, relaying } = self;
        let target = Self::target(directory.path());
        let mut writer = SnapshotWriter::create(&target)?;
        let mut chunk: Vec<FirstValue> = Vec::with_capacity(CHUNK);
        let mut last: Option<FirstValue> = None;
        let mut sorted = sort.finish()?;
        while let Some((value, _)) = sorted.next()? {
            if let Some(last) = last.filter(|last| last.entry.key == value.entry.key) {
                let (first, second) = (last.batch(), value.batch());
                return Err(LayerRecordError::WrittenTwice { key: value.entry.key, first, second });
            }
            last = Some(value);
            if !value.entry.value.is_zero() {
                chunk.push(value);
            }
            if chunk.len() == CHUNK {
                put(&mut writer, &mut chunk)?;
            }
        }
        put(&mut writer, &mut chunk)?;
        let source = Source { format: "l1".into(), ..Source::default() };
        let header = SnapshotHeader { era_keys: true, source, ..SnapshotHeader::default() };
        writer.commit(header, None)?;
        committed.sort_unstable();
        // The file is mapped, so its name is no longer needed.
        let first_values = Snapshot::open(&target, Access::default())?;
        Ok(LayerRecord {
            chain,
            first_values,
            is_before_v29: false,
            batches,
            committed,
            relaying: relaying.into_iter().collect(),
            stored_nodes: Vec::new(),
            shared_slots: BTreeSet::new(),
        })
    }
}

fn put(
    writer: &mut SnapshotWriter<Output>,
    chunk: &mut Vec<FirstValue>,
) -> Result<(), LayerRecordError> {
    let entries: Vec<Entry> = chunk.iter().map(|value| value.entry).collect();
    let batches: Vec<[u8; 4]> = chunk.iter().map(|value| value.batch).collect();
    let indexes: Vec<[u8; 8]> = chunk.iter().map(|value| value.index).collect();
    chunk.clear();
    let columns = Columns::Batches { batches: &batches, indexes: &indexes };
    writer.put(&entries, Some(columns)).map_err(|error| match error {
        WriteError::Output(error) => error.into(),
        WriteError::OutOfOrder { .. } => unreachable!("the keys were sorted, and differ"),
    })
}

/// The first value of a slot; 80 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct FirstValue {
    entry: Entry,
    /// The enumeration index, little-endian like the number of the batch.
    index: [u8; 8],
    batch: [u8; 4],
    padding: [u8; 4],
}

impl FirstValue {
    fn batch(&self) -> SlBatch {
        SlBatch(u32::from_le_bytes(self.batch).into())
    }
}

impl Ord for FirstValue {
    /// By key; equal keys by batch.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rest = |value: &Self| (value.batch(), value.entry.value, value.index);
        self.entry.key.cmp(&other.entry.key).then_with(|| rest(self).cmp(&rest(other)))
    }
}

impl PartialOrd for FirstValue {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl SortRecord for FirstValue {
    type Place = ();

    fn payload_len(&self) -> usize {
        0
    }
}
