use proptest::prelude::*;

use super::*;
use crate::proof::{
    ProofRecord, TargetKind,
    verify::{self, Claim},
};

/// Paths are shorter than this. Miri takes a thousand times longer for each hash.
const PATH_LIMIT: usize = if cfg!(miri) { 4 } else { 20 };
/// Fewer proofs than this are verified together.
const PROOF_LIMIT: usize = if cfg!(miri) { 4 } else { 24 };

/// A proof that the scalar verifier folds first, so that the record can claim the result.
#[derive(Clone, Debug)]
struct Made {
    record: ProofRecord,
    /// The number of its own words, before those that a batch shares.
    head: usize,
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::new)
}

fn metadata_word(path: usize, batch_path: usize, last: bool) -> Hash {
    let mut word = [0; 32];
    word[..4].copy_from_slice(&[1, path as u8, batch_path as u8, u8::from(last)]);
    Hash::new(word)
}

/// A proof of any form with paths of any lengths. It does not use the extraction.
fn made() -> impl Strategy<Value = Made> {
    let path = |shortest| prop::collection::vec(hash(), shortest..PATH_LIMIT);
    let places = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    let log = prop::collection::vec(any::<u8>(), L2ToL1Log::LEN);
    // A tree with one leaf has an empty path.
    (0..4u8, path(1), path(0), path(0), places, log).prop_map(
        |(form, log_path, batch_path, chain_path, (id, leaf, chain, number, sl), log)| {
            let below = |mask: u64, path: &[Hash]| mask % (1 << path.len());
            let mut words = Vec::new();
            match form {
                // The first sibling is taken for metadata only once in 2^224 cases.
                0 => {}
                1 => words.push(metadata_word(log_path.len(), 0, true)),
                _ => words.push(metadata_word(log_path.len(), batch_path.len(), false)),
            }
            words.extend(&log_path);
            let head = words.len();
            let l1_timestamp = (form == 3).then_some(Timestamp((leaf ^ number).max(1)));
            words.extend(l1_timestamp.map(|timestamp| timestamp.to_word().to_hash()));
            if form >= 2 {
                words.push(Word::from(below(leaf, &batch_path)).to_hash());
                words.extend(&batch_path);
                words.push(Word::join(number.into(), below(chain, &chain_path).into()).to_hash());
                words.push(Word::from(sl).to_hash());
                words.push(metadata_word(chain_path.len(), 0, true));
                words.extend(&chain_path);
            }
            let log = L2ToL1Log::new(log.try_into().unwrap());
            let (chain, batch) = (ChainId(chain), BatchNumber(number ^ 7));
            let index = below(id, &log_path);
            let claim = Claim { chain, batch, index, log: &log };
            let folded = verify::fold(&claim, &words).unwrap();
            let target = match folded.root_ref {
                RootRef::Batch(..) => TargetRecord::batch_root(folded.root),
                _ => TargetRecord {
                    kind: TargetKind::Block,
                    sl_chain_id: Some(ChainId(sl)),
                    number: Some(number),
                    root: folded.root,
                    timestamp: None,
                },
            };
            let record = ProofRecord {
                chain_id: chain,
                batch_number: batch,
                id: index,
                root: folded.batch_root,
                proof: words,
                target: Some(target),
                log: Some(log),
                message: None,
                tx_hash: None,
                l1_timestamp,
                checked_by: None,
            };
            Made { record, head }
        },
    )
}

/// The verdict of the scalar verifier.
fn alone(made: &Made) -> bool {
    let record = &made.record;
    record.verify(&record.log.unwrap(), |_| record.target.map(|target| target.root)).is_ok()
}

