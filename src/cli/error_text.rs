//! The texts of errors from other libraries, without the names of their private types.

use std::error::Error;

use struson::reader::{JsonSyntaxError, ReaderError, SyntaxErrorKind};

/// The text of an error, without the names of private types.
pub(super) fn text_of(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<ReaderError>() {
        Some(ReaderError::SyntaxError(error)) => json_fault(error),
        _ => error.downcast_ref().map_or_else(|| error.to_string(), json_fault),
    }
}

/// The text of a JSON syntax error. The JSON reader counts lines and columns from 0.
fn json_fault(error: &JsonSyntaxError) -> String {
    let what = match error.kind {
        SyntaxErrorKind::IncompleteDocument => "the JSON text ends too early".into(),
        kind => {
            let mut words = String::new();
            for character in format!("{kind:?}").chars() {
                if character.is_uppercase() && !words.is_empty() {
                    words.push(' ');
                }
                words.extend(character.to_lowercase());
            }
            format!("not valid JSON: {words}")
        }
    };
    match (error.location.line_pos, error.location.data_pos) {
        (Some(at), Some(byte)) => {
            format!("{what} (line {}, column {}, byte {byte})", at.line + 1, at.column + 1)
        }
        (Some(at), None) => format!("{what} (line {}, column {})", at.line + 1, at.column + 1),
        (None, _) => what,
    }
}
