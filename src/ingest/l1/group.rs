//! The calls of one chain.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CalldataError, ChainName, CommittedBatch, DaInput, Execution, PassedOver, StoredBatchInfo,
    TransactionPlace,
    digest::{FoundCommit, FoundEffect},
    rows::{BatchEventKind, Position},
    stored_pubdata::PubdataPlace,
};
use crate::primitives::{Hash, SlBatch};

/// A call of a chain.
pub(super) struct Accepted {
    pub(super) effect: FoundEffect<PubdataPlace>,
    pub(super) place: TransactionPlace,
    pub(super) position: Option<Position>,
    /// Whether the events of its transaction show that it was made.
    pub(super) has_event: bool,
    /// Why it is passed over.
    pub(super) passed_over: Option<PassedOver>,
}

/// A commit of a batch.
pub(super) struct Candidate {
    pub(super) commit: FoundCommit<PubdataPlace>,
    pub(super) place: TransactionPlace,
    position: Option<Position>,
    pub(super) has_event: bool,
}

/// An execution of a batch.
pub(super) struct Executed {
    pub(super) info: StoredBatchInfo,
    pub(super) place: TransactionPlace,
    pub(super) has_event: bool,
}

pub(super) struct Revert {
    /// The last batch that it leaves.
    last: SlBatch,
    position: Option<Position>,
    pub(super) has_event: bool,
}

/// The calls of one chain.
#[derive(Default)]
pub(super) struct Group {
    pub(super) names: BTreeSet<ChainName>,
    pub(super) commits: BTreeMap<SlBatch, Vec<Candidate>>,
    pub(super) executions: BTreeMap<SlBatch, Vec<Executed>>,
    pub(super) reverts: Vec<Revert>,
    /// Whether events show commits.
    pub(super) has_commit_events: bool,
    /// The state roots of executed batches, as events have them. There is one for each, unless files are forged.
    pub(super) executed_roots: BTreeMap<SlBatch, BTreeSet<Hash>>,
    /// The commits that were passed over before.
    pub(super) refused: BTreeMap<SlBatch, (TransactionPlace, PassedOver)>,
    /// The commits with damaged calldata, and whether an event shows them.
    pub(super) damaged: BTreeMap<SlBatch, (TransactionPlace, CalldataError, bool)>,
    pub(super) passed_over: BTreeMap<PassedOver, u64>,
}

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.commits.is_empty() && self.executions.is_empty()
    }

    pub(super) fn add(&mut self, call: Accepted) {
        let Accepted { effect, place, position, has_event, passed_over } = call;
        if let Some(reason) = passed_over {
            self.pass_over(reason);
            if let FoundEffect::Commit(commit) = effect {
                self.refuse(commit.info.batch, place, reason);
            }
            return;
        }
        match effect {
            FoundEffect::Commit(commit) => {
                self.has_commit_events |= has_event;
                let candidates = self.commits.entry(commit.info.batch).or_default();
                candidates.push(Candidate { commit: *commit, place, position, has_event });
            }
            FoundEffect::Execute(batches) => {
                for info in batches {
                    let executions = self.executions.entry(info.batch).or_default();
                    executions.push(Executed { info, place: place.clone(), has_event });
                }
            }
            FoundEffect::RevertAfter(last) => {
                self.reverts.push(Revert { last, position, has_event });
            }
        }
    }

    /// Adds an event of the diamond.
    pub(super) fn add_event(&mut self, kind: BatchEventKind, position: Option<Position>) {
        match kind {
            // Without the calldata, nothing more is known of the batch.
            BatchEventKind::Commit(..) => self.has_commit_events = true,
            BatchEventKind::Execution(batch, root) => {
                self.executed_roots.entry(batch).or_default().insert(root);
            }
            BatchEventKind::RevertAfter(last) => {
                self.reverts.push(Revert { last, position, has_event: true });
            }
        }
    }

    pub(super) fn add_damaged(
        &mut self,
        batch: SlBatch,
        (commit, source): (TransactionPlace, CalldataError),
        is_shown: bool,
    ) {
        if is_shown || !self.damaged.contains_key(&batch) {
            self.damaged.insert(batch, (commit, source, is_shown));
        }
    }

    /// Notes why a commit is not taken. What is uncertain is more important than what is not.
    pub(super) fn refuse(&mut self, batch: SlBatch, place: TransactionPlace, reason: PassedOver) {
        let before = self.refused.get(&batch);
        if reason.is_uncertain() || before.is_none_or(|(_, before)| !before.is_uncertain()) {
            self.refused.insert(batch, (place, reason));
        }
    }

    /// Adds the calls of the same chain under another name.
    pub(super) fn join(&mut self, other: Self) {
        let Self { names, commits, executions, reverts, has_commit_events, .. } = other;
        self.names.extend(names);
        for (batch, candidates) in commits {
            self.commits.entry(batch).or_default().extend(candidates);
        }
        for (batch, executions) in executions {
            self.executions.entry(batch).or_default().extend(executions);
        }
        self.reverts.extend(reverts);
        self.has_commit_events |= has_commit_events;
        for (batch, roots) in other.executed_roots {
            self.executed_roots.entry(batch).or_default().extend(roots);
        }
        for (batch, (place, reason)) in other.refused {
            self.refuse(batch, place, reason);
        }
        for (batch, (place, error, is_shown)) in other.damaged {
            self.add_damaged(batch, (place, error), is_shown);
        }
        for (reason, count) in other.passed_over {
            *self.passed_over.entry(reason).or_default() += count;
        }
    }

    /// The batches of this chain, each by its number, state root and batch root.
    pub(super) fn contents(&self) -> impl Iterator<Item = (SlBatch, Hash, Hash)> {
        let commits = self.commits.values().flatten().map(|candidate| &candidate.commit.info);
        let executed = self.executions.values().flatten().map(|executed| &executed.info);
        let commits = commits.map(|info| (info.batch, info.state_root, info.logs_root));
        commits.chain(executed.map(|info| (info.batch, info.state_root, info.logs_root)))
    }

    /// The batches that batches of this chain follow, and that this chain does not have.
    pub(super) fn outer_previous(&self) -> impl Iterator<Item = (SlBatch, Hash, Hash)> {
        let commits = self.commits.values().flatten().map(|candidate| &candidate.commit.previous);
        let outer = commits.filter(|info| {
            !self.commits.contains_key(&info.batch) && !self.executions.contains_key(&info.batch)
        });
        outer.map(|info| (info.batch, info.state_root, info.logs_root))
    }

    /// Whether a later transaction reverted a commit. `None` if the inputs do not tell.
    pub(super) fn has_reverted(&self, commit: &Candidate) -> Option<bool> {
        let mut has = Some(false);
        let of_it = |revert: &&Revert| revert.last < commit.commit.info.batch;
        for revert in self.reverts.iter().filter(of_it) {
            match Position::is_before(commit.position, revert.position) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => has = None,
            }
        }
        has
    }

    pub(super) fn pass_over(&mut self, reason: PassedOver) {
        *self.passed_over.entry(reason).or_default() += 1;
    }
}

