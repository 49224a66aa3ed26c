use super::{RelayedBy, SkippedInputs, SourceError};
use crate::{
    archive::{Collector, Origin},
    ingest::IndexError,
    message::{BatchLogs, BatchView, LogsError},
    primitives::{BatchNumber, ChainId, Hash},
};

/// How many batches, and about how many bytes of them, are checked at once.
const MOST_BATCHES: usize = 4096;
const MOST_BYTES: usize = 32 << 20;

/// What a check says of the logs of a batch.
#[derive(Debug)]
pub enum Verdict {
    /// They are all there. Where the source gives an aggregated root, this is what is proven of it.
    Complete(Option<Hash>),
    /// The check knows no root of the batch.
    Unknown,
    /// They do not make the batch's root.
    Incomplete(Box<dyn std::error::Error + Send + Sync>),
}

/// Says whether logs are all the logs of a batch: whether they make the root that the settlement layer
/// stores.
pub trait BatchCheck {
    /// A verdict on each batch, in their order.
    fn check(&self, batches: &[BatchView<'_>]) -> Vec<Verdict>;
}

/// What lasts from one source to the next.
#[derive(Default)]
pub(in crate::ingest) struct BatchSinkState<'c> {
    /// Whether what is wrong is left out and noted; else it ends the reading.
    pub(super) goes_on: bool,
    pub(super) check: Option<&'c dyn BatchCheck>,
    pub(super) relayed: Option<RelayedBy>,
    pub(super) faults: SkippedInputs,
    /// How many batches the check knew no root of.
    pub(super) unknown: u64,
    /// How many batches lack the bytes of some of their messages, and so have none.
    pub(super) without_messages: u64,
    /// How many logs were in no batch yet when their source was written.
    pub(super) in_no_batch_yet: u64,
    /// How many messages carried the pubdata of another batch.
    pub(super) relayed_found: u64,
    /// Batches that wait to be checked, and about how many bytes they take.
    pub(super) queue: Vec<(BatchLogs, Origin)>,
    pub(super) queued_bytes: usize,
}

/// Batches on their way from a source into an archive.
pub(in crate::ingest) struct BatchSink<'i, 'c> {
    pub(in crate::ingest) collector: &'i mut Collector,
    pub(super) state: &'i mut BatchSinkState<'c>,
}

impl BatchSink<'_, '_> {
    /// Names a source; the answer stands for it in [`Origin`].
    pub(super) fn source(&mut self, name: &str) -> u32 {
        self.collector.source(name)
    }

    /// Takes a batch, and the batches that its messages carry.
    pub(super) fn batch(&mut self, batch: BatchLogs, origin: Origin) -> Result<(), IndexError> {
        let mut relayed = Vec::new();
        if let Some(by) = self.state.relayed {
            by.find(batch.view(), |found| relayed.push(found));
        }
        self.put(batch, origin)?;
        for found in relayed {
            match found {
                Ok(inner) => {
                    self.state.relayed_found += 1;
                    self.put(inner, origin)?;
                }
                Err((what, error)) => self.fault(origin, what, error)?,
            }
        }
        Ok(())
    }

    /// Takes a batch that lies elsewhere.
    pub(super) fn copy(&mut self, batch: &BatchView<'_>, origin: Origin) -> Result<(), IndexError> {
        if self.state.check.is_none() && self.state.relayed.is_none() {
            Ok(self.collector.add(*batch, origin)?)
        } else {
            self.batch(BatchLogs::copy(batch), origin)
        }
    }

    /// Takes a batch, or notes why it is none.
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

    fn put(&mut self, batch: BatchLogs, origin: Origin) -> Result<(), IndexError> {
        if self.state.check.is_none() {
            return Ok(self.collector.add(batch.view(), origin)?);
        }
        let view = batch.view();
        self.state.queued_bytes += 128 * view.logs().len() + view.messages().bytes().len();
        self.state.queue.push((batch, origin));
        if self.state.queue.len() >= MOST_BATCHES || self.state.queued_bytes >= MOST_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Checks what waits to be checked.
    pub(super) fn flush(&mut self) -> Result<(), IndexError> {
        let Some(check) = self.state.check else { return Ok(()) };
        let queue = std::mem::take(&mut self.state.queue);
        self.state.queued_bytes = 0;
        let views: Vec<_> = queue.iter().map(|(batch, _)| batch.view()).collect();
        let verdicts = check.check(&views);
        for ((batch, origin), verdict) in queue.iter().zip(verdicts) {
            let mut view = batch.view();
            match verdict {
                // What a source says without proof does not contradict one that says the truth.
                Verdict::Complete(proven) => {
                    view.aggregated_root = view.aggregated_root.and(proven)
                }
                Verdict::Unknown => self.state.unknown += 1,
                Verdict::Incomplete(source) => {
                    let (chain, batch) = view.key();
                    let (name, place) = (self.collector.name(origin.source), origin.place);
                    self.note(IndexError::Incomplete { name, place, chain, batch, source })?;
                    continue;
                }
            }
            self.collector.add(view, *origin)?;
        }
        Ok(())
    }

    /// Notes a part of a source that cannot be used.
    pub(super) fn fault(
        &mut self,
        origin: Origin,
        what: impl Into<String>,
        source: SourceError,
    ) -> Result<(), IndexError> {
        let error = self.error(origin, what, source);
        self.note(error)
    }

    /// The error about a part of a source.
    pub(super) fn error(
        &self,
        origin: Origin,
        what: impl Into<String>,
        source: SourceError,
    ) -> IndexError {
        let (name, place) = (self.collector.name(origin.source), origin.place);
        IndexError::Source { name, place, what: what.into(), source }
    }

    /// Notes what is left out; the error itself where nothing may be.
    pub(super) fn note(&mut self, error: IndexError) -> Result<(), IndexError> {
        if !self.state.goes_on {
            return Err(error);
        }
        self.state.faults.add(error);
        Ok(())
    }
}
