use std::{collections::BTreeMap, path::PathBuf};

use alloy_sol_types::{SolCall, sol};
use serde_json::{Value, json};
use slproof::primitives::{Address, Word};

use crate::support::{
    binary::{Run, run},
    fixture, json_lines,
    l1::{BRIDGEHUB, L1State, NULLIFIER, bridgehub, nullifier, slot},
    vectors::{hex, unhex},
};

pub const FOLDER: &str = "gateway-v29-to-v31";
const GATEWAY: u64 = 1506;
const MESSAGE_ROOT: Address = Address::new([0xa1; 20]);
const CHAIN_ASSET_HANDLER: Address = Address::new([0xa2; 20]);

sol! {
    struct FinalizeL1DepositParams {
        uint256 chainId;
        uint256 l2BatchNumber;
        uint256 l2MessageIndex;
        address l2Sender;
        uint16 l2TxNumberInBatch;
        bytes message;
        bytes32[] merkleProof;
    }

    function finalizeDeposit(FinalizeL1DepositParams memory _finalizeWithdrawalParams) external;
}

/// Withdrawals of the Gateway: chain, batch, index, message and log, by the layouts in the contracts.
struct Sent {
    key: (u64, u64, u64),
    log: Vec<u8>,
    message: Vec<u8>,
}

fn sent() -> Vec<Sent> {
    let mut sent = Vec::new();
    for line in json_lines(&format!("{FOLDER}/withdrawals.jsonl.gz")) {
        let mut messages = line["messages"].as_array().unwrap().iter().map(unhex);
        for (index, log) in (0..).zip(line["logs"].as_array().unwrap().iter().map(unhex)) {
            if log[22..24] != [0x80, 0x08] || log[1] != 1 {
                continue;
            }
            let message = messages.next().unwrap();
            if message.starts_with(&[0x6c, 0x09, 0x60, 0xf9])
                || message.starts_with(&[0x9c, 0x88, 0x4f, 0xd1])
            {
                let number = |field: &str| line[field].as_u64().unwrap();
                let key = (number("chainId"), number("batchNumber"), index);
                sent.push(Sent { key, log, message });
            }
        }
    }
    sent.sort_by_key(|sent| sent.key);
    assert_eq!(sent.len(), 16);
    sent
}

/// The state of L1 as it was, with L1Nullifier.
pub fn l1_v31() -> L1State {
    L1State::of_fixture(&format!("{FOLDER}/l1.state.anvil.json")).with_nullifier()
}

/// The same roots under the contracts of v29: without MessageRoot and L1ChainAssetHandler, and with the Gateway
/// in `whitelistedSettlementLayers`.
pub fn l1_v29() -> L1State {
    l1_v31()
        .without(MESSAGE_ROOT)
        .without(CHAIN_ASSET_HANDLER)
        .with(bridgehub(), Word::from(211), 0)
        .with(bridgehub(), Word::from(219), 0)
        .with(bridgehub(), Word::from(220), 0)
        .with(bridgehub(), slot(217, &[GATEWAY.into()]), 1)
}

struct Claims {
    folder: tempfile::TempDir,
}

impl Claims {
    fn new(l1: &L1State) -> Self {
        let folder = tempfile::tempdir().unwrap();
        l1.write(&folder.path().join("l1.json"));
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, rest: &[&str]) -> Run {
        self.command("claims", &[&["--l1-nullifier", NULLIFIER][..], rest].concat())
    }

    fn command(&self, name: &str, rest: &[&str]) -> Run {
        let file = |name: &str| fixture(&format!("{FOLDER}/{name}")).to_str().unwrap().to_owned();
        let l1 = self.path("l1.json");
        let (events, logs) = (file("events.jsonl.gz"), file("withdrawals.jsonl.gz"));
        let batches = file("gw_batches.jsonl");
        let mut args = vec![name, "--tree", &events, "--messages", &logs];
        args.extend(["--sl-batches", &batches, "--anchor", l1.to_str().unwrap()]);
        args.extend(["--anchor-bridgehub", BRIDGEHUB]);
        args.extend(rest);
        run(args)
    }

