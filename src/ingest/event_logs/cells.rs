//! The cells of a row or of an object, and how a log is made of them.

use std::borrow::Cow;

use super::{
    columns::{FIELDS, LogField, TOPIC_COLUMNS},
    record::EventLog,
    values::{self, Spelling},
};
use crate::primitives::{
    Address, Hash, SlBlock, Word,
    spelled::{Scalar, Spelled},
};

/// A value, before its meaning is considered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::ingest) enum Cell<'t> {
    /// The file has no column or member for it.
    #[default]
    Absent,
    /// No value.
    Null,
    /// A text, also of a number or a boolean.
    Text(Cow<'t, str>),
    #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "text has no binary columns"))]
    /// Bytes of a binary column. They may be text, if the column does not say so.
    Bytes(Cow<'t, [u8]>),
    #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "text has no binary columns"))]
    /// A number of a binary column.
    Number(u64),
    /// A boolean.
    Flag(bool),
    /// The elements of an array.
    List(Vec<Cell<'t>>),
}

impl<'t> Cell<'t> {
    pub(in crate::ingest) fn text(text: impl Into<Cow<'t, str>>) -> Self {
        let text = text.into();
        if values::is_null(&text) { Self::Null } else { Self::Text(text) }
    }

    /// The value as a number; `None` if there is none.
    pub(in crate::ingest) fn number(&self) -> Result<Option<u64>, String> {
        match self {
            Self::Absent | Self::Null => Ok(None),
            Self::Number(number) => Ok(Some(*number)),
            Self::Text(text) => values::number(text).map(Some),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => values::number(text).map(Some),
                Err(_) => Err("is not a number".into()),
            },
            _ => Err("is not a number".into()),
        }
    }
}

/// The cells of one log.
#[derive(Debug, Default)]
pub(super) struct Cells<'t> {
    of: [Cell<'t>; FIELDS],
}

impl<'t> Cells<'t> {
    pub(super) fn set(&mut self, field: LogField, cell: Cell<'t>) {
        self.of[field as usize] = cell;
    }

    pub(super) fn has(&self, field: LogField) -> bool {
        self.of[field as usize] != Cell::Absent
    }

    fn take(&mut self, field: LogField) -> Cell<'t> {
        std::mem::take(&mut self.of[field as usize])
    }

    /// Whether the row or object has topics, or columns for them.
    pub(super) fn has_topics(&self) -> bool {
        [LogField::Topics, LogField::Topic0, LogField::Topic1]
            .into_iter()
            .any(|field| self.has(field))
    }
}

/// Why a row is not a log.
#[derive(Debug)]
pub(super) struct Fault {
    /// The part of the log.
    pub(super) what: &'static str,
    /// What is wrong with it.
    pub(super) reason: String,
}

fn fault(field: LogField) -> impl FnOnce(String) -> Fault {
    move |reason| Fault { what: field.description(), reason }
}

/// Decodes the values of one file.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Decoder {
    /// How the file writes hashes and addresses, known from the first one.
    spelling: Option<Spelling>,
}

impl Decoder {
    /// How the file writes bytes, if this is known yet.
    pub(super) fn spelling(&self) -> Option<Spelling> {
        self.spelling
    }

