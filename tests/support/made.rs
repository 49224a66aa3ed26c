//! Proofs of the vectors as writers of formats take them, and programs of the system that read formats.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use slproof::{
    files::Access,
    forest::{RebuildOptions, rebuild},
    ingest::{logs::read_archive, state::read_state},
    proof::{ProofRecord, ProofView, Target},
    prove::Extractor,
};

use super::fixture;

/// Proofs of the vectors: of all batches, with and without messages.
pub fn proofs(folder: &str, target: Target) -> Vec<ProofRecord> {
    let dump = read_state(&fixture(&format!("{folder}/state.anvil.json")), None).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    let archive = read_archive(&fixture(&format!("{folder}/logs.jsonl.gz")), Access::Map).unwrap();
    let extractor = Extractor::new(&forest, target).unwrap();
    let batches = archive.batches().map(|batch| extractor.batch(batch.unwrap()).unwrap());
    batches.flat_map(|batch| batch.prove_all().filter_map(Result::ok).collect::<Vec<_>>()).collect()
}

/// A record as writers take it: its words in two parts.
pub fn view(record: &ProofRecord) -> ProofView<'_> {
    let (head, tail) = record.proof.split_at(record.proof.len().min(16));
    ProofView {
        chain: record.chain_id,
        batch: record.batch_number,
        id: record.id,
        root: record.root,
        head,
        tail,
        target: record.target.as_ref().unwrap(),
        log: record.log.as_ref().unwrap(),
        message: record.message.as_deref(),
    }
}

/// Runs a program of the system if it is there, with `input` if that is not empty.
pub fn tool(program: &str, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    let child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = feeder.join().unwrap();
    assert!(output.status.success(), "{program} {args:?}");
    Some(output.stdout)
}
