//! The meaning of the names of columns and members.
//!
//! Names are compared as those of logs are. Sources: the schemas of cryo, ethereum-etl, BigQuery, Dune, Allium and
//! HyperSync, the API of Etherscan and the one of Blockscout, and the answers of nodes.

use super::{Fault, FaultKind, Position, Row};
use crate::{
    ingest::event_logs::{Cell, Decoder, normalize},
    primitives::{
        Address, Hash,
        spelled::{Scalar, Spelled},
    },
};

/// A part of a transaction or of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Hash,
    Block,
    Index,
    To,
    Calldata,
    Status,
    IsError,
    /// Anything that only transactions have, which tells them from receipts.
    GasLimit,
}

/// The number of [`Field`]s.
pub(super) const FIELDS: usize = Field::GasLimit as usize + 1;

/// The spellings of every field, the most specific first.
const SPELLINGS: [(Field, &str, &[&str]); FIELDS] = [
    (
        Field::Hash,
        "the transaction hash",
        &["transactionhash", "transactionhashhex", "txhash", "txhashhex", "txnhash", "hash"],
    ),
    (
        Field::Block,
        "the block number",
        &["blocknumber", "blocknum", "blockno", "minedblock", "block"],
    ),
    (
        Field::Index,
        "the transaction index",
        &["transactionindex", "txindex", "txposition", "txnindex", "index", "position"],
    ),
    (Field::To, "the called contract", &["toaddress", "txto", "tohex", "to"]),
    (
        Field::Calldata,
        "the calldata",
        &["input", "inputdata", "inputhex", "rawinput", "calldata", "data"],
    ),
    (
        Field::Status,
        "the status",
        &["receiptstatus", "txreceiptstatus", "txstatus", "txsucceeded", "success", "status"],
    ),
    (Field::IsError, "the mark of errors", &["iserror"]),
    (Field::GasLimit, "the gas limit", &["gaslimit", "gas", "nonce", "methodid", "method"]),
];

impl Field {
    /// Every field, in the order of their declaration.
    pub(super) const ALL: [Self; FIELDS] = [
        Self::Hash,
        Self::Block,
        Self::Index,
        Self::To,
        Self::Calldata,
        Self::Status,
        Self::IsError,
        Self::GasLimit,
    ];

    /// The field that a name means, and how specific the name is: the lower, the more.
    pub(super) fn of(name: &str) -> Option<(Self, usize)> {
        let mut normalized = name.to_owned();
        normalize(&mut normalized);
        SPELLINGS.iter().find_map(|(field, _, names)| {
            Some((*field, names.iter().position(|known| *known == normalized)?))
        })
    }

    /// Whether a name of this rank means the same beside a log: `index` and `position` are then those of the log.
    pub(super) fn is_of_transaction(self, rank: usize) -> bool {
        let name = SPELLINGS[self as usize].2.get(rank).copied().unwrap_or_default();
        self != Self::Index || name.starts_with("tx") || name.starts_with("transaction")
    }

    pub(super) fn description(self) -> &'static str {
        SPELLINGS[self as usize].1
    }

    #[cfg(feature = "parquet")]
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Block | Self::Index)
    }
}

/// The columns of a table: for each field the position of its column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    found: [Option<usize>; FIELDS],
}

impl Columns {
    /// The columns of a table of transactions or receipts. The error says what is missing.
    pub(super) fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, String> {
        let (mut found, mut has_topics, mut has_gas) =
            ([None::<(usize, usize)>; FIELDS], false, false);
        for (at, name) in names.into_iter().enumerate() {
            let mut normalized = name.to_owned();
            normalize(&mut normalized);
            has_topics |= ["topics", "topic0", "topic1", "logindex"].contains(&&*normalized);
            has_gas |= ["gasused", "cumulativegasused"].contains(&&*normalized);
            let Some((field, rank)) = Field::of(name) else { continue };
            let known = &mut found[field as usize];
            if known.is_none_or(|(before, _)| rank < before) {
                *known = Some((rank, at));
            }
        }
        let found = found.map(|found| found.map(|(_, at)| at));
        let has = |field: Field| found[field as usize].is_some();
        if has_topics {
            return Err("is a table of logs, not of transactions".into());
        }
        if !has(Field::Hash) {
            return Err("has no column for the transaction hash".into());
        }
        let is_receipts = has(Field::Status) && (has_gas || has(Field::GasLimit));
        if !has(Field::Calldata) && !is_receipts {
            return Err(
                "has columns neither for the calldata of transactions nor for the status and the gas of receipts".into(),
            );
        }
        Ok(Self { found })
    }

