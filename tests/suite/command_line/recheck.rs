//! `recheck`: what L1 says today about proofs that were made before.

use crate::support::{
    binary::{Run, run, run_with_input},
    fixture, json, json_lines,
    json_schema::faults,
    withdrawals::{
        ANYBODY, BATCH, BRIDGEHUB, CHAIN, DIAMOND, MESSAGE_ROOT, NULLIFIER, Withdrawals,
    },
};
use serde_json::{Value, json};
use slproof::{
    primitives::{ChainId, Hash, Word},
    state::slots::mapping_value,
};

/// `isWithdrawalFinalized` of a log of the batch.
fn paid_out(index: u64) -> (&'static str, Word, Word) {
    let of_chain = mapping_value(CHAIN.to_word(), 208.into());
    let of_batch = mapping_value(BATCH.to_word(), of_chain);
    (NULLIFIER, mapping_value(index.into(), of_batch), 1.into())
}

/// Judges these lines; the report, each line of which fits its schema.
fn recheck(lines: &[Value], l1: &str) -> (Run, Vec<Value>) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let args = ["recheck", "-", "--anchor", l1, "--bridgehub", BRIDGEHUB];
    let args = [&args[..], &["--l1-nullifier", NULLIFIER, "--report", "-", "--json"]].concat();
    let run = run_with_input(args, text.as_bytes());
    let report: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    report.iter().for_each(|line| fits("recheck", line));
    report.iter().filter_map(|line| line.get("claim")).for_each(|claim| fits("claim", claim));
    if !report.is_empty() {
        fits("recheck-summary", &serde_json::from_str(&run.stderr).unwrap());
    }
    (run, report)
}

fn fits(name: &str, document: &Value) {
    let schema = serde_json::from_str(&run(["schema", name]).stdout).unwrap();
    assert_eq!(faults(&schema, &schema, document), Vec::<String>::new(), "{name}");
}

/// The status of each line, and the error of the contract or the code.
fn statuses(report: &[Value]) -> Vec<(&str, &str)> {
    report
        .iter()
        .map(|line| {
            let reason = &line["reason"];
            let error = reason["error"]["selector"].as_str().or(reason["code"].as_str());
            (line["status"].as_str().unwrap(), error.unwrap_or_default())
        })
        .collect()
}

/// The proofs of all logs of the batch, as records.
fn proofs(withdrawals: &Withdrawals) -> Vec<Value> {
    let (run, lines) = withdrawals.prove(&["--all", "--format", "ndjson"]);
    assert_eq!((run.code, lines.len()), (Some(0), 8), "{}", run.stderr);
    lines
}

#[test]
fn withdrawals_are_accepted_until_they_are_paid_out() {
    for layout in ["v29", "v31"] {
        let withdrawals = Withdrawals::with_old_bridge(layout, Some(ANYBODY));
        let lines = proofs(&withdrawals);
        let (accepted, paid) = (("accepted", ""), ("finalized", ""));
        // Anybody sent the layout of a base token's withdrawal. v29 stops at the proof, v31 before it.
        let wrong = ("refused", if layout == "v29" { "0x09bde339" } else { "0x636c90db" });
        let others = [wrong, accepted, accepted, accepted];
        let (run, report) = recheck(&lines, &withdrawals.path("l1.json"));
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert_eq!(statuses(&report), [&[accepted; 4][..], &others].concat(), "{layout}");
        // The call of today pays out.
        assert_eq!(report[0]["claim"]["call"]["function"], "finalizeDeposit");
        assert_eq!(report[0]["claim"]["call"]["to"], NULLIFIER);
        assert_eq!(report[0]["claim"]["target"], lines[0]["target"]);

        let today = withdrawals.l1_with(&[paid_out(0), paid_out(3), paid_out(4), paid_out(5)]);
        let (run, report) = recheck(&lines, &today);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        // The flag of another message says nothing: nobody can set it.
        let expected = [paid, accepted, accepted, paid, paid, accepted, accepted, accepted];
        assert_eq!(statuses(&report), expected, "{layout}");
        assert!(report[0]["claim"]["call"].is_null());

        // The flag does not depend on the bytes of the message.
        let mut without_bytes = lines[..2].to_vec();
        for line in &mut without_bytes {
            line.as_object_mut().unwrap().remove("message");
        }
        let (run, report) = recheck(&without_bytes, &today);
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        assert_eq!(statuses(&report), [paid, ("unknown", "call-needs-message-bytes")]);
    }
}

#[test]
fn a_paused_or_missing_contract_is_said() {
    let withdrawals = Withdrawals::with_old_bridge("v29", Some(ANYBODY));
    let lines = &proofs(&withdrawals)[..1];
    let paused = withdrawals.l1_with(&[(NULLIFIER, 151.into(), 1.into())]);
    assert_eq!(statuses(&recheck(lines, &paused).1), [("refused", "0x08c379a0")]);
    let without = Withdrawals::new("v29");
    let (run, report) = recheck(lines, &without.path("l1.json"));
    assert_eq!(run.code, Some(3));
    assert_eq!(statuses(&report), [("unknown", "anchor-lacks-l1-nullifier")]);
}

