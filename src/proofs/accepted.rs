use std::ops::Range;

use super::{
    error::ExtractError,
    extract::BatchProofs,
    verify_many::{self, Bundle, Member},
    view::ProofView,
};
use crate::{
    messages::L2ToL1Log,
    primitives::{Address, Hash},
};

/// Which logs of a batch are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// The one with this leaf index.
    Log(u64),
    /// Those that stand for messages of this sender.
    From(Address),
}

/// Proofs of logs of many batches, made and verified side by side.
///
/// Each is verified as a whole by a verifier that hashes many proofs at once, and the first of them once
/// more by the one that hashes one proof at a time.
#[derive(Debug)]
pub struct Accepted<'b, 'a> {
    parts: Vec<Part<'b, 'a>>,
    words: Vec<Hash>,
}

/// What was wanted of a batch.
#[derive(Debug)]
struct Part<'b, 'a> {
    batch: &'b BatchProofs<'a>,
    /// By leaf index.
    proofs: Vec<(u64, Result<Made<'a>, ExtractError>)>,
}

/// A proof whose own words stand in the common buffer.
#[derive(Clone, Debug)]
struct Made<'a> {
    log: &'a L2ToL1Log,
    message: Option<&'a [u8]>,
    words: Range<usize>,
}

impl<'b, 'a> Accepted<'b, 'a> {
    /// Makes the proofs that are wanted of each batch and verifies them.
    #[must_use]
    pub fn new(wanted: impl IntoIterator<Item = (&'b BatchProofs<'a>, Which)>) -> Self
    where
        'a: 'b,
    {
        let mut words = Vec::new();
        let parts = wanted
            .into_iter()
            .map(|(batch, which)| {
                let mut make = |(id, (log, message)): (u64, (&'a L2ToL1Log, Option<&'a [u8]>))| {
                    let start = words.len();
                    let head = batch.head(id, log, message, &mut words);
                    (id, head.map(|()| Made { log, message, words: start..words.len() }))
                };
                let logs = || (0..).zip(batch.settled().logs().with_messages());
                let proofs = match which {
                    Which::All => logs().map(make).collect(),
                    Which::Log(index) => {
                        vec![match batch.log(index) {
                            Ok(found) => make((index, found)),
                            Err(error) => (index, Err(error)),
                        }]
                    }
                    Which::From(sender) => {
                        let by = |log: &L2ToL1Log| log.message_sender() == Some(sender);
                        logs().filter(|(_, (log, _))| by(log)).map(make).collect()
                    }
                };
                Part { batch, proofs }
            })
            .collect();
        let mut made = Self { parts, words };
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
            bundles.push(Bundle {
                chain,
                batch,
                root: part.batch.settled().batch_root(),
                tail: &part.batch.tail,
                target: &part.batch.target,
            });
            for (at, (index, proof)) in part.proofs.iter().enumerate() {
                let Ok(proof) = proof else { continue };
                let head = &self.words[proof.words.clone()];
                members.push(Member { bundle, index: *index, log: proof.log, head });
                places.push((bundle, at));
            }
        }
        let accepted = verify_many::accepted(&bundles, &members);
        // Every refused proof is judged by the other verifier too, which says why; and so is the first
        // of all, so that the two are compared as long as anything is proven.
        let suspects = (0..members.len()).filter(|i| *i == 0 || !accepted[*i]);
        let refused: Vec<_> = suspects
            .filter_map(|i| {
                let (part, Member { index, log, head, .. }) =
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
            let view = proof.as_ref().map(|Made { log, message, words }| {
                part.batch.view(*index, log, *message, &self.words[words.clone()])
            });
            (*index, view)
        })
    }
}
