//! All dump formats give the same snapshot; damaged and mixed dumps are refused.

use std::{collections::BTreeMap, fs, io::Cursor, path::Path};

use crate::support::{self, binary::run, era, fixture};
use serde_json::{Value, json};
use slproof::{
    contracts::system::MESSAGE_ROOT,
    files::{Access, Input},
    ingest::state::{Dump, Format, Import, ImportError, Note, read_state},
    primitives::{Hash, SlBlock, Word},
    snapshot::{Snapshot, Source},
    state::{StorageReader, keys::era_key},
};
use tiny_keccak::{Hasher, Keccak};

pub(super) fn import() -> Import {
    Import::default()
}

pub(super) fn read(path: &Path) -> Dump {
    read_state(path, None).unwrap()
}

fn read_text(text: impl Into<String>) -> Result<Dump, ImportError> {
    import().read_input(Input::from_reader("text", Cursor::new(text.into()))?)
}

/// The contents of a snapshot except its source.
pub(super) fn content(state: &Snapshot) -> (Vec<(String, Vec<u8>)>, String) {
    let container = state.container();
    let sections = container
        .sections()
        .map(|(name, _)| (name.to_string(), container.section(name).unwrap().to_vec()))
        .collect();
    let mut header = state.header().clone();
    header.source = Source::default();
    (sections, format!("{header:?}"))
}

/// A slot and its value.
type Slot = (String, String);
type Slots = BTreeMap<String, BTreeMap<String, String>>;

/// The slots of the v29 state as anvil wrote them, read without the reader under test.
fn slots() -> Slots {
    let dump = support::json("gateway-v29/state.anvil.json");
    let accounts = dump["accounts"].as_object().unwrap().iter();
    accounts
        .map(|(account, value)| {
            let storage = value["storage"].as_object().unwrap().iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (account.clone(), storage.map(|(slot, value)| (slot.clone(), text(value))).collect())
        })
        .collect()
}

fn rows() -> Vec<(String, String, String)> {
    let row = |account: &String, (slot, value)| (account.clone(), slot, value);
    slots().into_iter().flat_map(|(a, s)| s.into_iter().map(move |s| row(&a, s))).collect()
}

fn csv() -> String {
    rows().iter().map(|(a, s, v)| format!("{a},{s},{v}\n")).collect()
}

fn ndjson() -> String {
    let line = |(a, s, v): &(String, String, String)| json!({"address": a, "slot": s, "value": v});
    rows().iter().rev().map(|row| format!("{}\n", line(row))).collect()
}

fn hashed_csv() -> String {
    let key = |a: &String, s: &str| era_key(a.parse().unwrap(), Word::from_hex(s).unwrap());
    let rows = rows();
    let lines = rows.iter().map(|(a, s, v)| format!("{v},{},x\n", key(a, s)));
    "value,hashedKey,comment\n".to_owned() + &lines.collect::<String>()
}

fn anvil_zksync() -> String {
    let storage: BTreeMap<String, String> =
        rows().into_iter().map(|(a, s, v)| (format!("{a}{}", &s[2..]), v)).collect();
    json!({
        "version": 1,
        "blocks": [{"number": "0xf4", "hash": "0x"}, {"number": "0xf5"}],
        "transactions": [{"storage": {}}],
        "storage": storage,
        "factory_deps": {},
        "historical_states": [],
    })
    .to_string()
}

fn keccak(bytes: &[u8]) -> String {
    let (mut hasher, mut hash) = (Keccak::v256(), [0; 32]);
    hasher.update(bytes);
    hasher.finalize(&mut hash);
    Hash::new(hash).to_string()
}

/// Pages of debug_storageRangeAt of MessageRoot. The preimage of every seventh slot is unknown.
fn pages(per_page: usize) -> Vec<Value> {
    let account = &slots()[&MESSAGE_ROOT.to_string()];
    let by_hash: BTreeMap<String, Slot> = account
        .iter()
        .map(|(slot, value)| {
            let word = Word::from_hex(slot).unwrap();
            (keccak(word.as_bytes()), (word.to_string(), value.clone()))
        })
        .collect();
    let all: Vec<_> = by_hash.into_iter().collect();
    let page = |(i, slots): (usize, &[(String, Slot)])| {
        let storage: BTreeMap<_, _> = slots
            .iter()
            .enumerate()
            .map(|(j, (hash, (slot, value)))| {
                let key = if j % 7 == 6 { Value::Null } else { json!(slot) };
                (hash.clone(), json!({"key": key, "value": value}))
            })
            .collect();
        let next = all.get((i + 1) * per_page).map(|(hash, _)| hash);
        json!({"storage": storage, "nextKey": next})
    };
    all.chunks(per_page).enumerate().map(page).collect()
}

