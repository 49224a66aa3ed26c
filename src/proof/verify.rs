//! The verifier: does a proof, for this log, fold to a root that somebody else vouches for?
//!
//! A second implementation. It walks the words of a proof as `MessageHashing.sol` and
//! `L2MessageVerification.sol` (era-contracts, v26 to v31) do, check by check, and hashes with a scalar
//! Keccak of its own; it shares no code with the trees or the extraction, so that an error there cannot
//! hide here. It is stricter than the contracts in one respect: words behind the end of a proof, which
//! the contracts ignore, are refused.

use std::sync::LazyLock;

use thiserror::Error;
use tiny_keccak::{Hasher, Keccak};

use crate::{
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, Word},
    proof::FailureCode,
};

/// `BATCH_LEAF_PADDING`, `CHAIN_ID_LEAF_PADDING` and `L2_L1_LOGS_TREE_DEFAULT_LEAF_HASH`, hashed anew on
/// purpose.
pub(super) static BATCH_LEAF: LazyLock<Hash> = LazyLock::new(|| keccak(&[b"zkSync:BatchLeaf"]));
pub(super) static CHAIN_ID_LEAF: LazyLock<Hash> =
    LazyLock::new(|| keccak(&[b"zkSync:ChainIdLeaf"]));
pub(super) static DEFAULT_LEAF: LazyLock<Hash> = LazyLock::new(|| keccak(&[&[0; L2ToL1Log::LEN]]));

/// What a proof claims: this log stood at this index of this batch.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The chain that emitted the log.
    pub chain: ChainId,
    /// The batch.
    pub batch: BatchNumber,
    /// The log's leaf index in the batch.
    pub index: u64,
    /// The log.
    pub log: &'a L2ToL1Log,
}

/// What the words fold to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The root of the batch, as its chain published it.
    pub batch_root: Hash,
    /// Whose root the whole proof folds to.
    pub root_ref: RootRef,
    /// The root that the whole proof folds to.
    pub root: Hash,
}

/// Whose root a proof folds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootRef {
    /// The batch itself: its root stands where the chain settles.
    Batch(ChainId, BatchNumber),
    /// A block (interop form) or batch (L1 form) of the settlement layer with this chain id: the words do
    /// not say which of the two.
    SettlementLayer(Word, u128),
    /// A block of the settlement layer with this chain id, as the target of a record says.
    SlBlock(Word, u128),
    /// A batch of the settlement layer with this chain id, as the target of a record says.
    SlBatch(Word, u128),
}

/// Why a proof is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No words (`MerklePathEmpty`).
    #[error("the proof has no words")]
    Empty,
    /// The leaf is the padding of log trees (`HashedLogIsDefault`).
    #[error("the log is 88 zero bytes, which every log tree is padded with; it proves nothing")]
    DefaultLeaf,
    /// `UnsupportedProofMetadataVersion`.
    #[error("word {at}: metadata version {got} is not supported")]
    MetadataVersion {
        /// The word.
        at: usize,
        /// The version there.
        got: u8,
    },
    /// `InvalidProofLengthForFinalNode`.
    #[error("word {at}: the last node has a batch path")]
    BatchPathOnLastNode {
        /// The word.
        at: usize,
    },
    /// A slice beyond the end of the proof.
    #[error("the proof ends after {got} words, {needed} are needed")]
    TooShort {
        /// How many were needed.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// Words that nothing refers to.
    #[error("the proof has {got} words, and ends after {used}")]
    TrailingWords {
        /// How many were used.
        used: usize,
        /// How many there are.
        got: usize,
    },
    /// `MerkleIndexOutOfBounds`.
    #[error("index {index} does not fit a path of {path} siblings")]
    IndexOutOfBounds {
        /// The index or mask.
        index: Word,
        /// The path's length.
        path: usize,
    },
    /// `MerklePathOutOfBounds`.
    #[error("a path of {path} siblings; the contracts allow 255")]
    PathTooLong {
        /// The path's length.
        path: usize,
    },
    /// `DepthMoreThanOneForRecursiveMerkleProof`.
    #[error("word {at}: a second settlement layer; the contracts allow one")]
    SecondHop {
        /// The word.
        at: usize,
    },
    /// The fold differs from the root that is known.
    #[error("the proof folds to {got}, the root is {expected}")]
    Root {
        /// The known root.
        expected: Hash,
        /// The fold.
        got: Hash,
    },
    /// Nobody vouches for the root.
    #[error("the anchor knows no root of {}", describe(.0))]
    UnknownRoot(RootRef),
    /// The record's batch root is not what the log path folds to.
    #[error("the log path folds to {got}, the record says that the batch root is {expected}")]
    BatchRoot {
        /// The record's root.
        expected: Hash,
        /// The fold.
        got: Hash,
    },
    /// The record's target is not the one that the words lead to.
    #[error("the record's target is {expected}, the proof's words lead to {}", describe(.got))]
    Target {
        /// The record's target, in words.
        expected: String,
        /// What the words lead to.
        got: RootRef,
    },
    /// The message is not the one that the log stands for.
    #[error("the message hashes to {got}, the log says {expected}")]
    Message {
        /// The log's value.
        expected: Hash,
        /// The message's hash.
        got: Hash,
    },
    /// The log stands for no message, and yet there is one.
    #[error("the log is not one that L1Messenger emits for a message")]
    NoMessageLog,
}

