//! The outputs of all shares of a job, put together.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    args::MergeArgs,
    error::{CliError, Outcome, refuse_overwriting},
    job::Manifest,
    progress::{ProgressFactory, file_len},
    proof_output::Count,
    report::{Console, count, named},
    sniff::{Role, refuse_other_kinds},
};
use crate::{
    files::{Compression, Input, InputError, Output, ReadProgressHandle},
    primitives::hex,
};

/// How much is copied at a time.
const CHUNK: usize = 1 << 20;

pub(super) fn run(
    args: &MergeArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let paths: Vec<&Path> = args.outputs.iter().map(PathBuf::as_path).collect();
    let manifests: Vec<_> = paths.iter().map(|path| Manifest::beside(path)).collect();
    let inputs = paths.iter().copied().chain(manifests.iter().map(PathBuf::as_path));
    refuse_overwriting(&args.output, &inputs.collect::<Vec<_>>())?;
    if Compression::of_name(&args.output).is_some() {
        return Err(CliError::Usage(
            "merge does not compress; give the output a name without .gz or .zst".into(),
        ));
    }
    let mut shares = Vec::with_capacity(paths.len());
    for path in paths {
        let manifest = Manifest::read(path);
        shares.push((
            path,
            manifest.or_else(|error| {
                refuse_other_kinds(path, Role::Shard)?;
                Err(error)
            })?,
        ));
    }
    shares.sort_by_key(|(_, manifest)| manifest.shard);
    check(&shares)?;

    let progress = bars.reading();
    let watcher = progress.watcher();
    watcher.expect(shares.iter().filter_map(|(path, _)| file_len(path)).sum());
    let mut output = Output::create(&args.output)?;
    let (mut total, mut bytes) = (Count::default(), 0);
    for (path, manifest) in &shares {
        copy(path, manifest, &watcher, &mut output)?;
        total.add(&manifest.count);
        bytes += manifest.bytes;
    }
    output.finish()?;
    progress.end();
    console.summary(&json!({
        "shards": shares.len(),
        "proofs": total.proofs,
        "failures": total.failures,
        "failedLogs": total.failed_logs,
        "padding": total.padding,
        "bytes": bytes,
        "output": args.output.display().to_string(),
    }));
    console.info(format_args!("shards             {}, all of one job", count(shares.len())));
    console.info(format_args!("proofs             {}", count(total.proofs)));
    console.info(format_args!("failed requests    {}", count(total.failed())));
    console.info(format_args!(
        "output             {}, {} bytes",
        named(&args.output),
        count(bytes)
    ));
    Ok(if total.failures.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// The shares, in order, are all of one job and each is there once.
fn check(shares: &[(&Path, Manifest)]) -> Result<(), CliError> {
    let Some((first, of_first)) = shares.first() else { return Ok(()) };
    let wrong = |path: &Path, reason: String| {
        Err(CliError::Unknown { name: path.display().to_string(), reason })
    };
    for (path, manifest) in shares {
        let parts = (manifest.of != of_first.of).then_some("number of shards");
        if let Some(part) = manifest.job.difference(&of_first.job).or(parts) {
            let reason =
                format!("its job differs from that of {}: another {part}", first.display());
            return wrong(path, reason);
        }
    }
    for pair in shares.windows(2) {
        let [(one, a), (two, b)] = pair else { continue };
        if a.shard == b.shard {
            let reason = format!("it is shard {}, and so is {}", b.shard(), one.display());
            return wrong(two, reason);
        }
    }
    if let Some((path, other)) =
        shares.iter().find(|(_, other)| !(1..=other.of).contains(&other.shard))
    {
        return wrong(
            path,
            format!("its manifest names shard {}, which does not exist", other.shard()),
        );
    }
    let missing = (1..=of_first.of).find(|number| {
        shares.binary_search_by_key(number, |(_, manifest)| manifest.shard).is_err()
    });
    match missing {
        Some(number) => wrong(first, format!("shard {number}/{} is missing", of_first.of)),
        None => Ok(()),
    }
}

/// Copies a share, if it is what its manifest says.
fn copy(
    path: &Path,
    manifest: &Manifest,
    watcher: &ReadProgressHandle,
    output: &mut Output,
) -> Result<(), CliError> {
    let name = path.display().to_string();
    let changed = || CliError::Unknown {
        name: name.clone(),
        reason: "it differs from its manifest: it was changed since it was made".into(),
    };
    let (mut hasher, mut bytes, mut piece) = (blake3::Hasher::new(), 0, vec![0; CHUNK]);
    // A share may well be empty.
    if path.metadata().is_ok_and(|found| found.len() > 0) || manifest.bytes > 0 {
        let mut input = Input::open_watched(path, watcher)?;
        loop {
            let read = input.read(&mut piece);
            match read.map_err(|source| InputError::Read { name: name.clone(), source })? {
                0 => break,
                len => {
                    bytes += len as u64;
                    if bytes > manifest.bytes {
                        return Err(changed());
                    }
                    hasher.update(&piece[..len]);
                    output.put(&piece[..len])?;
                }
            }
        }
    }
    let same =
        bytes == manifest.bytes && hex::encode(hasher.finalize().as_bytes()) == manifest.blake3;
    if same { Ok(()) } else { Err(changed()) }
}
