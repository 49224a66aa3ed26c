//! The file of a server with several settlement layers, or with addresses and limits that flags do not set.

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;

use super::{ChainAddresses, Limits, ServeOptions, ServedTrees, Sources};
use crate::{
    claims::ClaimsOptions,
    contracts::{Network, Release},
    files::ShowPath,
    primitives::{Address, ChainId, Hash},
    proof::{FailureCode, Target},
    prove::{L1Options, StateOptions, TreesOptions},
};

/// The largest file of a configuration, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// A configuration in JSON. Unknown members are refused. Paths are relative to the directory of the file.
///
/// ```
/// use slproof::serve::ServeConfig;
///
/// let text = r#"{
///     "listen": "127.0.0.1:8545",
///     "messages": ["gateway.slmsg"],
///     "layers": [{"tree": ["gateway.sltree"], "slBatches": ["sl-batches.jsonl"], "network": "mainnet"}],
///     "chains": {"324": {"mainContract": "0x32400084c286cf3e17e7b677ea9583e60a000324"}}
/// }"#;
/// let options = ServeConfig::parse(text.as_bytes(), "conf.json".as_ref())?.options();
/// assert_eq!(options.addresses.l1_chain_id.map(|chain| chain.0), Some(1));
/// # Ok::<(), slproof::serve::ConfigError>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServeConfig {
    listen: Option<SocketAddr>,
    messages: Vec<PathBuf>,
    layers: Vec<LayerConfig>,
    #[serde(default = "yes")]
    receipts: bool,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    addresses: ChainAddresses,
    #[serde(default)]
    chains: BTreeMap<ChainId, ChainAddresses>,
    l1_nullifier: Option<Address>,
    era_chain_id: Option<ChainId>,
    #[serde(skip)]
    directory: PathBuf,
}

/// A settlement layer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LayerConfig {
    tree: Vec<PathBuf>,
    #[serde(default)]
    events: Vec<PathBuf>,
    #[serde(default)]
    sl_batches: Vec<PathBuf>,
    #[serde(default)]
    anchor: Vec<PathBuf>,
    trust_block: Option<Hash>,
    anchor_bridgehub: Option<Address>,
    anchor_message_root: Option<Address>,
    network: Option<String>,
    bridgehub: Option<Address>,
    message_root: Option<Address>,
    sl_chain_id: Option<ChainId>,
    sl_diamond: Option<Address>,
    release: Option<String>,
    search: Option<u64>,
    #[serde(default)]
    target: L1Target,
    l1_nullifier: Option<Address>,
    era_chain_id: Option<ChainId>,
}

/// The root for L1.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
enum L1Target {
    #[default]
    #[serde(rename = "sl-batch:first")]
    FirstSlBatch,
    #[serde(rename = "batch-root")]
    BatchRoot,
}

fn yes() -> bool {
    true
}

/// A configuration that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}", path.shown())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than 1 MiB.
    #[error("{} is larger than a configuration may be ({MOST_BYTES} bytes)", .0.shown())]
    TooLarge(PathBuf),
    /// The text is not JSON, or has members that are unknown or of another type.
    #[error("{}: {source}", path.shown())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A value is none of those that are known.
    #[error("{}: {member} {value:?} is not known", path.shown())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The member.
        member: &'static str,
        /// Its value.
        value: String,
    },
}

impl ConfigError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Read { .. } => FailureCode::ReadFailed,
            _ => FailureCode::InvalidOptions,
        }
    }
}

impl ServeConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read, or is not a configuration.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::Read { path: path.into(), source };
        if fs::metadata(path).map_err(failed)?.len() > MOST_BYTES {
            return Err(ConfigError::TooLarge(path.into()));
        }
        Self::parse(&fs::read(path).map_err(failed)?, path)
    }

    /// Reads a text; `path` is the file that it comes from.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not a configuration.
    pub fn parse(text: &[u8], path: &Path) -> Result<Self, ConfigError> {
        let json = |source| ConfigError::Json { path: path.into(), source };
        let mut config: Self = serde_json::from_slice(text).map_err(json)?;
        for layer in &config.layers {
            layer.check(path)?;
        }
        config.directory = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(config)
    }

    /// The address to listen on.
    #[must_use]
    pub fn listen(&self) -> Option<SocketAddr> {
        self.listen
    }

    /// The options of the server.
    #[must_use]
    pub fn options(&self) -> ServeOptions {
        let sources = Sources {
            messages: self.paths(&self.messages),
            trees: self.layers.iter().map(|layer| self.trees(layer)).collect(),
            ..Sources::default()
        };
        let mut options = ServeOptions::new(sources);
        (options.receipts, options.limits) = (self.receipts, self.limits.clone());
        // The first network that a layer names completes what the configuration leaves open.
        let network = self.network().map(Network::deployment);
        let of_network = ChainAddresses {
            l1_chain_id: network.map(|network| network.l1_chain_id),
            bridgehub: network.map(|network| network.bridgehub),
            ..ChainAddresses::default()
        };
        options.addresses = self.addresses.or(&of_network);
        options.chains.clone_from(&self.chains);
        options
    }

    /// The first network that a layer names.
    fn network(&self) -> Option<Network> {
        self.layers.iter().find_map(LayerConfig::network)
    }

    fn claims(&self, layer: &LayerConfig) -> Option<ClaimsOptions> {
        let network = layer.network().or(self.network()).map(Network::deployment);
        let given = layer.l1_nullifier.or(self.l1_nullifier);
        let mut claims = ClaimsOptions::new(given.or(network.map(|network| network.l1_nullifier))?);
        claims.l1_chain = self.addresses.l1_chain_id.or(network.map(|network| network.l1_chain_id));
        let given = layer.era_chain_id.or(self.era_chain_id);
        claims.era_chain = given.or(network.map(|network| network.era_chain_id));
        Some(claims)
    }

    fn paths(&self, paths: &[PathBuf]) -> Vec<PathBuf> {
        paths.iter().map(|path| self.directory.join(path)).collect()
    }

    fn trees(&self, layer: &LayerConfig) -> ServedTrees {
        let network = layer.network().map(Network::deployment);
        let l1 = (!layer.anchor.is_empty()).then(|| L1Options {
            paths: self.paths(&layer.anchor),
            state: StateOptions {
                bridgehub: layer.anchor_bridgehub.or(network.map(|network| network.bridgehub)),
                message_root: layer.anchor_message_root,
                trusted_block: layer.trust_block,
                ..StateOptions::default()
            },
        });
        let l1_target = match layer.target {
            L1Target::FirstSlBatch => Target::FirstSlBatch,
            L1Target::BatchRoot => Target::BatchRoot,
        };
        let options = TreesOptions {
            state: StateOptions {
                bridgehub: layer.bridgehub,
                message_root: layer.message_root,
                l1_bridgehub: network.map(|network| network.bridgehub),
                ..StateOptions::default()
            },
            sl_chain: layer.sl_chain_id.or(network.map(|network| network.sl_chain_id)),
            sl_diamond: layer.sl_diamond,
            release: layer.release(),
            batch_roots_only: l1_target == Target::BatchRoot,
            events: self.paths(&layer.events),
            search: layer.search,
            sl_batches: self.paths(&layer.sl_batches),
            l1,
            ..TreesOptions::default()
        };
        let claims = self.claims(layer);
        ServedTrees { paths: self.paths(&layer.tree), options, l1_target, claims }
    }
}

