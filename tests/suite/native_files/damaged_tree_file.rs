//! Tree files that are damaged or forged, or whose writer was killed or failed: no wrong proof is made, and
//! no good file is lost.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{
    self,
    binary::{Run, command},
    fixture,
    index_dir::text,
    small_layer::{CHAINS, GOLDEN, logs},
};
use slproof::{
    files::{Container, ContainerError},
    forest::{Timeline, TreeFile},
    primitives::{Hash, SlBlock},
    proof::Target,
    prove::Extractor,
};

/// Proofs for several batches and targets; `None` for those that are refused.
fn proofs(file: &TreeFile) -> Vec<Option<Vec<Hash>>> {
    let timeline: Option<Timeline> =
        file.history().ok().and_then(|history| Timeline::new(file.forest(), history).ok());
    let targets = [Target::Latest, Target::First, Target::Block(SlBlock(300))];
    let batches = [(1, 7), (1, 10), (1, 20_000), (2, 1)];
    let mut proofs = Vec::new();
    for target in targets {
        let extractor = match &timeline {
            Some(timeline) => Extractor::in_history(file.forest(), timeline, target),
            None => Extractor::new(file.forest(), target),
        };
        for (chain, batch) in batches {
            let proof = extractor.as_ref().ok().and_then(|extractor| {
                extractor.batch(&logs(CHAINS[chain], batch)).ok()?.prove(0).ok()
            });
            proofs.push(proof.map(|record| record.proof));
        }
    }
    proofs
}

#[test]
fn every_changed_byte_and_every_cut_is_found_and_proves_nothing_wrong() {
    for file in GOLDEN {
        let good = fs::read(fixture(file)).unwrap();
        let open = |bytes: Vec<u8>| -> Result<TreeFile, ContainerError> {
            TreeFile::of(Container::from_bytes("damaged", bytes)?)
        };
        let right = proofs(&open(good.clone()).unwrap());
        for at in 0..good.len() {
            for mask in [1, 0x10, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] ^= mask;
                let error = match open(bytes) {
                    Err(error) => error,
                    Ok(opened) => {
                        for (proof, right) in proofs(&opened).iter().zip(&right) {
                            assert!(proof.is_none() || right.is_none() || proof == right, "{at}");
                        }
                        opened.check().unwrap_err()
                    }
                };
                assert!(error.to_string().contains("damaged"), "{error}");
            }
            assert!(open(good[..at].to_vec()).is_err(), "cut at {at}");
        }
    }
}

/// One root is read without the checksum of all steps. With a changed byte of them it is the right root or none.
#[test]
fn one_root_of_damaged_steps_is_the_right_one() {
    for file in GOLDEN {
        let good = fs::read(fixture(file)).unwrap();
        let open = |bytes: Vec<u8>| TreeFile::of(Container::from_bytes("damaged", bytes)?);
        let right = open(good.clone()).unwrap();
        let blocks = right.history().unwrap().blocks;
        let (_, steps) =
            right.container().sections().find(|(name, _)| name.to_string() == "steps").unwrap();
        let mut refused = 0;
        for (at, mask) in steps.flat_map(|at| [(at, 1), (at, 3), (at, 0x80), (at, 0xff)]) {
            let mut bytes = good.clone();
            bytes[at as usize] ^= mask;
            let damaged = open(bytes).unwrap();
            for block in &blocks {
                let found = damaged.history_at(*block).ok().flatten();
                // The root of the block is that of the trees, or no proof is made.
                let found =
                    found.filter(|found| Timeline::new(damaged.forest(), found.clone()).is_ok());
                refused += u64::from(found.is_none());
                let expected = right.history_at(*block).unwrap();
                assert!(found.is_none() || found == expected, "{file}, byte {at}");
            }
        }
        assert!(refused > 0, "{file}");
    }
}

/// A forged file can have right checksums, so sections are also checked for consistency.
#[test]
fn inconsistent_sections_are_refused() {
    let good = fs::read(fixture(GOLDEN[1])).unwrap();
    assert_eq!(support::container::altered(&good, "hashes", |_| ()), good);
    for name in ["hashes", "chains", "runs", "roots", "steps", "marks"] {
        for (at, byte) in (0..24).flat_map(|at| [(at, 1), (at, 0x7f), (at, 0xff)]) {
            let bytes = support::container::altered(&good, name, |section| {
                if let Some(target) = section.get_mut(at) {
                    *target ^= byte;
                }
            });
            let Ok(file) = TreeFile::of(Container::from_bytes("altered", bytes).unwrap()) else {
                continue;
            };
            let _ = file.check();
            let _ = proofs(&file);
            let _ = file.history();
        }
        for change in [-32isize, -1, 1, 32] {
            let bytes = support::container::altered(&good, name, |section| {
                let len = section.len().saturating_add_signed(change);
                section.resize(len, 1);
            });
            let file = TreeFile::of(Container::from_bytes("altered", bytes).unwrap());
            assert!(file.and_then(|file| file.check()).is_err(), "{name} {change}");
        }
    }
}

