//! Events, states, tree files and files of L1 that contradict themselves or each other about the roots and timestamps of
//! blocks. The truth is what the contracts stored and emitted.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};
use slproof::{
    contracts::{EventKind, MessageRootEvent, NewInteropRootData, system::MESSAGE_ROOT},
    files::Access,
    forest::{
        Addresses, EventsError, Forest, ListedRoots, RebuildError, RebuildOptions, RootsByBlock,
        StateRoots, TreeFile, rebuild, rebuild_from_events, rebuild_to_file,
    },
    ingest::{
        events::{EventList, read_events},
        state::{Dump, read_state},
    },
    primitives::{Address, Hash, SlBlock, Timestamp, Word},
    proof::CheckedBy,
    snapshot::Snapshot,
    state::{StateError, StorageReader, slots::mapping_value},
};

use super::events::other;
use crate::support::{
    self,
    binary::{Run, run},
    fixture, l1_files,
};

pub(super) const VECTORS: [&str; 3] = ["gateway-v29", "gateway-v31", "gateway-v29-to-v31"];

/// The state of a directory of vectors, its trees, and its events.
pub(super) struct Known {
    pub(super) dump: Dump,
    pub(super) addresses: Addresses,
    pub(super) forest: Forest,
    pub(super) events: Vec<MessageRootEvent>,
}

impl Known {
    pub(super) fn of(vectors: &str) -> Self {
        Self::read(vectors, "state.anvil.json", Addresses::default())
    }

    fn v33() -> Self {
        let roots = support::json("v33/roots.json.gz");
        let address = |name: &str| roots[name].as_str().unwrap().parse().unwrap();
        let addresses =
            Addresses { bridgehub: address("bridgehub"), message_root: address("messageRoot") };
        Self::read("v33", "state.anvil.json.gz", addresses)
    }

    fn read(vectors: &str, state: &str, addresses: Addresses) -> Self {
        let dump = read_state(&fixture(&format!("{vectors}/{state}")), None).unwrap();
        let options = RebuildOptions { addresses, ..RebuildOptions::default() };
        let forest = rebuild(&dump.state, &options).unwrap();
        let events = fixture(&format!("{vectors}/events.jsonl.gz"));
        let events = read_events(&[events], addresses.message_root).unwrap();
        let events = events.iter().collect::<Result<_, _>>().unwrap();
        Self { dump, addresses, forest, events }
    }

    pub(super) fn roots(&self) -> StateRoots<'_, Snapshot> {
        StateRoots::of(&self.dump.state, self.addresses.message_root, &self.forest)
    }

    /// Compares events with the state.
    pub(super) fn compare(&self, events: &[MessageRootEvent]) -> Result<Forest, EventsError> {
        compared(&self.forest, events, &self.roots())
    }

    /// The same events with another content of one.
    fn with(&self, at: usize, kind: EventKind) -> Vec<MessageRootEvent> {
        let mut events = self.events.clone();
        events[at].kind = kind;
        events
    }

    fn alone(&self, events: &[MessageRootEvent]) -> Result<(), EventsError> {
        let options = RebuildOptions { addresses: self.addresses, ..RebuildOptions::default() };
        let rebuilt = rebuild_from_events(&list(events), None, &options);
        rebuilt.map(|_| ()).map_err(of_events)
    }
}

pub(super) fn list(events: &[MessageRootEvent]) -> EventList {
    events.iter().copied().collect()
}

fn of_events(error: RebuildError) -> EventsError {
    match error {
        RebuildError::Events(error) => error,
        other => panic!("{other}"),
    }
}

pub(super) fn compared(
    forest: &Forest,
    events: &[MessageRootEvent],
    roots: &impl RootsByBlock,
) -> Result<Forest, EventsError> {
    forest.clone().compared_with(&list(events), roots).map_err(of_events)
}

