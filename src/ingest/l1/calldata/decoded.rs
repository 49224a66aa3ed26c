use super::{Action, Call, CalldataError, ChainName, Commit, StoredBatchInfo, executed};
use crate::primitives::SlBatch;

/// A call that commits, executes or reverts batches of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchCall<'c> {
    /// The chain, as the call names it.
    pub chain: ChainName,
    /// What the call does.
    pub effect: Effect<'c>,
}

/// What a call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<'c> {
    /// It commits a batch.
    Commit(Box<Commit<'c>>),
    /// It executes batches, in ascending order without gaps.
    Execute(Vec<StoredBatchInfo>),
    /// It reverts all batches after this one.
    RevertAfter(SlBatch),
}

/// A call of one of the functions whose calldata are damaged or not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedCall {
    /// What the function does.
    pub action: Action,
    /// The chain and the first batch, if the arguments could be read.
    pub batch: Option<(ChainName, SlBatch)>,
    /// What is wrong.
    pub error: CalldataError,
}

impl<'c> BatchCall<'c> {
    /// Decodes the calldata of a transaction. `None` for other functions.
    #[must_use]
    pub fn decode(calldata: &'c [u8]) -> Option<Result<Self, DamagedCall>> {
        let (action, call) = Call::of(calldata)?;
        let damaged = |error| DamagedCall { action, batch: None, error };
        Some(call.map_err(damaged).and_then(|call| {
            let batch = Some((call.chain, call.batches.0));
            Self::of(&call).map_err(|error| DamagedCall { action, batch, error })
        }))
    }

    /// Finds calls among the arguments of another function, by the bytes alone: whatever does not decode is none. At
    /// most 64 are looked at.
    pub fn nested(calldata: &'c [u8]) -> impl Iterator<Item = Self> {
        Call::nested(calldata).filter_map(|call| Self::of(&call).ok())
    }

    fn of(call: &Call<'c>) -> Result<Self, CalldataError> {
        let effect = match call.action {
            Action::Commit => Effect::Commit(Box::new(Commit::of(call)?)),
            Action::Execute => Effect::Execute(executed(call)?),
            Action::Revert => Effect::RevertAfter(call.batches.0),
        };
        Ok(Self { chain: call.chain, effect })
    }
}
