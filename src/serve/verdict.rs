//! `slproof_verify`: whether L1 accepts a proof.

use super::{calls::same_chain, data::Data, proofs::failure, rpc::RpcError};
use crate::{
    primitives::{BatchNumber, ChainId},
    proof::reader::{Defaults, Item, RecordError, parse},
    records::L1Verdict,
};

impl Data {
    /// What a state of L1 says of a record, in any form that `verify` reads.
    pub(super) fn verdict(
        &self,
        record: &str,
        chain: Option<ChainId>,
    ) -> Result<L1Verdict, RpcError> {
        let read = |chain| parse(record.as_bytes(), &Defaults { chain, ..Defaults::default() });
        if chain.is_some()
            && let Some((named, _)) = batch_of(&read(None))
        {
            same_chain(chain, named)?;
        }
        let item = read(chain);
        let of = batch_of(&item);
        let target = match &item {
            Ok(Item::Proof(record, _)) => record.target,
            Ok(Item::Leaf(record)) => record.target,
            _ => None,
        };
        let layer = self.deciding(of, target.and_then(|target| target.sl_chain_id))?;
        let verdict = layer.trees.l1_verdict_on(item);
        let verdict = verdict.map_err(|error| RpcError::failed(failure(&error)))?;
        verdict.ok_or_else(|| RpcError::params("the record has no proof".into()))
    }
}

/// The batch that a record is of.
fn batch_of(item: &Result<Item, RecordError>) -> Option<(ChainId, BatchNumber)> {
    match item {
        Ok(Item::Proof(record, _)) => Some((record.chain_id, record.batch_number)),
        Ok(Item::Leaf(record)) => Some((record.chain_id, record.batch_number)),
        _ => None,
    }
}
