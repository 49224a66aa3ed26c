//! The mark that some editors and exports put before text: U+FEFF in UTF-8.

use std::io::Read;

use crate::files::{Input, InputError};

const MARK: &[u8] = b"\xef\xbb\xbf";

/// A beginning without the mark.
pub(super) fn without_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(MARK).unwrap_or(head)
}

/// Reads past the mark, if there is one. What was read stays in the input's head.
pub(super) fn skip_mark(input: &mut Input) -> Result<(), InputError> {
    if input.head().starts_with(MARK) {
        let name = input.name().to_owned();
        let mut mark = [0; MARK.len()];
        input.read_exact(&mut mark).map_err(|source| InputError::Read { name, source })?;
    }
    Ok(())
}
