use super::*;
use crate::primitives::Address;

fn hashes(len: u8) -> Vec<Hash> {
    (0..len).map(|i| Hash::new([100 + i; 32])).collect()
}

fn metadata(path: u8, batch_path: u8, last: u8) -> Hash {
    let mut word = [0; 32];
    word[..4].copy_from_slice(&[1, path, batch_path, last]);
    Hash::new(word)
}

fn folded(words: &[Hash]) -> Result<Folded, VerifyError> {
    let log = L2ToL1Log::of_message(1, Address::system(7), b"x");
    fold(&Claim { chain: ChainId(324), batch: BatchNumber(7), index: 0, log: &log }, words)
}

/// A proof through block 214 of chain 506, with paths of 2, 1 and 2 siblings: 10 words.
fn two_hops() -> Vec<Hash> {
    let mut words = vec![metadata(2, 1, 0)];
    words.extend(hashes(2));
    words.extend([Word::from(1).to_hash(), Hash::new([7; 32])]);
    words.extend([Word::join(214, 3).to_hash(), Word::from(506).to_hash(), metadata(2, 0, 1)]);
    words.extend(hashes(2));
    words
}

#[test]
fn a_short_proof_is_refused_with_the_number_of_words_it_needs() {
    let words = two_hops();
    assert_eq!(folded(&words).map(|folded| folded.root_ref), {
        Ok(RootRef::SettlementLayer(Word::from(506), 214))
    });
    // What the word at each position is part of: metadata, the log path, the mask, and so on.
    for (got, needed) in [(1, 3), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8), (8, 10), (9, 10)]
    {
        assert_eq!(folded(&words[..got]), Err(VerifyError::TooShort { needed, got }));
    }
    let longer = [&words[..], &hashes(2)].concat();
    assert_eq!(folded(&longer), Err(VerifyError::TrailingWords { used: 10, got: 12 }));
}

/// `parseProofMetadata` takes a word without 28 zero bytes for the first sibling of a path, also after the
/// chain of the settlement layer.
#[test]
fn the_second_path_may_lack_metadata() {
    let mut words = two_hops();
    let with = folded(&words);
    words.remove(7);
    assert!(with.is_ok());
    assert_eq!(folded(&words), with);
}

#[test]
fn errors_name_the_root_that_the_words_lead_to() {
    let text = |root_ref| VerifyError::UnknownRoot(root_ref).to_string();
    let layer = Word::from(506);
    for (root_ref, place) in [
        (RootRef::Batch(ChainId(324), BatchNumber(7)), "chain 324, batch 7"),
        (RootRef::SettlementLayer(layer, 214), "settlement layer 506, number 214"),
        (RootRef::SlBlock(layer, 214), "settlement layer 506, block 214"),
        (RootRef::SlBatch(layer, 214), "settlement layer 506, batch 214"),
    ] {
        assert_eq!(text(root_ref), format!("the anchor has no root of {place}"));
    }
    let wide = Word::join(1, 0);
    let place = format!("settlement layer {wide}, block 1");
    assert_eq!(text(RootRef::SlBlock(wide, 1)), format!("the anchor has no root of {place}"));
}

#[test]
fn errors_name_the_timestamps_that_differ() {
    let text = |got| VerifyError::Timestamp { expected: Timestamp(7), got }.to_string();
    let before = "the record's l1Timestamp is 7, but the proof's words have ";
    assert_eq!(text(Some(Word::from(1_790_000_000))), format!("{before}1790000000"));
    assert_eq!(text(None), format!("{before}none"));
    let wide = Word::join(1, 0);
    assert_eq!(text(Some(wide)), format!("{before}{wide}"));
}

/// Since v33 the timestamp is before the batch mask, and the second metadata are one word later.
#[test]
fn a_timestamp_is_found_only_in_words_of_the_form_of_v33() {
    let mut words = two_hops();
    assert!(!has_timestamp(&words));
    words.insert(3, Word::from(1_790_000_000).to_hash());
    assert!(has_timestamp(&words));
    let with = |at: usize, word: Hash| {
        let mut altered = words.clone();
        altered[at] = word;
        has_timestamp(&altered)
    };
    let unknown_version = Hash::new([&[2, 2, 1][..], &[0; 29]].concat().try_into().unwrap());
    for (at, word) in [
        (0, unknown_version),
        (0, metadata(2, 1, 1)),
        (3, Hash::ZERO),
        (3, Word::join(0, 1 << 64).to_hash()),
        (7, metadata(2, 0, 1)),
    ] {
        assert!(!with(at, word), "word {at}: {word}");
    }
    // A timestamp that is also a mask is told by the second metadata, where there are any.
    assert!(with(3, Word::from(1).to_hash()));
    let mut undecided = words.clone();
    (undecided[3], undecided[8]) = (Word::from(1).to_hash(), Hash::new([7; 32]));
    assert!(!has_timestamp(&undecided));
    // Without second metadata, the second of the two words is the mask, because the first does not fit the path.
    assert!(with(8, Hash::new([7; 32])));
    words[8] = Hash::new([7; 32]);
    words[3] = Hash::ZERO;
    assert!(!has_timestamp(&words));
}

/// The last of three siblings is the node over leaves 4 to 7, which are zero.
#[test]
fn a_leaf_of_a_batch_root_of_eight_leaves_has_three_siblings() {
    let half = "0xb4c11951957c6f8f642c4af61cd6b24640fec6dc7fc607ee8206a99e92410d30";
    let half: Hash = half.parse().unwrap();
    let judged = |siblings: &[Hash]| {
        of_eight_leaves(&[&[metadata(siblings.len() as u8, 0, 1)], siblings].concat())
    };
    let [a, b] = [1, 2].map(|seed| Hash::new([seed; 32]));
    assert_eq!(judged(&[a, b, half]), Ok(()));
    for other in [&[a, b, a][..], &[a, half, b], &[a, half], &[a, b, a, half]] {
        assert_eq!(judged(other), Err(VerifyError::NotEightLeaves));
    }
}
