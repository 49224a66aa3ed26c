//! Proofs of the leaves of a batch root of eight leaves (v33). The other half of a proof from a commitment to a root of
//! the interop commitment tree needs the state of the chain itself.

use super::{
    Error, ExtractError, Extractor, Prover, matched_batch::BatchRootForm, resolved::batch_paths,
};
use crate::{
    archive::Archive,
    message::{BatchRootLeaf, EightLeaves},
    primitives::{BatchNumber, ChainId},
    proof::{LeafRecord, Proof, ProofEnd, Target, TargetKind},
};

impl Prover {
    /// Proves a leaf of the root of a batch. The verifier has accepted the proof.
    ///
    /// # Errors
    /// [`Error`] when the target does not exist, when the batch root has not eight leaves, or when a root of the
    /// interop commitment tree is needed that the archive does not have.
    pub fn prove_leaf(
        &self,
        (chain, batch): (ChainId, BatchNumber),
        leaf: BatchRootLeaf,
        target: Target,
    ) -> Result<LeafRecord, Error> {
        let trees = self.trees();
        let single = trees.single_root(target, Some((chain, batch)))?;
        let extractor = match &single {
            Some(timeline) => trees.extractor_in(target, Some(timeline))?,
            None => trees.extractor(target)?,
        };
        Ok(extractor.leaf(self.messages().archive(), (chain, batch), leaf, target)?)
    }
}

impl Extractor<'_> {
    /// The proof of a leaf of the root of a batch.
    fn leaf(
        &self,
        archive: &Archive,
        (chain, batch): (ChainId, BatchNumber),
        leaf: BatchRootLeaf,
        target: Target,
    ) -> Result<LeafRecord, ExtractError> {
        let (root, placed) = self.place(chain, batch)?;
        let leaves = match root == EightLeaves::GENESIS.root() {
            // It has no logs, so an archive need not have it.
            true => EightLeaves::GENESIS,
            false => {
                let logs = self.logs_of(archive, chain, batch)?;
                match self.batch(logs)?.settled().form() {
                    BatchRootForm::EightLeaves(leaves, _) => leaves,
                    _ => return Err(ExtractError::NotEightLeaves { chain, batch }),
                }
            }
        };
        let position = placed.position;
        if batch == BatchNumber(0) && position.is_none() {
            return Err(ExtractError::BatchZero(chain));
        }
        let path = leaves.path(leaf);
        let (value, siblings) = path.ok_or(ExtractError::ImtRootsUnknown { chain, batch })?;
        let mut paths = batch_paths(&[position.as_ref()]);
        let l1_timestamp = position.as_ref().and_then(|place| place.l1_timestamp());
        let end = match position {
            Some(place) => place.end(paths.pop().unwrap_or_default()),
            None if placed.target.kind == TargetKind::BatchRoot => ProofEnd::BatchRoot,
            // The paths that nodes store are of releases before v33.
            None => return Err(ExtractError::NoStoredPath { chain, batch, target, has: None }),
        };
        let proof = Proof { log_path: siblings.to_vec(), end }.encode();
        let target = placed.target;
        let record = LeafRecord {
            chain_id: chain,
            batch_number: batch,
            leaf,
            value,
            proof,
            target: Some(target),
            l1_timestamp,
        };
        let index = leaf.index();
        let verified = record.verify(|_| Some(target.root));
        verified.map_err(|source| ExtractError::Refused { chain, batch, index, source })?;
        Ok(record)
    }
}
