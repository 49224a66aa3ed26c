//! What was typed, checked for form only.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use super::{error::CliError, prove_args::ProveArgs};
use crate::{
    contracts::Release,
    files::Access,
    ingest::{
        logs::{RelayedBy, SourceFormat},
        state::Format,
    },
    message::L2ToL1Log,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock},
};

/// Offline proofs for L2→L1 messages, from archived state of their settlement layer.
#[derive(Debug, Parser)]
#[command(name = "slproof", version, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct GlobalArgs {
    /// How many threads to compute on [default: RAYON_NUM_THREADS where that is set, else one a core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST_THREADS))]
    pub(super) threads: Option<u16>,
    /// Print no words but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say how inputs were understood
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Read native files into memory instead of mapping them
    #[arg(long, global = true)]
    pub(super) no_mmap: bool,
    /// When to colour words; NO_COLOR is respected
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(super) color: When,
    /// When to show on standard error how far proving is
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(super) progress: When,
}

/// The most threads, whoever says how many.
const MOST_THREADS: i64 = 1024;

impl GlobalArgs {
    /// How many threads to compute on, where that is said.
    pub(super) fn threads(&self) -> Result<Option<u16>, CliError> {
        const NAME: &str = "RAYON_NUM_THREADS";
        if self.threads.is_some() {
            return Ok(self.threads);
        }
        let Some(text) = std::env::var_os(NAME).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let threads = text.to_str().and_then(|text| text.parse().ok());
        match threads.filter(|threads| (1..=MOST_THREADS).contains(&i64::from(*threads))) {
            Some(threads) => Ok(Some(threads)),
            None => Err(CliError::Usage(format!(
                "{NAME} is {}, and not a number from 1 to {MOST_THREADS}",
                text.display()
            ))),
        }
    }
}

