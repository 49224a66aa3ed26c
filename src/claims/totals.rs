//! The totals of a job, by token.

use std::collections::BTreeMap;

use alloy_primitives::U512;
use serde::{Serialize, Serializer};

use super::{Claim, ClaimKind, Status, claim::decimal};
use crate::primitives::{Address, ChainId, Hash};

/// The maximum number of tokens with totals of their own. Everybody can send messages with invented tokens, so
/// their number has no other bound.
const MOST_TOKENS: usize = 1 << 16;

/// The number of claims with a status, and the sum of their amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// The number.
    pub claims: u64,
    /// The sum of the known amounts in the token's smallest unit, written as a decimal string. A sum of many
    /// amounts of 256 bits may be wider.
    #[serde(serialize_with = "as_decimal")]
    pub amount: U512,
}

fn as_decimal<S: Serializer>(amount: &U512, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&amount.to_string())
}

impl Total {
    fn add(&mut self, claim: &Claim) {
        self.claims += 1;
        // 2^256 amounts of 256 bits fit.
        self.amount += claim.amount.map(|amount| U512::from(decimal(amount))).unwrap_or_default();
    }
}

/// What the amounts of claims are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The asset id, as far as it is known.
    pub asset_id: Option<Hash>,
    /// The token.
    pub token: Option<Address>,
    /// The chain whose base token it is, where the asset id is not known.
    pub base_token_of: Option<ChainId>,
}

impl Token {
    fn of(claim: &Claim) -> Self {
        let is_base = claim.kind == ClaimKind::BaseToken && claim.asset_id.is_none();
        let base_token_of = is_base.then_some(claim.chain_id);
        Self { asset_id: claim.asset_id, token: claim.token, base_token_of }
    }
}

/// The totals of one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenTotals {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// The totals by status.
    #[serde(flatten)]
    pub by_status: BTreeMap<Status, Total>,
}

/// The totals of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    by_status: BTreeMap<Status, u64>,
    tokens: BTreeMap<Token, BTreeMap<Status, Total>>,
    others: u64,
}

impl Totals {
    pub(super) fn add(&mut self, claim: &Claim) {
        *self.by_status.entry(claim.status).or_default() += 1;
        if !ClaimKind::WITHDRAWALS.contains(&claim.kind) {
            return;
        }
        let token = Token::of(claim);
        if self.tokens.len() >= MOST_TOKENS && !self.tokens.contains_key(&token) {
            self.others += 1;
            return;
        }
        self.tokens.entry(token).or_default().entry(claim.status).or_default().add(claim);
    }

    /// The number of claims.
    #[must_use]
    pub fn claims(&self) -> u64 {
        self.by_status.values().sum()
    }

    /// The number of claims with each status.
    #[must_use]
    pub fn by_status(&self) -> &BTreeMap<Status, u64> {
        &self.by_status
    }

    /// The totals of each token, in the order of the tokens.
    pub fn tokens(&self) -> impl Iterator<Item = TokenTotals> + '_ {
        self.tokens
            .iter()
            .map(|(token, by_status)| TokenTotals { token: *token, by_status: by_status.clone() })
    }

    /// The number of withdrawals of further tokens, beyond the first 65,536 that occur.
    #[must_use]
    pub fn of_other_tokens(&self) -> u64 {
        self.others
    }
}
