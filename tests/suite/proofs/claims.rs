//! Claims as SDKs, bridges and contracts keep them: other names, other spellings, and less than a record has.

use crate::support;
use serde_json::{Value, json};
use slproof::proof::{
    ProofRecord,
    reader::{Defaults, Item, RecordError, parse},
};

/// A record of a message, from the vectors of the real contracts.
fn record() -> Value {
    let record: ProofRecord =
        serde_json::from_value(support::json("gateway-v31/record.json")).unwrap();
    serde_json::to_value(record).unwrap()
}

fn read(value: &Value, defaults: &Defaults) -> Result<Item, RecordError> {
    parse(value.to_string().as_bytes(), defaults)
}

/// The names of a claim with the values of the record.
fn claim(names: &[(&str, &str)]) -> Value {
    let record = record();
    names.iter().map(|(name, of)| ((*name).to_owned(), record[of].clone())).collect()
}

#[test]
fn the_parameters_of_claims_are_the_same_as_their_record() {
    let record = record();
    let Item::Proof(expected, log) = read(&record, &Defaults::default()).unwrap() else {
        panic!("a proof")
    };
    let chain = Some(expected.chain_id);
    let params = claim(&[
        ("chainId", "chainId"),
        ("l2BatchNumber", "batchNumber"),
        ("l2MessageIndex", "id"),
        ("l2Sender", "sender"),
        ("l2TxNumberInBatch", "txNumberInBatch"),
        ("message", "message"),
        ("merkleProof", "proof"),
    ]);
    let legacy = claim(&[
        ("l1BatchNumber", "batchNumber"),
        ("l2MessageIndex", "id"),
        ("l2TxNumberInBlock", "txNumberInBatch"),
        ("message", "message"),
        ("sender", "sender"),
        ("proof", "proof"),
    ]);
    let snake_case = claim(&[
        ("chain_id", "chainId"),
        ("l2_batch_number", "batchNumber"),
        ("l2_message_index", "id"),
        ("l2_sender", "sender"),
        ("l2_tx_number_in_batch", "txNumberInBatch"),
        ("message", "message"),
        ("merkle_proof", "proof"),
    ]);
    let mut inclusion = claim(&[
        ("chainId", "chainId"),
        ("l1BatchNumber", "batchNumber"),
        ("l2MessageIndex", "id"),
        ("proof", "proof"),
    ]);
    inclusion["message"] = json!({
        "txNumberInBatch": record["txNumberInBatch"],
        "sender": record["sender"],
        "data": record["message"],
    });
    let mut by_log =
        claim(&[("chainId", "chainId"), ("batchNumber", "batchNumber"), ("proof", "proof")]);
    by_log["index"] = record["id"].clone();
    by_log["log"] = json!({
        "l2ShardId": log.shard_id(),
        "isService": log.is_service(),
        "txNumberInBatch": log.tx_number(),
        "sender": log.sender(),
        "key": log.key().to_string(),
        "value": log.value(),
    });
    let mut of_database = params.clone();
    of_database["id"] = json!("5f3c2f0a-88a1-4f43-9d40-0f4a4d4d2f10");
    let mut texts = params.clone();
    for name in ["chainId", "l2BatchNumber", "l2MessageIndex", "l2TxNumberInBatch"] {
        texts[name] = json!(format!("{}n", texts[name]));
    }
    for word in texts["merkleProof"].as_array_mut().unwrap() {
        *word = json!(word.as_str().unwrap()[2..]);
    }
    texts["message"] = json!(texts["message"].as_str().unwrap()[2..]);
    for claim in [params, legacy, snake_case, inclusion, by_log, of_database, texts] {
        let defaults = Defaults { chain, ..Defaults::default() };
        let Item::Proof(got, got_log) = read(&claim, &defaults).unwrap() else { panic!("a proof") };
        assert_eq!((&got.proof, got_log), (&expected.proof, log), "{claim}");
        let place = (got.chain_id, got.batch_number, got.id, got.root);
        assert_eq!(
            place,
            (expected.chain_id, expected.batch_number, expected.id, expected.root),
            "{claim}"
        );
    }
}

