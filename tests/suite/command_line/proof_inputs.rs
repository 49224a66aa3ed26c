//! What `verify` and `inspect` read: damaged lists, answers that are lists, claims of SDKs, numbers of 256 bits, pages.

use serde_json::{Value, json};

use crate::support::{
    self,
    binary::{Run, prove_args, run, run_with_input},
    fixture,
};

/// A record from the vectors of the real contracts.
fn record() -> Value {
    support::json("gateway-v31/record.json")
}

fn anchor() -> String {
    fixture("gateway-v31/state.anvil.json").to_str().unwrap().to_owned()
}

/// Runs `verify` on a text, with a report on standard output.
fn verify(input: &str) -> Run {
    run_with_input(["verify", "-", "--report", "-", "--anchor", &anchor()], input.as_bytes())
}

/// For each verdict the line, whether the proof is valid, and the code.
fn verdicts(run: &Run) -> Vec<(u64, Option<bool>, String)> {
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let code = |verdict: &Value| verdict["error"]["code"].as_str().unwrap_or_default().to_owned();
    lines.map(|it| (it["line"].as_u64().unwrap(), it["valid"].as_bool(), code(&it))).collect()
}

/// The only verdict.
fn only(input: &str) -> (Option<bool>, String) {
    let run = verify(input);
    let verdicts = verdicts(&run);
    assert_eq!(verdicts.len(), 1, "{}{}", run.stdout, run.stderr);
    let (_, valid, code) = verdicts[0].clone();
    (valid, code)
}

fn without(record: &Value, member: &str) -> Value {
    let mut record = record.clone();
    record.as_object_mut().unwrap().remove(member).unwrap();
    record
}

#[test]
fn a_damaged_record_hides_no_other() {
    let whole = serde_json::to_string_pretty(&record()).unwrap();
    // Without a value, without the end of a string, and without its last line.
    for (from, to) in [("\"id\": 2,", "\"id\": ,"), ("\"id\": 2,", "\"id\": \"2,"), ("\n}", "\n")] {
        let damaged = whole.replacen(from, to, usize::MAX);
        assert_ne!(damaged, whole);
        let text = format!("{whole}\n{damaged}\n{}", format!("{whole}\n").repeat(8));
        let run = verify(&text);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        let lines = u64::try_from(whole.lines().count()).unwrap();
        let verdicts = verdicts(&run);
        assert_eq!(verdicts.iter().filter(|verdict| verdict.1 == Some(true)).count(), 9, "{to}");
        assert_eq!(verdicts[1], (lines + 1, Some(false), "malformed-record".into()));
        assert_eq!(verdicts.len(), 10);
    }
}

#[test]
fn a_list_in_which_records_are_lost_is_refused() {
    let whole = record().to_string();
    let damaged = whole.replace("\"id\":2,", "\"id\":\"2,");
    assert_ne!(damaged, whole);
    let run = verify(&format!("[{whole},{damaged},{whole},{whole},{damaged}]"));
    assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""), "{}", run.stderr);
    assert!(run.stderr.contains("record 2 of the JSON array is damaged"), "{}", run.stderr);
}

#[test]
fn answers_may_be_lists_and_lack_the_version() {
    let whole = record();
    let answer = |result: Value| json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string();
    let of_other_id = {
        let mut other = whole.clone();
        other["id"] = json!(3);
        other
    };
    let lines = [
        answer(json!([whole, of_other_id])),
        json!({"id": 1, "result": whole}).to_string(),
        answer(json!([])),
        without(&whole, "proof").to_string(),
        json!([whole]).to_string(),
    ];
    let run = verify(&lines.join("\n"));
    let wrong = verdicts(&run)[1].2.clone();
    assert_eq!(
        verdicts(&run),
        [
            (1, Some(true), String::new()),
            (1, Some(false), wrong),
            (2, Some(true), String::new()),
            (3, None, "proof-missing".into()),
            (4, None, "proof-missing".into()),
            (5, Some(true), String::new()),
        ]
    );
    // An answer that is a list is a file of proofs by itself, and one without a proof is not.
    assert_eq!(only(&answer(json!([whole]))), (Some(true), String::new()));
    let shown = run_with_input(["inspect", "-"], answer(json!([whole])).as_bytes());
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert_eq!(verify(&answer(json!([]))).code, Some(3));
    // What a record without a proof contradicts is wrong all the same.
    let mut other = without(&whole, "proof");
    other["message"] = json!("0x00");
    let run = verify(&format!("{whole}\n{other}"));
    assert_eq!(verdicts(&run)[1], (2, Some(false), "message-mismatch".into()));
}

