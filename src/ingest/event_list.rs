//! A list of events of MessageRoot in the order of their emission, of any length.
//!
//! Events that arrive in order are appended to the list as they are. From the first event out of order on, all
//! go through an external sort. The list keeps its first rows in memory and the others in a temporary file, so
//! that it can be read several times although its sources can be read once.

use std::{cmp::Ordering, env, mem, path::PathBuf};

use bytemuck::{Pod, Zeroable};

use super::state::ImportError;
use crate::{
    contracts::{EventKind, MessageRootEvent, NewInteropRootData},
    files::{ExternalSort, OutputError, Scratch, SortRecord},
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp},
};

/// The number of events that a list keeps in memory: 48 MiB. An external sort keeps as many bytes.
const IN_MEMORY: usize = 1 << 19;

/// Rows that are written to, and read from, a temporary file at once.
const CHUNK: usize = 1 << 12;

/// Events of one MessageRoot in the order of their emission, each once.
///
/// Long lists are partly in a temporary file without a name, in the system's directory for such files.
#[derive(Debug, Default)]
pub struct EventList {
    /// The first events.
    memory: Vec<Row>,
    /// The events after these, except the last ones.
    spilled: Option<Scratch>,
    /// The last events, which are not in the file yet.
    tail: Vec<Row>,
}

impl EventList {
    /// A list without events.
    #[must_use]
    pub const fn new() -> Self {
        Self { memory: Vec::new(), spilled: None, tail: Vec::new() }
    }

    /// The number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.memory.len() + self.spilled_len() + self.tail.len()
    }

    /// Whether there are no events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The events in order.
    ///
    /// # Errors
    /// The iterator returns [`OutputError`] when the temporary file cannot be read.
    pub fn iter(&self) -> impl Iterator<Item = Result<MessageRootEvent, OutputError>> {
        self.rows().map(|row| row.map(|row| row.event()))
    }

    fn spilled_len(&self) -> usize {
        self.spilled.as_ref().map_or(0, |file| file.written() as usize / size_of::<Row>())
    }

    fn rows(&self) -> impl Iterator<Item = Result<Row, OutputError>> {
        let (spilled, len) = (self.spilled.as_ref(), self.spilled_len());
        let chunks = (0..len).step_by(CHUNK).flat_map(move |start| {
            let mut rows = vec![Row::zeroed(); CHUNK.min(len - start)];
            let bytes = bytemuck::cast_slice_mut(&mut rows);
            let read = spilled.map(|file| file.read((start * size_of::<Row>()) as u64, bytes));
            let failure = read.and_then(Result::err);
            if failure.is_some() {
                rows.clear();
            }
            failure.map(Err).into_iter().chain(rows.into_iter().map(Ok))
        });
        let memory = self.memory.iter().copied().map(Ok);
        memory.chain(chunks).chain(self.tail.iter().copied().map(Ok))
    }

    fn push(&mut self, row: Row, in_memory: usize) -> Result<(), OutputError> {
        if self.memory.len() < in_memory {
            self.memory.push(row);
            return Ok(());
        }
        self.tail.push(row);
        if self.tail.len() == CHUNK {
            let file = match &mut self.spilled {
                Some(file) => file,
                none => none.insert(Scratch::beside(&spill_target())?),
            };
            file.append(bytemuck::cast_slice(&self.tail))?;
            self.tail.clear();
        }
        Ok(())
    }
}

/// Sorts the events in memory and removes repetitions.
impl FromIterator<MessageRootEvent> for EventList {
    fn from_iter<I: IntoIterator<Item = MessageRootEvent>>(events: I) -> Self {
        let mut memory: Vec<Row> = events.into_iter().map(|event| Row::new(&event, None)).collect();
        memory.sort_unstable();
        memory.dedup_by(|row, before| row.repeats(before));
        Self { memory, ..Self::default() }
    }
}

/// A path in the directory of temporary files.
fn spill_target() -> PathBuf {
    env::temp_dir().join("events")
}

/// Collects events in any order, with repetitions, into a list.
#[derive(Debug)]
pub(super) struct EventCollector {
    list: EventList,
    /// All events, from the first one out of order on.
    sort: Option<ExternalSort<Row>>,
    /// The last row of the list.
    last: Option<Row>,
    /// Later blocks are left out.
    last_block: SlBlock,
    in_memory: usize,
}

