//! The data of a commit.
//!
//! ```text
//! u8 version ‖ abi.encode(StoredBatchInfo previous, CommitBatchInfo[] of one batch)
//! ```
//!
//! | version | chains | `StoredBatchInfo` | `CommitBatchInfo` |
//! | --- | --- | --- | --- |
//! | 0 | Era, v26 to v28 | 8 words | A |
//! | 1 | Era, v29 to v31 | 9 words | A |
//! | 2 | ZKsync OS, drafts of v30 | 9 words | B without the numbers of blocks |
//! | 3 | ZKsync OS, v30 | 9 words | B |
//! | 4 | ZKsync OS, v31 | 9 words | C |
//!
//! ```text
//! A  number, timestamp, next index, state root, number of L1 transactions, their hash, 2 hashes, bytes systemLogs,
//!    bytes operatorDAInput
//! B  number, state commitment, number of L1 transactions, their hash, hash of dependencies, batch root,
//!    daCommitmentScheme, daCommitment, first timestamp, first block, last timestamp, last block, chain id,
//!    bytes operatorDAInput
//! C  B with the number of L2 transactions after the number of L1 transactions, and the settlement layer's chain id
//!    at the end
//! ```
//!
//! Sources: era-contracts `IExecutor.sol` and `BatchDecoder.sol`, v26 to v31; the server of zksync-os for version 2.

use std::ops::RangeInclusive;

use super::{
    Call, CalldataError, CalldataProblem, DaInput, StoredBatchInfo, abi::Abi, stored_batch::Layout,
    system_logs::SystemLogs,
};
use crate::primitives::{ChainId, Hash, SlBatch, SlBlock, Word};

/// What a commit says of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// The encoding, by its first byte.
    pub version: u8,
    /// The batch.
    pub batch: SlBatch,
    /// The root of the state tree after the batch; of a ZKsync OS chain, the commitment to the state.
    pub state_root: Hash,
    /// The next free enumeration index after the batch; zero for a ZKsync OS chain.
    pub next_index: u64,
    /// The number of transactions that came from L1.
    pub l1_transactions: Word,
    /// The hash of these transactions.
    pub priority_hash: Hash,
    /// The batch root: keccak256(local root of the logs ‖ aggregated root).
    pub logs_root: Hash,
    /// The time of the batch, of a ZKsync OS chain that of its first block, in seconds.
    pub timestamp: u64,
    /// The chain id and the blocks, which only ZKsync OS chains state.
    pub stated: Option<(ChainId, Option<RangeInclusive<SlBlock>>)>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit<'c> {
    /// The batch before.
    pub previous: StoredBatchInfo,
    /// The batch.
    pub info: CommitInfo,
    /// Where its pubdata are.
    pub data: DaInput<&'c [u8]>,
}

/// The form of `CommitBatchInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Era,
    ZksyncOs {
        /// Whether the blocks are named.
        has_blocks: bool,
        /// Whether the number of L2 transactions and the settlement layer are named.
        is_v31: bool,
    },
}

const VERSION: &str = "the version of the commit";

