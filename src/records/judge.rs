//! Verdicts on records, based on trusted roots.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::{
    Entries, EntriesError, Entry,
    bulk_judge::{BulkJudge, SEGMENT},
};
use crate::{
    anchor::{Answer, KnownRoots, ProofTraits, RootLocation, state_error_code},
    message::L2ToL1Log,
    primitives::{Hash, ordered::try_map},
    proof::{
        Failure, FailureCode, Hints, Known, ProofRecord, Reason, Verdict, no_hints,
        reader::{Defaults, RecordError},
        verify::RootRef,
    },
    state::StateError,
};

/// The number of segments for each thread that are verified at once, while as many are read.
const SEGMENTS_PER_THREAD: usize = 2;
/// The approximate maximum size of the records that are verified at once, in bytes.
const BYTES_AT_ONCE: usize = 64 << 20;

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
    /// One root for all proofs. Which batch or block has this root is not checked.
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
    /// Returns the trusted root at the location that a proof leads to.
    pub(super) fn known(
        &self,
        proof: &ProofTraits,
        root: &RootRef,
    ) -> Result<(Known, Option<RootLocation>), StateError> {
        match self {
            Self::Root(root) => Ok((Known::Root(*root), None)),
            Self::State(roots) => match roots.of_proof(proof, root) {
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
        let (mut location, mut unreadable) = (None, None);
        let proof = record.into();
        // Only the root that the words lead to is looked up in the state.
        let verdict = Verdict::of(record, log, |root| match self.known(&proof, root) {
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
    match known_roots.judge(record, log) {
        Ok((verdict, _)) => verdict,
        Err(error) => {
            let failure = Failure::of(FailureCode::StateDamaged, &error, no_hints);
            Verdict::CannotJudge(Reason::Anchor(failure))
        }
    }
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

/// The verdicts on the records of an input, in their order, computed on all threads.
pub struct Verdicts {
    entries: Entries,
    /// The entries that were read while those before them were verified.
    ahead: Option<Result<Vec<(u64, Entry)>, EntriesError>>,
    judge: BulkJudge,
}

impl Verdicts {
    /// Creates verdicts on these entries. `defaults` replace values that the records lack.
    #[must_use]
    pub fn new(entries: Entries, defaults: Defaults, roots: TrustedRoots) -> Self {
        let judge = BulkJudge { defaults, roots, hints: no_hints };
        Self { entries, ahead: None, judge }
    }

    /// Appends hints to the messages of failures.
    #[must_use]
    pub fn with_hints(mut self, hints: Hints) -> Self {
        self.judge.hints = hints;
        self
    }

    /// The entries that are verified.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Returns the verdicts on the next entries, up to some thousands; an empty list after the last entry.
    /// `None` stands for the record of a failed request, which has no proof to verify.
    ///
    /// # Errors
    /// [`VerdictsError`] when the input or the state cannot be read, or when the input contains no record.
    pub fn next_chunk(&mut self) -> Result<Vec<Option<VerdictLine>>, VerdictsError> {
        let threads = rayon::current_num_threads();
        while self.ahead.is_none() {
            let groups = self.entries.take_groups(threads);
            if groups.is_empty() {
                break;
            }
            let verdicts = self.judge.groups(groups)?;
            if !verdicts.is_empty() {
                return Ok(verdicts);
            }
        }
        let Self { entries, ahead, judge } = self;
        let most = SEGMENT * SEGMENTS_PER_THREAD * threads;
        let mut read = || entries.next_chunk(most, BYTES_AT_ONCE);
        let chunk = match ahead.take() {
            Some(chunk) => chunk?,
            None => read()?,
        };
        if chunk.is_empty() {
            return Ok(Vec::new());
        }
        let segments =
            || try_map(chunk.into_par_iter().chunks(SEGMENT), |part| judge.verdicts(part));
        let (verdicts, next) = rayon::join(segments, read);
        *ahead = Some(next);
        Ok(verdicts?.into_iter().flatten().collect())
    }
}
