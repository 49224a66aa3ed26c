//! Batches that an earlier run wrote.

use super::{
    PublishError,
    batch::{BatchFile, Entry, PART_LOGS, Shared, Targets, entries, entries_of_part, with_entries},
    client::{first_record, verify_all},
    files::{Directory, batch_name, part_name},
};
use crate::{
    keccak::keccak256,
    message::BatchView,
    primitives::{Hash, SlBlock},
    proof::TargetRecord,
    prove::Trees,
    records::L1Verdict,
};

/// The file of a batch whose logs are those of the archive.
pub(super) struct Stored {
    /// Its entries are left out.
    file: BatchFile,
    /// The hashes of the texts of this file and of its parts, so that they are not read again to be compared.
    pub(super) hashes: StoredHashes,
    /// Whether the file is the listed one, with the entries for the archive, what the state of L1 says, and the best roots:
    /// the archive may have got hashes of transactions since, L1 may have been upgraded, and the trees may know earlier roots.
    pub(super) is_current: bool,
    is_listed: bool,
    /// Whether a state of L1 is given.
    is_judged: bool,
    /// What the entries have and the archive lacks.
    pub(super) lacking: Option<&'static str>,
}

/// The hashes of the files of a batch.
#[derive(Default)]
pub(super) struct StoredHashes {
    pub(super) file: Hash,
    pub(super) parts: Vec<Hash>,
}

impl Stored {
    /// Reads the files of a batch, of which the list has this hash. An interrupted run may have left another content, whose
    /// proofs count if they hold for the logs of the archive, and parts that are not those of the file. Nobody vouches for
    /// what such a file says of L1. `None` if the file is missing or damaged, or of other logs: the batch has to be written
    /// as if it were new.
    ///
    /// # Errors
    /// [`PublishError`] if the state of L1 cannot be read.
    pub(super) fn read(
        directory: &Directory,
        batch: &BatchView<'_>,
        hash: Hash,
        trees: &Trees,
    ) -> Result<Option<Self>, PublishError> {
        let (chain, number) = batch.key();
        let Ok(text) = directory.need(&batch_name(chain, number)) else { return Ok(None) };
        let Ok(mut file) = serde_json::from_slice::<BatchFile>(&text) else { return Ok(None) };
        if (file.chain_id, file.batch_number) != (chain, number) {
            return Ok(None);
        }
        let archived = entries(batch);
        let (found, parts) = file.take_entries(directory);
        let hashes = StoredHashes { file: keccak256(&text), parts };
        let (is_listed, are_own) = (hashes.file == hash, hashes.parts == file.parts);
        let mut is_current = is_listed && are_own && found.iter().flatten().eq(&archived);
        if !is_current && verify_all(&file, &archived).is_err() {
            return Ok(None);
        }
        if let (false, Shared::Proof { l1, .. }) = (is_listed, &mut file.targets.l1_batch_root) {
            *l1 = None;
        }
        let is_judged = trees.options().l1.is_some();
        if is_judged
            && let Some(record) = first_record(&file, &archived)
            && let Some(said) = trees.l1_verdict(record)?
        {
            is_current &= !file.targets.l1_batch_root.hear(said);
        }
        let mut parts = found.iter().zip(archived.chunks(PART_LOGS));
        let lacking = parts.find_map(|(old, new)| lacking(old, new));
        Ok(Some(Self { file, hashes, is_current, is_listed, is_judged, lacking }))
    }

    /// Compares the roots to which the proofs lead with those that the trees give, for L1 and the interop root.
    pub(super) fn compare(&mut self, given: [Option<(TargetRecord, Option<SlBlock>)>; 2]) {
        let Targets { l1_batch_root, message_root } = &self.file.targets;
        let mut pairs = [l1_batch_root, message_root].into_iter().zip(given);
        self.is_current &= !pairs.any(|(stored, given)| {
            let is_better = |(target, block)| stored.is_worse_than(&target, block, self.is_judged);
            given.is_some_and(is_better)
        });
    }

    /// The files with the entries for the archive, and the proofs as they were.
    pub(super) fn with_entries_of(&self, batch: &BatchView<'_>) -> (BatchFile, Vec<Vec<u8>>) {
        with_entries(self.file.clone(), entries(batch))
    }

    /// Adds the proofs that `targets` of a batch with this root lack or that are no worse, and what L1 said of the same
    /// proofs.
    pub(super) fn complete(&self, root: Hash, targets: &mut Targets) {
        let keep = |new: &mut Shared, old: &Shared| match (&mut *new, old) {
            (Shared::None(_), Shared::Proof { .. }) => new.clone_from(old),
            (
                Shared::Proof { target, gateway_block_number: block, l1, .. },
                Shared::Proof {
                    target: old_target, gateway_block_number: old_block, l1: said, ..
                },
            ) => {
                let is_same = target == old_target;
                let is_kept = self.is_listed && !(is_same && block == old_block);
                if is_kept && !old.is_worse_than(target, *block, self.is_judged) {
                    new.clone_from(old);
                } else if is_same {
                    *l1 = said.clone().or(l1.take());
                }
            }
            _ => {}
        };
        if root == self.file.root {
            keep(&mut targets.l1_batch_root, &self.file.targets.l1_batch_root);
            keep(&mut targets.message_root, &self.file.targets.message_root);
        }
    }
}

