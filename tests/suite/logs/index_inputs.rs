//! Inputs of `index`: outputs that are also inputs, directories, lists, flags.

use std::{fs, path::Path};

use crate::support::{
    self,
    binary::run,
    index_dir::{IndexDir, archived, text},
    log_sources::{self, Node, lines, shaped},
    vectors::{self, raw_batches, small_batches},
};
use serde_json::{Value, json};

#[test]
fn an_input_is_not_overwritten_unless_it_is_an_archive() {
    let dir = IndexDir::new();
    let raw = dir.write("logs.jsonl", support::read("gateway-v31/logs.jsonl.gz"));
    let before = fs::read(&raw).unwrap();
    assert_eq!(dir.index(std::slice::from_ref(&raw), &[], "logs.jsonl").code, Some(2));
    assert_eq!(fs::read(&raw).unwrap(), before);
    let archive = dir.indexed(std::slice::from_ref(&raw), &[], "logs.slmsg");
    dir.indexed(&[raw, archive], &[], "logs.slmsg");
}

#[test]
fn an_output_that_a_list_names_is_not_written() {
    let dir = IndexDir::new();
    let batch = &vectors::batches("gateway-v31")[0];
    let victim = dir.write("victim.bin", log_sources::era_pubdata(batch));
    let before = fs::read(&victim).unwrap();
    let line = json!({ "chainId": batch.chain, "batchNumber": batch.number, "file": "victim.bin" });
    let list = dir.write("list.json", lines([line.clone()]));
    let (state, in_dir) = (support::fixture("gateway-v31/state.anvil.json"), dir.path(""));
    let prove = |messages: &Path| {
        let args =
            ["--tree", text(&state), "--messages", text(messages), "--all", "-o", text(&victim)];
        run(["prove"].iter().chain(&args))
    };
    for run in
        [dir.index(std::slice::from_ref(&list), &[], "victim.bin"), prove(&list), prove(&in_dir)]
    {
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains("victim.bin is an input"), "{}", run.stderr);
        assert_eq!(fs::read(&victim).unwrap(), before);
    }
    let mut both = line;
    both["pubdata"] = json!(vectors::hex(&before));
    let list = dir.write("both.json", lines([both]));
    let run = dir.index(&[list], &[], "none.slmsg");
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("has both"), "{}", run.stderr);
}

