//! The batches of an Era chain with what they published on L1, one after the other.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    ops::Range,
};

use rayon::prelude::*;
use thiserror::Error;

use super::{
    BlobName, Commits, CommittedBatch, DaInput, UnknownDa,
    blobs::{BLOB_PUBDATA_LEN, Blobs},
};
use crate::{
    files::OutputError,
    ingest::logs::{EraPart, EraPubdata, SourceError},
    keccak::keccak256,
    message::LogsError,
    primitives::{Hash, SlBatch},
};

/// The most batches whose pubdata are in memory at once, each with up to a few megabytes.
const MOST_AT_ONCE: usize = 32;

/// A batch, and what it published.
#[derive(Debug)]
pub struct L1Batch<'c> {
    /// Its commit.
    pub committed: &'c CommittedBatch,
    /// Its pubdata, which were compared with the commit: their hash, and the number of initial writes.
    pub pubdata: Result<EraPubdata, LostPubdata>,
}

/// The pubdata of a batch cannot be had.
#[derive(Debug, Error)]
#[error("the pubdata of SL batch {batch}, committed by {transaction}")]
pub struct LostPubdata {
    /// The batch.
    pub batch: SlBatch,
    /// Where its commit is.
    pub transaction: String,
    /// Why.
    pub source: LostReason,
    /// What is left of them, if blobs of an Era chain are missing and others are there.
    pub left: Option<Box<EraPart>>,
}

/// Why the pubdata of a batch cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LostReason {
    /// Blobs of the batch are missing.
    #[error(
        "of its {of} blobs, {} are missing: {}", blobs.len(),
        blobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Blobs {
        /// The number of blobs of the batch.
        of: usize,
        /// The missing ones.
        blobs: Vec<LostBlob>,
    },
    /// The batch published a hash of its state differences only.
    #[error("the chain is a validium: the pubdata are not on L1")]
    Validium,
    /// The commit is in a form that is not read.
    #[error("where they are is not known")]
    UnknownDa(#[from] UnknownDa),
    /// The chain is a ZKsync OS chain, whose state differences are not read.
    #[error(
        "the batch is of a ZKsync OS chain, whose pubdata do not show the state of a settlement layer"
    )]
    ZksyncOs,
    /// The pubdata are damaged.
    #[error("they are damaged")]
    Damaged(#[from] SourceError),
    /// The logs and the messages in them do not match.
    #[error("their logs and messages contradict each other")]
    Logs(#[from] LogsError),
    /// They have another hash than in the commit.
    #[error("they have the hash {got}, but the commit has {expected}")]
    Hash {
        /// The hash in the commit.
        expected: Hash,
        /// Their hash.
        got: Hash,
    },
    /// They have another number of initial writes than the commit.
    #[error("they have {got} initial writes, but the indexes in the commit are for {expected}")]
    InitialWrites {
        /// The difference of the enumeration indexes before and after the batch.
        expected: i128,
        /// The number in the pubdata.
        got: usize,
    },
}

/// A blob of a batch that is in no input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostBlob {
    /// Its number in the batch, from 0.
    pub number: usize,
    /// Its names in the commit.
    pub name: BlobName,
}

impl fmt::Display for LostBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlobName { linear_hash, versioned_hash, is_prepublished } = self.name;
        match is_prepublished {
            false => write!(f, "blob {} with the versioned hash {versioned_hash}", self.number),
            true => write!(
                f,
                "blob {} of an earlier transaction, whose pubdata have the hash {linear_hash}",
                self.number
            ),
        }
    }
}

/// The linear hashes of all blobs that batches were committed with.
#[must_use]
pub fn linear_hashes<'c>(batches: impl IntoIterator<Item = &'c CommittedBatch>) -> HashSet<Hash> {
    let mut hashes = HashSet::new();
    for batch in batches {
        if let DaInput::Blobs { blobs, .. } = &batch.data {
            hashes.extend(blobs.iter().map(|blob| blob.linear_hash));
        }
    }
    hashes
}

