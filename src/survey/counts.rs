//! Numbers of batches, logs and messages.

use serde::Serialize;

use crate::message::BatchView;

/// Numbers of batches, and of logs and messages in them. The padding of a batch's logs does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// The number of batches.
    pub batches: u64,
    /// The number of logs.
    pub logs: u64,
    /// The number of logs that are those of messages.
    pub messages: u64,
}

impl Counts {
    /// The sum of both.
    pub(super) fn with(self, others: Self) -> Self {
        Self {
            batches: self.batches + others.batches,
            logs: self.logs + others.logs,
            messages: self.messages + others.messages,
        }
    }

    /// What is in these and not in those, which are among them.
    pub(super) fn without(self, those: Self) -> Self {
        Self {
            batches: self.batches - those.batches,
            logs: self.logs - those.logs,
            messages: self.messages - those.messages,
        }
    }

    pub(super) fn add(&mut self, batch: &BatchView<'_>) {
        self.batches += 1;
        for log in batch.logs() {
            self.logs += u64::from(log.as_bytes().iter().any(|byte| *byte != 0));
            self.messages += u64::from(log.is_message());
        }
    }
}
