use std::{fmt::Write, ops::RangeInclusive, path::Path};

use serde_json::{Value, json};

use super::{
    args::HistoryArgs,
    error::{CliError, Outcome},
    progress::ProgressFactory,
    report::{Console, count},
};
use crate::{
    files::Output,
    forest::{
        AppendedBatches, BridgedTrees, ChainTree, Forest, HistoryStep, L1Gap, LostStep, Timeline,
    },
    primitives::{BatchNumber, Hash, SlBatch, SlBlock},
    proof::Target,
    prove::Error,
};

pub(super) fn run(
    args: &HistoryArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let progress = bars.busy("searching for what past roots contain");
    let trees =
        args.tree_args.trees(&args.evidence, &args.tree_args.options(Some(&args.past), console))?;
    let timeline = trees.history()?;
    progress.end();
    let Some(forest) = trees.forest() else { return Err(Error::NoTrees(Target::First).into()) };
    let past = Past {
        forest,
        timeline,
        lost: timeline.history().lost_steps(forest),
        gaps: trees.missing_on_l1(),
    };
    let mut output = Output::create(Path::new("-"))?;
    let written =
        if console.is_json() { json(&mut output, &past) } else { table(&mut output, &past) };
    CliError::unless_unread(written.and_then(|()| Ok(output.finish()?)))?;
    let is_all =
        timeline.history().unexplained().next().is_none() && past.lost() == 0 && !past.ends();
    Ok(if is_all { Outcome::Done } else { Outcome::SomeFailed })
}

/// The past roots, and what is known to be missing of them.
struct Past<'t> {
    forest: &'t Forest,
    timeline: &'t Timeline,
    /// What missing batches of the settlement layer appended, between the roots.
    lost: Vec<LostStep>,
    gaps: &'t [L1Gap],
}

impl Past<'_> {
    /// How many roots are lost: those that the contract counts, and at least one for each time that batches of the
    /// settlement layer are missing which appended something.
    fn lost(&self) -> u64 {
        let has_lost =
            |gap: &&L1Gap| matches!(gap, L1Gap::Crossed { lost, .. } if !lost.is_empty());
        let crossed = self.gaps.iter().filter(has_lost).count();
        self.timeline.history().lost + (self.lost.len() + crossed) as u64
    }

    /// Whether the trees end before missing batches of the settlement layer.
    fn ends(&self) -> bool {
        self.gaps.iter().any(|gap| matches!(gap, L1Gap::Crossed { .. } | L1Gap::Ends { .. }))
    }

    /// The roots after the end of the trees.
    fn after(&self) -> impl Iterator<Item = &(SlBlock, Hash)> {
        let ends = self.forest.bridged().map_or(&[][..], BridgedTrees::ends);
        ends.iter().flat_map(|end| &end.roots)
    }
}

fn table(output: &mut Output, past: &Past<'_>) -> Result<(), CliError> {
    let Past { forest, timeline, lost, .. } = past;
    let history = timeline.history();
    let mut text = format!(
        "settlement layer {}, release {}: {} roots by block, {} unexplained",
        forest.sl_chain(),
        forest.layout(),
        count(history.len()),
        count(history.unexplained().count()),
    );
    // Writing to a string cannot fail.
    if history.lost > 0 {
        let _ = write!(text, ", {} more missing in the state", count(history.lost));
    }
    if !lost.is_empty() {
        text.push_str(", others missing on L1");
    }
    if past.ends() {
        let after = count(past.after().count());
        let _ =
            write!(text, ", {after} more after missing SL batches, whose contents are not listed");
    }
    let _ = write!(text, "\n\n{:>12}  {:66}  {:>6}  new in it\n", "block", "root", "chains");
    let mut lost = lost.iter().peekable();
    for (index, step) in (0..).zip(history.steps(forest)) {
        while let Some(step) = lost.next_if(|step| step.next <= index) {
            text.push_str(&lost_line(step));
        }
        let HistoryStep { root, registered, appended } = step;
        let _ = write!(text, "{:>12}  {}", root.block.0, root.root);
        if root.chains == 0 {
            let what = if root.root.is_zero() { "missing in the events" } else { "unexplained" };
            let _ = writeln!(text, "       -  {what}");
        } else {
            let registered = registered.iter().map(|chain| format!("+{chain}"));
            let new: Vec<String> = registered.chain(appended.iter().map(appended_text)).collect();
            let new = if new.is_empty() { "-".into() } else { new.join("; ") };
            let _ = writeln!(text, "  {:>6}  {new}", root.chains);
        }
        output.put(text.as_bytes())?;
        text.clear();
    }
    lost.for_each(|step| text.push_str(&lost_line(step)));
    for (block, root) in past.after() {
        let _ = writeln!(text, "{:>12}  {root}       -  after missing SL batches", block.0);
    }
    text.push_str(&executed_here(forest));
    output.put(text.as_bytes())?;
    Ok(())
}

