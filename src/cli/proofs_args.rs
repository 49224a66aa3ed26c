//! The arguments of the commands that read proofs.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{
    anchor_args::{self, AnchorArgs},
    number,
    state_args::StateArgs,
};
use crate::{
    contracts::Network,
    message::L2ToL1Log,
    primitives::{Address, BatchNumber, ChainId, Hash},
};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("trusted").required(true).args(["root", "anchor", "published"]))]
#[command(mut_arg("anchor", anchor_args::of_any_layer))]
#[command(mut_arg("state_format", anchor_args::with_anchor_format))]
pub(super) struct VerifyArgs {
    /// The proofs: the output of prove, or answers of a node; - for standard input
    #[arg(required_unless_present = "published", default_value = "-", hide_default_value = true)]
    pub(super) proofs: PathBuf,
    /// Read a directory that publish wrote: make every proof as a client does, and compare every file with its
    /// hash and every index with the logs. Whether its roots are the real ones is not checked
    #[arg(long, value_name = "DIR", conflicts_with_all = ["proofs", "report"])]
    pub(super) published: Option<PathBuf>,
    /// The root that every proof has to fold to. Only the hash is compared: which block or batch it
    /// belongs to is not checked
    #[arg(long, value_name = "HASH")]
    pub(super) root: Option<Hash>,
    #[command(flatten)]
    pub(super) anchor: AnchorArgs,
    /// Write one verdict per line to this file, or - for standard output
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    #[command(flatten)]
    pub(super) missing: MissingArgs,
    #[command(flatten)]
    pub(super) state_args: StateArgs,
}

#[derive(Debug, Args)]
pub(super) struct NeedsArgs {
    /// The proofs: the output of prove, or answers of a node; - for standard input
    pub(super) proofs: PathBuf,
    /// The hash of a block of L1. The requests are for this block, and answers have to hold for it
    #[arg(long, value_name = "HASH")]
    pub(super) trust_block: Hash,
    /// The address of Bridgehub on L1
    #[arg(long, value_name = "ADDRESS", required_unless_present = "network")]
    pub(super) bridgehub: Option<Address>,
    /// The address of MessageRoot on L1 [default: the one that Bridgehub names]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) message_root: Option<Address>,
    /// The address of L1Nullifier: also ask for what decides whether L1 pays withdrawals and failed deposits out
    #[arg(long, value_name = "ADDRESS")]
    pub(super) l1_nullifier: Option<Address>,
    /// Use the ids and addresses of this network that slproof networks prints, where no flag gives others
    #[arg(long, value_enum, value_name = "NETWORK")]
    pub(super) network: Option<Network>,
    /// Answers of eth_getProof that are there already, and the header of the block. May be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) anchor: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) missing: MissingArgs,
}

#[derive(Debug, Args)]
#[command(mut_arg("anchor", anchor_args::required))]
#[command(mut_arg("state_format", anchor_args::with_anchor_format))]
pub(super) struct RecheckArgs {
    /// The proofs: the output of prove, calldata, or answers of a node; - for standard input
    pub(super) proofs: PathBuf,
    #[command(flatten)]
    pub(super) anchor: AnchorArgs,
    /// The address of L1Nullifier
    #[arg(long, value_name = "ADDRESS")]
    pub(super) l1_nullifier: Option<Address>,
    /// Write one line for each proof to this file, or - for standard output
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    #[command(flatten)]
    pub(super) missing: MissingArgs,
    #[command(flatten)]
    pub(super) state_args: StateArgs,
}

/// Fields that are missing in the answer of a node.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the answer of a node leaves out")]
pub(super) struct MissingArgs {
    /// The chain
    #[arg(long, value_name = "ID")]
    pub(super) chain_id: Option<ChainId>,
    /// The batch; older nodes leave it out
    #[arg(long, value_name = "NUMBER")]
    pub(super) batch: Option<BatchNumber>,
    /// The log, 88 bytes
    #[arg(long, value_name = "HEX", conflicts_with_all = ["message", "sender", "tx_number"])]
    pub(super) log: Option<L2ToL1Log>,
    /// The message; the log is computed from it, --sender and --tx-number
    #[arg(long, value_name = "HEX", requires_all = ["sender", "tx_number"])]
    pub(super) message: Option<String>,
    /// The sender of the message
    #[arg(long, value_name = "ADDRESS", requires = "message")]
    pub(super) sender: Option<Address>,
    /// The number of the message's transaction in its batch
    #[arg(long, value_name = "NUMBER", requires = "message", value_parser = number::parse_u16)]
    pub(super) tx_number: Option<u16>,
}
