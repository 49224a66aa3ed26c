//! Files with the blocks of a chain's batches, for logs that do not name their batch: one JSON value per batch.
//!
//! ```text
//! {"batchNumber":7,"firstBlock":100,"lastBlock":120}
//! {"batch_info":{"batch_number":7,…},"block_range":{"start":100,"end":120},…}   in a ZKsync OS node
//! {"topics":["0x…","0x07","0x64","0x78"],…}                    the event ReportCommittedBatchRangeZKsyncOS
//! ```
//!
//! The values are one per line, in arrays, or in answers of `eth_getLogs` for the chain's diamond on the
//! layer that it settles on. A later event means that a batch was committed again after a revert, and
//! replaces earlier ones. Which one is later is told by their blocks and indices, or, where they have none, by their
//! places. Source of the event: era-contracts `IExecutor.sol`, since v30.

use std::path::Path;

use alloy_sol_types::SolEvent;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{
    BatchBlocks, SourceError,
    batch_blocks::MOST_RANGES,
    message_event::{MOST_TOPICS, TOO_MANY_TOPICS},
    needed_members::{needed, required},
};
use crate::{
    archive::Place,
    contracts::abi::ReportCommittedBatchRangeZKsyncOS,
    files::Input,
    ingest::{
        IndexError,
        json::{JsonValues, ValueChunk, at_most, each_element},
    },
    primitives::{Address, BatchNumber, ChainId, Hash, Number, Word, spelled::Member},
};

/// The topics with the batch and its first and last block.
const TOPICS: [&str; 3] = ["topics[1]", "topics[2]", "topics[3]"];

const REPORTED: Hash = Hash::new(ReportCommittedBatchRangeZKsyncOS::SIGNATURE_HASH.0);

impl BatchBlocks {
    /// Reads a file (`-` for standard input). Lines of another chain than `chain` are skipped. Without a chain, a file with
    /// the batches of several says nothing.
    ///
    /// # Errors
    /// [`IndexError`] naming the file and the position, if a value does not hold the blocks of a batch, two batches share
    /// a block, or two contracts emitted the events.
    pub fn read(path: &Path, chain: Option<ChainId>) -> Result<Self, IndexError> {
        Self::read_input(Input::open(path)?, chain)
    }

    /// Reads an open input.
    ///
    /// # Errors
    /// As [`BatchBlocks::read`].
    pub fn read_input(input: Input, chain: Option<ChainId>) -> Result<Self, IndexError> {
        let name = input.name().to_owned();
        let bad = |place, source| {
            let (name, what) = (name.clone(), "not the blocks of a batch".into());
            IndexError::Source { name, place, what, source }
        };
        let mut reader = BlocksReader { chain, ..BlocksReader::default() };
        let (mut values, mut piece) = (JsonValues::new(input), ValueChunk::default());
        loop {
            values.read(&mut piece)?;
            if piece.is_empty() {
                return reader.finish().map_err(|(place, source)| bad(place, source));
            }
            for index in 0..piece.len() {
                let (text, place) = piece.value(index);
                reader.value(text, place).map_err(|source| bad(place, source))?;
            }
        }
    }
}

/// Reads the values of a file.
#[derive(Default)]
struct BlocksReader {
    chain: Option<ChainId>,
    /// The ranges in values that are not events.
    blocks: BatchBlocks,
    /// The chain of the first value that names one.
    named: Option<ChainId>,
    is_of_several: bool,
    events: Vec<Reported>,
    emitter: Option<Address>,
}

/// An event with the blocks of a batch.
struct Reported {
    /// The block and the index of the event, if it has both.
    position: Option<(u64, u64)>,
    place: Place,
    batch: BatchNumber,
    first: u64,
    last: u64,
}

impl BlocksReader {
    fn value(&mut self, text: &[u8], place: Place) -> Result<(), SourceError> {
        let value: Value<'_> = serde_json::from_slice(text)?;
        if let Some(events) = value.result {
            return each_element(events.get(), |event: Event| self.event(&event, place))?;
        }
        if let Some(topics) = value.topics {
            let Value { address, block_number, log_index, removed, .. } = value;
            return self.event(&Event { topics, address, block_number, log_index, removed }, place);
        }
        if let (Some(of), None) = (value.chain_id, self.chain) {
            self.is_of_several |= *self.named.get_or_insert(of) != of;
        }
        let is_other =
            value.chain_id.is_some() && self.chain.is_some() && value.chain_id != self.chain;
        if is_other || self.is_of_several {
            return Ok(());
        }
        let missing = |field| SourceError::Missing { what: "it".into(), field };
        let (batch, Number(first), Number(last)) = match (value.batch_info, value.block_range) {
            (Some(info), Some(range)) => (info.batch_number, range.start, range.end),
            _ => (
                value.batch_number.ok_or_else(|| missing("batchNumber"))?,
                value.first_block.ok_or_else(|| missing("firstBlock"))?,
                value.last_block.ok_or_else(|| missing("lastBlock"))?,
            ),
        };
        self.blocks.insert(first, last, Some(batch))
    }

