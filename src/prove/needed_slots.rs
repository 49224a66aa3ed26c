//! The slots that decide on proofs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Error, StateOptions};
use crate::{
    anchor::KnownRoots,
    contracts::Bridgehub,
    forest::Addresses,
    primitives::{Address, Word},
    proof::reader::Defaults,
    records::{Entries, TrustedRoots, Verdicts, VerdictsError},
    state::{ProvenSlots, RecordedReads, StorageReader},
};

/// Stands for MessageRoot while its address is not known. No slot of it is needed.
const UNKNOWN: Address = Address::new([0xff; 20]);

/// The slots, by contract, that the rules of the contracts read to judge these records and that are not among
/// `proven`. Empty once every record can be judged.
///
/// Which slots are read depends on the values of others: Bridgehub has the address of a chain's diamond, for
/// example. So only a part is known until those values are proven; a few rounds lead to all of them. A round may
/// name slots that turn out not to be needed.
///
/// # Errors
/// [`Error`] when the records cannot be read or are none, or when a proven slot holds an invalid value.
pub fn needed_slots(
    entries: Entries,
    defaults: Defaults,
    proven: ProvenSlots,
    options: &StateOptions,
) -> Result<BTreeMap<Address, BTreeSet<Word>>, Error> {
    let reads = Arc::new(RecordedReads::new(proven));
    let judged = judge(entries, defaults, &reads, options);
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
    entries: Entries,
    defaults: Defaults,
    reads: &Arc<RecordedReads>,
    options: &StateOptions,
) -> Result<(), Error> {
    let state: Arc<dyn StorageReader> = reads.clone();
    let mut addresses = options.addresses(&state)?;
    if let (None, Some(bridgehub)) = (options.message_root, options.bridgehub)
        && Bridgehub::at(&state, bridgehub).message_root()?.is_none()
        && !reads.missing().is_empty()
    {
        addresses = Addresses { message_root: UNKNOWN, ..addresses };
    }
    let roots: TrustedRoots = KnownRoots::new(state, addresses)?.into();
    let mut verdicts = Verdicts::new(entries, defaults, roots);
    while !verdicts.next_chunk().map_err(|error: VerdictsError| Error::from(error))?.is_empty() {}
    Ok(())
}
