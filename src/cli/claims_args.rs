//! The arguments of `claims`, checked for form only.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::PossibleValue};

use super::{
    anchor_args::{self, L1StateArgs},
    state_args::{SearchArgs, TreeArgs},
};
use crate::{
    claims::{ClaimKind, Status},
    primitives::{Address, ChainId, Hash},
    prove::Batches,
};

#[derive(Clone, Debug, Args)]
#[command(mut_arg("anchor", anchor_args::required))]
pub(super) struct ClaimsArgs {
    /// A directory with everything: stands for --tree, --messages and --sl-batches with this directory
    #[arg(long, value_name = "DIR")]
    pub(super) archive: Option<PathBuf>,
    /// Evidence of the settlement layer: a tree file, a snapshot, dumps of one state, or events of
    /// MessageRoot; directories of them, or - for standard input. Batches that were executed on L1 itself
    /// need none
    #[arg(long, num_args = 1.., value_name = "EVIDENCE", requires = "sl_batches")]
    pub(super) tree: Vec<PathBuf>,
    /// L2→L1 logs in any form that index takes; directories of them, or - for standard
    /// input. Logs that do not name their chain belong to the chain whose batch roots they make, else
    /// to --chain
    #[arg(long, required_unless_present = "archive", num_args = 1.., value_name = "ARCHIVE")]
    pub(super) messages: Vec<PathBuf>,
    /// The settlement layer's own batches, with their logs and blocks; files or directories
    #[arg(long, value_name = "FILE")]
    pub(super) sl_batches: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) l1: L1StateArgs,
    #[command(flatten)]
    pub(super) payout: PayoutArgs,
    #[command(flatten)]
    pub(super) which: WhichClaims,
    #[command(flatten)]
    pub(super) deposit: DepositArgs,
    /// Write the totals by token to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) summary: Option<PathBuf>,
    /// The file to write, one claim per line, or - for standard output; compressed if the name ends
    /// with .gz or .zst. On a terminal, a table is shown instead
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) past: SearchArgs,
    #[command(flatten)]
    pub(super) tree_args: TreeArgs,
}

/// What else is known of L1.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The state of L1")]
pub(super) struct PayoutArgs {
    /// The address of L1Nullifier
    #[arg(long, value_name = "ADDRESS")]
    pub(super) l1_nullifier: Option<Address>,
    /// The chain id of L1, for the asset ids of its tokens [default: the one in its MessageRoot, or in
    /// Bridgehub]
    #[arg(long, value_name = "ID")]
    pub(super) l1_chain_id: Option<ChainId>,
    /// The chain whose withdrawals were paid out by old bridges too [default: 324 on Ethereum, 300 on
    /// Sepolia]
    #[arg(long, value_name = "ID")]
    pub(super) era_chain_id: Option<ChainId>,
}

/// Which claims.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which claims")]
pub(super) struct WhichClaims {
    /// Only logs of this chain
    #[arg(long, value_name = "ID")]
    pub(super) chain: Option<ChainId>,
    /// Only this batch, or a range: A..B is without B, A..=B with it, A.. has no end
    #[arg(long, value_name = "NUMBER", requires = "chain")]
    pub(super) batch: Option<Batches>,
    /// Only logs that this transaction emitted
    #[arg(long, value_name = "HASH")]
    pub(super) tx: Option<Hash>,
    /// Only messages with this hash, as sendToL1 returned it
    #[arg(long, value_name = "HASH", conflicts_with = "tx")]
    pub(super) message: Option<Hash>,
    /// Only withdrawals to this address
    #[arg(long, value_name = "ADDRESS")]
    pub(super) receiver: Option<Address>,
    /// Only messages that this address sent, and withdrawals that it made according to the message
    #[arg(long, value_name = "ADDRESS")]
    pub(super) sender: Option<Address>,
    /// Only withdrawals of this token of L1; for tokens of other chains give --asset-id
    #[arg(long, value_name = "ADDRESS")]
    pub(super) token: Option<Address>,
    /// Only withdrawals of this asset
    #[arg(long, value_name = "HASH")]
    pub(super) asset_id: Option<Hash>,
    /// Only claims of these kinds [default: base-token,asset-router,legacy-erc20]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,…")]
    pub(super) kind: Vec<ClaimKind>,
    /// Only claims with these statuses; the totals count all
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STATUS,…")]
    pub(super) status: Vec<Status>,
}

/// What is known of a failed deposit.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The deposit of --kind failed-deposit")]
pub(super) struct DepositArgs {
    /// Who made the deposit on L1
    #[arg(long, value_name = "ADDRESS", requires_all = ["deposit_asset", "deposit_data"])]
    pub(super) deposit_sender: Option<Address>,
    /// The asset id of the deposit
    #[arg(long, value_name = "HASH", requires_all = ["deposit_sender", "deposit_data"])]
    pub(super) deposit_asset: Option<Hash>,
    /// The transfer data of the deposit: of a token abi.encode(amount, receiver, token)
    #[arg(long, value_name = "HEX", requires_all = ["deposit_sender", "deposit_asset"])]
    pub(super) deposit_data: Option<String>,
}

impl ValueEnum for ClaimKind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::BaseToken => "Withdrawals of a chain's base token",
            Self::AssetRouter => "Withdrawals by the asset router",
            Self::LegacyErc20 => "Withdrawals of tokens of L1 by an older bridge",
            Self::FailedDeposit => "Deposits that failed on the chain",
            Self::Other => "Other messages, with the call that verifies them",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for Status {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Claimable => "L1 accepts the call",
            Self::Finalized => "Paid out",
            Self::Waiting => "Not executed on L1 yet",
            Self::Refused => "The contracts refuse it",
            Self::Unknown => "The inputs do not show it",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}
