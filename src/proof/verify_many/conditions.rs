//! Each condition alone: a valid proof with exactly one fault is refused by both verifiers.

use serde_json::json;

use super::*;
use crate::{
    keccak::{hash_node, keccak256},
    proof::{
        FailureCode, ProofRecord, TargetKind,
        verify::{self, Claim, VerifyError},
    },
};

const CHAIN: ChainId = ChainId(324);
const BATCH: BatchNumber = BatchNumber(77);
const SL_CHAIN: ChainId = ChainId(506);
const BLOCK: u64 = 4321;
const TIMESTAMP: Timestamp = Timestamp(1_790_000_000);

fn hash(seed: u8) -> Hash {
    Hash::new([seed; 32])
}

fn siblings(seed: u8, len: usize) -> Vec<Hash> {
    (0..len).map(|level| keccak256(&[seed, level as u8])).collect()
}

fn metadata(path: usize, batch_path: usize, last: u8) -> Hash {
    let mut word = [0; 32];
    word[..4].copy_from_slice(&[1, path as u8, batch_path as u8, last]);
    Hash::new(word)
}

/// A word in which only this bit is set.
fn bit(at: usize) -> Word {
    if at < 128 { Word::join(0, 1 << at) } else { Word::join(1 << (at - 128), 0) }
}

/// A proof that tests alter.
#[derive(Clone)]
struct Case {
    log: L2ToL1Log,
    index: u64,
    head: Vec<Hash>,
    tail: Vec<Hash>,
    l1_timestamp: Option<Timestamp>,
    root: Hash,
    target: TargetRecord,
}

impl Case {
    /// Sets the roots to those that the verifier of single proofs folds to.
    fn folded(mut self) -> Self {
        let claim = Claim { chain: CHAIN, batch: BATCH, index: self.index, log: &self.log };
        let words = [&self.head[..], &self.tail].concat();
        let folded = verify::fold_at(&claim, &words, self.l1_timestamp).unwrap();
        (self.root, self.target.root) = (folded.batch_root, folded.root);
        self
    }

    /// A proof that ends at the batch root.
    fn batch_root() -> Self {
        let head = [&[metadata(3, 0, 1)], &siblings(1, 3)[..]].concat();
        let log = L2ToL1Log::new([2; 88]);
        let target = TargetRecord::batch_root(Hash::ZERO);
        let (root, l1_timestamp) = (Hash::ZERO, None);
        Self { log, index: 5, head, tail: vec![], l1_timestamp, root, target }.folded()
    }

    /// A proof to a block, with these siblings and masks in the trees of the settlement layer.
    fn block_with(batch: (usize, Word), chain: (usize, u128)) -> Self {
        let mut tail = vec![batch.1.to_hash()];
        tail.extend(siblings(2, batch.0));
        tail.push(Word::join(BLOCK.into(), chain.1).to_hash());
        tail.push(SL_CHAIN.to_word().to_hash());
        tail.push(metadata(chain.0, 0, 1));
        tail.extend(siblings(3, chain.0));
        let target = TargetRecord {
            kind: TargetKind::Block,
            sl_chain_id: Some(SL_CHAIN),
            number: Some(BLOCK),
            root: Hash::ZERO,
            timestamp: None,
        };
        let head = [&[metadata(3, batch.0, 0)], &siblings(1, 3)[..]].concat();
        let log = L2ToL1Log::new([2; 88]);
        Self { log, index: 5, head, tail, l1_timestamp: None, root: Hash::ZERO, target }
    }

    /// A proof of v33 to a block: that of [`Case::block`] with a timestamp.
    fn timed_block() -> Self {
        let mut case = Self::block();
        case.tail.insert(0, TIMESTAMP.to_word().to_hash());
        case.l1_timestamp = Some(TIMESTAMP);
        case.folded()
    }

    /// A proof to a block: paths of 3, 4 and 2 siblings.
    fn block() -> Self {
        Self::block_with((4, Word::from(9)), (2, 1)).folded()
    }

    fn bundle(&self) -> BatchInput<'_> {
        let Self { root, tail, l1_timestamp, target, .. } = self;
        let (root, l1_timestamp, target) = (*root, *l1_timestamp, Some(target));
        BatchInput { chain: CHAIN, batch: BATCH, root, tail, l1_timestamp, target }
    }

    fn member(&self, bundle: usize) -> ProofInput<'_> {
        ProofInput { bundle, index: self.index, log: &self.log, head: &self.head }
    }

    /// The reason of the verifier of single proofs, which must agree with the verifier of many.
    fn code(&self) -> Option<FailureCode> {
        let Self { log, index, root, target, .. } = self;
        let proof = [&self.head[..], &self.tail].concat();
        let record: ProofRecord = serde_json::from_value(json!({
            "chainId": CHAIN, "batchNumber": BATCH, "id": index, "root": root, "proof": proof,
            "target": target, "log": log, "l1Timestamp": self.l1_timestamp,
        }))
        .unwrap();
        let alone = record.verify(&self.log, |_| Some(self.target.root));
        let together = accepted(&[self.bundle()], &[self.member(0)]);
        assert_eq!(together, [alone.is_ok()], "{alone:?}");
        alone.err().as_ref().map(VerifyError::code)
    }
}

