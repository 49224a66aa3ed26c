//! The message archive: the same proofs as from raw archives, merging, damage, and old versions.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use crate::support::{
    self,
    binary::{Run, run, run_with_input, run_within},
    fixture, golden,
    layer::Layer,
    naive,
};
use slproof::{
    archive::{Archive, ArchiveError, ArchiveWriter, Origin, Place},
    contracts::Layout,
    files::Access,
    forest::{Forest, RebuildOptions, rebuild},
    keccak::keccak256,
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash},
    proof::{ProofRecord, Target},
    prove::Extractor,
};

pub(super) const GOLDEN: &str = "golden/archive-v3.slmsg";
pub(super) const OLD: &str = "golden/archive-v1.slmsg";
/// The limit of the address space for an index of any size, mapped files included (MiB).
const ROOM: u64 = 1536;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The lines of a raw archive of the fixtures.
fn lines(folder: &str) -> Vec<String> {
    let text = String::from_utf8(support::read(&format!("{folder}/logs.jsonl.gz"))).unwrap();
    text.lines().map(|line| format!("{line}\n")).collect()
}

fn index(archives: &[&Path], output: &Path) -> Run {
    let archives = archives.iter().map(|path| text(path));
    run(["index"].into_iter().chain(archives).chain(["-o", text(output)]))
}

#[test]
fn archives_of_every_form_give_the_same_proofs() {
    let folder = tempfile::tempdir().unwrap();
    for vectors in ["gateway-v29", "gateway-v31"] {
        let raw = fixture(&format!("{vectors}/logs.jsonl.gz"));
        let native = folder.path().join(format!("{vectors}.slmsg"));
        let made = index(&[&raw], &native);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        assert!(made.stderr.contains("145"), "{}", made.stderr);
        let state = fixture(&format!("{vectors}/state.anvil.json"));
        let prove = |messages: &Path, rest: &[&str]| {
            let args = ["prove", "--tree", text(&state), "--messages", text(messages)];
            run(args.into_iter().chain(rest.iter().copied()))
        };
        let line: serde_json::Value = serde_json::from_str(&lines(vectors)[3]).unwrap();
        let (chain, batch) = (line["chainId"].to_string(), line["batchNumber"].to_string());
        let log = line["logs"].as_array().unwrap().iter().find_map(|log| {
            let log: L2ToL1Log = log.as_str().unwrap().parse().unwrap();
            log.is_message().then(|| log.value().to_string())
        });
        for which in [
            &["--all"][..],
            &["--all", "--chain", &chain],
            &["--all", "--chain", &chain, "--batch", &batch, "--target", "batch-root"],
            &["--chain", &chain, "--batch", &batch, "--index", "1"],
            &["--message", &log.unwrap(), "--format", "json"],
        ] {
            let (from_raw, from_native) = (prove(&raw, which), prove(&native, which));
            assert_eq!(from_raw.code, Some(0), "{which:?}: {}", from_raw.stderr);
            assert_eq!(from_native.code, Some(0), "{which:?}: {}", from_native.stderr);
            assert!(!from_raw.stdout.is_empty() && from_raw.stdout == from_native.stdout);
        }
        let none = naive::node(Hash::ZERO, Hash::ZERO).to_string();
        assert_eq!(prove(&native, &["--message", &none]).code, Some(5));
        assert_eq!(prove(&native, &["--all", "--chain", "1"]).code, Some(5));
        assert_eq!(
            prove(&native, &["--chain", &chain, "--batch", "1", "--index", "0"]).code,
            Some(5)
        );

        let one = ["--chain", &chain, "--batch", &batch, "--index", "1"];
        let read = prove(&native, &[&one[..], &["--no-mmap"]].concat());
        assert_eq!(read.stdout, prove(&native, &one).stdout);
        let checked = run(["check", text(&native)]);
        assert_eq!(checked.code, Some(0), "{}", checked.stderr);
        assert!(checked.stdout.contains("section by-msg"), "{}", checked.stdout);
        assert!(checked.stderr.contains("a message archive"), "{}", checked.stderr);

        let inspect = |path: &Path| -> serde_json::Value {
            let mut value = serde_json::from_str::<serde_json::Value>(
                &run(["inspect", text(path), "--json"]).stdout,
            )
            .unwrap();
            assert!(value.as_object_mut().unwrap().remove("format").is_some());
            value
        };
        assert_eq!(inspect(&raw), inspect(&native));
        assert_eq!(inspect(&native)["batches"], 145);
    }
}

