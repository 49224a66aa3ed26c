//! Events that begin late, end early or lack some, beside trees that are known from elsewhere. They say what past roots
//! contain, and take nothing away from what is known without them.

use std::fs;

use serde_json::{Value, json};
use slproof::{
    contracts::{EventKind, Layout, MessageRootEvent},
    files::Access,
    forest::{
        History, ListedRoots, RebuildOptions, SearchBudget, Timeline, TreeFile, explain,
        explain_further, rebuild_to_file,
    },
};

use super::{
    contradictions::{Known, VECTORS, compared, list, refused, text},
    events::other,
    history::{check, replay_with},
};
use crate::support::{
    self,
    binary::run,
    l1_files,
    layer::{Storage, dump_of},
};

/// A search that finds nothing.
const NONE: SearchBudget = SearchBudget { step: 0, walk: 0 };

/// What is known from the state and some of the events, without a search.
fn explained(known: &Known, events: &[MessageRootEvent]) -> Timeline {
    explain(&known.dump.state, known.addresses, &known.forest, &list(events), NONE).unwrap()
}

fn unexplained(history: &History) -> Vec<usize> {
    history.unexplained().collect()
}

/// Late events explain the roots in them: before their first block, the trees had what they have in the end without
/// what the events append.
#[test]
fn late_events_explain_the_roots_in_them() {
    for vectors in ["gateway-v29", "gateway-v31"] {
        let known = Known::of(vectors);
        for count in [60, 153, 250] {
            let late = &known.events[known.events.len() - count..];
            let found = explained(&known, late);
            let history = found.history();
            let first = history.blocks.partition_point(|block| *block <= late[0].block);
            let missing = unexplained(history);
            assert!(missing.iter().all(|root| *root < first), "{vectors} {count}: {missing:?}");
            assert!(history.len() > first);
        }
    }
}

/// What a tree file knows is kept beside events that show less, and what both know adds up.
#[test]
fn events_add_to_what_is_known() {
    for vectors in ["gateway-v29", "gateway-v31"] {
        let known = Known::of(vectors);
        let all = explained(&known, &known.events);
        check(vectors, &known.forest, &all);
        let all = all.into_history();
        let half = known.events.len() / 2;
        let (early, late) = known.events.split_at(half);
        for part in [early, late, &late[50..]] {
            let events = list(part);
            let found = explain_further(&known.forest, all.clone(), &events, NONE).unwrap();
            assert_eq!(*found.history(), all, "{vectors}");
        }
        let first = explained(&known, early).into_history();
        let second = explained(&known, late).into_history();
        let joined = explain_further(&known.forest, first.clone(), &list(late), NONE).unwrap();
        let missing = unexplained(joined.history());
        let neither = unexplained(&first).into_iter();
        let neither: Vec<usize> =
            neither.filter(|root| unexplained(&second).contains(root)).collect();
        assert_eq!(missing, neither, "{vectors}");
        // At most the root of the block in which one part ends and the other begins.
        assert!(missing.len() <= 1 && unexplained(&second).len() > 5, "{missing:?}");
    }
}

/// How many roots a command explains.
fn history(args: &[&str], code: i32) -> usize {
    let run = run([&["history", "--json", "--search", "0"], args].concat());
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    let roots = value["roots"].as_array().unwrap();
    roots.iter().filter(|root| root.as_object().unwrap().len() > 2).count()
}