fn describe(anchor: &RootRef) -> String {
    let (chain, what, number) = match anchor {
        RootRef::Batch(chain, batch) => return format!("chain {chain}, batch {batch}"),
        RootRef::SettlementLayer(chain, number) => (chain, "number", number),
        RootRef::SlBlock(chain, block) => (chain, "block", block),
        RootRef::SlBatch(chain, batch) => (chain, "batch", batch),
    };
    match chain.to_u64() {
        Ok(chain) => format!("settlement layer {chain}, {what} {number}"),
        Err(_) => format!("settlement layer {chain}, {what} {number}"),
    }
}

impl VerifyError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Empty => FailureCode::EmptyProof,
            Self::DefaultLeaf => FailureCode::DefaultLeaf,
            Self::MetadataVersion { .. } => FailureCode::MetadataVersion,
            Self::BatchPathOnLastNode { .. } => FailureCode::BatchPathOnLastNode,
            Self::TooShort { .. } => FailureCode::TooShort,
            Self::TrailingWords { .. } => FailureCode::TrailingWords,
            Self::IndexOutOfBounds { .. } => FailureCode::IndexOutOfBounds,
            Self::PathTooLong { .. } => FailureCode::PathTooLong,
            Self::SecondHop { .. } => FailureCode::SecondHop,
            Self::Root { .. } => FailureCode::RootMismatch,
            Self::UnknownRoot(_) => FailureCode::UnknownRoot,
            Self::BatchRoot { .. } => FailureCode::BatchRootMismatch,
            Self::Target { .. } => FailureCode::TargetMismatch,
            Self::Message { .. } => FailureCode::MessageMismatch,
            Self::NoMessageLog => FailureCode::NotAMessage,
        }
    }
}

/// Folds the words of a proof for a claim. What comes out is to be compared with a root that is known
/// from elsewhere.
///
/// # Errors
/// [`VerifyError`] for whatever the contracts would refuse before they compare a root.
pub fn fold(claim: &Claim<'_>, words: &[Hash]) -> Result<Folded, VerifyError> {
    let leaf = keccak(&[claim.log.as_bytes()]);
    if leaf == *DEFAULT_LEAF {
        return Err(VerifyError::DefaultLeaf);
    }
    let mut rest = Words { words, at: 0 };
    let node = rest.node()?;
    let batch_root = fold_path(leaf, claim.index.into(), rest.take(node.path)?)?;
    if node.last {
        rest.end()?;
        let root_ref = RootRef::Batch(claim.chain, claim.batch);
        return Ok(Folded { batch_root, root_ref, root: batch_root });
    }

    let batch_mask = rest.word()?;
    let batch_leaf = padded_leaf(&BATCH_LEAF, batch_root, claim.batch.0);
    let chain_root = fold_path(batch_leaf, batch_mask, rest.take(node.batch_path)?)?;
    let chain_id_leaf = padded_leaf(&CHAIN_ID_LEAF, chain_root, claim.chain.0);
    let (number, chain_mask) = rest.word()?.split();
    let sl_chain = rest.word()?;

    let at = rest.at;
    let node = rest.node()?;
    let root = fold_path(chain_id_leaf, Word::join(0, chain_mask), rest.take(node.path)?)?;
    if !node.last {
        return Err(VerifyError::SecondHop { at });
    }
    rest.end()?;
    Ok(Folded { batch_root, root_ref: RootRef::SettlementLayer(sl_chain, number), root })
}

