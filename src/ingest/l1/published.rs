//! The pubdata of committed batches, from calldata and blobs.

use std::fmt;

use thiserror::Error;

use super::{
    BlobName, Commits, CommittedBatch, DaInput, UnknownDa,
    blobs::{BLOB_PUBDATA_LEN, Blobs},
};
use crate::{
    files::OutputError,
    ingest::logs::{EraPubdata, SourceError},
    keccak::keccak256,
    message::LogsError,
    primitives::{Hash, SlBatch},
};

/// Blobs that are listed in texts.
const SHOWN: usize = 6;

/// Why the pubdata of a batch cannot be had, although its commit is there.
#[derive(Debug, Error)]
#[error("the pubdata of batch {batch} cannot be read: {reason}")]
pub struct LostPubdata {
    /// The batch.
    pub batch: SlBatch,
    /// Why.
    #[source]
    pub reason: LostReason,
}

/// Why pubdata cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LostReason {
    /// Blobs are missing.
    #[error("{}", missing(.0))]
    Blobs(Vec<MissingBlob>),
    /// The chain does not publish its pubdata on L1.
    #[error("the chain does not publish them on L1")]
    NotOnL1,
    /// It is not known where they are.
    #[error(transparent)]
    UnknownPlace(#[from] UnknownDa),
    /// They cannot be parsed.
    #[error("they are damaged, or in a form that is not known")]
    Parse(#[from] SourceError),
    /// Their logs and messages do not match.
    #[error("their logs and messages contradict each other")]
    Logs(#[from] LogsError),
    /// Their hash differs from the one in the commit.
    #[error("their keccak256 is {found}, but the commit has {committed}")]
    Hash {
        /// The hash in the commit.
        committed: Hash,
        /// The hash of what was read.
        found: Hash,
    },
    /// The number of slots that were written for the first time differs from the one in the commit.
    #[error(
        "they have {found} slots that were written for the first time, but by the enumeration indexes in the commit it \
         is {committed}"
    )]
    FirstValues {
        /// The number by the commit.
        committed: u64,
        /// The number in the pubdata.
        found: u64,
    },
}

/// A blob that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingBlob {
    /// Its number among the blobs of the batch, from 0.
    pub number: usize,
    /// How the commit names it.
    pub name: BlobName,
}

impl fmt::Display for MissingBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_prepublished {
            return write!(f, "the blob with the linear hash {}", self.name.linear_hash);
        }
        write!(f, "the blob {}", self.name.versioned_hash)
    }
}

fn missing(blobs: &[MissingBlob]) -> String {
    let names: Vec<String> = blobs.iter().take(SHOWN).map(ToString::to_string).collect();
    let verb = if blobs.len() == 1 { "is" } else { "are" };
    format!("{} {verb} missing", names.join(" and "))
}

/// Reads the pubdata of a committed batch and checks them against the commit.
///
/// # Errors
/// [`OutputError`] when a temporary file cannot be read. What is wrong with the pubdata is the inner error.
pub(super) fn pubdata_of(
    batch: &CommittedBatch,
    commits: &Commits,
    blobs: &Blobs,
) -> Result<Result<(Vec<u8>, Hash), LostPubdata>, OutputError> {
    let lost = |reason| Ok(Err(LostPubdata { batch: batch.batch, reason }));
    match &batch.data {
        DaInput::Calldata { pubdata, pubdata_hash } => {
            Ok(Ok((commits.pubdata(pubdata)?, *pubdata_hash)))
        }
        DaInput::Blobs { pubdata_hash, blobs: names } => {
            let mut pubdata = Vec::with_capacity(names.len() * BLOB_PUBDATA_LEN);
            let mut missing = Vec::new();
            for (number, name) in names.iter().enumerate() {
                if !blobs.append_to(&mut pubdata, &name.linear_hash)? {
                    missing.push(MissingBlob { number, name: *name });
                }
            }
            match missing.is_empty() {
                true => Ok(Ok((pubdata, *pubdata_hash))),
                false => lost(LostReason::Blobs(missing)),
            }
        }
        DaInput::StateDiffHash(_) => lost(LostReason::NotOnL1),
        DaInput::Other { reason } => lost((*reason).into()),
    }
}

/// Reads the pubdata of a batch of an Era chain with its state diffs.
///
/// # Errors
/// As [`pubdata_of`].
pub(super) fn era_pubdata_of(
    batch: &CommittedBatch,
    commits: &Commits,
    blobs: &Blobs,
) -> Result<Result<EraPubdata, LostPubdata>, OutputError> {
    let (bytes, committed) = match pubdata_of(batch, commits, blobs)? {
        Ok(read) => read,
        Err(lost) => return Ok(Err(lost)),
    };
    let parse = || -> Result<EraPubdata, LostReason> {
        let (pubdata, len) = EraPubdata::read(&bytes)?;
        let found = keccak256(&bytes[..len]);
        if found != committed {
            return Err(LostReason::Hash { committed, found });
        }
        let found = pubdata.diffs.initial.len() as u64;
        let committed = batch.info.next_index.wrapping_sub(batch.previous.next_index);
        match found == committed {
            true => Ok(pubdata),
            false => Err(LostReason::FirstValues { committed, found }),
        }
    };
    Ok(parse().map_err(|reason| LostPubdata { batch: batch.batch, reason }))
}