/// The batches of an Era chain in ascending order. Some are parsed at once, on all threads.
#[derive(Debug)]
pub struct L1Batches<'c> {
    commits: &'c Commits,
    blobs: &'c Blobs,
    rest: &'c [CommittedBatch],
    ready: VecDeque<Result<L1Batch<'c>, OutputError>>,
}

impl<'c> L1Batches<'c> {
    /// The batches of `commits`, with the pubdata in their calldata and in `blobs`.
    #[must_use]
    pub fn new(commits: &'c Commits, blobs: &'c Blobs) -> Self {
        Self { commits, blobs, rest: commits.batches(), ready: VecDeque::new() }
    }

    /// As [`L1Batches::new`], without the batches before this one.
    pub(super) fn from(commits: &'c Commits, blobs: &'c Blobs, first: SlBatch) -> Self {
        let all = Self::new(commits, blobs);
        let start = all.rest.partition_point(|committed| committed.batch < first);
        Self { rest: &all.rest[start..], ..all }
    }
}

impl<'c> Iterator for L1Batches<'c> {
    type Item = Result<L1Batch<'c>, OutputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            let at_once = rayon::current_num_threads().min(MOST_AT_ONCE).min(self.rest.len());
            let (next, rest) = self.rest.split_at(at_once);
            self.rest = rest;
            let batches = next.par_iter().map(|committed| {
                let pubdata = era_pubdata(self.commits, self.blobs, committed)?;
                Ok(L1Batch { committed, pubdata })
            });
            self.ready.extend(batches.collect::<Vec<_>>());
        }
        self.ready.pop_front()
    }
}

/// The pubdata of a batch as bytes. Those from blobs have zeros behind them: the rest of the last blob. They are not
/// compared with the commit.
///
/// # Errors
/// [`OutputError`] when the disk with the temporary files fails; [`LostPubdata`] if the pubdata cannot be had.
pub fn pubdata_bytes(
    commits: &Commits,
    blobs: &Blobs,
    committed: &CommittedBatch,
) -> Result<Result<Vec<u8>, LostPubdata>, OutputError> {
    Ok(match &committed.data {
        DaInput::Calldata { pubdata, .. } => Ok(commits.pubdata(pubdata)?),
        DaInput::Blobs { blobs: names, .. } => blob_bytes(blobs, committed, names)?,
        DaInput::StateDiffHash(_) => Err(lost(committed, LostReason::Validium)),
        DaInput::Other { reason } => Err(lost(committed, (*reason).into())),
    })
}

pub(super) fn lost(committed: &CommittedBatch, source: LostReason) -> LostPubdata {
    let transaction = committed.transaction.to_string();
    LostPubdata { batch: committed.batch, transaction, source, left: None }
}

/// The pubdata in the blobs of a batch.
fn blob_bytes(
    blobs: &Blobs,
    committed: &CommittedBatch,
    names: &[BlobName],
) -> Result<Result<Vec<u8>, LostPubdata>, OutputError> {
    let mut pubdata = Vec::with_capacity(names.len() * BLOB_PUBDATA_LEN);
    let (mut missing, mut known): (Vec<LostBlob>, Vec<Range<usize>>) = Default::default();
    for (number, name) in names.iter().enumerate() {
        let start = pubdata.len();
        if !blobs.append_to(&mut pubdata, &name.linear_hash)? {
            missing.push(LostBlob { number, name: *name });
            pubdata.resize(start + BLOB_PUBDATA_LEN, 0);
            continue;
        }
        let before = known.pop_if(|before| before.end == start);
        known.push(before.map_or(start, |before| before.start)..pubdata.len());
    }
    if missing.is_empty() {
        return Ok(Ok(pubdata));
    }
    let is_era = committed.info.stated.is_none();
    let indexes = committed.previous.next_index..committed.info.next_index;
    let left = is_era.then(|| EraPart::read(&pubdata, &known, indexes));
    let left = left.filter(|left| !left.is_empty()).map(Box::new);
    let reason = LostReason::Blobs { of: names.len(), blobs: missing };
    Ok(Err(LostPubdata { left, ..lost(committed, reason) }))
}