impl EventCollector {
    /// A collector of the events up to a block.
    pub(super) fn up_to(last_block: SlBlock) -> Self {
        Self {
            list: EventList::default(),
            sort: None,
            last: None,
            last_block,
            in_memory: IN_MEMORY,
        }
    }

    /// Adds an event, with the hash of its block if it is known.
    ///
    /// # Errors
    /// [`ImportError::ReplacedBlock`] if another event of the block has another hash, and when the disk is
    /// full or fails. The first error may be found only by [`EventCollector::finish`].
    pub(super) fn push(
        &mut self,
        event: &MessageRootEvent,
        block_hash: Option<Hash>,
    ) -> Result<(), ImportError> {
        if event.block > self.last_block {
            return Ok(());
        }
        let row = Row::new(event, block_hash);
        if let Some(sort) = &mut self.sort {
            return Ok(sort.push(row, &[])?);
        }
        if self.last.is_none_or(|last| last.order(&row) != Ordering::Greater) {
            return self.append(row);
        }
        let mut sort = ExternalSort::beside(&spill_target(), self.in_memory * size_of::<Row>());
        // The last row may be a repetition that is the only one with the hash of its block.
        let last = self.last.take().map(Ok);
        for row in mem::take(&mut self.list).rows().chain(last).chain([Ok(row)]) {
            sort.push(row?, &[])?;
        }
        self.sort = Some(sort);
        Ok(())
    }

    /// The list of all events.
    ///
    /// # Errors
    /// As [`EventCollector::push`].
    pub(super) fn finish(mut self) -> Result<EventList, ImportError> {
        if let Some(sort) = self.sort.take() {
            let mut sorted = sort.finish()?;
            while let Some((row, _)) = sorted.next()? {
                self.append(row)?;
            }
        }
        Ok(self.list)
    }

    /// Appends a row that is not before the last one. A repetition is dropped.
    fn append(&mut self, mut row: Row) -> Result<(), ImportError> {
        let last = self.last.filter(|last| last.block == row.block);
        if let Some(last) = last.filter(|last| last.block_hash != 0) {
            if row.block_hash != 0 && row.block_hash != last.block_hash {
                return Err(ImportError::ReplacedBlock(SlBlock(row.block)));
            }
            // So that it is compared with later events of the block, if this one is without a hash.
            row.block_hash = last.block_hash;
        }
        match self.last.filter(|last| row.repeats(last)) {
            Some(last) => self.last = Some(Row { block_hash: row.block_hash, ..last }),
            None => {
                self.list.push(row, self.in_memory)?;
                self.last = Some(row);
            }
        }
        Ok(())
    }
}

/// An event in a fixed width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct Row {
    block: u64,
    log_index: u64,
    /// The kind, from 0 in the order of [`EventKind`], times two; plus one if there is no root. So an event without its data
    /// follows the same one with them.
    kind: u64,
    /// The chain, then what the kind has besides: an index, a batch number, a block and a log id.
    numbers: [u64; 3],
    root: [u8; 32],
    /// The timestamp plus 1; 0 if there is none.
    timestamp: u64,
    /// The first bytes of the hash of the block; 0 if it is not known. Last, so that repetitions are
    /// neighbors.
    block_hash: u64,
}

impl SortRecord for Row {
    type Place = ();

    fn payload_len(&self) -> usize {
        0
    }
}

impl Row {
    fn new(event: &MessageRootEvent, block_hash: Option<Hash>) -> Self {
        let (kind, numbers, root) = match event.kind {
            EventKind::AddedChain(chain, index) => (0, [chain.0, index, 0], None),
            EventKind::AppendedBatch(chain, batch, root, _) => (2, [chain.0, batch.0, 0], root),
            EventKind::NewChainRoot(chain, root) => (4, [chain.0, 0, 0], root),
            EventKind::NewInteropRoot(None) => (6, [0; 3], None),
            EventKind::NewInteropRoot(Some(data)) => {
                (6, [data.sl_chain.0, data.block.0, data.log_id], Some(data.root))
            }
        };
        let timestamp = match event.kind {
            EventKind::AppendedBatch(_, _, _, timestamp) => timestamp,
            EventKind::NewInteropRoot(data) => data.and_then(|data| data.timestamp),
            EventKind::AddedChain(..) | EventKind::NewChainRoot(..) => None,
        };
        Self {
            block: event.block.0,
            log_index: event.log_index,
            kind: kind + u64::from(root.is_none()),
            numbers,
            root: *root.unwrap_or(Hash::ZERO).as_bytes(),
            timestamp: timestamp.map_or(0, |timestamp| timestamp.0.saturating_add(1)),
            block_hash: block_hash.map_or(0, |hash| hash.prefix_u64()),
        }
    }

