use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use serde_json::{Value, json};
use slproof::{
    FailureCode, Trees, TreesOptions,
    primitives::{Address, Word},
};

use crate::support::{
    binary::{Run, run},
    fixture, json_lines,
    l1::{BRIDGEHUB, L1State, bridgehub, slot},
    vectors::{hex, unhex},
};

const FOLDER: &str = "gateway-v29";
const CHAIN: u64 = 324;
const GATEWAY: u64 = 506;

/// The proofs of the chain by batch and log, in one of the files of proofs that the contracts accepted.
fn proofs(file: &str, kind: &str) -> BTreeMap<(u64, u64), Value> {
    let lines = json_lines(&format!("{FOLDER}/{file}"));
    let own =
        lines.into_iter().filter(|line| line["chainId"] == CHAIN && line["target"]["kind"] == kind);
    own.map(|line| {
        let number = |name: &str| line[name].as_u64().unwrap();
        ((number("batchNumber"), number("logIndex")), line)
    })
    .collect()
}

fn to_l1() -> BTreeMap<(u64, u64), Value> {
    proofs("proofs_l1.jsonl.gz", "own")
}

fn to_blocks() -> BTreeMap<(u64, u64), Value> {
    proofs("proofs.jsonl.gz", "executed-block")
}

/// What a node stores of a proof: its words after the log path, by bincode.
fn stored(proof: &Value) -> Vec<u8> {
    let words = proof["proof"].as_array().unwrap();
    let metadata = unhex(&words[0]);
    let rest = &words[1 + usize::from(metadata[1])..];
    let mut bytes = u32::from(metadata[2]).to_le_bytes().to_vec();
    bytes.extend((rest.len() as u64).to_le_bytes());
    for word in rest {
        bytes.extend(66u64.to_le_bytes());
        bytes.extend(word.as_str().unwrap().as_bytes());
    }
    bytes
}

fn bytea(bytes: &[u8]) -> String {
    format!("\\x{}", &hex(bytes)[2..])
}

/// A row of `l1_batches` for each batch of the chain: number, root and both paths.
fn rows() -> Vec<[String; 4]> {
    let (l1, blocks) = (to_l1(), to_blocks());
    let first = |proofs: &BTreeMap<(u64, u64), Value>, number| {
        let of = proofs.range((number, 0)..(number + 1, 0)).next();
        of.map_or(String::new(), |(_, proof)| bytea(&stored(proof)))
    };
    let lines = json_lines(&format!("{FOLDER}/logs.jsonl.gz"));
    let own = lines.into_iter().filter(|line| line["chainId"] == CHAIN);
    own.map(|line| {
        let number = line["batchNumber"].as_u64().unwrap();
        let root = bytea(&unhex(&line["chainBatchRoot"]));
        [number.to_string(), root, first(&l1, number), first(&blocks, number)]
    })
    .collect()
}

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn prove(&self, rows: &[[String; 4]], rest: &[&str]) -> Run {
        let all = [&["--all", "--chain", "324"][..], rest].concat();
        self.prove_logs(&format!("{FOLDER}/logs.jsonl.gz"), rows, &all)
    }

    fn table(&self, rows: &[[String; 4]]) -> PathBuf {
        let table = self.path("l1_batches.csv");
        let header = "number,l2_l1_merkle_root,batch_chain_merkle_path,batch_chain_merkle_path_until_msg_root";
        let lines: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        fs::write(&table, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
        table
    }

    fn prove_logs(&self, logs: &str, rows: &[[String; 4]], rest: &[&str]) -> Run {
        let table = self.table(rows);
        let logs = fixture(logs);
        let (table, logs) = (table.to_str().unwrap(), logs.to_str().unwrap());
        run([&["prove", "--tree", table, "--messages", logs][..], rest].concat())
    }
}

