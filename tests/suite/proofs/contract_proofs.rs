//! Compares proofs and verdicts with those of the real contracts.

use std::collections::HashMap;

use crate::support::{self, fixture, json_lines};
use serde_json::Value;
use slproof::{
    anchor::KnownRoots,
    archive::{Archive, ArchiveWriter, Origin, Place},
    files::Access,
    forest::{Addresses, Forest, RebuildOptions, rebuild},
    ingest::{logs::read_archive, state::read_state},
    message::{BatchLogs, EMPTY_LOG_LEAF, L2ToL1Log, MessageList},
    primitives::{BatchNumber, ChainId, Hash, hex},
    proof::{
        CheckedBy, Proof, ProofRecord, Target, TargetKind, TargetRecord,
        verify::{self, Claim, RootRef},
    },
    prove::{AggregatedRoot, BatchRootForm, ExtractError, Extractor, LogFilter, VerifiedProofs},
};

const FOLDERS: [&str; 2] = ["gateway-v29", "gateway-v31"];

fn forest(path: &str) -> Forest {
    let dump = read_state(&fixture(path), None).unwrap();
    rebuild(&dump.state, &RebuildOptions::default()).unwrap()
}

fn archive(folder: &str) -> Archive {
    read_archive(&fixture(&format!("{folder}/logs.jsonl.gz")), Access::Map).unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().parse().unwrap()).collect()
}

/// A line of the vectors as a record. Parts that are missing in the line are missing in the record.
fn record(line: &Value) -> ProofRecord {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let target = &line["target"];
    ProofRecord {
        chain_id: ChainId(line["chainId"].as_u64().unwrap()),
        batch_number: BatchNumber(line["batchNumber"].as_u64().unwrap()),
        id: line["logIndex"].as_u64().unwrap(),
        root: text(&line["root"]).map(|root| root.parse().unwrap()).unwrap_or_default(),
        proof: hashes(&line["proof"]),
        target: Some(TargetRecord {
            kind: TargetKind::Block,
            sl_chain_id: Some(ChainId(506)),
            number: target["slBlock"].as_u64(),
            root: text(&target["root"]).unwrap().parse().unwrap(),
            timestamp: None,
        }),
        log: text(&line["log"]).map(|log| log.parse().unwrap()),
        message: text(&line["messageHex"]).map(|message| hex::bytes(&message).unwrap()),
        tx_hash: None,
        l1_timestamp: None,
        checked_by: None,
    }
}

#[test]
fn every_log_is_proven_and_final_proofs_are_the_contracts_word_for_word() {
    for folder in FOLDERS {
        let archive = archive(folder);
        let mut accepted: HashMap<_, _> = json_lines(&format!("{folder}/proofs.jsonl.gz"))
            .iter()
            .filter(|line| line["target"]["kind"] == "final")
            .map(record)
            .map(|record| ((record.chain_id, record.batch_number, record.id), record))
            .collect();
        let all: usize = archive.batches().map(|batch| batch.unwrap().logs().len()).sum();
        for dump in support::STATE_DUMPS {
            let forest = forest(&format!("{folder}/{dump}"));
            let extractor = Extractor::new(&forest, Target::Latest).unwrap();
            let (mut proven, mut padding, mut compared) = (0, 0, 0);
            for batch in archive.batches() {
                for proof in extractor.batch(batch.unwrap()).unwrap().prove_all() {
                    let proof = match proof {
                        Ok(proof) => proof,
                        Err(ExtractError::DefaultLeaf { .. }) => {
                            padding += 1;
                            continue;
                        }
                        Err(error) => panic!("{error}"),
                    };
                    proven += 1;
                    let key = (proof.chain_id, proof.batch_number, proof.id);
                    if let Some(vector) = accepted.get_mut(&key) {
                        compared += 1;
                        assert_eq!(proof.root, vector.root);
                        vector.root = proof.root;
                        vector.checked_by = Some(CheckedBy::STATE);
                        assert_eq!(&proof, vector);
                    }
                }
            }
            assert_eq!(proven + padding, all, "{folder}/{dump}");
            assert_eq!(compared, accepted.len(), "{folder}/{dump}");
        }
        let logs = archive.batches().flat_map(|batch| batch.unwrap().logs());
        let padding =
            logs.filter(|log| slproof::keccak::keccak256(log.as_bytes()) == EMPTY_LOG_LEAF).count();
        println!("{folder}: {all} logs, {padding} of them padding, {} compared", accepted.len());
    }
}

