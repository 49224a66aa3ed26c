//! Values in the JSON of nodes and of the programs that ask them, in every spelling that is in use.
//!
//! | value | spellings |
//! | --- | --- |
//! | number | a JSON number; a text of decimal digits, also with a final `n`; a text of `0x` and hexadecimal digits, where `0x` alone is zero; an object that wraps one of these |
//! | hash, address, log, bytes | a text of hexadecimal digits, with or without `0x`; the same in `HexBytes('…')` |
//! | boolean | `true` and `false`, also as text in any case; 1 and 0; the texts `t` and `f` of Postgres |
//!
//! A text without `0x` is decimal for a number and hexadecimal for everything else: a number written in
//! hexadecimal digits without `0x` cannot be told from a decimal one, so it is never guessed. A number with a
//! fraction part of zero is whole (`7.0`); beyond 2^53 such a number is not exact and is refused.
//!
//! Sources: viem `stringify` (decimal texts), ethers 5 `BigNumber` (`{"type":"BigNumber","hex":"0x07"}`,
//! `{"_hex":"0x07"}`), wagmi `serialize` (`{"__type":"bigint","value":"7"}`), MongoDB extended JSON
//! (`{"$numberLong":"7"}`), hexbytes 1 (`hex()` without `0x`, `repr` as `HexBytes('0x…')`), Etherscan (`0x`).

use std::{fmt, marker::PhantomData, num::IntErrorKind};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use thiserror::Error;

use super::hex::{self, HexError};

/// The largest number up to which a 64-bit float holds every whole number.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
/// 2^64.
const TOO_LARGE: f64 = 18_446_744_073_709_551_616.0;
/// The characters of a text that an error quotes.
const QUOTED: usize = 80;

/// A JSON value that is neither null nor a list. The text, number or boolean in an object that wraps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar<'t> {
    /// A string.
    Text(&'t str),
    /// A whole number of at most 64 bits.
    Whole(u64),
    /// A boolean.
    Flag(bool),
}

/// A type whose values are spelled in several ways.
pub trait Spelled: Sized {
    /// The expected value, for errors.
    const EXPECTED: &'static str;

    /// Reads a value.
    ///
    /// # Errors
    /// [`SpellingError`] if it is not a value of this type, or could be two.
    fn read(scalar: Scalar<'_>) -> Result<Self, SpellingError>;
}

/// A value is not spelled in a known way.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct SpellingError {
    text: Box<str>,
    is_too_large: bool,
}

impl SpellingError {
    /// An error for the value `got`.
    fn other<T: Spelled>(got: impl fmt::Display) -> Self {
        let text = format!("expected {}, got {got}", T::EXPECTED).into();
        Self { text, is_too_large: false }
    }

    /// The error for a whole number of more than 64 bits.
    fn too_large(self) -> Self {
        Self { is_too_large: true, ..self }
    }

    /// Whether the value is a whole number of more than 64 bits.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    fn scalar<T: Spelled>(got: Scalar<'_>) -> Self {
        match got {
            Scalar::Text(text) => Self::other::<T>(format_args!(
                "{:?}",
                text.chars().take(QUOTED).collect::<String>()
            )),
            Scalar::Whole(number) => Self::other::<T>(number),
            Scalar::Flag(flag) => Self::other::<T>(flag),
        }
    }
}

impl From<HexError> for SpellingError {
    fn from(error: HexError) -> Self {
        Self { text: error.to_string().into(), is_too_large: false }
    }
}

/// Reads the text of a JSON number.
///
/// # Errors
/// [`SpellingError`] if it is not a value of this type.
pub fn number<T: Spelled>(text: &str) -> Result<T, SpellingError> {
    match (text.parse(), text.parse()) {
        (Ok(number), _) => T::read(Scalar::Whole(number)),
        (_, Ok(number)) => float(number),
        _ => Err(SpellingError::scalar::<T>(Scalar::Text(text))),
    }
}

