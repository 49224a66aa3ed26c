use std::{fmt::Write, path::Path};

use serde_json::json;

use super::{
    args::RebuildArgs,
    error::{CliError, Outcome},
    report::{Words, count},
};
use crate::{files::Output, forest::Forest};

pub(super) fn run(args: &RebuildArgs, words: &Words) -> Result<Outcome, CliError> {
    let (_, forest) = args.how.forest(&args.state, words)?;
    let text = if args.json { json(&forest) } else { table(&forest) };
    let mut output = Output::create(Path::new("-"))?;
    output.put(text.as_bytes())?;
    output.finish()?;
    words.say("every node that the contracts stored equals the rebuilt one");
    Ok(Outcome::Done)
}

fn table(forest: &Forest) -> String {
    let shared = forest.shared();
    let batches: usize = forest.chains().iter().map(|tree| tree.batches().len()).sum();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "settlement layer {}, release {}: {} chains, {} batches\n",
        forest.sl_chain(),
        forest.layout(),
        forest.chains().len(),
        count(batches),
    );
    let _ = writeln!(
        text,
        "{:>5}  {:>20}  {:>11}  {:>13}  {:>13}  chain root",
        "index", "chain", "batches", "first", "last"
    );
    for tree in forest.chains() {
        let end = |batch: Option<&_>| batch.map_or("-".into(), ToString::to_string);
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

fn json(forest: &Forest) -> String {
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
    let latest = forest
        .latest()
        .map(|root| json!({"block": root.block, "chains": root.chains, "root": root.root}));
    let shared = forest.shared();
    let value = json!({
        "slChainId": forest.sl_chain(),
        "release": forest.layout().to_string(),
        "chains": chains,
        "sharedTree": {"height": shared.height(), "leaves": shared.leaves(), "root": shared.root()},
        "interopRoot": latest,
    });
    format!("{value:#}\n")
}
