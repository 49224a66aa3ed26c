//! Which proofs the contracts in a state accept: every check on settlement layers, by release.

use std::io::Cursor;

use crate::support::{binary::run, fixture, json_lines, naive};
use serde_json::{Value, json};
use slproof::{
    anchor::{Answer, KnownRoots, Lacking, Refusal},
    contracts::system,
    files::Input,
    forest::{Addresses, batch_leaf, chain_id_leaf},
    ingest::state::{Import, read_state},
    keccak::keccak256,
    message::L2ToL1Log,
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
    proof::{
        ProofRecord, TargetKind, TargetRecord,
        verify::{self, Claim, RootRef},
    },
    prove::ExtractError,
    snapshot::Snapshot,
    state::slots::{array_start, mapping_value},
};

const BRIDGEHUB: &str = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";
const MESSAGE_ROOT: &str = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const CHAIN_ASSET_HANDLER: &str = "0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2";

/// The states of L1, with the chain id of the settlement layer in each.
const LAYERS: [(&str, u64); 3] =
    [("gateway-v29", 506), ("gateway-v31", 506), ("gateway-v29-to-v31", 1506)];

/// A dump of L1 that can be changed slot by slot.
struct L1(Value);

impl L1 {
    fn read(folder: &str) -> Self {
        Self(crate::support::json(&format!("{folder}/l1.state.anvil.json")))
    }

    fn set(&mut self, contract: &str, slot: Word, value: Word) {
        self.0["accounts"][contract]["storage"][slot.to_string()] = json!(value.to_string());
    }

    fn get(&self, contract: &str, slot: Word) -> Word {
        let value = &self.0["accounts"][contract]["storage"][slot.to_string()];
        value.as_str().map_or(Word::ZERO, |text| text.parse::<Hash>().unwrap().into())
    }

    fn remove(&mut self, contract: &str) {
        self.0["accounts"].as_object_mut().unwrap().remove(contract).unwrap();
    }

    /// The chains in Bridgehub's `zkChainMap`.
    fn chains(&self) -> Vec<ChainId> {
        let count = self.get(BRIDGEHUB, 208.into()).to_u64().unwrap();
        let key = |i| self.get(BRIDGEHUB, array_start(208.into()).wrapping_add(i));
        (0..count).map(|i| ChainId::try_from(key(i)).unwrap()).collect()
    }

    fn diamond(&self, chain: ChainId) -> String {
        let value = self.get(BRIDGEHUB, mapping_value(chain.to_word(), 210.into()));
        Address::from_word(value).to_string()
    }

    fn known(&self) -> KnownRoots<Snapshot> {
        let input = Input::from_reader("l1", Cursor::new(self.0.to_string())).unwrap();
        let state = Import::default().read_input(input).unwrap().state;
        let addresses = Addresses {
            bridgehub: BRIDGEHUB.parse().unwrap(),
            message_root: MESSAGE_ROOT.parse().unwrap(),
        };
        KnownRoots::new(state, addresses).unwrap()
    }
}

/// The record of a proof in the form in which its maker wrote it.
pub(super) fn record(line: &Value, sl_chain: u64) -> ProofRecord {
    let target = &line["target"];
    ProofRecord {
        chain_id: ChainId(line["chainId"].as_u64().unwrap()),
        batch_number: BatchNumber(line["batchNumber"].as_u64().unwrap()),
        id: line["logIndex"].as_u64().unwrap(),
        root: line["root"].as_str().unwrap().parse().unwrap(),
        proof: serde_json::from_value(line["proof"].clone()).unwrap(),
        target: Some(TargetRecord {
            kind: TargetKind::SlBatch,
            sl_chain_id: Some(ChainId(sl_chain)),
            number: target["slBatch"].as_u64(),
            root: target["root"].as_str().unwrap().parse().unwrap(),
            timestamp: None,
        }),
        log: Some(line["log"].as_str().unwrap().parse().unwrap()),
        message: None,
        tx_hash: None,
        l1_timestamp: None,
        checked_by: None,
    }
}

/// The answer of L1 about the root of a record. Asserts that the record is valid exactly if L1 accepts the root.
fn answer(known: &KnownRoots<Snapshot>, record: &ProofRecord) -> Answer {
    let mut answer = None;
    let verdict = record.verify(&record.log.unwrap(), |anchor| {
        let found = known.of_record(record, anchor).unwrap();
        let root = found.root().map(|known| known.root);
        answer = Some(found);
        root
    });
    let answer = answer.unwrap();
    assert_eq!(verdict.is_ok(), answer.root().is_some(), "{verdict:?} {answer:?}");
    answer
}

