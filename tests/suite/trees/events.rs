//! Trees from the events of MessageRoot alone.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::support::{self, binary::run, fixture, golden};
use serde_json::Value;
use slproof::{
    contracts::{
        EventKind, Layout, MOST_CHAINS, MessageRootEvent, NewInteropRootData, system::MESSAGE_ROOT,
    },
    files::Access,
    forest::{
        Addresses, EventGap, EventsError, Forest, RebuildError, RebuildOptions, RebuiltFromEvents,
        SearchBudget, Timeline, TreeFile, explain, rebuild, rebuild_events_to_file,
        rebuild_from_events,
    },
    ingest::{
        events::{EventList, read_events},
        state::read_state,
    },
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
    proof::CheckedBy,
};

const VECTORS: [&str; 3] = ["gateway-v29", "gateway-v31", "gateway-v29-to-v31"];

fn events(vectors: &str) -> Vec<MessageRootEvent> {
    let path = fixture(&format!("{vectors}/events.jsonl.gz"));
    let events = read_events(&[path], MESSAGE_ROOT).unwrap();
    events.iter().collect::<Result<_, _>>().unwrap()
}

fn list(events: &[MessageRootEvent]) -> EventList {
    events.iter().copied().collect()
}

fn from_events(events: &[MessageRootEvent]) -> Result<RebuiltFromEvents, EventsError> {
    rebuild_from_events(&list(events), None, &RebuildOptions::default()).map_err(
        |error| match error {
            RebuildError::Events(error) => error,
            other => panic!("{other}"),
        },
    )
}

fn from_state(vectors: &str) -> (Forest, BTreeMap<SlBlock, Hash>) {
    let dump = read_state(&fixture(&format!("{vectors}/state.anvil.json")), None).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    let roots = support::json(&format!("{vectors}/roots.json"));
    let roots = roots["historicalRoot"].as_object().unwrap().iter();
    let root = |(block, root): (&String, &Value)| {
        (SlBlock(block.parse().unwrap()), root.as_str().unwrap().parse().unwrap())
    };
    (forest, roots.map(root).collect())
}

#[test]
fn events_alone_give_the_trees_of_the_state_and_every_root() {
    for vectors in VECTORS {
        let events = events(vectors);
        let RebuiltFromEvents { forest, history, gaps } = from_events(&events).unwrap();
        let (expected, roots) = from_state(vectors);
        assert_eq!(gaps, []);
        assert_eq!(forest.checked_by(), CheckedBy::EVENTS);
        assert_eq!(forest.root(), expected.root());
        assert_eq!(forest.layout(), expected.layout());
        assert_eq!(forest.latest(), expected.latest());
        for (tree, expected) in forest.chains().iter().zip(expected.chains()) {
            assert_eq!(tree.chain(), expected.chain());
            assert_eq!(tree.batches(), expected.batches());
            assert_eq!(tree.batch_roots(), expected.batch_roots());
        }
        let found = history.blocks.iter().copied().zip(history.roots.iter().copied());
        assert_eq!(found.collect::<BTreeMap<_, _>>(), roots);
        assert_eq!(history.unexplained().count(), 0);

        let dump = read_state(&fixture(&format!("{vectors}/state.anvil.json")), None).unwrap();
        let effort = SearchBudget::default();
        let events = list(&events);
        let known = explain(&dump.state, Addresses::default(), &expected, &events, effort).unwrap();
        assert_eq!(known.history(), &history);
    }
}

#[test]
fn releases_before_v29_emit_chain_roots_only() {
    let mut events = events("gateway-v29");
    events.retain(|event| !matches!(event.kind, EventKind::NewInteropRoot(_)));
    let RebuiltFromEvents { forest, history, gaps } = from_events(&events).unwrap();
    assert_eq!(forest.root(), from_state("gateway-v28").0.root());
    assert_eq!((forest.layout(), forest.latest()), (Layout::V26, None));
    assert!(history.is_empty() && gaps.is_empty());
}

/// The trees, the roots by block, and the contents of the roots of a vector, according to its state.
struct Truth {
    forest: Forest,
    roots: BTreeMap<SlBlock, Hash>,
    timeline: Timeline,
}

impl Truth {
    fn of(vectors: &str) -> Self {
        let (forest, roots) = from_state(vectors);
        let dump = read_state(&fixture(&format!("{vectors}/state.anvil.json")), None).unwrap();
        let events = list(&events(vectors));
        let effort = SearchBudget::default();
        let timeline =
            explain(&dump.state, Addresses::default(), &forest, &events, effort).unwrap();
        Self { forest, roots, timeline }
    }

