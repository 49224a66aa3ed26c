//! The `survey` command: a table for people, which fits one screen, and the same as JSON.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    args::SurveyArgs,
    compared::worth,
    error::{CliError, Outcome},
    progress::ProgressFactory,
    report::{self, Console, count},
    shell_words::{shell_word, shell_words},
};
use crate::{
    files::ShowPath,
    forest::TreeFile,
    primitives::SlBatch,
    prove::{Error, with_causes},
    survey::{
        BatchRuns, ChainCounts, FileReport, FileUse, L1Report, Missing, MissingPart, Provable,
        Survey, SurveyOptions, TargetKind, TreesReport, survey,
    },
};

/// The maximum number of files that are listed, unless all are asked for.
const MOST_FILES: usize = 12;
/// The maximum number of lines of each other list.
const MOST_LINES: usize = 6;
/// The evidence that is missing.
const EVIDENCE: &str =
    "a state of the settlement layer, or all events of its MessageRoot from the first block on";
/// The maximum number of runs of batches in a line.
const MOST_RUNS: usize = 4;

pub(super) fn run(
    args: &SurveyArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let progress = bars.busy("surveying the files");
    let mut options = SurveyOptions::default();
    options.trees = args.tree_args.options(None, &Console::silent());
    options.trees.search = args.search;
    options.source.access = args.tree_args.state.access;
    options.chain_of_others = args.chain;
    let found = survey(&args.paths, &options)?;
    progress.end();
    let next = next_command(args, &found);
    report::result(&json(&found, next.as_deref()), || {
        text(&found, next.as_deref(), console.is_verbose())
    })?;
    outcome(found)
}

/// The most severe problem decides; without one, whether anything can be proven.
fn outcome(found: Survey) -> Result<Outcome, CliError> {
    let is_provable = !found.provable.is_empty();
    let errors = found.problems.into_iter().map(|problem| CliError::from(problem.error));
    match errors.map(|error| error.exit_code() == 4).max() {
        Some(contradict) => Ok(Outcome::BadInputs { contradict }),
        None if is_provable => Ok(Outcome::Done),
        None => Err(CliError::NothingFound("nothing can be proven with these files alone".into())),
    }
}

fn json(found: &Survey, next: Option<&str>) -> Value {
    // This cannot fail: all maps have text keys.
    let mut value = serde_json::to_value(found).unwrap_or_default();
    value["next"] = json!(next);
    value
}

/// The command to run next. There is none as long as two states contradict each other: either may be the wrong one.
fn next_command(args: &SurveyArgs, found: &Survey) -> Option<String> {
    let contradict =
        |error: &Error| matches!(error, Error::NotItsPast { .. } | Error::OtherRoots { .. });
    if found.problems.iter().any(|problem| contradict(&problem.error)) {
        return None;
    }
    let paths = shell_words(&args.paths);
    let mut flags = args.tree_args.words();
    let layer = found.settlement_layer.as_ref();
    if let Some(layer) = layer.filter(|layer| layer.is_one_of_several)
        && args.tree_args.sl_chain().is_none()
    {
        let _ = write!(flags, " --sl-chain-id {}", layer.sl_chain_id);
    }
    if let Some(best) = found.provable.first() {
        let inputs = inputs_to_prove(args, found);
        let chain = args.chain.map_or(String::new(), |chain| format!(" --chain {chain}"));
        let target = match best.target {
            TargetKind::BatchRoot => " --target batch-root",
            _ => "",
        };
        return Some(format!(
            "slproof prove {inputs}{flags}{chain} --all{target} -o proofs.ndjson"
        ));
    }
    match found.missing.iter().find(|missing| missing.part == MissingPart::ChainOfLogs) {
        Some(_) => Some(format!("slproof survey {paths}{flags} --chain ID")),
        None => layer.filter(|layer| !has_tree_file(layer)).map(|layer| {
            let evidence = if has_problems(found) { shell_words(&layer.files) } else { paths };
            format!("slproof rebuild {evidence}{flags} -o trees.sltree")
        }),
    }
}

