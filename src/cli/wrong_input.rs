//! Errors for inputs that were given in the wrong role, such as a snapshot in place of proofs.

use std::path::{Path, PathBuf};

use super::{error::CliError, role::Role};
use crate::{
    files::{Input, ShowPath},
    ingest::{FileKind, sniff},
};

/// The error for an input that could not be used. If the file is of a kind for another role, the error says
/// so.
pub(super) fn wrong_input(path: &Path, role: Role, error: CliError) -> CliError {
    // Other exit codes do not come from a file of another kind.
    if !matches!(error.exit_code(), 2 | 3) {
        return error;
    }
    refuse_other_kinds(path, role).err().unwrap_or(error)
}

/// As [`wrong_input`], for several inputs of one role.
pub(super) fn wrong_inputs(paths: &[PathBuf], role: Role, error: CliError) -> CliError {
    paths.iter().fold(error, |error, path| wrong_input(path, role, error))
}

/// Refuses a regular file whose kind is for another role.
///
/// # Errors
/// [`CliError::WrongInput`].
pub(super) fn refuse_other_kinds(path: &Path, role: Role) -> Result<(), CliError> {
    // A pipe can be read only once.
    let input = if path.is_file() { Input::open(path).ok() } else { None };
    match input.as_ref().and_then(sniff) {
        // Columns may have been named by a flag. Otherwise the error of the reader says which one is missing.
        Some(FileKind::OtherTable) => Ok(()),
        Some(found) if !role.takes(found) => {
            Err(CliError::WrongInput { name: path.shown().to_string(), found, role })
        }
        _ => Ok(()),
    }
}
