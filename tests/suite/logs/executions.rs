use std::{fs, path::Path, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue, sol};
use parquet::{
    data_type::{ByteArray, ByteArrayType, Int64Type},
    file::writer::SerializedFileWriter,
    schema::parser::parse_message_type,
};
use serde_json::{Value, json};
use slproof::ingest::l1::{CalldataProblem, ExecutedBatch};

use crate::support::{
    binary::{Run, run},
    fixture, json_lines,
    vectors::{hex, unhex},
};

const FOLDER: &str = "gateway-v31";

sol! {
    struct StoredBatchInfo {
        uint64 batchNumber;
        bytes32 batchHash;
        uint64 indexRepeatedStorageChanges;
        uint256 numberOfLayer1Txs;
        bytes32 priorityOperationsHash;
        bytes32 dependencyRootsRollingHash;
        bytes32 l2LogsTreeRoot;
        uint256 timestamp;
        bytes32 commitment;
    }

    struct PriorityOpsBatchInfo {
        bytes32[] leftPath;
        bytes32[] rightPath;
        bytes32[] itemHashes;
    }

    struct InteropRoot {
        uint256 chainId;
        uint256 blockOrBatchNumber;
        bytes32[] sides;
    }

    struct L2Log {
        uint8 l2ShardId;
        bool isService;
        uint16 txNumberInBatch;
        address sender;
        bytes32 key;
        bytes32 value;
    }

    function executeBatchesSharedBridge(
        address chainAddress,
        uint256 from,
        uint256 to,
        bytes batchData
    ) external;
}

type Data = (
    Vec<StoredBatchInfo>,
    Vec<PriorityOpsBatchInfo>,
    Vec<Vec<InteropRoot>>,
    Vec<Vec<L2Log>>,
    Vec<Vec<Bytes>>,
    Vec<B256>,
    Address,
);

/// The lists of the archive: batches of one chain with consecutive numbers.
fn batches() -> Vec<Vec<Value>> {
    let mut lines = json_lines(&format!("{FOLDER}/logs.jsonl.gz"));
    let key = |line: &Value| (line["chainId"].as_u64(), line["batchNumber"].as_u64());
    lines.sort_by_key(key);
    let mut runs = Vec::<Vec<Value>>::new();
    for line in lines {
        match runs.last_mut() {
            Some(run) if run.len() < 3 && follows(&run[run.len() - 1], &line) => run.push(line),
            _ => runs.push(vec![line]),
        }
    }
    runs
}

fn follows(last: &Value, next: &Value) -> bool {
    let number = |line: &Value| line["batchNumber"].as_u64().unwrap();
    last["chainId"] == next["chainId"] && number(last) + 1 == number(next)
}

fn word(value: &Value) -> B256 {
    B256::from_slice(&unhex(value))
}

fn log(text: &Value) -> L2Log {
    let bytes = unhex(text);
    L2Log {
        l2ShardId: bytes[0],
        isService: bytes[1] != 0,
        txNumberInBatch: u16::from_be_bytes([bytes[2], bytes[3]]),
        sender: Address::from_slice(&bytes[4..24]),
        key: B256::from_slice(&bytes[24..56]),
        value: B256::from_slice(&bytes[56..]),
    }
}

