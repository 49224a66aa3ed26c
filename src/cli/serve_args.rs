//! The arguments of `serve`, checked for form only.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;

use super::{number, source_args::SourceArgs};
use crate::primitives::Address;

#[derive(Clone, Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    pub(super) sources: SourceArgs,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

/// How to serve.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How to serve")]
pub(super) struct ServerArgs {
    /// The address to listen on [default: 127.0.0.1:8545]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// A file of JSON with the files, chains and addresses, in place of flags that name files
    #[arg(long, value_name = "FILE", conflicts_with_all = ["archive", "tree", "messages", "chain", "relayed_by",
        "sl_batches", "target", "anchor", "anchor_bridgehub", "events", "search", "network"])]
    pub(super) config: Option<PathBuf>,
    /// The address of L1Nullifier, for slproof_claims
    #[arg(long, value_name = "ADDRESS", requires = "anchor")]
    pub(super) l1_nullifier: Option<Address>,
    /// Answer no receipts and blocks that are made of the archive
    #[arg(long)]
    pub(super) no_receipts: bool,
    /// The most connections at once [default: 1024]
    #[arg(long, value_name = "N", value_parser = number::parse)]
    pub(super) max_connections: Option<u64>,
    /// The most calls in one request [default: 1000]
    #[arg(long, value_name = "N", value_parser = number::parse)]
    pub(super) max_calls: Option<u64>,
    /// The largest request, in bytes [default: 1048576]
    #[arg(long, value_name = "BYTES", value_parser = number::parse)]
    pub(super) max_request: Option<u64>,
    /// The largest answer, in bytes [default: 25165824]
    #[arg(long, value_name = "BYTES", value_parser = number::parse)]
    pub(super) max_answer: Option<u64>,
    /// How long a client may take to send a request or to take an answer [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) timeout: Option<Duration>,
    /// Open the files, print which chains would be served, and end
    #[arg(long)]
    pub(super) check: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    number::parse(text).map(Duration::from_secs)
}
