//! Transactions as rows of a Parquet file.

use super::{
    Found,
    fields::{Cells, Columns, Field},
    no_columns,
};
use crate::{
    archive::Place,
    files::{
        Input,
        parquet::{Column, Leaf, ParquetFile, Physical},
    },
    ingest::{
        event_logs::{Decoder, scalar_of},
        parquet_columns::parquet_columns,
        parquet_rows::each_row,
        state::ImportError,
    },
};

/// Whether the columns of a Parquet file are those of transactions.
pub(super) fn is_table(input: &Input) -> bool {
    parquet_columns(input)
        .is_some_and(|found| Columns::of(found.iter().map(String::as_str)).is_ok())
}

pub(super) fn read<E: From<ImportError>>(
    input: Input,
    mut take: impl FnMut(Found, Place) -> Result<(), E>,
) -> Result<(), E> {
    let file = ParquetFile::open(input).map_err(ImportError::from)?;
    let columns = Columns::of(names_of(&file)).map_err(|reason| no_columns(file.name(), reason))?;
    let readable = |(field, at): (Field, usize)| {
        let leaf = &file.leaves()[at];
        can_read(field, leaf).then_some((field, at, leaf.physical))
    };
    let leaves: Vec<_> = columns.iter().filter_map(readable).collect();
    let needed = leaves.iter().any(|(field, ..)| *field == Field::Hash);
    if !needed {
        let reason = "the column of the transaction hash has no type of bytes".into();
        return Err(no_columns(file.name(), reason).into());
    }
    let places: Vec<usize> = leaves.iter().map(|(_, at, _)| *at).collect();
    let mut decoder = Decoder::default();
    let cells = |columns: &mut [Column]| {
        let mut cells = Cells::default();
        for ((field, _, physical), column) in leaves.iter().zip(columns) {
            cells.set(*field, scalar_of(field.is_number(), *physical, column)?);
        }
        Ok(cells)
    };
    each_row(&file, &places, cells, |cells, place| take(cells.row(&mut decoder), place))
}

fn names_of(file: &ParquetFile) -> impl Iterator<Item = &str> {
    file.leaves().iter().map(|leaf| &*leaf.name)
}

/// Whether a column has a type that can hold the field.
fn can_read(field: Field, leaf: &Leaf) -> bool {
    let is_bytes = matches!(leaf.physical, Physical::Bytes | Physical::Fixed(_));
    let is_integer = matches!(leaf.physical, Physical::Int32 | Physical::Int64);
    let is_known = leaf.physical != Physical::Other;
    let has_type = match field {
        Field::Hash | Field::To | Field::Calldata => is_bytes,
        Field::Block | Field::Index => is_bytes || is_integer || leaf.physical == Physical::Double,
        Field::Status | Field::IsError | Field::GasLimit => is_known,
    };
    leaf.repetition == 0 && has_type
}
