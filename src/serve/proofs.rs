//! Makes the proofs that calls ask for. Calls of one request are proven together: the logs of a batch are hashed
//! once for all of them.

use std::collections::HashMap;

use super::data::{Data, Layer};
use crate::{
    archive::LogAt,
    message::BatchView,
    primitives::{BatchNumber, ChainId, Hash},
    proof::{Failure, FailureCode, ProofView, Target, no_hints},
    prove::{
        BatchProofs, Error, ExtractError, Extractor, HashOf, LogFilter, VerifiedProofs,
        no_transaction, prepare, with_causes,
    },
    records::LineWriter,
};

/// The most logs of batches that are hashed before their proofs are written: 64 of the largest batches.
const WINDOW_LOGS: usize = 64 << 14;

/// Which root a proof is to lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Root {
    /// The root that L1 knows, by the layer in which the batch was executed.
    L1,
    /// The root of this target.
    Of(Target),
}

impl Root {
    fn target(self, layer: &Layer) -> Target {
        match self {
            Self::L1 => layer.l1_target,
            Self::Of(target) => target,
        }
    }
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// That of a node.
    Node,
    /// The record of `prove`.
    Record,
}

/// A log and the root to prove it to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'d> {
    pub(super) at: LogAt<'d>,
    pub(super) root: Root,
    pub(super) form: Form,
}

/// The text of a proof, or why there is none.
pub(super) type Proven = Result<Vec<u8>, Failure>;

/// Whether a failure means that a file is damaged, or slproof at fault; every other is a fact about the request.
pub(super) fn is_fault(code: FailureCode) -> bool {
    use FailureCode as Code;
    matches!(
        code,
        Code::ArchiveDamaged
            | Code::HistoryDamaged
            | Code::InputDamaged
            | Code::InternalError
            | Code::LogsDoNotFold
            | Code::ProofRefused
            | Code::ReadFailed
            | Code::SlBatchDoesNotFold
            | Code::StateDamaged
            | Code::SystemFailed
            | Code::TreeDamaged
            | Code::TreeDiffers
    )
}

/// The failure for an error and its causes.
pub(super) fn failure(error: &Error) -> Failure {
    Failure { code: error.code(), message: with_causes(error) }
}

