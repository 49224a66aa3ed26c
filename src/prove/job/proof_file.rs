//! The output file of a job. It either appears only when it is complete, or can be resumed after an
//! interruption.

use std::{
    mem,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Shard,
    checkpoint::{Checkpoint, Manifest, write_json},
    pipeline::{ChunkSink, Part},
    run_id::RunId,
};
use crate::{
    files::{Output, Partial, place_of},
    primitives::hex,
    prove::{Error, Event, Observer, ObserverHandle},
    records::{Count, EncodedChunk, Encoder, EncoderError, Form, RowGroups},
};

/// The minimum time between checkpoints. Flushing to disk may be slow, so after a checkpoint the job writes
/// for at least ten times as long as the checkpoint took.
const BETWEEN_CHECKPOINTS: Duration = Duration::from_millis(500);
const TIMES_ITSELF: u32 = 10;

/// An output that is being written.
pub(super) struct ProofFile {
    destination: Destination,
    encoder: Encoder,
    observer: ObserverHandle,
    /// Rows that wait until a row group is full, if the form is rows.
    groups: RowGroups,
    /// Whether a record was written.
    begun: bool,
    bytes: u64,
    total: Count,
}

enum Destination {
    Once(Output),
    Resumable(Box<Resumable>),
}

/// The state of a job that can be resumed.
struct Resumable {
    target: PathBuf,
    partial: Partial,
    job: RunId,
    shard: Option<Shard>,
    /// The hash of the bytes written so far.
    hasher: blake3::Hasher,
    /// The manifest, if the output is a shard.
    manifest: Option<Output>,
    steps: u64,
    /// The number of steps that the bytes written so far cover, and their results.
    written: (u64, Count),
    next_checkpoint: Instant,
}

/// The totals of a finished output.
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) count: Count,
}

impl ProofFile {
    /// Creates an output that is either complete or absent.
    pub(super) fn once(output: Output, encoder: Encoder, observer: ObserverHandle) -> Self {
        Self {
            destination: Destination::Once(output),
            encoder,
            observer,
            groups: RowGroups::default(),
            begun: false,
            bytes: 0,
            total: Count::default(),
        }
    }

    /// Creates an output that can be resumed. If `resume` is set and an interrupted run of the same job left
    /// a checkpoint, the output continues after it. Returns the number of steps that are already completed.
    pub(super) fn resumable(
        target: &Path,
        encoder: Encoder,
        observer: ObserverHandle,
        (job, shard): (RunId, Option<Shard>),
        resume: bool,
    ) -> Result<(Self, u64), Error> {
        let target = place_of(target)?;
        let done = if resume { left(&target, &job, shard)? } else { None };
        let mut partial = match &done {
            Some(done) => Partial::resume(&target, done.bytes)?,
            None => {
                let is_checkpoint = |note: &[u8]| Checkpoint::from_bytes(note).is_some();
                let begun = Checkpoint::begun(&job, shard).into_bytes();
                Partial::create(&target, &begun, is_checkpoint)?
            }
        };
        // Opened before the work, so that an error such as a directory of the same name is found early.
        let manifest =
            shard.map(|_| Output::create_beside(Manifest::beside(&target))).transpose()?;
        let mut hasher = blake3::Hasher::new();
        partial.replay(|bytes| {
            hasher.update(bytes);
        })?;
        let digest = hex::encode(hasher.finalize().as_bytes());
        if done.as_ref().is_some_and(|done| done.blake3 != digest) {
            let [name, _, _] = Partial::files(&target);
            let reason =
                "it differs from its checkpoint; run the job again without resuming it".into();
            return Err(Error::NotOfJob { name: name.display().to_string(), reason });
        }
        let (steps, total, groups) = done.map_or_else(Default::default, |done| {
            (done.steps, done.count, RowGroups::after(done.row_groups))
        });
        let bytes = partial.written();
        let next_checkpoint = Instant::now() + BETWEEN_CHECKPOINTS;
        let written = (steps, total.clone());
        let resumable = Resumable {
            target,
            partial,
            job,
            shard,
            hasher,
            manifest,
            steps,
            written,
            next_checkpoint,
        };
        let destination = Destination::Resumable(Box::new(resumable));
        let begun = bytes > 0;
        Ok((Self { destination, encoder, observer, groups, begun, bytes, total }, steps))
    }

    /// The results of everything written so far.
    pub(super) fn total(&self) -> &Count {
        &self.total
    }

    /// Writes encoded records. Rows are written as soon as a row group is full.
    fn put_chunk(&mut self, chunk: &mut EncodedChunk) -> Result<(), Error> {
        let mut bytes = &chunk.bytes[..];
        if let Some([before, open, ..]) = self.encoder.form().list()
            && !self.begun
            && !bytes.is_empty()
        {
            self.put_text(before.as_bytes())?;
            // The first record has no comma before it.
            self.put_text(open.as_bytes())?;
            bytes = &bytes[Form::COMMA.len()..];
        }
        self.begun |= !bytes.is_empty();
        match (&chunk.packed, chunk.rows.take()) {
            (Some(packed), _) => self.put(packed),
            (None, Some(rows)) => {
                let mut groups = mem::take(&mut self.groups);
                groups.append(rows, &mut |bytes| self.put(bytes))?;
                self.groups = groups;
                Ok(())
            }
            (None, None) if bytes.is_empty() => Ok(()),
            (None, None) => self.put_text(bytes),
        }
    }

