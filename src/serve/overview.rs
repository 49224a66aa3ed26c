//! What the server has: chains, trees and roots.

use std::num::NonZeroUsize;

use serde_json::{Value, json};

use super::data::Data;
use crate::{
    archive::LogAt,
    primitives::{BatchNumber, ChainId},
    prove::Trees,
};

/// The most roots that one answer lists.
const MOST_ROOTS: usize = 1000;

impl Data {
    /// The chains of the archive, how many parts were left out of it, and the settlement layers.
    pub(super) fn overview(&self) -> Value {
        let chains: Vec<Value> = self
            .chains
            .iter()
            .map(|chain| {
                json!({
                    "chainId": chain.chain,
                    "batches": chain.batches,
                    "firstBatch": chain.first,
                    "lastBatch": chain.last,
                    "logs": chain.logs,
                    "messages": chain.messages,
                })
            })
            .collect();
        let layers: Vec<Value> =
            self.layers.iter().map(|layer| self::layer(&layer.trees)).collect();
        json!({
            "chains": chains,
            "layers": layers,
            "transactions": self.archive().header().transactions,
            "leftOut": self.messages.skipped().count(),
        })
    }

    /// The roots by block of a layer, from the `from`-th on, oldest first, and of these each `every`-th.
    pub(super) fn roots(&self, layer: usize, from: usize, every: NonZeroUsize) -> Value {
        let timeline = self.layers.get(layer).and_then(|layer| layer.trees.history().ok());
        let Some(timeline) = timeline else { return json!({"count": 0, "roots": []}) };
        let history = timeline.history();
        let some = history.blocks.iter().skip(from).step_by(every.get()).take(MOST_ROOTS);
        let roots: Vec<Value> = some
            .filter_map(|block| {
                let root = timeline.root(timeline.at(*block)?);
                Some(json!({"block": root.block, "root": root.root, "chains": root.chains}))
            })
            .collect();
        json!({"count": history.len(), "roots": roots})
    }

    /// The logs of a batch, without the bytes of their messages. `None` if the archive does not have the batch.
    pub(super) fn logs(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<Option<Value>, crate::prove::Error> {
        let Some(logs) = self.archive().batch(chain, batch)? else { return Ok(None) };
        let list: Vec<Value> = (0..)
            .zip(logs.logs())
            .map(|(index, log)| {
                let at = LogAt { batch: logs, index };
                json!({
                    "id": index,
                    "sender": log.message_sender().unwrap_or_else(|| log.sender()),
                    "isMessage": log.is_message(),
                    "value": log.value(),
                    "txNumberInBatch": log.tx_number(),
                    "txHash": usize::try_from(at.index).ok().and_then(|i| logs.transactions().get(i)),
                })
            })
            .collect();
        Ok(Some(json!(list)))
    }
}

fn layer(trees: &Trees) -> Value {
    let Some(forest) = trees.forest() else {
        return json!({"block": trees.block(), "batchRootsOnly": true});
    };
    let latest = forest.latest();
    json!({
        "slChainId": forest.sl_chain(),
        "release": forest.layout().to_string(),
        "checkedBy": trees.checked_by(),
        "chains": forest.chains().len(),
        "batches": forest.batch_count(),
        "latestBlock": latest.map(|latest| latest.block),
        "latestRoot": latest.map(|latest| latest.root),
        "hasSlBatches": trees.has_sl_batches(),
        "roots": trees.history().map_or(0, |timeline| timeline.history().len()),
    })
}
