//! The commands as scripts use them: outputs, exit codes, pipes.

use std::fs;

use crate::support::{
    self,
    binary::{Run, run, run_with_input},
    fixture,
};
use serde_json::Value;

fn path(file: &str) -> String {
    fixture(file).to_str().unwrap().to_owned()
}

fn prove(rest: &[&str]) -> Run {
    let (tree, messages) =
        (path("gateway-v31/state.anvil.json"), path("gateway-v31/logs.jsonl.gz"));
    run(["prove", "--tree", &tree, "--messages", &messages].into_iter().chain(rest.iter().copied()))
}

fn one_log() -> [&'static str; 6] {
    ["--chain", "324", "--batch", "501234", "--index", "1"]
}

/// The first vector that is a message, and its hash.
fn a_message() -> (Value, String) {
    let line = support::json_lines("gateway-v31/proofs.jsonl.gz")
        .into_iter()
        .find(|line| line["target"]["kind"] == "final" && line["messageHex"].is_string())
        .unwrap();
    let hash = format!("0x{}", &line["log"].as_str().unwrap()[2 + 2 * 56..]);
    (line, hash)
}

#[test]
fn rebuild_prints_chains_and_roots() {
    let roots = support::json("gateway-v31/roots.json");
    let state = path("gateway-v31/geth.dump.iterative.jsonl.gz");
    let table = run(["rebuild", &state]);
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    assert!(table.stdout.contains(roots["aggregatedRoot"].as_str().unwrap()));
    let json = run(["rebuild", &state, "--json", "-q"]);
    let value: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["sharedTree"]["root"], roots["aggregatedRoot"]);
    assert_eq!(value["chains"].as_array().unwrap().len(), 17);
    assert_eq!(json.stderr, "");
}

#[test]
fn one_proof_is_json_with_the_fields_of_the_contract() {
    let proof = prove(&one_log());
    assert_eq!(proof.code, Some(0), "{}", proof.stderr);
    let value: Value = serde_json::from_str(&proof.stdout).unwrap();
    let fields: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "batchNumber",
            "chainId",
            "checkedBy",
            "id",
            "log",
            "message",
            "messageHash",
            "proof",
            "root",
            "sender",
            "target",
            "txNumberInBatch"
        ]
    );
    assert_eq!(value["target"]["kind"], "block");
    assert_eq!(value["target"]["slChainId"], 506);

    let rpc = prove(&[&one_log()[..], &["--format", "rpc"]].concat());
    let value: Value = serde_json::from_str(&rpc.stdout).unwrap();
    let fields: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["batchNumber", "gatewayBlockNumber", "id", "proof", "root"]);
}

#[test]
fn a_message_hash_selects_every_log_of_the_message() {
    let (line, hash) = a_message();
    let found = prove(&["--message", &hash, "--format", "json"]);
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let value: Value = serde_json::from_str(&found.stdout).unwrap();
    let records = value.as_array().cloned().unwrap_or_else(|| vec![value]);
    assert!(records.iter().any(|record| record["proof"] == line["proof"]));
    assert!(records.iter().all(|record| record["message"] == line["messageHex"]));
}

#[test]
fn all_is_ordered_and_narrowed_and_the_same_for_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, threads) in [("one", "1"), ("three", "3")] {
        let run = prove(&["--all", "--threads", threads, "-o", &file(name)]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
    let all = fs::read_to_string(file("one")).unwrap();
    assert_eq!(all, fs::read_to_string(file("three")).unwrap());
    let place = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        ["chainId", "batchNumber", "id"].map(|field| record[field].as_u64().unwrap())
    };
    let places: Vec<_> = all.lines().map(place).collect();
    assert_eq!(places.len(), 2532);
    assert!(places.is_sorted());

    let of_chain = prove(&["--all", "--chain", "388"]);
    assert!(of_chain.stdout.lines().all(|line| place(line)[0] == 388));
    let of_batch = prove(&["--all", "--chain", "388", "--batch", "101", "--format", "json"]);
    let records: Vec<Value> = serde_json::from_str(&of_batch.stdout).unwrap();
    assert!(!records.is_empty() && records.iter().all(|r| r["batchNumber"] == 101));
}

