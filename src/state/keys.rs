//! The keys of storage slots.
//!
//! Dumps store a slot under one of these keys:
//!
//! ```text
//! plain        address, slot                                   anvil, geth dump, Era snapshot v0
//! hashed trie  keccak256(address), keccak256(slot)             geth snapshot dump, pages without preimages
//! Era          blake2s256(0^12 ‖ address ‖ slot)               Era snapshot v1, ZKsync OS, hashed tables
//! ```
//!
//! A state of this crate has one key of 32 bytes for each slot, by one of two schemes:
//!
//! ```text
//! Era    blake2s256(0^12 ‖ address ‖ slot)                     whenever address and slot are known
//! trie   keccak256(keccak256(address) ‖ keccak256(slot))       when only a hash of one of them is known
//! ```
//!
//! The keys of both schemes are uniform, and a key of one scheme cannot be converted to the other. So a state
//! may hold keys of both, and a lookup tries both.
//!
//! Sources: go-ethereum's secure trie; zksync-era `StorageKey::hashed_key` and the flat storage keys of
//! zksync-os, which are the raw digest in its natural byte order. The trie scheme is specific to slproof: it
//! combines the two keys of a secure trie into one.

use std::fmt;

use blake2s_simd::{
    Params,
    many::{HashManyJob, hash_many as blake2s_many},
};

use crate::{
    keccak::{hash_many, hash_node, hash_pairs, keccak256},
    primitives::{Address, Hash, Word},
};

/// How many keys are prepared before they are hashed together.
const AT_ONCE: usize = 64;

/// How an account is identified: by its address, or only by the hash of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKey {
    /// The address is known.
    Address(Address),
    /// Only keccak256(address) is known.
    Hash(Hash),
}

impl AccountKey {
    /// keccak256(address).
    #[must_use]
    pub fn hash(self) -> Hash {
        match self {
            Self::Address(address) => trie_key(address.as_bytes()),
            Self::Hash(hash) => hash,
        }
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Hash(hash) => write!(f, "with the hash {hash}"),
        }
    }
}

/// How the slots of an account are identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotForm {
    /// By the slot itself.
    Plain,
    /// By keccak256(slot), as in a secure trie.
    Keccak,
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

/// [`era_key`] of many slots, hashed together and appended to `out`.
pub fn era_keys(slots: impl IntoIterator<Item = (Address, Word)>, out: &mut Vec<Hash>) {
    let params = Params::new();
    let mut slots = slots.into_iter();
    loop {
        let preimages: Vec<[u8; 64]> = slots
            .by_ref()
            .take(AT_ONCE)
            .map(|(address, slot)| era_preimage(address, slot))
            .collect();
        if preimages.is_empty() {
            return;
        }
        let mut jobs: Vec<_> =
            preimages.iter().map(|preimage| HashManyJob::new(&params, preimage)).collect();
        blake2s_many(jobs.iter_mut());
        out.extend(jobs.iter().map(|job| Hash::new(*job.to_hash().as_array())));
    }
}

fn era_preimage(address: Address, slot: Word) -> [u8; 64] {
    let mut preimage = [0; 64];
    preimage[12..32].copy_from_slice(address.as_bytes());
    preimage[32..].copy_from_slice(slot.as_bytes());
    preimage
}

/// keccak256(keccak256(address) ‖ keccak256(slot)): the key of a slot by the trie scheme.
#[must_use]
pub fn trie_slot_key(account: AccountKey, slot: Word) -> Hash {
    hash_node(account.hash(), trie_key(slot.as_bytes()))
}

/// The trie-scheme keys of many slots of an account, hashed together and appended to `out`.
pub fn trie_slot_keys(
    account: AccountKey,
    form: SlotForm,
    slots: impl IntoIterator<Item = Word>,
    out: &mut Vec<Hash>,
) {
    let account = account.hash();
    let names: Vec<[u8; 32]> = slots.into_iter().map(|slot| *slot.as_bytes()).collect();
    let mut slots: Vec<Hash> = names.iter().map(|name| Hash::new(*name)).collect();
    if form == SlotForm::Plain {
        hash_many(&names, &mut slots);
    }
    let pairs: Vec<Hash> = slots.into_iter().flat_map(|slot| [account, slot]).collect();
    let start = out.len();
    out.resize(start + pairs.len() / 2, Hash::ZERO);
    hash_pairs(&pairs, &mut out[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys in a real snapshot and in the genesis of a real chain.
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

    #[test]
    fn many_keys_equal_single_ones() {
        let address = Address::system(0x10005);
        for count in [0, 1, 63, 64, 65, 200] {
            let slots: Vec<Word> = (0..count).map(Word::from).collect();
            let mut many = Vec::new();
            era_keys(slots.iter().map(|slot| (address, *slot)), &mut many);
            let single: Vec<Hash> = slots.iter().map(|slot| era_key(address, *slot)).collect();
            assert_eq!(many, single);

            let account = AccountKey::Address(address);
            let single: Vec<Hash> =
                slots.iter().map(|slot| trie_slot_key(account, *slot)).collect();
            let hashed = slots.iter().map(|slot| trie_key(slot.as_bytes()).into());
            for (account, form, slots) in [
                (account, SlotForm::Plain, slots.clone()),
                (AccountKey::Hash(account.hash()), SlotForm::Keccak, hashed.collect()),
            ] {
                let mut many = Vec::new();
                trie_slot_keys(account, form, slots, &mut many);
                assert_eq!(many, single);
            }
        }
    }
}
