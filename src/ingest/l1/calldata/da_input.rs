//! `operatorDAInput`: where the pubdata of a batch are.
//!
//! ```text
//! rollup    hash of state differences 32 ‖ keccak256(pubdata) 32 ‖ u8 n ‖ n × linear hash 32 ‖ u8 source ‖ rest
//!   source 0, calldata: pubdata ‖ blob commitment 32                                       n = 1
//!   source 1, blobs:    n × (opening point 16 ‖ claimed value 32 ‖ KZG commitment 48 ‖ proof 48 ‖ prepublished 32)
//! validium  hash of state differences 32
//! ```
//!
//! The keccak256 of everything before `source` is in the batch: in system log 5 of an Era chain, in
//! `daCommitment` of a ZKsync OS chain. A linear hash is the keccak256 of 126,976 bytes of pubdata, the last ones
//! padded with zeros. Another data availability layer may follow the hash of state differences with anything.
//!
//! Sources: era-contracts `RollupL1DAValidator.sol`, `CalldataDA.sol`, `ValidiumL1DAValidator.sol`, v26 to v31;
//! zksync-era `commit_batch_info.rs`; EIP-4844 for the versioned hash.

use sha2::{Digest, Sha256};

use super::abi::Abi;
use crate::{
    keccak::keccak256,
    primitives::{Hash, Word},
};

/// Where the pubdata of a batch are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DaInput<P> {
    /// In the calldata of the commit.
    Calldata {
        /// The pubdata, or their place. They have the hash `pubdata_hash`.
        pubdata: P,
        /// Their keccak256.
        pubdata_hash: Hash,
    },
    /// In blobs.
    Blobs {
        /// The keccak256 of the pubdata.
        pubdata_hash: Hash,
        /// The blobs in order.
        blobs: Vec<BlobName>,
    },
    /// Nowhere on L1: the chain is a validium.
    StateDiffHash(Hash),
    /// In a form that is not known, or on another data availability layer.
    Other {
        /// Why it is none of the other forms.
        reason: UnknownDa,
    },
}

/// How a commit names a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobName {
    /// The keccak256 of the 126,976 bytes in the blob. The batch proof covers it.
    pub linear_hash: Hash,
    /// The versioned hash, computed from the KZG commitment. For a blob that was published before, it names no blob.
    pub versioned_hash: Hash,
    /// Whether the blob is in an earlier transaction.
    pub is_prepublished: bool,
}

/// Why the input of a validator of data availability is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownDa {
    /// The hash of its first part is not the one in the batch.
    #[error(
        "it does not have the hash in the batch: it is damaged, or of another data availability layer"
    )]
    Hash,
    /// The number of blobs does not fit its length.
    #[error("it does not have the length for its number of blobs")]
    Length,
    /// The pubdata in it have another hash.
    #[error("the pubdata in it do not have the hash in the batch")]
    PubdataHash,
    /// It says that the pubdata are in another place than calldata or blobs.
    #[error("it has the unknown source of pubdata {0}")]
    Source(u8),
}

const BLOB_ENTRY: usize = 16 + 32 + 48 + 48 + 32;
/// The bytes of the blob commitment behind pubdata in calldata.
const BLOB_COMMITMENT: usize = 32;

impl<'c> DaInput<&'c [u8]> {
    /// Reads the input of an Era chain. `committed` is the hash of its first part in the batch.
    pub(super) fn of_era(part: Abi<'c>, committed: Hash) -> Self {
        match part.all().try_into() {
            Ok(hash) => Self::StateDiffHash(Hash::new(hash)),
            Err(_) => Self::of_zksync_os(part, committed),
        }
    }

    /// Reads the input of a ZKsync OS chain. Its blobs are named by other hashes, which are not read.
    pub(super) fn of_zksync_os(part: Abi<'c>, committed: Hash) -> Self {
        let read = Self::of_rollup(part.all(), committed);
        read.unwrap_or_else(|reason| Self::Other { reason })
    }

    fn of_rollup(bytes: &'c [u8], committed: Hash) -> Result<Self, UnknownDa> {
        let cut = UnknownDa::Length;
        let blobs = usize::from(*bytes.get(64).ok_or(cut)?);
        let (first, rest) = bytes.split_at_checked(65 + 32 * blobs).ok_or(cut)?;
        if keccak256(first) != committed {
            return Err(UnknownDa::Hash);
        }
        let (hashes, _) = first[65..].as_chunks::<32>();
        let pubdata_hash = Word::new(*first[32..].first_chunk().ok_or(cut)?).to_hash();
        let (source, rest) = rest.split_first().ok_or(cut)?;
        match source {
            0 => {
                let len = rest.len().checked_sub(BLOB_COMMITMENT).filter(|_| blobs == 1);
                let pubdata = &rest[..len.ok_or(cut)?];
                if keccak256(pubdata) != pubdata_hash {
                    return Err(UnknownDa::PubdataHash);
                }
                Ok(Self::Calldata { pubdata, pubdata_hash })
            }
            1 => {
                let (entries, rest) = rest.as_chunks::<BLOB_ENTRY>();
                if entries.len() != blobs || !rest.is_empty() {
                    return Err(cut);
                }
                let named = hashes.iter().zip(entries);
                let blobs = named.map(|(hash, entry)| BlobName::read(*hash, entry)).collect();
                Ok(Self::Blobs { pubdata_hash, blobs })
            }
            other => Err(UnknownDa::Source(*other)),
        }
    }
}

impl<P> DaInput<P> {
    /// The same input with the pubdata in another form.
    pub(in crate::ingest::l1) fn map<Q>(self, change: impl FnOnce(P) -> Q) -> DaInput<Q> {
        match self {
            Self::Calldata { pubdata, pubdata_hash } => {
                DaInput::Calldata { pubdata: change(pubdata), pubdata_hash }
            }
            Self::Blobs { pubdata_hash, blobs } => DaInput::Blobs { pubdata_hash, blobs },
            Self::StateDiffHash(hash) => DaInput::StateDiffHash(hash),
            Self::Other { reason } => DaInput::Other { reason },
        }
    }

    /// The keccak256 of the pubdata, if they are on L1.
    #[must_use]
    pub fn pubdata_hash(&self) -> Option<Hash> {
        match self {
            Self::Calldata { pubdata_hash, .. } | Self::Blobs { pubdata_hash, .. } => {
                Some(*pubdata_hash)
            }
            Self::StateDiffHash(_) | Self::Other { .. } => None,
        }
    }
}

impl BlobName {
    fn read(linear_hash: [u8; 32], entry: &[u8; BLOB_ENTRY]) -> Self {
        let (before, prepublished) = entry.split_at(BLOB_ENTRY - 32);
        let mut versioned: [u8; 32] = Sha256::digest(&before[48..96]).into();
        versioned[0] = 1;
        Self {
            linear_hash: Hash::new(linear_hash),
            versioned_hash: Hash::new(versioned),
            is_prepublished: prepublished.iter().any(|byte| *byte != 0),
        }
    }
}
