//! The steps of a job: what its selection consists of, in the order of the output.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::{
    message::BatchView,
    proof::{Failure, Hints, ProofView, Request},
    prove::{Error, ExtractError, Extractor, LogFilter, VerifiedProofs},
    records::{Outcome, RequestSource},
};

/// The steps of a selection.
pub(super) type Steps<'a> = dyn Iterator<Item = Result<WorkItem<'a>, Error>> + 'a;

/// Logs of one batch to be proven.
pub(super) struct ProofTask<'a> {
    pub(super) logs: BatchView<'a>,
    pub(super) which: LogFilter,
    pub(super) extractor: Arc<Extractor<'a>>,
    /// The line that requested the logs, if any.
    pub(super) asked: Option<Arc<RawValue>>,
    /// Whether the selection or the line may select several logs.
    pub(super) is_one_of_many: bool,
    /// The proof, if it was made to see whether the only selected log can be proven.
    pub(super) proven: Option<Arc<VerifiedProofs<'a>>>,
}

/// The next item of work for the output.
pub(super) enum WorkItem<'a> {
    Prove(ProofTask<'a>),
    /// A request that matches no logs.
    Fail(Failed),
}

/// A request that failed, as far as it could be parsed.
pub(super) struct Failed {
    pub(super) asked: OwnedSource,
    pub(super) error: Failure,
}

/// The line of a request.
pub(super) enum OwnedSource {
    /// JSON.
    Line(Arc<RawValue>),
    /// The beginning of a line that is not JSON.
    Text(String),
}

impl OwnedSource {
    pub(super) fn source(&self) -> RequestSource<'_> {
        match self {
            Self::Line(line) => RequestSource::Line(line),
            Self::Text(text) => RequestSource::Text(text),
        }
    }
}

pub(super) fn failed(request: RequestSource<'_>, logs: u64, failure: Failure) -> Outcome<'_> {
    Outcome::Failed { request, logs, failure }
}

impl ProofTask<'_> {
    /// Returns the outcome of one log.
    pub(super) fn outcome<'p>(
        &'p self,
        index: u64,
        proof: Result<ProofView<'p>, &ExtractError>,
        hints: Hints,
    ) -> Outcome<'p> {
        let request = self.source(Some(index));
        match (proof, self.which) {
            (Ok(proof), _) => {
                Outcome::Proof { proof, request, is_one_of_many: self.is_one_of_many }
            }
            // A request for all logs does not include padding, which the contracts refuse to prove.
            (
                Err(ExtractError::DefaultLeaf { .. }),
                LogFilter::All | LogFilter::Matching { .. },
            ) => Outcome::Padding,
            (Err(error), _) => failed(request, 1, Failure::of(error.code(), error, hints)),
        }
    }

    /// The number of requested logs.
    pub(super) fn count(&self) -> u64 {
        match self.which {
            // One log is requested even if the batch has no log with this index.
            LogFilter::Log(_) => 1,
            which => {
                let logs = (0..).zip(self.logs.logs());
                logs.filter(|(index, log)| which.has(*index, log)).count() as u64
            }
        }
    }

    /// The source of the request: its line, or the selected batch or log.
    pub(super) fn source(&self, index: Option<u64>) -> RequestSource<'_> {
        match (&self.asked, self.which, index) {
            (Some(line), ..) => RequestSource::Line(line),
            (None, LogFilter::Log(index), _) | (None, _, Some(index)) => {
                RequestSource::Request(Request::log(&self.logs, index))
            }
            (None, ..) => RequestSource::Request(Request::batch(&self.logs)),
        }
    }
}
