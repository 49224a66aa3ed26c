//! Descriptions of proofs, hop by hop.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{error::CliError, report::count};
use crate::{
    files::Input,
    message::{BatchRootLeaf, EightLeaves, L2ToL1Log},
    primitives::{Address, Hash, Number, Timestamp, Word},
    proof::{
        Proof, ProofEnd,
        reader::{Defaults, Item, RecordError},
        verify::{Claim, Folded, fold_at, fold_leaf},
    },
    records::{Entries, Entry},
};

/// The maximum number of proofs that are shown.
const MOST_SHOWN: usize = 5;

pub(super) fn proofs(input: Input) -> Result<(Value, String), CliError> {
    let mut records = Entries::open(input, &Defaults::default())?;
    let (name, place) = (records.name().to_owned(), records.place());
    let (mut values, mut text, mut all) = (Vec::new(), String::new(), 0u64);
    for record in records.by_ref() {
        let (line, record) = record?;
        all += 1;
        if values.len() == MOST_SHOWN {
            continue;
        }
        let unknown =
            |reason: String| CliError::Unknown { name: format!("{name}, {place} {line}"), reason };
        let record = match read(record).map_err(unknown)? {
            Shown::Record(record) => record,
            Shown::NoProof(error) => {
                let _ = writeln!(text, "{place} {line}: {error}");
                values.push(json!({"code": error.code(), "message": error.to_string()}));
                continue;
            }
        };
        let has = |field| record.get(field).is_some();
        let (value, shown) = if has("request") && has("error") && !has("proof") {
            (record.clone(), format!("a failed request: {record}\n"))
        } else {
            show(&record).map_err(unknown)?
        };
        let _ = writeln!(text, "{place} {line}: {shown}");
        values.push(value);
    }
    if all > MOST_SHOWN as u64 {
        let _ = writeln!(text, "{} records in all, the first {MOST_SHOWN} shown", count(all));
    }
    Ok((json!({"kind": "proofs", "records": all, "shown": values}), text))
}

/// The content of a record.
enum Shown {
    Record(Value),
    /// The node answered that it has no proof.
    NoProof(RecordError),
}

/// A record as JSON. Records in other formats are converted to the same fields.
fn read(entry: Entry) -> Result<Shown, String> {
    if let Entry::Text(text) = &entry {
        let mut value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if value.get("jsonrpc").is_some() {
            value = value["result"].take();
        }
        if !value.is_null() && value.get("data").is_none() {
            return Ok(Shown::Record(value));
        }
    }
    Ok(match entry.item(&Defaults::default()) {
        Ok(Item::Proof(record, _)) => {
            Shown::Record(serde_json::to_value(record).map_err(|error| error.to_string())?)
        }
        Ok(Item::Leaf(record)) => {
            Shown::Record(serde_json::to_value(record).map_err(|error| error.to_string())?)
        }
        Ok(Item::Failure) => Shown::Record(json!({"request": null, "error": null})),
        Err(error @ (RecordError::Null | RecordError::Node(_))) => Shown::NoProof(error),
        Err(error) => return Err(error.to_string()),
    })
}

