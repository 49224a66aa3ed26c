//! Anchors that are proofs: answers of `eth_getProof` for one trusted block.

use std::io::Cursor;

use serde_json::{Value, json};
use slproof::{
    FailureCode, L1Options, Messages, Prover, Request, StateOptions, Target, Trees, TreesOptions,
    TrustedRoots, Verdict,
    claims::needed_slots,
    files::Input,
    ingest::state_proofs::{AnswerError, PathError, StateProofs, StateProofsError, proof_requests},
    primitives::{Address, Hash, SlBlock},
    proof::{ProofRecord, reader::Defaults},
    records::Entries,
    state::{ProvenSlots, StorageReader},
    verify,
};

use super::anchors::record;
use crate::support::{
    fixture, json as read_json, json_lines,
    state_tries::{BRIDGEHUB, RECORDED, StateTries},
    vectors::unhex,
};

fn hash(text: &str) -> Hash {
    text.parse().unwrap()
}

fn input(text: impl ToString) -> Input {
    Input::from_reader("answers", Cursor::new(text.to_string().into_bytes())).unwrap()
}

/// The values as lines.
fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn read(values: &[Value], trusted: &str) -> Result<StateProofs, StateProofsError> {
    StateProofs::read(vec![input(lines(values))], Some(hash(trusted)))
}

fn options(trusted: &str) -> StateOptions {
    let mut options = StateOptions::default();
    options.bridgehub = Some(BRIDGEHUB.parse().unwrap());
    options.trusted_block = Some(hash(trusted));
    options
}

fn verdict(proofs: StateProofs, record: &ProofRecord, trusted: &str) -> Verdict {
    verify(record, &TrustedRoots::of_state(proofs.slots, &options(trusted)).unwrap())
}

/// The first record that L1's contracts accepted, which the recorded answers decide on.
fn first(folder: &str) -> ProofRecord {
    record(&json_lines(&format!("{folder}/proofs_l1.jsonl.gz"))[0], 506)
}

fn code(verdict: &Verdict) -> Option<FailureCode> {
    match verdict {
        Verdict::Valid(_) => None,
        Verdict::Invalid(reason) | Verdict::CannotJudge(reason) => Some(reason.code()),
    }
}

/// The paths of nodes in an answer.
fn paths(answer: &mut Value) -> Vec<&mut Value> {
    let result = answer["result"].as_object_mut().unwrap();
    let mut found = Vec::new();
    for (name, value) in result {
        match name.as_str() {
            "accountProof" => found.push(value),
            "storageProof" => {
                found.extend(
                    value.as_array_mut().unwrap().iter_mut().map(|slot| &mut slot["proof"]),
                );
            }
            _ => {}
        }
    }
    found
}

#[test]
fn answers_of_anvil_decide_as_the_whole_state_does() {
    for (folder, file, trusted) in RECORDED {
        let known = TrustedRoots::open_all(&[fixture(file)], &options(trusted)).unwrap();
        assert!(matches!(verify(&first(folder), &known), Verdict::Valid(_)));
        // In any order, as a batch, and in several files.
        let mut values = json_lines(file);
        values.reverse();
        let count = values.len();
        assert_eq!(count, 7 - usize::from(folder == "gateway-v31"));
        let all = read(&values, trusted).unwrap();
        let batch = StateProofs::read(vec![input(json!(values))], Some(hash(trusted))).unwrap();
        let bare: Vec<Value> = values.iter().map(|value| value["result"].clone()).collect();
        let bare = bare.into_iter().map(input).collect();
        let files = StateProofs::read(bare, Some(hash(trusted))).unwrap();
        for read in [&batch, &files] {
            assert_eq!(read.slots, all.slots);
        }
        // Every value is that of the dump, zero included.
        let dump = read_json(&format!("{folder}/l1.state.anvil.json"));
        for (contract, slot, value) in all.slots.iter() {
            let stored = &dump["accounts"][contract.to_string()]["storage"][slot.to_string()];
            assert_eq!(
                stored.as_str().map_or(Hash::ZERO, hash),
                value.to_hash(),
                "{contract} {slot}"
            );
        }
        assert!(all.slots.iter().any(|(_, _, value)| value.is_zero()));
        assert!(all.slots.empty_accounts().any(|account| account == Address::system(0xff)));
    }
}

