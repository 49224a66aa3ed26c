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
    forest::{AppendedBatches, ChainTree, Forest, HistoryStep, Timeline},
    primitives::BatchNumber,
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
    let mut output = Output::create(Path::new("-"))?;
    let written = if console.is_json() {
        json(&mut output, forest, timeline)
    } else {
        table(&mut output, forest, timeline)
    };
    CliError::unless_unread(written.and_then(|()| Ok(output.finish()?)))?;
    let history = timeline.history();
    let all = history.unexplained().next().is_none() && history.lost == 0;
    Ok(if all { Outcome::Done } else { Outcome::SomeFailed })
}

fn table(output: &mut Output, forest: &Forest, timeline: &Timeline) -> Result<(), CliError> {
    let history = timeline.history();
    let unexplained = history.unexplained().count();
    let lost = match history.lost {
        0 => String::new(),
        lost => format!(", {} more missing in the state", count(lost)),
    };
    let mut text = format!(
        "settlement layer {}, release {}: {} roots by block, {} unexplained{lost}\n\n\
         {:>12}  {:66}  {:>6}  new in it\n",
        forest.sl_chain(),
        forest.layout(),
        count(history.len()),
        count(unexplained),
        "block",
        "root",
        "chains",
    );
    for HistoryStep { root, registered, appended } in history.steps(forest) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:>12}  {}", root.block.0, root.root);
        if root.chains == 0 {
            let what = if root.root.is_zero() { "missing in the events" } else { "unexplained" };
            let _ = writeln!(text, "       -  {what}");
        } else {
            let registered = registered.iter().map(|chain| format!("+{chain}"));
            let appended = appended.iter().map(|AppendedBatches { batches, chain_id }| {
                let runs: Vec<String> = batches.iter().map(run_text).collect();
                format!("{chain_id}: {}", runs.join(", "))
            });
            let new: Vec<String> = registered.chain(appended).collect();
            let new = if new.is_empty() { "-".into() } else { new.join("; ") };
            let _ = writeln!(text, "  {:>6}  {new}", root.chains);
        }
        output.put(text.as_bytes())?;
        text.clear();
    }
    text.push_str(&executed_here(forest));
    output.put(text.as_bytes())?;
    Ok(())
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
fn json(output: &mut Output, forest: &Forest, timeline: &Timeline) -> Result<(), CliError> {
    let head = json!({
        "slChainId": forest.sl_chain(),
        "release": forest.layout().to_string(),
        "lost": timeline.history().lost,
    });
    let head = head.to_string();
    output.put(head.trim_end_matches('}').as_bytes())?;
    output.put(b",\"roots\":[")?;
    for (index, step) in timeline.history().steps(forest).enumerate() {
        let comma = if index > 0 { ",\n" } else { "\n" };
        // This cannot fail: all maps have text keys.
        let record = serde_json::to_string(&step).unwrap_or_default();
        output.put(format!("{comma}{record}").as_bytes())?;
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
