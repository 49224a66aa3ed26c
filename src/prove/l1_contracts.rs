//! The contracts on L1 that take proofs.

use super::{Error, Trees};
use crate::{contracts::L1Nullifier, primitives::ChainId, proof::calldata::L1Contracts};

impl Trees {
    /// Adds the contracts of these chains that the state of L1 names, and their old bridges if it holds
    /// L1Nullifier. Nothing is added without such a state.
    pub(super) fn add_contracts(
        &self,
        contracts: &mut L1Contracts,
        chains: impl Iterator<Item = ChainId>,
    ) -> Result<(), Error> {
        let Some(l1) = self.l1()? else { return Ok(()) };
        let mut nullifier = contracts.nullifier.map(|at| L1Nullifier::at(l1.state(), at));
        if let Some(at) = &nullifier
            && !at.is_set_up()?
        {
            nullifier = None;
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