    /// Writes text that the encoder did not compress.
    fn put_text(&mut self, text: &[u8]) -> Result<(), Error> {
        match self.encoder.compression() {
            Some(compression) => {
                self.put(&compression.compress(text).map_err(EncoderError::Compress)?)
            }
            None => self.put(text),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        match &mut self.destination {
            Destination::Once(output) => output.put(bytes)?,
            Destination::Resumable(resumable) => {
                resumable.partial.put(bytes)?;
                resumable.hasher.update(bytes);
            }
        }
        Ok(())
    }

    /// Completes the output and moves it to its final name.
    pub(super) fn finish(mut self) -> Result<Written, Error> {
        match (self.encoder.form(), self.encoder.form().list()) {
            (Form::Rows, _) => {
                let groups = mem::take(&mut self.groups);
                groups.finish(&mut |bytes| self.put(bytes))?;
            }
            (_, Some([before, _, close, after])) => {
                let end = match self.begun {
                    true => format!("{close}{after}"),
                    false => format!("{before}[]\n{after}"),
                };
                self.put_text(end.as_bytes())?;
            }
            // An empty file is not a valid compressed file.
            (_, None) if !self.begun => self.put_text(b"")?,
            (_, None) => {}
        }
        let Self { destination, bytes, total: count, .. } = self;
        match destination {
            Destination::Once(output) => output.finish()?,
            Destination::Resumable(resumable) => resumable.finish(&count)?,
        }
        Ok(Written { bytes, count })
    }
}

impl ChunkSink for ProofFile {
    type Encoder = Encoder;

    fn encoder(&self) -> Encoder {
        self.encoder.clone()
    }

    fn write(&mut self, part: Part<EncodedChunk>) -> Result<(), Error> {
        let Part { mut chunk, count, steps } = part;
        self.put_chunk(&mut chunk)?;
        for failure in &chunk.unwritten {
            self.observer.event(&Event::Unwritten(failure));
        }
        self.encoder.recycle(chunk);
        self.total.add(&count);
        if let Destination::Resumable(resumable) = &mut self.destination {
            resumable.steps += steps;
            if self.groups.are_written() {
                resumable.written = (resumable.steps, self.total.clone());
                if Instant::now() >= resumable.next_checkpoint {
                    resumable.checkpoint(&self.groups)?;
                }
            }
        }
        Ok(())
    }

    fn cancel(mut self) -> Result<Error, Error> {
        let resumable = match &mut self.destination {
            Destination::Once(_) => None,
            Destination::Resumable(resumable) => {
                resumable.checkpoint(&self.groups)?;
                Some(resumable.target.display().to_string())
            }
        };
        Ok(Error::Interrupted(resumable))
    }
}

impl Resumable {
    fn checkpoint(&mut self, groups: &RowGroups) -> Result<(), Error> {
        let started = Instant::now();
        let (steps, count) = &self.written;
        let done = Checkpoint {
            steps: *steps,
            bytes: self.partial.written(),
            blake3: hex::encode(self.hasher.finalize().as_bytes()),
            count: count.clone(),
            row_groups: groups.written().to_vec(),
            ..Checkpoint::begun(&self.job, self.shard)
        };
        self.partial.checkpoint(&done.into_bytes())?;
        let pause = BETWEEN_CHECKPOINTS.max(started.elapsed() * TIMES_ITSELF);
        self.next_checkpoint = Instant::now() + pause;
        Ok(())
    }

    fn finish(self, count: &Count) -> Result<(), Error> {
        let Self { partial, job, shard, hasher, manifest, .. } = self;
        let bytes = partial.written();
        partial.finish()?;
        if let (Some(shard), Some(output)) = (shard, manifest) {
            let blake3 = hex::encode(hasher.finalize().as_bytes());
            let (shard, of, count) = (shard.number, shard.of, count.clone());
            write_json(output, &Manifest { job, shard, of, bytes, blake3, count })?;
        }
        Ok(())
    }
}

/// Returns the checkpoint of an interrupted run of exactly this job.
fn left(target: &Path, job: &RunId, shard: Option<Shard>) -> Result<Option<Checkpoint>, Error> {
    let Some(note) = Partial::left(target)? else { return Ok(None) };
    let name = target.display().to_string();
    let done = Checkpoint::from_bytes(&note).ok_or_else(|| Error::NotOfJob {
        name: name.clone(),
        reason: "the checkpoint of its interrupted job is damaged".into(),
    })?;
    let groups = RowGroups::after(done.row_groups.clone());
    if !done.row_groups.is_empty() && groups.byte_len()? != done.bytes {
        let reason = "the row groups in the checkpoint of its interrupted job do not match the number of \
                      bytes";
        return Err(Error::NotOfJob { name, reason: reason.into() });
    }
    let shard = shard.map(|shard| shard.to_string());
    let other = (done.shard != shard).then_some("shard");
    match done.job.difference(job).or(other) {
        Some(part) => Err(Error::OtherJob { name, part }),
        None => Ok(Some(done)),
    }
}
