//! Batches that an earlier run wrote.

use super::{
    batch::{BatchFile, Entry, Shared, Targets, entries, with_entries},
    client::verify_all,
    files::{Directory, batch_name},
};
use crate::{keccak::keccak256, message::BatchView, primitives::Hash};

/// The file of a batch whose logs are those of the archive.
pub(super) struct Stored {
    /// Its entries are left out.
    file: BatchFile,
    /// Whether the file is the listed one, with the entries for the archive: it may have got hashes of transactions since.
    pub(super) is_current: bool,
    /// What the entries have and the archive lacks.
    pub(super) lacking: Option<&'static str>,
}

impl Stored {
    /// Reads the files of a batch, of which the list has this hash. An interrupted run may have left another content, whose
    /// proofs count if they hold. `None` if a file is missing or damaged, or they have other logs: the batch has to be
    /// written as if it were new.
    pub(super) fn read(directory: &Directory, batch: &BatchView<'_>, hash: Hash) -> Option<Self> {
        let (chain, number) = batch.key();
        let text = directory.need(&batch_name(chain, number)).ok()?;
        let mut file: BatchFile = serde_json::from_slice(&text).ok()?;
        let found = file.all_entries(directory).ok()?;
        let is_listed = keccak256(&text) == hash;
        let is_of_batch = (file.chain_id, file.batch_number) == (chain, number);
        let holds = is_listed || (is_of_batch && verify_all(&file, &found).is_ok());
        if !holds {
            return None;
        }
        file.entries.clear();
        let archived = entries(batch);
        let has_logs = found.iter().map(|entry| &entry.log).eq(batch.logs());
        has_logs.then(|| Self {
            file,
            is_current: is_listed && found == archived,
            lacking: lacking(&found, &archived),
        })
    }

    /// Whether a state of L1 accepted the proofs for L1 when they were written.
    pub(super) fn is_accepted(&self) -> bool {
        matches!(&self.file.targets.l1_batch_root, Shared::Proof { l1: Some(l1), .. } if l1.valid == Some(true))
    }

    /// The files with the entries for the archive, and the proofs as they were.
    pub(super) fn with_entries_of(&self, batch: &BatchView<'_>) -> (BatchFile, Vec<Vec<u8>>) {
        with_entries(self.file.clone(), entries(batch))
    }

    /// Adds the proofs that `targets` of a batch with this root lack, and what L1 said of the same proofs.
    pub(super) fn complete(&self, root: Hash, targets: &mut Targets) {
        let keep = |new: &mut Shared, old: &Shared| match (&mut *new, old) {
            (Shared::None(_), Shared::Proof { .. }) => new.clone_from(old),
            (
                Shared::Proof { target, l1: l1 @ None, .. },
                Shared::Proof { target: old_target, l1: Some(old), .. },
            ) if target == old_target => *l1 = Some(old.clone()),
            _ => {}
        };
        if root == self.file.root {
            keep(&mut targets.l1_batch_root, &self.file.targets.l1_batch_root);
            keep(&mut targets.message_root, &self.file.targets.message_root);
        }
    }
}

/// What entries of the same logs have and others lack.
fn lacking(found: &[Entry], archived: &[Entry]) -> Option<&'static str> {
    let lost = |part: fn(&Entry) -> bool| {
        found.iter().zip(archived).any(|(old, new)| part(old) && !part(new))
    };
    match () {
        () if lost(|entry| entry.message.is_some()) => Some("messages"),
        () if lost(|entry| entry.tx_hash.is_some()) => Some("hashes of transactions"),
        () => None,
    }
}
