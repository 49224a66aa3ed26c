//! Verdicts on records, based on trusted roots.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::EntriesError;
use crate::{
    anchor::{Answer, KnownRoots, RootLocation, state_error_code},
    message::L2ToL1Log,
    primitives::Hash,
    proof::{
        Failure, FailureCode, Known, LeafRecord, ProofRecord, Reason, RootQuery, Verdict, no_hints,
        reader::RecordError, verify::RootRef,
    },
    state::StateError,
};

/// The roots to which proofs must fold. Cheap to clone.
///
/// ```
/// use slproof::{ProofRecord, TrustedRoots, Verdict, verify};
///
/// let text = std::fs::read("fixtures/gateway-v31/record.json")?;
/// let record: ProofRecord = serde_json::from_slice(&text)?;
///
/// // A root from another source, such as the explorer of the settlement layer.
/// let root = "0x5e8239b8d1c0dc58dfaa89da7e9847bcd442e403b1a2969e312fb407029f980e".parse()?;
/// assert!(matches!(verify(&record, &TrustedRoots::Root(root)), Verdict::Valid(_)));
///
/// let state = TrustedRoots::open("fixtures/gateway-v31/state.anvil.json", &Default::default())?;
/// assert!(matches!(verify(&record, &state), Verdict::Valid(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TrustedRoots {
    /// One root for all proofs. Which batch or block has this root is not checked, and of the timestamp of a block only
    /// that it is not before the batch.
    Root(Hash),
    /// The roots that the contracts in a state accept.
    State(Arc<KnownRoots>),
    /// The state lacks a slot without which no proof can be judged.
    Unknown(StateError),
}

impl From<Hash> for TrustedRoots {
    fn from(root: Hash) -> Self {
        Self::Root(root)
    }
}

impl From<KnownRoots> for TrustedRoots {
    fn from(roots: KnownRoots) -> Self {
        Self::State(Arc::new(roots))
    }
}

impl TrustedRoots {
    /// Returns the trusted root at the location that a record's proof leads to.
    pub(super) fn known<'q>(
        &self,
        record: impl Into<RootQuery<'q>>,
        root: &RootRef,
    ) -> Result<(Known, Option<RootLocation>), StateError> {
        match self {
            Self::Root(root) => Ok((Known::Root(*root), None)),
            Self::State(roots) => match roots.of_record(record, root) {
                // Other proofs may need only slots that are proven.
                Err(error @ StateError::NotProven { .. }) => Ok((lacking(&error), None)),
                Err(error) => Err(error),
                Ok(answer) => {
                    let location = answer.root().map(|known| known.location);
                    Ok((answer.into(), location))
                }
            },
            Self::Unknown(error) => Ok((lacking(error), None)),
        }
    }

    /// Verifies a record with its log. A failure to read the state is an error, not a verdict.
    pub(crate) fn judge(
        &self,
        record: &ProofRecord,
        log: &L2ToL1Log,
    ) -> Result<(Verdict, Option<RootLocation>), StateError> {
        self.judge_by(record.into(), |known| Verdict::of(record, log, known))
    }

    /// Verifies the record of a leaf. A failure to read the state is an error, not a verdict.
    pub(crate) fn judge_leaf(
        &self,
        record: &LeafRecord,
    ) -> Result<(Verdict, Option<RootLocation>), StateError> {
        self.judge_by(record.into(), |known| Verdict::of_leaf(record, known))
    }

    fn judge_by(
        &self,
        query: RootQuery<'_>,
        verdict: impl FnOnce(&mut dyn FnMut(&RootRef) -> Known) -> Verdict,
    ) -> Result<(Verdict, Option<RootLocation>), StateError> {
        let (mut location, mut unreadable) = (None, None);
        // Only the root that the words lead to is looked up in the state.
        let verdict = verdict(&mut |root| match self.known(query, root) {
            Ok((known, found)) => {
                location = found;
                known
            }
            Err(error) => {
                unreadable = Some(error);
                Answer::NotStored.into()
            }
        });
        unreadable.map_or(Ok((verdict, location)), Err)
    }
}

/// The answer of a state that lacks a slot.
fn lacking(error: &StateError) -> Known {
    Known::Lacking(Failure::of(state_error_code(error), error, no_hints))
}

/// Verifies one record by the trusted roots: every field of the record, and that its proof folds to the root
/// that is stored for its target. If the state cannot be read, there is no verdict
/// ([`FailureCode::StateDamaged`]).
///
/// ```
/// use slproof::{Messages, Prover, Request, Target, Trees, TrustedRoots, Verdict, verify};
/// # use slproof::primitives::{BatchNumber, ChainId};
/// # let request = Request::Log { chain_id: ChainId(324), batch_number: BatchNumber(501_234), id: 0 };
///
/// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// let records = Prover::new(trees, messages).prove(&request, Target::Latest)?;
///
/// let known = TrustedRoots::open("fixtures/gateway-v29/state.anvil.json", &Default::default())?;
/// assert!(matches!(verify(&records[0], &known), Verdict::Valid(_)));
/// let other = TrustedRoots::Root(records[0].root);
/// assert!(matches!(verify(&records[0], &other), Verdict::Invalid(_)));
/// # Ok::<(), slproof::Error>(())
/// ```
#[must_use]
pub fn verify(record: &ProofRecord, known_roots: &TrustedRoots) -> Verdict {
    let Some(log) = &record.log else { return RecordError::Missing { field: "log" }.into() };
    or_damaged(known_roots.judge(record, log)).0
}

/// As [`verify`], of the record of a leaf of a batch root.
#[must_use]
pub fn verify_leaf(record: &LeafRecord, known_roots: &TrustedRoots) -> Verdict {
    or_damaged(known_roots.judge_leaf(record)).0
}

/// A verdict also where the state cannot be read: then there is none on the proof.
pub(super) fn or_damaged(
    judged: Result<(Verdict, Option<RootLocation>), StateError>,
) -> (Verdict, Option<RootLocation>) {
    judged.unwrap_or_else(|error| {
        let failure = Failure::of(FailureCode::StateDamaged, &error, no_hints);
        (Verdict::CannotJudge(Reason::Anchor(failure)), None)
    })
}

/// The verdict on one entry of an input, as it is written to the output.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct VerdictLine {
    /// The line number, or the row number of a Parquet file; both from 1.
    pub line: u64,
    /// Whether the proof is valid; null if it could not be verified.
    pub valid: Option<bool>,
    /// The contract and the variable that hold the root of a valid proof.
    #[serde(serialize_with = "as_text", skip_serializing_if = "Option::is_none")]
    pub anchor: Option<RootLocation>,
    /// Why the proof is invalid, or why it could not be verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn as_text<S: Serializer>(
    location: &Option<RootLocation>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match location {
        Some(location) => serializer.collect_str(location),
        None => serializer.serialize_none(),
    }
}

/// An error from verifying the records of an input.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerdictsError {
    /// The input could not be read, or contains no proofs.
    #[error(transparent)]
    Entries(#[from] EntriesError),
    /// The state of the trusted roots could not be read.
    #[error(transparent)]
    State(#[from] StateError),
}