/// Where the trees are those of L1, because they go on after the others or because events alone give none, the events
/// still count.
#[test]
fn events_beside_whole_files_of_l1() {
    let dir = tempfile::tempdir().unwrap();
    let archive = l1_files::whole(dir.path());
    let archive = text(&archive);
    let lines = support::json_lines("gateway-v29/events.jsonl.gz");
    let part = |name: &str, lines: &[Value]| {
        l1_files::write_lines(dir.path(), name, lines);
        text(&dir.path().join(name)).to_owned()
    };
    // The trees of L1 go on after those of a state.
    let mut then = Storage::new();
    replay_with("gateway-v29", Layout::V29, |layer, at| {
        if at <= 192 {
            then = layer.storage();
        }
    });
    let old = dir.path().join("old.json");
    fs::write(&old, dump_of(&then, Some(192)).to_string()).unwrap();
    let early = part("early.jsonl", &lines[..200]);
    let without = history(&[text(&old), archive], 1);
    let with = history(&[text(&old), archive, "--events", &early], 1);
    assert!(with > without, "{with} {without}");

    // Events that begin late, or lack some, are compared with the trees of L1.
    let gap = [&lines[..101], &lines[131..]].concat();
    for events in [part("late.jsonl", &lines[lines.len() - 153..]), part("gap.jsonl", &gap)] {
        assert_eq!(run(["rebuild", &events]).code.map(|code| code > 2), Some(true));
        let both = run(["rebuild", "--json", &events, archive]);
        assert_eq!(both.code, Some(0), "{}", both.stderr);
        let found: Value = serde_json::from_str(&both.stdout).unwrap();
        assert_eq!(
            (&found["checkedBy"], &found["interopRoot"]["block"]),
            (&json!("l1"), &json!(242))
        );
        let said = run(["rebuild", &events, archive]).stderr;
        assert!(said.contains("the trees are those from L1"), "{said}");
        assert!(history(&[archive, "--events", &events], 1) > history(&[archive], 1));
    }
    let mut wrong = lines[lines.len() - 153..].to_vec();
    let append = wrong.iter_mut().find(|line| line["event"] == "AppendedChainBatchRoot").unwrap();
    append["chainBatchRoot"] = json!(format!("0x{}", "ab".repeat(32)));
    let place = format!("block {}, log", append["blockNumber"]);
    let wrong = part("wrong.jsonl", &wrong);
    let tree = dir.path().join("wrong.sltree");
    let words = [&place, "wrong.jsonl", archive, "contradict each other"];
    refused(&run(["rebuild", &wrong, archive]), &words);
    refused(&run(["rebuild", &wrong, archive, "-o", text(&tree)]), &words);
    assert!(!tree.exists());

    // A wrong root within the first block.
    let first = lines.iter().position(|line| line["blockNumber"] == 193).unwrap();
    let mut wrong = lines[first..].to_vec();
    let root = wrong.iter_mut().find(|line| line["event"] == "NewInteropRoot").unwrap();
    root["sides"] = json!([format!("0x{}", "ab".repeat(32))]);
    refused(&run(["rebuild", &part("root.jsonl", &wrong), archive]), &["block 193", "abab"]);

    // A root of events that end within a block is not to be compared with anything where L1 has another one.
    let end = lines
        .iter()
        .position(|line| line["blockNumber"] == 193 && line["event"] == "NewInteropRoot");
    let cut = part("cut.jsonl", &lines[..=end.unwrap()]);
    let both = run(["rebuild", &cut, archive]);
    assert_eq!(both.code, Some(0), "{}", both.stderr);
    assert!(!both.stderr.contains("compare the root"), "{}", both.stderr);
    assert!(both.stderr.contains("the trees from L1 go on"), "{}", both.stderr);
    assert!(run(["rebuild", &cut]).stderr.contains("compare the root of block 193"));
}

/// The first events of blocks, without the very first event.
fn starts(events: &[MessageRootEvent]) -> impl Iterator<Item = usize> {
    (1..events.len()).filter(|at| events[*at].block != events[*at - 1].block)
}

/// A wrong root in the first block of late events contradicts the evidence beside them: its newest root before the block
/// shows what the trees contained then.
#[test]
fn a_wrong_root_in_the_first_block_of_late_events_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    for vectors in VECTORS {
        let known = Known::of(vectors);
        let file = dir.path().join("state.sltree");
        rebuild_to_file(&known.dump.state, &RebuildOptions::default(), None, &file).unwrap();
        let file = TreeFile::open(&file, Access::Map).unwrap();
        let history = file.history().unwrap();
        let listed = ListedRoots::of(&history, file.forest(), file.block());
        let mut noticed = 0;
        for start in starts(&known.events).step_by(7) {
            let late = &known.events[start..];
            // Before v31 a registration stores no root, so nothing shows whether it comes before the block.
            let follows_registration =
                matches!(known.events[start - 1].kind, EventKind::AddedChain(..));
            for at in 0..late.iter().take_while(|event| event.block == late[0].block).count() {
                if !matches!(late[at].kind, EventKind::NewInteropRoot(_)) {
                    continue;
                }
                let wrong = MessageRootEvent { kind: other(late[at].kind)[0], ..late[at] };
                let mut altered = late.to_vec();
                altered[at] = wrong;
                let mut invented = late.to_vec();
                invented.insert(at, wrong);
                for later in &mut invented[at + 1..] {
                    later.log_index += u64::from(later.block == wrong.block);
                }
                for events in [altered, invented] {
                    let of_state = known.compare(&events).is_err_and(|error| error.is_mismatch());
                    assert!(of_state || follows_registration, "{vectors} {start} {at}");
                    let of_file = compared(file.forest(), &events, &listed);
                    assert_eq!(of_file.is_err(), of_state, "{vectors} {start} {at}");
                    noticed += usize::from(of_state);
                }
            }
        }
        assert!(noticed > 12, "{vectors}: {noticed}");
    }
}

