use std::{path::Path, time::Instant};

use rayon::prelude::*;
use serde::Serialize;

use super::{
    args::{ProofFormat, ProveArgs},
    error::{CliError, Outcome},
    report::{self, Words, count},
};
use crate::{
    files::Output,
    forest::Forest,
    messages::{Archive, BatchView, LogAt, read_archive},
    primitives::{BatchNumber, ChainId, Hash},
    proofs::{
        ExtractError, Extractor, Failure, FailureRecord, ProofRecord, Request, RpcAnswer, Target,
    },
};

/// How many batches are proven before their proofs are written.
const BATCHES_AT_ONCE: usize = 64;

/// What to prove.
enum Selection {
    One(ChainId, BatchNumber, u64),
    Message(Hash),
    All(Option<ChainId>, Option<BatchNumber>),
}

pub(super) fn run(args: &ProveArgs, words: &Words) -> Result<Outcome, CliError> {
    if args.tree == Path::new("-") && args.messages == Path::new("-") {
        return Err(CliError::Usage("--tree and --messages cannot both be standard input".into()));
    }
    let selection = match (args.chain, args.batch, args.index, args.message) {
        (Some(chain), Some(batch), Some(index), _) => Selection::One(chain, batch, index),
        (_, _, _, Some(hash)) => Selection::Message(hash),
        _ => Selection::All(args.chain, args.batch),
    };
    let started = Instant::now();
    let (forest, archive) = rayon::join(
        || args.how.forest(&args.tree, words),
        || read_archive(&args.messages, args.how.access),
    );
    let ((_, forest), archive) = (forest?, archive?);
    let extractor = Extractor::new(&forest, args.target)?;
    words.say(summary(&forest, args.target));

    let mut sink = Sink::new(args, &selection)?;
    match selection {
        Selection::One(chain, batch, index) => {
            let proof = extractor
                .batch_of(&archive, chain, batch)
                .and_then(|proofs| proofs.prove(index))
                .map_err(CliError::Extract)?;
            let mut piece = Piece::default();
            piece.proof(sink.form, proof);
            sink.write(&piece)?;
        }
        Selection::Message(hash) => message(&extractor, &archive, hash, &mut sink)?,
        Selection::All(chain, batch) => all(&extractor, &archive, (chain, batch), &mut sink)?,
    }
    let name = sink.output.name();
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
    words.say(format_args!("failed requests    {}", count(total.failures)));
    words.say(format_args!("output             {name}"));
    words.say(format_args!("time               {:.2} s", started.elapsed().as_secs_f64()));
    Ok(if total.failures == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

/// What the proofs are made from and against.
fn summary(forest: &Forest, target: Target) -> String {
    let batches: usize = forest.chains().iter().map(|tree| tree.batches().len()).sum();
    let target = match (target, forest.latest()) {
        (Target::Latest, Some(latest)) => {
            format!("interop root of block {}, {}", latest.block, latest.root)
        }
        _ => "batch roots of the chains".into(),
    };
    format!(
        "settlement layer   {}: {} chains, {} batches, every stored node equals the rebuilt one\n\
         target             {target}",
        forest.sl_chain(),
        forest.chains().len(),
        count(batches),
    )
}

fn message(
    extractor: &Extractor<'_>,
    archive: &Archive,
    hash: Hash,
    sink: &mut Sink,
) -> Result<(), CliError> {
    let mut found = archive.find_message(hash).peekable();
    if found.peek().is_none() {
        return Err(CliError::NothingFound(format!(
            "no log in the archive stands for a message with the hash {hash}"
        )));
    }
    let mut proofs = None;
    while let Some(at) = found.next() {
        let LogAt { batch, index } = at?;
        sink.many |= found.peek().is_some();
        // Logs of one batch follow each other and share most of their proofs.
        let (_, proofs) = match proofs.take() {
            Some((of, known)) if of == batch_key(&batch) => proofs.insert((of, known)),
            _ => proofs.insert((batch_key(&batch), extractor.batch(batch))),
        };
        let mut piece = Piece::default();
        match proofs.as_ref().map_err(Clone::clone).and_then(|proofs| proofs.prove(index)) {
            Ok(proof) => piece.proof(sink.form, proof),
            Err(error) => piece.failure(sink.form, Request::log(&batch, index), &error),
        }
        sink.write(&piece)?;
    }
    Ok(())
}

fn batch_key(batch: &BatchView<'_>) -> (ChainId, BatchNumber) {
    (batch.chain(), batch.batch())
}

fn all(
    extractor: &Extractor<'_>,
    archive: &Archive,
    (chain, batch): (Option<ChainId>, Option<BatchNumber>),
    sink: &mut Sink,
) -> Result<(), CliError> {
    let (first, last) = (BatchNumber(0), BatchNumber(u64::MAX));
    let range = (chain.unwrap_or(ChainId(0)), batch.unwrap_or(first))
        ..=(chain.unwrap_or(ChainId(u64::MAX)), batch.unwrap_or(last));
    let mut wanted = archive.batches_in(range).peekable();
    if wanted.peek().is_none() {
        return Err(CliError::NothingFound("the archive has no such batch".into()));
    }
    while wanted.peek().is_some() {
        let batches: Vec<BatchView<'_>> =
            wanted.by_ref().take(BATCHES_AT_ONCE).collect::<Result<_, _>>()?;
        let pieces: Vec<Piece> =
            batches.par_iter().map(|logs| prove_batch(extractor, *logs, sink.form)).collect();
        for piece in &pieces {
            sink.write(piece)?;
        }
    }
    Ok(())
}

fn prove_batch(extractor: &Extractor<'_>, logs: BatchView<'_>, form: ProofFormat) -> Piece {
    let mut piece = Piece::default();
    let proofs = match extractor.batch(logs) {
        Ok(proofs) => proofs,
        Err(error) => {
            piece.failure(form, Request::batch(&logs), &error);
            return piece;
        }
    };
    for (index, proof) in (0..).zip(proofs.prove_all()) {
        match proof {
            Ok(proof) => piece.proof(form, proof),
            Err(ExtractError::DefaultLeaf { .. }) => piece.padding += 1,
            Err(error) => piece.failure(form, Request::log(&logs, index), &error),
        }
    }
    piece
}

/// Records in the form in which they are written.
#[derive(Default)]
struct Piece {
    records: Vec<Vec<u8>>,
    /// Failures that the format has no record for.
    words: Vec<String>,
    proofs: u64,
    failures: u64,
    padding: u64,
}

impl Piece {
    fn proof(&mut self, form: ProofFormat, proof: ProofRecord) {
        self.proofs += 1;
        match form {
            ProofFormat::Rpc => self.record(form, &RpcAnswer::from(proof)),
            ProofFormat::Json | ProofFormat::Ndjson => self.record(form, &proof),
        }
    }

    fn failure(&mut self, form: ProofFormat, request: Request, error: &ExtractError) {
        self.failures += 1;
        let error = Failure { code: error.code().into(), message: error.to_string() };
        match form {
            ProofFormat::Rpc => self.words.push(format!("{}: {}", error.code, error.message)),
            _ => self.record(form, &FailureRecord { request, error }),
        }
    }

    fn record(&mut self, form: ProofFormat, record: &impl Serialize) {
        let text = match form {
            ProofFormat::Json => serde_json::to_vec_pretty(record),
            ProofFormat::Ndjson | ProofFormat::Rpc => serde_json::to_vec(record),
        };
        // The records have no maps with keys other than text, the only thing that could fail.
        self.records.push(text.unwrap_or_default());
    }
}

/// Where the records go.
struct Sink {
    output: Output,
    form: ProofFormat,
    /// Whether JSON is to be an array.
    many: bool,
    /// Whether a record was written.
    begun: bool,
    total: Piece,
}

impl Sink {
    fn new(args: &ProveArgs, selection: &Selection) -> Result<Self, CliError> {
        let many = matches!(selection, Selection::All(..));
        let form = args.format.unwrap_or(match selection {
            Selection::One(..) => ProofFormat::Json,
            _ => ProofFormat::Ndjson,
        });
        let output = Output::create(&args.output)?;
        Ok(Self { output, form, many, begun: false, total: Piece::default() })
    }

    fn write(&mut self, piece: &Piece) -> Result<(), CliError> {
        let is_array = self.form == ProofFormat::Json && self.many;
        for record in &piece.records {
            self.output.put(match (is_array, self.begun) {
                (true, false) => b"[\n",
                (true, true) => b",\n",
                (false, false) => b"",
                (false, true) => b"\n",
            })?;
            self.output.put(record)?;
            self.begun = true;
        }
        for words in &piece.words {
            report::error(&CliError::NothingFound(words.clone()));
        }
        self.total.proofs += piece.proofs;
        self.total.failures += piece.failures;
        self.total.padding += piece.padding;
        Ok(())
    }

    fn finish(mut self) -> Result<Piece, CliError> {
        let is_array = self.form == ProofFormat::Json && self.many;
        self.output.put(match (is_array, self.begun) {
            (true, true) => b"\n]\n",
            (true, false) => b"[]\n",
            (false, true) => b"\n",
            (false, false) => b"",
        })?;
        self.output.finish()?;
        Ok(self.total)
    }
}
