//! `--network`: known ids and addresses, wherever a command takes evidence or archives.

use crate::support::{
    binary::{Run, run},
    fixture,
};
use serde_json::Value;

const BRIDGEHUB: &str = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";
const NULLIFIER: &str = "0xd7f9f54194c633f36ccd5f3da84ad4a1c38cb2cb";

fn path(file: &str) -> String {
    fixture(&format!("gateway-v29/{file}")).to_str().unwrap().to_owned()
}

/// The fixtures have the Bridgehub of mainnet, but another settlement layer.
fn prove(args: &[&str]) -> Run {
    let (state, logs, batches, l1) = (
        path("state.anvil.json"),
        path("logs.jsonl.gz"),
        path("gw_batches.jsonl"),
        path("l1.state.anvil.json"),
    );
    // With events, nothing has to be searched.
    let events = path("events.jsonl.gz");
    let mut all = vec!["prove", "--tree", &state, "--messages", &logs, "--anchor", &l1];
    all.extend(["--events", &events]);
    all.extend(["--sl-batches", &batches, "--target", "sl-batch:first"]);
    all.extend(["--chain", "324", "--batch", "501234", "--index", "0"]);
    all.extend(args);
    run(all)
}

#[test]
fn the_addresses_on_l1_are_those_of_the_network() {
    let given = prove(&["--anchor-bridgehub", BRIDGEHUB, "--sl-chain-id", "506"]);
    assert_eq!(given.code, Some(0), "{}", given.stderr);
    let known = prove(&["--network", "mainnet", "--sl-chain-id", "506"]);
    assert_eq!((known.code, &known.stdout), (Some(0), &given.stdout), "{}", known.stderr);
    // The state does not hold the Bridgehub of the other network.
    let other = prove(&["--network", "testnet", "--sl-chain-id", "506"]);
    assert_eq!((other.code, other.stdout.as_str()), (Some(3), ""), "{}", other.stderr);
    assert!(other.stderr.contains("--anchor-bridgehub"), "{}", other.stderr);
    // Without an address, no batch is tried.
    let none = prove(&["--sl-chain-id", "506"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(3), ""), "{}", none.stderr);
    assert!(none.stderr.contains("--anchor-bridgehub"), "{}", none.stderr);
    // A flag overrides the network.
    let flags = ["--network", "testnet", "--sl-chain-id", "506", "--anchor-bridgehub", BRIDGEHUB];
    assert_eq!(prove(&flags).stdout, given.stdout);

    let calls = ["--network", "mainnet", "--sl-chain-id", "506", "--format", "calldata"];
    let auto = prove(&[&calls[..], &["--call", "auto"]].concat());
    assert_eq!(auto.code, Some(0), "{}", auto.stderr);
    // The network names L1Nullifier: without it, this is a wrong usage.
    let finalize = ["--call", "finalize-deposit"];
    assert_eq!(prove(&[&calls[..], &finalize].concat()).code, Some(1));
    let without = ["--anchor-bridgehub", BRIDGEHUB, "--format", "calldata"];
    assert_eq!(prove(&[&without[..], &finalize].concat()).code, Some(2));
}

#[test]
fn the_state_of_another_settlement_layer_is_refused() {
    let refused = prove(&["--network", "mainnet"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("9075"), "{}", refused.stderr);
    let state = path("state.anvil.json");
    let rebuilt = run(["rebuild", &state, "--network", "testnet"]);
    assert_ne!(rebuilt.code, Some(0));
    assert!(rebuilt.stderr.contains("32657"), "{}", rebuilt.stderr);
    assert_eq!(
        run(["rebuild", &state, "--network", "mainnet", "--sl-chain-id", "506"]).code,
        Some(0)
    );
}

/// The same flag serves for states of L1 and of other chains.
#[test]
fn a_state_of_l1_is_known_by_its_bridgehub() {
    let folder = tempfile::tempdir().unwrap();
    let proofs = folder.path().join("proofs").to_str().unwrap().to_owned();
    let verified = |target: &[&str], anchor: &str| {
        let made = prove(&[target, &["--anchor-bridgehub", BRIDGEHUB, "-o", &proofs]].concat());
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        run(["verify", &proofs, "--anchor", &path(anchor), "--network", "mainnet"])
    };
    let on_l1 = verified(&[], "l1.state.anvil.json");
    assert_eq!(on_l1.code, Some(0), "{}", on_l1.stderr);
    assert!(on_l1.stderr.contains("l2LogsRootHashes of diamond"), "{}", on_l1.stderr);
    let (state, logs) = (path("state.anvil.json"), path("logs.jsonl.gz"));
    let mut args = vec!["prove", "--tree", &state, "--messages", &logs, "-o", &proofs];
    args.extend(["--chain", "324", "--batch", "501234", "--index", "0"]);
    assert_eq!(run(args).code, Some(0));
    let on_sl = run(["verify", &proofs, "--anchor", &state, "--network", "mainnet"]);
    assert_eq!(on_sl.code, Some(0), "{}", on_sl.stderr);
}

#[test]
fn networks_are_printed_with_their_addresses() {
    let text = run(["networks"]).stdout;
    assert!(text.contains(BRIDGEHUB) && text.contains(NULLIFIER), "{text}");
    let json: Value = serde_json::from_str(&run(["networks", "--json"]).stdout).unwrap();
    assert_eq!(json["networks"][0]["name"], "mainnet");
    assert_eq!(json["networks"][0]["l1Nullifier"], NULLIFIER);
    assert_eq!(json["networks"][1]["slChainId"], 32_657);
}
