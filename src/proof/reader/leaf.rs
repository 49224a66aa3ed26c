//! Records of leaves of a batch root.

use super::{
    Defaults, RecordError,
    fields::agreed,
    incoming::{Incoming, one_of},
};
use crate::{
    message::BatchRootLeaf,
    primitives::{Hash, spelled::Member},
    proof::{
        LeafRecord,
        verify::{self, VerifyError},
    },
};

impl Incoming<'_> {
    /// The record of a leaf, with these words. `defaults` have no log.
    pub(super) fn leaf(
        self,
        words: Vec<Hash>,
        defaults: &Defaults,
    ) -> Result<LeafRecord, RecordError> {
        let name = self.leaf.0.map_or("null", |text| text.get());
        let leaf: BatchRootLeaf = serde_json::from_str(name)?;
        // As in records of logs, an `index` beside another name is a program's own.
        let index = match self.leaf_index {
            Member::Absent => one_of(&[("index", &self.index)])?,
            _ => one_of(&[("leafIndex", &self.leaf_index)])?,
        };
        if let Some(got) = index.filter(|got| *got != leaf.index()) {
            return Err(RecordError::LeafIndex { leaf, got });
        }
        let missing = |field| RecordError::Missing { field };
        let chain = agreed("chainId", one_of(&[("chainId", &self.chain_id)])?, defaults.chain)?;
        let batch = agreed("batchNumber", one_of(&self.batches())?, defaults.batch)?;
        let mut lack = None;
        let target = self.target(&mut lack)?;
        if let Some(lack) = lack {
            return Err(lack);
        }
        let record = LeafRecord {
            chain_id: chain.ok_or_else(|| missing("chainId"))?,
            batch_number: batch.ok_or_else(|| missing("batchNumber"))?,
            leaf,
            value: one_of(&[("value", &self.value)])?.ok_or(RecordError::NoLeaf)?,
            proof: words,
            target,
            l1_timestamp: one_of(&[("l1Timestamp", &self.l1_timestamp)])?,
        };
        if let Some(expected) = one_of(&[("root", &self.root)])? {
            let of = (record.chain_id, record.batch_number, leaf.index());
            let folded = verify::fold_leaf(record.value, of, &record.proof, record.l1_timestamp)?;
            let got = folded.batch_root;
            if got != expected {
                return Err(VerifyError::BatchRoot { expected, got }.into());
            }
        }
        Ok(record)
    }
}
