//! The output file of a job. It either appears only when it is complete, or can be resumed after an
//! interruption.

use std::{
    borrow::Cow,
    mem,
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Shard,
    appended::Appended,
    checkpoint::{Checkpoint, Extent, Manifest, write_json},
    pieces::Part,
    pipeline::ChunkSink,
    run_id::RunId,
};
use crate::{
    files::{Compression, Output, Partial, ShowPath, place_of},
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
    Once(Box<Once>),
    Resumable(Box<Resumable>),
}

/// The files of a job that cannot be resumed.
struct Once {
    output: Output,
    /// The file of failed requests, if they have one.
    failures: Option<Output>,
}

/// The state of a job that can be resumed.
struct Resumable {
    target: PathBuf,
    output: Appended,
    /// The file of failed requests, if they have one.
    failures: Option<Appended>,
    job: RunId,
    shard: Option<Shard>,
    /// The manifest, if the output is a shard that has one.
    manifest: Option<Output>,
    /// The number of parts that were left out of the archive.
    left_out: u64,
    steps: u64,
    /// What the bytes written so far cover.
    written: Covered,
    next_checkpoint: Instant,
}

/// The steps that an output covers, their results, and how far the files are written with them. The files may be written
/// further, within a step.
#[derive(Clone)]
struct Covered {
    steps: u64,
    count: Count,
    output: Extent,
    failures: Option<Extent>,
}

/// The files of a job that can be resumed.
pub(super) struct Files<'p> {
    pub(super) output: &'p Path,
    pub(super) failures: Option<&'p Path>,
}

/// The totals of a finished output.
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) count: Count,
}

