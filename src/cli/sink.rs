//! Where pieces go, in order: to an output that appears when it is complete, or to one that can be gone on
//! with after an interruption.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    error::CliError,
    job::{Job, Manifest, Progressed, json},
    proof_output::{Count, Form, Piece},
    prove_args::Shard,
    report,
};
use crate::{
    files::{Output, Partial},
    primitives::hex,
};

/// How long a job writes between checkpoints, at least. Putting everything on disk takes as long as the
/// disk needs, so a checkpoint is followed by ten times the time that it took.
const BETWEEN_CHECKPOINTS: Duration = Duration::from_millis(500);
const TIMES_ITSELF: u32 = 10;

/// An output that is being put together.
pub(super) struct Sink {
    place: Place,
    form: Form,
    /// Whether a record was written.
    begun: bool,
    bytes: u64,
    total: Count,
}

enum Place {
    Once(Output),
    Resumable(Box<Resumable>),
}

/// A job that can be taken up again.
struct Resumable {
    target: PathBuf,
    partial: Partial,
    job: Job,
    shard: Option<Shard>,
    /// What the bytes of a share hash to.
    hasher: Option<blake3::Hasher>,
    steps: u64,
    next_checkpoint: Instant,
}

/// What a finished sink took.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) count: Count,
}

impl Sink {
    /// A sink that either gets everything or leaves nothing.
    pub(super) fn once(output: Output, form: Form) -> Self {
        Self { place: Place::Once(output), form, begun: false, bytes: 0, total: Count::default() }
    }

    /// A sink that can be gone on with: from the beginning, or, where `resume` is and an interrupted run
    /// of the same job left something, behind that. Returns how many steps of the job are done already.
    pub(super) fn resumable(
        target: &Path,
        form: Form,
        (job, shard): (Job, Option<Shard>),
        resume: bool,
    ) -> Result<(Self, u64), CliError> {
        let target = target.canonicalize().unwrap_or_else(|_| target.into());
        let done = if resume { left(&target, &job, shard)? } else { None };
        let mut partial = match &done {
            Some(done) => Partial::resume(&target, done.bytes)?,
            None => Partial::create(&target)?,
        };
        let mut hasher = shard.map(|_| blake3::Hasher::new());
        if let Some(hasher) = &mut hasher {
            partial.replay(|piece| {
                hasher.update(piece);
            })?;
        }
        let (steps, total) = done.map_or_else(Default::default, |done| (done.steps, done.count));
        let bytes = partial.len();
        let next_checkpoint = Instant::now() + BETWEEN_CHECKPOINTS;
        let resumable = Resumable { target, partial, job, shard, hasher, steps, next_checkpoint };
        let place = Place::Resumable(Box::new(resumable));
        Ok((Self { place, form, begun: bytes > 0, bytes, total }, steps))
    }

    /// What was taken so far.
    pub(super) fn total(&self) -> &Count {
        &self.total
    }

    pub(super) fn write(&mut self, piece: &Piece) -> Result<(), CliError> {
        let mut bytes = &piece.bytes[..];
        if self.form == Form::Array && !self.begun && !bytes.is_empty() {
            // The first record has no other before it.
            self.put(b"[\n")?;
            bytes = &bytes[Form::COMMA.len()..];
        }
        self.begun |= !bytes.is_empty();
        self.put(bytes)?;
        for words in &piece.words {
            report::error(&CliError::NothingFound(words.clone()));
        }
        self.total.add(&piece.count);
        if let Place::Resumable(resumable) = &mut self.place {
            resumable.steps += piece.steps;
            if Instant::now() >= resumable.next_checkpoint {
                resumable.checkpoint(&self.total)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.bytes += bytes.len() as u64;
        match &mut self.place {
            Place::Once(output) => output.put(bytes)?,
            Place::Resumable(resumable) => {
                resumable.partial.put(bytes)?;
                if let Some(hasher) = &mut resumable.hasher {
                    hasher.update(bytes);
                }
            }
        }
        Ok(())
    }

    /// Ends an interrupted job, where it can be taken up again.
    pub(super) fn interrupt(mut self) -> Result<CliError, CliError> {
        let resumable = match &mut self.place {
            Place::Once(_) => None,
            Place::Resumable(resumable) => {
                resumable.checkpoint(&self.total)?;
                Some(resumable.target.display().to_string())
            }
        };
        Ok(CliError::Interrupted(resumable))
    }

    /// Ends the output and puts it in place.
    pub(super) fn finish(mut self) -> Result<Written, CliError> {
        if self.form == Form::Array {
            self.put(if self.begun { b"\n]\n" } else { b"[]\n" })?;
        }
        let Self { place, bytes, total: count, .. } = self;
        let name = match place {
            Place::Once(output) => {
                let name = output.name();
                output.finish()?;
                name
            }
            Place::Resumable(resumable) => resumable.finish(&count)?,
        };
        Ok(Written { name, bytes, count })
    }
}

impl Resumable {
    fn checkpoint(&mut self, count: &Count) -> Result<(), CliError> {
        let started = Instant::now();
        let done = Progressed {
            job: self.job.clone(),
            shard: self.shard.map(|shard| shard.to_string()),
            steps: self.steps,
            bytes: self.partial.len(),
            count: count.clone(),
        };
        self.partial.checkpoint(&json(&done))?;
        let pause = BETWEEN_CHECKPOINTS.max(started.elapsed() * TIMES_ITSELF);
        self.next_checkpoint = Instant::now() + pause;
        Ok(())
    }

    fn finish(self, count: &Count) -> Result<String, CliError> {
        let Self { target, partial, job, shard, hasher, .. } = self;
        let bytes = partial.len();
        partial.finish()?;
        if let (Some(shard), Some(hasher)) = (shard, hasher) {
            let blake3 = hex::encode(hasher.finalize().as_bytes());
            let (shard, of, count) = (shard.number, shard.of, count.clone());
            Manifest { job, shard, of, bytes, blake3, count }.write(&target)?;
        }
        Ok(target.display().to_string())
    }
}

/// How far an interrupted run of this very job got.
fn left(target: &Path, job: &Job, shard: Option<Shard>) -> Result<Option<Progressed>, CliError> {
    let Some(note) = Partial::left(target)? else { return Ok(None) };
    let name = target.display().to_string();
    let done: Progressed = serde_json::from_slice(&note).map_err(|error| CliError::Unknown {
        name: name.clone(),
        reason: format!("the checkpoint of its interrupted job is damaged: {error}"),
    })?;
    let shard = shard.map(|shard| shard.to_string());
    let other = (done.shard != shard).then_some("share");
    match done.job.difference(job).or(other) {
        Some(part) => Err(CliError::OtherJob { name, part }),
        None => Ok(Some(done)),
    }
}
