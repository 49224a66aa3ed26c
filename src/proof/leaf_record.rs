//! Records of proofs of a leaf of a batch root of eight leaves (ZKsync OS since v33). Of a root of the interop
//! commitment tree, such a proof is the `settlementProof` of `zks_getImtInclusionProof`.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    RootQuery, TargetRecord,
    record::led_to,
    verify::{self, Folded, RootRef, VerifyError},
};
use crate::{
    message::BatchRootLeaf,
    primitives::{BatchNumber, ChainId, Hash, Timestamp},
};

/// The proof of a leaf of a batch root, as `proveL2LeafInclusionShared` takes it: the index of `leaf` is the mask and
/// `value` the leaf. [`parse`](super::reader::parse) reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafRecord {
    /// The chain.
    pub chain_id: ChainId,
    /// The batch.
    pub batch_number: BatchNumber,
    /// Which leaf it is.
    pub leaf: BatchRootLeaf,
    /// The leaf.
    pub value: Hash,
    /// The words of the proof.
    pub proof: Vec<Hash>,
    /// The root that the proof folds to.
    pub target: Option<TargetRecord>,
    /// When the settlement layer executed the batch, in a proof through its trees. If it is `None`, the words show
    /// whether they have it.
    pub l1_timestamp: Option<Timestamp>,
}

impl Serialize for LeafRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serializer.serialize_map(None)?;
        record.serialize_entry("chainId", &self.chain_id)?;
        record.serialize_entry("batchNumber", &self.batch_number)?;
        record.serialize_entry("leaf", &self.leaf)?;
        record.serialize_entry("leafIndex", &self.leaf.index())?;
        record.serialize_entry("value", &self.value)?;
        record.serialize_entry("proof", &self.proof)?;
        if let Some(target) = &self.target {
            record.serialize_entry("target", target)?;
        }
        if let Some(timestamp) = &self.l1_timestamp {
            record.serialize_entry("l1Timestamp", timestamp)?;
        }
        record.end()
    }
}

impl<'a> From<&'a LeafRecord> for RootQuery<'a> {
    fn from(record: &'a LeafRecord) -> Self {
        Self {
            chain: record.chain_id,
            batch: record.batch_number,
            proof: &record.proof,
            target: record.target,
            l1_timestamp: record.l1_timestamp,
        }
    }
}

impl LeafRecord {
    /// Verifies everything in the record, and that the proof folds to the root that `known_root` returns, as
    /// [`ProofRecord::verify`](super::ProofRecord::verify) does. The contracts would take any node of a batch root for a
    /// leaf; here the words have to be those of a root of eight leaves.
    ///
    /// # Errors
    /// [`VerifyError`] for the first check that fails.
    pub fn verify(
        &self,
        known_root: impl FnOnce(&RootRef) -> Option<Hash>,
    ) -> Result<Folded, VerifyError> {
        let of = (self.chain_id, self.batch_number, self.leaf.index());
        let folded = verify::fold_leaf(self.value, of, &self.proof, self.l1_timestamp)?;
        verify::of_eight_leaves(&self.proof)?;
        led_to(folded, self.target, known_root)
    }
}
