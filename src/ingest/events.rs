//! Events of MessageRoot: answers of `eth_getLogs`, or one decoded event per line.
//!
//! ```text
//! {"jsonrpc":"2.0","id":1,"result":[{"address":"0x…","topics":["0x…",…],"data":"0x…",
//!    "blockNumber":"0x66","logIndex":"0x0",…},…]}       or only the array, or one log per line
//! {"event":"AppendedChainBatchRoot","blockNumber":102,"logIndex":0,"chainId":324,"batchNumber":7,…}
//! ```
//!
//! A file may contain several answers, and they may overlap. Events of other contracts, other events and unknown
//! members are ignored.

use std::path::Path;

use struson::reader::ValueType;

pub use super::event_list::EventList;
use super::{ReopenableInput, event_list::EventCollector, json::Json, state::ImportError};
use crate::{
    contracts::{EventKind, MessageRootEvent, NewInteropRootData},
    files::{Input, ReadProgressHandle},
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, Word, hex},
};

/// Reads the events of the MessageRoot at `message_root`, in the order of their emission, from files (`-` for
/// standard input).
///
/// # Errors
/// [`ImportError`] with the file and the position, if a file is damaged or a known event lacks a member; if two
/// events of a block have different block hashes; or if the temporary file of a long list cannot be written.
pub fn read_events<P: AsRef<Path>>(
    paths: &[P],
    message_root: Address,
) -> Result<EventList, ImportError> {
    let inputs = paths.iter().map(|path| ReopenableInput::new(path.as_ref())).collect();
    read_event_inputs(inputs, message_root, None)
}

/// Reads events from an open input.
///
/// # Errors
/// As [`read_events`].
pub fn read_events_input(input: Input, message_root: Address) -> Result<EventList, ImportError> {
    read_event_inputs(vec![ReopenableInput::of(input)], message_root, None)
}

/// As [`read_events`], from inputs that may be open already, and up to a block.
pub(crate) fn read_event_inputs(
    inputs: Vec<ReopenableInput>,
    message_root: Address,
    last_block: Option<SlBlock>,
) -> Result<EventList, ImportError> {
    let last_block = last_block.unwrap_or(SlBlock(u64::MAX));
    let mut events = Events { message_root, found: EventCollector::up_to(last_block) };
    for mut input in inputs {
        events.read(input.open(&ReadProgressHandle::default())?)?;
    }
    events.found.finish()
}

struct Events {
    message_root: Address,
    found: EventCollector,
}

/// The members of one event.
#[derive(Default)]
struct Members {
    name: Option<String>,
    address: Option<Address>,
    topics: Vec<Word>,
    data: Option<Vec<u8>>,
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
    removed: bool,
}

impl Events {
    fn read(&mut self, input: Input) -> Result<(), ImportError> {
        let mut json = Json::of(input);
        while json.has_next()? {
            match json.peek()? {
                ValueType::Array => self.array(&mut json)?,
                _ => self.object(&mut json)?,
            }
        }
        json.finish()
    }

    fn array(&mut self, json: &mut Json<Input>) -> Result<(), ImportError> {
        json.begin_array()?;
        while json.has_next()? {
            self.object(json)?;
        }
        json.end_array()
    }

    /// Reads one event, or a node's answer with many events.
    fn object(&mut self, json: &mut Json<Input>) -> Result<(), ImportError> {
        let mut members = Members::default();
        let mut is_answer = false;
        json.begin_object()?;
        while json.has_next()? {
            let name = json.member()?;
            match (name.as_str(), json.peek()?) {
                ("result", ValueType::Array) => {
                    is_answer = true;
                    self.array(json)?;
                }
                ("error", ValueType::Object) => {
                    return Err(json.bad("the answer", "is an error of the node, not events"));
                }
                ("event", ValueType::String) => members.name = Some(json.string()?),
                ("address", ValueType::String) => {
                    let address = json.string()?.parse();
                    members.address = Some(address.map_err(|e| json.bad("an event's address", e))?);
                }
                ("topics", ValueType::Array) => members.topics = words(json, 4)?,
                ("data", ValueType::String) => {
                    let data = json.string_as(hex::bytes)?;
                    members.data = Some(data.map_err(|e| json.bad("an event's data", e))?);
                }
                ("address", _) => return Err(json.bad("an event's address", "is not a text")),
                ("removed", _) => members.removed = is_removed(json)?,
                ("blockHash", ValueType::String) => members.block_hash = Some(hash(json)?),
                ("blockNumber", _) => members.block = json.number("the block number")?,
                ("logIndex", _) => members.log_index = json.number("the log index")?,
                ("chainId", _) => members.chain = json.number("the chain id")?,
                ("chainIndex", _) => members.chain_index = json.number("the chain index")?,
                ("batchNumber", _) => members.batch = json.number("the batch number")?,
                ("chainBatchRoot", ValueType::String) => members.batch_root = Some(hash(json)?),
                ("chainRoot", ValueType::String) => members.chain_root = Some(hash(json)?),
                ("sides", ValueType::Array) => members.sides = words(json, 1)?,
                ("interopBlockNumber", _) => {
                    members.root_block = json.number("the root's block")?
                }
                ("logId", _) => members.log_id = json.number("the log id")?,
                _ => json.skip()?,
            }
        }
        json.end_object()?;
        let block_hash = members.block_hash;
        if !is_answer && let Some(event) = self.event(members, json)? {
            self.found.push(&event, block_hash)?;
        }
        Ok(())
    }

