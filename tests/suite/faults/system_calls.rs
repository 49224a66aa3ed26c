//! Every command that writes a file, with a fault in each of its system calls in turn.
//!
//! Only calls on the files of the job fail, not for example those of the allocator on `/proc`. `close` does not
//! fail either: nothing can be done about its result after a successful `fsync`.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use crate::support::{
    faults::Fault,
    faulty_job::{FAULTS, Files, Job, PROVE},
    fixture,
};

#[test]
fn import() {
    let args = ["import", "in/state.anvil.json"];
    let state = fixture("gateway-v31/state.anvil.json");
    Job::new(&[state], &args, "state.slsnap").survives(&FAULTS);
}

#[test]
fn rebuild() {
    let args = ["rebuild", "in/state.slsnap", "--history"];
    Files::new().job(&["state.slsnap"], &args, "trees.sltree").survives(&FAULTS);
}

#[test]
fn rebuild_without_mapping() {
    let args = ["rebuild", "in/state.slsnap", "--no-mmap"];
    Files::new().job(&["state.slsnap"], &args, "trees.sltree").survives(&FAULTS);
}

#[test]
fn index() {
    let inputs = ["some.jsonl.gz", "others.jsonl.zst"];
    Files::new().job(&inputs, &["index", "in"], "logs.slmsg").survives(&FAULTS);
}

#[test]
fn prove() {
    Files::new().job(&["trees.sltree", "logs.slmsg"], &PROVE, "proofs.ndjson").survives(&FAULTS);
}

#[test]
fn prove_parquet() {
    let args = [&PROVE[..], &["--format", "parquet"]].concat();
    Files::new().job(&["trees.sltree", "logs.slmsg"], &args, "proofs.parquet").survives(&FAULTS);
}

#[test]
fn merge() {
    let files = Files::new();
    let (trees, logs) = (files.text("trees.sltree"), files.text("logs.slmsg"));
    let args = ["prove", "--tree", &trees, "--messages", &logs, "--all", "--shard"];
    files.make(&[&args[..], &["1/2"]].concat(), "one");
    files.make(&[&args[..], &["2/2"]].concat(), "two");
    let inputs = ["one", "one.shard.json", "two", "two.shard.json"];
    files.job(&inputs, &["merge", "in/one", "in/two"], "all").survives(&FAULTS);
}

const SOME: [Fault; 3] = [Fault::Eio, Fault::Kill, Fault::Interrupt];

#[test]
fn prove_after_an_interrupted_job() {
    Job::interrupted("proofs.ndjson").survives(&SOME);
}

#[test]
fn prove_resumes_an_interrupted_job() {
    Job::interrupted("proofs.ndjson").resuming().survives(&SOME);
}
