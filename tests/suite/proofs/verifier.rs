//! Each check of the verifier and of the decoder: a proof with exactly one fault is refused with the error of
//! that check.

use crate::support::{layer::Layer, naive};
use slproof::{
    contracts::Layout,
    forest::{RebuildOptions, rebuild},
    message::{BatchLogs, L2ToL1Log},
    primitives::{Address, BatchNumber, ChainId, Hash, Timestamp, Word},
    proof::{
        DecodeError, Proof, ProofRecord, Target, TargetKind,
        verify::{self, Claim, VerifyError},
    },
    prove::{ExtractError, Extractor},
};

const ERA: ChainId = ChainId(324);
const BATCH: BatchNumber = BatchNumber(7);
const MESSAGE: &[u8] = b"a message";

/// A batch of three logs: a message, 88 zero bytes, and one of a system contract.
fn logs() -> BatchLogs {
    let logs = vec![
        L2ToL1Log::of_message(5, Address::system(9), MESSAGE),
        L2ToL1Log::new([0; 88]),
        L2ToL1Log::new([3; 88]),
    ];
    BatchLogs::new(ERA, BATCH, logs, [MESSAGE].into_iter().collect(), Some(Hash::ZERO)).unwrap()
}

/// A settlement layer that executed the batch, two batches before it, and batches of another chain.
fn layer() -> Layer {
    let mut layer = Layer::new(Layout::V29, ChainId(506));
    layer.add_chain(ERA);
    layer.add_chain(ChainId(8));
    for batch in 1..=2 {
        layer.append(1, BatchNumber(batch), Hash::new([batch as u8; 32]));
        layer.append(2, BatchNumber(batch), Hash::new([9; 32]));
    }
    layer.append(1, BATCH, naive::node(logs().view().tree().root(), Hash::ZERO));
    layer
}

fn proven(index: u64) -> Result<ProofRecord, ExtractError> {
    let forest = rebuild(&layer().state(), &RebuildOptions::default()).unwrap();
    Extractor::new(&forest, Target::Latest).unwrap().batch(&logs())?.prove(index)
}

fn verdict(record: &ProofRecord, log: &L2ToL1Log) -> Result<(), VerifyError> {
    let root = record.target.map(|target| target.root);
    record.verify(log, |_| root).map(|_| ())
}

/// The index of the second metadata word, which follows the SL chain id.
fn second_metadata(words: &[Hash]) -> usize {
    let [_, path, batch_path, ..] = *words[0].as_bytes();
    1 + usize::from(path) + 1 + usize::from(batch_path) + 2
}

fn with_byte(words: &[Hash], at: usize, byte: usize, value: u8) -> Vec<Hash> {
    let mut words = words.to_vec();
    let mut word = *words[at].as_bytes();
    word[byte] = value;
    words[at] = Hash::new(word);
    words
}

#[test]
fn each_proof_word_that_contracts_refuse_has_its_own_error() {
    let record = proven(0).unwrap();
    let log = record.log.unwrap();
    assert_eq!(verdict(&record, &log), Ok(()));
    let words = &record.proof;
    let second = second_metadata(words);
    let decoded = |words: &[Hash]| Proof::decode(words).unwrap_err();
    let code = |words: Vec<Hash>| {
        let altered = ProofRecord { proof: words, ..record.clone() };
        verdict(&altered, &log).unwrap_err().code()
    };

    assert_eq!(code(vec![]), "empty-proof");
    assert_eq!(decoded(&[]), DecodeError::Empty);
    for at in [0, second] {
        assert_eq!(code(with_byte(words, at, 0, 2)), "metadata-version");
        assert_eq!(decoded(&with_byte(words, at, 0, 2)), DecodeError::Version { at, got: 2 });
        assert_eq!(decoded(&with_byte(words, at, 3, 2)), DecodeError::Flag { at, got: 2 });
    }
    assert_eq!(code(with_byte(words, 0, 3, 1)), "batch-path-on-last-node");
    assert!(matches!(
        decoded(&with_byte(words, 0, 3, 1)),
        DecodeError::BatchPathOnLastNode { at: 0, .. }
    ));
    assert_eq!(code(with_byte(words, second, 2, 1)), "batch-path-on-last-node");
    assert_eq!(code(with_byte(words, second, 3, 0)), "second-hop");
    assert_eq!(decoded(&with_byte(words, second, 3, 0)), DecodeError::SecondHop { at: second });
    assert_eq!(decoded(&with_byte(words, second, 9, 1)), DecodeError::NoMetadata { at: second });
    for len in 1..words.len() {
        assert_eq!(code(words[..len].to_vec()), "too-short", "{len} words");
        assert!(matches!(decoded(&words[..len]), DecodeError::TooShort { .. }));
    }
    let longer = [&words[..], &[Hash::ZERO]].concat();
    assert_eq!(code(longer.clone()), "trailing-words");
    let needed = words.len();
    assert_eq!(decoded(&longer), DecodeError::TooLong { needed, got: needed + 1 });
    // Without metadata, all words are one path, which has at most 255 siblings.
    assert_eq!(code(vec![Hash::new([7; 32]); 256]), "path-too-long");
    assert_eq!(code(vec![Hash::new([7; 32]); 255]), "batch-root-mismatch");
}

