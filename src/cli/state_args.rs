//! Arguments for reading a state and rebuilding its trees.

use std::path::PathBuf;

use clap::{Args, builder::TypedValueParser};

use super::{formats::InputFormat, number};
use crate::{
    contracts::{Network, Release},
    files::Access,
    ingest::{event_logs::ColumnNames, state::Format},
    primitives::{Address, ChainId, SlBlock},
};

/// The default of `--max-gap`.
pub(super) const DEFAULT_MAX_GAP: u64 = 1 << 22;

/// Parses the format of a dump.
pub(super) fn dump_format() -> impl TypedValueParser<Value = InputFormat<Format>> {
    InputFormat::parser("Detected by content")
}

/// How to read a state, if its content does not say or the user overrides it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How to read the state")]
pub(super) struct StateArgs {
    /// The format of the state
    #[arg(
        id = "state_format",
        long = "input-format",
        alias = "dump-format",
        value_parser = dump_format(),
        default_value = "auto",
        value_name = "FORMAT"
    )]
    pub(super) format: InputFormat<Format>,
    /// The name of the flag above. Commands that read the state in addition to another input rename it.
    #[arg(skip = "--input-format")]
    pub(super) format_flag: &'static str,
    /// The account of pages of debug_storageRangeAt, and of tables that do not name it
    #[arg(long, value_name = "ADDRESS")]
    pub(super) account: Option<Address>,
    #[arg(skip)]
    pub(super) access: Access,
    /// The address of Bridgehub (of its proxy, if it has one) [default: 0x…10002]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) bridgehub: Option<Address>,
    /// The address of MessageRoot (of its proxy, if it has one) [default: the one that the given
    /// Bridgehub names, or 0x…10005]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) message_root: Option<Address>,
    /// Use the ids and addresses of this network that slproof networks prints, where no flag gives others
    #[arg(long, value_enum, value_name = "NETWORK")]
    pub(super) network: Option<Network>,
}

/// How to read a state and rebuild its trees.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How to read the state")]
pub(super) struct TreeArgs {
    #[command(flatten)]
    pub(super) state: StateArgs,
    /// The settlement layer's chain id; the state of another chain is refused
    #[arg(long, value_name = "ID")]
    pub(super) sl_chain_id: Option<ChainId>,
    /// The diamond of the settlement layer on L1, if files of L1 have the batches of several
    #[arg(long, value_name = "ADDRESS")]
    pub(super) sl_diamond: Option<Address>,
    /// The release of the contracts [default: detected from the state]: v26 to v31; era-v32 or era-v33, which
    /// are read as v31; os-v32, os-v33 or atomic-interop, three names of one release. v32 and v33 alone may be
    /// of Era or of ZKsync OS, and the state decides
    #[arg(long, value_name = "RELEASE")]
    pub(super) release: Option<Release>,
    /// The block of the state: tables with blocks are read as of it, other dumps have to be of it
    #[arg(long, value_name = "BLOCK")]
    pub(super) last_block: Option<SlBlock>,
    /// Columns of events with names that slproof does not know, such as block=height,data=payload
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub(super) columns: Option<ColumnNames>,
    /// The maximum number of batches of a chain that were executed on another settlement layer
    #[arg(long, value_name = "BATCHES", default_value_t = DEFAULT_MAX_GAP, value_parser = number::parse)]
    pub(super) max_gap: u64,
}

/// How to search for the contents of past roots.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How to search for what past roots contain")]
pub(super) struct SearchArgs {
    /// Events of MessageRoot: logs as nodes and exporters write them, or one decoded event per line
    #[arg(long, value_name = "FILE")]
    pub(super) events: Vec<PathBuf>,
    /// The maximum number of trees to try per root, if no events show what changed
    /// [default: 4,096 for each batch, at least 2^22 and at most 2^27]
    #[arg(long, value_name = "TREES", value_parser = number::parse)]
    pub(super) search: Option<u64>,
}
