use struson::reader::ReaderError;
use thiserror::Error;

use crate::{
    files::InputError,
    state::{SlotConflict, TooManySlots},
};

/// Why a state dump could not be read.
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
    /// The dump gives one slot two values.
    #[error("{name} contradicts itself")]
    Conflict {
        /// The file.
        name: String,
        /// The slot.
        source: SlotConflict,
    },
    /// The dump does not fit into memory.
    #[error("{name} is too large to be read into memory")]
    TooManySlots {
        /// The file.
        name: String,
        /// The bound.
        source: TooManySlots,
    },
    /// Nothing that this program knows begins like this.
    #[error(
        "{name} is no state dump that slproof knows: {found}. Known are anvil, geth dump and geth \
         snapshot dump, each also gzip'd or in a JSON-RPC answer"
    )]
    Unknown {
        /// The file.
        name: String,
        /// What was found instead.
        found: String,
    },
    /// The content fits two formats.
    #[error("{name} could be {candidates}: {reason}; say which with --dump-format")]
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
}

impl ImportError {
    /// Whether the system refused to read, and not the content.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Input(error) => !error.is_damage(),
            Self::Json { source: ReaderError::IoError { error, .. }, .. } => {
                !crate::files::is_damage(error)
            }
            _ => false,
        }
    }
}
