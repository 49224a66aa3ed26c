//! Where pieces go, in order: to an output that appears when it is complete, or to one that can be gone on
//! with after an interruption.

use std::{
    mem,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    error::CliError,
    job::{Checkpoint, Manifest, RunId, write_json},
    proof_output::{Count, EncodedChunk, Encoder, Form},
    prove_args::Shard,
    report,
    row_groups::RowGroups,
};
use crate::{
    files::{Compression, Output, Partial, place_of},
    primitives::hex,
};

/// How long a job writes between checkpoints, at least. Putting everything on disk takes as long as the
/// disk needs, so a checkpoint is followed by ten times the time that it took.
const BETWEEN_CHECKPOINTS: Duration = Duration::from_millis(500);
const TIMES_ITSELF: u32 = 10;

/// An output that is being put together.
pub(super) struct Sink {
    place: Destination,
    form: Form,
    compression: Option<Compression>,
    /// Rows that wait to be enough for a row group, where the form is rows.
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

/// A job that can be taken up again.
struct Resumable {
    target: PathBuf,
    partial: Partial,
    job: RunId,
    shard: Option<Shard>,
    /// What the bytes of a share hash to.
    hasher: blake3::Hasher,
    /// Where a share says what it is.
    manifest: Option<Output>,
    steps: u64,
    /// How many steps the bytes so far are of, and what became of these.
    written: (u64, Count),
    next_checkpoint: Instant,
}

/// What a finished sink took.
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) count: Count,
}

impl Sink {
    /// A sink that either gets everything or leaves nothing.
    pub(super) fn once(output: Output, encoder: &Encoder) -> Self {
        Self {
            place: Destination::Once(output),
            form: encoder.form(),
            compression: encoder.compression(),
            groups: RowGroups::default(),
            begun: false,
            bytes: 0,
            total: Count::default(),
        }
    }

    /// A sink that can be gone on with: from the beginning, or, where `resume` is and an interrupted run
    /// of the same job left something, behind that. Returns how many steps of the job are done already.
    pub(super) fn resumable(
        target: &Path,
        encoder: &Encoder,
        (job, shard): (RunId, Option<Shard>),
        resume: bool,
    ) -> Result<(Self, u64), CliError> {
        let target = place_of(target);
        let done = if resume { left(&target, &job, shard)? } else { None };
        let mut partial = match &done {
            Some(done) => Partial::resume(&target, done.bytes)?,
            None => {
                let is_checkpoint = |note: &[u8]| Checkpoint::from_bytes(note).is_some();
                Partial::create(
                    &target,
                    &Checkpoint::begun(&job, shard).into_bytes(),
                    is_checkpoint,
                )?
            }
        };
        // Begun before the work, so that a folder in its place is known.
        let manifest =
            shard.map(|_| Output::create_beside(Manifest::beside(&target))).transpose()?;
        let mut hasher = blake3::Hasher::new();
        partial.replay(|piece| {
            hasher.update(piece);
        })?;
        let digest = hex::encode(hasher.finalize().as_bytes());
        if done.as_ref().is_some_and(|done| done.blake3 != digest) {
            let [name, _, _] = Partial::files(&target);
            let reason = "it differs from its checkpoint; run the job without --resume".into();
            return Err(CliError::Unknown { name: name.display().to_string(), reason });
        }
        let (steps, total, groups) = done.map_or_else(Default::default, |done| {
            (done.steps, done.count, RowGroups::behind(done.row_groups))
        });
        let bytes = partial.len();
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
        let place = Destination::Resumable(Box::new(resumable));
        let (form, compression) = (encoder.form(), encoder.compression());
        Ok((Self { place, form, compression, groups, begun: bytes > 0, bytes, total }, steps))
    }

    /// What was taken so far.
    pub(super) fn total(&self) -> &Count {
        &self.total
    }

