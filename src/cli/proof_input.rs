//! Proofs as they come in, one after the other, whatever the format.

use super::error::CliError;
use crate::{
    archive,
    files::{Input, container::is_container},
    forest::TREE_FILE,
    proof::reader::{self, Defaults, Item, RecordError},
    records::{
        Records,
        parquet::{ParquetProofs, Rows},
    },
    snapshot,
};

/// The records of an input, with their numbers: lines of a text, rows of a Parquet file from 1.
pub(super) struct Entries {
    name: String,
    source: Source,
}

enum Source {
    Texts(Records),
    Parquet {
        file: Box<ParquetProofs>,
        /// The next row group, the rows of the one before it, and how many rows came before these.
        group: usize,
        rows: Option<Rows>,
        before: u64,
    },
}

/// One record, which may yet be none.
pub(super) enum Entry {
    Text(Vec<u8>),
    Row(Result<Item, RecordError>),
}

impl Entries {
    /// Opens an input, whose rows leave `defaults` out if it is a Parquet file.
    pub(super) fn open(input: Input, defaults: &Defaults) -> Result<Self, CliError> {
        let name = input.name().to_owned();
        if is_container(input.head()) {
            let tag = input.head().get(12..16);
            let mut kinds = [snapshot::KIND, TREE_FILE, archive::KIND].into_iter();
            let found = kinds.find(|kind| tag == Some(&kind.tag));
            let what = found.map_or("a native file of slproof", |kind| kind.name);
            return Err(CliError::Unknown { name, reason: format!("it is {what}, not proofs") });
        }
        let source = if ParquetProofs::is_parquet(input.head()) {
            let file = Box::new(ParquetProofs::open(input)?.with_defaults(*defaults));
            Source::Parquet { file, group: 0, rows: None, before: 0 }
        } else {
            Source::Texts(Records::open(input)?)
        };
        Ok(Self { name, source })
    }

    /// What to call the input in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Why an input whose records are none is refused.
    pub(super) fn no_proofs(&self) -> CliError {
        let reason = "it holds no proofs, neither records nor calldata nor answers of a node; \
                      slproof inspect says what it is";
        CliError::Unknown { name: self.name.clone(), reason: reason.into() }
    }

    /// The format of the records, for messages.
    pub(super) fn format(&self) -> &'static str {
        match self.source {
            Source::Texts(_) => "JSON records",
            Source::Parquet { .. } => "rows of a Parquet file",
        }
    }

    /// What to call the place of a record.
    pub(super) fn place(&self) -> &'static str {
        match self.source {
            Source::Texts(_) => "line",
            Source::Parquet { .. } => "row",
        }
    }
}

impl Iterator for Entries {
    type Item = Result<(u64, Entry), CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (file, group, rows, before) = match &mut self.source {
            Source::Texts(records) => {
                let record = records.next()?.map_err(CliError::from);
                return Some(record.map(|(line, text)| (line, Entry::Text(text))));
            }
            Source::Parquet { file, group, rows, before } => (file, group, rows, before),
        };
        loop {
            if let Some(row) = rows.as_mut().and_then(Iterator::next) {
                *before += 1;
                return Some(row.map(|item| (*before, Entry::Row(item))).map_err(CliError::from));
            }
            if *group == file.groups() {
                return None;
            }
            match file.rows(*group) {
                Ok(next) => *rows = Some(next),
                Err(error) => {
                    *group = file.groups();
                    return Some(Err(error.into()));
                }
            }
            *group += 1;
        }
    }
}

impl Entry {
    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
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
    pub(super) fn is_record(&self) -> bool {
        match self {
            Self::Text(text) => reader::is_record(text),
            Self::Row(_) => true,
        }
    }

    /// What it says; `defaults` are for texts, rows are read with those of their file.
    pub(super) fn item(self, defaults: &Defaults) -> Result<Item, RecordError> {
        match self {
            Self::Text(text) => reader::parse(&text, defaults),
            Self::Row(row) => row,
        }
    }
}
