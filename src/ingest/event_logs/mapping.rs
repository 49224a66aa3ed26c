use std::fmt;

use super::{
    columns::{Columns, LogField},
    record::EventLog,
    values::Spelling,
};
use crate::primitives::SlBlock;

/// The form of a file of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// JSON, one value or many.
    Json,
    /// Rows with a separator between their columns, after a row with their names.
    Rows(char),
    /// Rows of `COPY`, as Postgres writes them.
    Copy,
    /// A Parquet file.
    Parquet,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json => f.write_str("JSON"),
            Self::Rows(',') => f.write_str("CSV"),
            Self::Rows('\t') => f.write_str("columns between tabs"),
            Self::Rows(separator) => write!(f, "columns between {separator:?}"),
            Self::Copy => f.write_str("rows of COPY"),
            Self::Parquet => f.write_str("Parquet"),
        }
    }
}

/// What was read from a file of logs: its form, and which column or member was taken for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The name of the file.
    pub name: String,
    /// Its form.
    pub form: Form,
    /// The fields, each with the name of its column or member.
    pub columns: Vec<(LogField, String)>,
    /// The numbers of its logs.
    pub counts: LogCounts,
    /// How hashes are written, if there was one.
    pub(super) spelling: Option<Spelling>,
}

/// The numbers of logs in a file, of all contracts and with repeated ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// All logs.
    pub logs: u64,
    /// Logs without the hash of a transaction.
    pub without_transaction: u64,
    /// Logs that were removed together with their block.
    pub removed: u64,
    /// The last block with a log.
    pub last_block: SlBlock,
}

impl LogCounts {
    /// The numbers of rows at which exporters end without saying so: those of Etherscan and Blockscout, their
    /// multiples up to the largest, and that of a spreadsheet without its header.
    const LIMITS: [u64; 4] = [1_000, 5_000, 10_000, 1_048_575];

    pub(super) fn add(&mut self, log: &EventLog) {
        self.logs += 1;
        self.without_transaction += u64::from(log.tx_hash.is_none());
        self.removed += u64::from(log.removed);
        self.last_block = self.last_block.max(log.block);
    }

    /// Whether an exporter may have ended the file before the last log.
    #[must_use]
    pub fn are_a_limit(&self) -> bool {
        Self::LIMITS.contains(&self.logs)
    }
}

impl Mapping {
    pub(super) fn new(name: &str, form: Form) -> Self {
        Self {
            name: name.into(),
            form,
            columns: Vec::new(),
            counts: LogCounts::default(),
            spelling: None,
        }
    }

    /// The mapping of a table.
    pub(super) fn of(name: &str, form: Form, columns: &Columns) -> Self {
        let columns = columns.iter().map(|(field, _, name)| (field, name.to_owned())).collect();
        Self { columns, ..Self::new(name, form) }
    }

    /// Adds a field, unless it is known already.
    pub(super) fn add(&mut self, field: LogField, name: &str) {
        if !self.columns.iter().any(|(known, _)| *known == field) {
            self.columns.push((field, name.into()));
        }
    }

    /// The fields that help to find damage, and that the file does not have.
    #[must_use]
    pub fn lacking(&self) -> Vec<LogField> {
        let helps = [LogField::Address, LogField::BlockHash, LogField::TxHash, LogField::Removed];
        let has = |field: &LogField| self.columns.iter().any(|(known, _)| known == field);
        helps.into_iter().filter(|field| !has(field)).collect()
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogCounts { logs, without_transaction, removed, last_block } = self.counts;
        write!(f, "{}: {logs} logs up to block {last_block} as {}", self.name, self.form)?;
        if let Some(spelling) = self.spelling {
            write!(f, ", bytes in {} form", spelling.name())?;
        }
        for (at, (field, name)) in self.columns.iter().enumerate() {
            let separator = if at == 0 { ": " } else { ", " };
            write!(f, "{separator}{} from {name:?}", field.description())?;
        }
        let lacking: Vec<_> = self.lacking().into_iter().map(LogField::description).collect();
        if !lacking.is_empty() {
            write!(f, "; the file does not have {}", lacking.join(", "))?;
        }
        if without_transaction > 0 && !lacking.contains(&LogField::TxHash.description()) {
            write!(f, "; {without_transaction} logs have no transaction")?;
        }
        if removed > 0 {
            write!(f, "; {removed} logs were removed with their block and are passed over")?;
        }
        Ok(())
    }
}
