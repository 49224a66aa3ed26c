//! Inputs that are compressed, packed or in UTF-16, in every role; and answers of nodes that slproof cannot use.

use std::{fs, io::Write};

use crate::support::{
    self,
    binary::run,
    fixture,
    index_dir::{IndexDir, archived, text},
    log_sources::{Export, lines, tables},
    vectors::{by_chain, hex, raw_batches},
};
use serde_json::json;

fn xz(data: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A tar archive in a frame of lz4.
fn tar_lz4(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, contents) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(contents);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(&archive).unwrap();
    encoder.finish().unwrap()
}

/// UTF-16 as PowerShell writes it.
fn utf16(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text as it is, and wrapped in ways that each undo one thing more.
fn wrapped(text: &[u8]) -> [Vec<u8>; 4] {
    [text.to_vec(), utf16(text), xz(&utf16(text)), tar_lz4(&[("x/input.xz", &xz(text))])]
}

#[test]
fn every_role_takes_wrapped_texts() {
    let dir = IndexDir::new();
    let path = |name: &str| fixture(&format!("gateway-v31/{name}")).to_str().unwrap().to_owned();
    let (state, logs) = (path("state.anvil.json"), path("logs.jsonl.gz"));
    let (chain, batches) = by_chain("gateway-v31").pop_first().unwrap();
    let small: Vec<_> = batches.into_iter().filter(|b| b.logs.len() < 40).take(3).collect();
    let blocks = (500_000u64..).zip(&small).map(|(block, batch)| {
        json!({ "batchNumber": batch.number, "firstBlock": block, "lastBlock": block })
    });
    let rows = dir.write("rows.csv", &tables(Export::Csv, &small)[1]);
    let first = &raw_batches("gateway-v31").1[0];
    let request =
        json!({ "chainId": first["chainId"], "batchNumber": first["batchNumber"], "id": 0 });
    let chain = chain.to_string();
    let output = dir.path("output");
    let (output, rows) = (text(&output), text(&rows));
    let read = |name: &str| support::read(&format!("gateway-v31/{name}"));
    let prove = ["prove", "-q", "--tree", &state, "--messages", &logs, "-o", "-"];
    let sl = ["--all", "--target", "sl-batch:2000", "--sl-batches"];
    let l1 = path("l1.state.anvil.json");
    let of_l1 =
        ["--anchor", &l1, "--anchor-bridgehub", "0x303a465b659cbb0ab36ee643ea362c509eeb5213"];
    let proofs = run([&prove[..], &["--all"]].concat()).stdout.into_bytes();
    // The arguments before an input and after it, and the input.
    type Case<'c> = (&'c str, Vec<&'c str>, Vec<&'c str>, Vec<u8>);
    let cases: Vec<Case<'_>> = vec![
        ("state", vec!["rebuild"], vec![], read("state.anvil.json")),
        ("dump of geth", vec!["rebuild"], vec![], read("geth.dump.iterative.jsonl.gz")),
        ("hexadecimal dump", vec!["rebuild"], vec![], read("anvil_dumpState.rpc.json")),
        ("events", vec!["rebuild"], vec![], read("events.jsonl.gz")),
        ("logs", vec!["index", "-o", output], vec!["--json"], read("logs.jsonl.gz")),
        (
            "blocks of batches",
            vec!["index", rows, "--chain", &chain, "-o", output, "--json", "--batch-blocks"],
            vec![],
            lines(blocks).into_bytes(),
        ),
        (
            "requests",
            [&prove[..], &["--requests"]].concat(),
            vec![],
            format!("{request}\n").into_bytes(),
        ),
        ("SL batches", [&prove[..], &of_l1, &sl].concat(), vec![], read("gw_batches.jsonl")),
        ("proofs", vec!["verify"], vec!["--anchor", &state], proofs),
    ];
    for (role, before, after, bytes) in cases {
        let runs = wrapped(&bytes).map(|bytes| {
            let input = dir.write("input", bytes);
            run([&before[..], &[text(&input)], &after].concat())
        });
        let has_result = !runs[0].stdout.is_empty() || runs[0].stderr.contains("valid");
        assert!(runs[0].code < Some(2) && has_result, "{role}: {}", runs[0].stderr);
        for run in &runs {
            assert_eq!(
                (run.code, &run.stdout),
                (runs[0].code, &runs[0].stdout),
                "{role}: {}",
                run.stderr
            );
        }
    }
}