impl ProofFile {
    /// Creates an output that is either complete or absent, and the file of failed requests if they have one.
    pub(super) fn once(
        (output, failures): (Output, Option<Output>),
        encoder: Encoder,
        observer: ObserverHandle,
    ) -> Self {
        Self {
            destination: Destination::Once(Box::new(Once { output, failures })),
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
        files: &Files<'_>,
        encoder: Encoder,
        observer: ObserverHandle,
        (job, shard): (RunId, Option<Shard>),
        resume: bool,
    ) -> Result<(Self, u64), Error> {
        let target = place_of(files.output)?;
        let failures = files.failures.map(place_of).transpose()?;
        let begun = Checkpoint::begun(&job, shard);
        let done = if resume { left(&target, &job, shard)? } else { None };
        let (output, failures) = match &done {
            Some(Checkpoint { bytes, blake3, failures: failed, .. }) => {
                let written = Extent { bytes: *bytes, blake3: blake3.clone() };
                let failures = failures.as_deref().map(|path| match failed {
                    Some(done) => Appended::resume(path, done),
                    // The run was interrupted before its first step.
                    None => Ok(Appended::create(path, &begun)?),
                });
                (Appended::resume(&target, &written)?, failures.transpose()?)
            }
            None => {
                let output = Appended::create(&target, &begun)?;
                let failures = failures.map(|path| Appended::create(&path, &begun));
                (output, failures.transpose()?)
            }
        };
        // Opened before the work, so that an error such as a directory of the same name is found early. Parts of
        // Parquet are read together as they are, so they have none.
        let manifest = shard.filter(|_| encoder.form() != Form::Rows);
        let manifest =
            manifest.map(|_| Output::create_beside(Manifest::beside(&target))).transpose()?;
        let Checkpoint { steps, bytes, count: total, row_groups, .. } = done.unwrap_or(begun);
        let groups = RowGroups::after(row_groups)?;
        let written = Covered {
            steps,
            count: total.clone(),
            output: output.extent(),
            failures: failures.as_ref().map(Appended::extent),
        };
        let resumable = Resumable {
            target,
            output,
            failures,
            job,
            shard,
            manifest,
            left_out: 0,
            steps,
            written,
            next_checkpoint: Instant::now() + BETWEEN_CHECKPOINTS,
        };
        let destination = Destination::Resumable(Box::new(resumable));
        let begun = bytes > 0;
        Ok((Self { destination, encoder, observer, groups, begun, bytes, total }, steps))
    }

    /// Notes how many parts were left out of the archive.
    pub(super) fn of_archive_without(mut self, left_out: u64) -> Self {
        if let Destination::Resumable(resumable) = &mut self.destination {
            resumable.left_out = left_out;
        }
        self
    }

    /// The results of everything written so far.
    pub(super) fn total(&self) -> &Count {
        &self.total
    }

    /// Writes encoded records. Rows wait until their step is complete.
    fn put_chunk(&mut self, chunk: &mut EncodedChunk) -> Result<(), Error> {
        let mut bytes = &chunk.bytes[..];
        if let Some([before, open, ..]) = self.encoder.form().list()
            && !self.begun
            && !bytes.is_empty()
        {
            // The first record has no comma before it.
            self.put_text(&format!("{before}{open}"))?;
            bytes = &bytes[Form::COMMA.len()..];
        }
        self.begun |= !bytes.is_empty();
        match (&chunk.packed, chunk.rows.take()) {
            (Some(packed), _) => self.put(packed),
            (None, Some(rows)) => {
                self.groups.append(rows);
                Ok(())
            }
            (None, None) if bytes.is_empty() => Ok(()),
            (None, None) => self.put(&self.packed(bytes)?),
        }
    }

    /// Writes the row groups that are full. Where they end depends on the rows of a step together, and not on the pieces in
    /// which they were made.
    fn put_groups(&mut self) -> Result<(), Error> {
        let mut groups = mem::take(&mut self.groups);
        groups.put_full(&mut |bytes| self.put(bytes))?;
        self.groups = groups;
        Ok(())
    }

    /// Text that the encoder did not compress, as it is in the file.
    fn packed<'t>(&self, text: &'t [u8]) -> Result<Cow<'t, [u8]>, EncoderError> {
        Compression::pack(self.encoder.compression(), text).map_err(EncoderError::Compress)
    }

    fn put_text(&mut self, text: &str) -> Result<(), Error> {
        let packed = self.packed(text.as_bytes())?;
        self.put(&packed)
    }

    /// Where the records are in the bytes written so far, if the form is a list that does not end yet.
    fn records(&self) -> Result<Option<Range<u64>>, Error> {
        let Some([before, open, _]) = self.encoder.form().list() else { return Ok(None) };
        let start = match self.begun {
            true => self.packed(format!("{before}{open}").as_bytes())?.len() as u64,
            false => 0,
        };
        Ok(Some(start..self.bytes))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        match &mut self.destination {
            Destination::Once(once) => once.output.put(bytes)?,
            Destination::Resumable(resumable) => resumable.output.put(bytes)?,
        }
        Ok(())
    }

    /// Writes lines of failed requests.
    fn put_failures(&mut self, lines: &[u8]) -> Result<(), Error> {
        match &mut self.destination {
            Destination::Once(once) => {
                once.failures.as_mut().map_or(Ok(()), |output| output.put(lines))?;
            }
            Destination::Resumable(resumable) => {
                resumable.failures.as_mut().map_or(Ok(()), |output| output.put(lines))?;
            }
        }
        Ok(())
    }

    /// Completes the output and moves it to its final name.
    pub(super) fn finish(mut self) -> Result<Written, Error> {
        let records = self.records()?;
        match (self.encoder.form(), self.encoder.form().list()) {
            (Form::Rows, _) => {
                let groups = mem::take(&mut self.groups);
                groups.finish(&mut |bytes| self.put(bytes))?;
            }
            (_, Some([before, _, close])) => {
                let after = self.encoder.after_list();
                let end = match self.begun {
                    true => format!("{close}{after}"),
                    false => format!("{before}{}{after}", Form::NO_RECORDS),
                };
                self.put_text(&end)?;
            }
            // An empty file is not a valid compressed file.
            (_, None) if !self.begun => self.put_text("")?,
            (_, None) => {}
        }
        if let Some(lines) = self.encoder.failures().filter(|_| self.total.failures.is_empty()) {
            self.put_failures(&lines.encode(Vec::new())?)?;
        }
        let Self { destination, encoder, bytes, total: count, .. } = self;
        match destination {
            Destination::Once(once) => {
                once.output.finish()?;
                once.failures.map_or(Ok(()), Output::finish)?;
            }
            Destination::Resumable(resumable) => {
                resumable.finish(&count, encoder.compression(), records)?;
            }
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
        self.put_failures(&chunk.failures)?;
        for failure in &chunk.unwritten {
            self.observer.event(&Event::Unwritten(failure));
        }
        self.encoder.recycle(chunk);
        self.total.add(&count);
        // A resumed job begins with a step.
        if steps == 0 {
            return Ok(());
        }
        self.put_groups()?;
        if let Destination::Resumable(resumable) = &mut self.destination {
            resumable.steps += steps;
            if self.groups.are_written() {
                resumable.written = Covered {
                    steps: resumable.steps,
                    count: self.total.clone(),
                    output: resumable.output.extent(),
                    failures: resumable.failures.as_ref().map(Appended::extent),
                };
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
                Some(resumable.target.shown().to_string())
            }
        };
        Ok(Error::Interrupted(resumable))
    }
}

