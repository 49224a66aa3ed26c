//! `slproof_verify`: whether L1 accepts a proof.

use super::{
    data::{Data, Layer},
    proofs::failure,
    rpc::RpcError,
};
use crate::{
    primitives::ChainId,
    proof::reader::{Defaults, Item, parse},
    records::L1Verdict,
};

impl Data {
    /// What a state of L1 says of a record, in any form that `verify` reads. A state of L1 decides about the batches of its
    /// own layer: that of another one may be of another network, whose contracts know nothing of the batch.
    pub(super) fn verdict(
        &self,
        record: &str,
        chain: Option<ChainId>,
    ) -> Result<L1Verdict, RpcError> {
        let item = parse(record.as_bytes(), &Defaults { chain, ..Defaults::default() });
        let has_l1 = |layer: &&Layer| layer.trees.options().l1.is_some();
        let own: Vec<&Layer> = match &item {
            Ok(Item::Proof(record, _)) => {
                self.layers_with(record.chain_id, record.batch_number).collect()
            }
            Ok(Item::Leaf(record)) => {
                self.layers_with(record.chain_id, record.batch_number).collect()
            }
            _ => Vec::new(),
        };
        let is_executed = !own.is_empty();
        let own = if is_executed { own } else { self.layers.iter().collect() };
        let mut layers = own.into_iter().filter(has_l1);
        let Some(layer) = layers.next() else {
            return Err(RpcError::method("the server has no state of L1 for this batch".into()));
        };
        if !is_executed && layers.next().is_some() {
            let text = "the server has several states of L1, and no layer that executed the batch";
            return Err(RpcError::refused(text.into()));
        }
        let verdict = layer.trees.l1_verdict_on(item);
        let verdict = verdict.map_err(|error| RpcError::failed(failure(&error)))?;
        verdict.ok_or_else(|| RpcError::params("the record has no proof".into()))
    }
}
