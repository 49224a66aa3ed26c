//! Large tables: the same snapshot, and the same first error, from any number of threads.

use std::{collections::BTreeMap, fs, io::Cursor};

use rayon::{ThreadPool, ThreadPoolBuilder};
use slproof::{
    files::Input,
    ingest::state::{Dump, Import, ImportError},
    primitives::{Address, Hash, Word},
    state::keys::era_key,
};

/// Enough for several blocks of text.
const ROWS: u64 = 24_000;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Csv,
    Ndjson,
    /// The output of `COPY`.
    Copied,
}

const FORMS: [Form; 3] = [Form::Csv, Form::Ndjson, Form::Copied];

/// The account, the slot and the value of a row. Some values are zero, and some rows occur twice.
fn slot(row: u64) -> (u64, u64, u64) {
    let row = if row % 13 == 12 { row / 2 } else { row };
    (row % 5, row, if row % 7 == 3 { 0 } else { row * row + 1 })
}

/// A line. Most have the full length, and others any, so that blocks of text end anywhere in a line.
fn line(form: Form, row: u64) -> String {
    let (account, slot, value) = slot(row);
    let (slot, value, blank) = match row % 17 {
        0 => (format!("0x{slot:x}"), format!("0x{value:x}"), "\r\n"),
        _ => (format!("0x{slot:064x}"), format!("0x{value:064x}"), ""),
    };
    match form {
        Form::Csv if row.is_multiple_of(19) => {
            format!("\"0x{account:040x}\",{slot},{value}\r\n{blank}")
        }
        Form::Csv => format!("0x{account:040x},{slot},{value}\n{blank}"),
        Form::Ndjson => format!(
            "{{\"address\":\"0x{account:040x}\",\"slot\":\"{slot}\",\"value\":\"{value}\"}}\n{blank}"
        ),
        Form::Copied => {
            let [slot, value] = [slot, value].map(|word| format!("\\\\x{}", &word[2..]));
            format!("\\\\x{account:040x}\t{slot}\t{value}\n")
        }
    }
}

fn lines(form: Form) -> Vec<String> {
    let header = match form {
        Form::Csv => Some("address,slot,value\n"),
        Form::Ndjson => None,
        Form::Copied => Some("address\tslot\tvalue\n"),
    };
    header.map(str::to_owned).into_iter().chain((0..ROWS).map(|row| line(form, row))).collect()
}

/// Reads a text from a reader, and from a file, which all threads read.
fn read(text: &str) -> [Result<Dump, ImportError>; 2] {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let stream = Input::from_reader("table", Cursor::new(text.to_owned())).unwrap();
    [Import::default().read_input(stream), Import::default().read(file.path())]
}

fn pools() -> [ThreadPool; 4] {
    [1, 2, 3, 8].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap())
}

#[test]
fn a_table_gives_the_same_snapshot_on_any_number_of_threads() {
    let slots: BTreeMap<Hash, Word> = (0..ROWS)
        .map(slot)
        .filter(|(.., value)| *value != 0)
        .map(|(account, slot, value)| {
            let address = Address::system(account);
            (era_key(address, Word::from(slot)), Word::from(value))
        })
        .collect();
    for form in FORMS {
        let text = lines(form).concat();
        assert!(text.len() > 3 << 20);
        for pool in pools() {
            for dump in pool.install(|| read(&text)) {
                let dump = dump.unwrap();
                let found = dump.state.entries().iter().map(|entry| (&entry.key, &entry.value));
                assert!(found.eq(&slots), "{form:?}");
            }
        }
    }
}

#[test]
fn the_first_error_of_a_table_is_the_same_on_any_number_of_threads() {
    for form in FORMS {
        let rows = lines(form);
        let number = |at: usize| rows[..at].concat().matches('\n').count() as u64 + 1;
        for damaged in [vec![20_000, 20_001, 23_999], vec![9_000, 9_500, 20_000], vec![3]] {
            let mut text = rows.clone();
            damaged
                .iter()
                .for_each(|at| text[*at] = text[*at].replace("0x", "0z").replace("x", "y"));
            for pool in pools() {
                for read in pool.install(|| read(&text.concat())) {
                    let error = read.unwrap_err();
                    let ImportError::Row { line, .. } = error else { panic!("{error}") };
                    assert_eq!(line, number(damaged[0]), "{form:?}");
                }
            }
        }
    }
}