impl Resumable {
    fn checkpoint(&mut self, groups: &RowGroups) -> Result<(), Error> {
        let started = Instant::now();
        // Its bytes have to be on the disk before the checkpoint that counts them.
        if let Some(failures) = &mut self.failures {
            failures.checkpoint(Checkpoint::begun(&self.job, self.shard))?;
        }
        let Covered { steps, count, output: Extent { bytes, blake3 }, failures } =
            self.written.clone();
        self.output.checkpoint(Checkpoint {
            steps,
            bytes,
            blake3,
            failures,
            count,
            row_groups: groups.written().to_vec(),
            ..Checkpoint::begun(&self.job, self.shard)
        })?;
        let pause = BETWEEN_CHECKPOINTS.max(started.elapsed() * TIMES_ITSELF);
        self.next_checkpoint = Instant::now() + pause;
        Ok(())
    }

    fn finish(
        self,
        count: &Count,
        compression: Option<Compression>,
        records: Option<Range<u64>>,
    ) -> Result<(), Error> {
        let Self { output, failures, job, shard, manifest, left_out, .. } = self;
        let Extent { bytes, blake3 } = output.extent();
        output.finish()?;
        failures.map_or(Ok(()), Appended::finish)?;
        if let (Some(shard), Some(output)) = (shard, manifest) {
            let (shard, of, count) = (shard.number, shard.of, count.clone());
            let manifest =
                Manifest { job, shard, of, bytes, blake3, compression, records, left_out, count };
            write_json(output, &manifest)?;
        }
        Ok(())
    }
}

/// Returns the checkpoint of an interrupted run of exactly this job.
fn left(target: &Path, job: &RunId, shard: Option<Shard>) -> Result<Option<Checkpoint>, Error> {
    let Some(note) = Partial::left(target)? else { return Ok(None) };
    let name = target.shown().to_string();
    let done = Checkpoint::from_bytes(&note).ok_or_else(|| Error::NotOfJob {
        name: name.clone(),
        reason: "the checkpoint of its interrupted job is damaged".into(),
    })?;
    let groups = RowGroups::after(done.row_groups.clone())?;
    if !done.row_groups.is_empty() && groups.byte_len() != done.bytes {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::records::CallOptions;

    #[test]
    fn a_job_that_ends_within_a_step_is_resumed_with_that_step() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let files = Files { output: &output, failures: None };
        let job = r#"{"slproof":"1","tree":"2","archive":"3","arguments":"4"}"#;
        let begin = || {
            let encoder = Encoder::new(Form::Lines, None, CallOptions::default());
            let job = (serde_json::from_str(job).unwrap(), None);
            ProofFile::resumable(&files, encoder, ObserverHandle::default(), job, true).unwrap()
        };
        let write = |file: &mut ProofFile, text: &str, steps| {
            let chunk = EncodedChunk { bytes: text.into(), ..EncodedChunk::default() };
            file.write(Part { chunk, count: Count::default(), steps }).unwrap();
        };
        let (mut file, done) = begin();
        assert_eq!(done, 0);
        for (text, steps) in [("one,", 1), ("two,three,", 2), ("a part of four,", 0)] {
            write(&mut file, text, steps);
        }
        assert!(matches!(file.cancel(), Ok(Error::Interrupted(Some(_)))));
        let (mut file, done) = begin();
        assert_eq!(done, 3);
        write(&mut file, "four", 1);
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(output).unwrap(), "one,two,three,four");
    }
}
