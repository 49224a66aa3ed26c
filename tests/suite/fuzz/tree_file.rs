use slproof::{
    forest::{SearchBudget, Timeline, TreeFile, explain_further},
    ingest::events::EventList,
    proof::Target,
    prove::Extractor,
};

use crate::support::container::Parts;

/// The most roots, chains and leaves that are looked up.
const MOST: usize = 8;

/// A tree file with arbitrary sections is refused, or its history is the same whichever way it is read.
pub(super) fn run(data: &[u8]) {
    let like = Parts::of(include_bytes!("../../../fixtures/golden/tree-1-history.sltree"));
    let Some(container) = super::mended::container(&like, data) else { return };
    let file = match TreeFile::of(container) {
        Ok(file) => file,
        Err(error) => return super::explain(&error),
    };
    let checked = file.check();
    if let Err(error) = &checked {
        super::explain(error);
    }
    let is_sound = checked.is_ok();
    let forest = file.forest();
    for chain in forest.chains().iter().take(MOST) {
        for leaf in (0..chain.batches().len()).take(MOST) {
            let number = chain.batches().get(leaf).unwrap();
            assert_eq!(chain.find(number), Some((leaf, chain.batch_roots()[leaf as usize])));
            let is_valid = chain.tree().path_is_valid(leaf);
            assert!(is_valid || !is_sound);
            if let Err(error) = file.history_of(chain.index(), leaf) {
                super::explain(&error);
            }
        }
    }
    for target in [Target::Latest, Target::BatchRoot] {
        if let Err(error) = Extractor::new(forest, target) {
            super::explain(&error);
        }
    }
    let history = match file.history() {
        Ok(history) => history,
        Err(error) => {
            assert!(!is_sound, "{error}");
            return super::explain(&error);
        }
    };
    for at in (0..history.len()).take(MOST) {
        let alone = file.history_at(history.blocks[at]);
        let is_explained = history.chains[at] > 0;
        assert!(!is_sound || alone.is_ok_and(|alone| alone.is_some() == is_explained));
    }
    if let Err(error) = Timeline::new(forest, history.clone()) {
        super::explain(&error);
    }
    let effort = SearchBudget { step: 1 << 8, walk: 1 << 10 };
    if let Err(error) = explain_further(forest, history, &EventList::new(), effort) {
        super::explain(&error);
    }
}
