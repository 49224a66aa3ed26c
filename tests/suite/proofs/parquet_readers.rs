//! Tables of proofs in Parquet, read by the programs that analysts use.

use std::{fs, path::Path};

use serde_json::Value;
use slproof::{
    primitives::{BatchNumber, ChainId, Hash},
    proof::{Failure, FailureCode, FailureRecord, ProofRecord, Request, Target},
    records::parquet::{RowEncoder, RowGroup},
};

use crate::support::{
    binary::{prove_args, run},
    proof_records::{file_of, proofs, read_rows, row_group, unchecked, view},
    tools::{node_has, python_has, tool},
};

fn failure(request: Request) -> FailureRecord {
    let error = Failure { code: FailureCode::BatchNotInTree, message: "no such \"batch\"".into() };
    FailureRecord { request, error }
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
def without_nan(row):
    """Values of pandas: every way to say that there is none."""
    import pandas
    absent = lambda value: value is None or value is pandas.NA or value != value
    plain = lambda value: value.item() if hasattr(value, "item") else value
    return {name: value if name == "proof" and value is not None else None if absent(value) else plain(value)
            for name, value in row.items()}
def write(rows):
    for row in rows:
        print(json.dumps(line(row)))
"#;

/// A script in Python gets the path of a file, and prints its lines.
fn python(script: &str, path: &Path) -> Vec<Value> {
    let script = format!("{IN_PYTHON}{script}");
    let read = tool("python3", &["-c", &script, path.to_str().unwrap()], b"").unwrap();
    serde_json::Deserializer::from_slice(&read).into_iter().collect::<Result<_, _>>().unwrap()
}

#[test]
fn rows_are_read_by_other_programs() {
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
    fs::write(&path, &file).unwrap();
    let (read_back, failed) = read_rows(&file).unwrap();
    assert_eq!((read_back.len(), failed), (records.len(), 3 * groups.len()));
    assert!(read_back.into_iter().map(Result::unwrap).eq(records.iter().map(unchecked)));

    let check = |module: &str, script: &str| {
        let lines = python(script, &path);
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
assert schema.field("proof").type.value_type == pa.binary(), schema
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
    if python_has("polars") {
        check(
            "polars",
            r#"
import polars
table = polars.read_parquet(sys.argv[1])
write(table.to_dicts())
table.filter(polars.col("error_code").is_null()).write_parquet(sys.argv[1] + ".polars")
"#,
        );
        check_rewritten(&path, ".polars", &records);
    }
    if python_has("pandas") {
        check(
            "pandas",
            r#"
import pandas
frame = pandas.read_parquet(sys.argv[1], dtype_backend="numpy_nullable")
write(without_nan(row) for row in frame.to_dict("records"))
pandas.read_parquet(sys.argv[1]).dropna(subset="proof").to_parquet(sys.argv[1] + ".pandas")
"#,
        );
    }
}

/// A file that another program rewrote has the same proofs.
fn check_rewritten(path: &Path, ending: &str, records: &[ProofRecord]) {
    let path = format!("{}{ending}", path.display());
    let (read, _) = read_rows(&fs::read(path).unwrap()).unwrap();
    assert!(read.into_iter().map(Result::unwrap).eq(records.iter().map(unchecked)), "{ending}");
}

/// Writes proofs whose integers are above 2^53.
fn large_numbers(path: &Path) -> Vec<ProofRecord> {
    let mut records = proofs("gateway-v31", Target::Latest);
    records.truncate(20);
    for (record, number) in records.iter_mut().zip([(1 << 53) + 1, u64::MAX]) {
        (record.chain_id, record.batch_number) = (ChainId(number), BatchNumber(number - 1));
    }
    fs::write(path, file_of(&[row_group(&records)])).unwrap();
    records
}

/// Without failed requests no column of integers has nulls, so that pandas keeps integers.
#[test]
fn integers_stay_integers_in_pandas() {
    if !python_has("pandas") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proofs.parquet");
    let records = large_numbers(&path);
    let lines = python(
        r#"
import pandas
frame = pandas.read_parquet(sys.argv[1])
numbers = ["chain_id", "batch_number", "id", "target_sl_chain_id", "target_number", "tx_number"]
assert all(frame[name].dtype == "uint64" for name in numbers), frame.dtypes
write(without_nan(row) for row in frame.to_dict("records"))
"#,
        &path,
    );
    assert!(lines.into_iter().eq(records.iter().map(|r| serde_json::to_value(r).unwrap())));
}

#[test]
fn integers_are_exact_in_javascript() {
    if !(node_has("hyparquet") && node_has("hyparquet-compressors")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proofs.parquet");
    let records = large_numbers(&path);
    let script = r#"
const { asyncBufferFromFile, parquetReadObjects } = require("hyparquet");
const { compressors } = require("hyparquet-compressors");
asyncBufferFromFile(process.argv[1]).then(async (file) => {
  for (const row of await parquetReadObjects({ file, compressors, utf8: false })) {
    const words = row.proof.map((word) => Buffer.from(word).toString("hex")).join("");
    console.log(row.chain_id + " " + row.batch_number + " " + words);
  }
});
"#;
    let read = tool("node", &["-e", script, path.to_str().unwrap()], b"").unwrap();
    let line = |record: &ProofRecord| {
        let words = record.proof.iter().map(|word| word.to_string()[2..].to_owned());
        format!("{} {} {}\n", record.chain_id, record.batch_number, words.collect::<String>())
    };
    assert_eq!(String::from_utf8(read).unwrap(), records.iter().map(line).collect::<String>());
}

/// The first block of code in a section of the page of the manual about tables.
fn snippet(heading: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/situations/tables.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, code) = section.split_once("```").unwrap();
    let (code, _) = code.split_once("\n```").unwrap();
    code.split_once('\n').unwrap().1.to_owned()
}

#[test]
fn snippets_of_the_manual_find_one_proof() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let table = ["--all", "--format", "parquet", "-o", &file("proofs.parquet")];
    assert_eq!(run(prove_args("gateway-v29", &table)).code, Some(0));
    let one = ["--chain", "324", "--batch", "501234", "--index", "0"];
    let one: Value = serde_json::from_str(&run(prove_args("gateway-v29", &one)).stdout).unwrap();
    let found = |module: &str, code: &str| {
        if python_has(module) {
            let path = serde_json::to_string(folder.path()).unwrap();
            let script =
                format!("import json, os\nos.chdir({path})\n{code}\nprint(json.dumps(words))");
            let words = tool("python3", &["-c", &script], b"").unwrap();
            let words: Value = serde_json::from_slice(&words).unwrap();
            assert_eq!(words, one["proof"], "{module}");
        }
    };
    found("pandas", &snippet("pandas"));
    found("polars", &snippet("Polars"));
    found("pyarrow", &snippet("pyarrow"));
    let query = serde_json::to_string(&snippet("DuckDB")).unwrap();
    found("duckdb", &format!("import duckdb\n[(words,)] = duckdb.sql({query}).fetchall()"));
}
