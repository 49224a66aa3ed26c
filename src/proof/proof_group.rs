use std::ops::Range;

use super::{
    ProofRecord, TargetRecord,
    verify::Folded,
    verify_many::{self, BatchInput, ProofInput, head_len},
};
use crate::{
    keccak::hash_texts,
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, Timestamp},
};

/// Proofs that are folded together. What consecutive proofs of a batch have in common is stored and folded once.
#[derive(Debug, Default)]
pub(crate) struct ProofGroup {
    words: Vec<Hash>,
    messages: Vec<u8>,
    batches: Vec<BatchPart>,
    proofs: Vec<Proof>,
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

/// The log of a proof.
#[derive(Clone, Debug)]
pub(crate) struct LogPart {
    pub(crate) index: u64,
    pub(crate) log: L2ToL1Log,
    /// The place of its message in the messages of the group.
    pub(crate) message: Option<Range<usize>>,
}

#[derive(Debug)]
struct Proof {
    /// The index of its batch.
    batch: usize,
    part: LogPart,
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
    /// Removes the proofs. Their memory is kept for others.
    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.messages.clear();
        self.batches.clear();
        self.proofs.clear();
    }

    /// The memory of the words and messages, which is most of it, in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Hash>() * self.words.capacity() + self.messages.capacity()
    }

    /// The number of proofs.
    pub(crate) fn len(&self) -> usize {
        self.proofs.len()
    }

    /// The words so far. Those of the next proof are appended before [`Self::push`] or [`Self::push_same`].
    pub(crate) fn words(&mut self) -> &mut Vec<Hash> {
        &mut self.words
    }

    /// The messages so far. That of the next proof is appended before [`Self::push`] or [`Self::push_same`].
    pub(crate) fn messages(&mut self) -> &mut Vec<u8> {
        &mut self.messages
    }

    /// What the last proof has in common with others of its batch.
    pub(crate) fn last(&self) -> Option<&Common> {
        self.batches.last().map(|batch| &batch.common)
    }

    /// Appends a proof whose words are the last ones. Its own end before `tail`.
    pub(crate) fn push(&mut self, common: Common, part: LogPart, words: usize, tail: usize) {
        self.batches.push(BatchPart { common, tail: tail..self.words.len() });
        self.proofs.push(Proof { batch: self.batches.len() - 1, part, head: words..tail });
    }

    /// Appends a proof that has everything but its own words, the last ones, in common with the proof before it.
    pub(crate) fn push_same(&mut self, part: LogPart, words: usize) {
        let head = words..self.words.len();
        self.proofs.push(Proof { batch: self.batches.len() - 1, part, head });
    }

    /// Appends the proof of a record.
    pub(crate) fn push_record(&mut self, record: &ProofRecord, log: L2ToL1Log) {
        let common = Common {
            chain: record.chain_id,
            batch: record.batch_number,
            root: record.root,
            l1_timestamp: record.l1_timestamp,
            target: record.target,
        };
        let message = record.message.as_ref().map(|message| {
            let start = self.messages.len();
            self.messages.extend_from_slice(message);
            start..self.messages.len()
        });
        let (part, words) = (LogPart { index: record.id, log, message }, &record.proof);
        // If there are fewer words than the first one says, the proof is refused.
        let (head, tail) = words.split_at(head_len(words).unwrap_or(words.len()));
        let start = self.words.len();
        self.words.extend_from_slice(head);
        let last = self.batches.last();
        if last.is_some_and(|last| last.common == common && self.words[last.tail.clone()] == *tail)
        {
            return self.push_same(part, start);
        }
        let end = self.words.len();
        self.words.extend_from_slice(tail);
        self.push(common, part, start, end);
    }

    /// The record of the proof at this index, without its message.
    pub(crate) fn record(&self, at: usize) -> ProofRecord {
        let Proof { batch, part: LogPart { index, log, .. }, head } = &self.proofs[at];
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

    /// Folds the proofs. Returns by proof the root that it leads to; `None` if a check of the contracts refuses it, if its
    /// words contradict its batch root or its target, or if its message is not that of its log.
    pub(crate) fn folded(&self) -> Vec<Option<FoldedProof>> {
        let batches = self.batches.iter().map(|BatchPart { common, tail }| BatchInput {
            chain: common.chain,
            batch: common.batch,
            root: common.root,
            tail: &self.words[tail.clone()],
            l1_timestamp: common.l1_timestamp,
            target: common.target.as_ref(),
        });
        let proofs = self.proofs.iter().map(|Proof { batch, part, head }| ProofInput {
            bundle: *batch,
            index: part.index,
            log: &part.log,
            head: &self.words[head.clone()],
        });
        let batches: Vec<_> = batches.collect();
        let (own, ends) = verify_many::folded(&batches, &proofs.collect::<Vec<_>>());
        let mut hashes = self.message_hashes().into_iter();
        let folded = |(proof, is_right): (&Proof, bool)| {
            let LogPart { log, message, .. } = &proof.part;
            let hash = message.as_ref().and_then(|_| hashes.next());
            let is_right =
                is_right && (message.is_none() || log.is_message() && hash == Some(log.value()));
            let mut folded = ends[proof.batch].filter(|_| is_right)?;
            if let Some(target) = self.batches[proof.batch].common.target {
                folded.root_ref = target.known(folded.root_ref);
            }
            Some(FoldedProof { batch: proof.batch, folded })
        };
        self.proofs.iter().zip(own).map(folded).collect()
    }

    /// The hashes of the messages, in the order of their proofs.
    fn message_hashes(&self) -> Vec<Hash> {
        let places = self.proofs.iter().filter_map(|proof| proof.part.message.clone());
        let messages: Vec<&[u8]> = places.map(|place| &self.messages[place]).collect();
        let mut hashes = vec![Hash::ZERO; messages.len()];
        hash_texts(&messages, &mut hashes);
        hashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        keccak::{hash_node, keccak256},
        primitives::Address,
        proof::verify::RootRef,
    };

    /// Proofs in a tree of two leaves: of a message, and of a log that only its service flag tells from that of the message.
    fn records() -> [ProofRecord; 2] {
        let message = L2ToL1Log::of_message(3, Address::system(7), b"message");
        let mut other = *message.as_bytes();
        other[1] = 0;
        let logs = [message, L2ToL1Log::new(other)];
        let leaves = logs.map(|log| keccak256(log.as_bytes()));
        let root = hash_node(leaves[0], leaves[1]);
        let mut metadata = [0; 32];
        metadata[..4].copy_from_slice(&[1, 1, 0, 1]);
        [0, 1].map(|index| ProofRecord {
            chain_id: ChainId(324),
            batch_number: BatchNumber(7),
            id: index as u64,
            root,
            proof: vec![Hash::new(metadata), leaves[1 - index]],
            target: Some(TargetRecord::batch_root(root)),
            log: Some(logs[index]),
            message: None,
            tx_hash: None,
            l1_timestamp: None,
            checked_by: None,
        })
    }

    fn group(records: &[ProofRecord]) -> ProofGroup {
        let mut group = ProofGroup::default();
        records.iter().for_each(|record| group.push_record(record, record.log.unwrap()));
        group
    }

    #[test]
    fn proofs_with_the_same_batch_and_target_share_them() {
        let [one, two] = records();
        let next = ProofRecord { batch_number: BatchNumber(8), ..two.clone() };
        let all = [one, two, next.clone(), next];
        let group = group(&all);
        assert_eq!((group.len(), group.last().unwrap().batch), (4, BatchNumber(8)));
        let folded = group.folded().into_iter().map(Option::unwrap);
        let places: Vec<_> =
            folded.map(|proof| (proof.batch, proof.folded.root_ref, proof.folded.root)).collect();
        let place = |at, batch| (at, RootRef::Batch(ChainId(324), batch), all[0].root);
        let [first, second] = [place(0, BatchNumber(7)), place(1, BatchNumber(8))];
        assert_eq!(places, [first, first, second, second]);
        for (at, record) in all.iter().enumerate() {
            assert_eq!(group.record(at), *record);
        }
    }

    #[test]
    fn a_message_must_be_that_of_its_log() {
        let [one, two] = records();
        let with = |record: &ProofRecord, message: &[u8]| ProofRecord {
            message: Some(message.to_vec()),
            ..record.clone()
        };
        let all =
            [with(&one, b"message"), with(&two, b"message"), with(&one, b"other"), one.clone()];
        let of_the_first = with(&one, b"message");
        let folded = group(&[&all[..], &[of_the_first]].concat()).folded();
        let accepted: Vec<_> = folded.iter().map(Option::is_some).collect();
        assert_eq!(accepted, [true, false, false, true, true]);
    }

    #[test]
    fn a_cleared_group_holds_nothing_and_keeps_its_memory() {
        let [one, two] = records();
        let mut group = ProofGroup::default();
        assert_eq!(group.memory(), 0);
        let message = vec![7; 5000];
        let long = ProofRecord { message: Some(message), proof: vec![one.root; 100], ..one };
        group.push_record(&long, long.log.unwrap());
        let (memory, least) = (group.memory(), 100 * 32 + 5000);
        assert!((least..2 * least).contains(&memory), "{memory}");
        group.clear();
        assert_eq!((group.len(), group.words().len(), group.messages().len()), (0, 0, 0));
        assert!(group.last().is_none());
        assert_eq!(group.memory(), memory);
        group.push_record(&two, two.log.unwrap());
        assert_eq!(group.record(0), two);
        assert!(group.folded()[0].is_some());
    }

    #[test]
    fn a_proof_with_fewer_words_than_its_first_one_says_is_refused() {
        let [one, mut two] = records();
        two.proof.pop();
        let folded = group(&[two, one]).folded();
        assert_eq!(folded.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
    }
}