#[test]
fn the_verifier_accepts_and_refuses_what_the_contracts_did() {
    for folder in FOLDERS {
        let state =
            read_state(&fixture(&format!("{folder}/state.anvil.json")), None).unwrap().state;
        let witness = KnownRoots::new(&state, Addresses::default()).unwrap();
        let known = |record: &ProofRecord, anchor: &RootRef| {
            Some(witness.of_record(record, anchor).unwrap().root()?.root)
        };
        for line in json_lines(&format!("{folder}/proofs.jsonl.gz")) {
            let record = record(&line);
            let folded = record.verify(&record.log.unwrap(), |at| known(&record, at)).unwrap();
            assert_eq!(Some(folded.root), record.target.map(|target| target.root));
            // The SL batch with the number of the block is another target. The settlement layer's own state
            // does not store its root.
            let mut of_batch = record.clone();
            of_batch.target.as_mut().unwrap().kind = TargetKind::SlBatch;
            let error = of_batch.verify(&record.log.unwrap(), |at| known(&record, at)).unwrap_err();
            assert_eq!(error.code(), "unknown-root", "{error}");
            assert_eq!(Proof::decode(&record.proof).unwrap().encode(), record.proof);
        }
        let mut seen = 0;
        for line in json_lines(&format!("{folder}/proofs_negative.jsonl.gz")) {
            let record = record(&line);
            // Verified without the target of the record, as the contracts do.
            let claim = Claim {
                chain: record.chain_id,
                batch: record.batch_number,
                index: record.id,
                log: &record.log.unwrap(),
            };
            let sent =
                record.message.as_ref().is_none_or(|m| verify::message(claim.log, m).is_ok());
            let accepted = verify::fold(&claim, &record.proof)
                .is_ok_and(|folded| known(&record, &folded.root_ref) == Some(folded.root));
            assert!(!(accepted && sent), "{}: {line}", line["case"]);
            seen += 1;
        }
        assert!(seen > 1800);
    }
}

/// Another chain imported some of the roots. With its dump, proofs against those roots are valid.
#[test]
fn roots_imported_by_a_listening_chain_are_an_anchor() {
    for folder in FOLDERS {
        let dump = read_state(&fixture(&format!("{folder}/dest.state.anvil.json")), None).unwrap();
        let witness = KnownRoots::new(&dump.state, Addresses::default()).unwrap();
        assert!(!witness.is_settlement_layer());
        let mut accepted = 0;
        for line in json_lines(&format!("{folder}/proofs.jsonl.gz")) {
            let record = record(&line);
            let verdict = record.verify(&record.log.unwrap(), |anchor| {
                Some(witness.of_record(&record, anchor).unwrap().root()?.root)
            });
            match verdict {
                Ok(_) => accepted += 1,
                Err(error) => assert_eq!(error.code(), "unknown-root"),
            }
        }
        assert!(accepted > 0, "{folder}");
    }
}

#[test]
fn the_batch_root_is_a_target_too_and_its_anchor_is_the_diamond() {
    for folder in FOLDERS {
        let dump = read_state(&fixture(&format!("{folder}/state.anvil.json")), None).unwrap();
        let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
        let witness = KnownRoots::new(&dump.state, Addresses::default()).unwrap();
        let extractor = Extractor::new(&forest, Target::BatchRoot).unwrap();
        let archive = archive(folder);
        let batches = archive.batches().map(Result::unwrap);
        for batch in batches.filter(|batch| !batch.logs().is_empty()) {
            let Ok(proof) = extractor.batch(batch).unwrap().prove(0) else { continue };
            assert_eq!(proof.proof.len(), 16);
            let known =
                |anchor: &RootRef| Some(witness.of_record(&proof, anchor).unwrap().root()?.root);
            let folded = proof.verify(&batch.logs()[0], known).unwrap();
            assert!(matches!(folded.root_ref, RootRef::Batch(..)));
        }
    }
}

