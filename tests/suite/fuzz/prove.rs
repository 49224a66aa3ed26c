use slproof::{
    ProofRecord, Target, TrustedRoots, Verdict,
    forest::{Addresses, HistoryError, RebuildOptions, SearchBudget, explain, rebuild},
    ingest::events::EventList,
    keccak::keccak256,
    message::EMPTY_LOG_LEAF,
    primitives::Hash,
    prove::{ExtractError, Extractor, LogFilter, StateOptions, VerifiedProofs},
    verify,
};

use super::drawn_layer::DrawnLayer;

/// Every proof of a layer is valid by the state of the layer, and is not valid with a changed bit. The first four
/// bytes select a block and the bit.
pub(super) fn run(data: &[u8]) {
    let Some((chosen, steps)) = data.split_first_chunk::<4>() else { return };
    let DrawnLayer { layer, batches } = DrawnLayer::new(steps);
    let state = layer.state();
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    assert_eq!(forest.root(), layer.root());
    let effort = SearchBudget { step: 1 << 8, walk: 1 << 10 };
    let timeline = match explain(&state, Addresses::default(), &forest, &EventList::new(), effort) {
        Err(HistoryError::NoRoots) => return,
        timeline => timeline.unwrap(),
    };
    let stored = TrustedRoots::of_state(state, &StateOptions::default()).unwrap();
    let blocks = &timeline.history().blocks;
    let block = blocks[usize::from(chosen[0]) % blocks.len()];
    let views: Vec<_> = batches.iter().map(|batch| batch.view()).collect();
    for target in [Target::Latest, Target::First, Target::Block(block), Target::BatchRoot] {
        let extractor = match target {
            Target::Latest | Target::BatchRoot => Extractor::new(&forest, target),
            _ => Extractor::in_history(&forest, &timeline, target),
        };
        // Only a past root may be unexplained, or without the batch.
        let may_fail = target.needs_history();
        let extractor = match extractor {
            Ok(extractor) => extractor,
            Err(_) if may_fail => continue,
            Err(error) => panic!("{target}: {error}"),
        };
        let prepared = extractor.batches(&views);
        assert!(may_fail || prepared.iter().all(Result::is_ok), "{target}");
        let prepared: Vec<_> = prepared.into_iter().filter_map(Result::ok).collect();
        let together = VerifiedProofs::new(prepared.iter().map(|batch| (batch, LogFilter::All)));
        for (at, batch) in prepared.iter().enumerate() {
            let mut count = 0;
            for (alone, (_, together)) in batch.prove_all().zip(together.of(at)) {
                count += 1;
                match (alone, together) {
                    (Ok(record), Ok(view)) => {
                        assert_eq!(view.to_record(), record);
                        is_valid_as_it_is(&record, &stored, chosen);
                    }
                    (
                        Err(ExtractError::DefaultLeaf { .. }),
                        Err(ExtractError::DefaultLeaf { .. }),
                    ) => {
                        let log = batch.settled().logs().logs()[count - 1];
                        assert_eq!(keccak256(log.as_bytes()), EMPTY_LOG_LEAF);
                    }
                    (alone, together) => panic!("{alone:?}, {together:?}"),
                }
            }
            assert_eq!(count, batch.settled().logs().logs().len());
        }
    }
}

/// The record is valid by the state, or by its own root where the state stores none, and only without a change.
fn is_valid_as_it_is(record: &ProofRecord, stored: &TrustedRoots, chosen: &[u8; 4]) {
    let target = record.target.unwrap();
    let own = TrustedRoots::Root(target.root);
    let roots = if target.number.is_some() { stored } else { &own };
    assert!(matches!(verify(record, roots), Verdict::Valid(_)), "{:?}", verify(record, roots));

    let at = usize::from(chosen[1]) % record.proof.len();
    let mut word = *record.proof[at].as_bytes();
    let (byte, bit) = (usize::from(chosen[2]) % 32, chosen[3] % 8);
    // The contracts take every flag other than 0 for the same.
    if byte == 3 && word[4..] == [0; 28] {
        return;
    }
    word[byte] ^= 1 << bit;
    let mut changed = record.clone();
    changed.proof[at] = Hash::new(word);
    for roots in [stored, &own] {
        assert!(
            !matches!(verify(&changed, roots), Verdict::Valid(_)),
            "word {at}, byte {byte}, bit {bit}"
        );
    }
}
