//! What users can rely on, one test for each guarantee.
//!
//! The tests of each module check most of these in more depth. The tests here use other data.

use std::{fs, io::Write, process::Stdio, thread};

use serde_json::{Value, json};
use sha3::{Digest, Keccak256};
use slproof::{
    contracts::Layout,
    forest::{RebuildOptions, chain_id_leaf, rebuild},
    primitives::{BatchNumber, ChainId, Hash},
};

use crate::support::{
    self,
    binary::{Run, command, prove_args, run, run_with_input, run_within},
    fixture, json_lines,
    layer::Layer,
    vectors::{hex, unhex},
};

const FOLDER: &str = "gateway-v31";

fn path(file: &str) -> String {
    fixture(&format!("{FOLDER}/{file}")).to_str().unwrap().to_owned()
}

/// A directory for outputs.
struct Outputs(tempfile::TempDir);

impl Outputs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn text(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.text(name)).unwrap()
    }

    /// Runs a command with an output, which has to succeed.
    fn make(&self, args: &[&str], name: &str) -> String {
        let output = self.text(name);
        let made = run([args, &["-o", &output, "-q"]].concat());
        assert_eq!(made.code, Some(0), "{args:?}: {}", made.stderr);
        output
    }
}

fn values(lines: &[u8]) -> Vec<Value> {
    serde_json::Deserializer::from_slice(lines).into_iter().map(Result::unwrap).collect()
}

fn prove(rest: &[&str]) -> Vec<Value> {
    let made = run(prove_args(FOLDER, rest));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    values(made.stdout.as_bytes())
}

/// The verifier accepts every proof that is written, even if the archive is damaged.
#[test]
fn every_proof_that_is_written_is_valid() {
    let outputs = Outputs::new();
    let mut lines = json_lines(&format!("{FOLDER}/logs.jsonl.gz"));
    lines.retain(|line| line["logs"] != json!([]));
    for line in lines.iter_mut().step_by(3) {
        let mut log = unhex(&line["logs"][0]);
        log[3] ^= 1;
        line["logs"][0] = json!(hex(&log));
    }
    let (archive, proofs) = (outputs.text("logs.jsonl"), outputs.text("proofs.ndjson"));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&archive, text).unwrap();
    let state = path("state.anvil.json");
    let args = ["prove", "--tree", &state, "--messages", &archive, "--all", "-q", "-o", &proofs];
    assert_eq!(run(args).code, Some(1));
    let written = values(&outputs.read("proofs.ndjson"));
    let proven = written.iter().filter(|line| line["proof"].is_array()).count();
    assert!(proven > 500 && proven < written.len(), "{proven} of {}", written.len());
    let verified = run(["verify", &proofs, "--anchor", &state]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
}

/// The verdict is the same as that of the contracts, which accepted or refused these proofs.
#[test]
fn verdicts_are_those_of_the_contracts() {
    for (file, accepted) in [("proofs", true), ("proofs_negative", false)] {
        let record = |line: &Value| {
            let target = &line["target"];
            let mut record = json!({
                "chainId": line["chainId"], "batchNumber": line["batchNumber"], "id": line["logIndex"],
                "proof": line["proof"], "log": line["log"],
                "target": {
                    "kind": "block", "slChainId": 506, "number": target["slBlock"], "root": target["root"],
                },
            });
            if line["messageHex"].is_string() {
                record["message"] = line["messageHex"].clone();
            }
            record
        };
        let lines = json_lines(&format!("{FOLDER}/{file}.jsonl.gz"));
        let text: String = lines.iter().map(|line| format!("{}\n", record(line))).collect();
        let args = ["verify", "-", "--anchor", &path("state.anvil.json"), "--report", "-", "-q"];
        let judged = run_with_input(args, text.as_bytes());
        let verdicts = values(judged.stdout.as_bytes());
        assert_eq!(verdicts.len(), lines.len(), "{}", judged.stderr);
        for (verdict, line) in verdicts.iter().zip(&lines) {
            assert_eq!(verdict["valid"] == json!(true), accepted, "{verdict} {}", line["case"]);
        }
    }
}

