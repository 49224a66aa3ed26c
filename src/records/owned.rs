//! Outcomes as owned values, for sinks that are not files.

use serde_json::Value;

use super::{Count, Encode, EncoderError, Outcome, RequestSource};
use crate::proof::{FailureRecord, ProofRecord};

/// The outcome of a request as an owned record.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most answers are proofs, which need no box")]
pub enum Answer {
    /// The proof, accepted by the verifier.
    Proof(ProofRecord),
    /// The failure, with the request as JSON.
    Failed(FailureRecord<Value>),
}

/// Converts each outcome that has a record into an [`Answer`].
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnedRecords;

impl Encode for OwnedRecords {
    type Chunk = Vec<Answer>;

    fn encode(
        &self,
        outcomes: &mut dyn Iterator<Item = Outcome<'_>>,
    ) -> Result<(Vec<Answer>, Count), EncoderError> {
        let (mut answers, mut count) = (Vec::new(), Count::default());
        for outcome in outcomes {
            match outcome {
                Outcome::Proof { proof, .. } => {
                    count.proofs += 1;
                    answers.push(Answer::Proof(proof.to_record()));
                }
                Outcome::Failed { request, logs, failure } => {
                    count.fail(failure.code, logs);
                    let request = request.to_value();
                    answers.push(Answer::Failed(FailureRecord { request, error: failure }));
                }
                Outcome::Padding => count.padding += 1,
            }
        }
        Ok((answers, count))
    }
}

impl RequestSource<'_> {
    /// Converts the request to JSON. A line that is not JSON becomes a string.
    fn to_value(self) -> Value {
        // Cannot fail: requests have no maps with keys other than strings.
        match self {
            Self::Request(request) => serde_json::to_value(request).unwrap_or_default(),
            Self::Line(line) => serde_json::to_value(line).unwrap_or_default(),
            Self::Text(text) => text.into(),
        }
    }
}
