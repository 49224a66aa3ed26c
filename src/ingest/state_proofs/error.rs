use thiserror::Error;

use super::PathError;
use crate::{
    files::InputError,
    primitives::{Address, Hash, SlBlock, Word},
};

/// Why proofs of slots could not be read, or prove nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateProofsError {
    /// The file could not be opened or read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file is larger than the limit.
    #[error("{name} has more than {limit} bytes, too many for answers of eth_getProof")]
    TooLarge {
        /// The file.
        name: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The text is not JSON.
    #[error("{name} is damaged or cut short")]
    Json {
        /// The file.
        name: String,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// A value is neither an answer of `eth_getProof` nor a header.
    #[error("{name}, value {entry}: {reason}")]
    Entry {
        /// The file.
        name: String,
        /// The position of the value in the file, from 1.
        entry: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An answer does not prove what it says.
    #[error(
        "{name}, value {entry}, is no proof for block {block}, whose state root is {state_root}"
    )]
    Answer {
        /// The file.
        name: String,
        /// The position of the answer in the file, from 1.
        entry: usize,
        /// The trusted block.
        block: SlBlock,
        /// Its state root.
        state_root: Hash,
        /// What differs.
        source: AnswerError,
    },
    /// There is no header.
    #[error(
        "{name}: proofs of slots need the header of their block, as eth_getBlockByHash or debug_getRawHeader \
         answers it"
    )]
    NoHeader {
        /// The files.
        name: String,
    },
    /// No block is trusted.
    #[error(
        "the proofs are for block {block} with the hash {hash}, and no block is trusted; compare the hash with \
         one from a source that you trust"
    )]
    NotTrusted {
        /// The block of the header.
        block: SlBlock,
        /// Its hash, computed from the header.
        hash: Hash,
    },
    /// A header is that of another block than the trusted one.
    #[error("{name}: the header is that of block {block} with the hash {hash}, not {trusted}")]
    OtherBlock {
        /// The file.
        name: String,
        /// The block of the header.
        block: SlBlock,
        /// Its hash, computed from the header.
        hash: Hash,
        /// The trusted hash.
        trusted: Hash,
    },
}

/// Why an answer of `eth_getProof` does not prove what it says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// A member is missing or invalid.
    #[error("{name} {reason}")]
    Invalid {
        /// The member.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A path does not lead from the root to the key.
    #[error("the {what} of {address} does not hold")]
    Path {
        /// The account.
        address: Address,
        /// The path.
        what: String,
        /// What differs.
        source: PathError,
    },
    /// A value in a trie is neither an account nor a number.
    #[error("a trie holds an invalid value for {0}")]
    Value(Address),
    /// A member differs from what is proven.
    #[error("{name} is {stated}, but {proven} is proven")]
    Member {
        /// The member.
        name: &'static str,
        /// Its value.
        stated: Word,
        /// What is proven.
        proven: Word,
    },
    /// The value of a slot differs from what is proven.
    #[error("slot {slot} of {address} is said to be {stated}, but {proven} is proven")]
    Slot {
        /// The account.
        address: Address,
        /// The slot.
        slot: Word,
        /// The value in the answer.
        stated: Word,
        /// What is proven.
        proven: Word,
    },
}

impl AnswerError {
    pub(super) fn invalid(name: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { name, reason: reason.into() }
    }
}

impl StateProofsError {
    /// Whether reading failed, rather than the content being invalid.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self, Self::Input(error) if !error.is_damage())
    }
}
