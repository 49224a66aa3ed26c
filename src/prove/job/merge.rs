//! Merges the outputs of all shards of a job.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{checkpoint::Manifest, output::is_for_file};
use crate::{
    files::{Compression, InputError, Output, ReadProgressHandle},
    primitives::hex,
    prove::Error,
    records::Count,
};

/// The number of bytes that are copied at a time.
const CHUNK_LEN: usize = 1 << 20;

/// The result of merging the shards of a job.
///
/// ```
/// use slproof::{Messages, ProofOutput, Prover, Selection, Shard, Trees, merge};
///
/// # let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// # let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// # let dir = tempfile::tempdir()?;
/// # let (shard, whole) = (dir.path().join("shard"), dir.path().join("whole"));
/// let job = Prover::new(trees, messages).job(Selection::all()).shard(Shard { number: 1, of: 1 });
/// let summary = job.write(ProofOutput::create(&shard)?)?;
/// let merged = merge(&[shard], &whole, &Default::default())?;
/// assert_eq!((merged.shards, merged.count, merged.bytes), (1, summary.count, summary.bytes));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Merged {
    /// The number of shards.
    pub shards: usize,
    /// The results of the job's requests.
    pub count: Count,
    /// The size of the output in bytes.
    pub bytes: u64,
}

/// Merges the outputs of all shards of a job into the output of the whole job (`-` for standard output). The
/// shards may be given in any order. Each needs its manifest next to it. Compressed shards make a compressed file with
/// the text of the whole job. `progress` receives the number of bytes that were read.
///
/// ```
/// use slproof::{FailureCode, Messages, ProofOutput, Prover, Selection, Shard, Trees, merge};
///
/// # let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// # let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// # let dir = tempfile::tempdir()?;
/// # let (second, whole) = (dir.path().join("second"), dir.path().join("whole"));
/// let job = Prover::new(trees, messages).job(Selection::all()).shard(Shard { number: 2, of: 2 });
/// job.write(ProofOutput::create(&second)?)?;
/// let error = merge(&[second], &whole, &Default::default()).unwrap_err();
/// assert_eq!(error.code(), FailureCode::InputDamaged);
/// assert!(error.to_string().ends_with("shard 1/2 is missing"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error`] when a shard is missing, is given twice, was changed after it was made or belongs to another
/// job, when a shard is in Parquet, when the name of the output asks for another compression than that of the
/// shards, and when a file cannot be read or written.
pub fn merge<P: AsRef<Path>>(
    shards: &[P],
    output: &Path,
    progress: &ReadProgressHandle,
) -> Result<Merged, Error> {
    let mut parts = Vec::with_capacity(shards.len());
    for path in shards.iter().map(AsRef::as_ref) {
        parts.push((path, Manifest::read(path)?));
    }
    parts.sort_by_key(|(_, manifest)| manifest.shard);
    check(&parts)?;
    let compression = parts.first().and_then(|(_, manifest)| manifest.compression);
    if is_for_file(output)? && Compression::of_name(output) != compression {
        return Err(Error::CompressedMerge);
    }
    let len = |path: &Path| path.metadata().ok().filter(|found| found.is_file()).map(|f| f.len());
    progress.expect(parts.iter().filter_map(|(path, _)| len(path)).sum());
    let mut output = Output::create(output)?;
    let (mut count, mut bytes) = (Count::default(), 0);
    for (path, manifest) in &parts {
        copy(path, manifest, progress, &mut output)?;
        count.add(&manifest.count);
        bytes += manifest.bytes;
    }
    output.finish()?;
    Ok(Merged { shards: parts.len(), count, bytes })
}

/// Checks that the sorted shards belong to one job and that each is present exactly once.
fn check(shards: &[(&Path, Manifest)]) -> Result<(), Error> {
    let Some((first, of_first)) = shards.first() else { return Ok(()) };
    let wrong = |path: &Path, reason: String| {
        Err(Error::NotOfJob { name: path.display().to_string(), reason })
    };
    for (path, manifest) in shards {
        let shards = (manifest.of != of_first.of).then_some("number of shards");
        if let Some(part) = manifest.job.difference(&of_first.job).or(shards) {
            let reason =
                format!("its job differs from that of {}: another {part}", first.display());
            return wrong(path, reason);
        }
    }
    for pair in shards.windows(2) {
        let [(one, a), (two, b)] = pair else { continue };
        if a.shard == b.shard {
            let reason = format!("it is shard {}, and so is {}", b.shard(), one.display());
            return wrong(two, reason);
        }
    }
    if let Some((path, other)) =
        shards.iter().find(|(_, other)| !(1..=other.of).contains(&other.shard))
    {
        return wrong(
            path,
            format!("its manifest names shard {}, which does not exist", other.shard()),
        );
    }
    let missing = (1..=of_first.of).find(|number| {
        shards.binary_search_by_key(number, |(_, manifest)| manifest.shard).is_err()
    });
    match missing {
        Some(number) => wrong(first, format!("shard {number}/{} is missing", of_first.of)),
        None => Ok(()),
    }
}

/// Copies a shard as it is if it matches its manifest.
fn copy(
    path: &Path,
    manifest: &Manifest,
    progress: &ReadProgressHandle,
    output: &mut Output,
) -> Result<(), Error> {
    let name = path.display().to_string();
    let changed = || Error::NotOfJob {
        name: name.clone(),
        reason: "it differs from its manifest: it was changed since it was made".into(),
    };
    let (mut hasher, mut bytes, mut chunk) = (blake3::Hasher::new(), 0, vec![0; CHUNK_LEN]);
    let file = File::open(path).map_err(|source| InputError::Open { path: path.into(), source })?;
    let mut file = progress.of(file);
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => {
                bytes += len as u64;
                if bytes > manifest.bytes {
                    return Err(changed());
                }
                hasher.update(&chunk[..len]);
                output.put(&chunk[..len])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(InputError::Read { name, source }.into()),
        }
    }
    let same =
        bytes == manifest.bytes && hex::encode(hasher.finalize().as_bytes()) == manifest.blake3;
    if same { Ok(()) } else { Err(changed()) }
}