/// The records of a run, by batch and log.
fn made(run: &Run) -> BTreeMap<(u64, u64), Value> {
    let records = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let proven = records.filter(|record| record.get("proof").is_some());
    proven
        .map(|record| {
            let number = |name: &str| record[name].as_u64().unwrap();
            ((number("batchNumber"), number("id")), record)
        })
        .collect()
}

#[test]
fn stored_paths_make_the_proofs_that_the_contracts_accepted() {
    let case = Case::new();
    let rows = rows();
    for (target, expected) in [("sl-batch:first", to_l1()), ("first", to_blocks())] {
        let run = case.prove(&rows, &["--target", target]);
        let made = made(&run);
        assert!(expected.len() > 100);
        for (key, proof) in &expected {
            let record = made.get(key).unwrap_or_else(|| panic!("{key:?}: {}", run.stderr));
            assert_eq!(record["proof"], proof["proof"], "{key:?}");
            assert_eq!(record["target"]["root"], proof["target"]["root"], "{key:?}");
            // Nothing confirms the table, so nothing is said of it.
            assert_eq!(record.get("checkedBy"), None);
        }
        assert_eq!(run.stderr.matches("compared with nothing").count(), 1, "{}", run.stderr);
    }
    let latest = case.prove(&rows, &["--target", "latest"]);
    assert_eq!(latest.code, Some(2), "{}", latest.stderr);
}

/// A target with a number takes the paths that lead to this block or batch of the settlement layer.
#[test]
fn a_target_with_a_number_takes_the_paths_to_it() {
    let case = Case::new();
    let rows = rows();
    for (kind, member, all) in [("sl-batch", "slBatch", to_l1()), ("block", "slBlock", to_blocks())]
    {
        let (_, last) = all.last_key_value().unwrap();
        let number = &last["target"][member];
        let batches = |is_it: bool| -> BTreeSet<u64> {
            let of = all.iter().filter(|(_, proof)| (proof["target"][member] == *number) == is_it);
            of.map(|((batch, _), _)| *batch).collect()
        };
        let (expected, others) = (batches(true), batches(false));
        assert!(!others.is_empty() && expected.is_disjoint(&others));
        let run = case.prove(&rows, &["--target", &format!("{kind}:{number}")]);
        let made = made(&run);
        assert_eq!(made.keys().map(|(batch, _)| *batch).collect::<BTreeSet<_>>(), expected);
        let refused = run.stdout.lines().filter(|line| line.contains("batch-not-in-tree"));
        assert!(refused.count() >= others.len(), "{}", run.stdout);
    }
}

/// An answer of a node names the block of the settlement layer. A path to a batch of it does not tell the block.
#[test]
fn an_answer_names_the_block_to_which_a_path_leads() {
    let case = Case::new();
    let rows = rows();
    let blocks: BTreeMap<u64, Value> = to_blocks()
        .into_iter()
        .map(|((batch, _), proof)| (batch, proof["target"]["slBlock"].clone()))
        .collect();
    for (target, is_block) in [("first", true), ("sl-batch:first", false)] {
        let run = case.prove(&rows, &["--target", target, "--format", "rpc"]);
        let answers = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let answers: Vec<Value> = answers.filter(|line| line.get("proof").is_some()).collect();
        assert!(answers.len() > 100, "{}", run.stderr);
        for answer in answers {
            let block = &blocks[&answer["batchNumber"].as_u64().unwrap()];
            let expected = if is_block { block } else { &Value::Null };
            assert_eq!(&answer["gatewayBlockNumber"], expected);
        }
    }
}