/// Reads a JSON number that is not a whole number of at most 64 bits by its digits.
fn float<T: Spelled>(number: f64) -> Result<T, SpellingError> {
    if number.fract() == 0.0 && (0.0..=LARGEST_EXACT).contains(&number) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "compared")]
        T::read(Scalar::Whole(number as u64))
    } else {
        let error = SpellingError::other::<T>(number);
        Err(if number >= TOO_LARGE { error.too_large() } else { error })
    }
}

/// Whether a member of this name holds the value in an object that wraps a number.
#[must_use]
pub fn wraps(name: &str) -> bool {
    ["hex", "_hex", "value", "$numberLong", "$numberInt", "$bigint"].contains(&name)
}

impl Spelled for u64 {
    const EXPECTED: &'static str = "a whole number of at most 64 bits, or a string of its decimal digits or \
                                    of \"0x\" and hexadecimal digits";

    fn read(scalar: Scalar<'_>) -> Result<Self, SpellingError> {
        let refused = || SpellingError::scalar::<Self>(scalar);
        let text = match scalar {
            Scalar::Whole(number) => return Ok(number),
            Scalar::Flag(_) => return Err(refused()),
            Scalar::Text(text) => unwrapped(text),
        };
        let (digits, radix) = match hex::strip_prefix(text) {
            Ok("") => return Ok(0),
            Ok(digits) => (digits, 16),
            Err(_) => (text.strip_suffix('n').unwrap_or(text), 10),
        };
        // `from_str_radix` accepts a leading sign.
        match Self::from_str_radix(digits, radix) {
            Ok(number) if !digits.starts_with('+') => Ok(number),
            Err(error)
                if *error.kind() == IntErrorKind::PosOverflow
                    && digits.chars().all(|digit| digit.is_digit(radix)) =>
            {
                Err(refused().too_large())
            }
            _ => Err(refused()),
        }
    }
}

impl Spelled for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(scalar: Scalar<'_>) -> Result<Self, SpellingError> {
        let is_one_of =
            |text: &str, words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match scalar {
            Scalar::Flag(flag) => Ok(flag),
            Scalar::Whole(0) => Ok(false),
            Scalar::Whole(1) => Ok(true),
            Scalar::Text(text) if is_one_of(text, &["false", "f", "0", "0x0", "0x"]) => Ok(false),
            Scalar::Text(text) if is_one_of(text, &["true", "t", "1", "0x1"]) => Ok(true),
            _ => Err(SpellingError::scalar::<Self>(scalar)),
        }
    }
}

impl Spelled for Vec<u8> {
    const EXPECTED: &'static str = "bytes: \"0x\" and hexadecimal digits";

    fn read(scalar: Scalar<'_>) -> Result<Self, SpellingError> {
        let mut bytes = Self::new();
        append(text::<Self>(scalar)?, &mut bytes)?;
        Ok(bytes)
    }
}

/// Appends bytes that are spelled as hexadecimal digits to `bytes`. After an error the appended bytes are
/// unspecified.
///
/// # Errors
/// [`HexError`] when the number of digits is odd or a character is not a digit.
pub fn append(text: &str, bytes: &mut Vec<u8>) -> Result<(), HexError> {
    hex::append_bare(digits(text), bytes)
}

/// Reads exactly `N` bytes, which `T` consists of.
///
/// # Errors
/// [`SpellingError`] if it is not a text of `2 N` hexadecimal digits, with or without `0x`.
pub fn fixed<T: Spelled, const N: usize>(scalar: Scalar<'_>) -> Result<[u8; N], SpellingError> {
    Ok(hex::fixed_bare(digits(text::<T>(scalar)?))?)
}

/// Reads a text, without `HexBytes('…')` around it.
pub(super) fn text<T: Spelled>(scalar: Scalar<'_>) -> Result<&str, SpellingError> {
    match scalar {
        Scalar::Text(text) => Ok(unwrapped(text)),
        other => Err(SpellingError::scalar::<T>(other)),
    }
}

/// The text in `HexBytes('…')`.
fn unwrapped(text: &str) -> &str {
    let inner = text.strip_prefix("HexBytes('").and_then(|text| text.strip_suffix("')"));
    inner.unwrap_or(text)
}

