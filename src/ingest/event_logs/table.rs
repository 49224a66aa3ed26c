//! Logs as [rows](crate::ingest::rows) of text: CSV and other separated columns with a header, and the tables of
//! a dump of Postgres.
//!
//! ```text
//! block_number,log_index,address,topics,data,…        COPY public.logs (data, index, …) FROM stdin;
//! 17,0,0x…,"[""0x…"",""0x…""]",0x…                     \\x… TAB 0 TAB …
//!                                                      \.
//! ```

use super::{
    cells::{Cell, Cells, Decoder},
    columns::{ColumnNames, Columns, ColumnsError},
    mapping::{self, Mapping},
    record::{EventLog, LogPlace},
};
use crate::{
    archive::Place,
    files::Input,
    ingest::{
        record::Record,
        rows::{Form, Item, RowReader, RowsError, tables_in},
        state::ImportError,
    },
};

/// The longest row. The data of a log are limited by the gas of a block to a few megabytes.
const LONGEST_ROW: usize = 64 << 20;

/// Whether a text with this beginning has rows of logs. A dump has if its first table has.
pub(super) fn is_table(head: &[u8], names: &ColumnNames) -> bool {
    match form(head, names) {
        Some(Form::Dump) => {
            tables_in(head).next().is_some_and(|(_, found)| columns(&found, names).is_ok())
        }
        form => form.is_some(),
    }
}

/// The form of a text with this beginning. Columns between tabs are CSV even if `COPY` wrote them: of its escapes a
/// log has only `\N` and the backslash of `\x`, and [`Decoder`] knows both.
fn form(head: &[u8], names: &ColumnNames) -> Option<Form> {
    match Form::detect(head, |first| columns(first, names).is_ok())? {
        Form::Copied => Some(Form::Csv(b'\t')),
        form => Some(form),
    }
}

fn columns(found: &[String], names: &ColumnNames) -> Result<Columns, ColumnsError> {
    names.columns(found.iter().map(String::as_str))
}

/// Passes every log of a text to `take`, and returns which columns were read. Tables of a dump without logs are
/// passed over.
pub(super) fn read<E: From<ImportError>>(
    input: Input,
    names: &ColumnNames,
    mut take: impl FnMut(EventLog, LogPlace<'_>) -> Result<(), E>,
) -> Result<Mapping, E> {
    let name = input.name().to_owned();
    let place = |line| LogPlace { name: &name, place: Place::Line(line) };
    let refused = |error: RowsError| match error {
        RowsError::Input(error) => error.into(),
        RowsError::LongLine { line, limit } => {
            place(line).bad("the row", format!("is longer than {limit} bytes, the limit for a row"))
        }
        RowsError::Bad { line, what, reason } => place(line).bad(what, reason),
    };
    // Without the columns of logs, the error for the separator that the text has is the useful one.
    let form = form(input.head(), names).unwrap_or_else(|| Form::most_likely_csv(input.head()));
    let shown = form.separator().map_or(mapping::Form::Copy, |by| mapping::Form::Rows(by.into()));
    let (mut decoder, mut table, mut mapping) = (Decoder::default(), None, None);
    let mut not_logs = None;
    let mut rows = RowReader::new(input, form, true, LONGEST_ROW);
    while let Some(item) = rows.next().map_err(refused)? {
        match item {
            Item::Table { columns: found, .. } => match columns(&found, names) {
                Ok(columns) => {
                    mapping.get_or_insert_with(|| Mapping::of(&name, shown, &columns));
                    table = Some((columns, found.len()));
                }
                Err(error) => {
                    not_logs.get_or_insert_with(|| error.to_string());
                    table = None;
                    if form != Form::Dump {
                        break;
                    }
                    rows.skip_table().map_err(refused)?;
                }
            },
            Item::Row { line, record } => {
                let Some((columns, len)) = &table else { continue };
                let log = log(record, columns, *len, place(line), &mut decoder)?;
                take(log, place(line))?;
            }
        }
    }
    let Some(mapping) = mapping else {
        let reason = not_logs.unwrap_or_else(|| "is a dump without tables".into());
        return Err(ImportError::LogColumns { name, reason }.into());
    };
    Ok(Mapping { spelling: decoder.spelling(), ..mapping })
}

fn log(
    record: &Record,
    columns: &Columns,
    len: usize,
    place: LogPlace<'_>,
    decoder: &mut Decoder,
) -> Result<EventLog, ImportError> {
    if record.len() != len {
        let reason = format!("has {} columns, but the header has {len}", record.len());
        return Err(place.bad("the row", reason));
    }
    let mut cells = Cells::default();
    for (field, at, name) in columns.iter() {
        let text = record.get(at).map(std::str::from_utf8).transpose();
        let text =
            text.map_err(|_| place.bad(format!("the column {name:?}"), "is not text in UTF-8"))?;
        cells.set(field, text.map_or(Cell::Null, Cell::text));
    }
    decoder.decode(cells).map_err(|fault| place.bad(fault.what, fault.reason))
}