fn accepted(folder: &str, sl_chain: u64) -> Vec<ProofRecord> {
    let lines = json_lines(&format!("{folder}/proofs_l1.jsonl.gz"));
    lines.iter().map(|line| record(line, sl_chain)).collect()
}

fn code(answer: &Answer) -> &'static str {
    match answer {
        Answer::Root(_) => "accepted",
        Answer::Refused(refusal) => refusal.code().as_str(),
        Answer::Lacking(lacking) => lacking.code().as_str(),
        _ => "not-stored",
    }
}

#[test]
fn every_proof_that_l1_accepted_is_accepted() {
    for (folder, sl_chain) in LAYERS {
        let known = L1::read(folder).known();
        let records = accepted(folder, sl_chain);
        assert!(records.len() > 100);
        for record in records {
            assert_eq!(code(&answer(&known, &record)), "accepted", "{folder}: {record:?}");
        }
    }
}

/// The record folds to a root that L1 stores, but for a chain that is not a settlement layer.
#[test]
fn the_forged_record_is_refused() {
    let [record, state] = ["forged.json", "l1.json.gz"]
        .map(|file| fixture(&format!("forged/{file}")).to_str().unwrap().to_owned());
    let args =
        ["verify", &record, "--anchor", &state, "--bridgehub", BRIDGEHUB, "--report", "-", "-q"];
    let run = run(args);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let verdict: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(verdict["valid"], json!(false), "{verdict}");
    assert_eq!(verdict["error"]["code"], "not-a-settlement-layer");
}

/// A proof of an invented log through batch 1 of another chain, whose batch root is made for the proof.
fn forge(victim: ChainId, through: ChainId) -> (ProofRecord, Hash) {
    let message = b"a withdrawal that never was";
    let log = L2ToL1Log::of_message(0, Address::system(0x10003), message);
    let batch = BatchNumber(777_777);
    let path = vec![Hash::ZERO; 15];
    let root = naive::fold(keccak256(log.as_bytes()), 0, &path);
    let chain_root = batch_leaf(root, batch);
    let shared_root = chain_id_leaf(chain_root, victim);
    let metadata = |bytes: [u8; 4]| {
        let mut word = [0; 32];
        word[..4].copy_from_slice(&bytes);
        Hash::new(word)
    };
    let local_root = keccak256(b"local logs root");
    let mut proof = vec![metadata([1, 15, 0, 0])];
    proof.extend(path);
    proof.extend([
        Hash::ZERO,
        Word::join(1, 1).to_hash(),
        through.to_word().to_hash(),
        metadata([1, 1, 0, 1]),
        local_root,
    ]);
    let sl_root = naive::node(local_root, shared_root);
    let record = ProofRecord {
        chain_id: victim,
        batch_number: batch,
        id: 0,
        root,
        proof,
        target: Some(TargetRecord {
            kind: TargetKind::SlBatch,
            sl_chain_id: Some(through),
            number: Some(1),
            root: sl_root,
            timestamp: None,
        }),
        log: Some(log),
        message: Some(message.to_vec()),
        tx_hash: None,
        l1_timestamp: None,
        checked_by: None,
    };
    (record, sl_root)
}

#[test]
fn no_other_chain_is_accepted_as_the_settlement_layer() {
    for (folder, sl_chain) in LAYERS {
        let mut l1 = L1::read(folder);
        let chains = l1.chains();
        let is_v31 = folder != "gateway-v29";
        let victim = chains.iter().copied().find(|chain| *chain != ChainId(sl_chain)).unwrap();
        let mut tried = 0;
        for through in chains {
            let (record, root) = forge(victim, through);
            // The chain executes a batch with this root on L1, by the rules of its release.
            let diamond = l1.diamond(through);
            let batch = Word::from(1);
            if through != ChainId(sl_chain) {
                l1.set(&diamond, 11.into(), batch);
            }
            l1.set(&diamond, mapping_value(batch, 15.into()), root.into());
            if is_v31 {
                let of_chain = mapping_value(through.to_word(), 12.into());
                l1.set(MESSAGE_ROOT, mapping_value(batch, of_chain), root.into());
            }
            let known = l1.known();
            let Answer::Root(stored) = known.of_batch(through, BatchNumber(1)).unwrap() else {
                panic!("the root is stored");
            };
            assert_eq!(stored.root, root);
            let answer = answer(&known, &record);
            // A real settlement layer is trusted; since v31, only within the bounds of a migration interval.
            if through != ChainId(sl_chain) {
                let code = code(&answer);
                match is_v31 {
                    true => assert_eq!(code, "invalid-settlement-layer"),
                    false => assert_eq!(code, "not-a-settlement-layer"),
                }
            }
            // The words alone, without the target, lead to the same answer.
            let claim = Claim {
                chain: record.chain_id,
                batch: record.batch_number,
                index: 0,
                log: record.log.as_ref().unwrap(),
            };
            let folded = verify::fold(&claim, &record.proof).unwrap();
            assert!(matches!(folded.root_ref, RootRef::SettlementLayer(..)));
            assert_eq!(known.of_record(&record, &folded.root_ref).unwrap(), answer);
            tried += 1;
        }
        assert!(tried > 10);
    }
}