/// Whether a message is the one that a log stands for.
///
/// # Errors
/// [`VerifyError`] when the log stands for another message, or for none.
pub fn message(log: &L2ToL1Log, message: &[u8]) -> Result<(), VerifyError> {
    if !log.is_message() {
        return Err(VerifyError::NoMessageLog);
    }
    let got = keccak(&[message]);
    if got != log.value() {
        return Err(VerifyError::Message { expected: log.value(), got });
    }
    Ok(())
}

struct Node {
    path: usize,
    batch_path: usize,
    last: bool,
}

struct Words<'a> {
    words: &'a [Hash],
    at: usize,
}

impl<'a> Words<'a> {
    /// `parseProofMetadata`: a first word whose last 28 bytes are zero describes what follows; any
    /// other is the first sibling of a plain path that takes all the words.
    fn node(&mut self) -> Result<Node, VerifyError> {
        let at = self.at;
        let got = self.words.len();
        let word = self.words.get(at).ok_or(match at {
            0 => VerifyError::Empty,
            _ => VerifyError::TooShort { needed: at + 1, got },
        })?;
        let bytes = word.as_bytes();
        if bytes[4..] != [0; 28] {
            return Ok(Node { path: got - at, batch_path: 0, last: true });
        }
        if bytes[0] != 1 {
            return Err(VerifyError::MetadataVersion { at, got: bytes[0] });
        }
        let node = Node { path: bytes[1].into(), batch_path: bytes[2].into(), last: bytes[3] != 0 };
        if node.last && node.batch_path != 0 {
            return Err(VerifyError::BatchPathOnLastNode { at });
        }
        self.at += 1;
        Ok(node)
    }

    fn take(&mut self, len: usize) -> Result<&'a [Hash], VerifyError> {
        let needed = self.at + len;
        let got = self.words.len();
        let slice = self.words.get(self.at..needed).ok_or(VerifyError::TooShort { needed, got })?;
        self.at = needed;
        Ok(slice)
    }

    fn word(&mut self) -> Result<Word, VerifyError> {
        Ok(self.take(1)?[0].into())
    }

    fn end(&self) -> Result<(), VerifyError> {
        if self.at < self.words.len() {
            return Err(VerifyError::TrailingWords { used: self.at, got: self.words.len() });
        }
        Ok(())
    }
}

/// `Merkle.calculateRootMemory`: bit `i` of the index says on which side sibling `i` stands.
fn fold_path(leaf: Hash, index: Word, path: &[Hash]) -> Result<Hash, VerifyError> {
    if path.len() > 255 {
        return Err(VerifyError::PathTooLong { path: path.len() });
    }
    let bit = |i: usize| index.as_bytes()[31 - i / 8] >> (i % 8) & 1 == 1;
    if (path.len()..256).any(bit) {
        return Err(VerifyError::IndexOutOfBounds { index, path: path.len() });
    }
    Ok(path.iter().enumerate().fold(leaf, |node, (i, sibling)| {
        let (left, right) = if bit(i) { (sibling, &node) } else { (&node, sibling) };
        keccak(&[left.as_bytes(), right.as_bytes()])
    }))
}

fn padded_leaf(padding: &Hash, root: Hash, number: u64) -> Hash {
    keccak(&[padding.as_bytes(), root.as_bytes(), Word::from(number).as_bytes()])
}

fn keccak(parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak::v256();
    for part in parts {
        hasher.update(part);
    }
    let mut out = [0; 32];
    hasher.finalize(&mut out);
    Hash::new(out)
}
