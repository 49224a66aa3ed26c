//! What the files say about batches and blocks.

use serde_json::{Value, json};

use super::{data::Data, receipt::quantity};
use crate::{
    archive::ArchiveError,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, hex},
    prove::Trees,
};

/// The number of the block that is given where clients ask for the newest one. Receipts made of an archive are of
/// block 0, so it has to be later.
pub(super) const NEWEST_BLOCK: u64 = 1;

impl Data {
    /// The answer of `zks_getL1BatchDetails`, with null for what the files do not have. `None` if they do not have
    /// the batch.
    pub(super) fn batch_details(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<Option<Value>, ArchiveError> {
        let layer = self.layers_with(chain, batch).next();
        let forest = layer.and_then(|layer| layer.trees.forest());
        if forest.is_none() && !self.archive().contains(chain, batch)? {
            return Ok(None);
        }
        Ok(Some(json!({
            "number": batch,
            "status": if forest.is_some() { "verified" } else { "sealed" },
            "executeChainId": forest.map(|forest| forest.sl_chain()),
            "gatewayBlockNumber": layer.and_then(|layer| executing_block(&layer.trees, chain, batch)),
            "timestamp": null,
            "l1TxCount": null,
            "l2TxCount": null,
            "rootHash": null,
            "commitTxHash": null,
            "committedAt": null,
            "proveTxHash": null,
            "provenAt": null,
            "executeTxHash": null,
            "executedAt": null,
            "l1GasPrice": null,
            "l2FairGasPrice": null,
            "fairPubdataPrice": null,
            "baseSystemContractsHashes": null,
        })))
    }
}

/// The block of the settlement layer in which a batch was executed, if its history is known.
pub(super) fn executing_block(
    trees: &Trees,
    chain: ChainId,
    batch: BatchNumber,
) -> Option<SlBlock> {
    let tree = trees.forest()?.chain(chain)?;
    let (leaf, _) = tree.find(batch)?;
    let timeline = trees.history().ok()?;
    Some(timeline.root(timeline.first(tree, leaf)?).block)
}

/// A block without content, of which clients read the number.
pub(super) fn newest_block() -> Value {
    json!({
        "slproofSynthetic": true,
        "number": quantity(NEWEST_BLOCK),
        "hash": Hash::ZERO,
        "parentHash": Hash::ZERO,
        "sha3Uncles": Hash::ZERO,
        "stateRoot": Hash::ZERO,
        "transactionsRoot": Hash::ZERO,
        "receiptsRoot": Hash::ZERO,
        "mixHash": Hash::ZERO,
        "miner": Address::default(),
        "nonce": hex::encode(&[0; 8]),
        "logsBloom": hex::encode(&[0; 256]),
        "extraData": "0x",
        "timestamp": "0x0",
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "gasLimit": "0x0",
        "gasUsed": "0x0",
        "baseFeePerGas": "0x0",
        "size": "0x0",
        "uncles": [],
        "transactions": [],
        "l1BatchNumber": null,
        "l1BatchTimestamp": null,
        "sealFields": [],
    })
}
