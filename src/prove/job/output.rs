//! The output of a job and its format.

use std::path::{Path, PathBuf};

use super::checkpoint::Manifest;
use crate::{
    files::{InputError, Output, Partial, metadata_of, place_of},
    prove::Error,
    records::{CallOptions, Integers, ProofFormat},
};

/// The output of a job.
///
/// ```
/// use slproof::{Messages, ProofFormat, ProofOutput, Prover, Selection, Trees};
///
/// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// let dir = tempfile::tempdir()?;
///
/// let output = ProofOutput::create(dir.path().join("proofs.ndjson"))?;
/// let output = output.format(ProofFormat::Ndjson).resume(true);
/// let summary = Prover::new(trees, messages).job(Selection::all()).write(output)?;
/// assert_eq!(summary.count.failed(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ProofOutput {
    pub(super) path: PathBuf,
    /// Standard output, a pipe or a device, which cannot be opened a second time.
    pub(super) stream: Option<Output>,
    pub(super) format: Option<ProofFormat>,
    pub(super) calls: CallOptions,
    pub(super) integers: Integers,
    /// The file of failed requests, if they have one, opened if it is not a regular file.
    pub(super) failures: Option<(PathBuf, Option<Output>)>,
    pub(super) resume: bool,
}

impl ProofOutput {
    /// Creates an output at a path, or `-` for standard output. The file appears under its name when it is
    /// complete. Text is compressed if the name ends with `.gz` or `.zst`.
    ///
    /// # Errors
    /// [`Error::Output`] when its directory does not exist or cannot be written to.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let stream = stream(&path)?;
        Ok(Self {
            path,
            stream,
            format: None,
            calls: CallOptions::default(),
            integers: Integers::default(),
            failures: None,
            resume: false,
        })
    }

    /// Writes failed requests to a file of their own, one JSON object on each line, and not among the proofs. The file
    /// is compressed if its name ends with `.gz` or `.zst`, and is complete when the output is.
    ///
    /// # Errors
    /// As [`ProofOutput::create`].
    pub fn failures(self, path: impl Into<Option<PathBuf>>) -> Result<Self, Error> {
        let opened = |path: PathBuf| stream(&path).map(|stream| (path, stream));
        Ok(Self { failures: path.into().map(opened).transpose()?, ..self })
    }

    pub(super) fn failures_path(&self) -> Option<&Path> {
        self.failures.as_ref().map(|(path, _)| path.as_path())
    }

    /// The format. The default is one JSON object if the selection is one log by its position, and NDJSON
    /// otherwise, for any number of proofs.
    #[must_use]
    pub fn format(self, format: impl Into<Option<ProofFormat>>) -> Self {
        Self { format: format.into(), ..self }
    }

    /// The options of the calls in the format calldata.
    #[cfg(feature = "calldata")]
    #[must_use]
    pub fn calls(self, calls: CallOptions) -> Self {
        Self { calls, ..self }
    }

    /// How records of the formats JSON and NDJSON have their numbers; the other formats have no choice.
    #[must_use]
    pub fn integers(self, integers: Integers) -> Self {
        Self { integers, ..self }
    }

    /// Whether to resume an interrupted job with the same output. Without an interrupted job, the job starts
    /// from the beginning.
    #[must_use]
    pub fn resume(self, resume: bool) -> Self {
        Self { resume, ..self }
    }

    /// Returns the path of the manifest, which says which shard of which job an output is.
    #[must_use]
    pub fn manifest_beside(path: &Path) -> PathBuf {
        Manifest::beside(path)
    }

    /// Returns the paths of the files that exist next to an output: while its job runs, and if it is a shard.
    #[must_use]
    pub fn files_beside(path: &Path) -> Vec<PathBuf> {
        let partial = Partial::files(&place_of(path).unwrap_or_else(|_| path.into()));
        partial.into_iter().chain([Manifest::beside(path)]).collect()
    }
}

/// Opens an output that cannot be opened a second time. The directory of another is checked; a file that can be
/// resumed is written under a name that is not used before the job is known.
fn stream(path: &Path) -> Result<Option<Output>, Error> {
    let output = Output::create(path)?;
    Ok(if is_for_file(path)? { None } else { Some(output) })
}

/// Whether the path is a regular file, or does not exist yet.
pub(super) fn is_for_file(path: &Path) -> Result<bool, InputError> {
    Ok(match metadata_of(path)? {
        Some(found) => found.is_file(),
        None => path != Path::new("-"),
    })
}
