use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Instant,
};

use rayon::prelude::*;

use super::{
    args::{ProofFormat, ProveArgs},
    error::{CliError, Outcome, refuse_overwriting},
    proof_output::{Piece, Sink},
    report::{Words, count},
    target::Trees,
};
use crate::{
    files::Output,
    forest::Forest,
    messages::{Archive, ArchiveError, BatchView, LogAt, read_archive},
    primitives::{BatchNumber, ChainId, Hash},
    proofs::{BatchProofs, ExtractError, Extractor, Request},
};

/// How many logs are proven before their proofs are written, about: a record takes some 3 KB.
const LOGS_AT_ONCE: usize = 1 << 16;

/// To which chain and batch a selection is narrowed.
#[derive(Clone, Copy)]
struct Within {
    chain: Option<ChainId>,
    batch: Option<BatchNumber>,
}

impl Within {
    fn has(self, chain: ChainId, batch: BatchNumber) -> bool {
        self.chain.is_none_or(|only| only == chain) && self.batch.is_none_or(|only| only == batch)
    }

    /// The batches in an archive; a batch is never given without its chain.
    fn range(self) -> RangeInclusive<(ChainId, BatchNumber)> {
        let ends = [0, u64::MAX].map(|end| {
            (self.chain.unwrap_or(ChainId(end)), self.batch.unwrap_or(BatchNumber(end)))
        });
        ends[0]..=ends[1]
    }
}

