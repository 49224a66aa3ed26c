//! Parquet, calldata and compressed files, read back by other implementations than those that wrote
//! them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    io::{Cursor, Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use rayon::prelude::*;
use serde_json::Value;
use sha3::{Digest, Keccak256};
use slproof::{
    files::{Access, Compression, Input},
    forest::{RebuildOptions, rebuild},
    import::read_state,
    messages::{L2ToL1Log, read_archive},
    primitives::{Address, BatchNumber, ChainId, Hash, hex},
    proofs::{
        Extractor, Failure, FailureRecord, ProofRecord, ProofView, Request, Target, TargetKind,
        calldata::{Call, CallError, CallOptions},
        parquet::{Footer, MAGIC, ParquetProofs, ReadError, RowEncoder, RowGroup},
        reader::{self, Defaults, Item, RecordError},
    },
};
use support::fixture;

/// Proofs of the vectors: of all batches, with and without messages.
fn proofs(folder: &str, target: Target) -> Vec<ProofRecord> {
    let dump = read_state(&fixture(&format!("{folder}/state.anvil.json")), None).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    let archive = read_archive(&fixture(&format!("{folder}/logs.jsonl.gz")), Access::Map).unwrap();
    let extractor = Extractor::new(&forest, target).unwrap();
    let batches = archive.batches().map(|batch| extractor.batch(batch.unwrap()).unwrap());
    batches.flat_map(|batch| batch.prove_all().filter_map(Result::ok).collect::<Vec<_>>()).collect()
}

/// A record as writers take it: its words in two parts.
fn view(record: &ProofRecord) -> ProofView<'_> {
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

fn failure(request: Request) -> FailureRecord {
    let error = Failure { code: "batch-not-in-tree".into(), message: "no such \"batch\"".into() };
    FailureRecord { request, error }
}

/// A row group of rows that were encoded in two parts.
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
        // A summary can be kept.
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

/// Everything in a file: the records, and how many failures.
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

/// Runs a program of the system if it is there, with `input` if that is not empty.
fn tool(program: &str, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
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

/// Whether `python3` has a module.
fn python_has(module: &str) -> bool {
    let import = ["-c", &format!("import {module}")];
    let status = Command::new("python3").args(import).stderr(Stdio::null()).status();
    let has = status.is_ok_and(|status| status.success());
    if !has {
        eprintln!("skipped: python3 has no module {module}");
    }
    has
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
                    Ok(read) => assert_eq!(read, *record),
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
              "log": text(row["log"]), "message": text(row["message"])}
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
    assert!(read_back.into_iter().map(Result::unwrap).eq(records.iter().cloned()));

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

/// A file that another program made of ours has the same proofs.
fn check_rewritten(path: &Path, ending: &str, records: &[ProofRecord]) {
    let path = format!("{}{ending}", path.display());
    let (read, _) = read(&std::fs::read(path).unwrap()).unwrap();
    assert!(read.into_iter().map(Result::unwrap).eq(records.iter().cloned()), "{ending}");
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
    // A flipped byte is found, or changes a record, or lies where nothing is read from: in statistics
    // and sizes of the footer, and in texts for people.
    let mut unnoticed = 0;
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        let Ok((read, failures)) = read(&flipped) else { continue };
        let same = failures == 0
            && read.len() == records.len()
            && read.iter().zip(&records).all(|(r, e)| r.as_ref().is_ok_and(|r| r == e));
        unnoticed += usize::from(same);
    }
    assert!(unnoticed < file.len() / 5, "{unnoticed} of {}", file.len());
}

#[test]
fn a_small_parquet_file_takes_no_large_memory() {
    // One proof, whose words are said to be two thousand million, in a run of levels.
    let record = proofs("gateway-v31", Target::Latest).remove(0);
    let words = record.proof.len() as u32;
    let file = file_of(&[row_group(&[record])]);
    assert!(read(&file).unwrap().0.len() == 1);
    let zigzag = |n: u32| {
        let (mut rest, mut bytes) = (n << 1, Vec::new());
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        bytes
    };
    // Sizes in page headers: the count of a page's words follows the field's head 0x15.
    let at = file.windows(3).position(|w| w == [0x2c, 0x15, zigzag(words)[0]]).unwrap();
    let mut larger = file[..at + 2].to_vec();
    larger.extend(zigzag(1 << 30));
    larger.extend(&file[at + 3..]);
    assert!(read(&larger).is_err());
}

