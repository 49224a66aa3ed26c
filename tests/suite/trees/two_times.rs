//! States, events and tree files of two times. What has everything up to a block refutes events and states that say more of
//! these blocks. What comes later goes on after it, whatever the files are called.

use std::{fs, path::Path};

use serde_json::Value;
use slproof::{
    contracts::{EventKind, Layout, MessageRootEvent},
    files::Access,
    forest::{
        EventsError, ListedRoots, RebuildOptions, TreeFile, rebuild_from_events, rebuild_to_file,
    },
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
};

use super::{
    contradictions::{Known, VECTORS, compared, list, refused, text},
    history::{replay, replay_with},
};
use crate::support::{
    self,
    binary::run,
    fixture, l1_files,
    layer::{Layer, Storage, dump_of},
};

/// A state has everything up to its own block, so events of its blocks that it lacks contradict it, also after its
/// newest root. Only those of later blocks go on after it.
#[test]
fn a_state_refutes_events_of_its_blocks() {
    let dir = tempfile::tempdir().unwrap();
    for (vectors, newest, block) in [("gateway-v29", 242, 245), ("gateway-v31", 214, 217)] {
        let known = Known::of(vectors);
        assert_eq!(known.forest.latest().unwrap().block, SlBlock(newest));
        let file = dir.path().join("state.sltree");
        rebuild_to_file(&known.dump.state, &RebuildOptions::default(), None, &file).unwrap();
        let file = TreeFile::open(&file, Access::Map).unwrap();
        let history = file.history().unwrap();
        let listed = ListedRoots::of(&history, file.forest(), file.block());
        let chain = &known.forest.chains()[1];
        let batch = BatchNumber(chain.batches().last().unwrap().0 + 1);
        let (root, unknown) = (Some(known.forest.root()), ChainId(777));
        let mut roots = known.events.iter().filter_map(|event| match event.kind {
            EventKind::NewInteropRoot(data) => data,
            _ => None,
        });
        let mut data = roots.next_back().unwrap();
        for later in newest + 1..=block + 1 {
            data.block = SlBlock(later);
            for kind in [
                EventKind::AddedChain(unknown, known.forest.chains().len() as u64),
                EventKind::AppendedBatch(chain.chain(), batch, root, None),
                EventKind::NewChainRoot(unknown, root),
                EventKind::NewInteropRoot(Some(data)),
            ] {
                let mut events = known.events.clone();
                events.push(MessageRootEvent { block: SlBlock(later), log_index: 0, kind });
                let of_file = compared(file.forest(), &events, &listed);
                for found in [known.compare(&events), of_file] {
                    let (error, of) = (found.unwrap_err(), format!("{vectors} {later} {kind:?}"));
                    assert_eq!(error.is_mismatch(), later <= block, "{of}: {error}");
                    let is_after = matches!(error, EventsError::AfterState { .. });
                    assert_eq!(is_after, later > block, "{of}: {error}");
                    assert!(error.to_string().contains(&format!("block {later}")), "{error}");
                }
            }
        }
    }
}

/// Trees of events that end anywhere, also within a block, are the past of the trees of all events.
#[test]
fn all_events_go_on_after_their_beginning() {
    for vectors in ["gateway-v29", "gateway-v31"] {
        let known = Known::of(vectors);
        let mut within_block = 0;
        for at in (1..known.events.len()).step_by(3) {
            let part = list(&known.events[..at]);
            let Ok(found) = rebuild_from_events(&part, None, &RebuildOptions::default()) else {
                continue;
            };
            let roots = ListedRoots::of(&found.history, &found.forest, None);
            let error = compared(&found.forest, &known.events, &roots).unwrap_err();
            assert!(matches!(error, EventsError::AfterState { .. }), "{vectors} {at}: {error}");
            within_block += usize::from(known.events[at - 1].block == known.events[at].block);
        }
        assert!(within_block > 50, "{within_block}");
    }
    // Two of the four batches that block 193 appended.
    let lines = support::json_lines("gateway-v29/events.jsonl.gz");
    let appends = |line: &&Value| line["event"] == "AppendedChainBatchRoot";
    let of_block = |line: &&Value| line["blockNumber"] == 193;
    assert_eq!(lines.iter().filter(of_block).filter(appends).count(), 4);
    let mut ends = (0..lines.len())
        .filter(|at| lines[*at]["blockNumber"] == 193 && lines[*at]["event"] == "NewInteropRoot");
    let end = ends.nth(1).unwrap();
    let dir = tempfile::tempdir().unwrap();
    l1_files::write_lines(dir.path(), "cut.jsonl", &lines[..=end]);
    let [cut, tree] = ["cut.jsonl", "cut.sltree"].map(|name| dir.path().join(name));
    let all = fixture("gateway-v29/events.jsonl.gz");
    assert_eq!(run(["rebuild", text(&cut), "-o", text(&tree)]).code, Some(0));
    fs::remove_file(cut).unwrap();
    let beside = run(["history", text(&tree), "--events", text(&all)]);
    assert_eq!(beside.code, Some(0), "{}", beside.stderr);
    fs::copy(&all, dir.path().join("all.jsonl.gz")).unwrap();
    assert_eq!(rebuilt(dir.path(), 0)["interopRoot"]["block"], 242);
}