fn data(run: &[Value]) -> Data {
    let infos = run.iter().map(|line| StoredBatchInfo {
        batchNumber: line["batchNumber"].as_u64().unwrap(),
        batchHash: B256::repeat_byte(1),
        indexRepeatedStorageChanges: 77,
        numberOfLayer1Txs: U256::from(2),
        priorityOperationsHash: B256::repeat_byte(2),
        dependencyRootsRollingHash: B256::ZERO,
        l2LogsTreeRoot: word(&line["chainBatchRoot"]),
        timestamp: U256::from(1_700_000_000),
        commitment: B256::repeat_byte(3),
    });
    let of = |line: &Value, member: &str| line[member].as_array().unwrap().clone();
    let priority = PriorityOpsBatchInfo {
        leftPath: vec![B256::repeat_byte(4)],
        rightPath: vec![],
        itemHashes: vec![B256::repeat_byte(5); 2],
    };
    let interop = InteropRoot {
        chainId: U256::from(9),
        blockOrBatchNumber: U256::from(8),
        sides: vec![B256::repeat_byte(6)],
    };
    (
        infos.collect(),
        vec![priority; run.len()],
        vec![vec![interop]; run.len()],
        run.iter().map(|line| of(line, "logs").iter().map(log).collect()).collect(),
        run.iter()
            .map(|line| of(line, "messages").iter().map(|text| unhex(text).into()).collect())
            .collect(),
        run.iter().map(|line| word(&line["aggregatedRoot"])).collect(),
        Address::ZERO,
    )
}

/// The transaction that executes these batches, as a node answers it.
fn transaction(run: &[Value], data: Data) -> Value {
    let number = |line: &Value| U256::from(line["batchNumber"].as_u64().unwrap());
    let encoded = data.abi_encode_params();
    let call = executeBatchesSharedBridgeCall {
        chainAddress: Address::repeat_byte(0xdd),
        from: number(&run[0]),
        to: number(&run[run.len() - 1]),
        batchData: [&[1], &encoded[..]].concat().into(),
    };
    let input = call.abi_encode();
    json!({
        "hash": keccak256(&input).to_string(),
        "blockNumber": "0x10",
        "transactionIndex": "0x0",
        "to": hex(&[0x11; 20]),
        "input": hex(&input),
    })
}

fn transactions() -> Vec<Value> {
    batches().iter().map(|run| transaction(run, data(run))).collect()
}

/// Answers of `eth_getTransactionByHash` and of `eth_getBlockByNumber`.
fn write(file: &Path, transactions: &[Value]) {
    let (some, others) = transactions.split_at(transactions.len() / 2);
    let answer = |result: Value| json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string();
    let mut lines: Vec<String> = some.iter().cloned().map(answer).collect();
    lines.push(answer(json!({"number": "0x10", "hash": hex(&[7; 32]), "transactions": others})));
    fs::write(file, lines.join("\n")).unwrap();
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

fn state() -> String {
    path(&fixture(&format!("{FOLDER}/state.anvil.json"))).to_owned()
}

fn prove(messages: &str) -> Run {
    run(["prove", "--tree", &state(), "--messages", messages, "--all", "-q"])
}

#[test]
fn proofs_from_executions_are_those_from_the_archive_of_logs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("blocks.jsonl");
    write(&file, &transactions());
    let logs = fixture(&format!("{FOLDER}/logs.jsonl.gz"));
    let (made, expected) = (prove(path(&file)), prove(path(&logs)));
    assert_eq!((made.code, expected.code), (Some(0), Some(0)), "{}", made.stderr);
    assert!(made.stdout.lines().count() > 2000);
    assert!(made.stdout == expected.stdout);

    // A directory with both.
    fs::copy(state(), folder.path().join("state.json")).unwrap();
    let of_folder = run(["prove", "--archive", path(folder.path()), "--all", "-q"]);
    assert_eq!(of_folder.code, Some(0), "{}", of_folder.stderr);
    assert!(of_folder.stdout == expected.stdout);
    let survey = run(["survey", path(folder.path())]);
    assert!(survey.stdout.contains("145"), "{}", survey.stdout);
}

