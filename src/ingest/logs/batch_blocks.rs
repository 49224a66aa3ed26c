//! The blocks of a chain's batches, for logs that do not name their batch: one JSON value per batch.
//!
//! ```text
//! {"batchNumber":7,"firstBlock":100,"lastBlock":120}
//! {"batch_info":{"batch_number":7,…},"block_range":{"start":100,"end":120},…}   in a ZKsync OS node
//! {"topics":["0x…","0x07","0x64","0x78"],…}                    the event ReportCommittedBatchRangeZKsyncOS
//! ```
//!
//! The values are one per line, in arrays, or in answers of `eth_getLogs` for the chain's diamond on the
//! layer that it settles on. A later event means that a batch was committed again after a revert, and
//! replaces earlier ones. Source of the event: era-contracts `IExecutor.sol`, since v30.

use std::{collections::BTreeMap, path::Path};

use alloy_sol_types::SolEvent;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{
    SourceError,
    message_event::{MOST_TOPICS, TOO_MANY_TOPICS},
    needed_members::required,
};
use crate::{
    contracts::abi::ReportCommittedBatchRangeZKsyncOS,
    files::Input,
    ingest::{
        IndexError,
        json::{JsonValues, ValueChunk, at_most, each_element},
    },
    primitives::{BatchNumber, ChainId, Hash, Number, Word, spelled::Member},
};

/// The most ranges kept, of 24 bytes each plus those of the map.
const MOST_RANGES: usize = 1 << 23;

/// The topics with the batch and its first and last block.
const TOPICS: [&str; 3] = ["topics[1]", "topics[2]", "topics[3]"];

const REPORTED: Hash = Hash::new(ReportCommittedBatchRangeZKsyncOS::SIGNATURE_HASH.0);

/// The batches of one chain by their blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchBlocks {
    /// The last block and the batch, by the first block. Ranges do not overlap. A batch may have several.
    ranges: BTreeMap<u64, (u64, Option<BatchNumber>)>,
}

/// The batch of a block, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockIn {
    Batch(BatchNumber),
    /// The block was in no batch yet when the source was written.
    NoBatchYet,
    Unknown,
}

impl BatchBlocks {
    /// Reads a file (`-` for standard input). Lines of another chain than `chain` are skipped.
    ///
    /// # Errors
    /// [`IndexError`] naming the file and the position, if a value does not hold the blocks of a batch, or
    /// two batches share a block.
    pub fn read(path: &Path, chain: Option<ChainId>) -> Result<Self, IndexError> {
        Self::read_input(Input::open(path)?, chain)
    }

    /// Reads an open input.
    ///
    /// # Errors
    /// As [`BatchBlocks::read`].
    pub fn read_input(input: Input, chain: Option<ChainId>) -> Result<Self, IndexError> {
        let name = input.name().to_owned();
        let mut blocks = Self::default();
        let (mut values, mut piece) = (JsonValues::new(input), ValueChunk::default());
        loop {
            values.read(&mut piece)?;
            if piece.is_empty() {
                return Ok(blocks);
            }
            for index in 0..piece.len() {
                let (text, place) = piece.value(index);
                blocks.value(text, chain).map_err(|source| IndexError::Source {
                    name: name.clone(),
                    place,
                    what: "not the blocks of a batch".into(),
                    source,
                })?;
            }
        }
    }