    pub(super) fn write(&mut self, piece: &mut EncodedChunk) -> Result<(), CliError> {
        if let Some(error) = piece.broken.take() {
            return Err(error);
        }
        let mut bytes = &piece.bytes[..];
        if self.form == Form::Array && !self.begun && !bytes.is_empty() {
            // The first record has no other before it.
            self.put_text(b"[\n")?;
            bytes = &bytes[Form::COMMA.len()..];
        }
        self.begun |= !bytes.is_empty();
        match (&piece.packed, piece.rows.take()) {
            (Some(packed), _) => self.put(packed)?,
            (None, Some(rows)) => {
                let mut groups = mem::take(&mut self.groups);
                groups.append(rows, &mut |bytes| self.put(bytes))?;
                self.groups = groups;
            }
            (None, None) if bytes.is_empty() => {}
            (None, None) => self.put_text(bytes)?,
        }
        for words in &piece.words {
            report::request_failed(words);
        }
        self.total.add(&piece.count);
        if let Destination::Resumable(resumable) = &mut self.place {
            resumable.steps += piece.steps;
            if self.groups.are_written() {
                resumable.written = (resumable.steps, self.total.clone());
                if Instant::now() >= resumable.next_checkpoint {
                    resumable.checkpoint(&self.groups)?;
                }
            }
        }
        Ok(())
    }

    /// Writes text that no job has compressed.
    fn put_text(&mut self, text: &[u8]) -> Result<(), CliError> {
        match self.compression {
            Some(compression) => self.put(&compression.compress(text).map_err(CliError::Compress)?),
            None => self.put(text),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.bytes += bytes.len() as u64;
        match &mut self.place {
            Destination::Once(output) => output.put(bytes)?,
            Destination::Resumable(resumable) => {
                resumable.partial.put(bytes)?;
                resumable.hasher.update(bytes);
            }
        }
        Ok(())
    }

    /// Ends an interrupted job, where it can be taken up again.
    pub(super) fn interrupt(mut self) -> Result<CliError, CliError> {
        let resumable = match &mut self.place {
            Destination::Once(_) => None,
            Destination::Resumable(resumable) => {
                resumable.checkpoint(&self.groups)?;
                Some(resumable.target.display().to_string())
            }
        };
        Ok(CliError::Interrupted(resumable))
    }

    /// Ends the output and puts it in place.
    pub(super) fn finish(mut self) -> Result<Written, CliError> {
        match self.form {
            Form::Rows => {
                let groups = mem::take(&mut self.groups);
                groups.finish(&mut |bytes| self.put(bytes))?;
            }
            Form::Array => self.put_text(if self.begun { b"\n]\n" } else { b"[]\n" })?,
            // An empty file is no compressed one.
            _ if !self.begun => self.put_text(b"")?,
            _ => {}
        }
        let Self { place, bytes, total: count, .. } = self;
        match place {
            Destination::Once(output) => output.finish()?,
            Destination::Resumable(resumable) => resumable.finish(&count)?,
        }
        Ok(Written { bytes, count })
    }
}

impl Resumable {
    fn checkpoint(&mut self, groups: &RowGroups) -> Result<(), CliError> {
        let started = Instant::now();
        let (steps, count) = &self.written;
        let done = Checkpoint {
            steps: *steps,
            bytes: self.partial.len(),
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

    fn finish(self, count: &Count) -> Result<(), CliError> {
        let Self { partial, job, shard, hasher, manifest, .. } = self;
        let bytes = partial.len();
        partial.finish()?;
        if let (Some(shard), Some(output)) = (shard, manifest) {
            let blake3 = hex::encode(hasher.finalize().as_bytes());
            let (shard, of, count) = (shard.number, shard.of, count.clone());
            write_json(output, &Manifest { job, shard, of, bytes, blake3, count })?;
        }
        Ok(())
    }
}

/// How far an interrupted run of this very job got.
fn left(target: &Path, job: &RunId, shard: Option<Shard>) -> Result<Option<Checkpoint>, CliError> {
    let Some(note) = Partial::left(target)? else { return Ok(None) };
    let name = target.display().to_string();
    let done = Checkpoint::from_bytes(&note).ok_or_else(|| CliError::Unknown {
        name: name.clone(),
        reason: "the checkpoint of its interrupted job is damaged".into(),
    })?;
    let groups = RowGroups::behind(done.row_groups.clone());
    if !done.row_groups.is_empty() && groups.byte_len()? != done.bytes {
        let reason = "the checkpoint of its interrupted job counts other row groups than bytes";
        return Err(CliError::Unknown { name, reason: reason.into() });
    }
    let shard = shard.map(|shard| shard.to_string());
    let other = (done.shard != shard).then_some("shard");
    match done.job.difference(job).or(other) {
        Some(part) => Err(CliError::OtherJob { name, part }),
        None => Ok(Some(done)),
    }
}
