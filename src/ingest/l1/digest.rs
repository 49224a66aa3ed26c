use super::{
    BatchCall, ChainName, CommitInfo, DaInput, DamagedCall, Effect, StoredBatchInfo, rows::Row,
};
use crate::{
    keccak::keccak256,
    primitives::{Hash, SlBatch},
};

/// What is kept of a row: everything but the calldata.
#[derive(Debug)]
pub(super) struct Digest {
    /// The row without its calldata.
    pub(super) row: Row,
    pub(super) calls: Calls,
}

/// The calls of a transaction.
#[derive(Debug)]
pub(super) enum Calls {
    /// The row is a receipt.
    None,
    /// The file has no calldata.
    NoCalldata,
    /// Another function, without calls among its arguments.
    Other,
    /// A call that cannot be decoded.
    Damaged(DamagedCall),
    /// The transaction is the call, or has calls among the arguments of another function.
    Found { calldata_hash: Hash, is_nested: bool, calls: Vec<(ChainName, FoundEffect<Vec<u8>>)> },
}

/// What a call does, with the pubdata of a commit in the form `P`.
#[derive(Debug)]
pub(super) enum FoundEffect<P> {
    Commit(Box<FoundCommit<P>>),
    Execute(Vec<StoredBatchInfo>),
    RevertAfter(SlBatch),
}

/// A commit that is not judged yet.
#[derive(Clone, Debug)]
pub(super) struct FoundCommit<P> {
    pub(super) previous: StoredBatchInfo,
    pub(super) info: CommitInfo,
    pub(super) data: DaInput<P>,
}

impl Digest {
    pub(super) fn of(mut row: Row) -> Self {
        let calls = match row.calldata.take() {
            None if row.lacks_calldata => Calls::NoCalldata,
            None => Calls::None,
            Some(calldata) => Calls::of(&calldata),
        };
        Self { row, calls }
    }
}

impl Calls {
    fn of(calldata: &[u8]) -> Self {
        let owned = |call: BatchCall<'_>| (call.chain, FoundEffect::of(call.effect));
        let calldata_hash = || keccak256(calldata);
        match BatchCall::decode(calldata) {
            Some(Ok(call)) => Self::Found {
                calldata_hash: calldata_hash(),
                is_nested: false,
                calls: vec![owned(call)],
            },
            Some(Err(damaged)) => Self::Damaged(damaged),
            None => {
                let calls: Vec<_> = BatchCall::nested(calldata).map(owned).collect();
                if calls.is_empty() {
                    return Self::Other;
                }
                Self::Found { calldata_hash: calldata_hash(), is_nested: true, calls }
            }
        }
    }
}

impl FoundEffect<Vec<u8>> {
    fn of(effect: Effect<'_>) -> Self {
        match effect {
            Effect::Commit(commit) => {
                let data = commit.data.map(|pubdata| pubdata.to_vec());
                let (previous, info) = (commit.previous, commit.info);
                Self::Commit(Box::new(FoundCommit { previous, info, data }))
            }
            Effect::Execute(batches) => Self::Execute(batches),
            Effect::RevertAfter(batch) => Self::RevertAfter(batch),
        }
    }
}