    /// If changed events are accepted, their proofs are right: every interop root is that of the state, so is
    /// every batch root, and the first root of a batch is either the true one or unknown.
    fn allows(&self, changed: &[MessageRootEvent]) {
        let Ok(RebuiltFromEvents { forest, history, .. }) = from_events(changed) else { return };
        for (block, root) in history.blocks.iter().zip(&history.roots) {
            assert!(root.is_zero() || self.roots.get(block) == Some(root), "block {block}");
        }
        let unexplained: Vec<usize> = history.unexplained().collect();
        assert!(unexplained.iter().all(|root| history.roots[*root].is_zero()));
        let timeline = Timeline::new(&forest, history).unwrap();
        for tree in forest.chains() {
            let expected = self.forest.chain(tree.chain()).unwrap();
            for (leaf, (batch, root)) in (0..).zip(tree.batches().iter().zip(tree.batch_roots())) {
                assert_eq!(expected.find(batch), Some((leaf, *root)));
                let Some(first) = timeline.first(tree, leaf) else { continue };
                let truth = self.timeline.first(expected, leaf).unwrap();
                assert_eq!(timeline.root(first).block, self.timeline.root(truth).block);
            }
        }
    }
}

pub(super) fn other(kind: EventKind) -> Vec<EventKind> {
    let hash = |root: Option<Hash>| {
        root.map(|root| {
            let mut bytes = *root.as_bytes();
            bytes[7] ^= 1;
            Hash::new(bytes)
        })
    };
    match kind {
        EventKind::AddedChain(chain, index) => vec![
            EventKind::AddedChain(ChainId(chain.0 ^ 1), index),
            EventKind::AddedChain(chain, index + 1),
        ],
        EventKind::AppendedBatch(chain, batch, root, time) => vec![
            EventKind::AppendedBatch(ChainId(chain.0 ^ 1), batch, root, time),
            EventKind::AppendedBatch(chain, BatchNumber(batch.0 + 1), root, time),
            EventKind::AppendedBatch(chain, batch, hash(root), time),
        ],
        EventKind::NewChainRoot(chain, root) => vec![
            EventKind::NewChainRoot(ChainId(chain.0 ^ 1), root),
            EventKind::NewChainRoot(chain, hash(root)),
        ],
        EventKind::NewInteropRoot(Some(named)) => {
            let root = hash(Some(named.root)).unwrap();
            vec![
                EventKind::NewInteropRoot(Some(NewInteropRootData { root, ..named })),
                EventKind::NewInteropRoot(Some(NewInteropRootData {
                    sl_chain: ChainId(named.sl_chain.0 ^ 1),
                    ..named
                })),
                EventKind::NewInteropRoot(Some(NewInteropRootData {
                    block: SlBlock(named.block.0 + 1),
                    ..named
                })),
            ]
        }
        EventKind::NewInteropRoot(None) => vec![],
    }
}

#[test]
fn a_lost_altered_moved_or_repeated_event_is_detected_or_changes_nothing() {
    for vectors in VECTORS {
        let events = events(vectors);
        let truth = Truth::of(vectors);
        for (at, event) in events.iter().enumerate() {
            let mut lost = events.clone();
            lost.remove(at);
            match (event.kind, from_events(&lost)) {
                (_, Err(error)) => {
                    let text = error.to_string();
                    assert!(text.contains("block "), "{text}");
                }
                // The registration of a chain without batches may be missing unnoticed.
                (EventKind::AddedChain(..), Ok(_)) => {}
                // A root that follows no append is not expected.
                (EventKind::NewInteropRoot(_), Ok(_))
                    if !matches!(events[at - 1].kind, EventKind::NewChainRoot(..)) => {}
                (kind, Ok(found)) => assert_ne!(found.gaps, [], "{kind:?}"),
            }
            truth.allows(&lost);

            for kind in other(event.kind) {
                let mut altered = events.clone();
                altered[at].kind = kind;
                let refused = from_events(&altered);
                let is_last = at + 1 == events.len();
                assert!(refused.is_err() || is_last, "{:?} as {kind:?}", event.kind);
                if !is_last {
                    truth.allows(&altered);
                }
            }
            for (block, log_index) in [
                (event.block.0 + 1, event.log_index),
                (event.block.0.saturating_sub(1), event.log_index + 7),
                (event.block.0, event.log_index + 3),
                (1 << 40, 0),
            ] {
                let mut moved = events.clone();
                moved[at].block = SlBlock(block);
                moved[at].log_index = log_index;
                truth.allows(&moved);
                moved.push(*event);
                truth.allows(&moved);
            }
        }
        let twice = [events.clone(), events.clone()].concat();
        assert_eq!(from_events(&twice).unwrap().forest.root(), truth.forest.root());
    }
}

