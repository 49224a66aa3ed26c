//! Proofs against every target: equal, word by word, to all proofs that the real contracts accepted.

use std::{collections::HashMap, io::Cursor, sync::Arc};

use crate::support::{fixture, json_lines, naive};
use serde_json::{Value, json};
use slproof::{
    anchor::{KnownRoots, RootLocation},
    archive::Archive,
    contracts::system::MESSAGE_ROOT,
    files::{Access, Input},
    forest::{Addresses, Forest, RebuildOptions, SearchBudget, Timeline, explain, rebuild},
    ingest::{
        events::{EventList, read_events},
        logs::{read_archive, read_archive_input},
        sl_batches::{SlBatches, read_sl_batches, read_sl_batches_input},
        state::{Dump, Import, read_state},
    },
    keccak::keccak256,
    message::{BatchLogs, EMPTY_LOG_LEAF, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash, SlBatch, SlBlock, Word},
    proof::{
        Proof, ProofEnd, ProofRecord, Target, TargetKind,
        verify::{RootRef, VerifyError},
    },
    prove::{ExtractError, Extractor, SlBatchError, SlBatchTree, TargetError},
    snapshot::Snapshot,
    state::slots::mapping_value,
};

const FOLDERS: [&str; 2] = ["gateway-v29", "gateway-v31"];
const GATEWAY: ChainId = ChainId(506);

struct Layer {
    folder: &'static str,
    forest: Forest,
    timeline: Timeline,
    archive: Archive,
}

/// The settlement layer of a directory of vectors, with its history explained by events or by a search.
fn layer(folder: &'static str, dump: &str, with_events: bool) -> Layer {
    let dump = read_state(&fixture(&format!("{folder}/{dump}")), None).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    let (mut events, mut effort) = (EventList::default(), SearchBudget::default());
    if with_events {
        let path = fixture(&format!("{folder}/events.jsonl.gz"));
        events = read_events(&[path], MESSAGE_ROOT).unwrap();
        effort = SearchBudget { step: 0, walk: 0 };
    }
    let timeline = explain(&dump.state, Addresses::default(), &forest, &events, effort).unwrap();
    let archive = read_archive(&fixture(&format!("{folder}/logs.jsonl.gz")), Access::Map).unwrap();
    Layer { folder, forest, timeline, archive }
}

/// The state of L1 and the addresses of its contracts. Bridgehub names MessageRoot.
fn l1(folder: &str) -> (Dump, Addresses) {
    let dump = read_state(&fixture(&format!("{folder}/l1.state.anvil.json")), None).unwrap();
    let bridgehub: Address = "0x303a465b659cbb0ab36ee643ea362c509eeb5213".parse().unwrap();
    let message_root =
        slproof::contracts::Bridgehub::at(&dump.state, bridgehub).message_root().unwrap().unwrap();
    (dump, Addresses { bridgehub, message_root })
}

fn words(line: &Value) -> Vec<Hash> {
    let words = line["proof"].as_array().unwrap();
    words.iter().map(|word| word.as_str().unwrap().parse().unwrap()).collect()
}

fn prove(extractor: &Extractor<'_>, archive: &Archive, line: &Value) -> ProofRecord {
    let number = |field: &str| line[field].as_u64().unwrap();
    let (chain, batch) = (ChainId(number("chainId")), BatchNumber(number("batchNumber")));
    extractor.batch_of(archive, chain, batch).unwrap().prove(number("logIndex")).unwrap()
}

fn check(record: &ProofRecord, line: &Value) {
    assert_eq!(record.proof, words(line), "{line}");
    assert_eq!(line["target"]["root"], record.target.unwrap().root.to_string());
}

