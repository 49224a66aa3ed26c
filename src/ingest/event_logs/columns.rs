//! The meaning of the names of columns and members. One table serves JSON, CSV, `COPY` and Parquet.
//!
//! Names are compared without case, quotation marks, spaces, underscores, dots and brackets. Sources: the
//! schemas of cryo, ethereum-etl, BigQuery, Dune, Flipside, Allium, HyperSync, SQD and TrueBlocks, the tables
//! of Blockscout, of Matter Labs' block explorer and of zksync-era, and the answers of nodes and of Etherscan.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// A part of a log, as a column or a member holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogField {
    /// The block number.
    Block,
    /// The block hash.
    BlockHash,
    /// The hash of the transaction.
    TxHash,
    /// The index of the transaction in the block.
    TxIndex,
    /// The index of the log in the block.
    LogIndex,
    /// The contract.
    Address,
    /// All topics.
    Topics,
    /// The first topic, which identifies the event.
    Topic0,
    /// The second topic.
    Topic1,
    /// The third topic.
    Topic2,
    /// The fourth topic.
    Topic3,
    /// The fourth topic where topics are counted from 1.
    Topic4,
    /// The data.
    Data,
    /// Whether the log was removed together with its block.
    Removed,
    /// The chain's own batch.
    L1Batch,
}

use LogField::{
    Address, Block, BlockHash, Data, L1Batch, LogIndex, Removed, Topic0, Topic1, Topic2, Topic3,
    Topic4, Topics, TxHash, TxIndex,
};

/// The number of [`LogField`]s.
pub(super) const FIELDS: usize = Topics as usize + 9;

/// The columns of single topics, in order.
pub(super) const TOPIC_COLUMNS: [LogField; 5] = [Topic0, Topic1, Topic2, Topic3, Topic4];

/// The spellings of every field, the most specific first.
///
/// Names of times (`block_time`), of positions in a transaction (`transactionLogIndex`) and of a transaction's
/// parties (`tx_from`) are not among them. `number` is a running number in tables of block explorers, so it is
/// a block number only in the header of a block.
const SPELLINGS: [(LogField, &str, &[&str]); FIELDS] = [
    (
        Block,
        "block",
        &[
            "blocknumber",
            "blocknum",
            "blockno",
            "miniblocknumber",
            "minedblock",
            "evtblocknumber",
            "block",
        ],
    ),
    (BlockHash, "block-hash", &["blockhash", "blockhashhex"]),
    (
        TxHash,
        "tx-hash",
        &[
            "transactionhash",
            "transactionhashhex",
            "txhash",
            "txhashhex",
            "evttxhash",
            "txnhash",
            "hash",
        ],
    ),
    (
        TxIndex,
        "tx-index",
        &["transactionindex", "txindex", "txposition", "txnindex", "txindexinblock"],
    ),
    (
        LogIndex,
        "log-index",
        &["logindex", "eventindex", "eventindexinblock", "evtindex", "logidx", "index"],
    ),
    (
        Address,
        "address",
        &[
            "address",
            "addresshex",
            "contractaddress",
            "contractaddresshex",
            "addresshash",
            "emitter",
        ],
    ),
    (Topics, "topics", &["topics", "topicshex"]),
    (Topic0, "topic0", &["topic0", "topic0hex", "topics0", "firsttopic"]),
    (Topic1, "topic1", &["topic1", "topic1hex", "topics1", "secondtopic"]),
    (Topic2, "topic2", &["topic2", "topic2hex", "topics2", "thirdtopic"]),
    (Topic3, "topic3", &["topic3", "topic3hex", "topics3", "fourthtopic"]),
    (Topic4, "topic4", &["topic4", "topic4hex"]),
    (Data, "data", &["data", "datahex", "logdata", "value"]),
    (Removed, "removed", &["removed", "eventremoved", "isremoved"]),
    (L1Batch, "l1-batch", &["l1batchnumber", "batchnumber"]),
];

