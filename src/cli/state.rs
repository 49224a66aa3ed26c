//! Converts flags to the options of states and trees.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::ValueEnum;

use super::{
    error::CliError,
    observer::TreesObserver,
    report::Console,
    role::Role,
    state_args::{DEFAULT_MAX_GAP, SearchArgs, StateArgs, TreeArgs},
    wrong_input::wrong_inputs,
};
use crate::{
    contracts::{Deployment, Network},
    files::{Container, ShowPath},
    forest::TreeFile,
    primitives::{Address, ChainId},
    prove::{StateOptions, Trees, TreesOptions},
};

impl StateArgs {
    /// The options for reading a state, and the addresses of its contracts.
    pub(super) fn options(&self) -> StateOptions {
        StateOptions {
            format: self.format.0,
            account: self.account,
            access: self.access,
            bridgehub: self.bridgehub,
            message_root: self.message_root,
            l1_bridgehub: self.deployment().map(|network| network.bridgehub),
            ..StateOptions::default()
        }
    }

    /// The ids and addresses of the network, if one was given.
    pub(super) fn deployment(&self) -> Option<Deployment> {
        self.network.map(Network::deployment)
    }

    /// The address of L1Nullifier: the given one, or that of the network.
    pub(super) fn l1_nullifier(&self, given: Option<Address>) -> Result<Address, CliError> {
        given.or(self.deployment().map(|network| network.l1_nullifier)).ok_or_else(|| {
            let text =
                "the address of L1Nullifier is not known; give it with --l1-nullifier or --network";
            CliError::Usage(text.into())
        })
    }

    /// The tree file at a path; `None` if the file is not a tree file.
    pub(super) fn tree_file(&self, path: &Path) -> Result<Option<TreeFile>, CliError> {
        if !TreeFile::is_at(path)? {
            return Ok(None);
        }
        let file = TreeFile::open(path, self.access)?;
        self.refuse_for_tree_file(path)?;
        Ok(Some(file))
    }

    /// Refuses flags about reading dumps if the file is a tree file.
    fn refuse_for_tree_file(&self, path: &Path) -> Result<(), CliError> {
        match self.given() {
            Some(flag) => Err(CliError::Usage(format!(
                "{} is a tree file; {flag} has no effect on it, because its trees were rebuilt before",
                path.shown()
            ))),
            None => Ok(()),
        }
    }

    /// The first of these flags that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            (self.format_flag, self.format.0.is_some()),
            ("--account", self.account.is_some()),
            ("--bridgehub", self.bridgehub.is_some()),
            ("--message-root", self.message_root.is_some()),
        ];
        given.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }
}

/// The first tree file among these inputs.
pub(super) fn tree_file_among(paths: &[PathBuf]) -> Result<Option<&Path>, CliError> {
    for path in paths {
        if TreeFile::is_at(path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

impl TreeArgs {
    /// The first of these flags that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--sl-chain-id", self.sl_chain_id.is_some()),
            ("--sl-diamond", self.sl_diamond.is_some()),
            ("--release", self.release.is_some()),
            ("--last-block", self.last_block.is_some()),
        ];
        let of_trees = given.into_iter().find_map(|(flag, given)| given.then_some(flag));
        self.state.given().or(of_trees)
    }

    /// The settlement layer's chain id, if a flag says it.
    pub(super) fn sl_chain(&self) -> Option<ChainId> {
        self.sl_chain_id.or(self.state.deployment().map(|network| network.sl_chain_id))
    }

    /// The flags that were given, as they are written after a command.
    pub(super) fn words(&self) -> String {
        let state = &self.state;
        let format = state.format.0.and_then(|format| format.to_possible_value());
        let max_gap = Some(self.max_gap).filter(|max_gap| *max_gap != DEFAULT_MAX_GAP);
        [
            ("--input-format", format.map(|format| format.get_name().to_owned())),
            ("--account", state.account.map(|account| account.to_string())),
            ("--bridgehub", state.bridgehub.map(|address| address.to_string())),
            ("--message-root", state.message_root.map(|address| address.to_string())),
            ("--network", state.network.map(|network| network.name().to_owned())),
            ("--sl-chain-id", self.sl_chain_id.map(|chain| chain.to_string())),
            ("--sl-diamond", self.sl_diamond.map(|address| address.to_string())),
            ("--release", self.release.map(|release| release.to_string())),
            ("--last-block", self.last_block.map(|block| block.to_string())),
            ("--max-gap", max_gap.map(|max_gap| max_gap.to_string())),
        ]
        .into_iter()
        .filter_map(|(flag, value)| Some(format!(" {flag} {}", value?)))
        .collect()
    }

    /// The options for opening trees, with those of `past` for the search for past roots.
    pub(super) fn options(&self, past: Option<&SearchArgs>, console: &Console) -> TreesOptions {
        TreesOptions {
            state: self.state.options(),
            sl_chain: self.sl_chain(),
            sl_diamond: self.sl_diamond,
            release: self.release,
            last_block: self.last_block,
            max_gap: self.max_gap,
            events: past.map(|past| past.events.clone()).unwrap_or_default(),
            columns: self.columns.clone().unwrap_or_default(),
            search: past.and_then(|past| past.search),
            observer: Arc::new(TreesObserver::new(console)).into(),
            ..TreesOptions::default()
        }
    }

    /// The trees of an open tree file.
    pub(super) fn trees_of(
        &self,
        file: Container,
        options: &TreesOptions,
    ) -> Result<Trees, CliError> {
        self.state.refuse_for_tree_file(Path::new(file.name()))?;
        Ok(Trees::of_file(TreeFile::of(file)?, options)?)
    }

    /// Opens the trees at `paths`: reads a tree file, or rebuilds the trees from dumps or events.
    pub(super) fn trees(
        &self,
        paths: &[PathBuf],
        options: &TreesOptions,
    ) -> Result<Trees, CliError> {
        if let Some(path) = tree_file_among(paths)? {
            if paths.len() > 1 {
                return Err(CliError::Usage(format!(
                    "{} is a tree file, which cannot be combined with other inputs",
                    path.shown()
                )));
            }
            self.state.refuse_for_tree_file(path)?;
        }
        Trees::open(paths, options).map_err(|error| wrong_inputs(paths, Role::State, error.into()))
    }
}
