//! Bulk jobs: proofs of everything that is selected, made on all threads and written in order.
//!
//! A [`Job`] writes a file ([`Job::write`]) or hands records to a [`Sink`] ([`Job::run`]). A file can be
//! resumed after an interruption, and can be made in shards that are merged later ([`merge`]). The output is
//! the same for any number of threads.

mod appended;
mod batches;
mod checkpoint;
pub(super) mod found;
mod merge;
mod output;
mod pieces;
mod pipeline;
mod proof_file;
mod request_lines;
mod requests;
mod run_id;
mod scheduler;
mod selection;
mod shard;
mod sink;
mod source;
mod step;
mod summary;
mod window;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{Error, Event, Observer, ObserverHandle, Prover, SlBlocks};
use crate::{
    files::{Compression, InputError, Output, is_file},
    forest::Timeline,
    proof::{Hints, Target, no_hints},
    records::{
        CallOptions, Encode, Encoder, FailureLines, Form, Integers, OwnedRecords, ProofFormat,
    },
};

pub use batches::{Batches, BatchesParseError};
#[cfg(feature = "serve")]
pub(crate) use found::no_transaction;
pub use merge::{Merged, merge};
pub use output::ProofOutput;
use output::is_for_file;
use proof_file::{Files, ProofFile};
use request_lines::RequestLines;
use run_id::RunId;
pub use scheduler::SchedulerError;
pub use selection::Selection;
use selection::Which;
pub use shard::{Shard, ShardParseError};
use sink::OwnedSink;
pub use sink::{JobPart, Sink};
use source::Source;
use step::Steps;
pub use summary::Summary;

/// A bulk job. [`Prover::job`] creates one.
///
/// ```
/// use slproof::{Messages, ProofOutput, Prover, Selection, Shard, Target, Trees, merge};
///
/// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// let prover = Prover::new(trees, messages);
/// let dir = tempfile::tempdir()?;
///
/// let shards = ["1/2", "2/2"].map(|shard| (shard, dir.path().join(&shard[..1])));
/// for (shard, path) in &shards {
///     let job = prover.job(Selection::all()).target(Target::Latest).shard(shard.parse::<Shard>()?);
///     job.write(ProofOutput::create(path)?)?;
/// }
/// let merged = merge(&shards.map(|(_, path)| path), &dir.path().join("all"), &Default::default())?;
/// assert_eq!(merged.count.failed(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Job {
    prover: Prover,
    selection: Selection,
    target: Target,
    shard: Option<Shard>,
    observer: ObserverHandle,
    hints: Hints,
    skip: u64,
}

impl Prover {
    /// Creates a bulk job for everything that is selected. Proofs are made on all threads of the current
    /// rayon pool and returned in order.
    #[must_use]
    pub fn job(&self, selection: Selection) -> Job {
        Job {
            prover: self.clone(),
            selection,
            target: Target::Latest,
            shard: None,
            observer: ObserverHandle::default(),
            hints: no_hints,
            skip: 0,
        }
    }
}

