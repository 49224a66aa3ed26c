//! Which commit of each batch L1 accepted.
//!
//! A number may be committed several times: by a transaction that fails and has the same calldata, or again after a
//! revert, with other content. In this order:
//!
//! 1. What failed, or has a receipt without the event of the batch, is passed over.
//! 2. What was executed is final: the execution names the content, as does the commit of the next batch, if that was
//!    executed.
//! 3. Otherwise a commit counts unless a later transaction reverted it. If two of different content are left, neither
//!    is taken.
//!
//! Anybody can send such calls to another contract, and a call may fail. The event of the diamond shows that a call was
//! made. Without events, calls count as they are. If there are events, a call without one counts only so:
//!
//! | call | if there are events of | it counts |
//! | --- | --- | --- |
//! | commit | commits | if it was executed, or the next batch follows it |
//! | execution | executions | if a later batch was executed by an event, and none of its own batch |
//! | revert | commits or reverts | never |
//!
//! Reverts and executions are also known from their events alone. The event of an execution has the state root of the
//! batch, so a commit with another one does not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Commits, CommittedBatch, Execution, NoBatch, PassedOver, StoredBatchInfo, TransactionPlace,
    group::{Candidate, Executed, Group},
    stored_pubdata::StoredPubdata,
};
use crate::primitives::SlBatch;

impl Group {
    /// Passes over the reverts and executions that do not count, because they have no event, and others have one.
    fn pass_over_unseen(&mut self, executions: &mut BTreeMap<SlBatch, Vec<Executed>>) {
        let mut unseen = 0;
        if self.has_commit_events || self.reverts.iter().any(|revert| revert.has_event) {
            let all = self.reverts.len();
            self.reverts.retain(|revert| revert.has_event);
            unseen += all - self.reverts.len();
        }
        if let Some((&last, _)) = self.executed_roots.last_key_value() {
            executions.retain(|batch, named| {
                unseen += if *batch > last { named.len() } else { 0 };
                *batch <= last
            });
        }
        (0..unseen).for_each(|_| self.pass_over(PassedOver::NoReceipt));
    }

    /// Tells the batches.
    pub(super) fn resolve(mut self, pubdata: &Arc<StoredPubdata>) -> Commits {
        let commits = std::mem::take(&mut self.commits);
        let mut executions = std::mem::take(&mut self.executions);
        for (batch, roots) in &self.executed_roots {
            let Some(named) = executions.get_mut(batch) else { continue };
            named.retain(|executed| roots.contains(&executed.info.state_root));
            if named.is_empty() {
                executions.remove(batch);
            }
        }
        let last_named = executions.last_key_value().map(|(batch, _)| *batch);
        let last_in_event = self.executed_roots.last_key_value().map(|(batch, _)| *batch);
        self.pass_over_unseen(&mut executions);
        let mut resolution = Resolution {
            last_executed: last_named.max(last_in_event),
            group: self,
            batches: Vec::new(),
            without: BTreeMap::new(),
            executed: BTreeMap::new(),
        };
        resolution.run(commits, &executions);
        let Resolution { mut group, mut batches, mut without, executed, .. } = resolution;
        batches.reverse();
        let is_known =
            |batch: SlBatch| batches.binary_search_by_key(&batch, |found| found.batch).is_ok();
        let (shown, damaged): (Vec<_>, Vec<_>) = std::mem::take(&mut group.damaged)
            .into_iter()
            .filter(|(batch, _)| !is_known(*batch))
            .partition(|(_, (.., is_shown))| *is_shown);
        for (batch, (commit, source, _)) in shown {
            without.entry(batch).or_insert(NoBatch::Damaged { commit, source });
        }
        // Anybody can send calls with any number. Outside of those that are known, such a number may have no batch.
        let known = batches.iter().map(|batch| batch.batch);
        let known = known.chain(executed.keys().copied()).chain(without.keys().copied());
        let known = known.clone().min()..known.max();
        let is_inside = |batch: SlBatch| known.contains(&Some(batch)) && !is_known(batch);
        for (batch, (commit, source, _)) in damaged {
            if is_inside(batch) {
                without.entry(batch).or_insert(NoBatch::Damaged { commit, source });
            }
        }
        for (batch, (commit, reason)) in std::mem::take(&mut group.refused) {
            // What failed or was reverted is not the commit of a batch that was executed.
            let may_be_it = reason.is_uncertain()
                || reason == PassedOver::NotExecuted
                || !(executed.contains_key(&batch) || group.executed_roots.contains_key(&batch));
            if is_inside(batch) && may_be_it {
                without.entry(batch).or_insert(NoBatch::PassedOver { commit, reason });
            }
        }
        Commits {
            names: group.names.into_iter().collect(),
            batches,
            without,
            executed,
            passed_over: group.passed_over,
            pubdata: pubdata.clone(),
        }
    }
}

