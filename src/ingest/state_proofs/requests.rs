//! The requests whose answers prove slots.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::primitives::{Address, Hash, SlBlock, Word};

/// The most slots in a request. Nodes refuse requests of more than 1,024 slots (geth) or answers that are too
/// large.
const SLOTS_AT_ONCE: usize = 500;

/// The JSON-RPC requests for these slots at a block: one `eth_getProof` for each contract, or several for many
/// slots, in ascending order of contract and slot. If the number of the block is not known yet, the header's
/// request, `eth_getBlockByHash`, comes first, and the other requests name the block by its hash (EIP-1898).
#[must_use]
pub fn proof_requests(
    slots: &BTreeMap<Address, BTreeSet<Word>>,
    hash: Hash,
    number: Option<SlBlock>,
) -> Vec<Value> {
    let block = match number {
        Some(number) => json!(format!("{:#x}", number.0)),
        None => json!({ "blockHash": hash.to_string() }),
    };
    let header = number.is_none().then(|| ("eth_getBlockByHash", json!([hash.to_string(), false])));
    let proofs = slots.iter().flat_map(|(contract, slots)| {
        let slots: Vec<String> = slots.iter().map(Word::to_string).collect();
        let requests =
            slots.chunks(SLOTS_AT_ONCE).map(|slots| json!([contract.to_string(), slots, block]));
        requests.map(|params| ("eth_getProof", params)).collect::<Vec<_>>()
    });
    (1..)
        .zip(header.into_iter().chain(proofs))
        .map(|(id, (method, params))| {
            json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
        })
        .collect()
}
