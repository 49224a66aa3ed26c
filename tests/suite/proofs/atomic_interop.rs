//! v33 of ZKsync OS (atomic interop), with L1 as the settlement layer: the proofs and refusals of the real contracts.

use std::collections::BTreeMap;

use crate::support::{
    self, fixture, json_lines,
    l1::{L1State, bridgehub},
};
use serde_json::{Value, json};
use slproof::{
    CheckedBy, FailureCode, Messages, MessagesOptions, Prover, Request, Trees, TreesOptions,
    Verdict,
    anchor::{Answer, KnownRoots, Lacking, Refusal, SettlementCheck},
    contracts::{Layout, system::INTEROP_ROOT_STORAGE},
    files::Input,
    forest::Addresses,
    ingest::{
        logs::{BatchCheck, Verdict as BatchVerdict},
        state::{Import, read_state},
    },
    message::{BatchLogs, BatchRootLeaf, BatchView, MessageList},
    primitives::{Address, BatchNumber, ChainId, SlBlock, Timestamp, hex},
    proof::{Known, Proof, ProofEnd, ProofRecord, Target, TargetKind, TargetRecord},
    prove::{ExtractError, TreeCheck},
    snapshot::Snapshot,
    state::slots::mapping_value,
};

fn addresses() -> Addresses {
    let roots = support::json("v33/roots.json.gz");
    let address = |name: &str| roots[name].as_str().unwrap().parse().unwrap();
    Addresses { bridgehub: address("bridgehub"), message_root: address("messageRoot") }
}

fn options() -> TreesOptions {
    let mut options = TreesOptions::default();
    options.state.bridgehub = Some(addresses().bridgehub);
    options
}

fn trees() -> Trees {
    Trees::open(&[fixture("v33/state.anvil.json.gz")], &options()).unwrap()
}

fn prover() -> Prover {
    let logs = fixture("v33/logs.jsonl.gz");
    Prover::new(trees(), Messages::open(&[logs], &MessagesOptions::default()).unwrap())
}

/// The roots that L1 knows.
fn l1() -> KnownRoots<Snapshot> {
    let state = read_state(&fixture("v33/state.anvil.json.gz"), None).unwrap().state;
    KnownRoots::new(state, addresses()).unwrap()
}

/// The roots that a listening chain imported.
fn listener() -> KnownRoots<Snapshot> {
    let state = read_state(&fixture("v33/dest.state.anvil.json.gz"), None).unwrap().state;
    KnownRoots::new(state, Addresses::default()).unwrap()
}

fn chain(line: &Value) -> ChainId {
    ChainId(line["chainId"].as_u64().unwrap())
}

fn batch(line: &Value) -> BatchNumber {
    BatchNumber(line["batchNumber"].as_u64().unwrap())
}

/// The target of a line of the vectors.
fn target(line: &Value) -> Target {
    match line["target"]["slBlock"].as_u64() {
        Some(block) => Target::Block(SlBlock(block)),
        None => Target::BatchRoot,
    }
}

/// A line of the vectors as a record, with the batch root that its log path folds to if it names none.
fn record(line: &Value) -> ProofRecord {
    let of = &line["target"];
    let proof = serde_json::from_value(line["proof"].clone()).unwrap();
    let log = line["log"].as_str().unwrap().parse().unwrap();
    let mut record = ProofRecord {
        chain_id: chain(line),
        batch_number: batch(line),
        id: line["logIndex"].as_u64().unwrap(),
        root: slproof::primitives::Hash::ZERO,
        proof,
        target: of["root"].as_str().map(|root| TargetRecord {
            kind: TargetKind::Block,
            sl_chain_id: Some(ChainId(1)),
            number: of["slBlock"].as_u64(),
            root: root.parse().unwrap(),
            timestamp: of["timestamp"].as_u64().map(Timestamp),
        }),
        log: Some(log),
        message: line["messageHex"].as_str().map(|text| hex::bytes(text).unwrap()),
        tx_hash: None,
        l1_timestamp: line["l1Timestamp"].as_u64().map(Timestamp),
        checked_by: None,
    };
    let claim = slproof::proof::verify::Claim {
        chain: record.chain_id,
        batch: record.batch_number,
        index: record.id,
        log: &log,
    };
    let folded = slproof::proof::verify::fold(&claim, &record.proof);
    record.root = match line["root"].as_str() {
        Some(root) => root.parse().unwrap(),
        None => folded.map(|folded| folded.batch_root).unwrap_or_default(),
    };
    record
}

