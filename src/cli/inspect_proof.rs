//! Proofs in readable hops.

use std::fmt::Write;

use serde_json::{Value, json};

use super::error::CliError;
use crate::{
    files::Input,
    messages::L2ToL1Log,
    primitives::Hash,
    proofs::{
        Proof, ProofEnd,
        reader::Records,
        verify::{Claim, fold},
    },
};

/// How many proofs are shown.
const MOST_SHOWN: usize = 5;

pub(super) fn proofs(input: Input) -> Result<(Value, String), CliError> {
    let mut records = Records::open(input)?;
    let name = records.name().to_owned();
    let (mut values, mut text, mut more) = (Vec::new(), String::new(), 0u64);
    for record in records.by_ref() {
        let (line, record) = record?;
        if values.len() == MOST_SHOWN {
            more += 1;
            continue;
        }
        let unknown =
            |reason: String| CliError::Unknown { name: format!("{name}, line {line}"), reason };
        let record: Value = serde_json::from_slice(&record).map_err(|e| unknown(e.to_string()))?;
        let record = record.get("result").unwrap_or(&record);
        if record.get("proof").is_none() {
            let _ = writeln!(text, "line {line}: a failed request\n{record:#}\n");
            values.push(record.clone());
            continue;
        }
        let shown = show(record).map_err(unknown)?;
        let _ = writeln!(text, "line {line}: {}", shown.1);
        values.push(shown.0);
    }
    if more > 0 {
        let _ = writeln!(text, "and {more} more");
    }
    Ok((json!({"kind": "proofs", "shown": values, "more": more}), text))
}

fn show(record: &Value) -> Result<(Value, String), String> {
    let words: Vec<Hash> = serde_json::from_value(record["proof"].clone())
        .map_err(|e| format!("the proof is no list of 32-byte words: {e}"))?;
    let proof = Proof::decode(&words).map_err(|e| e.to_string())?;
    let field = |name: &str| record.get(name).map_or("(not given)".into(), Value::to_string);
    let mut text = format!(
        "log {} of batch {} of chain {}, {} words\n",
        field("id"),
        field("batchNumber"),
        field("chainId"),
        words.len()
    );
    let folded = folded(record, &words);
    let mut hops = Vec::new();
    let mut hop = |what: &str, rest: String, value: Value| {
        let _ = writeln!(text, "  {what:<13} {rest}");
        hops.push(value);
    };
    let siblings = proof.log_path.len();
    match &proof.end {
        ProofEnd::Plain => hop(
            "log path",
            format!("{siblings} siblings, no metadata: a proof from before v26"),
            json!({"logPath": siblings, "aggregatedRoot": null}),
        ),
        _ => {
            let aggregated = proof.log_path.last();
            let shown = aggregated.map_or("none".into(), ToString::to_string);
            hop(
                "log path",
                format!("{siblings} siblings, the last is the aggregated root {shown}"),
                json!({"logPath": siblings, "aggregatedRoot": aggregated}),
            );
        }
    }
    if let Some(folded) = &folded {
        hop("batch root", folded.0.to_string(), json!({"batchRoot": folded.0}));
    }
    if let ProofEnd::SettlementLayer(end) = &proof.end {
        let (leaf, height) = (number(end.batch_mask.to_hash()), end.batch_path.len());
        hop(
            "chain tree",
            format!("leaf {leaf}, {height} siblings"),
            json!({"leafIndex": leaf, "batchPath": height}),
        );
        let (mask, height) = (end.chain_mask, end.chain_path.len());
        hop(
            "shared tree",
            format!("mask {mask}, {height} siblings"),
            json!({"chainMask": mask.to_string(), "chainPath": height}),
        );
        let chain = number(end.sl_chain.to_hash());
        let kind = match record["target"]["kind"].as_str() {
            Some("block") => "block",
            Some("sl-batch") => "batch",
            _ => "block (interop form) or batch (L1 form)",
        };
        hop(
            "root of",
            format!("settlement layer {chain}, {kind} {}", end.sl_number),
            json!({"slChainId": chain, "slNumber": end.sl_number.to_string(), "kind": kind}),
        );
    }
    match &folded {
        Some(folded) => hop("folds to", folded.1.to_string(), json!({"root": folded.1})),
        None => hop("folds to", "(unknown without the log)".into(), Value::Null),
    }
    Ok((json!(hops), text))
}

/// The batch root and the root, when the record has the log.
fn folded(record: &Value, words: &[Hash]) -> Option<(Hash, Hash)> {
    let log: L2ToL1Log = record["log"].as_str()?.parse().ok()?;
    let claim = Claim {
        chain: serde_json::from_value(record["chainId"].clone()).ok()?,
        batch: serde_json::from_value(record["batchNumber"].clone()).ok()?,
        index: record["id"].as_u64()?,
        log: &log,
    };
    let folded = fold(&claim, words).ok()?;
    Some((folded.batch_root, folded.root))
}

/// A word that should be a small number, as one; otherwise as it is.
fn number(word: Hash) -> String {
    let word = crate::primitives::Word::from(word);
    word.to_u64().map_or_else(|_| word.to_string(), |number| number.to_string())
}
