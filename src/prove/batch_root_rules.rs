//! Which contracts decide about a proof that ends at a batch root.

use std::{fmt, sync::Arc};

use super::ExtractError;
use crate::{
    anchor::{Answer, KnownRoots, Refusal},
    primitives::{BatchNumber, ChainId, Hash},
    state::{StateError, StorageReader},
};

/// The contracts that decide.
#[derive(Clone, Debug)]
pub(super) enum BatchRootRules<'f> {
    /// Those on L1, whose state was given.
    L1(&'f KnownRoots),
    /// Those in the state that the batch roots are from.
    Own(Arc<dyn OwnRules + 'f>),
}

/// The contracts in the state that batch roots are from. They need not accept all of them: those of v31 on a settlement
/// layer do not look up the roots that only the diamonds have, from before an upgrade.
pub(super) trait OwnRules: Send + Sync + fmt::Debug {
    /// Why they refuse proofs that end at the root of a batch. `None` if nothing in the state shows that they do.
    fn refusal(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Refusal>, StateError>;
}

impl<T: OwnRules + ?Sized> OwnRules for &T {
    fn refusal(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Refusal>, StateError> {
        (**self).refusal(chain, batch)
    }
}

impl<S: StorageReader> OwnRules for KnownRoots<S> {
    fn refusal(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Refusal>, StateError> {
        if !self.is_v31() {
            return Ok(None);
        }
        match self.of_batch(chain, batch) {
            Ok(Answer::Refused(refusal)) => Ok(Some(refusal)),
            // Of slots with proofs, one that decides may be missing.
            Ok(_) | Err(StateError::NotProven { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl BatchRootRules<'_> {
    /// Refuses a batch if the contracts refuse proofs that end at its root, or L1 does not store this root.
    pub(super) fn check(
        &self,
        (chain, batch): (ChainId, BatchNumber),
        root: Hash,
    ) -> Result<(), ExtractError> {
        let l1 = match self {
            Self::L1(l1) => l1,
            Self::Own(own) => {
                let refusal = own.refusal(chain, batch)?;
                return refusal.map_or(Ok(()), |refusal| Err(ExtractError::NotAccepted(refusal)));
            }
        };
        let differs = |stored| Err(ExtractError::OtherRootOnL1 { chain, batch, root, stored });
        match l1.of_batch(chain, batch)? {
            Answer::Root(known) if known.root != root => differs(Some(known.root)),
            Answer::Root(_) => Ok(()),
            Answer::NotStored => differs(None),
            Answer::Refused(refusal) => Err(ExtractError::NotAcceptedByL1(refusal)),
            Answer::Lacking(lacking) => Err(ExtractError::L1CannotJudge(lacking)),
        }
    }
}
