use std::sync::Arc;

use serde::Serialize;

use super::{TrustedRoots, verify};
use crate::{
    anchor::KnownRoots,
    ingest::state_proofs::StateEvidence,
    primitives::{Address, Hash},
    proof::{ProofRecord, Reason, Verdict},
};

/// The state of L1 at one block, with what proves it to somebody who trusts only the hash of the block and the address
/// of Bridgehub. A page takes it as JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct L1Evidence {
    /// The hash of the block.
    #[serde(rename = "hash")]
    pub(crate) block_hash: Hash,
    pub(crate) bridgehub: Address,
    #[serde(flatten)]
    pub(crate) proofs: StateEvidence,
    /// The roots in the state.
    #[serde(skip)]
    pub(crate) roots: Arc<KnownRoots>,
}

impl L1Evidence {
    /// Checks that the contracts of the state accept a proof.
    pub(super) fn check(&self, record: &ProofRecord) -> Result<(), Reason> {
        match verify(record, &TrustedRoots::State(Arc::clone(&self.roots))) {
            Verdict::Valid(_) => Ok(()),
            Verdict::Invalid(reason) | Verdict::CannotJudge(reason) => Err(reason),
        }
    }

    pub(super) fn to_json(&self) -> String {
        // Cannot fail: there are no maps with keys other than strings.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        forest::Addresses,
        state::{StorageReader, sample::Slots},
    };

    /// A state without slots shows nothing, so no proof is accepted.
    #[test]
    fn a_proof_that_the_state_does_not_show_is_refused() {
        let state: Arc<dyn StorageReader> = Arc::new(Slots::default());
        let evidence = L1Evidence {
            block_hash: Hash::ZERO,
            bridgehub: Address::default(),
            proofs: StateEvidence { header: Vec::new(), answers: Vec::new() },
            roots: Arc::new(KnownRoots::new(state, Addresses::default()).unwrap()),
        };
        let lines = include_str!("../../fixtures/golden/proofs-1.ndjson");
        let record: ProofRecord = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert!(evidence.check(&record).is_err());
    }
}
