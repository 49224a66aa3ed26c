use bytemuck::{Pod, TransparentWrapper, Zeroable};

use super::hex_text::hex_text;

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

hex_text!(Hash, 32, "a hash: \"0x\" and 64 hexadecimal digits");