impl LogField {
    /// The word for the field in a list of columns, such as `block` and `log-index`.
    #[must_use]
    pub fn word(self) -> &'static str {
        SPELLINGS[self as usize].1
    }

    /// What the field holds, for messages.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Block => "the block number",
            BlockHash => "the block hash",
            TxHash => "the transaction hash",
            TxIndex => "the transaction index",
            LogIndex => "the log index",
            Address => "the address",
            Topics => "the topics",
            Topic0 => "the first topic",
            Topic1 => "the second topic",
            Topic2 => "the third topic",
            Topic3 | Topic4 => "the fourth topic",
            Data => "the data",
            Removed => "the mark of removed logs",
            L1Batch => "the batch number",
        }
    }

    /// Whether a file without the field has no logs.
    #[cfg(feature = "parquet")]
    pub(super) fn is_needed(self) -> bool {
        matches!(
            self,
            Block | LogIndex | Topics | Topic0 | Topic1 | Topic2 | Topic3 | Topic4 | Data
        )
    }

    /// Whether the field is a number.
    #[cfg(feature = "parquet")]
    pub(super) fn is_number(self) -> bool {
        matches!(self, Block | LogIndex | TxIndex | L1Batch)
    }

    /// All fields, in the order of their declaration.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        SPELLINGS.iter().map(|(field, ..)| *field)
    }

    /// The usual spelling of the field's name, normalized.
    pub(super) fn usual_name(self) -> &'static str {
        SPELLINGS[self as usize].2[0]
    }
}

/// The field that a name means, and how specific the name is: the lower, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) field: LogField,
    pub(super) rank: u8,
}

/// Removes from a name what spellings differ in: case, and everything but letters and digits.
pub(in crate::ingest) fn normalize(name: &mut String) {
    name.retain(|c| c.is_alphanumeric());
    name.make_ascii_lowercase();
}

/// The names of columns that a user gave, such as `block=height,data=payload`. They take precedence over the
/// usual names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnNames(Vec<(LogField, String)>);

/// Why a text is not a list of columns.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ColumnNamesError {
    /// A part has no equals sign, or no name.
    #[error("{0:?} is not FIELD=COLUMN")]
    Shape(String),
    /// The field is unknown.
    #[error("{field:?} is not a part of a log; the parts are {}", words())]
    Field {
        /// The text before the equals sign.
        field: String,
    },
    /// A field or a column is given twice.
    #[error("{0:?} is given twice")]
    Twice(String),
}

fn words() -> String {
    let words: Vec<_> =
        LogField::all().filter(|field| *field != Topic4).map(LogField::word).collect();
    words.join(", ")
}

impl FromStr for ColumnNames {
    type Err = ColumnNamesError;

    fn from_str(text: &str) -> Result<Self, ColumnNamesError> {
        let mut given: Vec<(LogField, String)> = Vec::new();
        for part in text.split(',') {
            let pair = part.split_once('=').map(|(word, name)| (word.trim(), name.to_owned()));
            let (word, mut name) = pair.ok_or_else(|| ColumnNamesError::Shape(part.into()))?;
            normalize(&mut name);
            if name.is_empty() {
                return Err(ColumnNamesError::Shape(part.into()));
            }
            let field = LogField::all().find(|field| field.word() == word && *field != Topic4);
            let field = field.ok_or_else(|| ColumnNamesError::Field { field: word.into() })?;
            if given.iter().any(|(known, other)| *known == field || *other == name) {
                return Err(ColumnNamesError::Twice(part.into()));
            }
            given.push((field, name));
        }
        Ok(Self(given))
    }
}

impl fmt::Display for ColumnNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (field, name)) in self.0.iter().enumerate() {
            let separator = if at > 0 { "," } else { "" };
            write!(f, "{separator}{}={name}", field.word())?;
        }
        Ok(())
    }
}

impl ColumnNames {
    /// Whether no names are given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The meaning of a normalized name.
    pub(super) fn meaning(&self, name: &str) -> Option<Meaning> {
        if let Some((field, _)) = self.0.iter().find(|(_, given)| given == name) {
            return Some(Meaning { field: *field, rank: 0 });
        }
        let of_field = |(field, _, names): &(LogField, _, &[&str])| {
            let rank = names.iter().position(|known| *known == name)?;
            // A usual name means nothing where the user gave another one.
            let is_given = self.0.iter().any(|(given, _)| given == field);
            (!is_given).then_some(Meaning { field: *field, rank: u8::try_from(rank + 1).ok()? })
        };
        SPELLINGS.iter().find_map(of_field)
    }