    fn event(
        &self,
        members: Members,
        json: &Json<Input>,
    ) -> Result<Option<MessageRootEvent>, ImportError> {
        if members.removed || members.address.is_some_and(|address| address != self.message_root) {
            return Ok(None);
        }
        let lacks = |member: &str| json.bad("an event", format!("has no {member:?}"));
        let kind = match members.name.as_deref() {
            None if members.topics.is_empty() => return Err(lacks("topics")),
            None => EventKind::decode(&members.topics, members.data.as_deref())
                .map_err(|e| json.bad("an event", e))?,
            Some(name) => {
                let chain = || members.chain.map(ChainId).ok_or_else(|| lacks("chainId"));
                match name {
                    "AddedChain" => {
                        let index = members.chain_index.ok_or_else(|| lacks("chainIndex"))?;
                        Some(EventKind::AddedChain(chain()?, index))
                    }
                    "AppendedChainBatchRoot" => {
                        let batch = members.batch.ok_or_else(|| lacks("batchNumber"))?;
                        let batch = BatchNumber(batch);
                        Some(EventKind::AppendedBatch(chain()?, batch, members.batch_root))
                    }
                    "NewChainRoot" => Some(EventKind::NewChainRoot(chain()?, members.chain_root)),
                    "NewInteropRoot" => Some(EventKind::NewInteropRoot(interop_root(&members))),
                    _ => None,
                }
            }
        };
        let Some(kind) = kind else { return Ok(None) };
        let block = SlBlock(members.block.ok_or_else(|| lacks("blockNumber"))?);
        let log_index = members.log_index.ok_or_else(|| lacks("logIndex"))?;
        Ok(Some(MessageRootEvent { block, log_index, kind }))
    }
}

/// The content of a decoded `NewInteropRoot`. `None` if one of its members is missing.
fn interop_root(members: &Members) -> Option<NewInteropRootData> {
    let [root] = members.sides[..] else { return None };
    Some(NewInteropRootData {
        sl_chain: ChainId(members.chain?),
        block: SlBlock(members.root_block?),
        log_id: members.log_id?,
        root: root.to_hash(),
    })
}

/// Whether an event was removed with its block. Programs write this as a boolean, a number or a text.
fn is_removed(json: &mut Json<Input>) -> Result<bool, ImportError> {
    let text = match json.peek()? {
        ValueType::Boolean => return json.boolean(),
        ValueType::Null => {
            json.skip()?;
            return Ok(false);
        }
        ValueType::Number => json.number_text()?,
        ValueType::String => json.string()?,
        _ => String::new(),
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "0x1" => Ok(true),
        "false" | "0" | "0x0" => Ok(false),
        _ => Err(json.bad("the member \"removed\" of an event", "is neither true nor false")),
    }
}

fn hash(json: &mut Json<Input>) -> Result<Hash, ImportError> {
    json.string_as(str::parse)?.map_err(|e| json.bad("a root of an event", e))
}

