//! Outcomes as owned values, for sinks that are not files.

use serde_json::Value;

use super::{Count, Encode, EncoderError, Outcome, RequestSource};
use crate::proof::{FailureRecord, ProofRecord};

/// The outcome of a request as an owned record.
///
/// ```
/// use slproof::{Answer, JobPart, Messages, Prover, Selection, Sink, Trees};
///
/// /// Keeps the codes of failed requests.
/// #[derive(Default)]
/// struct Codes(Vec<&'static str>);
///
/// impl Sink for Codes {
///     fn write(&mut self, part: JobPart) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///         self.0.extend(part.answers.iter().filter_map(|answer| match answer {
///             Answer::Proof(_) => None,
///             Answer::Failed(record) => Some(record.error.code.as_str()),
///         }));
///         Ok(())
///     }
/// }
///
/// # let dir = tempfile::tempdir()?;
/// # let file = dir.path().join("requests.ndjson");
/// std::fs::write(&file, r#"{"chainId":324,"batchNumber":1,"id":0}"#)?;
/// # let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// # let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// let mut codes = Codes::default();
/// Prover::new(trees, messages).job(Selection::requests(file)).run(&mut codes)?;
/// assert_eq!(codes.0, ["batch-not-in-tree"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_counted_and_has_no_record() {
        let mut outcomes = [Outcome::Padding, Outcome::Padding].into_iter();
        let (answers, count) = OwnedRecords.encode(&mut outcomes).unwrap();
        assert_eq!((answers.len(), count.padding), (0, 2));
    }
}
