//! The opened files of a server.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::stamp::Stamp;
use crate::{
    archive::{Archive, ChainSummary},
    claims::ClaimsOptions,
    files::InputError,
    forest::Forest,
    primitives::{BatchNumber, ChainId},
    proof::{Failure, FailureCode, Target},
    prove::{Error, Messages, MessagesOptions, Trees, TreesOptions, with_causes},
};

/// The files that a server answers from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sources {
    /// The trees of settlement layers. A batch is proven by the first that contains it.
    pub trees: Vec<ServedTrees>,
    /// The archives of logs.
    pub messages: Vec<PathBuf>,
    /// How the archives are read. Its trees are set when the sources are opened.
    pub options: MessagesOptions,
}

/// The files of one settlement layer.
#[derive(Clone, Debug)]
pub struct ServedTrees {
    /// The evidence, as in [`Trees::open`].
    pub paths: Vec<PathBuf>,
    /// How it is read, and the further inputs of targets.
    pub options: TreesOptions,
    /// The root for L1, which clients mean if they name none: [`Target::FirstSlBatch`] for chains that settle on a
    /// settlement layer, [`Target::BatchRoot`] for those on L1.
    pub l1_target: Target,
    /// What `slproof_claims` needs beside the state of L1 in the options; without it, this layer answers no such call.
    pub claims: Option<ClaimsOptions>,
}

impl ServedTrees {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let l1 = self.options.l1.iter().flat_map(|l1| &l1.paths);
        let Self { paths, options, .. } = self;
        let beside = options.events.iter().chain(&options.sl_batches).chain(&options.from_l1);
        paths.iter().chain(beside).chain(l1).map(PathBuf::as_path)
    }
}

impl Sources {
    /// What identifies the files, without reading them.
    pub(super) fn stamp(&self) -> Result<Stamp, InputError> {
        let messages = self.messages.iter().map(PathBuf::as_path);
        Stamp::of(self.trees.iter().flat_map(ServedTrees::paths).chain(messages))
    }

    /// Opens and checks the files. What targets need is computed too, so that no request waits for it. Only where batches
    /// of the settlement layer are missing on L1, the first request for a root by block in a later batch searches in this
    /// batch.
    pub(super) fn open(&self) -> Result<Data, Error> {
        let open = |source: &ServedTrees| {
            let trees = Trees::open(&source.paths, &source.options)?;
            for target in [source.l1_target, Target::First] {
                match trees.extractor(target) {
                    Err(error) if !error.is_of_target() => return Err(error),
                    _ => {}
                }
            }
            trees.l1()?;
            Ok(Layer { trees, l1_target: source.l1_target, claims: source.claims.clone() })
        };
        let layers = self.trees.iter().map(open).collect::<Result<Vec<_>, Error>>()?;
        let mut options = self.options.clone();
        let trees = layers.iter().map(|layer| &layer.trees);
        options.trees = trees.filter(|trees| trees.forest().is_some()).cloned().collect();
        let messages = Messages::open(&self.messages, &options)?;
        let chains = messages.archive().chains()?;
        Ok(Data { layers, messages, chains, opened: SystemTime::now() })
    }
}

/// Trees, the root for L1, and the contracts there that pay.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) trees: Trees,
    pub(super) l1_target: Target,
    pub(super) claims: Option<ClaimsOptions>,
}

impl Layer {
    /// Whether the trees contain a batch.
    pub(super) fn has(&self, chain: ChainId, batch: BatchNumber) -> bool {
        self.trees.forest().is_some_and(|forest| {
            let bridged = forest.bridged().and_then(|trees| trees.find(chain, batch));
            let tree = forest.chain(chain);
            bridged.is_some() || tree.is_some_and(|tree| tree.find(batch).is_some())
        })
    }
}

/// What a server answers from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Served {
    /// The chains in the archive.
    pub chains: Vec<ChainId>,
    /// The archive, with what was left out of it ([`Messages::skipped`]).
    pub messages: Messages,
}

/// Everything that answers are made from. It never changes; new files give another one.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) layers: Vec<Layer>,
    pub(super) messages: Messages,
    /// The chains in the archive.
    pub(super) chains: Vec<ChainSummary>,
    pub(super) opened: SystemTime,
}

impl Data {
    pub(super) fn served(&self) -> Served {
        let chains = self.chains.iter().map(|chain| chain.chain).collect();
        Served { chains, messages: self.messages.clone() }
    }

    /// Why there are no logs of a batch.
    pub(super) fn absence(&self, chain: ChainId, batch: BatchNumber) -> Failure {
        let left_out = self.messages.skipped();
        match left_out.of_batch(chain, batch) {
            Some(error) => {
                let why = with_causes(error);
                let message =
                    format!("chain {chain}, batch {batch} was left out of the archive: {why}");
                Failure { code: FailureCode::LeftOut, message }
            }
            None => {
                let note = left_out.note();
                let message =
                    format!("the archive has no logs of chain {chain}, batch {batch}{note}");
                Failure { code: FailureCode::BatchNotArchived, message }
            }
        }
    }

    pub(super) fn archive(&self) -> &Archive {
        self.messages.archive()
    }

    /// The layers whose trees contain a batch.
    pub(super) fn layers_with(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(move |layer| layer.has(chain, batch))
    }

    /// Whether the archive or the trees know a chain.
    pub(super) fn knows(&self, chain: ChainId) -> bool {
        let is_in_trees = |layer: &Layer| {
            let is_of =
                |forest: &Forest| forest.sl_chain() == chain || forest.chain(chain).is_some();
            layer.trees.forest().is_some_and(is_of)
        };
        self.chains.iter().any(|known| known.chain == chain) || self.layers.iter().any(is_in_trees)
    }
}
