use super::{EventPlace, EventsError};
use crate::{
    contracts::{EventKind, MessageRootEvent, NewInteropRootData},
    primitives::Timestamp,
};

/// What the events read so far say of those that follow.
#[derive(Debug, Default)]
pub(super) struct EventOrder {
    last: Option<MessageRootEvent>,
    /// The last event with a timestamp.
    timed: Option<(EventPlace, Timestamp)>,
}

impl EventOrder {
    /// Takes the next event of the list.
    ///
    /// # Errors
    /// [`EventsError::Contradiction`] for two different events at the same place, which are neighbours in the list;
    /// [`EventsError::BlockTimestamp`] if the timestamp is not that of the block, or before that of an earlier block.
    pub(super) fn take(&mut self, event: &MessageRootEvent) -> Result<(), EventsError> {
        let place = EventPlace::of(event);
        if let Some(last) = self.last.replace(*event)
            && EventPlace::of(&last) == place
        {
            return Err(EventsError::Contradiction { place, one: last.kind, other: event.kind });
        }
        let Some(emitted) = timestamp(&event.kind) else { return Ok(()) };
        match self.timed.replace((place, emitted)) {
            Some((before, stated))
                if emitted < stated || (emitted != stated && before.block == place.block) =>
            {
                Err(EventsError::BlockTimestamp { place, emitted, before, stated })
            }
            _ => Ok(()),
        }
    }
}

/// The timestamp of the block, which events have since v33.
fn timestamp(kind: &EventKind) -> Option<Timestamp> {
    match kind {
        EventKind::AppendedBatch(_, _, _, timestamp)
        | EventKind::NewInteropRoot(Some(NewInteropRootData { timestamp, .. })) => *timestamp,
        EventKind::AddedChain(..)
        | EventKind::NewChainRoot(..)
        | EventKind::NewInteropRoot(None) => None,
    }
}
