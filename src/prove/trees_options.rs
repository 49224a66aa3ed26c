//! How trees are opened.

use std::path::{Path, PathBuf};

use super::{
    Error, Event, Observer, ObserverHandle, StateOptions, event_trees::EventOptions,
    read_state::ReadState,
};
use crate::{
    contracts::{Layout, Release},
    files::{Kind, NativeFile, ReopenableInput},
    forest::{Addresses, Forest, RebuildOptions, SearchBudget, TreeFile},
    ingest::{KnownFiles, event_logs::ColumnNames, state::Dump},
    primitives::{Address, ChainId, SlBlock},
};

/// How trees are opened, and the further inputs of their targets.
///
/// ```
/// use slproof::{FailureCode, Trees, TreesOptions, primitives::ChainId};
///
/// let mut options = TreesOptions::default();
/// options.sl_chain = Some(ChainId(9));
/// let error = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &options).unwrap_err();
/// assert_eq!(error.code(), FailureCode::IncompleteState);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TreesOptions {
    /// How the state is read.
    pub state: StateOptions,
    /// The settlement layer's chain id. Trees of another chain are refused.
    pub sl_chain: Option<ChainId>,
    /// The release of the contracts; detected from the state by default.
    pub release: Option<Release>,
    /// The block of the state, if the state does not contain it.
    pub last_block: Option<SlBlock>,
    /// The maximum number of batches that a chain may have executed away from this settlement layer; see
    /// [`RebuildOptions::max_gap`] for all chains together.
    pub max_gap: u64,
    /// Uses a state without rebuilding trees, so that only the batch roots that it stores can be targets. This
    /// has no effect on tree files and events.
    pub batch_roots_only: bool,
    /// Files of events of MessageRoot, which show the contents of past roots. They have to agree with the trees;
    /// `-` is standard input.
    pub events: Vec<PathBuf>,
    /// The columns of the events that have other names than exporters give them.
    pub columns: ColumnNames,
    /// The maximum number of trees to try for the changes between two consecutive roots. The default depends
    /// on the number of batches.
    pub search: Option<u64>,
    /// Files of the settlement layer's own batches, for targets with roots on L1. They have to agree.
    pub sl_batches: Vec<PathBuf>,
    /// The state of L1, with which the roots of those batches are compared.
    pub l1: Option<L1Options>,
    /// Files of L1 with the batches of the settlement layer: the transactions that commit and execute them, and
    /// their blobs. They have to agree with the trees.
    pub from_l1: Vec<PathBuf>,
    /// What is known of files, which are not read again to find their kinds.
    pub known: KnownFiles,
    /// The diamond of the settlement layer on L1, if the files of L1 have the batches of several.
    pub sl_diamond: Option<Address>,
    /// The observer of events.
    pub observer: ObserverHandle,
}

impl Default for TreesOptions {
    fn default() -> Self {
        Self {
            state: StateOptions::default(),
            sl_chain: None,
            release: None,
            last_block: None,
            max_gap: RebuildOptions::default().max_gap,
            batch_roots_only: false,
            events: Vec::new(),
            columns: ColumnNames::default(),
            search: None,
            sl_batches: Vec::new(),
            l1: None,
            from_l1: Vec::new(),
            known: KnownFiles::default(),
            sl_diamond: None,
            observer: ObserverHandle::default(),
        }
    }
}

