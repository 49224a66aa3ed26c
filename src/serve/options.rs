use std::{collections::BTreeMap, time::Duration};

use super::{ChainAddresses, Limits, Sources};
use crate::primitives::ChainId;

/// What a server serves, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// The files.
    pub sources: Sources,
    /// What is bounded.
    pub limits: Limits,
    /// Whether receipts are made of the archive.
    pub receipts: bool,
    /// The addresses on L1 for chains that `chains` does not name, and for what it leaves open.
    pub addresses: ChainAddresses,
    /// The addresses on L1 by chain.
    pub chains: BTreeMap<ChainId, ChainAddresses>,
    /// How often the files are looked at.
    pub reload: Duration,
}

impl ServeOptions {
    /// Serves these files with the defaults of everything else.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        Self {
            sources,
            limits: Limits::default(),
            receipts: true,
            addresses: ChainAddresses::default(),
            chains: BTreeMap::new(),
            reload: Duration::from_secs(2),
        }
    }
}
