use serde::{Serialize, Serializer};

use crate::primitives::{Address, Word, hex};

/// The header of a block and paths in its tries: with the hash of the block, anyone can check the slots again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StateEvidence {
    /// The RLP of the header.
    #[serde(serialize_with = "as_hex")]
    pub header: Vec<u8>,
    /// The accounts, in the order of the answers.
    pub answers: Vec<AccountEvidence>,
}

/// The path of an account in the state trie, and those of slots in its storage trie. As JSON it has the members of the
/// answer of `eth_getProof` (EIP-1186) that prove something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AccountEvidence {
    /// The account.
    pub address: Address,
    /// The nodes from the state root to the account, or to the place where there is none.
    #[serde(serialize_with = "all_as_hex")]
    pub account_proof: Vec<Vec<u8>>,
    /// The slots.
    pub storage_proof: Vec<SlotEvidence>,
}

/// The path of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SlotEvidence {
    /// The slot.
    #[serde(serialize_with = "as_text")]
    pub key: Word,
    /// The nodes from the storage root of the account to the value, or to the place where there is none.
    #[serde(serialize_with = "all_as_hex")]
    pub proof: Vec<Vec<u8>>,
}

fn as_text<S: Serializer>(word: &Word, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(word)
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

fn all_as_hex<S: Serializer>(nodes: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(nodes.iter().map(|node| hex::encode(node)))
}