#[test]
fn two_names_of_one_fact_have_one_value() {
    for (name, of, other) in [
        ("l2BatchNumber", "batchNumber", json!(4_000_000)),
        ("l1BatchNumber", "batchNumber", json!("4000000")),
        ("l2MessageIndex", "id", json!(4000)),
        ("l2TxNumberInBlock", "txNumberInBatch", json!("0xffff")),
        ("l2Sender", "sender", json!("0x00000000000000000000000000000000000000ff")),
    ] {
        let mut record = record();
        record[name] = record[of].clone();
        assert!(matches!(read(&record, &Defaults::default()), Ok(Item::Proof(..))), "{name}");
        record[name] = other;
        let error = read(&record, &Defaults::default()).unwrap_err();
        assert_eq!(error.code().to_string(), "malformed-record", "{name}");
        let words = format!("the record's {of} is ");
        assert!(error.to_string().starts_with(&words), "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
    // A list's own numbers beside `id` say nothing about the proof.
    let mut record = record();
    record["index"] = json!(4000);
    assert!(matches!(read(&record, &Defaults::default()), Ok(Item::Proof(..))));
}

/// The same fact under two spellings of one name, or under one name twice.
#[test]
fn two_spellings_of_one_name_have_one_value() {
    let text = record().to_string();
    let with = |member: &str, value: &str| format!("{{\"{member}\":{value},{}", &text[1..]);
    let proof = record()["proof"].to_string();
    let log = {
        let Item::Proof(_, log) = read(&record(), &Defaults::default()).unwrap() else {
            panic!("a proof")
        };
        log
    };
    let chain = record()["chainId"].clone();
    for (member, same, other) in [
        ("chain_id", chain.to_string(), "4000".to_owned()),
        ("chain_id", format!("\"{:#x}\"", chain.as_u64().unwrap()), "\"0xfff\"".into()),
        ("chainId", chain.to_string(), "4000".into()),
        ("chainId", "null".into(), "4000".into()),
        ("merkleProof", proof.clone(), "[]".into()),
        ("merkle_proof", proof, format!("[\"0x{}\"]", "00".repeat(32))),
        ("message_hash", format!("\"{}\"", log.value()), format!("\"0x{}\"", "11".repeat(32))),
    ] {
        let parsed = |value: &str| parse(with(member, value).as_bytes(), &Defaults::default());
        assert!(matches!(parsed(&same), Ok(Item::Proof(..))), "{member}: {same}");
        let error = parsed(&other).unwrap_err();
        assert_eq!(error.code().to_string(), "malformed-record", "{member}: {error}");
        assert!(!error.is_lack() && error.to_string().contains("twice"), "{member}: {error}");
    }
    // In the arguments of contracts too.
    let argument = |other: u64| {
        let mut record = record();
        record["log"] = json!({
            "l2ShardId": log.shard_id(), "shard_id": log.shard_id(), "isService": log.is_service(),
            "txNumberInBatch": log.tx_number(), "tx_number_in_batch": other,
            "sender": log.sender(), "key": log.key().to_string(), "value": log.value(),
        });
        read(&record, &Defaults::default())
    };
    assert!(matches!(argument(log.tx_number().into()), Ok(Item::Proof(..))));
    assert_eq!(argument(60_000).unwrap_err().code().to_string(), "malformed-record");
}

#[test]
fn a_damaged_field_is_named() {
    for (name, value, words) in [
        ("chainId", json!("1f"), "the record's chainId is damaged: expected a whole number"),
        ("id", json!(-1), "the record's id is damaged: expected a whole number"),
        ("root", json!("0x12"), "the record's root is damaged: expected 64"),
        ("sender", json!("someone"), "the record's sender is damaged: expected 40"),
        ("message", json!("0x1"), "the record's message is damaged: expected an even number"),
        ("log", json!({ "sender": "0x" }), "the record's log has no txNumberInBatch"),
    ] {
        let mut record = record();
        record[name] = value;
        let error = read(&record, &Defaults::default()).unwrap_err().to_string();
        assert!(error.starts_with(words), "{name}: {error}");
    }
}

/// Calldata need no object around them.
#[cfg(feature = "calldata")]
#[test]
fn calldata_alone_are_verified() {
    let args = support::binary::prove_args(
        "gateway-v31",
        &[
            "--all",
            "--format",
            "calldata",
            "--call",
            "log",
            "--to",
            "0x00000000000000000000000000000000000000aa",
        ],
    );
    let proven = support::binary::run(args);
    assert_eq!(proven.code, Some(0), "{}", proven.stderr);
    let record: Value = serde_json::from_str(proven.stdout.lines().next().unwrap()).unwrap();
    let (data, root) =
        (record["data"].as_str().unwrap(), record["target"]["root"].as_str().unwrap());
    for text in [
        format!("{data}\n"),
        format!("\"{data}\"\n"),
        json!({ "to": "0x", "data": data }).to_string(),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        std::fs::write(path, &text).unwrap();
        let verified = support::binary::run(["verify", path, "--root", root]);
        assert_eq!(verified.code, Some(0), "{}", verified.stderr);
        let cut = &text[..text.len() - 70];
        std::fs::write(path, cut).unwrap();
        assert_ne!(support::binary::run(["verify", path, "--root", root]).code, Some(0), "{cut}");
    }
}
