//! The contracts on L1 that take proofs.

use super::{Error, Trees, trees::Source};
use crate::{
    anchor::BatchRoots,
    contracts::L1Nullifier,
    primitives::ChainId,
    proof::calldata::L1Contracts,
    state::{StateError, StorageReader},
};

impl Trees {
    /// Adds the contracts of these chains that the state of L1 names, their old bridges if it holds L1Nullifier, and
    /// whether it or the trees show that L1 is of v33.
    pub(super) fn add_contracts(
        &self,
        contracts: &mut L1Contracts,
        chains: impl Iterator<Item = ChainId>,
    ) -> Result<(), Error> {
        // A settlement layer of v33 is L1 itself.
        contracts.are_since_v33 |= self.has_timestamps();
        if let Source::State { roots, .. } = &self.0.source {
            contracts.are_since_v33 |= roots.is_since_v33()?;
        }
        let Some(l1) = self.l1()? else { return Ok(()) };
        contracts.are_since_v33 |= l1.is_since_v33()?;
        let mut nullifier = contracts.nullifier.map(|at| L1Nullifier::at(l1.state(), at));
        if let Some(at) = &nullifier
            && !at.is_set_up()?
        {
            nullifier = None;
        }
        if let Some(nullifier) = &nullifier {
            contracts.are_since_v33 |= has_interop_handler(nullifier)?;
        }
        for chain in chains {
            let known = contracts.chains.entry(chain).or_default();
            if known.verifier.is_none() {
                known.verifier = l1.verifier(chain)?;
            }
            if let (Some(nullifier), None) = (&nullifier, known.old_bridge) {
                known.old_bridge = Some(nullifier.old_bridge(chain)?.unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// Whether L1Nullifier is shown to be of v33. Slots that are not proven show nothing.
fn has_interop_handler<S: StorageReader + ?Sized>(
    nullifier: &L1Nullifier<'_, S>,
) -> Result<bool, StateError> {
    match nullifier.has_interop_handler() {
        Err(StateError::NotProven { .. }) => Ok(false),
        read => read,
    }
}
