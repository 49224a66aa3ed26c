use std::{ops::Range, sync::Arc};

use crate::{
    keccak::hash_texts,
    message::{L2ToL1Log, LogKind, LogRange},
    primitives::{Address, Hash},
    proof::{
        ProofRecord, ProofView,
        verify_many::{self, BatchInput, ProofInput},
    },
    prove::{BatchProofs, ExtractError, batch_proofs::CommonPart},
};

/// Which logs of a batch are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFilter {
    /// All logs.
    All,
    /// The log with this leaf index.
    Log(u64),
    /// The logs that match all that is given.
    Matching {
        /// Only messages from this sender.
        sender: Option<Address>,
        /// Only logs of this kind.
        kind: Option<LogKind>,
    },
}

impl LogFilter {
    /// Whether the log with this leaf index is selected.
    #[must_use]
    pub fn has(self, index: u64, log: &L2ToL1Log) -> bool {
        match self {
            Self::All => true,
            Self::Log(only) => only == index,
            Self::Matching { sender, kind } => {
                sender.is_none_or(|sender| log.message_sender() == Some(sender))
                    && kind.is_none_or(|kind| log.kind() == kind)
            }
        }
    }
}

/// One in this many proofs is checked by both verifiers.
const JUDGED_TWICE: usize = 1024;

/// Verified proofs of logs from many batches, made together.
///
/// A verifier that hashes many proofs at once checks each proof as a whole. The verifier that hashes one
/// proof at a time checks the first of every 1024 again.
///
/// Logs and messages may be in a mapped file, which other processes can change at any time. So they are
/// copied first, and the copies are hashed, verified and returned.
#[derive(Debug)]
pub struct VerifiedProofs<'a> {
    parts: Vec<BatchEntry<'a>>,
    words: Vec<Hash>,
    messages: Vec<u8>,
}

/// The proofs selected from one batch.
#[derive(Debug)]
struct BatchEntry<'a> {
    batch: Arc<CommonPart<'a>>,
    /// By leaf index.
    proofs: Vec<(u64, Result<ProofParts, ExtractError>)>,
}

/// A proof whose own words and message are in the shared buffers.
#[derive(Clone, Debug)]
struct ProofParts {
    log: L2ToL1Log,
    message: Option<Range<usize>>,
    words: Range<usize>,
}

impl<'a> VerifiedProofs<'a> {
    /// Makes the selected proofs of each batch and verifies them. A batch may occur several times. If it does so in
    /// a row, its part of the proofs is verified once, and its logs are read once if their indices ascend.
    #[must_use]
    pub fn new<'b>(wanted: impl IntoIterator<Item = (&'b BatchProofs<'a>, LogFilter)>) -> Self
    where
        'a: 'b,
    {
        Self::of_ranges(wanted.into_iter().map(|(batch, which)| (batch, which, None)))
    }

    /// As [`VerifiedProofs::new`], of the selected logs of a range of one batch.
    pub(super) fn of_range(batch: &BatchProofs<'a>, which: LogFilter, range: &LogRange) -> Self {
        Self::of_ranges([(batch, which, Some(range))])
    }

    fn of_ranges<'b>(
        wanted: impl IntoIterator<Item = (&'b BatchProofs<'a>, LogFilter, Option<&'b LogRange>)>,
    ) -> Self
    where
        'a: 'b,
    {
        let (mut words, mut messages) = (Vec::new(), Vec::new());
        let mut reader: Option<LogReader<'a, _>> = None;
        let parts = wanted
            .into_iter()
            .map(|(batch, which, range)| {
                let mut make = |(id, (log, message)): (u64, (L2ToL1Log, Option<&[u8]>))| {
                    let message = message.map(|message| {
                        let start = messages.len();
                        messages.extend_from_slice(message);
                        start..messages.len()
                    });
                    let start = words.len();
                    let head = batch.head(id, &mut words);
                    (id, head.map(|()| ProofParts { log, message, words: start..words.len() }))
                };
                let logs = batch.settled().logs();
                let proofs = match which {
                    LogFilter::Log(index) => {
                        let reader = match &mut reader {
                            Some(reader) if reader.can_read(batch, index) => reader,
                            other => other.insert(LogReader::new(batch, logs.with_messages())),
                        };
                        vec![match reader.read(index) {
                            Some((log, message)) => make((index, (*log, message))),
                            None => (index, Err(batch.no_such_log(index))),
                        }]
                    }
                    LogFilter::All | LogFilter::Matching { .. } => logs
                        .with_messages_in(range.unwrap_or(&LogRange::all(&logs)))
                        .map(|(index, (log, message))| (index, (*log, message)))
                        .filter(|(index, (log, _))| which.has(*index, log))
                        .map(make)
                        .collect(),
                };
                BatchEntry { batch: Arc::clone(&batch.common), proofs }
            })
            .collect();
        let mut made = Self { parts, words, messages };
        made.refuse_messages();
        made.refuse(verify_many::accepted, CommonPart::verify);
        made
    }