#[test]
fn a_batch_that_was_executed_on_l1_is_not_proven_through_a_settlement_layer() {
    let record = accepted("gateway-v29", 506).remove(0);
    let mut l1 = L1::read("gateway-v29");
    let diamond = l1.diamond(record.chain_id);
    let batch = record.batch_number.to_word();
    l1.set(&diamond, mapping_value(batch, 15.into()), keccak256(b"root").into());
    assert_eq!(code(&answer(&l1.known(), &record)), "batch-executed-here");
}

#[test]
fn batches_that_are_not_executed_are_refused_before_v31() {
    let record = accepted("gateway-v29", 506).remove(0);
    let mut l1 = L1::read("gateway-v29");
    let sl_batch = record.target.unwrap().number.unwrap();
    let diamond = l1.diamond(ChainId(506));
    l1.set(&diamond, 11.into(), (sl_batch - 1).into());
    let refusal = Refusal::BatchNotExecuted {
        chain: ChainId(506),
        batch: BatchNumber(sl_batch),
        executed: BatchNumber(sl_batch - 1),
    };
    assert_eq!(answer(&l1.known(), &record), Answer::Refused(refusal));
}

#[test]
fn a_contract_that_a_dump_of_l1_lacks_is_named() {
    let of = |folder: &str, remove: &dyn Fn(&mut L1, &ProofRecord)| {
        let record = accepted(folder, 506).remove(0);
        let mut l1 = L1::read(folder);
        remove(&mut l1, &record);
        answer(&l1.known(), &record)
    };
    // The dump of v29 does not contain L1's MessageRoot either.
    let answer = of("gateway-v29", &|l1, _| l1.remove(BRIDGEHUB));
    assert!(matches!(answer, Answer::Lacking(Lacking::Contracts(_))), "{answer:?}");
    let answer = of("gateway-v31", &|l1, _| l1.remove(BRIDGEHUB));
    assert!(matches!(answer, Answer::Lacking(Lacking::ChainAssetHandler(None))), "{answer:?}");
    let answer = of("gateway-v29", &|l1, record| {
        let diamond = l1.diamond(record.chain_id);
        l1.remove(&diamond);
    });
    assert!(matches!(answer, Answer::Lacking(Lacking::Diamond { .. })), "{answer:?}");
    let answer = of("gateway-v31", &|l1, _| l1.remove(CHAIN_ASSET_HANDLER));
    assert!(matches!(answer, Answer::Lacking(Lacking::ChainAssetHandler(Some(_)))), "{answer:?}");
    let answer = of("gateway-v31", &|l1, _| l1.remove(MESSAGE_ROOT));
    assert!(matches!(answer, Answer::Lacking(Lacking::MessageRoot(_))), "{answer:?}");
}

/// A dump of v31 that lost MessageRoot and the slot of Bridgehub that is new in v31 is not judged by the
/// rules of v29.
#[test]
fn a_truncated_dump_of_v31_is_not_judged_by_the_rules_of_v29() {
    let record = accepted("gateway-v31", 506).remove(0);
    let mut l1 = L1::read("gateway-v31");
    l1.set(BRIDGEHUB, mapping_value(506.into(), 217.into()), 1.into());
    l1.set(BRIDGEHUB, 220.into(), Word::ZERO);
    l1.remove(MESSAGE_ROOT);
    let answer = answer(&l1.known(), &record);
    assert!(matches!(answer, Answer::Lacking(Lacking::MessageRoot(_))), "{answer:?}");
}

