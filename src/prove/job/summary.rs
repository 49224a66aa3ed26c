//! What became of a job.

use std::time::Duration;

use serde::Serialize;

use super::checkpoint::json;
use crate::records::Count;

/// What became of a job, as the file that the command line writes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// What became of the requests, those of interrupted runs included.
    #[serde(flatten)]
    pub count: Count,
    /// How many bytes the output has; 0 where it is not a file.
    pub bytes: u64,
    /// How many seconds this run proved.
    pub seconds: f64,
    /// How many proofs a second this run made.
    pub proofs_per_second: f64,
}

impl Summary {
    /// The summary of a job of which `before` proofs were made in earlier runs.
    pub(super) fn new(count: Count, bytes: u64, before: u64, proving: Duration) -> Self {
        let seconds = proving.as_secs_f64();
        // A rate needs no more than 53 bits.
        let proofs_per_second = (count.proofs - before) as f64 / seconds.max(1e-9);
        Self { count, bytes, seconds, proofs_per_second }
    }

    /// The summary as a JSON document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json(self)
    }
}