/// What `rebuild` prints of a directory.
fn rebuilt(dir: &Path, code: i32) -> Value {
    let run = run(["rebuild", "--json", text(dir)]);
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap_or_default()
}

/// Writes two states under both pairs of names, and rebuilds the trees of the directory.
fn in_both_orders(states: [&Value; 2], code: i32) -> Value {
    let both = [["a.json", "b.json"], ["b.json", "a.json"]].map(|names| {
        let dir = tempfile::tempdir().unwrap();
        for (name, state) in names.iter().zip(states) {
            fs::write(dir.path().join(name), state.to_string()).unwrap();
        }
        rebuilt(dir.path(), code)
    });
    assert_eq!(both[0], both[1]);
    both[0].clone()
}

/// Of two states that do not name their block and have the same batches, the one with more chains or later roots is the
/// newer one.
#[test]
fn the_newer_state_is_used_whatever_it_is_called() {
    let mut layer = replay("gateway-v29", Layout::V29);
    let old = dump_of(&layer.storage(), None);
    layer.set_block(300);
    layer.update_full_tree();
    let later_root = dump_of(&layer.storage(), None);
    let found = in_both_orders([&old, &later_root], 0);
    assert_eq!(found["interopRoot"]["block"], 300);
    layer.add_chain(ChainId(4242));
    let with_chain = dump_of(&layer.storage(), None);
    for older in [&old, &later_root] {
        let found = in_both_orders([older, &with_chain], 0);
        assert_eq!(found["chains"].as_array().unwrap().last().unwrap()["chainId"], 4242);
    }
}

/// The storage at the end of block 192, and its dump as one of this block.
fn at_block_192(block: u64) -> Value {
    let mut then = Storage::new();
    replay_with("gateway-v29", Layout::V29, |layer, at| {
        if at <= 192 {
            then = layer.storage();
        }
    });
    dump_of(&then, Some(block))
}

/// A state of a later block that lacks what an earlier one has contradicts it.
#[test]
fn a_state_of_a_later_block_has_what_an_earlier_one_has() {
    let whole = support::json("gateway-v29/state.anvil.json");
    let found = in_both_orders([&whole, &at_block_192(192)], 0);
    assert_eq!(found["interopRoot"]["block"], 242);
    for block in [193, 9999] {
        in_both_orders([&whole, &at_block_192(block)], 4);
    }
    // Before v29 there are no roots by block that differ.
    let mut layer = Layer::new(Layout::V26, ChainId(506));
    layer.add_chain(ChainId(324));
    layer.append(1, BatchNumber(7), Hash::new([7; 32]));
    let old = layer.storage();
    layer.append(1, BatchNumber(8), Hash::new([8; 32]));
    let new = dump_of(&layer.storage(), Some(40));
    for (block, code) in [(Some(39), 0), (None, 0), (Some(40), 4), (Some(50), 4)] {
        in_both_orders([&dump_of(&old, block), &new], code);
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("old.json"), dump_of(&old, Some(50)).to_string()).unwrap();
    fs::write(dir.path().join("new.json"), new.to_string()).unwrap();
    refused(&run(["rebuild", text(dir.path())]), &["old.json is not the past", "chain 324"]);
}

/// Where the end of a block is missing in events, the root that is then the last one of the block is right.
#[test]
fn events_may_lack_the_end_of_a_block() {
    for vectors in VECTORS {
        let known = Known::of(vectors);
        let mut lost = 0;
        for (at, event) in known.events.iter().enumerate() {
            let of_block = |event: &&MessageRootEvent| event.block == known.events[at].block;
            let rest = known.events[at + 1..].iter().take_while(of_block);
            let is_append =
                |event: &MessageRootEvent| matches!(event.kind, EventKind::AppendedBatch(..));
            if !is_append(event) || rest.clone().any(is_append) {
                continue;
            }
            let mut events = known.events.clone();
            events.drain(at..=at + rest.count());
            let found = known.compare(&events);
            assert!(found.is_ok(), "{vectors} {at}: {}", found.unwrap_err());
            lost += 1;
        }
        assert!(lost > 20, "{lost}");
    }
}

/// `updateFullTree` stores the newest root again, at any time. A state that does not name its block has this root too.
#[test]
fn the_newest_root_may_be_stored_again_much_later() {
    let mut layer = Layer::new(Layout::V29, ChainId(506));
    layer.add_chain(ChainId(324));
    layer.append(1, BatchNumber(7), Hash::new([7; 32]));
    layer.set_block(300_000);
    layer.update_full_tree();
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state.json");
    fs::write(&state, dump_of(&layer.storage(), None).to_string()).unwrap();
    assert_eq!(rebuilt(&state, 0)["interopRoot"]["block"], 300_000);
}
