//! Proofs that end in the paths that a zksync-era node stores for the batches of its chain. No trees are needed.
//!
//! The table does not show that its roots are those of the settlement layer. A root of a batch of the settlement layer
//! is compared with the one that L1 stores, if its state is given.

use std::{path::PathBuf, sync::Once};

use super::{Error, Event, ExtractError, Observer, SlBatchError, TreesOptions};
use crate::{
    anchor::{Answer, KnownRoots, SettlementCheck},
    files::{Input, Kind, is_file, names},
    forest::{batch_leaf, chain_id_leaf, fold},
    ingest::{
        FileKind, kind_of,
        logs::{StoredBatch, StoredPath, StoredPaths},
    },
    keccak::keccak256,
    primitives::{BatchNumber, ChainId, Hash, SlBatch, SlBlock, Word, hex},
    proof::{CheckedBy, ProofEnd, Target, TargetKind, TargetRecord},
};

/// The tables of a node.
#[derive(Debug)]
pub(super) struct NodePaths {
    paths: StoredPaths,
    /// Whether it was said that the roots are not compared.
    said: Once,
}

impl NodePaths {
    /// Reads the files. `None` if one of them is no table with paths.
    pub(super) fn read(files: &[PathBuf], options: &TreesOptions) -> Result<Option<Self>, Error> {
        let mut inputs = Vec::new();
        for file in files {
            if !is_file(file)? || Kind::at(file)?.is_some() {
                return Ok(None);
            }
            if kind_of(file, &options.known)?.is_some_and(FileKind::is_of_l1) {
                return Ok(None);
            }
            match Input::open(file) {
                Ok(input) if StoredPaths::recognize(&input) => inputs.push(input),
                // The reader of other data reports what is damaged.
                _ => return Ok(None),
            }
        }
        if inputs.is_empty() {
            return Ok(None);
        }
        let TreesOptions { events, sl_batches, from_l1, .. } = options;
        if !(events.is_empty() && sl_batches.is_empty() && from_l1.is_empty()) {
            let reason = "has paths that a node stored, which cannot be used together with events, SL batches or \
                          files of L1";
            return Err(Error::OtherTrees { name: names(files), reason: reason.into() });
        }
        Ok(Some(Self { paths: StoredPaths::read(inputs)?, said: Once::new() }))
    }

    /// A text that identifies the paths.
    pub(super) fn identity(&self) -> String {
        let mut bytes = Vec::new();
        for (number, batch) in self.paths.batches() {
            bytes.extend(number.0.to_be_bytes());
            bytes.extend(batch.root.as_bytes());
            for path in [&batch.to_sl_batch, &batch.to_block] {
                let words = path.iter().flat_map(|path| path.hop.words());
                words.for_each(|word| bytes.extend(word.as_bytes()));
                bytes.push(path.is_some().into());
            }
        }
        hex::encode(keccak256(&bytes).as_bytes())
    }

    /// The number of batches.
    pub(super) fn count(&self) -> usize {
        self.paths.batches().len()
    }

    /// The ends of proofs against a target.
    pub(super) fn ends<'p>(
        &'p self,
        target: Target,
        l1: Option<&'p KnownRoots>,
        options: &TreesOptions,
    ) -> Result<StoredEnds<'p>, Error> {
        let is_on_l1 = match target {
            Target::SlBatch(_) | Target::FirstSlBatch => true,
            Target::First | Target::Block(_) => false,
            Target::Latest | Target::BatchRoot => return Err(Error::NotStored(target)),
        };
        if l1.is_none() || !is_on_l1 {
            self.said.call_once(|| options.observer.event(&Event::StoredPathsUnchecked));
        }
        Ok(StoredEnds { paths: &self.paths, target, is_on_l1, l1: l1.filter(|_| is_on_l1) })
    }
}

/// The ends of proofs against a target.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredEnds<'p> {
    paths: &'p StoredPaths,
    target: Target,
    is_on_l1: bool,
    l1: Option<&'p KnownRoots>,
}

/// The end of the proofs of a batch.
pub(super) struct StoredEnd {
    pub(super) end: ProofEnd,
    pub(super) target: TargetRecord,
    pub(super) sl_block: Option<SlBlock>,
    /// L1, if the root was compared with the one there.
    pub(super) checked_by: Option<CheckedBy>,
}

impl<'p> StoredEnds<'p> {
    /// What the table has of a batch.
    pub(super) fn batch(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<&'p StoredBatch, ExtractError> {
        let (target, has) = (self.target, None);
        let missing = ExtractError::NoStoredPath { chain, batch, target, has };
        self.paths.batches().get(&batch).ok_or(missing)
    }

    /// The end of the proofs of a batch.
    pub(super) fn end(
        &self,
        (chain, batch): (ChainId, BatchNumber),
        stored: &StoredBatch,
    ) -> Result<StoredEnd, ExtractError> {
        let path = if self.is_on_l1 { &stored.to_sl_batch } else { &stored.to_block };
        let has = path.as_ref().map(|path| path.number);
        let is_wanted = match self.target {
            Target::SlBatch(SlBatch(number)) | Target::Block(SlBlock(number)) => {
                has == Some(number)
            }
            _ => true,
        };
        let Some(path) = path.as_ref().filter(|_| is_wanted) else {
            return Err(ExtractError::NoStoredPath { chain, batch, target: self.target, has });
        };
        let root = root(path, chain, batch, stored.root);
        let checked_by = self.compare((chain, batch), path, root)?;
        let kind = if self.is_on_l1 { TargetKind::SlBatch } else { TargetKind::Block };
        let (sl_chain_id, number) = (Some(path.sl_chain), Some(path.number));
        Ok(StoredEnd {
            end: ProofEnd::SettlementLayer(path.hop.clone()),
            target: TargetRecord { kind, sl_chain_id, number, root, timestamp: None },
            sl_block: (!self.is_on_l1).then_some(SlBlock(path.number)),
            checked_by,
        })
    }

