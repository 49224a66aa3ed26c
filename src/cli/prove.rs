use std::{
    env,
    fs::File,
    io::{self, IsTerminal},
    path::Path,
    sync::Arc,
    time::Instant,
};

use super::{
    anchor::{BRIDGEHUB, require_l1},
    error::{CliError, Outcome, refuse_overwriting},
    hint, leaf,
    look_up::LookUp,
    observer::JobObserver,
    progress::ProgressFactory,
    prove_args::{ProveArgs, ShardArgs, Shards, WhichArgs},
    report::{self, Console, count, named},
    role::Role,
    wrong_input::{refuse_other_kinds, wrong_input, wrong_inputs},
};
use crate::{
    files::{Compression, Input, InputError, Lines, Output, ShowPath, is_same_place, place_of},
    proof::{Target, TargetKind, calldata::CallOptions},
    prove::{
        Error, Messages, MessagesOptions, ProofOutput, Prover, SchedulerError, Selection, Shard,
        Summary, Trees, TreesOptions,
    },
    records::{Count, ProofFormat},
};

pub(super) fn run(
    args: &ProveArgs,
    look_up: Option<LookUp>,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    check_target(args)?;
    let args = &with_archive(args)?;
    check_paths(args)?;
    if let Some(leaf) = args.which.leaf {
        let open = || {
            let (trees, messages) = inputs(args, look_up, console)?;
            Ok(Prover::new(trees, messages))
        };
        return leaf::run(args, leaf, open, console);
    }
    let selection = selection(&args.which)?;
    let shard = shard(args.shard)?;
    let started = Instant::now();
    // Created first, so that a missing directory is reported before the work is done.
    let output = ProofOutput::create(&args.output)?
        .format(args.format)
        .calls(calls(args))
        .integers(args.integers)
        .failures(args.failures.clone())?
        .resume(args.resume);
    let summary_output = args.summary.as_deref().map(Output::create).transpose()?;
    refuse_terminal(args)?;
    let lines = match &args.which.requests {
        Some(requests) => {
            refuse_other_kinds(requests, Role::Requests)?;
            // Only a bar needs their number.
            let lines = if bars.are_shown() { count_lines(requests)? } else { None };
            lines.map(|lines| lines / shard.map_or(1, |shard| shard.of))
        }
        None => None,
    };
    let (trees, messages) = inputs(args, look_up, console)?;
    let is_used = args.format == Some(ProofFormat::Calldata)
        || args.target.kind() == TargetKind::BatchRoot
        || trees.has_sl_batches()
        || trees.are_stored_paths();
    if !args.l1.anchor.paths.is_empty() && !is_used {
        let text =
            "--anchor needs --sl-batches, trees from L1, --target batch-root, or --format calldata";
        return Err(CliError::Usage(text.into()));
    }
    if trees_options(args, console).l1.is_some_and(|l1| l1.state.bridgehub.is_none()) {
        return Err(CliError::NoBridgehub { flag: BRIDGEHUB });
    }
    let anchor = &args.l1.anchor.paths;
    let l1 = trees.l1().map_err(|error| wrong_inputs(anchor, Role::Anchor, error.into()))?;
    if let Some(l1) = l1 {
        require_l1(l1, BRIDGEHUB)?;
    }
    let header = messages.archive().header();
    console.verbose(format_args!(
        "{}: archive of {} batches, {} logs",
        messages.archive().name(),
        count(header.batches),
        count(header.logs)
    ));
    let observer = Arc::new(JobObserver::new(console, bars, &trees, args.target, lines));
    let job = Prover::new(trees, messages)
        .job(selection)
        .target(args.target)
        .shard(shard)
        .hints(hint::of)
        .observer(Arc::clone(&observer));
    let written = job.write(output);
    observer.end();
    let summary = written.map_err(|error| wrong_late_input(args, error))?;

    console.summary(&summary);
    say(&summary, console);
    if let Some(unarchived) = job.unarchived()?.filter(|unarchived| *unarchived > 0) {
        console.info(format_args!(
            "without logs       {} executed batches, which are not in the archive",
            count(unarchived)
        ));
    }
    console.info(format_args!("output             {}", named(&args.output)));
    console
        .info(format_args!("time               {:.2} s in all", started.elapsed().as_secs_f64()));
    if let Some(mut output) = summary_output {
        output.put(&summary.to_json())?;
        output.finish()?;
    }
    let Count { proofs, skipped, .. } = summary.count;
    let is_empty = proofs == 0 && summary.count.failures.is_empty() && shard.is_none();
    if skipped > 0 && is_empty {
        return Err(CliError::NothingFound(format!(
            "the selected logs ({}) are not of a withdrawal",
            count(skipped)
        )));
    }
    let all = summary.count.failures.is_empty() && summary.left_out == 0;
    Ok(if all { Outcome::Done } else { Outcome::SomeFailed })
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether the only output is standard output.
pub(super) fn writes_no_file(args: &ProveArgs) -> bool {
    is_stdout(&args.output) && args.failures.is_none() && args.summary.is_none()
}

/// The shard that the flags or a scheduler name.
fn shard(args: ShardArgs) -> Result<Option<Shard>, CliError> {
    let shard = match (args.shards, args.shard_index) {
        (None, _) => return Ok(args.shard),
        (Some(Shards(Some(of))), Some(index)) => Shard::from_index(index, of),
        (Some(Shards(None)), Some(_)) => {
            let text = "--shard-index needs --shards with a number";
            return Err(CliError::Usage(text.into()));
        }
        (Some(Shards(of)), None) => Shard::of_scheduler(|name| env::var(name).ok(), of),
    };
    let shard = shard.map_err(|error| {
        let flags = match error {
            SchedulerError::Range { .. } => "",
            SchedulerError::NoCount(_) => "; give it with --shards",
            _ => "; give --shard-index, or --shard",
        };
        CliError::Usage(format!("{error}{flags}"))
    })?;
    Ok(Some(shard))
}

/// The calls of the format calldata.
fn calls(args: &ProveArgs) -> CallOptions {
    let mut calls = CallOptions::from(args.calls);
    let network = args.tree_args.state.deployment();
    calls.l1.nullifier = calls.l1.nullifier.or(network.map(|network| network.l1_nullifier));
    calls
}

/// The arguments with those that --archive stands for.
fn with_archive(args: &ProveArgs) -> Result<ProveArgs, CliError> {
    let mut args = args.clone();
    if let Some(archive) = args.archive.clone() {
        for paths in [&mut args.tree, &mut args.messages, &mut args.sl_batches] {
            if paths.is_empty() {
                paths.push(archive.clone());
            }
        }
    }
    Ok(args)
}

/// Opens the trees and the archives of logs, and names what was left out of these.
fn inputs(
    args: &ProveArgs,
    look_up: Option<LookUp>,
    console: &Console,
) -> Result<(Trees, Messages), CliError> {
    let (trees, messages) = open(args, look_up, console)?;
    report::left_out(messages.skipped(), 0, Outcome::SomeFailed);
    Ok((trees, messages))
}

/// Opens the trees and the archives of logs, unless they are open.
fn open(
    args: &ProveArgs,
    look_up: Option<LookUp>,
    console: &Console,
) -> Result<(Trees, Messages), CliError> {
    let options = trees_options(args, console);
    if let Some(LookUp { trees, messages, .. }) = look_up {
        return Ok((args.tree_args.trees_of(trees, &options)?, Messages::of(messages)?));
    }
    let trees = args.tree_args.trees(&args.tree, &options)?;
    let wrong = |error: Error| wrong_inputs(&args.messages, Role::Messages, error.into());
    let opened = messages(args, &trees);
    let needs_roots = match &opened {
        Ok(messages) => messages.skipped().need_roots(),
        Err(Error::Index(error)) => error.needs_roots(),
        Err(_) => false,
    };
    if !(needs_roots && options.batch_roots_only) {
        return Ok((trees, opened.map_err(wrong)?));
    }
    // The batch roots in the trees show what the logs do not say.
    let options = TreesOptions { batch_roots_only: false, ..options };
    match (opened, args.tree_args.trees(&args.tree, &options)) {
        // A state without trees still proves the other logs.
        (Ok(messages), Err(_)) => Ok((trees, messages)),
        (_, rebuilt) => {
            let trees = rebuilt?;
            let messages = messages(args, &trees).map_err(wrong)?;
            Ok((trees, messages))
        }
    }
}

/// Opens the archives of logs.
fn messages(args: &ProveArgs, trees: &Trees) -> Result<Messages, Error> {
    let mut options = MessagesOptions::default();
    options.source.access = args.tree_args.state.access;
    options.source.columns = args.tree_args.columns.clone().unwrap_or_default();
    options.source.relayed = args.relayed_by;
    options.trees = vec![trees.clone()];
    options.chain_of_others = args.which.chain;
    Messages::open(&args.messages, &options)
}

/// Prints how many proofs were written and how many requests failed.
fn say(summary: &Summary, console: &Console) {
    let total = &summary.count;
    console.info(format_args!(
        "proofs             {}, each verified before it was written; {:.2} s, {} a second",
        count(total.proofs),
        summary.seconds,
        count(summary.proofs_per_second as u64)
    ));
    if total.padding > 0 {
        console.info(format_args!(
            "padding            {} logs of 88 zero bytes, which the contracts refuse to prove",
            count(total.padding)
        ));
    }
    if total.skipped > 0 {
        console.info(format_args!(
            "skipped            {} logs that are not of withdrawals",
            count(total.skipped)
        ));
    }
    match total.failed() {
        0 => console.info("failed requests    0"),
        failed => console.info(format_args!(
            "failed requests    {}, for {} logs",
            count(failed),
            count(total.failed_logs)
        )),
    }
    for (code, failures) in &total.failures {
        console.info(format_args!("                   {} {code}", count(*failures)));
    }
    report::say_left_out(summary.left_out, console);
    console.info(format_args!("bytes              {}", count(summary.bytes)));
}

/// Refuses to write binary data to a terminal.
fn refuse_terminal(args: &ProveArgs) -> Result<(), CliError> {
    let is_terminal = || match args.output.metadata() {
        _ if is_stdout(&args.output) => io::stdout().is_terminal(),
        Ok(found) if !found.is_file() && !found.is_dir() => {
            File::options().write(true).open(&args.output).is_ok_and(|file| file.is_terminal())
        }
        _ => false,
    };
    let is_binary =
        args.format == Some(ProofFormat::Parquet) || Compression::of_name(&args.output).is_some();
    if is_binary && is_terminal() {
        let text =
            "the output is binary and would go to a terminal; give a file with -o, or a pipe";
        return Err(CliError::Usage(text.into()));
    }
    Ok(())
}

/// The number of lines in a regular file that are not empty.
fn count_lines(path: &Path) -> Result<Option<u64>, CliError> {
    if !path.is_file() {
        return Ok(None);
    }
    let input = Input::open(path)?;
    let name = input.name().to_owned();
    let mut lines = Lines::new(input, 1 << 16);
    let mut count = 0;
    loop {
        match lines.next_line() {
            Ok(Some(_)) => count += 1,
            Ok(None) => return Ok(Some(count)),
            Err(source) => return Err(InputError::Read { name, source }.into()),
        }
    }
}

/// Checks that at most one input is standard input and that the output is not an input.
fn check_paths(args: &ProveArgs) -> Result<(), CliError> {
    let single = args.which.requests.as_ref().map(|path| ("--requests", path));
    let several = [
        ("--tree", &args.tree),
        ("--messages", &args.messages),
        ("--events", &args.past.events),
        ("--sl-batches", &args.sl_batches),
        ("--anchor", &args.l1.anchor.paths),
    ];
    let several =
        several.into_iter().flat_map(|(name, paths)| paths.iter().map(move |path| (name, path)));
    let inputs: Vec<(&str, &Path)> =
        several.chain(single).map(|(name, path)| (name, path.as_path())).collect();
    let mut piped = inputs.iter().filter(|(_, path)| *path == Path::new("-"));
    if let (Some((one, _)), Some((other, _))) = (piped.next(), piped.next()) {
        return Err(CliError::Usage(format!("{one} and {other} cannot both be standard input")));
    }
    let mut paths: Vec<&Path> = inputs.iter().map(|(_, path)| *path).collect();
    let mut taken = Vec::new();
    if !is_stdout(&args.output) {
        refuse_overwriting(&args.output, &paths)?;
        let place = place_of(&args.output)?;
        // Other files in the output's directory: the partial output, its checkpoint, and the manifest of a shard.
        taken = ProofOutput::files_beside(&args.output);
        taken.iter().try_for_each(|file| refuse_overwriting(file, &paths))?;
        taken.push(place);
    }
    paths.push(&args.output);
    let failures = args.failures.as_deref();
    let beside_failures = failures.map(ProofOutput::files_beside).unwrap_or_default();
    let failures = failures.map(|path| ("--failures", path, beside_failures));
    let summary = args.summary.as_deref().map(|path| ("--summary", path, Vec::new()));
    for (flag, path, beside) in failures.into_iter().chain(summary) {
        let own = beside.into_iter().chain([path.to_owned()]);
        for own in own.collect::<Vec<_>>() {
            if taken.iter().any(|file| is_same_place(file, &own)) {
                let (name, own) = (path.shown(), own.shown());
                let text = format!("{flag} {name}: {own} is a file that belongs to another output");
                return Err(CliError::Usage(text));
            }
            taken.push(own);
        }
        refuse_overwriting(path, &paths)?;
        paths.push(path);
    }
    Ok(())
}

/// Refuses flags that only other formats or targets need. The lines of requests may name any target.
fn check_target(args: &ProveArgs) -> Result<(), CliError> {
    let calls = CallOptions::from(args.calls);
    if args.format != Some(ProofFormat::Calldata) && calls != CallOptions::default() {
        let text = "--call, --to and --l1-nullifier are for --format calldata";
        return Err(CliError::Usage(text.into()));
    }
    let is_parquet = args.format == Some(ProofFormat::Parquet);
    if !is_parquet && args.output.extension().is_some_and(|ending| ending == "parquet") {
        return Err(CliError::Usage(
            "a name that ends with .parquet needs --format parquet".into(),
        ));
    }
    if args.which.requests.is_some() {
        return Ok(());
    }
    let is_on_l1 = matches!(args.target.kind(), TargetKind::SlBatch | TargetKind::BatchRoot)
        || args.format == Some(ProofFormat::Calldata);
    let unneeded = [
        ("--anchor", !args.l1.anchor.paths.is_empty() && !is_on_l1),
        ("--events", !args.past.events.is_empty() && !args.target.needs_history()),
        ("--search", args.past.search.is_some() && !args.target.needs_history()),
        ("--sl-batches", !args.sl_batches.is_empty() && args.target.kind() != TargetKind::SlBatch),
    ];
    match unneeded.iter().find(|(_, unneeded)| *unneeded) {
        Some((flag, _)) => Err(CliError::Usage(format!("{flag} has no effect for this target"))),
        None => Ok(()),
    }
}

/// The selection of the command line.
fn selection(which: &WhichArgs) -> Result<Selection, CliError> {
    let selection = match which {
        WhichArgs { requests: Some(path), .. } => return Ok(Selection::requests(path)),
        WhichArgs { message: Some(hash), .. } => Selection::message(*hash),
        WhichArgs { tx: Some(hash), log, .. } => Selection::transaction(*hash, *log),
        WhichArgs { hash: Some(hash), .. } => Selection::hash(*hash),
        WhichArgs { index: Some(index), chain: Some(chain), batch: Some(batch), .. } => {
            if batch.first != batch.last {
                return Err(CliError::Usage("--index needs one --batch".into()));
            }
            return Ok(Selection::log(*chain, batch.first, *index));
        }
        _ => Selection::all(),
    };
    let selection = match (which.chain, which.batch) {
        (Some(chain), Some(batches)) => selection.of_batches(chain, batches),
        (Some(chain), None) => selection.of_chain(chain),
        _ => selection,
    };
    let selection = match which.sender {
        Some(sender) => selection.from_sender(sender),
        None => selection,
    };
    Ok(match which.kind {
        Some(kind) => selection.of_kind(kind),
        None => selection,
    })
}

/// The error of a job, with the role of the SL batches if they are at fault. They are read when the first target
/// needs them; the other inputs were read before the job.
fn wrong_late_input(args: &ProveArgs, error: Error) -> CliError {
    match (&error, &args.sl_batches[..]) {
        (Error::Index(_), [batches]) => wrong_input(batches, Role::SlBatches, error.into()),
        _ => error.into(),
    }
}

/// The options for opening trees. For the target batch-root, only batch roots are read.
fn trees_options(args: &ProveArgs, console: &Console) -> TreesOptions {
    TreesOptions {
        batch_roots_only: args.target == Target::BatchRoot,
        sl_batches: args.sl_batches.clone(),
        l1: args.l1.options(&args.tree_args.state),
        ..args.tree_args.options(Some(&args.past), console)
    }
}
