use crate::{
    contracts::{Release, system},
    primitives::{Address, ChainId, SlBlock},
};

/// The addresses of the contracts. The default is the system contracts of a ZKsync settlement layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Bridgehub.
    pub bridgehub: Address,
    /// MessageRoot.
    pub message_root: Address,
}

impl Default for Addresses {
    fn default() -> Self {
        Self { bridgehub: system::BRIDGEHUB, message_root: system::MESSAGE_ROOT }
    }
}

/// Options of [`rebuild`](super::rebuild) and [`rebuild_from_events`](super::rebuild_from_events).
#[derive(Clone, Copy, Debug)]
pub struct RebuildOptions {
    /// The addresses of the contracts.
    pub addresses: Addresses,
    /// The release of the contracts. `None` detects it from the state.
    pub release: Option<Release>,
    /// The expected chain id of the settlement layer. Another id in the state is an error.
    pub sl_chain: Option<ChainId>,
    /// The block of the state, if the dump does not contain it.
    pub last_block: Option<SlBlock>,
    /// The maximum number of batches that a chain executed elsewhere between those of this settlement layer,
    /// over all gaps together. All chains together may have as many, or 1,024 for each slot of the state if that is
    /// more. Events have no such limit.
    pub max_gap: u64,
    /// The maximum number of hashes, of 32 bytes each, that [`rebuild`](super::rebuild) keeps in memory. A batch
    /// takes two.
    pub most_in_memory: usize,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self {
            addresses: Addresses::default(),
            release: None,
            sl_chain: None,
            last_block: None,
            max_gap: 1 << 22,
            most_in_memory: 24 << 20,
        }
    }
}