/// The batches that are told, in descending order, so that each one tells the one before.
struct Resolution {
    group: Group,
    /// The last batch that an execution names, although it may have failed.
    last_executed: Option<SlBatch>,
    batches: Vec<CommittedBatch>,
    without: BTreeMap<SlBatch, NoBatch>,
    executed: BTreeMap<SlBatch, (StoredBatchInfo, TransactionPlace)>,
}

/// What was executed, and what says so.
struct Target {
    info: StoredBatchInfo,
    place: TransactionPlace,
    /// Whether an event shows that this transaction did it.
    has_event: bool,
}

impl Resolution {
    fn run(
        &mut self,
        mut commits: BTreeMap<SlBatch, Vec<Candidate>>,
        executions: &BTreeMap<SlBatch, Vec<Executed>>,
    ) {
        let numbers: BTreeSet<_> = commits.keys().chain(executions.keys()).copied().collect();
        // What the batch above says of the one below it.
        let mut from_above: Option<Target> = None;
        // As it, also if it was not executed.
        let mut followed: Option<StoredBatchInfo> = None;
        for batch in numbers.into_iter().rev() {
            let candidates = commits.remove(&batch).unwrap_or_default();
            let named = executions.get(&batch).map(Vec::as_slice).unwrap_or_default();
            let stated = from_above.take().filter(|above| above.info.batch == batch);
            let told = match target(stated, named) {
                Err(reason) => Err(reason),
                Ok(None) => self.committed(batch, candidates, followed.as_ref()),
                Ok(Some(target)) => {
                    self.executed.insert(batch, (target.info.clone(), target.place.clone()));
                    self.executed(target, candidates)
                }
            };
            match told {
                Ok(Some((committed, previous))) => {
                    // Commits of one executed batch may name different ones before it.
                    let is_told = previous.is_some() || committed.execution != Execution::Executed;
                    followed = is_told.then(|| committed.previous.clone());
                    from_above = previous;
                    self.batches.push(committed);
                }
                Ok(None) => {}
                Err(reason) => drop(self.without.insert(batch, reason)),
            }
        }
    }

