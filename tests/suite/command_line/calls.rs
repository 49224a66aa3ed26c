//! `prove --format calldata`: the call and the contract for each log, by the sender and the layout of its
//! message.

use crate::support::{
    binary::{Run, run},
    json, naive,
};
use serde_json::{Value, json};
use slproof::{
    keccak::keccak256,
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash, Word, hex},
    state::slots::mapping_value,
};

const BRIDGEHUB: &str = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";
const MESSAGE_ROOT: &str = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
/// The diamond of chain 506 in the states of L1.
const DIAMOND: &str = "0xb09a7ca208ba80c00022a67536c40f31f3cb557d";
const NULLIFIER: &str = "0x7777777777777777777777777777777777777777";
const CHAIN: ChainId = ChainId(506);
/// A batch that the states of L1 do not have.
const BATCH: BatchNumber = BatchNumber(3000);
const BASE_TOKEN: Address = Address::system(0x800a);
const ASSET_ROUTER: Address = Address::system(0x1_0003);
const ANYBODY: Address = Address::new([0xbb; 20]);

/// The messages of withdrawals, with the selectors of the contracts.
fn base_token() -> Vec<u8> {
    [&[0x6c, 0x09, 0x60, 0xf9][..], &[0x11; 20], Word::from(5).as_bytes()].concat()
}

fn legacy_token() -> Vec<u8> {
    [&[0x11, 0xa2, 0xcc, 0xc1][..], &[0x11; 20], &[0x22; 20], Word::from(5).as_bytes()].concat()
}

fn asset() -> Vec<u8> {
    [&[0x9c, 0x88, 0x4f, 0xd1][..], CHAIN.to_word().as_bytes(), &[0x33; 32]].concat()
}

/// The logs of the batch: the sender and the message, if the log is of one.
fn logs() -> Vec<(Address, Option<Vec<u8>>)> {
    vec![
        (BASE_TOKEN, Some(base_token())),
        (ASSET_ROUTER, Some(asset())),
        (ASSET_ROUTER, Some(legacy_token())),
        // Anybody can send these bytes. Whether it is the old bridge of the chain is not known.
        (ANYBODY, Some(legacy_token())),
        (ANYBODY, Some(base_token())),
        (ANYBODY, Some(b"hello".to_vec())),
        (BASE_TOKEN, Some(b"hello".to_vec())),
        (Address::system(0x8001), None),
    ]
}

/// An archive with one batch, and states of L1 on which it was executed.
struct Fixture {
    folder: tempfile::TempDir,
    layout: &'static str,
}

impl Fixture {
    fn new(layout: &'static str) -> Self {
        Self::with_old_bridge(layout, None)
    }

    /// The same with the storage of L1Nullifier, which has this bridge for the chain.
    fn with_old_bridge(layout: &'static str, old_bridge: Option<Address>) -> Self {
        let transaction = |at: usize| keccak256(&[u8::from(at != 5)]);
        let logs: Vec<(L2ToL1Log, Option<Vec<u8>>)> = (0..)
            .zip(logs())
            .map(|(tx, (sender, message))| match message {
                Some(message) => (L2ToL1Log::of_message(tx, sender, &message), Some(message)),
                None => {
                    let mut log = [0; 88];
                    log[1] = 1;
                    log[4..24].copy_from_slice(sender.as_bytes());
                    log[24..].fill(9);
                    (L2ToL1Log::new(log), None)
                }
            })
            .collect();
        let list = logs.iter().map(|(log, _)| *log).collect();
        let messages: Vec<Vec<u8>> = logs.iter().filter_map(|(_, bytes)| bytes.clone()).collect();
        let of_batch = MessageList::default();
        let batch = BatchLogs::new(CHAIN, BATCH, list, of_batch, Some(Hash::ZERO)).unwrap();
        let root = naive::node(batch.view().tree().root(), Hash::ZERO);
        let line = json!({
            "chainId": CHAIN.0,
            "batchNumber": BATCH.0,
            "logs": logs.iter().map(|(log, _)| log.to_string()).collect::<Vec<_>>(),
            "messages": messages.iter().map(|bytes| hex::encode(bytes)).collect::<Vec<_>>(),
            "transactions": (0..logs.len()).map(|at| transaction(at).to_string()).collect::<Vec<_>>(),
            "aggregatedRoot": Hash::ZERO.to_string(),
        });

        let mut l1 = json(&format!("gateway-{layout}/l1.state.anvil.json"));
        let mut set = |contract: &str, slot: Word, value: Word| {
            l1["accounts"][contract]["storage"][slot.to_string()] = json!(value.to_string());
        };
        // `totalBatchesExecuted` and `l2LogsRootHashes`; since v31 `chainBatchRoots` of MessageRoot.
        match layout {
            "v29" => {
                set(DIAMOND, 11.into(), BATCH.to_word());
                set(DIAMOND, mapping_value(BATCH.to_word(), 15.into()), root.into());
            }
            _ => {
                let of_chain = mapping_value(CHAIN.to_word(), 12.into());
                set(MESSAGE_ROOT, mapping_value(BATCH.to_word(), of_chain), root.into());
            }
        }
        // `l1AssetRouter`, and `__DEPRECATED_l2BridgeAddress`.
        if let Some(old_bridge) = old_bridge {
            set(NULLIFIER, 213.into(), Word::from(1));
            set(NULLIFIER, mapping_value(CHAIN.to_word(), 206.into()), old_bridge.to_word());
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("logs.jsonl"), line.to_string()).unwrap();
        std::fs::write(folder.path().join("l1.json"), l1.to_string()).unwrap();
        Self { folder, layout }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs `prove` against the roots of batches on L1, without the state of L1 as anchor.
    fn prove(&self, args: &[&str]) -> (Run, Vec<Value>) {
        let (l1, logs, output) = (self.path("l1.json"), self.path("logs.jsonl"), self.path("out"));
        let mut all = vec!["prove", "--tree", &l1, "--bridgehub", BRIDGEHUB, "--messages", &logs];
        all.extend(["--target", "batch-root", "--format", "calldata", "-o", &output]);
        all.extend(args);
        let run = run(all);
        let text = std::fs::read_to_string(&output).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let _ = std::fs::remove_file(output);
        (run, lines)
    }

    /// The same with the state of L1 as anchor.
    fn prove_to_l1(&self, args: &[&str]) -> (Run, Vec<Value>) {
        let l1 = self.path("l1.json");
        let anchor = ["--anchor", &l1, "--anchor-bridgehub", BRIDGEHUB];
        self.prove(&[args, &anchor[..]].concat())
    }
}

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
        let fixture = Fixture::new(layout);
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
            "{}",
            fixture.layout
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
        let fixture = Fixture::with_old_bridge("v31", Some(old_bridge));
        let (run, lines) = fixture.prove_to_l1(&auto);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let calls: Vec<&str> = outcomes(&lines).iter().map(|(_, call, _)| *call).collect();
        assert_eq!(calls[..4], [claim, claim, claim, call], "{old_bridge}");
        assert_eq!(calls[4..7], [message; 3]);
    }
}

#[test]
fn logs_that_are_not_of_withdrawals_are_skipped_and_counted() {
    let fixture = Fixture::new("v29");
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
    let fixture = Fixture::new("v31");
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
    let fixture = Fixture::new("v29");
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