fn show(record: &Value) -> Result<(Value, String), String> {
    let words: Vec<Hash> = serde_json::from_value(record["proof"].clone())
        .map_err(|e| format!("its \"proof\" is not a list of 32-byte words: {e}"))?;
    let proof = Proof::decode(&words).map_err(|e| e.to_string())?;
    let field = |name: &str| record.get(name).map_or("(not given)".into(), Value::to_string);
    let leaf = leaf(record);
    let what = match &leaf {
        Some((leaf, _)) => format!("leaf {leaf} of the batch root"),
        None => format!("log {}", field("id")),
    };
    let mut text = format!(
        "{what} of batch {} of chain {}, {} words\n",
        field("batchNumber"),
        field("chainId"),
        words.len()
    );
    let mut hop = |what: &str, rest: String| {
        let _ = writeln!(text, "  {what:<13} {rest}");
    };
    let log: Option<L2ToL1Log> = record["log"].as_str().and_then(|log| log.parse().ok());
    let mut value = json!({
        "chainId": record["chainId"], "batchNumber": record["batchNumber"], "id": record["id"],
        "words": words.len(), "logPath": proof.log_path.len(),
    });
    if let Some(log) = log.filter(L2ToL1Log::is_message) {
        let (sender, hash) = (Address::from_word(log.key()), log.value());
        hop("message", format!("from {sender} in transaction {}, hash {hash}", log.tx_number()));
        value["message"] = json!({"sender": sender, "txNumber": log.tx_number(), "hash": hash});
    }
    let siblings = proof.log_path.len();
    match (&proof.end, &proof.log_path[..]) {
        _ if leaf.is_some() => {
            hop("leaf path", format!("{siblings} siblings, in a batch root of eight leaves"));
            value["leaf"] = json!(leaf.map(|(leaf, _)| leaf));
        }
        (ProofEnd::Plain, _) | (_, []) => {
            hop("log path", format!("{siblings} siblings, no metadata: a proof from before v26"));
        }
        (_, [.., multichain, imt, last]) if *last == EightLeaves::reserved_half() => {
            hop(
                "log path",
                format!(
                    "{siblings} siblings, the last three are of a batch root of eight leaves: multichain root \
                     {multichain}, IMT node {imt}, reserved half"
                ),
            );
            value["aggregatedRoot"] = json!(multichain);
            value["imtNode"] = json!(imt);
        }
        (_, [.., aggregated]) => {
            hop(
                "log path",
                format!("{siblings} siblings, the last is the aggregated root {aggregated}"),
            );
            value["aggregatedRoot"] = json!(aggregated);
        }
    }
    let folded = folded(record, log.as_ref(), leaf, &words);
    if let Some(folded) = &folded {
        hop("batch root", folded.batch_root.to_string());
        value["batchRoot"] = json!(folded.batch_root);
    }
    if let ProofEnd::SettlementLayer(end) = &proof.end {
        if let Some(timestamp) = end.l1_timestamp {
            let seconds = number(timestamp);
            hop("l1 timestamp", format!("{seconds}: a proof since v33"));
            value["l1Timestamp"] = json!(timestamp.to_u64().ok());
        }
        let (leaf, height) = (number(end.batch_mask), end.batch_path.len());
        hop("chain tree", format!("leaf {leaf}, {height} siblings"));
        let (mask, height) = (end.chain_mask, end.chain_path.len());
        hop("shared tree", format!("mask {mask}, {height} siblings"));
        let chain = number(end.sl_chain);
        let kind = match record["target"]["kind"].as_str() {
            Some("block") => "block",
            Some("sl-batch") => "batch",
            _ => "block (interop form) or batch (L1 form)",
        };
        hop("root of", format!("settlement layer {chain}, {kind} {}", end.sl_number));
        value["settlementLayer"] = json!({
            "chainId": chain, "number": end.sl_number.to_string(), "kind": kind,
            "batchMask": leaf, "batchPath": end.batch_path.len(),
            "chainMask": mask.to_string(), "chainPath": end.chain_path.len(),
        });
    }
    match &folded {
        Some(folded) => hop("folds to", folded.root.to_string()),
        None => hop("folds to", "(unknown without the log or the leaf)".into()),
    }
    value["root"] = json!(folded.map(|folded| folded.root));
    Ok((value, text))
}

/// The leaf of a batch root that a record is of, with its value.
fn leaf(record: &Value) -> Option<(BatchRootLeaf, Hash)> {
    let leaf = record["leaf"].as_str()?.parse().ok()?;
    Some((leaf, record["value"].as_str()?.parse().ok()?))
}

/// The result of folding the words, if the record has the chain and batch, and either the log with its index or the
/// leaf.
fn folded(
    record: &Value,
    log: Option<&L2ToL1Log>,
    leaf: Option<(BatchRootLeaf, Hash)>,
    words: &[Hash],
) -> Option<Folded> {
    let chain = serde_json::from_value(record["chainId"].clone()).ok()?;
    let batch = serde_json::from_value(record["batchNumber"].clone()).ok()?;
    let l1_timestamp = record.get("l1Timestamp").cloned();
    let l1_timestamp: Option<Timestamp> =
        l1_timestamp.map(serde_json::from_value).transpose().ok()?;
    if let Some((leaf, value)) = leaf {
        return fold_leaf(value, (chain, batch, leaf.index()), words, l1_timestamp).ok();
    }
    let index = serde_json::from_value::<Number>(record["id"].clone()).ok()?.0;
    fold_at(&Claim { chain, batch, index, log: log? }, words, l1_timestamp).ok()
}

/// A word as a decimal number if it fits 64 bits, otherwise in hexadecimal.
fn number(word: Word) -> String {
    word.to_u64().map_or_else(|_| word.to_string(), |number| number.to_string())
}