#[test]
fn errors_and_gaps_have_the_place_of_the_event() {
    let events = events("gateway-v29");
    let find = |wanted: fn(&EventKind) -> bool, nth: usize| {
        let mut found = events.iter().enumerate().filter(|(_, event)| wanted(&event.kind));
        found.nth(nth).unwrap().0
    };
    let appended = find(|kind| matches!(kind, EventKind::AppendedBatch(..)), 3);
    let chain_root = find(|kind| matches!(kind, EventKind::NewChainRoot(..)), 3);
    let interop_root = find(|kind| matches!(kind, EventKind::NewInteropRoot(_)), 3);
    let added = find(|kind| matches!(kind, EventKind::AddedChain(..)), 2);
    let without = |at: usize| {
        let mut events = events.clone();
        events.remove(at);
        from_events(&events)
    };
    assert!(matches!(without(added), Err(EventsError::Unregistered { chain: ChainId(300), .. })));
    let unpaired = without(appended).unwrap_err();
    let EventsError::Unpaired { place, .. } = unpaired else { panic!("{unpaired}") };
    assert_eq!(place.block, events[appended].block);

    // Missing roots are reported, and later ones confirm the trees.
    let gaps = |at: usize| without(at).unwrap().gaps;
    assert!(matches!(gaps(chain_root)[..], [EventGap::NoChainRoot(_)]));
    assert!(matches!(gaps(interop_root)[..], [EventGap::NoInteropRoot(_), ..]));

    let contradiction = {
        let mut events = events.clone();
        let EventKind::AppendedBatch(chain, batch, ..) = events[appended].kind else { panic!() };
        let kind = EventKind::AppendedBatch(chain, batch, Some(Hash::new([9; 32])), None);
        events.insert(appended + 1, MessageRootEvent { kind, ..events[appended] });
        from_events(&events).unwrap_err()
    };
    assert!(matches!(contradiction, EventsError::Contradiction { .. }), "{contradiction}");
    let text = contradiction.to_string();
    assert!(text.contains("two different events, AppendedChainBatchRoot of batch "), "{text}");

    // If the whole block that appended a batch is missing, a later root differs.
    let mut gap = events.clone();
    gap.retain(|event| event.block != events[appended].block);
    let error = from_events(&gap).unwrap_err().to_string();
    assert!(error.contains("block"), "{error}");

    // Events that do not begin with the first registration, no events, and events without roots.
    assert!(matches!(from_events(&events[added..]), Err(EventsError::Registration { .. })));
    assert!(matches!(from_events(&[]), Err(EventsError::None)));
    let no_roots: Vec<_> = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::AddedChain(..)))
        .copied()
        .collect();
    assert!(matches!(from_events(&no_roots), Err(EventsError::NoRoots)));
}

/// Events that end early result in the trees of their last root, whatever the last event is.
#[test]
fn events_that_end_early_give_the_trees_of_their_last_root() {
    for vectors in VECTORS {
        let events = events(vectors);
        let state = from_state(vectors);
        let mut forests = 0;
        for end in 1..events.len() {
            if let Ok(RebuiltFromEvents { forest, .. }) = from_events(&events[..end]) {
                let latest = forest.latest();
                if let Some(latest) = latest {
                    let next = events[end];
                    // Events that end within a block may lack the last root of this block.
                    if next.block != latest.block {
                        assert_eq!(state.1[&latest.block], latest.root);
                    }
                    forests += 1;
                }
            }
        }
        assert!(forests > events.len() / 2, "{forests}");
    }
}

/// The proofs of every log without the member `checkedBy`, and all values of this member.
fn proofs(vectors: &str, tree: &[&str], target: &str) -> (String, Vec<String>) {
    let logs = fixture(&format!("{vectors}/logs.jsonl.gz"));
    let mut args = vec!["prove", "--all", "--target", target, "--tree"];
    args.extend(tree);
    args.extend(["--messages", logs.to_str().unwrap()]);
    let run = run(args);
    assert!(matches!(run.code, Some(0 | 1)), "{}", run.stderr);
    let mut checked_by = Vec::new();
    let lines = run.stdout.lines().map(|line| {
        let (rest, by) = line.split_once(",\"checkedBy\":").unwrap_or((line, ""));
        checked_by.push(by.trim_matches(['"', '}']).to_owned());
        rest.to_owned() + "\n"
    });
    let lines = lines.collect();
    checked_by.sort();
    checked_by.dedup();
    (lines, checked_by)
}