#[test]
fn sources_that_know_the_slots_give_the_same_snapshot() {
    let expected = read(&fixture("gateway-v29/state.anvil.json"));
    assert_eq!(expected.state.header().sl_chain.map(|chain| chain.0), Some(506));
    assert_eq!(expected.state.block(), Some(SlBlock(245)));
    let expected = content(&expected.state);
    assert_eq!(expected.0.len(), 2, "entries and accounts");
    for file in support::STATE_DUMPS.iter().filter(|file| !file.contains("no-addr")) {
        let dump = read(&fixture(&format!("gateway-v29/{file}")));
        assert!(content(&dump.state) == expected, "{file}");
    }
    let named = format!("address,slot,value\n{}", csv());
    for (text, format) in [
        (csv(), Format::Table),
        (named, Format::Table),
        (ndjson(), Format::Table),
        (anvil_zksync(), Format::AnvilZksync),
    ] {
        let dump = read_text(text).unwrap();
        assert_eq!(dump.format, format);
        assert!(content(&dump.state) == expected, "{format}");
        if format == Format::AnvilZksync {
            assert_eq!(dump.state.block(), Some(SlBlock(245)));
        }
    }
    // Hashed keys do not name their account, so accounts cannot be counted.
    let hashed = read_text(hashed_csv()).unwrap();
    assert_eq!(hashed.format, Format::Table);
    assert!(content(&hashed.state).0 == expected.0[..1]);
}

#[test]
fn storage_pages_are_merged_and_missing_pages_reported() {
    let whole = read(&fixture("gateway-v29/state.anvil.json")).state;
    let import = Import { account: Some(MESSAGE_ROOT), ..import() };
    let read =
        |text: String| import.read_input(Input::from_reader("pages", Cursor::new(text)).unwrap());
    let pages = pages(100);
    assert!(pages.len() > 2);
    let lines: String = pages.iter().rev().map(|page| format!("{page}\n")).collect();
    let answers: String =
        pages.iter().map(|p| json!({"jsonrpc": "2.0", "id": 1, "result": p}).to_string()).collect();
    let array = Value::from(pages.clone()).to_string();
    for text in [lines, answers, array] {
        let dump = read(text).unwrap();
        assert_eq!(dump.format, Format::StorageRange);
        assert_eq!(dump.state.slot_count(MESSAGE_ROOT), whole.slot_count(MESSAGE_ROOT));
        for (slot, value) in &slots()[&MESSAGE_ROOT.to_string()] {
            let value = Word::from_hex(value).unwrap();
            assert_eq!(dump.state.read(MESSAGE_ROOT, Word::from_hex(slot).unwrap()), Ok(value));
        }
    }
    for missing in 1..pages.len() {
        let mut pages = pages.clone();
        pages.remove(missing);
        let error = read(Value::from(pages).to_string()).unwrap_err();
        assert!(matches!(error, ImportError::Pages { .. }), "{error}");
    }
    let text = Value::from(pages).to_string();
    let error = read_text(text).unwrap_err();
    assert!(matches!(error, ImportError::NoAccount { .. }), "{error}");
}

#[test]
fn a_geth_dump_that_lacks_a_slot_is_refused_and_the_account_named() {
    for file in ["geth.dump.iterative.jsonl.gz", "geth.dump.json.gz"] {
        let text = String::from_utf8(support::read(&format!("gateway-v29/{file}"))).unwrap();
        // The first slot of the first account that has slots.
        let start = text.find("\"storage\"").unwrap();
        let start = start + text[start..].find('{').unwrap() + 1;
        let end = start + text[start..].find(',').unwrap() + 1;
        let error = read_text(format!("{}{}", &text[..start], &text[end..])).unwrap_err();
        assert!(matches!(error, ImportError::StorageRoot { .. }), "{file}: {error}");
        assert!(error.to_string().contains("account 0x"), "{error}");
    }
}

#[test]
fn dumps_that_agree_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let csv = csv();
    let lines: Vec<&str> = csv.lines().collect();
    let (first, second) = (&lines[..700], &lines[600..]);
    fs::write(path("a.csv"), first.join("\n")).unwrap();
    fs::write(path("b.csv"), second.join("\n")).unwrap();
    let target = path("out.slsnap");
    let imported = import().to_file(&[path("a.csv"), path("b.csv")], &target).unwrap();
    let expected = content(&read(&fixture("gateway-v29/state.anvil.json")).state);
    assert!(imported.notes.iter().any(|note| matches!(note, Note::Merged { slots: 100 })));
    let state = Snapshot::open(&target, Access::Map).unwrap();
    assert!(content(&state).0 == expected.0[..1]);

    let changed = lines[650].rsplit_once(',').unwrap().0.to_owned() + ",0x77";
    fs::write(path("b.csv"), changed).unwrap();
    let before = fs::read(&target).unwrap();
    let error = import().to_file(&[path("a.csv"), path("b.csv")], &target).unwrap_err().to_string();
    assert!(error.contains("a.csv") && error.contains("b.csv"), "{error}");
    assert_eq!(fs::read(&target).unwrap(), before);

    let era = era::fixture(1);
    let error = import().to_file(&[path("a.csv"), era], &target).unwrap_err();
    assert!(matches!(error, ImportError::NotAlone { .. }), "{error}");
    let error = import().to_file(std::slice::from_ref(&target), &path("again.slsnap")).unwrap_err();
    assert!(matches!(error, ImportError::SnapshotAlready { .. }), "{error}");
}

