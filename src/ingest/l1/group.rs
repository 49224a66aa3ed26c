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

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    CalldataError, ChainName, Commits, CommittedBatch, DaInput, Execution, NoBatch, PassedOver,
    StoredBatchInfo, TransactionPlace,
    digest::{FoundCommit, FoundEffect},
    stored_pubdata::{PubdataPlace, StoredPubdata},
};
use crate::primitives::{Hash, SlBatch};

/// The block of a transaction, and the index in it.
type Position = (u64, u64);

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

struct Candidate {
    commit: FoundCommit<PubdataPlace>,
    place: TransactionPlace,
    position: Option<Position>,
    has_event: bool,
}

struct Executed {
    info: StoredBatchInfo,
    place: TransactionPlace,
    has_event: bool,
}

/// The calls of one chain.
#[derive(Default)]
pub(super) struct Group {
    pub(super) names: BTreeSet<ChainName>,
    commits: BTreeMap<SlBatch, Vec<Candidate>>,
    executions: BTreeMap<SlBatch, Vec<Executed>>,
    reverts: Vec<(SlBatch, Option<Position>)>,
    /// The commits that were passed over before.
    refused: BTreeMap<SlBatch, (TransactionPlace, PassedOver)>,
    pub(super) damaged: BTreeMap<SlBatch, (TransactionPlace, CalldataError)>,
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
                self.refused.insert(commit.info.batch, (place, reason));
            }
            return;
        }
        match effect {
            FoundEffect::Commit(commit) => {
                let candidates = self.commits.entry(commit.info.batch).or_default();
                candidates.push(Candidate { commit: *commit, place, position, has_event });
            }
            FoundEffect::Execute(batches) => {
                for info in batches {
                    let executions = self.executions.entry(info.batch).or_default();
                    executions.push(Executed { info, place: place.clone(), has_event });
                }
            }
            FoundEffect::RevertAfter(batch) => self.reverts.push((batch, position)),
        }
    }

    /// Adds the calls of the same chain under another name.
    pub(super) fn join(&mut self, other: Self) {
        let Self { names, commits, executions, reverts, refused, damaged, passed_over } = other;
        self.names.extend(names);
        for (batch, candidates) in commits {
            self.commits.entry(batch).or_default().extend(candidates);
        }
        for (batch, executions) in executions {
            self.executions.entry(batch).or_default().extend(executions);
        }
        self.reverts.extend(reverts);
        self.refused.extend(refused);
        self.damaged.extend(damaged);
        for (reason, count) in passed_over {
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

    /// Whether a later transaction reverted a commit.
    fn has_reverted(&self, commit: &Candidate) -> bool {
        let by = |(last, at): &(SlBatch, Option<Position>)| {
            *last < commit.commit.info.batch && commit.position.is_some() && commit.position < *at
        };
        self.reverts.iter().any(by)
    }

    fn pass_over(&mut self, reason: PassedOver) {
        *self.passed_over.entry(reason).or_default() += 1;
    }

    /// Tells the batches.
    pub(super) fn resolve(mut self, pubdata: &Arc<StoredPubdata>) -> Commits {
        let commits = std::mem::take(&mut self.commits);
        let executions = std::mem::take(&mut self.executions);
        let last_executed = executions.last_key_value().map(|(batch, _)| *batch);
        let mut resolution = Resolution {
            group: self,
            last_executed,
            batches: Vec::new(),
            without: BTreeMap::new(),
            executed: BTreeMap::new(),
        };
        resolution.run(commits, &executions);
        let Resolution { mut group, mut batches, mut without, executed, .. } = resolution;
        batches.reverse();
        for (batch, (commit, source)) in group.damaged {
            let is_known = batches.binary_search_by_key(&batch, |found| found.batch).is_ok();
            if !is_known {
                without.entry(batch).or_insert(NoBatch::Damaged { commit, source });
            }
        }
        let ends = [
            batches.last().map(|batch| batch.batch),
            executed.last_key_value().map(|(batch, _)| *batch),
            without.last_key_value().map(|(batch, _)| *batch),
        ];
        // Behind the last batch, such a number has no batch yet.
        let last = ends.into_iter().flatten().max();
        for (batch, (commit, reason)) in std::mem::take(&mut group.refused) {
            let is_known = batches.binary_search_by_key(&batch, |found| found.batch).is_ok();
            if !is_known && !executed.contains_key(&batch) && Some(batch) < last {
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
        for batch in numbers.into_iter().rev() {
            let candidates = commits.remove(&batch).unwrap_or_default();
            let named = executions.get(&batch).map(Vec::as_slice).unwrap_or_default();
            let stated = from_above.take().filter(|above| above.info.batch == batch);
            let told = match target(stated, named) {
                Err(reason) => Err(reason),
                Ok(None) => self.committed(batch, candidates),
                Ok(Some(target)) => {
                    self.executed.insert(batch, (target.info.clone(), target.place.clone()));
                    self.executed(target, candidates)
                }
            };
            match told {
                Ok(Some((committed, previous))) => {
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
        let is_shown = |other: &&Candidate| other.has_event && !self.group.has_reverted(other);
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

    /// The commit of a batch of which nothing says that it was executed.
    fn committed(
        &mut self,
        batch: SlBatch,
        candidates: Vec<Candidate>,
    ) -> Result<Option<(CommittedBatch, Option<Target>)>, NoBatch> {
        let is_reverted = |candidate: &Candidate| self.group.has_reverted(candidate);
        let (reverted, left): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_reverted);
        for candidate in reverted {
            self.group.pass_over(PassedOver::Reverted);
            self.group.refused.insert(batch, (candidate.place, PassedOver::Reverted));
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
            Some(last) if last < batch => Execution::NotExecuted,
            _ => Execution::Unknown,
        };
        Ok(self.best(left).map(|right| (right.with(execution), None)))
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

impl FoundCommit<PubdataPlace> {
    /// Whether the commit has the content that was executed. The commitment is not compared: it is a hash of values
    /// that calldata do not have.
    fn is_of(&self, executed: &StoredBatchInfo) -> bool {
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
    fn rank(&self) -> (bool, bool, Option<Position>, &TransactionPlace) {
        let is_known = !matches!(self.commit.data, DaInput::Other { .. });
        (is_known, self.has_event, self.position, &self.place)
    }

    fn with(self, execution: Execution) -> CommittedBatch {
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
