//! Events of MessageRoot: logs in any form of [`event_logs`](super::event_logs), or one decoded event per line.
//!
//! ```text
//! {"jsonrpc":"2.0","id":1,"result":[{"address":"0x…","topics":["0x…",…],"data":"0x…",
//!    "blockNumber":"0x66","logIndex":"0x0",…},…]}
//! {"event":"AppendedChainBatchRoot","blockNumber":102,"logIndex":0,"chainId":324,"batchNumber":7,…}
//! ```
//!
//! Files may overlap, and repeat events in any order. Events of other contracts and other events are ignored.

use std::path::Path;

pub use super::event_list::EventList;
use super::{
    decoded_events::{is_decoded, read_decoded},
    event_list::EventCollector,
    event_logs::{ColumnNames, EventLog, Mapping, read_event_logs},
    state::ImportError,
};
use crate::{
    contracts::{EventKind, MessageRootEvent},
    files::{Input, ReadProgressHandle, ReopenableInput},
    primitives::{Address, SlBlock},
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
    read_events_with(paths, message_root, &ColumnNames::default(), |_| {})
}

/// As [`read_events`]. `columns` are the names of columns that differ from the usual ones. `report` is called after
/// each file of logs with what was read of it.
///
/// # Errors
/// As [`read_events`].
pub fn read_events_with<P: AsRef<Path>>(
    paths: &[P],
    message_root: Address,
    columns: &ColumnNames,
    report: impl FnMut(&Mapping),
) -> Result<EventList, ImportError> {
    let inputs = paths.iter().map(|path| ReopenableInput::new(path.as_ref())).collect();
    read_event_inputs(inputs, message_root, None, columns, report)
}

/// Reads events from an open input.
///
/// # Errors
/// As [`read_events`].
pub fn read_events_input(input: Input, message_root: Address) -> Result<EventList, ImportError> {
    let inputs = vec![ReopenableInput::of(input)];
    read_event_inputs(inputs, message_root, None, &ColumnNames::default(), |_| {})
}

/// As [`read_events_with`], from inputs that may be open already, and up to a block.
pub(crate) fn read_event_inputs(
    inputs: Vec<ReopenableInput>,
    message_root: Address,
    last_block: Option<SlBlock>,
    columns: &ColumnNames,
    mut report: impl FnMut(&Mapping),
) -> Result<EventList, ImportError> {
    let last_block = last_block.unwrap_or(SlBlock(u64::MAX));
    let mut events = Events { message_root, found: EventCollector::up_to(last_block) };
    for mut input in inputs {
        let mapping = events.read(input.open(&ReadProgressHandle::default())?, columns)?;
        mapping.iter().for_each(&mut report);
    }
    events.found.finish()
}

struct Events {
    message_root: Address,
    found: EventCollector,
}

impl Events {
    /// Reads a file. Returns what was read of it, unless its events are decoded.
    fn read(
        &mut self,
        input: Input,
        columns: &ColumnNames,
    ) -> Result<Option<Mapping>, ImportError> {
        let message_root = self.message_root;
        if is_decoded(input.head()) {
            let take = |event, block_hash| self.found.push(&event, block_hash);
            return read_decoded(input, message_root, take).map(|()| None);
        }
        let read = read_event_logs(input, columns, |log, place| {
            if log.removed || log.address.is_some_and(|address| address != message_root) {
                return Ok(());
            }
            let kind = EventKind::decode(&log.topics, log.data.as_deref());
            let Some(kind) = kind.map_err(|error| place.bad("an event", error))? else {
                return Ok(());
            };
            let EventLog { block, log_index, block_hash, .. } = log;
            self.found.push(&MessageRootEvent { block, log_index, kind }, block_hash)
        });
        read.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{contracts::system::MESSAGE_ROOT, primitives::Word};

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