/// A word of ABI-encoded data, and numbers and offsets in them, read by hand.
fn word(data: &[u8], at: usize) -> [u8; 32] {
    data[at..at + 32].try_into().unwrap()
}

fn number(data: &[u8], at: usize) -> u64 {
    let word = word(data, at);
    assert_eq!(word[..24], [0; 24]);
    u64::from_be_bytes(word[24..].try_into().unwrap())
}

fn bytes_at(data: &[u8], at: usize) -> Vec<u8> {
    let len = number(data, at) as usize;
    let padded = &data[at + 32..at + 32 + len.next_multiple_of(32)];
    assert!(padded[len..].iter().all(|byte| *byte == 0));
    padded[..len].to_vec()
}

fn words_at(data: &[u8], at: usize) -> Vec<Hash> {
    (0..number(data, at) as usize).map(|i| Hash::new(word(data, at + 32 + 32 * i))).collect()
}

fn selector(signature: &str) -> [u8; 4] {
    Keccak256::digest(signature)[..4].try_into().unwrap()
}

fn encode(
    record: &ProofRecord,
    call: Option<Call>,
    to: Option<Address>,
) -> Result<Value, CallError> {
    let encoded = CallOptions { call, to }.encode(&view(record))?;
    Ok(serde_json::to_value(&encoded).unwrap())
}

const TO: Address = Address::system(0xabcdef);

#[test]
fn calldata_decoded_by_hand_gives_the_arguments_back() {
    let records = proofs("gateway-v31", Target::Latest);
    let to_l1 = proofs("gateway-v31", Target::BatchRoot);
    let mut calls = [0; 4];
    for (record, to_l1) in records.iter().zip(&to_l1).step_by(7) {
        let log = record.log.unwrap();
        for call in [Call::Message, Call::Log, Call::Leaf, Call::FinalizeDeposit] {
            let record = if call == Call::FinalizeDeposit { to_l1 } else { record };
            let line = match encode(record, Some(call), Some(TO)) {
                Ok(line) => line,
                Err(error) => {
                    assert!(matches!(call, Call::Message | Call::FinalizeDeposit));
                    assert!(record.message.is_none() || !log.is_message(), "{error}");
                    continue;
                }
            };
            calls[call as usize] += 1;
            assert_eq!(line["call"], call.name());
            assert_eq!(line["to"], TO.to_string());
            assert_eq!(line["batchNumber"], record.batch_number.0);
            let data = hex::bytes(line["data"].as_str().unwrap()).unwrap();
            let (head, mut args) = data.split_at(4);
            let expected = selector(match call {
                Call::Message => {
                    "proveL2MessageInclusionShared(uint256,uint256,uint256,(uint16,address,bytes),bytes32[])"
                }
                Call::Log => {
                    "proveL2LogInclusionShared(uint256,uint256,uint256,(uint8,bool,uint16,address,bytes32,bytes32),bytes32[])"
                }
                Call::Leaf => {
                    "proveL2LeafInclusionShared(uint256,uint256,uint256,bytes32,bytes32[])"
                }
                Call::FinalizeDeposit => {
                    "finalizeDeposit((uint256,uint256,uint256,address,uint16,bytes,bytes32[]))"
                }
            });
            assert_eq!(head, expected);
            if call == Call::FinalizeDeposit {
                assert_eq!(number(args, 0), 32);
                args = &args[32..];
            }
            let place = [number(args, 0), number(args, 32), number(args, 64)];
            assert_eq!(place, [record.chain_id.0, record.batch_number.0, record.id]);
            let words = match call {
                Call::Message => {
                    let message = &args[number(args, 96) as usize..];
                    assert_eq!(number(message, 0), u64::from(log.tx_number()));
                    assert_eq!(&word(message, 32), log.key().as_bytes());
                    let bytes = bytes_at(message, number(message, 64) as usize);
                    assert_eq!(Some(bytes), record.message);
                    number(args, 128)
                }
                Call::Log => {
                    let fields = [0, 1, 2].map(|i| number(args, 96 + 32 * i));
                    let bytes = log.as_bytes();
                    let tx = u16::from_be_bytes([bytes[2], bytes[3]]);
                    assert_eq!(fields, [bytes[0].into(), bytes[1].into(), u64::from(tx)]);
                    assert_eq!(word(args, 192)[12..], bytes[4..24]);
                    assert_eq!(
                        (&word(args, 224)[..], &word(args, 256)[..]),
                        bytes[24..].split_at(32)
                    );
                    number(args, 288)
                }
                Call::Leaf => {
                    assert_eq!(word(args, 96)[..], Keccak256::digest(log.as_bytes())[..]);
                    number(args, 128)
                }
                Call::FinalizeDeposit => {
                    assert_eq!(&word(args, 96), log.key().as_bytes());
                    assert_eq!(number(args, 128), u64::from(log.tx_number()));
                    let bytes = bytes_at(args, number(args, 160) as usize);
                    assert_eq!(Some(bytes), record.message);
                    number(args, 192)
                }
            };
            assert_eq!(words_at(args, words as usize), record.proof);

            // And read again, it is the record, and accepted.
            let text = serde_json::to_vec(&line).unwrap();
            let Ok(Item::Proof(read, log)) = reader::parse(&text, &Defaults::default()) else {
                panic!("{line}")
            };
            read.verify(&log, |_| record.target.map(|target| target.root)).unwrap();
            let message =
                record.message.clone().filter(|_| !matches!(call, Call::Log | Call::Leaf));
            assert_eq!(*read, ProofRecord { message, ..record.clone() });
        }
    }
    assert!(calls.iter().all(|count| *count > 20), "{calls:?}");
}

