//! Fuzzers of slproof. What they run stands in `tests/suite/fuzz/`, because a test runs it too, on the corpora.

#[path = "../../tests/suite/fuzz/mod.rs"]
pub mod fuzz;

/// The parts of the tests' support that targets use.
pub mod support;

/// Runs the target with this name.
///
/// # Panics
/// If there is none, or if the target finds a fault.
pub fn run(target: &str, data: &[u8]) {
    let found = fuzz::TARGETS.iter().find(|(name, _)| *name == target);
    let (_, run) = found.unwrap_or_else(|| panic!("no target {target}"));
    run(data);
}
