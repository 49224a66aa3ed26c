use super::FirstValues;
use crate::{
    contracts::{MOST_CHAINS, MessageRoot},
    forest::{L1Error, RebuildError, RebuildOptions},
    ingest::l1::LayerRecord,
    primitives::{ChainId, SlBatch},
    state::StorageReader,
};

/// A registered chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    pub(super) id: ChainId,
    /// The batch of the settlement layer that registered it. The settlement layer itself has none: its
    /// registration may be older than the first batch.
    pub(super) since: Option<SlBatch>,
}

/// The chains by index, up to the first one whose registration is missing.
pub(super) fn read(
    record: &LayerRecord,
    message_root: &MessageRoot<'_, FirstValues<'_>>,
    options: &RebuildOptions,
) -> Result<Vec<Registered>, RebuildError> {
    let batches = &record.batches;
    let (Some(first), Some(last)) = (batches.first(), batches.last()) else {
        return Err(L1Error::None.into());
    };
    let address = message_root.address();
    let since = |index| {
        let slot = MessageRoot::<FirstValues<'_>>::chain_at_slot(index);
        record.first_values.first_writes(address, &[slot]).and_then(|since| since[0])
    };
    let mut chains = Vec::new();
    for index in 1..MOST_CHAINS {
        let Some(since) = since(index) else { break };
        chains.push(Registered { id: message_root.chain_at(index)?, since: Some(since) });
    }
    if chains.is_empty() {
        let (first, last) = (first.batch, last.batch);
        return Err(L1Error::NoRegistrations { first, last, message_root: address }.into());
    }
    let found = since(0).map(|_| message_root.chain_at(0)).transpose()?;
    let id = match (options.sl_chain, found) {
        (Some(expected), Some(found)) if expected != found => {
            return Err(RebuildError::OtherSettlementLayer { expected, found });
        }
        (given, found) => given.or(found).ok_or(L1Error::NoSlChain)?,
    };
    chains.insert(0, Registered { id, since: None });
    Ok(chains)
}
