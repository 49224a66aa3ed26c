use bytemuck::TransparentWrapper;

use super::{Word, hex::hex_text};

/// The 20-byte address of an account.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, TransparentWrapper)]
#[repr(transparent)]
pub struct Address([u8; 20]);

impl Address {
    /// Wraps 20 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The address of a system contract: `number` in the last eight bytes.
    #[must_use]
    pub const fn system(number: u64) -> Self {
        let low = number.to_be_bytes();
        let mut bytes = [0; 20];
        let mut i = 0;
        while i < 8 {
            bytes[12 + i] = low[i];
            i += 1;
        }
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The address left-padded to a word, as in a storage slot and in the key of a log.
    #[must_use]
    pub fn to_word(self) -> Word {
        let mut word = [0; 32];
        word[12..].copy_from_slice(&self.0);
        Word::new(word)
    }

    /// The low 20 bytes of a word. The upper 12 bytes are ignored, as Solidity does.
    #[must_use]
    pub fn from_word(word: Word) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&word.as_bytes()[12..]);
        Self(bytes)
    }
}

hex_text!(Address, 20, "an address");