#[test]
fn proofs_from_events_are_those_from_the_state() {
    for vectors in ["gateway-v29", "gateway-v31"] {
        let path = |name: &str| fixture(&format!("{vectors}/{name}")).display().to_string();
        let (state, events) = (path("state.anvil.json"), path("events.jsonl.gz"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("events.sltree");
        let file = file.to_str().unwrap();
        let both_file = dir.path().join("both.sltree");
        let both_file = both_file.to_str().unwrap();
        let made = run(["rebuild", &events, "-o", file]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        assert!(made.stderr.contains("compare the root of block"), "{}", made.stderr);
        for target in ["latest", "first", "batch-root"] {
            let (expected, by) = proofs(vectors, &[&state], target);
            assert_eq!(by, ["state"]);
            let alone = proofs(vectors, &[&events], target);
            assert_eq!(alone, (expected.clone(), vec!["events".into()]));
            assert_eq!(proofs(vectors, &[file], target), alone);
            let both = proofs(vectors, &[&state, &events], target);
            let made = run(["rebuild", &state, &events, "-o", both_file]);
            assert_eq!(made.code, Some(0), "{}", made.stderr);
            assert_eq!(proofs(vectors, &[both_file], target), both);
            assert_eq!(both, (expected, vec!["state+events".into()]));
        }
        assert_eq!(
            run(["history", &events, "--json"]).stdout,
            run(["history", file, "--json"]).stdout
        );
    }
}

#[test]
fn a_state_and_events_have_to_agree() {
    let dir = tempfile::tempdir().unwrap();
    let state = fixture("gateway-v29/state.anvil.json");
    let lines = support::json_lines("gateway-v29/events.jsonl.gz");
    let write = |lines: &[Value]| {
        let path = dir.path().join("events.jsonl");
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, text).unwrap();
        path
    };
    let rebuild = |lines: &[Value]| {
        let events = write(lines);
        run(["rebuild".into(), "--json".into(), state.clone(), events])
    };
    // Events may cover only a part of the history. If they end within a block, their last root may not be confirmed.
    let end = lines.iter().rposition(|line| line["blockNumber"] == lines[300]["blockNumber"]);
    for (end, checked_by) in [(300, "state"), (end.unwrap() + 1, "state+events")] {
        let part = rebuild(&lines[200..end]);
        assert_eq!(part.code, Some(0), "{}", part.stderr);
        assert!(part.stdout.contains(&format!("\"{checked_by}\"")), "{}", part.stdout);
    }
    for (event, member) in
        [("AppendedChainBatchRoot", "chainBatchRoot"), ("NewChainRoot", "chainRoot")]
    {
        let mut changed = lines.clone();
        let line = changed.iter_mut().find(|line| line["event"] == event).unwrap();
        line[member] = Hash::new([3; 32]).to_string().into();
        let run = rebuild(&changed);
        assert_eq!(run.code, Some(4), "{}", run.stderr);
        assert!(run.stderr.contains("block 102, log"), "{}", run.stderr);
    }
    // Interop roots and registrations are compared with the state too, also where the trees go to a file.
    let mut root = lines.clone();
    let line = root.iter_mut().find(|line| line["event"] == "NewInteropRoot").unwrap();
    line["sides"][0] = Hash::new([3; 32]).to_string().into();
    let mut registration = lines.clone();
    registration[1]["chainIndex"] = 2.into();
    for changed in [&root, &registration] {
        assert_eq!(rebuild(changed).code, Some(4));
        let target = dir.path().join("trees.sltree");
        let to_file = ["rebuild".into(), state.clone(), write(changed), "-o".into(), target];
        assert_eq!(run(&to_file).code, Some(4));
        assert!(!to_file[4].exists());
    }
    let mut twice = lines.clone();
    let mut other = lines[2].clone();
    other["chainBatchRoot"] = Hash::new([3; 32]).to_string().into();
    twice.push(other);
    assert_eq!(rebuild(&twice).code, Some(3));
}

/// Jobs whose trees have the same newest root, but know other past roots, are different jobs.
#[test]
fn shards_from_other_events_are_not_merged() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let lines = support::json_lines("gateway-v31/events.jsonl.gz");
    let roots: Vec<usize> =
        (0..lines.len()).filter(|at| lines[*at]["event"] == "NewInteropRoot").collect();
    let block = |at: usize| &lines[at]["blockNumber"];
    // The only root of a block, after others.
    let is_alone =
        |at: &&usize| roots.iter().filter(|other| block(**other) == block(**at)).count() == 1;
    let lacks = *roots.iter().skip(9).find(is_alone).unwrap();
    for (name, skipped) in [("all", usize::MAX), ("some", lacks)] {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != skipped);
        let text: String = kept.map(|(_, line)| format!("{line}\n")).collect();
        std::fs::write(path(name), text).unwrap();
    }
    let logs = fixture("gateway-v31/logs.jsonl.gz");
    let logs = logs.to_str().unwrap();
    for (events, shard) in [("all", "1/2"), ("some", "2/2")] {
        let (tree, output) = (path(events), path(&format!("{events}.jsonl")));
        let args = ["prove", "--all", "--shard", shard, "--tree", &tree, "--messages", logs, "-o"];
        let made = run(args.into_iter().chain([output.as_str()]));
        assert_eq!(made.code, Some(0), "{}", made.stderr);
    }
    let merged = run(["merge", &path("all.jsonl"), &path("some.jsonl"), "-o", &path("merged")]);
    assert_ne!(merged.code, Some(0), "{}", merged.stderr);
}

