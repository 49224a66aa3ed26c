use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};
use slproof::forest::{Addresses, RebuildOptions, SearchBudget, explain, rebuild};

use super::drawn_layer::DrawnLayer;

static POOLS: LazyLock<[ThreadPool; 2]> = LazyLock::new(|| {
    [1, 3].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap())
});

/// The history of a layer is the same for one thread and for several, also when the budget is used up. The first
/// byte is the budget.
pub(super) fn run(data: &[u8]) {
    let Some((budget, steps)) = data.split_first() else { return };
    let state = DrawnLayer::new(steps).layer.state();
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    let trees = 1 << (budget % 12);
    let effort = SearchBudget { step: trees, walk: 2 * trees };
    let [one, several] = POOLS.each_ref().map(|pool| {
        pool.install(|| {
            explain(
                &state,
                Addresses::default(),
                &forest,
                &slproof::ingest::events::EventList::new(),
                effort,
            )
        })
        .map(|timeline| timeline.history().clone())
    });
    assert_eq!(one, several);
}