#[test]
fn flags_without_effect_are_refused_or_reported() {
    let dir = IndexDir::new();
    let (chain, batches) = raw_batches("gateway-v31");
    let file = dir.write("raw.jsonl", lines(batches));
    let index = |flags: &[&str]| dir.index(std::slice::from_ref(&file), flags, "out.slmsg");
    let own = chain.to_string();
    assert_eq!(index(&["--chain", &own]).code, Some(0));
    let other = index(&["--chain", "9"]);
    assert_eq!(other.code, Some(3), "{}", other.stderr);
    let words = format!("it is of chain {chain}, but 9 was given");
    assert!(other.stderr.contains(&words), "{}", other.stderr);
    for flags in [["--sl-chain-id", "506"], ["--release", "v31"]] {
        let run = index(&flags);
        assert_eq!(run.code, Some(2), "{flags:?}: {}", run.stderr);
        assert!(run.stderr.contains("--tree"), "{}", run.stderr);
    }
    // Anyone can send a message with the pubdata of any batch.
    let run = index(&["--relayed-by", "any"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("needs --tree"), "{}", run.stderr);
    let run = index(&["--relayed-by", "0x0000000000000000000000000000000000000007"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("no message carries pubdata"), "{}", run.stderr);
}

#[test]
fn directories_are_read_and_unknown_files_reported() {
    let dir = IndexDir::new();
    let batches = &vectors::batches("gateway-v31")[..3];
    for (batch, folder) in batches.iter().zip(["in", "in/deeper", "in/deeper/still"]) {
        let name = format!("{folder}/{}-{}.bin", batch.chain, batch.number);
        dir.write(&name, log_sources::era_pubdata(batch));
    }
    let folder = dir.path("in");
    let archive = dir.indexed(std::slice::from_ref(&folder), &[], "all.slmsg");
    assert_eq!(archived(&archive).len(), 3);
    let readme = dir.write("in/README.txt", "What these are.");
    dir.write("in/empty", "");
    dir.write("in/.hidden", "");
    let run = dir.index(&[folder], &[], "all.slmsg");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for words in ["README.txt", "empty", "skipped", ".hidden"] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    assert_eq!(archived(&archive).len(), 3);
    // A file in a given directory is not overwritten.
    let run = dir.index(&[dir.path("in")], &[], "in/README.txt");
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert_eq!(fs::read(&readme).unwrap(), b"What these are.");
    // An unknown file that is given by name is an error.
    assert_eq!(dir.index(&[readme], &[], "none.slmsg").code, Some(3));
}

#[test]
fn index_and_inspect_detect_every_log_format() {
    let dir = IndexDir::new();
    let (chain, batches) = raw_batches("gateway-v31");
    let array = dir.write("array.json", format!("\u{feff}{}", Value::from(batches.clone())));
    let marked = dir.write("marked.jsonl", format!("\u{feff}{}", lines(batches.clone())));
    let expected = dir.indexed(&[dir.write("raw.jsonl", lines(batches))], &[], "raw.slmsg");
    for file in [array, marked] {
        let archive = dir.indexed(std::slice::from_ref(&file), &[], "out.slmsg");
        assert_eq!(fs::read(archive).unwrap(), fs::read(&expected).unwrap());
        let inspected = run(["inspect", text(&file), "--json"]);
        assert_eq!(inspected.code, Some(0), "{}", inspected.stderr);
        let inspected: Value = serde_json::from_str(&inspected.stdout).unwrap();
        assert_eq!((&inspected["format"], &inspected["batches"]), (&json!("jsonl"), &json!(5)));
    }

    let batch = vectors::batches("gateway-v31").into_iter().find(|b| b.chain == chain).unwrap();
    let blocks = log_sources::receipts(Node::Era, &batch, 10, true).blocks;
    for shape in [0, 1, 3, 4, 5, 6] {
        let file = dir.write("receipts.json", shaped(shape, &blocks));
        let run = run(["inspect", text(&file)]);
        assert_eq!(run.code, Some(0), "{shape}: {}", run.stderr);
        assert!(run.stdout.contains("receipts and events of a node"), "{shape}: {}", run.stdout);
    }
    // The first receipt lacks fields.
    let mut all = blocks.concat();
    for field in ["l2ToL1Logs", "transactionHash", "cumulativeGasUsed"] {
        drop(all[0].as_object_mut().unwrap().remove(field));
    }
    let file = dir.write("first.json", lines(all));
    let run = dir.index(&[file], &["--chain", &chain.to_string()], "none.slmsg");
    assert!(run.stderr.contains("has no \"transactionHash\""), "{}", run.stderr);

    // Pubdata in the format of `xxd -p`.
    let digits = vectors::hex(&log_sources::era_pubdata(&batch))[2..].to_owned();
    let wrapped: Vec<_> = digits.as_bytes().chunks(60).collect();
    let name = format!("{}-{}.hex", batch.chain, batch.number);
    let file = dir.write(&name, wrapped.join(&b'\n'));
    let archive = dir.indexed(std::slice::from_ref(&file), &[], "wrapped.slmsg");
    assert_eq!(archived(&archive), [batch.number]);
    let inspected = support::binary::run(["inspect", text(&file)]);
    assert_eq!(inspected.code, Some(0), "{}", inspected.stderr);
    assert!(inspected.stdout.contains("pubdata of a batch"), "{}", inspected.stdout);
}

#[test]
fn node_errors_in_place_of_receipts_are_reported() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    let good = lines(log_sources::receipts(Node::Era, &batches[0], 10, true).blocks.concat());
    for (bad, words) in [
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}", "answer is null"),
        ("null", "answer is null"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"busy\"}}", "busy"),
        ("7", "neither an object"),
        ("{\"a\":1}", "a receipt"),
        ("{\"transactionHash\":}", "not a receipt"),
        ("{\"result\":[[[[[[{}]]]]]]}", "neither an object"),
    ] {
        let file = dir.write("answers.json", format!("{good}{bad}\n{good}"));
        let run = dir.index(&[file], &["--chain", &chain], "some.slmsg");
        assert_eq!(run.code, Some(1), "{bad}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{bad}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("byte {}", good.len())), "{bad}: {}", run.stderr);
        assert_eq!(archived(&dir.path("some.slmsg")), [batches[0].number]);
    }
    // A truncated file could lack any number of receipts.
    let cut = dir.write("cut.json", &good[..good.len() - 10]);
    let run = dir.index(&[cut], &["--chain", &chain], "cut.slmsg");
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("the file ends"), "{}", run.stderr);
    // The receipts do not name their chain.
    let file = dir.write("good.json", &good);
    let run = dir.index(&[file], &[], "none.slmsg");
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("--chain"), "{}", run.stderr);
    // The receipts do not name their batches.
    let bare = lines(log_sources::receipts(Node::ZksyncOs, &batches[0], 10, true).blocks.concat());
    let file = dir.write("bare.json", bare);
    let run = dir.index(&[file], &["--chain", &chain], "none.slmsg");
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("--batch-blocks"), "{}", run.stderr);
    assert!(!dir.path("none.slmsg").exists());
}

