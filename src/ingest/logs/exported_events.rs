//! The events of L1Messenger in tables and pages of logs, in every form of
//! [`event_logs`](crate::ingest::event_logs).

use super::{
    message_event::{MessengerEvent, exported_event, is_of_log},
    receipt::{Answer, Fault},
    sent_log::EventFields,
};
use crate::{
    ingest::{
        event_logs::{EventLog, LogPlace},
        state::ImportError,
    },
    message::MESSENGER,
    primitives::BatchNumber,
};

/// The part of an archive that a log of a contract is. `None` for other events, and for logs that were removed
/// together with their block. Of logs without their contract, the first topic decides.
///
/// # Errors
/// [`ImportError`] if the log is an L2→L1 log, and its transaction is not known.
pub(super) fn answer_of(
    log: &EventLog,
    place: LogPlace<'_>,
) -> Result<Option<Answer>, ImportError> {
    if log.removed || log.address.is_some_and(|address| address != MESSENGER) {
        return Ok(None);
    }
    let event = exported_event(&log.topics, log.data.as_deref());
    if log.tx_hash.is_none() && matches!(event, Ok(Some(MessengerEvent::Log(_)))) {
        let reason = "is missing: a batch consists of the logs of whole transactions, so the column \
                      transaction_hash is needed";
        return Err(place.bad("the transaction hash", reason));
    }
    let batch = log.l1_batch.map(BatchNumber);
    let answer = event.and_then(|event| match event {
        Some(MessengerEvent::Log(sent)) => {
            let fields = EventFields {
                hash: log.tx_hash,
                block: Some(log.block.0),
                transaction: log.tx_index,
                index: Some(log.log_index),
                batch,
            };
            fields.of_log(sent).map(Answer::Event).map(Some)
        }
        Some(MessengerEvent::Message(hash, bytes)) => Ok(Some(Answer::Message(hash, bytes))),
        None => Ok(None),
    });
    Ok(answer.unwrap_or_else(|error| {
        let what = "an event of L1Messenger".into();
        // A batch is complete without a message, but not without a log.
        let (block, batch) =
            if is_of_log(&log.topics) { (Some(log.block.0), batch) } else { (None, None) };
        Some(Answer::Fault(Fault { what, block, batch, error, more: 0 }))
    }))
}
