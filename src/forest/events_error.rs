use std::fmt;

use thiserror::Error;

use crate::{
    contracts::{EventKind, MessageRootEvent},
    files::OutputError,
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp},
};

/// Where an event was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    /// The settlement layer's block.
    pub block: SlBlock,
    /// The log's index in the block.
    pub log_index: u64,
}

impl EventPlace {
    /// The place of an event.
    pub(super) fn of(event: &MessageRootEvent) -> Self {
        Self { block: event.block, log_index: event.log_index }
    }
}

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}, log {}", self.block, self.log_index)
    }
}

/// Why trees could not be rebuilt from the events of MessageRoot, or how they differ from the roots in these
/// events.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// There are no events of MessageRoot.
    #[error("there are no events of this MessageRoot")]
    None,
    /// The temporary file with the events could not be read.
    #[error("cannot read the events again: {0}")]
    Unread(String),
    /// There are more events than fit into memory.
    #[error("there are {events} events, and at most {most} fit into memory")]
    TooMany {
        /// The number of events.
        events: usize,
        /// The limit.
        most: usize,
    },
    /// The events contain no root of a tree.
    #[error(
        "there is no NewChainRoot and no NewInteropRoot among the events, so the trees of the appended batches \
         cannot be checked"
    )]
    NoRoots,
    /// An append is of another release than the interop roots: with a timestamp since v33, without one before.
    #[error(
        "{place}: AppendedChainBatchRoot of batch {batch} of chain {chain} has a timestamp and the interop roots have \
         none, or the other way: the events are of two releases (before v33, and since)"
    )]
    OtherRelease {
        /// The place of the event.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// An append has another timestamp than the state.
    #[error(
        "{place}: batch {batch} of chain {chain} has the timestamp {emitted}, but {} in the trees",
        .stored.map_or_else(|| "none".into(), |stored| stored.to_string())
    )]
    Timestamp {
        /// The place of the event.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The timestamp in the event.
        emitted: Timestamp,
        /// The timestamp in the trees, which have none before v33.
        stored: Option<Timestamp>,
    },
    /// The source has the topics of an event without its data.
    #[error("{place}: the data of {event}, which contain its root, are missing")]
    NoData {
        /// The event's place.
        place: EventPlace,
        /// The event.
        event: &'static str,
    },
    /// Two different events have the same place.
    #[error(
        "{place}: there are two different events, {one} and {other}: one of them is wrong, or its block was \
         replaced"
    )]
    Contradiction {
        /// The place of both.
        place: EventPlace,
        /// The first.
        one: EventKind,
        /// The second.
        other: EventKind,
    },
    /// A chain is registered at another index than the next free one.
    #[error(
        "{place}: AddedChain registers chain {chain} at index {index}, but the next free index is {expected}: \
         AddedChain events before it are missing, or this one occurs twice"
    )]
    Registration {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The index in the event.
        index: u64,
        /// The next free index.
        expected: u64,
    },
    /// There are more chains than any settlement layer has.
    #[error(
        "{0}: AddedChain registers more chains than a settlement layer can have: the events are damaged"
    )]
    TooManyChains(EventPlace),
    /// A timestamp is not that of its block, or is before that of an earlier block.
    #[error(
        "{place}: the timestamp of the block is {emitted}, but {stated} at {before}: a block has one timestamp, which \
         is not before that of an earlier block"
    )]
    BlockTimestamp {
        /// The event's place.
        place: EventPlace,
        /// The timestamp in the event.
        emitted: Timestamp,
        /// The place of the last event with a timestamp.
        before: EventPlace,
        /// The timestamp in that event.
        stated: Timestamp,
    },
    /// The state has another chain at the index of a registration, or the chain at another index or not at all.
    #[error(
        "{place}: AddedChain registers chain {chain} at index {index}, but in the state this index or this chain \
         is registered otherwise, or not at all"
    )]
    OtherRegistration {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The index in the event.
        index: u64,
    },
    /// The state stores another root for a block.
    #[error(
        "{place}: NewInteropRoot says that block {} has the root {emitted}, but the state has {}", place.block,
        other_root(stored, end)
    )]
    StoredRoot {
        /// The event's place.
        place: EventPlace,
        /// The root in the event.
        emitted: Hash,
        /// The root in the state; zero if it stores none.
        stored: Hash,
        /// The last block up to which the state has everything.
        end: Option<SlBlock>,
    },
    /// The state stores a root for a block which the trees did not have then, according to the events.
    #[error(
        "block {block}: the state has the root {stored}, but according to the events the root of the trees was \
         {rebuilt} then: the state or an event is wrong"
    )]
    OtherRoot {
        /// The block.
        block: SlBlock,
        /// The root in the state.
        stored: Hash,
        /// The root of the trees at the end of the block.
        rebuilt: Hash,
    },
    /// The state stores another timestamp with the root of a block.
    #[error(
        "{place}: NewInteropRoot says that block {} has the timestamp {emitted}, but the state has {stored}",
        place.block
    )]
    StoredTimestamp {
        /// The event's place.
        place: EventPlace,
        /// The timestamp in the event.
        emitted: Timestamp,
        /// The timestamp in the state; zero if an earlier release stored the root.
        stored: Timestamp,
    },
    /// A chain root is of a chain that the state does not have.
    #[error(
        "{place}: NewChainRoot is of chain {chain}, which the state does not have, although it has everything up to \
         block {end}"
    )]
    NoSuchChain {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The last block up to which the state has everything.
        end: SlBlock,
    },
    /// A chain root that follows no append is the root of a chain after none of its batches.
    #[error(
        "{place}: in NewChainRoot, the root of chain {chain} is {emitted}; the rebuilt tree of this chain has this \
         root after none of its batches"
    )]
    UnknownChainRoot {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The root in the event.
        emitted: Hash,
    },
    /// A chain is registered twice.
    #[error("{place}: AddedChain registers chain {chain}, which is already registered")]
    RegisteredTwice {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
    },
    /// An event is about a chain that was not registered.
    #[error("{place}: {event} of chain {chain}: no AddedChain registers this chain before it")]
    Unregistered {
        /// The event's place.
        place: EventPlace,
        /// The event.
        event: &'static str,
        /// The chain.
        chain: ChainId,
    },
    /// A batch does not follow the last one of its chain.
    #[error(
        "{place}: AppendedChainBatchRoot of batch {batch} of chain {chain} follows that of batch {before}: an \
         event is out of order or occurs twice"
    )]
    BatchOrder {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The chain's last batch before it.
        before: BatchNumber,
    },
    /// A chain root follows no append.
    #[error(
        "{place}: NewChainRoot of chain {chain} follows no AppendedChainBatchRoot: that event is missing, or \
         NewChainRoot is out of order or occurs twice"
    )]
    Unpaired {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
    },
    /// An interop root is for another block than the one that emits it.
    #[error("{place}: NewInteropRoot is for block {emitted}")]
    OtherBlock {
        /// The event's place.
        place: EventPlace,
        /// The block in the event.
        emitted: SlBlock,
    },
    /// An interop root is of another settlement layer.
    #[error(
        "{place}: NewInteropRoot is of settlement layer {emitted}, but chain {expected} was registered at index 0: \
         the events are of several MessageRoots, or the first registration is wrong"
    )]
    OtherSettlementLayer {
        /// The event's place.
        place: EventPlace,
        /// The settlement layer in the event.
        emitted: ChainId,
        /// The chain at index 0.
        expected: ChainId,
    },
    /// The trees lack a batch that was appended in a block up to which they have everything.
    #[error(
        "{place}: AppendedChainBatchRoot names batch {batch} of chain {chain}, which the trees do not have, although \
         they have everything up to block {end}: the event is wrong or of another settlement layer, or the trees are"
    )]
    NotInTrees {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The last block up to which the trees have everything.
        end: SlBlock,
    },
    /// Events follow the end of the trees of a state, which cannot be continued from them.
    #[error(
        "{place}: this event and those after it are newer than {}: give a newer state, or all events from the \
         first registration on, which give the trees alone",
        newest_root(newest)
    )]
    AfterState {
        /// The place of the first of these events.
        place: EventPlace,
        /// The block of the newest interop root of the state. `None` if it has none.
        newest: Option<SlBlock>,
    },
    /// The trees from the events do not continue those of the state.
    #[error(
        "the events and the state differ in {}: they are of different settlement layers",
        chain_or_batch(chain, batch)
    )]
    OtherPast {
        /// The chain.
        chain: ChainId,
        /// The first batch of the state that differs. `None` if the registration of the chain differs.
        batch: Option<BatchNumber>,
    },
    /// A batch root differs from the one in the state.
    #[error(
        "{place}: in AppendedChainBatchRoot, the root of batch {batch} of chain {chain} is {emitted}; in the \
         state it is {stored}"
    )]
    BatchRoot {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The root in the event.
        emitted: Hash,
        /// The root in the state.
        stored: Hash,
    },
    /// A chain root differs from the rebuilt one.
    #[error(
        "{place}: in NewChainRoot, the root of chain {chain} is {emitted}; the rebuilt root is {rebuilt}: an \
         event of this chain up to batch {batch} is missing or wrong{}",
        agreed(before)
    )]
    ChainRoot {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The chain's last batch in this root.
        batch: BatchNumber,
        /// The root in the event.
        emitted: Hash,
        /// The rebuilt root.
        rebuilt: Hash,
        /// The place of the last root of this chain that is right.
        before: Option<EventPlace>,
    },
    /// An interop root differs from the rebuilt one.
    #[error(
        "{place}: in NewInteropRoot, the root is {emitted}; the rebuilt root is {rebuilt}: an event up to here \
         is missing or wrong{}",
        agreed(before)
    )]
    InteropRoot {
        /// The event's place.
        place: EventPlace,
        /// The root in the event.
        emitted: Hash,
        /// The rebuilt root.
        rebuilt: Hash,
        /// The place of the last interop root that is right.
        before: Option<EventPlace>,
    },
    /// No root in the events covers the last batch of a chain.
    #[error(
        "{place}: no NewChainRoot and no NewInteropRoot follows AppendedChainBatchRoot of batch {batch} of chain \
         {chain}, so the batch cannot be checked"
    )]
    Unconfirmed {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
}

