//! `slproof_verify`: whether L1 accepts a proof.

use super::{data::Data, proofs::failure, rpc::RpcError};
use crate::{
    primitives::ChainId,
    proof::reader::{Defaults, Item, parse},
    records::L1Verdict,
};

impl Data {
    /// What a state of L1 says of a record, in any form that `verify` reads.
    pub(super) fn verdict(
        &self,
        record: &str,
        chain: Option<ChainId>,
    ) -> Result<L1Verdict, RpcError> {
        let item = parse(record.as_bytes(), &Defaults { chain, ..Defaults::default() });
        let (of, target) = match &item {
            Ok(Item::Proof(record, _)) => {
                (Some((record.chain_id, record.batch_number)), record.target)
            }
            Ok(Item::Leaf(record)) => (Some((record.chain_id, record.batch_number)), record.target),
            _ => (None, None),
        };
        let layer = self.deciding(of, target.and_then(|target| target.sl_chain_id))?;
        let verdict = layer.trees.l1_verdict_on(item);
        let verdict = verdict.map_err(|error| RpcError::failed(failure(&error)))?;
        verdict.ok_or_else(|| RpcError::params("the record has no proof".into()))
    }
}
