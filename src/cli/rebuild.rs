use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    anchor::{BRIDGEHUB, name_flag, require_l1},
    args::RebuildArgs,
    compared::compared,
    error::{CliError, Outcome, refuse_overwriting_except},
    observer::only_events,
    progress::ProgressFactory,
    report::{self, Console, count},
    role::Role,
    shell_words::shell_words,
    state::tree_file_among,
    wrong_input::wrong_inputs,
};
use crate::{
    contracts::Layout,
    files::ShowPath,
    forest::{Forest, InteropRoot, L1Gap},
    ingest::FileKind,
    primitives::BatchNumber,
    proof::{CheckedBy, Target},
    prove::{Error, L1Comparison, RootCounts, Trees, TreesOptions},
    state::StorageReader,
};

pub(super) fn run(
    args: &RebuildArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let with_history = args.history || !args.past.events.is_empty();
    if args.past.search.is_some() && !with_history && args.l1.anchor.paths.is_empty() {
        let text = "--search needs --history, --events or --anchor: nothing else is searched";
        return Err(CliError::Usage(text.into()));
    }
    let progress = bars.busy("rebuilding the trees");
    let l1 = args.l1.options(&args.tree_args.state);
    if l1.as_ref().is_some_and(|l1| l1.state.bridgehub.is_none()) {
        return Err(CliError::NoBridgehub { flag: BRIDGEHUB });
    }
    let options = TreesOptions {
        sl_batches: args.sl_batches.clone(),
        l1,
        ..args.tree_args.options(Some(&args.past), console)
    };
    let trees = match &args.output {
        None if with_history => {
            return Err(CliError::Usage(
                "--events needs -o: the events explain the roots in a tree file".into(),
            ));
        }
        None => args.tree_args.trees(&args.evidence, &options)?,
        Some(target) => {
            let inputs = args.evidence.iter().chain(&args.past.events);
            let inputs = inputs.chain(&args.sl_batches).chain(&args.l1.anchor.paths);
            let inputs: Vec<&Path> = inputs.map(PathBuf::as_path).collect();
            // Trees are not rebuilt from the tree files in a directory.
            refuse_overwriting_except(Some(FileKind::TreeFile), target, &inputs)?;
            if let Some(file) = tree_file_among(&args.evidence)? {
                return Err(CliError::Usage(format!(
                    "{} is already a tree file; -o needs a snapshot, a dump or events",
                    file.shown()
                )));
            }
            Trees::rebuild_to_file(&args.evidence, target, with_history, &options).map_err(
                |error| {
                    let error = name_flag(error, BRIDGEHUB);
                    let error = wrong_inputs(&args.l1.anchor.paths, Role::Anchor, error);
                    wrong_inputs(&args.evidence, Role::State, error)
                },
            )?
        }
    };
    let Some(forest) = trees.forest() else { return Err(Error::NoTrees(Target::Latest).into()) };
    let compared = compare_with_l1(&trees, args)?;
    progress.end();
    let rest = NotInFile::of(&trees, args);
    report::result(&json(&trees, forest, compared.as_ref(), rest.as_ref()), || table(forest))?;
    if args.output.is_some() || trees.tree_file().is_none() {
        report_evidence(&trees, forest, console);
    } else {
        console.info(
            "the trees are from a tree file and were not compared again (slproof check reads the whole file)",
        );
    }
    if let Some(NotInFile { batches, command }) = &rest {
        console.info(format_args!(
            "the tree file ends before missing batches; {} later batches of chains are not in it, and can be proven from \
             the files of L1: {command}",
            count(*batches)
        ));
    }
    if let (None, Some(block)) = (forest.latest(), trees.block()) {
        console.info(format_args!(
            "no root by block was found up to block {block}; releases before v29 store none, later ones store \
             one for each block in which a batch is appended"
        ));
    }
    let outcome = match &compared {
        None => Outcome::Done,
        Some(compared) => {
            report_comparison(compared, &trees, console)?;
            if compared.has_equal() { Outcome::Done } else { Outcome::NotJudged }
        }
    };
    let Some(file) = trees.tree_file() else { return Ok(outcome) };
    let (roots, explained) = file.roots();
    console.info(format_args!(
        "{}: {} bytes, {} roots by block, {}",
        file.container().name(),
        count(file.container().file_len()),
        count(roots),
        match explained {
            0 if !with_history => "not explained without --history".into(),
            // Those of L1 are the last ones of the settlement layer's batches.
            _ if !with_history && explained < roots => {
                format!("{} of them explained, the others with --history", count(explained))
            }
            _ => format!("{} of them explained", count(explained)),
        },
    ));
    if file.lost() > 0 {
        console.info(format_args!("{} of the roots are missing in the state", count(file.lost())));
    }
    Ok(match outcome {
        Outcome::Done if with_history && explained < roots => Outcome::SomeFailed,
        outcome => outcome,
    })
}