/// Whatever is altered in whole events, also in their last root and in roots within a block, a state notices it, and so
/// does a tree file of the state.
#[test]
fn every_altered_event_contradicts_the_state() {
    let dir = tempfile::tempdir().unwrap();
    for vectors in VECTORS {
        let known = Known::of(vectors);
        let file = dir.path().join("state.sltree");
        rebuild_to_file(&known.dump.state, &RebuildOptions::default(), None, &file).unwrap();
        let file = TreeFile::open(&file, Access::Map).unwrap();
        let history = file.history().unwrap();
        let listed = ListedRoots::of(&history, file.forest(), file.block());
        let both = CheckedBy::STATE.and(CheckedBy::EVENTS);
        assert_eq!(known.compare(&known.events).unwrap().checked_by(), both);
        assert_eq!(compared(file.forest(), &known.events, &listed).unwrap().checked_by(), both);
        for (at, event) in known.events.iter().enumerate() {
            for kind in other(event.kind) {
                let altered = known.with(at, kind);
                assert!(
                    known.compare(&altered).is_err(),
                    "{vectors}: {:?} as {kind:?}",
                    event.kind
                );
                // What it says of other events does not depend on where the roots by block are.
                if matches!(kind, EventKind::NewInteropRoot(_)) {
                    let of_file = compared(file.forest(), &altered, &listed);
                    assert!(of_file.is_err(), "{vectors}: {:?} as {kind:?}", event.kind);
                }
            }
        }
    }
}

/// Events that are invented within the time of the state: a chain that it does not have, and roots of chains.
#[test]
fn invented_events_contradict_the_state() {
    let known = Known::of("gateway-v29");
    let roots = known.events.iter().enumerate();
    let mut roots = roots.filter(|(_, event)| matches!(event.kind, EventKind::NewChainRoot(..)));
    let (at, event) = roots.nth(9).unwrap();
    let EventKind::NewChainRoot(chain, root) = event.kind else { panic!() };
    let unknown = slproof::primitives::ChainId(777);
    let index = known.forest.chains().len() as u64;
    for (kind, is_wrong) in [
        (EventKind::AddedChain(unknown, index), true),
        (EventKind::NewChainRoot(unknown, root), true),
        (EventKind::NewChainRoot(chain, Some(known.forest.root())), true),
        // Events before the first one may be missing, also the append of a chain root.
        (EventKind::NewChainRoot(chain, root), false),
    ] {
        let mut events = known.events.clone();
        events.insert(at + 1, MessageRootEvent { kind, log_index: event.log_index + 1, ..*event });
        // The events after it have their places.
        for later in &mut events[at + 2..] {
            if later.block == event.block {
                later.log_index += 1;
            }
        }
        let found = known.compare(&events);
        assert_eq!(found.is_err_and(|error| error.is_mismatch()), is_wrong, "{kind:?}");
    }
}

/// Events may begin late, end early, also within a block, and lack some: they still do not contradict the state.
#[test]
fn incomplete_events_do_not_contradict_the_state() {
    for vectors in VECTORS {
        let known = Known::of(vectors);
        let events = &known.events;
        for at in 0..events.len() {
            for part in [&events[at..], &events[..at], &events[at..events.len().min(at + 31)]] {
                let found = known.compare(part);
                assert!(found.is_ok(), "{vectors} {at}: {}", found.unwrap_err());
            }
            let mut lost = events.clone();
            let lost_event = lost.remove(at);
            // A root that follows no append is not expected, so the one before it seems to be that of the block.
            let is_second = matches!(lost_event.kind, EventKind::NewInteropRoot(_))
                && !matches!(events[at - 1].kind, EventKind::NewChainRoot(..));
            let found = known.compare(&lost);
            assert!(found.is_ok() || is_second, "{vectors} {at}: {}", found.unwrap_err());
        }
    }
}

/// Events that begin late are compared as well, up to their last root.
#[test]
fn a_wrong_last_root_of_late_events_contradicts_the_state() {
    for vectors in VECTORS {
        let known = Known::of(vectors);
        let is_root = |event: &MessageRootEvent| matches!(event.kind, EventKind::NewInteropRoot(_));
        let last = known.events.iter().rposition(is_root).unwrap();
        let wrong = other(known.events[last].kind)[0];
        for from in [0, 20, 100, last - 3] {
            let error = known.compare(&known.with(last, wrong)[from..]).unwrap_err();
            assert!(matches!(error, EventsError::StoredRoot { .. }), "{vectors}: {error}");
        }
    }
}

