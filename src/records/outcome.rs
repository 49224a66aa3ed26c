//! The outcomes of requests, and the trait that encodes them for an output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::EncoderError;
use crate::proof::{Failure, FailureCode, ProofView, Request};

/// The outcome of one request, or of one log of a request for many.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// A proof that the verifier accepted.
    Proof {
        /// The proof.
        proof: ProofView<'a>,
        /// The request for the proof.
        request: RequestSource<'a>,
        /// Whether the log was selected with others. Then it is skipped if it is not one that the call of
        /// the format is for; a log that was selected by itself fails.
        is_one_of_many: bool,
    },
    /// The request failed.
    Failed {
        /// The request.
        request: RequestSource<'a>,
        /// The number of requested logs.
        logs: u64,
        /// The reason.
        failure: Failure,
    },
    /// The log is padding, which the contracts refuse to prove. This occurs only in requests for all logs of
    /// a batch, and no record is written for it.
    Padding,
}

/// The source of a request. As JSON it is the request as it was given; a line that is not JSON is a string.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum RequestSource<'a> {
    /// The selection of the job.
    Request(Request),
    /// A line of JSON.
    Line(&'a RawValue),
    /// The beginning of a line that is not JSON.
    Text(&'a str),
}

/// The number of outcomes of each kind.
///
/// ```
/// use slproof::{Count, FailureCode};
///
/// let mut count = Count { proofs: 10, ..Count::default() };
/// // A request for all five logs of a batch fails.
/// count.fail(FailureCode::LogsDoNotFold, 5);
/// assert_eq!((count.failed(), count.logs()), (1, 15));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// The number of proofs.
    pub proofs: u64,
    /// The number of failed requests, by code.
    pub failures: BTreeMap<FailureCode, u64>,
    /// The number of logs that the failed requests were for.
    pub failed_logs: u64,
    /// The number of padding logs.
    pub padding: u64,
    /// The number of logs that the call is not for: those that are not of withdrawals, for `finalizeDeposit`.
    #[serde(default)]
    pub skipped: u64,
}

impl Count {
    /// The number of failed requests.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().fold(0, |sum, failures| sum.saturating_add(*failures))
    }

    /// The number of requested logs.
    #[must_use]
    pub fn logs(&self) -> u64 {
        let others = self.padding.saturating_add(self.skipped);
        self.proofs.saturating_add(self.failed_logs).saturating_add(others)
    }

    /// Counts a failed request.
    pub fn fail(&mut self, code: FailureCode, logs: u64) {
        *self.failures.entry(code).or_default() += 1;
        self.failed_logs += logs;
    }

    /// Adds the counts of another part of the job.
    pub fn add(&mut self, other: &Self) {
        // Some counts come from files next to outputs and may have any size.
        self.proofs = self.proofs.saturating_add(other.proofs);
        for (code, failures) in &other.failures {
            let sum = self.failures.entry(*code).or_default();
            *sum = sum.saturating_add(*failures);
        }
        self.failed_logs = self.failed_logs.saturating_add(other.failed_logs);
        self.padding = self.padding.saturating_add(other.padding);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }
}

/// Encodes outcomes for a sink. It runs on many threads at once, each with its own outcomes.
pub trait Encode: Send + Sync {
    /// The type that the sink takes.
    type Chunk: Send;

    /// Encodes outcomes in order, and counts them.
    ///
    /// # Errors
    /// [`EncoderError`] when an outcome cannot be encoded, which ends the job.
    fn encode(
        &self,
        outcomes: &mut dyn Iterator<Item = Outcome<'_>>,
    ) -> Result<(Self::Chunk, Count), EncoderError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requested_logs_are_proven_failed_padding_or_skipped() {
        let mut count = Count { proofs: 5, padding: 2, skipped: 1, ..Count::default() };
        count.fail(FailureCode::UnknownRoot, 3);
        count.fail(FailureCode::UnknownRoot, 4);
        assert_eq!((count.logs(), count.failed()), (15, 2));
        let mut sum = Count::default();
        sum.add(&count);
        sum.add(&count);
        assert_eq!((sum.logs(), sum.failed()), (30, 4));
    }
}