/// The verdicts of the parallel verifier, with one bundle per proof.
fn together(all: &[Made]) -> Vec<bool> {
    let targets: Vec<_> = all.iter().map(|made| made.record.target.unwrap()).collect();
    let logs: Vec<_> = all.iter().map(|made| made.record.log.unwrap()).collect();
    let bundles: Vec<_> = all
        .iter()
        .zip(&targets)
        .map(|(Made { record, head }, target)| BatchInput {
            chain: record.chain_id,
            batch: record.batch_number,
            root: record.root,
            tail: &record.proof[*head..],
            l1_timestamp: record.l1_timestamp,
            target: Some(target),
        })
        .collect();
    let members: Vec<_> = all
        .iter()
        .zip(&logs)
        .enumerate()
        .map(|(bundle, (Made { record, head }, log))| ProofInput {
            bundle,
            index: record.id,
            log,
            head: &record.proof[..*head],
        })
        .collect();
    accepted(&bundles, &members)
}

fn flip(hash: Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Hash::new(bytes)
}

/// Alters a proof in one of several ways.
fn alter(made: &mut Made, what: usize, word: usize, bit: usize) {
    let record = &mut made.record;
    let target = record.target.as_mut().unwrap();
    match what % 9 {
        0 | 1 if !record.proof.is_empty() => {
            let at = word % record.proof.len();
            record.proof[at] = flip(record.proof[at], bit);
        }
        2 => {
            record.proof.pop();
            made.head = made.head.min(record.proof.len());
        }
        3 => record.proof.push(Hash::ZERO),
        4 => record.id ^= 1 << (bit % 64),
        5 => record.root = flip(record.root, bit),
        6 => target.root = flip(target.root, bit),
        7 => target.number = target.number.map(|number| number ^ 1),
        _ => record.chain_id.0 ^= 1 << (bit % 64),
    }
}

proptest! {
    #[test]
    fn both_verifiers_agree(
        mut all in prop::collection::vec(made(), 1..PROOF_LIMIT),
        changes in prop::collection::vec((any::<usize>(), 0..9usize, any::<usize>(), 0..256usize), 0..12),
    ) {
        prop_assert_eq!(together(&all), vec![true; all.len()]);
        for (which, what, word, bit) in changes {
            let len = all.len();
            alter(&mut all[which % len], what, word, bit);
        }
        let expected: Vec<bool> = all.iter().map(alone).collect();
        prop_assert_eq!(together(&all), expected);
    }

    /// Both verifiers depend on every bit of every word.
    #[test]
    fn every_changed_bit_is_refused(made in made(), bit in 0..256usize) {
        let altered: Vec<Made> = (0..made.record.proof.len())
            .map(|word| {
                let mut altered = made.clone();
                altered.record.proof[word] = flip(altered.record.proof[word], bit);
                altered
            })
            .collect();
        let expected: Vec<bool> = altered.iter().map(alone).collect();
        prop_assert_eq!(together(&altered), expected);
    }
}

/// The words of a proof with paths of 2, 1 and 1 siblings through a settlement layer, with a timestamp of v33.
fn timed_words() -> Vec<Hash> {
    let sibling = |seed: u8| Hash::new([seed; 32]);
    let place = [Word::join(214, 1).to_hash(), Word::from(506).to_hash()];
    let mut words = vec![metadata_word(2, 1, false), sibling(100), sibling(101)];
    words.extend([Word::from(1_790_000_000), Word::from(1)].map(Word::to_hash));
    words.push(sibling(102));
    words.extend(place);
    words.extend([metadata_word(1, 0, true), sibling(103)]);
    words
}

#[test]
fn timestamps_are_found_as_by_the_verifier_of_single_proofs() {
    let words = timed_words();
    let altered = |changes: &[(usize, Hash)]| {
        let mut words = words.clone();
        changes.iter().for_each(|(at, word)| words[*at] = *word);
        words
    };
    let (number, other) = (|number: u64| Word::from(number).to_hash(), Hash::new([7; 32]));
    let mut untimed = words.clone();
    untimed.remove(3);
    for (words, expected) in [
        (words.clone(), true),
        (untimed, false),
        (altered(&[(3, number(0))]), false),
        (altered(&[(3, number(1))]), true),
        (altered(&[(3, number(1)), (8, other)]), false),
        (altered(&[(8, other)]), true),
        (altered(&[(3, Word::join(0, 1 << 64).to_hash())]), false),
        (altered(&[(4, number(2)), (8, other)]), false),
        (altered(&[(7, metadata_word(1, 0, true))]), false),
        (words[..4].to_vec(), false),
    ] {
        assert_eq!(verify::has_timestamp(&words), expected, "{words:?}");
        assert_eq!(is_timed(&words[3..], 1), expected, "{words:?}");
    }
}

