//! How many bytes of the files of L1 are read: once to find the kind of a file, and once more for its content.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::json;
use slproof::{
    FailureCode, Messages, MessagesOptions, Trees, TreesOptions,
    files::{ReadProgress, ReadProgressHandle},
    ingest::{FileKind, FoundFiles, KnownFiles, kind_of, l1::blobs::BLOB_LEN},
};

use crate::support::{binary::run, fixture, l1_files};

/// Counts the bytes that are read.
#[derive(Default)]
struct Bytes(AtomicU64);

impl ReadProgress for Bytes {
    fn expect(&self, _: u64) {}

    fn read(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn all_read(&self) {}
}

/// Opens the trees and the logs at a path. Returns the number of batches of both, and of the bytes that were read.
fn open(path: &Path) -> ([u64; 2], u64) {
    let bytes = Arc::new(Bytes::default());
    let known = KnownFiles::watched(ReadProgressHandle::new(bytes.clone()));
    let mut options = TreesOptions::default();
    options.known = known;
    options.sl_batches = vec![path.to_owned()];
    let trees = Trees::open(&[path], &options).unwrap();
    let mut options = MessagesOptions::default();
    options.trees = vec![trees.clone()];
    let messages = Messages::open(&[path], &options).unwrap();
    let batches = [trees.forest().unwrap().batch_count(), messages.archive().header().batches];
    (batches, bytes.0.load(Ordering::Relaxed))
}

/// The bytes of all files below a directory.
fn len_of(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let len = |entry: fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => len_of(&entry.path()),
        false => entry.metadata().unwrap().len(),
    };
    entries.map(len).sum()
}

#[test]
fn files_of_l1_are_read_twice_and_an_archive_of_them_three_times() {
    let folder = tempfile::tempdir().unwrap();
    let (l1, archive) = (l1_files::whole(folder.path()), folder.path().join("l1.tar"));
    // Blobs whose first value is not in the field, so that decoding them takes no time.
    let damaged = [[0xff; 32].as_slice(), &[1; BLOB_LEN - 32]].concat();
    for number in 0..300 {
        fs::write(l1.join(format!("{number}.blob")), &damaged).unwrap();
    }
    let (batches, read) = open(&l1);
    let len = len_of(&l1);
    assert!(batches.iter().all(|batches| *batches > 0) && len > 300 * BLOB_LEN as u64);
    assert!((len..=2 * len).contains(&read), "{read} of {len} bytes were read");

    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "-cf"]).arg(&archive).arg("-C").arg(&l1).arg(".");
    assert!(tar.status().unwrap().success());
    let (packed, read) = open(&archive);
    assert_eq!(packed, batches);
    let len = archive.metadata().unwrap().len();
    // The transactions are read before the blobs, since they tell which blobs are needed.
    assert!((2 * len..=3 * len).contains(&read), "{read} of {len} bytes were read");
}

#[test]
fn the_kind_of_a_changed_file_is_found_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let known = KnownFiles::default();
    let kind = || {
        let found = FoundFiles::knowing(&[folder.path()], &known).unwrap();
        let kind = kind_of(&path, &known).unwrap();
        assert_eq!(found.files[0].kind, kind);
        kind
    };
    fs::write(&path, "address,slot,value\n").unwrap();
    assert!(matches!(kind(), Some(FileKind::State(_))));
    assert!(matches!(kind(), Some(FileKind::State(_))));
    fs::copy(fixture("l1/commits.jsonl.gz"), &path).unwrap();
    assert_eq!(kind(), Some(FileKind::L1Transactions));
    // A file without a kind is known as such.
    fs::write(&path, "text").unwrap();
    assert_eq!((kind(), kind()), (None, None));
}

#[test]
fn a_pipe_is_no_file_of_l1() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut options = TreesOptions::default();
    options.from_l1 = vec![pipe];
    let state = fixture("gateway-v29/state.anvil.json");
    let error = Trees::open(&[state], &options).unwrap_err();
    assert_eq!(error.code(), FailureCode::InputDamaged);
    assert!(error.to_string().contains("read twice"), "{error}");
}

/// What is read to detect the kind of the file ends before the first call.
#[test]
fn calls_behind_the_first_mebibyte_are_found() {
    let folder = tempfile::tempdir().unwrap();
    l1_files::write(folder.path(), &l1_files::commits());
    let expected = run(["rebuild", "--json", folder.path().to_str().unwrap()]);
    assert!(expected.stdout.contains("chainRoot"), "{}", expected.stderr);
    let mut values = Vec::new();
    for number in 0..16 {
        let others = json!([{"hash": format!("0x{number:064x}"), "gas": "0x1",
            "input": format!("0x{}", "ab".repeat(1 << 16))}]);
        let block = json!({"number": format!("{number:#x}"), "hash": format!("0x{number:064x}"),
            "parentHash": "0x00", "transactionsRoot": "0x00", "transactions": others});
        values.push(json!({"jsonrpc": "2.0", "id": 1, "result": block}));
    }
    values.extend(l1_files::commits());
    values.extend(l1_files::executions());
    l1_files::write_lines(folder.path(), "commits.jsonl", &values);
    fs::remove_file(folder.path().join("executes.jsonl")).unwrap();
    fs::remove_file(folder.path().join("receipts.jsonl")).unwrap();
    let late = folder.path().join("commits.jsonl");
    let kind = kind_of(&late, &KnownFiles::default()).unwrap().unwrap();
    assert!(kind.may_have_calls(), "{kind}");
    let rebuilt = run(["rebuild", "--json", folder.path().to_str().unwrap()]);
    assert_eq!(rebuilt.stdout, expected.stdout, "{}", rebuilt.stderr);
    let inspected = run(["inspect", late.to_str().unwrap()]);
    assert!(inspected.stdout.contains(l1_files::DIAMOND), "{}", inspected.stdout);
    let mut files: Vec<String> = FoundFiles::at(&[folder.path()])
        .unwrap()
        .files
        .iter()
        .map(|file| file.path.to_str().unwrap().to_owned())
        .collect();
    files.splice(0..0, ["rebuild".to_owned(), "--json".to_owned()]);
    assert_eq!(run(files).stdout, expected.stdout);
}