/// The code of a case after a change.
fn altered(mut case: Case, change: impl FnOnce(&mut Case)) -> Option<FailureCode> {
    assert_eq!(case.code(), None);
    change(&mut case);
    case.code()
}

#[test]
fn a_proof_of_a_batch_root_leads_to_that_root_and_to_nothing_else() {
    use FailureCode::{BatchRootMismatch, RootMismatch, TargetMismatch, TrailingWords};
    let code = |change: fn(&mut Case)| altered(Case::batch_root(), change);
    assert_eq!(code(|case| case.root = hash(9)), Some(BatchRootMismatch));
    assert_eq!(code(|case| case.target.root = hash(9)), Some(RootMismatch));
    assert_eq!(code(|case| case.tail.push(hash(9))), Some(TrailingWords));
    assert_eq!(code(|case| case.target.number = Some(BATCH.0)), Some(TargetMismatch));
    assert_eq!(code(|case| case.target.sl_chain_id = Some(CHAIN)), Some(TargetMismatch));
    for kind in [TargetKind::Block, TargetKind::SlBatch] {
        let number = Some(BATCH.0);
        let target =
            TargetRecord { kind, sl_chain_id: Some(CHAIN), number, ..Case::batch_root().target };
        assert_eq!(altered(Case::batch_root(), |case| case.target = target), Some(TargetMismatch));
    }
    // Both roots at once: the log path does not fold to them.
    assert_eq!(
        code(|case| (case.root, case.target.root) = (hash(9), hash(9))),
        Some(BatchRootMismatch)
    );
}

#[test]
fn a_proof_of_a_block_leads_to_that_block_and_to_nothing_else() {
    use FailureCode::{BatchRootMismatch, RootMismatch, TargetMismatch};
    let code = |change: fn(&mut Case)| altered(Case::block(), change);
    assert_eq!(code(|case| case.root = hash(9)), Some(BatchRootMismatch));
    assert_eq!(code(|case| case.target.root = hash(9)), Some(RootMismatch));
    assert_eq!(code(|case| case.target.number = Some(BLOCK + 1)), Some(TargetMismatch));
    assert_eq!(code(|case| case.target.number = None), Some(TargetMismatch));
    assert_eq!(code(|case| case.target.sl_chain_id = Some(CHAIN)), Some(TargetMismatch));
    assert_eq!(code(|case| case.target.sl_chain_id = None), Some(TargetMismatch));
    let batch_root = |case: &mut Case| case.target = TargetRecord::batch_root(case.target.root);
    assert_eq!(code(batch_root), Some(TargetMismatch));
    // The words name the number, not whether it is a block's or a batch's.
    assert_eq!(code(|case| case.target.kind = TargetKind::SlBatch), None);
}

#[test]
fn a_timestamp_is_the_one_in_the_record_and_in_the_leaf() {
    use FailureCode::{IndexOutOfBounds, RootMismatch, TimestampMismatch};
    let code = |change: fn(&mut Case)| altered(Case::timed_block(), change);
    let later = Timestamp(TIMESTAMP.0 + 1);
    assert_eq!(code(|case| case.l1_timestamp = Some(Timestamp(0))), Some(TimestampMismatch));
    assert_eq!(code(|case| case.tail[0] = hash(9)), Some(TimestampMismatch));
    // In words and record alike: the leaf is another.
    let both = altered(Case::timed_block(), |case| {
        (case.tail[0], case.l1_timestamp) = (later.to_word().to_hash(), Some(later));
    });
    assert_eq!(both, Some(RootMismatch));
    // The words of the other release.
    let without = |case: &mut Case| _ = case.tail.remove(0);
    assert_eq!(altered(Case::timed_block(), without), Some(IndexOutOfBounds));
    let with = |case: &mut Case| case.tail.insert(0, TIMESTAMP.to_word().to_hash());
    assert_eq!(altered(Case::block(), with), Some(RootMismatch));
    // Without the timestamp in the record, the words show it.
    assert_eq!(altered(Case::timed_block(), |case| case.l1_timestamp = None), None);
    // Words with a zero in this place do not.
    let mut zero = Case::timed_block();
    (zero.tail[0], zero.l1_timestamp) = (Hash::ZERO, Some(Timestamp(0)));
    let out = Some(IndexOutOfBounds);
    assert_eq!(altered(zero.folded(), |case| case.l1_timestamp = None), out);
    // No block executed a batch after itself, and roots have timestamps only where batches have.
    let at = |seconds| move |case: &mut Case| case.target.timestamp = Some(Timestamp(seconds));
    assert_eq!(altered(Case::timed_block(), at(TIMESTAMP.0)), None);
    assert_eq!(altered(Case::timed_block(), at(TIMESTAMP.0 - 1)), Some(TimestampMismatch));
    assert_eq!(altered(Case::block(), at(TIMESTAMP.0)), Some(TimestampMismatch));
    // A proof that ends at the batch root has none.
    let named = |case: &mut Case| case.l1_timestamp = Some(TIMESTAMP);
    assert_eq!(altered(Case::batch_root(), named), Some(TimestampMismatch));
}

