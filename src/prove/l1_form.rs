//! Finds the batches of the settlement layer through which batches are proven to L1.

use std::{
    collections::HashMap,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Error, Event, Observer, SlBatchError, SlBatchTree, Trees, l1_trees::GivenL1, trees::Opened,
};
use crate::{
    anchor::{Answer, KnownRoots, SettlementCheck},
    files::names,
    forest::{Forest, Timeline},
    ingest::{
        kind_of,
        l1::L1Files,
        sl_batches::{SlBatchLogs, SlBatches, read_all_sl_batches},
    },
    primitives::{BatchNumber, Hash, SlBatch, SlBlock, Word},
    proof::Target,
};

/// The maximum number of SL batches that are cached, and that are tried for one batch of a chain.
const MOST_SL_BATCHES: usize = 64;
/// The maximum number of SL batches without a tree whose errors are cached.
const MOST_FAILED: usize = 1 << 12;

/// The settlement layer's own batches, their trees, and L1's answers about them.
#[derive(Clone, Debug)]
pub(super) struct SlBatchTrees<'t> {
    opened: &'t Opened,
    forest: &'t Forest,
    timeline: &'t Timeline,
    batches: &'t SlBatches,
    l1: Option<&'t KnownRoots>,
    /// Why SL batches have no tree.
    failed: Arc<Mutex<HashMap<u64, SlBatchError>>>,
}

impl<'t> SlBatchTrees<'t> {
    /// The contents of past roots.
    pub(super) fn timeline(&self) -> &'t Timeline {
        self.timeline
    }

    /// The contracts on L1, if their state was given.
    pub(super) fn l1(&self) -> Option<&'t dyn SettlementCheck> {
        self.l1.map(|l1| l1 as &dyn SettlementCheck)
    }

    /// The batches that are given, in ascending order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = SlBatch> {
        self.batches.iter().map(|logs| logs.batch())
    }

    /// The tree of an SL batch, or why it has none. Those that were used last are kept.
    pub(super) fn tree(&self, batch: SlBatch) -> Result<Arc<SlBatchTree>, SlBatchError> {
        if let Some(known) = rebuilt_sl_batch(self.opened, batch) {
            return Ok(known);
        }
        if let Some(error) = self.failed().get(&batch.0) {
            return Err(error.clone());
        }
        let tree = Arc::new(self.rebuild(batch).inspect_err(|error| {
            let mut failed = self.failed();
            if failed.len() >= MOST_FAILED {
                failed.clear();
            }
            failed.insert(batch.0, error.clone());
        })?);
        let mut rebuilt = self.opened.rebuilt.lock().unwrap_or_else(PoisonError::into_inner);
        if rebuilt.len() >= MOST_SL_BATCHES {
            rebuilt.clear();
        }
        rebuilt.insert(batch.0, Arc::clone(&tree));
        Ok(tree)
    }

    fn rebuild(&self, batch: SlBatch) -> Result<SlBatchTree, SlBatchError> {
        let missing =
            || SlBatchError::NotArchived { name: self.name(), batch, has: self.batches.range() };
        let logs = self.batches.batch(batch).ok_or_else(missing)?;
        let stored = self.stored_root(batch)?;
        if stored.is_none() && logs.is_executed() == Some(false) {
            return Err(SlBatchError::NotExecuted(batch));
        }
        SlBatchTree::rebuild(self.forest, self.timeline, logs, stored)
    }

    fn failed(&self) -> MutexGuard<'_, HashMap<u64, SlBatchError>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree of the SL batch that covers a block.
    pub(super) fn covering(&self, block: SlBlock) -> Result<Arc<SlBatchTree>, SlBatchError> {
        match self.batches.covering(block) {
            Some(logs) => self.tree(logs.batch()),
            None => {
                let has = self.batches.range();
                Err(SlBatchError::BlockNotArchived { name: self.name(), block, has })
            }
        }
    }

    /// Whether the SL batch that covers the last of some blocks does not cover the first one.
    pub(super) fn are_in_several(&self, blocks: &RangeInclusive<SlBlock>) -> bool {
        let covering = |block| self.batches.covering(block).map(SlBatchLogs::batch);
        let last = covering(*blocks.end());
        last.is_some() && covering(*blocks.start()) != last
    }

    /// Whether the SL batch before this one is given and does not fold with the trees. Then a root in it may be lost, and
    /// the first known root that contains a batch is a later one.
    pub(super) fn lack_a_root_before(&self, batch: SlBatch) -> bool {
        let before = batch.0.checked_sub(1).map(|before| self.tree(SlBatch(before)));
        matches!(before, Some(Err(SlBatchError::DoesNotFold { .. })))
    }

    /// The tree of the last SL batch between two numbers. Of the given ones, the last that can be rebuilt and
    /// whose root L1 stores is taken. `None` if none of them is between the two.
    ///
    /// # Errors
    /// That of the last one, if none of the last [`MOST_SL_BATCHES`] can be taken.
    pub(super) fn last_within(
        &self,
        first: Word,
        last: Option<Word>,
    ) -> Result<Option<Arc<SlBatchTree>>, SlBatchError> {
        let is_within = |batch: &SlBatch| {
            let number = Word::from(batch.0);
            first <= number && last.is_none_or(|last| number <= last)
        };
        let within = self.batches.iter().rev().map(|logs| logs.batch()).filter(is_within);
        let mut error = None;
        for batch in within.take(MOST_SL_BATCHES) {
            match self.tree(batch) {
                Ok(tree) => return Ok(Some(tree)),
                Err(other) => drop(error.get_or_insert(other)),
            }
        }
        error.map_or(Ok(None), Err)
    }

    /// The root that L1 stores for an SL batch, if L1's state was given.
    pub(super) fn stored_root(&self, batch: SlBatch) -> Result<Option<Hash>, SlBatchError> {
        let Some(l1) = self.l1 else { return Ok(None) };
        Err(match l1.of_batch(self.forest.sl_chain(), BatchNumber(batch.0))? {
            Answer::Root(known) => {
                self.opened.options.observer.event(&Event::SlBatchRoot { batch, known });
                return Ok(Some(known.root));
            }
            Answer::NotStored => SlBatchError::NotOnL1(batch),
            Answer::Refused(source) => SlBatchError::Refused { batch, source },
            Answer::Lacking(source) => SlBatchError::L1CannotJudge { batch, source },
        })
    }

    fn name(&self) -> String {
        let files = &self.opened.options.sl_batches;
        match &self.opened.from_l1 {
            Some(l1) if files.is_empty() => l1.name().into(),
            _ => names(files),
        }
    }
}