/// A block has one timestamp. That of a root is compared with the other events of the block, with those of other
/// blocks, and with the state.
#[test]
fn every_altered_timestamp_is_noticed() {
    let known = Known::v33();
    known.alone(&known.events).unwrap();
    known.compare(&known.events).unwrap();
    let mut altered = 0;
    for (at, event) in known.events.iter().enumerate() {
        let with = |timestamp: Timestamp| match event.kind {
            EventKind::AppendedBatch(chain, batch, root, Some(_)) => {
                EventKind::AppendedBatch(chain, batch, root, Some(timestamp))
            }
            EventKind::NewInteropRoot(Some(data)) => {
                let timestamp = Some(timestamp);
                EventKind::NewInteropRoot(Some(NewInteropRootData { timestamp, ..data }))
            }
            _ => panic!(),
        };
        let (EventKind::AppendedBatch(.., Some(true_one))
        | EventKind::NewInteropRoot(Some(NewInteropRootData {
            timestamp: Some(true_one), ..
        }))) = event.kind
        else {
            continue;
        };
        for timestamp in [true_one.0 + 1, true_one.0 - 1, true_one.0 + 1_000_000] {
            let events = known.with(at, with(Timestamp(timestamp)));
            let error = known.compare(&events).unwrap_err();
            assert!(error.is_mismatch(), "{error}");
            // Alone, the events of a block show it: the time of a registration is only between those of other blocks.
            let of_block = known.events.iter().filter(|other| other.block == event.block);
            if of_block.clone().any(|one| matches!(one.kind, EventKind::AppendedBatch(..))) {
                let error = known.alone(&events).unwrap_err();
                assert!(matches!(error, EventsError::BlockTimestamp { .. }), "{error}");
                altered += 1;
            }
        }
    }
    assert!(altered > 60, "{altered}");
}

/// Writes a state without the root of a block, or with another one.
fn write_state(target: &Path, vectors: &str, block: u64, root: Option<&str>) {
    let file = if vectors == "v33" { "state.anvil.json.gz" } else { "state.anvil.json" };
    let mut state = support::json(&format!("{vectors}/{file}"));
    let slot = mapping_value(Word::from(block), Word::from(9u64)).to_string();
    let message_root = match vectors {
        "v33" => support::json("v33/roots.json.gz")["messageRoot"].as_str().unwrap().to_owned(),
        _ => MESSAGE_ROOT.to_string().to_lowercase(),
    };
    let storage = state["accounts"][&message_root]["storage"].as_object_mut().unwrap();
    assert!(storage.remove(&slot).is_some(), "block {block} has a root");
    if let Some(root) = root {
        storage.insert(slot, json!(root));
    }
    fs::write(target, state.to_string()).unwrap();
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(super) fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(4), "{}", run.stderr);
    assert!(words.iter().all(|word| run.stderr.contains(word)), "{}", run.stderr);
}

const ROOT_OF_185: &str = "block 185";
const FALSE_ROOT: &str = "0xabababababababababababababababababababababababababababababababab";

/// The state lost the root of a block, which events have: no tree file is written from it either.
#[test]
fn a_lost_root_that_events_have_is_noticed_by_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let [state, tree, alone] =
        ["state.json", "t.sltree", "alone.sltree"].map(|name| dir.path().join(name));
    write_state(&state, "gateway-v29", 185, None);
    let events = fixture("gateway-v29/events.jsonl.gz");
    let (state, tree, alone, events) = (text(&state), text(&tree), text(&alone), text(&events));
    for args in [
        &["rebuild", state, events][..],
        &["rebuild", state, events, "-o", tree],
        &["rebuild", state, "--events", events, "--history", "-o", tree],
        &["history", state, "--events", events],
    ] {
        refused(&run(args), &[ROOT_OF_185, "the state has none"]);
        assert!(!Path::new(tree).exists());
    }
    // Nor are proofs made from a tree file of it, beside the events.
    assert_eq!(run(["rebuild", state, "-o", alone]).code, Some(0));
    refused(&run(["history", alone, "--events", events]), &[ROOT_OF_185]);
    // A root that is not lost but another one.
    write_state(Path::new(state), "gateway-v29", 185, Some(FALSE_ROOT));
    let words = [ROOT_OF_185, FALSE_ROOT, "the state or an event is wrong"];
    refused(&run(["rebuild", state, events]), &words);
    refused(&run(["rebuild", state, events, "-o", tree]), &words);
    assert!(!Path::new(tree).exists());
    assert_eq!(run(["rebuild", state, "-o", alone]).code, Some(0));
    refused(&run(["history", alone, "--events", events]), &words);
}

