//! Decimals without a fraction, as which programs without unsigned integers write numbers.

/// A decimal of a fixed length: an integer in two's complement with the highest byte first. `None` if it is negative or
/// has more than 64 bits.
pub(crate) fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.first().is_some_and(|first| *first >= 0x80) {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, byte| {
        number.checked_mul(256).map(|shifted| shifted | u64::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_64_bits_are_read() {
        let largest = i128::from(u64::MAX);
        for number in [0, 1, 255, 256, largest - 1, largest] {
            assert_eq!(decimal(&number.to_be_bytes()), u64::try_from(number).ok());
            assert_eq!(decimal(&number.to_be_bytes()[7..]), u64::try_from(number).ok());
        }
        for number in [-1, i128::from(i64::MIN), largest + 1, i128::MAX, i128::MIN] {
            assert_eq!(decimal(&number.to_be_bytes()), None, "{number}");
        }
        assert_eq!(decimal(&(-1_i64).to_be_bytes()), None);
        assert_eq!(decimal(&[]), Some(0));
    }
}
