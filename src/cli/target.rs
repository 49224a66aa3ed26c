//! From the target that was asked for to an extractor against it.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    error::CliError,
    interrupt,
    prove_args::ProveArgs,
    report::{Console, count},
    sniff::{Role, wrong_input},
    state::{Origin, Rebuilt, addresses, is_native},
};
use crate::{
    anchor::{Answer, KnownRoots, SettlementCheck},
    forest::{Forest, TREE_FILE, Timeline},
    ingest::{
        sl_batches::{SlBatches, read_sl_batches},
        state::{Dump, Import},
    },
    primitives::{BatchNumber, Hash, SlBatch, hex},
    proof::Target,
    prove::{Extractor, SlBatchError, SlBatchTree},
    snapshot::Snapshot,
};

/// What proofs are made from, as far as the targets need it. What only some targets need is made when
/// the first of them asks for it.
pub(super) struct Trees<'a> {
    args: &'a ProveArgs,
    console: &'a Console,
    made_of: ProofSource,
    timeline: OnceCell<Timeline>,
    /// How long it took to find the timeline.
    history_time: Cell<Duration>,
    sl_batches: OnceCell<SlBatches>,
    /// What the state of L1 knows.
    l1: OnceCell<KnownRoots<Snapshot>>,
    /// The SL batches that were asked for last.
    rebuilt: RefCell<HashMap<u64, Arc<SlBatchTree>>>,
}

/// What proofs are made of.
enum ProofSource {
    Trees(Box<Rebuilt>),
    /// Nothing is rebuilt for the batch roots that a state stores.
    State(Box<Dump>),
}

/// How many SL batches are kept.
const MOST_SL_BATCHES: usize = 64;

impl<'a> Trees<'a> {
    pub(super) fn read(args: &'a ProveArgs, console: &'a Console) -> Result<Self, CliError> {
        let made_of = match args.target {
            Target::BatchRoot if !is_native(&args.tree, TREE_FILE) => {
                ProofSource::State(Box::new(args.how.state.read(&args.tree, console)?))
            }
            _ => ProofSource::Trees(Box::new(args.how.forest(&args.tree, console)?)),
        };
        Ok(Self {
            args,
            console,
            made_of,
            timeline: OnceCell::new(),
            history_time: Cell::default(),
            sl_batches: OnceCell::new(),
            l1: OnceCell::new(),
            rebuilt: RefCell::default(),
        })
    }

    /// The batch roots that the state stores, where proofs are made of nothing else.
    pub(super) fn witness(&self) -> Result<Option<KnownRoots<&Snapshot>>, CliError> {
        let ProofSource::State(dump) = &self.made_of else { return Ok(None) };
        Ok(Some(KnownRoots::new(&dump.state, self.args.how.state.addresses(&dump.state)?)?))
    }

