use std::ops::Range;

use crate::{
    message::L2ToL1Log,
    primitives::{Address, Hash},
};
use crate::{
    proof::{
        ProofView,
        verify_many::{self, BatchInput, ProofInput},
    },
    prove::{BatchProofs, ExtractError},
};

/// Which logs of a batch are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFilter {
    /// All of them.
    All,
    /// The one with this leaf index.
    Log(u64),
    /// Those that stand for messages of this sender.
    From(Address),
}

impl LogFilter {
    /// Whether the log with this leaf index is wanted.
    #[must_use]
    pub fn has(self, index: u64, log: &L2ToL1Log) -> bool {
        match self {
            Self::All => true,
            Self::Log(only) => only == index,
            Self::From(sender) => log.message_sender() == Some(sender),
        }
    }
}

/// Of so many proofs that are made together one is judged by both verifiers.
const JUDGED_TWICE: usize = 1024;

/// Proofs of logs of many batches, made and verified side by side.
///
/// Each is verified as a whole by a verifier that hashes many proofs at once, and of every 1024 the first
/// once more by the one that hashes one proof at a time.
///
/// Logs and messages may lie in a mapped file, which somebody else can write to at any time. So they are
/// copied first, and the copies are what is hashed, judged and given away.
#[derive(Debug)]
pub struct VerifiedProofs<'b, 'a> {
    parts: Vec<BatchEntry<'b, 'a>>,
    words: Vec<Hash>,
    messages: Vec<u8>,
}

/// What was wanted of a batch.
#[derive(Debug)]
struct BatchEntry<'b, 'a> {
    batch: &'b BatchProofs<'a>,
    /// By leaf index.
    proofs: Vec<(u64, Result<ProofParts, ExtractError>)>,
}

/// A proof whose own words and message stand in the common buffers.
#[derive(Clone, Debug)]
struct ProofParts {
    log: L2ToL1Log,
    message: Option<Range<usize>>,
    words: Range<usize>,
}

impl<'b, 'a> VerifiedProofs<'b, 'a> {
    /// Makes the proofs that are wanted of each batch and verifies them.
    #[must_use]
    pub fn new(wanted: impl IntoIterator<Item = (&'b BatchProofs<'a>, LogFilter)>) -> Self
    where
        'a: 'b,
    {
        let (mut words, mut messages) = (Vec::new(), Vec::new());
        let parts = wanted
            .into_iter()
            .map(|(batch, which)| {
                let mut make = |(id, (log, message)): (u64, (L2ToL1Log, Option<&[u8]>))| {
                    let message = message.map(|message| {
                        let start = messages.len();
                        messages.extend_from_slice(message);
                        start..messages.len()
                    });
                    let copied = message.clone().map(|message| &messages[message]);
                    let start = words.len();
                    let head = batch.head(id, &log, copied, &mut words);
                    (id, head.map(|()| ProofParts { log, message, words: start..words.len() }))
                };
                let proofs = match which {
                    LogFilter::Log(index) => {
                        vec![match batch.log(index) {
                            Ok((log, message)) => make((index, (*log, message))),
                            Err(error) => (index, Err(error)),
                        }]
                    }
                    LogFilter::All | LogFilter::From(_) => (0..)
                        .zip(batch.settled().logs().with_messages())
                        .map(|(index, (log, message))| (index, (*log, message)))
                        .filter(|(index, (log, _))| which.has(*index, log))
                        .map(make)
                        .collect(),
                };
                BatchEntry { batch, proofs }
            })
            .collect();
        let mut made = Self { parts, words, messages };
        made.refuse();
        made
    }

    /// Replaces every proof that is not accepted by an error.
    fn refuse(&mut self) {
        let mut bundles = Vec::with_capacity(self.parts.len());
        let mut members = Vec::with_capacity(self.words.len() / 16 + 1);
        let mut places = Vec::with_capacity(members.capacity());
        for (bundle, part) in self.parts.iter().enumerate() {
            let (chain, batch) = part.batch.settled().logs().key();
            bundles.push(BatchInput {
                chain,
                batch,
                root: part.batch.settled().batch_root(),
                tail: &part.batch.tail,
                target: &part.batch.target,
            });
            for (at, (index, proof)) in part.proofs.iter().enumerate() {
                let Ok(proof) = proof else { continue };
                let head = &self.words[proof.words.clone()];
                members.push(ProofInput { bundle, index: *index, log: &proof.log, head });
                places.push((bundle, at));
            }
        }
        let accepted = verify_many::accepted(&bundles, &members);
        // Every refused proof is judged by the other verifier too, which says why; and so is one of many
        // that are not, so that the two are compared as long as anything is proven.
        let judged_twice = |i: &usize| i.is_multiple_of(JUDGED_TWICE) || !accepted[*i];
        let suspects = (0..members.len()).filter(judged_twice);
        let refused: Vec<_> = suspects
            .filter_map(|i| {
                let (part, ProofInput { index, log, head, .. }) =
                    (&self.parts[places[i].0], members[i]);
                let record = part.batch.view(index, log, None, head).to_record();
                let (chain, batch) = part.batch.settled().logs().key();
                let error = match part.batch.verify(&record, log) {
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

    /// What became of the logs of the batch that was wanted in this place, by their leaf index, in order.
    ///
    /// # Panics
    /// When there were not so many.
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