/// No contract on L1 reads roots of blocks or imported roots.
#[test]
fn l1_stores_no_roots_of_blocks() {
    for (folder, sl_chain) in LAYERS {
        let mut l1 = L1::read(folder);
        let own = l1.get(MESSAGE_ROOT, mapping_value(0.into(), 3.into()));
        let root = keccak256(b"a root").into();
        l1.set(MESSAGE_ROOT, mapping_value(77.into(), 9.into()), root);
        let storage = system::INTEROP_ROOT_STORAGE.to_string();
        for chain in [own, sl_chain.into(), 324.into()] {
            l1.set(&storage, mapping_value(77.into(), mapping_value(chain, 0.into())), root);
        }
        let known = l1.known();
        for chain in [own, sl_chain.into(), 324.into()] {
            assert_eq!(known.of_sl_block(chain, 77).unwrap(), Answer::NotStored, "{folder}");
            let of = (ChainId(324), BatchNumber(1));
            assert!(known.of_settlement_layer(of, chain, 77).unwrap().root().is_none(), "{folder}");
        }
        assert!(known.of_batch(ChainId(324), BatchNumber(77)).unwrap().root().is_none());
    }
}

/// The slot of word `field` of migration `index` of a chain.
fn interval(chain: ChainId, index: u64, field: u64) -> Word {
    mapping_value(index.into(), mapping_value(chain.to_word(), 252.into())).wrapping_add(field)
}

/// Each bound of a migration interval is moved so that it just excludes the proof, and so that it just
/// includes it.
#[test]
fn the_bounds_of_migration_intervals_are_kept() {
    for (folder, sl_chain) in &LAYERS[1..] {
        let mut seen = std::collections::HashSet::new();
        for record in accepted(folder, *sl_chain) {
            let (chain, batch) = (record.chain_id, record.batch_number.0);
            if !seen.insert((chain, batch)) {
                continue;
            }
            let sl_batch = record.target.unwrap().number.unwrap();
            let original = L1::read(folder);
            let migrations = mapping_value(chain.to_word(), 207.into());
            let count = original.get(CHAIN_ASSET_HANDLER, migrations).to_u64().unwrap();
            // The first interval that contains the batch.
            let word =
                |index, field| original.get(CHAIN_ASSET_HANDLER, interval(chain, index, field));
            let index = (0..=count)
                .find(|index| {
                    !word(*index, 4).is_zero()
                        && (!word(*index, 5).is_zero() || Word::from(batch) <= word(*index, 1))
                })
                .unwrap();
            assert!(word(index, 5).is_zero(), "every chain of the vectors has returned");
            let with = |field, value: u64| {
                let mut l1 = L1::read(folder);
                l1.set(CHAIN_ASSET_HANDLER, interval(chain, index, field), value.into());
                code(&answer(&l1.known(), &record))
            };
            let refused = "invalid-settlement-layer";
            assert_eq!(with(0, batch), refused, "settled on L1 before the migration");
            assert_eq!(with(0, batch - 1), "accepted");
            assert_eq!(with(2, sl_batch + 1), refused, "before the lower bound");
            assert_eq!(with(2, sl_batch), "accepted");
            assert_eq!(with(1, batch - 1), refused, "after the chain returned");
            assert_eq!(with(1, batch), "accepted");
            assert_eq!(with(3, sl_batch - 1), refused, "after the upper bound");
            assert_eq!(with(3, sl_batch), "accepted");
            assert_eq!(with(4, 77), refused, "another settlement layer");
            let mut l1 = L1::read(folder);
            l1.set(CHAIN_ASSET_HANDLER, migrations, 3.into());
            assert_eq!(code(&answer(&l1.known(), &record)), refused, "too many migrations");
            // As long as the chain has not returned, neither layer has a last batch.
            let mut l1 = L1::read(folder);
            for (field, value) in [(1, batch - 1), (3, sl_batch - 1), (5, 1)] {
                l1.set(CHAIN_ASSET_HANDLER, interval(chain, index, field), value.into());
            }
            assert_eq!(code(&answer(&l1.known(), &record)), "accepted");
            l1.set(CHAIN_ASSET_HANDLER, interval(chain, index, 2), (sl_batch + 1).into());
            assert_eq!(code(&answer(&l1.known(), &record)), refused);
        }
        assert!(seen.len() > 10, "{folder}");
    }
}