impl LayerConfig {
    fn network(&self) -> Option<Network> {
        let name = self.network.as_deref()?;
        Network::ALL.into_iter().find(|network| network.name() == name)
    }

    fn release(&self) -> Option<Release> {
        self.release.as_deref()?.parse().ok()
    }

    fn check(&self, path: &Path) -> Result<(), ConfigError> {
        let unknown = |member, value: &Option<String>| {
            let value = value.clone().unwrap_or_default();
            Err(ConfigError::Unknown { path: path.into(), member, value })
        };
        if self.network.is_some() && self.network().is_none() {
            return unknown("network", &self.network);
        }
        if self.release.is_some() && self.release().is_none() {
            return unknown("release", &self.release);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServeConfig, ConfigError> {
        ServeConfig::parse(text.as_bytes(), Path::new("/etc/slproof/conf.json"))
    }

    #[test]
    fn paths_are_relative_to_the_file_and_limits_have_defaults() {
        let config = parse(
            r#"{"messages":["a.slmsg","/b.slmsg"],"layers":[{"tree":["a.sltree"],"target":"batch-root"}],
                "limits":{"seconds":5,"calls":7}}"#,
        );
        let options = config.unwrap().options();
        assert_eq!(
            options.sources.messages,
            [Path::new("/etc/slproof/a.slmsg"), Path::new("/b.slmsg")]
        );
        let trees = &options.sources.trees[0];
        assert_eq!(trees.paths, [Path::new("/etc/slproof/a.sltree")]);
        assert!(trees.options.batch_roots_only && trees.l1_target == Target::BatchRoot);
        let limits = Limits::default();
        assert_eq!((options.limits.calls, options.limits.time.as_secs()), (7, 5));
        assert_eq!(options.limits.request_bytes, limits.request_bytes);
        assert!(options.receipts && trees.claims.is_none());
    }

    #[test]
    fn each_layer_has_the_contracts_of_its_own_l1() {
        let own = "0xd7f9f54194c633f36ccd5f3da84ad4a1c38cb2cb";
        let text = format!(
            r#"{{"messages":[],"layers":[{{"tree":[]}},{{"tree":[],"l1Nullifier":"{own}","eraChainId":9}}],
                "l1Nullifier":"0x1111111111111111111111111111111111111111"}}"#
        );
        let layers = parse(&text).unwrap().options().sources.trees;
        let claims = layers.iter().map(|layer| layer.claims.as_ref().unwrap());
        let named = claims.map(|claims| (claims.l1_nullifier, claims.era_chain));
        let expected = [(Address::new([0x11; 20]), None), (own.parse().unwrap(), Some(ChainId(9)))];
        assert_eq!(named.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_a_configuration_does_not_have_is_refused() {
        for text in [
            "",
            "[]",
            r#"{"messages":[]}"#,
            r#"{"messages":[],"layers":[],"tres":1}"#,
            r#"{"messages":[],"layers":[{"tree":[],"anchr":[]}]}"#,
            r#"{"messages":[],"layers":[{"tree":[],"network":"moon"}]}"#,
            r#"{"messages":[],"layers":[{"tree":[],"release":"v1"}]}"#,
            r#"{"messages":[],"layers":[{"tree":[],"target":"latest"}]}"#,
            r#"{"messages":[],"layers":[],"chains":{"324":{"bridgehub":"0x12"}}}"#,
        ] {
            assert_eq!(parse(text).unwrap_err().code(), FailureCode::InvalidOptions, "{text}");
        }
    }
}
