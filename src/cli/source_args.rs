//! The arguments of commands that give proofs of whole archives to others: the files, and the root for L1.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, builder::PossibleValue};

use super::{
    error::CliError,
    formats::InputFormat,
    report::Console,
    state_args::{SearchArgs, TreeArgs, dump_format},
};
use crate::{
    ingest::{logs::RelayedBy, state::Format},
    primitives::{Address, ChainId, Hash},
    proof::Target,
    prove::{L1Options, MessagesOptions, StateOptions, TreesOptions},
};

#[derive(Clone, Debug, Args)]
pub(super) struct SourceArgs {
    /// A directory with everything: stands for --tree, --messages and --sl-batches with this directory
    #[arg(long, value_name = "DIR")]
    pub(super) archive: Option<PathBuf>,
    /// Data of the settlement layer: a tree file, a snapshot, dumps of one state, events of MessageRoot, or
    /// transactions and blobs of L1; directories of them
    #[arg(long, num_args = 1.., value_name = "EVIDENCE")]
    pub(super) tree: Vec<PathBuf>,
    /// Archives of L2→L1 logs in any form that index takes; directories of them
    #[arg(long, num_args = 1.., value_name = "ARCHIVE")]
    pub(super) messages: Vec<PathBuf>,
    /// The chain of logs that do not name it, if the batch roots do not show it
    #[arg(long, value_name = "ID")]
    pub(super) chain: Option<ChainId>,
    /// The sender of messages that carry the pubdata of other chains, or any; see prove
    #[arg(long, value_name = "ADDRESS|any")]
    pub(super) relayed_by: Option<RelayedBy>,
    /// The settlement layer's own batches, with their logs and blocks, or transactions and blobs of L1. Without
    /// them, and without trees from L1, only roots of blocks can be proven to
    #[arg(long, value_name = "FILE")]
    pub(super) sl_batches: Vec<PathBuf>,
    /// The root for L1: where clients name no root
    #[arg(long, value_enum, value_name = "TARGET", default_value = "sl-batch:first")]
    pub(super) target: L1Target,
    /// The state of L1, with which roots are compared
    #[arg(long, num_args = 1.., value_name = "STATE")]
    pub(super) anchor: Vec<PathBuf>,
    /// The hash of the block of L1 that is trusted, which answers of eth_getProof have to hold for
    #[arg(long, value_name = "HASH", requires = "anchor")]
    pub(super) trust_block: Option<Hash>,
    /// The format of the state of L1
    #[arg(long, value_parser = dump_format(), default_value = "auto", value_name = "FORMAT", requires = "anchor")]
    pub(super) anchor_format: InputFormat<Format>,
    /// The address of Bridgehub on L1
    #[arg(long, value_name = "ADDRESS")]
    pub(super) anchor_bridgehub: Option<Address>,
    /// The address of MessageRoot on L1 [default: the one that Bridgehub names]
    #[arg(long, value_name = "ADDRESS", requires = "anchor")]
    pub(super) anchor_message_root: Option<Address>,
    #[command(flatten)]
    pub(super) past: SearchArgs,
    #[command(flatten)]
    pub(super) tree_args: TreeArgs,
}

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

/// The root for L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum L1Target {
    FirstSlBatch,
    BatchRoot,
}

impl From<L1Target> for Target {
    fn from(target: L1Target) -> Self {
        match target {
            L1Target::FirstSlBatch => Self::FirstSlBatch,
            L1Target::BatchRoot => Self::BatchRoot,
        }
    }
}

impl ValueEnum for L1Target {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::FirstSlBatch, Self::BatchRoot]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::FirstSlBatch => PossibleValue::new("sl-batch:first")
                .help("The root of the SL batch that executed the batch"),
            Self::BatchRoot => PossibleValue::new("batch-root")
                .help("The batch root, for chains that settle on L1"),
        })
    }
}
