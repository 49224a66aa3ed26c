//! Proofs through the settlement layer's batch in which a batch was executed, which nodes answer by default.

use std::path::{Path, PathBuf};

use crate::support::{binary::run, fixture, json, json_lines};
use serde_json::{Value, json};
use slproof::{
    L1Options, Messages, MessagesOptions, Prover, Request, Trees, TreesOptions,
    primitives::{BatchNumber, ChainId, Hash, Word},
    proof::{ProofRecord, Target},
    state::slots::mapping_value,
};

const BRIDGEHUB: &str = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";
const CHAIN_ASSET_HANDLER: &str = "0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2";

/// The prover of a directory of fixtures, with this state of L1.
fn prover(folder: &str, l1: Option<PathBuf>, sl_batches: &Path) -> Prover {
    let path = |file: &str| fixture(&format!("{folder}/{file}"));
    let mut options = TreesOptions::default();
    options.events = vec![path("events.jsonl.gz")];
    options.sl_batches = vec![sl_batches.to_owned()];
    options.l1 = l1.map(|path| {
        let mut l1 = L1Options { paths: vec![path], ..L1Options::default() };
        l1.state.bridgehub = Some(BRIDGEHUB.parse().unwrap());
        l1
    });
    let trees = Trees::open(&[path("state.anvil.json")], &options).unwrap();
    let messages = Messages::open(&[path("logs.jsonl.gz")], &MessagesOptions::default()).unwrap();
    Prover::new(trees, messages)
}

fn with_l1(folder: &str, l1: Option<PathBuf>) -> Prover {
    prover(folder, l1, &fixture(&format!("{folder}/gw_batches.jsonl")))
}

fn l1_of(folder: &str) -> PathBuf {
    fixture(&format!("{folder}/l1.state.anvil.json"))
}

fn number(line: &Value, field: &str) -> u64 {
    line[field].as_u64().unwrap()
}

fn first_log(line: &Value) -> Request {
    let chain_id = ChainId(number(line, "chainId"));
    Request::Log { chain_id, batch_number: BatchNumber(number(line, "batchNumber")), id: 0 }
}

fn prove(prover: &Prover, request: &Request) -> ProofRecord {
    prover.prove(request, Target::FirstSlBatch).unwrap().remove(0)
}

/// The proofs are, word by word, those that the contracts on L1 accepted.
#[test]
fn accepted_proofs_through_the_executing_batch_are_made() {
    for folder in ["gateway-v29", "gateway-v31"] {
        for l1 in [None, Some(l1_of(folder))] {
            let prover = with_l1(folder, l1);
            let extractor = prover.trees().extractor(Target::FirstSlBatch).unwrap();
            let mut own = 0;
            for line in json_lines(&format!("{folder}/proofs_l1.jsonl.gz")) {
                if line["target"]["kind"] != "own" {
                    continue;
                }
                let chain = ChainId(number(&line, "chainId"));
                let batch = BatchNumber(number(&line, "batchNumber"));
                let batch = extractor.batch_of(prover.messages().archive(), chain, batch);
                let record = batch.unwrap().prove(number(&line, "logIndex")).unwrap();
                assert_eq!(json!(record.proof), line["proof"]);
                let target = record.target.unwrap();
                assert_eq!(target.number, line["target"]["slBatch"].as_u64());
                assert_eq!(line["target"]["root"], target.root.to_string());
                own += 1;
            }
            assert!(own > 500, "{folder}: {own}");
        }
    }
}

/// Every batch of the archive is proven through the batch, and named with the block, that the vectors say.
#[test]
fn answers_of_nodes_name_the_executing_block() {
    let folder = "gateway-v29";
    let path = |file: &str| fixture(&format!("{folder}/{file}")).to_str().unwrap().to_owned();
    let output = |target: &str, of_l1: &[&str]| {
        let (state, logs, events) =
            (path("state.anvil.json"), path("logs.jsonl.gz"), path("events.jsonl.gz"));
        let mut args = vec!["prove", "--tree", &state, "--messages", &logs, "--all", "-q"];
        args.extend(["--format", "rpc", "--target", target]);
        if target.ends_with("first") {
            args.extend(["--events", &events]);
        }
        args.extend(of_l1);
        let run = run(args);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["id"] == 0).collect::<Vec<_>>()
    };
    let batches = path("gw_batches.jsonl");
    let sl_batches = ["--sl-batches", &batches];
    let expected: Vec<Value> = json_lines(&format!("{folder}/logs.jsonl.gz"));
    for (target, of_l1) in [("first", &[][..]), ("sl-batch:first", &sl_batches[..])] {
        let answers = output(target, of_l1);
        assert!(answers.len() > 100);
        for answer in &answers {
            let is_it = |line: &&Value| line["batchNumber"] == answer["batchNumber"];
            let line = expected.iter().filter(is_it);
            // Chains may have batches with the same number.
            let blocks: Vec<&Value> = line.map(|line| &line["slBlockNumber"]).collect();
            assert!(blocks.contains(&&answer["gatewayBlockNumber"]), "{answer} {blocks:?}");
        }
    }
    assert!(output("batch-root", &[]).iter().all(|line| line["gatewayBlockNumber"].is_null()));
    assert!(output("latest", &[]).iter().all(|line| line["gatewayBlockNumber"] == 242));
}

/// The slot of a field of a chain's migration interval, by the layout of L1ChainAssetHandler (v31).
fn interval(chain: ChainId, index: u64, field: u64) -> Word {
    let of_chain = mapping_value(chain.to_word(), 252.into());
    mapping_value(index.into(), of_chain).wrapping_add(field)
}

