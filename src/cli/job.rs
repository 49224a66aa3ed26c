//! What a job is, as far as its output depends on it: what a checkpoint and the manifest of a share say,
//! so that parts of different jobs are never put together.
//!
//! ```text
//! FILE.partial       the output of a job that is under way or was interrupted
//! FILE.partial.json  its checkpoint: {"job":{…},"steps":…,"bytes":…,"blake3":…,"count":{…},…,"check":…}
//! FILE.shard.json    beside the output of a share: {"job":{…},"shard":…,"of":…,"bytes":…,"blake3":…,…}
//! ```

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    error::CliError,
    proof_output::{Count, Encoder},
    prove_args::{ProveArgs, Shard},
    target::Trees,
};
use crate::{
    archive::Archive,
    files::{Input, InputError, Output},
    primitives::hex,
    records::parquet::RowGroupSummary,
};

/// Everything that the bytes of a whole job's output depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RunId {
    /// The release of this program.
    slproof: String,
    /// The trees, or the state where none are rebuilt.
    tree: String,
    /// The digest of the archive.
    archive: String,
    /// The selection, the target and how to explain the history, as they were given.
    arguments: String,
    /// The digest of the file of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<String>,
}

impl RunId {
    pub(super) fn new(
        args: &ProveArgs,
        trees: &Trees<'_>,
        archive: &Archive,
        encoder: &Encoder,
    ) -> Result<Self, CliError> {
        let which = &args.which;
        let arguments = [
            given("chain", which.chain),
            given("batch", which.batch.map(|batches| format!("{batches:?}"))),
            given("message", which.message),
            given("tx", which.tx),
            given("hash", which.hash),
            given("log", which.log),
            given("all", which.all.then_some(true)),
            given("sender", which.sender),
            given("target", Some(args.target)),
            given("output", Some(encoder.describe())),
            given("calls", args.calls.given()),
            given("events", digest_of(args.past.events.as_deref())?),
            given("search", args.past.search),
            given("sl-batches", digest_of(args.sl_batches.as_deref())?),
            given("anchor", trees.anchor_identity()?),
            given("anchor-bridgehub", args.anchor_bridgehub),
            given("anchor-message-root", args.anchor_message_root),
            given("bridgehub", args.how.state.bridgehub),
            given("message-root", args.how.state.message_root),
        ];
        Ok(Self {
            slproof: env!("CARGO_PKG_VERSION").into(),
            tree: trees.identity(),
            archive: hex::encode(&archive.container().digest()),
            arguments: arguments.into_iter().flatten().collect::<Vec<_>>().join(" "),
            requests: digest_of(which.requests.as_deref())?,
        })
    }

    /// Which part of the two jobs differs first.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        let parts = [
            ("release of slproof", self.slproof == other.slproof),
            ("tree", self.tree == other.tree),
            ("archive", self.archive == other.archive),
            ("arguments", self.arguments == other.arguments),
            ("requests", self.requests == other.requests),
        ];
        parts.into_iter().find_map(|(part, same)| (!same).then_some(part))
    }
}

fn given(name: &str, value: Option<impl ToString>) -> Option<String> {
    value.map(|value| format!("{name}={}", value.to_string()))
}

/// BLAKE3 of what is in a file.
fn digest_of(path: Option<&Path>) -> Result<Option<String>, CliError> {
    let Some(path) = path else { return Ok(None) };
    let mut input = Input::open(path)?;
    let name = input.name().to_owned();
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; 1 << 17];
    loop {
        let read = input.read(&mut piece);
        match read.map_err(|source| InputError::Read { name: name.clone(), source })? {
            0 => return Ok(Some(hex::encode(hasher.finalize().as_bytes()))),
            len => hasher.update(&piece[..len]),
        };
    }
}

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
    /// A job, or a share of it, of which nothing is done.
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

    /// As it is kept.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        json(&Self { check: self.digest(), ..self })
    }

    /// Reads what [`Checkpoint::into_bytes`] gave; `None` of anything else.
    pub(super) fn from_bytes(note: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(note).ok()?;
        (read.check == read.digest()).then_some(read)
    }

    fn digest(&self) -> String {
        let unchecked = Self { check: String::new(), ..self.clone() };
        hex::encode(blake3::hash(&json(&unchecked)).as_bytes())
    }
}

/// What the output of a share is.
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

    pub(super) fn read(output: &Path) -> Result<Self, CliError> {
        let path = Self::beside(output);
        let mut text = Vec::new();
        // A pipe under this name would be waited for.
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            let name = path.display().to_string();
            return Err(CliError::Unknown {
                name,
                reason: "it is not a regular file, so not the manifest of a shard".into(),
            });
        }
        let input = Input::open(&path)?;
        let read = input.take(1 << 20).read_to_end(&mut text);
        let name = path.display().to_string();
        read.map_err(|source| InputError::Read { name: name.clone(), source })?;
        serde_json::from_slice(&text).map_err(|error| CliError::Unknown {
            name,
            reason: format!("not the manifest of a shard: {error}"),
        })
    }
}

/// Writes a document of a few lines.
pub(super) fn write_json(mut output: Output, value: &impl Serialize) -> Result<(), CliError> {
    output.put(&json(value))?;
    Ok(output.finish()?)
}

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // No value of this program has maps with keys other than text, the only thing that could fail.
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}
