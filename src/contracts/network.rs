//! The public deployments.
//!
//! Sources: era-contracts (branch `main`, commit 5e7d0b405) `l1-contracts/upgrade-envs/v0.29.2-interopA-ff/`
//! for mainnet and `v0.29.1-interopA-ff/` for testnet: `mainnet.toml`, `testnet.toml`
//! (`bridgehub_proxy_address`, `gateway.chain_id`, `rollup_sl_da_validator`) and
//! `output/…/v29.*-ecosystem.toml` (`l1_chain_id`, `era_chain_id`, `bridgehub_proxy_addr`,
//! `l1_nullifier_proxy_addr`). The diamond of Gateway: L2BEAT, contract `Gateway` of the project `gateway`, which
//! is `getZKChain(9075)` of Bridgehub.

use serde::Serialize;

use crate::primitives::{Address, ChainId};

/// A public network: a settlement layer, the chains that settle through it, and L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// ZKsync on Ethereum.
    Mainnet,
    /// ZKsync on Sepolia.
    Testnet,
}

/// The ids and addresses of a network that its states do not show. The proxies of L1's contracts stay where
/// they are when the contracts are upgraded. Bridgehub's storage names all other contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The chain id of L1.
    pub l1_chain_id: ChainId,
    /// The chain id of ZKsync Era, whose old bridges paid out before L1Nullifier.
    pub era_chain_id: ChainId,
    /// The chain id of the settlement layer, Gateway.
    pub sl_chain_id: ChainId,
    /// Bridgehub on L1.
    pub bridgehub: Address,
    /// L1Nullifier on L1.
    pub l1_nullifier: Address,
    /// RelayedSLDAValidator on the settlement layer.
    pub relayed_sl_da_validator: Address,
    /// The diamond of the settlement layer on L1; `None` if only Bridgehub's storage names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sl_diamond: Option<Address>,
}

impl Network {
    /// Every network.
    pub const ALL: [Self; 2] = [Self::Mainnet, Self::Testnet];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
        }
    }

    /// The ids and addresses.
    #[must_use]
    pub const fn deployment(self) -> Deployment {
        match self {
            Self::Mainnet => Deployment {
                l1_chain_id: ChainId(1),
                era_chain_id: ChainId(324),
                sl_chain_id: ChainId(9075),
                bridgehub: address(b"0x303a465B659cBB0ab36eE643eA362c509EEb5213"),
                l1_nullifier: address(b"0xD7f9f54194C633F36CCD5F3da84ad4a1c38cB2cB"),
                relayed_sl_da_validator: address(b"0x595b8C88B9e5f3a4c596C3e81BE6e11D53Bb9200"),
                sl_diamond: Some(address(b"0x6E96D1172a6593D5027Af3c2664C5112Ca75F2B9")),
            },
            Self::Testnet => Deployment {
                l1_chain_id: ChainId(11_155_111),
                era_chain_id: ChainId(300),
                sl_chain_id: ChainId(32_657),
                bridgehub: address(b"0x35A54c8C757806eB6820629bc82d90E056394C92"),
                l1_nullifier: address(b"0x3E8b2fe58675126ed30d0d12dea2A9bda72D18Ae"),
                relayed_sl_da_validator: address(b"0x931661BAdBc221bd686446F17A0EA40aa5196779"),
                sl_diamond: None,
            },
        }
    }
}

/// An address in the source above; a wrong one does not compile.
#[expect(clippy::panic, reason = "it is evaluated by the compiler only")]
const fn address(text: &[u8; 42]) -> Address {
    match const_hex::const_decode_to_array(text) {
        Ok(bytes) => Address::new(bytes),
        Err(_) => panic!("not an address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mixed-case addresses have a checksum (EIP-55), which a wrong digit almost never fits.
    #[test]
    fn addresses_have_the_checksums_of_their_sources() {
        let source = include_str!("network.rs");
        let mut found = 0;
        for text in source.split("address(b\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let parsed = alloy_primitives::Address::parse_checksummed(text, None);
            assert!(parsed.is_ok(), "{text}");
            found += 1;
        }
        assert_eq!(found, 7);
    }

    #[test]
    fn networks_share_no_id_and_no_address() {
        let [mainnet, testnet] = Network::ALL.map(|network| {
            let deployment = serde_json::to_value(network.deployment()).unwrap();
            deployment.as_object().unwrap().values().cloned().collect::<Vec<_>>()
        });
        assert!(mainnet.iter().all(|value| !testnet.contains(value)));
    }
}
