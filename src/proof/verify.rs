//! The verifier: checks whether a proof of a log folds to a root from an independent source.
//!
//! This is a second implementation. It reads the words of a proof as `MessageHashing.sol` and
//! `L2MessageVerification.sol` (era-contracts, v26 to v31 and v33) do, check by check, and hashes with its own scalar
//! Keccak. It shares no code with the trees or the extraction, so it detects errors in them. It is stricter
//! than the contracts in one respect: it refuses words after the end of a proof, which the contracts
//! ignore.

use std::sync::LazyLock;

use thiserror::Error;
use tiny_keccak::{Hasher, Keccak};

use crate::{
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, Timestamp, Word},
    proof::FailureCode,
};

/// `BATCH_LEAF_PADDING`, `CHAIN_ID_LEAF_PADDING` and `L2_L1_LOGS_TREE_DEFAULT_LEAF_HASH`, computed here again
/// so that the verifier shares no constants with the trees.
pub(super) static BATCH_LEAF: LazyLock<Hash> = LazyLock::new(|| keccak(&[b"zkSync:BatchLeaf"]));
pub(super) static CHAIN_ID_LEAF: LazyLock<Hash> =
    LazyLock::new(|| keccak(&[b"zkSync:ChainIdLeaf"]));
pub(super) static DEFAULT_LEAF: LazyLock<Hash> = LazyLock::new(|| keccak(&[&[0; L2ToL1Log::LEN]]));
/// The node over leaves 4 to 7 of a batch root of eight leaves, which are zero (`ChainBatchRootTree.sol`).
static RESERVED_HALF: LazyLock<Hash> = LazyLock::new(|| {
    let node = keccak(&[&[0; 64]]);
    keccak(&[node.as_bytes(), node.as_bytes()])
});

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
    /// The timestamp of the batch in the words (since v33). `None` if they have none.
    pub l1_timestamp: Option<Word>,
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
    #[error("the proof has {got} words, but ends after {used}; the contracts ignore the rest")]
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
    /// The words have another timestamp than the record, or none.
    #[error(
        "the record's l1Timestamp is {expected}, but the proof's words have {}",
        .got.map_or_else(|| "none".into(), |word| timestamp_text(&word))
    )]
    Timestamp {
        /// The record's timestamp.
        expected: Timestamp,
        /// The timestamp in the words.
        got: Option<Word>,
    },
    /// The record's target has a timestamp that the words exclude: they have none of the batch, or a later one.
    #[error(
        "the record's target has the timestamp {given}, but the timestamp of the batch in the proof's words is {}",
        .executed.map_or_else(|| "missing".into(), |word| timestamp_text(&word))
    )]
    TargetTimestamp {
        /// The timestamp in the target.
        given: Timestamp,
        /// The timestamp in the words.
        executed: Option<Word>,
    },
    /// The words are not those of a leaf of a batch root of eight leaves.
    #[error(
        "the proof is of no leaf of a batch root of eight leaves: such a leaf has 3 siblings, of which the last is the \
         node over leaves 4 to 7"
    )]
    NotEightLeaves,
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

fn timestamp_text(word: &Word) -> String {
    word.to_u64().map_or_else(|_| word.to_string(), |seconds| seconds.to_string())
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
            Self::Timestamp { .. } | Self::TargetTimestamp { .. } => FailureCode::TimestampMismatch,
            Self::NotEightLeaves => FailureCode::NotEightLeaves,
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
    fold_at(claim, words, None)
}

/// As [`fold`], for a proof that has this timestamp. `None` is for a proof of which it is not known: then the
/// place of the second metadata shows whether it has one.
///
/// # Errors
/// As [`fold`], and if the words have another timestamp.
pub fn fold_at(
    claim: &Claim<'_>,
    words: &[Hash],
    l1_timestamp: Option<Timestamp>,
) -> Result<Folded, VerifyError> {
    let leaf = keccak(&[claim.log.as_bytes()]);
    if leaf == *DEFAULT_LEAF {
        return Err(VerifyError::DefaultLeaf);
    }
    fold_leaf(leaf, (claim.chain, claim.batch, claim.index), words, l1_timestamp)
}

/// As [`fold_at`], for any leaf of a batch instead of a log (`proveL2LeafInclusionShared`): its index is the mask.
///
/// # Errors
/// As [`fold_at`].
pub fn fold_leaf(
    leaf: Hash,
    of: (ChainId, BatchNumber, u64),
    words: &[Hash],
    l1_timestamp: Option<Timestamp>,
) -> Result<Folded, VerifyError> {
    let folded = fold_words(leaf, of, words, l1_timestamp.is_some() || has_timestamp(words))?;
    match l1_timestamp {
        Some(expected) if folded.l1_timestamp != Some(expected.to_word()) => {
            Err(VerifyError::Timestamp { expected, got: folded.l1_timestamp })
        }
        _ => Ok(folded),
    }
}

