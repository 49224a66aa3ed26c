use struson::reader::ReaderError;
use thiserror::Error;

use super::{EraError, Format};
use crate::{
    files::{ContainerError, InputError, OutputError},
    primitives::{Hash, SlBlock, hex::HexError},
    state::keys::AccountKey,
};

/// Why a state dump could not be read, or a snapshot not be made of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file could not be opened or read, or its compression is damaged.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The text is no JSON, is cut short, or a value is of the wrong type.
    #[error("{name} is damaged or cut short")]
    Json {
        /// The file.
        name: String,
        /// What is wrong, with line, column and byte offset of the inflated text.
        source: ReaderError,
    },
    /// A value is not what its place demands.
    #[error("{name}, byte {offset} of the text: {what} {reason}")]
    Value {
        /// The file.
        name: String,
        /// Where the value ends, counted in bytes of the inflated text.
        offset: u64,
        /// What stands there: an account, a slot.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A row of a table is none.
    #[error("{name}, line {line}: {reason}")]
    Row {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The snapshot of a zksync-era node cannot be read.
    #[error(transparent)]
    Era(#[from] EraError),
    /// The file is a snapshot of slproof that cannot be used.
    #[error(transparent)]
    Native(#[from] ContainerError),
    /// One slot is given two values.
    #[error(
        "the slot with the key {key} has two values: {first_value} in {first}, {second_value} in \
         {second}"
    )]
    Conflict {
        /// The slot's key, by one of the schemes of [`crate::state::keys`].
        key: Hash,
        /// Where it has one value.
        first: String,
        /// That value, and its enumeration index where there is one.
        first_value: String,
        /// Where it has the other.
        second: String,
        /// The other value.
        second_value: String,
    },
    /// Two dumps are not of the same state.
    #[error(
        "{first} is the state of block {first_block}, and {second} that of block {second_block}: dumps of \
         one state are needed"
    )]
    TwoBlocks {
        /// A dump.
        first: String,
        /// Its block.
        first_block: SlBlock,
        /// Another.
        second: String,
        /// The block of that.
        second_block: SlBlock,
    },
    /// An account's slots do not make up the storage root that the dump states.
    #[error(
        "{name}: the {slots} slots of account {account} have the storage root {computed}, but the \
         dump states {stated}: slots are missing, most likely because the node did not know their \
         preimages; make the dump on a node that records them, or give the account's storage in \
         another form"
    )]
    StorageRoot {
        /// The file.
        name: String,
        /// The account.
        account: AccountKey,
        /// How many of its slots are in the dump.
        slots: u64,
        /// The root in the dump.
        stated: Hash,
        /// The root of the slots.
        computed: Hash,
    },
    /// Two dumps state different storage roots of one account.
    #[error(
        "account {account} has the storage root {first_root} in {first}, and {second_root} in {second}: \
         they are not of the same state; give dumps of one block"
    )]
    StorageRoots {
        /// The account.
        account: AccountKey,
        /// Where it has one root.
        first: String,
        /// That root.
        first_root: Hash,
        /// Where it has the other.
        second: String,
        /// The other root.
        second_root: Hash,
    },
    /// Pages of an account's storage are missing.
    #[error(
        "{name}: pages are missing: {missing}; ask debug_storageRangeAt for all pages, beginning \
         with the keyStart 0x00…00, and give them together"
    )]
    Pages {
        /// The file.
        name: String,
        /// What is missing.
        missing: String,
    },
    /// Pages of storage do not say whose they are.
    #[error(
        "{name} holds pages of debug_storageRangeAt, which do not name the account; it has to be given"
    )]
    NoAccount {
        /// The file.
        name: String,
    },
    /// The dump does not fit into memory.
    #[error(
        "{name} holds more than {limit} storage slots, too many to be read into memory; make a \
         snapshot of it first, with slproof import"
    )]
    TooManySlots {
        /// The file.
        name: String,
        /// The bound.
        limit: usize,
    },
    /// An input that has to be read a second time cannot be.
    #[error(
        "{name} has to be read twice, and a pipe can be read only once; write it to a file first"
    )]
    OneWay {
        /// The input.
        name: String,
    },
    /// An input that consists of files, or is mapped, comes from a pipe.
    #[error(
        "{name} is a pipe, which cannot be mapped or read twice; give the name of the file or directory"
    )]
    NoFile {
        /// The input.
        name: String,
    },
    /// Inputs that cannot be put together.
    #[error(
        "{name} is {format}, which stands for itself and cannot be put together with other dumps"
    )]
    NotAlone {
        /// The input.
        name: String,
        /// Its format.
        format: Format,
    },
    /// The input is what the import would make.
    #[error("{name} is a snapshot already")]
    SnapshotAlready {
        /// The input.
        name: String,
    },
    /// Writing the snapshot, or a temporary file beside it, failed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Nothing that this program knows begins like this.
    #[error(
        "{name} is no state dump that slproof knows: {found}. Known are snapshots of slproof and of \
         zksync-era, dumps of anvil, anvil-zksync and geth, pages of debug_storageRangeAt, and tables \
         (CSV or NDJSON) of address,slot,value or hashedKey,value"
    )]
    Unknown {
        /// The file.
        name: String,
        /// What was found instead.
        found: String,
    },
    /// The content fits two formats.
    #[error("{name} could be {candidates}: {reason}")]
    Ambiguous {
        /// The file.
        name: String,
        /// The formats that it could be.
        candidates: &'static str,
        /// Why the content does not decide.
        reason: &'static str,
    },
    /// The file holds the error that a node answered instead of a dump.
    #[error("{name} is no dump but a node's error: {answer}")]
    NodeError {
        /// The file.
        name: String,
        /// What the node said.
        answer: String,
    },
    /// A mistake of this program.
    #[error("a mistake of slproof itself: {0}")]
    Internal(String),
}

impl ImportError {
    /// Whether the system refused to read or write, and not the content.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Input(error) => !error.is_damage(),
            Self::Json { source: ReaderError::IoError { error, .. }, .. } => {
                !crate::files::is_damage(error)
            }
            Self::Era(error) => error.is_io(),
            Self::Native(error) => error.is_io(),
            Self::Output(_) => true,
            _ => false,
        }
    }

    pub(super) fn row(name: &str, line: u64, what: &str, reason: HexError) -> Self {
        Self::Row { name: name.into(), line, reason: format!("{what}: {reason}") }
    }
}
