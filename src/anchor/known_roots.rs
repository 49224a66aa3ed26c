//! The rules by which the contracts in a state accept a root.

use std::{fmt, sync::Arc};

use super::{
    Answer, KnownRoot, Lacking, Refusal, RootLocation,
    rules::{NOT_UPGRADED, Rules},
};
use crate::{
    contracts::{
        Bridgehub, InteropRootStorage, L1ChainAssetHandler, MessageRoot, SettledOn, ZkChain, system,
    },
    forest::Addresses,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, Word},
    proof::{RootQuery, verify::RootRef},
    state::{StateError, StorageReader},
};

/// The roots in a state of a settlement layer, of L1, or of a chain that imported roots.
///
/// A lookup reads a few slots and rebuilds nothing: the state is trusted. The state may be owned or borrowed.
#[derive(Debug)]
pub struct KnownRoots<S = Arc<dyn StorageReader>> {
    pub(super) state: S,
    addresses: Addresses,
    /// The chain at index 0 of MessageRoot, if there is one.
    own_chain: Option<ChainId>,
    pub(super) rules: Rules,
}

/// Checks whether L1 accepts a proof of a batch through a batch of a settlement layer.
pub trait SettlementCheck: Send + Sync + fmt::Debug {
    /// `None` if L1 accepts it, otherwise the answer that refuses it. `is_timed` says whether the proof has the
    /// timestamp of the batch, as those since v33 have.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    fn objection(
        &self,
        of: (ChainId, BatchNumber),
        through: (ChainId, u64),
        is_timed: bool,
    ) -> Result<Option<Answer>, StateError>;
}

impl<S: StorageReader> SettlementCheck for KnownRoots<S> {
    fn objection(
        &self,
        (chain, batch): (ChainId, BatchNumber),
        (sl_chain, sl_batch): (ChainId, u64),
        is_timed: bool,
    ) -> Result<Option<Answer>, StateError> {
        let number = sl_batch.into();
        if let Some(objection) =
            self.settlement_objection(chain, batch, sl_chain.to_word(), number)?
        {
            return Ok(Some(objection));
        }
        Ok(self.objection_to_release(self.shows_timestamps()?, is_timed))
    }
}

impl<S: StorageReader> KnownRoots<S> {
    /// The roots in this state, with its contracts at these addresses.
    ///
    /// # Errors
    /// [`StateError`] if a slot of MessageRoot or Bridgehub holds an invalid value.
    pub fn new(state: S, addresses: Addresses) -> Result<Self, StateError> {
        let message_root = MessageRoot::at(&state, addresses.message_root);
        let rules = Rules::of(&state, &addresses)?;
        let own_chain = match message_root.chain_count()? {
            0 => None,
            _ => Some(message_root.chain_at(0)?),
        };
        Ok(Self { state, addresses, own_chain, rules })
    }

    /// Whether this is the state of L1: its contracts are proxies, and not at the system addresses of
    /// ZKsync chains.
    fn is_l1(&self) -> bool {
        let Addresses { bridgehub, message_root } = self.addresses;
        bridgehub != system::BRIDGEHUB || message_root != system::MESSAGE_ROOT
    }

    /// The state.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Whether the contracts are of v31.
    #[must_use]
    pub fn is_v31(&self) -> bool {
        self.rules != Rules::Diamonds
    }

