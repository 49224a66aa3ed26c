use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::json;

use super::{
    args::ImportArgs,
    error::{CliError, Outcome, refuse_overwriting},
    progress::ProgressFactory,
    report::{self, Console, count},
    role::Role,
    wrong_input::wrong_input,
};
use crate::{
    forest::Addresses,
    ingest::{FileKind, FoundFiles, state::Import},
};

pub(super) fn run(
    args: &ImportArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let given: Vec<&Path> = args.dumps.iter().map(PathBuf::as_path).collect();
    refuse_overwriting(&args.output, &given)?;
    let is_dump = |kind| matches!(kind, FileKind::State(_));
    let dumps = FoundFiles::in_archives(&args.dumps, is_dump)?;
    let progress = bars.reading();
    let import = Import {
        watcher: progress.watcher(),
        format: args.format.0,
        account: args.account,
        last_block: args.last_block,
        message_root: args.message_root.unwrap_or(Addresses::default().message_root),
        access: args.access,
        sl_chain: args.sl_chain_id,
        ..Import::default()
    };
    let started = Instant::now();
    let imported = import.to_file(&dumps, &args.output).map_err(|error| {
        let error = CliError::from(error);
        dumps.iter().fold(error, |error, dump| wrong_input(dump, Role::State, error))
    })?;
    progress.end();
    let header = &imported.header;
    let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
    if console.is_json() {
        let value = json!({
            "output": args.output.to_string_lossy(),
            "format": imported.format.to_string(),
            "slots": header.entries,
            "slChainId": header.sl_chain,
            "block": header.source.block,
            "batch": header.source.batch,
            "notes": notes,
        });
        report::result(&value, String::new)?;
        return Ok(Outcome::Done);
    }
    for note in &notes {
        console.info(format_args!("note: {note}"));
    }
    console.info(format_args!(
        "{} storage slots of {} from {} in {:.2} s",
        count(header.entries),
        match header.sl_chain {
            Some(chain) => format!("settlement layer {chain}"),
            None => "a chain without MessageRoot".into(),
        },
        header.source.format,
        started.elapsed().as_secs_f64(),
    ));
    Ok(Outcome::Done)
}
