//! The versions of native files that v33 needs: a tree file with timestamps, and a message archive with roots of
//! interop commitment trees.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{fixture, golden, layer::Layer};
use slproof::{
    archive::{Archive, ArchiveWriter, Origin, Place},
    contracts::Layout,
    files::{Access, Container},
    forest::{HistoryOptions, RebuildOptions, TreeFile, rebuild, rebuild_to_file},
    ingest::events::EventList,
    keccak::keccak256,
    message::{BatchLogs, EMPTY_IMT, ImtRoots, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, Timestamp},
};

const GOLDEN: [&str; 2] = ["golden/tree-3.sltree", "golden/archive-v3-imt.slmsg"];
const OLD: &str = "golden/archive-v2.slmsg";

fn root(batch: u64) -> Hash {
    keccak256(&batch.to_be_bytes())
}

/// L1 with a root of v31, a chain that was upgraded with it, one that starts with batch 0, and one of Era.
fn layer() -> Layer {
    let mut layer = Layer::new(Layout::V31, ChainId(1));
    layer.set_block(5);
    layer.add_chain(ChainId(324));
    layer.record(1, BatchNumber(7), root(7));
    layer.set_block(9);
    layer.upgrade_to_v33();
    layer.append(1, BatchNumber(8), root(8));
    layer.append(1, BatchNumber(9), root(9));
    layer.set_block(12);
    layer.add_chain(ChainId(8453));
    layer.seed_genesis(2);
    layer.set_block(20);
    layer.add_chain(ChainId(300));
    layer.record(3, BatchNumber(1), root(1));
    layer.append(2, BatchNumber(1), root(100));
    layer
}

fn imt(batch: u64) -> Option<ImtRoots> {
    match batch {
        1 => Some(ImtRoots::Both { begin: EMPTY_IMT, end: root(1) }),
        2 => None,
        _ => Some(ImtRoots::Node(root(3))),
    }
}

fn make(folder: &Path) -> [PathBuf; 2] {
    let [tree, archive] = ["tree.sltree", "archive.slmsg"].map(|name| folder.join(name));
    let past = HistoryOptions { events: &EventList::new(), effort: None };
    rebuild_to_file(&layer().state(), &RebuildOptions::default(), Some(past), &tree).unwrap();
    let mut writer = ArchiveWriter::create(&archive).unwrap();
    let source = writer.source("golden");
    for batch in 1..=3 {
        let log = L2ToL1Log::of_message(0, Address::system(9), &[batch as u8]);
        let (chain, number) = (ChainId(324), BatchNumber(batch));
        let logs = BatchLogs::new(chain, number, vec![log], MessageList::default(), None);
        let logs = logs.unwrap().with_imt(imt(batch));
        writer.add(logs.view(), Origin { source, place: Place::Line(batch) }).unwrap();
    }
    writer.commit().unwrap();
    [tree, archive]
}

#[test]
fn the_writers_write_the_golden_files() {
    golden::are_written(make, &GOLDEN, module_path!());
}

#[test]
#[ignore = "writes the golden files"]
fn regenerate() {
    golden::regenerate(make, &GOLDEN);
}

#[test]
fn version_3_of_tree_files_has_the_timestamps() {
    let path = fixture(GOLDEN[0]);
    let file = TreeFile::open(&path, Access::Map).unwrap();
    file.check().unwrap();
    let container = Container::open(&path, Access::Read).unwrap();
    assert_eq!(container.version(), 3);
    let section = |name: &str| {
        let (_, range) = container.sections().find(|(found, _)| found.to_string() == name).unwrap();
        let bytes = fs::read(&path).unwrap()[range.start as usize..range.end as usize].to_vec();
        let numbers = bytes.chunks(8).map(|number| u64::from_le_bytes(number.try_into().unwrap()));
        numbers.collect::<Vec<_>>()
    };
    let at = |block: u64| 1_700_000_000 + 12 * block;
    assert_eq!(section("ltimes"), [at(9), at(9), at(12), at(20)]);
    assert_eq!(section("rtimes"), [0, 0, at(9), at(12), at(20)]);

    let state = layer().state();
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    assert_eq!(file.forest().root(), forest.root());
    assert_eq!(file.forest().layout(), Layout::V33);
    assert_eq!(file.forest().latest(), forest.latest());
    assert_eq!(forest.latest().unwrap().timestamp, Some(Timestamp(at(20))));
    let chain = file.forest().chain(ChainId(8453)).unwrap();
    assert_eq!(chain.timestamp(0), Some(Timestamp(at(12))));
    let history = file.history().unwrap();
    assert_eq!(history.unexplained().count(), 0);
    let alone = file.history_at(SlBlock(12)).unwrap().unwrap();
    assert_eq!(alone.root(0).timestamp, Some(Timestamp(at(12))));
    assert_eq!(history.root(1).timestamp, None);
}

#[test]
fn archives_since_version_2_have_the_roots_of_interop_commitment_trees() {
    for (file, version) in [(OLD, 2), (GOLDEN[1], 3)] {
        let archive = Archive::open(&fixture(file), Access::Map).unwrap();
        archive.check().unwrap();
        assert_eq!(archive.container().version(), version);
        for batch in archive.batches() {
            let batch = batch.unwrap();
            assert_eq!(batch.imt(), imt(batch.batch().0));
        }
    }
}
