//! Hexadecimal text, as dumps, archives and proofs contain it.

use thiserror::Error;

/// Why a text is not the expected hexadecimal value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HexError {
    /// The text does not start with `0x`.
    #[error("expected hexadecimal digits after \"0x\", got {0:?}")]
    NoPrefix(String),
    /// The number of digits does not fit the type.
    #[error("expected {expected} hexadecimal digits, got {got}")]
    Length {
        /// The accepted number of digits, as text ("64", "1 to 64", "an even number of").
        expected: String,
        /// The number of digits in the text.
        got: usize,
    },
    /// The text contains a character that is not a hexadecimal digit.
    #[error("not hexadecimal: {0}")]
    Digit(String),
}

/// Decodes exactly `N` bytes from `0x` and `2 N` digits. Digits may be in upper or lower case.
///
/// # Errors
/// [`HexError`] when the prefix is missing, the length differs or a character is not a digit.
pub fn fixed<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    fixed_bare(strip_prefix(text)?)
}

/// Decodes exactly `N` bytes from `2 N` digits without a prefix.
///
/// # Errors
/// [`HexError`] when the length differs or a character is not a digit.
pub fn fixed_bare<const N: usize>(digits: &str) -> Result<[u8; N], HexError> {
    if digits.len() != 2 * N {
        return Err(HexError::Length { expected: (2 * N).to_string(), got: digits.len() });
    }
    let mut bytes = [0; N];
    const_hex::decode_to_slice(digits, &mut bytes).map_err(|e| HexError::Digit(e.to_string()))?;
    Ok(bytes)
}

/// Decodes `0x` and an even number of digits.
///
/// # Errors
/// [`HexError`] when the prefix is missing, the number of digits is odd or a character is not a digit.
pub fn bytes(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::new();
    append_bare(strip_prefix(text)?, &mut bytes)?;
    Ok(bytes)
}

/// Decodes an even number of digits without a prefix and appends the bytes to `bytes`. After an error the
/// appended bytes are unspecified.
///
/// # Errors
/// [`HexError`] when the number of digits is odd or a character is not a digit.
pub fn append_bare(digits: &str, bytes: &mut Vec<u8>) -> Result<(), HexError> {
    if !digits.len().is_multiple_of(2) {
        return Err(HexError::Length { expected: "an even number of".into(), got: digits.len() });
    }
    let start = bytes.len();
    bytes.resize(start + digits.len() / 2, 0);
    const_hex::decode_to_slice(digits, &mut bytes[start..])
        .map_err(|e| HexError::Digit(e.to_string()))
}

/// Decodes at most 32 bytes of right-aligned digits. geth and anvil print numbers so: the number of digits
/// may be odd and leading zeros may be missing. At least one digit is needed.
///
/// # Errors
/// [`HexError`] when there are no digits or more than 64, or a character is not a digit.
pub fn right_aligned(digits: &str) -> Result<[u8; 32], HexError> {
    if digits.is_empty() || digits.len() > 64 {
        return Err(HexError::Length { expected: "1 to 64".into(), got: digits.len() });
    }
    if !digits.is_ascii() {
        return Err(HexError::Digit(format!("{digits:?}")));
    }
    let mut padded = [b'0'; 64];
    padded[64 - digits.len()..].copy_from_slice(digits.as_bytes());
    let mut bytes = [0; 32];
    const_hex::decode_to_slice(padded, &mut bytes).map_err(|e| HexError::Digit(e.to_string()))?;
    Ok(bytes)
}

/// Encodes as `0x` and lower-case digits.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    const_hex::encode_prefixed(bytes)
}

/// The text without its `0x`.
///
/// # Errors
/// [`HexError::NoPrefix`], quoting at most the first 80 characters.
pub fn strip_prefix(text: &str) -> Result<&str, HexError> {
    text.strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .ok_or_else(|| HexError::NoPrefix(text.chars().take(80).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_wants_prefix_length_and_digits() {
        assert_eq!(fixed::<2>("0x0aFF"), Ok([0x0a, 0xff]));
        assert!(matches!(fixed::<2>("0aff"), Err(HexError::NoPrefix(_))));
        assert!(matches!(fixed::<2>("0x0af"), Err(HexError::Length { got: 3, .. })));
        assert!(matches!(fixed::<2>("0x0agg"), Err(HexError::Digit(_))));
        assert!(fixed::<1>("0x0x").is_err() && fixed::<2>("0x0xab").is_err());
    }

    #[test]
    fn right_aligned_accepts_what_nodes_trim() {
        assert_eq!(right_aligned("4").unwrap()[31], 4);
        assert_eq!(right_aligned("1234").unwrap()[30..], [0x12, 0x34]);
        assert!(right_aligned("").is_err());
        assert!(right_aligned(&"0".repeat(65)).is_err());
        assert!(right_aligned("é").is_err());
    }

    #[test]
    fn bytes_refuses_half_a_byte() {
        assert_eq!(bytes("0x").unwrap(), Vec::<u8>::new());
        assert!(bytes("0x123").is_err());
        assert!(bytes("0x0x").is_err() && bytes("0x0xab").is_err());
    }
}