pub(super) fn run(args: &ProveArgs, words: &Words) -> Result<Outcome, CliError> {
    if args.tree == Path::new("-") && args.messages == Path::new("-") {
        return Err(CliError::Usage("--tree and --messages cannot both be standard input".into()));
    }
    let inputs =
        [Some(&args.tree), Some(&args.messages), args.sl_batches.as_ref(), args.anchor.as_ref()];
    let inputs: Vec<&Path> = inputs.into_iter().flatten().map(PathBuf::as_path).collect();
    refuse_overwriting(&args.output, &inputs)?;
    let started = Instant::now();
    // Begun first, so that a folder that is not there is known before the work is done.
    let output = Output::create(&args.output)?;
    let (trees, archive) =
        rayon::join(|| Trees::read(args, words), || read_archive(&args.messages, args.how.access));
    let (trees, archive) = (trees?, archive?);
    let witness = trees.witness(args)?;
    let extractor = trees.extractor(witness.as_ref())?;
    words.say(trees.summary());

    let within = Within { chain: args.chain, batch: args.batch };
    let sink = |many| Sink::new(output, args.format, many);
    let sink = match (args.chain, args.batch, args.index, args.message) {
        (Some(chain), Some(batch), Some(index), _) => {
            one(&extractor, &archive, (chain, batch, index), sink(false))?
        }
        (_, _, _, Some(hash)) => message(&extractor, &archive, hash, within, sink)?,
        _ => all(&extractor, &archive, within, sink(true))?,
    };
    let name = sink.name();
    let total = sink.finish()?;

    words.say(format_args!(
        "proofs             {}, each folded again by the verifier",
        count(total.proofs)
    ));
    if total.padding > 0 {
        words.say(format_args!(
            "padding            {} logs of 88 zero bytes, which the contracts refuse to prove",
            count(total.padding)
        ));
    }
    match total.failures {
        0 => words.say("failed requests    0"),
        failures => words.say(format_args!(
            "failed requests    {}, for {} logs",
            count(failures),
            count(total.failed_logs)
        )),
    }
    if args.all {
        let forest = trees.forest();
        let unarchived = forest.map_or(0, |forest| unarchived(forest, &archive, within));
        if unarchived > 0 {
            words.say(format_args!(
                "without logs       {} executed batches, of which the archive has nothing",
                count(unarchived)
            ));
        }
    }
    words.say(format_args!("output             {name}"));
    words.say(format_args!("time               {:.2} s", started.elapsed().as_secs_f64()));
    Ok(if total.failures == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

/// How many of the selected batches the settlement layer executed and the archive does not have.
fn unarchived(forest: &Forest, archive: &Archive, within: Within) -> usize {
    let executed = forest
        .chains()
        .iter()
        .flat_map(|tree| tree.batches().iter().map(|batch| (tree.chain(), batch)));
    executed
        .filter(|(chain, batch)| within.has(*chain, *batch))
        .filter(|(chain, batch)| !archive.contains(*chain, *batch))
        .count()
}

fn one(
    extractor: &Extractor<'_>,
    archive: &Archive,
    (chain, batch, index): (ChainId, BatchNumber, u64),
    mut sink: Sink,
) -> Result<Sink, CliError> {
    let proof = extractor
        .batch_of(archive, chain, batch)
        .and_then(|proofs| proofs.prove(index))
        .map_err(CliError::Extract)?;
    let mut piece = Piece::default();
    piece.proof(sink.form, proof);
    sink.write(&piece)?;
    Ok(sink)
}

fn message(
    extractor: &Extractor<'_>,
    archive: &Archive,
    hash: Hash,
    within: Within,
    sink: impl FnOnce(bool) -> Sink,
) -> Result<Sink, CliError> {
    let found = archive.find_message(hash).filter(|found| {
        found.as_ref().map_or(true, |at| within.has(at.batch.chain(), at.batch.batch()))
    });
    let mut found = found.peekable();
    let Some(first) = found.next() else {
        return Err(CliError::NothingFound(format!(
            "no such log in the archive stands for a message with the hash {hash}"
        )));
    };
    let mut sink = sink(found.peek().is_some());
    let mut proofs = None;
    for at in std::iter::once(first).chain(found) {
        let LogAt { batch, index } = at?;
        // Logs of one batch follow each other and share most of their proofs.
        let (_, proofs) = match proofs.take() {
            Some((of, known)) if of == batch.key() => proofs.insert((of, known)),
            _ => proofs.insert((batch.key(), extractor.batch(batch))),
        };
        let mut piece = Piece::default();
        match proofs.as_ref().map_err(Clone::clone).and_then(|proofs| proofs.prove(index)) {
            Ok(proof) => piece.proof(sink.form, proof),
            Err(error) => piece.failure(sink.form, Request::log(&batch, index), 1, &error),
        }
        sink.write(&piece)?;
    }
    Ok(sink)
}

fn all(
    extractor: &Extractor<'_>,
    archive: &Archive,
    within: Within,
    mut sink: Sink,
) -> Result<Sink, CliError> {
    let mut wanted = archive.batches_in(within.range()).peekable();
    if wanted.peek().is_none() {
        let of = |name: &str, number: Option<String>| {
            number.map_or(String::new(), |number| format!(" of {name} {number}"))
        };
        return Err(CliError::NothingFound(format!(
            "the archive has no logs{}{}",
            of("batch", within.batch.map(|batch| batch.to_string())),
            of("chain", within.chain.map(|chain| chain.to_string())),
        )));
    }
    while wanted.peek().is_some() {
        let batches = at_once(&mut wanted)?;
        let proofs = extractor.batches(&batches).into_par_iter().zip(&batches);
        let pieces: Vec<Piece> =
            proofs.map(|(proofs, logs)| prove_batch(proofs, logs, sink.form)).collect();
        for piece in &pieces {
            sink.write(piece)?;
        }
    }
    Ok(sink)
}

/// The next batches whose proofs are made before they are written; at least one.
fn at_once<'a>(
    batches: &mut impl Iterator<Item = Result<BatchView<'a>, ArchiveError>>,
) -> Result<Vec<BatchView<'a>>, ArchiveError> {
    let (mut taken, mut logs) = (Vec::new(), 0);
    while logs < LOGS_AT_ONCE {
        let Some(batch) = batches.next().transpose()? else { break };
        // A batch without logs costs something too.
        logs += batch.logs().len().max(1);
        taken.push(batch);
    }
    Ok(taken)
}

fn prove_batch(
    proofs: Result<BatchProofs<'_>, ExtractError>,
    logs: &BatchView<'_>,
    form: ProofFormat,
) -> Piece {
    let mut piece = Piece::default();
    let proofs = match proofs {
        Ok(proofs) => proofs,
        Err(error) => {
            piece.failure(form, Request::batch(logs), logs.logs().len(), &error);
            return piece;
        }
    };
    for (index, proof) in (0..).zip(proofs.prove_all()) {
        match proof {
            Ok(proof) => piece.proof(form, proof),
            Err(ExtractError::DefaultLeaf { .. }) => piece.count.padding += 1,
            Err(error) => piece.failure(form, Request::log(logs, index), 1, &error),
        }
    }
    piece
}