#[test]
fn a_mask_must_fit_its_path_of_any_length() {
    let out = Some(FailureCode::IndexOutOfBounds);
    assert_eq!(altered(Case::batch_root(), |case| case.index |= 1 << 3), out);
    // Miri takes a thousand times longer for each hash.
    let longest = if cfg!(miri) { 8 } else { 255 };
    for len in [1, 8, 127, 128, 129, 254, 255].into_iter().filter(|len| *len <= longest) {
        let case = Case::block_with((len, bit(len - 1)), (2, 2)).folded();
        assert_eq!(case.code(), None, "{len} siblings");
        for beyond in [len, 255] {
            let mut case = case.clone();
            if beyond < 256 && beyond != len - 1 {
                case.tail[0] = Case::block_with((len, bit(beyond)), (2, 2)).tail[0];
                let expected = if beyond < len { Some(FailureCode::RootMismatch) } else { out };
                assert_eq!(case.code(), expected, "bit {beyond} of {len} siblings");
            }
        }
    }
    for len in [1, 127, 128, 255].into_iter().filter(|len| *len <= longest) {
        let top = (len - 1).min(127);
        let case = Case::block_with((4, Word::from(9)), (len, 1 << top)).folded();
        assert_eq!(case.code(), None, "{len} siblings");
        if len < 128 {
            let packed = 1 + 4;
            let beyond = |case: &mut Case| {
                case.tail[packed] = Word::join(BLOCK.into(), 1 << len).to_hash();
            };
            assert_eq!(altered(case, beyond), out, "{len} siblings");
        }
    }
}

#[test]
fn a_path_without_metadata_has_at_most_255_siblings() {
    let plain = |len| {
        let (log, target) = (L2ToL1Log::new([2; 88]), TargetRecord::batch_root(Hash::ZERO));
        let head = siblings(1, len);
        let (index, root, l1_timestamp) = (u64::from(len > 7) << 7, Hash::ZERO, None);
        Case { log, index, head, tail: vec![], l1_timestamp, root, target }
    };
    assert_eq!(plain(255).folded().code(), None);
    assert_eq!(plain(8).folded().code(), None);
    assert_eq!(plain(256).code(), Some(FailureCode::PathTooLong));
}

#[test]
fn metadata_must_describe_the_words_after_them() {
    use FailureCode::{
        BatchPathOnLastNode, BatchRootMismatch, EmptyProof, MetadataVersion, SecondHop, TooShort,
        TrailingWords,
    };
    let first = |word: Hash| altered(Case::block(), |case| case.head[0] = word);
    assert_eq!(first(metadata(3, 4, 1)), Some(BatchPathOnLastNode));
    assert_eq!(first(metadata(3, 5, 0)).map(|_| ()), Some(()));
    assert_eq!(first(metadata(4, 4, 0)).map(|_| ()), Some(()));
    assert_eq!(first(metadata(2, 4, 0)).map(|_| ()), Some(()));
    // Without metadata, all words would be one path.
    assert_eq!(first(hash(1)), Some(BatchRootMismatch));
    let versioned = |version| {
        let mut word = *metadata(3, 4, 0).as_bytes();
        word[0] = version;
        first(Hash::new(word))
    };
    assert_eq!([versioned(0), versioned(2)], [Some(MetadataVersion); 2]);

    // Word 7 of the tail, after mask, 4 siblings, packed numbers and chain.
    let second = |word: Hash| {
        altered(Case::block(), |case| {
            assert_eq!(case.tail[7], metadata(2, 0, 1));
            case.tail[7] = word;
        })
    };
    assert_eq!(second(metadata(2, 0, 0)), Some(SecondHop));
    assert_eq!(second(metadata(2, 1, 1)), Some(BatchPathOnLastNode));
    assert_eq!(second(metadata(3, 0, 1)), Some(TooShort));
    assert_eq!(second(metadata(1, 0, 1)), Some(TrailingWords));
    assert_eq!(second(metadata(2, 0, 2)), None, "the contracts take any last flag but 0 for 1");

    let nothing = |case: &mut Case| (case.head, case.tail) = (vec![], vec![]);
    assert_eq!(altered(Case::batch_root(), nothing), Some(EmptyProof));
    for len in 0..Case::block().tail.len() {
        assert_eq!(altered(Case::block(), |case| case.tail.truncate(len)), Some(TooShort));
    }
    assert_eq!(altered(Case::block(), |case| case.tail.push(Hash::ZERO)), Some(TrailingWords));
}

