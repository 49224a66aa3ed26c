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

use std::sync::LazyLock;

use crate::{
    keccak::keccak256,
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Word, WordTooLarge},
};

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

struct Signatures {
    added_chain: Hash,
    appended_batch: Hash,
    new_interop_root: Hash,
}

static SIGNATURES: LazyLock<Signatures> = LazyLock::new(|| Signatures {
    added_chain: keccak256(b"AddedChain(uint256,uint256)"),
    appended_batch: keccak256(b"AppendedChainBatchRoot(uint256,uint256,bytes32)"),
    new_interop_root: keccak256(b"NewInteropRoot(uint256,uint256,uint256,bytes32[])"),
});

impl EventKind {
    /// Decodes the topics of an event; `None` for other events.
    ///
    /// # Errors
    /// [`WordTooLarge`] when a number is wider than 64 bits.
    pub fn from_topics(topics: &[Word]) -> Result<Option<Self>, WordTooLarge> {
        let known = &*SIGNATURES;
        Ok(match topics {
            [signature, chain, index] if signature.to_hash() == known.added_chain => {
                Some(Self::AddedChain(ChainId::try_from(*chain)?, index.to_u64()?))
            }
            [signature, chain, batch] if signature.to_hash() == known.appended_batch => {
                let batch = BatchNumber::try_from(*batch)?;
                Some(Self::AppendedBatch(ChainId::try_from(*chain)?, batch))
            }
            [signature, ..] if signature.to_hash() == known.new_interop_root => {
                Some(Self::NewInteropRoot)
            }
            _ => None,
        })
    }
}
