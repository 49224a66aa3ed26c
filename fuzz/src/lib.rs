//! Fuzzers of slproof. What they run stands in `tests/suite/fuzz/`, because a test runs it too, on the corpora.

use std::sync::Once;

use rayon::ThreadPoolBuilder;

#[path = "../../tests/suite/fuzz/mod.rs"]
pub mod fuzz;

/// The parts of the tests' support that targets use.
pub mod support;

/// Runs the target with this name, in a pool of this thread alone: on a busy machine most of the time would
/// otherwise be waiting for another thread.
///
/// # Panics
/// If there is none, or if the target finds a fault.
pub fn run(target: &str, data: &[u8]) {
    let found = fuzz::TARGETS.iter().find(|(name, _)| *name == target);
    let (_, run) = found.unwrap_or_else(|| panic!("no target {target}"));
    static POOL: Once = Once::new();
    POOL.call_once(|| {
        ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().unwrap();
    });
    run(data);
}
