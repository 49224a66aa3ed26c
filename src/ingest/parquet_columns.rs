//! The columns of Parquet files, which show what they are.

use crate::files::Input;

/// The names of the columns, if an input is a Parquet file that is whole. A pipe is known by its first mebibyte.
#[cfg(feature = "parquet")]
pub(super) fn parquet_columns(input: &Input) -> Option<Vec<String>> {
    use crate::files::parquet::ParquetFile;

    if !input.is_parquet() {
        return None;
    }
    let again = match input.path() {
        Some(path) => Input::open(path),
        None => Input::from_reader(input.name(), std::io::Cursor::new(input.head().to_vec())),
    };
    let file = ParquetFile::open(again.ok()?).ok()?;
    Some(file.leaves().iter().map(|leaf| leaf.name.to_string()).collect())
}

/// None are known in a build without the feature `parquet`.
#[cfg(not(feature = "parquet"))]
pub(super) fn parquet_columns(_: &Input) -> Option<Vec<String>> {
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
