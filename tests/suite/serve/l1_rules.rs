//! The rules by which the script of a bundle judges what L1 accepts, beside the contracts and the verifier of slproof. Node
//! runs it on dumps, in place of proven slots.

use std::{fs, io::Cursor, path::Path};

use serde_json::{Value, json};
use slproof::{
    FailureCode, ProofRecord, StateOptions, TrustedRoots, Verdict, files::Input,
    ingest::state::Import, verify,
};

use super::evidence::recorded;
use crate::support::{
    json, json_lines,
    state_tries::{BRIDGEHUB, RECORDED},
    tools::tool,
};

/// What the script says of records by each of these states; `None` if Node is not installed.
fn judged(dumps: &[Value], bridgehub: &str, records: &[Value]) -> Option<Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    let [bundle, states] = ["evidence.html", "states.jsonl"].map(|name| folder.path().join(name));
    recorded(RECORDED[0], &bundle);
    let lines =
        |values: &[Value]| values.iter().map(|value| format!("{value}\n")).collect::<String>();
    // Without the code of contracts, which may have numbers that Node rounds.
    let storage: Vec<Value> = dumps
        .iter()
        .map(|dump| json!({"accounts": dump["accounts"], "unshown": dump["unshown"]}))
        .collect();
    fs::write(&states, lines(&storage)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/evidence.cjs");
    let args = [script.to_str().unwrap(), bundle.to_str().unwrap(), states.to_str().unwrap()];
    let printed = tool("node", &[&args[..], &[bridgehub]].concat(), lines(records).as_bytes())?;
    let printed = String::from_utf8(printed).unwrap();
    let said: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), dumps.len() * records.len());
    Some(said)
}

/// The record of a line of the vectors, with numbers as texts, which Node does not round.
fn record(line: &Value) -> Value {
    json!({
        "chainId": line["chainId"].to_string(), "batchNumber": line["batchNumber"].to_string(),
        "id": line["logIndex"], "proof": line["proof"], "log": line["log"],
    })
}

/// Every accepted proof is accepted, and the forged one, which folds to a root that L1 stores, is refused.
#[test]
fn a_bundle_accepts_what_l1_accepted() {
    for folder in ["gateway-v29", "gateway-v31", "gateway-v29-to-v31"] {
        let lines = json_lines(&format!("{folder}/proofs_l1.jsonl.gz"));
        let records: Vec<Value> = lines.iter().step_by(7).map(record).collect();
        let state = json(&format!("{folder}/l1.state.anvil.json"));
        let Some(said) = judged(&[state], BRIDGEHUB, &records) else { return };
        for (said, line) in said.iter().zip(lines.iter().step_by(7)) {
            assert_eq!(said["root"], line["target"]["root"], "{folder}: {said}");
        }
    }
    let said = judged(&[json("forged/l1.json.gz")], BRIDGEHUB, &[json("forged/forged.json")]);
    let error = &said.unwrap()[0]["error"];
    assert!(error.as_str().unwrap().contains("chain 300 is not a settlement layer"), "{error}");
}

/// L1 of v33: final proofs, and those that L1MessageRoot refused.
#[test]
fn a_bundle_judges_l1_of_v33_as_the_contract_did() {
    let bridgehub = json("v33/roots.json.gz")["bridgehub"].as_str().unwrap().to_owned();
    let is_final = |line: &&Value| line["target"]["kind"] == "batch-root";
    let is_of_l1 = |line: &&Value| line["verifier"] == "L1MessageRoot";
    let (accepted, refused) =
        (json_lines("v33/proofs.jsonl.gz"), json_lines("v33/proofs_negative.jsonl.gz"));
    let accepted: Vec<Value> = accepted.iter().filter(is_final).step_by(5).map(record).collect();
    let refused: Vec<Value> = refused.iter().filter(is_of_l1).step_by(5).map(record).collect();
    assert!(accepted.len() > 50 && refused.len() > 30);
    let state = json("v33/state.anvil.json.gz");
    let records = [&accepted[..], &refused].concat();
    let Some(said) = judged(&[state], &bridgehub, &records) else { return };
    for (at, said) in said.iter().enumerate() {
        assert_eq!(said["error"].is_null(), at < accepted.len(), "{at}: {said}");
    }
}