impl Data {
    /// Proves logs, each by the first layer that can. All proofs were accepted by the verifier.
    pub(super) fn prove(&self, wanted: &[Wanted<'_>]) -> Vec<Proven> {
        let mut proven = Vec::with_capacity(wanted.len());
        let mut rest = wanted;
        while !rest.is_empty() {
            let mut logs = 0;
            let fits = rest.iter().take_while(|wanted| {
                logs += wanted.at.batch.logs().len();
                logs <= WINDOW_LOGS
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            proven.extend(self.prove_window(now));
            rest = later;
        }
        proven
    }

    fn prove_window(&self, wanted: &[Wanted<'_>]) -> Vec<Proven> {
        let mut proven: Vec<Option<Proven>> = vec![None; wanted.len()];
        for layer in &self.layers {
            let open = |at: &usize| !matches!(proven[*at], Some(Ok(_)));
            let left: Vec<usize> = (0..wanted.len()).filter(open).collect();
            if left.is_empty() {
                break;
            }
            let of_layer: Vec<_> = left.iter().map(|at| wanted[*at]).collect();
            for (at, made) in left.into_iter().zip(layer.prove(&of_layer)) {
                // A layer that has the batch explains best why there is no proof.
                let is_known =
                    matches!(&proven[at], Some(Err(failure)) if !is_absence(failure.code));
                if made.is_ok() || !is_known {
                    proven[at] = Some(made);
                }
            }
        }
        let none = || {
            let message = "there are no trees".to_owned();
            Err(Failure { code: FailureCode::BatchNotInTree, message })
        };
        proven.into_iter().map(|made| made.unwrap_or_else(none)).collect()
    }
}

/// Whether a failure says only that the batch is not of this layer.
fn is_absence(code: FailureCode) -> bool {
    use FailureCode as Code;
    matches!(
        code,
        Code::UnknownChain
            | Code::BatchNotInTree
            | Code::BatchNotExecuted
            | Code::BatchRootNotStored
    )
}

impl Layer {
    fn prove(&self, wanted: &[Wanted<'_>]) -> Vec<Proven> {
        // One extractor for each target, and one preparation for each target and batch.
        let mut extractors: HashMap<Target, Result<Extractor<'_>, Failure>> = HashMap::new();
        for wanted in wanted {
            let target = wanted.root.target(self);
            extractors
                .entry(target)
                .or_insert_with(|| self.trees.extractor(target).map_err(|error| failure(&error)));
        }
        let mut places = HashMap::new();
        let mut batches: Vec<(&Extractor<'_>, BatchView<'_>)> = Vec::new();
        let place: Vec<Result<usize, &Failure>> = wanted
            .iter()
            .map(|wanted| {
                let (target, batch) = (wanted.root.target(self), wanted.at.batch);
                let extractor = extractors[&target].as_ref()?;
                Ok(*places.entry((target, batch.key())).or_insert_with(|| {
                    batches.push((extractor, batch));
                    batches.len() - 1
                }))
            })
            .collect();
        let prepared = prepare(&batches);
        let proofs = |at: usize| -> Option<&BatchProofs<'_>> {
            place[at].ok().and_then(|place| prepared[place].as_ref().ok())
        };
        let verified = VerifiedProofs::new(
            (0..wanted.len())
                .filter_map(|at| Some((proofs(at)?, LogFilter::Log(wanted[at].at.index)))),
        );
        let mut lines = LineWriter::default();
        let mut next = 0;
        let mut proven = Vec::with_capacity(wanted.len());
        for (wanted, place) in wanted.iter().zip(&place) {
            proven.push(match place {
                Err(failure) => Err((*failure).clone()),
                Ok(place) => match &prepared[*place] {
                    Err(error) => Err(Failure::of(error.code(), error, no_hints)),
                    Ok(_) => {
                        next += 1;
                        match verified.of(next - 1).next() {
                            Some((_, Ok(proof))) => Ok(text(wanted.form, &proof, &mut lines)),
                            Some((_, Err(error))) => {
                                Err(Failure::of(error.code(), error, no_hints))
                            }
                            None => Err(changed(&wanted.at)),
                        }
                    }
                },
            });
        }
        proven
    }
}

/// The archive changed between two readings.
fn changed(at: &LogAt<'_>) -> Failure {
    let (chain, batch) = at.batch.key();
    let reason = "its content changed while it was read".to_owned();
    let error = ExtractError::ArchiveDamaged { chain, batch, reason };
    Failure::of(error.code(), &error, no_hints)
}

fn text(form: Form, proof: &ProofView<'_>, lines: &mut LineWriter) -> Vec<u8> {
    let mut text = Vec::with_capacity(4096);
    match form {
        Form::Node => lines.rpc_answer(proof, &mut text),
        Form::Record => lines.record(proof, &mut text),
    }
    text
}

impl Data {
    /// The logs of a transaction, at most `most`, in the order of the batch: of one chain, if one is given.
    pub(super) fn transaction(
        &self,
        hash: Hash,
        chain: Option<ChainId>,
        most: usize,
    ) -> Result<Vec<LogAt<'_>>, Error> {
        let found = self.archive().find_transaction(hash);
        let logs = of_chain(found, chain, most)?;
        if !logs.is_empty() {
            return Ok(logs);
        }
        let last = chain.unwrap_or(ChainId(u64::MAX));
        let range = (chain.unwrap_or_default(), BatchNumber(0))..=(last, BatchNumber(u64::MAX));
        Err(match no_transaction(self.archive(), hash, &range, "") {
            Error::NothingFound { code, what } => {
                Error::NothingFound { code, what: what + &self.left_out() }
            }
            error => error,
        })
    }

    fn left_out(&self) -> String {
        self.messages.skipped().note()
    }

    /// The logs of a message, at most `most`.
    pub(super) fn message(
        &self,
        hash: Hash,
        chain: Option<ChainId>,
        most: usize,
    ) -> Result<Vec<LogAt<'_>>, Error> {
        let logs = of_chain(self.archive().find_message(hash), chain, most)?;
        if !logs.is_empty() {
            return Ok(logs);
        }
        Err(match self.archive().find_transaction(hash).next() {
            Some(_) => Error::OtherHash { hash, asked: HashOf::Message },
            None => Error::NothingFound {
                code: FailureCode::MessageNotFound,
                what: format!("no message in the archive has the hash {hash}{}", self.left_out()),
            },
        })
    }
}

fn of_chain<'d>(
    found: impl Iterator<Item = Result<LogAt<'d>, crate::archive::ArchiveError>>,
    chain: Option<ChainId>,
    most: usize,
) -> Result<Vec<LogAt<'d>>, Error> {
    let is_of_chain = |at: &Result<LogAt<'d>, _>| match (at, chain) {
        (Ok(at), Some(chain)) => at.batch.chain() == chain,
        _ => true,
    };
    Ok(found.filter(is_of_chain).take(most).collect::<Result<_, _>>()?)
}
