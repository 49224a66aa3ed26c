//! The record of a claim.

use alloy_primitives::U256;
use serde::{Serialize, Serializer};

use super::{ClaimCall, ClaimKind, Reason, Status};
use crate::{
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
    proof::TargetRecord,
};

/// A withdrawal, failed deposit or other message, and what L1 says about it. It is one line of the output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The chain.
    pub chain_id: ChainId,
    /// The batch.
    pub batch_number: BatchNumber,
    /// The log's leaf index in the batch.
    pub id: u64,
    /// The hash of the message; for a failed deposit there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_hash: Option<Hash>,
    /// The hash of the transaction that emitted the log, if the archive has it; for a failed deposit that of
    /// the L1→L2 transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<Hash>,
    /// What it is.
    pub kind: ClaimKind,
    /// What L1 says.
    pub status: Status,
    /// Who gets the token on L1, as far as the message names it.
    pub receiver: Option<Address>,
    /// The asset id, as far as it is known.
    pub asset_id: Option<Hash>,
    /// The token: on L1, or as the message names it on the chain where it comes from. `None` if the asset id is not
    /// that of the token in the message.
    pub token: Option<Address>,
    /// The chain where the token is. `None` if that is L1: a token of another chain may have the same address. If the
    /// id of L1 is not known, this chain may be L1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_chain_id: Option<ChainId>,
    /// The amount in the token's smallest unit, written as a decimal string.
    #[serde(serialize_with = "as_decimal")]
    pub amount: Option<Word>,
    /// The root to which the proof in the call folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetRecord>,
    /// The call, where L1 accepts it.
    pub call: Option<ClaimCall>,
    /// Why it is not claimable.
    pub reason: Option<Reason>,
}

impl Claim {
    /// The amount in decimal digits.
    #[must_use]
    pub fn amount_text(&self) -> Option<String> {
        self.amount.map(|amount| decimal(amount).to_string())
    }
}

/// A number in decimal digits.
pub(super) fn decimal(number: Word) -> U256 {
    U256::from_be_bytes(*number.as_bytes())
}

fn as_decimal<S: Serializer>(amount: &Option<Word>, serializer: S) -> Result<S::Ok, S::Error> {
    amount.map(|amount| decimal(amount).to_string()).serialize(serializer)
}