/// The digits of a text that is hexadecimal with or without `0x`.
fn digits(text: &str) -> &str {
    let text = unwrapped(text);
    hex::strip_prefix(text).unwrap_or(text)
}

/// Reads a value for `Deserialize`. In a format that is not human-readable it is a text.
///
/// # Errors
/// The error of the deserializer, with the text of a [`SpellingError`].
pub fn deserialize<'de, T: Spelled, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    // Formats that are not human-readable do not store types.
    let read = if deserializer.is_human_readable() {
        deserializer.deserialize_any(Any(PhantomData))
    } else {
        deserializer.deserialize_str(Any(PhantomData))
    };
    match read? {
        Member::Read(value) => Ok(value),
        Member::Unreadable(error) => Err(de::Error::custom(error)),
        Member::Absent => Err(de::Error::custom(SpellingError::other::<T>("null"))),
    }
}

/// A member of a JSON object. Its value is read at once, but an error in it is kept until the member turns out
/// to be needed: a program may write anything into a member that decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Member<T> {
    /// The member is missing or null.
    #[default]
    Absent,
    /// Its value.
    Read(T),
    /// It has a value that cannot be read.
    Unreadable(SpellingError),
}

impl<T> Member<T> {
    /// The value, or `None` if the member is missing or null.
    ///
    /// # Errors
    /// [`SpellingError`] if the value cannot be read.
    pub fn needed(&self) -> Result<Option<&T>, SpellingError> {
        match self {
            Self::Absent => Ok(None),
            Self::Read(value) => Ok(Some(value)),
            Self::Unreadable(error) => Err(error.clone()),
        }
    }

    /// The value, if there is one that can be read. For members that only confirm others.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// This member, or if it has no value the one with another name.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Absent, _) | (Self::Unreadable(_), Self::Read(_)) => other,
            _ => self,
        }
    }

    /// Whether the member has a value, readable or not.
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<T> From<Result<T, SpellingError>> for Member<T> {
    fn from(read: Result<T, SpellingError>) -> Self {
        match read {
            Ok(value) => Self::Read(value),
            Err(error) => Self::Unreadable(error),
        }
    }
}

impl<'de, T: Spelled> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// Reads any value. Only an error in the JSON itself ends the reading.
struct Any<T>(PhantomData<T>);

