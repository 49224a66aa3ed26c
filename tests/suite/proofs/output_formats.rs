//! Parquet and compressed files, read by other implementations than those that wrote them.

use std::{
    io::{Cursor, Read},
    path::Path,
};

use crate::support::{
    proof_records::{proofs, view},
    tools::{python_has, tool},
};
use rayon::prelude::*;
use serde_json::Value;
use slproof::{
    files::{Compression, Input},
    primitives::{BatchNumber, ChainId, Hash},
    proof::{
        Failure, FailureCode, FailureRecord, ProofRecord, Request, Target,
        reader::{Item, RecordError},
    },
    records::parquet::{Footer, MAGIC, ParquetProofs, ReadError, RowEncoder, RowGroup},
};

fn failure(request: Request) -> FailureRecord {
    let error = Failure { code: FailureCode::BatchNotInTree, message: "no such \"batch\"".into() };
    FailureRecord { request, error }
}

/// A row group whose rows are encoded in two parts.
fn row_group(records: &[ProofRecord]) -> RowGroup {
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

fn file_of(groups: &[RowGroup]) -> Vec<u8> {
    let (mut file, mut footer) = (MAGIC.to_vec(), Footer::new().unwrap());
    for group in groups {
        group.bytes().for_each(|bytes| file.extend(bytes));
        // A summary can be serialized and restored.
        let kept = serde_json::to_string(&group.summary()).unwrap();
        footer.add(&serde_json::from_str(&kept).unwrap()).unwrap();
        assert_eq!(footer.end(), file.len() as u64);
    }
    file.extend(footer.finish().unwrap());
    file
}

fn open(file: &[u8]) -> Result<ParquetProofs, ReadError> {
    ParquetProofs::open(Input::from_reader("test", Cursor::new(file.to_vec())).unwrap())
}

/// All records in a file, and the number of failures.
fn read(file: &[u8]) -> Result<(Vec<Result<ProofRecord, RecordError>>, usize), ReadError> {
    let file = open(file)?;
    let (mut records, mut failures) = (Vec::new(), 0);
    for group in 0..file.groups() {
        for row in file.rows(group)? {
            match row? {
                Ok(Item::Proof(record, _)) => records.push(Ok(*record)),
                Ok(Item::Failure) => failures += 1,
                Err(error) => records.push(Err(error)),
            }
        }
    }
    Ok((records, failures))
}

/// A record as it is read: no proof depends on the members that are left out.
fn unchecked(record: &ProofRecord) -> ProofRecord {
    ProofRecord { tx_hash: None, checked_by: None, ..record.clone() }
}

#[test]
fn parquet_is_read_back_whatever_the_row_groups() {
    for target in [Target::Latest, Target::BatchRoot] {
        let mut records = proofs("gateway-v31", target);
        assert!(records.len() > 2000 && records.iter().any(|record| record.message.is_some()));
        records[0].message = Some(vec![7; 3 << 20]);
        records[1].message = Some(Vec::new());
        records[2].proof.truncate(0);
        for rows in [1, 700, 10_000] {
            let records = &records[..records.len().min(rows * 100)];
            let groups: Vec<RowGroup> = records.chunks(rows).map(row_group).collect();
            let (read, failures) = read(&file_of(&groups)).unwrap();
            assert_eq!((read.len(), failures), (records.len(), 0));
            for (read, record) in read.into_iter().zip(records) {
                match read {
                    Err(error) => assert!(
                        matches!(error, RecordError::Empty { column: "proof" })
                            && record.proof.is_empty()
                    ),
                    Ok(read) => assert_eq!(read, unchecked(record)),
                }
            }
        }
    }
    assert_eq!(read(&file_of(&[])).unwrap().0.len(), 0);
}

#[test]
fn parquet_is_the_same_for_any_number_of_threads() {
    let records = proofs("gateway-v29", Target::Latest);
    let made = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| file_of(&records.par_chunks(1000).map(row_group).collect::<Vec<_>>()))
    });
    assert!(made[0] == made[1]);
}