    /// Compares the root to which a path leads with the one that L1 stores, if its state is given.
    fn compare(
        &self,
        of: (ChainId, BatchNumber),
        path: &StoredPath,
        root: Hash,
    ) -> Result<Option<CheckedBy>, ExtractError> {
        let Some(l1) = self.l1 else { return Ok(None) };
        let sl_batch = SlBatch(path.number);
        let is_timed = path.hop.l1_timestamp.is_some();
        if let Some(answer) = l1.objection(of, (path.sl_chain, path.number), is_timed)? {
            return Err(ExtractError::not_accepted(of, sl_batch, answer));
        }
        let reason = match l1.of_batch(path.sl_chain, BatchNumber(path.number))? {
            Answer::Root(known) if known.root == root => return Ok(Some(CheckedBy::L1)),
            Answer::Root(known) => {
                let ((chain, batch), stored, got) = (of, known.root, root);
                return Err(ExtractError::StoredPathDiffers {
                    chain,
                    batch,
                    sl_batch,
                    stored,
                    got,
                });
            }
            Answer::NotStored => SlBatchError::NotOnL1(sl_batch),
            Answer::Refused(source) => SlBatchError::Refused { batch: sl_batch, source },
            Answer::Lacking(source) => SlBatchError::L1CannotJudge { batch: sl_batch, source },
        };
        let (chain, batch) = of;
        Err(ExtractError::StoredPath { chain, batch, reason })
    }
}

/// The root to which a path leads from a batch root.
fn root(path: &StoredPath, chain: ChainId, batch: BatchNumber, batch_root: Hash) -> Hash {
    let hop = &path.hop;
    let chain_root = fold(batch_leaf(batch_root, batch), hop.batch_mask, &hop.batch_path);
    fold(chain_id_leaf(chain_root, chain), Word::join(0, hop.chain_mask), &hop.chain_path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keccak::keccak256, proof::SettlementHop};

    /// A table with a row for each batch: its root, and its paths to a batch and to a block of the settlement layer.
    fn table(rows: &[(u8, Option<u64>, Option<u64>)]) -> NodePaths {
        let path = |number: Option<u64>| {
            let Some(number) = number else { return String::new() };
            let words = ProofEnd::SettlementLayer(SettlementHop {
                l1_timestamp: None,
                batch_mask: Word::from(0),
                batch_path: vec![Hash::new([1; 32])],
                sl_number: number.into(),
                chain_mask: 0,
                sl_chain: ChainId(506).to_word(),
                chain_path: vec![Hash::new([2; 32])],
            })
            .words();
            let mut bytes = 1_u32.to_le_bytes().to_vec();
            bytes.extend((words.len() as u64).to_le_bytes());
            for word in words {
                bytes.extend(66_u64.to_le_bytes());
                bytes.extend(word.to_string().bytes());
            }
            format!("\\x{}", hex::encode(&bytes).trim_start_matches("0x"))
        };
        let mut text = String::from(
            "number,l2_l1_merkle_root,batch_chain_merkle_path,batch_chain_merkle_path_until_msg_root\n",
        );
        for (number, (root, to_sl_batch, to_block)) in rows.iter().enumerate() {
            let (to_sl_batch, to_block) = (path(*to_sl_batch), path(*to_block));
            let root = format!("{root:02x}").repeat(32);
            text += &format!("{number},\\x{root},{to_sl_batch},{to_block}\n");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("l1_batches.csv");
        std::fs::write(&file, text).unwrap();
        NodePaths::read(&[file], &TreesOptions::default()).unwrap().unwrap()
    }

    /// A resumed job has to be of the same table.
    #[test]
    fn tables_are_told_apart() {
        let first = [(1, Some(20), Some(300)), (2, Some(21), None)];
        let tables = [
            &first[..],
            &first[..1],
            &[(3, Some(20), Some(300)), (2, Some(21), None)],
            &[(1, Some(22), Some(300)), (2, Some(21), None)],
            &[(1, Some(20), Some(301)), (2, Some(21), None)],
            &[(1, Some(20), Some(300)), (2, None, Some(21))],
        ];
        for (at, one) in tables.iter().enumerate() {
            let identity = table(one).identity();
            assert_eq!(table(one).count(), one.len());
            for (other_at, other) in tables.iter().enumerate() {
                assert_eq!(identity == table(other).identity(), at == other_at);
            }
        }
    }

    /// The node is the right one of two where the index, halved once for each level, is odd.
    #[test]
    fn a_leaf_is_folded_on_the_side_that_its_index_says() {
        let path: Vec<Hash> = (0..20).map(|level| Hash::new([100 + level; 32])).collect();
        let leaf = Hash::new([1; 32]);
        for index in [0_u64, 1, 2, 3, 128, 255, 256, 0x1_00ff, 0xa_5a5a, 0xf_ffff] {
            let (mut node, mut rest) = (leaf, index);
            for sibling in &path {
                let pair = if rest % 2 == 1 { [*sibling, node] } else { [node, *sibling] };
                node = keccak256(pair.map(|hash| *hash.as_bytes()).as_flattened());
                rest /= 2;
            }
            assert_eq!(fold(leaf, Word::from(index), &path), node, "{index}");
        }
        assert_eq!(fold(leaf, Word::from(0), &[]), leaf);
    }
}
