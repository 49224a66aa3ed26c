//! The batches that transactions of a settlement layer execute, with their logs and messages.

use rayon::prelude::*;

use super::{
    CalldataError, ExecutedBatch, L1FaultKind,
    calldata::has_quoted_logs,
    rows::{Fault, Found, Row, is_table_of_transactions, read_table, rows_in},
};
use crate::{
    archive::Place,
    files::Input,
    ingest::{IndexError, event_logs::End, json::JsonValues},
};

/// What a row has of executed batches, and its place.
type Read = (Result<Vec<ExecutedBatch>, L1FaultKind>, Place);

/// The most rows of a Parquet file that are searched for executions with logs.
const FIRST_ROWS: usize = 1 << 10;

/// Whether a file has transactions that execute batches with their logs, by its first mebibyte, or by the first rows
/// of a Parquet file.
pub(in crate::ingest) fn has_executions(input: &Input) -> bool {
    let text = input.head().trim_ascii_start();
    if matches!(text.first(), Some(b'{' | b'[')) {
        return has_quoted_logs(text);
    }
    if !is_table_of_transactions(input) {
        return false;
    }
    let Ok(first) = input.first_part() else { return false };
    let (mut found, mut left) = (false, FIRST_ROWS);
    let _ = read_table(first, |row, _| {
        found = read(row).is_ok_and(|batches| !batches.is_empty());
        left -= 1;
        if found || left == 0 { Err(End) } else { Ok(()) }
    });
    found
}

/// Passes the executed batches of every transaction to `take`, in the order of the file. Transactions that failed
/// and those without logs are left out.
///
/// # Errors
/// Those of `take`; [`IndexError`] when the file is damaged as a whole, or lacks columns.
pub(in crate::ingest) fn each_execution(
    input: Input,
    mut take: impl FnMut(Result<ExecutedBatch, L1FaultKind>, Place) -> Result<(), IndexError>,
) -> Result<(), IndexError> {
    let mut take_all = |(found, place): Read| match found {
        Ok(batches) => batches.into_iter().try_for_each(|batch| take(Ok(batch), place)),
        Err(error) => take(Err(error), place),
    };
    if !matches!(input.head().trim_ascii_start().first(), Some(b'{' | b'[')) {
        return read_table(input, |row, place| take_all((read(row), place)));
    }
    JsonValues::of_lines(input).each_chunk(|piece| {
        let batches = (0..piece.len()).into_par_iter().flat_map_iter(|index| {
            let (text, place) = piece.value(index);
            let mut found = Vec::new();
            rows_in(text, &mut found);
            found.into_iter().map(move |row| (read(row), place))
        });
        batches.collect::<Vec<Read>>().into_iter().try_for_each(&mut take_all)
    })
}

fn read(row: Found) -> Result<Vec<ExecutedBatch>, L1FaultKind> {
    let Row { calldata, succeeded, .. } = row.map_err(|Fault { kind, .. }| kind)?;
    match calldata {
        Some(calldata) if succeeded != Some(false) => {
            ExecutedBatch::all_in(&calldata).map_err(|error: CalldataError| error.into())
        }
        _ => Ok(Vec::new()),
    }
}