/// Rows of Parquet, as exporters of transactions write them.
fn parquet(transactions: &[Value]) -> Vec<u8> {
    let schema = "message transactions {
        required int64 block_number;
        required binary hash;
        required binary to_address;
        required binary input;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for name in ["blockNumber", "hash", "to", "input"] {
        let mut column = group.next_column().unwrap().unwrap();
        if name == "blockNumber" {
            let values = vec![16; transactions.len()];
            column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
        } else {
            let bytes = |one: &Value| ByteArray::from(unhex(&one[name]));
            let values: Vec<_> = transactions.iter().map(bytes).collect();
            column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

/// The same transactions as tables, after others.
#[test]
fn tables_of_executions_are_recognized() {
    let folder = tempfile::tempdir().unwrap();
    let archive = fixture(&format!("{FOLDER}/logs.jsonl.gz"));
    let expected = prove(path(&archive));
    let mut all = vec![other_transaction(); 3];
    all.extend(transactions());
    let names = ["blockNumber", "hash", "to", "input"];
    let row = |one: &Value| names.map(|name| one[name].as_str().unwrap().to_owned()).join(",");
    let rows: Vec<String> = all.iter().map(row).collect();
    let table = format!("block_number,hash,to_address,input\n{}\n", rows.join("\n"));
    for (name, bytes) in [("all.csv", table.into_bytes()), ("all.parquet", parquet(&all))] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let made = prove(path(&file));
        assert_eq!(made.code, Some(0), "{name}: {}", made.stderr);
        assert!(made.stdout == expected.stdout, "{name}");
        // Others alone are not an archive of logs.
        let others = folder.path().join(format!("others-{name}"));
        let none = vec![other_transaction(); 3];
        let bytes = match name {
            "all.csv" => format!("block_number,hash,to_address,input\n{}\n", row(&none[0])).into(),
            _ => parquet(&none),
        };
        fs::write(&others, bytes).unwrap();
        assert_ne!(prove(path(&others)).code, Some(0), "{name}");
    }
}

/// The first mebibyte shows that these are transactions, but not that some execute batches.
#[test]
fn executions_may_come_late_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("late.jsonl");
    let mut other = other_transaction();
    other["input"] = json!(format!("0x{}", "12".repeat(40 << 10)));
    let mut lines = vec![other.to_string(); 20];
    lines.extend(transactions().iter().map(Value::to_string));
    fs::write(&file, lines.join("\n")).unwrap();
    let archive = fixture(&format!("{FOLDER}/logs.jsonl.gz"));
    let (made, expected) = (prove(path(&file)), prove(path(&archive)));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout == expected.stdout);
    // A file without any execution has no logs.
    fs::write(&file, lines[..20].join("\n")).unwrap();
    let made = prove(path(&file));
    assert_ne!(made.code, Some(0), "{}", made.stdout);
}

/// A transaction that executes nothing.
fn other_transaction() -> Value {
    json!({
        "hash": hex(&[0x22; 32]), "blockNumber": "0x10", "transactionIndex": "0x1", "nonce": "0x0",
        "to": hex(&[0x33; 20]), "input": "0x12345678",
    })
}

/// The root beside the logs, and with trees theirs, show that logs are whole.
#[test]
fn batches_that_do_not_fold_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let run_of = batches().into_iter().find(|run| run.len() == 3).unwrap();
    let (chain, number) = (run_of[1]["chainId"].as_u64(), run_of[1]["batchNumber"].as_u64());
    let (chain, number) = (chain.unwrap().to_string(), number.unwrap());
    let index = |data: Data, rest: &[&str]| {
        let (file, out) = (folder.path().join("one.json"), folder.path().join("out.slmsg"));
        fs::write(&file, transaction(&run_of, data).to_string()).unwrap();
        let made = run([&["index", path(&file), "-o", path(&out), "--json"], rest].concat());
        let count = serde_json::from_str(&made.stdout).map(|found: Value| found["batches"].clone());
        (made.code, count.ok(), made.stderr + &made.stdout)
    };
    let whole = || data(&run_of);
    let state = state();
    let tree = ["--tree", &state[..]];
    let three = Some(json!(3));
    for flags in [&["--chain", &chain[..]][..], &tree] {
        let (code, count, text) = index(whole(), flags);
        assert_eq!((code, &count), (Some(0), &three), "{text}");

        let mut altered = whole();
        altered.3[1][0].txNumberInBatch ^= 1;
        let (code, count, text) = index(altered, flags);
        assert_eq!((code, count), (Some(1), Some(json!(2))), "{text}");
        assert!(text.contains(&number.to_string()) && text.contains("fold"), "{text}");
    }
    // Another chain, or none that the trees know.
    let mut other = whole();
    other.5[1] = B256::repeat_byte(9);
    let (code, count, text) = index(other.clone(), &tree);
    assert_eq!((code, count), (Some(1), Some(json!(2))), "{text}");
    assert!(text.contains("aggregated root"), "{text}");
    let (code, count, text) = index(other, &["--chain", &chain]);
    assert_eq!((code, count), (Some(0), Some(json!(2))), "{text}");
    // Who made up a root and logs that fold to it is refused by the trees.
    let mut invented = whole();
    invented.0[1].l2LogsTreeRoot = invented.0[0].l2LogsTreeRoot;
    (invented.3[1], invented.4[1]) = (invented.3[0].clone(), invented.4[0].clone());
    let (code, count, text) = index(invented, &tree);
    assert_ne!((code, count), (Some(0), Some(json!(3))), "{text}");
    let (code, _, text) = index(whole(), &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("chain"), "{text}");
}