impl BatchFile {
    /// Takes the entries of the file, or reads those of its parts, whose hashes may be others. A part that is missing or
    /// damaged has none. Returns them by part, and the hashes of what was read of the parts.
    fn take_entries(&mut self, directory: &Directory) -> (Vec<Vec<Entry>>, Vec<Hash>) {
        let own = std::mem::take(&mut self.entries);
        if self.nodes.is_empty() {
            return (vec![own], Vec::new());
        }
        let part = |at| {
            let text = directory.need(&part_name(self.chain_id, self.batch_number, at));
            let text = text.unwrap_or_default();
            (entries_of_part(&text).unwrap_or_default(), keccak256(&text))
        };
        (0..self.nodes.len()).map(part).unzip()
    }
}

impl Shared {
    /// Takes over what a state of L1 says of the proofs, unless it says the same as before, nothing, or is of an earlier
    /// block. Returns whether it took it over.
    fn hear(&mut self, said: L1Verdict) -> bool {
        let Self::Proof { l1, .. } = self else { return false };
        let is_news = l1.as_ref().is_none_or(|before| {
            let is_earlier = said.block.zip(before.block).is_some_and(|(new, old)| new < old);
            said.valid.is_some() && said.valid != before.valid && !is_earlier
        });
        if is_news {
            *l1 = Some(Box::new(said));
        }
        is_news
    }

    /// Whether proofs to another root of the same kind are better: it is an earlier one, since the first one with the batch
    /// is wanted, or another at the same place, or L1 refuses these proofs. What L1 accepts stays unless L1 judges both.
    fn is_worse_than(
        &self,
        target: &TargetRecord,
        block: Option<SlBlock>,
        is_judged: bool,
    ) -> bool {
        let Self::Proof { target: own, gateway_block_number, l1, .. } = self else { return false };
        let said = l1.as_ref().and_then(|said| said.valid);
        if target.kind != own.kind || (said == Some(true) && !is_judged) {
            return false;
        }
        let place =
            |number, block: Option<SlBlock>| (number, block.map_or(u64::MAX, |block| block.0));
        let is_earlier = place(target.number, block) < place(own.number, *gateway_block_number);
        let is_other = target.number == own.number && target.root != own.root;
        is_earlier || is_other || (said == Some(false) && target != own)
    }
}

/// What entries have and others of the same logs lack.
fn lacking(found: &[Entry], archived: &[Entry]) -> Option<&'static str> {
    let lost = |part: fn(&Entry) -> bool| {
        let mut pairs = found.iter().zip(archived).filter(|(old, new)| old.log == new.log);
        pairs.any(|(old, new)| part(old) && !part(new))
    };
    match () {
        () if lost(|entry| entry.message.is_some()) => Some("messages"),
        () if lost(|entry| entry.tx_hash.is_some()) => Some("hashes of transactions"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(valid: Option<bool>, block: Option<u64>) -> L1Verdict {
        serde_json::from_value(match block {
            Some(block) => serde_json::json!({"valid": valid, "block": block}),
            None => serde_json::json!({"valid": valid}),
        })
        .unwrap()
    }

    /// Only a verdict that differs, and is not of an earlier block, replaces another.
    #[test]
    fn a_later_state_of_l1_replaces_what_was_said() {
        let proof = |l1: Option<L1Verdict>| Shared::Proof {
            metadata: None,
            tail: Vec::new(),
            l1_timestamp: None,
            target: TargetRecord::batch_root(Hash::ZERO),
            gateway_block_number: None,
            checked_by: None,
            l1: l1.map(Box::new),
        };
        let (yes, no) = (Some(true), Some(false));
        for (before, new, is_news) in [
            (None, said(None, None), true),
            (Some(said(None, None)), said(None, Some(9)), false),
            (Some(said(None, None)), said(yes, None), true),
            (Some(said(yes, Some(8))), said(None, Some(9)), false),
            (Some(said(yes, Some(8))), said(yes, Some(9)), false),
            (Some(said(yes, Some(8))), said(no, Some(9)), true),
            (Some(said(yes, Some(8))), said(no, Some(8)), true),
            (Some(said(yes, Some(8))), said(no, Some(7)), false),
            (Some(said(yes, Some(8))), said(no, None), true),
        ] {
            let mut shared = proof(before.clone());
            assert_eq!(shared.hear(new.clone()), is_news, "{before:?} {new:?}");
            assert_eq!(shared, proof(if is_news { Some(new) } else { before }));
        }
    }
}
