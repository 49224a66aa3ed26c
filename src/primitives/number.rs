//! Whole numbers in text and JSON.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Deserializer, de};

/// A whole number of at most 64 bits that is read from text or JSON.
///
/// Text is decimal digits, or `0x` and hexadecimal digits; leading zeros are allowed. JSON is a number or a
/// string in this form: JavaScript keeps only 53 bits of a JSON number, so programs write strings.
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

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl de::Visitor<'_> for Either {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a whole number of at most 64 bits, or a string of its decimal digits or of \"0x\" and \
                     hexadecimal digits",
                )
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        // Formats that are not human-readable do not store types, so `deserialize_any` does not work.
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Either)
        } else {
            deserializer.deserialize_u64(Either)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_notation() {
        for (text, number) in [
            ("7", 7),
            ("\"7\"", 7),
            ("\"007\"", 7),
            ("\"0x7\"", 7),
            ("\"0x00ff\"", 255),
            ("\"0xFF\"", 255),
            ("18446744073709551615", u64::MAX),
            ("\"18446744073709551615\"", u64::MAX),
            ("\"0xffffffffffffffff\"", u64::MAX),
        ] {
            assert_eq!(serde_json::from_str::<Number>(text).unwrap(), Number(number), "{text}");
        }
        for text in [
            "-1",
            "1.5",
            "7.0",
            "true",
            "null",
            "\"\"",
            "\"0x\"",
            "\"+7\"",
            "\"0x+7\"",
            "\"-7\"",
            "\" 7\"",
            "\"7.0\"",
            "\"ff\"",
            "\"18446744073709551616\"",
            "\"0x10000000000000000\"",
        ] {
            assert!(serde_json::from_str::<Number>(text).is_err(), "{text}");
        }
    }
}