impl Opened {
    /// Whether the settlement layer's own batches are given.
    fn has_sl_batches(&self) -> bool {
        self.from_l1.is_some() || !self.options.sl_batches.is_empty()
    }
}

impl Trees {
    /// Opens the settlement layer's own batches for a target that needs them.
    pub(super) fn sl_batch_trees<'t>(
        &'t self,
        forest: &'t Forest,
        timeline: &'t Timeline,
        target: Target,
    ) -> Result<SlBatchTrees<'t>, Error> {
        if !self.0.has_sl_batches() {
            return Err(Error::NoSlBatches(target));
        }
        let batches = self.sl_batches(forest, timeline)?;
        let l1 = self.l1()?;
        let failed = Arc::default();
        Ok(SlBatchTrees { opened: &self.0, forest, timeline, batches, l1, failed })
    }

    /// Whether trees were rebuilt and the settlement layer's own batches were given, so that batches can be
    /// proven to L1 through it.
    #[must_use]
    pub fn has_sl_batches(&self) -> bool {
        self.forest().is_some() && self.0.has_sl_batches()
    }

    /// The contents of past roots for a target with a root on L1. It needs only those at the ends of the
    /// settlement layer's own batches. If these are known, nothing is searched.
    pub(super) fn history_at_sl_batches(
        &self,
        forest: &Forest,
        target: Target,
    ) -> Result<&Timeline, Error> {
        if !self.0.has_sl_batches() {
            return Err(Error::NoSlBatches(target));
        }
        let Some(known) = self.unsearched_history()? else { return self.history() };
        let is_needed = |batch: &&SlBatchLogs| match target {
            Target::SlBatch(number) => batch.batch() == number,
            _ => true,
        };
        let mut needed = self.sl_batches(forest, known)?.iter().filter(is_needed);
        match needed.all(|batch| known.is_known_at(*batch.blocks().end())) {
            true => Ok(known),
            false => self.history(),
        }
    }

    /// The settlement layer's own batches that were given, and those on L1.
    fn sl_batches(&self, forest: &Forest, timeline: &Timeline) -> Result<&SlBatches, Error> {
        let opened = &*self.0;
        if let Some(batches) = opened.sl_batches.get() {
            return Ok(batches);
        }
        let (mut files, mut of_l1) = (Vec::new(), L1Files::default());
        for path in &opened.options.sl_batches {
            match kind_of(path, &opened.options.known)? {
                Some(kind) if kind.is_of_l1() || kind.may_be_of_l1() || kind.may_have_calls() => {
                    of_l1.add(path.clone(), Some(kind));
                }
                _ => files.push(path.clone()),
            }
        }
        if of_l1.transactions.is_empty() {
            files.append(&mut of_l1.receipts);
        }
        let mut batches = read_all_sl_batches(&files, forest.sl_chain())?;
        let blocks = &timeline.history().blocks;
        for l1 in opened.from_l1.iter().chain(&GivenL1::read(of_l1, &opened.options)?) {
            batches = l1.sl_batches(batches, &opened.options, blocks)?;
        }
        Ok(opened.sl_batches.get_or_init(|| {
            let is_unchecked = batches.iter().any(|batch| batch.is_executed().is_none());
            if opened.options.l1.is_none() && is_unchecked {
                opened.options.observer.event(&Event::SlBatchRootUnchecked);
            }
            batches
        }))
    }

    /// The newest of the settlement layer's own batches whose tree can be rebuilt, among the last `most` that
    /// were given; every batch in it can be proven against its root. `None` if there are none. An error of the
    /// very last one is returned if none can be rebuilt.
    ///
    /// # Errors
    /// [`Error`] if the batches cannot be read, or if none of those can be rebuilt.
    pub fn newest_sl_batch(&self, most: usize) -> Result<Option<Arc<SlBatchTree>>, Error> {
        let (Some(forest), true) = (self.forest(), self.0.has_sl_batches()) else {
            return Ok(None);
        };
        let timeline = self.history_at_sl_batches(forest, Target::FirstSlBatch)?;
        let trees = self.sl_batch_trees(forest, timeline, Target::FirstSlBatch)?;
        let mut last = None;
        for batch in trees.batches.iter().rev().take(most) {
            match trees.tree(batch.batch()) {
                Ok(tree) => return Ok(Some(tree)),
                Err(error) => drop(last.get_or_insert(error.into())),
            }
        }
        last.map_or(Ok(None), Err)
    }

    /// Returns the tree of an SL batch from the cache.
    #[must_use]
    pub fn rebuilt_sl_batch(&self, batch: SlBatch) -> Option<Arc<SlBatchTree>> {
        rebuilt_sl_batch(&self.0, batch)
    }
}

