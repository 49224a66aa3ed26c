//! The forms in which exporters write numbers, booleans and bytes.

use crate::primitives::{
    hex,
    spelled::{Scalar, Spelled},
};

/// How a file writes bytes. All values of a file are written in the same form: a value without a prefix may be
/// valid in two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// The bytes themselves, in a binary column.
    Binary,
    /// Hexadecimal digits, with or without `0x` or `\x`, or between `X'` and `'`.
    Hex,
    /// Base64 with padding.
    Base64,
}

impl Spelling {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Hex => "hexadecimal",
            Self::Base64 => "base64",
        }
    }
}

/// Whether a text stands for no value.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "\\N" | "null" | "NULL" | "None" | "nan" | "NaN" | "<nil>" | "<NA>")
}

/// A number in one of its usual [spellings](crate::primitives::spelled), or as a decimal fraction whose value is an
/// integer, as programs write a column of numbers with gaps.
pub(super) fn number(text: &str) -> Result<u64, String> {
    let text = text.trim();
    if let Ok(number) = u64::read(Scalar::Text(text)) {
        return Ok(number);
    }
    let refuse = || Err(format!("is {:?}, not a non-negative integer", shortened(text)));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => match exponent.trim_start_matches('+').parse::<u8>() {
            Ok(exponent) if exponent < 20 => (mantissa, usize::from(exponent)),
            _ => return refuse(),
        },
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || fraction.len() > exponent {
        return refuse();
    }
    let zeros = "0".repeat(exponent - fraction.len());
    format!("{whole}{fraction}{zeros}").parse().or_else(|_| refuse())
}

/// The digits of a hexadecimal text without what marks it as such.
fn digits(text: &str) -> &str {
    let quoted = text.strip_prefix("X'").or_else(|| text.strip_prefix("x'"));
    if let Some(inner) = quoted.and_then(|rest| rest.strip_suffix('\'')) {
        return inner;
    }
    // A backslash that was escaped once too often is kept in arrays of bytea.
    let bytea = text.trim_start_matches('\\').strip_prefix('x').filter(|_| text.starts_with('\\'));
    bytea.or_else(|| hex::strip_prefix(text).ok()).unwrap_or(text)
}

/// The form of `text` if it holds `N` bytes. The length is decisive.
pub(super) fn spelling_of<const N: usize>(text: &str) -> Option<Spelling> {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = digits(text);
    if digits.len() == 2 * N && is_hex(digits) {
        return Some(Spelling::Hex);
    }
    (text.len() == N.div_ceil(3) * 4 && base64(text).is_some()).then_some(Spelling::Base64)
}

/// The bytes of a text.
pub(super) fn bytes(text: &str, spelling: Spelling) -> Result<Vec<u8>, String> {
    let text = text.trim();
    if spelling == Spelling::Base64 {
        return base64(text).ok_or_else(|| format!("is {:?}, not base64", shortened(text)));
    }
    let digits = digits(text);
    if !digits.len().is_multiple_of(2) {
        // Spreadsheets cut the text of a cell at this length.
        let cut =
            if text.len() == 32_767 { ": a spreadsheet cut it at 32,767 characters" } else { "" };
        return Err(format!("has {} hexadecimal digits, an odd number{cut}", digits.len()));
    }
    const_hex::decode(digits)
        .map_err(|_| format!("is {:?}, not hexadecimal digits", shortened(text)))
}

/// The bytes of a binary value whose number is known.
pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("has {} bytes, not {N}", bytes.len()))
}

/// The topics in one text: a JSON array, an array of Postgres or of Python, or values with any separator. Only
/// the last ones may be null.
pub(super) fn topics_in(text: &str) -> Result<Vec<&str>, String> {
    let mut found = Vec::new();
    let mut has_null = false;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    for part in text.split(|c| !is_part(c)).filter(|part| !part.is_empty()) {
        match part {
            "HexBytes" | "X" | "x" => {}
            "null" | "NULL" | "None" | "nil" | "NA" => has_null = true,
            _ if has_null => return Err("has a topic after a null one".into()),
            // Of `\x`, the backslash is a separator.
            _ => found.push(part.strip_prefix('x').filter(|rest| rest.len() == 64).unwrap_or(part)),
        }
    }
    Ok(found)
}

