use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    args::MergeArgs,
    error::{CliError, Outcome, refuse_overwriting},
    progress::ProgressFactory,
    report::{self, Console, count, named},
    role::Role,
    wrong_input::refuse_other_kinds,
};
use crate::{
    files::{Input, metadata_of},
    prove::{Merged, ProofOutput, merge},
};

pub(super) fn run(
    args: &MergeArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let beside = args.outputs.iter().flat_map(|shard| ProofOutput::files_beside(shard));
    let inputs: Vec<PathBuf> = args.outputs.iter().cloned().chain(beside).collect();
    refuse_overwriting(&args.output, &inputs.iter().map(PathBuf::as_path).collect::<Vec<&Path>>())?;
    for shard in &args.outputs {
        let has_manifest = metadata_of(&ProofOutput::manifest_beside(shard))?.is_some();
        // The library says what to do with parts in Parquet.
        if !has_manifest && !Input::open(shard).is_ok_and(|input| input.is_parquet()) {
            refuse_other_kinds(shard, Role::Shard)?;
        }
    }
    let progress = bars.reading();
    let merged = merge(&args.outputs, &args.output, &progress.watcher())?;
    progress.end();
    let Merged { shards, count: total, left_out, bytes, .. } = &merged;
    console.summary(&json!({
        "shards": shards,
        "proofs": total.proofs,
        "failures": total.failures,
        "failedLogs": total.failed_logs,
        "padding": total.padding,
        "skipped": total.skipped,
        "leftOut": left_out,
        "bytes": bytes,
        "output": args.output.to_string_lossy(),
    }));
    console.info(format_args!("shards             {}, all of one job", count(*shards)));
    console.info(format_args!("proofs             {}", count(total.proofs)));
    console.info(format_args!("failed requests    {}", count(total.failed())));
    report::say_left_out(*left_out, console);
    console.info(format_args!(
        "output             {}, {} bytes",
        named(&args.output),
        count(*bytes)
    ));
    let is_whole = total.failures.is_empty() && *left_out == 0;
    Ok(if is_whole { Outcome::Done } else { Outcome::SomeFailed })
}
