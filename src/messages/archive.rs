use std::collections::BTreeMap;

use super::BatchLogs;
use crate::primitives::{BatchNumber, ChainId, Hash};

/// The logs of many batches, by chain and batch number.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    batches: BTreeMap<(ChainId, BatchNumber), BatchLogs>,
}

/// Where a message was sent: a log that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageAt<'a> {
    /// The batch.
    pub batch: &'a BatchLogs,
    /// The log's leaf index.
    pub index: u64,
}

impl Archive {
    /// How many batches there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The batches, ordered by chain id and batch number.
    pub fn batches(&self) -> impl Iterator<Item = &BatchLogs> {
        self.batches.values()
    }

    /// The logs of a batch.
    #[must_use]
    pub fn batch(&self, chain: ChainId, batch: BatchNumber) -> Option<&BatchLogs> {
        self.batches.get(&(chain, batch))
    }

    /// Every log that stands for the message with this hash, in the order of the batches. Equal
    /// messages are sent many times, so a hash selects a set.
    #[must_use]
    pub fn find_message(&self, hash: Hash) -> Vec<MessageAt<'_>> {
        self.batches()
            .flat_map(|batch| (0..).zip(batch.logs()).map(move |(index, log)| (batch, index, log)))
            .filter(|(_, _, log)| log.is_message() && log.value() == hash)
            .map(|(batch, index, _)| MessageAt { batch, index })
            .collect()
    }

    /// Adds a batch; one that is there already is completed. Returns whether the two agree; when they
    /// do not, neither stays.
    #[must_use]
    pub(super) fn add(&mut self, batch: BatchLogs) -> bool {
        let key = (batch.chain(), batch.batch());
        let whole = match self.batches.remove(&key) {
            Some(known) => known.merge(batch),
            None => Some(batch),
        };
        let agree = whole.is_some();
        self.batches.extend(whole.map(|batch| (key, batch)));
        agree
    }
}
