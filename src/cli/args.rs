//! The arguments of the command line, checked for form only.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    anchor_args::{self, L1StateArgs},
    claims_args::ClaimsArgs,
    error::CliError,
    examples,
    formats::InputFormat,
    number,
    proofs_args::{NeedsArgs, RecheckArgs, VerifyArgs},
    prove_args::ProveArgs,
    publish_args::PublishArgs,
    schema_name::SchemaName,
    serve_args::ServeArgs,
    state_args::{SearchArgs, StateArgs, TreeArgs, dump_format},
    version,
};
use crate::{
    files::{Access, ShowPath},
    ingest::{
        logs::{RelayedBy, SourceFormat},
        state::Format,
    },
    primitives::{Address, ChainId, SlBlock},
};

/// Makes proofs of L2→L1 messages of ZKsync chains from files, without a node.
#[derive(Debug, Parser)]
#[command(name = "slproof", version, long_version = version::LONG.as_str(), max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct GlobalArgs {
    /// Print results, the summary and errors as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// The number of threads [default: RAYON_NUM_THREADS if it is set, else one per core]
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    pub(super) threads: Option<u16>,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Print what was decided, such as the format of each input
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Read native files into memory instead of mapping them
    #[arg(long, global = true)]
    pub(super) no_mmap: bool,
    /// When to use colors; NO_COLOR turns them off too
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(super) color: When,
    /// When to show progress on standard error
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(super) progress: When,
}

/// The largest number of threads.
const MOST_THREADS: u16 = 1024;

fn threads(text: &str) -> Result<u16, String> {
    match number::parse_u16(text)? {
        threads @ 1..=MOST_THREADS => Ok(threads),
        _ => Err(format!("expected 1 to {MOST_THREADS}")),
    }
}

impl GlobalArgs {
    /// The number of threads, if the command line or the environment sets one.
    pub(super) fn threads(&self) -> Result<Option<u16>, CliError> {
        const NAME: &str = "RAYON_NUM_THREADS";
        if self.threads.is_some() {
            return Ok(self.threads);
        }
        let Some(text) = std::env::var_os(NAME).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        match text.to_str().map(threads) {
            Some(Ok(threads)) => Ok(Some(threads)),
            _ => Err(CliError::Usage(format!(
                "{NAME} is {}; expected a number from 1 to {MOST_THREADS}",
                Path::new(&text).shown()
            ))),
        }
    }
}

