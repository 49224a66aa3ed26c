use std::{fmt, str::FromStr};

use bytemuck::{Pod, TransparentWrapper, Zeroable};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    hex::{self, HexError},
    spelled::{self, Scalar, Spelled, SpellingError},
};

/// A 32-byte hash: the Keccak-256 of a leaf, an inner node or a root, or the key of a storage slot. Printed
/// as `0x` and 64 digits.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable, TransparentWrapper,
)]
#[repr(transparent)]
pub struct Hash([u8; 32]);

impl Hash {
    /// 32 zero bytes: the value of a storage slot that was never written, and the root of a chain tree
    /// without batches.
    pub const ZERO: Self = Self([0; 32]);

    /// Wraps 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 8 bytes as a big-endian number. Hashes in ascending order have these numbers in ascending
    /// order.
    #[inline]
    #[must_use]
    pub fn prefix_u64(&self) -> u64 {
        self.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    /// Whether all 32 bytes are zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Hash {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        hex::fixed(text).map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(const_hex::Buffer::<32, true>::new().format(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(const_hex::Buffer::<32, true>::new().format(&self.0))
    }
}

impl Spelled for Hash {
    const EXPECTED: &'static str = "a hash: \"0x\" and 64 hexadecimal digits";

    fn read(scalar: Scalar<'_>) -> Result<Self, SpellingError> {
        spelled::fixed::<Self, 32>(scalar).map(Self::new)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spelled::deserialize(deserializer)
    }
}
