//! LEB128 integers: seven bits per byte, the lowest bits first, the top bit set on each byte but the last.
//! Used by Protocol Buffers, Thrift, Parquet and the steps of tree files.

use thiserror::Error;

/// Why bytes do not start with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VarintError {
    /// The bytes end within the number.
    #[error("the data ends within a number")]
    Cut,
    /// The number does not fit 64 bits.
    #[error("a number is wider than 64 bits")]
    Wide,
}

/// Reads a number from the start of `bytes` and advances `bytes` past it.
///
/// # Errors
/// [`VarintError`] when `bytes` does not start with a number. `bytes` is then in an unspecified state.
#[inline]
pub fn read(bytes: &mut &[u8]) -> Result<u64, VarintError> {
    if let Some((number, len)) = short(bytes)
        && let Some(rest) = bytes.get(len..)
    {
        *bytes = rest;
        return Ok(number);
    }
    read_long(bytes)
}

/// The number at the start of `bytes` and its length in bytes. `None` if there are fewer than eight bytes, unless
/// the first one is the number, and if the number has more than 56 bits.
#[inline]
#[must_use]
pub fn short(bytes: &[u8]) -> Option<(u64, usize)> {
    match bytes.first() {
        Some(byte @ ..0x80) => Some(((*byte).into(), 1)),
        _ => first_of(u64::from_le_bytes(*bytes.first_chunk()?)),
    }
}

/// The number of up to 56 bits at the start of eight bytes, and its length in bytes.
#[inline]
fn first_of(word: u64) -> Option<(u64, usize)> {
    let last = (!word & 0x8080_8080_8080_8080).trailing_zeros();
    let kept = word & u64::MAX.checked_shr(63u32.checked_sub(last)?)?;
    // Joins groups of 7 bits to 14, then to 28, then to 56.
    let pairs = kept & 0x007f_007f_007f_007f | (kept & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    let number = fours & 0x0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4;
    Some((number, last as usize / 8 + 1))
}

#[cold]
fn read_long(bytes: &mut &[u8]) -> Result<u64, VarintError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(VarintError::Cut)?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            break;
        }
        number |= bits << shift;
        if *byte < 0x80 {
            return Ok(number);
        }
    }
    Err(VarintError::Wide)
}

/// Appends a number.
pub fn write(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decoded_numbers_equal_the_encoded_ones(number: u64, behind: Vec<u8>) {
            let mut bytes = Vec::new();
            write(number, &mut bytes);
            let len = bytes.len();
            prop_assert_eq!(read(&mut &bytes[..len - 1]), Err(VarintError::Cut));
            bytes.extend(&behind);
            let mut rest = &bytes[..];
            prop_assert_eq!(read(&mut rest), Ok(number));
            prop_assert_eq!(rest, behind);
        }
    }

    /// The example of the page "Encoding" of Protocol Buffers, and the largest number.
    #[test]
    fn published_numbers_are_read() {
        assert_eq!(read(&mut &[0x96, 0x01][..]), Ok(150));
        let widest = [[0xff; 9].as_slice(), &[1]].concat();
        assert_eq!(read(&mut &widest[..]), Ok(u64::MAX));
    }

    #[test]
    fn wide_numbers_are_refused() {
        let wide = [[0xff; 9].as_slice(), &[2]].concat();
        assert_eq!(read(&mut &wide[..]), Err(VarintError::Wide));
        assert_eq!(read(&mut &[0x80; 11][..]), Err(VarintError::Wide));
    }
}
