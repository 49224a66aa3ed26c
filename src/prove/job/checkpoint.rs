//! The JSON files next to the output of a job: checkpoints and manifests.
//!
//! ```text
//! FILE.partial       the output of a job that is under way or was interrupted
//! FILE.partial.json  its checkpoint: {"job":{…},"steps":…,"bytes":…,"blake3":…,"count":{…},…,"check":…};
//!                    beside the file of failed requests, the one with which the job began
//! FILE.shard.json    beside the output of a shard: {"job":{…},"shard":…,"of":…,"bytes":…,"blake3":…,…}
//! ```

use std::{
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Shard, run_id::RunId};
use crate::{
    files::{Compression, Input, InputError, Output, ShowPath, metadata_of},
    primitives::hex,
    prove::Error,
    records::{Count, RowGroupSummary},
};

/// The progress of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub(super) job: RunId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shard: Option<String>,
    /// The number of completed steps of the selection.
    pub(super) steps: u64,
    /// The number of bytes of output that they produced.
    pub(super) bytes: u64,
    /// The digest of these bytes.
    pub(super) blake3: String,
    /// The file of failed requests, if they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failures: Option<Extent>,
    pub(super) count: Count,
    /// The row groups in these bytes, for the footer of a Parquet file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) row_groups: Vec<RowGroupSummary>,
    /// The digest of this document without this field. It detects damage, since a resumed job relies on the
    /// other fields.
    #[serde(default)]
    pub(super) check: String,
}

/// How far a file was written: its length in bytes, and their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extent {
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

impl Checkpoint {
    /// The checkpoint of a job, or of a shard of it, before the first step.
    pub(super) fn begun(job: &RunId, shard: Option<Shard>) -> Self {
        Self {
            job: job.clone(),
            shard: shard.map(|shard| shard.to_string()),
            steps: 0,
            bytes: 0,
            blake3: hex::encode(blake3::hash(b"").as_bytes()),
            failures: None,
            count: Count::default(),
            row_groups: Vec::new(),
            check: String::new(),
        }
    }

    /// Returns the content of the checkpoint file.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        json(&Self { check: self.digest(), ..self })
    }

    /// Reads what [`Checkpoint::into_bytes`] returned; `None` for anything else.
    pub(super) fn from_bytes(note: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(note).ok()?;
        (read.check == read.digest()).then_some(read)
    }

    fn digest(&self) -> String {
        let unchecked = Self { check: String::new(), ..self.clone() };
        hex::encode(blake3::hash(&json(&unchecked)).as_bytes())
    }
}

/// Describes the output of a shard.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) job: RunId,
    pub(super) shard: u64,
    pub(super) of: u64,
    pub(super) bytes: u64,
    pub(super) blake3: String,
    /// The compression of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) compression: Option<Compression>,
    /// Where the records are in the bytes of the output, if they are a JSON array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) records: Option<Range<u64>>,
    /// The number of parts that were left out of the archive.
    #[serde(default, rename = "leftOut")]
    pub(super) left_out: u64,
    pub(super) count: Count,
}

impl Manifest {
    /// Returns the path of the manifest of an output.
    pub(super) fn beside(output: &Path) -> PathBuf {
        let mut name = output.as_os_str().to_owned();
        name.push(".shard.json");
        name.into()
    }

    pub(super) fn shard(&self) -> Shard {
        Shard { number: self.shard, of: self.of }
    }

    pub(super) fn read(output: &Path) -> Result<Self, Error> {
        let path = Self::beside(output);
        let mut text = Vec::new();
        // Reading a pipe of this name would block.
        let not_of_job =
            |name: &Path, reason| Err(Error::NotOfJob { name: name.shown().to_string(), reason });
        match metadata_of(&path)? {
            Some(found) if found.is_file() => {}
            Some(_) => {
                let reason = "it is not a regular file, so it is not the manifest of a shard";
                return not_of_job(&path, reason.into());
            }
            None if is_parquet(output)? => {
                return Err(Error::ParquetMerge(output.shown().to_string()));
            }
            None if metadata_of(output)?.is_some() => {
                let reason = format!("it is not a shard: it has no manifest {}", path.shown());
                return not_of_job(output, reason);
            }
            None => {}
        }
        let input = Input::open(&path)?;
        let read = input.take(1 << 20).read_to_end(&mut text);
        let name = path.shown().to_string();
        read.map_err(|source| InputError::Read { name: name.clone(), source })?;
        serde_json::from_slice(&text).map_err(|error| Error::NotOfJob {
            name,
            reason: format!("not the manifest of a shard: {error}"),
        })
    }
}

/// Whether there is a file in Parquet at a path.
fn is_parquet(path: &Path) -> Result<bool, InputError> {
    match metadata_of(path)? {
        Some(found) if found.is_file() && found.len() > 0 => Ok(Input::open(path)?.is_parquet()),
        _ => Ok(false),
    }
}

/// Writes a short JSON document.
///
/// # Errors
/// [`Error::Output`] when it cannot be written.
pub(crate) fn write_json(mut output: Output, value: &impl Serialize) -> Result<(), Error> {
    output.put(&json(value))?;
    Ok(output.finish()?)
}

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // Only maps with keys other than strings could fail, and no value of this program has such maps.
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}
