//! The rows of a Parquet file, one after the other.

use super::state::ImportError;
use crate::{
    archive::Place,
    files::parquet::{Column, Damage, ParquetFile, ReadError},
};

/// Passes every row to `take`, as `read` reads it from the columns of these leaves. `read` takes the next value of each
/// column.
///
/// # Errors
/// Those of `take`; [`ImportError`] if the file cannot be read or is damaged.
pub(super) fn each_row<T, E: From<ImportError>>(
    file: &ParquetFile,
    leaves: &[usize],
    mut read: impl FnMut(&mut [Column]) -> Result<T, Damage>,
    mut take: impl FnMut(T, Place) -> Result<(), E>,
) -> Result<(), E> {
    let mut row = 0;
    for group in 0..file.groups() {
        let rows = file.group(group).map_err(ImportError::from)?;
        let opened = leaves.iter().map(|at| rows.column(*at)).collect::<Result<Vec<_>, _>>();
        let mut columns = opened.map_err(ImportError::from)?;
        for _ in 0..rows.rows() {
            row += 1;
            let values = read(&mut columns).map_err(|source| {
                ImportError::from(ReadError::Damaged { name: file.name().into(), group, source })
            })?;
            take(values, Place::Row(row))?;
        }
    }
    Ok(())
}