#[test]
fn the_order_of_inputs_and_their_form_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let lines = lines("gateway-v31");
    let part = |name: &str, of: &dyn Fn(usize) -> bool| -> PathBuf {
        let text: String =
            lines.iter().enumerate().filter(|(i, _)| of(*i)).map(|(_, line)| &line[..]).collect();
        fs::write(file(name), text).unwrap();
        file(name)
    };
    let one = part("one.jsonl", &|i| i % 3 == 0);
    // Some batches are in both the first part and this one.
    let two = part("two.jsonl", &|i| i % 3 == 1 || i % 6 == 0);
    let three = part("three.jsonl", &|i| i % 3 == 2);
    let whole = file("whole.slmsg");
    assert_eq!(index(&[&fixture("gateway-v31/logs.jsonl.gz")], &whole).code, Some(0));
    let whole = fs::read(whole).unwrap();

    let same = |archives: &[&Path], name: &str| {
        let run = index(archives, &file(name));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(fs::read(file(name)).unwrap() == whole, "{name}");
    };
    same(&[&one, &two, &three], "in-order.slmsg");
    same(&[&three, &one, &two, &one], "other-order.slmsg");
    let appended = file("appended.slmsg");
    assert_eq!(index(&[&two], &appended).code, Some(0));
    same(&[&appended, &three, &one], "appended.slmsg");
    same(&[&three, &appended], "again.slmsg");

    let piped = run_with_input(["index", "-", "-o", text(&file("piped"))], &fs::read(one).unwrap());
    assert_eq!(piped.code, Some(0), "{}", piped.stderr);
}

#[test]
fn batches_that_differ_are_refused_with_both_sources_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let line = |value: &str| {
        let log = value.repeat(88);
        format!("{{\"chainId\":9,\"batchNumber\":1,\"logs\":[\"0x{log}\"]}}\n")
    };
    fs::write(file("a.jsonl"), format!("\n{}", line("07"))).unwrap();
    fs::write(file("b.jsonl"), line("08")).unwrap();
    fs::write(file("old.slmsg"), "precious").unwrap();
    for archives in [["a.jsonl", "b.jsonl"], ["b.jsonl", "a.jsonl"]] {
        let [one, two] = archives.map(file);
        let refused = index(&[&one, &two], &file("old.slmsg"));
        assert_eq!(refused.code, Some(3));
        for words in ["a.jsonl, line 2", "b.jsonl, line 1", "chain 9, batch 1", "logs"] {
            assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
        }
    }
    // The same if one of the two is a message archive.
    assert_eq!(index(&[&file("a.jsonl")], &file("a.slmsg")).code, Some(0));
    let refused = index(&[&file("a.slmsg"), &file("b.jsonl")], &file("old.slmsg"));
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("a.slmsg and "), "{}", refused.stderr);
    assert_eq!(fs::read(file("old.slmsg")).unwrap(), b"precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing left over");
}

#[test]
fn wrong_inputs_and_outputs_of_index_have_their_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let raw = fixture("gateway-v31/logs.jsonl.gz");
    let good = file("good.slmsg");
    assert_eq!(index(&[&raw], &good).code, Some(0));
    let mut damaged = fs::read(&good).unwrap();
    damaged[1000] ^= 1;
    fs::write(file("damaged.slmsg"), &damaged).unwrap();
    fs::write(file("text"), "text").unwrap();
    fs::write(file("blank"), " \n \n").unwrap();
    let out = file("out.slmsg");
    let checked = run(["check", text(&file("damaged.slmsg"))]);
    assert_eq!(checked.code, Some(3));
    assert!(checked.stderr.contains("section \"logs\""), "{}", checked.stderr);
    for (archive, output, code, words) in [
        (file("damaged.slmsg"), &out, 3, "section \"logs\""),
        (file("text"), &out, 3, "text is not an archive of a known kind"),
        (file("blank"), &out, 5, "no batch"),
        (fixture("gateway-v31/state.anvil.json"), &out, 3, "is a state dump: it holds no logs"),
        (file("none"), &out, 6, "none"),
        (raw.clone(), &file("no/such/folder"), 6, "no/such/folder"),
        (raw.clone(), &PathBuf::from("-"), 6, "standard output"),
    ] {
        let run = index(&[&archive], output);
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert!(!out.exists());
    }
    let piped = run_with_input(["index", "-", "-o", text(&out)], &fs::read(&good).unwrap());
    assert_eq!(piped.code, Some(3));
    assert!(piped.stderr.contains("standard input"), "{}", piped.stderr);
    assert_eq!(run(["index", "-", "-", "-o", text(&out)]).code, Some(2));
    let forced = run(["index", text(&good), "--format", "jsonl", "-o", text(&out)]);
    assert_eq!(forced.code, Some(3));

    let bounded = run_within(ROOM, ["index", text(&raw), "-o", text(&out)]);
    assert_eq!(bounded.code, Some(0), "{}", bounded.stderr);
    assert_eq!(fs::read(out).unwrap(), fs::read(good).unwrap());
}