/// Whether the trees are from a tree file, from which none is rebuilt.
fn has_tree_file(layer: &TreesReport) -> bool {
    layer.files.iter().any(|path| TreeFile::is_at(path).unwrap_or_default())
}

/// The inputs from which `prove` makes what the survey found. A directory stands for all of its files. Evidence
/// is named where the directory also has files that contradict it, which `prove` refuses.
fn inputs_to_prove(args: &SurveyArgs, found: &Survey) -> String {
    if let ([only], false) = (&args.paths[..], has_problems(found))
        && holds_several(found, only)
    {
        return format!("--archive {}", shell_word(only));
    }
    let of = |usage: FileUse| -> Vec<&Path> {
        let files = found.files.iter().filter(|file| file.usage == usage);
        files.map(|file| file.path.as_path()).collect()
    };
    let logs = of(FileUse::Logs);
    let archives = args
        .paths
        .iter()
        .filter(|path| holds_several(found, path) || logs.contains(&path.as_path()));
    let (evidence, archives) =
        (shell_words(&of(FileUse::Evidence)), shell_words(&archives.collect::<Vec<_>>()));
    format!("--tree {evidence} --messages {archives}")
}

/// Whether a path that was surveyed is that of a directory or of an archive with several files. These are listed, and
/// not the path itself.
fn holds_several(found: &Survey, path: &Path) -> bool {
    found.files.iter().all(|file| file.path != path)
}

fn has_problems(found: &Survey) -> bool {
    found.files.iter().any(|file| file.usage == FileUse::Problem)
}

/// The text for people.
fn text(found: &Survey, next: Option<&str>, all: bool) -> String {
    let mut text = String::new();
    let most = if all { usize::MAX - 1 } else { MOST_LINES };
    list(&mut text, "files", &file_lines(found), most.max(MOST_FILES));
    if let Some(layer) = &found.settlement_layer {
        let _ = writeln!(text, "\n{}", layer_text(layer));
    }
    if let Some(l1) = &found.l1 {
        list(&mut text, "on L1", &l1_lines(l1), most);
    }
    list(&mut text, "chains", &chain_lines(&found.chains), most);
    list(&mut text, "can be proven", &provable_lines(&found.provable), most);
    let problems = found.problems.iter().map(|problem| with_causes(&problem.error));
    list(&mut text, "problems", &problems.collect::<Vec<_>>(), most);
    list(&mut text, "missing", &found.missing.iter().map(missing_line).collect::<Vec<_>>(), most);
    if found.left_out > 0 {
        let parts = match found.left_out {
            1 => "1 part of the archives is".to_owned(),
            parts => format!("{} parts of the archives are", count(parts)),
        };
        let _ = writeln!(
            text,
            "\n{parts} left out, because of damage, of a loss, or of a contradiction; slproof prove says why"
        );
    }
    if let Some(next) = next {
        let _ = writeln!(text, "\nnext\n  {next}");
    }
    text.trim_start().to_owned()
}

