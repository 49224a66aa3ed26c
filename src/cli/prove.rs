use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use super::{
    error::{CliError, Outcome, refuse_overwriting},
    pipeline,
    proof_output::{Count, Encoder},
    prove_args::{ProveArgs, WhichArgs},
    report::{Words, count},
    requests::Requests,
    selection::{self, Steps, Within},
    target::Trees,
};
use crate::{
    files::Output,
    forest::RootWitness,
    messages::{Archive, read_archive},
    snapshot::Snapshot,
};

pub(super) fn run(args: &ProveArgs, words: &Words) -> Result<Outcome, CliError> {
    check_paths(args)?;
    let started = Instant::now();
    // Begun first, so that a folder that is not there is known before the work is done.
    let output = Output::create(&args.output)?;
    let archive = read_archive(&args.messages, args.how.access)?;
    let trees = Trees::read(args, words)?;
    let witness = trees.witness()?;
    let (mut steps, many) = select(args, &archive, &trees, &witness)?;
    words.say(trees.summary());

    let encoder = Encoder::new(args, many)?;
    let proving = Instant::now();
    let sink = pipeline::run(&mut steps, &encoder, encoder.sink(output)?)?;
    let name = sink.name();
    let total = sink.finish()?;

    say(&total, words);
    if args.which.all {
        let within = Within::from(&args.which);
        let unarchived =
            trees.forest().map_or(0, |forest| selection::unarchived(forest, &archive, within));
        if unarchived > 0 {
            words.say(format_args!(
                "without logs       {} executed batches, of which the archive has nothing",
                count(unarchived)
            ));
        }
    }
    words.say(format_args!("output             {name}"));
    words.say(format_args!(
        "time               {:.2} s, {:.2} s of them for the proofs",
        started.elapsed().as_secs_f64(),
        proving.elapsed().as_secs_f64()
    ));
    Ok(if total.failures.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// What became of the requests, in words.
fn say(total: &Count, words: &Words) {
    words.say(format_args!(
        "proofs             {}, each verified before it was written",
        count(total.proofs)
    ));
    if total.padding > 0 {
        words.say(format_args!(
            "padding            {} logs of 88 zero bytes, which the contracts refuse to prove",
            count(total.padding)
        ));
    }
    match total.failed() {
        0 => words.say("failed requests    0"),
        failed => words.say(format_args!(
            "failed requests    {}, for {} logs",
            count(failed),
            count(total.failed_logs)
        )),
    }
    for (code, failures) in &total.failures {
        words.say(format_args!("                   {} {code}", count(*failures)));
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
    ];
    let inputs: Vec<(&str, &Path)> = named
        .into_iter()
        .filter_map(|(name, path)| Some((name, path.map(PathBuf::as_path)?)))
        .collect();
    let mut piped = inputs.iter().filter(|(_, path)| *path == Path::new("-"));
    if let (Some((one, _)), Some((other, _))) = (piped.next(), piped.next()) {
        return Err(CliError::Usage(format!("{one} and {other} cannot both be standard input")));
    }
    let paths: Vec<&Path> = inputs.iter().map(|(_, path)| *path).collect();
    refuse_overwriting(&args.output, &paths)
}

/// What the command line asks for, and whether that may be more than one proof.
fn select<'a>(
    args: &'a ProveArgs,
    archive: &'a Archive,
    trees: &'a Trees<'a>,
    witness: &'a RootWitness<'a, Snapshot>,
) -> Result<(Steps<'a>, bool), CliError> {
    let which = &args.which;
    if let Some(path) = &which.requests {
        let requests = Requests::open(path, archive, trees, witness, args.target)?;
        return Ok((Box::new(requests), true));
    }
    let extractor = Arc::new(trees.extractor(witness, args.target)?);
    let within = Within::from(which);
    match which {
        WhichArgs { message: Some(hash), .. } => {
            selection::message(archive, &extractor, *hash, within)
        }
        WhichArgs { tx: Some(hash), log, .. } => {
            selection::transaction(archive, &extractor, (*hash, *log), within)
        }
        WhichArgs { index: Some(index), chain: Some(chain), batch: Some(batch), .. } => {
            if batch.first != batch.last {
                return Err(CliError::Usage("--index needs one --batch".into()));
            }
            let log = (*chain, batch.first, *index);
            Ok((selection::log(archive, extractor, log)?, false))
        }
        _ => Ok((selection::all(archive, extractor, within)?, true)),
    }
}
