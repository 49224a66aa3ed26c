//! Proofs of single slots: answers of `eth_getProof`, and the header of their block.
//!
//! An answer proves an account by the block's state root, and slots by the account's storage root; the header
//! has the state root; the hash of the header is trusted. So the slots are as good as those of a dump, and
//! nobody who served an answer needs to be trusted. That a slot is zero, or that an account does not exist, is
//! proven as well.
//!
//! | content | forms |
//! | --- | --- |
//! | answers | the result of `eth_getProof`, bare or in a JSON-RPC answer; lists, batches, one after the other |
//! | header | the result of `eth_getBlockByHash` or `eth_getBlockByNumber` in the same forms; the RLP of the header in hexadecimal digits, bare or as the result of `debug_getRawHeader`; the RLP itself |
//!
//! `trie.rs` verifies the paths, and names the node that differs. Sources: EIP-1186; see the files for
//! the layouts.

mod account;
mod error;
mod evidence;
mod header;
mod requests;
mod trie;

use std::io::Read;

use serde_json::Value;

pub use error::{AnswerError, StateProofsError};
pub use evidence::{AccountEvidence, SlotEvidence, StateEvidence};
use header::BlockHeader;
pub use requests::proof_requests;
pub use trie::PathError;

use super::OtherAnswer;
use crate::{
    files::Input,
    primitives::{Hash, SlBlock, hex},
    state::ProvenSlots,
};

/// The largest file: proofs of more than 50,000 slots. The file is held in memory while it is read.
const LARGEST_FILE: u64 = 256 << 20;

/// How much of a file shows whether it is RLP in a JSON-RPC answer.
const START: usize = 256;

/// The slots that were proven, and the block of their proofs.
#[derive(Clone, Debug)]
pub struct StateProofs {
    /// The slots.
    pub slots: ProvenSlots,
    /// The hash of the block.
    pub block_hash: Hash,
    /// The number of the block.
    pub block: SlBlock,
    /// What proves them.
    pub evidence: StateEvidence,
}

impl StateProofs {
    /// Whether an input begins like an answer of `eth_getProof` or a header.
    #[must_use]
    pub fn recognize(input: &Input) -> bool {
        let head = input.head();
        let text = head.trim_ascii_start();
        match text.first() {
            Some(b'{' | b'[') => match OtherAnswer::of(head) {
                Some(answer) => matches!(answer, OtherAnswer::EthGetProof | OtherAnswer::Block),
                None => {
                    let start = String::from_utf8_lossy(&text[..text.len().min(START)]);
                    start.contains("\"0xf9") && start.contains("\"result\"")
                }
            },
            Some(b'"' | b'0') => {
                text.trim_ascii_start().starts_with(b"0xf9") || text.starts_with(b"\"0xf9")
            }
            _ => is_rlp(head),
        }
    }

    /// Reads answers of `eth_getProof` and the header of their block, in any order and in any number of inputs.
    /// Only the block with the hash `trusted` is trusted.
    ///
    /// # Errors
    /// [`StateProofsError`] if an input cannot be read, a header is that of another block, an answer does not
    /// hold for the trusted block, there is no header, or no block is trusted.
    pub fn read(inputs: Vec<Input>, trusted: Option<Hash>) -> Result<Self, StateProofsError> {
        let names: Vec<String> = inputs.iter().map(|input| input.name().to_owned()).collect();
        let mut found: Option<BlockHeader> = None;
        let mut answers = Vec::new();
        for input in inputs {
            let name = input.name().to_owned();
            for (entry, item) in (1..).zip(items(input)?) {
                let header = match item {
                    Value::String(text) => hex::bytes(text.trim())
                        .map_err(|error| error.to_string())
                        .and_then(|rlp| BlockHeader::of_rlp(&rlp)),
                    Value::Object(item) if item.contains_key("accountProof") => {
                        answers.push((name.clone(), entry, item));
                        continue;
                    }
                    Value::Object(item) if item.contains_key("stateRoot") => {
                        BlockHeader::of_json(&item)
                    }
                    other => Err(what_is(&other)),
                };
                let header = header.map_err(|reason| StateProofsError::Entry {
                    name: name.clone(),
                    entry,
                    reason,
                })?;
                let wanted = trusted.or(found.as_ref().map(|header| header.hash));
                if let Some(trusted) = wanted.filter(|wanted| *wanted != header.hash) {
                    let BlockHeader { number: block, hash, .. } = header;
                    return Err(StateProofsError::OtherBlock { name, block, hash, trusted });
                }
                found = Some(header);
            }
        }
        let header = found.ok_or_else(|| StateProofsError::NoHeader { name: names.join(", ") })?;
        let BlockHeader { rlp, number: block, hash, state_root } = header;
        if trusted.is_none() {
            return Err(StateProofsError::NotTrusted { block, hash });
        }
        let mut slots = ProvenSlots::new(Some(block));
        let mut evidence =
            StateEvidence { header: rlp, answers: Vec::with_capacity(answers.len()) };
        for (name, entry, answer) in answers {
            let verified = account::verify(&answer, state_root, &mut slots).map_err(|source| {
                StateProofsError::Answer { name, entry, block, state_root, source }
            })?;
            evidence.answers.push(verified);
        }
        Ok(Self { slots, block_hash: hash, block, evidence })
    }
}

/// Whether bytes begin like the RLP of a header: a list of 256 to 65535 bytes, whose first item has 32.
fn is_rlp(head: &[u8]) -> bool {
    matches!(head, [0xf9, _, _, 0xa0, ..])
}

/// The answers and headers in an input: the elements of lists, and the results of JSON-RPC answers. A header in
/// RLP is a text of hexadecimal digits.
fn items(input: Input) -> Result<Vec<Value>, StateProofsError> {
    let name = input.name().to_owned();
    let mut bytes = Vec::new();
    input
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| crate::files::InputError::Read { name: name.clone(), source })?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(StateProofsError::TooLarge { name, limit: LARGEST_FILE });
    }
    if is_rlp(&bytes) {
        return Ok(vec![Value::String(hex::encode(&bytes))]);
    }
    let text = bytes.trim_ascii();
    if let (true, Ok(text)) = (text.starts_with(b"0x"), std::str::from_utf8(text)) {
        return Ok(text.split_ascii_whitespace().map(|line| line.into()).collect());
    }
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_slice(text).into_iter() {
        match value {
            Ok(value) => unwrap(value, &mut found),
            Err(source) => return Err(StateProofsError::Json { name, source }),
        }
    }
    Ok(found)
}

/// Adds the values in lists and in JSON-RPC answers.
fn unwrap(value: Value, into: &mut Vec<Value>) {
    match value {
        Value::Array(values) => values.into_iter().for_each(|value| unwrap(value, into)),
        Value::Object(mut object) => match object.remove("result") {
            Some(result) => unwrap(result, into),
            None => into.push(Value::Object(object)),
        },
        other => into.push(other),
    }
}

/// What a value is that is neither an answer nor a header.
fn what_is(value: &Value) -> String {
    match value {
        Value::Object(object) => match object.get("error") {
            Some(error) => format!("is a node's error: {error}"),
            None => {
                let names: Vec<&String> = object.keys().take(8).collect();
                format!(
                    "is neither an answer of eth_getProof nor a block: it has the members {names:?}"
                )
            }
        },
        Value::Null => "is a node's answer of null: the node does not have the block, or not its \
                        state; ask another node"
            .into(),
        _ => "is neither an answer of eth_getProof nor a block".into(),
    }
}
