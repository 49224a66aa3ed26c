//! Whether a proof has the words of the release whose contract verifies it. Contracts since v33 expect the
//! timestamp of the batch before the batch mask; those before v33 do not.

use super::{
    Answer, KnownRoot, Lacking, Refusal, RootLocation, known_roots::KnownRoots, rules::Rules,
};
use crate::{
    primitives::{SlBlock, Word},
    proof::{
        RootQuery,
        verify::{self, RootRef},
    },
    state::{StateError, StorageReader},
};

impl<S: StorageReader> KnownRoots<S> {
    /// The answer if the contract that knows the root refuses the words of a proof, or the record its timestamp. It is an
    /// error if a state of proven slots does not show the release of the contract, or the timestamp of the root.
    pub(super) fn objection_to_words(
        &self,
        record: &RootQuery<'_>,
        anchor: &RootRef,
        known: &KnownRoot,
    ) -> Result<Option<Answer>, StateError> {
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
                let stored = storage.timestamp(chain, number)?;
                // Roots that were imported before an upgrade to v33 have no timestamp.
                let since_v33 = !(stored.is_zero() && storage.latest_timestamp(chain)?.is_zero());
                (Some(stored), since_v33)
            }
            RootLocation::HistoricalRoot(_) => {
                let block = SlBlock::try_from(number).unwrap_or_default();
                let stored = self.message_root().root_timestamp(block)?.to_word();
                (Some(stored), !stored.is_zero())
            }
            RootLocation::ChainBatchRoots(_) | RootLocation::LogsRootHashes(_) => {
                (None, self.shows_timestamps()?)
            }
        };
        let is_timed = record.l1_timestamp.is_some() || verify::has_timestamp(record.proof);
        let mut objection = match known.location {
            // As L1, the chain may have been upgraded and not have imported a root since.
            RootLocation::InteropRoots(address) if is_timed && !since_v33 => {
                let name = "InteropRootStorage";
                Some(Answer::Lacking(Lacking::Release { name, address, stored: None }))
            }
            _ => self.objection_to_release(since_v33, is_timed),
        };
        if let Some(Answer::Lacking(Lacking::Release { stored, .. })) = &mut objection {
            *stored = Some(known.root);
        }
        if objection.is_some() {
            return Ok(objection);
        }
        let given = record.target.and_then(|target| target.timestamp);
        Ok(given.zip(stored).and_then(|(given, stored)| {
            let differs = given.to_word() != stored;
            differs.then_some(Answer::Refused(Refusal::RootTimestamp { given, stored }))
        }))
    }

    /// The answer if words with a timestamp, or without one, are not those of the contracts' release. L1 may have been
    /// upgraded to v33 and not have stored a root since: then its storage is that of v31, and does not show whether it
    /// takes words with a timestamp.
    pub(super) fn objection_to_release(&self, since_v33: bool, is_timed: bool) -> Option<Answer> {
        (since_v33 != is_timed).then(|| match (since_v33, self.rules) {
            (false, Rules::L1MessageRoot) => {
                let (name, address) = ("MessageRoot", self.message_root().address());
                Answer::Lacking(Lacking::Release { name, address, stored: None })
            }
            _ => Answer::Refused(Refusal::OtherRelease { since_v33 }),
        })
    }

    /// Whether MessageRoot is of v33 or later. `None` if a state of proven slots does not show it.
    pub(super) fn has_timestamps(&self) -> Result<Option<bool>, StateError> {
        if_proven(self.shows_timestamps())
    }

    /// The same; an error if a state of proven slots does not show it.
    pub(super) fn shows_timestamps(&self) -> Result<bool, StateError> {
        match self.rules {
            Rules::L1MessageRoot | Rules::L2MessageRoot => self.message_root().has_timestamps(),
            Rules::Diamonds | Rules::NoMessageRoot | Rules::Unknown(_) => Ok(false),
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