    fn event(&self) -> MessageRootEvent {
        let [chain, number, log_id] = self.numbers;
        let chain = ChainId(chain);
        let root = self.has_root().then_some(Hash::new(self.root));
        let timestamp = self.timestamp.checked_sub(1).map(Timestamp);
        let kind = match self.kind / 2 {
            0 => EventKind::AddedChain(chain, number),
            1 => EventKind::AppendedBatch(chain, BatchNumber(number), root, timestamp),
            2 => EventKind::NewChainRoot(chain, root),
            _ => EventKind::NewInteropRoot(root.map(|root| NewInteropRootData {
                sl_chain: chain,
                block: SlBlock(number),
                log_id,
                root,
                timestamp,
            })),
        };
        MessageRootEvent { block: SlBlock(self.block), log_index: self.log_index, kind }
    }

    fn has_root(&self) -> bool {
        self.kind.is_multiple_of(2)
    }

    /// Whether this row says nothing that the one before it does not say: it is the same event, or the same without its
    /// data.
    fn repeats(&self, before: &Self) -> bool {
        let [this, that] = [self, before].map(|row| (row.block, row.log_index, row.kind / 2));
        let lacks_data = this == that && !self.has_root() && before.has_root();
        // Without its data, nothing is known of an interop root.
        let is_same = self.kind / 2 == 3 || self.numbers == before.numbers;
        self.order(before) == Ordering::Equal || (lacks_data && is_same && self.timestamp == 0)
    }

