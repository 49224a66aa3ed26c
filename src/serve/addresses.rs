//! Addresses on L1 that clients ask a node for, and that no file names.

use serde::{Deserialize, Serialize};

use crate::primitives::{Address, ChainId};

/// What is known of a chain's contracts on L1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ChainAddresses {
    /// The chain id of L1: `zks_L1ChainId`.
    pub l1_chain_id: Option<ChainId>,
    /// Bridgehub on L1: `zks_getBridgehubContract`.
    pub bridgehub: Option<Address>,
    /// The diamond of the chain on L1: `zks_getMainContract`.
    pub main_contract: Option<Address>,
    /// The base token on L1: `zks_getBaseTokenL1Address`.
    pub base_token: Option<Address>,
    /// The bridges: `zks_getBridgeContracts`.
    pub bridges: Option<BridgeAddresses>,
}

/// The answer of `zks_getBridgeContracts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct BridgeAddresses {
    /// The bridge of ERC-20 tokens before the shared bridge.
    pub l1_erc20_default_bridge: Option<Address>,
    /// The shared bridge on L1: the asset router since v26. Clients send `finalizeDeposit` to the L1Nullifier that
    /// it names.
    pub l1_shared_default_bridge: Option<Address>,
    /// The bridge of WETH on L1.
    pub l1_weth_bridge: Option<Address>,
    /// The counterpart of `l1Erc20DefaultBridge` on the chain.
    pub l2_erc20_default_bridge: Option<Address>,
    /// The counterpart of `l1SharedDefaultBridge` on the chain.
    pub l2_shared_default_bridge: Option<Address>,
    /// The counterpart of `l1WethBridge` on the chain.
    pub l2_weth_bridge: Option<Address>,
    /// The shared bridge on the chain before v26.
    pub l2_legacy_shared_bridge: Option<Address>,
}

impl ChainAddresses {
    /// These addresses, and the ones of `others` where these do not say.
    #[must_use]
    pub(super) fn or(&self, others: &Self) -> Self {
        Self {
            l1_chain_id: self.l1_chain_id.or(others.l1_chain_id),
            bridgehub: self.bridgehub.or(others.bridgehub),
            main_contract: self.main_contract.or(others.main_contract),
            base_token: self.base_token.or(others.base_token),
            bridges: self.bridges.clone().or_else(|| others.bridges.clone()),
        }
    }
}