/// Of two states of one time, neither is right only because of its name, and a newer one has what an older one has.
#[test]
fn states_that_differ_in_a_root_are_not_used() {
    let whole = fixture("gateway-v29/state.anvil.json");
    for root in [None, Some(FALSE_ROOT)] {
        for names in [["a.json", "b.json"], ["b.json", "a.json"]] {
            let dir = tempfile::tempdir().unwrap();
            write_state(&dir.path().join(names[0]), "gateway-v29", 185, root);
            fs::copy(&whole, dir.path().join(names[1])).unwrap();
            refused(&run(["history", text(dir.path())]), &[ROOT_OF_185, "a.json", "b.json"]);
            assert_eq!(run(["survey", text(dir.path())]).code, Some(4));
        }
    }
    // The trees of the past, from events that end earlier. Their first root is lost in the newer state.
    let dir = tempfile::tempdir().unwrap();
    let lines = support::json_lines("gateway-v29/events.jsonl.gz");
    let first = lines.iter().find(|line| line["event"] == "NewInteropRoot").unwrap();
    let first = first["blockNumber"].as_u64().unwrap();
    l1_files::write_lines(dir.path(), "events.jsonl", &lines[..150]);
    let [events, tree, state] =
        ["events.jsonl", "old.sltree", "new.json"].map(|name| dir.path().join(name));
    assert_eq!(run(["rebuild", text(&events), "-o", text(&tree)]).code, Some(0));
    fs::remove_file(events).unwrap();
    fs::copy(&whole, &state).unwrap();
    assert_eq!(run(["history", text(dir.path())]).code, Some(0));
    write_state(&state, "gateway-v29", first, None);
    refused(&run(["history", text(dir.path())]), &[&format!("block {first}"), "no root"]);
}

/// What the settlement layer published on L1 about a block is compared with a state, also where the trees go to a file.
#[test]
fn roots_on_l1_are_compared_with_those_of_other_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let archive = l1_files::whole(dir.path());
    let [state, tree] = ["state.json", "t.sltree"].map(|name| dir.path().join(name));
    let (state, tree, archive) = (text(&state), text(&tree), text(&archive));
    for (block, root, words) in [
        (185, None, &["block 185", "no root", "0x"][..]),
        (191, Some(FALSE_ROOT), &["block 191", FALSE_ROOT]),
    ] {
        write_state(Path::new(state), "gateway-v29", block, root);
        refused(&run(["rebuild", state, archive]), words);
        refused(&run(["rebuild", state, archive, "-o", tree]), words);
        assert!(!Path::new(tree).exists());
    }
    let whole = fixture("gateway-v29/state.anvil.json");
    assert_eq!(run(["rebuild", text(&whole), archive]).code, Some(0));
    // Whole files of L1 also show which blocks have no root: a state and events that have one contradict them.
    let mut extra = support::json("gateway-v29/state.anvil.json");
    let slot = |block: u64| mapping_value(Word::from(block), Word::from(9u64)).to_string();
    let accounts = extra["accounts"].as_object_mut().unwrap();
    let storage = &mut accounts[&MESSAGE_ROOT.to_string().to_lowercase()]["storage"];
    let root = storage[slot(195)].clone();
    assert!(storage[slot(200)].is_null() && root.is_string());
    storage[slot(200)] = root.clone();
    fs::write(state, extra.to_string()).unwrap();
    let mut lines = support::json_lines("gateway-v29/events.jsonl.gz");
    let after = lines.iter().position(|line| line["blockNumber"].as_u64() > Some(200)).unwrap();
    lines.insert(
        after,
        json!({"event": "NewInteropRoot", "blockNumber": 200, "logIndex": 0, "chainId": 506,
               "interopBlockNumber": 200, "logId": 0, "sides": [root]}),
    );
    l1_files::write_lines(dir.path(), "events.jsonl", &lines);
    for evidence in [state, text(&dir.path().join("events.jsonl"))] {
        assert_eq!(run(["rebuild", evidence]).code, Some(0));
        // Nothing shows which of them is wrong.
        let both = [evidence, archive, "contradict each other"];
        let contradict = run(["rebuild", evidence, archive]);
        refused(&contradict, &[&["block 200", "on L1 have no root"][..], &both].concat());
        assert!(!contradict.stderr.contains("cannot rebuild"), "{}", contradict.stderr);
    }
    // Blocks after batches that are missing on L1 are compared too.
    let commits = l1_files::commits().into_iter();
    let commits: Vec<Value> =
        commits.filter(|commit| l1_files::committed(commit) != Some(2012)).collect();
    l1_files::write(Path::new(archive), &commits);
    write_state(Path::new(state), "gateway-v29", 191, Some(FALSE_ROOT));
    refused(&run(["rebuild", state, archive]), &["block 191", FALSE_ROOT]);
    assert_eq!(run(["rebuild", text(&whole), archive]).code, Some(0));
}