/// A proof is the same as the answer of a server: real clients accepted the recorded answers, and the published one comes
/// from a node of a test network.
#[test]
fn answers_are_those_of_servers() {
    let path = |file: &str| fixture(&format!("gateway-v29/{file}")).to_str().unwrap().to_owned();
    let batches = path("gw_batches.jsonl");
    for client in ["viem-2.57.20", "zksync-js-0.0.19"] {
        let recorded = support::json(&format!("rpc/{client}.json"));
        let pairs = recorded["pairs"].as_array().unwrap().iter();
        let mut compared = 0;
        for pair in pairs.filter(|pair| pair["request"]["method"] == "zks_getL2ToL1LogProof") {
            let (params, answer) = (&pair["request"]["params"], &pair["response"]["result"]);
            if answer.is_null() {
                continue;
            }
            let target = match params[2].as_str() {
                Some("messageRoot") => &["--target", "first"][..],
                _ => &["--target", "sl-batch:2001", "--sl-batches", &batches],
            };
            let [batch, id] = ["batchNumber", "id"].map(|name| answer[name].to_string());
            let log = ["--chain", "324", "--batch", &batch, "--index", &id, "--format", "rpc"];
            let made = run(prove_args("gateway-v29", &[&log, target].concat()));
            let made: Value = serde_json::from_str(&made.stdout).expect(&made.stderr);
            for name in ["id", "root", "batchNumber"] {
                assert_eq!(made[name], answer[name], "{params}");
            }
            // The recordings have the first words of a proof and the number of all words.
            let (words, of) =
                (made["proof"].as_array().unwrap(), answer["proof"].as_array().unwrap());
            assert_eq!(words[..of.len() - 1], of[..of.len() - 1], "{params}");
            assert_eq!(json!(format!("… {} words", words.len())), of[of.len() - 1], "{params}");
            compared += 1;
        }
        assert!(compared > 1, "{client}");
    }
    let published = support::json("public/vectors.json");
    let mut of_nodes = published["vectors"].as_array().unwrap().iter();
    let answer = of_nodes.find(|vector| vector["id"] == "era-docs-271-22-msgroot").unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let result = json!({
        "id": answer["leafMask"], "root": answer["expected"]["rpcRoot"], "proof": answer["proof"],
    });
    let body = json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string();
    let (root, log) = (text(&answer["expected"]["interopRoot"]), text(&answer["leafPreimage88"]));
    let rest = ["--chain-id", "271", "--batch", "22", "--log", &log];
    let args = [&["verify", "-", "--root", &root][..], &rest].concat();
    let verdict = run_with_input(args, body.as_bytes());
    assert_eq!(verdict.code, Some(0), "{}", verdict.stderr);
}

/// A state whose trees differ from what the contracts stored is refused with exit code 4.
#[test]
fn a_state_that_differs_from_its_trees_is_refused() {
    let outputs = Outputs::new();
    let state = support::json(&format!("{FOLDER}/state.anvil.json"));
    let slots = "/accounts/0x0000000000000000000000000000000000010005/storage";
    let stored = state.pointer(slots).unwrap().as_object().unwrap();
    let whole = run(["rebuild", &path("state.anvil.json"), "--json", "-q"]);
    let (mut differ, mut same) = (0, 0);
    for (slot, value) in stored.iter().step_by(9) {
        // A hash, or a small number such as a count.
        let value = value.as_str().unwrap();
        let (kept, last) = value.split_at(value.len() - 1);
        let other = if last == "5" { "6" } else { "5" };
        let mut altered = state.clone();
        altered.pointer_mut(slots).unwrap()[slot] = json!(format!("{kept}{other}"));
        let dump = outputs.text("state.json");
        fs::write(&dump, altered.to_string()).unwrap();
        let rebuilt = run(["rebuild", &dump, "--json", "-q"]);
        match rebuilt.code {
            // Past interop roots are not part of the trees.
            Some(0) => {
                assert_eq!(rebuilt.stdout, whole.stdout, "{slot}");
                same += 1;
            }
            Some(3 | 4) => differ += usize::from(rebuilt.code == Some(4)),
            _ => panic!("{slot}: {:?} {}", rebuilt.code, rebuilt.stderr),
        }
    }
    assert!(differ > 20, "{differ} are refused with 4, {same} change nothing");
}