#[test]
fn the_first_word_says_which_words_are_of_the_log_alone() {
    let words = timed_words();
    assert_eq!(head_len(&words), Some(3));
    assert_eq!((head_len(&words[..3]), head_len(&words[..2])), (Some(3), None));
    // Without metadata, all are siblings of the log.
    assert_eq!(head_len(&words[1..]), Some(words.len() - 1));
    assert_eq!(head_len(&[]), None);
}

/// A proof to the root of its batch has no words after the log path, and nothing else says when it was executed.
#[test]
fn a_batch_root_has_neither_further_words_nor_a_timestamp() {
    let log = L2ToL1Log::new([1; 88]);
    let leaf = crate::keccak::keccak256(log.as_bytes());
    let sibling = Hash::new([9; 32]);
    let head = [metadata_word(1, 0, true), sibling];
    let (root, time) = (crate::keccak::hash_node(leaf, sibling), Some(Timestamp(1)));
    let (chain, batch) = (ChainId(324), BatchNumber(7));
    for (tail, l1_timestamp, is_right) in
        [(&[][..], None, true), (&[][..], time, false), (&[sibling][..], None, false)]
    {
        let bundle = BatchInput { chain, batch, root, tail, l1_timestamp, target: None };
        let member = ProofInput { bundle: 0, index: 0, log: &log, head: &head };
        let (right, ends) = folded(&[bundle], &[member]);
        assert_eq!((right[0], ends[0].is_some()), (true, is_right), "{tail:?} {l1_timestamp:?}");
        let claim = Claim { chain, batch, index: 0, log: &log };
        let words = [&head[..], tail].concat();
        assert_eq!(verify::fold_at(&claim, &words, l1_timestamp).is_ok(), is_right);
    }
}

#[test]
fn members_of_a_bundle_are_judged_separately() {
    // Two logs under one node, and a batch root that is that node: the smallest possible tree.
    let logs = [L2ToL1Log::new([1; 88]), L2ToL1Log::new([2; 88]), L2ToL1Log::new([0; 88])];
    let leaf = |log: &L2ToL1Log| crate::keccak::keccak256(log.as_bytes());
    let root = crate::keccak::hash_node(leaf(&logs[0]), leaf(&logs[1]));
    let target = TargetRecord::batch_root(root);
    let (chain, batch) = (ChainId(1), BatchNumber(1));
    let (tail, l1_timestamp, target) = (&[][..], None, Some(&target));
    let bundle = BatchInput { chain, batch, root, tail, l1_timestamp, target };
    let [left, right] = [&logs[0], &logs[1]].map(|log| [metadata_word(1, 0, true), leaf(log)]);
    let member = |index, log, head| ProofInput { bundle: 0, index, log, head };
    let members = [
        member(0, &logs[0], &right[..]),
        member(1, &logs[1], &left[..]),
        // The index of another log, the contracts' default leaf, no words, and words of another form.
        member(1, &logs[0], &right[..]),
        member(0, &logs[2], &right[..]),
        member(0, &logs[0], &[]),
        member(0, &logs[0], &right[..1]),
    ];
    assert_eq!(accepted(&[bundle], &members), [true, true, false, false, false, false]);
    assert_eq!(accepted(&[bundle], &[]), Vec::<bool>::new());
    assert_eq!(accepted(&[], &[]), Vec::<bool>::new());
}