/// Late events whose first blocks lack some, or end early, do not contradict the evidence.
#[test]
fn late_events_may_lack_some_of_their_first_blocks() {
    for vectors in VECTORS {
        let known = Known::of(vectors);
        for start in (0..known.events.len()).step_by(82) {
            let late = &known.events[start..];
            let last = late[0].block.0 + 1;
            for at in 0..late.iter().take_while(|event| event.block.0 <= last).count() {
                let of_block = |event: &&MessageRootEvent| event.block == late[at].block;
                let rest = late[at..].iter().take_while(of_block).count();
                // What is lost begins with an append: the chain root after it is not paired with another one.
                if !matches!(late[at].kind, EventKind::AppendedBatch(..)) {
                    continue;
                }
                for lost in [1, 3, rest] {
                    let mut events = late.to_vec();
                    events.drain(at..late.len().min(at + lost));
                    let error = known.compare(&events).err().map(|error| error.to_string());
                    assert_eq!(error, None, "{vectors} {start} {at} {lost}");
                }
            }
        }
    }
}

/// A tree file has the trees of L1 where the events give none alone. They are compared with the events, which say what the
/// roots contain.
#[test]
fn a_tree_file_of_l1_beside_incomplete_events() {
    let dir = tempfile::tempdir().unwrap();
    let archive = l1_files::whole(dir.path());
    let archive = text(&archive);
    let lines = support::json_lines("gateway-v29/events.jsonl.gz");
    let [alone, both] = ["alone.sltree", "both.sltree"].map(|name| dir.path().join(name));
    let (alone, both) = (text(&alone), text(&both));
    assert_eq!(run(["rebuild", archive, "-o", alone]).code, Some(0));
    l1_files::write_lines(dir.path(), "late.jsonl", &lines[lines.len() - 153..]);
    l1_files::write_lines(dir.path(), "gap.jsonl", &[&lines[..101], &lines[131..]].concat());
    for name in ["late.jsonl", "gap.jsonl"] {
        let events = dir.path().join(name);
        let made = run(["rebuild", "--json", text(&events), archive, "-o", both]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let found: Value = serde_json::from_str(&made.stdout).unwrap();
        let expected = run(["rebuild", "--json", alone]);
        let expected: Value = serde_json::from_str(&expected.stdout).unwrap();
        for member in ["checkedBy", "chains", "sharedTree", "interopRoot", "missingEvents"] {
            assert_eq!(found[member], expected[member], "{name}");
        }
        assert!(history(&[both], 1) > history(&[alone], 1), "{name}");
    }
}

/// Late events that go on after the trees of L1 cannot be joined to them, and take nothing away from them.
#[test]
fn late_events_that_go_on_after_l1_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let commits = l1_files::commits().into_iter();
    let commits: Vec<Value> =
        commits.filter(|commit| l1_files::committed(commit).is_none_or(|of| of <= 2022)).collect();
    let archive = dir.path().join("l1");
    fs::create_dir(&archive).unwrap();
    l1_files::write(&archive, &commits);
    let last = l1_files::sl_batches();
    let last = last.iter().find(|batch| batch["slBatch"] == 2022).unwrap()["lastBlock"].as_u64();
    let lines = support::json_lines("gateway-v29/events.jsonl.gz");
    let after = lines.iter().find(|line| line["blockNumber"].as_u64() > last).unwrap();
    let place = format!("block {}, log {}", after["blockNumber"], after["logIndex"]);
    let late = &lines[lines.len() - 153..];
    assert!(late[0]["blockNumber"].as_u64() < last);
    l1_files::write_lines(dir.path(), "late.jsonl", late);
    let [events, tree] = ["late.jsonl", "t.sltree"].map(|name| dir.path().join(name));
    let alone = run(["rebuild", "--json", text(&archive)]);
    let alone: Value = serde_json::from_str(&alone.stdout).unwrap();
    for output in [&[][..], &["-o", text(&tree)]] {
        let both = [&["rebuild", "--json", text(&events), text(&archive)], output].concat();
        let both = run(both);
        assert_eq!(both.code, Some(0), "{}", both.stderr);
        let found: Value = serde_json::from_str(&both.stdout).unwrap();
        for member in ["checkedBy", "chains", "sharedTree", "interopRoot"] {
            assert_eq!(found[member], alone[member], "{output:?}");
        }
        let missing = found["missingEvents"].as_array().unwrap();
        assert!(missing[0].as_str().unwrap().starts_with(&place), "{missing:?}");
    }
    let said = run(["rebuild", text(&events), text(&archive)]).stderr;
    assert!(said.contains(&format!("{place}: this event and those after it are newer")), "{said}");
    assert!(
        history(&[text(&archive), "--events", text(&events)], 1) > history(&[text(&archive)], 1)
    );
}
