use std::ops::Range;

use super::{
    ProofRecord, TargetRecord,
    verify::Folded,
    verify_many::{self, BatchInput, ProofInput, head_len},
};
use crate::{
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, Timestamp},
};

/// Proofs that are folded together. What consecutive proofs of a batch have in common is stored and folded once.
#[derive(Debug, Default)]
pub(crate) struct ProofGroup {
    words: Vec<Hash>,
    batches: Vec<BatchPart>,
    proofs: Vec<LogPart>,
}

/// What proofs of a batch have in common, except for their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Common {
    pub(crate) chain: ChainId,
    pub(crate) batch: BatchNumber,
    pub(crate) root: Hash,
    pub(crate) l1_timestamp: Option<Timestamp>,
    pub(crate) target: Option<TargetRecord>,
}

#[derive(Debug)]
struct BatchPart {
    common: Common,
    tail: Range<usize>,
}

#[derive(Debug)]
struct LogPart {
    /// The index of its batch.
    batch: usize,
    index: u64,
    log: L2ToL1Log,
    head: Range<usize>,
}

/// A proof whose words fold to its batch root, and from there to the root of its target, if it has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoldedProof {
    /// The index of its batch. Proofs of one batch have everything in common but their own words and their logs.
    pub(crate) batch: usize,
    /// What the words lead to, with what only the target contains.
    pub(crate) folded: Folded,
}

impl ProofGroup {
    /// The number of proofs.
    pub(crate) fn len(&self) -> usize {
        self.proofs.len()
    }

    /// The words so far. Those of the next proof are appended before [`Self::push`] or [`Self::push_same`].
    pub(crate) fn words(&mut self) -> &mut Vec<Hash> {
        &mut self.words
    }

    /// What the last proof has in common with others of its batch.
    pub(crate) fn last(&self) -> Option<&Common> {
        self.batches.last().map(|batch| &batch.common)
    }

    /// Appends a proof whose words are the last ones. Its own end before `tail`.
    pub(crate) fn push(
        &mut self,
        common: Common,
        (index, log): (u64, L2ToL1Log),
        words: usize,
        tail: usize,
    ) {
        self.batches.push(BatchPart { common, tail: tail..self.words.len() });
        self.proofs.push(LogPart { batch: self.batches.len() - 1, index, log, head: words..tail });
    }

    /// Appends a proof that has everything but its own words, the last ones, in common with the proof before it.
    pub(crate) fn push_same(&mut self, (index, log): (u64, L2ToL1Log), words: usize) {
        let head = words..self.words.len();
        self.proofs.push(LogPart { batch: self.batches.len() - 1, index, log, head });
    }

    /// Appends a proof with these words.
    pub(crate) fn push_words(&mut self, common: Common, own: (u64, L2ToL1Log), words: &[Hash]) {
        // If there are fewer words than the first one says, the proof is refused.
        let (head, tail) = words.split_at(head_len(words).unwrap_or(words.len()));
        let start = self.words.len();
        self.words.extend_from_slice(head);
        let last = self.batches.last();
        if last.is_some_and(|last| last.common == common && self.words[last.tail.clone()] == *tail)
        {
            return self.push_same(own, start);
        }
        let end = self.words.len();
        self.words.extend_from_slice(tail);
        self.push(common, own, start, end);
    }

    /// The record of the proof at this index, without its message.
    pub(crate) fn record(&self, at: usize) -> ProofRecord {
        let LogPart { batch, index, log, head } = &self.proofs[at];
        let BatchPart { common, tail } = &self.batches[*batch];
        let Common { chain, batch, root, l1_timestamp, target } = *common;
        ProofRecord {
            chain_id: chain,
            batch_number: batch,
            id: *index,
            root,
            proof: [&self.words[head.clone()], &self.words[tail.clone()]].concat(),
            target,
            log: Some(*log),
            message: None,
            tx_hash: None,
            l1_timestamp,
            checked_by: None,
        }
    }

    /// Folds the proofs. Returns by proof the root that it leads to; `None` if a check of the contracts refuses it, or if
    /// its words contradict its batch root or its target.
    pub(crate) fn folded(&self) -> Vec<Option<FoldedProof>> {
        let batches = self.batches.iter().map(|BatchPart { common, tail }| BatchInput {
            chain: common.chain,
            batch: common.batch,
            root: common.root,
            tail: &self.words[tail.clone()],
            l1_timestamp: common.l1_timestamp,
            target: common.target.as_ref(),
        });
        let proofs = self.proofs.iter().map(|LogPart { batch, index, log, head }| ProofInput {
            bundle: *batch,
            index: *index,
            log,
            head: &self.words[head.clone()],
        });
        let batches: Vec<_> = batches.collect();
        let (own, ends) = verify_many::folded(&batches, &proofs.collect::<Vec<_>>());
        let folded = |(proof, is_right): (&LogPart, bool)| {
            let mut folded = ends[proof.batch].filter(|_| is_right)?;
            if let Some(target) = self.batches[proof.batch].common.target {
                folded.root_ref = target.known(folded.root_ref);
            }
            Some(FoldedProof { batch: proof.batch, folded })
        };
        self.proofs.iter().zip(own).map(folded).collect()
    }
}