/// `None` for a valid proof.
fn verdict(record: &ProofRecord, roots: &KnownRoots<Snapshot>) -> Option<(bool, FailureCode)> {
    let known = |at: &_| Known::from(roots.of_record(record, at).unwrap());
    match Verdict::of(record, &record.log.unwrap(), known) {
        Verdict::Valid(_) => None,
        Verdict::Invalid(reason) => Some((true, reason.code())),
        Verdict::CannotJudge(reason) => Some((false, reason.code())),
    }
}

#[test]
fn trees_are_those_of_the_contracts() {
    let trees = trees();
    let forest = trees.forest().unwrap();
    let roots = support::json("v33/roots.json.gz");
    assert_eq!(forest.layout(), Layout::V33);
    assert_eq!(forest.sl_chain(), ChainId(1));
    assert_eq!(forest.root().to_string(), roots["aggregatedRoot"].as_str().unwrap());
    for (tree, facts) in forest.chains().iter().zip(roots["chains"].as_array().unwrap()) {
        assert_eq!(tree.chain(), chain(facts));
        assert_eq!(tree.root().to_string(), facts["chainRoot"].as_str().unwrap());
        let leaves = facts["leaves"].as_array().unwrap();
        assert_eq!(tree.batches().len(), leaves.len() as u64);
        for (leaf, facts) in (0..).zip(leaves) {
            assert_eq!(tree.batches().get(leaf), Some(batch(facts)));
            let timestamp = facts["l1Timestamp"].as_u64().map(Timestamp);
            assert_eq!(tree.timestamp(leaf), timestamp);
        }
    }
    let history = trees.history().unwrap().history();
    assert_eq!(history.unexplained().count(), 0);
    let facts = roots["historicalRoot"].as_object().unwrap();
    assert_eq!(history.len(), facts.len());
    for index in 0..history.len() {
        let root = history.root(index);
        let facts = &facts[&root.block.to_string()];
        assert_eq!(root.root.to_string(), facts["root"].as_str().unwrap());
        let timestamp = facts["timestamp"].as_u64().filter(|seconds| *seconds > 0);
        assert_eq!(root.timestamp, timestamp.map(Timestamp));
    }
}

/// The state in the middle of the history.
#[test]
fn trees_of_the_middle_have_the_root_that_the_contract_said() {
    let state = fixture("v33/state.mid.anvil.json.gz");
    let trees = Trees::open(&[state], &options()).unwrap();
    let roots = support::json("v33/roots.json.gz");
    let forest = trees.forest().unwrap();
    assert_eq!(forest.root().to_string(), roots["mid"]["aggregatedRoot"].as_str().unwrap());
    assert_eq!(
        forest.latest().map(|latest| latest.block.0),
        roots["mid"]["lastRootBlock"].as_u64()
    );
    assert_eq!(trees.history().unwrap().history().unexplained().count(), 0);
}

#[test]
fn every_accepted_proof_is_made_word_for_word_and_accepted() {
    let prover = prover();
    let (l1, listener) = (l1(), listener());
    let lines = json_lines("v33/proofs.jsonl.gz");
    assert_eq!(lines.len(), 676);
    for line in &lines {
        let vector = record(line);
        let (chain_id, batch_number, id) = (vector.chain_id, vector.batch_number, vector.id);
        let request = Request::Log { chain_id, batch_number, id };
        let mut made = prover.prove(&request, target(line)).unwrap();
        let made = made.pop().unwrap();
        assert_eq!(made.proof, vector.proof, "{line}");
        assert_eq!((made.root, made.l1_timestamp), (vector.root, vector.l1_timestamp));
        let is_final = target(line) == Target::BatchRoot;
        match is_final {
            true => assert_eq!(made.target, Some(TargetRecord::batch_root(vector.root))),
            false => assert_eq!(made.target, vector.target),
        }
        let decoded = Proof::decode(&made.proof).unwrap();
        assert_eq!(decoded.encode(), made.proof);
        if let ProofEnd::SettlementLayer(hop) = &decoded.end {
            assert_eq!(hop.l1_timestamp, vector.l1_timestamp.map(Timestamp::to_word));
        }
        // The record as it is written, and the words alone.
        let bare = ProofRecord { target: None, l1_timestamp: None, ..made.clone() };
        for record in [&made, &bare, &vector] {
            let expected = if is_final { [true, false] } else { [false, true] };
            let found = [&l1, &listener].map(|roots| verdict(record, roots).is_none());
            assert_eq!(found, expected, "{line}");
        }
    }
}