impl FoundCommit<PubdataPlace> {
    /// Whether the commit has the content that was executed. The commitment is not compared: it is a hash of values
    /// that calldata do not have.
    pub(super) fn is_of(&self, executed: &StoredBatchInfo) -> bool {
        let info = &self.info;
        info.batch == executed.batch
            && info.state_root == executed.state_root
            && info.next_index == executed.next_index
            && info.logs_root == executed.logs_root
            && info.l1_transactions == executed.l1_transactions
            && info.priority_hash == executed.priority_hash
    }
}

impl Candidate {
    pub(super) fn rank(&self) -> (bool, bool, Option<Position>, &TransactionPlace) {
        let is_known = !matches!(self.commit.data, DaInput::Other { .. });
        (is_known, self.has_event, self.position, &self.place)
    }

    pub(super) fn with(self, execution: Execution) -> CommittedBatch {
        let FoundCommit { previous, info, data } = self.commit;
        CommittedBatch {
            batch: info.batch,
            previous,
            info,
            data,
            execution,
            transaction: self.place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Place;

    #[test]
    fn of_two_names_the_uncertain_reason_and_the_shown_damage_are_kept() {
        let place =
            |line| TransactionPlace { hash: None, name: "test".into(), place: Place::Line(line) };
        let batch = SlBatch(7);
        for is_first in [true, false] {
            let (mut one, mut other) = (Group::default(), Group::default());
            let (uncertain, certain) = match is_first {
                true => (&mut one, &mut other),
                false => (&mut other, &mut one),
            };
            uncertain.refuse(batch, place(1), PassedOver::NoReceipt);
            certain.refuse(batch, place(2), PassedOver::Failed);
            one.join(other);
            assert_eq!(one.refused[&batch].0, place(1));
        }
    }
}