    /// An extractor against a target. The state answers for batch roots where nothing was rebuilt.
    ///
    /// # Errors
    /// [`CliError`]; [`CliError::of_target`] tells which of them are the target's alone.
    pub(super) fn extractor<'t>(
        &'t self,
        witness: Option<&'t KnownRoots<&Snapshot>>,
        target: Target,
    ) -> Result<Extractor<'t>, CliError> {
        let rebuilt = match (&self.made_of, witness) {
            (ProofSource::Trees(rebuilt), _) => rebuilt,
            (ProofSource::State(_), Some(witness)) if target == Target::BatchRoot => {
                return Ok(Extractor::to_batch_roots(witness));
            }
            (ProofSource::State(_), _) => return Err(CliError::NoTrees(target)),
        };
        let forest = &rebuilt.forest;
        if !target.needs_history() {
            return Ok(Extractor::new(forest, target)?);
        }
        let timeline = self.timeline(rebuilt, target)?;
        let Target::SlBatch(batch) = target else {
            return Ok(Extractor::in_history(forest, timeline, target)?);
        };
        let tree = self.sl_batch(forest, timeline, batch)?;
        let l1 = self.l1()?.map(|l1| l1 as &dyn SettlementCheck);
        Ok(Extractor::to_sl_batch(forest, timeline, tree, l1))
    }

    /// How long it took to find out what past roots contain, where that was needed.
    pub(super) fn history_time(&self) -> Duration {
        self.history_time.get()
    }

    /// What the roots contain: the one that alone is asked for, where a tree file has it, or all.
    fn timeline(&self, rebuilt: &Rebuilt, target: Target) -> Result<&Timeline, CliError> {
        // With many proofs, those of batches after the root say which root would have had them.
        let is_alone = !self.args.which.all && self.args.which.requests.is_none();
        if let Some(timeline) = self.timeline.get() {
            return Ok(timeline);
        }
        if is_alone && let Some(timeline) = self.single_root_timeline(rebuilt, target)? {
            return Ok(self.timeline.get_or_init(|| timeline));
        }
        let started = Instant::now();
        let find = || self.args.past.timeline(&self.args.how, rebuilt, self.console);
        let timeline = interrupt::at_once(find)?;
        self.history_time.set(started.elapsed());
        Ok(self.timeline.get_or_init(|| timeline))
    }

    /// The one root that proofs are made against, straight from a tree file: it may be one of millions.
    fn single_root_timeline(
        &self,
        Rebuilt { forest, origin }: &Rebuilt,
        target: Target,
    ) -> Result<Option<Timeline>, CliError> {
        let Origin::File(file) = origin else { return Ok(None) };
        let which = &self.args.which;
        let history = match (target, which.chain, which.batch, which.index) {
            (Target::Block(block), ..) => file.history_at(block)?,
            (Target::First, Some(chain), Some(batch), Some(_)) => {
                let tree = forest.chain(chain);
                match tree.and_then(|tree| Some((tree.index(), tree.find(batch.first)?.0))) {
                    Some((chain, leaf)) => file.history_of(chain, leaf)?,
                    None => None,
                }
            }
            _ => None,
        };
        Ok(history.map(|history| Timeline::new(forest, history)).transpose()?)
    }

    fn sl_batch(
        &self,
        forest: &Forest,
        timeline: &Timeline,
        batch: SlBatch,
    ) -> Result<Arc<SlBatchTree>, CliError> {
        if let Some(known) = self.rebuilt.borrow().get(&batch.0) {
            return Ok(Arc::clone(known));
        }
        let path = self.args.sl_batches.as_ref().ok_or(CliError::NoSlBatches(batch))?;
        let batches = match self.sl_batches.get() {
            Some(batches) => batches,
            None => {
                let batches = read_sl_batches(path, forest.sl_chain())?;
                self.sl_batches.get_or_init(|| batches)
            }
        };
        let missing = || CliError::NoSlBatch {
            name: path.display().to_string(),
            batch,
            has: batches.range(),
        };
        let logs = batches.batch(batch).ok_or_else(missing)?;
        let stored = self.stored_root(forest, batch)?;
        let tree = SlBatchTree::rebuild(forest, timeline, logs, stored);
        let tree = Arc::new(tree.map_err(CliError::SlBatch)?);
        let mut rebuilt = self.rebuilt.borrow_mut();
        if rebuilt.len() >= MOST_SL_BATCHES {
            rebuilt.clear();
        }
        rebuilt.insert(batch.0, Arc::clone(&tree));
        Ok(tree)
    }

    /// What tells L1's state from others, where it was given.
    pub(super) fn anchor_identity(&self) -> Result<Option<String>, CliError> {
        let l1 = self.l1()?;
        Ok(l1.map(|l1| hex::encode(&l1.state().container().digest())))
    }

    /// What L1 knows, where its state was given.
    fn l1(&self) -> Result<Option<&KnownRoots<Snapshot>>, CliError> {
        let Some(path) = &self.args.anchor else { return Ok(None) };
        if let Some(l1) = self.l1.get() {
            return Ok(Some(l1));
        }
        let access = self.args.how.state.access;
        let format = self.args.anchor_format.into();
        let read = Import { access, format, ..Import::default() }.read(path);
        let state = read.map_err(|error| wrong_input(path, Role::State, error.into()))?.state;
        let (bridgehub, message_root) = (self.args.anchor_bridgehub, self.args.anchor_message_root);
        let addresses = addresses(&state, bridgehub, message_root)?;
        let known = KnownRoots::new(state, addresses)?;
        Ok(Some(self.l1.get_or_init(|| known)))
    }

    /// The trees, where any were rebuilt.
    pub(super) fn forest(&self) -> Option<&Forest> {
        match &self.made_of {
            ProofSource::Trees(rebuilt) => Some(&rebuilt.forest),
            ProofSource::State(_) => None,
        }
    }

    /// What tells these trees, or the state where none are rebuilt, from others.
    pub(super) fn identity(&self) -> String {
        match &self.made_of {
            ProofSource::Trees(rebuilt) => {
                // What a tree file knows of the roots by block counts too.
                if let Origin::File(file) = &rebuilt.origin {
                    return hex::encode(&file.container().digest());
                }
                let forest = &rebuilt.forest;
                let latest = forest.latest().map_or_else(
                    || "no interop root".into(),
                    |latest| format!("block {} {}", latest.block, latest.root),
                );
                format!("{} {} {} {latest}", forest.sl_chain(), forest.layout(), forest.root())
            }
            ProofSource::State(dump) => hex::encode(&dump.state.container().digest()),
        }
    }

    /// What the proofs are made from and against.
    pub(super) fn summary(&self) -> String {
        let Some(forest) = self.forest() else {
            return "target             batch roots of the chains, as the state stores them".into();
        };
        let target = match (self.args.target, forest.latest()) {
            (Target::Latest, Some(latest)) => {
                format!("interop root of block {}, {}", latest.block, latest.root)
            }
            (Target::First, _) => "interop root of the block that executed the batch".into(),
            (Target::Block(block), _) => format!("interop root of block {block}"),
            (Target::SlBatch(batch), _) => match self.rebuilt.borrow().get(&batch.0) {
                Some(rebuilt) => format!("root of SL batch {batch}, {}", rebuilt.root()),
                None => format!("root of SL batch {batch}"),
            },
            _ => "batch roots of the chains".into(),
        };
        let made = match &self.made_of {
            ProofSource::Trees(rebuilt) if matches!(rebuilt.origin, Origin::File(_)) => {
                "mapped from a tree file"
            }
            _ => "every stored node equals the rebuilt one",
        };
        format!(
            "settlement layer   {}: {} chains, {} batches, {made}\n\
             target             {target}",
            forest.sl_chain(),
            forest.chains().len(),
            count(forest.batch_count()),
        )
    }
}

impl Trees<'_> {
    /// The root of a batch of the settlement layer that L1 stores, where L1's state was given.
    fn stored_root(&self, forest: &Forest, batch: SlBatch) -> Result<Option<Hash>, CliError> {
        let Some(l1) = self.l1()? else {
            if self.rebuilt.borrow().is_empty() {
                self.console.info(
                    "the root of an SL batch is the one in its file; compare it with L1's, or give \
                     L1's state with --anchor",
                );
            }
            return Ok(None);
        };
        let error = match l1.of_batch(forest.sl_chain(), BatchNumber(batch.0))? {
            Answer::Root(known) => {
                self.console.verbose(format_args!(
                    "the root of SL batch {batch} is {} by {}",
                    known.root, known.location
                ));
                return Ok(Some(known.root));
            }
            Answer::NotStored => SlBatchError::NotOnL1(batch),
            Answer::Refused(source) => SlBatchError::Refused { batch, source },
            Answer::Lacking(source) => SlBatchError::L1CannotJudge { batch, source },
        };
        Err(CliError::SlBatch(error))
    }
}
