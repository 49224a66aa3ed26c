//! The snapshot file: its format, damage, truncation, killed and failed writers.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::support::{
    binary::{Run, command, run},
    era, fixture, golden,
};
use slproof::{
    files::{Access, Container, ContainerError, install_sigbus_handler},
    ingest::state::Import,
    primitives::{Address, SlBatch, Word},
    snapshot::{FirstWrite, Snapshot},
    state::StorageReader,
};

const GOLDEN: [&str; 2] = ["golden/snapshot-1-table.slsnap", "golden/snapshot-1-era.slsnap"];
const CONTRACT: Address = Address::system(0x10005);

/// How many times a writer is killed.
const MOMENTS: u32 = 200;

/// Slots 1 to 9 with the value slot · 257, except slot 5, which is zero, from both kinds of source.
fn make(folder: &Path) -> [PathBuf; 2] {
    let value = |slot: u64| Word::from(if slot == 5 { 0 } else { slot * 257 });
    let table: String =
        (1..10).map(|slot| format!("{CONTRACT},{:#x},{}\n", slot, value(slot))).collect();
    fs::write(folder.join("table.csv"), table).unwrap();
    let log = |slot: u64| era::Log {
        plain: Some((*CONTRACT.as_bytes(), *Word::from(slot).as_bytes())),
        hashed: None,
        value: *value(slot).as_bytes(),
        batch: 100 + slot,
        index: slot,
    };
    era::write_chunk(folder, 0, &era::encode(&(1..10).map(log).collect::<Vec<_>>()));
    let targets = [folder.join("table.slsnap"), folder.join("era.slsnap")];
    Import::default().to_file(&[folder.join("table.csv")], &targets[0]).unwrap();
    Import::default().to_file(&[folder.to_owned()], &targets[1]).unwrap();
    targets
}

fn is_golden(state: &Snapshot, has_first_writes: bool) {
    state.check().unwrap();
    assert_eq!(state.header().entries, 8);
    for slot in 1..10 {
        let value = Word::from(if slot == 5 { 0 } else { slot * 257 });
        assert_eq!(state.read(CONTRACT, Word::from(slot)), Ok(value));
        let first = state.first_write(CONTRACT, Word::from(slot));
        let expected = FirstWrite { batch: SlBatch(100 + slot), index: slot };
        assert_eq!(first, (has_first_writes && slot != 5).then_some(expected));
    }
    assert_eq!(state.slot_count(CONTRACT), (!has_first_writes).then_some(8));
}

#[test]
fn version_1_snapshots_are_read() {
    for (file, has_first_writes) in GOLDEN.iter().zip([false, true]) {
        for access in [Access::Map, Access::Read] {
            is_golden(&Snapshot::open(&fixture(file), access).unwrap(), has_first_writes);
        }
    }
}

#[test]
fn the_writer_writes_version_1() {
    golden::are_written(make, &GOLDEN, module_path!());
}

#[test]
#[ignore = "writes the golden files"]
fn regenerate() {
    golden::regenerate(make, &GOLDEN);
}

#[test]
fn every_changed_byte_and_every_cut_is_detected() {
    for file in GOLDEN {
        let good = fs::read(fixture(file)).unwrap();
        let check = |bytes: Vec<u8>| -> Result<(), ContainerError> {
            Snapshot::of(Container::from_bytes("damaged", bytes)?)?.check()
        };
        for at in 0..good.len() {
            for mask in [1, 0x10, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] ^= mask;
                let error = check(bytes).unwrap_err();
                assert!(error.to_string().contains("damaged"), "{error}");
            }
            assert!(check(good[..at].to_vec()).is_err(), "cut at {at}");
        }
    }
}

#[test]
fn check_names_the_damaged_section_and_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.slsnap");
    let mut bytes = fs::read(fixture(GOLDEN[1])).unwrap();
    let check = |bytes: &[u8]| -> Run {
        fs::write(&path, bytes).unwrap();
        run(["check", path.to_str().unwrap()])
    };
    let good = check(&bytes);
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    assert!(good.stdout.contains("indexes"), "{}", good.stdout);
    // Eight entries start at byte 64; their batches follow.
    bytes[64 + 8 * 64 + 3] ^= 1;
    let bad = check(&bytes);
    assert_eq!(bad.code, Some(3), "{}", bad.stderr);
    assert!(bad.stderr.contains("\"batches\", bytes 576 to 608"), "{}", bad.stderr);
    assert!(bad.stderr.contains("damaged.slsnap"));
    assert_eq!(check(&bytes[..500]).code, Some(3));
    assert_eq!(run(["check", folder.path().join("none").to_str().unwrap()]).code, Some(6));
    assert_eq!(run(["check", fixture("gateway-v29/roots.json").to_str().unwrap()]).code, Some(3));
}