/// The contracts store 256 bits of these numbers, so they may accept such a proof.
#[test]
fn numbers_of_more_than_64_bits_are_not_judged() {
    let wide = "0x10000000000000144";
    let not_judged = (None, "number-not-supported".to_owned());
    for member in ["chainId", "batchNumber", "id", "l1Timestamp"] {
        let mut record = record();
        record[member] = json!(wide);
        assert_eq!(only(&record.to_string()), not_judged, "{member}");
        record["message"] = json!("0x00");
        let contradiction = (Some(false), "message-mismatch".to_owned());
        assert_eq!(only(&record.to_string()), contradiction, "{member}");
    }
    for member in ["slChainId", "number", "timestamp"] {
        let mut record = record();
        record["target"][member] = json!(wide);
        assert_eq!(only(&record.to_string()), not_judged, "{member}");
    }
    let as_number =
        record().to_string().replace("\"chainId\":9,", "\"chainId\":18446744073709551940,");
    assert_eq!(only(&as_number), not_judged);
    // The contracts store 16 bits of this number.
    let mut record = record();
    record["txNumberInBatch"] = json!(wide);
    assert_eq!(only(&record.to_string()), (Some(false), "malformed-record".into()));
}

#[cfg(feature = "calldata")]
#[test]
fn calldata_with_numbers_of_more_than_64_bits_are_not_judged() {
    let one = ["--chain", "324", "--batch", "501234", "--index", "0", "--format", "calldata"];
    let proven = run(prove_args("gateway-v31", &one));
    assert_eq!(proven.code, Some(0), "{}", proven.stderr);
    let call: Value = serde_json::from_str(&proven.stdout).unwrap();
    let data = call["data"].as_str().unwrap();
    let chain = format!("{:064x}", 324);
    let wide = data.replacen(&chain, &format!("{:064x}", (1_u128 << 64) + 324), 1);
    assert_ne!(wide, data);
    assert_eq!(only(data).0, Some(true));
    assert_eq!(only(&wide), (None, "number-not-supported".into()));
}

#[test]
fn words_after_the_end_are_refused_with_the_reason() {
    let mut record = record();
    record["proof"].as_array_mut().unwrap().push(json!(format!("0x{}", "11".repeat(32))));
    let run = verify(&record.to_string());
    assert_eq!(verdicts(&run), [(1, Some(false), "trailing-words".into())]);
    assert!(run.stderr.contains("the contracts ignore the rest"), "{}", run.stderr);
}

/// `inspect` shows where a proof leads, under all names that `verify` reads.
#[test]
fn claims_of_sdks_are_inspected() {
    let whole = record();
    let repeated = |member: &str| {
        let log = whole["log"].as_str().unwrap();
        match member {
            "sender" => json!(format!("0x{}", &log[74..114])),
            _ => json!(u16::from_str_radix(&log[6..10], 16).unwrap()),
        }
    };
    let params = json!({
        "chainId": whole["chainId"],
        "l2BatchNumber": whole["batchNumber"],
        "l2MessageIndex": whole["id"],
        "l2Sender": repeated("sender"),
        "l2TxNumberInBatch": repeated("txNumberInBatch"),
        "message": whole["message"],
        "merkleProof": whole["proof"],
    });
    let mut renamed = without(&whole, "id");
    renamed["l2MessageIndex"] = whole["id"].clone();
    let root = whole["target"]["root"].as_str().unwrap();
    for record in [&whole, &params, &renamed] {
        let shown = run_with_input(["inspect", "-"], record.to_string().as_bytes());
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        let says = |text: &str| assert!(shown.stdout.contains(text), "{text}: {}", shown.stdout);
        says(&format!("folds to      {root}"));
        says(&format!("log 2 of batch {} of chain {}", whole["batchNumber"], whole["chainId"]));
    }
    // What is missing is not needed to show the rest.
    let bare = json!({"proof": whole["proof"], "id": 2, "l1BatchNumber": whole["batchNumber"]});
    let shown = run_with_input(["inspect", "-"], bare.to_string().as_bytes());
    assert!(shown.stdout.contains("of chain (not given)"), "{}", shown.stdout);
    assert!(shown.stdout.contains("settlement layer 506"), "{}", shown.stdout);
    let mut damaged = whole.clone();
    damaged["target"]["kind"] = json!("epoch");
    let shown = run_with_input(["inspect", "-"], damaged.to_string().as_bytes());
    assert!(shown.stdout.contains("not read      not a proof record"), "{}", shown.stdout);
    assert!(shown.stdout.contains("settlement layer 506"), "{}", shown.stdout);
}

#[test]
fn a_bundle_is_verified_and_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("proofs.html");
    let page = page.to_str().unwrap();
    let all = ["--all", "--chain", "324", "--batch", "501234", "--format"];
    let made = run(prove_args("gateway-v31", &[&all[..], &["bundle", "-o", page]].concat()));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let count = run(prove_args("gateway-v31", &[&all[..], &["ndjson"]].concat())).stdout;
    let count = count.lines().count();
    assert!(count > 1);
    let verified = run(["verify", page, "--anchor", &anchor(), "--report", "-"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    assert_eq!(verdicts(&verified).len(), count);
    let shown = run(["inspect", page, "--json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!((&shown["kind"], &shown["records"]), (&json!("proofs"), &json!(count)));
}
