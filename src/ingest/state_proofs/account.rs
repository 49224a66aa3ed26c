//! Answers of `eth_getProof`: an account in the state trie, and some of its slots in its storage trie.
//!
//! ```text
//! state trie      keccak256(address) → rlp([nonce, balance, storage root, keccak256(code)])
//! storage trie    keccak256(slot)    → rlp(value without leading zeros); no entry for zero
//! ```
//!
//! Sources: EIP-1186; Ethereum's yellow paper, appendix D.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    error::AnswerError,
    evidence::{AccountEvidence, SlotEvidence},
    header::{needed, number},
    trie::{self, EMPTY_ROOT, list, string},
};
use crate::{
    primitives::{
        Address, Hash, Word,
        spelled::{Member, Spelled},
    },
    state::{ProvenSlots, keys::trie_key},
};

/// keccak256(""): the hash of the code of an account without code.
const NO_CODE: Hash = Hash::new([
    0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03, 0xc0,
    0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70,
]);

/// An account in the state trie.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Account {
    nonce: Word,
    balance: Word,
    storage_root: Hash,
    code_hash: Hash,
}

impl Account {
    /// The account of an address that is not in the trie.
    const ABSENT: Self = Self {
        nonce: Word::ZERO,
        balance: Word::ZERO,
        storage_root: EMPTY_ROOT,
        code_hash: NO_CODE,
    };

    /// Decodes the value in the trie.
    fn decode(rlp: &[u8]) -> Option<Self> {
        let items = list(rlp)?;
        let [nonce, balance, storage_root, code_hash] = items[..] else { return None };
        let hash = |item| Some(Hash::new(string(item)?.try_into().ok()?));
        Some(Self {
            nonce: word(nonce)?,
            balance: word(balance)?,
            storage_root: hash(storage_root)?,
            code_hash: hash(code_hash)?,
        })
    }

    /// Compares the members of an answer that only repeat what the proof proves. Nodes write zero for the
    /// hashes of an absent account, or those of empty data.
    fn compare(&self, answer: &Map<String, Value>) -> Result<(), AnswerError> {
        let numbers = [("nonce", self.nonce), ("balance", self.balance)];
        let stated = |name: &str| answer.get(name).and_then(|value| number(value).ok());
        let of_numbers = numbers.map(|(name, proven)| (name, stated(name), proven));
        let hashes =
            [("storageHash", self.storage_root, EMPTY_ROOT), ("codeHash", self.code_hash, NO_CODE)];
        let of_hashes = hashes.map(|(name, proven, empty)| {
            let zero_is_empty = |stated: Hash| if stated.is_zero() { empty } else { stated };
            (name, known(answer, name).map(zero_is_empty).map(Word::from), proven.into())
        });
        for (name, stated, proven) in of_numbers.into_iter().chain(of_hashes) {
            if let Some(stated) = stated.filter(|stated| *stated != proven) {
                return Err(AnswerError::Member { name, stated, proven });
            }
        }
        Ok(())
    }
}

/// Verifies an answer against a state root, and adds its slots. Returns its paths.
///
/// # Errors
/// [`AnswerError`] naming what differs, or the member that is missing or invalid.
pub(super) fn verify(
    answer: &Map<String, Value>,
    state_root: Hash,
    into: &mut ProvenSlots,
) -> Result<AccountEvidence, AnswerError> {
    let address: Address = member(answer, "address")?;
    let of = |what: String, source| AnswerError::Path { address, what, source };
    let account_proof = nodes(answer, "accountProof")?;
    let key = trie_key(address.as_bytes());
    let found = trie::value(state_root, key, &account_proof)
        .map_err(|source| of("accountProof".into(), source))?;
    let account = match found {
        Some(rlp) => Account::decode(rlp).ok_or(AnswerError::Value(address))?,
        None => Account::ABSENT,
    };
    account.compare(answer)?;
    if account.storage_root == EMPTY_ROOT {
        into.insert_empty(address);
    }
    let Some(Value::Array(entries)) = answer.get("storageProof") else {
        return Err(AnswerError::invalid("storageProof", "is not a list"));
    };
    let mut storage_proof = Vec::with_capacity(entries.len());
    for entry in entries {
        let Value::Object(entry) = entry else {
            return Err(AnswerError::invalid("storageProof", "is not a list of objects"));
        };
        let slot = entry.get("key").map_or_else(|| Err("is missing".into()), number);
        let slot = slot.map_err(|reason| AnswerError::invalid("storageProof.key", reason))?;
        let proof = nodes(entry, "proof")?;
        let found = trie::value(account.storage_root, trie_key(slot.as_bytes()), &proof)
            .map_err(|source| of(format!("storageProof of slot {slot}"), source))?;
        let value = match found {
            Some(rlp) => word(rlp).ok_or(AnswerError::Value(address))?,
            None => Word::ZERO,
        };
        let stated = entry.get("value").and_then(|value| number(value).ok());
        if let Some(stated) = stated.filter(|stated| *stated != value) {
            return Err(AnswerError::Slot { address, slot, stated, proven: value });
        }
        into.insert(address, slot, value);
        storage_proof.push(SlotEvidence { key: slot, proof });
    }
    Ok(AccountEvidence { address, account_proof, storage_proof })
}

/// A number in a trie: at most 32 bytes.
fn word(rlp: &[u8]) -> Option<Word> {
    let bytes = string(rlp)?;
    let mut word = [0; 32];
    word[32_usize.checked_sub(bytes.len())?..].copy_from_slice(bytes);
    Some(Word::new(word))
}

/// A member that is needed.
fn member<T: Spelled>(of: &Map<String, Value>, name: &'static str) -> Result<T, AnswerError> {
    let read = of.get(name).map_or_else(|| Err("is missing".into()), needed);
    read.map_err(|reason| AnswerError::invalid(name, reason))
}

/// A member that only repeats what is proven, if it can be read.
fn known<T: Spelled>(of: &Map<String, Value>, name: &str) -> Option<T> {
    match of.get(name).map(Member::deserialize) {
        Some(Ok(Member::Read(value))) => Some(value),
        _ => None,
    }
}

/// The nodes of a path.
fn nodes(of: &Map<String, Value>, name: &'static str) -> Result<Vec<Vec<u8>>, AnswerError> {
    let Some(Value::Array(nodes)) = of.get(name) else {
        return Err(AnswerError::invalid(name, "is not a list"));
    };
    let read: Result<_, String> = nodes.iter().map(needed).collect();
    read.map_err(|reason| AnswerError::invalid(name, reason))
}
