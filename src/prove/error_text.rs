//! The texts of errors and of their causes.

use std::error::Error;

use struson::reader::{JsonSyntaxError, ReaderError, SyntaxErrorKind};

/// The texts of an error and its causes, on one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = causes(error).into_iter();
    causes.fold(text_of(error), |text, cause| format!("{text}: {cause}"))
}

/// The texts of the causes of an error. Some libraries repeat the cause in the error; it is listed once.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = text_of(cause);
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

/// The text of an error. For an error of the JSON reader it does not have the names of that library's types.
pub(crate) fn text_of(error: &(dyn Error + 'static)) -> String {
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
