//! Events of MessageRoot: logs in any form of [`event_logs`](super::event_logs), or one decoded event per line.
//!
//! ```text
//! {"jsonrpc":"2.0","id":1,"result":[{"address":"0x…","topics":["0x…",…],"data":"0x…",
//!    "blockNumber":"0x66","logIndex":"0x0",…},…]}
//! {"event":"AppendedChainBatchRoot","blockNumber":102,"logIndex":0,"chainId":324,"batchNumber":7,…}
//! ```
//!
//! Files may overlap, and repeat events in any order. Events of other contracts and other events are ignored.

use std::{collections::HashMap, path::Path};

use super::{
    decoded_events::{is_decoded, read_decoded},
    event_logs::{ColumnNames, EventLog, LogPlace, Mapping, read_event_logs},
    state::ImportError,
};
use crate::{
    contracts::{EventKind, MessageRootEvent},
    files::Input,
    primitives::{Address, Hash, SlBlock},
};

/// The maximum number of events in memory, including repeated ones: 80 bytes each.
const MOST_EVENTS: usize = 12 << 20;

/// Reads the events of the MessageRoot at `message_root`, in the order of their emission, from files (`-` for
/// standard input).
///
/// # Errors
/// [`ImportError`] with the file and the position, if a file is damaged, a known event lacks a member, or
/// there are too many events for memory.
pub fn read_events<P: AsRef<Path>>(
    paths: &[P],
    message_root: Address,
) -> Result<Vec<MessageRootEvent>, ImportError> {
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
    mut report: impl FnMut(&Mapping),
) -> Result<Vec<MessageRootEvent>, ImportError> {
    let mut events = Events::new(message_root, MOST_EVENTS);
    for path in paths {
        let mapping = events.read(Input::open(path.as_ref())?, columns)?;
        mapping.iter().for_each(&mut report);
    }
    events.merge();
    Ok(events.found)
}

/// Reads events from an open input.
///
/// # Errors
/// As [`read_events`].
pub fn read_events_input(
    input: Input,
    message_root: Address,
) -> Result<Vec<MessageRootEvent>, ImportError> {
    read_within(MOST_EVENTS, input, message_root)
}

fn read_within(
    most: usize,
    input: Input,
    message_root: Address,
) -> Result<Vec<MessageRootEvent>, ImportError> {
    let mut events = Events::new(message_root, most);
    events.read(input, &ColumnNames::default())?;
    events.merge();
    Ok(events.found)
}

struct Events {
    message_root: Address,
    /// The maximum number of events in memory.
    most: usize,
    found: Vec<MessageRootEvent>,
    /// The first bytes of the hash of each block, where events have it.
    blocks: HashMap<SlBlock, u64>,
}

impl Events {
    fn new(message_root: Address, most: usize) -> Self {
        Self { message_root, most, found: Vec::new(), blocks: HashMap::new() }
    }

    /// Reads a file. Returns what was read of it, unless its events are decoded.
    fn read(
        &mut self,
        input: Input,
        columns: &ColumnNames,
    ) -> Result<Option<Mapping>, ImportError> {
        let message_root = self.message_root;
        if is_decoded(input.head()) {
            let take = |event, block_hash, place: LogPlace<'_>| self.add(event, block_hash, place);
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
            self.add(MessageRootEvent { block, log_index, kind }, block_hash, place)
        });
        read.map(Some)
    }

    fn add(
        &mut self,
        event: MessageRootEvent,
        block_hash: Option<Hash>,
        place: LogPlace<'_>,
    ) -> Result<(), ImportError> {
        self.compare_block(event.block, block_hash, place)?;
        if self.found.len() == self.most {
            self.compact(place)?;
        }
        self.found.push(event);
        Ok(())
    }

    /// Refuses events of two blocks with one number: one of the blocks was replaced.
    fn compare_block(
        &mut self,
        block: SlBlock,
        hash: Option<Hash>,
        place: LogPlace<'_>,
    ) -> Result<(), ImportError> {
        let Some(hash) = hash else { return Ok(()) };
        let known = *self.blocks.entry(block).or_insert_with(|| hash.prefix_u64());
        match known == hash.prefix_u64() {
            true => Ok(()),
            false => Err(place.bad(
                "the block hash",
                format!("of block {block} differs from that of another event: one is of a replaced block"),
            )),
        }
    }

    /// Sorts the events and removes duplicates.
    fn merge(&mut self) {
        self.found.sort_unstable();
        self.found.dedup();
    }

    /// Removes duplicates when the memory is full. A quarter of it must be free afterwards, so that the events
    /// are not sorted again for a few new ones.
    fn compact(&mut self, place: LogPlace<'_>) -> Result<(), ImportError> {
        self.merge();
        if self.found.len() <= self.most / 4 * 3 {
            return Ok(());
        }
        let reason = format!(
            "do not fit into memory: the limit is {}, and {} different ones were read so far",
            self.most,
            self.found.len()
        );
        Err(place.bad("the events", reason))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{contracts::system::MESSAGE_ROOT, primitives::Word};

    fn read(text: &str) -> Result<Vec<MessageRootEvent>, ImportError> {
        let input = Input::from_reader("test", Cursor::new(text.to_owned())).unwrap();
        read_events_input(input, MESSAGE_ROOT)
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
    fn repeated_events_do_not_count_towards_the_limit() {
        let event = |block: u64| {
            format!("{{\"event\":\"NewInteropRoot\",\"blockNumber\":{block},\"logIndex\":0}}\n")
        };
        let answer = |blocks: u64| (0..blocks).rev().map(event).collect::<String>();
        let read = |text: String| {
            let input = Input::from_reader("test", Cursor::new(text)).unwrap();
            read_within(8, input, MESSAGE_ROOT)
        };
        for (blocks, times) in [(6, 1), (8, 1), (6, 9), (1, 100)] {
            let found = read(answer(blocks).repeat(times)).unwrap();
            let found: Vec<u64> = found.iter().map(|event| event.block.0).collect();
            assert_eq!(found, (0..blocks).collect::<Vec<_>>());
        }
        for (blocks, times) in [(9, 1), (7, 2)] {
            let error = read(answer(blocks).repeat(times)).unwrap_err().to_string();
            assert!(error.contains("do not fit into memory"), "{error}");
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
