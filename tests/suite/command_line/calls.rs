//! `prove --format calldata`: the call and the contract for each log, by the sender and the layout of its
//! message.

use crate::support::{
    binary::{Run, run},
    withdrawals::{ANYBODY, BASE_TOKEN, BRIDGEHUB, DIAMOND, MESSAGE_ROOT, NULLIFIER, Withdrawals},
};
use serde_json::Value;
use slproof::{
    keccak::keccak256,
    primitives::{Address, Word},
    state::slots::mapping_value,
};

/// For each log the call and its contract, or the code of the failure.
fn outcomes(lines: &[Value]) -> Vec<(u64, &str, &str)> {
    lines
        .iter()
        .map(|line| match line["error"]["code"].as_str() {
            Some(code) => (line["request"]["id"].as_u64().unwrap(), code, ""),
            None => {
                let call = line["call"].as_str().unwrap();
                (line["id"].as_u64().unwrap(), call, line["to"].as_str().unwrap())
            }
        })
        .collect()
}

#[test]
fn the_call_is_chosen_by_the_sender_of_the_message() {
    for layout in ["v29", "v31"] {
        let fixture = Withdrawals::new(layout);
        let verifier = if layout == "v29" { DIAMOND } else { MESSAGE_ROOT };
        let auto = ["--all", "--call", "auto", "--l1-nullifier", NULLIFIER];
        let (proven, lines) = fixture.prove_to_l1(&auto);
        assert_eq!(proven.code, Some(1), "{}", proven.stderr);
        let (claim, message) = ("finalizeDeposit", "proveL2MessageInclusionShared");
        assert_eq!(
            outcomes(&lines),
            [
                (0, claim, NULLIFIER),
                (1, claim, NULLIFIER),
                (2, claim, NULLIFIER),
                (3, "withdrawal-sender-unknown", ""),
                (4, message, verifier),
                (5, message, verifier),
                (6, message, verifier),
                (7, "proveL2LogInclusionShared", verifier),
            ],
            "{layout}"
        );
        assert!(proven.stderr.contains("1 withdrawal-sender-unknown"), "{}", proven.stderr);

        // The contract of the other calls is not known without the state of L1.
        let (proven, lines) = fixture.prove(&auto);
        assert_eq!(proven.code, Some(1), "{}", proven.stderr);
        let without = outcomes(&lines);
        assert_eq!(without[..4], outcomes(&fixture.prove_to_l1(&auto).1)[..4]);
        assert!(without[4..].iter().all(|(_, code, _)| *code == "no-address"), "{without:?}");

        // The proofs in the calldata lead to a root that L1 stores.
        let (_, lines) = fixture.prove_to_l1(&auto);
        let proofs = fixture.path("calls");
        let calls = lines.iter().filter(|line| line["data"].is_string());
        std::fs::write(&proofs, calls.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let anchor = fixture.path("l1.json");
        let verified = run(["verify", &proofs, "--anchor", &anchor, "--bridgehub", BRIDGEHUB]);
        assert!(verified.stderr.contains("7 valid, 0 invalid"), "{}", verified.stderr);
    }
}

/// The message of an old bridge is a withdrawal; the same bytes of another sender are not.
#[test]
fn l1_nullifier_says_which_bridge_the_chain_had() {
    let auto = ["--all", "--call", "auto", "--l1-nullifier", NULLIFIER];
    let (claim, message) = ("finalizeDeposit", "proveL2MessageInclusionShared");
    let old_bridges =
        [(ANYBODY, claim), (Address::new([0xcc; 20]), message), (Address::default(), message)];
    for (old_bridge, call) in old_bridges {
        let fixture = Withdrawals::with_old_bridge("v31", Some(old_bridge));
        let (run, lines) = fixture.prove_to_l1(&auto);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let calls: Vec<&str> = outcomes(&lines).iter().map(|(_, call, _)| *call).collect();
        assert_eq!(calls[..4], [claim, claim, claim, call], "{old_bridge}");
        assert_eq!(calls[4..7], [message; 3]);
    }
}

/// L1Nullifier of v33 has no `finalizeDeposit`. Its own storage shows it, and that of MessageRoot, as anchor or as the trees.
#[test]
fn since_v33_no_call_pays_out() {
    let block = Word::from(24_000_000);
    let timestamp = mapping_value(block, 9.into()).wrapping_add(1);
    let handler = [(NULLIFIER, Word::from(215), Word::from(1))];
    let roots = [(MESSAGE_ROOT, Word::from(14), block), (MESSAGE_ROOT, timestamp, Word::from(1))];
    let message = "proveL2MessageInclusionShared";
    for (slots, is_in_trees) in [(&handler[..], false), (&roots, true)] {
        let fixture = Withdrawals::with_old_bridge("v31", Some(ANYBODY));
        std::fs::rename(fixture.l1_with(slots), fixture.path("l1.json")).unwrap();
        let auto = ["--all", "--call", "auto", "--l1-nullifier", NULLIFIER];
        let (run, lines) = fixture.prove_to_l1(&auto);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        let calls: Vec<&str> = outcomes(&lines).iter().map(|(_, call, _)| *call).collect();
        assert_eq!(calls[..4], ["no-finalize-deposit"; 4]);
        assert_eq!(calls[4..7], [message; 3]);
        // No call is to L1Nullifier, so its address need not be known.
        if is_in_trees {
            let mut expected = outcomes(&lines);
            // Only its state says which bridge the chain had.
            expected[3].1 = "withdrawal-sender-unknown";
            let (run, without) = fixture.prove_to_l1(&auto[..3]);
            assert_eq!(run.code, Some(1), "{}", run.stderr);
            assert_eq!(outcomes(&without), expected);
        }
        let only = ["--all", "--call", "finalize-deposit", "--l1-nullifier", NULLIFIER, "--json"];
        let (run, lines) = fixture.prove_to_l1(&only);
        assert_eq!((run.code, lines.len()), (Some(2), 0), "{}", run.stderr);
        assert!(run.stderr.contains("\"no-finalize-deposit\""), "{}", run.stderr);
        // Without the state of L1, its trees show it or nothing does.
        let code = if is_in_trees { 2 } else { 1 };
        assert_eq!(fixture.prove(&only).0.code, Some(code));
    }
}

#[test]
fn logs_that_are_not_of_withdrawals_are_skipped_and_counted() {
    let fixture = Withdrawals::new("v29");
    let claims = ["--call", "finalize-deposit", "--l1-nullifier", NULLIFIER, "--json"];
    let prove = |which: &[&str]| fixture.prove(&[which, &claims[..]].concat());
    let count = |run: &Run| {
        let summary: Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
        ["proofs", "skipped", "failedLogs"].map(|name| summary[name].as_u64().unwrap())
    };
    let (run, lines) = prove(&["--all"]);
    assert_eq!((run.code, count(&run)), (Some(1), [3, 4, 1]), "{}", run.stderr);
    assert_eq!(lines.len(), 4);
    // Nothing fails where every withdrawal is of a known sender.
    let (run, lines) = prove(&["--all", "--sender", &BASE_TOKEN.to_string()]);
    assert_eq!((run.code, count(&run)), (Some(0), [1, 1, 0]), "{}", run.stderr);
    assert_eq!(outcomes(&lines), [(0, "finalizeDeposit", NULLIFIER)]);

    // A transaction may emit other logs too. A line that asks for all of its logs is the same.
    let of_tx = keccak256(&[1]).to_string();
    let (run, _) = prove(&["--tx", &of_tx]);
    assert_eq!((run.code, count(&run)), (Some(1), [3, 3, 1]), "{}", run.stderr);
    let requests = fixture.path("requests");
    std::fs::write(&requests, format!("{{\"txHash\":\"{of_tx}\"}}")).unwrap();
    assert_eq!(count(&prove(&["--requests", &requests]).0), [3, 3, 1]);
    std::fs::write(&requests, "{\"chainId\":506,\"batchNumber\":3000}").unwrap();
    assert_eq!(count(&prove(&["--requests", &requests]).0), [3, 4, 1]);

    // Nothing is left.
    let (run, _) = prove(&["--tx", &keccak256(&[0]).to_string()]);
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    assert!(run.stderr.contains("not of a withdrawal"), "{}", run.stderr);

    // A log that is asked for by itself fails.
    let hello = keccak256(b"hello").to_string();
    std::fs::write(&requests, "{\"chainId\":506,\"batchNumber\":3000,\"id\":7}").unwrap();
    for which in [
        &["--chain", "506", "--batch", "3000", "--index", "5"][..],
        &["--message", &hello],
        &["--tx", &of_tx, "--log", "3", "--chain", "506"],
        &["--requests", &requests],
    ] {
        let (run, lines) = prove(which);
        let expected =
            if which.contains(&"--log") { "withdrawal-sender-unknown" } else { "not-a-withdrawal" };
        assert_eq!(run.code, Some(1), "{which:?}: {}", run.stderr);
        assert!(lines.iter().all(|line| line["error"]["code"] == expected), "{which:?}: {lines:?}");
    }
}

#[test]
fn logs_are_selected_by_their_kind() {
    let fixture = Withdrawals::new("v31");
    let kinds = |kind: &str, more: &[&str]| {
        let (run, lines) =
            fixture.prove_to_l1(&[&["--all", "--kind", kind, "--call", "leaf"], more].concat());
        (run.code, outcomes(&lines).iter().map(|(id, ..)| *id).collect::<Vec<_>>())
    };
    assert_eq!(kinds("message", &[]), (Some(0), (0..7).collect()));
    assert_eq!(kinds("status", &[]), (Some(0), vec![7]));
    assert_eq!(kinds("other", &[]), (Some(5), vec![]));
    let sender = BASE_TOKEN.to_string();
    assert_eq!(kinds("message", &["--sender", &sender]), (Some(0), vec![0, 6]));
    assert_eq!(kinds("status", &["--sender", &sender]), (Some(5), vec![]));
}

#[test]
fn calls_to_several_contracts_need_their_addresses() {
    let fixture = Withdrawals::new("v29");
    let usage = |args: &[&str], says: &str| {
        let (run, lines) = fixture.prove_to_l1(args);
        assert_eq!((run.code, lines.len()), (Some(2), 0), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{args:?}: {}", run.stderr);
    };
    usage(&["--all", "--call", "auto"], "--l1-nullifier");
    usage(&["--all", "--call", "auto", "--to", NULLIFIER], "--l1-nullifier");
    usage(&["--all", "--call", "finalize-deposit"], "--l1-nullifier");
    // The state of L1 names the contract of the other calls; --to overrides it.
    let to = |args: &[&str]| {
        let (run, lines) = fixture.prove_to_l1(&[&["--all", "--call", "log"], args].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        lines[0]["to"].as_str().unwrap().to_owned()
    };
    assert_eq!(to(&[]), DIAMOND);
    assert_eq!(to(&["--to", NULLIFIER]), NULLIFIER);
}