    /// The contract of L1 without which the state shows nothing, if it is not in the state. `None` also if slots
    /// that show it are not proven.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    pub fn lacking(&self) -> Result<Option<Lacking>, StateError> {
        if let Some(lacking) = self.lacks_rules() {
            return Ok(Some(lacking));
        }
        match self.bridgehub().is_set_up() {
            Ok(true) | Err(StateError::NotProven { .. }) => Ok(None),
            Ok(false) => Ok(Some(Lacking::Bridgehub(self.addresses.bridgehub))),
            Err(error) => Err(error),
        }
    }

    /// What is lacking for every answer about MessageRoot and the diamonds.
    fn lacks_rules(&self) -> Option<Lacking> {
        match self.rules {
            Rules::NoMessageRoot => Some(Lacking::MessageRoot(self.addresses.message_root)),
            Rules::Unknown(lacking) => Some(lacking),
            Rules::Diamonds | Rules::L1MessageRoot | Rules::L2MessageRoot => None,
        }
    }

    /// What is lacking for every answer, because the release of the state is not known.
    pub(super) fn lacks_release(&self) -> Option<Answer> {
        match self.rules {
            Rules::Unknown(lacking) => Some(Answer::Lacking(lacking)),
            _ => None,
        }
    }

    /// The addresses of the contracts.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The chain of this state: the first one in MessageRoot, if the state holds it.
    #[must_use]
    pub fn own_chain(&self) -> Option<ChainId> {
        self.own_chain
    }

    /// The number of the last batch of a chain that was executed, on any layer; `None` if the state does not
    /// show it.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read, or the number is wider than 64 bits.
    pub fn batches_executed(&self, chain: ChainId) -> Result<Option<BatchNumber>, StateError> {
        let Some(diamond) = self.diamond(chain)? else { return Ok(None) };
        Ok(Some(diamond.batches_executed()?))
    }

    /// The diamond of a chain; `None` if Bridgehub does not name it, or it is not in the state.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    pub fn diamond(&self, chain: ChainId) -> Result<Option<ZkChain<'_, S>>, StateError> {
        let Some(at) = self.bridgehub().zk_chain(chain)? else { return Ok(None) };
        let diamond = ZkChain::at(&self.state, at);
        Ok(diamond.is_set_up()?.then_some(diamond))
    }

    /// Whether the state holds a MessageRoot.
    #[must_use]
    pub fn is_settlement_layer(&self) -> bool {
        self.own_chain.is_some()
    }

    /// The contract that verifies proofs of a chain's batches on L1: MessageRoot (v31), or the chain's diamond
    /// (v26 to v30). `None` if the state does not name it, or is not of L1.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    pub fn verifier(&self, chain: ChainId) -> Result<Option<Address>, StateError> {
        match self.rules {
            Rules::Diamonds if self.is_l1() => self.bridgehub().zk_chain(chain),
            Rules::L1MessageRoot => Ok(Some(self.addresses.message_root)),
            _ => Ok(None),
        }
    }

    /// The root that a record's proof leads to.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    pub fn of_record<'q>(
        &self,
        record: impl Into<RootQuery<'q>>,
        anchor: &RootRef,
    ) -> Result<Answer, StateError> {
        let record = record.into();
        let of = (record.chain, record.batch);
        let answer = match anchor {
            RootRef::Batch(chain, batch) => self.of_batch(*chain, *batch),
            RootRef::SettlementLayer(chain, number) => {
                self.of_settlement_layer(of, *chain, *number)
            }
            RootRef::SlBlock(chain, block) => self.of_sl_block(*chain, *block),
            RootRef::SlBatch(chain, batch) => self.of_sl_batch(of, *chain, *batch),
        }?;
        Ok(match answer {
            Answer::NotStored | Answer::Lacking(_) if self.holds_no_contract() => {
                Answer::Lacking(Lacking::Contracts(self.addresses))
            }
            Answer::Root(known) => {
                let objection = self.objection_to_words(&record, anchor, &known)?;
                objection.unwrap_or(Answer::Root(known))
            }
            answer => answer,
        })
    }

    /// Whether the state holds none of the contracts that store roots. For a state that has only the
    /// hashes of its slots this is not known, and the result is `false`.
    fn holds_no_contract(&self) -> bool {
        let Addresses { bridgehub, message_root } = self.addresses;
        let contracts = [bridgehub, message_root, system::INTEROP_ROOT_STORAGE];
        contracts.into_iter().all(|contract| self.state.slot_count(contract) == Some(0))
    }

    /// The root of a chain's batch, for a proof that ends there.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    pub fn of_batch(&self, chain: ChainId, batch: BatchNumber) -> Result<Answer, StateError> {
        if let Some(lacking) = self.lacks_release() {
            return Ok(lacking);
        }
        match self.executed(chain, batch)? {
            known @ Answer::Root(_) => Ok(known),
            other => {
                let imported = self.imported(chain.to_word(), batch.to_word())?;
                Ok(imported.map_or(other, Answer::Root))
            }
        }
    }

    /// The root of a settlement layer under a number that may be a block's or a batch's, for a proof of this
    /// batch. L1 stores roots of batches of settlement layers, all other chains store roots of blocks.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    pub fn of_settlement_layer(
        &self,
        of: (ChainId, BatchNumber),
        sl_chain: Word,
        number: u128,
    ) -> Result<Answer, StateError> {
        match self.is_l1() {
            true if self.is_own_chain(sl_chain) && self.has_timestamps()? == Some(true) => {
                self.of_own_block_of_l1()
            }
            true => self.of_sl_batch(of, sl_chain, number),
            false => self.of_sl_block(sl_chain, number),
        }
    }

    fn is_own_chain(&self, chain: Word) -> bool {
        self.own_chain.is_some_and(|own| own.to_word() == chain)
    }

    /// L1 verifies no proof against its own blocks. Before v33 they have no batches.
    fn of_own_block_of_l1(&self) -> Result<Answer, StateError> {
        Ok(match self.has_timestamps()? {
            Some(true) => Answer::Refused(Refusal::BlockOfL1),
            _ => Answer::NotStored,
        })
    }

    /// The root of a settlement layer's block. The layer's own state stores it, and chains import it; the
    /// contracts on L1 accept no proof against a block.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    pub fn of_sl_block(&self, sl_chain: Word, block: u128) -> Result<Answer, StateError> {
        if let Some(lacking) = self.lacks_release() {
            return Ok(lacking);
        }
        let own = self.is_own_chain(sl_chain);
        if own && self.is_l1() {
            return self.of_own_block_of_l1();
        }
        if let (true, Ok(block)) = (own, u64::try_from(block)) {
            let message_root = self.message_root();
            let root = message_root.historical_root(SlBlock(block))?;
            if !root.is_zero() {
                let location = RootLocation::HistoricalRoot(message_root.address());
                return Ok(Answer::Root(KnownRoot { root, location }));
            }
        }
        let imported = self.imported(sl_chain, Word::join(0, block))?;
        Ok(imported.map_or(Answer::NotStored, Answer::Root))
    }

    /// The root of the settlement layer's batch `sl_batch`, for a proof of this batch through it.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    pub fn of_sl_batch(
        &self,
        (chain, batch): (ChainId, BatchNumber),
        sl_chain: Word,
        sl_batch: u128,
    ) -> Result<Answer, StateError> {
        if let Some(objection) = self.settlement_objection(chain, batch, sl_chain, sl_batch)? {
            return Ok(objection);
        }
        match (ChainId::try_from(sl_chain), u64::try_from(sl_batch)) {
            (Ok(chain), Ok(batch)) => self.executed(chain, BatchNumber(batch)),
            _ => Ok(Answer::NotStored),
        }
    }

    /// The answer that refuses a proof of a batch through a settlement layer. `None` if nothing refuses it.
    fn settlement_objection(
        &self,
        chain: ChainId,
        batch: BatchNumber,
        sl_chain: Word,
        sl_batch: u128,
    ) -> Result<Option<Answer>, StateError> {
        let refusal = match self.rules {
            Rules::Diamonds => {
                let Some(address) = self.bridgehub().zk_chain(chain)? else {
                    return self.no_diamond().map(Some);
                };
                let diamond = ZkChain::at(&self.state, address);
                if !diamond.is_set_up()? {
                    let lacking = Lacking::Diamond { chain, diamond: address };
                    return Ok(Some(Answer::Lacking(lacking)));
                }
                if !diamond.batch_root(batch)?.is_zero() {
                    Refusal::ExecutedHere { chain, batch }
                } else if !self.bridgehub().is_settlement_layer(sl_chain)? {
                    Refusal::NotSettlementLayer(sl_chain)
                } else {
                    return Ok(None);
                }
            }
            Rules::L1MessageRoot => {
                let Some(address) = self.bridgehub().chain_asset_handler()? else {
                    return Ok(Some(Answer::Lacking(Lacking::ChainAssetHandler(None))));
                };
                let handler = L1ChainAssetHandler::at(&self.state, address);
                if !handler.is_set_up()? {
                    let lacking = Lacking::ChainAssetHandler(Some(address));
                    return Ok(Some(Answer::Lacking(lacking)));
                }
                let settled_on = handler.settled_on(chain, batch)?;
                let number = Word::join(0, sl_batch);
                let is_valid = match settled_on {
                    // The contract lets a proof name L1 itself, and then finds no root, because L1 has no
                    // batches.
                    SettledOn::L1 | SettledOn::TooManyMigrations => false,
                    SettledOn::Layer { chain, first, last } => {
                        chain == sl_chain
                            && first <= number
                            && last.is_none_or(|last| number <= last)
                    }
                };
                if is_valid {
                    return Ok(None);
                }
                Refusal::InvalidSettlementLayer { chain, batch, sl_chain, sl_batch, settled_on }
            }
            Rules::L2MessageRoot => Refusal::OnlyL1,
            Rules::NoMessageRoot | Rules::Unknown(_) => {
                return Ok(self.lacks_rules().map(Answer::Lacking));
            }
        };
        Ok(Some(Answer::Refused(refusal)))
    }

    /// The root of a batch that was executed on the layer of this state.
    fn executed(&self, chain: ChainId, batch: BatchNumber) -> Result<Answer, StateError> {
        if let Some(lacking) = self.lacks_rules() {
            return Ok(Answer::Lacking(lacking));
        }
        let message_root = self.message_root();
        let diamond = self.bridgehub().zk_chain(chain)?;
        let in_diamond = match diamond {
            Some(at) => ZkChain::at(&self.state, at).batch_root(batch)?,
            None => Hash::ZERO,
        };
        let stored = diamond.filter(|_| !in_diamond.is_zero()).map(|at| {
            let location = RootLocation::LogsRootHashes(at);
            KnownRoot { root: in_diamond, location }
        });
        let is_before_v31 = match self.rules {
            Rules::Diamonds => {
                let (Some(at), Some(stored)) = (diamond, stored) else {
                    return match diamond {
                        Some(at) => self.not_in_diamond(chain, at),
                        None => self.no_diamond(),
                    };
                };
                let executed = ZkChain::at(&self.state, at).batches_executed()?;
                if batch > executed {
                    let refusal = Refusal::BatchNotExecuted { chain, batch, executed };
                    return Ok(Answer::Refused(refusal));
                }
                return Ok(Answer::Root(stored));
            }
            Rules::L1MessageRoot => {
                let first = message_root.v31_upgrade_batch(chain)?;
                first == *NOT_UPGRADED || batch.to_word() < first
            }
            Rules::L2MessageRoot | Rules::NoMessageRoot | Rules::Unknown(_) => false,
        };
        if batch == BatchNumber(0) {
            return Ok(Answer::Refused(Refusal::BatchZero(chain)));
        }
        let root = message_root.batch_root(chain, batch)?;
        if !root.is_zero() {
            let location = RootLocation::ChainBatchRoots(message_root.address());
            return Ok(Answer::Root(KnownRoot { root, location }));
        }
        Ok(match stored {
            Some(stored) if is_before_v31 => Answer::Root(stored),
            Some(_) => Answer::Refused(Refusal::NotInMessageRoot { chain, batch }),
            None => match diamond.filter(|_| is_before_v31) {
                Some(at) => self.not_in_diamond(chain, at)?,
                None => Answer::NotStored,
            },
        })
    }

    /// The answer when a diamond has no root of a batch: it stores none, or it is not in the state.
    fn not_in_diamond(&self, chain: ChainId, diamond: Address) -> Result<Answer, StateError> {
        Ok(match ZkChain::at(&self.state, diamond).is_set_up()? {
            true => Answer::NotStored,
            false => Answer::Lacking(Lacking::Diamond { chain, diamond }),
        })
    }

    /// The answer when Bridgehub returns no diamond: Bridgehub does not know the chain, the state is of a
    /// listening chain, on which no chain settles, or Bridgehub is not in the state.
    fn no_diamond(&self) -> Result<Answer, StateError> {
        let is_listening = self.state.slot_count(system::INTEROP_ROOT_STORAGE).unwrap_or(0) > 0;
        Ok(match is_listening || self.bridgehub().is_set_up()? {
            true => Answer::NotStored,
            false => Answer::Lacking(Lacking::Bridgehub(self.addresses.bridgehub)),
        })
    }

    /// Bridgehub.
    pub fn bridgehub(&self) -> Bridgehub<'_, S> {
        Bridgehub::at(&self.state, self.addresses.bridgehub)
    }

    pub(super) fn message_root(&self) -> MessageRoot<'_, S> {
        MessageRoot::at(&self.state, self.addresses.message_root)
    }

    pub(super) fn interop_root_storage(&self) -> InteropRootStorage<'_, S> {
        InteropRootStorage::at(&self.state, system::INTEROP_ROOT_STORAGE)
    }

    /// The root in InteropRootStorage, which only ZKsync chains have.
    pub(super) fn imported(
        &self,
        chain: Word,
        number: Word,
    ) -> Result<Option<KnownRoot>, StateError> {
        if self.is_l1() {
            return Ok(None);
        }
        let root = self.interop_root_storage().interop_root(chain, number)?;
        let location = RootLocation::InteropRoots(system::INTEROP_ROOT_STORAGE);
        Ok((!root.is_zero()).then_some(KnownRoot { root, location }))
    }
}
