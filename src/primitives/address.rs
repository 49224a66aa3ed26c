use bytemuck::TransparentWrapper;

use super::{Word, hex_text::hex_text};

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

hex_text!(Address, 20, "an address: \"0x\" and 40 hexadecimal digits");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{
        Hash,
        spelled::{Member, Spelled},
    };

    fn read<T: Spelled>(json: &str) -> Member<T> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn hexadecimal_values_need_no_prefix() {
        let (hash, address) = (Hash::new([0xab; 32]), Address::new([0xcd; 20]));
        for digits in ["ab".repeat(32), "AB".repeat(32)] {
            for text in [digits.clone(), format!("0x{digits}"), format!("HexBytes('0x{digits}')")] {
                assert_eq!(read::<Hash>(&format!("\"{text}\"")), Member::Read(hash), "{text}");
                let word = Member::Read(Word::from(hash));
                assert_eq!(read::<Word>(&format!("\"{text}\"")), word, "{text}");
            }
        }
        assert_eq!(read::<Address>(&format!("\"{}\"", "cd".repeat(20))), Member::Read(address));
        assert_eq!(read::<Word>("\"0x7\""), Member::Read(Word::from(7)));
        for (json, bytes) in [("\"0x\"", &[][..]), ("\"\"", &[]), ("\"0aFF\"", &[0x0a, 0xff])] {
            assert_eq!(read::<Vec<u8>>(json), Member::Read(bytes.to_vec()), "{json}");
        }
        for json in ["\"0x12\"", "\"12\"", "7", "true", "\"\"", "\"0x\""] {
            assert!(matches!(read::<Hash>(json), Member::Unreadable(_)), "{json}");
            assert!(matches!(read::<Address>(json), Member::Unreadable(_)), "{json}");
        }
        // The digits of a word without "0x" could be decimal.
        for json in ["\"12\"", "12", "\"0x\""] {
            assert!(matches!(read::<Word>(json), Member::Unreadable(_)), "{json}");
        }
        for json in ["\"0x1\"", "\"zz\"", "\"HexBytes('0x12'\"", "12"] {
            assert!(matches!(read::<Vec<u8>>(json), Member::Unreadable(_)), "{json}");
        }
    }
}
