use std::{
    fs::File,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    error::{CliError, Outcome, refuse_overwriting},
    interrupt::InOrder,
    job::{Manifest, RunId, write_json},
    pipeline,
    progress::ProgressFactory,
    proof_output::{Count, Encoder},
    prove_args::{ProofFormat, ProveArgs, WhichArgs},
    report::{Console, count, named},
    requests::Requests,
    selection::{self, Filter, Steps},
    sink::{Sink, Written},
    sniff::{Role, refuse_other_kinds, wrong_input},
    target::Trees,
};
use crate::{
    anchor::KnownRoots,
    archive::Archive,
    files::{Compression, Input, InputError, Lines, Output, Partial, is_same_place, place_of},
    ingest::logs::read_archive,
    proof::Target,
    snapshot::Snapshot,
};

pub(super) fn run(
    args: &ProveArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    check_paths(args)?;
    check_target(args)?;
    let started = Instant::now();
    // Created first, so that a missing directory is reported before the work is done.
    let output = Some(Output::create(&args.output)?);
    // A file for a job that can be resumed has another name, which is not taken before its job is known.
    let output = output.filter(|_| !can_be_resumed(args));
    let summary_output = args.summary.as_deref().map(Output::create).transpose()?;
    refuse_terminal(args)?;
    if let Some(requests) = &args.which.requests {
        refuse_other_kinds(requests, Role::Requests)?;
    }
    let archive = read_archive(&args.messages, args.how.state.access)
        .map_err(|error| wrong_input(&args.messages, Role::Messages, error.into()))?;
    console.verbose(format_args!(
        "{}: archive of {} batches, {} logs",
        archive.name(),
        count(archive.header().batches),
        count(archive.header().logs)
    ));
    let trees = Trees::read(args, console)?;
    let witness = trees.witness()?;
    let many = !args.which.is_one_log();
    let mut steps = select(args, &archive, &trees, witness.as_ref())?;
    console.info(trees.summary());

    let encoder = Encoder::new(args, many)?;
    let within = Filter::from(&args.which);
    let logs = match &args.which.requests {
        Some(path) => count_lines(path)?,
        None => args.which.all.then(|| within.logs(&archive, args.shard)),
    };
    let resumable = many && encoder.can_be_resumed() && can_be_resumed(args);
    let usage = |text: &str| Err(CliError::Usage(text.into()));
    if !resumable && (args.resume || args.shard.is_some()) {
        return usage(
            "--resume and --shard need an output file, a format other than json, and inputs that are files \
             and not pipes",
        );
    }
    if args.shard.is_some() && !encoder.can_be_shared() {
        return usage(
            "--shard needs a format of lines (ndjson, rpc or calldata) without compression; compress the \
             output of slproof merge",
        );
    }
    let in_order = resumable.then(InOrder::new);
    let sink = if resumable {
        let job = (RunId::new(args, &trees, &archive, &encoder)?, args.shard);
        let (sink, done) = Sink::resumable(&args.output, &encoder, job, args.resume)?;
        if done > 0 {
            console.info(format_args!("resumed            after {} of its steps", count(done)));
            skip(&mut steps, done)?;
        }
        sink
    } else {
        let output = output.map_or_else(|| Output::create(&args.output), Ok)?;
        Sink::once(output, &encoder)
    };
    let progress = bars.begin("logs", logs);
    progress.go_on_from(sink.total().logs());
    let (proving, before) = (Instant::now(), trees.history_time());
    let done_before = sink.total().proofs;
    let written = pipeline::run(&mut steps, &encoder, sink, &progress)?.finish()?;
    progress.end();
    drop(in_order);
    let proving = proving.elapsed().saturating_sub(trees.history_time() - before);

    let summary = Summary::new(&written, done_before, proving);
    console.summary(&summary);
    summary.say(console);
    if args.which.all && args.shard.is_none() {
        let unarchived =
            trees.forest().map_or(0, |forest| selection::unarchived(forest, &archive, within));
        if unarchived > 0 {
            console.info(format_args!(
                "without logs       {} executed batches, which are not in the archive",
                count(unarchived)
            ));
        }
    }
    console.info(format_args!("output             {}", named(&args.output)));
    console
        .info(format_args!("time               {:.2} s in all", started.elapsed().as_secs_f64()));
    if let Some(output) = summary_output {
        write_json(output, &summary)?;
    }
    Ok(if written.count.failures.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// Whether the output is a file, and so is whatever selects proofs, which is read a second time.
fn can_be_resumed(args: &ProveArgs) -> bool {
    let again = |path: &Option<PathBuf>| path.as_deref().is_none_or(Path::is_file);
    let is_file = match args.output.metadata() {
        Ok(found) => found.is_file(),
        Err(_) => args.output != Path::new("-"),
    };
    is_file && again(&args.which.requests) && again(&args.past.events) && again(&args.sl_batches)
}

/// Passes over what an interrupted job did.
fn skip(steps: &mut Steps<'_>, done: u64) -> Result<(), CliError> {
    for _ in 0..done {
        if steps.next().transpose()?.is_none() {
            break;
        }
    }
    Ok(())
}

/// What became of the requests.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'w> {
    #[serde(flatten)]
    count: &'w Count,
    bytes: u64,
    /// How long this run proved, and what it did in that time; an interrupted job has several.
    seconds: f64,
    proofs_per_second: f64,
}

impl<'w> Summary<'w> {
    fn new(written: &'w Written, before: u64, proving: Duration) -> Self {
        let seconds = proving.as_secs_f64();
        // A rate needs no more than 53 bits.
        let proofs_per_second = (written.count.proofs - before) as f64 / seconds.max(1e-9);
        Self { count: &written.count, bytes: written.bytes, seconds, proofs_per_second }
    }

    fn say(&self, console: &Console) {
        let total = self.count;
        console.info(format_args!(
            "proofs             {}, each verified before it was written; {:.2} s, {} a second",
            count(total.proofs),
            self.seconds,
            count(self.proofs_per_second as u64)
        ));
        if total.padding > 0 {
            console.info(format_args!(
                "padding            {} logs of 88 zero bytes, which the contracts refuse to prove",
                count(total.padding)
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
        console.info(format_args!("bytes              {}", count(self.bytes)));
    }
}

/// Binary data do not go to a terminal.
fn refuse_terminal(args: &ProveArgs) -> Result<(), CliError> {
    let is_terminal = || match args.output.metadata() {
        _ if args.output == Path::new("-") => io::stdout().is_terminal(),
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

/// At most one input is standard input, and none is the output.
fn check_paths(args: &ProveArgs) -> Result<(), CliError> {
    let named = [
        ("--tree", Some(&args.tree)),
        ("--messages", Some(&args.messages)),
        ("--requests", args.which.requests.as_ref()),
        ("--sl-batches", args.sl_batches.as_ref()),
        ("--anchor", args.anchor.as_ref()),
        ("--events", args.past.events.as_ref()),
    ];
    let inputs: Vec<(&str, &Path)> = named
        .into_iter()
        .filter_map(|(name, path)| Some((name, path.map(PathBuf::as_path)?)))
        .collect();
    let mut piped = inputs.iter().filter(|(_, path)| *path == Path::new("-"));
    if let (Some((one, _)), Some((other, _))) = (piped.next(), piped.next()) {
        return Err(CliError::Usage(format!("{one} and {other} cannot both be standard input")));
    }
    let mut paths: Vec<&Path> = inputs.iter().map(|(_, path)| *path).collect();
    refuse_overwriting(&args.output, &paths)?;
    // Files beside the output: the partial output, its checkpoint, and the manifest of a shard.
    let place = place_of(&args.output);
    let beside = Partial::files(&place).into_iter().chain([Manifest::beside(&args.output)]);
    let beside: Vec<PathBuf> = beside.collect();
    beside.iter().try_for_each(|file| refuse_overwriting(file, &paths))?;
    if let Some(summary) = &args.summary {
        if beside.iter().chain([&place]).any(|file| is_same_place(file, summary)) {
            let name = summary.display();
            return Err(CliError::Usage(format!(
                "--summary {name} is a file that belongs to the output"
            )));
        }
        paths.push(&args.output);
        refuse_overwriting(summary, &paths)?;
    }
    Ok(())
}

/// Nothing is given that only other targets need. The lines of requests may name any.
fn check_target(args: &ProveArgs) -> Result<(), CliError> {
    let is_parquet = args.format == Some(ProofFormat::Parquet);
    if !is_parquet && args.output.extension().is_some_and(|ending| ending == "parquet") {
        return Err(CliError::Usage(
            "a name that ends with .parquet needs --format parquet".into(),
        ));
    }
    if args.which.requests.is_some() {
        return Ok(());
    }
    let unneeded = [
        ("--events", args.past.events.is_some() && !args.target.needs_history()),
        ("--sl-batches", args.sl_batches.is_some() && !matches!(args.target, Target::SlBatch(_))),
    ];
    match unneeded.iter().find(|(_, unneeded)| *unneeded) {
        Some((flag, _)) => Err(CliError::Usage(format!("{flag} has no effect for this target"))),
        None => Ok(()),
    }
}

/// What the command line selects.
fn select<'a>(
    args: &'a ProveArgs,
    archive: &'a Archive,
    trees: &'a Trees<'a>,
    witness: Option<&'a KnownRoots<&'a Snapshot>>,
) -> Result<Steps<'a>, CliError> {
    let which = &args.which;
    if let Some(path) = &which.requests {
        let requests = Requests::open(path, archive, trees, witness, args.target)?;
        return Ok(Box::new(requests));
    }
    let extractor = Arc::new(trees.extractor(witness, args.target)?);
    let within = Filter::from(which);
    match which {
        WhichArgs { message: Some(hash), .. } => {
            selection::message(archive, &extractor, *hash, within)
        }
        WhichArgs { tx: Some(hash), log, .. } => {
            selection::transaction(archive, &extractor, (*hash, *log), within)
        }
        WhichArgs { hash: Some(hash), .. } => {
            selection::by_hash(archive, &extractor, *hash, within)
        }
        WhichArgs { index: Some(index), chain: Some(chain), batch: Some(batch), .. } => {
            if batch.first != batch.last {
                return Err(CliError::Usage("--index needs one --batch".into()));
            }
            let log = (*chain, batch.first, *index);
            selection::log(archive, extractor, log)
        }
        _ => selection::all(archive, extractor, within, args.shard),
    }
}
