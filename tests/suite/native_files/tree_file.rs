//! The tree file: the same trees, history and proofs as from the state, and the bytes of the format.

use std::{fs, path::Path};

use crate::support::{
    binary::run,
    fixture, golden,
    index_dir::text,
    json,
    layer::Layer,
    naive,
    small_layer::{ALL, CHAINS, EFFORT, GATEWAY, GOLDEN, batch_root, make, same_trees, small},
};
use proptest::prelude::*;
use slproof::{
    contracts::{Layout, MessageRoot, system::MESSAGE_ROOT},
    files::{Access, Container},
    forest::{
        Addresses, BATCH_LEAF_PADDING, CHAIN_ID_LEAF_PADDING, EMPTY_ENTRY, History, HistoryOptions,
        RebuildOptions, SearchBudget, Timeline, TreeFile, TreeFileError, explain, explain_further,
        rebuild, rebuild_to_file,
    },
    ingest::events::EventList,
    ingest::state::read_state,
    keccak::keccak256,
    primitives::{BatchNumber, Hash, SlBlock},
    snapshot::Snapshot,
};

/// Compares the golden files with the documented format, without the library's reader. The trees are from the
/// naive implementation, and the steps are those that were executed.
#[test]
fn version_1_tree_files_are_read() {
    for (file, explained) in GOLDEN.iter().zip([false, true]) {
        let file = fixture(file);
        let tree = TreeFile::open(&file, Access::Map).unwrap();
        tree.check().unwrap();
        same_trees(tree.forest(), &rebuild(&small().state(), &RebuildOptions::default()).unwrap());
        let timeline =
            explain_further(tree.forest(), tree.history().unwrap(), &EventList::new(), EFFORT)
                .unwrap();
        assert!(timeline.at(SlBlock(41)).is_some());

        let container = Container::open(&file, Access::Read).unwrap();
        let section = |name: &str| {
            let bytes = fs::read(&file).unwrap();
            let (_, range) =
                container.sections().find(|(found, _)| found.to_string() == name).unwrap();
            bytes[range.start as usize..range.end as usize].to_vec()
        };
        let batches: [&[u64]; 3] = [&[], &[7, 8, 9, 10, 20_000], &[1, 2]];
        let (mut hashes, mut above, mut leaves) = (Vec::new(), Vec::new(), Vec::new());
        for (chain, batches) in CHAINS.iter().zip(batches) {
            let roots: Vec<Hash> = batches.iter().map(|batch| batch_root(*chain, *batch)).collect();
            let padded = |padding: Hash, root: &Hash, number: u64| {
                let number = [[0; 24].as_slice(), &number.to_be_bytes()].concat();
                keccak256(&[padding.as_bytes().as_slice(), root.as_bytes(), &number].concat())
            };
            let mut level: Vec<Hash> = roots
                .iter()
                .zip(batches)
                .map(|(root, batch)| padded(BATCH_LEAF_PADDING, root, *batch))
                .collect();
            let mut empty = EMPTY_ENTRY;
            while level.len() > 1 {
                let pairs = level.chunks(2);
                level = pairs
                    .map(|pair| naive::node(pair[0], pair.get(1).copied().unwrap_or(empty)))
                    .collect();
                above.extend(level.clone());
                empty = naive::node(empty, empty);
            }
            let root = level.first().copied().unwrap_or_default();
            leaves.push(padded(CHAIN_ID_LEAF_PADDING, &root, chain.0));
            hashes.extend(roots);
        }
        let middle = [naive::node(leaves[0], leaves[1]), naive::node(leaves[2], EMPTY_ENTRY)];
        let shared = [&leaves[..], &middle, &[naive::node(middle[0], middle[1])]].concat();
        let hashes = [hashes, above, shared].concat();
        let hashes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        assert_eq!(section("hashes"), hashes);

        let numbers = |numbers: &[u64]| -> Vec<u8> {
            numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
        };
        assert_eq!(section("chains"), numbers(&[506, 0, 0, 324, 5, 2, 300, 2, 1]));
        assert_eq!(section("runs"), numbers(&[0, 7, 4, 20_000, 0, 1]));
        assert_eq!(section("roots").len(), 5 * 32);
        let steps: &[u8] = match explained {
            // Block 300 is 259 blocks after block 41. The varint of 259 is 0x83 0x02.
            true => {
                &[40, 1, 3, 1, 1, 1, 1, 1, 0, 1, 1, 2, 0x83, 2, 1, 0, 2, 1, 1, 2, 1, 1, 3, 2, 4]
            }
            false => &[40, 0, 1, 0, 0x83, 2, 0, 1, 0, 2, 0],
        };
        assert_eq!(section("steps"), steps);
        assert_eq!(section("marks"), numbers(&[0; 6]));
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
fn a_tree_file_holds_the_trees_and_the_history_of_the_state() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["gateway-v28", "gateway-v29", "gateway-v31"] {
        let dump = read_state(&fixture(&format!("{name}/state.anvil.json")), None).unwrap();
        let options = RebuildOptions::default();
        let forest = rebuild(&dump.state, &options).unwrap();
        for past in [None, Some(ALL)] {
            let target = folder.path().join("out.sltree");
            rebuild_to_file(&dump.state, &options, past, &target).unwrap();
            for access in [Access::Map, Access::Read] {
                let file = TreeFile::open(&target, access).unwrap();
                file.check().unwrap();
                same_trees(file.forest(), &forest);
                assert_eq!(file.block(), options.last_block.or(dump.state.header().source.block));
                let history = file.history().unwrap();
                let Ok(timeline) =
                    explain(&dump.state, Addresses::default(), &forest, &EventList::new(), EFFORT)
                else {
                    assert_eq!((name, file.roots()), ("gateway-v28", (0, 0)));
                    continue;
                };
                let roots = history.len() as u64;
                assert_eq!(file.roots(), (roots, if past.is_some() { roots } else { 0 }));
                if past.is_some() {
                    assert_eq!(&history, timeline.history());
                }
                let found =
                    explain_further(file.forest(), history, &EventList::new(), EFFORT).unwrap();
                assert_eq!(found.history(), timeline.history());
            }
        }
    }
}

#[test]
fn commands_answer_the_same_from_a_tree_file() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("gateway.sltree");
    let (state, logs) =
        (fixture("gateway-v31/state.anvil.json"), fixture("gateway-v31/logs.jsonl.gz"));
    let made = run(["rebuild", text(&state), "-o", text(&tree), "--history"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert_eq!(made.stdout, run(["rebuild", text(&state)]).stdout);
    for command in [&["rebuild"][..], &["rebuild", "--json"], &["history"], &["history", "--json"]]
    {
        let of = |path: &Path| run(command.iter().copied().chain([text(path)]));
        let (state, tree) = (of(&state), of(&tree));
        assert_eq!((state.code, &state.stdout), (tree.code, &tree.stdout), "{}", tree.stderr);
    }
    for target in ["latest", "first", "block:109", "batch-root"] {
        let of = |path: &Path, flag: &[&str]| {
            let prove = ["prove", "--all", "--target", target, "--messages", text(&logs), "--tree"];
            run(prove.into_iter().chain([text(path)]).chain(flag.iter().copied()))
        };
        let (state, tree) = (of(&state, &[]), of(&tree, &[]));
        assert!(!state.stdout.is_empty());
        assert_eq!((state.code, &state.stdout), (tree.code, &tree.stdout), "{target}");
        assert_eq!(tree.stdout, of(&folder.path().join("gateway.sltree"), &["--no-mmap"]).stdout);
    }
    for (target, code) in [("block:109", 0), ("first", 0), ("block:104", 5), ("block:111", 0)] {
        let of = |path: &Path| {
            let log = ["--chain", "324", "--batch", "501234", "--index", "1", "--target", target];
            let prove = ["prove", "--messages", text(&logs), "--tree", text(path)];
            run(prove.into_iter().chain(log))
        };
        let (state, tree) = (of(&state), of(&tree));
        assert_eq!(tree.code, Some(code), "{target}: {}", tree.stderr);
        assert_eq!((state.code, &state.stdout), (tree.code, &tree.stdout), "{target}");
    }
    let inspected = run(["inspect", "--json", text(&tree)]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!((&inspected["kind"], &inspected["roots"]), (&"tree".into(), &49.into()));
    assert_eq!(inspected["roots"], inspected["explainedRoots"]);
    assert_eq!(run(["check", text(&tree)]).code, Some(0));
}

/// The contract of v31 counts its roots; the count shows that the state lacks one.
#[test]
fn a_root_that_the_state_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let [state, tree] = ["state.json", "lost.sltree"].map(|name| folder.path().join(name));
    let mut dump = json("gateway-v31/state.anvil.json");
    let block = 101;
    assert!(json("gateway-v31/roots.json")["historicalRoot"][block.to_string()].is_string());
    let slot = MessageRoot::<Snapshot>::historical_root_slots(&[SlBlock(block)])[0].to_string();
    let accounts = dump["accounts"].as_object_mut().unwrap();
    let storage = accounts[&MESSAGE_ROOT.to_string()]["storage"].as_object_mut().unwrap();
    assert!(storage.remove(&slot).is_some());
    fs::write(&state, dump.to_string()).unwrap();
    let rebuilt = run(["rebuild", text(&state), "-o", text(&tree)]);
    assert!(
        rebuilt.stderr.contains("1 of the roots are missing in the state"),
        "{}",
        rebuilt.stderr
    );
    let inspected = run(["inspect", "--json", text(&tree)]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!(inspected["lostRoots"], 1);
    assert!(run(["inspect", text(&tree)]).stdout.contains("and 1 are missing in the state"));
}

#[test]
fn flags_that_contradict_a_tree_file_are_refused() {
    let tree = fixture(GOLDEN[0]);
    let with = |flags: &[&str]| {
        run(["rebuild", text(&tree)].into_iter().chain(flags.iter().copied())).code
    };
    assert_eq!(with(&["--sl-chain-id", "506", "--release", "v30", "--last-block", "304"]), Some(0));
    for flags in [
        ["--sl-chain-id", "507"],
        ["--release", "v31"],
        ["--last-block", "303"],
        ["--bridgehub", "0x0000000000000000000000000000000000010002"],
        ["--dump-format", "anvil"],
        ["--events", "none.json"],
        ["-o", "none.sltree"],
    ] {
        assert_eq!(with(&flags), Some(2), "{flags:?}");
    }
}

#[test]
fn a_state_that_does_not_rebuild_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.sltree");
    fs::write(&target, "old").unwrap();
    let layer = small();
    let mut storage = layer.storage();
    let root = batch_root(CHAINS[1], 8).into();
    let slot = *storage.iter().find(|(_, value)| **value == root).unwrap().0;
    storage.insert(slot, keccak256(b"another root").into());
    let state = layer.state_of(&storage);
    let error = rebuild_to_file(&state, &RebuildOptions::default(), Some(ALL), &target);
    assert!(matches!(error, Err(TreeFileError::Rebuild(error)) if error.is_mismatch()));
    assert_eq!(fs::read(&target).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing left over");
}

/// An unexplained root may be the first one that contains a batch.
#[test]
fn first_root_of_a_leaf_does_not_follow_an_unexplained_root() {
    let dump = read_state(&fixture("gateway-v29/state.anvil.json"), None).unwrap();
    let options = RebuildOptions::default();
    let forest = rebuild(&dump.state, &options).unwrap();
    let little = SearchBudget { step: 1, walk: 1 };
    let timeline =
        explain(&dump.state, Addresses::default(), &forest, &EventList::new(), little).unwrap();
    let truth =
        explain(&dump.state, Addresses::default(), &forest, &EventList::new(), EFFORT).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.sltree");
    let past = HistoryOptions { effort: Some(little), ..ALL };
    rebuild_to_file(&dump.state, &options, Some(past), &target).unwrap();
    let file = TreeFile::open(&target, Access::Map).unwrap();
    file.check().unwrap();
    let mut unknown = 0;
    for tree in forest.chains() {
        for leaf in 0..tree.batches().len() {
            let right = truth.root(truth.first(tree, leaf).unwrap()).block;
            match timeline.first(tree, leaf) {
                Some(first) => assert_eq!(timeline.root(first).block, right),
                None => unknown += 1,
            }
            if let Some(alone) = file.history_of(tree.index(), leaf).unwrap() {
                assert_eq!(alone.blocks, [right]);
            }
        }
    }
    assert!(unknown > 0);
}

/// Asserts that the history of a single root equals its part of the whole history, for one in `every` roots
/// and batches.
fn a_single_root_equals_the_one_among_all(file: &TreeFile, timeline: &Timeline, every: usize) {
    let chains = file.forest().chains();
    let same = |alone: Option<History>, block: SlBlock| {
        let alone = Timeline::new(file.forest(), alone.unwrap()).unwrap();
        let (at, among) = (alone.at(block).unwrap(), timeline.at(block).unwrap());
        assert_eq!(alone.root(at), timeline.root(among));
        for tree in chains {
            let chain = tree.index();
            assert_eq!(alone.chain(chain, at), timeline.chain(chain, among));
        }
    };
    let blocks = &timeline.history().blocks;
    for block in blocks.iter().step_by(every) {
        same(file.history_at(*block).unwrap(), *block);
        let next = SlBlock(block.0 + 1);
        assert_eq!(file.history_at(next).unwrap().is_some(), blocks.contains(&next));
    }
    for tree in chains {
        for leaf in (0..tree.batches().len()).step_by(every) {
            let first = timeline.root(timeline.first(tree, leaf).unwrap()).block;
            same(file.history_of(tree.index(), leaf).unwrap(), first);
        }
        assert_eq!(file.history_of(tree.index(), tree.batches().len()).unwrap(), None);
    }
}

/// There is one mark for every 1024 roots, so this file has several.
#[test]
fn one_root_is_found_among_thousands() {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    layer.add_chain(CHAINS[1]);
    layer.add_chain(CHAINS[2]);
    for batch in 1..3000 {
        layer.set_block(100 + 3 * batch);
        let chain = 1 + usize::from(batch % 7 == 0);
        layer.append(chain, BatchNumber(batch), batch_root(CHAINS[1], batch % 50));
    }
    layer.set_block(20_000);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.sltree");
    rebuild_to_file(&layer.state(), &RebuildOptions::default(), Some(ALL), &target).unwrap();
    let file = TreeFile::open(&target, Access::Map).unwrap();
    file.check().unwrap();
    assert_eq!(file.roots(), (2999, 2999));
    let timeline = Timeline::new(file.forest(), file.history().unwrap()).unwrap();
    a_single_root_equals_the_one_among_all(&file, &timeline, 23);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Histories of several chains whose batches have gaps.
    #[test]
    fn any_history_is_read_back_from_the_file(
        steps in prop::collection::vec((1..400u64, 1..4usize, 1..3u64, 0..2u64), 1..60),
    ) {
        let mut layer = Layer::new(Layout::V31, GATEWAY);
        CHAINS[1..].iter().for_each(|chain| layer.add_chain(*chain));
        let (mut block, mut next) = (1, [1u64; 3]);
        for (since, chain, batches, away) in steps {
            block += since;
            layer.set_block(block);
            let chain = chain % 3;
            next[chain] += 1000 * away;
            for _ in 0..batches {
                let root = batch_root(CHAINS[chain], next[chain]);
                layer.append(chain, BatchNumber(next[chain]), root);
                next[chain] += 1;
            }
        }
        layer.set_block(block + 1);
        let state = layer.state();
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.sltree");
        let options = RebuildOptions::default();
        rebuild_to_file(&state, &options, Some(ALL), &target).unwrap();
        let file = TreeFile::open(&target, Access::Map).unwrap();
        file.check().unwrap();
        let forest = rebuild(&state, &options).unwrap();
        same_trees(file.forest(), &forest);
        let timeline = explain(&state, Addresses::default(), &forest, &EventList::new(), EFFORT).unwrap();
        let history = file.history().unwrap();
        prop_assert_eq!(&history, timeline.history());

        a_single_root_equals_the_one_among_all(&file, &timeline, 1);
        prop_assert_eq!(file.history_of(3, 0).unwrap(), None);
    }
}
