use std::path::{Path, PathBuf};

use super::{
    args::MergeArgs,
    error::{CliError, Outcome, refuse_overwriting},
    progress::ProgressFactory,
    report::{Console, count, named},
};
use crate::prove::{ProofOutput, merge};

pub(super) fn run(
    args: &MergeArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let beside = args.outputs.iter().flat_map(|shard| ProofOutput::files_beside(shard));
    let inputs: Vec<PathBuf> = args.outputs.iter().cloned().chain(beside).collect();
    refuse_overwriting(&args.output, &inputs.iter().map(PathBuf::as_path).collect::<Vec<&Path>>())?;
    let progress = bars.reading();
    let merged = merge(&args.outputs, &args.output, &progress.watcher())?;
    progress.end();
    console.info(format_args!("shares             {}, all of one job", count(merged.shards)));
    console.info(format_args!("proofs             {}", count(merged.count.proofs)));
    console.info(format_args!("failed requests    {}", count(merged.count.failed())));
    console.info(format_args!(
        "output             {}, {} bytes",
        named(&args.output),
        count(merged.bytes)
    ));
    Ok(if merged.count.failures.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}
