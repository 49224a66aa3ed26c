//! Logs as rows of a Parquet file. Bytes may be binary or text, of any or of fixed length; the topics may be in
//! four columns or in one of lists.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    cells::{Cell, Cells, Decoder},
    columns::{ColumnNames, LogField},
    mapping::{Form, Mapping},
    record::{EventLog, LogPlace},
};
use crate::{
    files::{
        Input,
        parquet::{Column, Damage, Leaf, ParquetFile, Physical, decimal},
    },
    ingest::{parquet_columns::parquet_columns, parquet_rows::each_row, state::ImportError},
};

/// Whether the columns of a Parquet file are those of logs.
pub(super) fn is_table(input: &Input, names: &ColumnNames) -> bool {
    parquet_columns(input)
        .is_some_and(|found| names.columns(found.iter().map(String::as_str)).is_ok())
}

/// Passes every log of a file to `take`, and returns which columns were read.
pub(super) fn read<E: From<ImportError>>(
    input: Input,
    names: &ColumnNames,
    mut take: impl FnMut(EventLog, LogPlace<'_>) -> Result<(), E>,
) -> Result<Mapping, E> {
    let file = ParquetFile::open(input).map_err(ImportError::from)?;
    let refuse = |reason: String| ImportError::LogColumns { name: file.name().into(), reason };
    let columns = names.columns(names_of(&file)).map_err(|error| refuse(error.to_string()))?;
    let mut mapping = Mapping::new(file.name(), Form::Parquet);
    let mut leaves = Vec::new();
    for (field, at, name) in columns.iter() {
        let leaf = &file.leaves()[at];
        if can_read(field, leaf) {
            mapping.add(field, name);
            leaves.push((field, at, leaf.physical));
        } else if field.is_needed() {
            return Err(refuse(format!(
                "the column {name:?} has no type of {}",
                field.description()
            ))
            .into());
        }
    }
    let places: Vec<usize> = leaves.iter().map(|(_, at, _)| *at).collect();
    let mut decoder = Decoder::default();
    let cells = |columns: &mut [Column]| {
        let mut cells = Cells::default();
        for ((field, _, physical), column) in leaves.iter().zip(columns) {
            cells.set(*field, cell(*field, *physical, column)?);
        }
        Ok(cells)
    };
    each_row(&file, &places, cells, |cells, place| {
        let place = LogPlace { name: file.name(), place };
        let log = decoder.decode(cells);
        take(log.map_err(|fault| place.bad(fault.what, fault.reason))?, place)
    })?;
    mapping.spelling = decoder.spelling();
    Ok(mapping)
}

fn names_of(file: &ParquetFile) -> impl Iterator<Item = &str> {
    file.leaves().iter().map(|leaf| &*leaf.name)
}

/// Whether a column has a type that can hold the field.
fn can_read(field: LogField, leaf: &Leaf) -> bool {
    let is_bytes = matches!(leaf.physical, Physical::Bytes | Physical::Fixed(_));
    let is_integer = matches!(leaf.physical, Physical::Int32 | Physical::Int64);
    let depth = u8::from(field == LogField::Topics);
    match field {
        LogField::Block | LogField::LogIndex | LogField::TxIndex | LogField::L1Batch => {
            leaf.repetition == 0 && (is_bytes || is_integer || leaf.physical == Physical::Double)
        }
        LogField::Removed => {
            leaf.repetition == 0 && (is_bytes || is_integer || leaf.physical == Physical::Boolean)
        }
        // The topics may also be one text.
        _ => leaf.repetition <= depth && is_bytes,
    }
}

/// Reads the value of the next row.
fn cell(field: LogField, physical: Physical, column: &mut Column) -> Result<Cell<'static>, Damage> {
    if field == LogField::Topics && column.is_list() {
        let topics = column.list()?.unwrap_or_default().into_iter();
        let topic = |topic: Option<Bytes>| topic.map_or(Cell::Null, bytes);
        return Ok(Cell::List(topics.map(topic).collect()));
    }
    scalar_of(field.is_number(), physical, column)
}

fn bytes(value: Bytes) -> Cell<'static> {
    Cell::Bytes(Cow::Owned(value.into()))
}

/// Reads the value of the next row in a column without lists. In a column of numbers, bytes of a fixed length are a
/// decimal.
pub(in crate::ingest) fn scalar_of(
    is_number: bool,
    physical: Physical,
    column: &mut Column,
) -> Result<Cell<'static>, Damage> {
    let cell = match physical {
        Physical::Int32 | Physical::Int64 => column.number()?.map(Cell::Number),
        // A column of numbers with gaps, as programs without a type for them write it.
        Physical::Double => {
            let number = column.number()?.map(f64::from_bits).filter(|number| !number.is_nan());
            number.map(|number| Cell::text(number.to_string()))
        }
        Physical::Boolean => column.value()?.map(|value| Cell::Flag(value[..] == [1])),
        Physical::Fixed(_) if is_number => {
            column.value()?.map(|value| decimal(&value).map_or_else(|| bytes(value), Cell::Number))
        }
        _ => column.value()?.map(bytes),
    };
    Ok(cell.unwrap_or(Cell::Null))
}
