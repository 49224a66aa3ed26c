//! Which claims a job is about.

use super::{Claim, ClaimKind, Status, subject::Subject};
use crate::{
    primitives::{Address, BatchNumber, ChainId, Hash},
    prove::Batches,
};

/// Selects claims. Every field narrows the selection; the default selects every withdrawal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimSelection {
    /// Only the logs of this transaction.
    pub transaction: Option<Hash>,
    /// Only messages with this hash.
    pub message: Option<Hash>,
    /// Only logs of this chain.
    pub chain: Option<ChainId>,
    /// Only logs of these batches of the chain.
    pub batches: Option<Batches>,
    /// Only claims that pay to this address.
    pub receiver: Option<Address>,
    /// Only messages that this address sent, and withdrawals that it made according to the message.
    pub sender: Option<Address>,
    /// Only claims of this token of L1.
    pub token: Option<Address>,
    /// Only claims of this asset.
    pub asset_id: Option<Hash>,
    /// Only these kinds.
    pub kinds: Vec<ClaimKind>,
    /// Only these statuses; empty for all.
    pub statuses: Vec<Status>,
}

impl Default for ClaimSelection {
    fn default() -> Self {
        Self {
            transaction: None,
            message: None,
            chain: None,
            batches: None,
            receiver: None,
            sender: None,
            token: None,
            asset_id: None,
            kinds: ClaimKind::WITHDRAWALS.to_vec(),
            statuses: Vec::new(),
        }
    }
}

impl ClaimSelection {
    /// The first and the last batch of the selection.
    pub(super) fn ends(&self) -> [(ChainId, BatchNumber); 2] {
        let Batches { first, last } = self.batches.unwrap_or(Batches::ALL);
        [(self.chain.unwrap_or(ChainId(0)), first), (self.chain.unwrap_or(ChainId(u64::MAX)), last)]
    }

    pub(crate) fn has_batch(&self, (chain, batch): (ChainId, BatchNumber)) -> bool {
        self.chain.is_none_or(|only| only == chain)
            && self.batches.is_none_or(|only| (only.first..=only.last).contains(&batch))
    }

    /// Whether a log is selected, as far as the log alone shows it. A message without bytes that may be a
    /// withdrawal is selected with the withdrawals, unless something about the withdrawal is asked for.
    pub(super) fn has(
        &self,
        subject: &Subject,
        old_bridge: impl FnOnce() -> Option<Address>,
    ) -> bool {
        let is_open = self.receiver.is_none() && self.token.is_none() && self.asset_id.is_none();
        let is_withdrawal = |kind| ClaimKind::WITHDRAWALS.contains(kind);
        let may_be = is_open && subject.may_be_withdrawal(old_bridge);
        (self.kinds.contains(&subject.kind()) || may_be && self.kinds.iter().any(is_withdrawal))
            && self.receiver.is_none_or(|only| subject.receiver() == Some(only))
            && self.sender.is_none_or(|only| subject.is_from(only))
    }

    /// Whether a claim is about the token of L1 and the asset that are asked for.
    pub(super) fn has_token(&self, token: Option<Address>, asset_id: Option<Hash>) -> bool {
        self.token.is_none_or(|only| token == Some(only))
            && self.asset_id.is_none_or(|only| asset_id == Some(only))
    }

    pub(super) fn has_status(&self, claim: &Claim) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&claim.status)
    }
}