const IN_PYTHON: &str = r#"
import json, sys
def text(value):
    return None if value is None else "0x" + bytes(value).hex()
def line(row):
    if row["error_code"] is not None:
        return {"request": json.loads(row["request"]),
                "error": {"code": row["error_code"], "message": row["error_message"]}}
    target = {"kind": row["target_kind"], "slChainId": row["target_sl_chain_id"],
              "number": row["target_number"], "root": text(row["target_root"])}
    record = {"chainId": row["chain_id"], "batchNumber": row["batch_number"], "id": row["id"],
              "root": text(row["root"]), "proof": [text(word) for word in row["proof"]],
              "target": {k: v for k, v in target.items() if v is not None},
              "log": text(row["log"]), "message": text(row["message"]),
              "sender": text(row["sender"]), "txNumberInBatch": row["tx_number"],
              "messageHash": text(row["message_hash"]), "txHash": text(row["tx_hash"]),
              "checkedBy": row["checked_by"]}
    return {k: v for k, v in record.items() if v is not None}
def write(rows):
    for row in rows:
        print(json.dumps(line(row)))
"#;

#[test]
fn parquet_is_read_by_pyarrow_and_duckdb() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proofs.parquet");
    let mut records = proofs("gateway-v31", Target::Latest);
    records.truncate(1500);
    records.extend(proofs("gateway-v29", Target::BatchRoot).into_iter().take(500));
    records[0].chain_id = ChainId(u64::MAX);
    let (chain_id, batch_number) = (ChainId(5), BatchNumber(1 << 60));
    let failures = [
        Request::Log { chain_id, batch_number, id: 3 },
        Request::Batch { chain_id, batch_number },
        Request::Message { message: Hash::new([9; 32]) },
    ]
    .map(failure);
    let mut expected = Vec::new();
    let mut groups = Vec::new();
    for chunk in records.chunks(900) {
        let mut rows = RowEncoder::new().unwrap();
        for failure in &failures {
            let request = serde_json::to_string(&failure.request).unwrap();
            rows.failure(failure.request.into(), &request, &failure.error).unwrap();
            expected.push(serde_json::to_value(failure).unwrap());
        }
        for record in chunk {
            rows.proof(&view(record)).unwrap();
            expected.push(serde_json::to_value(record).unwrap());
        }
        let mut group = RowGroup::default();
        group.append(rows.finish().unwrap());
        groups.push(group);
    }
    let file = file_of(&groups);
    std::fs::write(&path, &file).unwrap();
    let (read_back, failed) = read(&file).unwrap();
    assert_eq!((read_back.len(), failed), (records.len(), 3 * groups.len()));
    assert!(read_back.into_iter().map(Result::unwrap).eq(records.iter().map(unchecked)));

    let check = |module: &str, script: &str| {
        let script = format!("{IN_PYTHON}{script}");
        let read = tool("python3", &["-c", &script, path.to_str().unwrap()], b"").unwrap();
        let lines: Vec<Value> = serde_json::Deserializer::from_slice(&read)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(lines.len(), expected.len(), "{module}");
        for (line, expected) in lines.iter().zip(&expected) {
            assert_eq!(line, expected, "{module}");
        }
    };
    if python_has("pyarrow") {
        check(
            "pyarrow",
            r#"
import pyarrow as pa, pyarrow.parquet as pq
file = pq.ParquetFile(sys.argv[1])
schema = file.schema_arrow
assert schema.field("chain_id").type == pa.uint64(), schema
assert schema.field("root").type == pa.binary(32), schema
assert schema.field("log").type == pa.binary(88), schema
assert schema.field("proof").type.value_type == pa.binary(32), schema
assert schema.field("target_kind").type == pa.string(), schema
bounds = file.metadata.row_group(2).column(2).statistics
assert bounds.null_count == 2 and bounds.min <= 3, bounds
assert file.metadata.row_group(0).column(0).statistics.max == 2**64 - 1
write(pq.read_table(sys.argv[1]).to_pylist())
# The same rows written again, as others write them: dictionaries, Snappy, other pages.
pq.write_table(file.read(), sys.argv[1] + ".pyarrow", row_group_size=333, data_page_version="2.0")
pq.write_table(file.read(), sys.argv[1] + ".plain", compression="none", use_dictionary=False)
"#,
        );
        for ending in [".pyarrow", ".plain"] {
            check_rewritten(&path, ending, &records);
        }
    }
    if python_has("duckdb") {
        check(
            "duckdb",
            r#"
import duckdb
rows = duckdb.sql(f"SELECT * FROM '{sys.argv[1]}'")
names = rows.columns
write(dict(zip(names, row)) for row in rows.fetchall())
duckdb.sql(f"COPY (SELECT * FROM '{sys.argv[1]}' WHERE error_code IS NULL) TO '{sys.argv[1]}.duckdb' (FORMAT parquet)")
"#,
        );
        check_rewritten(&path, ".duckdb", &records);
    }
}

