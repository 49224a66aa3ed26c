//! What L1 says today about proofs that were made before.
//!
//! A proof stays true, but L1 need not take it any more: an upgrade changed which contract looks where, the
//! interval of settlement layer batches that L1 accepts for a batch was closed, or the withdrawal was paid out.

use std::fmt;

use rayon::prelude::*;
use serde::Serialize;

use super::{
    Claim, ClaimSelection, ClaimsOptions, Reason, Status,
    judge::{Judge, Outcome},
    reason::Judgement,
    subject::Subject,
};
use crate::{
    anchor::{Answer, KnownRoots},
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash},
    proof::{
        self, Known, ProofRecord, ProofView, RootQuery, Verdict,
        reader::{Defaults, Item},
        verify::{Folded, RootRef},
    },
    prove::with_causes,
    records::{Entries, EntriesError, Entry},
    state::StorageReader,
};

/// The maximum number of records that are judged in parallel, and the approximate maximum of their bytes. The
/// calls repeat each record several times.
const RECORDS_AT_ONCE: usize = 1024;
const BYTES_AT_ONCE: usize = 8 << 20;

/// What L1 says about a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecheckStatus {
    /// L1 takes the proof. A withdrawal is not paid out.
    Accepted,
    /// The withdrawal was paid out, so L1Nullifier refuses a second call.
    Finalized,
    /// The contracts refuse the proof, or the call with it.
    Refused,
    /// The proof is damaged, or leads to another root than the one that L1 stores.
    Invalid,
    /// The state lacks what decides.
    Unknown,
}

/// A record of a proof, and what L1 says about it. It is one line of the output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recheck {
    /// The line number of the record, or its row number in a Parquet file; both from 1.
    pub line: u64,
    /// The chain, if the record can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<ChainId>,
    /// The batch, if the record can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_number: Option<BatchNumber>,
    /// The log's leaf index, if the record can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// What L1 says.
    pub status: RecheckStatus,
    /// Why L1 does not take the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The withdrawal or failed deposit, with the call of today, if L1 takes the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

/// Judges the records of an input against one state of L1, in their order, on all threads.
pub struct Rechecks<'a, S> {
    entries: Entries,
    defaults: Defaults,
    judge: Judge<'a, S>,
}

impl<'a, S: StorageReader + fmt::Debug + Send> Rechecks<'a, S> {
    /// Judges these entries. `defaults` replace values that the records lack.
    #[must_use]
    pub fn new(
        entries: Entries,
        defaults: Defaults,
        l1: &'a KnownRoots<S>,
        options: &ClaimsOptions,
    ) -> Self {
        let judge = Judge::new(l1, None, None, ClaimSelection::default(), options);
        Self { entries, defaults, judge }
    }

    /// The entries that are judged.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Judges the next entries, up to some thousands; an empty list after the last entry. `None` stands for the
    /// record of a failed request, which has no proof.
    ///
    /// # Errors
    /// [`EntriesError`] when the input cannot be read, or contains no record.
    pub fn next_chunk(&mut self) -> Result<Vec<Option<Recheck>>, EntriesError> {
        let entries = self.entries.next_chunk(RECORDS_AT_ONCE, BYTES_AT_ONCE)?;
        let (judge, defaults) = (&self.judge, &self.defaults);
        Ok(entries
            .into_par_iter()
            .map(|(line, entry)| judge.recheck(line, entry, defaults))
            .collect())
    }
}

/// What is known of a record.
pub(super) type Judged = (RecheckStatus, Option<Reason>, Option<Claim>);

