use std::fmt;

/// A format of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceFormat {
    /// The archive file, `*.slmsg`.
    Native,
    /// One JSON object per line and batch.
    Jsonl,
    /// Receipts of transactions and events, as nodes return them.
    Receipts,
    /// Events in tables and pages, as exporters write them.
    EventLogs,
    /// The pubdata of one batch.
    Pubdata,
    /// A list of batches with their pubdata, or with the files that hold it.
    PubdataList,
    /// Rows of the tables of a zksync-era node, as Postgres writes them.
    Postgres,
    /// Transactions that execute batches on a settlement layer of v31.
    Executions,
}

impl fmt::Display for SourceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "message archive",
            Self::Jsonl => "raw archive of logs",
            Self::Receipts => "receipts and events of a node",
            Self::EventLogs => "exported events",
            Self::Pubdata => "pubdata of a batch",
            Self::PubdataList => "list of pubdata",
            Self::Postgres => "rows of a node's tables",
            Self::Executions => "transactions that execute batches with their logs",
        })
    }
}

impl SourceFormat {
    /// Every format.
    pub const ALL: [Self; 8] = [
        Self::Native,
        Self::Jsonl,
        Self::Receipts,
        Self::EventLogs,
        Self::Pubdata,
        Self::PubdataList,
        Self::Postgres,
        Self::Executions,
    ];

    /// The name of the format in options and in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Native => "slmsg",
            Self::Jsonl => "jsonl",
            Self::Receipts => "receipts",
            Self::EventLogs => "event-logs",
            Self::Pubdata => "pubdata",
            Self::PubdataList => "pubdata-list",
            Self::Postgres => "postgres",
            Self::Executions => "executions",
        }
    }
}
