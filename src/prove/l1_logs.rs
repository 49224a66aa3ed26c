//! The logs in files of L1.

use super::{Error, Trees, l1_trees::GivenL1};
use crate::{
    forest::{ChainTree, Forest},
    ingest::{
        IndexError,
        l1::{CommittedBatch, L1Data, L1Files, L1Layer, NoBatch, PassedOver, SlBatchOnL1},
        logs::Indexer,
    },
    primitives::{BatchNumber, ChainId, Hash, hex},
};

impl Trees {
    /// The files of L1 among the evidence, and the settlement layer in them.
    #[must_use]
    pub fn from_l1(&self) -> Option<(&L1Data, &L1Layer)> {
        self.0.from_l1.as_ref().map(|l1| (l1.data(), l1.layer()))
    }

    /// A text that identifies what the files of L1 show of the settlement layer's batches, if there are any.
    pub(super) fn l1_files_identity(&self) -> Option<String> {
        let mut hasher = blake3::Hasher::new();
        for found in self.from_l1()?.1.record.batches() {
            let SlBatchOnL1 { batch, root, local_root, has_diffs, is_whole, executed } = found;
            let roots = [root, local_root].map(|root| root.unwrap_or(Hash::ZERO));
            hasher.update(&batch.0.to_le_bytes());
            roots.iter().for_each(|root| _ = hasher.update(root.as_bytes()));
            let executed = executed.map_or(2, u8::from);
            hasher.update(&[u8::from(*has_diffs), u8::from(*is_whole), executed]);
        }
        Some(hex::encode(hasher.finalize().as_bytes()))
    }

    /// Reads the logs in `files` of L1 into an indexer: what the settlement layer of these trees relays in its
    /// messages, and what its chains committed on L1 themselves. Its batches that are missing or whose pubdata are lost are
    /// left out. If the trees were rebuilt from these files, they are not read again. Beside trees of other evidence, files
    /// that are not of a settlement layer are passed over.
    ///
    /// # Errors
    /// [`Error`] if a file cannot be read, or the files do not show the settlement layer.
    pub fn index_l1(&self, files: &L1Files, indexer: &mut Indexer<'_>) -> Result<(), Error> {
        if files.is_empty() {
            return Ok(());
        }
        let given = match &self.0.from_l1 {
            Some(known) if known.has(files) => None,
            _ => GivenL1::read_beside(files.clone(), self.options())?,
        };
        let Some(l1) = given.as_ref().or(self.0.from_l1.as_ref()) else { return Ok(()) };
        let (data, layer) = (l1.data(), l1.layer());
        let forest = self.forest();
        let others = data.others(layer, |batch| chain_of(forest?, batch));
        // Without trees, the chain id of the settlement layer only appears in errors.
        let sl_chain = forest.map(Forest::sl_chain).or(layer.record.chain()).unwrap_or_default();
        let commits = data.commits(layer);
        indexer.read_l1(data, (sl_chain, commits), &others)?;
        let last = commits.batches().last().map(|last| last.batch);
        for (batches, reason) in commits.gaps() {
            // The last batches may have been reverted for good.
            let is_reverted =
                matches!(reason, NoBatch::PassedOver { reason: PassedOver::Reverted, .. });
            if is_reverted && last.is_some_and(|last| last < *batches.start()) {
                continue;
            }
            let source = Box::new(reason);
            indexer.leave_out(IndexError::NotOnL1 { chain: sl_chain, batches, source });
        }
        Ok(())
    }
}

/// The chain that has a batch with this number and root. A batch may be committed on L1 before its chain moves to
/// the settlement layer, and be executed there.
fn chain_of(forest: &Forest, batch: &CommittedBatch) -> Option<ChainId> {
    let number = BatchNumber(batch.batch.0);
    let is_executed =
        |tree: &&ChainTree| tree.find(number).is_some_and(|(_, root)| root == batch.info.logs_root);
    let in_tree = forest.chains().iter().find(is_executed).map(ChainTree::chain);
    in_tree.or_else(|| {
        let mut leaves = forest.bridged()?.find_all(number);
        leaves.find(|leaf| leaf.root == batch.info.logs_root).map(|leaf| leaf.chain)
    })
}