/// `check` finds zeroed, swapped and cut parts of native files.
#[test]
fn damage_is_found() {
    const PAGE: usize = 512;
    let outputs = Outputs::new();
    let state = outputs.make(&["import", &path("state.anvil.json")], "state.slsnap");
    let trees = outputs.make(&["rebuild", &state, "--history"], "trees.sltree");
    for (file, every) in [(&state, 8), (&trees, 1)] {
        let good = fs::read(file).unwrap();
        let damaged = outputs.text("damaged");
        let refused = |bytes: &[u8], what: &str| {
            fs::write(&damaged, bytes).unwrap();
            let checked = run(["check", &damaged]);
            assert_eq!(checked.code, Some(3), "{file} {what}: {}", checked.stderr);
        };
        for at in (0..good.len() - 2 * PAGE).step_by(PAGE * every) {
            let (mut zeroed, mut swapped, mut doubled) = (good.clone(), good.clone(), good.clone());
            zeroed[at..at + PAGE].fill(0);
            swapped[at..at + 2 * PAGE].rotate_left(PAGE);
            doubled.copy_within(at..at + PAGE, at + PAGE);
            for (what, bytes) in [("zeroed", zeroed), ("swapped", swapped), ("doubled", doubled)] {
                if bytes != good {
                    refused(&bytes, &format!("{what} at {at}"));
                }
            }
            refused(&good[..at], &format!("cut at {at}"));
        }
    }
}

/// If a file is truncated while it is in use, the command ends with an error and not with a signal.
#[cfg(target_os = "linux")]
#[test]
fn a_truncated_file_is_an_error() {
    let outputs = Outputs::new();
    let state = path("state.anvil.json");
    let trees = outputs.make(&["rebuild", &state], "trees.sltree");
    for (flag, code) in [(None, 3), (Some("--no-mmap"), 0)] {
        let logs = outputs.make(&["index", &path("logs.jsonl.gz")], "logs.slmsg");
        let pipe = outputs.text("requests");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut child = command();
        child
            .args(["prove", "--tree", &trees, "--messages", &logs, "--requests", &pipe])
            .args(flag);
        child.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = child.spawn().unwrap();
        // Opening waits for the reader, which opens its archives first.
        let mut requests = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        fs::OpenOptions::new().write(true).open(&logs).unwrap().set_len(4096).unwrap();
        let line = json!({"chainId": 388, "batchNumber": 102, "id": 0});
        requests.write_all(format!("{line}\n").as_bytes()).unwrap();
        drop(requests);
        let ended = Run::from(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert_eq!(
            ended.stderr.contains("logs.slmsg was truncated"),
            code == 3,
            "{}",
            ended.stderr
        );
        fs::remove_file(pipe).unwrap();
    }
}

/// A process that is killed at any system call leaves the old output or the new one.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn a_crash_leaves_the_old_file_or_the_new_one() {
    use crate::support::{faults::Fault, faulty_job::Job};
    let dump = fixture(&format!("{FOLDER}/geth.dump.json.gz"));
    Job::new(&[dump], &["rebuild", "in/geth.dump.json.gz"], "trees.sltree")
        .survives(&[Fault::Kill]);
}

