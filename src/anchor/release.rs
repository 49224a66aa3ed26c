//! Whether a proof has the words of the release whose contract verifies it. Contracts since v33 expect the
//! timestamp of the batch before the batch mask; those before v33 do not.

use super::{
    KnownRoot, Refusal, RootLocation,
    known_roots::{KnownRoots, Rules},
};
use crate::{
    primitives::{BatchNumber, ChainId, SlBlock, Timestamp, Word},
    proof::{
        ProofRecord,
        verify::{self, RootRef},
    },
    state::{StateError, StorageReader},
};

/// What decides whether the contracts accept a proof, besides the root that its words lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofTraits {
    /// The chain of the log.
    pub chain: ChainId,
    /// The batch of the log.
    pub batch: BatchNumber,
    /// Whether the words have the timestamp of the batch (since v33).
    pub has_timestamp: bool,
    /// The timestamp of the target's root, if the record names it.
    pub root_timestamp: Option<Timestamp>,
}

impl From<&ProofRecord> for ProofTraits {
    fn from(record: &ProofRecord) -> Self {
        Self {
            chain: record.chain_id,
            batch: record.batch_number,
            has_timestamp: record.l1_timestamp.is_some() || verify::has_timestamp(&record.proof),
            root_timestamp: record.target.and_then(|target| target.timestamp),
        }
    }
}

impl<S: StorageReader> KnownRoots<S> {
    /// The reason why the contract that knows the root refuses the words of a proof, or the record its
    /// timestamp. What a state of proven slots does not show is not objected to.
    pub(super) fn objection_to_words(
        &self,
        proof: &ProofTraits,
        anchor: &RootRef,
        known: &KnownRoot,
    ) -> Result<Option<Refusal>, StateError> {
        let (RootRef::SettlementLayer(chain, number)
        | RootRef::SlBlock(chain, number)
        | RootRef::SlBatch(chain, number)) = *anchor
        else {
            return Ok(None);
        };
        let number = Word::join(0, number);
        let (stored, since_v33) = match known.location {
            RootLocation::InteropRoots(_) => {
                let storage = self.interop_root_storage();
                let stored = if_proven(storage.timestamp(chain, number))?;
                let latest = if_proven(storage.latest_timestamp(chain))?;
                // Roots that were imported before an upgrade to v33 have no timestamp.
                let is_set = stored
                    .zip(latest)
                    .map(|(stored, latest)| !stored.is_zero() || !latest.is_zero());
                (stored, is_set)
            }
            RootLocation::HistoricalRoot(_) => {
                let block = SlBlock::try_from(number).unwrap_or_default();
                let stored = if_proven(self.message_root().root_timestamp(block))?;
                let stored = stored.map(Timestamp::to_word);
                (stored, stored.map(|stored| !stored.is_zero()))
            }
            RootLocation::ChainBatchRoots(_) | RootLocation::LogsRootHashes(_) => {
                (None, self.has_timestamps()?)
            }
        };
        if let Some(since_v33) = since_v33.filter(|since_v33| *since_v33 != proof.has_timestamp) {
            return Ok(Some(Refusal::OtherRelease { since_v33 }));
        }
        Ok(proof.root_timestamp.zip(stored).and_then(|(given, stored)| {
            (given.to_word() != stored).then_some(Refusal::RootTimestamp { given, stored })
        }))
    }

    /// Whether MessageRoot is of v33 or later. `None` if a state of proven slots does not show it.
    pub(super) fn has_timestamps(&self) -> Result<Option<bool>, StateError> {
        match self.rules {
            Rules::L1MessageRoot | Rules::L2MessageRoot => {
                if_proven(self.message_root().has_timestamps())
            }
            Rules::Diamonds | Rules::NoMessageRoot => Ok(Some(false)),
        }
    }
}

/// `None` for a slot that a state of proven slots does not have.
fn if_proven<T>(read: Result<T, StateError>) -> Result<Option<T>, StateError> {
    match read {
        Err(StateError::NotProven { .. }) => Ok(None),
        read => read.map(Some),
    }
}