    fn event(&mut self, event: &Event, place: Place) -> Result<(), SourceError> {
        let [signature, numbers @ ..] = &event.topics.0[..] else { return Ok(()) };
        let of = || "the event".to_owned();
        let is_reported = required(signature, "topics[0]", of)?.to_hash() == REPORTED;
        if event.removed.known() == Some(&true) || !is_reported {
            return Ok(());
        }
        let bad = |reason: String| SourceError::Bad { what: "the event".into(), reason };
        if let Some(address) = needed(&event.address, "address", of)? {
            let emitter = *self.emitter.get_or_insert(address);
            if emitter != address {
                let reason = format!(
                    "is of {address}, but others are of {emitter}; give those of one diamond"
                );
                return Err(bad(reason));
            }
        }
        let number = |at: usize| {
            let topic = numbers.get(at).ok_or_else(|| bad("has fewer than four topics".into()))?;
            let word = required(topic, TOPICS[at], of)?;
            word.to_u64().map_err(|error| bad(format!("says that {error}")))
        };
        let (batch, first, last) = (BatchNumber(number(0)?), number(1)?, number(2)?);
        let block = needed(&event.block_number, "blockNumber", of)?;
        let position = block.zip(needed(&event.log_index, "logIndex", of)?);
        if self.events.len() == MOST_RANGES {
            return Err(SourceError::TooManyRuns { limit: MOST_RANGES });
        }
        self.events.push(Reported { position, place, batch, first, last });
        Ok(())
    }

    /// The blocks of all batches. The error has the place of an event.
    fn finish(mut self) -> Result<BatchBlocks, (Place, SourceError)> {
        if self.is_of_several {
            return Ok(BatchBlocks::default());
        }
        // Those without a position have no order but that of their places.
        if self.events.iter().all(|event| event.position.is_some()) {
            self.events.sort_by_key(|event| event.position);
        }
        for Reported { place, batch, first, last, .. } in self.events {
            self.blocks.replace(first, last, batch).map_err(|error| (place, error))?;
        }
        Ok(self.blocks)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value<'t> {
    #[serde(alias = "chain_id")]
    chain_id: Option<ChainId>,
    #[serde(alias = "batch_number")]
    batch_number: Option<BatchNumber>,
    #[serde(alias = "first_block")]
    first_block: Option<Number>,
    #[serde(alias = "last_block")]
    last_block: Option<Number>,
    #[serde(rename = "batch_info")]
    batch_info: Option<Info>,
    #[serde(rename = "block_range")]
    block_range: Option<Range>,
    #[serde(borrow)]
    result: Option<&'t RawValue>,
    topics: Option<Topics>,
    #[serde(default)]
    address: Member<Address>,
    #[serde(default, alias = "block_number")]
    block_number: Member<u64>,
    #[serde(default, alias = "log_index")]
    log_index: Member<u64>,
    #[serde(default)]
    removed: Member<bool>,
}

#[derive(Deserialize)]
struct Info {
    batch_number: BatchNumber,
}

#[derive(Deserialize)]
struct Range {
    start: Number,
    end: Number,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    topics: Topics,
    #[serde(default)]
    address: Member<Address>,
    #[serde(default, alias = "block_number")]
    block_number: Member<u64>,
    #[serde(default, alias = "log_index")]
    log_index: Member<u64>,
    #[serde(default)]
    removed: Member<bool>,
}

struct Topics(Vec<Member<Word>>);

impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        at_most(deserializer, MOST_TOPICS, TOO_MANY_TOPICS).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{super::batch_blocks::BlockIn, *};

    fn read(text: &str) -> Result<BatchBlocks, IndexError> {
        let input = Input::from_reader("test", Cursor::new(text.to_owned())).unwrap();
        BatchBlocks::read_input(input, Some(ChainId(9)))
    }

