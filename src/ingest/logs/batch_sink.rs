use std::collections::BTreeMap;

use super::{
    BatchRoots, RelayedBy, SkippedInputs, SourceError,
    relayed::{Relayed, Unreadable},
};
use crate::{
    archive::{Collector, EncodedBatches, Origin},
    files::Pool,
    ingest::IndexError,
    message::{BatchLogs, BatchView, ImtRoots, LogsError, MessageList},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The most batches, and about the most bytes of them, that are checked at once.
const MOST_BATCHES: usize = 4096;
const MOST_BYTES: usize = 32 << 20;

/// The verdict of a check on the logs of a batch.
#[derive(Debug)]
pub enum Verdict {
    /// The logs are complete.
    Complete {
        /// The proven aggregated root.
        aggregated: Option<Hash>,
        /// The proven roots of the interop commitment tree.
        imt: Option<ImtRoots>,
    },
    /// The check has no root of the batch.
    Unknown,
    /// The logs do not fold to the batch's root.
    Incomplete(Box<dyn std::error::Error + Send + Sync>),
}

/// Checks whether the logs of a batch are complete: whether they fold to the root that the settlement layer
/// stores.
pub trait BatchCheck {
    /// Returns a verdict on each batch, in the same order.
    fn check(&self, batches: &[BatchView<'_>]) -> Vec<Verdict>;

    /// The batch roots of a chain, by which the batches of logs without batch numbers are found. `None` if
    /// the check has none.
    fn batch_roots(&self, _chain: ChainId) -> Option<BatchRoots> {
        None
    }

    /// The chain whose batches have this aggregated root. `None` if the check knows none.
    fn chain_of(&self, _aggregated_root: Hash) -> Option<ChainId> {
        None
    }
}

/// The state that is kept from one source to the next.
#[derive(Default)]
pub(in crate::ingest) struct BatchSinkState<'c> {
    /// Whether errors are recorded and the reading continues. Otherwise an error ends the reading.
    pub(super) goes_on: bool,
    pub(super) check: Option<&'c dyn BatchCheck>,
    pub(super) relayed: Option<RelayedBy>,
    pub(super) faults: SkippedInputs,
    /// The number of batches whose root the check does not have.
    pub(super) unknown: u64,
    /// The number of batches without messages, because the bytes of some are missing.
    pub(super) without_messages: u64,
    /// The number of logs that were in no batch yet when their source was written.
    pub(super) in_no_batch_yet: u64,
    /// The number of messages that held the pubdata of another batch.
    pub(super) relayed_found: u64,
    /// The number of those that anyone may have sent and whose root the check does not have. They are left out.
    pub(super) unproven: u64,
    /// The batches in messages that anyone may have sent: `None` if one of the sources has the batch whole, otherwise
    /// why the first such message does not give it. The batch is left out only if nothing gives it.
    pub(super) by_anyone: BTreeMap<(ChainId, BatchNumber), Option<IndexError>>,
    /// Batches to be checked, and whether those without a root are left out.
    pub(super) queue: Vec<(BatchLogs, Origin, bool)>,
    pub(super) queued_bytes: usize,
}

/// Takes the batches of sources into an archive.
pub(in crate::ingest) struct BatchSink<'i, 'c> {
    pub(in crate::ingest) collector: &'i mut Collector,
    pub(super) state: &'i mut BatchSinkState<'c>,
}

/// How batches of a part of a source are collected by the thread that reads it.
#[derive(Clone, Copy, Debug)]
pub(super) enum BatchesForm {
    Encoded,
    Whole,
}

/// Batches of a part of a source.
pub(super) enum Batches {
    /// As the archive collects them.
    Encoded(EncodedBatches),
    /// As they are checked and searched for others.
    Whole(Vec<(BatchLogs, Origin)>),
}

impl Batches {
    /// No batches, with room for those in so many bytes of hexadecimal text, in free memory if there is any.
    pub(super) fn in_text(form: BatchesForm, bytes: usize, free: &Pool<Vec<u8>>) -> Self {
        match form {
            BatchesForm::Encoded => {
                let mut buffer = free.take().unwrap_or_default();
                // Two digits a byte, and the position of each message.
                buffer.reserve(bytes / 8 * 5);
                Self::Encoded(EncodedBatches::in_buffer(buffer))
            }
            BatchesForm::Whole => Self::Whole(Vec::new()),
        }
    }

    /// Adds a batch.
    pub(super) fn add(&mut self, batch: BatchLogs, origin: Origin) {
        match self {
            Self::Encoded(batches) => batches.add(batch.view(), origin),
            Self::Whole(batches) => batches.push((batch, origin)),
        }
    }

    /// Gives back memory that was reserved and not used.
    pub(super) fn shrink(&mut self) {
        if let Self::Encoded(batches) = self {
            batches.shrink();
        }
    }
}

impl BatchSink<'_, '_> {
    /// Registers a source. [`Origin`] refers to it by the returned number.
    pub(super) fn source(&mut self, name: &str) -> u32 {
        self.collector.source(name)
    }

    /// Takes a batch, and the batches in its messages.
    pub(super) fn batch(&mut self, batch: BatchLogs, origin: Origin) -> Result<(), IndexError> {
        let mut relayed = Vec::new();
        if let Some(by) = self.state.relayed {
            by.find(batch.view(), |found| relayed.push(found));
        }
        self.put(batch, origin, false)?;
        let by = self.state.relayed.unwrap_or(RelayedBy::Anyone);
        relayed.into_iter().try_for_each(|found| self.relayed(found, by, origin))
    }

    /// Takes a batch that was in a message, or records why it is invalid. If anyone may have sent the message, only
    /// a root shows that the batch is not invented.
    pub(super) fn relayed(
        &mut self,
        found: Relayed,
        by: RelayedBy,
        origin: Origin,
    ) -> Result<(), IndexError> {
        match found {
            Ok(inner) => {
                self.state.relayed_found += 1;
                self.put(inner, origin, by == RelayedBy::Anyone)
            }
            Err(Unreadable { of: Some(of), what, error }) if by == RelayedBy::Anyone => {
                self.not_given(of, self.error(origin, what, error));
                Ok(())
            }
            Err(Unreadable { what, error, .. }) => self.fault(origin, what, error),
        }
    }

    /// Whether batches are taken as they are: nothing is looked for in them, and they are not checked.
    fn takes_all(&self) -> bool {
        self.state.check.is_none() && self.state.relayed.is_none()
    }

    /// How batches are to be collected before they are taken together.
    pub(super) fn form(&self) -> BatchesForm {
        if self.takes_all() { BatchesForm::Encoded } else { BatchesForm::Whole }
    }

    /// Takes batches of a source, whose lines were counted after so many others.
    pub(super) fn batches(
        &mut self,
        batches: Batches,
        (source, lines): (u32, u64),
    ) -> Result<(), IndexError> {
        match batches {
            Batches::Encoded(batches) => Ok(self.collector.append(batches, (source, lines))?),
            Batches::Whole(batches) => batches.into_iter().try_for_each(|(batch, origin)| {
                let place = origin.place.after_lines(lines);
                self.batch(batch, Origin { place, ..origin })
            }),
        }
    }

    /// Takes a copy of a borrowed batch.
    pub(super) fn copy(&mut self, batch: &BatchView<'_>, origin: Origin) -> Result<(), IndexError> {
        if self.takes_all() {
            Ok(self.collector.add(*batch, origin)?)
        } else {
            self.batch(BatchLogs::copy(batch), origin)
        }
    }

    /// Takes a batch, or records why it is invalid.
    pub(super) fn made(
        &mut self,
        chain: ChainId,
        batch: BatchNumber,
        made: Result<BatchLogs, LogsError>,
        origin: Origin,
    ) -> Result<(), IndexError> {
        match made {
            Ok(logs) => self.batch(logs, origin),
            Err(source) => {
                let (name, place) = (self.collector.name(origin.source), origin.place);
                self.note(IndexError::Batch { name, place, chain, batch, source })
            }
        }
    }

    fn put(
        &mut self,
        batch: BatchLogs,
        origin: Origin,
        needs_root: bool,
    ) -> Result<(), IndexError> {
        if self.state.check.is_none() {
            if needs_root {
                self.state.unproven += 1;
                return Ok(());
            }
            return Ok(self.collector.add(batch.view(), origin)?);
        }
        let view = batch.view();
        self.state.queued_bytes += 128 * view.logs().len() + view.messages().bytes().len();
        self.state.queue.push((batch, origin, needs_root));
        if self.state.queue.len() >= MOST_BATCHES || self.state.queued_bytes >= MOST_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Checks the batches in the queue.
    pub(super) fn flush(&mut self) -> Result<(), IndexError> {
        let Some(check) = self.state.check else { return Ok(()) };
        let queue = std::mem::take(&mut self.state.queue);
        self.state.queued_bytes = 0;
        let views: Vec<_> = queue.iter().map(|(batch, ..)| batch.view()).collect();
        let verdicts = check.check(&views);
        for ((batch, origin, needs_root), verdict) in queue.iter().zip(verdicts) {
            let mut view = batch.view();
            match verdict {
                // An unproven root must not conflict with a proven one from another source.
                Verdict::Complete { aggregated, imt } => {
                    if *needs_root {
                        self.state.by_anyone.insert(view.key(), None);
                    } else if let Some(error) = self.state.by_anyone.get_mut(&view.key()) {
                        *error = None;
                    }
                    view.aggregated_root = view.aggregated_root.and(aggregated);
                    view.imt = view.imt.and(imt);
                }
                Verdict::Unknown if *needs_root => {
                    self.state.unproven += 1;
                    continue;
                }
                Verdict::Unknown => self.state.unknown += 1,
                Verdict::Incomplete(source) => {
                    let (chain, batch) = view.key();
                    let (name, place) = (self.collector.name(origin.source), origin.place);
                    let error = IndexError::Incomplete { name, place, chain, batch, source };
                    if *needs_root {
                        self.not_given((chain, batch), error);
                    } else {
                        self.note(error)?;
                    }
                    continue;
                }
            }
            self.collector.add(view, *origin)?;
        }
        Ok(())
    }

    /// Keeps why a message that anyone may have sent does not give this batch.
    fn not_given(&mut self, of: (ChainId, BatchNumber), error: IndexError) {
        self.state.by_anyone.entry(of).or_insert(Some(error));
    }

    /// Checks the batches that are left, and records those that only messages of anyone name, none of which gives it.
    pub(super) fn finish(&mut self) -> Result<(), IndexError> {
        self.flush()?;
        for ((chain, number), error) in std::mem::take(&mut self.state.by_anyone) {
            let Some(error) = error else { continue };
            let empty =
                BatchLogs::new(chain, number, Vec::new(), MessageList::default(), None).ok();
            let check = self.state.check.zip(empty.as_ref());
            let verdicts = check.map(|(check, empty)| check.check(&[empty.view()]));
            match verdicts.as_deref() {
                // Nothing shows that there is such a batch.
                Some([Verdict::Unknown]) => self.state.unproven += 1,
                _ => self.note(error)?,
            }
        }
        Ok(())
    }

    /// Records a part of a source that cannot be used.
    pub(super) fn fault(
        &mut self,
        origin: Origin,
        what: impl Into<String>,
        source: SourceError,
    ) -> Result<(), IndexError> {
        let error = self.error(origin, what, source);
        self.note(error)
    }

    /// The error for a part of a source.
    pub(super) fn error(
        &self,
        origin: Origin,
        what: impl Into<String>,
        source: SourceError,
    ) -> IndexError {
        let (name, place) = (self.collector.name(origin.source), origin.place);
        IndexError::Source { name, place, what: what.into(), source }
    }

    /// Records the error, or returns it if errors end the reading.
    pub(super) fn note(&mut self, error: IndexError) -> Result<(), IndexError> {
        if !self.state.goes_on {
            return Err(error);
        }
        self.state.faults.add(error);
        Ok(())
    }
}