impl Cli {
    /// Gives global flags to the arguments that they are about.
    pub(super) fn share_global(&mut self) {
        let access = if self.global.no_mmap { Access::Read } else { Access::Map };
        match &mut self.command {
            Command::Rebuild(args) => args.how.state.access = access,
            Command::Prove(args) => args.how.state.access = access,
            Command::Verify(args) => args.how.access = access,
            Command::History(args) => args.how.state.access = access,
            Command::Inspect(args) => args.how.access = access,
            Command::Check(args) => args.access = access,
            Command::Index(args) => args.how.state.access = access,
            Command::Import(_) | Command::Merge(_) => {}
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum When {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl When {
    /// Colours words then.
    pub(super) fn colour(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a process has one command")]
pub(super) enum Command {
    /// Make a snapshot of state dumps: sorted, mapped, ready for every other command
    Import(ImportArgs),
    /// Rebuild a settlement layer's trees and compare them with what its contracts stored
    Rebuild(RebuildArgs),
    /// Make a message archive (*.slmsg) from archives of logs
    Index(IndexArgs),
    /// Make proofs
    Prove(ProveArgs),
    /// Put the outputs of all shares of a job together
    Merge(MergeArgs),
    /// Verify proofs
    Verify(VerifyArgs),
    /// Say what every root by block contains
    History(HistoryArgs),
    /// Say what is in a dump, an archive or a proof
    Inspect(InspectArgs),
    /// Read every byte of a native file against its checksums
    Check(CheckArgs),
}

/// How a state is to be understood, where its content does not say or the user knows better.
#[derive(Debug, Args)]
#[command(next_help_heading = "How to understand the state")]
pub(super) struct StateArgs {
    /// The dump's format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) dump_format: DumpFormat,
    /// Whose storage pages of debug_storageRangeAt hold
    #[arg(long, value_name = "ADDRESS")]
    pub(super) account: Option<Address>,
    #[arg(skip)]
    pub(super) access: Access,
    /// Bridgehub's address, where it is a proxy [default: 0x…10002]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) bridgehub: Option<Address>,
    /// MessageRoot's address, where it is a proxy [default: where the Bridgehub given says, or
    /// 0x…10005]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) message_root: Option<Address>,
}

/// And how its trees are to be rebuilt.
#[derive(Debug, Args)]
#[command(next_help_heading = "How to understand the state")]
pub(super) struct TreeArgs {
    #[command(flatten)]
    pub(super) state: StateArgs,
    /// The settlement layer's chain id; the state of another one is refused
    #[arg(long, value_name = "ID")]
    pub(super) sl_chain_id: Option<ChainId>,
    /// The release of the contracts, v26 to v31 [default: found from the state]
    #[arg(long, value_name = "RELEASE")]
    pub(super) release: Option<Release>,
    /// The block whose state this is, where the dump does not say
    #[arg(long, value_name = "BLOCK")]
    pub(super) last_block: Option<SlBlock>,
    /// The most batches that a chain may have executed away from this settlement layer
    #[arg(long, value_name = "BATCHES", default_value_t = 1 << 22)]
    pub(super) max_gap: u64,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum DumpFormat {
    /// Found by content
    #[default]
    Auto,
    /// anvil --dump-state, or the answer of anvil_dumpState
    Anvil,
    /// geth dump, or the answer of debug_dumpBlock
    Geth,
    /// geth snapshot dump
    GethSnapshot,
    /// anvil-zksync --dump-state
    AnvilZksync,
    /// The folder of a zksync-era snapshot, or its header
    EraSnapshot,
    /// Pages of debug_storageRangeAt; needs --account
    StorageRange,
    /// A table of address,slot,value or hashedKey,value as CSV or NDJSON
    Table,
    /// A snapshot that slproof import made
    Snapshot,
}

impl From<DumpFormat> for Option<Format> {
    fn from(format: DumpFormat) -> Self {
        match format {
            DumpFormat::Auto => None,
            DumpFormat::Anvil => Some(Format::Anvil),
            DumpFormat::Geth => Some(Format::Geth),
            DumpFormat::GethSnapshot => Some(Format::GethSnapshot),
            DumpFormat::AnvilZksync => Some(Format::AnvilZksync),
            DumpFormat::EraSnapshot => Some(Format::EraSnapshot),
            DumpFormat::StorageRange => Some(Format::StorageRange),
            DumpFormat::Table => Some(Format::Table),
            DumpFormat::Snapshot => Some(Format::Snapshot),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Dumps of one state: files, the folder of a zksync-era snapshot, or - for standard input
    #[arg(required = true)]
    pub(super) dumps: Vec<PathBuf>,
    /// The snapshot to write, *.slsnap
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// The dumps' format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) format: DumpFormat,
    /// Whose storage pages of debug_storageRangeAt hold
    #[arg(long, value_name = "ADDRESS")]
    pub(super) account: Option<Address>,
    /// MessageRoot's address, where it is a proxy [default: 0x…10005]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) message_root: Option<Address>,
    /// The settlement layer's chain id [default: found in MessageRoot]
    #[arg(long, value_name = "ID")]
    pub(super) sl_chain_id: Option<ChainId>,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// A file that slproof wrote
    pub(super) file: PathBuf,
    #[arg(skip)]
    pub(super) access: Access,
}

#[derive(Debug, Args)]
pub(super) struct RebuildArgs {
    /// The state: a snapshot, a dump, a tree file, or - for standard input
    pub(super) state: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(super) json: bool,
    /// The tree file to write, *.sltree
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Find out what every root by block contains, and write that too
    #[arg(long, requires = "output")]
    pub(super) history: bool,
    #[command(flatten)]
    pub(super) past: SearchArgs,
    #[command(flatten)]
    pub(super) how: TreeArgs,
}

/// How to find out what past roots contain.
#[derive(Debug, Args)]
#[command(next_help_heading = "How to find out what past roots contain")]
pub(super) struct SearchArgs {
    /// Events of MessageRoot: answers of eth_getLogs, or named events a line
    #[arg(long, value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// The most trees to try for what changed from one root to the next, where events do not say
    /// [default: 4,096 for each batch, at least 2^22 and at most 2^27]
    #[arg(long, value_name = "TREES")]
    pub(super) search: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// The state: a tree file, a snapshot, a dump, or - for standard input
    pub(super) state: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) past: SearchArgs,
    #[command(flatten)]
    pub(super) how: TreeArgs,
}

#[derive(Debug, Args)]
pub(super) struct IndexArgs {
    /// Archives of L2→L1 logs: raw ones, receipts, pubdata, a node's tables, and message archives
    /// made before; folders of them, or - for standard input
    #[arg(required = true, value_name = "ARCHIVE")]
    pub(super) archives: Vec<PathBuf>,
    /// The message archive to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// What the archives are
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) format: LogFormat,
    /// The chain whose logs these are, where they do not say it: receipts, tables of a node, pubdata
    /// named after the batch alone. Raw logs and pubdata that say another chain are refused
    #[arg(long, value_name = "ID")]
    pub(super) chain: Option<ChainId>,
    /// Which blocks each batch has, for receipts without batch numbers (ZKsync OS), and tables without
    /// miniblocks: lines of batchNumber, firstBlock and lastBlock, or events ReportCommittedBatchRangeZKsyncOS
    #[arg(long, value_name = "FILE", requires = "chain")]
    pub(super) batch_blocks: Option<PathBuf>,
    /// Index the pubdata of other chains that messages carry, too: those of this RelayedSLDAValidator, or
    /// of any sender
    #[arg(long, value_name = "ADDRESS|any")]
    pub(super) relayed_by: Option<RelayedBy>,
    /// The settlement layer's state: batches whose logs do not make their root in it are left out, and
    /// those that are missing are listed. Batches of which it has no root are kept, and counted as unchecked
    #[arg(long, value_name = "STATE")]
    pub(super) tree: Option<PathBuf>,
    #[command(flatten)]
    pub(super) how: TreeArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum LogFormat {
    /// Found by content, each for itself
    #[default]
    Auto,
    /// One JSON object a line, each a batch
    Jsonl,
    /// Receipts and events, as nodes answer them
    Receipts,
    /// The pubdata of one batch, of an Era or ZKsync OS chain
    Pubdata,
    /// A list of batches with their pubdata or its files
    PubdataList,
    /// Rows of a zksync-era node's tables: pg_dump in plain text, COPY with HEADER, or CSV
    Postgres,
}

impl From<LogFormat> for Option<SourceFormat> {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Auto => None,
            LogFormat::Jsonl => Some(SourceFormat::Jsonl),
            LogFormat::Receipts => Some(SourceFormat::Receipts),
            LogFormat::Pubdata => Some(SourceFormat::Pubdata),
            LogFormat::PubdataList => Some(SourceFormat::PubdataList),
            LogFormat::Postgres => Some(SourceFormat::Postgres),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// What prove wrote with --shard, each with its FILE.shard.json beside it; in any order
    #[arg(required = true, value_name = "FILE")]
    pub(super) outputs: Vec<PathBuf>,
    /// The file to write, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("trusted").required(true).args(["root", "anchor"]))]
pub(super) struct VerifyArgs {
    /// The proofs: what prove wrote, or a node's answers; - for standard input
    pub(super) proofs: PathBuf,
    /// The root that every proof has to fold to. Of which batch or block it is the root is for you to
    /// know: a root alone does not say, and the proof's own word for it is not verified
    #[arg(long, value_name = "HASH")]
    pub(super) root: Option<Hash>,
    /// A state that vouches for roots: of the settlement layer, of a chain that imported them, or of
    /// L1 (with --bridgehub)
    #[arg(long, value_name = "STATE")]
    pub(super) anchor: Option<PathBuf>,
    /// Write a verdict a line to this file, or - for standard output
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    #[command(flatten)]
    pub(super) missing: MissingArgs,
    #[command(flatten)]
    pub(super) how: StateArgs,
}

/// What a node's bare answer leaves out.
#[derive(Debug, Args)]
#[command(next_help_heading = "What a node's bare answer leaves out")]
pub(super) struct MissingArgs {
    /// The chain
    #[arg(long, value_name = "ID")]
    pub(super) chain_id: Option<ChainId>,
    /// The batch, which older nodes leave out
    #[arg(long, value_name = "NUMBER")]
    pub(super) batch: Option<BatchNumber>,
    /// The log, 88 bytes
    #[arg(long, value_name = "HEX", conflicts_with_all = ["message", "sender", "tx_number"])]
    pub(super) log: Option<L2ToL1Log>,
    /// The message, from which the log is made
    #[arg(long, value_name = "HEX", requires_all = ["sender", "tx_number"])]
    pub(super) message: Option<String>,
    /// Who sent the message
    #[arg(long, value_name = "ADDRESS", requires = "message")]
    pub(super) sender: Option<Address>,
    /// The number of the message's transaction in its batch
    #[arg(long, value_name = "NUMBER", requires = "message")]
    pub(super) tx_number: Option<u16>,
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A snapshot, a tree file, a dump, an archive, a file of proofs, or - for standard input
    pub(super) file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) how: StateArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