/// Checks that a proof begins at a leaf of a batch root of eight leaves (v33), and not at another node.
///
/// # Errors
/// [`VerifyError::NotEightLeaves`] if it does not, or the error of the first word.
pub fn of_eight_leaves(words: &[Hash]) -> Result<(), VerifyError> {
    let mut rest = Words { words, at: 0 };
    let node = rest.node()?;
    match rest.take(node.path)? {
        [_, _, last] if *last == *RESERVED_HALF => Ok(()),
        _ => Err(VerifyError::NotEightLeaves),
    }
}

/// Whether the words have a timestamp before the batch mask, as contracts since v33 expect it and those before
/// do not. The second metadata are one word later then, and a number of 64 bits has the place of the timestamp. In
/// other proofs a sibling has the place of such metadata, which is a hash. Without second metadata, only one of the two
/// words after the log path fits the batch path as a mask: the other is a timestamp or a sibling. A proof with damaged
/// lengths may look like one of the other release; neither contract accepts it.
#[must_use]
pub fn has_timestamp(words: &[Hash]) -> bool {
    let is_metadata = |at: usize| {
        words.get(at).is_some_and(
            |word| matches!(word.as_bytes(), [1, _, _, _, rest @ ..] if *rest == [0; 28]),
        )
    };
    let Some([_, path, batch_path, 0, ..]) = words.first().map(Hash::as_bytes) else {
        return false;
    };
    let (path, batch_path) = (usize::from(*path), usize::from(*batch_path));
    let word = |at: usize| words.get(at).copied().map(Word::from);
    let is_mask = |at: usize| word(at).is_some_and(|word| fits(word, batch_path));
    let second = path + batch_path + 4;
    matches!(word(1 + path).map(Word::to_u64), Some(Ok(1..)))
        && is_metadata(0)
        && !is_metadata(second)
        && (is_metadata(second + 1) || !is_mask(1 + path) && is_mask(2 + path))
}

fn fold_words(
    leaf: Hash,
    (chain, batch, index): (ChainId, BatchNumber, u64),
    words: &[Hash],
    is_timed: bool,
) -> Result<Folded, VerifyError> {
    let mut rest = Words { words, at: 0 };
    let node = rest.node()?;
    let batch_root = fold_path(leaf, index.into(), rest.take(node.path)?)?;
    if node.last {
        rest.end()?;
        let root_ref = RootRef::Batch(chain, batch);
        return Ok(Folded { batch_root, root_ref, root: batch_root, l1_timestamp: None });
    }

    let l1_timestamp = if is_timed { Some(rest.word()?) } else { None };
    let batch_mask = rest.word()?;
    let batch_leaf = batch_leaf(batch_root, batch, l1_timestamp);
    let chain_root = fold_path(batch_leaf, batch_mask, rest.take(node.batch_path)?)?;
    let chain = chain.to_word();
    let chain_id_leaf =
        keccak(&[CHAIN_ID_LEAF.as_bytes(), chain_root.as_bytes(), chain.as_bytes()]);
    let (number, chain_mask) = rest.word()?.split();
    let sl_chain = rest.word()?;

    let at = rest.at;
    let node = rest.node()?;
    let root = fold_path(chain_id_leaf, Word::join(0, chain_mask), rest.take(node.path)?)?;
    if !node.last {
        return Err(VerifyError::SecondHop { at });
    }
    rest.end()?;
    let root_ref = RootRef::SettlementLayer(sl_chain, number);
    Ok(Folded { batch_root, root_ref, root, l1_timestamp })
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

/// Bit `i` of a word, from the lowest.
fn bit(word: Word, i: usize) -> bool {
    word.as_bytes()[31 - i / 8] >> (i % 8) & 1 == 1
}

/// Whether an index has no bit beyond a path of this length.
fn fits(index: Word, path: usize) -> bool {
    !(path..256).any(|i| bit(index, i))
}

/// `Merkle.calculateRootMemory`: bit `i` of the index is 1 if the node is to the right of sibling `i`.
fn fold_path(leaf: Hash, index: Word, path: &[Hash]) -> Result<Hash, VerifyError> {
    if path.len() > 255 {
        return Err(VerifyError::PathTooLong { path: path.len() });
    }
    let bit = |i: usize| bit(index, i);
    if !fits(index, path.len()) {
        return Err(VerifyError::IndexOutOfBounds { index, path: path.len() });
    }
    Ok(path.iter().enumerate().fold(leaf, |node, (i, sibling)| {
        let (left, right) = if bit(i) { (sibling, &node) } else { (&node, sibling) };
        keccak(&[left.as_bytes(), right.as_bytes()])
    }))
}

/// `MessageHashing.batchLeafHash`: 96 bytes, and 128 with the timestamp.
fn batch_leaf(root: Hash, batch: BatchNumber, l1_timestamp: Option<Word>) -> Hash {
    let number = batch.to_word();
    match l1_timestamp {
        None => keccak(&[BATCH_LEAF.as_bytes(), root.as_bytes(), number.as_bytes()]),
        Some(timestamp) => keccak(&[
            BATCH_LEAF.as_bytes(),
            root.as_bytes(),
            number.as_bytes(),
            timestamp.as_bytes(),
        ]),
    }
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
