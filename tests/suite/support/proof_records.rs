//! Proofs from the fixtures, as inputs for the writers of proof formats.

use std::io::Cursor;

use slproof::{
    files::{Access, Input},
    forest::{RebuildOptions, rebuild},
    ingest::{logs::read_archive, state::read_state},
    proof::{
        ProofRecord, ProofView, Target,
        reader::{Item, RecordError},
    },
    prove::Extractor,
    records::parquet::{Footer, MAGIC, ParquetProofs, ReadError, RowEncoder, RowGroup},
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
        checked_by: record.checked_by,
    }
}

/// A row group whose rows are encoded in two parts.
pub fn row_group(records: &[ProofRecord]) -> RowGroup {
    let (mut group, mut rows) = (RowGroup::default(), RowEncoder::new().unwrap());
    for half in records.chunks(records.len().div_ceil(2)) {
        for record in half {
            rows.proof(&view(record)).unwrap();
        }
        group.append(rows.finish().unwrap());
    }
    assert_eq!(group.rows(), records.len() as u64);
    group
}

/// A Parquet file of row groups.
pub fn file_of(groups: &[RowGroup]) -> Vec<u8> {
    let (mut file, mut footer) = (MAGIC.to_vec(), Footer::default());
    for group in groups {
        group.bytes().for_each(|bytes| file.extend(bytes));
        // A summary can be serialized and restored.
        let kept = serde_json::to_string(&group.summary()).unwrap();
        footer.add(serde_json::from_str(&kept).unwrap()).unwrap();
        assert_eq!(footer.end(), file.len() as u64);
    }
    file.extend(footer.finish().unwrap());
    file
}

/// Reads a Parquet file: its records, and the number of failures.
pub fn read_rows(file: &[u8]) -> Result<(Vec<Result<ProofRecord, RecordError>>, usize), ReadError> {
    let input = Input::from_reader("test", Cursor::new(file.to_vec())).unwrap();
    let file = ParquetProofs::open(input)?;
    let (mut records, mut failures) = (Vec::new(), 0);
    for group in 0..file.groups() {
        for row in file.rows(group)? {
            match row? {
                Ok(Item::Proof(record, _)) => records.push(Ok(*record)),
                Ok(Item::Leaf(_)) => panic!("no row is of a leaf"),
                Ok(Item::Failure) => failures += 1,
                Err(error) => records.push(Err(error)),
            }
        }
    }
    Ok((records, failures))
}

/// A record as it is read: no proof depends on the members that are left out.
pub fn unchecked(record: &ProofRecord) -> ProofRecord {
    ProofRecord { tx_hash: None, checked_by: None, ..record.clone() }
}
