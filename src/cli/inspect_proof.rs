//! Descriptions of proofs, hop by hop.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{error::CliError, report::count};
use crate::{
    files::Input,
    message::{BatchRootLeaf, EightLeaves, L2ToL1Log},
    primitives::{Address, BatchNumber, ChainId, Hash, Timestamp, Word},
    proof::{
        LeafRecord, Proof, ProofEnd, ProofRecord, TargetKind, TargetRecord,
        reader::{Defaults, Fields, Item, Read, RecordError, read},
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
        let (value, shown) = match Shown::of(record) {
            Ok(Shown::Proof(proof)) => show(&proof).map_err(unknown)?,
            Ok(Shown::Failure(record)) => {
                let text = format!("a failed request: {record}\n");
                (record, text)
            }
            Err(error @ (RecordError::Null | RecordError::Node(_))) => {
                let value = json!({"code": error.code(), "message": error.to_string()});
                (value, error.to_string())
            }
            Err(error) => return Err(unknown(error.to_string())),
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
    Proof(Box<Known>),
    /// The record of a request that failed.
    Failure(Value),
}

/// What a record says about its proof.
#[derive(Default)]
struct Known {
    chain: Option<ChainId>,
    batch: Option<BatchNumber>,
    id: Option<u64>,
    words: Vec<Hash>,
    target: Option<TargetRecord>,
    log: Option<L2ToL1Log>,
    /// The leaf of a batch root, with its value.
    leaf: Option<(BatchRootLeaf, Hash)>,
    l1_timestamp: Option<Timestamp>,
    /// Why the rest of the record is not shown.
    unread: Option<RecordError>,
}

impl Shown {
    /// Reads an entry as `verify` does. Here a proof may lack anything but its words, and the rest may be damaged.
    fn of(entry: Entry) -> Result<Self, RecordError> {
        let proof = match entry {
            Entry::Text(text) => match read(&text, &Defaults::default()) {
                Ok(Read::Proof(fields)) => Known::of_fields(*fields)?,
                Ok(Read::Leaf(record)) => Known::of_leaf(*record),
                Ok(Read::Failure) => return Ok(Self::Failure(serde_json::from_slice(&text)?)),
                Err(error) => match words(&text) {
                    Some(words) => Known { words, unread: Some(error), ..Known::default() },
                    None => return Err(error),
                },
            },
            Entry::Row(row) => match row? {
                Item::Proof(record, log) => Known::of_record(*record, log),
                Item::Leaf(record) => Known::of_leaf(*record),
                Item::Failure => {
                    return Ok(Self::Failure(json!({"request": null, "error": null})));
                }
            },
        };
        Ok(Self::Proof(Box::new(proof)))
    }
}

impl Known {
    fn of_fields(fields: Fields) -> Result<Self, RecordError> {
        let log = fields.log.or_else(|| fields.derived_log());
        Ok(Self {
            chain: fields.chain,
            batch: fields.batch,
            id: fields.id,
            words: fields.words.ok_or(RecordError::Missing { field: "proof" })?,
            target: fields.target,
            log,
            leaf: None,
            l1_timestamp: fields.l1_timestamp,
            unread: fields.lack,
        })
    }

    fn of_record(record: ProofRecord, log: L2ToL1Log) -> Self {
        Self {
            chain: Some(record.chain_id),
            batch: Some(record.batch_number),
            id: Some(record.id),
            words: record.proof,
            target: record.target,
            log: Some(log),
            leaf: None,
            l1_timestamp: record.l1_timestamp,
            unread: None,
        }
    }

    fn of_leaf(record: LeafRecord) -> Self {
        Self {
            chain: Some(record.chain_id),
            batch: Some(record.batch_number),
            id: None,
            words: record.proof,
            target: record.target,
            log: None,
            leaf: Some((record.leaf, record.value)),
            l1_timestamp: record.l1_timestamp,
            unread: None,
        }
    }

    /// What the words fold to, if the chain and the batch are known, and either the log with its index or the leaf.
    fn folded(&self) -> Option<Folded> {
        let (chain, batch, words) = (self.chain?, self.batch?, &self.words);
        if let Some((leaf, value)) = self.leaf {
            return fold_leaf(value, (chain, batch, leaf.index()), words, self.l1_timestamp).ok();
        }
        let claim = Claim { chain, batch, index: self.id?, log: self.log.as_ref()? };
        fold_at(&claim, words, self.l1_timestamp).ok()
    }
}

/// The words in a record of which another member is damaged.
fn words(text: &[u8]) -> Option<Vec<Hash>> {
    let mut record: Value = serde_json::from_slice(text).ok()?;
    if let Some(result) = record.get_mut("result") {
        record = result.take();
    }
    let names = ["proof", "merkleProof", "merkle_proof"];
    let name = names.into_iter().find(|name| record.get(name).is_some())?;
    serde_json::from_value(record[name].take()).ok()
}

fn show(record: &Known) -> Result<(Value, String), String> {
    let words = &record.words;
    let proof = Proof::decode(words).map_err(|e| e.to_string())?;
    let given = |number: Option<u64>| match number {
        Some(number) => number.to_string(),
        None => "(not given)".into(),
    };
    let what = match &record.leaf {
        Some((leaf, _)) => format!("leaf {leaf} of the batch root"),
        None => format!("log {}", given(record.id)),
    };
    let mut text = format!(
        "{what} of batch {} of chain {}, {} words\n",
        given(record.batch.map(|batch| batch.0)),
        given(record.chain.map(|chain| chain.0)),
        words.len()
    );
    let mut hop = |what: &str, rest: String| {
        let _ = writeln!(text, "  {what:<13} {rest}");
    };
    let mut value = json!({
        "chainId": record.chain, "batchNumber": record.batch, "id": record.id,
        "words": words.len(), "logPath": proof.log_path.len(),
    });
    if let Some(error) = &record.unread {
        hop("not read", error.to_string());
        value["error"] = json!({"code": error.code(), "message": error.to_string()});
    }
    if let Some(log) = record.log.filter(L2ToL1Log::is_message) {
        let (sender, hash) = (Address::from_word(log.key()), log.value());
        hop("message", format!("from {sender} in transaction {}, hash {hash}", log.tx_number()));
        value["message"] = json!({"sender": sender, "txNumber": log.tx_number(), "hash": hash});
    }
    let siblings = proof.log_path.len();
    match (&proof.end, &proof.log_path[..]) {
        _ if record.leaf.is_some() => {
            hop("leaf path", format!("{siblings} siblings, in a batch root of eight leaves"));
            value["leaf"] = json!(record.leaf.map(|(leaf, _)| leaf));
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
    let folded = record.folded();
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
        let kind = match record.target.map(|target| target.kind) {
            Some(TargetKind::Block) => "block",
            Some(TargetKind::SlBatch) => "batch",
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

/// A word as a decimal number if it fits 64 bits, otherwise in hexadecimal.
fn number(word: Word) -> String {
    word.to_u64().map_or_else(|_| word.to_string(), |number| number.to_string())
}