#[test]
fn every_file_of_a_tar_archive_is_indexed() {
    let dir = IndexDir::new();
    let (_, batches) = raw_batches("gateway-v31");
    let (one, other) = (lines(batches[..2].to_vec()), lines(batches[2..3].to_vec()));
    let files: [(&str, &[u8]); 3] = [
        ("logs/one.jsonl", one.as_bytes()),
        ("logs/two.jsonl.xz", &xz(other.as_bytes())),
        ("logs/.x", b"x"),
    ];
    let archive = dir.write("logs.tar.lz4", tar_lz4(&files));
    let indexed = dir.indexed(&[archive], &[], "all.slmsg");
    let plain = dir.write("plain.jsonl", one.clone() + &other);
    assert_eq!(archived(&indexed), archived(&dir.indexed(&[plain], &[], "plain.slmsg")));

    let with_other = dir.write("more.tar.lz4", tar_lz4(&[files[0], ("logs/notes.txt", b"notes")]));
    let run = dir.index(&[with_other], &[], "more.slmsg");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let skipped = run.stderr.lines().find(|line| line.starts_with("skipped ")).unwrap();
    assert!(skipped.contains("more.tar.lz4:logs/notes.txt"), "{}", run.stderr);

    let broken = [
        ("logs/one.jsonl", one.as_bytes()),
        ("bad.jsonl", b"{\"chainId\":9,\"batchNumber\":1,\"logs\":[1]}"),
    ];
    let run = dir.index(&[dir.write("bad.tar.lz4", tar_lz4(&broken))], &[], "bad.slmsg");
    assert!(run.stderr.contains("bad.tar.lz4:bad.jsonl, line 1"), "{}", run.stderr);
}

/// The second one may be newer, or not.
#[test]
fn a_tar_archive_with_a_file_twice_is_refused() {
    let dir = IndexDir::new();
    let bytes = fs::read(fixture("gateway-v31/state.anvil.json")).unwrap();
    let twice = dir.write("twice", tar_lz4(&[("state.json", &bytes), ("state.json", b"{}")]));
    let found = run(["rebuild", "--json", text(&twice)]);
    assert_eq!(found.code, Some(3), "{}", found.stderr);
    assert!(found.stderr.contains("several files"), "{}", found.stderr);
}

#[test]
fn a_native_file_that_is_compressed_is_named_as_such() {
    let dir = IndexDir::new();
    for name in ["snapshot-1-table.slsnap", "archive-v1.slmsg", "tree-1.sltree"] {
        let file = dir.write(name, xz(&fs::read(fixture(&format!("golden/{name}"))).unwrap()));
        let run = run(["inspect", text(&file)]);
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        assert!(run.stderr.contains("unpack it first"), "{}", run.stderr);
    }
}

#[test]
fn answers_of_nodes_are_named_by_their_call() {
    let dir = IndexDir::new();
    let address = "0x0000000000000000000000000000000000010005";
    let slots = json!([{ "key": "0x1", "value": "0x2", "proof": [] }]);
    let account = json!({ "address": address, "accountProof": [], "balance": "0x0", "nonce": "0x1",
        "codeHash": "0x00", "storageHash": "0x00", "storageProof": slots });
    let answers = [
        (account, "eth_getProof"),
        (json!({ "address": address, "storageProof": slots }), "zks_getProof"),
        (
            json!({ "hash": "0x", "parentHash": "0x", "transactionsRoot": "0x", "transactions": [] }),
            "eth_getBlockBy",
        ),
        (
            json!({ "hash": "0x", "input": "0x", "nonce": "0x1", "blockHash": "0x" }),
            "eth_getTransactionByHash",
        ),
        (json!({ "number": 7, "rootHash": "0x", "commitTxHash": "0x" }), "zks_getL1BatchDetails"),
    ];
    let path = |name: &str| fixture(&format!("gateway-v31/{name}")).to_str().unwrap().to_owned();
    let (state, logs) = (path("state.anvil.json"), path("logs.jsonl.gz"));
    let output = dir.path("output");
    let output = text(&output);
    let commands: [&[&str]; 8] = [
        &["rebuild"],
        &["import", "-o", output],
        &["inspect"],
        &["index", "--chain", "9", "-o", output],
        &["index", &logs, "--chain", "9", "-o", output, "--batch-blocks"],
        &["prove", "--tree", &state, "--all", "--messages"],
        &["prove", "--tree", &state, "--messages", &logs, "--requests"],
        &["verify", "--anchor", &state],
    ];
    for (result, call) in answers {
        for answer in [json!({ "jsonrpc": "2.0", "id": 1, "result": result }), result] {
            let pretty = serde_json::to_string_pretty(&answer).unwrap();
            for form in [answer.to_string(), pretty] {
                let input = dir.write("answer.json", form);
                for command in commands {
                    let run = run([command, &[text(&input)]].concat());
                    assert_eq!(run.code, Some(3), "{command:?}: {}", run.stderr);
                    assert!(run.stderr.contains(call), "{command:?}: {}", run.stderr);
                    assert!(run.stderr.lines().count() < 6, "{command:?}: {}", run.stderr);
                }
            }
        }
    }
}

