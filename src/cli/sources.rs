//! Converts the flags of [`SourceArgs`] to options.

use std::path::{Path, PathBuf};

use super::{error::CliError, report::Console, source_args::SourceArgs};
use crate::{
    primitives::Address,
    proof::Target,
    prove::{L1Options, MessagesOptions, StateOptions, TreesOptions},
};

impl SourceArgs {
    /// The arguments with those that --archive stands for.
    ///
    /// # Errors
    /// [`CliError::Usage`] if files are missing, or one is standard input, which can be read only once.
    pub(super) fn with_archive(&self) -> Result<Self, CliError> {
        let mut args = self.clone();
        if let Some(archive) = args.archive.clone() {
            for paths in [&mut args.tree, &mut args.messages, &mut args.sl_batches] {
                if paths.is_empty() {
                    paths.push(archive.clone());
                }
            }
        }
        if args.tree.is_empty() || args.messages.is_empty() {
            return Err(CliError::Usage("give --tree and --messages, or --archive".into()));
        }
        if args.paths().contains(&Path::new("-")) {
            return Err(CliError::Usage("this command reads files, not standard input".into()));
        }
        Ok(args)
    }

    /// All files and directories.
    pub(super) fn paths(&self) -> Vec<&Path> {
        let several =
            [&self.tree, &self.messages, &self.past.events, &self.sl_batches, &self.anchor];
        several.into_iter().flatten().map(PathBuf::as_path).collect()
    }

    /// Bridgehub on L1, if it is known.
    pub(super) fn l1_bridgehub(&self) -> Option<Address> {
        let network = self.tree_args.state.deployment();
        self.anchor_bridgehub.or(network.map(|network| network.bridgehub))
    }

    /// The options for opening trees.
    pub(super) fn trees_options(&self, console: &Console) -> TreesOptions {
        let l1 = (!self.anchor.is_empty()).then(|| L1Options {
            paths: self.anchor.clone(),
            state: StateOptions {
                format: self.anchor_format.0,
                access: self.tree_args.state.access,
                bridgehub: self.l1_bridgehub(),
                message_root: self.anchor_message_root,
                trusted_block: self.trust_block,
                ..StateOptions::default()
            },
        });
        TreesOptions {
            batch_roots_only: Target::from(self.target) == Target::BatchRoot,
            sl_batches: self.sl_batches.clone(),
            l1,
            ..self.tree_args.options(Some(&self.past), console)
        }
    }

    /// The options for opening archives of logs.
    pub(super) fn messages_options(&self) -> MessagesOptions {
        let mut messages = MessagesOptions::default();
        messages.source.access = self.tree_args.state.access;
        messages.source.columns = self.tree_args.columns.clone().unwrap_or_default();
        messages.source.relayed = self.relayed_by;
        messages.chain_of_others = self.chain;
        messages
    }
}
