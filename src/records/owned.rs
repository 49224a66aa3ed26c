//! Outcomes as values of their own, for sinks that are no files.

use serde_json::Value;

use super::{Count, Encode, EncoderError, Outcome, RequestSource};
use crate::proof::{FailureRecord, ProofRecord};

/// What became of a request, as a record of its own.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most answers are proofs")]
pub enum Answer {
    /// The proof, accepted by the verifier.
    Proof(ProofRecord),
    /// Why there is none, and the request as JSON.
    Failed(FailureRecord<Value>),
}

/// Makes an [`Answer`] of each outcome that has a record.
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
    /// The request as JSON; a line that is not JSON as a string.
    fn to_value(self) -> Value {
        // Requests have no maps with keys other than text, the only thing that could fail.
        match self {
            Self::Request(request) => serde_json::to_value(request).unwrap_or_default(),
            Self::Line(line) => serde_json::to_value(line).unwrap_or_default(),
            Self::Text(text) => text.into(),
        }
    }
}