#[test]
fn verify_reads_what_prove_writes_and_reports_each_line() {
    let anchor = path("gateway-v31/state.anvil.json");
    for format in ["json", "ndjson"] {
        let proofs = prove(&["--all", "--chain", "388", "--format", format]).stdout;
        let verdict = run_with_input(["verify", "-", "--anchor", &anchor], proofs.as_bytes());
        assert_eq!(verdict.code, Some(0), "{}", verdict.stderr);
    }
    let mut lines: Vec<String> =
        prove(&["--all", "--chain", "388"]).stdout.lines().map(str::to_owned).collect();
    lines[1] = lines[1].replacen("\"id\":", "\"id\":1", 1);
    lines[3] = "no record".into();
    let input = lines.join("\n");
    let verdict =
        run_with_input(["verify", "-", "--anchor", &anchor, "--report", "-"], input.as_bytes());
    assert_eq!(verdict.code, Some(1), "{}", verdict.stderr);
    let verdicts: Vec<Value> =
        verdict.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts.len(), lines.len());
    for (i, verdict) in verdicts.iter().enumerate() {
        assert_eq!(verdict["line"], i + 1);
        assert_eq!(verdict["valid"], ![1, 3].contains(&i), "{verdict}");
    }
    assert_eq!(verdicts[3]["error"]["code"], "malformed-record");
}

#[test]
fn an_answer_of_a_node_is_verified_with_flags_for_missing_fields() {
    let record: Value = serde_json::from_str(&prove(&one_log()).stdout).unwrap();
    let root = record["target"]["root"].as_str().unwrap();
    let log = record["log"].as_str().unwrap();
    let bare = prove(&[&one_log()[..], &["--format", "rpc"]].concat()).stdout;
    let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{bare}}}");
    for input in [&bare, &answer] {
        let args = ["verify", "-", "--root", root, "--chain-id", "324", "--log", log];
        let verdict = run_with_input(args, input.as_bytes());
        assert_eq!(verdict.code, Some(0), "{}", verdict.stderr);
    }
    if let Some(message) = record["message"].as_str() {
        let (sender, tx) = (&log[2 + 2 * 36..2 + 2 * 56], &log[6..10]);
        let sender = format!("0x{sender}");
        let tx = u16::from_str_radix(tx, 16).unwrap().to_string();
        let args = ["verify", "-", "--root", root, "--chain-id", "324", "--message", message];
        let args = args.into_iter().chain(["--sender", &sender, "--tx-number", &tx]);
        assert_eq!(run_with_input(args, bare.as_bytes()).code, Some(0));
    }
    let lacking = run_with_input(["verify", "-", "--root", root], bare.as_bytes());
    assert_eq!(lacking.code, Some(3));
    assert!(lacking.stderr.contains("--log"), "{}", lacking.stderr);
}

#[test]
fn inspect_detects_dumps_archives_and_proofs() {
    let proofs = prove(&one_log()).stdout;
    let shown = run_with_input(["inspect", "-"], proofs.as_bytes());
    assert!(shown.stdout.contains("settlement layer 506, block 2"), "{}", shown.stdout);
    for (file, kind) in [
        ("gateway-v31/state.anvil.json", "dump"),
        ("gateway-v31/anvil_dumpState.rpc.json", "dump"),
        ("gateway-v31/logs.jsonl.gz", "archive"),
    ] {
        let shown = run(["inspect", &path(file), "--json"]);
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        let value: Value = serde_json::from_str(&shown.stdout).unwrap();
        assert_eq!(value["kind"], kind, "{file}");
    }
}