    fn lines(&self) -> Vec<Value> {
        let made = self.run(&["-q"]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        made.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn key(claim: &Value) -> (u64, u64, u64) {
    let number = |field: &str| claim[field].as_u64().unwrap();
    (number("chainId"), number("batchNumber"), number("id"))
}

/// The arguments are decoded by alloy, and are those of the withdrawal; proofs are those that the contracts
/// accepted, where they were recorded.
#[test]
fn every_withdrawal_is_claimable_and_its_call_has_the_right_arguments() {
    let accepted: BTreeMap<_, Value> = json_lines(&format!("{FOLDER}/proofs_l1.jsonl.gz"))
        .into_iter()
        .filter(|line| line["target"]["kind"] == "own")
        .map(|line| {
            let number = |field: &str| line[field].as_u64().unwrap();
            let key = (number("chainId"), number("batchNumber"), number("logIndex"));
            (key, line["proof"].clone())
        })
        .collect();
    let mut compared = 0;
    for l1 in [l1_v31(), l1_v29()] {
        let claims = Claims::new(&l1).lines();
        assert_eq!(claims.len(), 16);
        for (claim, Sent { key: expected, log, message }) in claims.iter().zip(sent()) {
            assert_eq!((key(claim), &claim["status"]), (expected, &json!("claimable")), "{claim}");
            let call = &claim["call"];
            assert_eq!(
                (&call["to"], &call["function"]),
                (&json!(NULLIFIER), &json!("finalizeDeposit"))
            );
            assert_eq!(call["signature"], finalizeDepositCall::SIGNATURE);
            let data = call["data"].as_str().unwrap();
            assert_eq!(call["cast"], format!("cast send {NULLIFIER} {data}"));
            let decoded = finalizeDepositCall::abi_decode_validate(&unhex(&call["data"])).unwrap();
            let params = decoded._finalizeWithdrawalParams;
            let number = |value: alloy_primitives::U256| u64::try_from(value).unwrap();
            let place = (
                number(params.chainId),
                number(params.l2BatchNumber),
                number(params.l2MessageIndex),
            );
            assert_eq!(place, expected);
            assert_eq!(params.l2Sender.as_slice(), &log[36..56]);
            assert_eq!(params.l2TxNumberInBatch.to_be_bytes(), log[2..4]);
            assert_eq!(*params.message, message);
            let proof: Vec<String> = params.merkleProof.iter().map(|word| hex(&word[..])).collect();
            let arguments = json!({
                "chainId": expected.0,
                "l2BatchNumber": expected.1,
                "l2MessageIndex": expected.2,
                "l2Sender": hex(&log[36..56]),
                "l2TxNumberInBatch": params.l2TxNumberInBatch,
                "message": hex(&message),
                "merkleProof": proof,
            });
            assert_eq!(call["arguments"], arguments);
            if let Some(accepted) = accepted.get(&expected) {
                assert_eq!(json!(proof), *accepted);
                compared += 1;
            }
            let is_base = message.len() == 56;
            let kind = if is_base { "base-token" } else { "asset-router" };
            assert_eq!(claim["kind"], kind);
            // The receiver follows the selector, or is the second word of the transfer data.
            let receiver = if is_base { &message[4..24] } else { &message[112..132] };
            assert_eq!(claim["receiver"], hex(receiver));
            let amount = if is_base { &message[24..56] } else { &message[164..196] };
            let amount = amount.iter().fold(0_u128, |sum, byte| (sum << 8) + u128::from(*byte));
            assert_eq!(claim["amount"], amount.to_string());
        }
    }
    assert!(compared > 3, "{compared}");
}

#[test]
fn payouts_are_found_in_the_state() {
    for mut l1 in [l1_v31(), l1_v29()] {
        let paid: Vec<_> = sent().into_iter().map(|sent| sent.key).step_by(3).collect();
        paid.iter().for_each(|(chain, batch, index)| l1.pay(*chain, *batch, *index));
        // The flag of another log of the same batch changes nothing.
        l1.pay(12, 1154, 5);
        for claim in Claims::new(&l1).lines() {
            let is_paid = paid.contains(&key(&claim));
            assert_eq!(claim["status"], if is_paid { "finalized" } else { "claimable" }, "{claim}");
            assert_eq!(claim["call"].is_null(), is_paid);
        }
    }
}

/// L1 executed the Gateway's batches up to 2023 only.
#[test]
fn a_batch_of_the_gateway_that_is_not_executed_is_waited_for() {
    let diamond =
        |l1: &L1State| Address::from_word(l1.word(bridgehub(), slot(210, &[GATEWAY.into()])));
    for l1 in [l1_v31(), l1_v29()] {
        let diamond = diamond(&l1);
        let l1 = l1
            .with(MESSAGE_ROOT, slot(12, &[GATEWAY.into(), 2024.into()]), 0)
            .with(diamond, slot(15, &[2024.into()]), 0)
            .with(diamond, Word::from(11), 2023);
        let claims = Claims::new(&l1).lines();
        for claim in &claims {
            // The vectors say which of the Gateway's batches executed these two chains' batches.
            let waits = [480, 9_223_372_036_854_775_813].contains(&key(claim).0);
            assert_eq!(claim["status"], if waits { "waiting" } else { "claimable" }, "{claim}");
            if waits {
                assert_eq!(claim["reason"]["code"], "sl-batch-not-on-l1");
                assert_eq!(claim["reason"]["slBatch"], 2024);
                assert!(claim["call"].is_null());
            }
        }
        // The diamond counts it as executed, so its root is missing in the state.
        let lost = l1.with(diamond, Word::from(11), 2024);
        let made = Claims::new(&lost).run(&["-q", "--chain", "480"]);
        assert_eq!(made.code, Some(3));
        let claim: Value = serde_json::from_str(made.stdout.lines().next().unwrap()).unwrap();
        assert_eq!(
            (&claim["status"], &claim["reason"]["code"]),
            (&json!("unknown"), &json!("sl-batch-not-on-l1"))
        );
    }
}

/// The error of the contract, by release, for a settlement layer that L1 does not accept.
#[test]
fn a_settlement_layer_that_l1_does_not_accept_is_refused() {
    let first_refused = |l1: L1State| {
        let claims = Claims::new(&l1).lines();
        let refused = claims.into_iter().find(|claim| key(claim) == (12, 1154, 3)).unwrap();
        assert_eq!(refused["status"], "refused", "{refused}");
        assert!(refused["call"].is_null());
        refused["reason"]["error"].clone()
    };
    let unlisted = l1_v29().with(bridgehub(), slot(217, &[GATEWAY.into()]), 0);
    let error = json!({"name": "NotSettlementLayer", "selector": "0xd0266e26"});
    assert_eq!(first_refused(unlisted), error);

    // Chain 12 left the Gateway before its batch 2005: `settlementLayerBatchUpperBound` of an interval that is
    // not active.
    let mut left = l1_v31();
    for index in 0..3 {
        let interval = slot(252, &[12.into(), index.into()]);
        left.set(CHAIN_ASSET_HANDLER, interval.wrapping_add(3), 2004);
        left.set(CHAIN_ASSET_HANDLER, interval.wrapping_add(1), u64::MAX);
        left.set(CHAIN_ASSET_HANDLER, interval.wrapping_add(5), 0);
    }
    let error = json!({"name": "InvalidSettlementLayerForBatch", "selector": "0x896555dc"});
    assert_eq!(first_refused(left), error);
}

/// Since v33 the proof of a batch through a settlement layer has its timestamp. A Gateway of v31 has none.
#[test]
fn an_l1_of_v33_refuses_what_a_gateway_of_v31_proves() {
    let case = Claims::new(&l1_v31().upgraded_to_v33(MESSAGE_ROOT));
    for claim in case.lines() {
        let (status, reason) = (&claim["status"], &claim["reason"]);
        assert_eq!(
            (status, &reason["code"]),
            (&json!("refused"), &json!("proof-of-other-release"))
        );
        assert_eq!(reason["error"]["name"], "InvalidProof");
        assert!(claim["call"].is_null());
    }
    for target in ["sl-batch:2024", "sl-batch:first"] {
        let prove = ["--target", target, "--all", "--chain", "12"];
        let before = Claims::new(&l1_v31()).command("prove", &prove);
        assert!(before.stdout.contains("\"proof\":"), "{}", before.stderr);
        let made = case.command("prove", &prove);
        assert!(!made.stdout.contains("\"proof\":"), "{}", made.stdout);
        assert!(made.stdout.contains("proof-of-other-release"), "{}", made.stderr);
    }
}

/// The claim of one withdrawal, which the Gateway's batch 2005 executed.
fn one(l1: &L1State) -> Value {
    let made = Claims::new(l1).run(&["-q", "--chain", "12", "--batch", "1154"]);
    let claims = made.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    claims.into_iter().find(|claim| key(claim) == (12, 1154, 3)).unwrap()
}

/// `LocalRootMustBeZero` of v29: what L1 executed itself is not proven through a settlement layer.
#[test]
fn a_batch_with_a_root_on_l1_is_not_proven_through_the_gateway() {
    let l1 = l1_v29();
    assert_eq!(one(&l1)["status"], "claimable");
    let diamond = Address::from_word(l1.word(bridgehub(), slot(210, &[12.into()])));
    let stored = l1.with(diamond, slot(15, &[1154.into()]), 1);
    let claim = one(&stored);
    assert_eq!(claim["status"], "refused", "{claim}");
    let error = json!({"name": "LocalRootMustBeZero", "selector": "0xbdaf7d42"});
    assert_eq!(claim["reason"]["error"], error);
}

/// `isValidSettlementLayer` of v31: the Gateway's batch has to be within the interval of the migration, both ends
/// included. Where the batch that executed it is not, a later one is.
#[test]
fn l1_accepts_only_batches_of_the_gateway_within_the_interval() {
    let within = |first: u64, last: u64| {
        let mut l1 = l1_v31();
        for index in 0..3 {
            let interval = slot(252, &[12.into(), index.into()]);
            for (field, value) in [(1, u64::MAX), (2, first), (3, last), (5, 0)] {
                l1.set(CHAIN_ASSET_HANDLER, interval.wrapping_add(field), value);
            }
        }
        one(&l1)
    };
    let target = |claim: &Value| {
        assert_eq!(claim["status"], "claimable", "{claim}");
        claim["target"]["number"].as_u64().unwrap()
    };
    let executed = target(&one(&l1_v31()));
    assert_eq!(target(&within(executed, executed)), executed);
    assert_eq!(target(&within(executed + 1, executed + 1)), executed + 1);
    assert_eq!(target(&within(executed + 1, executed + 3)), executed + 3);
    let claim = within(0, executed - 1);
    let error = json!({"name": "InvalidSettlementLayerForBatch", "selector": "0x896555dc"});
    assert_eq!((&claim["status"], &claim["reason"]["error"]), (&json!("refused"), &error));
    // None of the batches that L1 accepts is given, so nothing is said.
    let claim = within(9000, 9001);
    let (status, code) = (&claim["status"], &claim["reason"]["code"]);
    assert_eq!((status, code), (&json!("unknown"), &json!("sl-batch-not-archived")), "{claim}");
}

/// The root of the Gateway's batch is looked up as that of any batch: since v31 the diamond's counts only before the
/// upgrade.
#[test]
fn the_root_of_the_gateways_batch_is_where_the_release_looks() {
    let l1 = l1_v31();
    let executed = one(&l1)["target"]["number"].as_u64().unwrap();
    let diamond = Address::from_word(l1.word(bridgehub(), slot(210, &[GATEWAY.into()])));
    let in_message_root = slot(12, &[GATEWAY.into(), executed.into()]);
    let in_diamond = l1
        .clone()
        .with(diamond, slot(15, &[executed.into()]), one_root(&l1, executed))
        .with(MESSAGE_ROOT, in_message_root, 0)
        .with(MESSAGE_ROOT, slot(50, &[GATEWAY.into()]), executed);
    let claim = one(&in_diamond);
    let error = json!({"name": "InvalidProof", "selector": "0x09bde339"});
    assert_eq!((&claim["status"], &claim["reason"]["error"]), (&json!("refused"), &error));
    let before = in_diamond.with(MESSAGE_ROOT, slot(50, &[GATEWAY.into()]), executed + 1);
    assert_eq!(one(&before)["status"], "claimable");
}

/// The root of a batch of the Gateway in a state of v31.
fn one_root(l1: &L1State, batch: u64) -> Word {
    let diamond = Address::from_word(l1.word(bridgehub(), slot(210, &[GATEWAY.into()])));
    let recorded = l1.word(MESSAGE_ROOT, slot(12, &[GATEWAY.into(), batch.into()]));
    match recorded.is_zero() {
        true => l1.word(diamond, slot(15, &[batch.into()])),
        false => recorded,
    }
}

/// A state that shows nothing of L1 is refused once, and not for each withdrawal.
#[test]
fn a_state_without_bridgehub_is_refused() {
    let lacking = |l1: &L1State, code: &str| {
        let made = Claims::new(l1).run(&["--json"]);
        assert_eq!((made.code, made.stdout.as_str()), (Some(3), ""), "{}", made.stderr);
        assert!(made.stderr.contains(code), "{}", made.stderr);
        assert!(made.stderr.contains("--anchor-bridgehub"), "{}", made.stderr);
    };
    lacking(&l1_v31().without(bridgehub()), "anchor-lacks-bridgehub");
    lacking(&l1_v31().without(MESSAGE_ROOT), "anchor-lacks-message-root");
    let file = |name: &str| fixture(&format!("{FOLDER}/{name}")).to_str().unwrap().to_owned();
    let (events, logs) = (file("events.jsonl.gz"), file("withdrawals.jsonl.gz"));
    let (batches, l1) = (file("gw_batches.jsonl"), file("l1.state.anvil.json"));
    let mut args = vec!["claims", "--tree", &events, "--messages", &logs, "--anchor", &l1];
    args.extend(["--sl-batches", &batches, "--l1-nullifier", NULLIFIER, "--json"]);
    let made = run(args);
    assert_eq!((made.code, made.stdout.as_str()), (Some(3), ""), "{}", made.stderr);
    assert!(made.stderr.contains("anchor-lacks-bridgehub"), "{}", made.stderr);
}

/// Without the nullifier, nothing is said.
#[test]
fn without_l1_nullifier_nothing_is_known() {
    let made = Claims::new(&l1_v31().without(nullifier())).run(&["-q"]);
    assert_eq!(made.code, Some(3));
    for line in made.stdout.lines() {
        let claim: Value = serde_json::from_str(line).unwrap();
        assert_eq!(claim["status"], "unknown");
        assert_eq!(claim["reason"]["code"], "anchor-lacks-l1-nullifier");
        assert!(claim["call"].is_null());
    }
    assert_eq!(made.stdout.lines().count(), 16);
}

/// The same bytes for any number of threads, and compressed.
#[test]
fn the_output_is_the_same_for_any_number_of_threads() {
    let claims = Claims::new(&l1_v31());
    let made = |threads: &str, name: &str| {
        let output = claims.path(name);
        let made = claims.run(&["-q", "--threads", threads, "-o", output.to_str().unwrap()]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        output
    };
    let read = |path: PathBuf| {
        let mut text = Vec::new();
        let mut input = slproof::files::Input::open(&path).unwrap();
        std::io::Read::read_to_end(&mut input, &mut text).unwrap();
        text
    };
    let one = read(made("1", "one.jsonl"));
    assert!(!one.is_empty());
    assert_eq!(one, read(made("4", "four.jsonl")));
    assert_eq!(one, read(made("2", "two.jsonl.zst")));
}
