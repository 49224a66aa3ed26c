//! Decoded events of MessageRoot, one object each, in lines or in arrays.
//!
//! ```text
//! {"event":"AppendedChainBatchRoot","blockNumber":102,"logIndex":0,"chainId":324,"batchNumber":7,…}
//! ```
//!
//! The members are named as the contract names its parameters; unknown ones are ignored.

use struson::reader::ValueType;

use super::{json::Json, state::ImportError};
use crate::{
    contracts::{EventKind, MessageRootEvent, NewInteropRootData},
    files::Input,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, Timestamp, Word},
    proof::reader::Members as MemberNames,
};

/// Whether the first object of a text is a decoded event.
pub(super) fn is_decoded(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    MemberNames::of(text.strip_prefix(b"[").unwrap_or(text)).has("event")
}

/// Passes every event of the contract at `message_root` to `take`, with the hash of its block where the text
/// has it.
pub(super) fn read_decoded(
    input: Input,
    message_root: Address,
    mut take: impl FnMut(MessageRootEvent, Option<Hash>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let mut json = Json::of(input);
    while json.has_next()? {
        match json.peek()? {
            ValueType::Array => {
                json.begin_array()?;
                while json.has_next()? {
                    read_object(&mut json, message_root, &mut take)?;
                }
                json.end_array()?;
            }
            _ => read_object(&mut json, message_root, &mut take)?,
        }
    }
    json.finish()
}

fn read_object(
    json: &mut Json<Input>,
    message_root: Address,
    take: &mut impl FnMut(MessageRootEvent, Option<Hash>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let members = Members::read(json)?;
    if members.removed || members.address.is_some_and(|address| address != message_root) {
        return Ok(());
    }
    match members.event(json)? {
        Some(event) => take(event, members.block_hash),
        None => Ok(()),
    }
}

/// The members of one event.
#[derive(Default)]
struct Members {
    name: Option<String>,
    address: Option<Address>,
    block: Option<u64>,
    log_index: Option<u64>,
    chain: Option<u64>,
    chain_index: Option<u64>,
    batch: Option<u64>,
    batch_root: Option<Hash>,
    chain_root: Option<Hash>,
    sides: Vec<Word>,
    root_block: Option<u64>,
    log_id: Option<u64>,
    block_hash: Option<Hash>,
    batch_timestamp: Option<u64>,
    root_timestamp: Option<u64>,
    removed: bool,
}

impl Members {
    fn read(json: &mut Json<Input>) -> Result<Self, ImportError> {
        let mut members = Self::default();
        json.begin_object()?;
        while json.has_next()? {
            let name = json.member()?;
            match (name.as_str(), json.peek()?) {
                ("event", ValueType::String) => members.name = Some(json.string()?),
                ("address", _) => members.address = json.spelled("an event's address")?,
                ("removed", _) => {
                    let removed = json.spelled("the member \"removed\" of an event")?;
                    members.removed = removed.unwrap_or(false);
                }
                ("blockHash", _) => members.block_hash = json.spelled("the block hash")?,
                ("blockNumber", _) => members.block = json.number("the block number")?,
                ("logIndex", _) => members.log_index = json.number("the log index")?,
                ("chainId", _) => members.chain = json.number("the chain id")?,
                ("chainIndex", _) => members.chain_index = json.number("the chain index")?,
                ("batchNumber", _) => members.batch = json.number("the batch number")?,
                ("chainBatchRoot", _) => members.batch_root = json.spelled("the batch root")?,
                ("chainRoot", _) => members.chain_root = json.spelled("the chain root")?,
                ("sides", ValueType::Array) => members.sides = sides(json)?,
                ("interopBlockNumber", _) => {
                    members.root_block = json.number("the root's block")?;
                }
                ("l1Timestamp", _) => members.batch_timestamp = json.number("the timestamp")?,
                ("timestamp", _) => members.root_timestamp = json.number("the timestamp")?,
                ("logId", _) => members.log_id = json.number("the log id")?,
                _ => json.skip()?,
            }
        }
        json.end_object()?;
        Ok(members)
    }

    fn event(&self, json: &Json<Input>) -> Result<Option<MessageRootEvent>, ImportError> {
        let lacks = |member: &str| json.bad("an event", format!("has no {member:?}"));
        let chain = || self.chain.map(ChainId).ok_or_else(|| lacks("chainId"));
        let name = self.name.as_deref().ok_or_else(|| lacks("event"))?;
        let kind = match name {
            "AddedChain" => {
                let index = self.chain_index.ok_or_else(|| lacks("chainIndex"))?;
                EventKind::AddedChain(chain()?, index)
            }
            "AppendedChainBatchRoot" => {
                let batch = self.batch.ok_or_else(|| lacks("batchNumber"))?;
                let timestamp = self.batch_timestamp.map(Timestamp);
                EventKind::AppendedBatch(chain()?, BatchNumber(batch), self.batch_root, timestamp)
            }
            "NewChainRoot" => EventKind::NewChainRoot(chain()?, self.chain_root),
            "NewInteropRoot" => EventKind::NewInteropRoot(self.interop_root()),
            _ => return Ok(None),
        };
        let block = SlBlock(self.block.ok_or_else(|| lacks("blockNumber"))?);
        let log_index = self.log_index.ok_or_else(|| lacks("logIndex"))?;
        Ok(Some(MessageRootEvent { block, log_index, kind }))
    }

    /// The content of `NewInteropRoot`. `None` if one of its members is missing.
    fn interop_root(&self) -> Option<NewInteropRootData> {
        let [root] = self.sides[..] else { return None };
        Some(NewInteropRootData {
            sl_chain: ChainId(self.chain?),
            block: SlBlock(self.root_block?),
            log_id: self.log_id?,
            root: root.to_hash(),
            timestamp: self.root_timestamp.map(Timestamp),
        })
    }
}

/// The sides of a root, which are one word.
fn sides(json: &mut Json<Input>) -> Result<Vec<Word>, ImportError> {
    let mut words = Vec::with_capacity(1);
    json.begin_array()?;
    while json.has_next()? {
        let word = json.string_as(Word::from_hex)?;
        words.push(word.map_err(|e| json.bad("a side of an event", e))?);
        if words.len() > 1 {
            return Err(json.bad("an event", "has more than one side"));
        }
    }
    json.end_array()?;
    Ok(words)
}
