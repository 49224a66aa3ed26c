//! The columns of Parquet files, which show what they are, and whether they are whole.

#[cfg(feature = "parquet")]
use std::io;

#[cfg(feature = "parquet")]
use crate::files::parquet::{Damage, ParquetFile, ReadError};
use crate::files::{Input, InputError};

/// The names of the columns, if an input is a Parquet file that is whole. A pipe is known by its first mebibyte.
#[cfg(feature = "parquet")]
pub(super) fn parquet_columns(input: &Input) -> Option<Vec<String>> {
    if !input.is_parquet() {
        return None;
    }
    let again = match input.path() {
        Some(path) => Input::open(path),
        None => Input::from_reader(input.name(), io::Cursor::new(input.head().to_vec())),
    };
    let file = ParquetFile::open(again.ok()?).ok()?;
    Some(file.leaves().iter().map(|leaf| leaf.name.to_string()).collect())
}

/// None are known in a build without the feature `parquet`.
#[cfg(not(feature = "parquet"))]
pub(super) fn parquet_columns(_: &Input) -> Option<Vec<String>> {
    None
}

/// Why an input that begins like a Parquet file is not a whole one. `None` for other inputs, and for a pipe, of which
/// only the first mebibyte is known.
#[cfg(feature = "parquet")]
pub(super) fn parquet_damage(input: &Input) -> Option<InputError> {
    let path = input.path().filter(|_| input.is_parquet())?;
    let opened = Input::open(path).map_err(ReadError::from).and_then(ParquetFile::open);
    let reason = match opened.err()? {
        ReadError::Input(error) => return Some(error),
        ReadError::NotWhole { place, .. } => {
            format!("it is not a whole Parquet file: it has no {place}")
        }
        ReadError::DamagedFooter { source: source @ Damage::Footer, .. } => {
            format!("the footer of the Parquet file is damaged: {source}")
        }
        // It may be a whole table of another kind, such as one with thousands of columns.
        _ => return None,
    };
    let source = io::Error::new(io::ErrorKind::InvalidData, reason);
    Some(InputError::Read { name: input.name().into(), source })
}

/// None is known in a build without the feature `parquet`.
#[cfg(not(feature = "parquet"))]
pub(super) fn parquet_damage(_: &Input) -> Option<InputError> {
    None
}

/// The maximum number of columns that describe a table.
const MOST_NAMED: usize = 8;

/// A Parquet file in words, by its columns.
pub(super) fn described(columns: &[String]) -> String {
    let named = columns.len().min(MOST_NAMED);
    let more = if named < columns.len() { ", …" } else { "" };
    format!("a Parquet file with the columns {}{more}", columns[..named].join(", "))
}
