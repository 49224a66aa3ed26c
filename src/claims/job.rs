//! Goes through an archive and judges what is selected, on all threads.
//!
//! ```text
//! archive ──▶ window of batches ──▶ select logs ──▶ parts ──▶ read, prove, judge ──▶ sink
//!             this thread           all threads               all threads            this thread
//! ```
//!
//! Windows and parts depend only on the content, so the output is the same for any number of threads. At most
//! one window of logs and one of claims are in memory.

use std::{fmt, iter};

use rayon::prelude::*;

use super::{
    Claim, ClaimSelection, ClaimsOptions,
    judge::{Judge, Outcome, Pending},
    reason::Judgement,
    subject::Subject,
    totals::Totals,
};
use crate::{
    anchor::KnownRoots,
    archive::Archive,
    forest::Forest,
    ingest::logs::SkippedInputs,
    message::BatchView,
    primitives::Hash,
    proof::{FailureCode, Target},
    prove::{
        Error, ExtractError, HashOf, LogFilter, Messages, Observer, ObserverHandle, Trees,
        VerifiedProofs, prepare,
    },
    state::StorageReader,
};

/// The number of logs, and the bytes of their messages, from which on a window is full.
const WINDOW_LOGS: usize = 1 << 16;
const WINDOW_BYTES: usize = 32 << 20;
/// The maximum number of claims in a part, which one thread makes.
const PART_CLAIMS: usize = 512;
/// The approximate number of logs that are hashed for a part.
const PART_LOGS: usize = 1 << 14;
/// The approximate maximum of claims in memory, in bytes.
const CLAIMS_BYTES: usize = 128 << 20;
/// The approximate size of a claim without its message, in bytes: the proof occurs in the calldata, in the
/// arguments and in the command. The message occurs there too, in hexadecimal digits.
const CLAIM_BYTES: usize = 16_000;
const MESSAGE_COPIES: usize = 12;

/// Judges the claims in an archive against one state of L1.
#[derive(Debug)]
pub struct Claims<'a, S> {
    judge: Judge<'a, S>,
    archive: &'a Archive,
    /// What was left out of it.
    left_out: &'a SkippedInputs,
    observer: ObserverHandle,
}

impl<'a, S: StorageReader + fmt::Debug + Send> Claims<'a, S> {
    /// Creates a job. `trees` are those of the settlement layer, with its own batches and with the same state
    /// of L1 in their options; without them only batches that were executed on L1 itself can be proven.
    ///
    /// # Errors
    /// [`Error`] if the trees have no history of their roots, or the settlement layer's batches cannot be read.
    pub fn new(
        l1: &'a KnownRoots<S>,
        trees: Option<&'a Trees>,
        messages: &'a Messages,
        selection: ClaimSelection,
        options: &ClaimsOptions,
    ) -> Result<Self, Error> {
        let layer = trees.filter(|trees| trees.has_sl_batches());
        let sl_chain = layer.and_then(Trees::forest).map(Forest::sl_chain);
        let layer = layer.map(|trees| trees.extractor(Target::FirstSlBatch)).transpose()?;
        let judge = Judge::new(l1, layer, sl_chain, selection, options);
        let (archive, left_out) = (messages.archive(), messages.skipped());
        Ok(Self { judge, archive, left_out, observer: options.observer.clone() })
    }