/// Small inputs do not need much memory.
#[test]
fn memory_is_bounded() {
    let outputs = Outputs::new();
    let mut bomb = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..2048 {
        bomb.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let nested = "[".repeat(1 << 20);
    let (root, out) = (Hash::ZERO.to_string(), outputs.text("out"));
    for (name, bytes) in [("bomb.zst", &bomb[..]), ("nested.json", nested.as_bytes())] {
        let input = outputs.text(name);
        fs::write(&input, bytes).unwrap();
        for args in [
            &["import", &input, "-o", &out][..],
            &["index", &input, "-o", &out, "--chain", "324"],
            &["verify", &input, "--root", &root],
        ] {
            let refused = run_within(1024, args.iter().chain(&["--threads", "1"]));
            assert_eq!(refused.code, Some(3), "{args:?}: {}", refused.stderr);
        }
    }
    let mut counts = fs::read(fixture("golden/tree-1.sltree")).unwrap();
    let at = counts.len() - 64 + 8;
    counts[at..at + 8].fill(0xff);
    let file = outputs.text("counts.sltree");
    fs::write(&file, counts).unwrap();
    assert_eq!(run_within(1024, ["check", &file, "--threads", "1"]).code, Some(3));
}

/// No input makes a command panic.
#[test]
fn no_input_makes_a_command_panic() {
    let outputs = Outputs::new();
    let (root, out) = (Hash::ZERO.to_string(), outputs.text("out"));
    let mut files = Vec::new();
    for folder in ["golden", "forged", "public", "rpc", FOLDER] {
        let entries = fs::read_dir(fixture(folder)).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    files.retain(|file| file.metadata().unwrap().len() < 50_000);
    assert!(files.len() > 10);
    let input = outputs.text("input");
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for bytes in [&bytes[..], &bytes[..bytes.len() / 2], &bytes[bytes.len() / 3..]] {
            fs::write(&input, bytes).unwrap();
            for args in [
                &["inspect", &input][..],
                &["check", &input],
                &["history", &input],
                &["verify", &input, "--root", &root],
                &["verify", &input, "--anchor", &input],
                &["import", &input, "-o", &out],
                &["index", &input, "-o", &out],
                &["rebuild", &input, "-o", &out],
                &["merge", &input, "-o", &out],
            ] {
                let ended = run(args);
                let is_known = ended.code.is_some_and(|code| (0..=6).contains(&code));
                let name = file.display();
                assert!(is_known, "{name}, {args:?}: {:?} {}", ended.code, ended.stderr);
            }
        }
    }
}

/// The same input gives the same bytes for any number of threads and shards.
#[test]
fn bytes_do_not_depend_on_threads_or_shards() {
    let outputs = Outputs::new();
    let [state, logs] = ["state.anvil.json", "logs.jsonl.gz"].map(path);
    let prove = ["prove", "--tree", &state, "--messages", &logs, "--all"];
    let jobs: [&[&str]; 5] = [
        &["import", &state],
        &["rebuild", &state, "--history"],
        &["index", &logs],
        &prove,
        &[&prove[..], &["--format", "parquet"]].concat(),
    ];
    for job in jobs {
        let of = |threads| {
            outputs.make(&[job, &["--threads", threads]].concat(), "made");
            outputs.read("made")
        };
        let one = of("1");
        assert!(["2", "3", "8"].into_iter().all(|threads| of(threads) == one), "{job:?}");
    }
    outputs.make(&prove, "whole");
    for count in [1, 2, 5] {
        let shard = |number| {
            let shard = format!("{number}/{count}");
            outputs.make(&[&prove[..], &["--shard", &shard]].concat(), &format!("shard-{number}"))
        };
        let shards: Vec<String> = (1..=count).map(shard).collect();
        let shards = shards.iter().map(String::as_str);
        outputs.make(&["merge"].into_iter().chain(shards).collect::<Vec<_>>(), "merged");
        assert!(outputs.read("merged") == outputs.read("whole"), "{count} shards");
    }
}

/// Files of earlier releases stay readable, and their proofs stay valid.
#[test]
fn old_outputs_stay_valid() {
    let golden = |file: &str| fixture(&format!("golden/{file}")).to_str().unwrap().to_owned();
    for proofs in ["proofs-1.ndjson", "proofs-1.parquet", "proofs-1.calldata.ndjson"] {
        let args = ["verify", &golden(proofs), "--anchor", &path("state.anvil.json"), "--json"];
        let verified = run(args);
        assert_eq!(verified.code, Some(0), "{proofs}: {}", verified.stderr);
    }
    for file in ["snapshot-1-era.slsnap", "tree-1.sltree", "archive-v1.slmsg"] {
        let checked = run(["check", &golden(file)]);
        assert_eq!(checked.code, Some(0), "{file}: {}", checked.stderr);
    }
}

/// A job that is interrupted at any system call and resumed writes the same bytes as an uninterrupted one.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn an_interrupted_job_resumes() {
    use crate::support::{faults::Fault, faulty_job::Job};
    Job::interrupted("proofs.ndjson.gz").survives(&[Fault::Interrupt]);
}