/// What all proofs of a batch share is what each of them has.
#[test]
fn a_batch_has_the_timestamp_of_its_proofs() {
    let prover = prover();
    let (trees, archive) = (prover.trees(), prover.messages().archive());
    let mut timed = 0;
    for line in &json_lines("v33/proofs.jsonl.gz") {
        let extractor = trees.extractor(target(line)).unwrap();
        let proofs = extractor.batch_of(archive, chain(line), batch(line)).unwrap();
        assert_eq!(proofs.l1_timestamp(), record(line).l1_timestamp, "{line}");
        assert_eq!(proofs.checked_by(), Some(CheckedBy::STATE));
        timed += usize::from(proofs.l1_timestamp().is_some());
    }
    assert!(timed > 100, "{timed}");
}

/// Logs whose batch root has eight leaves do not fold without the roots of the commitment tree. Before v33 there are none.
#[test]
fn an_error_says_that_roots_of_the_commitment_tree_are_needed() {
    let error = |trees: &Trees, logs: &BatchLogs| {
        let extractor = trees.extractor(Target::Latest).unwrap();
        match extractor.batch(logs.view()).map(drop) {
            Err(error @ ExtractError::LogsDoNotFold(_)) => Some(error.to_string()),
            Err(error) => panic!("{error}"),
            Ok(()) => None,
        }
    };
    let part = |logs: BatchView<'_>, count: usize| {
        let some = logs.logs()[..count].to_vec();
        let messages = MessageList::default();
        BatchLogs::new(logs.chain(), logs.batch(), some, messages, logs.aggregated_root()).unwrap()
    };
    let (since_v33, prover) = (trees(), prover());
    let mut needed = 0;
    for tree in since_v33.forest().unwrap().chains() {
        for at in 0..tree.batches().len() {
            let number = tree.batches().get(at).unwrap();
            let archive = prover.messages().archive();
            let Some(logs) = archive.batch(tree.chain(), number).unwrap() else { continue };
            if logs.imt().is_some() {
                let error = error(&since_v33, &part(logs, logs.logs().len()));
                needed += usize::from(error.is_some());
                assert!(error.is_none_or(|error| error.contains("imtBegin")));
            }
        }
    }
    assert!(needed > 3, "{needed}");

    let state = fixture("gateway-v29/state.anvil.json");
    let before = Trees::open(&[state], &TreesOptions::default()).unwrap();
    let messages = Messages::open(&[fixture("gateway-v29/logs.jsonl.gz")], &Default::default());
    let messages = messages.unwrap();
    let logs = messages.archive().batch(ChainId(324), BatchNumber(501_235)).unwrap().unwrap();
    let error = error(&before, &part(logs, logs.logs().len() - 1)).unwrap();
    assert!(!error.contains("imtBegin"), "{error}");
}

