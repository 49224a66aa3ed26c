//! Logs in the transactions that execute batches on a settlement layer of v31, which carry all logs and messages of each
//! batch. The aggregated root shows the chain, and the batch root in the same transaction that the logs are
//! whole.

use std::collections::HashMap;

use super::{SourceError, SourceFormat, batch_sink::BatchSink};
use crate::{
    archive::Origin,
    files::Input,
    ingest::{
        IndexError,
        l1::{ExecutedBatch, L1FaultKind, each_execution},
    },
    keccak::hash_node,
    message::{BatchLogs, chain_id_leaf},
    primitives::{BatchNumber, ChainId, Hash},
};

/// Reads a file of transactions. With `chain`, only batches of this chain are taken; otherwise those of all chains that
/// the check knows.
pub(super) fn read(
    input: Input,
    chain: Option<ChainId>,
    sink: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    if chain.is_none() && sink.state.check.is_none() {
        let (name, format) = (input.name().into(), SourceFormat::Executions);
        return Err(IndexError::NeedsChain { name, format });
    }
    let source = sink.source(input.name());
    let mut chains = HashMap::new();
    each_execution(input, |found, place| {
        let origin = Origin { source, place };
        let batch = match found {
            Ok(batch) => batch,
            Err(error) => {
                let error = match error {
                    L1FaultKind::Calldata(error) => error.into(),
                    L1FaultKind::Row(error) => SourceError::Bad {
                        what: "the transaction:".into(),
                        reason: error.to_string(),
                    },
                };
                return sink.fault(origin, "the execution of batches", error);
            }
        };
        let number = BatchNumber(batch.info.batch.0);
        let of = match chain {
            Some(chain) if chain_id_leaf(Hash::ZERO, chain) == batch.aggregated_root => Some(chain),
            // A batch of another chain.
            Some(_) => return Ok(()),
            None => chains.get(&batch.aggregated_root).copied().or_else(|| {
                let of = sink.state.check?.chain_of(batch.aggregated_root)?;
                chains.insert(batch.aggregated_root, of);
                Some(of)
            }),
        };
        let Some(of) = of else {
            let error = SourceError::UnknownChain { aggregated_root: batch.aggregated_root };
            return sink.fault(origin, format!("executed batch {number}"), error);
        };
        match whole(of, number, batch) {
            Ok(logs) => sink.batch(logs, origin),
            Err(error) => sink.fault(origin, format!("batch {number} of chain {of}"), error),
        }
    })
}

/// The logs of a batch, if they are all that its batch root covers.
fn whole(
    chain: ChainId,
    number: BatchNumber,
    batch: ExecutedBatch,
) -> Result<BatchLogs, SourceError> {
    let ExecutedBatch { info, logs, messages, aggregated_root } = batch;
    let made = BatchLogs::new(chain, number, logs, messages, Some(aggregated_root))?;
    let got = hash_node(made.view().tree().root(), aggregated_root);
    match got == info.logs_root {
        true => Ok(made),
        false => Err(SourceError::OtherBatchRoot { expected: info.logs_root, got }),
    }
}
