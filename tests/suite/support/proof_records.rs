//! Proofs from the fixtures, as inputs for the writers of proof formats.

use slproof::{
    files::Access,
    forest::{RebuildOptions, rebuild},
    ingest::{logs::read_archive, state::read_state},
    proof::{CheckedBy, ProofRecord, ProofView, Target},
    prove::Extractor,
};

use super::fixture;

/// Proofs from the vectors: of all batches, with and without messages.
pub fn proofs(folder: &str, target: Target) -> Vec<ProofRecord> {
    let dump = read_state(&fixture(&format!("{folder}/state.anvil.json")), None).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    let archive = read_archive(&fixture(&format!("{folder}/logs.jsonl.gz")), Access::Map).unwrap();
    let extractor = Extractor::new(&forest, target).unwrap();
    let batches = archive.batches().map(|batch| extractor.batch(batch.unwrap()).unwrap());
    batches.flat_map(|batch| batch.prove_all().filter_map(Result::ok).collect::<Vec<_>>()).collect()
}

/// A record with its words in two parts, as writers take it.
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
        l1_timestamp: record.l1_timestamp,
        sl_block: None,
        log: record.log.as_ref().unwrap(),
        message: record.message.as_deref(),
        transaction: record.tx_hash.as_ref(),
        checked_by: record.checked_by.unwrap_or(CheckedBy::STATE),
    }
}