/// The state of L1.
///
/// ```
/// use slproof::{L1Options, Messages, Prover, Request, Target, Trees, TreesOptions};
/// use slproof::primitives::SlBatch;
///
/// let mut options = TreesOptions::default();
/// options.sl_batches = vec!["fixtures/gateway-v29/gw_batches.jsonl".into()];
/// let mut l1 = L1Options::default();
/// l1.paths = vec!["fixtures/gateway-v29/l1.state.anvil.json".into()];
/// l1.state.bridgehub = Some("0x303a465b659cbb0ab36ee643ea362c509eeb5213".parse()?);
/// options.l1 = Some(l1);
/// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &options)?;
/// # let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
///
/// // L1 accepts these proofs.
/// let request: Request = serde_json::from_str(r#"{"chainId":324,"batchNumber":501234,"id":0}"#)?;
/// let records = Prover::new(trees, messages).prove(&request, Target::SlBatch(SlBatch(2028)))?;
/// assert_eq!(records.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct L1Options {
    /// The parts of the state: dumps, or answers of `eth_getProof` with the header of their block.
    pub paths: Vec<PathBuf>,
    /// How the state is read, and the addresses of its contracts.
    pub state: StateOptions,
}

impl TreesOptions {
    /// Whether no files are given beside the evidence.
    pub(super) fn is_nothing_beside(&self) -> bool {
        self.events.is_empty() && self.sl_batches.is_empty() && self.from_l1.is_empty()
    }

    /// The tree file at a path. `None` if there is another file, or no regular file.
    pub(super) fn tree_file(&self, path: &Path) -> Result<Option<TreeFile>, Error> {
        let file = NativeFile::at(path)?.filter(|file| file.kind() == Kind::TREE_FILE);
        Ok(file.map(|file| TreeFile::of(file.open(self.state.access)?)).transpose()?)
    }

    pub(super) fn read(&self, inputs: Vec<ReopenableInput>) -> Result<Dump, Error> {
        if inputs.is_empty() {
            return Err(Error::NoInput);
        }
        let dump = self.state.read(inputs, self.last_block)?;
        self.observer.event(&Event::StateRead(&dump));
        Ok(dump)
    }

    /// The state that was read before, with its trees, or else the one in these inputs.
    pub(super) fn read_or(
        &self,
        read: Option<ReadState>,
        inputs: Vec<ReopenableInput>,
    ) -> Result<(Dump, Option<Forest>), Error> {
        let Some(ReadState { dump, forest }) = read else { return Ok((self.read(inputs)?, None)) };
        self.observer.event(&Event::StateRead(&dump));
        Ok((dump, Some(forest)))
    }

    pub(super) fn rebuild(&self, dump: &Dump) -> Result<RebuildOptions, Error> {
        Ok(self.rebuild_with(self.state.addresses(&dump.state)?))
    }

    pub(super) fn rebuild_with(&self, addresses: Addresses) -> RebuildOptions {
        RebuildOptions {
            addresses,
            release: self.release,
            sl_chain: self.sl_chain,
            last_block: self.last_block,
            max_gap: self.max_gap,
            ..RebuildOptions::default()
        }
    }

    pub(super) fn of_events(&self) -> EventOptions<'_> {
        let Self { last_block, columns, observer, .. } = self;
        EventOptions { last_block: *last_block, columns, observer }
    }

    /// The search budget for the contents of past roots, if given.
    pub(super) fn budget(&self) -> Option<SearchBudget> {
        self.search.map(SearchBudget::with_step)
    }

    /// Checks that the trees of a file match the options.
    pub(super) fn expect(&self, file: &TreeFile) -> Result<(), Error> {
        let other = |reason: String| {
            Err(Error::OtherTrees { name: file.container().name().into(), reason })
        };
        let (found, layout): (_, Layout) = (file.forest().sl_chain(), file.forest().layout());
        if let Some(expected) = self.sl_chain.filter(|expected| *expected != found) {
            return other(format!(
                "holds the trees of settlement layer {found}, not of {expected}"
            ));
        }
        if let Some(given) = self.release.filter(|given| given.layout() != layout) {
            return other(format!("is of release {layout}, not {given}"));
        }
        match (self.last_block, file.block()) {
            (Some(given), Some(block)) if given != block => {
                other(format!("holds the trees of block {block}, not of {given}"))
            }
            (Some(_), None) => other("does not name the block of its trees".into()),
            _ => Ok(()),
        }
    }
}