/// A file that another program rewrote has the same proofs.
fn check_rewritten(path: &Path, ending: &str, records: &[ProofRecord]) {
    let path = format!("{}{ending}", path.display());
    let (read, _) = read(&std::fs::read(path).unwrap()).unwrap();
    assert!(read.into_iter().map(Result::unwrap).eq(records.iter().map(unchecked)), "{ending}");
}

#[test]
fn cut_and_flipped_parquet_gives_errors() {
    let mut records = proofs("gateway-v31", Target::Latest);
    records.truncate(10);
    let file = file_of(&records.chunks(7).map(row_group).collect::<Vec<_>>());
    for len in (0..file.len()).step_by(7).chain(file.len() - 40..file.len()) {
        let input = Input::from_reader("test", Cursor::new(file[..len].to_vec()));
        assert!(input.is_err() || ParquetProofs::open(input.unwrap()).is_err(), "{len} bytes");
    }
    // A flipped byte is detected, changes a record, or is in a part that is not read: statistics, sizes in
    // the footer, and descriptive texts.
    let mut unnoticed = 0;
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        let Ok((read, failures)) = read(&flipped) else { continue };
        let same = failures == 0
            && read.len() == records.len()
            && read.iter().zip(&records).all(|(r, e)| r.as_ref().is_ok_and(|r| *r == unchecked(e)));
        unnoticed += usize::from(same);
    }
    assert!(unnoticed < file.len() / 5, "{unnoticed} of {}", file.len());
}

#[test]
fn compressed_outputs_are_read_by_the_tools() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = Vec::new();
    for record in proofs("gateway-v31", Target::Latest) {
        serde_json::to_writer(&mut text, &record).unwrap();
        text.push(b'\n');
    }
    // Large enough for several compressed blocks.
    assert!(text.len() > 5 << 20);
    for (name, program) in [("proofs.ndjson.gz", "gzip"), ("proofs.ndjson.zst", "zstd")] {
        let path = folder.path().join(name);
        let compression = Compression::of_name(&path).unwrap();
        let parts = text.par_chunks(999_983).map(|part| compression.compress(part).unwrap());
        let packed = parts.collect::<Vec<_>>().concat();
        std::fs::write(&path, &packed).unwrap();
        assert!(packed.len() * 4 < text.len(), "{name}: {} of {}", packed.len(), text.len());
        let mut again = Vec::new();
        Input::open(&path).unwrap().read_to_end(&mut again).unwrap();
        assert!(again == text, "{name}");
        if let Some(inflated) = tool(program, &["-dc"], &packed) {
            assert!(inflated == text, "{name}");
        }
        tool(program, &["-tq", path.to_str().unwrap()], b"");
    }
}
