use super::first_values::FirstValues;
use crate::{
    contracts::{MOST_CHAINS, MessageRoot, Network},
    forest::{L1Error, RebuildError, RebuildOptions},
    ingest::l1::LayerRecord,
    primitives::{ChainId, SlBatch},
    state::StorageReader,
};

/// ZKsync Gateway on mainnet, on testnet, and on the stage network.
const GATEWAYS: [ChainId; 3] = [
    Network::Mainnet.deployment().sl_chain_id,
    Network::Testnet.deployment().sl_chain_id,
    ChainId(506),
];

/// Indices without a registration after which there is none. Bridgehub admits 100 chains.
const MOST_MISSING: u64 = 128;

/// A registered chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    pub(super) id: ChainId,
    /// The batch of the settlement layer that registered it.
    pub(super) since: SlBatch,
}

/// The chains by index, from index 1 up to the last one that is known. Those are `None` that a missing batch
/// registered.
pub(super) fn read(
    record: &LayerRecord,
    message_root: &MessageRoot<'_, FirstValues<'_>>,
) -> Result<Vec<Option<Registered>>, RebuildError> {
    let batches = &record.batches;
    let (Some(first), Some(last)) = (batches.first(), batches.last()) else {
        return Err(L1Error::None.into());
    };
    let address = message_root.address();
    let since = |index| {
        let slot = MessageRoot::<FirstValues<'_>>::chain_at_slot(index);
        record.first_values.first_writes(address, &[slot]).and_then(|since| since[0])
    };
    let mut chains: Vec<Option<Registered>> = Vec::new();
    for index in 1..MOST_CHAINS {
        if let Some(since) = since(index) {
            chains.resize(index as usize - 1, None);
            chains.push(Some(Registered { id: message_root.chain_at(index)?, since }));
        } else if index > chains.len() as u64 + MOST_MISSING {
            break;
        }
    }
    if chains.is_empty() {
        let (first, last) = (first.batch, last.batch);
        let missing = batches.iter().filter(|batch| !batch.has_diffs).count();
        let error = match missing {
            0 => L1Error::NoRegistrations { first, last, message_root: address },
            _ => L1Error::RegistrationsMissing {
                batches: first..=last,
                missing,
                message_root: address,
            },
        };
        return Err(error.into());
    }
    Ok(chains)
}

/// The chain ids that the settlement layer may have: the one that is given or registered. If its registration is
/// older than the first batch, those of ZKsync Gateway on mainnet, on testnet, and on the stage network. The trees
/// are compared with the roots of the batches, so no other one is taken by mistake.
pub(super) fn sl_chains(
    record: &LayerRecord,
    message_root: &MessageRoot<'_, FirstValues<'_>>,
    options: &RebuildOptions,
) -> Result<Vec<ChainId>, RebuildError> {
    let slot = MessageRoot::<FirstValues<'_>>::chain_at_slot(0);
    let since = record.first_values.first_writes(message_root.address(), &[slot]);
    let is_registered = since.is_some_and(|since| since[0].is_some());
    let found = is_registered.then(|| message_root.chain_at(0)).transpose()?;
    match (options.sl_chain, found) {
        (Some(expected), Some(found)) if expected != found => {
            Err(RebuildError::OtherSettlementLayer { expected, found })
        }
        (given, found) => Ok(given.or(found).map_or(GATEWAYS.to_vec(), |chain| vec![chain])),
    }
}
