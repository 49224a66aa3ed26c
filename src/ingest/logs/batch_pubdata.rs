use super::{SourceError, era_pubdata, zksync_os_pubdata};
use crate::{
    message::BatchLogs,
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
