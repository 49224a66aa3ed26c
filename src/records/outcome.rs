//! What becomes of requests, and what turns it into the records of an output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::EncoderError;
use crate::proof::{Failure, FailureCode, ProofView, Request};

/// What became of one request, or of one log of a request for many.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// A proof that the verifier accepted.
    Proof {
        /// The proof.
        proof: ProofView<'a>,
        /// What asked for it.
        request: RequestSource<'a>,
    },
    /// There is no proof.
    Failed {
        /// What asked for it.
        request: RequestSource<'a>,
        /// How many logs were asked for.
        logs: u64,
        /// Why there is none.
        failure: Failure,
    },
    /// The log is padding, which the contracts refuse to prove. Only where all logs of a batch are asked
    /// for, and no record is written for it.
    Padding,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub enum RequestSource<'a> {
    /// The selection of the job.
    Request(Request),
    /// A line of JSON.
    Line(&'a RawValue),
    /// A line that is not JSON; its beginning.
    Text(&'a str),
}

/// How many requests became what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// Proofs.
    pub proofs: u64,
    /// Requests that failed, by code.
    pub failures: BTreeMap<FailureCode, u64>,
    /// The logs that those requests were for.
    pub failed_logs: u64,
    /// Logs that are padding.
    pub padding: u64,
}

impl Count {
    /// How many requests failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().fold(0, |sum, failures| sum.saturating_add(*failures))
    }

    /// How many logs were asked for.
    #[must_use]
    pub fn logs(&self) -> u64 {
        self.proofs.saturating_add(self.failed_logs).saturating_add(self.padding)
    }

    /// Counts a request that failed.
    pub fn fail(&mut self, code: FailureCode, logs: u64) {
        *self.failures.entry(code).or_default() += 1;
        self.failed_logs += logs;
    }

    /// Adds what another part of the job counted.
    pub fn add(&mut self, other: &Self) {
        // Some of these numbers come from files beside outputs, so they can have any size.
        self.proofs = self.proofs.saturating_add(other.proofs);
        for (code, failures) in &other.failures {
            let sum = self.failures.entry(*code).or_default();
            *sum = sum.saturating_add(*failures);
        }
        self.failed_logs = self.failed_logs.saturating_add(other.failed_logs);
        self.padding = self.padding.saturating_add(other.padding);
    }
}

/// Turns outcomes into what a sink takes. Runs on many threads at once, each with outcomes of its own.
pub trait Encode: Send + Sync {
    /// What a sink takes.
    type Chunk: Send;

    /// Encodes outcomes in their order, and counts them.
    ///
    /// # Errors
    /// [`EncoderError`] when they cannot be encoded, which ends the job.
    fn encode(
        &self,
        outcomes: &mut dyn Iterator<Item = Outcome<'_>>,
    ) -> Result<(Self::Chunk, Count), EncoderError>;
}
