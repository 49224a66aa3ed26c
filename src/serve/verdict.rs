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
    /// What a state of L1 says of a record, in any form that `verify` reads. A state of L1 decides about proofs through its own
    /// settlement layer, and about batches of its own layer: that of another one may be of another network, whose contracts
    /// know nothing of the batch.
    pub(super) fn verdict(
        &self,
        record: &str,
        chain: Option<ChainId>,
    ) -> Result<L1Verdict, RpcError> {
        let item = parse(record.as_bytes(), &Defaults { chain, ..Defaults::default() });
        let mut layers: Vec<&Layer> = self.layers.iter().collect();
        let of = match &item {
            Ok(Item::Proof(record, _)) => {
                Some((record.chain_id, record.batch_number, record.target))
            }
            Ok(Item::Leaf(record)) => Some((record.chain_id, record.batch_number, record.target)),
            _ => None,
        };
        if let Some((chain, batch, target)) = of {
            let named = target.and_then(|target| target.sl_chain_id);
            let is_of = |layer: &Layer, named| {
                layer.trees.forest().is_some_and(|forest| forest.sl_chain() == named)
            };
            if named.is_none_or(|named| narrow(&mut layers, |layer| is_of(layer, named))) {
                narrow(&mut layers, |layer| layer.has(chain, batch));
            }
        }
        layers.retain(|layer| layer.trees.options().l1.is_some());
        let layer = match layers[..] {
            [] => {
                let text = "the server has no state of L1 for this batch";
                return Err(RpcError::method(text.into()));
            }
            [layer] => layer,
            _ => {
                let text = "the record does not show which of several states of L1 decides";
                return Err(RpcError::refused(text.into()));
            }
        };
        let verdict = layer.trees.l1_verdict_on(item);
        let verdict = verdict.map_err(|error| RpcError::failed(failure(&error)))?;
        verdict.ok_or_else(|| RpcError::params("the record has no proof".into()))
    }
}

/// Leaves only the layers of which something holds, if there are any. Returns whether there are.
fn narrow(layers: &mut Vec<&Layer>, holds: impl Fn(&Layer) -> bool) -> bool {
    let is_any = layers.iter().any(|layer| holds(layer));
    if is_any {
        layers.retain(|layer| holds(layer));
    }
    is_any
}