    /// The columns of a table with these names.
    ///
    /// # Errors
    /// [`ColumnsError`], when two columns have the same meaning or a log cannot be made of the columns.
    pub(super) fn columns<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Columns, ColumnsError> {
        let mut found: [Option<(u8, usize, String)>; FIELDS] = Default::default();
        let (mut all, mut is_decoded) = (Vec::new(), false);
        for (at, column) in names.into_iter().enumerate() {
            let mut name = column.to_owned();
            normalize(&mut name);
            is_decoded |= name.starts_with("evt") || column.starts_with("event__");
            let meaning = self.meaning(&name);
            all.push(column.to_owned());
            let Some(Meaning { field, rank }) = meaning else { continue };
            match &found[field as usize] {
                Some((known, _, other)) if *known == rank => {
                    let columns = [other.clone(), column.to_owned()];
                    return Err(ColumnsError::Ambiguous { field: field.description(), columns });
                }
                Some((known, ..)) if *known < rank => {}
                _ => found[field as usize] = Some((rank, at, column.to_owned())),
            }
        }
        let has = |field: LogField| found[field as usize].is_some();
        let needed = [
            (has(Block), Block),
            (has(LogIndex), LogIndex),
            (has(Topics) || has(Topic0) || has(Topic1), Topics),
        ];
        let missing: Vec<_> =
            needed.into_iter().filter(|(has, _)| !has).map(|(_, field)| field).collect();
        if missing.is_empty() {
            return Ok(Columns { found: found.map(|found| found.map(|(_, at, name)| (at, name))) });
        }
        Err(ColumnsError::Missing {
            missing: Missing(missing),
            columns: all.join(", "),
            is_decoded,
        })
    }
}

/// Why a table has no logs.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum ColumnsError {
    #[error("the columns {0:?} and {1:?} both hold {field}; name the one to read", columns[0], columns[1])]
    Ambiguous { field: &'static str, columns: [String; 2] },
    #[error(
        "has no column for {missing}; its columns are {columns}{}",
        if *is_decoded { ". It looks like a table of decoded events; export the table of raw logs" }
        else { ". Name the columns if they have other names" }
    )]
    Missing { missing: Missing, columns: String, is_decoded: bool },
}

/// The fields for which there is no column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing(Vec<LogField>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self
            .0
            .iter()
            .map(|field| format!("{} ({})", field.description(), field.usual_name()))
            .collect();
        f.write_str(&words.join(" or "))
    }
}

/// Which column of a table holds which field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// The position and the name of each field's column.
    found: [Option<(usize, String)>; FIELDS],
}

impl Columns {
    /// The fields that the table has, with the position and the name of their columns.
    pub(super) fn iter(&self) -> impl Iterator<Item = (LogField, usize, &str)> {
        LogField::all().filter_map(|field| {
            let (at, name) = self.found[field as usize].as_ref()?;
            Some((field, *at, name.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &str) -> Result<Vec<(LogField, usize)>, ColumnsError> {
        let columns = ColumnNames::default().columns(names.split(','))?;
        Ok(columns.iter().map(|(field, at, _)| (field, at)).collect())
    }

    #[test]
    fn the_table_is_in_the_order_of_the_fields_and_every_name_has_one_meaning() {
        assert!(SPELLINGS.iter().enumerate().all(|(at, (field, ..))| *field as usize == at));
        let mut names: Vec<_> = SPELLINGS.iter().flat_map(|(_, _, names)| *names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for name in names {
            let mut normalized = (*name).to_owned();
            normalize(&mut normalized);
            assert_eq!(normalized, **name);
        }
    }

    #[test]
    fn the_most_specific_name_of_a_field_is_taken() {
        let found =
            columns("index,_LOG_INDEX,\"blockNumber\",block,topics[0],CONTRACT_ADDRESS,address");
        let expected = [(Block, 2), (LogIndex, 1), (Address, 6), (Topic0, 4)];
        assert_eq!(found.unwrap(), expected);
        let times = columns("block_time,block_timestamp,log_index,topics").unwrap_err();
        assert!(times.to_string().contains("no column for the block number"), "{times}");
        let twice = columns("block_number,blockNumber,log_index,topics").unwrap_err();
        assert!(twice.to_string().contains("both hold the block number"), "{twice}");
        let decoded = columns("contract_address,evt_tx_hash,evt_index,evt_block_number,chainId");
        assert!(decoded.unwrap_err().to_string().contains("decoded events"));
    }

    #[test]
    fn given_names_take_precedence() {
        let given: ColumnNames = "block=Height,data=pay_load".parse().unwrap();
        assert_eq!(given.to_string(), "block=height,data=payload");
        let found =
            given.columns(["height", "block_number", "log_index", "topics", "PAYLOAD", "data"]);
        let found: Vec<_> = found.unwrap().iter().map(|(field, at, _)| (field, at)).collect();
        assert_eq!(found, [(Block, 0), (LogIndex, 2), (Topics, 3), (Data, 4)]);
        for wrong in ["", "block", "block=", "height=block", "block=a,block=b", "block=a,data=A"] {
            assert!(wrong.parse::<ColumnNames>().is_err(), "{wrong}");
        }
    }
}