#[test]
fn a_state_of_which_nothing_can_be_read_is_an_error_that_says_why() {
    let dir = IndexDir::new();
    let envelope = |result: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{result}}}");
    let word = format!("\"0x{}\"", "00".repeat(32));
    for (content, flags, words) in [
        (envelope("null"), &["--account", "0x10005"][..0], "answer of null"),
        (envelope(&word), &[], "eth_call"),
        (envelope("{\"root\":\"00\",\"accounts\":{}}"), &[], "preimages"),
        ("{\n  accounts: {},\n  root: \"00\"\n}".into(), &[], "JSON.stringify"),
        ("{\"block\":{\"number\":\"0x1\"},\"accounts\":{}}".into(), &[], "no storage slot"),
        ("address,slot,value\n".into(), &[], "no storage slot"),
        (
            "{\"address\":\"0x".to_owned()
                + &"00".repeat(20)
                + "\",\"slot\":\"0x1\",\"value\":\"0x0\"}",
            &[],
            "no storage slot",
        ),
    ] {
        let input = dir.write("state", content);
        let output = dir.path("state.slsnap");
        for command in [&["rebuild"][..], &["import", "-o", text(&output)]] {
            let run = run([command, &[text(&input)], flags].concat());
            assert_eq!(run.code, Some(3), "{command:?}: {}", run.stderr);
            assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
            assert!(!output.exists());
        }
    }
}

#[test]
fn a_dump_in_hexadecimal_digits_is_read_in_lines_and_without_its_prefix() {
    let dir = IndexDir::new();
    let expected = run(["rebuild".into(), fixture("gateway-v31/state.anvil.json")]).stdout;
    let dump = hex(&support::read("gateway-v31/state.anvil.json"));
    let bare = &dump[2..];
    let folded = |text: &str, width: usize| {
        let lines: Vec<&str> =
            text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        lines.join("\r\n")
    };
    for text_of_dump in [dump.clone(), folded(&dump, 77), bare.to_owned(), folded(bare, 60)] {
        let input = dir.write("dump.hex", text_of_dump);
        let run = run(["rebuild", text(&input)]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.stdout, expected);
    }
    // The last digit is missing.
    let run = run(["rebuild", text(&dir.write("dump.hex", &bare[..bare.len() - 1]))]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
}

/// JSON of another kind over many lines is one error, and batches over several lines each are read.
#[test]
fn a_document_over_many_lines_is_one_value() {
    let dir = IndexDir::new();
    let other = json!({ "hashes": { "a": 1 }, "output": vec!["0x00"; 100] });
    let foreign = dir.write("other.json", serde_json::to_string_pretty(&other).unwrap());
    let run = dir.index(&[foreign], &["--chain", "9"], "other.slmsg");
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.lines().count() < 4, "{}", run.stderr);

    let (_, batches) = raw_batches("gateway-v31");
    let pretty: String = batches[..2]
        .iter()
        .map(|batch| serde_json::to_string_pretty(batch).unwrap() + "\n")
        .collect();
    let indexed = dir.indexed(&[dir.write("pretty.json", pretty)], &[], "pretty.slmsg");
    assert_eq!(archived(&indexed).len(), 2);
}