#[test]
fn data_that_no_proof_uses_is_checked_too() {
    let good = fs::read(fixture(GOLDEN[1])).unwrap();
    let altered = |name: &str, change: fn(&mut Vec<u8>)| {
        let bytes = support::container::altered(&good, name, change);
        TreeFile::of(Container::from_bytes("altered", bytes).unwrap())
    };
    // The settlement layer's id, a duplicate chain, a node of the shared tree, the root of a chain.
    assert!(altered("chains", |rows| rows[0] ^= 1).is_err());
    assert!(altered("chains", |rows| rows.copy_within(24..32, 48)).is_err());
    assert!(altered("hashes", |hashes| *hashes.last_mut().unwrap() ^= 1).is_err());
    assert!(altered("hashes", |hashes| hashes[12 * 32] ^= 1).is_err());
    // The newest root's block, root and number of chains, after layout, Option, block, Option.
    for at in [11, 19, 51] {
        let change = |header: &mut Vec<u8>, at: usize| header[at] ^= 1;
        let bytes = support::container::altered(&good, "header", |header| change(header, at));
        let file = TreeFile::of(Container::from_bytes("altered", bytes).unwrap());
        assert!(file.and_then(|file| file.check()).is_err(), "byte {at} of the header");
    }
    // Only `check` hashes the nodes of chain trees.
    let file = altered("hashes", |hashes| hashes[8 * 32] ^= 1).unwrap();
    let error = file.check().unwrap_err().to_string();
    assert!(error.contains("the tree of chain 324"), "{error}");
    // If a batch root is damaged, the error names the tree and not the logs.
    let file = altered("hashes", |hashes| hashes[0] ^= 1).unwrap();
    let extractor = Extractor::new(file.forest(), Target::Latest).unwrap();
    let error = extractor.batch(&logs(CHAINS[1], 7)).unwrap_err();
    assert_eq!(error.code(), "tree-damaged");
}

/// A temporary directory on a disk; the system's one may be in memory.
fn on_disk() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn a_killed_rebuild_leaves_the_old_file_or_a_complete_new_one() {
    const MOMENTS: u32 = 200;
    let folder = on_disk();
    let target = folder.path().join("out.sltree");
    let rebuild = || {
        let mut command = command();
        command.args(["rebuild", "-q", text(&fixture("gateway-v29/state.anvil.json")), "-o"]);
        command.arg(&target).arg("--history").stdout(Stdio::null());
        command
    };
    let started = Instant::now();
    assert!(rebuild().status().unwrap().success());
    let takes = started.elapsed();
    let new = fs::read(&target).unwrap();
    let mut left_old = 0;
    for round in 0..MOMENTS {
        fs::write(&target, "old").unwrap();
        let mut child = rebuild().spawn().unwrap();
        // The delays cover the duration of a run and a little more, not in ascending order.
        std::thread::sleep(
            takes * (round * 17 % (MOMENTS + 4)) / MOMENTS + Duration::from_micros(500),
        );
        let _ = child.kill();
        child.wait().unwrap();
        match fs::read(&target).unwrap() {
            found if found == b"old" => left_old += 1,
            found => assert!(found == new, "round {round}"),
        }
    }
    assert!(left_old > 0);
}

#[test]
fn a_full_disk_is_exit_code_6_and_the_old_file_stays() {
    let folder = on_disk();
    let target = folder.path().join("out.sltree");
    fs::write(&target, "old").unwrap();
    // A file size limit simulates a full disk, because writes fail in the same way. Blocks have 512 bytes.
    for (blocks, flag) in [(0, "-q"), (1, "--history"), (20, "--history"), (26, "--history")] {
        let run: Run = Command::new("sh")
            .arg("-c")
            .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""))
            .args(["sh", env!("CARGO_BIN_EXE_slproof"), "rebuild"])
            .arg(fixture("gateway-v29/state.anvil.json"))
            .arg("-o")
            .arg(&target)
            .arg(flag)
            .stdout(Stdio::null())
            .output()
            .unwrap()
            .into();
        assert_eq!(run.code, Some(6), "{blocks}: {}", run.stderr);
        assert!(run.stderr.contains("cannot write") && run.stderr.contains("out.sltree"));
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing left over");
    }
}
