//! The three verdicts on a record. A record that lacks a field, or whose root is unknown, is not refuted.

use thiserror::Error;

use crate::proof::{
    Failure, FailureCode, LeafRecord, ProofRecord,
    reader::RecordError,
    verify::{Folded, RootRef, VerifyError},
};
use crate::{message::L2ToL1Log, primitives::Hash};

/// The verdict on a proof record.
///
/// ```
/// use slproof::{FailureCode, ProofRecord, Verdict, primitives::Hash, proof::Known};
///
/// let text = std::fs::read("fixtures/gateway-v31/record.json")?;
/// let record: ProofRecord = serde_json::from_slice(&text)?;
/// let log = record.log.ok_or("the record has a log")?;
///
/// let other = Verdict::of(&record, &log, |_| Known::Root(Hash::ZERO));
/// assert!(matches!(other, Verdict::Invalid(reason) if reason.code() == FailureCode::RootMismatch));
/// let unknown = Verdict::of(&record, &log, |_| Known::Unknown);
/// assert!(matches!(unknown, Verdict::CannotJudge(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum Verdict {
    /// The proof folds to the root that is stored where it leads.
    Valid(Folded),
    /// Another root is stored, a check of the contracts refuses the proof, or the record is damaged or
    /// contradicts itself.
    Invalid(Reason),
    /// Something needed for a verdict is missing, in the record or in the source of roots.
    CannotJudge(Reason),
}

/// Why a record is not valid, or cannot be judged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Reason {
    /// The record is malformed or incomplete.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The verifier refused the proof.
    #[error(transparent)]
    Proof(#[from] VerifyError),
    /// The source of roots refuses the proof or lacks data.
    #[error("{}", .0.message)]
    Anchor(Failure),
}

/// The answer of the source of roots for a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// The root.
    Root(Hash),
    /// The root, where it is not known whether the contracts accept proofs that fold to it. They accept no other proof.
    Unclear(Hash, Failure),
    /// No such root is stored.
    Unknown,
    /// The contracts refuse every proof that leads there.
    Refused(Failure),
    /// Something needed for an answer is missing, such as a contract.
    Lacking(Failure),
}

impl Known {
    /// The root; what else the answer says is noted.
    fn or_note(self, without_root: &mut Self) -> Option<Hash> {
        match self {
            Self::Root(root) => Some(root),
            Self::Unclear(root, failure) => {
                *without_root = Self::Lacking(failure);
                Some(root)
            }
            other => {
                *without_root = other;
                None
            }
        }
    }
}

impl Reason {
    /// The stable code of the reason.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Record(error) => error.code(),
            Self::Proof(error) => error.code(),
            Self::Anchor(failure) => failure.code,
        }
    }
}

impl From<RecordError> for Verdict {
    fn from(error: RecordError) -> Self {
        let is_lack = error.is_lack();
        let reason = error.into();
        if is_lack { Self::CannotJudge(reason) } else { Self::Invalid(reason) }
    }
}

impl Verdict {
    /// Whether the proof is valid; `None` if it cannot be judged.
    #[must_use]
    pub fn validity(&self) -> Option<bool> {
        match self {
            Self::Valid(_) => Some(true),
            Self::Invalid(_) => Some(false),
            Self::CannotJudge(_) => None,
        }
    }