#[test]
fn an_answer_that_is_altered_in_any_node_is_refused() {
    for (_, file, trusted) in RECORDED {
        let values = json_lines(file);
        let mut altered = 0;
        for at in 1..values.len() {
            let nodes: Vec<usize> = paths(&mut values[at].clone())
                .iter()
                .map(|path| path.as_array().unwrap().len())
                .collect();
            for (path, count) in nodes.into_iter().enumerate() {
                for node in 0..count {
                    let mut values = values.clone();
                    let node = &mut paths(&mut values[at]).remove(path)[node];
                    let text = node.as_str().unwrap();
                    // The last digit of an empty node, and a digit of a hash in every other.
                    let digit = text.len() - 1 - text.len() / 2 * usize::from(text.len() > 8);
                    let other = if &text[digit..=digit] == "1" { "2" } else { "1" };
                    *node = json!(format!("{}{other}{}", &text[..digit], &text[digit + 1..]));
                    let error = read(&values, trusted).unwrap_err();
                    let StateProofsError::Answer { entry, source, .. } = error else {
                        panic!("{error}")
                    };
                    assert_eq!(entry, at + 1);
                    assert!(matches!(source, AnswerError::Path { .. }), "{source}");
                    altered += 1;
                }
            }
        }
        assert!(altered > 50, "{altered}");
    }
}

/// Members that repeat what is proven, the keys of slots, and the address.
#[test]
fn an_answer_that_says_something_else_than_its_proof_is_refused() {
    let (_, file, trusted) = RECORDED[0];
    let values = json_lines(file);
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut values = values.clone();
        change(&mut values[1]["result"]);
        match read(&values, trusted).unwrap_err() {
            StateProofsError::Answer { source, .. } => source,
            error => panic!("{error}"),
        }
    };
    for (name, other) in [
        ("nonce", json!("0x1")),
        ("balance", json!(5)),
        ("storageHash", json!(format!("0x{}", "11".repeat(32)))),
        ("codeHash", json!(format!("0x{}", "22".repeat(32)))),
    ] {
        let error = refused(&|answer| answer[name] = other.clone());
        assert!(
            matches!(error, AnswerError::Member { name: named, .. } if named == name),
            "{error}"
        );
    }
    let error = refused(&|answer| answer["storageProof"][0]["value"] = json!("0x123"));
    assert!(matches!(error, AnswerError::Slot { .. }), "{error}");
    // The proof of another slot, and of another account.
    let error = refused(&|answer| answer["storageProof"][0]["key"] = json!("0x7"));
    assert!(matches!(error, AnswerError::Path { .. } | AnswerError::Slot { .. }), "{error}");
    let other = values[2]["result"]["accountProof"].clone();
    assert_ne!(other, values[1]["result"]["accountProof"]);
    let error = refused(&|answer| answer["accountProof"] = other.clone());
    assert!(matches!(error, AnswerError::Path { .. }), "{error}");
    let error = refused(&|answer| answer["address"] = values[2]["result"]["address"].clone());
    assert!(matches!(error, AnswerError::Path { .. }), "{error}");
    // Nothing is taken from an answer that lacks a part.
    for name in ["address", "accountProof", "storageProof"] {
        let mut values = values.clone();
        values[1]["result"].as_object_mut().unwrap().remove(name);
        assert!(read(&values, trusted).is_err(), "{name}");
    }
}