    /// The fields that the table has, with the positions of their columns.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Field, usize)> {
        SPELLINGS.iter().filter_map(|(field, ..)| Some((*field, self.found[*field as usize]?)))
    }
}

/// The cells of one row.
#[derive(Debug, Default)]
pub(super) struct Cells<'t> {
    of: [Cell<'t>; FIELDS],
}

impl<'t> Cells<'t> {
    pub(super) fn set(&mut self, field: Field, cell: Cell<'t>) {
        self.of[field as usize] = cell;
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.of[field as usize] != Cell::Absent
    }

    /// Makes a row of the cells.
    pub(super) fn row(mut self, decoder: &mut Decoder) -> Result<Row, Fault> {
        let mut take = |field: Field| std::mem::take(&mut self.of[field as usize]);
        let refuse = |hash: Option<Hash>, field: Field| {
            move |reason| Fault {
                hash,
                kind: FaultKind::Value { what: field.description(), reason },
            }
        };
        let hash = decoder.value(&take(Field::Hash)).map_err(refuse(None, Field::Hash))?;
        let missing = || refuse(None, Field::Hash)("is missing".into());
        let hash = Hash::new(hash.ok_or_else(missing)?);
        let refuse = |field| refuse(Some(hash), field);
        let to = match take(Field::To) {
            // Etherscan writes an empty text for the creation of a contract.
            Cell::Text(text) if text == "0x" => None,
            cell => decoder.value(&cell).map_err(refuse(Field::To))?,
        };
        let position = position_of(&take(Field::Block), &take(Field::Index));
        let (is_error, status) = (take(Field::IsError), take(Field::Status));
        let succeeded = status_of(&status).map_err(refuse(Field::Status))?;
        let failed = status_of(&is_error).map_err(refuse(Field::IsError))?;
        let (calldata, gas_limit) = (take(Field::Calldata), take(Field::GasLimit));
        let lacks_calldata = matches!(calldata, Cell::Null)
            || (calldata == Cell::Absent && gas_limit != Cell::Absent);
        let calldata = match calldata {
            Cell::Absent | Cell::Null => None,
            cell => Some(decoder.data(cell).map_err(refuse(Field::Calldata))?),
        };
        Ok(Row {
            position,
            to: to.map(Address::new),
            calldata: calldata.flatten(),
            lacks_calldata,
            succeeded: succeeded.or(failed.map(|failed| !failed)),
            ..Row::of(hash)
        })
    }
}

/// The position that two cells tell. It is only needed to order commits and reverts, so an unreadable one is not known.
pub(super) fn position_of(block: &Cell<'_>, index: &Cell<'_>) -> Option<Position> {
    let number = |cell: &Cell<'_>| cell.number().ok().flatten();
    Some(Position { block: number(block)?, index: number(index), is_contradicted: false })
}

/// A status or a mark, as a boolean.
fn status_of(cell: &Cell<'_>) -> Result<Option<bool>, String> {
    let text = match cell {
        Cell::Absent | Cell::Null => return Ok(None),
        Cell::Flag(flag) => return Ok(Some(*flag)),
        Cell::Number(0) => return Ok(Some(false)),
        Cell::Number(1) => return Ok(Some(true)),
        Cell::Text(text) => text.as_ref(),
        Cell::Bytes(bytes) => match &bytes[..] {
            [0] => return Ok(Some(false)),
            [1] => return Ok(Some(true)),
            bytes => std::str::from_utf8(bytes).unwrap_or_default(),
        },
        _ => "",
    };
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(&["ok", "success", "successful", "1.0"]) {
        Ok(Some(true))
    } else if is_one_of(&["error", "error(0)", "fail", "failed", "failure", "reverted", "0.0"]) {
        Ok(Some(false))
    } else {
        bool::read(Scalar::Text(text.trim())).map(Some).map_err(|error| error.to_string())
    }
}
