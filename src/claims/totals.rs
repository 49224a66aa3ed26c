//! The totals of a job, by token.

use std::collections::BTreeMap;

use alloy_primitives::U512;
use serde::{Serialize, Serializer, ser::SerializeMap};

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
    /// The chain where the token is, if that is not L1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_chain_id: Option<ChainId>,
    /// The chain whose base token it is, where the asset id is not known.
    pub base_token_of: Option<ChainId>,
}

impl Token {
    fn of(claim: &Claim) -> Self {
        let is_base = claim.kind == ClaimKind::BaseToken && claim.asset_id.is_none();
        let base_token_of = is_base.then_some(claim.chain_id);
        let Claim { asset_id, token, token_chain_id, .. } = *claim;
        Self { asset_id, token, token_chain_id, base_token_of }
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
    left_out: u64,
}

impl Totals {
    /// No claims, of an archive of which so many parts were left out.
    pub(super) fn without(left_out: u64) -> Self {
        Self { left_out, ..Self::default() }
    }

    /// The totals of some claims.
    pub(super) fn of(claims: &[Claim]) -> Self {
        let mut totals = Self::default();
        for claim in claims {
            *totals.by_status.entry(claim.status).or_default() += 1;
            if ClaimKind::WITHDRAWALS.contains(&claim.kind) {
                let of_token = totals.tokens.entry(Token::of(claim)).or_default();
                of_token.entry(claim.status).or_default().add(claim);
            }
        }
        totals
    }

    /// Adds the totals of the next claims. The result depends only on their order.
    pub(super) fn add(&mut self, next: Self) {
        for (status, claims) in next.by_status {
            *self.by_status.entry(status).or_default() += claims;
        }
        for (token, by_status) in next.tokens {
            if self.tokens.len() >= MOST_TOKENS && !self.tokens.contains_key(&token) {
                self.others += by_status.values().map(|total| total.claims).sum::<u64>();
                continue;
            }
            let of_token = self.tokens.entry(token).or_default();
            for (status, total) in by_status {
                let sum = of_token.entry(status).or_default();
                sum.claims += total.claims;
                sum.amount += total.amount;
            }
        }
    }

    /// The number of claims.
    #[must_use]
    pub fn claims(&self) -> u64 {
        self.by_status.values().sum()
    }

    /// The number of claims with this status.
    #[must_use]
    pub fn with_status(&self, status: Status) -> u64 {
        self.by_status.get(&status).copied().unwrap_or_default()
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

    /// The number of parts that were left out of the archive, in which there may be further claims
    /// ([`Messages::skipped`](crate::prove::Messages::skipped)).
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// An object with `claims`, the number of claims with each status, `tokens`, `ofOtherTokens` and `leftOut`.
impl Serialize for Totals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("claims", &self.claims())?;
        for status in Status::ALL {
            object.serialize_entry(status.name(), &self.with_status(status))?;
        }
        object.serialize_entry("tokens", &self.tokens().collect::<Vec<_>>())?;
        object.serialize_entry("ofOtherTokens", &self.of_other_tokens())?;
        object.serialize_entry("leftOut", &self.left_out())?;
        object.end()
    }
}