/// The batches of chains that the files of L1 prove after the end of the trees in the written file.
struct NotInFile {
    batches: u64,
    /// The command that proves them.
    command: String,
}

impl NotInFile {
    fn of(trees: &Trees, args: &RebuildArgs) -> Option<Self> {
        let proven = trees.missing_on_l1().iter().find_map(|gap| match gap {
            L1Gap::Ends { proven, .. } if *proven > 0 => Some(*proven),
            _ => None,
        });
        let (words, flags) = (shell_words(&args.evidence), args.tree_args.words());
        let command = format!("slproof prove --tree {words} --messages {words}{flags} --all");
        Some(Self { batches: proven?, command })
    }
}

/// Compares the trees with the state of L1, if it was given and they were not compared before they were written.
fn compare_with_l1(trees: &Trees, args: &RebuildArgs) -> Result<Option<L1Comparison>, CliError> {
    let paths = &args.l1.anchor.paths;
    let l1 = trees.l1().map_err(|error| wrong_inputs(paths, Role::Anchor, error.into()))?;
    if let Some(l1) = l1 {
        require_l1(l1, BRIDGEHUB)?;
    }
    Ok(trees.compare_with_l1()?)
}

/// Prints how many roots are those that L1 stores.
fn report_comparison(
    compared: &L1Comparison,
    trees: &Trees,
    console: &Console,
) -> Result<(), CliError> {
    let block = trees.l1()?.and_then(|l1| l1.state().block());
    let at = block.map_or(String::new(), |block| format!(" at block {block}"));
    let say = |what: &str, counts: &RootCounts| {
        console.info(format_args!(
            "L1{at}: of {what} {} equal, {} not stored, {} unknown",
            count(counts.equal),
            count(counts.not_stored),
            count(counts.unknown)
        ));
    };
    say("the roots of the chains' batches", &compared.batches);
    match &compared.sl_batches {
        Some(counts) => say("the roots of the settlement layer's batches", counts),
        None => console.info(
            "the roots of the settlement layer's batches were not compared; give the batches with --sl-batches",
        ),
    }
    if let Some(batch) = compared.newest_sl_batch {
        console.info(format_args!(
            "the trees up to the end of SL batch {batch} are those that L1 knows"
        ));
    }
    if !compared.has_equal() {
        console.info("L1 confirms none of these roots");
    }
    Ok(())
}

/// Prints what the trees were compared with, and what this does not show.
fn report_evidence(trees: &Trees, forest: &Forest, console: &Console) {
    let checked_by = forest.checked_by();
    for part in compared(checked_by) {
        console.info(format_args!("{part} equals the rebuilt one"));
    }
    let without = forest.chains().iter().skip(1).filter(|tree| tree.batches().is_empty()).count();
    if forest.layout() >= Layout::V33 && without > 0 {
        console.info(format_args!(
            "{} chains have no leaves: this release has leaves only for batches that a chain of ZKsync OS executed since \
             its upgrade to v33; --target batch-root proves other batches from the state",
            count(without as u64)
        ));
    }
    // Trees that are not in a file were opened, which reports this already.
    if checked_by == CheckedBy::EVENTS && trees.tree_file().is_some() {
        only_events(forest, console);
    }
}

fn table(forest: &Forest) -> String {
    let shared = forest.shared();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "settlement layer {}, release {}: {} chains, {} batches; checked by {}\n",
        forest.sl_chain(),
        forest.layout(),
        forest.chains().len(),
        count(forest.batch_count()),
        forest.checked_by(),
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

fn json(
    trees: &Trees,
    forest: &Forest,
    compared: Option<&L1Comparison>,
    rest: Option<&NotInFile>,
) -> Value {
    let missing: Vec<String> = trees.missing_events().iter().map(ToString::to_string).collect();
    let missing_on_l1: Vec<String> =
        trees.missing_on_l1().iter().map(ToString::to_string).collect();
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
    let mut result = json!({
        "slChainId": forest.sl_chain(),
        "release": forest.layout().to_string(),
        "checkedBy": forest.checked_by(),
        "missingEvents": missing,
        "missingOnL1": missing_on_l1,
        "chains": chains,
        "sharedTree": {"height": shared.height(), "leaves": shared.leaves(), "root": shared.root()},
        "interopRoot": forest.latest().map(interop_root),
    });
    if let Some(compared) = compared {
        result["l1"] = json!(compared);
    }
    if let Some(NotInFile { batches, command }) = rest {
        result["notInFile"] = json!({"batches": batches, "command": command});
    }
    result
}

/// A root by block as JSON.
pub(super) fn interop_root(root: InteropRoot) -> Value {
    let mut value = json!({"block": root.block, "chains": root.chains, "root": root.root});
    if let Some(timestamp) = root.timestamp {
        value["timestamp"] = json!(timestamp);
    }
    value
}