/// If the writer is killed at any time, the target is the old file or a complete new one.
#[cfg(unix)]
#[test]
fn a_killed_index_leaves_the_old_file_or_the_new_one() {
    const MOMENTS: u32 = 200;
    let folder = tempfile::tempdir().unwrap();
    let (raw, target) = (fixture("gateway-v31/logs.jsonl.gz"), folder.path().join("out.slmsg"));
    let started = Instant::now();
    assert_eq!(index(&[&raw], &target).code, Some(0));
    let whole_time = started.elapsed();
    let new = fs::read(&target).unwrap();
    let (mut kept, mut replaced) = (0, 0);
    for moment in 0..MOMENTS {
        fs::write(&target, "old").unwrap();
        let mut child = support::binary::command()
            .args(["index", "-q", text(&raw), "-o", text(&target)])
            .spawn()
            .unwrap();
        std::thread::sleep(whole_time * moment / MOMENTS);
        child.kill().unwrap();
        child.wait().unwrap();
        let found = fs::read(&target).unwrap();
        if found == b"old" {
            kept += 1;
        } else {
            assert!(found == new, "moment {moment}");
            replaced += 1;
        }
    }
    println!("{kept} times the old file, {replaced} times the new one");
    assert!(kept > 0);
}

const ERA: ChainId = ChainId(324);

/// Small batches that together have all optional parts of a batch.
pub(super) fn small() -> Vec<BatchLogs> {
    let messages: [&[u8]; 4] = [b"one", b"", b"three", b"one"];
    (1..4u64)
        .map(|number| {
            let of = &messages[..number as usize + 1];
            let mut logs: Vec<L2ToL1Log> = (1..)
                .zip(of)
                .map(|(tx, message)| L2ToL1Log::of_message(tx, Address::system(number), message))
                .collect();
            logs.insert(1, L2ToL1Log::new([number as u8; 88]));
            let hashes = (0..logs.len() as u64).map(|i| keccak256(&[number as u8, i as u8 / 2]));
            let hashes = if number == 2 { vec![] } else { hashes.collect() };
            let messages = if number == 3 { MessageList::default() } else { of.iter().collect() };
            let root = (number != 1).then_some(Hash::ZERO);
            BatchLogs::new(ERA, BatchNumber(10 * number), logs, messages, root)
                .and_then(|logs| logs.with_transactions(hashes))
                .unwrap()
        })
        .collect()
}

pub(super) fn write(batches: &[BatchLogs], path: &Path) {
    let mut writer = ArchiveWriter::create(path).unwrap();
    let source = writer.source("test");
    for batch in batches {
        writer.add(batch.view(), Origin { source, place: Place::Whole }).unwrap();
    }
    writer.commit().unwrap();
}

/// A settlement layer that executed the batches.
fn layer(batches: &[BatchLogs]) -> Forest {
    let mut layer = Layer::new(Layout::V29, ChainId(506));
    layer.add_chain(ERA);
    for batch in batches {
        let root = naive::node(batch.view().tree().root(), Hash::ZERO);
        layer.append(1, batch.view().batch(), root);
    }
    rebuild(&layer.state(), &RebuildOptions::default()).unwrap()
}

/// All proofs that can be made from an archive, by every way to find a log; errors are left out.
fn proofs(archive: &Archive, extractor: &Extractor<'_>, hashes: &[Hash]) -> Vec<ProofRecord> {
    let mut proofs = Vec::new();
    for batch in archive.batches().flatten() {
        if let Ok(batch) = extractor.batch(batch) {
            proofs.extend(batch.prove_all().flatten());
        }
    }
    for hash in hashes {
        for at in archive.find_message(*hash).chain(archive.find_transaction(*hash)).flatten() {
            let found = at.batch.logs()[at.index as usize];
            let of_transaction = at.batch.transactions().get(at.index as usize);
            assert!(found.value() == *hash || of_transaction == Some(hash));
            proofs.extend(extractor.batch(at.batch).and_then(|batch| batch.prove(at.index)));
        }
    }
    for number in [10, 20, 30] {
        if let Ok(batch) = extractor.batch_of(archive, ERA, BatchNumber(number)) {
            proofs.extend(batch.prove(0));
        }
    }
    assert!(archive.chains().map_or(0, |chains| chains.len()) <= 3);
    proofs
}

