//! The memory that a history of many roots takes, measured by what is enough for the program.

use std::fs;

use crate::{
    examples::synthesize,
    support::binary::{run, run_in_heap},
};

/// Each batch has a root of its own, which is the most that a settlement layer can have.
const ROOTS: u64 = 60_000;
/// Mebibytes that the program needs without a history, or with a short one.
const BASE: u64 = 8;

/// Mebibytes for a number of bytes for each root, and the program.
fn heap(bytes: u64) -> u64 {
    BASE + (ROOTS * bytes).div_ceil(1 << 20)
}

#[test]
fn a_root_takes_few_hundred_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [state, events, snapshot, tree] =
        ["state.csv", "events.jsonl", "state.slsnap", "events.sltree"].map(path);
    let numbers = format!("--batches {ROOTS} --burst 1 --together 1 --seed 7");
    let outputs = format!("--form table --state {state} --events {events}");
    let args = numbers.split(' ').chain(outputs.split(' '));
    synthesize::run(args.map(str::to_owned)).unwrap();
    for args in [["import", &state, "-o", &snapshot], ["rebuild", &events, "-o", &tree]] {
        let made = run(args);
        assert_eq!(made.code, Some(0), "{args:?}: {}", made.stderr);
    }
    let history = ["history", &tree, "--threads", "1"];
    let whole = run_in_heap(heap(384), history);
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    assert_eq!(whole.stdout, run(history).stdout);

    let rebuilt = path("rebuilt.sltree");
    let rebuild = ["rebuild", &snapshot, "--history", "--threads", "1", "-o", &rebuilt];
    let made = run_in_heap(heap(384), rebuild);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let of_state = run(["history", &rebuilt, "--threads", "1"]);
    assert_eq!(of_state.stdout, whole.stdout);
    fs::remove_file(rebuilt).unwrap();
}
