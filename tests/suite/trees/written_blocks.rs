//! The contents of past roots from the blocks that wrote the slots, as tables of writes have them, without a search.

use std::{fmt::Write, io::Cursor};

use slproof::{
    contracts::{Layout, system::MESSAGE_ROOT},
    files::{Access, Input},
    forest::{Addresses, Forest, RebuildOptions, SearchBudget, Timeline, explain, rebuild},
    ingest::{
        events::EventList,
        state::{Dump, Import},
    },
    primitives::{SlBlock, Word},
    snapshot::Snapshot,
    state::{StorageReader, keys::era_key},
};

use super::history::{check, replay_with};
use crate::support::{json, layer::Storage};

const FOLDERS: [(&str, Layout); 2] = [("gateway-v29", Layout::V29), ("gateway-v31", Layout::V31)];
const COLUMNS: &str = "hashedKey,value,block,operation_number\n";

/// Every write of a vector's history, as a line of a table like those of databases, and the last values.
fn writes(folder: &str, layout: Layout) -> (Vec<String>, Storage) {
    let (mut rows, mut now) = (Vec::new(), Storage::new());
    replay_with(folder, layout, |layer, block| {
        let before = std::mem::replace(&mut now, layer.storage());
        for ((contract, slot), value) in &now {
            if before.get(&(*contract, *slot)) != Some(value) {
                let operation = rows.len();
                let key = era_key(*contract, *slot);
                rows.push(format!("{key},{value},{block},{operation}\n"));
            }
        }
    });
    (rows, now)
}

fn read(import: &Import, text: String) -> Dump {
    import.read_input(Input::from_reader("writes", Cursor::new(text)).unwrap()).unwrap()
}

const NO_SEARCH: SearchBudget = SearchBudget { step: 0, walk: 0 };

/// The trees and their history.
fn explained(state: &Snapshot, budget: SearchBudget) -> (Forest, Timeline) {
    let forest = rebuild(state, &RebuildOptions::default()).unwrap();
    let (addresses, events) = (Addresses::default(), EventList::new());
    let timeline = explain(state, addresses, &forest, &events, budget).unwrap();
    (forest, timeline)
}

#[test]
fn the_blocks_of_writes_explain_roots_without_a_search() {
    for (folder, layout) in FOLDERS {
        let (rows, last) = writes(folder, layout);
        let table = || COLUMNS.to_owned() + &rows.concat();
        let dump = read(&Import::default(), table());
        dump.state.check().unwrap();
        let (forest, timeline) = explained(&dump.state, NO_SEARCH);
        // Before v31 a registration after the root of its block stores no root. The block does not tell it from one
        // before.
        let left = if layout == Layout::V29 { 1 } else { 0 };
        assert_eq!(timeline.history().unexplained().count(), left, "{folder}");
        let (forest, timeline) = match left {
            0 => (forest, timeline),
            _ => explained(&dump.state, SearchBudget::default()),
        };
        check(folder, &forest, &timeline);

        // The values alone do not say it.
        let mut values = "address,slot,value\n".to_owned();
        for ((contract, slot), value) in &last {
            writeln!(values, "{contract},{slot},{value}").unwrap();
        }
        let (_, timeline) = explained(&read(&Import::default(), values).state, NO_SEARCH);
        assert!(timeline.history().unexplained().count() > 10, "{folder}");

        // The state of an older block has the roots up to it.
        let blocks = &json(&format!("{folder}/roots.json"))["historicalRoot"];
        let mut blocks: Vec<u64> =
            blocks.as_object().unwrap().keys().map(|block| block.parse().unwrap()).collect();
        blocks.sort_unstable();
        let middle = blocks.len() / 2;
        let old = Import { last_block: Some(SlBlock(blocks[middle])), ..Import::default() };
        let (_, timeline) = explained(&read(&old, table()).state, NO_SEARCH);
        assert_eq!(timeline.history().len(), middle + 1);
        assert!(timeline.history().unexplained().count() <= left, "{folder}");
    }
}

#[test]
fn first_blocks_depend_neither_on_the_order_of_writes_nor_on_memory() {
    let (mut rows, last) = writes("gateway-v31", Layout::V31);
    let folder = tempfile::tempdir().unwrap();
    let made = |import: Import, rows: &[String]| {
        let (table, target) = (folder.path().join("writes.csv"), folder.path().join("out.slsnap"));
        std::fs::write(&table, COLUMNS.to_owned() + &rows.concat()).unwrap();
        import.to_file(&[table], &target).unwrap();
        std::fs::read(&target).unwrap()
    };
    let expected = made(Import::default(), &rows);
    // So little memory that older writes are dropped again and again.
    let few = Import { most_in_memory: last.len(), ..Import::default() };
    // Before its first value a slot is zero, whether that was written or not.
    let zero = |(contract, slot): &(_, _)| {
        format!("{},{},1,0\n", era_key(*contract, *slot), Word::default())
    };
    let zeros: String = last.keys().map(zero).collect();
    let text = COLUMNS.to_owned() + &zeros + &rows.concat().repeat(3);
    let small = read(&few, text).state;
    let target = folder.path().join("out.slsnap");
    let whole = Snapshot::open(&target, Access::Read).unwrap();
    let slots: Vec<Word> =
        last.keys().filter(|key| key.0 == MESSAGE_ROOT).map(|key| key.1).collect();
    let blocks = whole.first_blocks(MESSAGE_ROOT, &slots).unwrap();
    assert!(blocks.iter().flatten().count() > 100);
    assert_eq!(small.first_blocks(MESSAGE_ROOT, &slots), Some(blocks));
    rows.reverse();
    assert!(made(Import::default(), &rows) == expected);
    assert!(whole.first_writes(MESSAGE_ROOT, &slots).is_none());
}

/// If one part does not say when it was written, nothing is concluded from the others.
#[test]
fn parts_without_blocks_have_no_first_blocks() {
    let (rows, _) = writes("gateway-v31", Layout::V31);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("writes.csv"), COLUMNS.to_owned() + &rows.concat()).unwrap();
    let slot = Word::from(1 << 40);
    std::fs::write(
        path("values.csv"),
        format!("address,slot,value\n{MESSAGE_ROOT},{slot},{slot}\n"),
    )
    .unwrap();
    let parts = [path("writes.csv"), path("values.csv")];
    Import::default().to_file(&parts, &path("out.slsnap")).unwrap();
    let state = Snapshot::open(&path("out.slsnap"), Access::Read).unwrap();
    assert!(state.first_blocks(MESSAGE_ROOT, &[slot]).is_none());
    let (_, timeline) = explained(&state, NO_SEARCH);
    assert!(timeline.history().unexplained().count() > 10);
}
