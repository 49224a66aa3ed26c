//! Tables as the databases of nodes write them give the trees of a dump of the same block.

use std::{collections::BTreeMap, fmt::Write as _, fs, io::Cursor};

use slproof::{
    contracts::system::MESSAGE_ROOT,
    files::Input,
    forest::{RebuildOptions, rebuild},
    ingest::state::{Dump, Format, Import, ImportError, Note},
    primitives::{Address, SlBlock, Word},
    snapshot::Snapshot,
    state::{
        StorageReader,
        keys::{era_key, trie_key},
    },
};

use crate::support::{
    self,
    binary::run,
    log_sources::{self, Export},
};

const OLD: &str = "gateway-v29";
const NEW: &str = "gateway-v31";
/// The block of the old state, and the last one that writes the new state.
const OLD_BLOCK: SlBlock = SlBlock(245);
const NEW_BLOCK: SlBlock = SlBlock(300);

type Slots = BTreeMap<(Address, Word), Word>;

/// The slots of a state as anvil wrote them, read without the reader under test.
fn slots(fixture: &str) -> Slots {
    let dump = support::json(&format!("{fixture}/state.anvil.json"));
    let mut slots = Slots::new();
    for (account, fields) in dump["accounts"].as_object().unwrap() {
        for (slot, value) in fields["storage"].as_object().unwrap() {
            let word = |text: &str| Word::from_hex(text).unwrap();
            let value = word(value.as_str().unwrap());
            slots.insert((account.parse().unwrap(), word(slot)), value);
        }
    }
    slots
}

/// The root that the contracts returned.
fn root(fixture: &str) -> String {
    let roots = support::json(&format!("{fixture}/roots.json"));
    roots["aggregatedRoot"].as_str().unwrap().to_owned()
}

/// A row of `storage_logs`.
struct Row {
    slot: (Address, Word),
    value: Word,
    block: u64,
    operation: u32,
}

/// Writes that lead from nothing to the old state and on to the new one, in the order of their keys: to
/// every slot at several blocks, and more than once in the last one of them.
fn history() -> Vec<Row> {
    let (old, new) = (slots(OLD), slots(NEW));
    let mut rows = Vec::new();
    let mut write = |slot, value, block: SlBlock, operation| {
        rows.push(Row { slot, value, block: block.0, operation });
    };
    for (at, (slot, value)) in old.iter().enumerate() {
        write(*slot, Word::from(77), SlBlock(9), 100);
        // Numbers that are in another order as text.
        write(*slot, Word::from(78), OLD_BLOCK, 9);
        write(*slot, *value, OLD_BLOCK, 10 + at as u32);
    }
    for slot in old.keys().filter(|slot| !new.contains_key(slot)) {
        write(*slot, Word::ZERO, SlBlock(250), 0);
    }
    for (slot, value) in &new {
        write(*slot, Word::from(79), SlBlock(246), 5);
        write(*slot, *value, NEW_BLOCK, 1);
    }
    rows.sort_by_key(|row| (era_key(row.slot.0, row.slot.1), row.operation % 7, row.block));
    rows
}

/// The rows as Postgres writes them. Nodes that were restored from a snapshot do not know the slots.
fn storage_logs(form: Export, has_slots: bool, rows: &[Row]) -> String {
    let null = if form == Export::Csv { "" } else { "\\N" };
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let (address, slot) = row.slot;
            let bytea = |bytes: &[u8]| form.bytea(bytes);
            let known = |bytes: &[u8]| if has_slots { bytea(bytes) } else { null.to_owned() };
            vec![
                bytea(era_key(address, slot).as_bytes()),
                known(address.as_bytes()),
                known(slot.as_bytes()),
                bytea(row.value.as_bytes()),
                row.operation.to_string(),
                null.to_owned(),
                row.block.to_string(),
                "2025-01-02 03:04:05.678901".into(),
            ]
        })
        .collect();
    let columns =
        "hashed_key, address, key, value, operation_number, tx_hash, miniblock_number, created_at";
    let mut text = String::new();
    if form == Export::Dump {
        text += "--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n\n";
        let other = [vec![bytea_key(form), "7".into(), "1".into()]];
        text += &form.table("initial_writes", "hashed_key, l1_batch_number, index", &other);
    }
    text + &form.table("storage_logs", columns, &rows)
}

fn bytea_key(form: Export) -> String {
    form.bytea(era_key(MESSAGE_ROOT, Word::from(1)).as_bytes())
}

fn read(text: &str, import: &Import) -> Result<Dump, ImportError> {
    import.read_input(Input::from_reader("rows", Cursor::new(text.to_owned())).unwrap())
}