/// Offsets that lead to the same bytes again and again, lists of other lengths, and cut calldata.
#[test]
fn damaged_executions_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let run_of = batches().into_iter().find(|run| run.len() == 3).unwrap();
    let (file, out) = (folder.path().join("one.json"), folder.path().join("out.slmsg"));
    let good = transaction(&batches()[0], data(&batches()[0]));
    let mut shorter = data(&run_of);
    shorter.3.pop();
    let short = transaction(&run_of, shorter);
    let mut wide = data(&run_of);
    wide.5.pop();
    let roots = transaction(&run_of, wide);
    for (damaged, words) in [(short, "the list of logs"), (roots, "the list of aggregated roots")] {
        fs::write(&file, format!("{good}\n{damaged}")).unwrap();
        let made = run(["index", path(&file), "--tree", &state(), "-o", path(&out)]);
        assert_eq!(made.code, Some(1), "{}", made.stderr);
        assert!(made.stderr.contains(words), "{}", made.stderr);
    }
    // A transaction that failed executed nothing.
    let mut failed = transaction(&run_of, data(&run_of));
    failed["status"] = json!("0x0");
    fs::write(&file, format!("{good}\n{failed}")).unwrap();
    let made = run(["index", path(&file), "--tree", &state(), "-o", path(&out), "--json"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let found: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(found["batches"], batches()[0].len());
}

/// A few bytes cannot stand for the logs of many batches.
#[test]
fn lists_do_not_share_bytes() {
    let line = &batches().concat().into_iter().max_by_key(|line| line["logs"].to_string().len());
    let line = line.as_ref().unwrap();
    let first = line["batchNumber"].as_u64().unwrap();
    let run_of: Vec<Value> = (0..40)
        .map(|next| {
            let mut line = line.clone();
            line["batchNumber"] = json!(first + next);
            if next > 0 {
                (line["logs"], line["messages"]) = (json!([]), json!([]));
            }
            line
        })
        .collect();
    let calldata = unhex(&transaction(&run_of, data(&run_of))["input"]);
    let found = ExecutedBatch::all_in(&calldata).unwrap();
    assert_eq!(found.len(), 40);
    assert_eq!(found[0].logs.len(), line["logs"].as_array().unwrap().len());
    assert!(found[1..].iter().all(|batch| batch.logs.is_empty()));

    // The arguments of the execution begin after the selector, four words, the length and the version.
    let start = 4 + 5 * 32 + 1;
    let word = |at: usize| U256::from_be_slice(&calldata[at..at + 32]).to::<usize>();
    let offsets = start + word(start + 3 * 32) + 32;
    let mut shared = calldata.clone();
    for next in 1..40 {
        shared.copy_within(offsets..offsets + 32, offsets + 32 * next);
    }
    let error = ExecutedBatch::all_in(&shared).unwrap_err();
    assert_eq!(error.problem, CalldataProblem::Repeated, "{error}");
}
