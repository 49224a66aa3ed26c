//! Against which root a batch is proven to L1, and why it cannot be.
//!
//! | L1 | target |
//! | --- | --- |
//! | stores the batch's own root, and accepts proofs that end there | the batch root |
//! | accepts the settlement layer's batch that executed it | that SL batch |
//! | accepts only other SL batches (v31) | the last of them that can be rebuilt |

use std::fmt;

use super::{l1::L1, reason::Judgement};
use crate::{
    anchor::{Answer, Refusal, SettlementCheck},
    contracts::SettledOn,
    message::BatchView,
    primitives::{BatchNumber, ChainId, SlBatch},
    proof::{FailureCode, TargetKind, TargetRecord},
    prove::{ExtractError, Extractor, SlBatchError},
    state::{StateError, StorageReader},
};

/// The ways to L1.
#[derive(Debug)]
pub(super) struct Routes<'a, S> {
    pub(super) l1: L1<'a, S>,
    /// Proves against the batch roots that L1 stores.
    pub(super) finals: Extractor<'a>,
    /// Proves through the batches of the settlement layer, if they were given.
    pub(super) layer: Option<Extractor<'a>>,
}

/// The route of a batch.
#[derive(Debug)]
pub(super) struct Route<'r, 'a> {
    of: (ChainId, BatchNumber),
    /// L1's answer for a proof that ends at the batch root.
    answer: Answer,
    /// Makes the proofs; `None` if nothing leads to L1.
    pub(super) extractor: Option<&'r Extractor<'a>>,
}

impl<'a, S: StorageReader + fmt::Debug> Routes<'a, S> {
    /// Chooses the target of a batch.
    pub(super) fn of<'r>(&'r self, logs: &BatchView<'_>) -> Result<Route<'r, 'a>, StateError> {
        let of = logs.key();
        let answer = self.l1.roots.of_batch(of.0, of.1)?;
        let extractor = match &answer {
            Answer::Root(_) => Some(&self.finals),
            _ => self.layer.as_ref(),
        };
        Ok(Route { of, answer, extractor })
    }

    /// Why L1 does not accept proofs to this target; `None` if it does. The proofs were made for it. `is_timed`
    /// says whether they have the timestamp of the batch.
    pub(super) fn objection(
        &self,
        of: (ChainId, BatchNumber),
        target: &TargetRecord,
        is_timed: bool,
    ) -> Option<Judgement> {
        let roots = self.l1.roots;
        let answer = match (target.kind, target.sl_chain_id, target.number) {
            (TargetKind::BatchRoot, ..) => roots.of_batch(of.0, of.1),
            (TargetKind::SlBatch, Some(sl_chain), Some(number)) => {
                match roots.objection(of, (sl_chain, number), is_timed) {
                    Ok(None) => roots.of_sl_batch(of, sl_chain.to_word(), number.into()),
                    Ok(Some(objection)) => Ok(objection),
                    Err(error) => Err(error),
                }
            }
            _ => Ok(Answer::NotStored),
        };
        match answer {
            Ok(Answer::Root(known)) if known.root == target.root => None,
            Ok(Answer::Refused(refusal)) => Some(Judgement::refused(&refusal)),
            Ok(Answer::Lacking(lacking)) => Some(Judgement::lacking(lacking)),
            Ok(_) => Some(Judgement::unknown(
                FailureCode::UnknownRoot,
                "L1 stores no root, or another root, where the proof leads",
            )),
            Err(error) => Some(Judgement::unreadable(error)),
        }
    }

    /// Why the proofs of a batch could not be made.
    pub(super) fn failure(&self, route: &Route<'_, '_>, error: Option<&ExtractError>) -> Judgement {
        let judged = match error {
            Some(error) => self.of_error(route, error),
            None => self.not_executed(route, None),
        };
        judged.unwrap_or_else(Judgement::unreadable)
    }

    fn of_error(
        &self,
        route: &Route<'_, '_>,
        error: &ExtractError,
    ) -> Result<Judgement, StateError> {
        Ok(match error {
            ExtractError::NotAcceptedByL1(refusal) => match refusal {
                Refusal::InvalidSettlementLayer {
                    sl_chain,
                    sl_batch,
                    settled_on: SettledOn::Layer { chain, first, .. },
                    ..
                } if chain == sl_chain
                    && first.to_u64().is_ok_and(|first| *sl_batch < first.into()) =>
                {
                    let message = format!("{refusal}; none of these SL batches was given");
                    Judgement::unknown(FailureCode::SlBatchNotArchived, message)
                }
                refusal => Judgement::refused(refusal),
            },
            ExtractError::SlBatch { reason, .. } => match reason {
                SlBatchError::NotOnL1(sl_batch)
                | SlBatchError::Refused {
                    batch: sl_batch,
                    source: Refusal::BatchNotExecuted { .. },
                } => self.sl_batch_waits(*sl_batch, error)?,
                SlBatchError::Refused { source, .. } => Judgement::refused(source),
                _ => Judgement::failed(error),
            },
            ExtractError::BatchNotInTree { .. } | ExtractError::UnknownChain(_) => {
                self.not_executed(route, Some(error))?
            }
            error => Judgement::failed(error),
        })
    }

    /// The settlement layer's batch has no root on L1: it waits, or the state lost the root.
    fn sl_batch_waits(
        &self,
        sl_batch: SlBatch,
        error: &ExtractError,
    ) -> Result<Judgement, StateError> {
        let executed = match self.l1.sl_chain {
            Some(sl_chain) => self.l1.roots.batches_executed(sl_chain)?,
            None => None,
        };
        Ok(match executed {
            Some(executed) if executed.0 < sl_batch.0 => Judgement::sl_batch_waits(sl_batch),
            _ => Judgement::failed(error),
        })
    }

    /// Neither L1 nor the settlement layer of the evidence executed the batch.
    fn not_executed(
        &self,
        route: &Route<'_, '_>,
        error: Option<&ExtractError>,
    ) -> Result<Judgement, StateError> {
        let (chain, batch) = route.of;
        match &route.answer {
            Answer::Lacking(lacking) => return Ok(Judgement::lacking(*lacking)),
            Answer::Refused(refusal @ Refusal::BatchNotExecuted { .. }) => {
                return Ok(Judgement::batch_waits(refusal.to_string()));
            }
            Answer::Refused(refusal) => return Ok(Judgement::refused(refusal)),
            Answer::NotStored | Answer::Root(_) => {}
        }
        if let Some(diamond) = self.l1.roots.diamond(chain)?
            && !diamond.settles_elsewhere()?
        {
            let executed = diamond.batches_executed()?;
            if batch > executed {
                return Ok(Judgement::batch_waits(format!(
                    "batch {batch} of chain {chain} is not executed on L1 yet: the last executed batch \
                     is {executed}"
                )));
            }
        }
        Ok(match error {
            Some(error) => Judgement::failed(error),
            None => Judgement::unknown(
                FailureCode::BatchRootNotStored,
                format!(
                    "L1 stores no root of batch {batch} of chain {chain}: it was not executed on L1 \
                     itself, and the batches of a settlement layer were not given"
                ),
            ),
        })
    }
}
