//! The documents beside the output of a job: checkpoints and manifests.
//!
//! ```text
//! FILE.partial       the output of a job that is under way or was interrupted
//! FILE.partial.json  its checkpoint: {"job":{…},"steps":…,"bytes":…,"blake3":…,"count":{…},…,"check":…}
//! FILE.shard.json    beside the output of a shard: {"job":{…},"shard":…,"of":…,"bytes":…,"blake3":…,…}
//! ```

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{RunId, Shard};
use crate::{
    files::{Input, InputError, Output},
    primitives::hex,
    prove::Error,
    records::{Count, RowGroupSummary},
};

/// How far a job got.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub(super) job: RunId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shard: Option<String>,
    /// How many steps of the selection are done.
    pub(super) steps: u64,
    /// How many bytes they gave.
    pub(super) bytes: u64,
    /// The digest of these bytes.
    pub(super) blake3: String,
    pub(super) count: Count,
    /// The row groups in these bytes, for the footer of a Parquet file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) row_groups: Vec<RowGroupSummary>,
    /// The digest of all of this, itself left out: what goes on here ends as if nothing had happened.
    #[serde(default)]
    pub(super) check: String,
}

impl Checkpoint {
    /// A job, or a shard of it, of which nothing is done.
    pub(super) fn begun(job: &RunId, shard: Option<Shard>) -> Self {
        Self {
            job: job.clone(),
            shard: shard.map(|shard| shard.to_string()),
            steps: 0,
            bytes: 0,
            blake3: hex::encode(blake3::hash(b"").as_bytes()),
            count: Count::default(),
            row_groups: Vec::new(),
            check: String::new(),
        }
    }

    /// The text of the file.
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

/// What the output of a shard is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) job: RunId,
    pub(super) shard: u64,
    pub(super) of: u64,
    pub(super) bytes: u64,
    pub(super) blake3: String,
    pub(super) count: Count,
}

impl Manifest {
    /// Where the manifest of an output is.
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
        // A pipe under this name would be waited for.
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            let name = path.display().to_string();
            return Err(Error::NotOfJob {
                name,
                reason: "it is not a regular file, so not the manifest of a shard".into(),
            });
        }
        let input = Input::open(&path)?;
        let read = input.take(1 << 20).read_to_end(&mut text);
        let name = path.display().to_string();
        read.map_err(|source| InputError::Read { name: name.clone(), source })?;
        serde_json::from_slice(&text).map_err(|error| Error::NotOfJob {
            name,
            reason: format!("not the manifest of a shard: {error}"),
        })
    }
}

/// Writes a document of a few lines.
///
/// # Errors
/// [`Error::Output`] when it cannot be written.
pub(crate) fn write_json(mut output: Output, value: &impl Serialize) -> Result<(), Error> {
    output.put(&json(value))?;
    Ok(output.finish()?)
}

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // No value of this program has maps with keys other than text, the only thing that could fail.
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}
