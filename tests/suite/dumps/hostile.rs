//! Bad input: a clear error, no panic, bounded memory, and an unchanged existing output.

use std::{fs, io::Write, panic::catch_unwind, path::Path};

use crate::support::{
    self,
    binary::{Run, run, run_within},
};
use flate2::{Compression, write::GzEncoder};
use slproof::{
    files::Input,
    forest::{RebuildOptions, rebuild},
    ingest::state::{Dump, Import, ImportError},
    primitives::{Address, Hash, SlBlock},
    state::StorageReader,
};

const ROOM: u64 = 1024;

fn read(bytes: Vec<u8>) -> Result<Dump, ImportError> {
    let input = Input::from_reader("input", std::io::Cursor::new(bytes))?;
    Import::default().read_input(input)
}

/// The shared root rebuilt from a dump, or the text of the error with all its causes.
fn root(bytes: Vec<u8>) -> Result<Hash, String> {
    let text = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    };
    let dump = read(bytes).map_err(|e| text(&e))?;
    // Both searches are bounded, because they run up to their limits in a damaged dump.
    let last_block = dump.state.block().or(Some(SlBlock(1 << 12)));
    let options = RebuildOptions { max_gap: 1 << 16, last_block, ..RebuildOptions::default() };
    rebuild(&dump.state, &options).map(|forest| forest.root()).map_err(|e| text(&e))
}

fn sample(file: &str) -> (Vec<u8>, Hash) {
    let bytes = support::read(file);
    let expected = root(bytes.clone()).unwrap();
    (bytes, expected)
}

#[test]
fn cut_dumps_are_refused() {
    for file in support::STATE_DUMPS {
        let (whole, expected) = sample(&format!("gateway-v31/{file}"));
        for part in 0..200 {
            let cut = whole.len() * part / 200;
            match root(whole[..cut].to_vec()) {
                // Only closing brackets were cut off.
                Ok(root) => assert_eq!(root, expected),
                Err(error) => assert!(error.contains("input") || error.contains("0x"), "{error}"),
            }
        }
    }
}

/// A word of which digits are missing would be another word.
#[test]
fn a_table_that_is_cut_in_its_last_value_is_refused() {
    let slots = |values: [&str; 2], by: &str| {
        let account = format!("0x{:040x}", 0x10005);
        let row = |slot: usize| [&account, &format!("{slot:#x}"), values[slot]].join(by);
        [["address", "slot", "value"].join(by), row(0), row(1)].join("\n")
    };
    let words = [5, 0x1234].map(|value: u64| format!("{value:#066x}"));
    for by in [",", "\t"] {
        let whole = slots([&words[0], &words[1]], by);
        let expected = |text: &str| {
            let dump = read(text.as_bytes().to_vec()).unwrap();
            assert_eq!(dump.state.slot_count(Address::system(0x10005)), Some(2), "{text:?}");
        };
        for end in ["", "\r\n", "\n \n "] {
            expected(&(whole.clone() + end));
        }
        for cut in 1..66 {
            let error = read(whole.as_bytes()[..whole.len() - cut].to_vec()).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("line 3") && error.contains("seems to be cut"), "{error}");
        }
        // Of values without zeros before them, the lengths say nothing.
        expected(&slots(["0x1234", "0x5"], by));
    }
}

#[test]
fn flipped_bits_are_refused_or_change_no_root() {
    for file in ["state.anvil.json", "geth.dump.iterative.jsonl.gz", "anvil_dumpState.rpc.json"] {
        let (whole, expected) = sample(&format!("gateway-v29/{file}"));
        let mut seed = 1u64;
        for _ in 0..1500 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = (seed >> 33) as usize % whole.len();
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (seed % 8);
            let verdict = catch_unwind(|| root(flipped)).unwrap_or_else(|_| panic!("byte {at}"));
            if let Ok(root) = verdict {
                assert_eq!(root, expected, "{file}, byte {at}");
            }
        }
    }
}