/// The pubdata of a batch, compared with its commit.
fn era_pubdata(
    commits: &Commits,
    blobs: &Blobs,
    committed: &CommittedBatch,
) -> Result<Result<EraPubdata, LostPubdata>, OutputError> {
    if committed.info.stated.is_some() {
        return Ok(Err(lost(committed, LostReason::ZksyncOs)));
    }
    let read = pubdata_bytes(commits, blobs, committed)?;
    Ok(read.and_then(|bytes| checked(committed, &bytes).map_err(|reason| lost(committed, reason))))
}

fn checked(committed: &CommittedBatch, bytes: &[u8]) -> Result<EraPubdata, LostReason> {
    let (pubdata, len) = EraPubdata::read(bytes)?;
    let got = keccak256(&bytes[..len]);
    if let Some(expected) = committed.data.pubdata_hash().filter(|expected| *expected != got) {
        return Err(LostReason::Hash { expected, got });
    }
    // What has no index yet gets the next one.
    let expected =
        i128::from(committed.info.next_index) - i128::from(committed.previous.next_index);
    let got = pubdata.diffs.initial.len();
    match expected == got as i128 {
        true => Ok(pubdata),
        false => Err(LostReason::InitialWrites { expected, got }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        archive::Place,
        ingest::l1::{CommitInfo, Execution, PubdataPlace, StoredBatchInfo, TransactionPlace},
        primitives::Word,
    };

    /// Pubdata without logs, with one initial write.
    const PUBDATA: [u8; 52] = {
        let mut bytes = [0; 52];
        // Version 1, 36 bytes of diffs, 4 bytes of an index, one initial write of key 0 and value 1.
        (bytes[12], bytes[15], bytes[16], bytes[18], bytes[51]) = (1, 36, 4, 1, 1 << 3 | 1);
        bytes
    };

    fn committed(pubdata_hash: Hash, indexes: (u64, u64)) -> CommittedBatch {
        let (batch, zero) = (SlBatch(7), Hash::ZERO);
        let previous = StoredBatchInfo {
            batch: SlBatch(6),
            state_root: zero,
            next_index: indexes.0,
            l1_transactions: Word::ZERO,
            priority_hash: zero,
            dependency_hash: None,
            logs_root: zero,
            timestamp: Word::ZERO,
            commitment: zero,
        };
        let info = CommitInfo {
            version: 0,
            batch,
            state_root: zero,
            next_index: indexes.1,
            l1_transactions: Word::ZERO,
            priority_hash: zero,
            logs_root: zero,
            timestamp: 0,
            stated: None,
        };
        let data = DaInput::Calldata { pubdata: PubdataPlace::default(), pubdata_hash };
        let transaction = TransactionPlace { hash: None, name: "test".into(), place: Place::Whole };
        CommittedBatch { batch, previous, info, data, execution: Execution::Unknown, transaction }
    }

    #[test]
    fn pubdata_are_compared_with_the_commit() {
        let pubdata = [&PUBDATA[..], &[5]].concat();
        let hash = keccak256(&pubdata);
        // A part of a blob follows.
        let padded = [&pubdata[..], &[0; 31]].concat();
        let read = checked(&committed(hash, (9, 10)), &padded).unwrap();
        assert_eq!(read.diffs.initial, [(Hash::ZERO, Word::from(5))]);
        // The same numbers, and another value of the slot.
        let changed = [&PUBDATA[..], &[6]].concat();
        let error = checked(&committed(hash, (9, 10)), &changed).unwrap_err();
        assert!(matches!(error, LostReason::Hash { expected, .. } if expected == hash), "{error}");
        for indexes in [(9, 9), (9, 11), (10, 9), (0, u64::MAX), (u64::MAX, 0)] {
            let error = checked(&committed(hash, indexes), &padded).unwrap_err();
            assert!(matches!(error, LostReason::InitialWrites { got: 1, .. }), "{error}");
        }
        let trailing = [&padded[..], &[1]].concat();
        let error = checked(&committed(hash, (9, 10)), &trailing).unwrap_err();
        let is_named =
            matches!(error, LostReason::Damaged(SourceError::Trailing { offset: 53, len: 32 }));
        assert!(is_named, "{error}");
    }
}
