//! A file of a job that can be resumed.

use std::path::Path;

use super::checkpoint::{Checkpoint, Extent};
use crate::{
    files::{OutputError, Partial, ShowPath},
    primitives::hex,
    prove::Error,
};

/// A file that can be resumed after some of its bytes, with their hash.
pub(super) struct Appended {
    partial: Partial,
    hasher: blake3::Hasher,
}

impl Appended {
    /// Starts a file, with the checkpoint of a job that has done nothing.
    pub(super) fn create(target: &Path, begun: &Checkpoint) -> Result<Self, OutputError> {
        let is_checkpoint = |note: &[u8]| Checkpoint::from_bytes(note).is_some();
        let partial = Partial::create(target, &begun.clone().into_bytes(), is_checkpoint)?;
        Ok(Self { partial, hasher: blake3::Hasher::new() })
    }

    /// Continues a file after what an interrupted job wrote.
    pub(super) fn resume(target: &Path, done: &Extent) -> Result<Self, Error> {
        let mut partial = Partial::resume(target, done.bytes)?;
        let mut hasher = blake3::Hasher::new();
        partial.replay(|bytes| {
            hasher.update(bytes);
        })?;
        let appended = Self { partial, hasher };
        if appended.extent() == *done {
            return Ok(appended);
        }
        let [name, _, _] = Partial::files(target);
        let reason = "it differs from its checkpoint; run the job again without resuming it".into();
        Err(Error::NotOfJob { name: name.shown().to_string(), reason })
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.partial.put(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// How far it is written.
    pub(super) fn extent(&self) -> Extent {
        let blake3 = hex::encode(self.hasher.finalize().as_bytes());
        Extent { bytes: self.partial.written(), blake3 }
    }

    /// Syncs the bytes so far to disk, and writes a checkpoint beside the file.
    pub(super) fn checkpoint(&mut self, checkpoint: Checkpoint) -> Result<(), OutputError> {
        self.partial.checkpoint(&checkpoint.into_bytes())
    }

    /// Completes the file and moves it to its final name.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        self.partial.finish()
    }
}
