//! The verdicts of `verify` on valid proofs, on invalid proofs, and on proofs that it cannot judge.

use std::{fs, sync::Arc};

use crate::support::{
    binary::{self, Run, prove_args, run, run_with_input},
    fixture, json_lines,
    proof_records::proofs,
};
use parquet::{
    data_type::{ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    file::writer::SerializedFileWriter,
    schema::parser::parse_message_type,
};
use serde_json::{Value, json};
use slproof::{
    message::L2ToL1Log,
    primitives::{Address, ChainId, Hash},
    proof::{
        FailureCode, Known, ProofRecord, Reason, Target, Verdict,
        reader::{self, Defaults, Item, RecordError},
    },
};

fn path(file: &str) -> String {
    fixture(file).to_str().unwrap().to_owned()
}

fn state() -> String {
    path("gateway-v31/state.anvil.json")
}

/// Runs `verify` on these lines, with a report on standard output.
fn verify(input: &str, args: &[&str]) -> Run {
    run_with_input(["verify", "-", "--report", "-"].iter().chain(args), input.as_bytes())
}

fn verdicts(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The only verdict of a run: whether the proof is valid, and the code of the error.
fn only(run: &Run) -> (Value, String) {
    let verdicts = verdicts(run);
    assert_eq!(verdicts.len(), 1, "{}{}", run.stdout, run.stderr);
    let code = verdicts[0]["error"]["code"].as_str().unwrap_or_default().to_owned();
    (verdicts[0]["valid"].clone(), code)
}

/// A proof of a message against the latest root.
fn record() -> ProofRecord {
    let mut records = proofs("gateway-v31", Target::Latest).into_iter();
    let record = records.find(|record| record.message.is_some()).unwrap();
    ProofRecord { tx_hash: None, checked_by: None, ..record }
}

/// The record without the members that repeat parts of its log.
fn value(record: &ProofRecord) -> Value {
    let mut value = serde_json::to_value(record).unwrap();
    for member in ["sender", "txNumberInBatch", "messageHash", "checkedBy"] {
        value.as_object_mut().unwrap().remove(member);
    }
    value
}

fn without(fields: &[&str]) -> Value {
    let mut value = value(&record());
    for field in fields {
        value.as_object_mut().unwrap().remove(*field).unwrap();
    }
    value
}

#[test]
fn a_proof_that_lacks_something_is_not_judged_and_the_flag_is_named() {
    let log = record().log.unwrap().to_string();
    for (field, code, flag) in [
        ("log", "log-missing", "--log"),
        ("chainId", "chain-missing", "--chain-id"),
        ("batchNumber", "batch-missing", "--batch"),
        ("id", "id-missing", ""),
    ] {
        let run = verify(&without(&[field]).to_string(), &["--anchor", &state()]);
        assert_eq!(run.code, Some(3), "{field}: {}", run.stderr);
        assert_eq!(only(&run), (Value::Null, code.into()));
        let message = verdicts(&run)[0]["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(flag) && run.stderr.contains(&message), "{message}");
        assert!(run.stderr.contains("0 valid, 0 invalid, 1 cannot be judged"), "{}", run.stderr);
    }
    let given = verify(&without(&["log"]).to_string(), &["--anchor", &state(), "--log", &log]);
    assert_eq!(given.code, Some(0), "{}", given.stderr);
    // A contradiction makes a record invalid even if fields are missing.
    let chain = ["--anchor", &state(), "--chain-id", "1"];
    let run = verify(&without(&["log"]).to_string(), &chain);
    assert_eq!((run.code, only(&run)), (Some(1), (false.into(), "malformed-record".into())));
}

#[test]
fn the_exit_code_tells_wrong_from_not_judged() {
    let valid = value(&record()).to_string();
    let mut invalid = value(&record());
    invalid["id"] = json!(record().id + 1);
    let (invalid, unjudged) = (invalid.to_string(), without(&["log"]).to_string());
    for (lines, code) in [
        (vec![&valid], 0),
        (vec![&invalid], 1),
        (vec![&unjudged], 3),
        (vec![&valid, &invalid], 1),
        (vec![&valid, &unjudged], 3),
        (vec![&unjudged, &invalid], 1),
        (vec![&valid, &unjudged, &invalid], 1),
    ] {
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let run = verify(&input, &["--anchor", &state()]);
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        assert!(!run.stderr.contains("and 0 more"), "{}", run.stderr);
        let expected = lines.iter().map(|line| match line {
            line if **line == valid => json!(true),
            line if **line == invalid => json!(false),
            _ => Value::Null,
        });
        assert!(expected.eq(verdicts(&run).iter().map(|verdict| verdict["valid"].clone())));
    }
}

#[test]
fn an_anchor_without_the_root_does_not_make_a_proof_invalid() {
    let l1_form = json_lines("gateway-v31/proofs_l1.jsonl.gz").remove(0);
    let l1_form = json!({
        "chainId": l1_form["chainId"], "batchNumber": l1_form["batchNumber"],
        "id": l1_form["logIndex"], "proof": l1_form["proof"], "log": l1_form["log"],
    })
    .to_string();
    let l1 = path("gateway-v31/l1.state.anvil.json");
    let bridgehub = ["--bridgehub", "0x303a465b659cbb0ab36ee643ea362c509eeb5213"];

    let run = verify(&l1_form, &[&["--anchor", &l1][..], &bridgehub].concat());
    assert_eq!((run.code, only(&run).0), (Some(0), json!(true)), "{}", run.stderr);
    // The state has no contracts at the default addresses.
    let run = verify(&l1_form, &["--anchor", &l1]);
    assert_eq!((run.code, only(&run)), (Some(3), (Value::Null, "anchor-lacks-contracts".into())));
    assert!(run.stderr.contains("--bridgehub"), "{}", run.stderr);
    // The contracts exist, but do not store the root.
    let run = verify(&l1_form, &["--anchor", &path("gateway-v31/dest.state.anvil.json")]);
    assert_eq!((run.code, only(&run)), (Some(3), (Value::Null, "unknown-root".into())));
    assert!(run.stderr.contains("give a state that stores it with --anchor"), "{}", run.stderr);
    // Both states store a root of block 102, but the roots differ.
    let log = [
        "--chain", "324", "--batch", "501234", "--index", "0", "--target", "first", "--format",
        "ndjson",
    ];
    let proof = binary::run(prove_args("gateway-v31", &log)).stdout;
    assert!(proof.contains("\"number\":102"), "{proof}");
    let run = verify(&proof, &["--anchor", &path("gateway-v29/state.anvil.json")]);
    assert_eq!((run.code, only(&run)), (Some(1), (false.into(), "root-mismatch".into())));
}

/// Accounts of one state in two dumps. Only one of them has the contract that stores the root.
#[test]
fn the_parts_of_a_state_are_one_anchor() {
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str, has_message_root: bool| {
        let mut dump = crate::support::json("gateway-v31/state.anvil.json");
        let message_root = "0x0000000000000000000000000000000000010005";
        let accounts = dump["accounts"].as_object_mut().unwrap();
        accounts.retain(|address, _| (address == message_root) == has_message_root);
        let file = folder.path().join(name);
        fs::write(&file, dump.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (with, without) = (part("with.json", true), part("without.json", false));
    let proof = value(&record()).to_string();
    let alone = verify(&proof, &["--anchor", &without]);
    assert_eq!(only(&alone).0, Value::Null);
    let both = verify(&proof, &["--anchor", &without, "--anchor", &with]);
    assert_eq!(only(&both).0, json!(true), "{}", both.stderr);
}

#[test]
fn an_input_without_proofs_gets_no_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = [
        (path("golden/snapshot-1-table.slsnap"), "a state snapshot"),
        (path("golden/tree-1.sltree"), "a tree file"),
        (path("golden/archive-v1.slmsg"), "a message archive"),
        (state(), "no proofs"),
        (path("gateway-v31/anvil_dumpState.rpc.json"), "no proofs"),
        (path("gateway-v31/geth.dump.json.gz"), "no proofs"),
        (path("gateway-v31/geth.dump.iterative.jsonl.gz"), "no proofs"),
        (path("gateway-v31/logs.jsonl.gz"), "no proofs"),
        (path("gateway-v31/events.jsonl.gz"), "no proofs"),
        (write("text", "no record\n"), "no proofs"),
    ];
    let root = Hash::ZERO.to_string();
    for (file, says) in files {
        let run = run(["verify", &file, "--root", &root, "--report", "-"]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""), "{file}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{file}: {}", run.stderr);
    }
    // A damaged proof is still a proof, and a file of proofs may contain lines that are not records.
    let damaged = "{\"id\":0,\"proof\":[\"0x12\"]}";
    let run = verify(damaged, &["--root", &root]);
    assert_eq!((run.code, only(&run)), (Some(1), (false.into(), "malformed-record".into())));
    let run = verify(&format!("no record\n{}", value(&record())), &["--anchor", &state()]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(verdicts(&run).len(), 2);
}

#[test]
fn a_node_without_a_proof_is_quoted() {
    let answer = |rest: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":1,{rest}}}");
    let error = "\"error\":{\"code\":-32603,\"message\":\"L1 batch has not been executed yet\"}";
    for (input, code, says) in [
        (answer("\"result\":null"), "node-null", "answered null"),
        ("null".into(), "node-null", "answered null"),
        (answer(error), "node-error", "L1 batch has not been executed yet"),
        (answer("\"error\":\"gone\",\"result\":null"), "node-error", "gone"),
    ] {
        let run = verify(&input, &["--anchor", &state()]);
        assert_eq!((run.code, only(&run)), (Some(3), (Value::Null, code.into())), "{}", run.stderr);
        assert!(run.stderr.contains(says), "{}", run.stderr);
        let shown = run_with_input(["inspect", "-"], input.as_bytes());
        let known = shown.code == Some(0) && shown.stdout.contains(says);
        assert!(known || input == "null", "{}{}", shown.stdout, shown.stderr);
    }
    let both = answer(&format!("\"result\":{},{error}", value(&record())));
    let run = verify(&both, &["--anchor", &state()]);
    assert_eq!((run.code, only(&run)), (Some(1), (false.into(), "malformed-record".into())));
}

fn parse(value: &Value) -> Result<(ProofRecord, L2ToL1Log), RecordError> {
    match reader::parse(value.to_string().as_bytes(), &Defaults::default())? {
        Item::Proof(record, log) => Ok((*record, log)),
        Item::Leaf(_) | Item::Failure => panic!("{value}"),
    }
}

/// The optional fields that repeat parts of a message's log.
fn about(log: &L2ToL1Log) -> Value {
    json!({
        "sender": log.message_sender().unwrap(), "txNumberInBatch": log.tx_number(),
        "messageHash": log.value(), "txHash": Hash::ZERO, "checkedBy": "state",
    })
}

fn with(mut value: Value, fields: &Value) -> Value {
    for (field, said) in fields.as_object().unwrap() {
        value[field] = said.clone();
    }
    value
}

#[test]
fn fields_that_follow_from_others_may_be_left_out() {
    let record = record();
    let log = record.log.unwrap();
    let about = about(&log);
    let mut bytes_left_out = record.clone();
    bytes_left_out.message = None;
    for (line, expected) in [
        (without(&["root"]), &record),
        (with(value(&record), &about), &record),
        (with(without(&["log"]), &about), &record),
        (with(without(&["log", "root"]), &about), &record),
        (with(without(&["log", "message"]), &about), &bytes_left_out),
    ] {
        assert_eq!(parse(&line).unwrap(), (expected.clone(), log), "{line}");
        let run = verify(&line.to_string(), &["--anchor", &state()]);
        assert_eq!(run.code, Some(0), "{line}: {}", run.stderr);
    }
    // The log cannot be derived from two of the three fields.
    for field in ["sender", "txNumberInBatch"] {
        let mut line = with(without(&["log"]), &about);
        line.as_object_mut().unwrap().remove(field);
        assert_eq!(parse(&line).unwrap_err().code(), "log-missing", "{field}");
    }
    // The root cannot be derived from an empty proof.
    let mut line = without(&["root"]);
    line["proof"] = json!([]);
    let error = parse(&line).unwrap_err();
    assert_eq!((error.code(), error.is_lack()), (FailureCode::EmptyProof, false));
}

#[test]
fn bare_calldata_are_a_proof() {
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let (tree, logs) = (state(), path("gateway-v31/logs.jsonl.gz"));
    let args =
        ["prove", "--tree", &tree, "--messages", &logs, "--all", "--format", "calldata", "-q"];
    let proven = run(args.into_iter().chain(["-o", calls.to_str().unwrap()]));
    assert_eq!(proven.code, Some(0), "{}", proven.stderr);
    let calls: Vec<Value> = fs::read_to_string(calls)
        .unwrap()
        .lines()
        .take(100)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let bare: String = calls
        .iter()
        .map(|call| json!({"to": call["to"], "data": call["data"]}).to_string() + "\n")
        .collect();
    let run = verify(&bare, &["--anchor", &state()]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(verdicts(&run).len(), calls.len());
}

#[test]
fn fields_about_the_log_have_to_agree_with_it() {
    let record = record();
    let log = record.log.unwrap();
    for (field, other) in [
        ("sender", json!(Address::system(1))),
        ("txNumberInBatch", json!(log.tx_number() + 1)),
        ("txNumberInBatch", json!("0x10000")),
        ("messageHash", json!(Hash::new([1; 32]))),
    ] {
        let mut line = with(value(&record), &about(&log));
        line[field] = other;
        let run = verify(&line.to_string(), &["--anchor", &state()]);
        assert_eq!(
            (run.code, only(&run)),
            (Some(1), (false.into(), "log-mismatch".into())),
            "{field}"
        );
        assert!(run.stderr.contains(field), "{}", run.stderr);
    }
    // If the log is not a message, `sender` is its emitter.
    let all = proofs("gateway-v31", Target::Latest);
    let other = all.iter().find(|record| !record.log.unwrap().is_message()).unwrap();
    let log = other.log.unwrap();
    let fields = json!({"sender": log.sender(), "txNumberInBatch": log.tx_number()});
    let line = with(value(other), &fields);
    assert_eq!(parse(&line).unwrap().0, ProofRecord { checked_by: None, ..other.clone() });
    let line = with(line, &json!({"messageHash": log.value()}));
    assert_eq!(parse(&line).unwrap_err().code(), "not-a-message");
}

#[test]
fn numbers_may_be_strings() {
    let record = record();
    let hex = |number: u64| json!(format!("{number:#x}"));
    let decimal = |number: u64| json!(number.to_string());
    let target = record.target.unwrap();
    for write in [hex, decimal] {
        let mut line = value(&record);
        line["chainId"] = write(record.chain_id.0);
        line["batchNumber"] = write(record.batch_number.0);
        line["id"] = write(record.id);
        line["target"]["number"] = write(target.number.unwrap());
        line["target"]["slChainId"] = write(target.sl_chain_id.unwrap().0);
        line["txNumberInBatch"] = write(record.log.unwrap().tx_number().into());
        assert_eq!(parse(&line).unwrap().0, record);
        assert_eq!(serde_json::from_value::<ProofRecord>(line.clone()).unwrap(), record);
        let shown = run_with_input(["inspect", "-"], line.to_string().as_bytes());
        assert!(
            shown.stdout.contains(&format!("folds to      {}", target.root)),
            "{}",
            shown.stdout
        );
    }
}

/// The library returns the verdicts that the command line prints.
#[test]
fn the_library_has_three_answers() {
    let record = record();
    let log = record.log.unwrap();
    let root = record.target.unwrap().root;
    assert!(matches!(Verdict::of(&record, &log, |_| Known::Root(root)), Verdict::Valid(_)));
    let verdict = Verdict::of(&record, &log, |_| Known::Unknown);
    let Verdict::CannotJudge(Reason::Proof(error)) = verdict else { panic!("{verdict:?}") };
    assert_eq!(error.code(), "unknown-root");
    // Errors in the record itself take precedence over an unknown root.
    let other = ProofRecord { chain_id: ChainId(1), ..record };
    assert!(matches!(Verdict::of(&other, &log, |_| Known::Unknown), Verdict::Invalid(_)));
    let lacking = parse(&without(&["log"])).unwrap_err();
    assert!(matches!(Verdict::from(lacking), Verdict::CannotJudge(_)));
    let damaged = parse(&json!({"proof": 1})).unwrap_err();
    assert!(matches!(Verdict::from(damaged), Verdict::Invalid(_)));
}

/// A Parquet file with one proof of a message, as another program may write it.
fn parquet(record: &ProofRecord, columns: &[&str]) -> Vec<u8> {
    let declarations: String = columns
        .iter()
        .map(|column| match *column {
            "proof" => "optional group proof (LIST) { repeated group list { required \
                        fixed_len_byte_array(32) element; } }"
                .into(),
            "sender" => "optional fixed_len_byte_array(20) sender;".into(),
            "message_hash" => "optional fixed_len_byte_array(32) message_hash;".into(),
            "message" => "optional binary message;".into(),
            number => format!("optional int64 {number};"),
        })
        .collect();
    let schema = parse_message_type(&format!("message proofs {{ {declarations} }}")).unwrap();
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let log = record.log.unwrap();
    let fixed = |bytes: &[u8]| FixedLenByteArray::from(bytes.to_vec());
    for column in columns {
        let mut writer = group.next_column().unwrap().unwrap();
        match *column {
            "proof" => {
                let words: Vec<_> =
                    record.proof.iter().map(|word| fixed(word.as_bytes())).collect();
                let repetition: Vec<i16> = (0..words.len()).map(|at| i16::from(at > 0)).collect();
                let definition = vec![2; words.len()];
                let typed = writer.typed::<FixedLenByteArrayType>();
                typed.write_batch(&words, Some(&definition), Some(&repetition)).unwrap();
            }
            "sender" | "message_hash" => {
                let value = match *column {
                    "sender" => fixed(log.message_sender().unwrap().as_bytes()),
                    _ => fixed(log.value().as_bytes()),
                };
                let typed = writer.typed::<FixedLenByteArrayType>();
                typed.write_batch(&[value], Some(&[1]), None).unwrap();
            }
            "message" => {
                let value = record.message.clone().unwrap().into();
                writer.typed::<ByteArrayType>().write_batch(&[value], Some(&[1]), None).unwrap();
            }
            number => {
                let value = match number {
                    "chain_id" => record.chain_id.0,
                    "batch_number" => record.batch_number.0,
                    "tx_number" => log.tx_number().into(),
                    _ => record.id,
                };
                let value = i64::try_from(value).unwrap();
                writer.typed::<Int64Type>().write_batch(&[value], Some(&[1]), None).unwrap();
            }
        }
        writer.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

#[test]
fn columns_that_follow_from_others_may_be_missing() {
    let record = record();
    let log = record.log.unwrap().to_string();
    let chain = record.chain_id.to_string();
    let all = ["chain_id", "batch_number", "id", "proof", "message", "sender", "tx_number"];
    let hashed = ["chain_id", "batch_number", "id", "proof", "sender", "tx_number", "message_hash"];
    let bare = ["batch_number", "id", "proof"];
    let judge = |columns: &[&str], rest: &[&str]| {
        let args = ["verify", "-", "--anchor", &state(), "--report", "-"];
        run_with_input(args.iter().chain(rest), &parquet(&record, columns))
    };
    for (columns, rest) in
        [(&all[..], &[][..]), (&hashed, &[]), (&bare, &["--log", &log, "--chain-id", &chain])]
    {
        let run = judge(columns, rest);
        assert_eq!(run.code, Some(0), "{columns:?}: {}", run.stderr);
    }
    let run = judge(&bare, &["--chain-id", &chain]);
    assert_eq!((run.code, only(&run)), (Some(3), (Value::Null, "log-missing".into())));
    let run = judge(&all, &["--chain-id", "1"]);
    assert_eq!((run.code, only(&run).0), (Some(1), json!(false)), "{}", run.stderr);
    let mut other = record.clone();
    other.message = Some(b"another".to_vec());
    let named: Vec<&str> = all.into_iter().chain(["message_hash"]).collect();
    let input = parquet(&other, &named);
    let run = run_with_input(["verify", "-", "--anchor", &state(), "--report", "-"], &input);
    assert_eq!((run.code, only(&run)), (Some(1), (false.into(), "log-mismatch".into())));
    // Without the column of the words, the file has no proofs.
    let run = judge(&["chain_id", "id"], &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""), "{}", run.stderr);
    assert!(run.stderr.contains("no column proof"), "{}", run.stderr);
}