/// Every form of the aggregated root in the vectors is detected.
#[test]
fn aggregated_roots_are_found_and_proven() {
    for folder in FOLDERS {
        let forest = forest(&format!("{folder}/state.anvil.json"));
        let extractor = Extractor::new(&forest, Target::Latest).unwrap();
        let mut forms: HashMap<AggregatedRoot, usize> = HashMap::new();
        for (batch, line) in
            archive(folder).batches().zip(sorted(json_lines(&format!("{folder}/logs.jsonl.gz"))))
        {
            let batch = batch.unwrap();
            let bare = BatchLogs::new(
                batch.chain(),
                batch.batch(),
                batch.logs().to_vec(),
                MessageList::default(),
                None,
            )
            .unwrap();
            match extractor.batch(&bare) {
                Ok(proofs) => {
                    let BatchRootForm::Aggregated(root, form) = proofs.settled().form() else {
                        panic!("a batch from before v26")
                    };
                    assert_eq!(line["aggregatedRoot"].as_str().unwrap(), root.to_string());
                    *forms.entry(form).or_default() += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        println!("{folder}: {forms:?}");
    }
}

fn sorted(mut lines: Vec<Value>) -> Vec<Value> {
    lines.sort_by_key(|l| (l["chainId"].as_u64().unwrap(), l["batchNumber"].as_u64().unwrap()));
    lines
}

/// Proofs of real networks, published by other projects.
#[test]
fn published_proofs_decode_fold_to_their_stages_and_encode_again() {
    let vectors = support::json("public/vectors.json");
    let mut folded_proofs = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        let id = vector["id"].as_str().unwrap();
        let words = hashes(&vector["proof"]);
        assert_eq!(Proof::decode(&words).unwrap().encode(), words, "{id}");
        let Some(preimage) = vector["leafPreimage88"].as_str() else { continue };
        let log: L2ToL1Log = preimage.parse().unwrap();
        let claim = Claim {
            chain: ChainId(vector["chainId"].as_u64().unwrap()),
            batch: BatchNumber(vector["batchNumber"].as_u64().unwrap()),
            index: vector["leafMask"].as_u64().unwrap(),
            log: &log,
        };
        let folded = verify::fold(&claim, &words).unwrap();
        let recomputed = &vector["recomputed"];
        assert_eq!(recomputed["finalRoot"], folded.root.to_string(), "{id}");
        let batch_root = &recomputed["stages"][0]["batchSettlementRoot"];
        assert_eq!(*batch_root, folded.batch_root.to_string(), "{id}");
        folded_proofs += 1;
    }
    assert_eq!(folded_proofs, 5);
}

/// Another process may overwrite a mapped archive at any time. Proofs that were verified do not change.
#[test]
fn an_archive_that_is_overwritten_changes_no_proof_that_was_accepted() {
    let forest = forest("gateway-v31/state.anvil.json");
    let extractor = Extractor::new(&forest, Target::Latest).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs.slmsg");
    let raw = archive("gateway-v31");
    let mut writer = ArchiveWriter::create(&path).unwrap();
    let source = writer.source("test");
    let mut expected = Vec::new();
    for batch in raw.batches().map(Result::unwrap) {
        writer.add(batch, Origin { source, place: Place::Whole }).unwrap();
        expected.push(extractor.batch(batch).unwrap().prove_all().flatten().collect::<Vec<_>>());
    }
    writer.commit().unwrap();

    let mapped = Archive::open(&path, Access::Map).unwrap();
    let prepared: Vec<_> =
        mapped.batches().map(|batch| extractor.batch(batch.unwrap()).unwrap()).collect();
    let accepted = VerifiedProofs::new(prepared.iter().map(|batch| (batch, LogFilter::All)));
    let mut single = Vec::new();
    for batch in &prepared {
        single.push(batch.prove_all().flatten().collect::<Vec<_>>());
    }
    let whole = std::fs::read(&path).unwrap();
    let other: Vec<u8> = whole.iter().map(|byte| !byte).collect();
    // Overwrites the mapped file in place instead of replacing it.
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, &other).unwrap();

    assert_eq!(single, expected);
    let mut with_message = 0;
    for (place, expected) in expected.iter().enumerate() {
        let made: Vec<_> =
            accepted.of(place).filter_map(|(_, proof)| Some(proof.ok()?.to_record())).collect();
        assert_eq!(&made, expected);
        with_message += made.iter().filter(|record| record.message.is_some()).count();
    }
    assert!(with_message > 100, "{with_message}");
    // Proofs that are made after the change are refused.
    for batch in &prepared {
        assert!(batch.prove_all().all(|proof| proof.is_err()));
    }
}