impl Cli {
    /// Copies global flags to the arguments that need them.
    pub(super) fn share_global(&mut self) {
        let access = if self.global.no_mmap { Access::Read } else { Access::Map };
        match &mut self.command {
            Command::Survey(args) => args.tree_args.state.access = access,
            Command::Import(args) => args.access = access,
            Command::Rebuild(args) => args.tree_args.state.access = access,
            Command::Prove(args) => args.tree_args.state.access = access,
            Command::Verify(args) => {
                args.state_args.access = access;
                args.state_args.format_flag = anchor_args::FORMAT;
            }
            Command::Claims(args) => args.tree_args.state.access = access,
            Command::Recheck(args) => {
                args.state_args.access = access;
                args.state_args.format_flag = anchor_args::FORMAT;
            }
            Command::History(args) => args.tree_args.state.access = access,
            Command::Serve(args) => args.sources.tree_args.state.access = access,
            Command::Publish(args) => args.sources.tree_args.state.access = access,
            Command::Inspect(args) => args.state_args.access = access,
            Command::Check(args) => args.access = access,
            Command::Index(args) => {
                args.tree_args.state.access = access;
                args.tree_args.state.format_flag = anchor_args::FORMAT;
            }
            // None of these reads native files.
            Command::Merge(_)
            | Command::Networks
            | Command::Needs(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Schema(_) => {}
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
    /// Applies the choice to the colors of this process.
    pub(super) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what some files are, what can be proven with them, what is missing, and the next command
    #[command(after_help = examples::SURVEY)]
    Survey(SurveyArgs),
    /// Make a snapshot (*.slsnap) of state dumps
    #[command(after_help = examples::IMPORT)]
    Import(ImportArgs),
    /// Rebuild the trees of a settlement layer and compare them with what its contracts stored
    #[command(after_help = examples::REBUILD)]
    Rebuild(RebuildArgs),
    /// Make a message archive (*.slmsg) of L2→L1 logs in any form
    #[command(after_help = examples::INDEX)]
    Index(IndexArgs),
    /// Make proofs
    #[command(after_help = examples::PROVE)]
    Prove(ProveArgs),
    /// Merge the outputs of all shards of a job
    #[command(after_help = examples::MERGE)]
    Merge(MergeArgs),
    /// Verify proofs
    #[command(after_help = examples::VERIFY)]
    Verify(VerifyArgs),
    /// Say which withdrawals are paid out, and print the call for each that is not
    #[command(after_help = examples::CLAIMS)]
    Claims(ClaimsArgs),
    /// Print the eth_getProof requests whose answers decide whether L1 accepts proofs
    #[command(after_help = examples::NEEDS)]
    Needs(NeedsArgs),
    /// Say which older proofs L1 still accepts, and which withdrawals are paid out
    #[command(after_help = examples::RECHECK)]
    Recheck(RecheckArgs),
    /// List the roots by block and what each of them contains
    #[command(after_help = examples::HISTORY)]
    History(HistoryArgs),
    /// Answer the requests of existing clients over JSON-RPC
    #[command(after_help = examples::SERVE)]
    Serve(ServeArgs),
    /// Write a directory of small files from which clients and browsers make proofs
    #[command(after_help = examples::PUBLISH)]
    Publish(PublishArgs),
    /// Describe a file: a dump, an archive, proofs, requests, …
    #[command(after_help = examples::INSPECT)]
    Inspect(InspectArgs),
    /// Compare every byte of a native file with its checksums
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Print the ids and addresses of the public networks, which --network sets
    #[command(after_help = examples::NETWORKS)]
    Networks,
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands to a directory
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
    /// Print the JSON Schema of an object that slproof reads or writes, or the names of all schemas
    #[command(after_help = examples::SCHEMA)]
    Schema(SchemaArgs),
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The directory to write slproof.1, slproof-prove.1, … to
    pub(super) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// The name of a schema
    #[arg(value_enum)]
    pub(super) name: Option<SchemaName>,
}

#[derive(Debug, Args)]
pub(super) struct SurveyArgs {
    /// Files, or directories with all their subdirectories
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// The chain of logs that do not name it, if the batch roots do not show it
    #[arg(long, value_name = "ID")]
    pub(super) chain: Option<ChainId>,
    /// The maximum number of trees to try for each past root, if no events show what changed
    /// [default: 65,536]
    #[arg(long, value_name = "TREES", value_parser = number::parse)]
    pub(super) search: Option<u64>,
    #[command(flatten)]
    pub(super) tree_args: TreeArgs,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Dumps of one state: files, the directory of a zksync-era snapshot, or - for standard input
    #[arg(required = true)]
    pub(super) dumps: Vec<PathBuf>,
    /// The snapshot to write, *.slsnap
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// The format of the dumps
    #[arg(long = "input-format", aliases = ["format", "dump-format"], value_parser = dump_format(), default_value = "auto", value_name = "FORMAT")]
    pub(super) format: InputFormat<Format>,
    #[arg(skip)]
    pub(super) access: Access,
    /// The account of pages of debug_storageRangeAt, and of tables that do not name it
    #[arg(long, value_name = "ADDRESS")]
    pub(super) account: Option<Address>,
    /// The block of the state: tables with blocks are read as of it, other dumps have to be of it
    #[arg(long, value_name = "BLOCK")]
    pub(super) last_block: Option<SlBlock>,
    /// The address of MessageRoot (of its proxy, if it has one) [default: 0x…10005]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) message_root: Option<Address>,
    /// The settlement layer's chain id [default: the one in MessageRoot]
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
    /// Evidence of the settlement layer: a snapshot, dumps of one state, events of MessageRoot, transactions and
    /// blobs of L1, or a tree file; - for standard input. They have to agree
    #[arg(required = true, value_name = "EVIDENCE")]
    pub(super) evidence: Vec<PathBuf>,
    /// The tree file to write, *.sltree
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Also search for what every root by block contains, and write that to the tree file
    #[arg(long, requires = "output")]
    pub(super) history: bool,
    /// The settlement layer's own batches, with their logs and blocks, whose roots are compared with those that
    /// L1 stores; files or directories. Not needed if the evidence is of L1
    #[arg(long, value_name = "FILE", requires = "anchor")]
    pub(super) sl_batches: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) l1: L1StateArgs,
    #[command(flatten)]
    pub(super) past: SearchArgs,
    #[command(flatten)]
    pub(super) tree_args: TreeArgs,
}

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Evidence of the settlement layer: a tree file, a snapshot, dumps of one state, or events of
    /// MessageRoot; - for standard input
    #[arg(required = true, value_name = "EVIDENCE")]
    pub(super) evidence: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) past: SearchArgs,
    #[command(flatten)]
    pub(super) tree_args: TreeArgs,
}

#[derive(Debug, Args)]
#[command(mut_arg("state_format", anchor_args::with_anchor_format))]
pub(super) struct IndexArgs {
    /// L2→L1 logs: raw archives, receipts, events, pubdata, tables of a node, transactions that execute
    /// batches, files of L1, message archives; directories of them, or - for standard input
    #[arg(required = true, value_name = "ARCHIVE")]
    pub(super) archives: Vec<PathBuf>,
    /// The message archive to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// The format of the logs
    #[arg(
        long = "input-format",
        alias = "format",
        value_parser = InputFormat::<SourceFormat>::parser("Detected by content, for each file"),
        default_value = "auto",
        value_name = "FORMAT"
    )]
    pub(super) format: InputFormat<SourceFormat>,
    /// The chain of the logs, if they do not name it (receipts, tables of a node, pubdata whose
    /// file name has only the batch). Logs and pubdata that name another chain are refused [default: with
    /// --tree, the chain whose batch roots they make]
    #[arg(long, value_name = "ID")]
    pub(super) chain: Option<ChainId>,
    /// The blocks of each batch, for receipts without batch numbers (ZKsync OS) and tables without
    /// miniblocks: lines with batchNumber, firstBlock and lastBlock, or events
    /// ReportCommittedBatchRangeZKsyncOS
    #[arg(long, value_name = "FILE", requires = "chain")]
    pub(super) batch_blocks: Option<PathBuf>,
    /// Also index pubdata of other chains that messages of this RelayedSLDAValidator (or of any sender, with
    /// --tree) carry
    #[arg(long, value_name = "ADDRESS|any")]
    pub(super) relayed_by: Option<RelayedBy>,
    /// Evidence of the settlement layer: a tree file, a state, or events of MessageRoot. Batches whose logs do
    /// not fold to their root in it are left out, and missing batches are listed. Batches without a root in
    /// it are kept and counted as unchecked
    #[arg(long, value_name = "EVIDENCE")]
    pub(super) tree: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) tree_args: TreeArgs,
}

#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// The outputs of prove --shard, in any order, each with its FILE.shard.json beside it
    #[arg(required = true, value_name = "FILE")]
    pub(super) outputs: Vec<PathBuf>,
    /// The file to write, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A file that slproof reads or writes, or - for standard input
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) state_args: StateArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_valid() {
        Cli::command().debug_assert();
    }
}
