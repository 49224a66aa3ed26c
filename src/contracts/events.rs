//! The events of MessageRoot.
//!
//! | event | topics after the signature | data |
//! | --- | --- | --- |
//! | `AddedChain` | chain id, chain index | – |
//! | `AppendedChainBatchRoot` | chain id, batch number | batch root |
//! | `NewInteropRoot` | chain id of the settlement layer, block, log id | `sides` (bytes32[]) |
//!
//! Source: era-contracts `IMessageRoot.sol`, v29 to v31; v26 to v28 emit the first two. A fourth event,
//! `NewChainRoot`, adds nothing to these.

use alloy_primitives::B256;
use alloy_sol_types::SolEvent;

use super::abi::{AddedChain, AppendedChainBatchRoot, NewInteropRoot};
use crate::primitives::{BatchNumber, ChainId, SlBlock, Word, WordTooLarge};

/// An event of MessageRoot, and where it was emitted. The order is the order of emission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageRootEvent {
    /// The settlement layer's block.
    pub block: SlBlock,
    /// The log's index in the block.
    pub log_index: u64,
    /// The content.
    pub kind: EventKind,
}

/// The content of an event of MessageRoot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A chain was registered at an index of the shared tree.
    AddedChain(ChainId, u64),
    /// A batch root was appended to a chain's tree.
    AppendedBatch(ChainId, BatchNumber),
    /// The shared root was stored under the block.
    NewInteropRoot,
}

impl EventKind {
    /// Decodes the topics of an event; `None` for other events.
    ///
    /// # Errors
    /// [`WordTooLarge`] when a number is wider than 64 bits.
    pub fn from_topics(topics: &[Word]) -> Result<Option<Self>, WordTooLarge> {
        let is = |topic: &Word, signature: B256| *topic.as_bytes() == signature.0;
        Ok(match topics {
            [signature, chain, index] if is(signature, AddedChain::SIGNATURE_HASH) => {
                Some(Self::AddedChain(ChainId::try_from(*chain)?, index.to_u64()?))
            }
            [signature, chain, batch] if is(signature, AppendedChainBatchRoot::SIGNATURE_HASH) => {
                let batch = BatchNumber::try_from(*batch)?;
                Some(Self::AppendedBatch(ChainId::try_from(*chain)?, batch))
            }
            [signature, ..] if is(signature, NewInteropRoot::SIGNATURE_HASH) => {
                Some(Self::NewInteropRoot)
            }
            _ => None,
        })
    }
}