/// A temporary directory on a disk. /tmp may be in memory, where truncation has other effects.
fn on_disk() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn rows(count: u64) -> String {
    (0..count).map(|slot| format!("{CONTRACT},{slot:#x},0x77\n")).collect()
}

/// Not a separate test: the process that reads a snapshot while
/// `a_truncated_snapshot_ends_in_an_error_that_names_it` truncates it.
#[test]
fn work_on_a_snapshot() {
    let Ok(path) = std::env::var("SLPROOF_TEST_WORK_ON") else { return };
    install_sigbus_handler().unwrap();
    let state = Snapshot::open(Path::new(&path), Access::Map).unwrap();
    println!("\nworking");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let result = state.check();
    println!("not reached: {result:?}");
}

#[test]
fn a_truncated_snapshot_ends_in_an_error_that_names_it() {
    let folder = on_disk();
    let (table, target) = (folder.path().join("t.csv"), folder.path().join("cut.slsnap"));
    fs::write(&table, rows(20_000)).unwrap();
    Import::default().to_file(&[table], &target).unwrap();
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::work_on_a_snapshot"), "--nocapture"])
        .env("SLPROOF_TEST_WORK_ON", &target)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line.trim() != "working" {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "the child ended early");
    }
    fs::File::options().write(true).open(&target).unwrap().set_len(4096).unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let run: Run = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("cut.slsnap was truncated"), "{}", run.stderr);
}

#[test]
fn a_killed_import_leaves_the_old_file_or_a_complete_new_one() {
    let folder = on_disk();
    let (table, target) = (folder.path().join("t.csv"), folder.path().join("out.slsnap"));
    fs::write(&table, rows(30_000)).unwrap();
    let import = || {
        let mut command = command();
        command.arg("import").arg(&table).arg("-o").arg(&target).stderr(Stdio::null());
        command
    };
    let started = std::time::Instant::now();
    assert!(import().status().unwrap().success());
    let takes = started.elapsed();
    let old = fs::read(fixture(GOLDEN[0])).unwrap();
    let (mut left_old, mut left_new) = (0, 0);
    for round in 0..MOMENTS {
        fs::write(&target, &old).unwrap();
        let mut child = import().spawn().unwrap();
        // The delays cover the duration of a run and a little more, not in ascending order.
        std::thread::sleep(
            takes * (round * 17 % (MOMENTS + 4)) / MOMENTS + Duration::from_micros(500),
        );
        let _ = child.kill();
        child.wait().unwrap();
        let state = Snapshot::open(&target, Access::Map).unwrap();
        state.check().unwrap();
        match state.header().entries {
            8 => left_old += 1,
            30_000 => left_new += 1,
            other => panic!("{other} entries"),
        }
    }
    assert!(left_old > 0, "old {left_old}, new {left_new}");
}

#[test]
fn a_full_disk_is_exit_code_6_and_the_old_file_stays() {
    let folder = on_disk();
    let (table, target) = (folder.path().join("t.csv"), folder.path().join("out.slsnap"));
    fs::write(&table, rows(20_000)).unwrap();
    let old = fs::read(fixture(GOLDEN[0])).unwrap();
    fs::write(&target, &old).unwrap();
    // A file size limit simulates a full disk, because writes fail in the same way. Blocks have 512 bytes.
    for blocks in [0, 1, 100, 2000] {
        let run: Run = Command::new("sh")
            .arg("-c")
            .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""))
            .args(["sh", env!("CARGO_BIN_EXE_slproof"), "import"])
            .arg(&table)
            .arg("-o")
            .arg(&target)
            .output()
            .unwrap()
            .into();
        assert_eq!(run.code, Some(6), "{blocks}: {}", run.stderr);
        assert!(run.stderr.contains("cannot write") && run.stderr.contains("out.slsnap"));
        assert_eq!(fs::read(&target).unwrap(), old);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing left over");
    }
}
