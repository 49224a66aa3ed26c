//! The slots of L1 that decide on proofs, and on the payouts that they prove.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rayon::prelude::*;

use super::{ClaimSelection, ClaimsOptions, judge::Judge};
use crate::{
    anchor::KnownRoots,
    contracts::Bridgehub,
    forest::Addresses,
    message::L2ToL1Log,
    primitives::{Address, ChainId, Word},
    proof::{
        Known, ProofRecord, Verdict,
        reader::{Defaults, Item},
        verify::RootRef,
    },
    prove::{Error, StateOptions},
    records::{Entries, TrustedRoots},
    state::{ProvenSlots, RecordedReads, StateError, StorageReader},
};

/// Stands for MessageRoot while its address is not known. No slot of it is needed.
const UNKNOWN: Address = Address::new([0xff; 20]);

/// The maximum number of records that are judged in parallel, and the approximate maximum of their bytes.
const RECORDS_AT_ONCE: usize = 1024;
const BYTES_AT_ONCE: usize = 8 << 20;

/// The slots, by contract, that the rules of the contracts read to judge these records and that are not among
/// `proven`. With `claims`, also those that [`Claims`](super::Claims) and [`Rechecks`](super::Rechecks) read to say
/// whether L1 pays for what the records prove. Empty once every record can be judged.
///
/// Which slots are read depends on the values of others: Bridgehub has the address of a chain's diamond, for
/// example. So only a part is known until those values are proven. If each round proves what the one before it named, at
/// most 12 rounds lead to all of them: the longest chain goes from Bridgehub over L1ChainAssetHandler and the
/// migrations of the chain to the root, then to L1Nullifier and to the contracts whose addresses it has. A round may
/// name slots that turn out not to be needed.
///
/// # Errors
/// [`Error`] when the records cannot be read or are none, or when a proven slot holds an invalid value.
pub fn needed_slots(
    entries: Entries,
    defaults: &Defaults,
    proven: ProvenSlots,
    options: &StateOptions,
    claims: Option<&ClaimsOptions>,
) -> Result<BTreeMap<Address, BTreeSet<Word>>, Error> {
    let reads = Arc::new(RecordedReads::new(proven));
    let judged = judge(entries, defaults, &reads, options, claims);
    let mut needed = BTreeMap::<_, BTreeSet<_>>::new();
    for (contract, slot) in reads.missing() {
        if contract != UNKNOWN {
            needed.entry(contract).or_default().insert(slot);
        }
    }
    match judged {
        // A slot that is not proven may be the cause, because it was read as zero.
        Err(Error::State(_)) if !needed.is_empty() => Ok(needed),
        judged => judged.map(|()| needed),
    }
}

/// Judges the records, to record what is read.
fn judge(
    mut entries: Entries,
    defaults: &Defaults,
    reads: &Arc<RecordedReads>,
    options: &StateOptions,
    claims: Option<&ClaimsOptions>,
) -> Result<(), Error> {
    let state: Arc<dyn StorageReader> = reads.clone();
    let mut addresses = options.addresses(&state)?;
    if let (None, Some(bridgehub)) = (options.message_root, options.bridgehub)
        && Bridgehub::at(&state, bridgehub).message_root()?.is_none()
        && !reads.missing().is_empty()
    {
        addresses = Addresses { message_root: UNKNOWN, ..addresses };
    }
    let known = Arc::new(KnownRoots::new(state, addresses)?);
    let payouts =
        claims.map(|options| Judge::new(&known, None, None, ClaimSelection::default(), options));
    let roots = TrustedRoots::State(Arc::clone(&known));
    loop {
        let chunk = entries.next_chunk(RECORDS_AT_ONCE, BYTES_AT_ONCE)?;
        if chunk.is_empty() {
            return Ok(());
        }
        chunk.into_par_iter().try_for_each(|(_, entry)| match entry.item(defaults) {
            Ok(Item::Proof(record, log)) => {
                roots.judge(&record, &log)?;
                payouts.as_ref().map_or(Ok(()), |payouts| payouts.read_payout(&record, &log))
            }
            Ok(Item::Leaf(record)) => roots.judge_leaf(&record).map(drop),
            Ok(Item::Failure) | Err(_) => Ok(()),
        })?;
    }
}

impl<S: StorageReader + std::fmt::Debug> Judge<'_, S> {
    /// Reads what decides whether L1 pays for a log, as if L1 took the proof.
    fn read_payout(&self, record: &ProofRecord, log: &L2ToL1Log) -> Result<(), StateError> {
        let roots = self.routes.l1.roots;
        // `claims` first looks for the root of the batch itself, and takes the chain id of L1 from its settlement layer.
        roots.of_batch(record.chain_id, record.batch_number)?;
        let mut sl_chain = None;
        let _ = Verdict::of(record, log, |root| {
            if let RootRef::SettlementLayer(chain, _) | RootRef::SlBatch(chain, _) = root {
                sl_chain = ChainId::try_from(*chain).ok();
            }
            Known::Unknown
        });
        if let Some(sl_chain) = sl_chain {
            roots.bridgehub().settlement_layer(sl_chain)?;
        }
        self.of_accepted(record, log, record.root);
        Ok(())
    }
}