/// The paths are not rebuilt, so nothing is there with which events or batches of the settlement layer could be used.
#[test]
fn stored_paths_are_used_alone() {
    let case = Case::new();
    let rows = rows();
    let table = case.table(&rows);
    let has_path = |row: &&[String; 4]| row[2..].iter().any(|path| !path.is_empty());
    let batches = rows.iter().filter(has_path).count();
    let opened = Trees::open(&[&table], &TreesOptions::default()).unwrap();
    assert_eq!(opened.to_string(), format!("paths that a node stored, of {batches} batches"));
    let others: [fn(&mut TreesOptions) -> &mut Vec<PathBuf>; 3] = [
        |options| &mut options.events,
        |options| &mut options.sl_batches,
        |options| &mut options.from_l1,
    ];
    for other in others {
        let mut options = TreesOptions::default();
        other(&mut options).push(fixture(&format!("{FOLDER}/events.jsonl.gz")));
        let error = Trees::open(&[&table], &options).unwrap_err();
        assert_eq!(error.code(), FailureCode::InvalidOptions, "{error}");
        assert!(error.to_string().contains("cannot be used together"), "{error}");
    }
}

/// The state of L1 confirms the roots, or refuses the proofs of a batch whose path was altered.
#[test]
fn l1_confirms_the_roots_or_refuses_the_proofs() {
    let case = Case::new();
    let (mut l1, file) =
        (L1State::of_fixture(&format!("{FOLDER}/l1.state.anvil.json")), case.path("l1.json"));
    l1.write(&file);
    let target = ["--target", "sl-batch:first", "--anchor-bridgehub", BRIDGEHUB];
    let target = [&target[..], &["--anchor", file.to_str().unwrap()]].concat();
    let rows = rows();
    let expected = to_l1();
    let run = case.prove(&rows, &target);
    let confirmed = made(&run);
    for (key, proof) in &expected {
        assert_eq!(confirmed[key]["proof"], proof["proof"], "{key:?}");
        assert_eq!(confirmed[key]["checkedBy"], "l1", "{key:?}");
    }
    assert!(!run.stderr.contains("compared with nothing"), "{}", run.stderr);

    let (&(number, _), proof) = expected.first_key_value().unwrap();
    let sl_batch = proof["target"]["slBatch"].as_u64().unwrap();
    // Another sibling in the path of the first batch.
    let mut altered = rows.clone();
    let row = altered.iter_mut().find(|row| row[0] == number.to_string()).unwrap();
    let last = row[2].pop().unwrap();
    // Both are digits of hexadecimal text in ASCII.
    row[2].push(if last == '1' { '2' } else { '1' });
    let run = case.prove(&altered, &target);
    assert!(made(&run).keys().all(|(batch, _)| *batch != number));
    assert!(run.stdout.contains("sl-batch-root-differs"), "{}", run.stderr);
    // L1 has no root of that batch.
    let diamond = Address::from_word(l1.word(bridgehub(), slot(210, &[GATEWAY.into()])));
    l1.set(diamond, slot(15, &[sl_batch.into()]), Word::from(0));
    l1.write(&file);
    let run = case.prove(&rows, &target);
    assert!(made(&run).keys().all(|(batch, _)| *batch != number));
    assert!(run.stdout.contains("sl-batch-not-on-l1"), "{}", run.stderr);
}

/// A stored path has no timestamp, which L1 asks for since v33.
#[test]
fn an_l1_of_v33_refuses_stored_paths() {
    let case = Case::new();
    let file = case.path("l1.json");
    let folder = "gateway-v29-to-v31";
    let proofs = json_lines(&format!("{folder}/proofs_l1.jsonl.gz"));
    let is_of_batch = |proof: &Value| {
        (&proof["chainId"], &proof["batchNumber"], &proof["target"]["kind"])
            == (&json!(12), &json!(1154), &json!("own"))
    };
    let proof = proofs.into_iter().find(is_of_batch).unwrap();
    let row = ["1154".into(), bytea(&unhex(&proof["root"])), bytea(&stored(&proof)), String::new()];
    let target = ["--all", "--chain", "12", "--target", "sl-batch:first"];
    let anchor = ["--anchor-bridgehub", BRIDGEHUB, "--anchor", file.to_str().unwrap()];
    let prove = |l1: &L1State| {
        l1.write(&file);
        let logs = format!("{folder}/withdrawals.jsonl.gz");
        case.prove_logs(&logs, std::slice::from_ref(&row), &[&target[..], &anchor].concat())
    };
    let l1 = L1State::of_fixture(&format!("{folder}/l1.state.anvil.json"));
    let run = prove(&l1);
    assert!(!made(&run).is_empty(), "{}{}", run.stdout, run.stderr);
    let run = prove(&l1.upgraded_to_v33(Address::new([0xa1; 20])));
    assert!(made(&run).is_empty(), "{}", run.stdout);
    assert!(run.stdout.contains("proof-of-other-release"), "{}", run.stderr);
}

