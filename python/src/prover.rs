//! Trees and archives that are open, and the proofs made from them.

use std::path::PathBuf;

use arrow_array::RecordBatch;
use pyo3::prelude::*;
use slproof::{
    L1Options, Messages, MessagesOptions, Prover as Inner, Selection, Shard, Target, Trees,
    TreesOptions,
    claims::{Claim, ClaimKind, ClaimSelection, Claims, ClaimsOptions, Status},
    message::LogKind,
    primitives::{BatchNumber, ChainId, SlBlock},
};

use crate::{
    batch::schema,
    call::run,
    error::{Failed, parsed, parsed_option, words_of},
    export::{Batch, ProofSchema},
    stream::Stream,
};

/// The inputs of a prover that are not trees or archives, as Python gives them.
#[derive(FromPyObject)]
pub struct Inputs {
    #[pyo3(item)]
    events: Vec<PathBuf>,
    #[pyo3(item)]
    sl_batches: Vec<PathBuf>,
    #[pyo3(item)]
    anchor: Vec<PathBuf>,
    #[pyo3(item)]
    bridgehub: Option<String>,
    #[pyo3(item)]
    message_root: Option<String>,
    #[pyo3(item)]
    anchor_bridgehub: Option<String>,
    #[pyo3(item)]
    anchor_message_root: Option<String>,
    #[pyo3(item)]
    trust_block: Option<String>,
    #[pyo3(item)]
    release: Option<String>,
    #[pyo3(item)]
    sl_chain_id: Option<u64>,
    #[pyo3(item)]
    last_block: Option<u64>,
    #[pyo3(item)]
    chain: Option<u64>,
}

/// Which logs are proven.
#[derive(FromPyObject)]
pub struct Which {
    #[pyo3(item)]
    chain: Option<u64>,
    #[pyo3(item)]
    batches: Option<(u64, u64)>,
    #[pyo3(item)]
    sender: Option<String>,
    #[pyo3(item)]
    kind: Option<String>,
    #[pyo3(item)]
    shard: Option<(u64, u64)>,
}

/// Trees and an archive of logs.
#[pyclass(frozen, module = "slproof")]
pub struct Prover {
    inner: Inner,
}

/// Opens trees and archives of logs.
#[pyfunction]
pub fn open(
    py: Python<'_>,
    tree: Vec<PathBuf>,
    messages: Vec<PathBuf>,
    inputs: Inputs,
) -> PyResult<Prover> {
    let inner = run(py, move || {
        let mut options = TreesOptions::default();
        (options.events, options.sl_batches) = (inputs.events, inputs.sl_batches);
        options.sl_chain = inputs.sl_chain_id.map(ChainId);
        options.last_block = inputs.last_block.map(SlBlock);
        options.release = parsed_option("release", inputs.release.as_ref())?;
        options.state.bridgehub = parsed_option("bridgehub", inputs.bridgehub.as_ref())?;
        options.state.message_root = parsed_option("message_root", inputs.message_root.as_ref())?;
        if !inputs.anchor.is_empty() {
            let mut l1 = L1Options { paths: inputs.anchor, ..L1Options::default() };
            let state = &mut l1.state;
            let (bridgehub, message_root) = (&inputs.anchor_bridgehub, &inputs.anchor_message_root);
            state.bridgehub = parsed_option("anchor_bridgehub", bridgehub.as_ref())?;
            state.message_root = parsed_option("anchor_message_root", message_root.as_ref())?;
            state.trusted_block = parsed_option("trust_block", inputs.trust_block.as_ref())?;
            options.l1 = Some(l1);
        }
        let trees = Trees::open(&tree, &options)?;
        let mut options = MessagesOptions::default();
        options.trees = vec![trees.clone()];
        options.chain_of_others = inputs.chain.map(ChainId);
        let messages = Messages::open(&messages, &options)?;
        Ok(Inner::new(trees, messages))
    })?;
    Ok(Prover { inner })
}

#[pymethods]
impl Prover {
    /// Answers the requests in the lines of a text, in their order.
    fn prove(&self, py: Python<'_>, lines: Vec<u8>, target: &str) -> PyResult<Batch> {
        let job = self
            .inner
            .job(Selection::request_lines(lines))
            .target(parsed::<Target>("target", target)?);
        let has_timestamps = self.inner.trees().has_timestamps();
        match Stream::start(job, usize::MAX, has_timestamps)?.next(py)? {
            Some(batch) => Ok(Batch::new(batch)),
            None => Ok(Batch::new(RecordBatch::new_empty(schema(has_timestamps)))),
        }
    }

