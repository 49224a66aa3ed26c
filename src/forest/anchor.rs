//! Roots that a state vouches for: what a proof is verified against.

use std::fmt;

use super::Addresses;
use crate::{
    contracts::{Bridgehub, InteropRootStorage, MessageRoot, ZkChain, system},
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, Word},
    state::{StateError, StorageReader, slots::mapping_value},
};

/// A state as a witness of roots: of a settlement layer, which files its own roots and those of the
/// batches executed on it; of L1, which stores the roots of the batches executed there, a settlement
/// layer's among them; or of a chain that listens, which imported roots.
///
/// Looking a root up costs a few slots and rebuilds nothing: the trust is in the state.
#[derive(Debug)]
pub struct RootWitness<'s, S: ?Sized> {
    state: &'s S,
    addresses: Addresses,
    /// The chain at index 0 of MessageRoot, when there is one.
    own_chain: Option<ChainId>,
}

/// A root, and which variable of which contract holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The root.
    pub root: Hash,
    /// Who vouches for it.
    pub by: Voucher,
}

/// A variable that holds roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Voucher {
    /// MessageRoot's `historicalRoot`.
    HistoricalRoot(Address),
    /// MessageRoot's `chainBatchRoots` (since v31).
    ChainBatchRoots(Address),
    /// `l2LogsRootHashes` of a chain's diamond.
    LogsRootHashes(Address),
    /// L2InteropRootStorage's `interopRoots`.
    InteropRoots(Address),
}

impl fmt::Display for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HistoricalRoot(at) => write!(f, "historicalRoot of MessageRoot {at}"),
            Self::ChainBatchRoots(at) => write!(f, "chainBatchRoots of MessageRoot {at}"),
            Self::LogsRootHashes(at) => write!(f, "l2LogsRootHashes of diamond {at}"),
            Self::InteropRoots(at) => write!(f, "interopRoots of InteropRootStorage {at}"),
        }
    }
}

/// Who knows the roots of batches.
pub trait BatchRoots: Sync + fmt::Debug {
    /// The root of a chain's batch; `None` when it is not known.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    fn batch_root(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Hash>, StateError>;
}

impl<S: StorageReader + fmt::Debug + ?Sized> BatchRoots for RootWitness<'_, S> {
    fn batch_root(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Hash>, StateError> {
        Ok(self.of_batch(chain, batch)?.map(|vouched| vouched.root))
    }
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

    /// The root of a settlement layer under a number of which nothing says whether it is a block's or a
    /// batch's: as the contract that verifies a proof in this state would look it up, of a block where the
    /// layer's interop roots are, of a batch on L1.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn of_settlement_layer(
        &self,
        sl_chain: Word,
        number: u128,
    ) -> Result<Option<Vouched>, StateError> {
        match self.of_sl_block(sl_chain, number)? {
            Some(of_block) => Ok(Some(of_block)),
            None => self.of_sl_batch(sl_chain, number),
        }
    }

    /// The root of a settlement layer's block: the layer's own state has it, and chains import it.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn of_sl_block(&self, sl_chain: Word, block: u128) -> Result<Option<Vouched>, StateError> {
        let own = self.own_chain.is_some_and(|own| own.to_word() == sl_chain);
        if let (true, Ok(block)) = (own, u64::try_from(block)) {
            let message_root = MessageRoot::at(self.state, self.addresses.message_root);
            let root = message_root.historical_root(SlBlock(block))?;
            if !root.is_zero() {
                let by = Voucher::HistoricalRoot(message_root.address());
                return Ok(Some(Vouched { root, by }));
            }
        }
        self.imported(sl_chain, Word::join(0, block))
    }

    /// The root of a settlement layer's batch, which the layer that it settles on stores. What chains
    /// import of settlement layers are the roots of blocks.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn of_sl_batch(&self, sl_chain: Word, batch: u128) -> Result<Option<Vouched>, StateError> {
        match (ChainId::try_from(sl_chain), u64::try_from(batch)) {
            (Ok(chain), Ok(batch)) => self.stored(chain, BatchNumber(batch)),
            _ => Ok(None),
        }
    }

    /// The root of a chain's batch; `None` when the state has none.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn of_batch(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<Option<Vouched>, StateError> {
        match self.stored(chain, batch)? {
            Some(stored) => Ok(Some(stored)),
            None => self.imported(chain.to_word(), batch.to_word()),
        }
    }

    /// The root of a batch that was executed on this layer.
    fn stored(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Vouched>, StateError> {
        let message_root = MessageRoot::at(self.state, self.addresses.message_root);
        let at = message_root.address();
        let mut places = vec![(at, message_root.batch_roots(chain), Voucher::ChainBatchRoots(at))];
        let bridgehub = Bridgehub::at(self.state, self.addresses.bridgehub);
        places.extend(
            bridgehub
                .zk_chain(chain)?
                .map(|at| (at, ZkChain::<S>::batch_roots(), Voucher::LogsRootHashes(at))),
        );
        for (contract, mapping, by) in places {
            let root = self.state.read(contract, mapping_value(batch.to_word(), mapping))?;
            if !root.is_zero() {
                return Ok(Some(Vouched { root: root.to_hash(), by }));
            }
        }
        Ok(None)
    }

    /// Whether there is a MessageRoot in the state.
    #[must_use]
    pub fn is_settlement_layer(&self) -> bool {
        self.own_chain.is_some()
    }

    fn imported(&self, chain: Word, number: Word) -> Result<Option<Vouched>, StateError> {
        let storage = InteropRootStorage::at(self.state, system::INTEROP_ROOT_STORAGE);
        let root = storage.interop_root(chain, number)?;
        let by = Voucher::InteropRoots(system::INTEROP_ROOT_STORAGE);
        Ok((!root.is_zero()).then_some(Vouched { root, by }))
    }
}
