use super::{SourceError, era_pubdata, zksync_os_pubdata};
use crate::{
    message::{BatchLogs, MessageList},
    primitives::{BatchNumber, ChainId},
};

/// Reads the pubdata of a batch, of either kind of chain.
pub(super) fn parse(
    chain: ChainId,
    batch: BatchNumber,
    pubdata: &[u8],
) -> Result<BatchLogs, SourceError> {
    let published = match pubdata.first() {
        // The first byte of the number of logs, which is at most 16384.
        Some(0) | None => era_pubdata::parse(pubdata)?,
        Some(_) => zksync_os_pubdata::parse(pubdata)?,
    };
    Ok(BatchLogs::new(chain, batch, published.logs, published.messages, None)?)
}

/// Reads the logs of a batch of an Era chain, and if they are there its messages, in the first bytes of its pubdata.
/// `None` if not all logs are there, or the chain is of another kind: its logs are spread over the pubdata.
pub(super) fn parse_start(chain: ChainId, batch: BatchNumber, pubdata: &[u8]) -> Option<BatchLogs> {
    let (logs, messages) = era_pubdata::parse_start(pubdata)?;
    let without = |logs| BatchLogs::new(chain, batch, logs, MessageList::default(), None);
    let with = messages.map(|messages| BatchLogs::new(chain, batch, logs.clone(), messages, None));
    with.unwrap_or_else(|| without(logs)).ok()
}