/// L1 of v31 reads the diamond only for batches before the chain's upgrade, and never for batch 0.
#[test]
fn v31_falls_back_to_the_diamond_only_before_the_upgrade() {
    let chain = ChainId(1506);
    let (batch, root) = (BatchNumber(1000), keccak256(b"an old batch root"));
    let placeholder = keccak256(b"V31_UPGRADE_CHAIN_BATCH_NUMBER_PLACEHOLDER_VALUE").into();
    let mut l1 = L1::read("gateway-v29-to-v31");
    let diamond = l1.diamond(chain);
    for old in [batch, BatchNumber(0)] {
        l1.set(&diamond, mapping_value(old.to_word(), 15.into()), root.into());
    }
    let upgrade = mapping_value(chain.to_word(), 50.into());
    let mut with = |first: Word| {
        l1.set(MESSAGE_ROOT, upgrade, first);
        let known = l1.known();
        assert_eq!(code(&known.of_batch(chain, BatchNumber(0)).unwrap()), "batch-zero");
        code(&known.of_batch(chain, batch).unwrap())
    };
    assert_eq!(with(1001.into()), "accepted");
    assert_eq!(with(placeholder), "accepted");
    assert_eq!(with(1000.into()), "batch-not-in-message-root");
    assert_eq!(with(Word::ZERO), "batch-not-in-message-root");
}

/// L1 stores the root of an SL batch after the migration interval of a chain, but refuses proofs through it.
/// `prove` fails and names the last batch that L1 accepts.
#[test]
fn prove_refuses_sl_batches_that_l1_does_not_accept() {
    let folder = fixture("gateway-v31");
    let path = |file: &str| folder.join(file).to_str().unwrap().to_owned();
    let mut l1 = L1::read("gateway-v31");
    let record = accepted("gateway-v31", 506).pop().unwrap();
    let (chain, sl_batch) = (record.chain_id, record.target.unwrap().number.unwrap());
    let migrations = mapping_value(chain.to_word(), 207.into());
    let count = l1.get(CHAIN_ASSET_HANDLER, migrations).to_u64().unwrap();
    for index in 0..=count {
        let closed = [(1, u64::MAX), (3, sl_batch - 1), (5, 0)];
        for (field, value) in closed {
            l1.set(CHAIN_ASSET_HANDLER, interval(chain, index, field), value.into());
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let closed = dir.path().join("l1.json");
    std::fs::write(&closed, l1.0.to_string()).unwrap();
    let prove = |anchor: &str| {
        let number = |n: u64| n.to_string();
        run([
            "prove",
            "--tree",
            &path("state.anvil.json"),
            "--messages",
            &path("logs.jsonl.gz"),
            "--sl-batches",
            &path("gw_batches.jsonl"),
            "--events",
            &path("events.jsonl.gz"),
            "--anchor",
            anchor,
            "--anchor-bridgehub",
            BRIDGEHUB,
            "--target",
            &format!("sl-batch:{sl_batch}"),
            "--chain",
            &number(chain.0),
            "--batch",
            &number(record.batch_number.0),
            "--index",
            &number(record.id),
        ])
    };
    let good = prove(&path("l1.state.anvil.json"));
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    let refused = prove(closed.to_str().unwrap());
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    assert!(refused.stderr.contains("invalid-settlement-layer"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("the last one is {}", sl_batch - 1)));
    assert!(refused.stdout.is_empty());
    let error = ExtractError::L1CannotJudge(Lacking::ChainAssetHandler(None));
    assert_eq!(error.code(), "anchor-lacks-chain-asset-handler");
}

/// A settlement layer's own contracts refuse proofs through a batch of a settlement layer.
#[test]
fn a_settlement_layer_is_not_l1() {
    for folder in ["gateway-v29", "gateway-v31"] {
        let state = read_state(&fixture(&format!("{folder}/state.anvil.json")), None).unwrap();
        let known = KnownRoots::new(&state.state, Addresses::default()).unwrap();
        assert_eq!(Addresses::default().message_root, system::MESSAGE_ROOT);
        for record in accepted(folder, 506) {
            let Some(TargetRecord { number: Some(number), .. }) = record.target else { panic!() };
            let of = (record.chain_id, record.batch_number);
            let through = known.of_sl_batch(of, ChainId(506).to_word(), number.into()).unwrap();
            let expected = if folder == "gateway-v31" { "only-l1" } else { "batch-executed-here" };
            assert_eq!(code(&through), expected);
        }
    }
}
