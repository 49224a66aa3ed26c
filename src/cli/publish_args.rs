//! The arguments of `publish`, checked for form only.

use std::path::PathBuf;

use clap::Args;

use super::source_args::SourceArgs;

#[derive(Clone, Debug, Args)]
pub(super) struct PublishArgs {
    #[command(flatten)]
    pub(super) sources: SourceArgs,
    /// The directory to write, or to add to
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: PathBuf,
}
