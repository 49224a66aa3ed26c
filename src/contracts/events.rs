//! The events of MessageRoot.
//!
//! | event | topics after the signature | data |
//! | --- | --- | --- |
//! | `AddedChain` | chain id, chain index | – |
//! | `AppendedChainBatchRoot` | chain id, batch number | batch root |
//! | `NewChainRoot` | chain id | chain root ‖ chain-id leaf |
//! | `NewInteropRoot` | chain id of the settlement layer, block, log id | `sides` (bytes32[]): the shared root |
//! | `AppendedChainBatchRoot` since v33 | chain id, batch number | batch root ‖ timestamp of the block |
//! | `NewInteropRoot` since v33 | as above | timestamp of the block ‖ `sides` |
//!
//! An append emits the last three in this order, in one call. `updateFullTree` (v29, v30) and registrations
//! (since v31) also emit `NewInteropRoot`. Its log id is 0 before v31; since then it grows by one from each block
//! with a root to the next. v26 to v28 emit only the first three events.
//!
//! L1 emits appends since v33 only.
//!
//! Sources: era-contracts `MessageRoot.sol` (v26 to v29); `MessageRootBase.sol` and `L2MessageRoot.sol` (v31 and v33).

use std::fmt;

use alloy_primitives::{B256, U256};
use alloy_sol_types::SolEvent;
use thiserror::Error;

use super::abi::{AddedChain, AppendedChainBatchRoot, NewChainRoot, NewInteropRoot, since_v33};
use crate::primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp, Word, WordTooLarge};

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

/// The kind and the content of an event of MessageRoot. Roots are `None` if the source has only the topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A chain was registered at an index of the shared tree.
    AddedChain(ChainId, u64),
    /// A batch root was appended to a chain's tree, since v33 with the timestamp of the block.
    AppendedBatch(ChainId, BatchNumber, Option<Hash>, Option<Timestamp>),
    /// The root of a chain's tree after an append.
    NewChainRoot(ChainId, Option<Hash>),
    /// The shared root was stored under the block.
    NewInteropRoot(Option<NewInteropRootData>),
}

/// The content of `NewInteropRoot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewInteropRootData {
    /// The settlement layer.
    pub sl_chain: ChainId,
    /// The block of the root. A real event is emitted in this block.
    pub block: SlBlock,
    /// The log id.
    pub log_id: u64,
    /// The shared root.
    pub root: Hash,
    /// The timestamp of the block (since v33).
    pub timestamp: Option<Timestamp>,
}

/// Why a log is not a valid event of MessageRoot.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventError {
    /// A number is wider than 64 bits.
    #[error(transparent)]
    Number(#[from] WordTooLarge),
    /// The data of an event do not decode.
    #[error("the data of {event}, of {len} bytes, are not valid")]
    Data {
        /// The event.
        event: &'static str,
        /// The length of the data.
        len: usize,
    },
}

impl EventKind {
    /// Whether no event of the same contract can be before it, because it is the first registration. The contract
    /// registers the settlement layer itself at index 0 when it is initialized, sometimes without an event.
    #[must_use]
    pub fn is_first_registration(&self) -> bool {
        matches!(self, Self::AddedChain(_, 0 | 1))
    }