fn at(last_block: Option<SlBlock>) -> Import {
    Import { last_block, ..Import::default() }
}

/// Checks that the state has exactly these slots, and leads to the root that the contracts returned.
fn check(state: &Snapshot, fixture: &str) {
    let expected = slots(fixture);
    // anvil also writes slots that became zero.
    let written = expected.values().filter(|value| !value.is_zero()).count();
    assert_eq!(state.header().entries, written as u64);
    for ((account, slot), value) in expected {
        assert_eq!(state.read(account, slot), Ok(value));
    }
    let forest = rebuild(state, &RebuildOptions::default()).unwrap();
    assert_eq!(forest.root().to_string(), root(fixture));
}

#[test]
fn storage_logs_give_the_state_of_any_block() {
    let rows = history();
    for form in [Export::Dump, Export::Copy, Export::Csv] {
        for has_slots in [true, false] {
            let text = storage_logs(form, has_slots, &rows);
            for (wanted, block, fixture) in [
                (None, NEW_BLOCK, NEW),
                (Some(NEW_BLOCK), NEW_BLOCK, NEW),
                (Some(OLD_BLOCK), OLD_BLOCK, OLD),
            ] {
                let dump = read(&text, &at(wanted)).unwrap();
                assert_eq!((dump.format, dump.state.block()), (Format::Table, Some(block)));
                assert!(dump.notes.is_empty(), "{:?}", dump.notes);
                check(&dump.state, fixture);
            }
        }
    }
}

#[test]
fn a_dump_may_begin_with_the_rows_of_storage_logs() {
    let text = storage_logs(Export::Dump, true, &history());
    let rows = &text[text.find("COPY public.storage_logs").unwrap()..];
    check(&read(rows, &at(Some(OLD_BLOCK))).unwrap().state, OLD);
}

#[test]
fn parts_of_storage_logs_are_merged_and_commands_take_a_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let rows = history();
    let (one, other) = rows.split_at(rows.len() / 3);
    let parts = [(path("a.sql"), Export::Dump, one), (path("b.csv"), Export::Csv, other)];
    for (path, form, rows) in &parts {
        fs::write(path, storage_logs(*form, false, rows)).unwrap();
    }
    let (a, b, snapshot) = (&*parts[0].0, &*parts[1].0, &*path("state.slsnap"));
    for (block, fixture) in [("245", OLD), ("300", NEW)] {
        let result = run(["import", a, b, "--last-block", block, "-o", snapshot]);
        assert_eq!(result.code, Some(0), "{}", result.stderr);
        let result = run(["rebuild", snapshot, "--last-block", block]);
        assert!(result.stdout.contains(&root(fixture)), "{} {}", result.stdout, result.stderr);
        let result = run(["rebuild", a, b, "--last-block", block]);
        assert!(result.stdout.contains(&root(fixture)), "{} {}", result.stdout, result.stderr);
    }
    let result = run(["import", a, b, "--last-block", "301", "-o", snapshot]);
    assert!(result.stderr.contains("the newest row up to block 301 is of block 300"));

    let dump = support::fixture("gateway-v29/state.anvil.json").display().to_string();
    let result = run(["import", &dump, "--last-block", "244", "-o", snapshot]);
    assert_eq!(result.code, Some(3));
    assert!(result.stderr.contains("is of block 245, not of block 244"), "{}", result.stderr);
    let result = run(["import", &dump, "--last-block", "245", "-o", snapshot]);
    assert_eq!(result.code, Some(0), "{}", result.stderr);

    let result = run(["index", a, "--chain", "9", "-o", &path("x.slmsg")]);
    assert!(result.stderr.contains("is a state dump: it holds no logs"), "{}", result.stderr);
}

/// Of a whole database, the tables of logs come first. Both are taken, by name and in a directory.
#[test]
fn a_dump_of_a_whole_database_has_the_state_and_the_logs() {
    let folder = tempfile::tempdir().unwrap();
    let batches = support::vectors::batches("gateway-v29");
    let of_one: Vec<_> = batches.iter().filter(|batch| batch.chain == 324).cloned().collect();
    let [first, logs, blocks] = log_sources::tables(Export::Dump, &of_one);
    let state = storage_logs(Export::Dump, true, &history());
    let file = folder.path().join("database.sql");
    fs::write(&file, first + &logs + &blocks + &state).unwrap();
    let folder = folder.path().to_str().unwrap();
    let file = file.to_str().unwrap();
    let block = OLD_BLOCK.to_string();
    let count: usize = of_one.iter().map(|batch| batch.logs.len()).sum();
    for inputs in [&["--archive", folder][..], &["--tree", file, "--messages", file]] {
        let flags = ["--last-block", &block, "--chain", "324", "--all", "-q"];
        let proven = run([&["prove"], inputs, &flags].concat());
        assert_eq!(proven.code, Some(0), "{}", proven.stderr);
        assert_eq!(proven.stdout.lines().count(), count);
    }
    let rebuilt = run(["rebuild", folder, "--last-block", &block]);
    assert!(rebuilt.stdout.contains(&root(OLD)), "{} {}", rebuilt.stdout, rebuilt.stderr);
}

