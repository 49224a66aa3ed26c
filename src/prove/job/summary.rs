//! The summary of a job.

use std::time::Duration;

use serde::Serialize;

use super::checkpoint::json;
use crate::records::Count;

/// The results of a job. The command line writes them as a JSON file.
///
/// ```
/// use slproof::{Messages, ProofOutput, Prover, Selection, Trees};
///
/// # let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// # let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("proofs.ndjson");
/// let job = Prover::new(trees, messages).job(Selection::all());
/// let summary = job.write(ProofOutput::create(&path)?)?;
/// assert_eq!(summary.count.proofs, 18_897);
/// assert_eq!(summary.bytes, std::fs::metadata(path)?.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The results of the requests, including those of interrupted runs.
    #[serde(flatten)]
    pub count: Count,
    /// The number of parts that were left out of the archive, whose logs were not asked for
    /// ([`Messages::skipped`](crate::prove::Messages::skipped)).
    pub left_out: u64,
    /// The size of the output in bytes; 0 if it is not a file.
    pub bytes: u64,
    /// The seconds that this run spent on proving.
    pub seconds: f64,
    /// The proofs per second of this run.
    pub proofs_per_second: f64,
}

impl Summary {
    /// Creates the summary of a job with an archive of which so many parts were left out. Earlier runs made `before` of its
    /// proofs.
    pub(super) fn new(
        (count, left_out): (Count, u64),
        bytes: u64,
        before: u64,
        proving: Duration,
    ) -> Self {
        let seconds = proving.as_secs_f64();
        // The loss of precision above 2^53 does not matter for a rate.
        let proofs_per_second = (count.proofs - before) as f64 / seconds.max(1e-9);
        Self { count, left_out, bytes, seconds, proofs_per_second }
    }

    /// Returns the summary as a JSON document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json(self)
    }
}