/// The verdict of slproof: valid, refused, or neither. `None` if it does not read the state.
fn verdict(dump: &Value, record: &ProofRecord) -> Option<(bool, bool)> {
    let input = Input::from_reader("l1", Cursor::new(dump.to_string())).unwrap();
    let state = Import::default().read_input(input).unwrap().state;
    let mut options = StateOptions::default();
    options.bridgehub = Some(BRIDGEHUB.parse().unwrap());
    let roots = TrustedRoots::of_state(state, &options).ok()?;
    match verify(record, &roots) {
        Verdict::Valid(_) => Some((true, false)),
        Verdict::Invalid(_) => Some((false, true)),
        Verdict::CannotJudge(reason) if reason.code() == FailureCode::StateDamaged => None,
        Verdict::CannotJudge(_) => Some((false, false)),
    }
}

/// States in which one slot that decides has another value: the script says what `verify` says. Without the slot, it says
/// nothing that a value of the slot disproves.
#[test]
fn a_bundle_judges_changed_states_as_verify_does() {
    for (folder, answers, _) in RECORDED {
        let line = &json_lines(&format!("{folder}/proofs_l1.jsonl.gz"))[0];
        let whole = json(&format!("{folder}/l1.state.anvil.json"));
        let mut states = Vec::new();
        for answer in json_lines(answers) {
            let slots = answer["result"]["storageProof"].as_array();
            for proof in slots.into_iter().flatten() {
                let (contract, slot) =
                    (answer["result"]["address"].as_str().unwrap(), &proof["key"]);
                let slot = slot.as_str().unwrap();
                let mut state = whole.clone();
                state["unshown"] = json!(format!("{contract}{slot}"));
                states.push(state);
                for value in ["00", "01", "80"] {
                    // Without the name of MessageRoot, no bundle is written.
                    if contract == BRIDGEHUB && slot.ends_with("0d3") && value == "00" {
                        continue;
                    }
                    let mut state = whole.clone();
                    if !state["accounts"][contract].is_object() {
                        continue;
                    }
                    let padded = match value {
                        "80" => format!("0x{value}{}", "0".repeat(62)),
                        _ => format!("0x{}{value}", "0".repeat(62)),
                    };
                    state["accounts"][contract]["storage"][slot] = json!(padded);
                    states.push(state);
                }
            }
        }
        assert!(states.len() > 50, "{folder}: {}", states.len());
        let given = record(line);
        let Some(said) = judged(&states, BRIDGEHUB, &[given]) else { return };
        let record: ProofRecord = serde_json::from_value(json!({
            "chainId": line["chainId"], "batchNumber": line["batchNumber"], "id": line["logIndex"],
            "root": line["root"], "proof": line["proof"], "log": line["log"],
        }))
        .unwrap();
        let (mut kinds, mut unshown, mut unjudged) = ([0; 3], (false, false), 0);
        for (said, state) in said.iter().zip(&states) {
            let found = (said["error"].is_null(), said["isRefused"] == true);
            if state["unshown"].is_string() {
                unshown = found;
                unjudged += usize::from(found == (false, false));
                continue;
            }
            assert!(found.0 >= unshown.0 && found.1 >= unshown.1, "{folder}: {said}");
            let Some(expected) = verdict(state, &record) else { continue };
            assert_eq!(found, expected, "{folder}: {said}");
            kinds[usize::from(expected.0) + 2 * usize::from(expected.1)] += 1;
        }
        assert!(kinds.iter().all(|count| *count > 0), "{folder}: {kinds:?}");
        assert!(unjudged > 10, "{folder}: {unjudged}");
    }
}
