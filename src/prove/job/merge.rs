//! Merges the outputs of all shards of a job.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    path::Path,
};

use super::{checkpoint::Manifest, output::is_for_file};
use crate::{
    files::{Compression, InputError, Output, ReadProgressHandle, ShowPath},
    primitives::hex,
    prove::Error,
    records::{Count, EncoderError, Form},
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
    /// The number of parts that were left out of the archive; the most that a shard lacks.
    pub left_out: u64,
    /// The size of the output in bytes.
    pub bytes: u64,
}

/// Merges the outputs of all shards of a job into the output of the whole job (`-` for standard output). The
/// shards may be given in any order. Each needs its manifest next to it. Compressed shards make a compressed file with
/// the text of the whole job. Shards that are JSON arrays make one array. `progress` receives the number of bytes that were read.
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
    let mut whole = Whole { output: Output::create(output)?, bytes: 0 };
    let mut count = Count::default();
    let is_list = parts.iter().any(|(_, manifest)| manifest.records.is_some());
    let list = Form::Array.list().filter(|_| is_list);
    let mut has_records = false;
    for (path, manifest) in &parts {
        let records = manifest.records.clone().unwrap_or(0..manifest.bytes);
        if let Some([_, open, _]) = list.filter(|_| !records.is_empty()) {
            whole.put_text(if has_records { Form::COMMA } else { open }, compression)?;
            has_records = true;
        }
        whole.copy(path, manifest, records, progress)?;
        count.add(&manifest.count);
    }
    if let Some([_, _, close]) = list {
        whole.put_text(if has_records { close } else { Form::NO_RECORDS }, compression)?;
    }
    whole.output.finish()?;
    let left_out = parts.iter().map(|(_, manifest)| manifest.left_out).max().unwrap_or(0);
    Ok(Merged { shards: parts.len(), count, left_out, bytes: whole.bytes })
}

/// Checks that the sorted shards belong to one job and that each is present exactly once.
fn check(shards: &[(&Path, Manifest)]) -> Result<(), Error> {
    let Some((first, of_first)) = shards.first() else { return Ok(()) };
    let wrong = |path: &Path, reason: String| {
        Err(Error::NotOfJob { name: path.shown().to_string(), reason })
    };
    for (path, manifest) in shards {
        let shards = (manifest.of != of_first.of).then_some("number of shards");
        let are_lists = |manifest: &Manifest| manifest.records.is_some();
        let form = (are_lists(manifest) != are_lists(of_first)).then_some("format");
        if let Some(part) = manifest.job.difference(&of_first.job).or(shards).or(form) {
            let reason = format!("its job differs from that of {}: another {part}", first.shown());
            return wrong(path, reason);
        }
    }
    let is_within =
        |records: &Range<u64>, bytes| records.start <= records.end && records.end <= bytes;
    if let Some((path, _)) = shards.iter().find(|(_, shard)| {
        shard.records.as_ref().is_some_and(|records| !is_within(records, shard.bytes))
    }) {
        return wrong(path, "its manifest places records outside of it".into());
    }
    for pair in shards.windows(2) {
        let [(one, a), (two, b)] = pair else { continue };
        if a.shard == b.shard {
            let reason = format!("it is shard {}, and so is {}", b.shard(), one.shown());
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

/// The output of the whole job.
struct Whole {
    output: Output,
    bytes: u64,
}

impl Whole {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        Ok(self.output.put(bytes)?)
    }

    fn put_text(&mut self, text: &str, compression: Option<Compression>) -> Result<(), Error> {
        let packed = Compression::pack(compression, text.as_bytes());
        self.put(&packed.map_err(EncoderError::Compress)?)
    }

    /// Copies these bytes of a shard if all of it matches its manifest.
    fn copy(
        &mut self,
        path: &Path,
        manifest: &Manifest,
        records: Range<u64>,
        progress: &ReadProgressHandle,
    ) -> Result<(), Error> {
        let name = path.shown().to_string();
        let changed = || Error::NotOfJob {
            name: name.clone(),
            reason: "it differs from its manifest: it was changed since it was made".into(),
        };
        let (mut hasher, mut bytes, mut chunk) = (blake3::Hasher::new(), 0, vec![0; CHUNK_LEN]);
        let file =
            File::open(path).map_err(|source| InputError::Open { path: path.into(), source })?;
        let mut file = progress.of(file);
        loop {
            match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(len) => {
                    let start = bytes;
                    bytes += len as u64;
                    if bytes > manifest.bytes {
                        return Err(changed());
                    }
                    hasher.update(&chunk[..len]);
                    let in_chunk = |at: u64| (at.clamp(start, bytes) - start) as usize;
                    self.put(&chunk[in_chunk(records.start)..in_chunk(records.end)])?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(InputError::Read { name, source }.into()),
            }
        }
        let same =
            bytes == manifest.bytes && hex::encode(hasher.finalize().as_bytes()) == manifest.blake3;
        if same { Ok(()) } else { Err(changed()) }
    }
}
