//! Tables of a node from files of [rows](crate::ingest::rows), in which other tables are skipped.

use super::{
    SourceError,
    batch_sink::BatchSink,
    node_tables::{NodeTables, Table},
};
use crate::{
    archive::{Origin, Place},
    files::Input,
    ingest::{
        IndexError,
        rows::{Form, Item, RowReader, RowsError, STORAGE_LOGS, tables_in},
    },
};

/// The longest row, in bytes. A batch's pubdata and messages in hexadecimal take a few megabytes.
pub(super) const LONGEST_ROW: usize = 128 << 20;

/// Whether a file with this beginning has rows of a node's tables. A dump has, unless it begins with a table
/// of slots and has none of logs there.
pub(super) fn is_rows(head: &[u8]) -> bool {
    match form(head) {
        Some(Form::Dump) => {
            let has_slots = tables_in(head).any(|(name, _)| name == STORAGE_LOGS);
            !has_slots || tables_in(head).any(|(name, _)| Table::is_needed(&name))
        }
        form => form.is_some(),
    }
}

fn form(head: &[u8]) -> Option<Form> {
    Form::detect(head, |columns| Table::with_columns(columns).is_some())
}

/// Reads a file of rows.
pub(super) fn read(
    input: Input,
    tables: &mut NodeTables,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let source = intake.source(input.name());
    let read = read_rows(input, source, tables, intake);
    tables.end_of(source, read, intake)
}

fn read_rows(
    input: Input,
    source: u32,
    tables: &mut NodeTables,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let name = input.name().to_owned();
    let origin = |line| Origin { source, place: Place::Line(line) };
    let form = form(input.head()).ok_or_else(|| IndexError::Refused {
        name: name.clone(),
        reason:
            "its first line does not name the columns of l2_to_l1_logs, miniblocks or l1_batches; \
                 export with HEADER, or use pg_dump"
                .into(),
    })?;
    let mut rows = RowReader::new(input, form, true, LONGEST_ROW);
    let mut table = None;
    while let Some(item) = rows.next().map_err(|error| refused(&name, error))? {
        match item {
            Item::Row { line, record } => {
                if let Some(table) = &table {
                    tables.row(table, record, origin(line), intake)?;
                }
            }
            Item::Table { line, name: of, columns } => {
                let found = match of {
                    Some(of) => Table::named(&of, &columns),
                    None => Table::with_columns(&columns),
                };
                let found = found.transpose().map_err(|error| {
                    intake.error(origin(line), "not a table of a zksync-era node", error)
                })?;
                if let Some(found) = found {
                    tables.begin(&found);
                    table = Some(found);
                } else {
                    rows.skip_table().map_err(|error| refused(&name, error))?;
                }
            }
        }
    }
    let reason = "it has no rows of l2_to_l1_logs, miniblocks or l1_batches in the form of COPY";
    match table {
        Some(_) => Ok(()),
        None => Err(IndexError::Refused { name, reason: reason.into() }),
    }
}

/// The error for rows that cannot be read.
pub(super) fn refused(name: &str, error: RowsError) -> IndexError {
    match error {
        RowsError::Input(error) => error.into(),
        RowsError::LongLine { line, limit } => {
            IndexError::LongLine { name: name.into(), line, limit }
        }
        RowsError::Bad { line, what, reason } => IndexError::Source {
            name: name.into(),
            place: Place::Line(line),
            what: "not a table of a zksync-era node".into(),
            source: SourceError::Bad { what: what.into(), reason: reason.into() },
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        archive::Collector,
        files::Spill,
        ingest::logs::{BatchBlocks, batch_sink::BatchSinkState},
        primitives::ChainId,
    };

    /// Reads a text, and assembles its batches.
    fn read_all(text: Vec<u8>) -> Result<(), IndexError> {
        let mut collector = Collector::new(&Spill::Memory, 1 << 20);
        let mut state = BatchSinkState { goes_on: true, ..BatchSinkState::default() };
        let intake = &mut BatchSink { collector: &mut collector, state: &mut state };
        let mut tables = NodeTables::new(ChainId(9), &Spill::Memory);
        read(Input::from_reader("test", Cursor::new(text))?, &mut tables, intake)?;
        tables.finish(&BatchBlocks::default(), intake)
    }

    proptest! {
        #[test]
        fn random_rows_do_not_panic(
            head in prop::sample::select(vec![
                "number,l1_batch_number\n",
                "number\tl2_to_l1_messages\taggregation_root\n",
                "miniblock_number\tlog_index_in_miniblock\ttx_hash\tshard_id\tis_service\t\
                 tx_index_in_l1_batch\tsender\tkey\tvalue\n",
                "COPY miniblocks (number, l1_batch_number) FROM stdin;\n",
                "COPY other (x) FROM stdin;\n",
            ]),
            rows in prop::collection::vec("[0-9\\\\xtfN{}\",\t]{0,30}", 0..10),
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let text = format!("{head}{}", rows.join("\n")).into_bytes();
            let _ = read_all([&text[..], &bytes].concat());
        }
    }
}