#[test]
fn indices_beyond_their_path_are_refused() {
    let record = proven(0).unwrap();
    let log = record.log.unwrap();
    let out = ProofRecord { id: 1 << 15, ..record.clone() };
    assert_eq!(verdict(&out, &log).unwrap_err().code(), "index-out-of-bounds");
    let mask = second_metadata(&record.proof) - 3;
    for at in [mask - usize::from(record.proof[0].as_bytes()[2]), mask + 1] {
        for byte in [0, 20] {
            let altered =
                ProofRecord { proof: with_byte(&record.proof, at, byte, 1), ..record.clone() };
            let error = verdict(&altered, &log).unwrap_err();
            // The upper half of the packed word is the block, not the mask.
            let expected =
                if at == mask + 1 && byte == 0 { "target-mismatch" } else { "index-out-of-bounds" };
            assert_eq!(error.code(), expected, "word {at}, byte {byte}: {error}");
        }
    }
}

#[test]
fn record_fields_must_equal_its_proof_words() {
    let record = proven(0).unwrap();
    let log = record.log.unwrap();
    let other = Hash::new([1; 32]);
    let code = |record: &ProofRecord| verdict(record, &log).unwrap_err().code();

    assert_eq!(code(&ProofRecord { root: other, ..record.clone() }), "batch-root-mismatch");
    let mut altered = record.clone();
    altered.target.as_mut().unwrap().number = Some(99);
    assert_eq!(code(&altered), "target-mismatch");
    altered = record.clone();
    altered.target.as_mut().unwrap().sl_chain_id = Some(ChainId(505));
    assert_eq!(code(&altered), "target-mismatch");
    altered = record.clone();
    altered.target.as_mut().unwrap().root = other;
    assert_eq!(code(&altered), "root-mismatch");
    assert_eq!(code(&ProofRecord { chain_id: ChainId(8), ..record.clone() }), "root-mismatch");
    assert_eq!(
        code(&ProofRecord { message: Some(b"another".to_vec()), ..record.clone() }),
        "message-mismatch"
    );

    let known = |root| record.verify(&log, |_| root).unwrap_err().code();
    assert_eq!(known(None), "unknown-root");
    assert_eq!(known(Some(other)), "root-mismatch");

    // A log that is not a message, with the bytes of a message.
    let system = proven(2).unwrap();
    let with_message = ProofRecord { message: Some(MESSAGE.to_vec()), ..system.clone() };
    assert_eq!(verdict(&system, &system.log.unwrap()), Ok(()));
    assert_eq!(verdict(&with_message, &system.log.unwrap()).unwrap_err().code(), "not-a-message");
}

#[test]
fn only_roots_of_blocks_have_a_timestamp() {
    let forest = rebuild(&layer().state(), &RebuildOptions::default()).unwrap();
    let to_batch = Extractor::new(&forest, Target::BatchRoot).unwrap();
    let mut records = [to_batch.batch(&logs()).unwrap().prove(0).unwrap(), proven(0).unwrap()];
    records[1].target.as_mut().unwrap().kind = TargetKind::SlBatch;
    for mut record in records {
        let log = record.log.unwrap();
        assert_eq!(verdict(&record, &log), Ok(()));
        record.target.as_mut().unwrap().timestamp = Some(Timestamp(1));
        let refused = verdict(&record, &log);
        assert!(matches!(refused, Err(VerifyError::Target { .. })), "{refused:?}");
    }
}

/// The contracts refuse the padding leaf of log trees, although its path folds to the root.
#[test]
fn padding_leaves_are_not_proven() {
    let error = proven(1).unwrap_err();
    assert!(matches!(error, ExtractError::DefaultLeaf { index: 1, .. }), "{error}");
    assert!(matches!(proven(3), Err(ExtractError::NoSuchLog { index: 3, logs: 3, .. })));

    // The words that fold to the root: those of the neighbour, with its leaf as the first sibling.
    let neighbour = proven(0).unwrap();
    let mut words = neighbour.proof.clone();
    words[1] = slproof::keccak::keccak256(neighbour.log.unwrap().as_bytes());
    let zero = L2ToL1Log::new([0; 88]);
    let claim = Claim { chain: ERA, batch: BATCH, index: 1, log: &zero };
    assert_eq!(verify::fold(&claim, &words), Err(VerifyError::DefaultLeaf));
    assert_eq!(Word::from(neighbour.root), Word::from(proven(2).unwrap().root));
}