/// A second implementation, written from the published formulas alone, folds every proof to the root that the contracts
/// returned.
#[test]
fn a_second_implementation_agrees() {
    let formulas = support::json("public/vectors.json");
    let root = support::json(&format!("{FOLDER}/roots.json"));
    let padding = |name: &str| unhex(&formulas["constants"][name]);
    let number = |number: u64| [&[0; 24][..], &number.to_be_bytes()].concat();
    let keccak = |parts: &[&[u8]]| Keccak256::digest(parts.concat()).to_vec();
    let fold = |leaf: Vec<u8>, index: u64, path: &[Vec<u8>]| {
        path.iter().enumerate().fold(leaf, |node, (level, sibling)| match index >> level & 1 {
            0 => keccak(&[&node, sibling]),
            _ => keccak(&[sibling, &node]),
        })
    };
    let low = |word: &[u8]| u64::from_be_bytes(word[24..].try_into().unwrap());
    let records = prove(&["--all"]);
    for record in &records {
        let words: Vec<Vec<u8>> = record["proof"].as_array().unwrap().iter().map(unhex).collect();
        let (mut rest, mut node) = (&words[..], keccak(&[&unhex(&record["log"])]));
        let [mut chain, mut batch, mut index] =
            ["chainId", "batchNumber", "id"].map(|name| record[name].as_u64().unwrap());
        loop {
            let [_, logs, batches, is_last, ..] = rest[0][..] else { panic!("{record}") };
            let (path, after) = rest[1..].split_at(usize::from(logs));
            node = fold(node, index, path);
            if is_last == 1 {
                break;
            }
            let leaf = keccak(&[&padding("BATCH_LEAF_PADDING"), &node, &number(batch)]);
            let (path, after) = after[1..].split_at(usize::from(batches));
            let place = low(&rest[1 + usize::from(logs)]);
            let chain_root = fold(leaf, place, path);
            node = keccak(&[&padding("CHAIN_ID_LEAF_PADDING"), &chain_root, &number(chain)]);
            (batch, index, chain) = (
                u64::from_be_bytes(after[0][8..16].try_into().unwrap()),
                low(&after[0]),
                low(&after[1]),
            );
            rest = &after[2..];
        }
        assert_eq!(json!(hex(&node)), root["aggregatedRoot"], "{record}");
    }
    assert!(records.len() > 1000);
}

/// Trees of every size near a power of two, with few and many chains, have the root that the contract computes.
#[test]
fn trees_of_every_size_are_right() {
    let mut sizes: Vec<u64> = (0..=9).collect();
    sizes.extend([15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257]);
    thread::scope(|scope| {
        for chains in [1, 2, 3, 4, 5, 9] {
            let sizes = &sizes;
            scope.spawn(move || {
                for size in sizes {
                    let mut layer = Layer::new(Layout::V29, ChainId(506));
                    (1..=chains).for_each(|chain| layer.add_chain(ChainId(1000 + chain)));
                    for batch in 1..=*size {
                        let root = chain_id_leaf(Hash::ZERO, ChainId(batch));
                        layer.append(chains as usize, BatchNumber(batch), root);
                    }
                    layer.update_full_tree();
                    layer.set_block(7);
                    let forest = rebuild(&layer.state(), &RebuildOptions::default()).unwrap();
                    assert_eq!(forest.root(), layer.root(), "{chains} chains, {size} batches");
                }
            });
        }
    });
}
