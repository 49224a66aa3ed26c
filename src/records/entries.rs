//! The records of an input one after the other, whatever its format.

use thiserror::Error;

use super::{Records, parquet::NumberedRows};
use crate::{
    archive,
    files::{Input, InputError, container::is_container},
    forest::TREE_FILE,
    proof::{
        FailureCode,
        reader::{self, Defaults, Item, RecordError},
    },
    snapshot,
};

/// Why the records of an input could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EntriesError {
    /// The input could not be read, or a record is too long.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The Parquet file could not be read.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Parquet(#[from] super::parquet::ReadError),
    /// The input is a Parquet file, which only the feature `parquet` can read.
    #[error("{0}: it is a Parquet file, and this build has no Parquet: its feature parquet is off")]
    NoParquet(String),
    /// The input is something else.
    #[error("{name}: it is {what}, not proofs")]
    NotProofs {
        /// The input.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// Nothing in the input is a record of a proof.
    #[error(
        "{0}: it holds no proofs, neither records nor calldata nor answers of a node; slproof inspect says \
         what it is"
    )]
    NoProofs(String),
}

impl EntriesError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Input(error) if error.is_damage() => FailureCode::InputDamaged,
            Self::Input(_) => FailureCode::ReadFailed,
            #[cfg(feature = "parquet")]
            Self::Parquet(error) if error.is_io() => FailureCode::ReadFailed,
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => FailureCode::InputDamaged,
            Self::NoParquet(_) => FailureCode::FormatUnsupported,
            Self::NotProofs { .. } | Self::NoProofs(_) => FailureCode::UnknownInput,
        }
    }
}

/// The records of an input, with their numbers: lines of a text, rows of a Parquet file from 1.
///
/// ```
/// use slproof::{files::Input, proof::reader::{Defaults, Item}, records::Entries};
///
/// let text = r#"{"request":{"message":"0x"},"error":{"code":"message-not-found","message":""}}"#;
/// let input = Input::from_reader("example", text.as_bytes())?;
/// let entries = Entries::open(input, &Defaults::default())?.collect::<Result<Vec<_>, _>>()?;
/// let (line, entry) = entries.into_iter().next().ok_or("one record")?;
/// assert_eq!(line, 1);
/// assert!(matches!(entry.item(&Defaults::default())?, Item::Failure));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Entries {
    name: String,
    source: Source,
}

enum Source {
    Texts(Box<Records>),
    Rows(Box<NumberedRows>),
}

/// One entry of an input, which need not be a record.
#[derive(Debug)]
pub enum Entry {
    /// A text.
    Text(Vec<u8>),
    /// A row of a Parquet file.
    Row(Result<Item, RecordError>),
}

impl Entries {
    /// Opens an input. `defaults` stand for what the rows of a Parquet file leave out.
    ///
    /// # Errors
    /// [`EntriesError`] when it cannot be read, or is a file of another kind.
    pub fn open(input: Input, defaults: &Defaults) -> Result<Self, EntriesError> {
        let name = input.name().to_owned();
        if is_container(input.head()) {
            let tag = input.head().get(12..16);
            let mut kinds = [snapshot::KIND, TREE_FILE, archive::KIND].into_iter();
            let found = kinds.find(|kind| tag == Some(&kind.tag));
            let what = found.map_or("a native file of slproof", |kind| kind.name);
            return Err(EntriesError::NotProofs { name, what });
        }
        let source = if NumberedRows::are_in(input.head()) {
            Source::Rows(Box::new(NumberedRows::open(input, defaults)?))
        } else {
            Source::Texts(Box::new(Records::open(input)?))
        };
        Ok(Self { name, source })
    }

    /// The name of the input in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The error for an input none of whose entries is a record.
    #[must_use]
    pub fn no_proofs(&self) -> EntriesError {
        EntriesError::NoProofs(self.name.clone())
    }

    /// The format of the records, for messages.
    #[must_use]
    pub fn format(&self) -> &'static str {
        match self.source {
            Source::Texts(_) => "JSON records",
            Source::Rows(_) => "rows of a Parquet file",
        }
    }

    /// What the number of a record counts: "line" or "row".
    #[must_use]
    pub fn place(&self) -> &'static str {
        match self.source {
            Source::Texts(_) => "line",
            Source::Rows(_) => "row",
        }
    }
}

impl Iterator for Entries {
    type Item = Result<(u64, Entry), EntriesError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match &mut self.source {
            Source::Texts(texts) => {
                let text = texts.next()?;
                text.map(|(line, text)| (line, Entry::Text(text))).map_err(EntriesError::from)
            }
            Source::Rows(rows) => {
                let row = rows.next()?;
                row.map(|(number, item)| (number, Entry::Row(item)))
            }
        })
    }
}

impl Entry {
    /// About how many bytes it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Row(Ok(Item::Proof(record, _))) => {
                let message = record.message.as_ref().map_or(0, Vec::len);
                256 + 32 * record.proof.len() + message
            }
            Self::Row(_) => 64,
        }
    }

    /// Whether it is meant as a record of a proof, however damaged it may be.
    #[must_use]
    pub fn is_record(&self) -> bool {
        match self {
            Self::Text(text) => reader::is_record(text),
            Self::Row(_) => true,
        }
    }

    /// What it says; `defaults` are for texts, rows are read with those of their file.
    ///
    /// # Errors
    /// [`RecordError`] when it is not a record, or lacks what `defaults` do not give.
    pub fn item(self, defaults: &Defaults) -> Result<Item, RecordError> {
        match self {
            Self::Text(text) => reader::parse(&text, defaults),
            Self::Row(row) => row,
        }
    }
}
