//! Logs in what L1 keeps: the pubdata of chains in the messages of the settlement layer, and the pubdata that a
//! chain committed on L1 itself, before it moved to the settlement layer.

use super::{RelayedBy, batch_pubdata, batch_sink::BatchSink, era_pubdata};
use crate::{
    archive::{Origin, Place},
    ingest::{
        IndexError,
        l1::{Commits, CommittedBatch, L1Data, LostPubdata, LostReason},
    },
    message::{BatchLogs, L2ToL1Log},
    primitives::{BatchNumber, ChainId},
};

/// Takes the batches of chains in the messages of the settlement layer.
pub(super) fn relayed(
    data: &L1Data,
    commits: &Commits,
    sl_chain: ChainId,
    by: RelayedBy,
    sink: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    data.each_pubdata(commits, |batch, pubdata| {
        let number = BatchNumber(batch.batch.0);
        let mut found = Vec::new();
        match pubdata {
            Ok(pubdata) => {
                let Ok(published) = era_pubdata::parse(pubdata) else { return Ok(()) };
                let logs =
                    BatchLogs::new(sl_chain, number, published.logs, published.messages, None);
                let Ok(logs) = logs else { return Ok(()) };
                by.find(logs.view(), |one| found.push(one));
            }
            Err(mut lost) => {
                if let Some(left) = lost.left.take() {
                    by.find_in_part((sl_chain, number), &left.messages, |one| found.push(one));
                }
                // Which batches of chains are lost with it is not known.
                let error = lost_of(batch, sl_chain, lost, sink);
                sink.state.faults.add(error);
            }
        }
        let origin = origin(batch, sink);
        for one in found {
            sink.state.without_messages += u64::from(one.as_ref().is_ok_and(lacks_messages));
            sink.relayed(one, by, origin)?;
        }
        Ok(())
    })
}

/// Whether a batch has logs of messages, but not their bytes.
fn lacks_messages(batch: &BatchLogs) -> bool {
    let batch = batch.view();
    batch.messages().is_empty() && batch.logs().iter().any(L2ToL1Log::is_message)
}

/// Takes the batches that a chain committed on L1 itself.
pub(super) fn committed(
    data: &L1Data,
    commits: &Commits,
    chain: ChainId,
    sink: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    data.each_pubdata(commits, |batch, pubdata| {
        let origin = origin(batch, sink);
        let number = BatchNumber(batch.batch.0);
        let pubdata = match pubdata {
            Ok(pubdata) => pubdata,
            // Nothing of a validium is on L1, so nothing is left out.
            Err(lost) if matches!(lost.source, LostReason::Validium) => return Ok(()),
            Err(LostPubdata { left: Some(left), .. }) if left.logs.is_some() => {
                let logs = left.batch(chain, number);
                sink.state.without_messages += u64::from(logs.as_ref().is_ok_and(lacks_messages));
                return sink.made(chain, number, logs, origin);
            }
            Err(lost) => {
                let error = lost_of(batch, chain, lost, sink);
                return sink.note(error);
            }
        };
        match batch_pubdata::parse(chain, number, pubdata) {
            Ok(logs) => sink.batch(logs, origin),
            Err(error) => {
                let what = format!("the pubdata of chain {chain}, batch {number}");
                sink.fault(origin, what, error)
            }
        }
    })
}

/// The error for a batch whose pubdata are lost.
fn lost_of(
    batch: &CommittedBatch,
    chain: ChainId,
    lost: LostPubdata,
    sink: &mut BatchSink<'_, '_>,
) -> IndexError {
    let Origin { source, place } = origin(batch, sink);
    let name = sink.collector.name(source);
    IndexError::Lost { name, place, chain, source: lost.into() }
}

/// The commit of a batch.
fn origin(batch: &CommittedBatch, sink: &mut BatchSink<'_, '_>) -> Origin {
    let place: Place = batch.transaction.place;
    Origin { source: sink.source(&batch.transaction.name), place }
}
