//! Large raw archives: the same bytes, and the same faults, from any number of threads.

use std::{collections::BTreeMap, fmt::Write, io::Cursor, path::Path};

use rayon::{ThreadPool, ThreadPoolBuilder};
use slproof::{
    archive::Archive,
    files::{Access, Input},
    ingest::logs::{Indexed, Indexer, SourceOptions, read_archive_input},
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash, hex},
};

/// Enough for several windows of the writer, and for several pieces of text for each of eight threads.
const BATCHES: u64 = 20_000;

fn pools() -> [ThreadPool; 4] {
    [1, 2, 3, 8].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap())
}

/// The message of a batch. Some are longer than a piece of text.
fn message(at: u64) -> Option<Vec<u8>> {
    let len = if at % 4000 == 1700 { 700_000 } else { at % 90 };
    (!at.is_multiple_of(3)).then(|| (0..len).map(|byte| (byte * at) as u8).collect())
}

/// A batch. Chains alternate, and numbers descend, so that the order of the archive is another one.
fn batch(at: u64) -> BatchLogs {
    let (mut logs, mut messages) = (Vec::new(), MessageList::default());
    if let Some(message) = message(at) {
        logs.push(L2ToL1Log::of_message(at as u16, Address::system(at), &message));
        messages.push(&message);
    }
    if at.is_multiple_of(5) {
        logs.push(L2ToL1Log::new([at as u8 | 1; 88]));
    }
    let transactions = logs.iter().map(|log| Hash::new([log.as_bytes()[87]; 32])).collect();
    let number = BatchNumber(BATCHES - at / 3);
    let batch = BatchLogs::new(ChainId(7 + at % 3), number, logs, messages, None);
    batch.and_then(|batch| batch.with_transactions(transactions)).unwrap()
}

/// A line with a batch. Every seventh comes in two, of which only one has the messages and the other the transactions.
fn lines(at: u64) -> Vec<String> {
    let batch = batch(at);
    let batch = batch.view();
    let list = |texts: Vec<String>| format!("[{}]", texts.join(","));
    let quoted = |text: String| format!("\"{text}\"");
    let logs = list(batch.logs().iter().map(|log| quoted(log.to_string())).collect());
    let messages = list(batch.messages().iter().map(|text| quoted(hex::encode(text))).collect());
    let transactions =
        list(batch.transactions().iter().map(|hash| quoted(hash.to_string())).collect());
    let begin = format!(
        "{{\"chainId\":{},\"batchNumber\":{},\"logs\":{logs}",
        batch.chain(),
        batch.batch()
    );
    match at % 7 {
        0 => vec![
            format!("{begin},\"messages\":{messages}}}"),
            format!("{begin},\"transactions\":{transactions}}}"),
        ],
        _ => vec![format!("{begin},\"messages\":{messages},\"transactions\":{transactions}}}")],
    }
}

fn text() -> String {
    let (mut first, mut second) = (String::new(), String::new());
    for at in 0..BATCHES {
        let mut lines = lines(at).into_iter();
        writeln!(first, "{}", lines.next().unwrap()).unwrap();
        lines.for_each(|line| second += &(line + "\n\n"));
    }
    first + &second
}

fn input(text: &str) -> Input {
    Input::from_reader("raw", Cursor::new(text.as_bytes().to_vec())).unwrap()
}

fn index(input: Input, output: &Path) -> Indexed {
    let mut indexer = Indexer::create(output, SourceOptions::default(), None).unwrap();
    indexer.read(input).unwrap();
    indexer.finish().unwrap()
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let (dir, text) = (tempfile::tempdir().unwrap(), text());
    let [file, output] = ["logs.jsonl", "logs.slmsg"].map(|name| dir.path().join(name));
    std::fs::write(&file, &text).unwrap();
    let made = pools().map(|pool| {
        // Threads read the parts of a file themselves, but not those of a pipe.
        [Input::open(&file).unwrap(), input(&text)].map(|input| {
            let indexed = pool.install(|| index(input, &output));
            assert_eq!((indexed.merged, indexed.faults.count()), (BATCHES.div_ceil(7), 0));
            std::fs::read(&output).unwrap()
        })
    });
    assert!(made.as_flattened().iter().all(|bytes| *bytes == made[0][0]));

    let archive = Archive::open(&output, Access::Map).unwrap();
    archive.check().unwrap();
    let expected: BTreeMap<_, _> =
        (0..BATCHES).map(batch).map(|batch| (batch.view().key(), batch)).collect();
    assert!(archive.batches().map(Result::unwrap).eq(expected.values().map(BatchLogs::view)));
    for at in [1, 2, 1700, BATCHES - 1] {
        let log = batch(at).view().logs()[0];
        let mut found = archive.find_message(log.value()).map(Result::unwrap);
        assert!(found.any(|found| found.batch == batch(at).view() && found.index == 0));
    }
}

#[test]
fn faults_have_the_same_places_for_any_number_of_threads() {
    let mut lines: Vec<String> = text().lines().map(str::to_owned).collect();
    let count = lines.len();
    // Cut off, of another chain's message, and not a batch.
    let of_batch = |from: usize| (from..).find(|at| !lines[*at].is_empty()).unwrap();
    let damaged = [of_batch(count / 9), of_batch(count / 2), of_batch(count - 5)];
    for (at, damaged) in damaged.into_iter().zip([None, None, Some("[]")]) {
        let cut = lines[at][..lines[at].len() - 4].to_owned();
        lines[at] = damaged.map_or(cut, str::to_owned);
    }
    // The bytes of a message that are not those of its log.
    let other = 2 * count / 3;
    let at = (other..).find(|at| lines[*at].contains("\"messages\":[\"0x0")).unwrap();
    lines[at] = lines[at].replace("\"messages\":[\"0x0", "\"messages\":[\"0x1");
    let text = lines.join("\n");
    let mut places: Vec<usize> = damaged.into_iter().chain([at]).map(|at| at + 1).collect();
    places.sort_unstable();

    let dir = tempfile::tempdir().unwrap();
    let found = pools().map(|pool| {
        let indexed = pool.install(|| index(input(&text), &dir.path().join("logs.slmsg")));
        let faults = indexed.faults.into_first();
        let faults: Vec<String> = faults.iter().map(|fault| format!("{fault:?}")).collect();
        let first = pool.install(|| read_archive_input(input(&text), None, Access::Map));
        (faults, format!("{:?}", first.unwrap_err()))
    });
    assert!(found.iter().all(|other| *other == found[0]));
    let (faults, first) = &found[0];
    assert_eq!((faults.len(), first), (4, &faults[0]));
    for (fault, line) in faults.iter().zip(places) {
        assert!(fault.contains(&format!("Line({line})")), "{line}: {fault}");
    }
}