impl<'c> Commit<'c> {
    pub(super) fn of(call: &Call<'c>) -> Result<Self, CalldataError> {
        let version = call.data.byte(VERSION)?;
        let (layout, form) = match version {
            0 => (Layout::V26, Form::Era),
            1 => (Layout::V29, Form::Era),
            2 => (Layout::V29, Form::ZksyncOs { has_blocks: false, is_v31: false }),
            3 => (Layout::V29, Form::ZksyncOs { has_blocks: true, is_v31: false }),
            4 => (Layout::V29, Form::ZksyncOs { has_blocks: true, is_v31: true }),
            _ => return Err(call.data.bad(0, VERSION, CalldataProblem::Version(version))),
        };
        let arguments = call.data.after(1);
        let previous = StoredBatchInfo::read(arguments, layout)?;
        let (count, elements) = arguments.array(layout.words(), "the list of batches")?;
        if count != 1 {
            let problem = CalldataProblem::NotOneBatch(count);
            return Err(arguments.bad(layout.words(), "the list of batches", problem));
        }
        let batch = elements.tail(0, "the batch")?;
        let (info, data) = match form {
            Form::Era => era(version, batch)?,
            Form::ZksyncOs { has_blocks, is_v31 } => zksync_os(version, batch, has_blocks, is_v31)?,
        };
        let (found, (first, last)) = (info.batch, call.batches);
        if let Some(named) = [first, last].into_iter().find(|named| *named != found) {
            let problem = CalldataProblem::OtherBatch { found, named };
            return Err(batch.bad(0, "the number of the batch", problem));
        }
        if previous.batch.0.checked_add(1) != Some(found.0) {
            let problem = CalldataProblem::NotPrevious { previous: previous.batch, batch: found };
            return Err(arguments.bad(0, "the number of the stored batch", problem));
        }
        Ok(Self { previous, info, data })
    }
}

/// The struct A.
fn era(version: u8, batch: Abi<'_>) -> Result<(CommitInfo, DaInput<&[u8]>), CalldataError> {
    let logs = SystemLogs::read(batch.bytes(8, "the system logs")?)?;
    let data = batch.bytes(9, "operatorDAInput")?;
    let info = CommitInfo {
        version,
        batch: SlBatch(batch.number(0, "the number of the batch")?),
        timestamp: batch.number(1, "the timestamp of the batch")?,
        next_index: batch.number(2, "the next index of the batch")?,
        state_root: batch.hash(3, "the state root of the batch")?,
        l1_transactions: batch.word(4, "the number of L1 transactions")?,
        priority_hash: batch.hash(5, "the hash of the L1 transactions")?,
        logs_root: logs.logs_root,
        stated: None,
    };
    Ok((info, DaInput::of_era(data, logs.da_output)))
}

/// The structs B and C.
fn zksync_os(
    version: u8,
    batch: Abi<'_>,
    has_blocks: bool,
    is_v31: bool,
) -> Result<(CommitInfo, DaInput<&[u8]>), CalldataError> {
    let mut next = 0..;
    let mut at = || next.next().unwrap_or_default();
    let number = SlBatch(batch.number(at(), "the number of the batch")?);
    let state_root = batch.hash(at(), "the state commitment of the batch")?;
    let l1_transactions = batch.word(at(), "the number of L1 transactions")?;
    if is_v31 {
        batch.word(at(), "the number of L2 transactions")?;
    }
    let priority_hash = batch.hash(at(), "the hash of the L1 transactions")?;
    batch.hash(at(), "the hash of the dependencies")?;
    let logs_root = batch.hash(at(), "the batch root of the batch")?;
    batch.byte_number(at(), "the scheme of the data commitment")?;
    let committed = batch.hash(at(), "the data commitment")?;
    let timestamp = batch.number(at(), "the first timestamp of the batch")?;
    let mut block = |what| has_blocks.then(|| batch.number(at(), what).map(SlBlock)).transpose();
    let first_block = block("the first block of the batch")?;
    batch.number(at(), "the last timestamp of the batch")?;
    let mut block = |what| has_blocks.then(|| batch.number(at(), what).map(SlBlock)).transpose();
    let last_block = block("the last block of the batch")?;
    let chain = ChainId(batch.number(at(), "the chain id of the batch")?);
    let data = batch.bytes(at(), "operatorDAInput")?;
    if is_v31 {
        batch.number(at(), "the chain id of the settlement layer")?;
    }
    let blocks = first_block.zip(last_block).map(|(first, last)| first..=last);
    let info = CommitInfo {
        version,
        batch: number,
        state_root,
        next_index: 0,
        l1_transactions,
        priority_hash,
        logs_root,
        timestamp,
        stated: Some((chain, blocks)),
    };
    Ok((info, DaInput::of_zksync_os(data, committed)))
}