/// Nodes store paths of releases before v33, whose batch roots have no eight leaves.
#[test]
fn leaves_of_batch_roots_are_not_proven_by_stored_paths() {
    let case = Case::new();
    let row = rows().into_iter().find(|row| !row[3].is_empty()).unwrap();
    let leaf = |logs: &str, chain: &str, row: [String; 4]| {
        let number = row[0].clone();
        let batch = ["--chain", chain, "--batch", &number, "--target", "first"];
        let run = case.prove_logs(logs, &[row], &[&["--leaf", "imt-begin"][..], &batch].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(5), ""), "{}", run.stderr);
        run.stderr
    };
    let error = leaf(&format!("{FOLDER}/logs.jsonl.gz"), "324", row.clone());
    assert!(error.contains("has not eight leaves"), "{error}");
    let lines = json_lines("v33/logs.jsonl.gz");
    let eight = lines.into_iter().find(|line| line["form"] == "8-leaf").unwrap();
    let [_, _, _, path] = row;
    let (number, root) =
        (eight["batchNumber"].to_string(), bytea(&unhex(&eight["chainBatchRoot"])));
    let chain = eight["chainId"].to_string();
    let error = leaf("v33/logs.jsonl.gz", &chain, [number, root, String::new(), path]);
    assert!(error.contains("stored no path"), "{error}");
}

#[test]
fn damaged_paths_are_named() {
    let case = Case::new();
    let good = rows().swap_remove(0);
    let target = ["--target", "sl-batch:first"];
    let run = case.prove(std::slice::from_ref(&good), &target);
    assert!(!made(&run).is_empty(), "{}", run.stderr);
    let bytes = unhex(&json!(format!("0x{}", &good[2][2..])));
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytea(&bytes)
    };
    for (path, place) in [
        (with(1, 1), "byte 0"),
        (with(4, 0xff), "byte 4"),
        (with(0, 0xee), "byte 12"),
        (with(12, 0x41), "byte 12"),
        (with(20, b'1'), "byte 20"),
        (bytea(&bytes[..bytes.len() - 1]), "byte 4"),
        (bytea(&[&bytes[..], &[0]].concat()), "byte 4"),
        ("\\x0".into(), "odd number"),
    ] {
        let mut row = good.clone();
        row[2] = path;
        let run = case.prove(&[row], &target);
        assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""), "{place}: {}", run.stderr);
        for part in [place, "batch_chain_merkle_path", "l1_batches", "line 2"] {
            assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
        }
    }
    let mut other = good.clone();
    other[1] = bytea(&[7; 32]);
    let run = case.prove(&[good.clone(), other.clone()], &target);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("contradicts"), "{}", run.stderr);
    // Logs do not fold to another root.
    let run = case.prove(&[other], &target);
    assert_eq!(made(&run).len(), 0);
    assert!(run.stdout.contains("logs-do-not-fold"), "{}", run.stderr);
    assert!(run.stdout.contains("the table may be of another chain"), "{}", run.stdout);
    let mut empty = good;
    (empty[2], empty[3]) = (String::new(), String::new());
    assert_eq!(case.prove(&[empty], &target).code, Some(3));
}