#[test]
fn calldata_go_to_the_contract_that_knows_the_root() {
    let record = &proofs("gateway-v31", Target::Latest)[0];
    let line = encode(record, None, None).unwrap();
    assert_eq!(line["to"], "0x0000000000000000000000000000000000010009");
    let finalize = Some(Call::FinalizeDeposit);
    assert_eq!(encode(record, finalize, Some(TO)), Err(CallError::NotOnL1));
    let record = &proofs("gateway-v31", Target::BatchRoot)[0];
    assert_eq!(encode(record, None, None), Err(CallError::NoAddress));
    assert_eq!(encode(record, finalize, None), Err(CallError::NoAddress));
}

#[test]
fn what_a_call_cannot_take_is_said() {
    let target = Some(slproof::proofs::TargetRecord {
        kind: TargetKind::Block,
        sl_chain_id: Some(ChainId(506)),
        number: Some(1),
        root: Hash::ZERO,
    });
    let record = |log: L2ToL1Log, message: Option<&[u8]>| ProofRecord {
        chain_id: ChainId(1),
        batch_number: BatchNumber(2),
        id: 3,
        root: Hash::ZERO,
        proof: vec![Hash::ZERO],
        target,
        log: Some(log),
        message: message.map(<[u8]>::to_vec),
    };
    let message = record(L2ToL1Log::of_message(4, TO, b"x"), Some(b"x"));
    let without_bytes = record(L2ToL1Log::of_message(4, TO, b"x"), None);
    let other = record(L2ToL1Log::new([1; 88]), None);
    let odd = record(L2ToL1Log::new([2; 88]), None);
    let call_of = |record| encode(record, None, None).map(|line| line["call"].clone());
    assert_eq!(call_of(&message).unwrap(), "proveL2MessageInclusionShared");
    assert_eq!(call_of(&without_bytes).unwrap(), "proveL2LogInclusionShared");
    assert_eq!(call_of(&other).unwrap(), "proveL2LogInclusionShared");
    let call = Call::Message;
    assert_eq!(encode(&other, Some(call), None), Err(CallError::NoMessage { call, id: 3 }));
    assert_eq!(encode(&without_bytes, Some(call), None), Err(CallError::NoBytes { call, id: 3 }));
    assert_eq!(encode(&odd, None, None), Err(CallError::NoBool { id: 3, byte: 2 }));
    assert!(encode(&odd, Some(Call::Leaf), None).is_ok());
}

