use std::fmt;

use thiserror::Error;

use crate::primitives::{BatchNumber, ChainId, Hash, SlBlock};

/// Where an event was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    /// The settlement layer's block.
    pub block: SlBlock,
    /// The log's index in the block.
    pub log_index: u64,
}

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}, log {}", self.block, self.log_index)
    }
}

/// Why trees could not be rebuilt from the events of MessageRoot, or why they differ from the roots that the
/// events name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// There is no event of MessageRoot.
    #[error("there is no event of this MessageRoot")]
    None,
    /// The events name no root.
    #[error(
        "the events name no root: without NewChainRoot or NewInteropRoot, trees of the appended batches \
         cannot be compared with anything"
    )]
    NoRoots,
    /// The source has the topics of an event without its data.
    #[error("{place}: {event} has no data, which contain its root")]
    NoData {
        /// The event's place.
        place: EventPlace,
        /// The event.
        event: &'static str,
    },
    /// Two different events have the same place.
    #[error(
        "{place}: two sources name different events, {one} and {other}: one of them is wrong, or of a block \
         that was replaced"
    )]
    Contradiction {
        /// The place of both.
        place: EventPlace,
        /// The first.
        one: String,
        /// The second.
        other: String,
    },
    /// A chain is registered at another index than the next free one.
    #[error(
        "{place}: AddedChain registers chain {chain} at index {index}, but the next free index is {expected}: \
         the events of the registrations between are missing, or this one is there twice"
    )]
    Registration {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The index that the event names.
        index: u64,
        /// The next free index.
        expected: u64,
    },
    /// A chain is registered twice.
    #[error("{place}: AddedChain registers chain {chain}, which is registered already")]
    RegisteredTwice {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
    },
    /// An event names a chain that was not registered.
    #[error("{place}: {event} names chain {chain}, whose AddedChain is missing before it")]
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
        "{place}: AppendedChainBatchRoot names batch {batch} of chain {chain}, after batch {before}: an event is \
         missing, out of order, or there twice"
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
        "{place}: NewChainRoot of chain {chain} follows no AppendedChainBatchRoot: this event is missing, or \
         NewChainRoot is out of order or there twice"
    )]
    Unpaired {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
    },
    /// An interop root names another block than the one that emits it.
    #[error("{place}: NewInteropRoot names block {named}")]
    OtherBlock {
        /// The event's place.
        place: EventPlace,
        /// The block that it names.
        named: SlBlock,
    },
    /// An interop root names another settlement layer.
    #[error(
        "{place}: NewInteropRoot is of settlement layer {named}, but chain {expected} was registered at index 0: \
         the events are of several MessageRoots, or the first registration is wrong"
    )]
    OtherSettlementLayer {
        /// The event's place.
        place: EventPlace,
        /// The settlement layer that it names.
        named: ChainId,
        /// The chain at index 0.
        expected: ChainId,
    },
    /// A batch root differs from the one in the state.
    #[error(
        "{place}: AppendedChainBatchRoot says that batch {batch} of chain {chain} has the root {named}, but the \
         state has {stored}"
    )]
    BatchRoot {
        /// The event's place.
        place: EventPlace,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The root in the event.
        named: Hash,
        /// The root in the state.
        stored: Hash,
    },
    /// A chain root differs from the rebuilt one.
    #[error(
        "{place}: NewChainRoot says that chain {chain} has the root {named}, rebuilt is {rebuilt}: one of the \
         chain's events up to here is missing or wrong, the last of them of batch {batch}{}",
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
        named: Hash,
        /// The rebuilt root.
        rebuilt: Hash,
        /// The last root of this chain that agrees.
        before: Option<EventPlace>,
    },
    /// An interop root differs from the rebuilt one.
    #[error(
        "{place}: NewInteropRoot says that the shared root is {named}, rebuilt is {rebuilt}: an event up to here \
         is missing or wrong{}",
        agreed(before)
    )]
    InteropRoot {
        /// The event's place.
        place: EventPlace,
        /// The root in the event.
        named: Hash,
        /// The rebuilt root.
        rebuilt: Hash,
        /// The last interop root that agrees.
        before: Option<EventPlace>,
    },
    /// The last batches of a chain are part of no root that the events name.
    #[error(
        "{place}: AppendedChainBatchRoot of batch {batch} of chain {chain} is followed by no root that contains \
         it, so nothing confirms it: NewChainRoot is missing"
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

fn agreed(before: &Option<EventPlace>) -> String {
    before.map_or(String::new(), |before| format!("; the root of {before} agrees"))
}

impl EventsError {
    /// Whether rebuilt trees differ from the roots in the events.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::BatchRoot { .. } | Self::ChainRoot { .. } | Self::InteropRoot { .. })
    }
}