#[test]
fn only_the_trusted_block_is_trusted() {
    let (_, file, trusted) = RECORDED[0];
    let (_, other_file, other_trusted) = RECORDED[1];
    let (values, others) = (json_lines(file), json_lines(other_file));
    let text = || vec![input(lines(&values))];
    match StateProofs::read(text(), None).unwrap_err() {
        StateProofsError::NotTrusted { hash: found, .. } => assert_eq!(found, hash(trusted)),
        error => panic!("{error}"),
    }
    match StateProofs::read(text(), Some(hash(other_trusted))).unwrap_err() {
        StateProofsError::OtherBlock { hash: found, .. } => assert_eq!(found, hash(trusted)),
        error => panic!("{error}"),
    }
    // Two headers, and the header of one block with the answers of another.
    let both = [&values[..], &others[..1]].concat();
    for trusted in [Some(hash(trusted)), None] {
        let error = StateProofs::read(vec![input(lines(&both))], trusted).unwrap_err();
        assert!(matches!(error, StateProofsError::OtherBlock { .. }), "{error}");
    }
    let mixed = [&values[..1], &others[1..]].concat();
    let error = read(&mixed, trusted).unwrap_err();
    let StateProofsError::Answer { source: AnswerError::Path { source, .. }, .. } = error else {
        panic!("{error}")
    };
    assert!(matches!(source, PathError::OtherRoot { .. }), "{source}");
    let error = read(&values[1..], trusted).unwrap_err();
    assert!(matches!(error, StateProofsError::NoHeader { .. }), "{error}");
    // A header with another state root has another hash.
    let mut forged = values.clone();
    forged[0]["result"]["stateRoot"] = others[0]["result"]["stateRoot"].clone();
    assert!(matches!(read(&forged, trusted).unwrap_err(), StateProofsError::Entry { .. }));
    forged[0]["result"].as_object_mut().unwrap().remove("hash");
    assert!(matches!(read(&forged, trusted).unwrap_err(), StateProofsError::OtherBlock { .. }));
}