impl Job {
    /// The root to prove against; [`Target::Latest`] by default.
    #[must_use]
    pub fn target(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// Restricts the job to one of its shards. Only selections of all logs and lines of a file can be divided into
    /// shards.
    #[must_use]
    pub fn shard(self, shard: impl Into<Option<Shard>>) -> Self {
        Self { shard: shard.into(), ..self }
    }

    /// The observer, which receives events and may cancel the job.
    #[must_use]
    pub fn observer(self, observer: impl Into<ObserverHandle>) -> Self {
        Self { observer: observer.into(), ..self }
    }

    /// The hints that are appended to the messages of failures.
    #[must_use]
    pub fn hints(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }

    /// Skips this number of steps, which an earlier run handed to the same sink ([`JobPart::steps`]). Output
    /// files keep this number themselves.
    #[must_use]
    pub fn skip(self, steps: u64) -> Self {
        Self { skip: steps, ..self }
    }

    /// Runs the job and hands its answers to a sink.
    ///
    /// # Errors
    /// [`Error`] when nothing is selected, when the target does not exist, when the job selects one log and
    /// it cannot be proven, when the job is cancelled, or when the sink fails. Other logs and requests that
    /// cannot be proven become answers.
    pub fn run(&self, sink: &mut impl Sink) -> Result<Summary, Error> {
        self.run_encoded(OwnedRecords, sink)
    }

    /// As [`Job::run`], but hands the sink what `encoder` makes of the answers. It works on all threads, and borrows
    /// the proofs.
    ///
    /// # Errors
    /// As [`Job::run`], and when an answer cannot be encoded.
    pub fn run_encoded<A, E>(&self, encoder: E, sink: &mut impl Sink<A>) -> Result<Summary, Error>
    where
        A: Send,
        E: Encode<Chunk: IntoIterator<Item = A>> + Clone,
    {
        let single = self.single_root()?;
        let mut steps = self.select(single.as_ref(), SlBlocks::IfKnown)?;
        self.observer.event(&Event::Selected);
        pass_over(&mut *steps, self.skip)?;
        let sink = OwnedSink::new(sink, encoder, self.skip);
        let (sink, proving) = self.prove(&mut *steps, sink, 0)?;
        Ok(Summary::new((sink.total(), self.left_out()), 0, 0, proving))
    }

    /// Runs the job and writes an output. The output can be resumed if it is a regular file of many records, its
    /// format is not a bundle, and the inputs that select the proofs are regular files too.
    ///
    /// # Errors
    /// As [`Job::run`], and when this build does not have the format, when the output cannot be written, or
    /// when it cannot be resumed or divided into shards as requested.
    pub fn write(&self, output: ProofOutput) -> Result<Summary, Error> {
        output.format.map_or(Ok(()), ProofFormat::check)?;
        let single = self.single_root()?;
        // Only a node's answer names the block that executed a batch.
        let blocks = match output.format {
            Some(ProofFormat::Rpc) => SlBlocks::Searched,
            _ => SlBlocks::IfKnown,
        };
        let mut steps = self.select(single.as_ref(), blocks)?;
        let is_many = !self.selection.is_one_log();
        self.observer.event(&Event::Selected);
        let calls = self.calls(&output)?;
        let encoder = self.encoder(&output, is_many, &calls)?;
        let is_resumable = is_many && encoder.is_resumable() && self.is_from_files(&output)?;
        if !is_resumable && (output.resume || self.shard.is_some()) {
            return Err(Error::NotResumable);
        }
        self.observer.event(&Event::OutputBegins { is_resumable });
        let observer = self.observer.clone();
        let file = if is_resumable {
            let job = (
                RunId::new(&self.prover, &self.selection, self.target, &calls, &encoder)?,
                self.shard,
            );
            let files = Files { output: &output.path, failures: output.failures_path() };
            let (file, done) = ProofFile::resumable(&files, encoder, observer, job, output.resume)?;
            let file = file.of_archive_without(self.left_out());
            if done > 0 {
                self.observer.event(&Event::Resumed { steps: done });
                pass_over(&mut *steps, done)?;
            }
            file
        } else {
            let open = |path: &Path, stream: Option<Output>| {
                stream.map_or_else(|| Output::create(path), Ok)
            };
            let failures = output.failures.map(|(path, stream)| open(&path, stream));
            let outputs = (open(&output.path, output.stream)?, failures.transpose()?);
            ProofFile::once(outputs, encoder, observer)
        };
        let before = file.total().clone();
        let (file, proving) = self.prove(&mut *steps, file, before.logs())?;
        let written = file.finish()?;
        Ok(Summary::new((written.count, self.left_out()), written.bytes, before.proofs, proving))
    }

    /// The number of parts that were left out of the archive.
    fn left_out(&self) -> u64 {
        self.prover.messages().skipped().count()
    }

    /// The number of selected batches that the settlement layer executed and the archive lacks; `None` if
    /// unknown.
    ///
    /// # Errors
    /// [`Error::Archive`] when the archive is damaged.
    pub fn unarchived(&self) -> Result<Option<usize>, Error> {
        let is_all = matches!(self.selection.which, Which::All) && self.shard.is_none();
        let forest = self.prover.trees().forest().filter(|_| is_all);
        let archive = self.prover.messages().archive();
        let count = |forest| selection::unarchived(forest, archive, self.selection.filter);
        forest.map(count).transpose()
    }

    /// Returns the history of the only root that the job needs, if it can be read without the others.
    fn single_root(&self) -> Result<Option<Timeline>, Error> {
        match self.selection.needs_one_root() {
            true => {
                let batch = self.selection.batch(self.prover.messages().archive());
                self.prover.trees().single_root(self.target, batch)
            }
            false => Ok(None),
        }
    }

    fn select<'a>(
        &'a self,
        single: Option<&'a Timeline>,
        blocks: SlBlocks,
    ) -> Result<Box<Steps<'a>>, Error> {
        let (trees, archive) = (self.prover.trees(), self.prover.messages().archive());
        let (target, shard, hints) = (self.target, self.shard, self.hints);
        let source = Source { archive, trees, target, blocks, shard, hints };
        self.selection.select(source, || match single {
            Some(timeline) => trees.extractor_in(target, Some(timeline)),
            None => trees.extractor_naming(target, blocks),
        })
    }

    /// Creates the encoder of an output with one record, or with many if `is_many`.
    fn encoder(
        &self,
        output: &ProofOutput,
        is_many: bool,
        calls: &CallOptions,
    ) -> Result<Encoder, Error> {
        let form = Form::new(output.format, is_many);
        let compression = Compression::of_name(&output.path);
        if form == Form::Rows && compression.is_some() {
            return Err(Error::CompressedParquet);
        }
        let has_records = matches!(form, Form::Object | Form::Array | Form::Lines);
        if output.integers != Integers::default() && !has_records {
            return Err(Error::IntegersOfFormat);
        }
        // Each line of a request file may have its own target.
        if form == Form::CallLines && self.selection.lines().is_none() {
            calls.check(self.target.kind())?;
        }
        let failures = output
            .failures_path()
            .map(|path| FailureLines { compression: Compression::of_name(path) });
        let has_timestamps = self.prover.trees().has_timestamps();
        let encoder = Encoder::new(form, compression, calls.clone())
            .with_integers(output.integers)
            .with_hints(self.hints);
        let encoder = match form {
            Form::Page => encoder.with_l1(self.prover.trees().l1_evidence()?),
            _ => encoder,
        };
        Ok(encoder.with_failures_apart(failures).with_timestamps(has_timestamps))
    }

    /// The calls of an output, with the contracts that the state of L1 has.
    #[cfg(feature = "calldata")]
    fn calls(&self, output: &ProofOutput) -> Result<CallOptions, Error> {
        let mut calls = output.calls.clone();
        if output.format == Some(ProofFormat::Calldata) {
            let chains = self.prover.messages().archive().chains()?;
            let chains = chains.into_iter().map(|summary| summary.chain);
            self.prover.trees().add_contracts(&mut calls.l1, chains)?;
        }
        Ok(calls)
    }

    #[cfg(not(feature = "calldata"))]
    fn calls(&self, output: &ProofOutput) -> Result<CallOptions, Error> {
        Ok(output.calls.clone())
    }

    /// Whether the output is a regular file, and also the input that selects proofs, which is read a second
    /// time.
    fn is_from_files(&self, output: &ProofOutput) -> Result<bool, InputError> {
        let options = self.prover.trees().options();
        let inputs = options.events.iter().chain(&options.sl_batches).map(AsRef::as_ref);
        let mut are_files = is_for_file(&output.path)?;
        if let Some(failures) = output.failures_path() {
            are_files &= is_for_file(failures)?;
        }
        for input in inputs.chain(self.selection.lines().and_then(RequestLines::file)) {
            are_files &= is_file(input)?;
        }
        Ok(are_files)
    }

    /// Runs the steps. Returns the time it took without the search for the contents of past roots.
    fn prove<S: pipeline::ChunkSink>(
        &self,
        steps: &mut Steps<'_>,
        sink: S,
        done: u64,
    ) -> Result<(S, Duration), Error> {
        let (trees, archive) = (self.prover.trees(), self.prover.messages().archive());
        let logs = matches!(self.selection.which, Which::All)
            .then(|| self.selection.filter.logs(archive, self.shard))
            .transpose()?;
        self.observer.event(&Event::ProvingBegins { logs, done });
        let (started, searched) = (Instant::now(), trees.history_time());
        let sink = pipeline::run(steps, sink, &self.observer, self.hints)?;
        let proving = started.elapsed().saturating_sub(trees.history_time() - searched);
        Ok((sink, proving))
    }
}

/// Skips steps that an earlier run completed.
fn pass_over(steps: &mut Steps<'_>, done: u64) -> Result<(), Error> {
    for _ in 0..done {
        if steps.next().transpose()?.is_none() {
            break;
        }
    }
    Ok(())
}
