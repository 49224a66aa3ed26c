//! Which of several states of L1 decides.

use super::{
    data::{Data, Layer},
    rpc::RpcError,
};
use crate::primitives::{BatchNumber, ChainId};

impl Data {
    /// The layer whose state of L1 decides about a batch, or about a proof through the settlement layer `sl_chain`. A state
    /// of L1 decides about proofs through its own settlement layer, and about batches of its own layer: that of another one
    /// may be of another network, whose contracts know nothing of the batch. Of a batch that is in no tree, the state that
    /// knows the chain decides.
    pub(super) fn deciding(
        &self,
        of: Option<(ChainId, BatchNumber)>,
        sl_chain: Option<ChainId>,
    ) -> Result<&Layer, RpcError> {
        let mut layers: Vec<&Layer> = self.layers.iter().collect();
        let is_of = |layer: &Layer, named| {
            layer.trees.forest().is_some_and(|forest| forest.sl_chain() == named)
        };
        if sl_chain.is_none_or(|named| narrow(&mut layers, |layer| is_of(layer, named)))
            && let Some((chain, batch)) = of
        {
            narrow(&mut layers, |layer| layer.has(chain, batch));
        }
        layers.retain(|layer| layer.trees.options().l1.is_some());
        if let Some((chain, _)) = of {
            narrow(&mut layers, |layer| layer.may_know(chain));
        }
        let Some((first, others)) = layers.split_first() else {
            let text = "the server has no state of L1 for this batch";
            return Err(RpcError::method(text.into()));
        };
        if others.iter().any(|other| !first.has_l1_of(other)) {
            let text = "which of several states of L1 decides is not known";
            return Err(RpcError::refused(text.into()));
        }
        Ok(first)
    }
}

impl Layer {
    /// Whether the state of L1 names the diamond of a chain, or does not show whether it does.
    fn may_know(&self, chain: ChainId) -> bool {
        let Ok(Some(l1)) = self.trees.l1() else { return true };
        !matches!(l1.bridgehub().zk_chain(chain), Ok(None))
    }

    /// Whether the state of L1, and the contracts in it, are those of another layer.
    fn has_l1_of(&self, other: &Self) -> bool {
        let contracts = |layer: &Self| {
            let l1 = layer.trees.options().l1.as_ref()?;
            let nullifier = layer.claims.as_ref().map(|claims| claims.l1_nullifier);
            Some((l1.paths.clone(), l1.state.bridgehub, l1.state.message_root, nullifier))
        };
        contracts(self) == contracts(other)
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
