//! The arguments of `prove`, checked for form only.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{
    anchor_args::L1StateArgs,
    number,
    state_args::{SearchArgs, TreeArgs},
};
use crate::{
    ingest::logs::RelayedBy,
    message::{BatchRootLeaf, LogKind},
    primitives::{Address, ChainId, Hash},
    proof::{
        Target,
        calldata::{CallChoice, CallOptions, L1Contracts},
    },
    prove::{Batches, Shard},
    records::{Integers, ProofFormat},
};

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("which").required(true)
    .args(["index", "message", "tx", "hash", "requests", "all", "leaf"]))]
pub(super) struct ProveArgs {
    /// A directory with everything: stands for --tree, --messages and --sl-batches with this directory
    #[arg(long, value_name = "DIR")]
    pub(super) archive: Option<PathBuf>,
    /// Evidence of the settlement layer: a tree file, a snapshot, dumps of one state, events of MessageRoot,
    /// transactions and blobs of L1, or a node's table with stored paths; directories of them, or - for
    /// standard input
    #[arg(long, required_unless_present = "archive", num_args = 1.., value_name = "EVIDENCE")]
    pub(super) tree: Vec<PathBuf>,
    /// L2→L1 logs in any form that index takes; directories of them, or - for standard
    /// input. Logs that do not name their chain belong to the chain whose batch roots they make, else
    /// to --chain
    #[arg(long, required_unless_present = "archive", num_args = 1.., value_name = "ARCHIVE")]
    pub(super) messages: Vec<PathBuf>,
    /// The sender of the messages on the settlement layer that carry the pubdata of its chains
    /// (RelayedSLDAValidator), or any. In files of L1 the default is any, and what does not fold to its batch
    /// root is left out
    #[arg(long, value_name = "ADDRESS|any")]
    pub(super) relayed_by: Option<RelayedBy>,
    #[command(flatten)]
    pub(super) which: WhichArgs,
    /// The root to prove against: latest (the newest interop root), first (the interop root of the block
    /// that executed the batch), block:N, sl-batch:N (the root that L1 stores), sl-batch:first (that of
    /// the SL batch that executed the batch), or batch-root (of the log's own batch)
    #[arg(long, value_name = "TARGET", default_value = "latest")]
    pub(super) target: Target,
    /// The settlement layer's own batches, with their logs and blocks, or transactions and blobs of L1, for
    /// sl-batch:N and sl-batch:first; files or directories. Not needed if --tree is of L1
    #[arg(long, value_name = "FILE")]
    pub(super) sl_batches: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) l1: L1StateArgs,
    /// The format of the output [default: json with --index, or with --tx and --log; else ndjson]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<ProofFormat>,
    /// How chain ids and numbers are written in json and ndjson
    #[arg(long, value_enum, value_name = "FORM", default_value = "number")]
    pub(super) integers: Integers,
    #[command(flatten)]
    pub(super) calls: CallArgs,
    /// Write requests that cannot be proven to this file, one JSON object on each line, and not among the
    /// proofs; compressed if the name ends with .gz or .zst
    #[arg(long, value_name = "FILE")]
    pub(super) failures: Option<PathBuf>,
    #[command(flatten)]
    pub(super) shard: ShardArgs,
    /// Resume an interrupted job with the same arguments, which left FILE.partial; start it if there is
    /// none
    #[arg(long)]
    pub(super) resume: bool,
    /// Write the counts of proofs and failures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) summary: Option<PathBuf>,
    /// The file to write, or - for standard output; text is compressed if the name ends with .gz or .zst
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) past: SearchArgs,
    #[command(flatten)]
    pub(super) tree_args: TreeArgs,
}

