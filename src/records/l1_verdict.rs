use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{TrustedRoots, judge::or_damaged};
use crate::{
    anchor::KnownRoots,
    primitives::{Hash, SlBlock},
    proof::{
        Failure, no_hints,
        reader::{Item, RecordError},
    },
};

/// What a state of L1 says of a proof: whether its contracts accept it. Whoever reads it trusts the state, and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct L1Verdict {
    /// Whether they accept it; null if it cannot be judged.
    pub valid: Option<bool>,
    /// The contract and the variable that hold the root of a proof that they accept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
    /// The block of L1 that the state is of, if the state says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<SlBlock>,
    /// Its hash, if slots were proven for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_hash: Option<Hash>,
    /// Why they refuse it, or why it cannot be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

impl L1Verdict {
    /// The verdict on what was read. `None` if it is no proof, but the record of a failed request.
    pub(crate) fn of(
        roots: Arc<KnownRoots>,
        block_hash: Option<Hash>,
        item: Result<Item, RecordError>,
    ) -> Option<Self> {
        let block = roots.state().block();
        let roots = TrustedRoots::State(roots);
        let (verdict, location) = match item {
            Ok(Item::Proof(record, log)) => or_damaged(roots.judge(&record, &log)),
            Ok(Item::Leaf(record)) => or_damaged(roots.judge_leaf(&record)),
            Ok(Item::Failure) => return None,
            Err(error) => (error.into(), None),
        };
        Some(Self {
            valid: verdict.validity(),
            anchor: location.filter(|_| verdict.validity() == Some(true)).map(|at| at.to_string()),
            block,
            block_hash,
            error: verdict.reason().map(|reason| Failure::of(reason.code(), reason, no_hints)),
        })
    }
}