/// An upgrade to v31: MessageRoot decides, and looks into the diamond only for batches from before it.
#[test]
fn an_upgrade_changes_where_l1_looks() {
    let before = Withdrawals::with_old_bridge("v29", Some(ANYBODY));
    let lines = &proofs(&before)[..1];
    let after = Withdrawals::with_old_bridge("v31", Some(ANYBODY));
    let root: Hash = lines[0]["root"].as_str().unwrap().parse().unwrap();
    let of_chain = mapping_value(CHAIN.to_word(), 12.into());
    let slots = |upgraded_at: u64| {
        [
            (MESSAGE_ROOT, mapping_value(BATCH.to_word(), of_chain), Word::from(0)),
            (MESSAGE_ROOT, mapping_value(CHAIN.to_word(), 50.into()), upgraded_at.into()),
            (DIAMOND, mapping_value(BATCH.to_word(), 15.into()), root.into()),
        ]
    };
    let at = |number: u64| recheck(lines, &after.l1_with(&slots(number))).1;
    assert_eq!(statuses(&at(BATCH.0 + 1)), [("accepted", "")]);
    let refused = at(BATCH.0);
    assert_eq!(statuses(&refused), [("refused", "0x09bde339")]);
    assert_eq!(refused[0]["reason"]["code"], "batch-not-in-message-root");
}

/// L1 of v31 accepts proofs through the settlement layer's batches of an interval only.
#[test]
fn an_interval_that_was_closed_refuses_older_proofs() {
    let folder = tempfile::tempdir().unwrap();
    let l1 = folder.path().join("l1.json").to_str().unwrap().to_owned();
    let mut state = json("gateway-v31/l1.state.anvil.json");
    let archive = json_lines("gateway-v31/logs.jsonl.gz");
    let is_own = |line: &&Value| line["target"]["kind"] == "own";
    let accepted = json_lines("gateway-v31/proofs_l1.jsonl.gz");
    let line = accepted.iter().find(is_own).unwrap();
    let of_batch = |other: &&Value| {
        ["chainId", "batchNumber"].iter().all(|field| other[*field] == line[*field])
    };
    let logs = &archive.iter().find(of_batch).unwrap()["logs"];
    let record = json!({
        "chainId": line["chainId"],
        "batchNumber": line["batchNumber"],
        "id": line["logIndex"],
        "proof": line["proof"],
        "log": logs[line["logIndex"].as_u64().unwrap() as usize],
    });
    std::fs::write(&l1, state.to_string()).unwrap();
    let before = recheck(std::slice::from_ref(&record), &l1).1;
    assert_eq!(statuses(&before), [("accepted", "")]);

    let chain = ChainId(line["chainId"].as_u64().unwrap());
    let storage = &mut state["accounts"]["0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2"]["storage"];
    let migrations = mapping_value(chain.to_word(), 207.into()).to_string();
    let migrations = storage[migrations].as_str().map_or(Hash::ZERO, |text| text.parse().unwrap());
    let first = line["target"]["slBatch"].as_u64().unwrap() + 1;
    for index in 0..=Word::from(migrations).to_u64().unwrap() {
        let interval = mapping_value(chain.to_word(), 252.into());
        let interval = mapping_value(index.into(), interval);
        for (field, value) in [(1, u64::MAX), (2, first), (3, first + 9), (5, 0)] {
            let slot = interval.wrapping_add(field).to_string();
            storage[slot] = json!(Word::from(value).to_string());
        }
    }
    std::fs::write(&l1, state.to_string()).unwrap();
    let (run, after) = recheck(&[record], &l1);
    assert_eq!(run.code, Some(1));
    assert_eq!(statuses(&after), [("refused", "0x896555dc")]);
    let message = after[0]["reason"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("accepts batches {first} to {}", first + 9)), "{message}");
}

#[test]
fn damaged_proofs_are_invalid_and_other_roots_unknown() {
    let withdrawals = Withdrawals::with_old_bridge("v29", Some(ANYBODY));
    let lines = proofs(&withdrawals);
    let mut altered = lines[0].clone();
    altered["proof"][1] = json!(format!("0x{}", "12".repeat(32)));
    altered.as_object_mut().unwrap().remove("root");
    let l1 = withdrawals.path("l1.json");
    let (run, report) = recheck(&[altered, json!({"chainId": 1, "proof": "none"})], &l1);
    assert_eq!(run.code, Some(1));
    assert_eq!(statuses(&report), [("invalid", "root-mismatch"), ("invalid", "malformed-record")]);
    let not_yet = withdrawals.l1_with(&[
        (DIAMOND, 11.into(), Word::from(0)),
        (DIAMOND, mapping_value(BATCH.to_word(), 15.into()), Word::from(0)),
    ]);
    let (run, report) = recheck(&lines[..1], &not_yet);
    assert_eq!(run.code, Some(3));
    assert_eq!(statuses(&report), [("unknown", "unknown-root")]);
}

#[test]
fn only_l1_can_say_what_was_paid_out() {
    let proofs = fixture("gateway-v31/record.json");
    let state = fixture("gateway-v31/state.anvil.json");
    let args = ["recheck", proofs.to_str().unwrap(), "--anchor", state.to_str().unwrap()];
    let without = run(args);
    assert_eq!(without.code, Some(2));
    assert!(without.stderr.contains("--l1-nullifier"), "{}", without.stderr);
    // The state of a settlement layer does not hold the network's Bridgehub on L1.
    let of_sl = run([&args[..], &["--network", "mainnet"]].concat());
    assert_eq!(of_sl.code, Some(3));
    assert!(of_sl.stderr.contains("Bridgehub of L1"), "{}", of_sl.stderr);
}
