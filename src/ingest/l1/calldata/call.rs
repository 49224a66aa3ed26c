//! The calls that commit, execute and revert batches.
//!
//! | call | releases |
//! | --- | --- |
//! | `commitBatchesSharedBridge(uint256 chainId, uint256 from, uint256 to, bytes)` | v26 to v28 |
//! | `commitBatchesSharedBridge(address diamond, uint256, uint256, bytes)` | since v29 |
//! | `commitBatchesMultisig(address, uint256, uint256, bytes, address[], bytes[])` | since v30 |
//! | `executeBatchesSharedBridge` with the first four arguments of either | |
//! | `revertBatchesSharedBridge(uint256 or address, uint256 newLastBatch)` | |
//!
//! The calls go to ValidatorTimelock, one contract for all chains, which passes them on to the diamond of the chain.
//! So the first argument names the chain, not the contract that is called.
//!
//! Sources: era-contracts `ValidatorTimelock.sol`, v26 to v31; `MultisigCommitter.sol`, since v30.

use std::{fmt, sync::LazyLock};

use super::{CalldataError, CalldataProblem, abi::Abi};
use crate::{
    keccak::selector,
    primitives::{Address, ChainId, SlBatch},
};

/// How a call names the chain whose batches it commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChainName {
    /// By its id, up to v28.
    Id(ChainId),
    /// By the address of its diamond on L1, since v29.
    Diamond(Address),
}

impl fmt::Display for ChainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(chain) => write!(f, "chain {chain}"),
            Self::Diamond(diamond) => write!(f, "the diamond {diamond}"),
        }
    }
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It commits one batch.
    Commit,
    /// It executes batches.
    Execute,
    /// It reverts the batches after one.
    Revert,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "a commit",
            Self::Execute => "an execution",
            Self::Revert => "a revert",
        })
    }
}

/// The functions, each with whether its first argument is the id of a chain.
const FUNCTIONS: [(&str, Action, bool); 7] = [
    ("commitBatchesSharedBridge(uint256,uint256,uint256,bytes)", Action::Commit, true),
    ("commitBatchesSharedBridge(address,uint256,uint256,bytes)", Action::Commit, false),
    (
        "commitBatchesMultisig(address,uint256,uint256,bytes,address[],bytes[])",
        Action::Commit,
        false,
    ),
    ("executeBatchesSharedBridge(uint256,uint256,uint256,bytes)", Action::Execute, true),
    ("executeBatchesSharedBridge(address,uint256,uint256,bytes)", Action::Execute, false),
    ("revertBatchesSharedBridge(uint256,uint256)", Action::Revert, true),
    ("revertBatchesSharedBridge(address,uint256)", Action::Revert, false),
];

static SELECTORS: LazyLock<[[u8; 4]; FUNCTIONS.len()]> =
    LazyLock::new(|| FUNCTIONS.map(|(signature, ..)| selector(signature)));

/// Whether a text has the selector of one of the functions at the start of a quoted value, as in the calldata of a
/// transaction in JSON.
pub(in crate::ingest) fn has_quoted_selector(text: &[u8]) -> bool {
    let is_quoted = |start: &[u8]| {
        let digits = start.strip_prefix(b"0x").unwrap_or(start);
        let selector = digits.get(..8).and_then(|digits| const_hex::decode_to_array(digits).ok());
        selector.is_some_and(|selector| SELECTORS.contains(&selector))
    };
    text.split(|byte| *byte == b'"').any(is_quoted)
}

/// Whether calldata, which may be cut off, are those of an execution.
pub(super) fn is_execution(calldata: &[u8]) -> bool {
    let selector = calldata.first_chunk();
    let found = SELECTORS.iter().position(|known| Some(known) == selector);
    found.is_some_and(|found| FUNCTIONS[found].1 == Action::Execute)
}

/// A call, as its arguments describe it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'c> {
    pub(super) action: Action,
    pub(super) chain: ChainName,
    /// The first batch and the last; of a revert, the batch that stays the last, twice.
    pub(super) batches: (SlBatch, SlBatch),
    /// The data of a commit or of an execution.
    pub(super) data: Abi<'c>,
}

impl<'c> Call<'c> {
    /// The call that calldata consist of; `None` for other functions.
    pub(super) fn of(calldata: &'c [u8]) -> Option<(Action, Result<Self, CalldataError>)> {
        Self::at(calldata, 0)
    }

    /// The calls that are arguments of another call: from every byte on that begins as one does, if its arguments are
    /// those of one. At most [`MOST_NESTED`] are returned.
    pub(super) fn nested(calldata: &'c [u8]) -> impl Iterator<Item = Self> {
        let windows = calldata.windows(4).enumerate().skip(1);
        let starts = windows.filter(|(_, bytes)| SELECTORS.iter().any(|known| known == bytes));
        let calls = starts.filter_map(move |(at, _)| Self::at(calldata, at)?.1.ok());
        calls.take(MOST_NESTED)
    }

    fn at(calldata: &'c [u8], at: usize) -> Option<(Action, Result<Self, CalldataError>)> {
        let selector: &[u8; 4] = calldata.get(at..)?.first_chunk()?;
        let found = SELECTORS.iter().position(|known| known == selector)?;
        let (_, action, names_id) = FUNCTIONS[found];
        Some((action, Self::arguments(Abi::new(calldata, at + 4), action, names_id)))
    }

    fn arguments(
        arguments: Abi<'c>,
        action: Action,
        names_id: bool,
    ) -> Result<Self, CalldataError> {
        let chain = if names_id {
            ChainName::Id(ChainId(arguments.number(0, "the chain id")?))
        } else {
            ChainName::Diamond(arguments.address(0, "the address of the diamond")?)
        };
        let first = SlBatch(arguments.number(1, "the number of a batch")?);
        if action == Action::Revert {
            return Ok(Self { action, chain, batches: (first, first), data: arguments });
        }
        let what = "the number of the last batch";
        let last = SlBatch(arguments.number(2, what)?);
        if last < first {
            let problem = CalldataProblem::OtherBatch { found: last, named: first };
            return Err(arguments.bad(2, what, problem));
        }
        let data = arguments.bytes(3, "the data of the batches")?;
        Ok(Self { action, chain, batches: (first, last), data })
    }
}

/// The most calls that are looked for in one transaction.
const MOST_NESTED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_those_of_the_contracts() {
        // As in the deployed contracts and in the transactions of the vectors.
        let expected = [
            [0x98, 0xf8, 0x19, 0x62],
            [0x0d, 0xb9, 0xeb, 0x87],
            [0x09, 0x13, 0x14, 0x8a],
            [0xcf, 0x02, 0x82, 0x7d],
            [0xa0, 0x85, 0x34, 0x4d],
            [0x0f, 0x23, 0xda, 0x43],
            [0x7c, 0xa4, 0xef, 0xf7],
        ];
        assert_eq!(*SELECTORS, expected);
    }
}