#[test]
fn answers_of_nodes_without_a_proof_are_named() {
    let (_, file, trusted) = RECORDED[0];
    let header = json_lines(file).remove(0);
    for (answer, expected) in [
        (
            json!({ "error": { "code": -32000, "message": "missing trie node" } }),
            "missing trie node",
        ),
        (json!({ "result": null }), "answer of null"),
        (json!({ "logs": [] }), "neither an answer of eth_getProof nor a block"),
        (json!(7), "neither an answer"),
        (json!("0x12"), "no RLP list"),
        (json!("text"), "0x"),
    ] {
        let error = read(&[header.clone(), answer], trusted).unwrap_err();
        assert!(matches!(error, StateProofsError::Entry { entry: 2, .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = StateProofs::read(vec![input("{\"result\":")], None).unwrap_err();
    assert!(matches!(error, StateProofsError::Json { .. }), "{error}");
}

/// Without any one slot the verdict is the same, if the slot is not needed, or none.
#[test]
fn a_slot_that_is_not_proven_is_not_taken_for_zero() {
    for (folder, file, trusted) in RECORDED {
        let (values, record) = (json_lines(file), first(folder));
        let (mut needed, mut not_needed) = (0, 0);
        for at in 1..values.len() {
            for slot in 0..values[at]["result"]["storageProof"].as_array().unwrap().len() {
                let mut values = values.clone();
                let entries = values[at]["result"]["storageProof"].as_array_mut().unwrap();
                let key = entries.remove(slot)["key"].as_str().unwrap().to_owned();
                let verdict = verdict(read(&values, trusted).unwrap(), &record, trusted);
                match code(&verdict) {
                    None => not_needed += 1,
                    Some(code) => {
                        assert_eq!(code, FailureCode::SlotNotProven);
                        let Verdict::CannotJudge(reason) = verdict else { panic!("invalid") };
                        let text = reason.to_string();
                        let contract = values[at]["result"]["address"].as_str().unwrap();
                        assert!(text.contains(&key) && text.contains(contract), "{text}");
                        needed += 1;
                    }
                }
            }
        }
        assert!(needed > 7, "{needed} of {}", needed + not_needed);
    }
}

fn entries(records: &[ProofRecord]) -> Entries {
    let text: String =
        records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
    Entries::open(input(text), &Defaults::default()).unwrap()
}

/// Answers of a node to the needed requests lead, after some rounds, to the verdicts of the whole state: for
/// proofs that L1 accepts, and for proofs that it refuses.
#[test]
fn needed_slots_decide_on_every_proof() {
    let defaults = Defaults::default();
    for (folder, sl_chain) in
        [("gateway-v29", 506), ("gateway-v31", 506), ("gateway-v29-to-v31", 1506)]
    {
        let dump = format!("{folder}/l1.state.anvil.json");
        let tries = StateTries::of_dump(&read_json(&dump));
        let block = tries.block(21_000_000);
        let mut records: Vec<ProofRecord> = json_lines(&format!("{folder}/proofs_l1.jsonl.gz"))
            .iter()
            .step_by(40)
            .map(|line| record(line, sl_chain))
            .collect();
        for at in 0..records.len() {
            let mut other = records[at].clone();
            if let Some(target) = &mut other.target {
                target.number = target.number.map(|number| number + 1_000_000);
                target.sl_chain_id = None;
            }
            other.batch_number.0 += at as u64 % 3;
            records.push(other);
        }
        let mut options = options(&block.hash);
        let (mut proven, mut answers, mut rounds) =
            (ProvenSlots::default(), vec![block.raw.clone()], 0);
        loop {
            let again = needed_slots(entries(&records), &defaults, proven.clone(), &options, None);
            let needed =
                needed_slots(entries(&records), &defaults, proven, &options, None).unwrap();
            assert_eq!(needed, again.unwrap());
            if needed.is_empty() {
                break;
            }
            let number = (rounds > 0).then_some(SlBlock(21_000_000));
            let mut requests = proof_requests(&needed, hash(&block.hash), number);
            assert_eq!(requests[0]["method"] == "eth_getBlockByHash", rounds == 0);
            requests.retain(|request| request["method"] == "eth_getProof");
            answers.extend(requests.iter().map(|request| tries.respond(request)));
            proven = read(&answers, &block.hash).unwrap().slots;
            rounds += 1;
            assert!(rounds < 12, "{needed:?}");
        }
        answers[0] = block.answer;
        let read = read(&answers, &block.hash).unwrap();
        assert_eq!(read.slots.block(), Some(SlBlock(21_000_000)));
        let proven = TrustedRoots::of_state(read.slots, &options).unwrap();
        options.trusted_block = None;
        let whole = TrustedRoots::open(fixture(&dump), &options).unwrap();
        let mut valid = 0;
        for record in &records {
            let (got, expected) = (verify(record, &proven), verify(record, &whole));
            assert_eq!(code(&got), code(&expected), "{record:?}");
            valid += usize::from(code(&got).is_none());
        }
        assert!(valid * 2 >= records.len() && valid < records.len(), "{folder}: {valid}");
    }
}

/// Without MessageRoot and diamonds nothing is known of them, not even that they are missing.
#[test]
fn an_account_without_storage_has_only_zeros() {
    let tries = StateTries::of_dump(&read_json("gateway-v29/l1.state.anvil.json"));
    let block = tries.block(7);
    // This account is in the state, without storage; the other one is not in the state.
    let addresses = [
        "0x4e59b44847b379578588920ca78fbf26c0b4956c",
        "0x00000000000000000000000000000000000000ff",
    ];
    for address in addresses {
        let answers = [block.answer.clone(), tries.answer(address, &[])];
        let slots = read(&answers, &block.hash).unwrap().slots;
        let contract = address.parse().unwrap();
        assert!(slots.read(contract, 5.into()).unwrap().is_zero());
        assert_eq!(slots.slot_count(contract), Some(0));
    }
}

#[test]
fn proofs_are_made_against_a_root_that_answers_prove() {
    let folder = "gateway-v29";
    let trees = |l1: L1Options| {
        let mut options = TreesOptions::default();
        options.sl_batches = vec![fixture(&format!("{folder}/gw_batches.jsonl"))];
        options.l1 = Some(l1);
        let trees =
            Trees::open(&[fixture(&format!("{folder}/state.anvil.json"))], &options).unwrap();
        let logs = fixture(&format!("{folder}/logs.jsonl.gz"));
        Prover::new(trees, Messages::open(&[logs], &Default::default()).unwrap())
    };
    let prove = |l1: L1Options, batch: u64| {
        let request = json!({ "chainId": 324, "batchNumber": batch, "id": 0 });
        let request: Request = serde_json::from_value(request).unwrap();
        trees(l1).prove(&request, Target::FirstSlBatch)
    };
    let (_, file, trusted) = RECORDED[0];
    let mut l1 = L1Options { paths: vec![fixture(file)], state: options(trusted) };
    let records = prove(l1.clone(), 501234).unwrap();
    assert_eq!(records.len(), 1);
    let error = prove(l1.clone(), 501235).unwrap_err();
    assert_eq!(error.code(), FailureCode::SlotNotProven, "{error}");
    l1.state.trusted_block = None;
    let error = prove(l1.clone(), 501234).unwrap_err();
    assert_eq!(error.code(), FailureCode::BlockNotTrusted, "{error}");
    l1.paths = vec![fixture(&format!("{folder}/l1.state.anvil.json"))];
    assert_eq!(prove(l1, 501234).unwrap(), records);
}

/// The header as JSON, as the answer with its RLP, as hexadecimal digits, and as bytes.
#[test]
fn a_header_may_have_any_form() {
    let tries = StateTries::of_dump(&read_json("gateway-v29/l1.state.anvil.json"));
    let block = tries.block(7);
    let answer = tries.answer(BRIDGEHUB, &[json!("0xd3")]);
    let digits = block.raw["result"].as_str().unwrap().to_owned();
    let bytes = unhex(&block.raw["result"]);
    let forms = [
        block.answer.to_string(),
        block.raw.to_string(),
        json!(digits).to_string(),
        format!("{digits}\n"),
    ];
    let forms = forms.into_iter().map(String::into_bytes).chain([bytes]);
    let header = |bytes| Input::from_reader("header", Cursor::new(bytes)).unwrap();
    for form in forms {
        assert!(StateProofs::recognize(&header(form.clone())));
        let read =
            |form| StateProofs::read(vec![header(form), input(&answer)], Some(hash(&block.hash)));
        let read_slots = read(form.clone()).unwrap().slots;
        assert!(!read_slots.read(BRIDGEHUB.parse().unwrap(), 0xd3.into()).unwrap().is_zero());
        let mut altered = form;
        let last = altered.len() - 20;
        altered[last] ^= 1;
        assert!(read(altered).is_err());
    }
}

/// Slot 16 of MessageRoot is zero in every release that is known. The slots that `needs` names show that it is not.
#[test]
fn proven_slots_of_an_unknown_layout_decide_nothing() {
    for (folder, ..) in RECORDED {
        let mut dump = read_json(&format!("{folder}/l1.state.anvil.json"));
        // MessageRoot, which the state of v29 does not have.
        let accounts = dump["accounts"].as_object_mut().unwrap();
        let account = accounts
            .entry(format!("0x{}", "a1".repeat(20)))
            .or_insert_with(|| json!({"nonce": 1, "balance": "0x0", "storage": {}}));
        account["storage"][format!("0x{:064x}", 16)] = json!("0x1");
        let tries = StateTries::of_dump(&dump);
        let block = tries.block(21_000_000);
        let (record, options) = (first(folder), options(&block.hash));
        let (mut proven, mut answers) = (ProvenSlots::default(), vec![block.raw.clone()]);
        loop {
            let records = entries(std::slice::from_ref(&record));
            let needed =
                needed_slots(records, &Defaults::default(), proven, &options, None).unwrap();
            if needed.is_empty() {
                break;
            }
            let requests = proof_requests(&needed, hash(&block.hash), Some(SlBlock(21_000_000)));
            answers.extend(requests.iter().map(|request| tries.respond(request)));
            proven = read(&answers, &block.hash).unwrap().slots;
        }
        let verdict = verdict(read(&answers, &block.hash).unwrap(), &record, &block.hash);
        assert!(matches!(verdict, Verdict::CannotJudge(_)), "{verdict:?}");
        assert_eq!(code(&verdict), Some(FailureCode::LayoutNotSupported));
    }
}