/// Adds a list with a heading, cut after `most` lines.
fn list(text: &mut String, heading: &str, lines: &[String], most: usize) {
    if lines.is_empty() {
        return;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n{heading}");
    // A single further line is as short as the note about it.
    let shown = if lines.len() == most + 1 { lines.len() } else { lines.len().min(most) };
    for line in &lines[..shown] {
        let _ = writeln!(text, "  {line}");
    }
    if shown < lines.len() {
        let _ = writeln!(text, "  … and {} more; -v shows all", count(lines.len() - shown));
    }
}

/// One line for each file; those that are used first.
fn file_lines(found: &Survey) -> Vec<String> {
    let mut files: Vec<&FileReport> = found.files.iter().collect();
    files.sort_by_key(|file| rank(file.usage));
    let names = files.iter().map(|file| file.path.shown().to_string());
    let names: Vec<String> = names.collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(40);
    let file = |(file, name): (&&FileReport, &String)| {
        format!("{name:width$}  {}: {}", file.what, gives(file))
    };
    let mut lines: Vec<String> = files.iter().zip(&names).map(file).collect();
    let passed_over = found.passed_over.iter().map(|path| path.shown().to_string());
    lines.extend(passed_over.map(|path| format!("{path:width$}  not read")));
    lines
}

fn rank(usage: FileUse) -> u8 {
    match usage {
        FileUse::Problem => 0,
        FileUse::Evidence => 1,
        FileUse::Logs | FileUse::LogsOfUnknownChain => 2,
        FileUse::SlBatches | FileUse::BatchBlocks => 3,
        FileUse::Anchor | FileUse::OtherState | FileUse::OtherLayer | FileUse::StateProofs => 4,
        FileUse::Past => 5,
        FileUse::Proofs => 6,
        FileUse::Nothing => 7,
    }
}

/// What a file gives.
fn gives(file: &FileReport) -> String {
    let block = file.block.map_or(String::new(), |block| format!(", at block {block}"));
    let batches = |what: &str| match file.batches {
        Some(batches) => format!("{what} of {} batches{block}", count(batches)),
        None => format!("{what}{block}"),
    };
    let chain = file.chain_id.map_or(String::new(), |chain| format!(" of chain {chain}"));
    match file.usage {
        FileUse::Evidence if file.batches.is_none() => "for the trees".into(),
        FileUse::Evidence => batches("trees"),
        FileUse::Past => format!("{}; the same as what is used, or older", batches("trees")),
        FileUse::OtherLayer => format!("{}, not used", batches(&format!("trees{chain}"))),
        FileUse::Anchor => "imported interop roots; for verify --anchor".into(),
        FileUse::OtherState => {
            "no whole state of a settlement layer (slproof rebuild says why); one of L1 is for --anchor".into()
        }
        FileUse::StateProofs => {
            "an anchor, together with all answers of eth_getProof and the header of one block".into()
        }
        FileUse::Logs => format!("{}{chain}", batches("logs")),
        FileUse::LogsOfUnknownChain => "logs; give their chain with --chain".into(),
        FileUse::SlBatches => "for --target sl-batch:N".into(),
        FileUse::BatchBlocks => "for receipts that do not name their batch".into(),
        FileUse::Proofs => "not needed to prove".into(),
        FileUse::Problem => "not used, see problems".into(),
        FileUse::Nothing => "not used".into(),
    }
}

/// The trees, and what they are worth.
fn layer_text(layer: &TreesReport) -> String {
    let (chain, release, batches) = (layer.sl_chain_id, &layer.release, count(layer.batches));
    let worth = worth(layer.checked_by);
    let compare = match layer.interop_root {
        Some(root) => format!("the interop root of block {}, {}", root.block, root.root),
        None => format!("getAggregatedRoot of MessageRoot, {}", layer.shared_root),
    };
    format!(
        "settlement layer {chain}, release {release}: {batches} batches, checked by {}\n  {worth}\n  compare \
         {compare}, with that of another source",
        layer.checked_by
    )
}

/// What L1 keeps of the settlement layer, and what is missing.
fn l1_lines(l1: &L1Report) -> Vec<String> {
    let whole = format!(
        "{} of the SL batches {} to {} are whole, with {} blobs",
        count(l1.whole),
        l1.first,
        l1.last,
        count(l1.blobs)
    );
    let lost = l1.lost.iter().map(|lost| {
        let batches = format!("without {}", SlBatch::names(&(lost.first..=lost.last)));
        let cost = match &lost.crossed {
            None if lost.is_bridged => "only the logs there are lost".into(),
            None => "the trees end: nothing that was executed from there on can be proven".into(),
            Some(crossed) => format!(
                "{} batches of chains are lost with it, and {} of the {} that were executed after it can be proven",
                count(crossed.lost.iter().map(|run| run.last.0 - run.first.0 + 1).sum::<u64>()),
                count(crossed.provable),
                count(crossed.provable + crossed.unprovable)
            ),
        };
        format!("{batches}, {cost}; {}", lost.reasons.join("; "))
    });
    std::iter::once(whole).chain(lost).chain(l1.unusable.iter().cloned()).collect()
}

fn chain_lines(chains: &[ChainCounts]) -> Vec<String> {
    let mut chains: Vec<&ChainCounts> =
        chains.iter().filter(|chain| chain.executed + chain.unknown.batches > 0).collect();
    if chains.is_empty() {
        return Vec::new();
    }
    // Those with logs first.
    chains.sort_by_key(|chain| std::cmp::Reverse(chain.whole.batches + chain.unknown.batches));
    let head = format!(
        "{:>20}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>10}",
        "chain", "batches", "provable", "not whole", "no logs", "no tree", "messages"
    );
    let line = |chain: &&ChainCounts| {
        format!(
            "{:>20}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>10}",
            chain.chain_id.0,
            count(chain.executed),
            count(chain.whole.batches),
            count(chain.not_folding.count),
            count(chain.missing.count),
            count(chain.unknown.batches),
            count(chain.whole.messages),
        )
    };
    std::iter::once(head).chain(chains.iter().map(line)).collect()
}

fn provable_lines(provable: &[Provable]) -> Vec<String> {
    let line = |provable: &Provable| {
        let (target, note) = match (provable.target, provable.roots, provable.sl_batch) {
            (TargetKind::Block, Some(roots), _) => {
                ("latest, block:N".to_owned(), format!("; {} blocks have a root", count(roots)))
            }
            (TargetKind::Block, ..) => ("latest".into(), String::new()),
            (TargetKind::First, ..) => ("first".into(), String::new()),
            (TargetKind::SlBatch, _, Some(batch)) => {
                (format!("sl-batch:{batch}"), "; the form that L1 verifies".into())
            }
            (TargetKind::SlBatch, ..) => ("sl-batch:N".into(), String::new()),
            (TargetKind::BatchRoot, ..) => ("batch-root".into(), String::new()),
        };
        let counts = provable.counts;
        let (messages, logs) = (count(counts.messages), count(counts.logs));
        format!(
            "{target:<16}  {messages} messages, {logs} logs in all, of {} batches{note}",
            count(counts.batches)
        )
    };
    provable.iter().map(line).collect()
}

fn missing_line(missing: &Missing) -> String {
    let of = missing.chain_id.map_or(String::new(), |chain| format!(" of chain {chain}"));
    let batches = count(missing.batches);
    let runs = missing.runs.as_ref().map_or(String::new(), runs_text);
    let messages = match missing.messages {
        Some(messages) if messages > 0 => format!(" with {} messages", count(messages)),
        _ => String::new(),
    };
    match missing.part {
        MissingPart::Evidence if missing.batches == 0 => EVIDENCE.into(),
        MissingPart::Evidence => format!("{EVIDENCE}: {batches} batches{messages}"),
        MissingPart::ChainOfLogs => format!(
            "the chain of the logs in {} files, to be given with --chain ID; the first is {}",
            count(missing.files.len()),
            missing.files.first().map_or(Path::new(""), PathBuf::as_path).shown()
        ),
        MissingPart::Logs if missing.batches == 0 => "L2→L1 logs".into(),
        MissingPart::Logs => format!("the logs{of}: {batches} batches{runs}"),
        MissingPart::WholeLogs => {
            format!("a part of the logs{of}: {batches} batches do not fold{runs}")
        }
        MissingPart::LaterEvidence => {
            format!(
                "a state with the trees{of}, later or of another settlement layer: {batches} batches{messages}"
            )
        }
        MissingPart::Events => format!(
            "events of MessageRoot, or a larger --search, for the targets first and block:N: {batches} \
             batches{messages}"
        ),
        MissingPart::SlBatches => format!(
            "the settlement layer's own batches, for the target sl-batch:N: {batches} batches{messages}"
        ),
    }
}

fn runs_text(runs: &BatchRuns) -> String {
    let shown = runs.first.iter().take(MOST_RUNS).map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    });
    let shown: Vec<String> = shown.collect();
    let more = runs.more > 0 || runs.first.len() > MOST_RUNS;
    format!(", {}{}", shown.join(" "), if more { " …" } else { "" })
}
