use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    args::RebuildArgs,
    error::{CliError, Outcome, refuse_overwriting},
    file_kind::Role,
    progress::ProgressFactory,
    report::{self, Console, count},
    wrong_input::wrong_input,
};
use crate::{
    forest::{Forest, InteropRoot, TreeFile},
    primitives::BatchNumber,
    proof::Target,
    prove::{CheckedBy, Error, Trees},
};

pub(super) fn run(
    args: &RebuildArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let explain = args.history || args.past.events.is_some();
    let progress = bars.busy("rebuilding the trees");
    let options = args.how.options(Some(&args.past), console);
    let trees = match &args.output {
        None if explain => {
            return Err(CliError::Usage(
                "--events needs -o: events explain the roots in a tree file".into(),
            ));
        }
        None => args.how.trees(&args.state, &options)?,
        Some(target) => {
            let inputs = [Some(&args.state), args.past.events.as_ref()];
            let inputs: Vec<&Path> = inputs.into_iter().flatten().map(PathBuf::as_path).collect();
            refuse_overwriting(target, &inputs)?;
            if TreeFile::is_at(&args.state)? {
                return Err(CliError::Usage(format!(
                    "{} is a tree file already; -o needs a snapshot or a dump",
                    args.state.display()
                )));
            }
            Trees::rebuild_to_file(&[&args.state], target, explain, &options)
                .map_err(|error| wrong_input(&args.state, Role::State, error.into()))?
        }
    };
    progress.end();
    let Some(forest) = trees.forest() else { return Err(Error::NoTrees(Target::Latest).into()) };
    report::result(&json(forest), || table(forest))?;
    if args.output.is_some() || trees.checked_by() == CheckedBy::StoredNodes {
        console.info("every node that the contracts stored equals the rebuilt one");
    } else {
        console.info(
            "the trees are those of a tree file; nothing was compared again (slproof check reads all of it)",
        );
    }
    if let (None, Some(block)) = (forest.latest(), trees.block()) {
        console.info(format_args!(
            "no root by block was found up to block {block}, the dump's own block number; releases before \
             v29 store none, later ones store one for each block that appends a batch"
        ));
    }
    let Some(file) = trees.tree_file() else { return Ok(Outcome::Done) };
    let (roots, explained) = file.roots();
    console.info(format_args!(
        "{}: {} bytes, {} roots by block, {}",
        file.container().name(),
        count(file.container().file_len()),
        count(roots),
        match explain {
            true => format!("{} of them explained", count(explained)),
            false => "not explained without --history".into(),
        },
    ));
    Ok(if explain && explained < roots { Outcome::SomeFailed } else { Outcome::Done })
}

fn table(forest: &Forest) -> String {
    let shared = forest.shared();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "settlement layer {}, release {}: {} chains, {} batches\n",
        forest.sl_chain(),
        forest.layout(),
        forest.chains().len(),
        count(forest.batch_count()),
    );
    let _ = writeln!(
        text,
        "{:>5}  {:>20}  {:>11}  {:>13}  {:>13}  chain root",
        "index", "chain", "batches", "first", "last"
    );
    for tree in forest.chains() {
        let end = |batch: Option<BatchNumber>| batch.map_or("-".into(), |batch| batch.to_string());
        let _ = writeln!(
            text,
            "{:>5}  {:>20}  {:>11}  {:>13}  {:>13}  {}",
            tree.index(),
            tree.chain().0,
            tree.batches().len(),
            end(tree.batches().first()),
            end(tree.batches().last()),
            tree.root(),
        );
    }
    let _ = writeln!(text, "\nshared tree   height {}, root {}", shared.height(), shared.root());
    let _ = match forest.latest() {
        Some(latest) => writeln!(
            text,
            "interop root  block {}, over {} chains, {}",
            latest.block, latest.chains, latest.root
        ),
        None => writeln!(text, "interop root  none by block in this release"),
    };
    text
}

fn json(forest: &Forest) -> Value {
    let chains: Vec<_> = forest
        .chains()
        .iter()
        .map(|tree| {
            json!({
                "index": tree.index(),
                "chainId": tree.chain(),
                "batches": tree.batches().len(),
                "firstBatch": tree.batches().first(),
                "lastBatch": tree.batches().last(),
                "chainRoot": tree.root(),
            })
        })
        .collect();
    let shared = forest.shared();
    json!({
        "slChainId": forest.sl_chain(),
        "release": forest.layout().to_string(),
        "chains": chains,
        "sharedTree": {"height": shared.height(), "leaves": shared.leaves(), "root": shared.root()},
        "interopRoot": forest.latest().map(interop_root),
    })
}

/// A root by block as JSON.
pub(super) fn interop_root(root: InteropRoot) -> Value {
    json!({"block": root.block, "chains": root.chains, "root": root.root})
}
