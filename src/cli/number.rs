//! Numbers on the command line: decimal digits, or `0x` and hexadecimal digits.

use crate::primitives::Number;

/// Parses a number of at most 64 bits.
///
/// # Errors
/// The text is not a number, or the number is too large.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let number = text.parse().map(|Number(number)| number);
    number
        .map_err(|error| format!("expected a decimal number or 0x and hexadecimal digits: {error}"))
}

/// Parses a number of at most 16 bits.
///
/// # Errors
/// The text is not a number, or the number is too large.
pub(super) fn parse_u16(text: &str) -> Result<u16, String> {
    u16::try_from(parse(text)?).map_err(|_| format!("expected at most {}", u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!((parse("324"), parse("0x144")), (Ok(324), Ok(324)));
        assert_eq!((parse_u16("65535"), parse_u16("0xffff")), (Ok(u16::MAX), Ok(u16::MAX)));
        assert!(parse_u16("65536").is_err());
        for text in ["", "0x", "-1", "+1", "1.0", "ff", "0xg", "18446744073709551616"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
