use struson::reader::ReaderError;
use thiserror::Error;

use super::{EraError, Format};
#[cfg(feature = "parquet")]
use crate::files::parquet::ReadError;
use crate::{
    archive::Place,
    files::{ContainerError, InputError, OutputError},
    ingest::OtherAnswer,
    primitives::{Hash, SlBlock},
    state::keys::AccountKey,
};

/// Why a state dump could not be read, or no snapshot be made from it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file could not be opened or read, or its compression is damaged.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The text is not JSON, is cut short, or a value has the wrong type.
    #[error("{name} is damaged or cut short")]
    Json {
        /// The file.
        name: String,
        /// What is wrong, with line, column and byte offset of the inflated text.
        source: ReaderError,
    },
    /// A value is invalid.
    #[error("{name}, byte {offset} of the text: {what} {reason}")]
    Value {
        /// The file.
        name: String,
        /// The end of the value, in bytes of the inflated text.
        offset: u64,
        /// The part of the dump: an account, a slot.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two events of one block have different block hashes.
    #[error("the events of block {0} have different block hashes: some are of a replaced block")]
    ReplacedBlock(SlBlock),
    /// A row of a table is invalid.
    #[error("{name}, line {line}: {reason}")]
    Row {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A log of a contract is invalid.
    #[error("{name}{place}: {what} {reason}")]
    Log {
        /// The file.
        name: String,
        /// The position in it.
        place: Place,
        /// The part of the log.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of logs lacks a column, or two columns have the same meaning.
    #[error("{name}: {reason}")]
    LogColumns {
        /// The file.
        name: String,
        /// The columns at fault.
        reason: String,
    },
    /// A Parquet file cannot be read.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Parquet(#[from] ReadError),
    /// The snapshot of a zksync-era node cannot be read.
    #[error(transparent)]
    Era(#[from] EraError),
    /// The file is a snapshot of slproof that is damaged or unsupported.
    #[error(transparent)]
    Native(#[from] ContainerError),
    /// A slot has two different values.
    #[error(
        "the slot with the key {key} has two values: {first_value} in {first}, {second_value} in \
         {second}"
    )]
    Conflict {
        /// The slot's key, by one of the schemes of [`crate::state::keys`].
        key: Hash,
        /// The source of one value.
        first: String,
        /// That value, and its enumeration index if there is one.
        first_value: String,
        /// The source of the other value.
        second: String,
        /// The other value.
        second_value: String,
    },
    /// Two dumps are of different states.
    #[error(
        "{first} is of block {first_block}, but {second} is of block {second_block}: all dumps must be of \
         the same state"
    )]
    TwoBlocks {
        /// One dump.
        first: String,
        /// Its block.
        first_block: SlBlock,
        /// The other dump.
        second: String,
        /// The block of the other dump.
        second_block: SlBlock,
    },
    /// A dump is of another block than the wanted one.
    #[error("{name} is of block {stated}, not of block {wanted}, which was asked for")]
    OtherBlock {
        /// The dump.
        name: String,
        /// Its block.
        stated: SlBlock,
        /// The wanted block.
        wanted: SlBlock,
    },
    /// The slots of an account do not have the storage root in the dump.
    #[error(
        "{name}: the {slots} slots of account {account} have the storage root {computed}, but the dump \
         has {stated}: slots are missing, most likely because the node did not know their preimages; \
         make the dump on a node that records preimages, or give the account's storage in another form"
    )]
    StorageRoot {
        /// The file.
        name: String,
        /// The account.
        account: AccountKey,
        /// The number of its slots in the dump.
        slots: u64,
        /// The root in the dump.
        stated: Hash,
        /// The root computed from the slots.
        computed: Hash,
    },
    /// Two dumps have different storage roots of one account.
    #[error(
        "account {account} has the storage root {first_root} in {first}, but {second_root} in {second}: \
         the dumps are not of the same state"
    )]
    StorageRoots {
        /// The account.
        account: AccountKey,
        /// The dump with one root.
        first: String,
        /// That root.
        first_root: Hash,
        /// The dump with the other root.
        second: String,
        /// The other root.
        second_root: Hash,
    },
    /// Pages of an account's storage are missing.
    #[error(
        "{name}: pages are missing: {missing}; all pages of debug_storageRangeAt are needed, from the \
         keyStart 0x00…00 on"
    )]
    Pages {
        /// The file.
        name: String,
        /// What is missing.
        missing: String,
    },
    /// Pages of storage, or the rows of a table, do not name their account.
    #[error("{name} does not name the account whose storage it holds; it must be given")]
    NoAccount {
        /// The file.
        name: String,
    },
    /// The dump is too large for memory.
    #[error(
        "{name} holds more than {limit} storage slots, too many for memory. A snapshot has no such limit"
    )]
    TooManySlots {
        /// The file.
        name: String,
        /// The limit.
        limit: usize,
    },
    /// The input cannot be merged with others.
    #[error("{name} is {format}, which cannot be merged with other dumps")]
    NotAlone {
        /// The input.
        name: String,
        /// Its format.
        format: Format,
    },
    /// The input is a snapshot already.
    #[error("{name} is already a snapshot")]
    SnapshotAlready {
        /// The input.
        name: String,
    },
    /// Writing the snapshot, or a temporary file next to it, failed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The format is unknown.
    #[error(
        "{name} is not a state dump that slproof knows: {found}. Known are snapshots of slproof and of \
         zksync-era, dumps of anvil, anvil-zksync and geth, pages of debug_storageRangeAt, and tables \
         (CSV or NDJSON) of address,slot,value or hashedKey,value"
    )]
    Unknown {
        /// The file.
        name: String,
        /// The content of the file.
        found: String,
    },
    /// The content fits two formats.
    #[error("{name} could be {candidates}: {reason}")]
    Ambiguous {
        /// The file.
        name: String,
        /// The possible formats.
        candidates: &'static str,
        /// Why the content is not decisive.
        reason: &'static str,
    },
    /// The file holds a node's error instead of a dump.
    #[error("{name} is not a dump but a node's error: {answer}")]
    NodeError {
        /// The file.
        name: String,
        /// The error.
        answer: String,
    },
    /// The file holds a node's answer without data.
    #[error(
        "{name} is not a dump but a node's answer of null: the node does not have the state that was asked \
         for, or does not offer the call; ask another node, or for another block"
    )]
    NullAnswer {
        /// The file.
        name: String,
    },
    /// The file is an answer to a call that gives no state.
    #[error("{name} is not a state dump but {answer}: {}", answer.instead())]
    OtherAnswer {
        /// The file.
        name: String,
        /// The answer.
        answer: OtherAnswer,
    },
    /// No slot has a value.
    #[error("{name} holds no storage slot with a value, so there is nothing to read")]
    NoSlots {
        /// The first input.
        name: String,
    },
    /// A table has no row up to the wanted block.
    #[error(
        "{name} has no row up to block {wanted}: the node was restored after it, older rows were removed, or the \
         block is wrong"
    )]
    NoRowUpTo {
        /// The first input.
        name: String,
        /// The wanted block.
        wanted: SlBlock,
    },
    /// A bug in slproof.
    #[error("internal error of slproof: {0}")]
    Internal(String),
}

impl ImportError {
    /// Whether reading or writing failed, rather than the content being invalid.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Input(error) => !error.is_damage(),
            Self::Json { source: ReaderError::IoError { error, .. }, .. } => {
                !crate::files::is_damage(error)
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(error) => error.is_io(),
            Self::Era(error) => error.is_io(),
            Self::Native(error) => error.is_io(),
            Self::Output(_) => true,
            _ => false,
        }
    }
}