#[test]
fn hostile_texts_are_refused_with_file_and_position() {
    let (a, w) = (MESSAGE_ROOT.to_string(), format!("0x{}", "11".repeat(32)));
    let pages = Import { account: Some(MESSAGE_ROOT), ..import() };
    let cases: Vec<(String, &str)> = vec![
        ("address,slot,value\n0x12,0x1,0x1\n".into(), "line 2: the address"),
        (format!("address,slot,value\n{a},1,0x1\n"), "line 2: the slot"),
        (format!("address,slot,value\n{a},0x1\n"), "line 2"),
        (format!("{a},0x1,0x1\n{a},0x1,0x2\n"), "two values"),
        (format!("{a},0x1,0x1\n{a},0x1,\n"), "line 2: the value"),
        (format!("hashedKey,value\n{w},0x1\n0x11,0x1\n"), "line 3: the hashed key"),
        (format!("address,slot,value\n{a},\"0x1{}", "0".repeat(1 << 20)), "line 2: longer"),
        (format!("address,slot,value\r\n\r\n{a},0x1\r\n"), "line 3: it has 2 columns"),
        (format!("{a},0x1,0x1\n{a},0x1\r,0x1\n"), "line 2: the row has a carriage return"),
        // By the quoting rules, this is one row.
        (
            format!("address,slot,value,note\n{a},0x1,0x1,\"x\n{a},0x2,0x2,y\n"),
            "line 2: the row has a quotation mark",
        ),
        (format!("{{\"address\":\"{a}\",\"slot\":\"0x1\",\"value\":\"0x1\"}}\n{{"), "line 2"),
        (format!("{{\"address\":\"{a}\",\"slot\":\"0x1\"}}"), "line 1"),
        (format!("{{\"slot\":\"0x1\",\"hashedKey\":\"{w}\",\"value\":\"0x1\"}}"), "line 1"),
        (format!("{{\"slot\":\"0x1\",\"value\":\"{}\"}}", "0".repeat(1 << 20)), "line"),
        ("{\"version\":2,\"storage\":{}}".into(), "not 1"),
        ("{\"version\":1}".into(), "no \"storage\""),
        ("{\"version\":1,\"storage\":{\"0x12\":\"0x1\"}}".into(), "the key"),
        ("{\"storage\":{},\"nextKey\":null}x".into(), "text"),
        (format!("{{\"storage\":{{\"{w}\":{{\"value\":\"0x1\"}}}}}}1"), "text"),
        (format!("{{\"storage\":{{\"{w}\":{{}}}},\"nextKey\":null}}"), "no value"),
        (format!("{{\"storage\":{{\"{w}\":{{\"key\":\"{w}\",\"value\":\"0x1\"}}}}}}"), "keccak256"),
        ("{\"storageLogsChunks\":[]}".into(), "pipe"),
        // The first eight members are named.
        (
            "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0}".into(),
            "\"h\"]",
        ),
        ("a,b,c\n1,2,3\n".into(), "not a state dump"),
    ];
    for (text, expected) in cases {
        let start: String = text.chars().take(70).collect();
        let input = Input::from_reader("text", Cursor::new(text)).unwrap();
        let error = pages.read_input(input).expect_err(&start);
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            words.push_str(&format!(": {error}"));
            cause = error.source();
        }
        assert!(words.contains(expected), "{start}\n{words}");
        assert!(!error.is_io(), "{start}");
    }
}

#[test]
fn every_state_may_be_a_snapshot_or_any_dump_and_proofs_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("table.csv"), csv()).unwrap();
    let v0 = era::fixture(0).to_str().unwrap().to_owned();
    for (source, snapshot) in [(&v0, "era.slsnap"), (&path("table.csv"), "table.slsnap")] {
        let run = run(["import", source, "-o", &path(snapshot)]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains("settlement layer 506"), "{}", run.stderr);
    }
    let logs = fixture("gateway-v29/logs.jsonl.gz").to_str().unwrap().to_owned();
    let anvil = fixture("gateway-v29/state.anvil.json").to_str().unwrap().to_owned();
    let prove = |state: &str, more: &[&str]| {
        let args = ["prove", "--chain", "324", "--all", "--tree", state, "--messages", &logs];
        // If a dump does not name its block, the rebuild searches for the newest root.
        let run = run(args.iter().chain(more));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    };
    let expected = prove(&anvil, &[]);
    assert!(expected.lines().count() > 100);
    let v1 = era::fixture(1).to_str().unwrap().to_owned();
    let states = [path("era.slsnap"), path("table.slsnap"), path("table.csv"), v1, v0.clone()];
    for state in &states {
        assert!(prove(state, &[]) == expected, "{state}");
        assert!(prove(state, &["--no-mmap"]) == expected, "{state}");
    }
    for (state, kind) in [(&states[0], "snapshot"), (&states[3], "dump")] {
        let run = run(["inspect", state, "--json"]);
        let value: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((value["kind"].as_str(), &value["slChainId"]), (Some(kind), &json!(506)));
        assert_eq!(value["batch"], json!(2028));
    }
}