/// Which part of the job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(super) struct ShardArgs {
    /// Prove only shard K of N of --all or --requests, counted from 1. Shards follow each other and have about
    /// the same number of logs or of lines. slproof merge joins shards of text; shards of Parquet are read
    /// together as they are
    #[arg(long, value_name = "K/N", conflicts_with_all = ["index", "message", "tx", "hash", "shards"])]
    pub(super) shard: Option<Shard>,
    /// Prove one of N shards: the one of --shard-index, or else of the scheduler's variables
    /// JOB_COMPLETION_INDEX (Kubernetes), SLURM_ARRAY_TASK_ID or AWS_BATCH_JOB_ARRAY_INDEX. With auto, the
    /// scheduler says the number of shards too (Slurm, AWS Batch)
    #[arg(long, value_name = "N|auto", value_parser = shards, conflicts_with_all = ["index", "message", "tx", "hash"])]
    pub(super) shards: Option<Shards>,
    /// The number of the shard, counted from 0
    #[arg(long, value_name = "I", requires = "shards", value_parser = number::parse)]
    pub(super) shard_index: Option<u64>,
}

/// A number of shards; `None` if the scheduler says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shards(pub(super) Option<u64>);

fn shards(text: &str) -> Result<Shards, String> {
    match text {
        "auto" => Ok(Shards(None)),
        _ => match number::parse(text)? {
            0 => Err("expected at least 1".into()),
            of => Ok(Shards(Some(of))),
        },
    }
}

/// What to prove.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What to prove")]
pub(super) struct WhichArgs {
    /// The chain that sent the message
    #[arg(long, value_name = "ID")]
    pub(super) chain: Option<ChainId>,
    /// The batch, or a range: A..B is without B, A..=B with it, A.. has no end
    #[arg(long, value_name = "NUMBER", requires = "chain")]
    pub(super) batch: Option<Batches>,
    /// The log's leaf index in the batch
    #[arg(long, value_name = "INDEX", requires_all = ["chain", "batch"], value_parser = number::parse)]
    pub(super) index: Option<u64>,
    /// Every message with this hash, as sendToL1 returned it; --chain, --batch and --sender narrow it
    #[arg(long, value_name = "HASH")]
    pub(super) message: Option<Hash>,
    /// Every log that this transaction emitted; --chain, --batch and --sender narrow it
    #[arg(long, value_name = "HASH")]
    pub(super) tx: Option<Hash>,
    /// Only log N of the transaction, counted from 0 as nodes do
    #[arg(long, value_name = "N", requires = "tx", value_parser = number::parse,
        conflicts_with_all = ["index", "message", "hash", "requests", "all"])]
    pub(super) log: Option<u64>,
    /// Every message with this hash, and every log of the transaction with it
    #[arg(long, value_name = "HASH")]
    pub(super) hash: Option<Hash>,
    /// Everything that the lines of this file ask for, in their order; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["chain", "batch", "sender", "kind"])]
    pub(super) requests: Option<PathBuf>,
    /// Every log; --chain, --batch, --sender and --kind narrow it
    #[arg(long)]
    pub(super) all: bool,
    /// A leaf of the root of --batch, if that has eight (ZKsync OS since v33): logs, multichain, imt-begin or imt-end
    #[arg(long, value_name = "LEAF", requires_all = ["chain", "batch"],
        conflicts_with_all = ["sender", "kind", "shard", "shards", "resume", "summary", "failures"])]
    pub(super) leaf: Option<BatchRootLeaf>,
    /// Only messages that this address sent
    #[arg(long, value_name = "ADDRESS", conflicts_with = "index")]
    pub(super) sender: Option<Address>,
    /// Only logs of this kind
    #[arg(long, value_enum, value_name = "KIND", conflicts_with = "index")]
    pub(super) kind: Option<LogKind>,
}

/// The calls of `--format calldata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(super) struct CallArgs {
    /// The function to call [default: message for messages whose bytes are known, log for other logs]
    #[arg(long, value_enum, value_name = "CALL")]
    pub(super) call: Option<CallChoice>,
    /// The contract to call [default for message, log and leaf: 0x…10009 with roots of blocks, else the one
    /// that the state of L1 names; for finalize-deposit: that of --l1-nullifier]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) to: Option<Address>,
    /// The address of L1Nullifier, which pays withdrawals out
    #[arg(long, value_name = "ADDRESS")]
    pub(super) l1_nullifier: Option<Address>,
}

impl From<CallArgs> for CallOptions {
    fn from(args: CallArgs) -> Self {
        let l1 = L1Contracts { nullifier: args.l1_nullifier, ..L1Contracts::default() };
        Self { call: args.call.unwrap_or_default(), to: args.to, l1 }
    }
}
