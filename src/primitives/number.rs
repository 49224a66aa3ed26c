//! Whole numbers in text and JSON.

use std::{num::ParseIntError, str::FromStr};

use serde::{Deserialize, Deserializer};

use super::spelled::{self, Scalar, Spelled, SpellingError};

/// A whole number of at most 64 bits that is read from text or JSON.
///
/// Text is decimal digits, or `0x` and hexadecimal digits; leading zeros are allowed. JSON is in any spelling
/// of a number that programs use: see [`spelled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub u64);

impl Number {
    /// Reads a field of another type as a number: for `serde(deserialize_with)`.
    ///
    /// # Errors
    /// The error of the deserializer.
    pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        Self::deserialize(deserializer).map(|number| number.0)
    }

    /// Reads a field that may be null: for `serde(default, deserialize_with)`.
    ///
    /// # Errors
    /// The error of the deserializer.
    pub fn read_option<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        Ok(Option::<Self>::deserialize(deserializer)?.map(|number| number.0))
    }
}

impl FromStr for Number {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let (digits, radix) = match text.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (text, 10),
        };
        // `from_str_radix` accepts a leading sign, but refuses a sign without digits.
        let digits = if digits.starts_with('+') { "+" } else { digits };
        u64::from_str_radix(digits, radix).map(Self)
    }
}

impl Spelled for Number {
    const EXPECTED: &'static str = u64::EXPECTED;

    fn read(scalar: Scalar<'_>) -> Result<Self, SpellingError> {
        u64::read(scalar).map(Self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            spelled::deserialize(deserializer)
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decimal_or_prefixed() {
        for (text, number) in
            [("7", 7), ("007", 7), ("0x7", 7), ("0x00ff", 255), ("18446744073709551615", u64::MAX)]
        {
            assert_eq!(text.parse(), Ok(Number(number)), "{text}");
        }
        for text in ["", "0x", "+7", "0x+7", "-7", " 7", "7.0", "7n", "ff", "18446744073709551616"]
        {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }
}