/// L1 as a settlement layer counts its roots, whatever the number of its blocks is.
#[test]
fn a_lost_root_of_l1_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let [state, tree] = ["state.json", "t.sltree"].map(|name| dir.path().join(name));
    let roots = support::json("v33/roots.json.gz");
    let bridgehub = roots["bridgehub"].as_str().unwrap();
    let of_state = ["--bridgehub", bridgehub];
    let lost = |evidence: &Path, flags: &[&str]| {
        let run = run([&["history", text(evidence), "--json"], flags].concat());
        let history: Value = serde_json::from_str(&run.stdout).unwrap();
        (run.code, history["lost"].clone(), history["roots"].as_array().unwrap().len())
    };
    let whole = fixture("v33/state.anvil.json.gz");
    let all = roots["interopRootLogId"].as_u64().unwrap() as usize;
    assert_eq!(lost(&whole, &of_state), (Some(0), json!(0), all));
    let known = Known::v33();
    let with_root = known.events.iter().filter_map(|event| match event.kind {
        EventKind::NewInteropRoot(Some(data)) => Some(data.block),
        _ => None,
    });
    let mut blocks: Vec<SlBlock> = with_root.collect();
    blocks.dedup();
    assert_eq!(blocks.len(), all);
    // The search for a lost root takes long, so each command has another one.
    write_state(&state, "v33", blocks[0].0, None);
    assert_eq!(lost(&state, &of_state), (Some(1), json!(1), all - 1));
    write_state(&state, "v33", blocks[all / 2].0, None);
    let made = run(["rebuild", text(&state), "-o", text(&tree), "--bridgehub", bridgehub]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert_eq!(lost(&tree, &[]), (Some(1), json!(1), all - 1));
}

/// A state with another root of a block.
#[derive(Debug)]
struct WithRoot<'s> {
    state: &'s Snapshot,
    slot: Word,
    root: Hash,
}

impl<'s> WithRoot<'s> {
    fn of(known: &'s Known, block: u64, root: Hash) -> Self {
        let slot = mapping_value(Word::from(block), Word::from(9u64));
        Self { state: &known.dump.state, slot, root }
    }
}

impl StorageReader for WithRoot<'_> {
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
        match (contract, slot) == (MESSAGE_ROOT, self.slot) {
            true => Ok(Word::new(*self.root.as_bytes())),
            false => self.state.read(contract, slot),
        }
    }

    fn slot_count(&self, contract: Address) -> Option<u64> {
        self.state.slot_count(contract)
    }

    fn slots(&self) -> u64 {
        self.state.slots()
    }

    fn block(&self) -> Option<SlBlock> {
        self.state.block()
    }
}

/// Complete events show what the trees contained in every block. So another root of a block in the state contradicts them,
/// also of a block in which they have none. The same root again does not: `updateFullTree` stores it, and its event may be
/// missing.
#[test]
fn another_root_of_any_block_in_the_state_contradicts_complete_events() {
    for vectors in VECTORS {
        let known = Known::of(vectors);
        let roots = support::json(&format!("{vectors}/roots.json"));
        let roots = roots["historicalRoot"].as_object().unwrap().iter();
        let roots: BTreeMap<u64, Hash> = roots
            .map(|(block, root)| (block.parse().unwrap(), root.as_str().unwrap().parse().unwrap()))
            .collect();
        let (newest, last) = roots.last_key_value().unwrap();
        for block in (0..*newest).step_by(3) {
            let compare = |root: Hash| {
                let state = WithRoot::of(&known, block, root);
                let roots = StateRoots::of(&state, MESSAGE_ROOT, &known.forest);
                compared(&known.forest, &known.events, &roots)
            };
            for root in [FALSE_ROOT.parse().unwrap(), *last] {
                let error = compare(root).expect_err(&format!("{vectors}, block {block}: {root}"));
                assert!(error.is_mismatch(), "{error}");
                assert!(
                    error.to_string().contains(&format!("block {block}: the state")),
                    "{error}"
                );
            }
            let before = roots.range(..block).next_back().filter(|_| !roots.contains_key(&block));
            if let Some((before, root)) = before {
                // Before v31 a registration changes the tree and stores no root.
                let has_changed = known.events.iter().any(|event| {
                    matches!(event.kind, EventKind::AddedChain(..))
                        && (before + 1..block).contains(&event.block.0)
                });
                let found = compare(*root);
                assert_eq!(found.is_err(), has_changed, "{vectors}, block {block}");
            }
        }
    }
}