    #[test]
    fn all_forms_are_equivalent() {
        let plain = "{\"batchNumber\":7,\"firstBlock\":100,\"lastBlock\":120}\n\
                     {\"chainId\":9,\"batchNumber\":8,\"firstBlock\":121,\"lastBlock\":121}\n\
                     {\"chainId\":8,\"batchNumber\":8,\"firstBlock\":1,\"lastBlock\":121}";
        let kept = "[{\"batch_info\":{\"batch_number\":7,\"commitment\":\"0x\"},\
                     \"block_range\":{\"start\":100,\"end\":120}},{\"batch_info\":{\"batch_number\":8},\
                     \"block_range\":{\"start\":121,\"end\":121},\"execute_sl_block_number\":null}]";
        let event = |batch: u64, first: u64, last: u64| {
            format!(
                "{{\"topics\":[\"{}\",\"{batch:#x}\",\"{first:#x}\",\"{last:#x}\"],\"data\":\"0x\"}}",
                REPORTED
            )
        };
        let reported = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{},{},{}]}} {}",
            event(7, 100, 110),
            event(8, 111, 112),
            event(7, 100, 120),
            event(8, 121, 121),
        );
        let expected = read(plain).unwrap();
        assert_eq!(expected.len(), 2);
        assert_eq!(expected.batch_of(100), BlockIn::Batch(BatchNumber(7)));
        assert_eq!(expected.batch_of(121), BlockIn::Batch(BatchNumber(8)));
        assert_eq!(expected.batch_of(99), BlockIn::Unknown);
        assert_eq!(expected.batch_of(122), BlockIn::Unknown);
        assert_eq!(read(kept).unwrap(), expected);
        assert_eq!(read(&reported).unwrap(), expected);
    }

    #[test]
    fn values_without_blocks_are_refused_with_their_position() {
        for damaged in [
            "7",
            "{}",
            "{\"batchNumber\":7,\"firstBlock\":100}",
            "{\"batchNumber\":7,\"firstBlock\":100,\"lastBlock\":99}",
            "{\"batchNumber\":7,\"firstBlock\":1,\"lastBlock\":9} {\"batchNumber\":8,\"firstBlock\":9,\
             \"lastBlock\":9}",
            "{\"batchNumber\":7,\"firstBlock\":1,\"lastBlock\":9} {\"batchNumber\":7,\"firstBlock\":5,\
             \"lastBlock\":12}",
            "[{\"batchNumber\":7,\"firstBlock\":1,\"lastBlock\":9},",
            "{\"topics\":[\"0xzz\"]}",
            "{\"topics\":[\"0x0\",\"0x0\",\"0x0\",\"0x0\",\"0x0\"]}",
            "{\"result\":[{\"topics\":[\"0x0\",\"0x0\",\"0x0\",\"0x0\",\"0x0\"]}]}",
            "{\"result\":{}}",
            "{\"batchNumber\":7",
        ] {
            let error = read(damaged).unwrap_err();
            assert!(error.to_string().contains("byte"), "{error}");
        }
    }

    fn event(at: [u64; 2], address: u8, [batch, first, last]: [u64; 3]) -> String {
        let [block, index] = at;
        let address = Address::new([address; 20]);
        format!(
            "{{\"address\":\"{address}\",\"blockNumber\":\"{block:#x}\",\"logIndex\":\"{index:#x}\",\"topics\":\
             [\"{REPORTED}\",\"{batch:#x}\",\"{first:#x}\",\"{last:#x}\"]}}"
        )
    }

    /// The blocks of the settlement layer are later, so the order in a file says nothing.
    #[test]
    fn the_last_event_about_blocks_counts_in_any_order_of_the_file() {
        let [first, revised, next] = [
            event([500, 9], 1, [7, 100, 120]),
            event([501, 0], 1, [8, 90, 110]),
            event([501, 1], 1, [9, 111, 120]),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let events = order.map(|at| [&first, &revised, &next][at].clone());
            let listed = format!("{{\"result\":[{}]}}", events.join(","));
            for text in [events.join("\n"), listed] {
                let blocks = read(&text).unwrap();
                assert_eq!(blocks.batch_of(100), BlockIn::Batch(BatchNumber(8)), "{text}");
                assert_eq!(blocks.batch_of(120), BlockIn::Batch(BatchNumber(9)), "{text}");
            }
        }
    }

    #[test]
    fn events_of_two_contracts_are_refused_with_both() {
        let text = event([500, 9], 0xd1, [7, 100, 120]) + "\n" + &event([300, 1], 0xd2, [7, 1, 99]);
        let error = std::error::Error::source(&read(&text).unwrap_err()).unwrap().to_string();
        for address in [Address::new([0xd1; 20]), Address::new([0xd2; 20])] {
            assert!(error.contains(&address.to_string()), "{error}");
        }
    }

    #[test]
    fn without_a_chain_a_file_of_several_says_nothing() {
        let line = |chain: u64, batch: u64| {
            format!(
                "{{\"chainId\":{chain},\"batchNumber\":{batch},\"firstBlock\":1,\"lastBlock\":9}}\n"
            )
        };
        let read = |text: String, chain| {
            let input = Input::from_reader("test", Cursor::new(text)).unwrap();
            BatchBlocks::read_input(input, chain).unwrap()
        };
        let both = || line(9, 7) + &line(8, 3);
        assert_eq!(read(both(), Some(ChainId(9))).batch_of(1), BlockIn::Batch(BatchNumber(7)));
        assert_eq!(read(both(), Some(ChainId(8))).batch_of(1), BlockIn::Batch(BatchNumber(3)));
        assert_eq!(read(both(), None).batch_of(1), BlockIn::Unknown);
        assert_eq!(read(line(9, 7), None).batch_of(1), BlockIn::Batch(BatchNumber(7)));
    }
}
