//! The arguments of commands that give proofs of whole archives to others: the files, and the root for L1.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::PossibleValue};

use super::{
    formats::InputFormat,
    state_args::{SearchArgs, TreeArgs, dump_format},
};
use crate::{
    ingest::{logs::RelayedBy, state::Format},
    primitives::{Address, ChainId, Hash},
    proof::Target,
};

#[derive(Clone, Debug, Args)]
pub(super) struct SourceArgs {
    /// A directory with everything: stands for --tree, --messages and --sl-batches with this directory
    #[arg(long, value_name = "DIR")]
    pub(super) archive: Option<PathBuf>,
    /// Evidence of the settlement layer: a tree file, a snapshot, dumps of one state, events of MessageRoot, or
    /// transactions and blobs of L1; directories of them
    #[arg(long, num_args = 1.., value_name = "EVIDENCE")]
    pub(super) tree: Vec<PathBuf>,
    /// L2→L1 logs in any form that index takes; directories of them
    #[arg(long, num_args = 1.., value_name = "ARCHIVE")]
    pub(super) messages: Vec<PathBuf>,
    /// The chain of logs that do not name it, if the batch roots do not show it
    #[arg(long, value_name = "ID")]
    pub(super) chain: Option<ChainId>,
    /// The sender of the messages on the settlement layer that carry the pubdata of its chains, or any; see
    /// prove
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
    /// The hash of the block of L1 that you trust; answers of eth_getProof have to hold for it
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
