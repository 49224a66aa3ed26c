//! The verifier: checks whether a proof of a log folds to a root from an independent source.
//!
//! This is a second implementation. It reads the words of a proof as `MessageHashing.sol` and
//! `L2MessageVerification.sol` (era-contracts, v26 to v31) do, check by check, and hashes with its own scalar
//! Keccak. It shares no code with the trees or the extraction, so it detects errors in them. It is stricter
//! than the contracts in one respect: it refuses words after the end of a proof, which the contracts
//! ignore.

use std::sync::LazyLock;

use thiserror::Error;
use tiny_keccak::{Hasher, Keccak};

use crate::{
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, Word},
    proof::FailureCode,
};

/// `BATCH_LEAF_PADDING`, `CHAIN_ID_LEAF_PADDING` and `L2_L1_LOGS_TREE_DEFAULT_LEAF_HASH`, computed here again
/// so that the verifier shares no constants with the trees.
pub(super) static BATCH_LEAF: LazyLock<Hash> = LazyLock::new(|| keccak(&[b"zkSync:BatchLeaf"]));
pub(super) static CHAIN_ID_LEAF: LazyLock<Hash> =
    LazyLock::new(|| keccak(&[b"zkSync:ChainIdLeaf"]));
pub(super) static DEFAULT_LEAF: LazyLock<Hash> = LazyLock::new(|| keccak(&[&[0; L2ToL1Log::LEN]]));

/// The claim of a proof: this log is at this index of this batch.
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

/// The result of folding a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The root of the batch, as its chain published it.
    pub batch_root: Hash,
    /// The owner of the root that the whole proof folds to.
    pub root_ref: RootRef,
    /// The root that the whole proof folds to.
    pub root: Hash,
}

/// The batch or block whose root a proof folds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootRef {
    /// The batch itself. Its root is stored where the chain settles.
    Batch(ChainId, BatchNumber),
    /// A block (interop form) or batch (L1 form) of the settlement layer with this chain id. The words do
    /// not say which of the two.
    SettlementLayer(Word, u128),
    /// A block of the settlement layer with this chain id, according to a record's target.
    SlBlock(Word, u128),
    /// A batch of the settlement layer with this chain id, according to a record's target.
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
    #[error("the log is 88 zero bytes, the padding of every log tree, and proves nothing")]
    DefaultLeaf,
    /// `UnsupportedProofMetadataVersion`.
    #[error("word {at}: metadata version {got} is not supported")]
    MetadataVersion {
        /// The index of the word.
        at: usize,
        /// The version there.
        got: u8,
    },
    /// `InvalidProofLengthForFinalNode`.
    #[error("word {at}: the last node has a batch path")]
    BatchPathOnLastNode {
        /// The index of the word.
        at: usize,
    },
    /// The proof has too few words.
    #[error("the proof has {got} words, but at least {needed} are needed")]
    TooShort {
        /// The number of words needed.
        needed: usize,
        /// The number of words found.
        got: usize,
    },
    /// The proof has words after its end.
    #[error("the proof has {got} words, but ends after {used}")]
    TrailingWords {
        /// The number of words used.
        used: usize,
        /// The number of words found.
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
    #[error("a path has {path} siblings; the contracts allow 255")]
    PathTooLong {
        /// The path's length.
        path: usize,
    },
    /// `DepthMoreThanOneForRecursiveMerkleProof`.
    #[error("word {at}: a second settlement layer; the contracts allow one")]
    SecondHop {
        /// The index of the word.
        at: usize,
    },
    /// The proof folds to another root than the known one.
    #[error("the proof folds to {got}, but the root is {expected}")]
    Root {
        /// The known root.
        expected: Hash,
        /// The root that the proof folds to.
        got: Hash,
    },
    /// The source of roots does not have the root.
    #[error("the anchor has no root of {}", describe(.0))]
    UnknownRoot(RootRef),
    /// The log path folds to another batch root than the record's.
    #[error("the log path folds to {got}, but the record's batch root is {expected}")]
    BatchRoot {
        /// The record's root.
        expected: Hash,
        /// The root that the log path folds to.
        got: Hash,
    },
    /// The words lead to another target than the record's.
    #[error("the record's target is {expected}, but the proof's words lead to {}", describe(.got))]
    Target {
        /// The record's target.
        expected: String,
        /// What the words lead to.
        got: RootRef,
    },
    /// The message does not match the log.
    #[error("the message hashes to {got}, but the log's value is {expected}")]
    Message {
        /// The log's value.
        expected: Hash,
        /// The message's hash.
        got: Hash,
    },
    /// There is a message, but the log is not of a message.
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
    /// The stable code of this error.
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

/// Folds the words of a proof for a claim. The caller compares the result with a root from an independent
/// source.
///
/// ```
/// use slproof::ProofRecord;
/// use slproof::proof::verify::{Claim, RootRef, fold};
///
/// let text = std::fs::read("fixtures/gateway-v31/record.json")?;
/// let record: ProofRecord = serde_json::from_slice(&text)?;
/// let log = &record.log.ok_or("the record has a log")?;
/// let (chain, batch, index) = (record.chain_id, record.batch_number, record.id);
///
/// let folded = fold(&Claim { chain, batch, index, log }, &record.proof)?;
/// assert_eq!(folded.batch_root, record.root);
/// assert!(matches!(folded.root_ref, RootRef::SettlementLayer(_, 214)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`VerifyError`] if the contracts would refuse the proof before they compare a root.
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

/// Checks that a message matches a log.
///
/// # Errors
/// [`VerifyError`] if the log is of another message, or not of a message.
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
    /// `parseProofMetadata`: a first word whose last 28 bytes are zero is metadata. Any other first word is
    /// the first sibling of a plain path, which takes all the words.
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

/// `Merkle.calculateRootMemory`: bit `i` of the index is 1 if the node is to the right of sibling `i`.
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

#[cfg(test)]
mod tests;
