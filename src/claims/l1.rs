//! The contracts on L1 that pay out, in one state.

use std::fmt;

use crate::{
    anchor::{BatchRoots, KnownRoots},
    contracts::{L1Erc20Bridge, L1Nullifier, NativeTokenVault, Network, vault_asset_id},
    primitives::{Address, BatchNumber, ChainId, Hash},
    state::{StateError, StorageReader},
};

/// The roots that L1 accepts, and the contracts that pay out.
#[derive(Debug)]
pub(super) struct L1<'a, S> {
    pub(super) roots: &'a KnownRoots<S>,
    pub(super) nullifier: Address,
    /// The chain id of L1, if it was given.
    pub(super) given_chain: Option<ChainId>,
    /// The chain whose old bridges paid out too, if it was given.
    pub(super) given_era: Option<ChainId>,
    /// The settlement layer of the evidence, which settles on L1.
    pub(super) sl_chain: Option<ChainId>,
}

/// The chain where a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// L1.
    L1,
    /// A chain that is L1, or another one: the id of L1 is not known.
    MaybeL1(ChainId),
    /// Another chain.
    Other(ChainId),
}

/// Whether one of Era's old bridges paid a withdrawal out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OldBridges {
    /// No.
    NotPaid,
    /// Yes.
    Paid,
    /// The state does not show it.
    Unknown,
    /// It is not known whether the chain is Era. If it is, L1Nullifier refuses its withdrawals, because this variable
    /// is not set.
    EraUnknown(&'static str),
    /// L1Nullifier refuses withdrawals of Era, because this variable is not set.
    NotSet(&'static str),
}

impl<'a, S: StorageReader + fmt::Debug> L1<'a, S> {
    pub(super) fn nullifier(&self) -> L1Nullifier<'a, S> {
        L1Nullifier::at(self.roots.state(), self.nullifier)
    }

    /// Whether L1Nullifier has `finalizeDeposit`: v33 removed it. The contracts are upgraded together, so MessageRoot shows
    /// it too.
    pub(super) fn has_finalize_deposit(&self) -> Result<bool, StateError> {
        Ok(!self.nullifier().has_interop_handler()? && !self.roots.is_since_v33()?)
    }

    /// The native token vault, if its storage is in the state.
    pub(super) fn vault(&self) -> Result<Option<NativeTokenVault<'a, S>>, StateError> {
        let at = self.nullifier().native_token_vault()?;
        let state = self.roots.state();
        let held = at.filter(|at| state.slot_count(*at) != Some(0));
        Ok(held.map(|at| NativeTokenVault::at(state, at)))
    }

    /// The chain id of L1: the given one, the first chain in its MessageRoot, or the layer on which the
    /// settlement layer settles.
    pub(super) fn chain(&self) -> Result<Option<ChainId>, StateError> {
        if let Some(known) = self.given_chain.or(self.roots.own_chain()) {
            return Ok(Some(known));
        }
        match self.sl_chain {
            Some(sl_chain) => self.roots.bridgehub().settlement_layer(sl_chain),
            None => Ok(None),
        }
    }

    /// The chain where the token with this address is an asset's: L1, the `sender` of the withdrawal, or the chain that the
    /// vault knows. `None` if the asset is not that token's: an asset that is no token of the vault has a handler of its
    /// own, which may put any address into its messages.
    pub(super) fn origin_of(
        &self,
        asset_id: Hash,
        token: Address,
        sender: ChainId,
    ) -> Result<Option<Origin>, StateError> {
        let is_from = |origin: &ChainId| vault_asset_id(*origin, token) == asset_id;
        let l1 = self.chain()?;
        if l1.as_ref().is_some_and(is_from) {
            return Ok(Some(Origin::L1));
        }
        if is_from(&sender) {
            return Ok(Some(Origin::Other(sender)));
        }
        // If the state does not show the id of L1, it is one of these or that of a test network.
        let networks = Network::ALL.into_iter().map(|network| network.deployment().l1_chain_id);
        let mut unknown = networks.filter(|_| l1.is_none());
        let in_vault = match unknown.find(is_from) {
            Some(chain) => return Ok(Some(Origin::MaybeL1(chain))),
            None => self.vault()?.map(|vault| vault.origin_chain(asset_id)).transpose()?.flatten(),
        };
        Ok(in_vault.filter(is_from).map(|chain| match l1 {
            Some(_) => Origin::Other(chain),
            None => Origin::MaybeL1(chain),
        }))
    }

    /// The chain whose old bridges paid out too. L1Nullifier keeps its id in the code (`ERA_CHAIN_ID`), so the state does
    /// not show it.
    fn era(&self) -> Result<Option<ChainId>, StateError> {
        if self.given_era.is_some() {
            return Ok(self.given_era);
        }
        let l1 = self.chain()?;
        let mut networks = Network::ALL.into_iter().map(Network::deployment);
        let network = networks.find(|network| l1 == Some(network.l1_chain_id));
        Ok(network.map(|network| network.era_chain_id))
    }

    /// Whether the old bridges paid a withdrawal out, by the rules of `_finalizeDeposit`.
    pub(super) fn old_bridges(
        &self,
        (chain, batch): (ChainId, BatchNumber),
        index: u64,
    ) -> Result<OldBridges, StateError> {
        let era = self.era()?;
        if era.is_some_and(|era| era != chain) {
            return Ok(OldBridges::NotPaid);
        }
        let (nullifier, number) = (self.nullifier(), batch.to_word());
        let first = nullifier.first_batches()?;
        let variables = [
            (first.after_diamond, "eraPostDiamondUpgradeFirstBatch"),
            (first.after_legacy_bridge, "eraPostLegacyBridgeUpgradeFirstBatch"),
        ];
        if let Some((_, variable)) = variables.into_iter().find(|(first, _)| first.is_zero()) {
            return Ok(match era {
                Some(_) => OldBridges::NotSet(variable),
                None => OldBridges::EraUnknown(variable),
            });
        }
        let mut flags = Vec::new();
        if number < first.after_diamond {
            let diamond = self.roots.diamond(chain)?;
            let paid = diamond.map(|diamond| diamond.is_eth_withdrawal_finalized(batch, index));
            flags.push(paid.transpose()?);
        }
        if number < first.after_legacy_bridge {
            let state = self.roots.state();
            let bridge = nullifier.legacy_bridge()?;
            let held = bridge.filter(|at| state.slot_count(*at) != Some(0));
            let paid = held.map(|at| L1Erc20Bridge::at(state, at).is_finalized(batch, index));
            flags.push(paid.transpose()?);
        }
        Ok(match () {
            // Without Era's chain id, a flag may be that of another chain's withdrawal.
            () if flags.contains(&Some(true)) && era.is_some() => OldBridges::Paid,
            () if flags.iter().all(|flag| *flag == Some(false)) => OldBridges::NotPaid,
            () => OldBridges::Unknown,
        })
    }

    /// Whether L1Nullifier refuses to recover deposits of this chain, because a variable about Era is not set. `None` if
    /// it is not set and the chain may be Era. v33 does not read it.
    pub(super) fn refuses_deposits(&self, chain: ChainId) -> Result<Option<bool>, StateError> {
        if !self.has_finalize_deposit()? {
            return Ok(Some(false));
        }
        let era = self.era()?;
        if era.is_some_and(|era| era != chain) || self.nullifier().has_last_legacy_deposit()? {
            return Ok(Some(false));
        }
        Ok(era.map(|_| true))
    }
}