/// The memory is so small that versions are dropped and sorted many times.
#[test]
fn history_takes_no_memory_beyond_the_slots() {
    let rows = history();
    let slots = slots(NEW).len().max(slots(OLD).len());
    let both: std::collections::BTreeSet<_> = rows.iter().map(|row| row.slot).collect();
    assert!(rows.len() > 2 * both.len() && both.len() > slots);
    let mut newest = rows;
    newest.sort_by_key(|row| row.operation % 5);
    for copies in [1, 3] {
        let text = storage_logs(Export::Csv, true, &newest);
        let repeated: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
        let text = text + &repeated.repeat(copies - 1);
        let import = Import { most_in_memory: both.len(), ..Import::default() };
        check(&read(&text, &import).unwrap().state, NEW);
        let import = Import { most_in_memory: both.len() / 2, ..Import::default() };
        let error = read(&text, &import).unwrap_err();
        assert!(matches!(error, ImportError::TooManySlots { .. }), "{error}");
    }
}

#[test]
fn a_write_with_two_values_and_damaged_rows_are_refused() {
    let row = |value, operation| Row {
        slot: (MESSAGE_ROOT, Word::from(1)),
        value: Word::from(value),
        block: 5,
        operation,
    };
    let text = |rows: &[Row]| storage_logs(Export::Csv, true, rows);
    let error = read(&text(&[row(1, 1), row(2, 1)]), &at(None)).unwrap_err();
    assert!(matches!(error, ImportError::Conflict { .. }), "{error}");
    // An older write does not matter, and a repeated row is the same write.
    read(&text(&[row(1, 1), row(2, 1), row(3, 2), row(3, 2)]), &at(None)).unwrap();
    let error = read(&text(&[row(1, 1)]), &at(Some(SlBlock(4)))).unwrap_err();
    assert!(matches!(error, ImportError::NoRowUpTo { .. }), "{error}");
    let dump = read(&text(&[row(1, 1)]), &at(Some(SlBlock(6)))).unwrap();
    let note = Note::EndsBefore { newest: SlBlock(5), wanted: SlBlock(6) };
    assert_eq!(dump.notes, [note]);

    let whole = storage_logs(Export::Dump, true, &[row(1, 1)]);
    let key = bytea_key(Export::Csv);
    for (text, words) in [
        (text(&[row(1, 1)]).replace("0000000001,\\x", "0000000002,\\x"), "the hashed key is not"),
        (text(&[row(1, 1)]).replace(",5,2025", ",-5,2025"), "line 2: the block: \"-5\""),
        (text(&[row(1, 1)]).replace(",5,2025", ",,2025"), "line 2: the block: \"\""),
        (text(&[row(1, 1)]).replace(&key, &key[2..]), "line 2: the hashed key"),
        (whole.replace("\\.\n\n\n", ""), "the dump is cut off"),
        (whole.replace("public.storage_logs", "public.others"), "without the table storage_logs"),
        (whole.replace(", value,", ", values,"), "a table must have the columns"),
        ("PGDMP".into(), "pg_restore"),
    ] {
        let error = read(&text, &at(None)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// `COPY (SELECT …) TO`, psql, and exports of other databases.
#[test]
fn hexadecimal_and_separators_of_every_database_are_read() {
    for (separator, open, close) in [
        (",", "\\x", ""),
        (";", "\\x", ""),
        ("\t", "\\x", ""),
        ("\t", "\\\\x", ""),
        ("|", "0x", ""),
        (",", "X'", "'"),
        (";", "\"0x", "\""),
    ] {
        let field = |bytes: &[u8]| {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{open}{digits}{close}")
        };
        let mut hashed = String::new();
        let mut plain = ["\"value\"", "comment", "\"Key\"", "account"].join(separator) + "\n";
        for ((account, slot), value) in slots(OLD) {
            let (a, s) = (field(account.as_bytes()), field(slot.as_bytes()));
            let v = field(value.as_bytes());
            let key = field(era_key(account, slot).as_bytes());
            plain += &([&*v, "", &s, &a].join(separator) + "\r\n");
            hashed += &([key, v].join(separator) + "\n");
        }
        let header = "\n \r\n".to_owned() + &["hashed_key", "value"].join(separator) + "\n";
        check(&read(&plain, &at(None)).unwrap().state, OLD);
        check(&read(&(header + &hashed), &at(None)).unwrap().state, OLD);
        check(&read(&hashed, &at(None)).unwrap().state, OLD);
    }
}

/// `reth db state ADDRESS --format csv` does not name the account.
#[test]
fn a_table_of_one_account_needs_its_address() {
    let mut text = String::new();
    for ((account, slot), value) in slots(NEW) {
        if account == MESSAGE_ROOT {
            writeln!(text, "{slot},{value}").unwrap();
        }
    }
    let named = format!("slot,value\n{text}");
    let given = Import { account: Some(MESSAGE_ROOT), ..Import::default() };
    for text in [&named, &text] {
        let dump = read(text, &given).unwrap();
        let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
        assert_eq!(forest.root().to_string(), root(NEW));
    }
    let error = read(&named, &Import::default()).unwrap_err();
    assert!(matches!(error, ImportError::NoAccount { .. }), "{error}");
    // Without the account and without names, two columns are a hashed key and its value.
    let dump = read(&text, &Import::default()).unwrap();
    assert_eq!(dump.state.read(MESSAGE_ROOT, Word::from(1)), Ok(Word::ZERO));
}

/// Erigon lists slots in their own order, and continues with a slot, not with a hash.
#[test]
fn pages_in_the_order_of_slots_are_merged_and_missing_pages_reported() {
    let slots = slots(NEW);
    let of_account: Vec<(Word, Word)> = slots
        .into_iter()
        .filter(|((account, _), _)| *account == MESSAGE_ROOT)
        .map(|((_, slot), value)| (slot, value))
        .collect();
    let page = |(at, slots): (usize, &[(Word, Word)])| {
        let storage: serde_json::Map<_, _> = slots
            .iter()
            .map(|(slot, value)| {
                let entry =
                    serde_json::json!({"key": slot.to_string(), "value": value.to_string()});
                (trie_key(slot.as_bytes()).to_string(), entry)
            })
            .collect();
        let next = of_account.get((at + 1) * 100).map(|(slot, _)| slot.to_string());
        serde_json::json!({"storage": storage, "nextKey": next})
    };
    let pages: Vec<_> = of_account.chunks(100).enumerate().map(page).collect();
    assert!(pages.len() > 2);
    let given = Import { account: Some(MESSAGE_ROOT), ..Import::default() };
    let dump = read(&serde_json::Value::from(pages.clone()).to_string(), &given).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    assert_eq!(forest.root().to_string(), root(NEW));
    for missing in 1..pages.len() {
        let mut pages = pages.clone();
        pages.remove(missing);
        let error = read(&serde_json::Value::from(pages).to_string(), &given).unwrap_err();
        assert!(matches!(error, ImportError::Pages { .. }), "{error}");
    }
}

#[test]
fn a_table_that_begins_after_the_wanted_block_is_named_with_the_block() {
    let text = format!(
        "hashed_key,value,miniblock_number\n{},{},300\n",
        era_key(MESSAGE_ROOT, Word::from(1)),
        Word::from(2)
    );
    let input = || Input::from_reader("table", Cursor::new(text.clone())).unwrap();
    let error = at(Some(SlBlock(299))).read_input(input()).unwrap_err();
    assert!(matches!(error, ImportError::NoRowUpTo { wanted: SlBlock(299), .. }), "{error}");
    assert!(at(Some(SlBlock(300))).read_input(input()).is_ok());
}

#[test]
fn numbers_in_rows_of_json_may_be_texts() {
    let key = era_key(MESSAGE_ROOT, Word::from(1));
    let row = |block: &str, operation: &str, value: u64| {
        format!(
            r#"{{"hashedKey":"{key}","value":"{value:#x}","block":{block},"operation_number":{operation}}}"#
        )
    };
    let text = [row("7", "1", 1), row("\"8\"", "\"0x2\"", 2), row("\"8\"", "\"1\"", 3)].join("\n");
    let input = Input::from_reader("table", Cursor::new(text)).unwrap();
    let dump = at(None).read_input(input).unwrap();
    assert_eq!(dump.state.block(), Some(SlBlock(8)));
    assert_eq!(dump.state.read(MESSAGE_ROOT, Word::from(1)).unwrap(), Word::from(2));
    let large = row("7", "4294967296", 1);
    let input = Input::from_reader("table", Cursor::new(large)).unwrap();
    assert!(at(None).read_input(input).unwrap_err().to_string().contains("operation number"));
}