#[test]
fn the_error_for_an_input_of_another_kind_names_its_kind() {
    let dir = IndexDir::new();
    let state = support::fixture("gateway-v29/state.anvil.json");
    let of_state = dir.index(&[state], &[], "none.slmsg");
    let logs = dir.write("logs.jsonl", "{\"chainId\":1,\"batchNumber\":2,\"logs\":[]}");
    let of_logs = run(["rebuild", text(&logs)]);
    // A byte order mark does not affect detection.
    let table = format!("\u{feff}address,slot,value\n0x{},0x1,0x2\n", "05".repeat(20));
    let of_table = dir.index(&[dir.write("table.csv", table)], &[], "none.slmsg");
    for (run, words) in [
        (of_state, "is a state dump: it holds no logs"),
        (of_logs, "is an archive of logs: it holds no state, trees or events of MessageRoot"),
        (of_table, "is a state dump: it holds no logs"),
    ] {
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
}

#[test]
fn batches_are_compared_with_the_roots_in_a_state_without_trees() {
    let dir = IndexDir::new();
    // A state of v29 whose MessageRoot has another address.
    let state = crate::support::json("gateway-v29/state.anvil.json").to_string();
    let state = state.replace("0000000000000000000000000000000000010005", &"7".repeat(40));
    let state = dir.write("state.json", state);
    let mut batches = crate::support::json_lines("gateway-v29/logs.jsonl.gz");
    batches.truncate(20);
    let logs = dir.write("logs.jsonl", lines(batches.clone()));
    let whole = dir.index(&[logs], &["--tree", text(&state)], "whole.slmsg");
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    assert!(whole.stderr.contains("the batch roots in the state"), "{}", whole.stderr);
    assert!(!whole.stderr.contains("unchecked"), "{}", whole.stderr);
    assert_eq!(archived(&dir.path("whole.slmsg")).len(), 20);
    // One batch lacks its last log.
    let cut = batches.iter_mut().find(|batch| batch["logs"].as_array().unwrap().len() > 3).unwrap();
    cut["logs"].as_array_mut().unwrap().pop();
    cut.as_object_mut().unwrap().remove("messages");
    let logs = dir.write("cut.jsonl", lines(batches));
    let cut = dir.index(&[logs], &["--tree", text(&state)], "cut.slmsg");
    assert_eq!(cut.code, Some(1), "{}", cut.stderr);
    assert_eq!(archived(&dir.path("cut.slmsg")).len(), 19);
}