#[test]
fn texts_other_than_dumps_are_refused_with_file_and_position() {
    let account = "0x0000000000000000000000000000000000010005";
    let with = |storage: &str| {
        format!("{{\"block\":null,\"accounts\":{{\"{account}\":{{\"storage\":{storage}}}}}}}")
    };
    let word = |n: u8| format!("0x{}", format!("{n:02x}").repeat(32));
    let cases: Vec<(String, &str)> = vec![
        (" ".into(), "input"),
        ("\0\0\0".into(), "begins with"),
        ("null".into(), "not a state dump"),
        ("[]".into(), "not a state dump"),
        ("{}".into(), "members"),
        ("{\"foo\":1}".into(), "members"),
        // Longer than the inspected prefix, which therefore ends inside a member or inside a character.
        (format!("{{\"foo\":\"{}\"}}", "a".repeat(2 << 20)), "members [\"foo\"]"),
        (format!("{{\"ab\":1,\"foo\":\"{}\"}}", "é".repeat(1 << 20)), "members [\"ab\", \"foo\"]"),
        (
            format!("{{\"abc\":1,\"foo\":\"{}\"}}", "é".repeat(1 << 20)),
            "members [\"abc\", \"foo\"]",
        ),
        // Cut short.
        (format!("{{\"foo\":\"{}", "a".repeat(1 << 19)), "damaged"),
        ("{\"accounts\":5}".into(), "data pos 12"),
        ("{\"block\":null,\"accounts\":[]}".into(), "expected JSON value type"),
        ("{\"block\":null}".into(), "no \"accounts\""),
        ("{\"block\":null,\"accounts\":{\"0x12\":{}}}".into(), "0x12"),
        ("{\"block\":{\"number\":\"0x1ffffffffffffffff\"},\"accounts\":{}}".into(), "block number"),
        ("{\"block\":{\"number\":1e99},\"accounts\":{}}".into(), "block number"),
        (with("{\"5\":\"0x1\"}"), "after \"0x\""),
        (with("{\"0x5\":5}"), "expected JSON value type"),
        (with("{\"0x5\":\"0xzz\"}"), "slot 0x00"),
        (with(&format!("{{\"{}1\":\"0x1\"}}", word(1))), "got 65"),
        (with(&format!("{{\"0x5\":\"{}\",\"0x05\":\"{}\"}}", word(1), word(2))), "two values"),
        (with("{\"0x1\":\"0xffffffffffffffff\"}"), "chainCount"),
        (with("{}"), "no storage slot"),
        (with("{\"0x5\":\"0x1\"}"), "no MessageRoot"),
        (with("{\"0x5\":\"0x1\"}") + "x", "input"),
        ("{\"root\":\"0x00\"}\n{\"storage\":{\"0x5\":\"01\"}}".into(), "neither"),
        (
            format!("{{\"root\":\"0x00\"}}\n{{\"address\":\"{account}\",\"key\":\"{}\"}}", word(1)),
            "keccak256 of the address",
        ),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1}}".into(), "node's error"),
        ("{\"jsonrpc\":\"2.0\",\"result\":\"0x1f8b\"}".into(), "input"),
        ("{\"jsonrpc\":\"2.0\",\"result\":\"0x1f8".into(), "input"),
        ("0xzz".into(), "hexadecimal"),
        ("[".repeat(1 << 20), "not a state dump"),
        ("{\"block\":".to_owned() + &"[".repeat(1 << 20), "nesting"),
        ("{\"blocks\":[],\"x\":".to_owned() + &"{\"a\":".repeat(1 << 20), "nesting"),
    ];
    for (text, expected) in cases {
        let start: String = text.chars().take(60).collect();
        let error = root(text.into_bytes()).expect_err(&start);
        assert!(error.contains(expected), "{start}\n{error}");
    }
}

#[test]
fn a_dump_of_too_many_slots_is_refused() {
    let (bytes, _) = sample("gateway-v31/geth.dump.json.gz");
    let input = Input::from_reader("input", std::io::Cursor::new(bytes)).unwrap();
    let import = Import { most_in_memory: 100, ..Import::default() };
    let error = import.read_input(input).unwrap_err();
    assert!(matches!(error, ImportError::TooManySlots { .. }), "{error}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A gzip file of a few megabytes: `start`, followed by 10 GiB of one byte.
fn bomb(folder: &Path, name: &str, start: &str, byte: u8) -> String {
    let path = folder.join(name);
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(&gzip(start.as_bytes())).unwrap();
    let piece = gzip(&vec![byte; 64 << 20]);
    for _ in 0..160 {
        file.write_all(&piece).unwrap();
    }
    path.to_str().unwrap().to_owned()
}

#[cfg(unix)]
#[test]
fn decompression_bombs_are_refused_and_outputs_kept() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old.ndjson");
    fs::write(&old, "precious").unwrap();
    let logs = support::fixture("gateway-v31/logs.jsonl.gz");
    let state = support::fixture("gateway-v31/state.anvil.json");
    let prove = |tree: &str, messages: &str| -> Run {
        let old = old.to_str().unwrap();
        run_within(ROOM, ["prove", "--all", "-o", old, "--tree", tree, "--messages", messages])
    };
    for (name, start, byte) in [
        ("blanks", "", b' '),
        ("string", "{\"block\":null,\"accounts\":{\"", b'0'),
        ("nesting", "{\"block\":null,\"blocks\":", b'['),
        ("zeros", "", 0),
    ] {
        let bomb = bomb(folder.path(), name, start, byte);
        let as_state = prove(&bomb, logs.to_str().unwrap());
        assert_eq!(as_state.code, Some(3), "{name}: {}", as_state.stderr);
        assert!(as_state.stderr.contains(name), "{}", as_state.stderr);
        let as_archive = prove(state.to_str().unwrap(), &bomb);
        assert_eq!(as_archive.code, Some(3), "{name}: {}", as_archive.stderr);
        let as_proofs = run_within(ROOM, ["verify", &bomb, "--root", &Hash::ZERO.to_string()]);
        assert!([Some(1), Some(3)].contains(&as_proofs.code), "{name}: {}", as_proofs.stderr);
        assert_eq!(fs::read_to_string(&old).unwrap(), "precious");
    }
}

#[test]
fn wrong_files_have_their_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty"), "").unwrap();
    let (mut altered, _) = sample("gateway-v31/state.anvil.json");
    // Alters one digit of the first batch root of the archive.
    let root = support::json_lines("gateway-v31/logs.jsonl.gz")[0]["chainBatchRoot"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = String::from_utf8(altered.clone()).unwrap();
    let at = text.find(&root).unwrap() + 2;
    altered[at] = if altered[at] == b'1' { b'2' } else { b'1' };
    fs::write(path("altered"), altered).unwrap();
    for (file, code) in
        [(path("empty"), 3), (path("."), 4), (path("altered"), 4), (path("none"), 6)]
    {
        let verdict = run(["rebuild", &file]);
        assert_eq!(verdict.code, Some(code), "{file}: {}", verdict.stderr);
        assert!(!verdict.stderr.contains("panicked"));
        assert_eq!(verdict.stdout, "");
    }
    // The chain of this dump imports roots but is not a settlement layer.
    let dest = support::fixture("gateway-v31/dest.state.anvil.json");
    let verdict = run(["rebuild", dest.to_str().unwrap()]);
    assert_eq!(verdict.code, Some(3));
    assert!(verdict.stderr.contains("--message-root"), "{}", verdict.stderr);
}
