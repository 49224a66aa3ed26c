//! Errors with stable codes.

use std::{fmt::Display, str::FromStr};

use pyo3::{create_exception, exceptions::PyException, prelude::*};
use slproof::FailureCode;

create_exception!(slproof, Error, PyException, "An error of slproof. `code` is its stable code.");

/// An error that is not yet an exception.
#[derive(Debug)]
pub struct Failed {
    code: FailureCode,
    message: String,
}

impl Failed {
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// An error about the arguments of a call.
    pub fn arguments(message: impl ToString) -> Self {
        Self::new(FailureCode::InvalidOptions, message.to_string())
    }

    fn of(code: FailureCode, error: &dyn std::error::Error) -> Self {
        Self { code, message: words_of(error) }
    }
}

/// The value of the argument `name` from its text.
///
/// # Errors
/// One about the argument, which is named.
pub fn parsed<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Failed> {
    text.parse().map_err(|error| Failed::arguments(format!("{name}: {error}")))
}

/// As [`parsed`], of an argument that may be left out.
///
/// # Errors
/// As [`parsed`].
pub fn parsed_option<T: FromStr<Err: Display>>(
    name: &str,
    text: Option<&String>,
) -> Result<Option<T>, Failed> {
    text.map(|text| parsed(name, text)).transpose()
}

/// The text of an error and of its causes.
pub fn words_of(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}

impl<E: Into<slproof::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        let error = error.into();
        Self::of(error.code(), &error)
    }
}

impl From<Failed> for PyErr {
    fn from(Failed { code, message }: Failed) -> Self {
        Python::attach(|py| {
            let error = Error::new_err(format!("{message} [{code}]"));
            match error.value(py).setattr("code", code.as_str()) {
                Ok(()) => error,
                Err(other) => other,
            }
        })
    }
}
