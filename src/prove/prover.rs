//! Single proofs, and the entry point to jobs.

use super::{Error, Messages, Trees, job::found};
use crate::proof::{ProofRecord, Request, Target};

/// Trees and messages, from which proofs are made. Cheap to clone, and shared between threads without a lock.
///
/// ```
/// use slproof::{Messages, Prover, Request, Target, Trees};
///
/// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// let prover = Prover::new(trees, messages);
///
/// let request: Request = serde_json::from_str(r#"{"chainId":324,"batchNumber":501234,"id":0}"#)?;
/// let records = prover.prove(&request, Target::Latest)?;
/// println!("{}", serde_json::to_string(&records[0])?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prover {
    trees: Trees,
    messages: Messages,
}

impl Prover {
    /// Creates a prover from trees and messages.
    #[must_use]
    pub fn new(trees: Trees, messages: Messages) -> Self {
        Self { trees, messages }
    }

    /// The trees.
    #[must_use]
    pub fn trees(&self) -> &Trees {
        &self.trees
    }

    /// The messages.
    #[must_use]
    pub fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Proves a request against a target: one log, all logs of a batch except the padding, all occurrences of
    /// a message, or logs of a transaction. The verifier has accepted every returned proof.
    ///
    /// ```
    /// use slproof::{FailureCode, Messages, Prover, Request, Target, Trees, primitives::Hash};
    ///
    /// # let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
    /// # let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
    /// let prover = Prover::new(trees, messages);
    /// let unknown = Request::Message { message: Hash::ZERO };
    /// let error = prover.prove(&unknown, Target::Latest).unwrap_err();
    /// assert_eq!(error.code(), FailureCode::MessageNotFound);
    /// # Ok::<(), slproof::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error`] when the target does not exist, when nothing matches the request, or when one of the logs
    /// cannot be proven.
    pub fn prove(&self, request: &Request, target: Target) -> Result<Vec<ProofRecord>, Error> {
        let archive = self.messages.archive();
        let batch = match *request {
            Request::Log { chain_id, batch_number, .. }
            | Request::Batch { chain_id, batch_number } => Some((chain_id, batch_number)),
            Request::Message { message } => found::only_batch(archive.find_message(message)),
            Request::Transaction { tx_hash, .. } => {
                found::only_batch(archive.find_transaction(tx_hash))
            }
        };
        let single = self.trees.single_root(target, batch)?;
        let extractor = match &single {
            Some(timeline) => self.trees.extractor_in(target, Some(timeline))?,
            None => self.trees.extractor(target)?,
        };
        match *request {
            Request::Log { chain_id, batch_number, id } => {
                Ok(vec![extractor.batch_of(archive, chain_id, batch_number)?.prove(id)?])
            }
            Request::Batch { chain_id, batch_number } => {
                let proofs = extractor.batch_of(archive, chain_id, batch_number)?;
                let is_padding = |error: &super::ExtractError| {
                    matches!(error, super::ExtractError::DefaultLeaf { .. })
                };
                let records = proofs.prove_all();
                let records = records.filter(|record| !record.as_ref().is_err_and(is_padding));
                Ok(records.collect::<Result<_, _>>()?)
            }
            Request::Message { message } => found::message(archive, message)?
                .map(|at| at.map_err(Error::from))
                .map(|at| at.and_then(|at| Ok(extractor.batch(at.batch)?.prove(at.index)?)))
                .collect(),
            Request::Transaction { tx_hash, log } => found::transaction(archive, tx_hash, log)?
                .map(|at| at.map_err(Error::from))
                .map(|at| at.and_then(|at| Ok(extractor.batch(at.batch)?.prove(at.index)?)))
                .collect(),
        }
    }
}