    /// Runs the job. All threads `encode` claims, and the results go to `sink` in the order of chain, batch and
    /// index. The totals also count claims with other statuses than the selected ones.
    ///
    /// # Errors
    /// [`Error`] if nothing is selected, the archive is damaged, the job is cancelled, or the sink fails.
    pub fn run<T: Send>(
        &self,
        encode: impl Fn(&[Claim]) -> T + Sync,
        mut sink: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<Totals, Error> {
        let mut totals = Totals::without(self.left_out.count());
        let mut batches = self.batches()?;
        loop {
            let window = next_window(&mut batches)?;
            if window.is_empty() {
                return Ok(totals);
            }
            let selected: Vec<Selected<'a>> =
                window.into_par_iter().map(|batch| self.select(batch)).collect();
            let logs: usize = selected.iter().map(|batch| batch.logs.logs().len()).sum();
            let parts = parts(selected);
            let mut rest = &parts[..];
            while !rest.is_empty() {
                let mut bytes = 0;
                let fits = |part: &&Vec<Selected<'_>>| {
                    bytes += part.iter().map(Selected::claim_bytes).sum::<usize>();
                    bytes <= CLAIMS_BYTES
                };
                let (now, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
                rest = later;
                let made = now.par_iter().map(|part| {
                    let mut claims = self.claims_of(part);
                    let totals = Totals::of(&claims);
                    claims.retain(|claim| self.judge.selection.has_status(claim));
                    (totals, encode(&claims))
                });
                for (next, encoded) in made.collect::<Vec<_>>() {
                    totals.add(next);
                    sink(encoded)?;
                }
                if self.observer.is_cancelled() {
                    return Err(Error::Interrupted(None));
                }
            }
            self.observer.advanced(logs as u64);
        }
    }

    /// The selected batches in order, with the selected logs if only some of a batch are.
    fn batches(&self) -> Result<Box<Batches<'_, 'a>>, Error> {
        let selection = &self.judge.selection;
        let archive = self.archive;
        let (hash, asked, of_transaction) = match (selection.transaction, selection.message) {
            (Some(hash), _) => (hash, HashOf::Transaction, true),
            (None, Some(hash)) => (hash, HashOf::Message, false),
            (None, None) => {
                let [first, last] = selection.ends();
                let all = archive.batches_in(first..=last);
                let has = |logs: &BatchView<'_>| selection.has_batch(logs.key());
                let all = all.filter(move |logs| logs.as_ref().map_or(true, has));
                return Ok(Box::new(all.map(|logs| Ok(Wanted { logs: logs?, only: None }))));
            }
        };
        let found: Box<dyn Iterator<Item = _>> = match of_transaction {
            true => Box::new(archive.find_transaction(hash)),
            false => Box::new(archive.find_message(hash)),
        };
        let mut logs = found.collect::<Result<Vec<_>, _>>()?;
        logs.retain(|at| selection.has_batch(at.batch.key()));
        if logs.is_empty() {
            return Err(self.nothing(hash, asked));
        }
        logs.sort_by_key(|at| (at.batch.key(), at.index));
        let mut wanted = Vec::<Wanted<'a>>::new();
        for at in logs {
            match wanted.last_mut() {
                Some(Wanted { logs, only: Some(only) }) if logs.key() == at.batch.key() => {
                    only.push(at.index);
                }
                _ => wanted.push(Wanted { logs: at.batch, only: Some(vec![at.index]) }),
            }
        }
        Ok(Box::new(wanted.into_iter().map(Ok)))
    }

    fn nothing(&self, hash: Hash, asked: HashOf) -> Error {
        let archive = self.archive;
        match asked {
            HashOf::Transaction if archive.find_message(hash).next().is_some() => {
                Error::OtherHash { hash, asked }
            }
            HashOf::Transaction if archive.header().transactions == 0 => Error::NoTransactionHashes,
            HashOf::Message if archive.find_transaction(hash).next().is_some() => {
                Error::OtherHash { hash, asked }
            }
            HashOf::Transaction | HashOf::Message => Error::NothingFound {
                code: match asked {
                    HashOf::Transaction => FailureCode::TransactionNotFound,
                    HashOf::Message => FailureCode::MessageNotFound,
                },
                what: format!(
                    "no {asked} in the archive, within the given limits, has the hash {hash}{}",
                    self.left_out.note()
                ),
            },
        }
    }

    /// Selects the logs of a batch.
    fn select(&self, Wanted { logs, only }: Wanted<'a>) -> Selected<'a> {
        let (mut indexes, mut bytes) = (Vec::new(), 0);
        for (index, (log, message)) in (0..).zip(logs.with_messages()) {
            if only.as_ref().is_some_and(|only| only.binary_search(&index).is_err()) {
                continue;
            }
            let old_bridge = || self.judge.old_bridge(logs.chain);
            let subject = Subject::of(log, message);
            if subject.is_some_and(|subject| self.judge.selection.has(&subject, old_bridge)) {
                indexes.push(index);
                bytes += message.map_or(0, <[u8]>::len);
            }
        }
        Selected { logs, indexes, bytes }
    }

    /// Makes the claims of a part.
    fn claims_of(&self, part: &[Selected<'a>]) -> Vec<Claim> {
        let judge = &self.judge;
        let pending: Vec<Vec<Pending>> =
            part.iter().map(|batch| judge.pending(&batch.logs, &batch.indexes)).collect();
        let routes: Vec<_> = part.iter().map(|batch| judge.routes.of(&batch.logs)).collect();
        let extractors: Vec<_> =
            routes.iter().map(|route| route.as_ref().ok()?.extractor).collect();
        let wanted: Vec<_> = iter::zip(part, &extractors)
            .filter_map(|(batch, extractor)| Some(((*extractor)?, batch.logs)))
            .collect();
        let prepared = prepare(&wanted);

        // The proofs of each batch that has some, in order.
        let mut next = prepared.iter();
        let of_batch: Vec<_> = extractors
            .iter()
            .map(|extractor| extractor.is_some().then(|| next.next()).flatten())
            .collect();
        let proofs = iter::zip(&of_batch, &pending).flat_map(|(prepared, pending)| {
            let proofs = prepared.and_then(|prepared| prepared.as_ref().ok());
            let needed = pending.iter().filter(|pending| pending.needs_proof());
            proofs.into_iter().flat_map(move |proofs| {
                needed.clone().map(move |pending| (proofs, LogFilter::Log(pending.index)))
            })
        });
        let verified = VerifiedProofs::new(proofs);

        let mut place = 0;
        let mut claims = Vec::new();
        for (((batch, prepared), pending), route) in
            iter::zip(part, &of_batch).zip(&pending).zip(&routes)
        {
            let failure = match (route, prepared) {
                (Err(error), _) => Some(Judgement::unreadable(error.clone())),
                (Ok(route), Some(Err(error))) => Some(judge.routes.failure(route, Some(error))),
                (Ok(route), None) => Some(judge.routes.failure(route, None)),
                (Ok(_), Some(Ok(_))) => None,
            };
            let is_disproved = matches!(prepared, Some(Err(error)) if error.is_of_content());
            let mut objections = Vec::new();
            for pending in pending {
                if let Some(failure) = &failure {
                    let outcome = match is_disproved {
                        true => Outcome::Disproved(failure),
                        false => Outcome::NoProof(failure),
                    };
                    claims.push(judge.claim(pending, outcome));
                    continue;
                }
                let not_needed = Judgement::CLAIMABLE;
                if !pending.needs_proof() {
                    claims.push(judge.claim(pending, Outcome::NoProof(&not_needed)));
                    continue;
                }
                let proof = verified.of(place).next();
                place += 1;
                let judged = match &proof {
                    Some((_, Ok(proof))) if pending.is_of(proof) => {
                        // All proofs of a batch have the same target and timestamp.
                        if objections.is_empty() {
                            let (of, is_timed) = (batch.logs.key(), proof.l1_timestamp.is_some());
                            objections.push(judge.routes.objection(of, proof.target, is_timed));
                        }
                        objections[0].clone().map_or(Ok(proof), Err)
                    }
                    Some((_, Err(error))) => Err(Judgement::failed(error)),
                    _ => Err(changed(&batch.logs)),
                };
                let outcome = match &judged {
                    Ok(proof) => Outcome::Proof(proof),
                    Err(judgement) => Outcome::NoProof(judgement),
                };
                claims.push(judge.claim(pending, outcome));
            }
        }
        claims
    }
}

/// The mapped archive changed between two readings.
fn changed(logs: &BatchView<'_>) -> Judgement {
    let (chain, batch) = logs.key();
    let reason = "its content changed while it was read".to_owned();
    Judgement::failed(&ExtractError::ArchiveDamaged { chain, batch, reason })
}

/// A batch, and the selected logs if only some are.
struct Wanted<'a> {
    logs: BatchView<'a>,
    only: Option<Vec<u64>>,
}

type Batches<'i, 'a> = dyn Iterator<Item = Result<Wanted<'a>, Error>> + 'i;

/// The selected logs of a batch.
struct Selected<'a> {
    logs: BatchView<'a>,
    indexes: Vec<u64>,
    /// The bytes of their messages.
    bytes: usize,
}

impl Selected<'_> {
    fn claim_bytes(&self) -> usize {
        self.indexes.len() * CLAIM_BYTES + self.bytes * MESSAGE_COPIES
    }
}

