//! Batches that an earlier run wrote.

use std::mem;

use super::{
    batch::{BatchFile, PartFile, Shared, Targets, entries, with_entries},
    files::{Directory, batch_name, part_name},
};
use crate::{message::BatchView, primitives::Hash};

/// The file of a batch whose logs are those of the archive.
pub(super) struct Stored {
    /// Its entries are left out.
    file: BatchFile,
    /// Whether the entries are those that are written for the archive: it may have got hashes of transactions since.
    pub(super) is_current: bool,
}

impl Stored {
    /// Reads the files of a batch. `None` if one of them is missing or damaged, or they have other logs: the batch has
    /// to be written as if it were new.
    pub(super) fn read(directory: &Directory, batch: &BatchView<'_>, hash: Hash) -> Option<Self> {
        let (chain, number) = batch.key();
        let text = directory.need_with(&batch_name(chain, number), hash).ok()?;
        let mut file: BatchFile = serde_json::from_slice(&text).ok()?;
        let mut found = mem::take(&mut file.entries);
        for part in 0..file.nodes.len() {
            let text = directory.need(&part_name(chain, number, part)).ok()?;
            found.extend(serde_json::from_slice::<PartFile>(&text).ok()?.entries);
        }
        let is_current = found == entries(batch);
        let has_logs = found.iter().map(|entry| &entry.log).eq(batch.logs());
        has_logs.then_some(Self { file, is_current })
    }

    /// The files with the entries for the archive, and the proofs as they were.
    pub(super) fn with_entries_of(&self, batch: &BatchView<'_>) -> (BatchFile, Vec<PartFile>) {
        with_entries(self.file.clone(), entries(batch))
    }

    /// Adds the proofs that `targets` of a batch with this root lack.
    pub(super) fn complete(&self, root: Hash, targets: &mut Targets) {
        let keep = |new: &mut Shared, old: &Shared| {
            if !new.is_proof() && old.is_proof() {
                new.clone_from(old);
            }
        };
        if root == self.file.root {
            keep(&mut targets.l1_batch_root, &self.file.targets.l1_batch_root);
            keep(&mut targets.message_root, &self.file.targets.message_root);
        }
    }
}