    /// The order of two events, whatever is known of their blocks.
    fn order(&self, other: &Self) -> Ordering {
        let event = |row: &Self| Self { block_hash: 0, ..*row };
        event(self).cmp(&event(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash() -> impl Strategy<Value = Hash> {
        any::<[u8; 32]>().prop_map(Hash::new)
    }

    fn kind() -> impl Strategy<Value = EventKind> {
        let root = || prop::option::of(hash());
        let timestamp = || prop::option::of((0..u64::MAX).prop_map(Timestamp));
        let data = (any::<[u64; 3]>(), hash(), timestamp());
        let data = data.prop_map(|([chain, block, log_id], root, timestamp)| {
            let (sl_chain, block) = (ChainId(chain), SlBlock(block));
            NewInteropRootData { sl_chain, block, log_id, root, timestamp }
        });
        prop_oneof![
            any::<(u64, u64)>().prop_map(|(chain, at)| EventKind::AddedChain(ChainId(chain), at)),
            (any::<(u64, u64)>(), root(), timestamp()).prop_map(|((chain, batch), root, time)| {
                EventKind::AppendedBatch(ChainId(chain), BatchNumber(batch), root, time)
            }),
            (any::<u64>(), root())
                .prop_map(|(chain, root)| EventKind::NewChainRoot(ChainId(chain), root)),
            prop::option::of(data).prop_map(EventKind::NewInteropRoot),
        ]
    }

    /// Whether an event is another one without its data.
    fn is_without_data_of(event: &MessageRootEvent, other: &MessageRootEvent) -> bool {
        let are_same = match (event.kind, other.kind) {
            (
                EventKind::AppendedBatch(chain, batch, None, None),
                EventKind::AppendedBatch(of, number, Some(_), _),
            ) => (chain, batch) == (of, number),
            (EventKind::NewChainRoot(chain, None), EventKind::NewChainRoot(of, Some(_))) => {
                chain == of
            }
            (EventKind::NewInteropRoot(None), EventKind::NewInteropRoot(Some(_))) => true,
            _ => false,
        };
        are_same && (event.block, event.log_index) == (other.block, other.log_index)
    }

    fn event() -> impl Strategy<Value = MessageRootEvent> {
        ((0..9u64, 0..4u64), kind()).prop_map(|((block, log_index), kind)| MessageRootEvent {
            block: SlBlock(block),
            log_index,
            kind,
        })
    }

    fn collected(
        events: &[MessageRootEvent],
        in_memory: usize,
    ) -> Result<Vec<MessageRootEvent>, ImportError> {
        let mut collector =
            EventCollector { in_memory, ..EventCollector::up_to(SlBlock(u64::MAX)) };
        events.iter().try_for_each(|event| collector.push(event, None))?;
        let list = collector.finish()?;
        let found: Vec<_> = list.iter().collect::<Result<_, _>>()?;
        assert_eq!(found.len(), list.len());
        assert_eq!(list.iter().count(), list.len(), "a list can be read again");
        Ok(found)
    }

    proptest! {
        #[test]
        fn every_event_is_listed_once_and_in_order(
            mut events in prop::collection::vec(event(), 0..60),
            in_memory in 0..70usize,
            ordered: bool,
        ) {
            events.extend(events.first().copied());
            if ordered {
                events.sort_unstable();
            }
            let mut found = collected(&events, in_memory).unwrap();
            let places = |list: &[MessageRootEvent]| {
                list.iter().map(|event| (event.block, event.log_index)).collect::<Vec<_>>()
            };
            prop_assert!(places(&found).is_sorted());
            found.sort_unstable();
            let in_memory: EventList = events.iter().copied().collect();
            prop_assert_eq!(found.len(), in_memory.len());
            events.sort_unstable();
            events.dedup();
            let all = events.clone();
            events.retain(|event| !all.iter().any(|other| is_without_data_of(event, other)));
            prop_assert_eq!(found, events);
        }
    }

    /// Longer than what is kept in memory, and than a chunk of the file.
    #[test]
    fn long_lists_are_read_back_from_the_file() {
        let event = |block: u64| MessageRootEvent {
            block: SlBlock(block),
            log_index: 0,
            kind: EventKind::NewInteropRoot(None),
        };
        let len = 5 * CHUNK as u64 / 2;
        let ordered: Vec<_> = (0..len).map(event).collect();
        let reversed: Vec<_> = (0..len).rev().map(event).collect();
        for events in [&ordered, &reversed] {
            for in_memory in [0, 10, CHUNK] {
                assert_eq!(collected(events, in_memory).unwrap(), ordered);
            }
        }
    }

    #[test]
    fn events_of_later_blocks_are_left_out() {
        let event = |block: u64| MessageRootEvent {
            block: SlBlock(block),
            log_index: 0,
            kind: EventKind::NewInteropRoot(None),
        };
        let mut collector = EventCollector::up_to(SlBlock(4));
        for block in [5, 3, 9, 4] {
            collector.push(&event(block), None).unwrap();
        }
        let found: Vec<_> = collector.finish().unwrap().iter().map(Result::unwrap).collect();
        assert_eq!(found, [event(3), event(4)]);
    }

    #[test]
    fn two_blocks_with_one_number_are_refused_in_any_order() {
        let event = |block: u64, log_index: u64| MessageRootEvent {
            block: SlBlock(block),
            log_index,
            kind: EventKind::AddedChain(ChainId(1), 0),
        };
        let read = |rows: &[(u64, u64, Option<u8>)]| {
            let mut collector = EventCollector::up_to(SlBlock(u64::MAX));
            for (block, log_index, hash) in rows {
                collector
                    .push(&event(*block, *log_index), hash.map(|byte| Hash::new([byte; 32])))?;
            }
            collector.finish()
        };
        // Events without a hash between two with one, the same event of two blocks, and events out of order.
        for rows in [
            &[(1, 0, Some(1)), (1, 1, None), (1, 2, Some(2))][..],
            &[(1, 0, Some(1)), (1, 0, None), (1, 0, Some(2))],
            &[(1, 0, Some(1)), (2, 0, Some(7)), (1, 1, Some(2))],
        ] {
            let error = read(rows).unwrap_err();
            assert!(matches!(error, ImportError::ReplacedBlock(SlBlock(1))), "{error}");
        }
        let same = [(1, 0, Some(1)), (1, 1, None), (2, 0, Some(2)), (1, 1, Some(1))];
        assert_eq!(read(&same).unwrap().len(), 3);
    }
}