    /// Proves every selected log.
    fn prove_all(&self, target: &str, which: Which, rows: usize) -> PyResult<Stream> {
        let mut selection = Selection::all();
        if let Some(chain) = which.chain.map(ChainId) {
            selection = match which.batches {
                Some((first, last)) => selection.of_batches(chain, batches(first, last)?),
                None => selection.of_chain(chain),
            };
        } else if which.batches.is_some() {
            return Err(Failed::arguments("batches: they need chain").into());
        }
        if let Some(sender) = parsed_option("sender", which.sender.as_ref())? {
            selection = selection.from_sender(sender);
        }
        if let Some(kind) = &which.kind {
            selection = selection.of_kind(log_kind(kind)?);
        }
        let shard = which.shard.map(|(index, of)| Shard::from_index(index, of));
        let shard = shard.transpose();
        let shard = shard.map_err(|error| Failed::arguments(format!("shard: {error}")))?;
        let job =
            self.inner.job(selection).target(parsed::<Target>("target", target)?).shard(shard);
        Ok(Stream::start(job, rows.max(1), self.inner.trees().has_timestamps())?)
    }

    /// The roots by block, with what is new in each, as JSON.
    fn history(&self, py: Python<'_>) -> PyResult<String> {
        let trees = self.inner.trees().clone();
        run(py, move || {
            let timeline = trees.history()?;
            let Some(forest) = trees.forest() else {
                return Err(Failed::from(slproof::Error::NoTrees(Target::First)));
            };
            let steps: Vec<_> = timeline.history().steps(forest).collect();
            serde_json::to_string(&steps).map_err(Failed::arguments)
        })
    }

    /// What the state of L1 says about the selected withdrawals, each as JSON.
    fn claims(
        &self,
        py: Python<'_>,
        l1_nullifier: &str,
        chain: Option<u64>,
        receiver: Option<String>,
        kinds: Vec<String>,
        statuses: Vec<String>,
    ) -> PyResult<Vec<String>> {
        let options = ClaimsOptions::new(parsed("l1_nullifier", l1_nullifier)?);
        let mut selection = ClaimSelection::default();
        selection.chain = chain.map(ChainId);
        selection.receiver = parsed_option("receiver", receiver.as_ref())?;
        if !kinds.is_empty() {
            selection.kinds = kinds.iter().map(|name| kind(name)).collect::<Result<_, _>>()?;
        }
        selection.statuses = statuses.iter().map(|name| status(name)).collect::<Result<_, _>>()?;
        let inner = self.inner.clone();
        run(py, move || {
            let (trees, messages) = (inner.trees(), inner.messages());
            let l1 =
                trees.l1()?.ok_or_else(|| Failed::arguments("open needs anchor for claims"))?;
            let job = Claims::new(l1, Some(trees), messages, selection, &options)?;
            let mut all = Vec::new();
            let encode = |claims: &[Claim]| -> Result<Vec<String>, serde_json::Error> {
                claims.iter().map(serde_json::to_string).collect()
            };
            job.run(encode, |claims| {
                all.extend(claims.map_err(|error| slproof::Error::Sink(Box::new(error)))?);
                Ok(())
            })?;
            Ok(all)
        })
    }

    /// The columns of the batches of proofs.
    #[getter]
    fn schema(&self) -> ProofSchema {
        ProofSchema { has_timestamps: self.inner.trees().has_timestamps() }
    }

    /// The numbers of batches and logs in the archive.
    #[getter]
    fn counts(&self) -> (u64, u64) {
        let header = self.inner.messages().archive().header();
        (header.batches, header.logs)
    }

    /// The number of parts that were left out of the archive, and why the first ones were.
    #[getter]
    fn left_out(&self) -> (u64, Vec<String>) {
        let parts = self.inner.messages().skipped();
        (parts.count(), parts.first().iter().map(|error| words_of(error)).collect())
    }
}

fn batches(first: u64, last: u64) -> Result<slproof::Batches, Failed> {
    if first > last {
        return Err(Failed::arguments("batches: the first batch is after the last one"));
    }
    Ok(slproof::Batches { first: BatchNumber(first), last: BatchNumber(last) })
}

fn log_kind(text: &str) -> Result<LogKind, Failed> {
    match text {
        "message" => Ok(LogKind::Message),
        "status" => Ok(LogKind::Status),
        "other" => Ok(LogKind::Other),
        _ => Err(Failed::arguments(format!("kind: {text:?} is not message, status or other"))),
    }
}

fn kind(text: &str) -> Result<ClaimKind, Failed> {
    let named = ClaimKind::ALL.into_iter().find(|kind| kind.name() == text);
    named.ok_or_else(|| Failed::arguments(format!("kinds: {text:?} is not the kind of a claim")))
}

fn status(text: &str) -> Result<Status, Failed> {
    let named = Status::ALL.into_iter().find(|status| status.name() == text);
    named.ok_or_else(|| {
        Failed::arguments(format!("statuses: {text:?} is not the status of a claim"))
    })
}
