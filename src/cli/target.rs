//! From the target that was asked for to an extractor against it.

use super::{
    args::ProveArgs,
    error::CliError,
    report::{Words, count},
    state::{addresses, is_native},
};
use crate::{
    forest::{Forest, RootWitness, TREE_FILE, Timeline},
    import::{Dump, read_state},
    messages::read_sl_batches,
    primitives::{BatchNumber, SlBatch},
    proofs::{Extractor, SlBatchError, SlBatchTree, Target, TargetError},
    snapshot::Snapshot,
};

/// What proofs are made from, as far as the target needs it.
pub(super) struct Trees {
    target: Target,
    made_of: MadeOf,
    timeline: Option<Timeline>,
    sl_batch: Option<SlBatchTree>,
}

/// What proofs are made of.
enum MadeOf {
    Trees(Forest),
    /// Nothing is rebuilt for the batch roots that a state stores.
    State(Dump),
}

impl Trees {
    pub(super) fn read(args: &ProveArgs, words: &Words) -> Result<Self, CliError> {
        let target = args.target;
        if target == Target::BatchRoot && !is_native(&args.tree, TREE_FILE) {
            let made_of = MadeOf::State(args.how.read(&args.tree, words)?);
            return Ok(Self { target, made_of, timeline: None, sl_batch: None });
        }
        let rebuilt = args.how.forest(&args.tree, words)?;
        let (mut timeline, mut sl_batch) = (None, None);
        if target.needs_history() {
            let found = args.past.timeline(&args.how, &rebuilt, words)?;
            if let Target::SlBatch(batch) = target {
                sl_batch = Some(rebuild_sl_batch(args, &rebuilt.forest, &found, batch, words)?);
            }
            timeline = Some(found);
        }
        Ok(Self { target, made_of: MadeOf::Trees(rebuilt.forest), timeline, sl_batch })
    }

    /// The batch roots that the state stores, where proofs are made of nothing else.
    pub(super) fn witness(
        &self,
        args: &ProveArgs,
    ) -> Result<Option<RootWitness<'_, Snapshot>>, CliError> {
        Ok(match &self.made_of {
            MadeOf::Trees(_) => None,
            MadeOf::State(dump) => {
                Some(RootWitness::new(&dump.state, args.how.addresses(&dump.state)?)?)
            }
        })
    }

    /// Makes proofs of the trees, or of what is in the witness.
    pub(super) fn extractor<'t>(
        &'t self,
        witness: Option<&'t RootWitness<'_, Snapshot>>,
    ) -> Result<Extractor<'t>, TargetError> {
        let forest = match (&self.made_of, witness) {
            (MadeOf::Trees(forest), _) => forest,
            (MadeOf::State(_), Some(witness)) => return Ok(Extractor::to_batch_roots(witness)),
            (MadeOf::State(_), None) => return Err(TargetError::NeedsHistory(self.target)),
        };
        match (&self.timeline, &self.sl_batch) {
            (Some(timeline), Some(batch)) => Ok(Extractor::to_sl_batch(forest, timeline, batch)),
            (Some(timeline), None) => Extractor::in_history(forest, timeline, self.target),
            _ => Extractor::new(forest, self.target),
        }
    }

    /// The trees, where any were rebuilt.
    pub(super) fn forest(&self) -> Option<&Forest> {
        match &self.made_of {
            MadeOf::Trees(forest) => Some(forest),
            MadeOf::State(_) => None,
        }
    }

    /// What the proofs are made from and against.
    pub(super) fn summary(&self) -> String {
        let Some(forest) = self.forest() else {
            return "target             batch roots of the chains, as the state stores them".into();
        };
        let target = match (self.target, forest.latest(), &self.sl_batch) {
            (Target::Latest, Some(latest), _) => {
                format!("interop root of block {}, {}", latest.block, latest.root)
            }
            (Target::First, ..) => "interop root of the block that executed the batch".into(),
            (Target::Block(block), ..) => format!("interop root of block {block}"),
            (_, _, Some(batch)) => format!("root of SL batch {}, {}", batch.batch(), batch.root()),
            _ => "batch roots of the chains".into(),
        };
        format!(
            "settlement layer   {}: {} chains, {} batches, every stored node equals the rebuilt one\n\
             target             {target}",
            forest.sl_chain(),
            forest.chains().len(),
            count(forest.batch_count()),
        )
    }
}

/// Rebuilds the shared tree at the end of a batch of the settlement layer, and compares the batch's root
/// with what L1 stores where its state is given.
fn rebuild_sl_batch(
    args: &ProveArgs,
    forest: &Forest,
    timeline: &Timeline,
    batch: SlBatch,
    words: &Words,
) -> Result<SlBatchTree, CliError> {
    let usage = || CliError::Usage("--target sl-batch:N needs --sl-batches".into());
    let path = args.sl_batches.as_ref().ok_or_else(usage)?;
    let batches = read_sl_batches(path, forest.sl_chain())?;
    let missing = || {
        let range = batches.range().map(|(first, last)| format!("; it has {first} to {last}"));
        let range = range.unwrap_or_default();
        CliError::NothingFound(format!("{} has no SL batch {batch}{range}", path.display()))
    };
    let logs = batches.batch(batch).ok_or_else(missing)?;
    let stored = match &args.anchor {
        None => None,
        Some(path) => {
            let dump = read_state(path, None)?;
            let l1 = addresses(&dump.state, args.anchor_bridgehub, args.anchor_message_root)?;
            let witness = RootWitness::new(&dump.state, l1)?;
            let vouched = witness
                .of_batch(forest.sl_chain(), BatchNumber(batch.0))?
                .ok_or(CliError::SlBatch(SlBatchError::NotOnL1(batch)))?;
            words.explain(format_args!(
                "the root of SL batch {batch} is {} by {}",
                vouched.root, vouched.by
            ));
            Some(vouched.root)
        }
    };
    if stored.is_none() {
        words.say(
            "the root of the SL batch is the one in its file; compare it with L1's, or give L1's state \
             with --anchor",
        );
    }
    SlBatchTree::rebuild(forest, timeline, logs, stored).map_err(CliError::SlBatch)
}