    /// Why the proof is not valid, or cannot be judged.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Valid(_) => None,
            Self::Invalid(reason) | Self::CannotJudge(reason) => Some(reason),
        }
    }

    /// Verifies everything in a record as [`ProofRecord::verify`] does, with the roots that `known` returns.
    pub fn of(
        record: &ProofRecord,
        log: &L2ToL1Log,
        known: impl FnOnce(&RootRef) -> Known,
    ) -> Self {
        let mut without_root = Known::Unknown;
        let verified = record.verify(log, |anchor| known(anchor).or_note(&mut without_root));
        Self::with(verified, without_root)
    }

    /// Verifies everything in the record of a leaf as [`LeafRecord::verify`] does, with the roots that `known` returns.
    pub fn of_leaf(record: &LeafRecord, known: impl FnOnce(&RootRef) -> Known) -> Self {
        let mut without_root = Known::Unknown;
        let verified = record.verify(|anchor| known(anchor).or_note(&mut without_root));
        Self::with(verified, without_root)
    }

    /// The verdict for the answer of the verifier. `without_root` is what the source of roots says beside a root.
    fn with(verified: Result<Folded, VerifyError>, without_root: Known) -> Self {
        match (verified, without_root) {
            (Ok(_), Known::Lacking(failure)) => Self::CannotJudge(Reason::Anchor(failure)),
            (Ok(folded), _) => Self::Valid(folded),
            (Err(VerifyError::UnknownRoot(_)), Known::Refused(failure)) => {
                Self::Invalid(Reason::Anchor(failure))
            }
            (Err(VerifyError::UnknownRoot(_)), Known::Lacking(failure)) => {
                Self::CannotJudge(Reason::Anchor(failure))
            }
            (Err(error @ VerifyError::UnknownRoot(_)), _) => Self::CannotJudge(error.into()),
            (Err(error), _) => Self::Invalid(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        primitives::{Address, BatchNumber, ChainId},
        proof::verify::{Claim, fold},
    };

    fn failure(code: FailureCode) -> Failure {
        Failure { code, message: "a message".into() }
    }

    /// The verdict on a proof that folds to the root passed to `known`, and the code of its reason.
    fn verdict_with(known: impl FnOnce(Hash) -> Known) -> (&'static str, Option<FailureCode>) {
        let log = L2ToL1Log::of_message(1, Address::system(7), b"x");
        let sibling = Hash::new([1; 32]);
        let claim = Claim { chain: ChainId(1), batch: BatchNumber(2), index: 0, log: &log };
        let root = fold(&claim, &[sibling]).unwrap().root;
        let record = ProofRecord {
            chain_id: claim.chain,
            batch_number: claim.batch,
            id: 0,
            root,
            proof: vec![sibling],
            target: None,
            log: Some(log),
            message: None,
            tx_hash: None,
            l1_timestamp: None,
            checked_by: None,
        };
        let verdict = Verdict::of(&record, &log, |_| known(root));
        let (validity, code) = (verdict.validity(), verdict.reason().map(Reason::code));
        match verdict {
            Verdict::Valid(folded) => {
                assert_eq!((folded.root, validity, code), (root, Some(true), None));
                ("valid", None)
            }
            Verdict::Invalid(reason) => {
                assert_eq!((validity, code), (Some(false), Some(reason.code())));
                ("invalid", code)
            }
            Verdict::CannotJudge(reason) => {
                assert_eq!((validity, code), (None, Some(reason.code())));
                ("cannot judge", code)
            }
        }
    }

    #[test]
    fn only_a_root_or_a_refusal_judges_a_proof() {
        use FailureCode::{AnchorLacksBridgehub, BatchZero, RootMismatch, UnknownRoot};

        assert_eq!(verdict_with(Known::Root), ("valid", None));
        assert_eq!(verdict_with(|_| Known::Root(Hash::ZERO)), ("invalid", Some(RootMismatch)));
        assert_eq!(verdict_with(|_| Known::Unknown), ("cannot judge", Some(UnknownRoot)));
        let refused = |_| Known::Refused(failure(BatchZero));
        assert_eq!(verdict_with(refused), ("invalid", Some(BatchZero)));
        let lacking = |_| Known::Lacking(failure(AnchorLacksBridgehub));
        assert_eq!(verdict_with(lacking), ("cannot judge", Some(AnchorLacksBridgehub)));
        let unclear = |root| Known::Unclear(root, failure(AnchorLacksBridgehub));
        assert_eq!(verdict_with(unclear), ("cannot judge", Some(AnchorLacksBridgehub)));
        let other = |_| Known::Unclear(Hash::ZERO, failure(AnchorLacksBridgehub));
        assert_eq!(verdict_with(other), ("invalid", Some(RootMismatch)));
    }
}