#[test]
fn calldata_that_contradict_their_record_are_refused() {
    let records = proofs("gateway-v31", Target::Latest);
    let record = records.iter().find(|record| record.message.is_some()).unwrap();
    let code = |line: &Value| {
        let error = reader::parse(&serde_json::to_vec(line).unwrap(), &Defaults::default());
        error.unwrap_err().to_string()
    };
    let leaf = encode(record, Some(Call::Leaf), None).unwrap();
    let cases = [
        ("chainId", Value::from(1), "chainId"),
        ("batchNumber", Value::from(1), "batchNumber"),
        ("id", Value::from(999), "id"),
        ("log", Value::from(format!("0x{}", "00".repeat(88))), "leaf"),
        ("log", Value::Null, "--log"),
        ("call", Value::from("finalizeDeposit"), "proveL2LeafInclusionShared"),
        ("call", Value::from("transfer"), "transfer"),
        ("data", Value::from("0x12345678"), "calldata"),
        ("data", Value::from("0x"), "calldata"),
        ("data", Value::from("zz"), "hexadecimal"),
        ("root", Value::Null, "root"),
    ];
    for (field, value, expected) in cases {
        let mut line = leaf.clone();
        line[field] = value;
        assert!(code(&line).contains(expected), "{field}: {}", code(&line));
    }
    // Cut anywhere, and with every byte of the offsets and lengths changed.
    for call in [Call::Message, Call::Log, Call::Leaf] {
        let line = encode(record, Some(call), None).unwrap();
        let read = |line: &Value| {
            let text = serde_json::to_vec(line).unwrap();
            let item = reader::parse(&text, &Defaults::default());
            item.map(|item| match item {
                Item::Proof(read, log) => (read, log),
                Item::Failure => panic!("{line}"),
            })
        };
        let (whole, _) = read(&line).unwrap();
        let data = line["data"].as_str().unwrap().to_owned();
        for len in (2..data.len()).step_by(64) {
            let mut cut = line.clone();
            cut["data"] = Value::from(&data[..len]);
            code(&cut);
        }
        for at in (10..data.len().min(1000)).step_by(2) {
            let mut flipped = data.clone();
            flipped.replace_range(at..=at, if &data[at..=at] == "f" { "0" } else { "f" });
            let mut line = line.clone();
            line["data"] = Value::from(flipped);
            if let Ok((read, log)) = read(&line) {
                // What pads the message is nobody's, neither here nor in the contracts.
                let verdict = read.verify(&log, |_| record.target.map(|target| target.root));
                assert!(verdict.is_err() || read == whole, "{at}");
            }
        }
    }
}

/// `cast` of foundry decodes what alloy, which is also inside it, encoded; here it is the arguments'
/// names and types in its own signature that count.
#[test]
fn calldata_are_decoded_by_cast() {
    let records = proofs("gateway-v31", Target::Latest);
    let record = records.iter().find(|record| record.message.is_some()).unwrap();
    let line = encode(record, Some(Call::Message), None).unwrap();
    let signature =
        "proveL2MessageInclusionShared(uint256,uint256,uint256,(uint16,address,bytes),bytes32[])";
    let data = line["data"].as_str().unwrap();
    let Some(text) = tool("cast", &["calldata-decode", signature, data], b"") else { return };
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(&record.proof[1].to_string()), "{text}");
    assert!(text.contains(&hex::encode(record.message.as_ref().unwrap())), "{text}");
}

#[test]
fn compressed_outputs_are_read_by_the_tools() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = Vec::new();
    for record in proofs("gateway-v31", Target::Latest) {
        serde_json::to_writer(&mut text, &record).unwrap();
        text.push(b'\n');
    }
    // More than one block.
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