    fn value(&mut self, text: &[u8], chain: Option<ChainId>) -> Result<(), SourceError> {
        let value: Value<'_> = serde_json::from_slice(text)?;
        if let Some(events) = value.result {
            return each_element(events.get(), |event: Event| self.event(&event))?;
        }
        if let Some(topics) = value.topics {
            return self.event(&Event { topics, removed: value.removed });
        }
        if value.chain_id.is_some() && chain.is_some() && value.chain_id != chain {
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
        self.insert(first, last, Some(batch))
    }

    fn event(&mut self, event: &Event) -> Result<(), SourceError> {
        let [signature, numbers @ ..] = &event.topics.0[..] else { return Ok(()) };
        let of = || "the event".to_owned();
        let is_reported = required(signature, "topics[0]", of)?.to_hash() == REPORTED;
        if event.removed.known() == Some(&true) || !is_reported {
            return Ok(());
        }
        let bad = |reason: String| SourceError::Bad { what: "the event".into(), reason };
        let number = |at: usize| {
            let topic = numbers.get(at).ok_or_else(|| bad("has fewer than four topics".into()))?;
            let word = required(topic, TOPICS[at], of)?;
            word.to_u64().map_err(|error| bad(format!("says that {error}")))
        };
        let (batch, first, last) = (BatchNumber(number(0)?), number(1)?, number(2)?);
        // The earlier event about these blocks was reverted.
        while let Some((&start, &(end, _))) = self.ranges.range(..=last).next_back()
            && end >= first
        {
            self.ranges.remove(&start);
        }
        self.insert(first, last, Some(batch))
    }

    /// Adds the blocks from `first` to `last`, which are in `batch`, or in no batch yet.
    pub(super) fn insert(
        &mut self,
        first: u64,
        last: u64,
        batch: Option<BatchNumber>,
    ) -> Result<(), SourceError> {
        if first > last {
            let reason = format!("end with {last}, before their first block {first}");
            return Err(SourceError::Bad { what: "the batch's blocks".into(), reason });
        }
        let before = self.ranges.range(..=last).next_back();
        if let Some((&start, &(end, of))) = before
            && end >= first
        {
            if of == batch && start <= first && end >= last {
                return Ok(());
            }
            if of == batch {
                let reason = format!(
                    "occur twice, as {start} to {end} and as {first} to {last}; give each block once"
                );
                return Err(SourceError::Bad { what: "the batch's blocks".into(), reason });
            }
            let block = first.max(start);
            return Err(SourceError::TwoBatches { block, one: of, other: batch });
        }
        // Ranges of one batch that touch are merged.
        let (mut start, mut end) = (first, last);
        if let Some((&before, &(its_end, of))) = before
            && of == batch
            && its_end.checked_add(1) == Some(first)
        {
            start = before;
        }
        if let Some(next) = last.checked_add(1)
            && let Some(&(its_end, of)) = self.ranges.get(&next)
            && of == batch
        {
            self.ranges.remove(&next);
            end = its_end;
        }
        self.ranges.insert(start, (end, batch));
        if self.ranges.len() > MOST_RANGES {
            return Err(SourceError::TooManyRuns { limit: MOST_RANGES });
        }
        Ok(())
    }

    /// The batch of a block.
    pub(super) fn batch_of(&self, block: u64) -> BlockIn {
        match self.ranges.range(..=block).next_back() {
            Some((_, (last, batch))) if block <= *last => {
                batch.map_or(BlockIn::NoBatchYet, BlockIn::Batch)
            }
            _ => BlockIn::Unknown,
        }
    }

    /// The number of ranges.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are no ranges.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
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
struct Event {
    topics: Topics,
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

    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn single_blocks_are_merged_into_ranges(
            lens in prop::collection::vec(1u64..5, 1..20),
            seed in any::<u64>(),
        ) {
            let mut rows = Vec::new();
            for (batch, len) in lens.iter().enumerate() {
                (0..*len).for_each(|_| rows.push((rows.len() as u64, BatchNumber(batch as u64))));
            }
            let mut shuffled = rows.clone();
            let mut state = seed | 1;
            shuffled.sort_by_cached_key(|_| { state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15); state >> 7 });
            let mut blocks = BatchBlocks::default();
            for (block, batch) in shuffled.iter().chain(&rows) {
                blocks.insert(*block, *block, Some(*batch)).unwrap();
            }
            prop_assert_eq!(blocks.len(), lens.len());
            for (block, batch) in &rows {
                prop_assert_eq!(blocks.batch_of(*block), BlockIn::Batch(*batch));
            }
        }
    }
}