    /// Decodes an event; `None` for other events. `data` is `None` if the source has only the topics.
    ///
    /// # Errors
    /// [`EventError`] when a number is wider than 64 bits, or when the data do not decode.
    pub fn decode(topics: &[Word], data: Option<&[u8]>) -> Result<Option<Self>, EventError> {
        let is = |topic: &Word, signature: B256| *topic.as_bytes() == signature.0;
        Ok(match topics {
            [signature, chain, index] if is(signature, AddedChain::SIGNATURE_HASH) => {
                Some(Self::AddedChain(ChainId::try_from(*chain)?, index.to_u64()?))
            }
            [signature, chain, batch] if is(signature, AppendedChainBatchRoot::SIGNATURE_HASH) => {
                let root = decoded(
                    data,
                    AppendedChainBatchRoot::abi_decode_data_validate,
                    "AppendedChainBatchRoot",
                )?;
                let batch = BatchNumber::try_from(*batch)?;
                let root = root.map(|(root,)| Hash::new(root.0));
                Some(Self::AppendedBatch(ChainId::try_from(*chain)?, batch, root, None))
            }
            [signature, chain, batch]
                if is(signature, since_v33::AppendedChainBatchRoot::SIGNATURE_HASH) =>
            {
                let (chain, batch) = (ChainId::try_from(*chain)?, BatchNumber::try_from(*batch)?);
                let decode = since_v33::AppendedChainBatchRoot::abi_decode_data_validate;
                let (root, timestamp) = match decoded(data, decode, "AppendedChainBatchRoot")? {
                    Some((root, timestamp)) => (Some(Hash::new(root.0)), Some(seconds(timestamp)?)),
                    None => (None, None),
                };
                Some(Self::AppendedBatch(chain, batch, root, timestamp))
            }
            [signature, chain] if is(signature, NewChainRoot::SIGNATURE_HASH) => {
                let roots = decoded(data, NewChainRoot::abi_decode_data_validate, "NewChainRoot")?;
                let root = roots.map(|(root, _)| Hash::new(root.0));
                Some(Self::NewChainRoot(ChainId::try_from(*chain)?, root))
            }
            [signature, chain, block, log_id] if is(signature, NewInteropRoot::SIGNATURE_HASH) => {
                let sides =
                    decoded(data, NewInteropRoot::abi_decode_data_validate, "NewInteropRoot")?;
                let sides = sides.map(|(sides,)| (sides, None));
                Some(Self::interop_root([chain, block, log_id], data, sides)?)
            }
            [signature, chain, block, log_id]
                if is(signature, since_v33::NewInteropRoot::SIGNATURE_HASH) =>
            {
                let decode = since_v33::NewInteropRoot::abi_decode_data_validate;
                let content = decoded(data, decode, "NewInteropRoot")?;
                let timed =
                    |(timestamp, sides)| Ok::<_, WordTooLarge>((sides, Some(seconds(timestamp)?)));
                let sides = content.map(timed).transpose()?;
                Some(Self::interop_root([chain, block, log_id], data, sides)?)
            }
            _ => None,
        })
    }

    /// `NewInteropRoot` with these topics, and this content if the source has it.
    fn interop_root(
        [chain, block, log_id]: [&Word; 3],
        data: Option<&[u8]>,
        content: Option<(Vec<B256>, Option<Timestamp>)>,
    ) -> Result<Self, EventError> {
        let (sl_chain, block) = (ChainId::try_from(*chain)?, SlBlock(block.to_u64()?));
        let log_id = log_id.to_u64()?;
        let root = content.map(|(sides, timestamp)| match sides[..] {
            [root] => {
                let root = Hash::new(root.0);
                Ok(NewInteropRootData { sl_chain, block, log_id, root, timestamp })
            }
            _ => Err(bad("NewInteropRoot", data.unwrap_or_default())),
        });
        Ok(Self::NewInteropRoot(root.transpose()?))
    }

    /// The first topics of these events, which identify them.
    #[must_use]
    pub fn signatures() -> [Hash; 6] {
        [
            AddedChain::SIGNATURE_HASH,
            AppendedChainBatchRoot::SIGNATURE_HASH,
            NewChainRoot::SIGNATURE_HASH,
            NewInteropRoot::SIGNATURE_HASH,
            since_v33::AppendedChainBatchRoot::SIGNATURE_HASH,
            since_v33::NewInteropRoot::SIGNATURE_HASH,
        ]
        .map(|signature| Hash::new(signature.0))
    }

    /// The name of the event.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddedChain(..) => "AddedChain",
            Self::AppendedBatch(..) => "AppendedChainBatchRoot",
            Self::NewChainRoot(..) => "NewChainRoot",
            Self::NewInteropRoot(_) => "NewInteropRoot",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let root = match *self {
            Self::AddedChain(chain, index) => {
                return write!(f, "{name} of chain {chain} at index {index}");
            }
            Self::AppendedBatch(chain, batch, root, _) => {
                write!(f, "{name} of batch {batch} of chain {chain}")?;
                root
            }
            Self::NewChainRoot(chain, root) => {
                write!(f, "{name} of chain {chain}")?;
                root
            }
            Self::NewInteropRoot(data) => {
                f.write_str(name)?;
                data.map(|data| data.root)
            }
        };
        root.map_or(Ok(()), |root| write!(f, " with root {root}"))
    }
}

fn decoded<T>(
    data: Option<&[u8]>,
    decode: impl Fn(&[u8]) -> alloy_sol_types::Result<T>,
    event: &'static str,
) -> Result<Option<T>, EventError> {
    data.map(|data| decode(data).map_err(|_| bad(event, data))).transpose()
}

fn seconds(timestamp: U256) -> Result<Timestamp, WordTooLarge> {
    Timestamp::try_from(Word::new(timestamp.to_be_bytes()))
}

fn bad(event: &'static str, data: &[u8]) -> EventError {
    EventError::Data { event, len: data.len() }
}
