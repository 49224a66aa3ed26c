//! `slproof_claims`: what a state of L1 says about withdrawals.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    calls::same_chain,
    data::{Data, Layer},
    proofs::failure,
    rpc::RpcError,
};
use crate::{
    claims::{Claim, ClaimSelection, Claims},
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
        self.chain_id.map_or(Ok(()), |given| same_chain(chain, given))?;
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
        most: usize,
    ) -> Result<Vec<u8>, RpcError> {
        let selection = which.selection(chain)?;
        let mut list = vec![b'['];
        let has_l1 = |layer: &&Layer| layer.trees.options().l1.is_some() && layer.claims.is_some();
        let Some(any) = self.layers.iter().find(has_l1) else { return Err(without_l1()) };
        let selected = self.selected(&selection)?;
        if selected.is_empty() {
            // Every layer says why there is nothing.
            self.claims_of(selection.clone(), any, &mut list, most)?;
        }
        // A batch of which no state of L1 decides does not hide the claims of others.
        let (mut undecided, mut is_any) = (None, false);
        for (chain, batch) in selected {
            let layer = match self.deciding(Some((chain, batch)), None) {
                Ok(layer) if has_l1(&layer) => layer,
                other => {
                    undecided = Some(other.err().unwrap_or_else(without_l1));
                    continue;
                }
            };
            is_any = true;
            let batches = Some(Batches { first: batch, last: batch });
            let of_batch = ClaimSelection { chain: Some(chain), batches, ..selection.clone() };
            self.claims_of(of_batch, layer, &mut list, most)?;
        }
        if let Some(error) = undecided.filter(|_| !is_any) {
            return Err(error);
        }
        list.push(b']');
        Ok(list)
    }

    /// The batches of a selection, in order. Different layers may have them.
    fn selected(
        &self,
        selection: &ClaimSelection,
    ) -> Result<BTreeSet<(ChainId, BatchNumber)>, RpcError> {
        let found: Box<dyn Iterator<Item = _>> = match (selection.transaction, selection.message) {
            (Some(hash), _) => Box::new(self.archive().find_transaction(hash)),
            (None, Some(hash)) => Box::new(self.archive().find_message(hash)),
            (None, None) => {
                let named = selection.chain.zip(selection.batches);
                let named = named.map(|(chain, batches)| (chain, batches.first));
                if let Some((chain, batch)) = named {
                    let has_batch = self.archive().contains(chain, batch);
                    if !has_batch.map_err(|error| RpcError::failed(failure(&error.into())))? {
                        return Err(RpcError::failed(self.absence(chain, batch)));
                    }
                }
                return Ok(named.into_iter().collect());
            }
        };
        let keys: Result<BTreeSet<_>, _> = found.map(|at| at.map(|at| at.batch.key())).collect();
        let mut keys = keys.map_err(|error| RpcError::failed(failure(&error.into())))?;
        keys.retain(|key| selection.has_batch(*key));
        Ok(keys)
    }

    /// Adds the claims of a batch to a list.
    fn claims_of(
        &self,
        selection: ClaimSelection,
        layer: &Layer,
        list: &mut Vec<u8>,
        most: usize,
    ) -> Result<(), RpcError> {
        let failed = |error: &Error| RpcError::failed(failure(error));
        let l1 = layer.trees.l1().map_err(|error| failed(&error))?;
        let (Some(l1), Some(options)) = (l1, &layer.claims) else { return Err(without_l1()) };
        let trees = layer.trees.has_sl_batches().then_some(&layer.trees);
        let claims = Claims::new(l1, trees, &self.messages, selection, options)
            .map_err(|error| failed(&error))?;
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
            Ok(_) => Ok(()),
            Err(error @ Error::Sink(_)) => Err(RpcError::refused(error.to_string())),
            Err(error) if error.code() == FailureCode::NothingFound => {
                let Failure { message, .. } = failure(&error);
                Err(RpcError::params(message))
            }
            Err(error) => Err(failed(&error)),
        }
    }
}

fn without_l1() -> RpcError {
    let text = "the server has no state of L1, or does not know L1Nullifier";
    RpcError::method(text.into())
}
