//! Inputs given in the wrong place are named.

use std::path::Path;

use super::{
    error::CliError,
    file_kind::{FileKind, Role},
};
use crate::files::Input;

/// The error for an input that could not be used: that it is of a kind that belongs elsewhere, if it is.
pub(super) fn wrong_input(path: &Path, role: Role, error: CliError) -> CliError {
    // Damage and unknown content are what a file of another kind looks like.
    if error.exit_code() != 3 {
        return error;
    }
    refuse_other_kinds(path, role).err().unwrap_or(error)
}

/// Refuses a regular file of a kind that belongs elsewhere.
///
/// # Errors
/// [`CliError::WrongInput`].
pub(super) fn refuse_other_kinds(path: &Path, role: Role) -> Result<(), CliError> {
    // A pipe can be read only once.
    let input = if path.is_file() { Input::open(path).ok() } else { None };
    match input.as_ref().and_then(FileKind::of) {
        Some(found) if !found.fits(role) => {
            Err(CliError::WrongInput { name: path.display().to_string(), found, role })
        }
        _ => Ok(()),
    }
}