#[test]
fn any_changed_byte_and_any_cut_is_refused_and_no_wrong_proof_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.slmsg");
    let batches = small();
    write(&batches, &path);
    let forest = layer(&batches);
    let extractor = Extractor::new(&forest, Target::Latest).unwrap();
    let mut hashes: Vec<Hash> = batches
        .iter()
        .flat_map(|batch| batch.view().logs().iter().map(L2ToL1Log::value).collect::<Vec<_>>())
        .chain(batches.iter().flat_map(|batch| batch.view().transactions().to_vec()))
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    let right = proofs(&Archive::open(&path, Access::Read).unwrap(), &extractor, &hashes);
    assert!(right.len() > 20);
    assert!(right.iter().any(|proof| proof.message.as_deref() == Some(b"three")));

    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| -> Option<ArchiveError> {
        fs::write(&path, bytes).unwrap();
        let archive = match Archive::open(&path, Access::Read) {
            Ok(archive) => archive,
            Err(error) => return Some(error),
        };
        for proof in proofs(&archive, &extractor, &hashes) {
            let known = right
                .iter()
                .find(|known| (known.batch_number, known.id) == (proof.batch_number, proof.id));
            let known = known.unwrap_or_else(|| panic!("{proof:?} proves another log"));
            // A damaged count may hide the bytes of messages, but never change them.
            let message = proof.message.as_ref().and(known.message.clone());
            assert_eq!(proof, ProofRecord { message, ..known.clone() });
        }
        archive.check().err()
    };
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            assert!(refused(&bytes).is_some(), "byte {at}, {flip:#x}");
        }
    }
    for len in 0..whole.len() {
        assert!(refused(&whole[..len]).is_some(), "cut at {len}");
    }
    assert!(refused(&[&whole[..], &[0; 64]].concat()).is_some());
    assert!(refused(&whole).is_none());
}

/// A damaged row of an index would be passed over, and a log would be missing from the answer.
#[test]
fn a_damaged_index_answers_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("small.slmsg");
    let batches = small();
    write(&batches, &path);
    let whole = fs::read(&path).unwrap();
    let archive = Archive::open(&path, Access::Read).unwrap();
    let ranges: Vec<_> = archive
        .container()
        .sections()
        .filter(|(name, _)| name.to_string().starts_with("by-"))
        .map(|(_, range)| range)
        .collect();
    assert_eq!(ranges.len(), 2);
    for (index, range) in ranges.into_iter().enumerate() {
        let mut damaged = whole.clone();
        damaged[range.start as usize] ^= 1;
        fs::write(&path, &damaged).unwrap();
        let archive = Archive::open(&path, Access::Read).unwrap();
        let mut messages = archive.find_message(Hash::ZERO);
        let mut transactions = archive.find_transaction(Hash::ZERO);
        let refused =
            [messages.next(), transactions.next()].map(|found| matches!(found, Some(Err(_))));
        assert_eq!(refused.iter().filter(|refused| **refused).count(), 1, "index {index}");
    }
}

/// In a damaged row, a batch has another number. The archive has it nevertheless.
#[test]
fn a_batch_with_a_damaged_row_is_not_reported_as_missing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("small.slmsg");
    write(&small(), &path);
    let whole = fs::read(&path).unwrap();
    let archive = Archive::open(&path, Access::Read).unwrap();
    assert_eq!(archive.batch(ERA, BatchNumber(21)).unwrap(), None);
    let mut sections = archive.container().sections();
    let (_, rows) = sections.find(|(name, _)| name.to_string() == "batches").unwrap();
    let mut damaged = whole;
    damaged[rows.start as usize + 96 + 8] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let archive = Archive::open(&path, Access::Read).unwrap();
    for number in [19, 20, 21, 40] {
        let found = archive.batch(ERA, BatchNumber(number));
        let error = found.expect_err("the row is damaged").to_string();
        assert!(error.contains("batches"), "{number}: {error}");
    }
}

/// The golden files have the batches that they were made from.
#[test]
fn archives_of_all_versions_are_read() {
    for file in [OLD, GOLDEN] {
        let archive = Archive::open(&fixture(file), Access::Map).unwrap();
        archive.check().unwrap();
        let batches = small();
        let read: Vec<_> = archive.batches().map(Result::unwrap).collect();
        let expected: Vec<_> = batches.iter().map(BatchLogs::view).collect();
        assert_eq!(read, expected);
        assert_eq!(archive.find_message(keccak256(b"one")).count(), 4);
        assert_eq!(archive.find_transaction(keccak256(&[1, 0])).count(), 2);
    }
}

fn make(folder: &Path) -> [PathBuf; 1] {
    let path = folder.join("small.slmsg");
    write(&small(), &path);
    [path]
}

#[test]
fn the_writer_writes_the_golden_file() {
    golden::are_written(make, &[GOLDEN], module_path!());
}

#[test]
#[ignore = "writes the golden file"]
fn regenerate() {
    golden::regenerate(make, &[GOLDEN]);
}