#[test]
fn exit_codes_are_those_of_the_documents() {
    let state = path("gateway-v31/state.anvil.json");
    let code = |run: Run| run.code.unwrap();
    assert_eq!(code(run(["--help"])), 0);
    // 1: some requests failed, because the state lacks batches of the archive.
    let other = path("gateway-v29/logs.jsonl.gz");
    let failed = run(["prove", "--tree", &state, "--messages", &other, "--all"]);
    assert!(failed.stdout.contains("\"code\":\"logs-do-not-fold\""));
    assert_eq!(code(failed), 1);
    // 2: wrong usage.
    assert_eq!(code(run(["prove", "--tree", &state])), 2);
    assert_eq!(code(run(["rebuild", &state, "--release", "v99"])), 2);
    assert_eq!(code(run(["prove", "--tree", "-", "--messages", "-", "--all"])), 2);
    // 3: an input is unknown.
    assert_eq!(code(run(["rebuild", &path("gateway-v31/roots.json")])), 3);
    // 5: nothing found.
    let none = format!("0x{}", "11".repeat(32));
    assert_eq!(code(prove(&["--message", &none])), 5);
    assert_eq!(code(prove(&["--chain", "324", "--batch", "1", "--index", "0"])), 5);
    assert_eq!(code(prove(&["--chain", "1", "--batch", "1", "--index", "0"])), 5);
    assert_eq!(code(prove(&["--chain", "324", "--batch", "501234", "--index", "9999"])), 5);
    // 6: reading or writing failed.
    assert_eq!(code(run(["rebuild", "no/such/file"])), 6);
    assert_eq!(code(prove(&["--all", "-o", "no/such/folder/file"])), 6);
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_failure() {
    let (tree, messages) =
        (path("gateway-v31/state.anvil.json"), path("gateway-v31/logs.jsonl.gz"));
    let mut child = support::binary::command()
        .args(["prove", "--tree", &tree, "--messages", &messages, "--all"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Without a handler, SIGXFSZ would kill the process.
#[test]
fn a_limit_on_the_size_of_files_is_a_failure_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("s.slsnap");
    std::fs::write(&target, "old").unwrap();
    let limited = std::process::Command::new("sh")
        .args(["-c", "ulimit -f 8; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_slproof"), "import"])
        .args([&path("gateway-v29/state.anvil.json"), "-o", target.to_str().unwrap()])
        .output()
        .unwrap();
    let words = String::from_utf8(limited.stderr).unwrap();
    assert_eq!(limited.status.code(), Some(6), "{words}");
    assert!(words.contains("s.slsnap"), "{words}");
    assert_eq!(std::fs::read(&target).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A user who needs only the exit code may close the pipe of the report.
#[test]
fn closed_pipe_does_not_hide_invalid_proofs_or_unexplained_roots() {
    let closed = || std::io::pipe().unwrap().1;
    let (proofs, state) =
        (path("gateway-v29/proofs_negative.jsonl.gz"), path("gateway-v29/state.anvil.json"));
    let anchored = ["verify", &proofs, "--anchor", &state, "--report", "-", "-q"];
    let rooted = ["verify", &path("gateway-v29/proofs.jsonl.gz"), "--root"];
    let other = format!("0x{}", "11".repeat(32));
    let rooted = [&rooted[..], &[&other, "--report", "-", "-q"]].concat();
    let searched = ["history", &state, "--search", "0"];
    for (args, code) in [(&anchored[..], 1), (&rooted[..], 1), (&searched[..], 1)] {
        let whole = run(args.iter().copied());
        assert_eq!(whole.code, Some(code), "{}", whole.stderr);
        let mut unread = support::binary::command();
        let status = unread.args(args).stdout(closed()).stderr(closed()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn history_prints_what_every_root_contains() {
    let (state, events) =
        (path("gateway-v29/state.anvil.json"), path("gateway-v29/events.jsonl.gz"));
    let table = run(["history", &state, "--events", &events]);
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    assert!(table.stderr.contains("44 of 44 roots by block explained"), "{}", table.stderr);
    let of = |block: &str| {
        let line = table.stdout.lines().find(|line| line.trim_start().starts_with(block)).unwrap();
        line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of("102 "), "2 +506; +324; 324: 501234");
    assert_eq!(of("105 "), "3 +300; 324: 501235; 300: 1");
    // A chain is registered after the root of block 109 is stored, so it first appears in that of block 110.
    assert_eq!(of("109 "), "4 6565: 780");
    assert_eq!(of("110 "), "5 +271828");

    let json = run(["history", &state, "--json", "-q"]);
    let value: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["slChainId"], 506);
    let roots = value["roots"].as_array().unwrap();
    assert_eq!(roots.len(), 44);
    assert_eq!(roots[0]["block"], 102);
    assert_eq!(roots[0]["registered"], serde_json::json!([506, 324]));
    let appended = serde_json::json!([{"chainId": 324, "batches": [[501_234, 501_234]]}]);
    assert_eq!(roots[0]["appended"], appended);
    assert_eq!(value["chains"].as_array().unwrap().len(), 17);

    let none = run(["history", &path("gateway-v28/state.anvil.json")]);
    assert_eq!(none.code, Some(5), "{}", none.stderr);
    // Without a search, only the newest root is explained.
    let given_up = run(["history", &state, "--search", "0"]);
    assert_eq!(given_up.code, Some(1));
    assert!(given_up.stdout.contains("unexplained"));
}

#[test]
fn any_root_is_a_target_and_verdicts_name_the_anchor() {
    let batches = path("gateway-v31/gw_batches.jsonl");
    let l1 = path("gateway-v31/l1.state.anvil.json");
    let bridgehub = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";
    let dir = tempfile::tempdir().unwrap();
    let verify = |proof: &str, rest: &[&str]| {
        let file = dir.path().join("proof.json");
        fs::write(&file, proof).unwrap();
        let file = file.to_str().unwrap();
        run(["verify", file, "--report", "-"].into_iter().chain(rest.iter().copied()))
    };

    let first = prove(&[&one_log()[..], &["--target", "first"]].concat());
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let value: Value = serde_json::from_str(&first.stdout).unwrap();
    assert_eq!(value["target"]["number"], 102);
    let later = prove(&[&one_log()[..], &["--target", "block:113"]].concat());
    assert_eq!(later.code, Some(0), "{}", later.stderr);
    let verdict = verify(&later.stdout, &["--anchor", &path("gateway-v31/state.anvil.json")]);
    assert_eq!(verdict.code, Some(0), "{}", verdict.stderr);
    assert!(verdict.stdout.contains("historicalRoot of MessageRoot"), "{}", verdict.stdout);

    let sl_batch = [
        &one_log()[..],
        &["--target", "sl-batch:2000", "--sl-batches", &batches],
        &["--anchor", &l1, "--anchor-bridgehub", bridgehub],
    ]
    .concat();
    let proof = prove(&sl_batch);
    assert_eq!(proof.code, Some(0), "{}", proof.stderr);
    let verdict = verify(&proof.stdout, &["--anchor", &l1, "--bridgehub", bridgehub]);
    assert_eq!(verdict.code, Some(0), "{}", verdict.stderr);
    assert!(verdict.stdout.contains("chainBatchRoots of MessageRoot"), "{}", verdict.stdout);
    // Without --bridgehub, the contracts are not found, so the proof cannot be judged.
    assert_eq!(verify(&proof.stdout, &["--anchor", &l1]).code, Some(3));

    for (target, code) in [("block:104", 5), ("sl-batch:1", 5), ("sl-batch:2000", 2)] {
        let mut args = vec!["--target", target];
        if target == "sl-batch:1" {
            args.extend(["--sl-batches", &batches]);
        }
        let refused = prove(&[&one_log()[..], &args].concat());
        assert_eq!(refused.code, Some(code), "{target}: {}", refused.stderr);
    }
}

#[test]
fn output_over_an_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (state, logs) = (file("state.json"), file("logs.jsonl.gz"));
    fs::copy(path("gateway-v31/state.anvil.json"), &state).unwrap();
    fs::copy(path("gateway-v31/logs.jsonl.gz"), &logs).unwrap();
    for input in [&state, &logs] {
        let before = fs::read(input).unwrap();
        let args = ["prove", "--tree", &state, "--messages", &logs, "--all", "-o", input];
        assert_eq!(run(args).code, Some(2));
        assert_eq!(fs::read(input).unwrap(), before);
    }
}

/// A snapshot of a zksync-era node consists of a header and chunks. No chunk may be the output.
#[test]
fn output_over_a_part_of_an_input_is_refused() {
    let folder = support::era::folder(&support::era::chunks(1));
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let header = file("header.json");
    let answer = support::era::fixture(1).join("snapshots_getSnapshot.json");
    fs::copy(answer, &header).unwrap();
    fs::write(file("other"), "").unwrap();
    let chunk = file(&support::era::name(support::era::BATCH, 1));
    let whole = folder.path().to_str().unwrap().to_owned();
    let (logs, proofs) = (path("gateway-v29/logs.jsonl.gz"), file("proofs"));
    let proven = run(["prove", "--tree", &whole, "--messages", &logs, "--all", "-o", &proofs]);
    assert_eq!(proven.code, Some(0), "{}", proven.stderr);
    #[cfg(unix)]
    std::os::unix::fs::symlink(&chunk, file("link")).unwrap();
    let outputs: &[&str] = if cfg!(unix) { &["link"] } else { &[] };
    let before = fs::read(&chunk).unwrap();
    for state in [&header, &whole] {
        let outputs = outputs.iter().map(|name| file(name)).chain([chunk.clone(), header.clone()]);
        for output in outputs {
            let commands: [&[&str]; 5] = [
                &["import", state, "-o", &output],
                &["rebuild", state, "-o", &output],
                &["prove", "--tree", state, "--messages", &logs, "--all", "-o", &output],
                &["index", &logs, "--tree", state, "-o", &output],
                &["verify", &proofs, "--anchor", state, "--report", &output],
            ];
            for command in commands {
                let refused = run(command);
                assert_eq!(refused.code, Some(2), "{command:?}: {}", refused.stderr);
                assert!(refused.stderr.contains("is an input"), "{}", refused.stderr);
            }
            assert_eq!(fs::read(&chunk).unwrap(), before);
        }
        // A file next to an input that is not an input itself may be overwritten.
        let written = run(["rebuild", state, "-o", &file("other")]);
        assert_eq!(written.code, Some(0), "{}", written.stderr);
    }
    let dump = file("dump.json");
    fs::copy(path("gateway-v31/state.anvil.json"), &dump).unwrap();
    assert_eq!(run(["import", &dump, "-o", &dump]).code, Some(2));
}

/// Receipts are read with the blocks of their batches.
#[test]
fn the_blocks_of_batches_in_a_directory_are_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, blocks) = (folder.path().to_str().unwrap(), folder.path().join("blocks.json"));
    for file in ["state.anvil.json", "receipts.json"] {
        fs::copy(path(&format!("gateway-v29/{file}")), folder.path().join(file)).unwrap();
    }
    let text = "{\"batchNumber\":501234,\"firstBlock\":1,\"lastBlock\":100000}\n";
    fs::write(&blocks, text).unwrap();
    let output = blocks.to_str().unwrap();
    let refused = run(["prove", "--archive", archive, "--all", "-o", output]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("is an input"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(&blocks).unwrap(), text);
    // An earlier output is no input.
    let output = folder.path().join("proofs.ndjson");
    for _ in 0..2 {
        let written = run(["prove", "--archive", archive, "--all", "-o", output.to_str().unwrap()]);
        assert_eq!(written.code, Some(0), "{}", written.stderr);
    }
}

/// The directory of a bare name is the working directory.
#[test]
fn a_header_without_a_directory_has_its_chunks_beside_it() {
    let folder = support::era::folder(&support::era::chunks(1));
    let answer = support::era::fixture(1).join("snapshots_getSnapshot.json");
    fs::copy(answer, folder.path().join("header.json")).unwrap();
    for (output, code) in [(support::era::name(support::era::BATCH, 1), 2), ("new".into(), 0)] {
        let mut import = support::binary::command();
        import.current_dir(folder.path()).args(["import", "header.json", "-o", &output]);
        assert_eq!(import.output().unwrap().status.code(), Some(code), "{output}");
    }
}

/// Commands that do not rebuild trees do not have the flags of a rebuild.
#[test]
fn flags_of_a_rebuild_are_refused_where_nothing_is_rebuilt() {
    let state = path("gateway-v31/state.anvil.json");
    let root = format!("0x{}", "11".repeat(32));
    let bridgehub = ["--bridgehub", "0x0000000000000000000000000000000000010002"];
    let inspect = |flags: &[&str]| run([&["inspect", &state], flags].concat());
    let of_rebuild =
        [["--sl-chain-id", "506"], ["--release", "v31"], ["--last-block", "9"], ["--max-gap", "9"]];
    for flag in of_rebuild {
        assert_eq!(inspect(&flag).code, Some(2), "{flag:?}");
        let verify = ["verify", &state, "--anchor", &state];
        assert_eq!(run([&verify[..], &flag].concat()).code, Some(2), "{flag:?}");
        for (command, has) in [("verify", false), ("inspect", false), ("rebuild", true)] {
            assert_eq!(run([command, "--help"]).stdout.contains(flag[0]), has, "{command}");
        }
    }
    for flag in [bridgehub, ["--dump-format", "anvil"]] {
        assert_eq!(inspect(&flag).code, Some(0), "{flag:?}");
    }
    // With --root, no state is needed, so flags about states are refused.
    let proof = prove(&one_log()).stdout;
    let verify = ["verify", "-", "--root", &root];
    assert_eq!(run_with_input(verify, proof.as_bytes()).code, Some(1));
    let refused = run_with_input([&verify[..], &bridgehub].concat(), proof.as_bytes());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--anchor"), "{}", refused.stderr);
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let sent = prove(&[&one_log()[..], &["-o", "/dev/null"]].concat());
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}
