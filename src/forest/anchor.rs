//! Roots that a state vouches for: what a proof is verified against.

use super::Addresses;
use crate::{
    contracts::{Bridgehub, InteropRootStorage, MessageRoot, ZkChain, system},
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Word},
    state::{StateError, StorageReader, slots::mapping_value},
};

/// A state as a witness of roots: of a settlement layer, which files its own roots and those of the
/// batches executed on it, or of a chain that listens, which imported them.
///
/// Looking a root up costs a few slots and rebuilds nothing: the trust is in the state.
#[derive(Debug)]
pub struct RootWitness<'s, S: ?Sized> {
    state: &'s S,
    addresses: Addresses,
    /// The chain at index 0 of MessageRoot, when this is a settlement layer.
    own_chain: Option<ChainId>,
}

impl<'s, S: StorageReader + ?Sized> RootWitness<'s, S> {
    /// The roots in this state.
    ///
    /// # Errors
    /// [`StateError`] when MessageRoot holds what it cannot.
    pub fn new(state: &'s S, addresses: Addresses) -> Result<Self, StateError> {
        let message_root = MessageRoot::at(state, addresses.message_root);
        let own_chain = match message_root.chain_count()? {
            0 => None,
            _ => Some(message_root.chain_at(0)?),
        };
        Ok(Self { state, addresses, own_chain })
    }

    /// The interop root of a settlement layer's block; `None` when the state has none.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn block_root(&self, sl_chain: Word, block: u128) -> Result<Option<Hash>, StateError> {
        if self.own_chain.is_some_and(|own| own.to_word() == sl_chain) {
            let Ok(block) = u64::try_from(block) else { return Ok(None) };
            let root = MessageRoot::at(self.state, self.addresses.message_root)
                .historical_root(SlBlock(block))?;
            if !root.is_zero() {
                return Ok(Some(root));
            }
        }
        self.imported_root(sl_chain, Word::join(0, block))
    }

    /// The root of a chain's batch; `None` when the state has none.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn batch_root(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<Option<Hash>, StateError> {
        let message_root = MessageRoot::at(self.state, self.addresses.message_root);
        let mut places = vec![(message_root.address(), message_root.batch_roots(chain))];
        let bridgehub = Bridgehub::at(self.state, self.addresses.bridgehub);
        places.extend(bridgehub.zk_chain(chain)?.map(|at| (at, ZkChain::<S>::batch_roots())));
        for (contract, mapping) in places {
            let root = self.state.read(contract, mapping_value(batch.to_word(), mapping))?;
            if !root.is_zero() {
                return Ok(Some(root.to_hash()));
            }
        }
        self.imported_root(chain.to_word(), batch.to_word())
    }

    /// Whether the state holds any of the contracts that vouch for roots.
    #[must_use]
    pub fn is_settlement_layer(&self) -> bool {
        self.own_chain.is_some()
    }

    fn imported_root(&self, chain: Word, number: Word) -> Result<Option<Hash>, StateError> {
        let storage = InteropRootStorage::at(self.state, system::INTEROP_ROOT_STORAGE);
        let root = storage.interop_root(chain, number)?;
        Ok((!root.is_zero()).then_some(root))
    }
}
