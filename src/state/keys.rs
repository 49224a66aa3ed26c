//! The keys that dumps file storage under.
//!
//! ```text
//! plain        the slot itself                                 anvil, geth dump, Era snapshot v0
//! hashed trie  keccak256(slot), account keccak256(address)     geth snapshot dump, hashed tables
//! Era          blake2s256(0^12 ‖ address ‖ slot)               Era snapshot v1, ZKsync OS
//! ```
//!
//! Sources: go-ethereum's secure trie; zksync-era `StorageKey::hashed_key` and zksync-os flat storage
//! keys, which are the raw digest in its natural byte order.

use crate::{
    keccak::keccak256,
    primitives::{Address, Hash, Word},
};

/// How an account is known: by its address, or only by the hash of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKey {
    /// The address is known.
    Address(Address),
    /// Only keccak256(address) is known.
    Hash(Hash),
}

/// How the slots of an account are filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotForm {
    /// By the slot itself.
    Plain,
    /// By keccak256(slot), as in a secure trie.
    Keccak,
}

impl SlotForm {
    /// The key that `slot` is filed under.
    #[must_use]
    pub fn key(self, slot: Word) -> Word {
        match self {
            Self::Plain => slot,
            Self::Keccak => trie_key(slot.as_bytes()).into(),
        }
    }
}

/// keccak256 of an address (20 bytes) or of a slot (32 bytes): the key of a secure trie.
#[must_use]
pub fn trie_key(plain: &[u8]) -> Hash {
    keccak256(plain)
}

/// blake2s256(0^12 ‖ address ‖ slot): Era's hashed key and ZKsync OS's flat key.
#[must_use]
pub fn era_key(address: Address, slot: Word) -> Hash {
    Hash::new(*blake2s_simd::blake2s(&era_preimage(address, slot)).as_array())
}

fn era_preimage(address: Address, slot: Word) -> [u8; 64] {
    let mut preimage = [0; 64];
    preimage[12..32].copy_from_slice(address.as_bytes());
    preimage[32..].copy_from_slice(slot.as_bytes());
    preimage
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that a real snapshot and the genesis of a real chain hold.
    #[test]
    fn era_keys_match_published_ones() {
        let message_root = Address::system(0x10005);
        let cases = [
            (message_root, 1, "0x47ea1fc23ae86f586ef17771ebe9bf37676a15af61c94de48d3471f06519a352"),
            (message_root, 7, "0x33b98f829e691c8cc802c27b1ba8c2d63ea8dd729e161fcc60c6e3db903eb05a"),
            (
                Address::system(0x8002),
                0x8002,
                "0xe3049e2e6829610f261d9c4d76d2ebf514d321af0c55f4691210ce850d8f8a22",
            ),
        ];
        for (address, slot, key) in cases {
            assert_eq!(era_key(address, Word::from(slot)).to_string(), key);
        }
    }
}
