use std::{mem, sync::Mutex};

use super::*;

const STATE: &str = "fixtures/gateway-v29/state.anvil.json";
const EVENTS: &str = "fixtures/gateway-v29/events.jsonl.gz";

/// The searches for the history that began, and what they found.
#[derive(Default)]
struct Searches(Mutex<Vec<Option<(usize, usize)>>>);

impl Observer for Searches {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::SearchBegins => self.0.lock().unwrap().push(None),
            Event::HistoryFound { roots, explained, .. } => {
                *self.0.lock().unwrap().last_mut().unwrap() = Some((*roots, *explained));
            }
            _ => {}
        }
    }
}

fn trees(change: impl FnOnce(&mut TreesOptions)) -> (Trees, Arc<Searches>) {
    let searches = Arc::new(Searches::default());
    let mut options = TreesOptions::default();
    options.observer = Arc::clone(&searches).into();
    change(&mut options);
    (Trees::open(&[STATE], &options).unwrap(), searches)
}

fn found(searches: &Searches) -> Vec<Option<(usize, usize)>> {
    mem::take(&mut searches.0.lock().unwrap())
}

#[test]
fn the_history_is_searched_once_and_only_for_targets_that_need_it() {
    let (trees, searches) = trees(|options| options.events = Some(EVENTS.into()));
    for target in [Target::Latest, Target::BatchRoot] {
        trees.extractor(target).unwrap();
        assert_eq!(found(&searches), []);
    }
    assert_eq!(trees.history_time(), Duration::ZERO);
    trees.extractor(Target::First).unwrap();
    // The events explain every root that the state stores.
    let roots = trees.history().unwrap().history().len();
    assert!(roots > 0);
    assert_eq!(found(&searches), [Some((roots, roots))]);
    assert!(trees.history_time() > Duration::ZERO);
    trees.extractor(Target::First).unwrap();
    assert_eq!(found(&searches), []);
}

#[test]
fn roots_with_unknown_contents_are_not_counted_as_explained() {
    let (trees, searches) = trees(|options| options.search = Some(0));
    let history = trees.history().unwrap().history();
    let unexplained = history.unexplained().count();
    assert!(unexplained > 0);
    assert_eq!(found(&searches), [Some((history.len(), history.len() - unexplained))]);
}

#[test]
fn a_state_without_trees_serves_batch_roots_alone() {
    let (trees, _) = trees(|options| options.batch_roots_only = true);
    trees.extractor(Target::BatchRoot).unwrap();
    for target in [Target::Latest, Target::First, Target::SlBatch(SlBatch(1))] {
        let error = trees.extractor(target).unwrap_err();
        assert!(matches!(&error, Error::NoTrees(of) if *of == target), "{error}");
    }
}
