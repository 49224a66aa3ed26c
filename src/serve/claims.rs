//! `slproof_claims`: what a state of L1 says about withdrawals.

use serde::Deserialize;

use super::{data::Data, proofs::failure, rpc::RpcError};
use crate::{
    claims::{Claim, ClaimSelection, Claims, ClaimsOptions},
    primitives::{Address, BatchNumber, ChainId, Hash},
    proof::{Failure, FailureCode},
    prove::{Batches, Error},
};

/// The parameter of `slproof_claims`: which withdrawals. It names a transaction, a message or a batch, so that no
/// call reads a whole archive.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Which {
    tx_hash: Option<Hash>,
    message: Option<Hash>,
    chain_id: Option<ChainId>,
    batch_number: Option<BatchNumber>,
    receiver: Option<Address>,
    sender: Option<Address>,
}

impl Which {
    fn selection(self, chain: Option<ChainId>) -> Result<ClaimSelection, RpcError> {
        if let (Some(of_path), Some(given)) = (chain, self.chain_id)
            && of_path != given
        {
            return Err(RpcError::params(format!("this path is of chain {of_path}")));
        }
        let selection = ClaimSelection {
            chain: chain.or(self.chain_id),
            transaction: self.tx_hash,
            message: self.message,
            receiver: self.receiver,
            sender: self.sender,
            batches: self.batch_number.map(|batch| Batches { first: batch, last: batch }),
            ..ClaimSelection::default()
        };
        let names_batch = selection.chain.is_some() && selection.batches.is_some();
        match (self.tx_hash, self.message) {
            (Some(_), Some(_)) => {
                Err(RpcError::params("txHash and message exclude each other".into()))
            }
            (None, None) if !names_batch => {
                let text = "name a txHash, a message, or a chainId and batchNumber";
                Err(RpcError::params(text.into()))
            }
            _ => Ok(selection),
        }
    }
}

impl Data {
    /// The claims as a JSON list, of at most `most` bytes.
    pub(super) fn claims(
        &self,
        which: Which,
        chain: Option<ChainId>,
        options: Option<&ClaimsOptions>,
        most: usize,
    ) -> Result<Vec<u8>, RpcError> {
        let selection = which.selection(chain)?;
        let failed = |error: &Error| RpcError::failed(failure(error));
        let mut layers = self.layers.iter();
        let layer = layers.find(|layer| layer.trees.options().l1.is_some());
        let (Some(layer), Some(options)) = (layer, options) else {
            let text = "the server has no state of L1, or does not know L1Nullifier";
            return Err(RpcError::method(text.into()));
        };
        let l1 = layer.trees.l1().map_err(|error| failed(&error))?;
        let Some(l1) = l1 else { return Err(RpcError::method("there is no state of L1".into())) };
        let trees = layer.trees.has_sl_batches().then_some(&layer.trees);
        let claims = Claims::new(l1, trees, &self.messages, selection, options)
            .map_err(|error| failed(&error))?;
        let mut list = vec![b'['];
        let encode =
            |claims: &[Claim]| claims.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>();
        let run = claims.run(encode, |encoded| {
            for claim in encoded.map_err(|error| Error::Sink(error.into()))? {
                if list.len() + claim.len() > most {
                    let what =
                        "the claims are larger than an answer may be; select fewer".to_owned();
                    return Err(Error::Sink(what.into()));
                }
                if list.len() > 1 {
                    list.push(b',');
                }
                list.extend(claim);
            }
            Ok(())
        });
        match run {
            Ok(_) => {}
            Err(error @ Error::Sink(_)) => {
                return Err(RpcError::refused(error.to_string()));
            }
            Err(error) if error.code() == FailureCode::NothingFound => {
                let Failure { message, .. } = failure(&error);
                return Err(RpcError::params(message));
            }
            Err(error) => return Err(failed(&error)),
        }
        list.push(b']');
        Ok(list)
    }
}