fn rebuilt_sl_batch(opened: &Opened, batch: SlBatch) -> Option<Arc<SlBatchTree>> {
    let rebuilt = opened.rebuilt.lock().unwrap_or_else(PoisonError::into_inner);
    rebuilt.get(&batch.0).cloned()
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::prove::{L1Options, TreesOptions};

    /// Counts how often the root of an SL batch was read from L1, which is the beginning of rebuilding its tree.
    #[derive(Default)]
    pub(in crate::prove) struct Rebuilds(AtomicUsize);

    impl Observer for Rebuilds {
        fn event(&self, event: &Event<'_>) {
            self.0.fetch_add(matches!(event, Event::SlBatchRoot { .. }).into(), Ordering::Relaxed);
        }
    }

    impl Rebuilds {
        pub(in crate::prove) fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// The SL batch with another root in the file than on L1 in [`with_another_root`], and its last block.
    pub(in crate::prove) const DIFFERING: (SlBatch, SlBlock) = (SlBatch(2000), SlBlock(105));

    /// Trees with a state of L1 that contradicts the file of SL batches.
    pub(in crate::prove) fn with_another_root() -> (Trees, Arc<Rebuilds>) {
        let rebuilds = Arc::new(Rebuilds::default());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sl_batches.jsonl");
        let text = std::fs::read_to_string("fixtures/gateway-v29/gw_batches.jsonl").unwrap();
        let lines = text.lines().map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            if line["gwBatch"] == DIFFERING.0.0 {
                assert_eq!(line["lastBlock"], DIFFERING.1.0);
                line["chainBatchRoot"] = Hash::new([1; 32]).to_string().into();
            }
            format!("{line}\n")
        });
        std::fs::write(&file, lines.collect::<String>()).unwrap();
        let mut l1 = L1Options {
            paths: vec!["fixtures/gateway-v29/l1.state.anvil.json".into()],
            ..L1Options::default()
        };
        l1.state.bridgehub = Some("0x303a465b659cbb0ab36ee643ea362c509eeb5213".parse().unwrap());
        let options = TreesOptions {
            observer: Arc::clone(&rebuilds).into(),
            events: vec!["fixtures/gateway-v29/events.jsonl.gz".into()],
            sl_batches: vec![file],
            l1: Some(l1),
            ..TreesOptions::default()
        };
        let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &options).unwrap();
        let forest = trees.forest().unwrap();
        let timeline = trees.history_at_sl_batches(forest, Target::FirstSlBatch).unwrap();
        // Reads the file, which is removed with the folder.
        trees.sl_batch_trees(forest, timeline, Target::FirstSlBatch).unwrap();
        (trees, rebuilds)
    }

    #[test]
    fn an_sl_batch_without_a_tree_is_tried_once() {
        let (trees, rebuilds) = with_another_root();
        let forest = trees.forest().unwrap();
        let timeline = trees.history_at_sl_batches(forest, Target::FirstSlBatch).unwrap();
        let layer = trees.sl_batch_trees(forest, timeline, Target::FirstSlBatch).unwrap();
        let (batch, block) = DIFFERING;
        let error = layer.tree(batch).unwrap_err();
        assert!(matches!(error, SlBatchError::OtherRoot { .. }), "{error}");
        assert_eq!(layer.covering(block).unwrap_err(), error);
        assert_eq!(layer.clone().tree(batch).unwrap_err(), error);
        assert_eq!(rebuilds.count(), 1);
        assert!(layer.tree(SlBatch(2001)).is_ok());
    }
}
