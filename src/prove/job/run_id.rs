//! The identity of a job: everything that its output depends on. Parts of different jobs are never merged.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    request_lines::{RequestLines, digest_of},
    selection::{Filter, Selection, Which},
};
use crate::{
    files::Input,
    primitives::hex,
    proof::Target,
    prove::{Error, Prover},
    records::{CallOptions, Encoder},
};

/// Everything that the bytes of a whole job's output depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RunId {
    /// The version of this program.
    slproof: String,
    /// The identity of the trees, or of the state if none are rebuilt.
    tree: String,
    /// The digest of the archive.
    archive: String,
    /// The selection, the target and the options for the contents of past roots, as given.
    arguments: String,
    /// The digest of the request file.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<String>,
}

impl RunId {
    /// Computes the identity of a job's output.
    pub(super) fn new(
        prover: &Prover,
        selection: &Selection,
        target: Target,
        calls: &CallOptions,
        encoder: &Encoder,
    ) -> Result<Self, Error> {
        let trees = prover.trees();
        let options = trees.options();
        let (mut message, mut transaction, mut hash, mut log, mut all) =
            (None, None, None, None, None);
        match selection.which {
            Which::All => all = Some(true),
            Which::Message(given) => message = Some(given),
            Which::Transaction { hash: given, log: place } => {
                (transaction, log) = (Some(given), place)
            }
            Which::Hash(given) => hash = Some(given),
            Which::Log { .. } | Which::Requests(_) => {}
        }
        let Filter { chain, batches, sender, kind } = selection.filter;
        let l1 = options.l1.as_ref().map(|l1| &l1.state);
        let calls = Some(calls).filter(|calls| **calls != CallOptions::default());
        let arguments = [
            given("chain", chain),
            given("batch", batches.map(|batches| format!("{batches:?}"))),
            given("message", message),
            given("tx", transaction),
            given("hash", hash),
            given("log", log),
            given("all", all),
            given("sender", sender),
            given("kind", kind.map(|kind| format!("{kind:?}"))),
            given("target", Some(target)),
            given("output", Some(encoder.describe())),
            given("calls", calls.map(|calls| format!("{calls:?}"))),
            given("events", digests_of(&options.events)?),
            given("columns", Some(&options.columns).filter(|columns| !columns.is_empty())),
            given("search", options.search),
            given("sl-batches", digests_of(&options.sl_batches)?),
            given("l1", trees.l1_files_identity()),
            given("anchor", trees.l1_identity()?),
            given("anchor-bridgehub", l1.and_then(|l1| l1.bridgehub)),
            given("anchor-message-root", l1.and_then(|l1| l1.message_root)),
            given("bridgehub", options.state.bridgehub),
            given("message-root", options.state.message_root),
            given("l1-bridgehub", options.state.l1_bridgehub),
        ];
        Ok(Self {
            slproof: env!("CARGO_PKG_VERSION").into(),
            tree: trees.identity(),
            archive: hex::encode(&prover.messages().archive().container().digest()),
            arguments: arguments.into_iter().flatten().collect::<Vec<_>>().join(" "),
            requests: selection.lines().map(RequestLines::digest).transpose()?,
        })
    }

    /// Returns the first part that differs between two jobs.
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

/// The digests of files, in their order; `None` if there are none.
fn digests_of(paths: &[PathBuf]) -> Result<Option<String>, Error> {
    let digests = paths.iter().map(|path| digest_of(Input::open(path)?));
    let digests = digests.collect::<Result<Vec<_>, _>>()?;
    Ok((!digests.is_empty()).then(|| digests.join("+")))
}
