//! Creates extractors for targets. Data that only some targets need is computed on first use.

use std::{
    borrow::Cow,
    sync::{Arc, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{
    Error, Event, Extractor, Observer, TargetError, Trees,
    anchor_state::L1State,
    batch_root_rules::{BatchRootRules, OwnRules},
    bridged_target::BridgedTarget,
    trees::{FoundHistory, Source},
};
use crate::{
    anchor::KnownRoots,
    contracts::Layout,
    forest::{
        Forest, History, HistoryError, SearchBudget, Timeline, WantedRoot, explain,
        explain_further, explain_one,
    },
    primitives::{BatchNumber, ChainId},
    proof::{
        ProofRecord, Target,
        reader::{Item, RecordError},
    },
    records::{L1Evidence, L1Verdict},
};

/// What is to be known of the blocks that executed batches, for targets with roots on L1. No proof depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlBlocks {
    /// Those that are known without a search.
    IfKnown,
    /// All that can be found.
    Searched,
}

impl Trees {
    /// Creates an extractor of proofs against a target. It borrows from the trees.
    ///
    /// ```
    /// use slproof::{Messages, Target, Trees, primitives::{BatchNumber, ChainId}};
    ///
    /// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
    /// let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
    /// let extractor = trees.extractor(Target::BatchRoot)?;
    /// let proofs = extractor.batch_of(messages.archive(), ChainId(324), BatchNumber(501_234))?;
    /// assert!(proofs.prove_all().all(|record| record.is_ok()));
    /// # Ok::<(), slproof::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error`]. [`Error::is_of_target`] returns which errors concern only the target.
    pub fn extractor(&self, target: Target) -> Result<Extractor<'_>, Error> {
        self.extractor_naming(target, SlBlocks::IfKnown)
    }

    /// As [`Trees::extractor`], with what is to be known of the blocks that executed batches.
    pub(super) fn extractor_naming(
        &self,
        target: Target,
        blocks: SlBlocks,
    ) -> Result<Extractor<'_>, Error> {
        if let Some(bridged) = self.bridged_extractor(target)? {
            return Ok(bridged);
        }
        self.expect_root(target)?;
        let timeline = match (self.forest(), target, blocks) {
            (Some(forest), Target::SlBatch(_) | Target::FirstSlBatch, SlBlocks::IfKnown) => {
                Some(self.history_at_sl_batches(forest, target)?)
            }
            (Some(_), target, _) if target.needs_history() => Some(self.history()?),
            _ => None,
        };
        self.extractor_in(target, timeline)
    }

    /// An extractor for a target that is after missing batches of the settlement layer. `None` for every other
    /// target.
    fn bridged_extractor(&self, target: Target) -> Result<Option<Extractor<'_>>, Error> {
        let Some((forest, trees)) = self.forest().and_then(|f| Some((f, f.bridged()?))) else {
            return Ok(None);
        };
        let found = match target {
            Target::SlBatch(batch) => match trees.end(batch) {
                Some(end) => {
                    let timeline = self.history_at_sl_batches(forest, target)?;
                    let layer = self.sl_batch_trees(forest, timeline, target)?;
                    layer.compare_bridged(end)?;
                    Some(BridgedTarget::SlBatch(end, layer.l1()))
                }
                None => None,
            },
            Target::Block(block) => match trees.end_with(block) {
                Some(end) => {
                    let root = trees.root(end, block);
                    let root = root.ok_or(TargetError::UnexplainedAfterGap(block))?;
                    Some(BridgedTarget::Block(end, root))
                }
                None if forest.latest().is_none_or(|latest| latest.block < block) => {
                    return Err(TargetError::AfterGap(block).into());
                }
                None => None,
            },
            Target::Latest if forest.latest().is_none() => {
                let has_root = trees.ends().iter().any(|end| end.last_block().is_some());
                has_root.then_some(BridgedTarget::Latest)
            }
            _ => None,
        };
        Ok(found.map(|target| Extractor::to_bridged(forest, target)))
    }

    /// Like [`Trees::extractor`], with the history that the target needs, if any.
    pub(super) fn extractor_in<'t>(
        &'t self,
        target: Target,
        timeline: Option<&'t Timeline>,
    ) -> Result<Extractor<'t>, Error> {
        let forest = match &self.0.source {
            Source::Dump(forest, dump)
                if target == Target::BatchRoot && forest.layout() >= Layout::V31 =>
            {
                let roots = Arc::new(self.0.options.state.known_roots(&dump.state)?);
                let rules = self.batch_root_rules(roots.clone())?;
                return Ok(match forest.layout() {
                    // L1 of v33 also stores roots of batches that are in no tree: those from before a chain's upgrade.
                    Layout::V33 => Extractor::of_batch_roots(roots, Some(rules)),
                    _ => Extractor::to_leaves(forest, Some(rules)),
                });
            }
            Source::Dump(forest, _) | Source::Events(forest, _) | Source::L1(forest, _) => forest,
            Source::File(file) => file.forest(),
            Source::State { roots, .. } if target == Target::BatchRoot => {
                let rules = self.batch_root_rules(Arc::new(roots))?;
                return Ok(Extractor::of_batch_roots(Arc::new(roots), Some(rules)));
            }
            Source::State { .. } => return Err(Error::NoTrees(target)),
            Source::Stored(paths) => {
                return Ok(Extractor::to_stored(paths.ends(target, self.l1()?, self.options())?));
            }
        };
        match (target, timeline) {
            (Target::BatchRoot, _) => {
                Ok(Extractor::to_leaves(forest, self.l1()?.map(BatchRootRules::L1)))
            }
            (_, None) => Ok(Extractor::new(forest, target)?),
            (Target::SlBatch(batch), Some(timeline)) => {
                let trees = self.sl_batch_trees(forest, timeline, target)?;
                Ok(Extractor::to_sl_batch(forest, timeline, trees.tree(batch)?, trees.l1()))
            }
            (Target::FirstSlBatch, Some(timeline)) => {
                let trees = self.sl_batch_trees(forest, timeline, target)?;
                Ok(Extractor::to_first_sl_batch(forest, trees))
            }
            (_, Some(timeline)) => Ok(Extractor::in_history(forest, timeline, target)?),
        }
    }

    /// The contracts that decide about proofs that end at a batch root: those on L1, if its state was given, or else
    /// those in the state that the root is from.
    fn batch_root_rules<'t>(
        &'t self,
        own: Arc<dyn OwnRules + 't>,
    ) -> Result<BatchRootRules<'t>, Error> {
        Ok(self.l1()?.map_or(BatchRootRules::Own(own), BatchRootRules::L1))
    }

    /// Returns the contents of past roots. The first caller computes them; others wait for the result.
    ///
    /// ```
    /// use slproof::{Trees, TreesOptions};
    ///
    /// let mut options = TreesOptions::default();
    /// options.events = vec!["fixtures/gateway-v29/events.jsonl.gz".into()];
    /// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &options)?;
    /// assert_eq!(trees.history()?.history().unexplained().count(), 0);
    /// # Ok::<(), slproof::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error`] when the settlement layer stores no roots by block, or when the events cannot be read.
    pub fn history(&self) -> Result<&Timeline, Error> {
        let opened = &*self.0;
        if opened.history.get().is_none() {
            let _searching = opened.searching.lock().unwrap_or_else(PoisonError::into_inner);
            if opened.history.get().is_none() {
                let found = self.find_history()?;
                return Ok(&opened.history.get_or_init(|| found).timeline);
            }
        }
        let found = opened.history.get();
        Ok(&found.unwrap_or_else(|| unreachable!("it is set above")).timeline)
    }

    /// The contents of past roots that trees from L1, or a tree file, have without a search. `None` if they have
    /// none, or those of all roots.
    pub(super) fn unsearched_history(&self) -> Result<Option<&Timeline>, Error> {
        if let Some(known) = self.0.unsearched.get() {
            return Ok(Some(known));
        }
        let (Some(forest), Some(known)) = (self.forest(), self.partial_history()?) else {
            return Ok(None);
        };
        let timeline = Timeline::new(forest, known.into_owned())?;
        Ok(Some(self.0.unsearched.get_or_init(|| timeline)))
    }

    /// What trees from L1 or a tree file know of the contents of past roots, if it is something, but not all.
    pub(super) fn partial_history(&self) -> Result<Option<Cow<'_, History>>, Error> {
        // Then the other roots are a part as well.
        let is_a_part = |some, roots| (1..roots).contains(&some);
        Ok(match &self.0.source {
            Source::L1(_, history) => {
                let (roots, unexplained) = (history.len(), history.unexplained().count());
                is_a_part(unexplained as u64, roots as u64).then_some(Cow::Borrowed(history))
            }
            Source::File(file) if self.0.events.is_empty() => {
                let (roots, explained) = file.roots();
                is_a_part(explained, roots).then(|| file.history()).transpose()?.map(Cow::Owned)
            }
            _ => None,
        })
    }

    /// The time spent on the contents of past roots, zero if they were not needed.
    pub(super) fn history_time(&self) -> Duration {
        self.0.history.get().map(|found| found.elapsed).unwrap_or_default()
    }

    fn find_history(&self) -> Result<FoundHistory, Error> {
        if let Source::Events(forest, history) = &self.0.source {
            // Nothing is searched: the events say what changed.
            let timeline = Timeline::new(forest, history.clone())?;
            return Ok(FoundHistory { timeline, elapsed: Duration::ZERO });
        }
        let observer = &self.0.options.observer;
        let started = Instant::now();
        observer.event(&Event::SearchBegins);
        let found = off_pool(|| self.search());
        observer.event(&Event::SearchEnds);
        let (timeline, elapsed) = (found?, started.elapsed());
        let (roots, lost) = (timeline.history().len(), timeline.history().lost);
        let explained = roots - timeline.history().unexplained().count();
        observer.event(&Event::HistoryFound { roots, lost, explained, elapsed });
        Ok(FoundHistory { timeline, elapsed })
    }

    /// Finds the contents of every root by block that a tree file does not already contain.
    fn search(&self) -> Result<Timeline, Error> {
        let options = &self.0.options;
        match &self.0.source {
            Source::State { .. } | Source::Stored(_) => Err(Error::NoTrees(Target::First)),
            Source::Events(..) => unreachable!("handled by the caller"),
            Source::L1(forest, history) => {
                Ok(explain_further(forest, history.clone(), &self.0.events, self.budget(forest))?)
            }
            Source::Dump(forest, dump) => {
                let addresses = options.state.addresses(&dump.state)?;
                Ok(explain(&dump.state, addresses, forest, &self.0.events, self.budget(forest))?)
            }
            Source::File(file) => {
                let forest = file.forest();
                if forest.latest().is_none() {
                    return Err(HistoryError::NoRoots.into());
                }
                Ok(explain_further(forest, file.history()?, &self.0.events, self.budget(forest))?)
            }
        }
    }

    fn budget(&self, forest: &Forest) -> SearchBudget {
        let given = self.0.options.budget();
        given.unwrap_or_else(|| SearchBudget::for_batches(forest.batch_count()))
    }

    /// Reads the history of a single root directly from a tree file, which may have millions, or searches for it
    /// alone where the contents of some roots are known. The root is the target or, for a given batch, the first root
    /// that contains it. `None` if it cannot be had alone.
    pub(super) fn single_root(
        &self,
        target: Target,
        batch: Option<(ChainId, BatchNumber)>,
    ) -> Result<Option<Timeline>, Error> {
        let Some(forest) = self.forest().filter(|_| self.0.history.get().is_none()) else {
            return Ok(None);
        };
        let leaf = |(chain, batch)| {
            let tree = forest.chain(chain)?;
            Some(WantedRoot::FirstWith { chain: tree.index(), leaf: tree.find(batch)?.0 })
        };
        let wanted = match target {
            Target::Block(block) => Some(WantedRoot::Of(block)),
            Target::First => batch.and_then(leaf),
            _ => None,
        };
        let Some(wanted) = wanted else { return Ok(None) };
        let stored = match (self.tree_file(), wanted) {
            (Some(file), WantedRoot::Of(block)) => file.history_at(block)?,
            (Some(file), WantedRoot::FirstWith { chain, leaf }) => file.history_of(chain, leaf)?,
            (None, _) => None,
        };
        let history = match stored {
            None => match self.partial_history()? {
                // Events may explain the root.
                Some(_) if !self.0.events.is_empty() => None,
                Some(known) => explain_one(forest, &known, wanted, self.budget(forest))?,
                None => None,
            },
            stored => stored,
        };
        Ok(history.map(|history| Timeline::new(forest, history)).transpose()?)
    }

    /// A text that identifies L1's state, if it was given.
    pub(super) fn l1_identity(&self) -> Result<Option<String>, Error> {
        Ok(self.l1_state()?.map(|l1| l1.identity.clone()))
    }

    /// What proves L1's state, if it was given as single slots with their proofs. They must show that Bridgehub names
    /// MessageRoot: whoever reads the evidence trusts no other address.
    pub(super) fn l1_evidence(&self) -> Result<Option<Arc<L1Evidence>>, Error> {
        let Some(l1) = self.l1_state()? else { return Ok(None) };
        let Some(evidence) = &l1.evidence else { return Ok(None) };
        let given = l1.roots.addresses().message_root;
        match l1.roots.bridgehub().message_root()? {
            Some(named) if named == given => Ok(Some(Arc::clone(evidence))),
            named => Err(Error::ForeignMessageRoot { given, named }),
        }
    }

    /// The roots in L1's state, if it was given.
    ///
    /// # Errors
    /// [`Error`] if the state cannot be read, or holds invalid values.
    pub fn l1(&self) -> Result<Option<&KnownRoots>, Error> {
        Ok(self.l1_state()?.map(|l1| &*l1.roots))
    }

    /// As [`Trees::l1`], shared: for [`MessagesOptions::roots`](super::MessagesOptions::roots).
    ///
    /// # Errors
    /// As [`Trees::l1`].
    pub fn shared_l1(&self) -> Result<Option<Arc<KnownRoots>>, Error> {
        Ok(self.l1_state()?.map(|l1| Arc::clone(&l1.roots)))
    }

    /// What L1's state says of a proof, if the state was given.
    pub(crate) fn l1_verdict(&self, record: ProofRecord) -> Result<Option<L1Verdict>, Error> {
        let item = match record.log {
            Some(log) => Ok(Item::Proof(Box::new(record), log)),
            None => Err(RecordError::Missing { field: "log" }),
        };
        self.l1_verdict_on(item)
    }

    /// What L1's state says of what was read as a proof. `None` without a state, and for the record of a failed request.
    pub(crate) fn l1_verdict_on(
        &self,
        item: Result<Item, RecordError>,
    ) -> Result<Option<L1Verdict>, Error> {
        let Some(l1) = self.l1_state()? else { return Ok(None) };
        let block_hash = l1.evidence.as_ref().map(|evidence| evidence.block_hash);
        Ok(L1Verdict::of(Arc::clone(&l1.roots), block_hash, item))
    }

    fn l1_state(&self) -> Result<Option<&L1State>, Error> {
        let Some(given) = &self.0.options.l1 else { return Ok(None) };
        if let Some(l1) = self.0.l1.get() {
            return Ok(Some(l1));
        }
        let opened = given.open()?;
        Ok(Some(self.0.l1.get_or_init(|| opened)))
    }
}

/// Runs work in a separate pool of the same size while this thread only blocks. Threads that wait for the
/// result may be all threads of the current pool. A pool thread that waits for its subtasks may steal other
/// work that needs the same result, which would be a deadlock.
fn off_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(rayon::current_num_threads()).build();
    match pool {
        Ok(pool) => thread::scope(|threads| {
            let done = threads.spawn(|| pool.install(work)).join();
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }),
        // If no threads can be started, the work runs on the current pool.
        Err(_) => work(),
    }
}

#[cfg(test)]
mod tests;
