//! Ranges of batches.

use std::{fmt, num::ParseIntError, str::FromStr};

use thiserror::Error;

use crate::primitives::BatchNumber;

/// One batch, or several consecutive batches.
///
/// ```
/// use slproof::Batches;
///
/// let batches: Batches = "7..=9".parse()?;
/// assert_eq!((batches.first.0, batches.last.0), (7, 9));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batches {
    /// The first.
    pub first: BatchNumber,
    /// The last.
    pub last: BatchNumber,
}

/// The text is not a range of batches.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BatchesParseError {
    /// An end of the range is not a number.
    #[error("{text:?} is not a batch number: {source}")]
    Number {
        /// The text of the number.
        text: String,
        /// The cause.
        source: ParseIntError,
    },
    /// The range is empty.
    #[error("{0:?} is an empty range")]
    Empty(String),
}

impl Batches {
    /// Every batch.
    pub(crate) const ALL: Self = Self { first: BatchNumber(0), last: BatchNumber(u64::MAX) };
}

impl From<BatchNumber> for Batches {
    fn from(batch: BatchNumber) -> Self {
        Self { first: batch, last: batch }
    }
}

impl fmt::Display for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "batch {}", self.first),
            false => write!(f, "batches {} to {}", self.first, self.last),
        }
    }
}

impl FromStr for Batches {
    type Err = BatchesParseError;

    fn from_str(text: &str) -> Result<Self, BatchesParseError> {
        let number = |text: &str| match text.parse::<BatchNumber>() {
            Ok(number) => Ok(number.0),
            Err(source) => Err(BatchesParseError::Number { text: text.into(), source }),
        };
        let (first, last) = match text.split_once("..") {
            None => (number(text)?, number(text)?),
            Some((first, "")) => (number(first)?, u64::MAX),
            Some((first, rest)) => {
                let first = number(first)?;
                let last = match rest.strip_prefix('=') {
                    Some(last) => Some(number(last)?),
                    None => number(rest)?.checked_sub(1),
                };
                let last = last.filter(|last| first <= *last);
                (first, last.ok_or_else(|| BatchesParseError::Empty(text.into()))?)
            }
        };
        Ok(Self { first: BatchNumber(first), last: BatchNumber(last) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_a_number_or_a_range() {
        let batches =
            |first, last| Ok(Batches { first: BatchNumber(first), last: BatchNumber(last) });
        assert_eq!("7".parse(), batches(7, 7));
        assert_eq!("7..9".parse(), batches(7, 8));
        assert_eq!("7..=9".parse(), batches(7, 9));
        assert_eq!("0x7..=0x9".parse(), batches(7, 9));
        assert_eq!("7..".parse(), batches(7, u64::MAX));
        for text in ["", "..", "..9", "x", "9..7", "7..7", "0..0", "7..=6", "7...9", "-1"] {
            assert!(text.parse::<Batches>().is_err(), "{text}");
        }
    }
}