impl<S: StorageReader + fmt::Debug> Judge<'_, S> {
    fn recheck(&self, line: u64, entry: Entry, defaults: &Defaults) -> Option<Recheck> {
        let unread = Recheck {
            line,
            chain_id: None,
            batch_number: None,
            id: None,
            status: RecheckStatus::Unknown,
            reason: None,
            claim: None,
        };
        Some(match entry.item(defaults) {
            Ok(Item::Failure) => return None,
            Ok(Item::Proof(record, log)) => {
                let (status, reason, claim) = self.of_record(&record, &log);
                Recheck {
                    chain_id: Some(record.chain_id),
                    batch_number: Some(record.batch_number),
                    id: Some(record.id),
                    status,
                    reason,
                    claim,
                    ..unread
                }
            }
            Ok(Item::Leaf(record)) => {
                let judged =
                    self.accepted((&*record).into(), |known| Verdict::of_leaf(&record, known));
                let (status, reason) = judged.err().unwrap_or((RecheckStatus::Accepted, None));
                Recheck {
                    chain_id: Some(record.chain_id),
                    batch_number: Some(record.batch_number),
                    status,
                    reason,
                    ..unread
                }
            }
            Err(error) => {
                let (status, reason) = of_verdict(&error.into());
                Recheck { status, reason, ..unread }
            }
        })
    }

    fn of_record(&self, record: &ProofRecord, log: &L2ToL1Log) -> Judged {
        match self.accepted(record.into(), |known| Verdict::of(record, log, known)) {
            Ok(folded) => self.of_accepted(record, log, folded.root),
            Err((status, reason)) => (status, reason, None),
        }
    }

    /// What a proof folds to that L1 takes; otherwise what L1 says. `verdict` is that on its record.
    fn accepted(
        &self,
        query: RootQuery<'_>,
        verdict: impl FnOnce(&mut dyn FnMut(&RootRef) -> Known) -> Verdict,
    ) -> Result<Folded, (RecheckStatus, Option<Reason>)> {
        let (mut refusal, mut unreadable) = (None, None);
        let verdict = verdict(&mut |root| match self.routes.l1.roots.of_record(query, root) {
            Ok(answer) => {
                if let Answer::Refused(found) = &answer {
                    refusal = Some(Judgement::refused(found));
                }
                answer.into()
            }
            Err(error) => {
                unreadable = Some(Judgement::unreadable(error));
                Known::Unknown
            }
        });
        match (verdict, refusal, unreadable) {
            (Verdict::Valid(folded), ..) => Ok(folded),
            (Verdict::Invalid(proof::Reason::Anchor(_)), Some(refused), _) => {
                Err((RecheckStatus::Refused, refused.reason))
            }
            (Verdict::CannotJudge(_), _, Some(unreadable)) => {
                Err((RecheckStatus::Unknown, unreadable.reason))
            }
            (verdict, ..) => Err(of_verdict(&verdict)),
        }
    }

    /// What L1Nullifier says about a log whose proof L1 takes. `root` is the root that the proof folds to.
    pub(super) fn of_accepted(&self, record: &ProofRecord, log: &L2ToL1Log, root: Hash) -> Judged {
        let (chain, batch, index) = (record.chain_id, record.batch_number, record.id);
        let (facts, nullifier) = (self.facts(chain), self.routes.l1.nullifier());
        let flag = nullifier.are_finalized(chain, batch, [index]).map(|flags| flags == [true]);
        let message = record.message.clone();
        let pending =
            self.read((chain, batch), index, *log, message, &facts, flag.clone(), record.tx_hash);
        let Some(pending) = pending else { return (RecheckStatus::Accepted, None, None) };
        let target = record.target.unwrap_or_else(|| proof::TargetRecord::batch_root(root));
        let view = ProofView {
            chain,
            batch,
            id: index,
            root: record.root,
            head: &record.proof,
            tail: &[],
            target: &target,
            l1_timestamp: record.l1_timestamp,
            sl_block: None,
            log,
            message: record.message.as_deref(),
            transaction: record.tx_hash.as_ref(),
            checked_by: record.checked_by,
        };
        let mut claim = self.claim(&pending, Outcome::Proof(&view));
        claim.target = claim.target.and(record.target);
        let subject = pending.subject();
        let status = match (subject, claim.status) {
            (Subject::Missing(_), _) if flag == Ok(true) => RecheckStatus::Finalized,
            (Subject::Missing(_), _) if !subject.may_be_withdrawal(|| self.old_bridge(chain)) => {
                RecheckStatus::Accepted
            }
            (Subject::Message(_), _) | (_, Status::Claimable) => RecheckStatus::Accepted,
            (_, Status::Finalized) => RecheckStatus::Finalized,
            (_, Status::Refused) => RecheckStatus::Refused,
            (_, Status::Unknown | Status::Waiting) => RecheckStatus::Unknown,
        };
        let is_claim = matches!(subject, Subject::Withdrawal(..) | Subject::FailedDeposit(_));
        let needs_reason = is_claim || status == RecheckStatus::Unknown;
        (status, claim.reason.clone().filter(|_| needs_reason), Some(claim).filter(|_| is_claim))
    }
}

/// The status of a record that is damaged, or whose root differs or is not known.
fn of_verdict(verdict: &Verdict) -> (RecheckStatus, Option<Reason>) {
    let reason = |reason: &proof::Reason| Some(Reason::new(reason.code(), with_causes(reason)));
    match verdict {
        Verdict::Valid(_) => (RecheckStatus::Accepted, None),
        Verdict::Invalid(found) => (RecheckStatus::Invalid, reason(found)),
        Verdict::CannotJudge(found) => (RecheckStatus::Unknown, reason(found)),
    }
}