/// The line of what missing batches of the settlement layer appended.
fn lost_line(LostStep { appended, first, last, .. }: &LostStep) -> String {
    let names = format!("missing on L1: {}", SlBatch::names(&(*first..=*last)));
    let new: Vec<String> = appended.iter().map(appended_text).collect();
    format!("{:>12}  {names:66}  {:>6}  {}\n", "-", "-", new.join("; "))
}

fn appended_text(AppendedBatches { batches, chain_id }: &AppendedBatches) -> String {
    let runs: Vec<String> = batches.iter().map(run_text).collect();
    format!("{chain_id}: {}", runs.join(", "))
}

/// A table of the batches of each chain that were executed on this settlement layer.
pub(super) fn executed_here(forest: &Forest) -> String {
    let mut text = format!("\n{:>20}  {:>11}  batches executed here\n", "chain", "batches");
    for tree in forest.chains() {
        let runs: Vec<String> = all_runs(tree).iter().map(run_text).collect();
        let runs = if runs.is_empty() { "-".into() } else { runs.join(", ") };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:>20}  {:>11}  {runs}", tree.chain().0, tree.batches().len());
    }
    text
}

pub(super) fn all_runs(tree: &ChainTree) -> Vec<RangeInclusive<BatchNumber>> {
    tree.batches().runs(0..tree.batches().len())
}

fn run_text(run: &RangeInclusive<BatchNumber>) -> String {
    match run.start() == run.end() {
        true => run.start().to_string(),
        false => format!("{} to {}", run.start(), run.end()),
    }
}

/// Writes the history as one JSON object, root by root.
fn json(output: &mut Output, past: &Past<'_>) -> Result<(), CliError> {
    let Past { forest, timeline, gaps, .. } = past;
    let head = json!({
        "slChainId": forest.sl_chain(),
        "release": forest.layout().to_string(),
        "lost": past.lost(),
        "lostOnL1": past.lost,
        "missingOnL1": gaps.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    let head = head.to_string();
    output.put(head.trim_end_matches('}').as_bytes())?;
    output.put(b",\"roots\":[")?;
    let mut comma = "\n";
    let mut put = |record: &str| {
        let line = format!("{comma}{record}");
        comma = ",\n";
        output.put(line.as_bytes())
    };
    // This cannot fail: all maps have text keys.
    for step in timeline.history().steps(forest) {
        put(&serde_json::to_string(&step).unwrap_or_default())?;
    }
    for (block, root) in past.after() {
        put(&json!({"block": block, "root": root}).to_string())?;
    }
    let chains: Vec<Value> = forest
        .chains()
        .iter()
        .map(|tree| json!({"chainId": tree.chain(), "batches": pairs(&all_runs(tree))}))
        .collect();
    output.put(format!("\n],\"chains\":{}}}\n", json!(chains)).as_bytes())?;
    Ok(())
}

/// The first and last batch of each run.
pub(super) fn pairs(runs: &[RangeInclusive<BatchNumber>]) -> Vec<[BatchNumber; 2]> {
    runs.iter().map(|run| [*run.start(), *run.end()]).collect()
}