    /// Makes a log of its cells.
    pub(super) fn decode(&mut self, mut cells: Cells<'_>) -> Result<EventLog, Fault> {
        let topics = self.topics(&mut cells)?;
        let address = self.fixed(LogField::Address, &mut cells)?;
        let tx_hash = self.fixed(LogField::TxHash, &mut cells)?;
        let block_hash = self.fixed(LogField::BlockHash, &mut cells)?;
        let required = |field, cells: &mut Cells<'_>| {
            number(field, cells)?.ok_or_else(|| fault(field)("is missing".into()))
        };
        Ok(EventLog {
            address: address.map(Address::new),
            topics,
            data: self.data(cells.take(LogField::Data)).map_err(fault(LogField::Data))?,
            block: SlBlock(required(LogField::Block, &mut cells)?),
            log_index: required(LogField::LogIndex, &mut cells)?,
            tx_hash: tx_hash.map(Hash::new).filter(|hash| !hash.is_zero()),
            tx_index: number(LogField::TxIndex, &mut cells)?,
            l1_batch: number(LogField::L1Batch, &mut cells)?.filter(|batch| *batch > 0),
            block_hash: block_hash.map(Hash::new),
            removed: flag(cells.take(LogField::Removed)).map_err(fault(LogField::Removed))?,
        })
    }

    /// Notes how a value is written, and refuses a value that is written differently.
    fn expect(&mut self, found: Spelling) -> Result<Spelling, String> {
        let known = *self.spelling.get_or_insert(found);
        if known == found {
            return Ok(found);
        }
        Err(format!("is {}, but earlier values of the file are {}", found.name(), known.name()))
    }

    /// The `N` bytes of a value.
    pub(in crate::ingest) fn value<const N: usize>(
        &mut self,
        cell: &Cell<'_>,
    ) -> Result<Option<[u8; N]>, String> {
        let text = match cell {
            Cell::Absent | Cell::Null => return Ok(None),
            Cell::Bytes(bytes) if bytes.len() == N => {
                self.expect(Spelling::Binary)?;
                return values::fixed(bytes).map(Some);
            }
            Cell::Bytes(bytes) => std::str::from_utf8(bytes)
                .map_err(|_| format!("has {} bytes, not {N}", bytes.len()))?,
            Cell::Text(text) => text.trim(),
            _ => return Err(format!("is not {N} bytes")),
        };
        if values::is_null(text) {
            return Ok(None);
        }
        let spelling = values::spelling_of::<N>(text).ok_or_else(|| {
            format!("is {:?}, not {N} bytes in hexadecimal or base64", values::shortened(text))
        })?;
        self.expect(spelling)?;
        values::fixed(&values::bytes(text, spelling)?).map(Some)
    }

    fn fixed<const N: usize>(
        &mut self,
        field: LogField,
        cells: &mut Cells<'_>,
    ) -> Result<Option<[u8; N]>, Fault> {
        self.value(&cells.take(field)).map_err(fault(field))
    }

    fn topics(&mut self, cells: &mut Cells<'_>) -> Result<Vec<Word>, Fault> {
        let refuse = fault(LogField::Topics);
        let list = match cells.take(LogField::Topics) {
            Cell::List(list) => list,
            Cell::Text(text) => {
                let parts = values::topics_in(&text).map_err(refuse)?;
                return self.words(parts.into_iter().map(Cell::text));
            }
            Cell::Bytes(bytes) => {
                let text =
                    std::str::from_utf8(&bytes).map_err(|_| refuse("are not text".into()))?;
                let parts = values::topics_in(text).map_err(fault(LogField::Topics))?;
                return self.words(parts.into_iter().map(Cell::text));
            }
            _ => {
                // Tables of zksync-era count topics from 1.
                let from_one = cells.has(LogField::Topic4) || !cells.has(LogField::Topic0);
                TOPIC_COLUMNS[usize::from(from_one)..]
                    .iter()
                    .map(|field| cells.take(*field))
                    .collect()
            }
        };
        self.words(list.into_iter())
    }

    fn words<'t>(&mut self, cells: impl Iterator<Item = Cell<'t>>) -> Result<Vec<Word>, Fault> {
        let (mut words, mut has_null) = (Vec::with_capacity(4), false);
        for cell in cells {
            let word = self.value(&cell).map_err(fault(LogField::Topics))?;
            match word {
                None => has_null = true,
                Some(_) if has_null => {
                    return Err(fault(LogField::Topics)("have a topic after a null one".into()));
                }
                Some(_) if words.len() == 4 => {
                    return Err(fault(LogField::Topics)("are more than four".into()));
                }
                Some(word) => words.push(Word::new(word)),
            }
        }
        Ok(words)
    }

    /// The data. Their form is that of the hashes, because the data alone may be valid in two forms.
    pub(in crate::ingest) fn data(&self, cell: Cell<'_>) -> Result<Option<Vec<u8>>, String> {
        let text = match cell {
            Cell::Absent => return Ok(None),
            Cell::Null => return Ok(Some(Vec::new())),
            Cell::Bytes(bytes) if matches!(self.spelling, None | Some(Spelling::Binary)) => {
                return Ok(Some(bytes.into_owned()));
            }
            Cell::Bytes(bytes) => {
                let text = String::from_utf8(bytes.into_owned());
                Cow::Owned(text.map_err(|_| "are not text, but the hashes are".to_owned())?)
            }
            Cell::Text(text) => text,
            _ => return Err("are not bytes".into()),
        };
        let spelling = match self.spelling {
            Some(Spelling::Base64) => Spelling::Base64,
            _ => Spelling::Hex,
        };
        values::bytes(&text, spelling).map(Some)
    }
}

fn number(field: LogField, cells: &mut Cells<'_>) -> Result<Option<u64>, Fault> {
    cells.take(field).number().map_err(fault(field))
}

fn flag(cell: Cell<'_>) -> Result<bool, String> {
    let scalar = match &cell {
        Cell::Absent | Cell::Null => return Ok(false),
        Cell::Flag(flag) => Scalar::Flag(*flag),
        Cell::Number(number) => Scalar::Whole(*number),
        Cell::Text(text) => Scalar::Text(text.trim()),
        Cell::Bytes(_) | Cell::List(_) => return Err("is neither true nor false".into()),
    };
    bool::read(scalar).map_err(|error| error.to_string())
}