/// The next batches: at least one, unless none are left.
fn next_window<'a>(batches: &mut Batches<'_, 'a>) -> Result<Vec<Wanted<'a>>, Error> {
    let (mut window, mut logs, mut bytes) = (Vec::new(), 0, 0);
    while logs < WINDOW_LOGS && bytes < WINDOW_BYTES {
        let Some(batch) = batches.next().transpose()? else { break };
        // A batch without logs also has a cost.
        logs += batch.logs.logs().len().max(1);
        bytes += batch.logs.messages().iter().map(<[u8]>::len).sum::<usize>();
        window.push(batch);
    }
    Ok(window)
}

/// Divides the selected logs into parts.
fn parts(selected: Vec<Selected<'_>>) -> Vec<Vec<Selected<'_>>> {
    let mut parts = Vec::new();
    let (mut part, mut claims, mut hashed) = (Vec::new(), 0, 0);
    for Selected { logs, indexes, bytes } in selected {
        for some in indexes.chunks(PART_CLAIMS) {
            let bytes = bytes / indexes.len().div_ceil(PART_CLAIMS);
            claims += some.len();
            hashed += logs.logs().len();
            part.push(Selected { logs, indexes: some.to_vec(), bytes });
            if claims >= PART_CLAIMS || hashed >= PART_LOGS {
                parts.push(std::mem::take(&mut part));
                (claims, hashed) = (0, 0);
            }
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}