    /// The commit of a batch that was executed, and what it says of the batch before.
    fn executed(
        &mut self,
        Target { info, place: execution, has_event }: Target,
        candidates: Vec<Candidate>,
    ) -> Result<Option<(CommittedBatch, Option<Target>)>, NoBatch> {
        let (right, others): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| candidate.commit.is_of(&info));
        // Anybody can send calls to another contract. If an event shows another commit, they do not count.
        let is_shown =
            |other: &&Candidate| other.has_event && self.group.has_reverted(other) != Some(true);
        let is_certain = has_event || right.iter().any(|one| one.has_event);
        if let (Some(right), Some(other)) = (right.first(), others.iter().find(is_shown))
            && !is_certain
        {
            let commits = Box::new([other.place.clone(), right.place.clone()]);
            return Err(NoBatch::TwoCommits { commits });
        }
        for _ in &others {
            self.group.pass_over(PassedOver::NotExecuted);
        }
        let differ = right.iter().any(|one| one.commit.previous != right[0].commit.previous);
        let Some(right) = self.best(right) else {
            let Some(other) = others.into_iter().next_back() else { return Ok(None) };
            let (root, commit) = (info.logs_root, other.place);
            return Err(NoBatch::OtherContent { execution, root, commit });
        };
        let previous = Target {
            info: right.commit.previous.clone(),
            place: right.place.clone(),
            has_event: right.has_event,
        };
        let is_told = right.has_event || !differ;
        Ok(Some((right.with(Execution::Executed), is_told.then_some(previous))))
    }

    /// The commit of a batch of which nothing says that it was executed, but perhaps an event. `followed` is the batch
    /// that a later one follows.
    fn committed(
        &mut self,
        batch: SlBatch,
        candidates: Vec<Candidate>,
        followed: Option<&StoredBatchInfo>,
    ) -> Result<Option<(CommittedBatch, Option<Target>)>, NoBatch> {
        let roots = self.group.executed_roots.get(&batch).cloned();
        let mut left = Vec::new();
        for candidate in candidates {
            let is_followed = followed.is_some_and(|info| candidate.commit.is_of(info));
            let is_told = !self.group.has_commit_events || candidate.has_event || is_followed;
            let root = candidate.commit.info.state_root;
            let reason = match (self.group.has_reverted(&candidate), &roots) {
                (Some(true), _) => PassedOver::Reverted,
                (_, Some(roots)) if !roots.contains(&root) => PassedOver::NotExecuted,
                (None, None) => PassedOver::OrderUnknown,
                _ if !is_told => PassedOver::NoReceipt,
                _ => {
                    left.push(candidate);
                    continue;
                }
            };
            self.group.pass_over(reason);
            self.group.refuse(batch, candidate.place, reason);
        }
        let differs = |one: &&Candidate| {
            let (commit, first) = (&one.commit, &left[0].commit);
            (&commit.previous, &commit.info) != (&first.previous, &first.info)
        };
        if let Some(other) = left.iter().find(differs) {
            let commits = Box::new([left[0].place.clone(), other.place.clone()]);
            return Err(NoBatch::TwoCommits { commits });
        }
        let execution = match self.last_executed {
            _ if roots.is_some() => Execution::Executed,
            Some(last) if last < batch => Execution::NotExecuted,
            _ => Execution::Unknown,
        };
        Ok(self.best(left).map(|right| {
            let previous = Target {
                info: right.commit.previous.clone(),
                place: right.place.clone(),
                has_event: right.has_event,
            };
            (right.with(execution), roots.map(|_| previous))
        }))
    }

    /// Of commits with the same content, one whose input for data availability is known, with an event, and the last.
    fn best(&mut self, mut candidates: Vec<Candidate>) -> Option<Candidate> {
        candidates.sort_by(|one, other| one.rank().cmp(&other.rank()));
        let best = candidates.pop();
        for _ in &candidates {
            self.group.pass_over(PassedOver::Repeated);
        }
        best
    }
}

/// What was executed as a batch, if anything says so.
fn target(from_above: Option<Target>, named: &[Executed]) -> Result<Option<Target>, NoBatch> {
    let has_event = named.iter().any(|executed| executed.has_event);
    let of = |executed: &Executed| Target {
        info: executed.info.clone(),
        place: executed.place.clone(),
        has_event: executed.has_event,
    };
    if let Some(above) = from_above {
        let is_same = |executed: &&Executed| executed.info.is_same_batch(&above.info);
        let same = named.iter().filter(is_same).max_by_key(|executed| executed.has_event);
        let other = named.iter().find(|executed| !is_same(executed));
        match (same, other) {
            (Some(executed), _) if executed.has_event || !has_event => {
                let has_event = executed.has_event || above.has_event;
                return Ok(Some(Target { has_event, ..of(executed) }));
            }
            (_, Some(_)) if has_event && !above.has_event => {}
            (_, Some(other)) if has_event || !above.has_event => {
                let executions = Box::new([other.place.clone(), above.place]);
                return Err(NoBatch::TwoExecutions { executions });
            }
            _ => return Ok(Some(above)),
        }
    }
    let mut certain = named.iter().filter(|executed| executed.has_event || !has_event);
    let Some(first) = certain.next() else { return Ok(None) };
    match certain.find(|executed| !executed.info.is_same_batch(&first.info)) {
        None => Ok(Some(of(first))),
        Some(other) => {
            let executions = Box::new([first.place.clone(), other.place.clone()]);
            Err(NoBatch::TwoExecutions { executions })
        }
    }
}