#[test]
fn every_refused_proof_is_refused_for_its_reason() {
    let (l1, listener) = (l1(), listener());
    let mut cases = BTreeMap::<String, usize>::new();
    let lines = json_lines("v33/proofs_negative.jsonl.gz");
    assert_eq!(lines.len(), 2391);
    for line in &lines {
        let roots = match line["verifier"].as_str() {
            Some("L1MessageRoot") => &l1,
            _ => &listener,
        };
        let record = record(line);
        let bare = ProofRecord { target: None, ..record.clone() };
        for (has_target, record) in [(true, &record), (false, &bare)] {
            let case = line["case"].as_str().unwrap();
            let (is_refused, code) = verdict(record, roots).expect("it is refused");
            assert!(reasons(case, has_target).contains(&code), "{case}: {code:?}");
            // A root that the chain does not store is not known to be wrong.
            assert_eq!(is_refused, code != FailureCode::UnknownRoot, "{case}");
        }
        *cases.entry(line["case"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(cases.len(), 47);
}

/// The codes that fit a kind of refused proof, for a record with a target or without one.
fn reasons(case: &str, has_target: bool) -> &'static [FailureCode] {
    use FailureCode::{
        BatchPathOnLastNode, BatchZero, BlockOfL1, IndexOutOfBounds, MessageMismatch,
        MetadataVersion, ProofOfOtherRelease, RootMismatch, SecondHop, TargetMismatch, TooShort,
        TrailingWords, UnknownRoot,
    };
    match (case, has_target) {
        ("SL block + 1" | "SL block without a root" | "wrong SL chain id", true) => {
            &[TargetMismatch]
        }
        ("SL block + 1", false) => &[UnknownRoot, RootMismatch],
        ("SL block without a root" | "wrong SL chain id", false) => &[UnknownRoot],
        ("no timestamp word (v31 form)" | "v31 proof: 15 siblings and no timestamp", false) => {
            &[ProofOfOtherRelease]
        }
        ("altered message", _) => &[MessageMismatch],
        ("final flag on the first metadata", _) => &[BatchPathOnLastNode, TrailingWords],
        ("final: asked of the listening chain", _) => &[UnknownRoot],
        ("final: batch 0", _) => &[BatchZero],
        ("final: wrong batch number", _) => &[UnknownRoot, RootMismatch],
        ("interop form asked of L1MessageRoot", _) => &[BlockOfL1],
        (
            "length byte 16, words unchanged"
            | "timestamp word after the mask"
            | "timestamp word before the log path",
            _,
        ) => &[IndexOutOfBounds],
        ("mask is the batch number, not the leaf position", _) => &[IndexOutOfBounds, RootMismatch],
        ("metadata version 2", _) => &[MetadataVersion],
        ("second metadata not final", _) => &[SecondHop],
        // A timestamp of 0 is no timestamp, so the words are read as those of an older release.
        ("timestamp 0", true) => &[IndexOutOfBounds, TargetMismatch],
        ("timestamp 0", false) => &[IndexOutOfBounds, UnknownRoot],
        ("truncated by one word", _) => &[TooShort],
        _ => &[RootMismatch],
    }
}

/// A proof of v31 is refused by the contracts of v33 for its words, and the other way.
#[test]
fn proofs_of_one_release_are_refused_by_the_other() {
    let lines = json_lines("v33/proofs.jsonl.gz");
    let since_v33 = record(lines.iter().find(|line| target(line) != Target::BatchRoot).unwrap());
    let text = std::fs::read(fixture("gateway-v31/record.json")).unwrap();
    let before: ProofRecord = serde_json::from_slice(&text).unwrap();
    let importer = |record: &ProofRecord, timestamp: u64| {
        let target = record.target.unwrap();
        let block = target.number.unwrap();
        let of_chain = mapping_value(target.sl_chain_id.unwrap().to_word(), 0.into());
        let slot = mapping_value(block.into(), of_chain);
        let storage = json!({
            slot.to_string(): target.root.to_string(),
            slot.wrapping_add(1).to_string(): format!("{timestamp:#x}"),
        });
        let account = json!({ INTEROP_ROOT_STORAGE.to_string(): { "storage": storage } });
        let dump = json!({ "best_block_number": 1, "accounts": account }).to_string();
        let input = Input::from_reader("importer", std::io::Cursor::new(dump)).unwrap();
        let state = Import::default().read_input(input).unwrap().state;
        KnownRoots::new(state, Addresses::default()).unwrap()
    };
    let time = since_v33.target.unwrap().timestamp.unwrap().0;
    let refused = Some((true, FailureCode::ProofOfOtherRelease));
    assert_eq!(verdict(&since_v33, &importer(&since_v33, time)), None);
    // The chain may have been upgraded and not have imported a root since.
    let not_shown = Some((false, FailureCode::ReleaseNotShown));
    assert_eq!(verdict(&since_v33, &importer(&since_v33, 0)), not_shown);
    assert_eq!(verdict(&before, &importer(&before, 0)), None);
    assert_eq!(verdict(&before, &importer(&before, 5)), refused);
    let other = Some((true, FailureCode::TimestampMismatch));
    assert_eq!(verdict(&since_v33, &importer(&since_v33, time + 1)), other);
    let altered = ProofRecord { l1_timestamp: Some(Timestamp(1)), ..since_v33.clone() };
    assert_eq!(verdict(&altered, &importer(&since_v33, time)), other);
}

/// Right after its upgrade to v33, L1 has the storage of v31. Whether it takes a proof with a timestamp is not known then.
#[test]
fn l1_of_v31_may_have_been_upgraded_to_v33() {
    let message_root = Address::new([0xa1; 20]);
    let addresses = Addresses { bridgehub: bridgehub(), message_root };
    let before = L1State::of_fixture("gateway-v31/l1.state.anvil.json");
    let accepted = &json_lines("gateway-v31/proofs_l1.jsonl.gz")[0];
    let through = (ChainId(506), accepted["target"]["slBatch"].as_u64().unwrap());
    let objection = |l1: L1State, is_timed| {
        let known = KnownRoots::new(l1, addresses).unwrap();
        known.objection((chain(accepted), batch(accepted)), through, is_timed).unwrap()
    };
    assert_eq!(objection(before.clone(), false), None);
    let unknown = Lacking::Release { name: "MessageRoot", address: message_root, stored: None };
    assert_eq!(unknown.code(), "release-not-shown");
    assert_eq!(objection(before.clone(), true), Some(Answer::Lacking(unknown)));
    // The first root since the upgrade shows it.
    let after = before.upgraded_to_v33(message_root);
    assert_eq!(objection(after.clone(), true), None);
    let refused = Answer::Refused(Refusal::OtherRelease { since_v33: true });
    assert_eq!(objection(after, false), Some(refused));
}

/// Events alone, in both forms, give the trees of the state, and the same proofs.
#[test]
fn events_alone_give_the_same_trees_and_proofs() {
    let of_state = trees();
    let expected = of_state.forest().unwrap();
    for file in ["v33/events.eth_getLogs.json.gz", "v33/events.jsonl.gz"] {
        let mut options = TreesOptions::default();
        options.state.message_root = Some(addresses().message_root);
        let trees = Trees::open(&[fixture(file)], &options).unwrap();
        assert!(trees.missing_events().is_empty(), "{:?}", trees.missing_events());
        let forest = trees.forest().unwrap();
        assert_eq!((forest.layout(), forest.root()), (Layout::V33, expected.root()));
        assert_eq!(forest.latest(), expected.latest());
        let logs = fixture("v33/logs.jsonl.gz");
        let messages = Messages::open(&[logs], &MessagesOptions::default()).unwrap();
        let prover = Prover::new(trees, messages);
        let lines = json_lines("v33/proofs.jsonl.gz");
        let of_blocks = lines.iter().filter(|line| target(line) != Target::BatchRoot);
        for line in of_blocks.step_by(9) {
            let vector = record(line);
            let (chain_id, batch_number, id) = (vector.chain_id, vector.batch_number, vector.id);
            let request = Request::Log { chain_id, batch_number, id };
            let made = prover.prove(&request, target(line)).unwrap().pop().unwrap();
            assert_eq!((made.proof, made.target), (vector.proof, vector.target));
        }
    }
}

/// Every batch of the archive leads to the root that L1 stores, also batch 0, and batches without a leaf.
#[test]
fn the_archive_is_complete() {
    let trees = trees();
    let check = TreeCheck::of(&trees).unwrap();
    let logs = fixture("v33/logs.jsonl.gz");
    let messages = Messages::open(&[logs], &MessagesOptions::default()).unwrap();
    let batches: Vec<_> = messages.archive().batches().map(Result::unwrap).collect();
    assert_eq!(batches.len(), 96);
    for (batch, verdict) in batches.iter().zip(check.check(&batches)) {
        assert!(matches!(verdict, BatchVerdict::Complete { .. }), "{:?}", batch.key());
    }
}

/// Batches that L1 recorded without a leaf are explained, and proven by their roots.
#[test]
fn a_batch_without_a_leaf_is_explained() {
    let request =
        Request::Log { chain_id: ChainId(324), batch_number: BatchNumber(501_005), id: 0 };
    let prover = prover();
    let error = prover.prove(&request, Target::Latest).unwrap_err();
    assert_eq!(error.code(), FailureCode::BatchNotInTree);
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(reason.contains("only the target batch-root proves it"), "{reason}");
    assert_eq!(prover.prove(&request, Target::BatchRoot).unwrap().len(), 1);
}

#[test]
fn every_leaf_of_a_batch_root_is_proven_word_for_word() {
    let prover = prover();
    let names = ["localLogsRoot", "multichainRoot", "imtBegin", "imtEnd"];
    let mut refused = 0;
    for line in json_lines("v33/proofs_leaf.jsonl.gz") {
        let index = line["leafIndex"].as_u64().unwrap();
        let leaf = BatchRootLeaf::ALL[index as usize];
        assert_eq!(names[index as usize], line["name"]);
        let made = prover.prove_leaf((chain(&line), batch(&line)), leaf, target(&line));
        if line["verifiedByContract"] == false {
            assert_eq!(made.unwrap_err().code(), FailureCode::BatchZero);
            refused += 1;
            continue;
        }
        let made = serde_json::to_value(made.unwrap()).unwrap();
        assert_eq!(made["proof"], line["proof"], "{line}");
        assert_eq!((&made["value"], &made["leafIndex"]), (&line["leaf"], &line["leafIndex"]));
        assert_eq!(made["leaf"], leaf.name());
    }
    assert_eq!(refused, 16);
}