#[test]
fn numbers_without_meaning_are_refused() {
    let mut all = events("gateway-v31");
    let is_root = |event: &MessageRootEvent| matches!(event.kind, EventKind::NewInteropRoot(_));
    let at = all.iter().position(is_root).unwrap();
    let EventKind::NewInteropRoot(Some(data)) = all[at].kind else { panic!() };
    all[at].kind = EventKind::NewInteropRoot(Some(NewInteropRootData { log_id: u64::MAX, ..data }));
    assert!(matches!(from_events(&all).unwrap().gaps[..], [EventGap::Blocks(..), ..]));

    let chains = (0..=MOST_CHAINS).map(|index| MessageRootEvent {
        block: SlBlock(1),
        log_index: index,
        kind: EventKind::AddedChain(ChainId(index + 1), index),
    });
    let root = EventKind::NewChainRoot(ChainId(1), Some(Hash::ZERO));
    let last = MessageRootEvent { block: SlBlock(2), log_index: 0, kind: root };
    let many: Vec<_> = chains.chain([last]).collect();
    assert!(matches!(from_events(&many), Err(EventsError::TooManyChains(_))));
}

/// Tree files of version 2 hold trees that were not made of a state alone.
const GOLDEN: [&str; 1] = ["golden/tree-2-events.sltree"];

fn make(dir: &Path) -> [PathBuf; 1] {
    let file = dir.join("events.sltree");
    let events = list(&events("gateway-v29"));
    rebuild_events_to_file(&events, None, &RebuildOptions::default(), &file).unwrap();
    [file]
}

#[test]
fn version_2_tree_files_are_read_and_written() {
    golden::are_written(make, &GOLDEN, module_path!());
    let file = TreeFile::open(&fixture(GOLDEN[0]), Access::Map).unwrap();
    file.check().unwrap();
    let expected = from_events(&events("gateway-v29")).unwrap();
    assert_eq!(file.forest().checked_by(), CheckedBy::EVENTS);
    assert_eq!(file.forest().root(), expected.forest.root());
    assert_eq!(file.forest().latest(), expected.forest.latest());
    assert_eq!(file.history().unwrap(), expected.history);
}

#[test]
#[ignore = "writes the golden file"]
fn regenerate() {
    golden::regenerate(make, &GOLDEN);
}

#[test]
fn events_of_another_settlement_layer_are_refused() {
    let path = |name: &str| fixture(name).display().to_string();
    let (state, events) =
        (path("gateway-v29/state.anvil.json"), path("gateway-v29-to-v31/events.jsonl.gz"));
    let both = run(["rebuild", &state, &events]);
    assert_eq!(both.code, Some(4), "{}", both.stderr);
    let alone = run(["rebuild", &events, "--sl-chain-id", "506"]);
    assert_eq!(alone.code, Some(3), "{}", alone.stderr);
    assert!(alone.stderr.contains("1506"), "{}", alone.stderr);
}