/// Decodes base64 (RFC 4648, section 4) with padding and without needless bits.
fn base64(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let text = text.as_bytes();
    let padding = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3);
    for group in text[..text.len() - padding].chunks(4) {
        let mut bits = 0u32;
        for byte in group {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        let bytes = bits.to_be_bytes();
        let (kept, dropped) = bytes[1..].split_at(group.len() - 1);
        if dropped.iter().any(|byte| *byte != 0) {
            return None;
        }
        decoded.extend_from_slice(kept);
    }
    Some(decoded)
}

/// A text for a message: at most its first 80 characters.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_form_and_only_if_they_are_integers() {
        for (text, expected) in [
            ("102", 102),
            ("0x66", 102),
            ("0X66", 102),
            ("0x", 0),
            ("0x0", 0),
            ("0000", 0),
            ("102.0", 102),
            ("102.", 102),
            ("1.02E2", 102),
            ("1.0e+2", 100),
            ("18446744073709551615", u64::MAX),
            ("0xffffffffffffffff", u64::MAX),
        ] {
            assert_eq!(number(text), Ok(expected), "{text}");
        }
        for wrong in [
            "",
            "-1",
            "+1",
            "1.5",
            "1.25E1",
            "1E20",
            "1e-2",
            ".5",
            "1,000",
            "66h",
            "0xzz",
            "e5",
            "18446744073709551616",
            "0x10000000000000000",
            "2025-05-11 21:46:41 UTC",
        ] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn base64_is_decoded_as_its_specification_says() {
        // RFC 4648, section 10.
        for (text, expected) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64(text).as_deref(), Some(expected.as_bytes()), "{text}");
        }
        for wrong in ["Zg", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9-", "=Zg="] {
            assert_eq!(base64(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_form_of_bytes_is_known_by_the_length_of_hashes() {
        let digits = "5D96eda109bfd71cf9f4f70c83de31c4150760e8828979a95d9e5f9f15455af7";
        let hash: [u8; 32] = const_hex::decode_to_array(digits).unwrap();
        for text in [
            digits.to_owned(),
            format!("0x{digits}"),
            format!("0X{digits}"),
            format!("\\x{digits}"),
            format!("\\\\x{digits}"),
            format!("X'{digits}'"),
        ] {
            assert_eq!(spelling_of::<32>(&text), Some(Spelling::Hex), "{text}");
            assert_eq!(bytes(&text, Spelling::Hex).unwrap(), hash, "{text}");
        }
        let text = "XZbtoQm/1xz59PcMg94xxBUHYOiCiXmpXZ5fnxVFWvc=";
        assert_eq!(spelling_of::<32>(text), Some(Spelling::Base64));
        assert_eq!(bytes(text, Spelling::Base64).unwrap(), hash);
        assert_eq!(spelling_of::<20>(text), None);
        assert_eq!(spelling_of::<32>(&digits[1..]), None);
        let cut = format!("0x{}", "0".repeat(32_765));
        assert!(bytes(&cut, Spelling::Hex).unwrap_err().contains("spreadsheet"));
        assert!(bytes("0xzz", Spelling::Hex).is_err());
    }

    #[test]
    fn topics_are_found_in_arrays_of_every_kind() {
        let (a, b) = (&"1a".repeat(32)[..], &"2b".repeat(32)[..]);
        for text in [
            format!("[\"0x{a}\",\"0x{b}\"]"),
            format!("[\n  \"0x{a}\",\n  \"0x{b}\"\n]"),
            format!("0x{a},0x{b}"),
            format!("0x{a}|0x{b};"),
            format!("['0x{a}', '0x{b}', null, null]"),
            format!("[HexBytes('0x{a}'), HexBytes('0x{b}')]"),
            format!("{{\"\\\\x{a}\",\"\\\\x{b}\"}}"),
            format!("{{\\x{a},\\x{b}}}"),
            format!("{{X'{a}',X'{b}'}}"),
        ] {
            let found: Result<Vec<_>, _> = topics_in(&text)
                .unwrap()
                .into_iter()
                .map(|part| bytes(part, Spelling::Hex))
                .collect();
            assert_eq!(found.unwrap(), [[0x1a; 32], [0x2b; 32]], "{text}");
        }
        assert_eq!(topics_in("[]"), Ok(vec![]));
        assert_eq!(topics_in("{}"), Ok(vec![]));
        assert!(topics_in(&format!("[null,\"0x{a}\"]")).is_err());
    }
}