impl<'de, T: Spelled> DeserializeSeed<'de> for Any<T> {
    type Value = Member<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Spelled> Visitor<'de> for Any<T> {
    type Value = Member<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Member<T>, E> {
        Ok(T::read(Scalar::Text(text)).into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Member<T>, E> {
        Ok(T::read(Scalar::Whole(number)).into())
    }

    // JSON numbers that are not negative are passed to `visit_u64`.
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Member<T>, E> {
        Ok(Err(SpellingError::other::<T>(number)).into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Member<T>, E> {
        Ok(float(number).into())
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Member<T>, E> {
        Ok(T::read(Scalar::Flag(flag)).into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Member<T>, E> {
        Ok(Member::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Member<T>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Member::Unreadable(SpellingError::other::<T>("a list")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Member<T>, A::Error> {
        let mut found = Member::Absent;
        while let Some(name) = object.next_key::<String>()? {
            if wraps(&name) {
                found = found.or(object.next_value_seed(Self(PhantomData))?);
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found.or(Member::Unreadable(SpellingError::other::<T>("an object"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Spelled>(json: &str) -> Member<T> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_are_read_as_every_client_writes_them() {
        for json in [
            "7",
            "7.0",
            "7e0",
            "\"7\"",
            "\"007\"",
            "\"7n\"",
            "\"0x7\"",
            "\"0X7\"",
            "\"0x0000000000000000000000000000000000000000000000000000000000000007\"",
            "\"HexBytes('0x07')\"",
            "{\"type\":\"BigNumber\",\"hex\":\"0x07\"}",
            "{\"_hex\":\"0x07\",\"_isBigNumber\":true}",
            "{\"__type\":\"bigint\",\"value\":\"7\"}",
            "{\"$numberLong\":\"7\"}",
        ] {
            assert_eq!(read::<u64>(json), Member::Read(7), "{json}");
        }
        for json in ["0", "\"0x\"", "\"0x0\"", "0.0", "-0.0"] {
            assert_eq!(read::<u64>(json), Member::Read(0), "{json}");
        }
        for json in ["18446744073709551615", "\"18446744073709551615\"", "\"0xffffffffffffffff\""] {
            assert_eq!(read::<u64>(json), Member::Read(u64::MAX), "{json}");
        }
        // A text without "0x" is decimal.
        assert_eq!(read::<u64>("\"10\""), Member::Read(10));
        assert_eq!(read::<u64>("null"), Member::Absent);
    }

    #[test]
    fn ambiguous_and_other_values_are_errors_that_quote_them() {
        for (json, quoted) in [
            ("\"1a\"", "\"1a\""),
            ("\"\"", "\"\""),
            ("\"n\"", "\"n\""),
            ("\"+7\"", "\"+7\""),
            ("\"0x+7\"", "\"0x+7\""),
            ("\"0x7n\"", "\"0x7n\""),
            ("\"-7\"", "\"-7\""),
            ("\" 7\"", "\" 7\""),
            ("\"7.0\"", "\"7.0\""),
            ("\"18446744073709551616\"", "\"18446744073709551616\""),
            ("\"0x10000000000000000\"", "\"0x10000000000000000\""),
            ("-7", "-7"),
            ("7.5", "7.5"),
            ("1e16", "10000000000000000"),
            ("18446744073709551616", "18446744073709552000"),
            ("true", "true"),
            ("[7]", "a list"),
            ("{\"x\":7}", "an object"),
            ("{\"hex\":null}", "an object"),
        ] {
            let Member::Unreadable(error) = read::<u64>(json) else { panic!("{json} was read") };
            let error = error.to_string();
            assert!(
                error.ends_with(&format!("hexadecimal digits, got {quoted}")),
                "{json}: {error}"
            );
            assert!(deserialize::<u64, _>(&mut serde_json::Deserializer::from_str(json)).is_err());
        }
    }

    #[test]
    fn numbers_of_more_than_64_bits_are_told_from_other_errors() {
        let is_too_large = |json: &str| match read::<u64>(json) {
            Member::Unreadable(error) => error.is_too_large(),
            member => panic!("{json}: {member:?}"),
        };
        for json in [
            "18446744073709551616",
            "1e30",
            "\"18446744073709551616\"",
            "\"18446744073709551940n\"",
            "\"0x10000000000000000\"",
            "{\"hex\":\"0x010000000000000000\"}",
        ] {
            assert!(is_too_large(json), "{json}");
        }
        for json in ["1e16", "\"99999999999999999999x\"", "\"+18446744073709551616\"", "-1", "[]"] {
            assert!(!is_too_large(json), "{json}");
        }
    }

    #[test]
    fn booleans_may_be_texts_and_numbers() {
        for (flag, texts) in [
            (true, ["true", "1", "\"true\"", "\"TRUE\"", "\"t\"", "\"0x1\"", "\"1\""]),
            (false, ["false", "0", "\"false\"", "\"False\"", "\"f\"", "\"0x0\"", "\"0x\""]),
        ] {
            for json in texts {
                assert_eq!(read::<bool>(json), Member::Read(flag), "{json}");
            }
        }
        for json in ["2", "\"yes\"", "[]"] {
            assert!(matches!(read::<bool>(json), Member::Unreadable(_)), "{json}");
        }
    }

    #[test]
    fn the_first_name_with_a_readable_value_counts() {
        let unreadable = || read::<u64>("[]");
        assert_eq!(Member::Read(7).or(Member::Read(8)), Member::Read(7));
        assert_eq!(Member::Absent.or(Member::Read(8)), Member::Read(8));
        assert_eq!(unreadable().or(Member::Read(8)), Member::Read(8));
        assert_eq!(unreadable().or(Member::Absent), unreadable());
        assert_eq!(Member::Absent.or(unreadable()), unreadable());
        assert_eq!((unreadable().known(), Member::Read(7).known()), (None, Some(&7)));
    }
}