/// L1 of v31 accepts only SL batches within an interval. If the executing one is not among them, the last one
/// that is takes its place.
#[test]
fn the_last_accepted_batch_replaces_one_that_l1_refuses() {
    let folder = "gateway-v31";
    let line = &json_lines(&format!("{folder}/logs.jsonl.gz"))[3];
    let (chain, executing) = (ChainId(number(line, "chainId")), number(line, "slBatch"));
    let request = first_log(line);
    let dir = tempfile::tempdir().unwrap();
    let with = |first: u64, last: Option<u64>| {
        let mut l1 = json(&format!("{folder}/l1.state.anvil.json"));
        let storage = &mut l1["accounts"][CHAIN_ASSET_HANDLER]["storage"];
        let migrations = mapping_value(chain.to_word(), 207.into()).to_string();
        let migrations: Hash =
            storage[migrations].as_str().map_or(Hash::ZERO, |number| number.parse().unwrap());
        for index in 0..=Word::from(migrations).to_u64().unwrap() {
            let fields =
                [(1, u64::MAX), (2, first), (3, last.unwrap_or(0)), (5, u64::from(last.is_none()))];
            for (field, value) in fields {
                let slot = interval(chain, index, field).to_string();
                storage[slot] = json!(Word::from(value).to_string());
            }
        }
        let path = dir.path().join(format!("{first}.json"));
        std::fs::write(&path, l1.to_string()).unwrap();
        with_l1(folder, Some(path))
    };
    let through = |prover: &Prover| prove(prover, &request).target.unwrap().number.unwrap();
    assert_eq!(through(&with(executing, Some(executing + 4))), executing);
    assert_eq!(through(&with(executing + 1, Some(executing + 4))), executing + 4);
    // The chain still settles there: every later batch is accepted, up to the last that L1 stores.
    assert_eq!(through(&with(executing + 1, None)), 2023);
    // None of the given batches is accepted.
    let refused = with(9_000, Some(9_001)).prove(&request, Target::FirstSlBatch).unwrap_err();
    assert_eq!(refused.code().as_str(), "invalid-settlement-layer", "{refused}");
    // The interval ends before the batch was executed.
    let early = with(executing - 1, Some(executing - 1));
    let early = early.prove(&request, Target::FirstSlBatch).unwrap_err();
    assert_eq!(early.code().as_str(), "invalid-settlement-layer", "{early}");
}

#[test]
fn a_missing_executing_batch_is_named_by_its_block() {
    let folder = "gateway-v29";
    let line = &json_lines(&format!("{folder}/logs.jsonl.gz"))[0];
    let all = std::fs::read_to_string(fixture("gateway-v29/gw_batches.jsonl")).unwrap();
    let executing = format!("\"gwBatch\": {}", line["slBatch"]);
    let others: Vec<&str> = all.lines().filter(|line| !line.contains(&executing)).collect();
    assert_eq!(others.len() + 1, all.lines().count());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sl.jsonl");
    std::fs::write(&path, others.join("\n")).unwrap();
    let prover = prover(folder, None, &path);
    let error = prover.prove(&first_log(line), Target::FirstSlBatch).unwrap_err();
    assert_eq!(error.code().as_str(), "sl-batch-not-archived");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains(&format!("no SL batch with block {}", line["slBlockNumber"])),
        "{cause}"
    );
}

/// A state of v29 that lost the last root of an SL batch does not show the loss, but this SL batch does: its root does not
/// fold with the trees. Then the SL batch of the next root is not called the one that executed the batch.
#[test]
fn a_lost_root_does_not_make_a_later_sl_batch_the_executing_one() {
    let folder = "gateway-v29";
    let path = |file: &str| fixture(&format!("{folder}/{file}"));
    let lines = json_lines(&format!("{folder}/logs.jsonl.gz"));
    let is_it = |line: &&Value| line["chainId"] == 324 && line["batchNumber"] == 501_235;
    let line = lines.iter().find(is_it).unwrap();
    let mut state = json(&format!("{folder}/state.anvil.json"));
    let message_root = "0x0000000000000000000000000000000000010005";
    let slots = state["accounts"][message_root]["storage"].as_object_mut().unwrap();
    let root = mapping_value(number(line, "slBlockNumber").into(), 9.into()).to_string();
    slots.remove(&root).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let lost = dir.path().join("lost.json");
    std::fs::write(&lost, state.to_string()).unwrap();
    let executing = |state: &Path, line: &Value| {
        let mut options = TreesOptions::default();
        options.sl_batches = vec![path("gw_batches.jsonl")];
        let trees = Trees::open(&[state], &options).unwrap();
        let messages = Messages::open(&[path("logs.jsonl.gz")], &MessagesOptions::default());
        let prover = Prover::new(trees, messages.unwrap());
        let made = prover.prove(&first_log(line), Target::FirstSlBatch);
        made.map(|records| records[0].target.unwrap().number).map_err(|error| error.code())
    };
    let named = Ok(line["slBatch"].as_u64());
    assert_eq!(executing(&path("state.anvil.json"), line), named);
    assert_eq!(executing(&lost, line).unwrap_err().as_str(), "first-root-unknown");
    // The batches of later roots do not depend on it.
    let later = lines.iter().find(|line| line["slBatch"] == 2002).unwrap();
    assert_eq!(executing(&lost, later), Ok(Some(2002)));
}
