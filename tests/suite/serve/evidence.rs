//! Bundles with proofs of slots of L1. Their script is run by Node.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{
    binary::{Run, prove_args, run},
    fixture, json, json_lines,
    state_tries::{BRIDGEHUB, RECORDED, StateTries},
    tools::tool,
};

/// L1ChainAssetHandler in the state of v31.
const HANDLER: &str = "0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2";

/// What the script of a bundle says about each of its records; `None` if Node is not installed.
fn checked(bundle: &Path) -> Option<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/evidence.cjs");
    let args = [script.to_str().unwrap(), bundle.to_str().unwrap()];
    let printed = String::from_utf8(tool("node", &args, b"")?).unwrap();
    Some(printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Writes a bundle of logs of a Gateway, with answers of `eth_getProof`.
fn bundle(folder: &str, (answers, trusted): (&Path, &str), which: &[&str], output: &Path) -> Run {
    let anchor = ["--anchor", answers.to_str().unwrap(), "--trust-block", trusted];
    let rest = ["--anchor-bridgehub", BRIDGEHUB, "--format", "bundle", "-o"];
    let output = [output.to_str().unwrap()];
    run(prove_args(folder, &[&anchor[..], &rest, &output, which].concat()))
}

/// The flags for the logs of a batch and a batch of the settlement layer.
fn through(folder: &str, chain: &Value, batch: &Value, sl_batch: &Value) -> Vec<String> {
    let path = |file: &str| fixture(&format!("{folder}/{file}")).to_str().unwrap().to_owned();
    let (events, batches) = (path("events.jsonl.gz"), path("gw_batches.jsonl"));
    let files = ["--events", &events, "--sl-batches", &batches].map(str::to_owned);
    let which = ["--chain".to_owned(), chain.to_string(), "--batch".into(), batch.to_string()];
    let target = ["--target".to_owned(), format!("sl-batch:{sl_batch}")];
    files.into_iter().chain(which).chain(target).collect()
}

/// Writes the bundle of the first record that the contracts on L1 accepted, on which the recorded answers decide.
/// Returns what was accepted.
pub(super) fn recorded((folder, answers, trusted): (&str, &str, &str), output: &Path) -> Value {
    let accepted = json_lines(&format!("{folder}/proofs_l1.jsonl.gz")).remove(0);
    let (batch, index) = (&accepted["batchNumber"], accepted["logIndex"].to_string());
    let mut which = through(folder, &accepted["chainId"], batch, &accepted["target"]["slBatch"]);
    which.extend(["--index".into(), index]);
    let which: Vec<&str> = which.iter().map(String::as_str).collect();
    let made = bundle(folder, (&fixture(answers), trusted), &which, output);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    accepted
}

/// The JSON in an element of a bundle.
fn element(text: &str, id: &str) -> Value {
    let (_, rest) = text.split_once(&format!("id=\"{id}\">")).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// The answers that anvil gave decide on a record that the contracts on L1 accepted, for both releases.
#[test]
fn a_bundle_shows_that_l1_accepts_its_proofs() {
    let folder = tempfile::tempdir().unwrap();
    for of in RECORDED {
        let (gateway, _, trusted) = of;
        let output = folder.path().join("evidence.html");
        let accepted = recorded(of, &output);
        let text = fs::read_to_string(&output).unwrap();
        let records = element(&text, "bundle");
        assert_eq!(records[0]["proof"], accepted["proof"], "{gateway}");
        assert_eq!(element(&text, "l1")["hash"], trusted, "{gateway}");
        assert!(!text.contains("https://") && !text.contains("src="), "it needs no network");
        let Some(said) = checked(&output) else { return };
        assert_eq!(said.len(), 1);
        // By what L1 accepts the settlement layer: the Bridgehub of v29, the L1ChainAssetHandler of v31.
        let by = if gateway == "gateway-v29" { BRIDGEHUB } else { HANDLER };
        assert!(said[0]["through"].as_str().unwrap().ends_with(by), "{}", said[0]);
        let root = &accepted["target"]["root"];
        for (name, value) in [
            ("root", root),
            ("chain", &json!("506")),
            ("batch", &json!(accepted["target"]["slBatch"].to_string())),
        ] {
            assert_eq!(&said[0][name], value, "{gateway}: {}", said[0]);
        }
        // The contract that holds the root in the dump of the same state.
        let dump = json(&format!("{gateway}/l1.state.anvil.json"));
        let storage = &dump["accounts"][said[0]["contract"].as_str().unwrap()]["storage"];
        assert!(storage.as_object().unwrap().values().any(|value| value == root));
    }
}

/// L1 of v33: proofs that end in the root of a batch, whether it has eight leaves or is from before the upgrade.
#[test]
fn a_bundle_shows_that_l1_of_v33_accepts_its_proofs() {
    let folder = tempfile::tempdir().unwrap();
    let [proof, bundle] = ["proof.json", "evidence.html"].map(|name| folder.path().join(name));
    let state = json("v33/state.anvil.json.gz");
    let bridgehub = json("v33/roots.json.gz")["bridgehub"].as_str().unwrap().to_owned();
    let (tries, path) = (StateTries::of_dump(&state), |file: &str| {
        fixture(&format!("v33/{file}")).to_str().unwrap().to_owned()
    });
    let block = tries.block(24_000_000);
    let finals = json_lines("v33/proofs.jsonl.gz");
    let mut finals = finals.iter().filter(|line| line["target"]["kind"] == "batch-root");
    let siblings =
        |count: usize| move |line: &&Value| line["proof"].as_array().unwrap().len() == count + 1;
    for line in [finals.find(siblings(15)).unwrap(), finals.rfind(siblings(17)).unwrap()] {
        let [chain, batch, index] =
            ["chainId", "batchNumber", "logIndex"].map(|name| line[name].to_string());
        let (tree, logs) = (path("state.anvil.json.gz"), path("logs.jsonl.gz"));
        let which = ["--chain", &chain, "--batch", &batch, "--index", &index];
        let files =
            ["prove", "-q", "--tree", &tree, "--bridgehub", &bridgehub, "--messages", &logs];
        let prove = |output: &Path, rest: &[&str]| {
            let output = ["--target", "batch-root", "-o", output.to_str().unwrap()];
            let made = run(files.iter().chain(&which).chain(&output).chain(rest));
            assert_eq!(made.code, Some(0), "{}", made.stderr);
        };
        prove(&proof, &[]);
        let proof = proof.to_str().unwrap();
        let answers = tries.answers(&block, proof, folder.path(), &["--bridgehub", &bridgehub]);
        let anchors: Vec<&str> = answers.iter().flat_map(|file| ["--anchor", file]).collect();
        let rest = ["--trust-block", &block.hash, "--anchor-bridgehub", &bridgehub];
        prove(&bundle, &[&anchors[..], &rest, &["--format", "bundle"]].concat());
        let Some(said) = checked(&bundle) else { return };
        assert_eq!(said[0]["root"], line["root"], "{}", said[0]);
    }
}

/// A file may name any contract as MessageRoot; only that of Bridgehub counts, and the file has to show it.
#[test]
fn a_bundle_reads_the_contract_that_bridgehub_names() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("evidence.html");
    recorded(RECORDED[1], &output);
    let text = fs::read_to_string(&output).unwrap();
    let l1 = element(&text, "l1");
    let named = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
    let mut foreign = l1.clone();
    foreign["messageRoot"] = json!("0x00000000000000000000000000000000000000ff");
    // Without the slots of Bridgehub that name contracts.
    let mut unshown = l1.clone();
    unshown["messageRoot"] = json!(named);
    for answer in unshown["answers"].as_array_mut().unwrap() {
        if answer["address"] == BRIDGEHUB {
            answer["storageProof"] = json!([]);
        }
    }
    let mut damaged = l1.clone();
    damaged["answers"] = json!(1);
    let (before, rest) = text.split_once("id=\"l1\">").unwrap();
    let (_, after) = rest.split_once("</script>").unwrap();
    let list = json!([foreign, unshown, damaged]);
    fs::write(&output, format!("{before}id=\"l1\">{list}</script>{after}")).unwrap();
    let Some(said) = checked(&output) else { return };
    assert_eq!(said[0]["contract"], named, "{}", said[0]);
    for said in &said[1..] {
        assert_eq!(said["isRefused"], false, "{said}");
    }
}

/// Every digit of the proofs of L1 counts: of the header, of every node, and of what names them. By damaged proofs nothing is
/// judged.
#[test]
fn a_bundle_with_one_altered_digit_is_not_judged() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("evidence.html");
    let accepted = recorded(RECORDED[1], &output);
    let text = fs::read_to_string(&output).unwrap();
    let l1 = element(&text, "l1");
    let altered = |pointer: &str| {
        let mut l1 = l1.clone();
        let value = l1.pointer_mut(pointer).unwrap();
        let digits = value.as_str().unwrap().to_owned();
        let at = digits.len() / 2 + 1;
        let other = if &digits[at..=at] == "1" { "2" } else { "1" };
        *value = json!(format!("{}{other}{}", &digits[..at], &digits[at + 1..]));
        l1
    };
    let mut cases = vec![altered("/hash"), altered("/header"), altered("/bridgehub")];
    for (at, answer) in l1["answers"].as_array().unwrap().iter().enumerate() {
        cases.push(altered(&format!("/answers/{at}/address")));
        for node in 0..answer["accountProof"].as_array().unwrap().len() {
            cases.push(altered(&format!("/answers/{at}/accountProof/{node}")));
        }
        // The first slot of each account; all paths are checked by the same function.
        let path = format!("/answers/{at}/storageProof/0/proof");
        let nodes = answer["storageProof"][0]["proof"].as_array().unwrap();
        cases.extend((0..nodes.len()).map(|node| altered(&format!("{path}/{node}"))));
        // The path of an empty trie has one node, or none.
        if nodes.len() > 1 {
            let (mut longer, mut shorter) = (l1.clone(), l1.clone());
            longer.pointer_mut(&path).unwrap().as_array_mut().unwrap().push(nodes[0].clone());
            shorter.pointer_mut(&path).unwrap().as_array_mut().unwrap().pop();
            cases.extend([longer, shorter]);
        }
    }
    assert!(cases.len() > 30, "{}", cases.len());
    // The script takes a list in place of one state, so that Node runs once.
    let (before, rest) = text.split_once("id=\"l1\">").unwrap();
    let (_, after) = rest.split_once("</script>").unwrap();
    let list = format!("{before}id=\"l1\">{}</script>{after}", json!(cases));
    fs::write(&output, list).unwrap();
    let Some(said) = checked(&output) else { return };
    assert_eq!(said.len(), cases.len());
    for (said, case) in said.iter().zip(&cases) {
        assert!(said["error"].is_string(), "{said}: {case}");
        assert_eq!(said["isRefused"], false, "{said}: {case}");
    }
    // The same state with another record.
    let log = accepted["log"].as_str().unwrap();
    assert!(text.contains(log));
    fs::write(&output, text.replacen(log, &log.replace("8008", "8009"), 1)).unwrap();
    assert!(checked(&output).unwrap()[0]["error"].is_string());
}

