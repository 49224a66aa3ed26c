//! The contracts on L1 that take proofs.

use super::{Error, Trees};
use crate::{primitives::ChainId, proof::calldata::L1Contracts};

impl Trees {
    /// Adds the contracts of these chains that the state of L1 names. Nothing is added without such a state.
    pub(super) fn add_contracts(
        &self,
        contracts: &mut L1Contracts,
        chains: impl Iterator<Item = ChainId>,
    ) -> Result<(), Error> {
        let Some(l1) = self.l1()? else { return Ok(()) };
        for chain in chains {
            let known = contracts.chains.entry(chain).or_default();
            if known.verifier.is_none() {
                known.verifier = l1.verifier(chain)?;
            }
        }
        Ok(())
    }
}
