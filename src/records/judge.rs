//! Verdicts on records, by roots that are trusted.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::{Entries, EntriesError, Entry};
use crate::{
    anchor::{Answer, KnownRoots, RootLocation},
    message::L2ToL1Log,
    primitives::{Hash, ordered::try_map},
    proof::{
        Failure, FailureCode, Hints, Known, ProofRecord, Reason, Verdict, no_hints,
        reader::{Defaults, Item, RecordError},
        verify::RootRef,
    },
    snapshot::Snapshot,
    state::StateError,
};

/// How many records are judged side by side.
const RECORDS_AT_ONCE: usize = 4096;
/// About how many bytes of records are judged side by side.
const BYTES_AT_ONCE: usize = 64 << 20;

/// The roots that proofs have to fold to. Cheap to clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TrustedRoots {
    /// One root for every proof. Which batch or block it is the root of is not checked.
    Root(Hash),
    /// The roots that the contracts in a state accept.
    State(Arc<KnownRoots<Snapshot>>),
}

impl From<Hash> for TrustedRoots {
    fn from(root: Hash) -> Self {
        Self::Root(root)
    }
}

impl From<KnownRoots<Snapshot>> for TrustedRoots {
    fn from(roots: KnownRoots<Snapshot>) -> Self {
        Self::State(Arc::new(roots))
    }
}

impl TrustedRoots {
    /// What is known of the root that a record's proof leads to, and where it is stored.
    fn known(
        &self,
        record: &ProofRecord,
        root: &RootRef,
    ) -> Result<(Known, Option<RootLocation>), StateError> {
        match self {
            Self::Root(root) => Ok((Known::Root(*root), None)),
            Self::State(roots) => {
                let answer = roots.of_record(record, root)?;
                let location = answer.root().map(|known| known.location);
                Ok((answer.into(), location))
            }
        }
    }

    /// Judges a record with its log. A state that cannot be read is an error of its own.
    fn judge(
        &self,
        record: &ProofRecord,
        log: &L2ToL1Log,
    ) -> Result<(Verdict, Option<RootLocation>), StateError> {
        let (mut location, mut unreadable) = (None, None);
        // The state is asked for the one root that the words lead to.
        let verdict = Verdict::of(record, log, |root| match self.known(record, root) {
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

/// Judges one record by the roots that are trusted: everything that the record says, and that its proof
/// folds to the root which is stored for what it leads to. A state that cannot be read judges nothing
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

/// The verdict on one entry of an input.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct VerdictLine {
    /// The line, or the row of a Parquet file from 1.
    pub line: u64,
    /// Whether the proof is valid; null where it cannot be judged.
    pub valid: Option<bool>,
    /// Which variable of which contract holds the root of a valid proof.
    #[serde(serialize_with = "as_text", skip_serializing_if = "Option::is_none")]
    pub anchor: Option<RootLocation>,
    /// Why the proof is not valid, or cannot be judged.
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

/// Why records could not be judged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerdictsError {
    /// The input could not be read, or holds no proofs.
    #[error(transparent)]
    Entries(#[from] EntriesError),
    /// The state of the trusted roots could not be read.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The verdicts on the records of an input, in their order, judged on all threads.
pub struct Verdicts {
    entries: Entries,
    judge: Judge,
    /// Whether one of the entries so far is a record.
    has_record: bool,
}

/// What entries are judged by.
struct Judge {
    defaults: Defaults,
    roots: TrustedRoots,
    hints: Hints,
}

impl Verdicts {
    /// The verdicts on these entries. `defaults` stand for what the records leave out.
    #[must_use]
    pub fn new(entries: Entries, defaults: Defaults, roots: TrustedRoots) -> Self {
        let judge = Judge { defaults, roots, hints: no_hints };
        Self { entries, judge, has_record: false }
    }

    /// With hints after the messages of failures.
    #[must_use]
    pub fn with_hints(mut self, hints: Hints) -> Self {
        self.judge.hints = hints;
        self
    }

    /// The entries that are judged.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// The verdicts on the next entries, some thousands; none after the last. `None` stands for the record
    /// of a failed request, in which there is nothing to judge.
    ///
    /// # Errors
    /// [`VerdictsError`] when the input or the state cannot be read, or nothing in the input is a record.
    pub fn next_chunk(&mut self) -> Result<Vec<Option<VerdictLine>>, VerdictsError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while entries.len() < RECORDS_AT_ONCE && bytes < BYTES_AT_ONCE {
            let Some(entry) = self.entries.next().transpose()? else { break };
            bytes += entry.1.weight();
            entries.push(entry);
        }
        // Damaged lines among records are invalid proofs; without a record there is no proof.
        self.has_record |= entries.iter().any(|(_, entry)| entry.is_record());
        if !entries.is_empty() && !self.has_record {
            return Err(self.entries.no_proofs().into());
        }
        let judge = &self.judge;
        Ok(try_map(entries.into_par_iter(), |(line, entry)| judge.entry(line, entry))?)
    }
}

impl Judge {
    fn entry(&self, line: u64, entry: Entry) -> Result<Option<VerdictLine>, StateError> {
        let (verdict, location) = match entry.item(&self.defaults) {
            Ok(Item::Failure) => return Ok(None),
            Ok(Item::Proof(record, log)) => self.roots.judge(&record, &log)?,
            Err(error) => (error.into(), None),
        };
        let failure = |reason: &Reason| Some(Failure::of(reason.code(), reason, self.hints));
        let (valid, error) = match &verdict {
            Verdict::Valid(_) => (Some(true), None),
            Verdict::Invalid(reason) => (Some(false), failure(reason)),
            Verdict::CannotJudge(reason) => (None, failure(reason)),
        };
        Ok(Some(VerdictLine { line, valid, anchor: location, error }))
    }
}