/// An array of at most `most` words.
fn words(json: &mut Json<Input>, most: usize) -> Result<Vec<Word>, ImportError> {
    let mut words = Vec::with_capacity(most);
    json.begin_array()?;
    while json.has_next()? {
        let word = json.string_as(Word::from_hex)?;
        let word = word.map_err(|e| json.bad("a word of an event", e))?;
        if words.len() == most {
            return Err(json.bad("an event", format!("has more than {most} words in an array")));
        }
        words.push(word);
    }
    json.end_array()?;
    Ok(words)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::contracts::system::MESSAGE_ROOT;

    fn read(text: &str) -> Result<Vec<MessageRootEvent>, ImportError> {
        let input = Input::from_reader("test", Cursor::new(text.to_owned())).unwrap();
        let events = read_events_input(input, MESSAGE_ROOT)?;
        Ok(events.iter().collect::<Result<_, _>>()?)
    }

    fn log(address: &str, topics: &[String], data: &str, (block, index): (u64, u64)) -> String {
        let topics: Vec<String> = topics.iter().map(|topic| format!("\"{topic}\"")).collect();
        format!(
            "{{\"address\":\"{address}\",\"topics\":[{}],\"data\":\"0x{data}\",\"blockNumber\":\"{block:#x}\",\
             \"transactionIndex\":\"0x0\",\"logIndex\":\"{index:#x}\",\"removed\":false}}",
            topics.join(",")
        )
    }

    fn signature(text: &str) -> String {
        crate::keccak::keccak256(text.as_bytes()).to_string()
    }

    #[test]
    fn removed_events_do_not_count_and_replaced_blocks_are_refused() {
        let event = |members: &str| {
            format!("{{\"event\":\"NewInteropRoot\",\"blockNumber\":1,\"logIndex\":0{members}}}")
        };
        for removed in ["true", "\"true\"", "1", "\"1\"", "\"True\""] {
            assert_eq!(read(&event(&format!(",\"removed\":{removed}"))).unwrap(), [], "{removed}");
        }
        for kept in ["false", "\"false\"", "0", "null"] {
            assert_eq!(read(&event(&format!(",\"removed\":{kept}"))).unwrap().len(), 1, "{kept}");
        }
        for wrong in [",\"removed\":\"maybe\"", ",\"removed\":[]", ",\"address\":65541"] {
            assert!(read(&event(wrong)).is_err(), "{wrong}");
        }
        let of_block = |digit: &str| event(&format!(",\"blockHash\":\"0x{}\"", digit.repeat(64)));
        assert_eq!(read(&(of_block("1") + &of_block("1"))).unwrap().len(), 1);
        let error = read(&(of_block("1") + &of_block("2"))).unwrap_err().to_string();
        assert!(error.contains("replaced block"), "{error}");
    }

    #[test]
    fn answers_of_nodes_and_decoded_events_are_equivalent() {
        let (batch_root, chain_root) = ("1a".repeat(32), "2b".repeat(32));
        let (leaf, root) = ("3c".repeat(32), "4d".repeat(32));
        let decoded = format!(
            "{{\"event\":\"AddedChain\",\"blockNumber\":5,\"logIndex\":0,\"chainId\":9,\"chainIndex\":1}}\n\
             {{\"event\":\"NewChainRoot\",\"blockNumber\":6,\"logIndex\":1,\"chainId\":9,\
             \"chainRoot\":\"0x{chain_root}\"}}\n\
             {{\"event\":\"AppendedChainBatchRoot\",\"blockNumber\":6,\"logIndex\":0,\"chainId\":9,\
             \"batchNumber\":70,\"chainBatchRoot\":\"0x{batch_root}\"}}\n\
             {{\"event\":\"NewInteropRoot\",\"blockNumber\":6,\"logIndex\":2,\"chainId\":506,\
             \"interopBlockNumber\":6,\"logId\":0,\"sides\":[\"0x{root}\"]}}"
        );
        let number = |n: u64| Word::from(n).to_string();
        let sides = format!("{}{}{root}", &number(32)[2..], &number(1)[2..]);
        let here = MESSAGE_ROOT.to_string();
        let appended = signature("AppendedChainBatchRoot(uint256,uint256,bytes32)");
        let chain_root_topic = signature("NewChainRoot(uint256,bytes32,bytes32)");
        let interop_root = signature("NewInteropRoot(uint256,uint256,uint256,bytes32[])");
        let added = signature("AddedChain(uint256,uint256)");
        let logs = [
            log(&here, &[appended, number(9), number(70)], &batch_root, (6, 0)),
            log(&here, &[chain_root_topic, number(9)], &(chain_root + &leaf), (6, 1)),
            log(&here, &[interop_root, number(506), number(6), number(0)], &sides, (6, 2)),
            log(&here, &[added.clone(), number(9), number(1)], "", (5, 0)),
            log(&Address::system(1).to_string(), &[added, number(8), number(2)], "", (5, 1)),
        ];
        let array = format!("[{}]", logs.join(","));
        let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{array}}}");
        let expected = read(&decoded).unwrap();
        assert_eq!(expected.len(), 4);
        for text in [array.clone(), answer.clone(), logs.join("\n"), answer + &array] {
            assert_eq!(read(&text).unwrap(), expected);
        }
    }

    #[test]
    fn damaged_events_are_refused() {
        for damaged in [
            "",
            "[",
            "{}",
            "7",
            "{\"event\":\"AddedChain\",\"chainId\":9}",
            "{\"event\":\"AddedChain\",\"chainId\":-9}",
            "{\"event\":\"NewInteropRoot\",\"blockNumber\":1.5,\"logIndex\":0}",
            "{\"topics\":[\"0xzz\"]}",
            "{\"topics\":[\"0x1\",\"0x1\",\"0x1\",\"0x1\",\"0x1\"]}",
            "{\"topics\":[\"0x4f7fd9ed016150a623d5a2cf43053fe313a56293a77e060a05db49ed22579520\",\"0x1\",\"0x1\"],\
             \"data\":\"0x\",\"blockNumber\":1,\"logIndex\":1}",
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-1}}",
            "{\"event\":\"NewInteropRoot\",\"blockNumber\":1",
        ] {
            let input = Input::from_reader("test", Cursor::new(damaged.to_owned()));
            let result = input.map(|input| read_events_input(input, MESSAGE_ROOT));
            assert!(!matches!(result, Ok(Ok(_))), "{damaged}");
        }
    }
}
