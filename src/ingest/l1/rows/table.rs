//! Transactions as [rows](crate::ingest::rows) of text, with the names of their columns.

use super::{
    Found,
    fields::{Cells, Columns},
    no_columns,
    record::{Fault, FaultKind},
};
use crate::{
    archive::Place,
    files::Input,
    ingest::{
        event_logs::{Cell, Decoder},
        record::Record,
        rows::{Form, Item, RowReader, RowsError},
        state::ImportError,
    },
};

/// The longest row: calldata of a transaction of L1 have at most 128 KiB without the fees for it, and are written
/// with two digits a byte.
const LONGEST: usize = 64 << 20;

pub(super) fn is_table(head: &[u8]) -> bool {
    matches!(form(head), Some(Form::Csv(_)))
}

fn form(head: &[u8]) -> Option<Form> {
    let is_first = |first: &[String]| Columns::of(first.iter().map(String::as_str)).is_ok();
    match Form::detect(head, is_first)? {
        Form::Copied => Some(Form::Csv(b'\t')),
        form => Some(form),
    }
}

pub(super) fn read<E: From<ImportError>>(
    input: Input,
    mut take: impl FnMut(Found, Place) -> Result<(), E>,
) -> Result<(), E> {
    let name = input.name().to_owned();
    let refused = |error: RowsError| match error {
        RowsError::Input(error) => ImportError::from(error),
        RowsError::LongLine { line, limit } => {
            let reason = format!("is longer than {limit} bytes, the limit for a row");
            ImportError::Row { name: name.clone(), line, reason }
        }
        RowsError::Bad { line, what, reason } => {
            let reason = format!("{what} {reason}");
            ImportError::Row { name: name.clone(), line, reason }
        }
    };
    let form = form(input.head()).unwrap_or_else(|| Form::most_likely_csv(input.head()));
    let (mut decoder, mut table) = (Decoder::default(), None);
    let mut rows = RowReader::new(input, form, true, LONGEST);
    while let Some(item) = rows.next().map_err(refused)? {
        match item {
            Item::Table { columns: found, .. } => {
                let columns = Columns::of(found.iter().map(String::as_str));
                let columns = columns.map_err(|reason| no_columns(&name, reason))?;
                table = Some((columns, found.len()));
            }
            Item::Row { line, record } => {
                let Some((columns, len)) = &table else { continue };
                take(row(record, columns, *len, &mut decoder), Place::Line(line))?;
            }
        }
    }
    Ok(())
}

fn row(record: &Record, columns: &Columns, len: usize, decoder: &mut Decoder) -> Found {
    let bad = |what, reason| Fault::from(FaultKind::Value { what, reason });
    if record.len() != len {
        let reason = format!("has {} columns, but the header has {len}", record.len());
        return Err(bad("the row", reason));
    }
    let mut cells = Cells::default();
    for (field, at) in columns.iter() {
        let text = record.get(at).map(std::str::from_utf8).transpose();
        let text = text.map_err(|_| bad(field.description(), "is not text in UTF-8".into()))?;
        cells.set(field, text.map_or(Cell::Null, Cell::text));
    }
    cells.row(decoder)
}