/// The part of a message about the last root that is equal to the rebuilt one.
fn agreed(before: &Option<EventPlace>) -> String {
    before.map_or(String::new(), |before| format!("; the root at {before} is right"))
}

fn other_root(stored: &Hash, end: &Option<SlBlock>) -> String {
    match (stored.is_zero(), end) {
        (true, Some(end)) => format!(
            "none, although it has everything up to block {end}: the event is wrong, or the state lost this root"
        ),
        (true, None) => "none: the event is wrong, or the state lost this root".into(),
        (false, _) => {
            format!("{stored}: the event or the state is wrong")
        }
    }
}

fn newest_root(newest: &Option<SlBlock>) -> String {
    newest.map_or("the state, which has no interop root".into(), |block| {
        format!("the newest root of the state, that of block {block}")
    })
}

fn chain_or_batch(chain: &ChainId, batch: &Option<BatchNumber>) -> String {
    batch.map_or(format!("the registration of chain {chain}"), |batch| {
        format!("batch {batch} of chain {chain}")
    })
}

impl From<OutputError> for EventsError {
    fn from(error: OutputError) -> Self {
        Self::Unread(format!("{error}: {}", error.source))
    }
}

impl EventsError {
    /// Whether rebuilt trees differ from the roots in the events.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        matches!(
            self,
            Self::NotInTrees { .. }
                | Self::OtherPast { .. }
                | Self::OtherRegistration { .. }
                | Self::StoredRoot { .. }
                | Self::OtherRoot { .. }
                | Self::StoredTimestamp { .. }
                | Self::BlockTimestamp { .. }
                | Self::NoSuchChain { .. }
                | Self::UnknownChainRoot { .. }
                | Self::BatchRoot { .. }
                | Self::Timestamp { .. }
                | Self::ChainRoot { .. }
                | Self::InteropRoot { .. }
        )
    }
}
