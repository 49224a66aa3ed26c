//! The arguments of `prove`, checked for form only.

use std::{fmt, path::PathBuf, str::FromStr};

use clap::{ArgGroup, Args, ValueEnum};

use super::{
    number,
    state_args::{DumpFormat, SearchArgs, TreeArgs},
};
use crate::{
    primitives::{Address, BatchNumber, ChainId, Hash},
    proof::{
        Target,
        calldata::{Call, CallOptions},
    },
};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true)
    .args(["index", "message", "tx", "hash", "requests", "all"]))]
pub(super) struct ProveArgs {
    /// The state of the settlement layer: a tree file, a snapshot or a dump; - for standard input
    #[arg(long, value_name = "STATE")]
    pub(super) tree: PathBuf,
    /// The archive of L2→L1 logs, raw or *.slmsg; - for standard input
    #[arg(long, value_name = "ARCHIVE")]
    pub(super) messages: PathBuf,
    #[command(flatten)]
    pub(super) which: WhichArgs,
    /// The root to prove against: latest (the newest interop root), first (the interop root of the block
    /// that executed the batch), block:N, sl-batch:N (the root that L1 stores), or batch-root (of the
    /// chain itself)
    #[arg(long, value_name = "TARGET", default_value = "latest")]
    pub(super) target: Target,
    /// The settlement layer's own batches, with their logs and blocks, for sl-batch:N
    #[arg(long, value_name = "FILE")]
    pub(super) sl_batches: Option<PathBuf>,
    /// The state of L1; the root of sl-batch:N is compared with the one in it
    #[arg(long, value_name = "STATE", requires = "sl_batches")]
    pub(super) anchor: Option<PathBuf>,
    /// The format of the state of L1
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", requires = "anchor")]
    pub(super) anchor_format: DumpFormat,
    /// The address of Bridgehub on L1
    #[arg(long, value_name = "ADDRESS", requires = "anchor")]
    pub(super) anchor_bridgehub: Option<Address>,
    /// The address of MessageRoot on L1 [default: the one that Bridgehub names]
    #[arg(long, value_name = "ADDRESS", requires = "anchor")]
    pub(super) anchor_message_root: Option<Address>,
    /// The format of the output [default: json with --index, or with --tx and --log; else ndjson]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<ProofFormat>,
    #[command(flatten)]
    pub(super) calls: CallArgs,
    /// Prove only shard K of N of --all, counted from 1. Shards follow each other and have about the same
    /// number of logs. FILE.shard.json beside the output describes it for slproof merge
    #[arg(long, value_name = "K/N", conflicts_with_all = ["index", "message", "tx", "hash", "requests"])]
    pub(super) shard: Option<Shard>,
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
    pub(super) how: TreeArgs,
}

/// What to prove.
#[derive(Debug, Args)]
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
    #[arg(long, value_name = "FILE", conflicts_with_all = ["chain", "batch", "sender"])]
    pub(super) requests: Option<PathBuf>,
    /// Every log; --chain, --batch and --sender narrow it
    #[arg(long)]
    pub(super) all: bool,
    /// Only messages that this address sent
    #[arg(long, value_name = "ADDRESS", conflicts_with = "index")]
    pub(super) sender: Option<Address>,
}

impl WhichArgs {
    /// Whether the command line selects one log by its place, so that the output is one record. What is
    /// found does not matter: the same command writes the same format for every input.
    pub(super) fn is_one_log(&self) -> bool {
        self.index.is_some() || (self.tx.is_some() && self.log.is_some())
    }
}

/// One of the shards of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    /// From 1.
    pub(super) number: u64,
    pub(super) of: u64,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || -> Option<Self> {
            let (number, of) = text.split_once('/')?;
            let shard = Self { number: number::parse(number).ok()?, of: number::parse(of).ok()? };
            (1..=shard.of).contains(&shard.number).then_some(shard)
        };
        parse().ok_or_else(|| format!("{text:?} is not a shard K/N with K from 1 to N"))
    }
}

/// A range of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batches {
    pub(super) first: BatchNumber,
    pub(super) last: BatchNumber,
}

impl FromStr for Batches {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let batch = |text: &str| {
            number::parse(text).map_err(|error| format!("{text:?} is not a batch number: {error}"))
        };
        let (first, last) = match text.split_once("..") {
            None => (batch(text)?, batch(text)?),
            Some((first, "")) => (batch(first)?, u64::MAX),
            Some((first, rest)) => {
                let first = batch(first)?;
                let last = match rest.strip_prefix('=') {
                    Some(last) => Some(batch(last)?),
                    None => batch(rest)?.checked_sub(1),
                };
                let last = last.filter(|last| first <= *last);
                (first, last.ok_or_else(|| format!("{text:?} is an empty range"))?)
            }
        };
        Ok(Self { first: BatchNumber(first), last: BatchNumber(last) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProofFormat {
    /// One JSON object, or an array of them
    Json,
    /// One JSON object per line
    Ndjson,
    /// One object per line, with exactly the fields that a node returns
    Rpc,
    /// One object per line, with the ABI-encoded call for the proof
    Calldata,
    /// Rows of a Parquet file
    Parquet,
}

/// The calls of `--format calldata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(super) struct CallArgs {
    /// The function to call [default: message for messages whose bytes are known, log for other logs]
    #[arg(long, value_enum, value_name = "CALL")]
    pub(super) call: Option<CallName>,
    /// The contract to call [default for message, log and leaf with roots of blocks: 0x…10009]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) to: Option<Address>,
}

impl CallArgs {
    /// What was given, as text.
    pub(super) fn given(self) -> Option<String> {
        (self.call.is_some() || self.to.is_some()).then(|| format!("{:?} {:?}", self.call, self.to))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CallName {
    /// proveL2MessageInclusionShared
    Message,
    /// proveL2LogInclusionShared
    Log,
    /// proveL2LeafInclusionShared
    Leaf,
    /// finalizeDeposit of L1Nullifier
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!("1/1".parse(), Ok(Shard { number: 1, of: 1 }));
        assert_eq!("3/7".parse(), Ok(Shard { number: 3, of: 7 }));
        assert_eq!("0x3/0x7".parse(), Ok(Shard { number: 3, of: 7 }));
        for text in ["", "1", "0/1", "2/1", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn batches_are_a_number_or_a_range() {
        let batches =
            |first, last| Ok(Batches { first: BatchNumber(first), last: BatchNumber(last) });
        assert_eq!("7".parse(), batches(7, 7));
        assert_eq!("7..9".parse(), batches(7, 8));
        assert_eq!("0x7..0x9".parse(), batches(7, 8));
        assert_eq!("7..=9".parse(), batches(7, 9));
        assert_eq!("7..".parse(), batches(7, u64::MAX));
        for text in ["", "..", "..9", "x", "9..7", "7..7", "0..0", "7..=6", "7...9", "-1"] {
            assert!(text.parse::<Batches>().is_err(), "{text}");
        }
    }
}
