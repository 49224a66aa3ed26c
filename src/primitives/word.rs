use std::fmt;

use bytemuck::{Pod, TransparentWrapper, Zeroable};
use thiserror::Error;

use super::{
    Hash,
    hex::{self, HexError},
    spelled::{self, Scalar, Spelled, SpellingError},
};

/// A 256-bit big-endian word: the number of a storage slot, or its value.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable, TransparentWrapper,
)]
#[repr(transparent)]
pub struct Word([u8; 32]);

/// A word holds a number that does not fit the requested type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{word} does not fit {bits} bits")]
pub struct WordTooLarge {
    /// The word.
    pub word: Word,
    /// The width of the requested type, in bits.
    pub bits: u32,
}

impl Word {
    /// The number zero, which is also the value of an absent slot.
    pub const ZERO: Self = Self([0; 32]);

    /// Wraps 32 big-endian bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The big-endian bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the number is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// The same bytes read as a hash.
    #[must_use]
    pub const fn to_hash(self) -> Hash {
        Hash::new(self.0)
    }

    /// The number plus `n`, modulo 2^256, as Solidity computes the slots of arrays and structs.
    #[must_use]
    pub fn wrapping_add(self, n: u64) -> Self {
        let mut bytes = self.0;
        let mut carry = u128::from(n);
        for chunk in bytes.rchunks_exact_mut(8) {
            let mut limb = [0; 8];
            limb.copy_from_slice(chunk);
            let sum = u128::from(u64::from_be_bytes(limb)) + carry;
            #[expect(clippy::cast_possible_truncation, reason = "the carry keeps the rest")]
            chunk.copy_from_slice(&(sum as u64).to_be_bytes());
            carry = sum >> 64;
        }
        Self(bytes)
    }

    /// The number as 64 bits.
    ///
    /// # Errors
    /// [`WordTooLarge`] when a higher bit is set.
    pub fn to_u64(self) -> Result<u64, WordTooLarge> {
        let mut low = [0; 8];
        low.copy_from_slice(&self.0[24..]);
        if self.0[..24].iter().any(|b| *b != 0) {
            return Err(WordTooLarge { word: self, bits: 64 });
        }
        Ok(u64::from_be_bytes(low))
    }

    /// The high and the low 128 bits.
    #[must_use]
    pub fn split(self) -> (u128, u128) {
        let (mut high, mut low) = ([0; 16], [0; 16]);
        high.copy_from_slice(&self.0[..16]);
        low.copy_from_slice(&self.0[16..]);
        (u128::from_be_bytes(high), u128::from_be_bytes(low))
    }

    /// The word with these high and low 128 bits.
    #[must_use]
    pub fn join(high: u128, low: u128) -> Self {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&high.to_be_bytes());
        bytes[16..].copy_from_slice(&low.to_be_bytes());
        Self(bytes)
    }

    /// Parses a word as nodes print it: `0x` and 1 to 64 digits, with or without leading zeros.
    ///
    /// # Errors
    /// [`HexError`] when the text is something else.
    pub fn from_hex(text: &str) -> Result<Self, HexError> {
        hex::right_aligned(hex::strip_prefix(text)?).map(Self)
    }
}

/// A word may lack leading zeros if it has `0x`.
impl Spelled for Word {
    const EXPECTED: &'static str = "a word: \"0x\" and at most 64 hexadecimal digits";

    fn read(scalar: Scalar<'_>) -> Result<Self, SpellingError> {
        let text = spelled::text::<Self>(scalar)?;
        match hex::strip_prefix(text) {
            Ok(digits) => Ok(Self::new(hex::right_aligned(digits)?)),
            Err(_) => Ok(Self::new(hex::fixed_bare(text)?)),
        }
    }
}

impl From<u64> for Word {
    fn from(n: u64) -> Self {
        Self::join(0, n.into())
    }
}

impl From<Hash> for Word {
    fn from(hash: Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_hash().fmt(f)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addition_carries_through_all_limbs_and_wraps() {
        assert_eq!(Word::from(u64::MAX).wrapping_add(1), Word::join(0, 1 << 64));
        assert_eq!(Word::join(u128::MAX, u128::MAX).wrapping_add(3), Word::from(2));
        assert_eq!(Word::join(0, u128::MAX).wrapping_add(1), Word::join(1, 0));
    }

    #[test]
    fn narrowing_refuses_high_bits() {
        assert_eq!(Word::from(7).to_u64(), Ok(7));
        assert!(Word::join(0, 1 << 64).to_u64().is_err());
    }

    #[test]
    fn split_is_the_inverse_of_join() {
        assert_eq!(Word::join(5, 9).split(), (5, 9));
    }
}