fn check_block_proofs(layer: &Layer) {
    let lines = json_lines(&format!("{}/proofs.jsonl.gz", layer.folder));
    let first = Extractor::in_history(&layer.forest, &layer.timeline, Target::First).unwrap();
    let mut extractors = HashMap::new();
    let (mut kinds, mut in_109) = (HashMap::<String, usize>::new(), 0);
    for line in &lines {
        let block = line["target"]["slBlock"].as_u64().unwrap();
        let extractor = extractors.entry(block).or_insert_with(|| {
            let target = Target::Block(SlBlock(block));
            Extractor::in_history(&layer.forest, &layer.timeline, target).unwrap()
        });
        check(&prove(extractor, &layer.archive, line), line);
        let kind = line["target"]["kind"].as_str().unwrap();
        if kind == "executed-block" {
            check(&prove(&first, &layer.archive, line), line);
        }
        *kinds.entry(kind.to_owned()).or_default() += 1;
        in_109 += usize::from(block == 109);
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(in_109 > 0, "a chain was registered behind the root of block 109");
}

#[test]
fn every_accepted_proof_against_a_block_is_made_from_the_state_alone() {
    for folder in FOLDERS {
        check_block_proofs(&layer(folder, "state.anvil.json", false));
    }
}

#[test]
fn every_accepted_proof_against_a_block_is_made_with_events() {
    for folder in FOLDERS {
        check_block_proofs(&layer(folder, "geth.dump.no-addr-preimage.json.gz", true));
    }
}

/// The settlement layer's batches in the format of a raw archive.
fn raw_sl_batches(folder: &str) -> SlBatches {
    let lines: Vec<String> = json_lines(&format!("{folder}/gw_batches.jsonl"))
        .iter()
        .map(|line| {
            json!({
                "chainId": GATEWAY, "batchNumber": line["gwBatch"], "logs": line["logs"],
                "firstBlock": line["firstBlock"], "lastBlock": line["lastBlock"],
            })
            .to_string()
        })
        .collect();
    let input = Input::from_reader("raw", Cursor::new(lines.join("\n"))).unwrap();
    read_sl_batches_input(input, GATEWAY).unwrap()
}

#[test]
fn every_accepted_l1_proof_is_made_and_accepted_by_l1() {
    for folder in FOLDERS {
        let layer = layer(folder, "state.anvil.json", true);
        let (l1, addresses) = l1(folder);
        let witness = KnownRoots::new(&l1.state, addresses).unwrap();
        let path = fixture(&format!("{folder}/gw_batches.jsonl"));
        let (archived, raw) = (read_sl_batches(&path, GATEWAY).unwrap(), raw_sl_batches(folder));
        let mut trees = HashMap::new();
        let mut kinds = HashMap::<String, usize>::new();
        for line in json_lines(&format!("{folder}/proofs_l1.jsonl.gz")) {
            let batch = SlBatch(line["target"]["slBatch"].as_u64().unwrap());
            let tree = trees.entry(batch).or_insert_with(|| {
                let stored = witness.of_batch(GATEWAY, BatchNumber(batch.0)).unwrap();
                let stored = stored.root().unwrap();
                let rebuild = |batches: &SlBatches, stored| {
                    let logs = batches.batch(batch).unwrap();
                    SlBatchTree::rebuild(&layer.forest, &layer.timeline, logs, stored)
                };
                // The tree is the same with the root from the file and with the root from L1.
                let root = rebuild(&archived, None).unwrap().root();
                assert_eq!(root, stored.root);
                let last_block = rebuild(&archived, None).unwrap().last_block();
                assert_eq!(last_block, *archived.batch(batch).unwrap().blocks().end());
                assert_eq!(rebuild(&raw, None).unwrap_err(), SlBatchError::NoRoot(batch));
                Arc::new(rebuild(&raw, Some(stored.root)).unwrap())
            });
            let extractor = Extractor::to_sl_batch(
                &layer.forest,
                &layer.timeline,
                Arc::clone(tree),
                Some(&witness),
            );
            let record = prove(&extractor, &layer.archive, &line);
            check(&record, &line);
            assert_eq!(record.target.unwrap().kind, TargetKind::SlBatch);
            let mut by = None;
            record
                .verify(&record.log.unwrap(), |anchor| {
                    let known = witness.of_record(&record, anchor).unwrap().root()?;
                    by = Some(known.location);
                    Some(known.root)
                })
                .unwrap();
            assert_eq!(
                matches!(by, Some(RootLocation::ChainBatchRoots(_))),
                folder == "gateway-v31"
            );
            // L1 stores no root for the SL block with the number of the batch.
            let mut of_block = record.clone();
            of_block.target.as_mut().unwrap().kind = TargetKind::Block;
            let known =
                |anchor: &RootRef| Some(witness.of_record(&of_block, anchor).unwrap().root()?.root);
            let error = of_block.verify(&record.log.unwrap(), known).unwrap_err();
            assert_eq!(error.code(), "unknown-root", "{error}");
            *kinds.entry(line["target"]["kind"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(kinds.len(), 2, "{kinds:?}");
    }
}

/// L1 stores roots of SL batches, not of SL blocks. In the vectors, no batch number is also a block number.
#[test]
fn l1_accepts_no_proof_against_a_block_and_none_that_was_altered() {
    for folder in FOLDERS {
        let (l1, addresses) = l1(folder);
        let witness = KnownRoots::new(&l1.state, addresses).unwrap();
        let verdict = |line: &Value, words: Vec<Hash>| {
            let log: L2ToL1Log = line["log"].as_str().unwrap().parse().unwrap();
            let record = ProofRecord {
                chain_id: ChainId(line["chainId"].as_u64().unwrap()),
                batch_number: BatchNumber(line["batchNumber"].as_u64().unwrap()),
                id: line["logIndex"].as_u64().unwrap(),
                root: line["root"].as_str().map_or(Hash::ZERO, |root| root.parse().unwrap()),
                proof: words,
                target: None,
                log: Some(log),
                message: None,
                tx_hash: None,
                l1_timestamp: None,
                checked_by: None,
            };
            let claim = slproof::proof::verify::Claim {
                chain: record.chain_id,
                batch: record.batch_number,
                index: record.id,
                log: &log,
            };
            let folded = slproof::proof::verify::fold(&claim, &record.proof)?;
            let known = witness.of_record(&record, &folded.root_ref).unwrap().root();
            match known {
                Some(known) if known.root == folded.root => Ok(()),
                _ => Err(VerifyError::UnknownRoot(folded.root_ref)),
            }
        };
        for line in json_lines(&format!("{folder}/proofs_l1.jsonl.gz")) {
            let accepted = words(&line);
            assert_eq!(verdict(&line, accepted.clone()), Ok(()));
            let at = line["logIndex"].as_u64().unwrap() as usize % accepted.len();
            let mut altered = accepted;
            let mut bytes = *altered[at].as_bytes();
            bytes[7] ^= 1;
            altered[at] = Hash::new(bytes);
            assert!(verdict(&line, altered).is_err());
        }
        for line in json_lines(&format!("{folder}/proofs.jsonl.gz")) {
            assert!(verdict(&line, words(&line)).is_err());
        }
    }
}

#[test]
fn targets_that_do_not_exist_are_explained() {
    let layer = layer("gateway-v29", "state.anvil.json", true);
    let extractor = |target| Extractor::in_history(&layer.forest, &layer.timeline, target);
    assert_eq!(
        extractor(Target::Block(SlBlock(104))).unwrap_err(),
        TargetError::NoRootOfBlock {
            block: SlBlock(104),
            before: Some(SlBlock(102)),
            after: Some(SlBlock(105)),
        }
    );
    let sl_batch = Target::SlBatch(SlBatch(2000));
    assert_eq!(extractor(sl_batch).unwrap_err(), TargetError::NeedsHistory(sl_batch));
    let early = extractor(Target::Block(SlBlock(102))).unwrap();
    let prove = |chain, batch| {
        early.batch_of(&layer.archive, ChainId(chain), BatchNumber(batch)).unwrap_err()
    };
    assert_eq!(
        prove(324, 501_235),
        ExtractError::BatchAfterTarget {
            chain: ChainId(324),
            batch: BatchNumber(501_235),
            block: SlBlock(102),
            first: Some(SlBlock(105)),
        }
    );
    let block = SlBlock(102);
    assert_eq!(prove(300, 1), ExtractError::ChainAfterTarget { chain: ChainId(300), block });
    // Chains that left and came back executed the batches in between on another settlement layer.
    let mut gaps = 0;
    for tree in layer.forest.chains() {
        for pair in tree.batches().runs(0..tree.batches().len()).windows(2) {
            let (before, after) = (*pair[0].end(), *pair[1].start());
            let batch = BatchNumber(before.0 + 1);
            let error = early.batch_of(&layer.archive, tree.chain(), batch).unwrap_err();
            let executed = tree.batches().first().zip(tree.batches().last());
            let (chain, between) = (tree.chain(), Some((before, after)));
            assert_eq!(error, ExtractError::BatchNotInTree { chain, batch, executed, between });
            gaps += 1;
        }
    }
    assert!(gaps > 0);
    for text in ["block", "block:", "block:-1", "sl-batch:x", "newest"] {
        assert!(text.parse::<Target>().is_err(), "{text}");
    }
    assert_eq!("sl-batch:7".parse(), Ok(Target::SlBatch(SlBatch(7))));
}

#[test]
fn an_sl_batch_with_a_log_too_few_or_another_root_is_refused() {
    let layer = layer("gateway-v31", "state.anvil.json", true);
    let line = json_lines("gateway-v31/gw_batches.jsonl")
        .into_iter()
        .find(|line| !line["logs"].as_array().unwrap().is_empty())
        .unwrap();
    let batch = SlBatch(line["gwBatch"].as_u64().unwrap());
    let rebuild = |line: Value, stored| {
        let input = Input::from_reader("raw", Cursor::new(line.to_string())).unwrap();
        let batches = read_sl_batches_input(input, GATEWAY).unwrap();
        let logs = batches.batch(batch).unwrap();
        SlBatchTree::rebuild(&layer.forest, &layer.timeline, logs, stored)
    };
    let mut fewer = line.clone();
    fewer.as_object_mut().unwrap().remove("localLogsRoot");
    assert!(rebuild(fewer.clone(), None).is_ok());
    fewer["logs"].as_array_mut().unwrap().pop();
    assert!(matches!(rebuild(fewer, None), Err(SlBatchError::DoesNotFold { .. })));
    let other = rebuild(line, Some(keccak256(b"another root"))).unwrap_err();
    assert!(matches!(other, SlBatchError::OtherRoot { .. }), "{other}");
}

/// The Gateway settles on L1, so proofs of its own messages have one hop.
#[test]
fn a_chain_that_settles_on_l1_is_proven_by_its_batch_root() {
    for folder in FOLDERS {
        let lines: Vec<String> = json_lines(&format!("{folder}/gw_batches.jsonl"))
            .iter()
            .map(|line| {
                json!({
                    "chainId": GATEWAY, "batchNumber": line["gwBatch"], "logs": line["logs"],
                    "aggregatedRoot": line["sharedTreeRoot"],
                })
                .to_string()
            })
            .collect();
        let input = Input::from_reader("own", Cursor::new(lines.join("\n"))).unwrap();
        let archive = read_archive_input(input, None, Access::Map).unwrap();
        let (l1, addresses) = l1(folder);
        let witness = KnownRoots::new(&l1.state, addresses).unwrap();
        let extractor = Extractor::to_batch_roots(&witness);
        let mut proven = 0;
        for batch in archive.batches().map(Result::unwrap) {
            for record in extractor.batch(batch).unwrap().prove_all() {
                let record = record.unwrap();
                assert_eq!(record.proof.len(), 16);
                let known = |anchor: &slproof::proof::verify::RootRef| {
                    Some(witness.of_record(&record, anchor).unwrap().root()?.root)
                };
                record.verify(&record.log.unwrap(), known).unwrap();
                proven += 1;
            }
        }
        assert!(proven > 50, "{folder}: {proven}");
        let missing =
            BatchLogs::new(GATEWAY, BatchNumber(1), vec![], MessageList::default(), None).unwrap();
        let error = extractor.batch(&missing).unwrap_err();
        assert_eq!(error.code(), "batch-root-not-stored");
    }
}

/// A diamond of a release before v26. It stores local logs roots.
fn old_diamond(batch: BatchNumber, root: Hash) -> Snapshot {
    let (bridgehub, diamond) = (Addresses::default().bridgehub, Address::system(0xd1a));
    let map = mapping_value(Word::from(324), Word::from(210));
    let roots = mapping_value(batch.to_word(), Word::from(15));
    let executed = Word::from(11);
    let dump = json!({"accounts": {
        bridgehub.to_string(): {"storage": {map.to_string(): diamond.to_word().to_string()}},
        diamond.to_string(): {"storage": {
            roots.to_string(): root.to_string(), executed.to_string(): batch.to_word().to_string(),
        }},
    }});
    let input = Input::from_reader("diamond", Cursor::new(dump.to_string())).unwrap();
    Import::default().read_input(input).unwrap().state
}

#[test]
fn batches_from_before_v26_are_proven_by_the_tree_whose_root_is_stored() {
    let batch = BatchNumber(7);
    let logs: Vec<L2ToL1Log> = (1..=5).map(|n| L2ToL1Log::new([n; 88])).collect();
    let leaves: Vec<Hash> = logs.iter().map(|log| keccak256(log.as_bytes())).collect();
    let logs = BatchLogs::new(ChainId(324), batch, logs, MessageList::default(), None).unwrap();
    for (height, size) in [(9, 512), (11, 2048), (12, 4096), (14, 16384)] {
        let root = naive::root(&leaves, height, EMPTY_LOG_LEAF);
        let state = old_diamond(batch, root);
        let witness = KnownRoots::new(&state, Addresses::default()).unwrap();
        let extractor = Extractor::to_batch_roots(&witness);
        for record in extractor.batch(&logs).unwrap().prove_all() {
            let record = record.unwrap();
            assert_eq!(record.proof.len() as u32, height, "{size} leaves");
            let leaf = leaves[record.id as usize];
            assert_eq!(naive::fold(leaf, record.id, &record.proof), root);
            assert_eq!(Proof::decode(&record.proof).unwrap().end, ProofEnd::Plain);
        }
    }
    let state = old_diamond(batch, naive::root(&leaves, 10, EMPTY_LOG_LEAF));
    let witness = KnownRoots::new(&state, Addresses::default()).unwrap();
    let error = Extractor::to_batch_roots(&witness).batch(&logs).unwrap_err();
    assert_eq!(error.code(), "logs-do-not-fold");
}