/// If the answers do not show what decides, or L1 stores no root of this kind, there is no bundle.
#[test]
fn a_bundle_has_only_proofs_that_l1_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("evidence.html");
    let (gateway, answers, trusted) = RECORDED[0];
    let accepted = json_lines(&format!("{gateway}/proofs_l1.jsonl.gz"));
    let batch_of = |line: &Value| line["target"]["slBatch"].clone();
    let other = accepted.iter().find(|line| batch_of(line) != batch_of(&accepted[0])).unwrap();
    let mut which = through(gateway, &other["chainId"], &other["batchNumber"], &batch_of(other));
    which.push("--all".into());
    let which: Vec<&str> = which.iter().map(String::as_str).collect();
    let made = bundle(gateway, (&fixture(answers), trusted), &which, &output);
    assert_eq!(made.code, Some(3), "{}", made.stderr);
    assert!(made.stderr.contains("is not proven"), "{}", made.stderr);
    // Nobody else could rely on a MessageRoot that Bridgehub does not name.
    let own = ["--chain", "324", "--batch", "501234", "--all", "--target", "batch-root"];
    let foreign = ["--anchor-message-root", "0x00000000000000000000000000000000000000ff"];
    let foreign = [&own[..], &foreign].concat();
    let made = bundle(gateway, (&fixture(answers), trusted), &foreign, &output);
    assert_eq!(made.code, Some(2), "{}", made.stderr);
    assert!(made.stderr.contains("Bridgehub names"), "{}", made.stderr);
    // The batch root of a chain that settles on another layer is not on L1, as the answers prove.
    let made = bundle(gateway, (&fixture(answers), trusted), &own, &output);
    assert_eq!(made.code, Some(1), "{}", made.stderr);
    let records = element(&fs::read_to_string(&output).unwrap(), "bundle");
    assert!(records[0]["proof"].is_null(), "{records}");
    let error = &records[0]["error"];
    assert_eq!(error["code"], "unknown-root");
    assert!(error["message"].as_str().unwrap().contains("L1 stores no root of it"), "{error}");
    // L1 stores no roots of blocks; chains import them.
    let block = ["--chain", "324", "--batch", "501234", "--all"];
    let made = bundle(gateway, (&fixture(answers), trusted), &block, &output);
    assert_eq!(made.code, Some(2), "{}", made.stderr);
}