/// Without metadata after the chain of the settlement layer, all words left are the path.
#[test]
fn the_last_path_may_lack_metadata() {
    let mut case = Case::block();
    case.tail.remove(7);
    assert_eq!(case.code(), None);
    // A mask fits the batch path, and a timestamp does not.
    let mut timed = Case::timed_block();
    assert_eq!(timed.tail.remove(8), metadata(2, 0, 1));
    assert_eq!(timed.code(), None);
    timed.l1_timestamp = None;
    assert_eq!(timed.code(), None);
    let wrong = altered(timed.clone(), |case| case.tail[0] = Word::from(TIMESTAMP.0 + 1).to_hash());
    assert_eq!(wrong, Some(FailureCode::RootMismatch));
    timed.tail.remove(0);
    assert_eq!(timed.code(), Some(FailureCode::RootMismatch));
}

/// A path of any length costs nothing if the contracts refuse it.
#[test]
fn paths_that_are_refused_are_not_folded() {
    let (fitting, long) = (siblings(1, 255), vec![hash(1); 256]);
    let fold = |mask, path| PathFold { node: hash(7), mask, path };
    let mut folds = [fold(bit(254), &fitting[..]), fold(bit(0), &long), fold(bit(1), &long[..1])];
    assert_eq!(fold_level(&mut folds), [true, false, false]);
    assert_ne!(folds[0].node, hash(7));
    assert!(folds[1..].iter().all(|fold| fold.node == hash(7) && fold.path.is_empty()));
}

/// `HashedLogIsDefault`: the padding is in every tree of logs, and its path folds to the root.
#[test]
fn the_padding_leaf_is_refused_though_it_folds_to_the_root() {
    let zero = L2ToL1Log::new([0; 88]);
    let leaf = |log: &L2ToL1Log| keccak256(log.as_bytes());
    let other = L2ToL1Log::new([2; 88]);
    let root = hash_node(leaf(&other), leaf(&zero));
    let target = TargetRecord::batch_root(root);
    let case = |index, log, sibling| {
        let head = vec![metadata(1, 0, 1), leaf(sibling)];
        Case { log, index, head, tail: vec![], l1_timestamp: None, root, target }
    };
    assert_eq!(case(0, other, &zero).code(), None);
    assert_eq!(case(1, zero, &other).code(), Some(FailureCode::DefaultLeaf));
}

#[test]
fn proofs_of_a_batch_have_the_form_of_its_first_proof() {
    let case = Case::block();
    let mut other = case.clone();
    other.head[0] = metadata(3, 3, 0);
    let members = [case.member(0), other.member(0), case.member(0)];
    assert_eq!(accepted(&[case.bundle()], &members), [true, false, true]);
    let members = [other.member(0), case.member(0)];
    assert_eq!(accepted(&[case.bundle()], &members), [false, false]);
    // A proof that has no form does not determine the form of the others.
    let nothing = Case { head: vec![], ..case.clone() };
    let members = [nothing.member(0), case.member(0)];
    assert_eq!(accepted(&[case.bundle()], &members), [false, true]);
}

/// The verdict on a batch does not depend on the batches beside it.
#[test]
fn batches_of_all_forms_are_judged_side_by_side() {
    let wrong = |mut case: Case| {
        case.target.root = hash(9);
        case
    };
    let cases = [
        Case::block(),
        Case::timed_block(),
        wrong(Case::batch_root()),
        Case::block_with((255, bit(254)), (1, 1)).folded(),
        wrong(Case::block()),
        Case::batch_root(),
        Case::block_with((0, Word::from(0)), (0, 0)).folded(),
    ];
    let bundles: Vec<_> = cases.iter().map(Case::bundle).collect();
    let members: Vec<_> = cases.iter().enumerate().map(|(i, case)| case.member(i)).collect();
    assert_eq!(accepted(&bundles, &members), [true, true, false, true, false, true, true]);
}
