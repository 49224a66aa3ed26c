//! What was typed behind `prove`, checked for form only.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::args::{SearchArgs, TreeArgs};
use crate::{
    primitives::{Address, ChainId, Hash},
    proof::{
        Target,
        calldata::{Call, CallOptions},
    },
    prove::{Batches, Shard},
    records,
};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true)
    .args(["index", "message", "tx", "requests", "all"]))]
pub(super) struct ProveArgs {
    /// The state of the settlement layer: a tree file, a snapshot, a dump, or - for standard input
    #[arg(long, value_name = "STATE")]
    pub(super) tree: PathBuf,
    /// The archive of L2→L1 logs, raw or *.slmsg, or - for standard input
    #[arg(long, value_name = "ARCHIVE")]
    pub(super) messages: PathBuf,
    #[command(flatten)]
    pub(super) which: WhichArgs,
    /// The root to prove against: latest (the newest interop root), first (that of the block in which
    /// the batch was executed), block:N, sl-batch:N (the root that L1 stores), or batch-root (of the
    /// chain itself)
    #[arg(long, value_name = "TARGET", default_value = "latest")]
    pub(super) target: Target,
    /// The settlement layer's own batches with their logs and blocks, for sl-batch:N
    #[arg(long, value_name = "FILE")]
    pub(super) sl_batches: Option<PathBuf>,
    /// The state of L1 that the root of sl-batch:N is compared with
    #[arg(long, value_name = "STATE", requires = "sl_batches")]
    pub(super) anchor: Option<PathBuf>,
    /// Bridgehub's address on L1
    #[arg(long, value_name = "ADDRESS", requires = "anchor")]
    pub(super) anchor_bridgehub: Option<Address>,
    /// MessageRoot's address on L1 [default: where Bridgehub says]
    #[arg(long, value_name = "ADDRESS", requires = "anchor")]
    pub(super) anchor_message_root: Option<Address>,
    /// How to write proofs [default: json for one, ndjson for many]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<ProofFormat>,
    #[command(flatten)]
    pub(super) calls: CallArgs,
    /// Only one of so many shares of --all, as K/N with K from 1, which follow each other and have about as
    /// many logs; a file FILE.shard.json beside the output says which, for slproof merge
    #[arg(long, value_name = "K/N", conflicts_with_all = ["index", "message", "tx", "requests"])]
    pub(super) shard: Option<Shard>,
    /// Go on with an interrupted job of the same arguments, which left FILE.partial; without such a job
    /// begin it
    #[arg(long)]
    pub(super) resume: bool,
    /// Write what became of the requests to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) summary: Option<PathBuf>,
    /// The file to write, or - for standard output; text is compressed where its name ends with .gz or
    /// .zst
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) past: SearchArgs,
    #[command(flatten)]
    pub(super) how: TreeArgs,
}

/// What to prove.
#[derive(Debug, Args)]
#[command(next_help_heading = "What to prove")]
pub(super) struct WhichArgs {
    /// The chain that sent the message
    #[arg(long, value_name = "ID")]
    pub(super) chain: Option<ChainId>,
    /// The batch of the chain, or batches: A..B ends before B, A..=B with it, A.. never
    #[arg(long, value_name = "NUMBER", requires = "chain")]
    pub(super) batch: Option<Batches>,
    /// The log's leaf index in the batch
    #[arg(long, value_name = "INDEX", requires_all = ["chain", "batch"])]
    pub(super) index: Option<u64>,
    /// Every message with this hash, which sendToL1 returned; --chain, --batch and --sender narrow it
    #[arg(long, value_name = "HASH")]
    pub(super) message: Option<Hash>,
    /// Every log that this transaction emitted; --chain, --batch and --sender narrow it
    #[arg(long, value_name = "HASH")]
    pub(super) tx: Option<Hash>,
    /// The one of the transaction's logs with this place among them, from 0, as a node counts them
    #[arg(long, value_name = "N", requires = "tx")]
    pub(super) log: Option<u64>,
    /// What the lines of this file ask for, in their order; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["chain", "batch", "sender"])]
    pub(super) requests: Option<PathBuf>,
    /// Every log; --chain, --batch and --sender narrow it
    #[arg(long)]
    pub(super) all: bool,
    /// Only messages that this address sent
    #[arg(long, value_name = "ADDRESS", conflicts_with = "index")]
    pub(super) sender: Option<Address>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProofFormat {
    /// One JSON object, or an array of them
    Json,
    /// One JSON object a line
    Ndjson,
    /// One object a line, with exactly the fields that a node answers
    Rpc,
    /// One object a line, with the ABI-encoded call that takes the proof
    Calldata,
    /// Rows of a Parquet file
    Parquet,
}

impl From<ProofFormat> for records::ProofFormat {
    fn from(format: ProofFormat) -> Self {
        match format {
            ProofFormat::Json => Self::Json,
            ProofFormat::Ndjson => Self::Ndjson,
            ProofFormat::Rpc => Self::Rpc,
            ProofFormat::Calldata => Self::Calldata,
            ProofFormat::Parquet => Self::Parquet,
        }
    }
}

/// The calls of `--format calldata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(super) struct CallArgs {
    /// The call of calldata [default: message for messages whose bytes are known, log for other logs]
    #[arg(long, value_enum, value_name = "CALL")]
    pub(super) call: Option<CallName>,
    /// The contract that calldata are for [default for message, log and leaf with roots of blocks:
    /// 0x…10009]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) to: Option<Address>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CallName {
    /// proveL2MessageInclusionShared
    Message,
    /// proveL2LogInclusionShared
    Log,
    /// proveL2LeafInclusionShared
    Leaf,
    /// finalizeDeposit, which L1Nullifier takes
    FinalizeDeposit,
}

impl From<CallArgs> for CallOptions {
    fn from(args: CallArgs) -> Self {
        let call = args.call.map(|call| match call {
            CallName::Message => Call::Message,
            CallName::Log => Call::Log,
            CallName::Leaf => Call::Leaf,
            CallName::FinalizeDeposit => Call::FinalizeDeposit,
        });
        Self { call, to: args.to }
    }
}