    /// Replaces every proof whose message is not that of its log by an error. The messages are hashed side by side.
    fn refuse_messages(&mut self) {
        let proofs = self.parts.iter().flat_map(|part| &part.proofs);
        let places = proofs.filter_map(|(_, proof)| proof.as_ref().ok()?.message.clone());
        let messages: Vec<&[u8]> = places.map(|place| &self.messages[place]).collect();
        let mut hashes = vec![Hash::ZERO; messages.len()];
        hash_texts(&messages, &mut hashes);
        let mut hashes = hashes.into_iter();
        for BatchEntry { batch, proofs } in &mut self.parts {
            for (index, proof) in proofs {
                let Ok(ProofParts { log, message: Some(place), .. }) = proof else { continue };
                if hashes.next() == Some(log.value()) && log.is_message() {
                    continue;
                }
                let (chain, number) = batch.settled.logs().key();
                let refused = batch.check_message(*index, log, &self.messages[place.clone()]);
                let disputed = ExtractError::Disputed { chain, batch: number, index: *index };
                *proof = Err(refused.err().unwrap_or(disputed));
            }
        }
    }

    /// Replaces every proof that was not accepted by an error. `many` is the verifier of many proofs at once,
    /// and `one` the verifier of single proofs; tests replace them, to make them disagree.
    fn refuse(
        &mut self,
        many: impl FnOnce(&[BatchInput<'_>], &[ProofInput<'_>]) -> Vec<bool>,
        one: impl Fn(&CommonPart<'a>, &ProofRecord, &L2ToL1Log) -> Result<(), ExtractError>,
    ) {
        let mut bundles = Vec::with_capacity(self.parts.len());
        let mut last: Option<&Arc<CommonPart<'a>>> = None;
        let mut members = Vec::with_capacity(self.words.len() / 16 + 1);
        let mut places = Vec::with_capacity(members.capacity());
        for (place, part) in self.parts.iter().enumerate() {
            if !last.is_some_and(|last| Arc::ptr_eq(last, &part.batch)) {
                let (chain, batch) = part.batch.settled.logs().key();
                bundles.push(BatchInput {
                    chain,
                    batch,
                    root: part.batch.settled.batch_root(),
                    tail: &part.batch.tail,
                    l1_timestamp: part.batch.l1_timestamp,
                    target: Some(&part.batch.target),
                });
            }
            last = Some(&part.batch);
            let bundle = bundles.len() - 1;
            for (at, (index, proof)) in part.proofs.iter().enumerate() {
                let Ok(proof) = proof else { continue };
                let head = &self.words[proof.words.clone()];
                members.push(ProofInput { bundle, index: *index, log: &proof.log, head });
                places.push((place, at));
            }
        }
        let accepted = many(&bundles, &members);
        // The other verifier checks every refused proof too, to obtain the reason. It also checks a sample of
        // the accepted proofs, so that the two verifiers are always compared.
        let judged_twice = |i: &usize| i.is_multiple_of(JUDGED_TWICE) || !accepted[*i];
        let suspects = (0..members.len()).filter(judged_twice);
        let refused: Vec<_> = suspects
            .filter_map(|i| {
                let (place, at) = places[i];
                let (part, ProofInput { index, log, head, .. }) = (&self.parts[place], members[i]);
                let proof = part.proofs[at].1.as_ref().ok()?;
                let message = proof.message.clone().map(|message| &self.messages[message]);
                let record = part.batch.view(index, log, message, head).to_record();
                let (chain, batch) = part.batch.settled.logs().key();
                let error = match one(&part.batch, &record, log) {
                    Ok(()) if accepted[i] => return None,
                    Ok(()) => ExtractError::Disputed { chain, batch, index },
                    Err(error) => error,
                };
                Some((places[i], error))
            })
            .collect();
        for ((part, at), error) in refused {
            self.parts[part].proofs[at].1 = Err(error);
        }
    }

    /// Returns the results for the batch at this position of the input, by leaf index, in order.
    ///
    /// # Panics
    /// When the position is out of range.
    pub fn of(
        &self,
        place: usize,
    ) -> impl Iterator<Item = (u64, Result<ProofView<'_>, &ExtractError>)> {
        let part = &self.parts[place];
        part.proofs.iter().map(|(index, proof)| {
            let view = proof.as_ref().map(|ProofParts { log, message, words }| {
                let message = message.clone().map(|message| &self.messages[message]);
                part.batch.view(*index, log, message, &self.words[words.clone()])
            });
            (*index, view)
        })
    }
}

/// Reads logs of one batch with their messages by ascending index. The message of a log is found by counting those of
/// the logs before it.
struct LogReader<'a, I> {
    batch: Arc<CommonPart<'a>>,
    rest: I,
    /// The index of the next log in `rest`.
    next: u64,
    /// The log that was read last.
    last: Option<(&'a L2ToL1Log, Option<&'a [u8]>)>,
}

impl<'a, I: Iterator<Item = (&'a L2ToL1Log, Option<&'a [u8]>)>> LogReader<'a, I> {
    fn new(batch: &BatchProofs<'a>, logs: I) -> Self {
        Self { batch: Arc::clone(&batch.common), rest: logs, next: 0, last: None }
    }

    /// Whether the log can be read without starting again.
    fn can_read(&self, batch: &BatchProofs<'a>, index: u64) -> bool {
        Arc::ptr_eq(&self.batch, &batch.common) && index.saturating_add(1) >= self.next
    }

    /// Reads the log with this index, which must be the last one that was read or a later one.
    fn read(&mut self, index: u64) -> Option<(&'a L2ToL1Log, Option<&'a [u8]>)> {
        if index >= self.next {
            let ahead = usize::try_from(index - self.next).unwrap_or(usize::MAX);
            self.last = self.rest.nth(ahead);
            self.next = index.saturating_add(1);
        }
        self.last
    }
}

#[cfg(test)]
mod tests;
