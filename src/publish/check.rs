//! Reads a directory back.

use std::{collections::BTreeMap, path::Path};

use rayon::prelude::*;

use super::{
    PublishError,
    batch::{BatchFile, Entry, PART_HEIGHT, PART_LOGS, PartFile, PlainTree, Shared},
    files::{Directory, MANIFEST, batch_name, part_name},
    index::Index,
    job::{Listed, lists, manifest},
    manifest::{Counts, Manifest},
};
use crate::{
    keccak::keccak256,
    message::{BatchLogs, EMPTY_LOG_LEAF, MessageList},
    primitives::{BatchNumber, ChainId, Hash, hex},
    proof::ProofRecord,
};

/// The batches that are checked together.
const WINDOW: usize = 256;

/// What a directory holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The batches.
    pub batches: u64,
    /// The logs.
    pub logs: u64,
    /// The proofs that were made as a client makes them, and accepted by the verifier.
    pub proofs: u64,
}

/// Reads a directory back: compares every file with its hash, makes every proof as a client does and verifies it, and
/// compares the indexes with the logs. Whether the roots to which proofs lead are those of the real contracts is not
/// checked: nothing in the directory shows it.
///
/// # Errors
/// [`PublishError`] for the first file that does not hold.
pub fn check(directory: &Path) -> Result<Checked, PublishError> {
    let directory = Directory(directory.to_owned());
    let manifest = manifest(&directory, &directory.need(MANIFEST)?)?;
    directory.need_with(&manifest.roots, manifest.roots_hash)?;
    let mut index = Index::beside(&directory.0);
    let mut checked = Checked::default();
    for (chain, list) in lists(&directory, &manifest)? {
        let batches: Vec<_> = list.into_iter().collect();
        let mut counts = Counts::default();
        for some in batches.chunks(WINDOW) {
            let read: Vec<_> = some
                .par_iter()
                .map(|(batch, listed)| batch_of(&directory, chain, *batch, *listed))
                .collect::<Result<_, _>>()?;
            for (logs, proofs) in read {
                checked.batches += 1;
                counts.add(&logs.view());
                checked.logs += logs.view().logs().len() as u64;
                checked.proofs += proofs;
                index.add(&logs.view())?;
            }
        }
        let mut entries = manifest.chains.iter().filter(|entry| entry.chain_id == chain);
        if !entries.all(|entry| entry.counts() == counts) {
            let reason = format!("it has other counts of chain {chain} than its batches");
            return Err(directory.damaged(MANIFEST, reason));
        }
    }
    same_index(&directory, &manifest, index)?;
    Ok(checked)
}

/// Reads a batch, and verifies all of its proofs. Returns its logs and the number of proofs.
fn batch_of(
    directory: &Directory,
    chain: ChainId,
    batch: BatchNumber,
    listed: Listed,
) -> Result<(BatchLogs, u64), PublishError> {
    let name = batch_name(chain, batch);
    let bad = |reason: String| directory.damaged(&name, reason);
    let text = directory.need_with(&name, listed.hash)?;
    let file: BatchFile = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    if (file.chain_id, file.batch_number) != (chain, batch) {
        return Err(bad(format!("it is of chain {}, batch {}", file.chain_id, file.batch_number)));
    }
    if file.height > 32 {
        return Err(bad(format!("a log tree of height {}", file.height)));
    }
    let mut entries = file.entries.clone();
    for part in 0..file.nodes.len() {
        let name = part_name(chain, batch, part);
        let part: PartFile = serde_json::from_slice(&directory.need(&name)?)
            .map_err(|error| directory.damaged(&name, error.to_string()))?;
        entries.extend(part.entries);
    }
    if entries.len() != file.logs || file.logs.div_ceil(PART_LOGS) > file.nodes.len().max(1) {
        return Err(bad(format!("{} entries for {} logs", entries.len(), file.logs)));
    }
    let logs = logs_of(&file, &entries).map_err(bad)?;
    let trees = LogTrees::of(&file, &entries).map_err(bad)?;
    let mut proofs = 0;
    for shared in [&file.targets.l1_batch_root, &file.targets.message_root] {
        proofs += verify(&file, &entries, &trees, shared).map_err(bad)?;
    }
    if proofs == 0 && entries.iter().any(|entry| leaf(entry) != EMPTY_LOG_LEAF) {
        return Err(bad("it has no proofs".into()));
    }
    Ok((logs, proofs))
}

fn leaf(entry: &Entry) -> Hash {
    keccak256(entry.log.as_bytes())
}

/// The logs with their messages, which have to hash to the values of the logs.
fn logs_of(file: &BatchFile, entries: &[Entry]) -> Result<BatchLogs, String> {
    let mut messages = MessageList::default();
    for message in entries.iter().filter_map(|entry| entry.message.as_ref()) {
        messages.push(&hex::bytes(message).map_err(|error| error.to_string())?);
    }
    let logs = entries.iter().map(|entry| entry.log).collect();
    let transactions: Vec<Hash> = entries.iter().filter_map(|entry| entry.tx_hash).collect();
    let (chain, batch) = (file.chain_id, file.batch_number);
    BatchLogs::new(chain, batch, logs, messages, file.above.first().copied())
        .and_then(|logs| logs.with_transactions(transactions))
        .map_err(|error| error.to_string())
}

/// Makes the proofs of all logs to one root as a client does, and verifies them. Returns their number.
fn verify(
    file: &BatchFile,
    entries: &[Entry],
    trees: &LogTrees,
    shared: &Shared,
) -> Result<u64, String> {
    let Shared::Proof { metadata, tail, l1_timestamp, target, checked_by, .. } = shared else {
        return Ok(0);
    };
    let mut proofs = 0;
    for (id, entry) in entries.iter().enumerate() {
        if leaf(entry) == EMPTY_LOG_LEAF {
            continue;
        }
        let path = trees.siblings(id).chain(file.above.iter().copied());
        let record = ProofRecord {
            chain_id: file.chain_id,
            batch_number: file.batch_number,
            id: id as u64,
            root: file.root,
            proof: metadata.iter().copied().chain(path).chain(tail.iter().copied()).collect(),
            l1_timestamp: *l1_timestamp,
            target: Some(*target),
            log: Some(entry.log),
            message: None,
            tx_hash: entry.tx_hash,
            checked_by: *checked_by,
        };
        record
            .verify(&entry.log, |_| Some(target.root))
            .map_err(|error| format!("log {id}: {error}"))?;
        proofs += 1;
    }
    Ok(proofs)
}

/// The log tree of a batch: the trees of its parts, and the tree over them if there are several.
struct LogTrees {
    parts: Vec<PlainTree>,
    upper: Option<PlainTree>,
}

impl LogTrees {
    fn of(file: &BatchFile, entries: &[Entry]) -> Result<Self, String> {
        let height = if file.nodes.is_empty() { file.height } else { PART_HEIGHT };
        let tree = |some: &[Entry]| {
            PlainTree::new(some.iter().map(leaf).collect(), height, EMPTY_LOG_LEAF)
        };
        let parts: Vec<PlainTree> = entries.chunks(PART_LOGS).map(tree).collect();
        if file.nodes.is_empty() {
            return Ok(Self { parts, upper: None });
        }
        if !parts.iter().map(PlainTree::root).eq(file.nodes.iter().copied()) {
            return Err("nodes are not the roots of the parts".into());
        }
        let padding = PlainTree::new(Vec::new(), PART_HEIGHT, EMPTY_LOG_LEAF).root();
        let upper = file.height.saturating_sub(PART_HEIGHT);
        Ok(Self { parts, upper: Some(PlainTree::new(file.nodes.clone(), upper, padding)) })
    }

    /// The siblings of a log up to the root of the log tree.
    fn siblings(&self, id: usize) -> impl Iterator<Item = Hash> {
        let (part, within) = (id / PART_LOGS, id % PART_LOGS);
        let lower = self.parts[part].siblings(within);
        lower.chain(self.upper.iter().flat_map(move |upper| upper.siblings(part)))
    }
}

/// Compares the files of the indexes with those that the logs give.
fn same_index(
    directory: &Directory,
    manifest: &Manifest,
    index: Index,
) -> Result<(), PublishError> {
    let list = format!("{}/hashes.txt", manifest.index);
    let listed = directory.need_with(&list, manifest.index_hash)?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let mut hashes: BTreeMap<&str, &str> =
        listed.lines().filter_map(|line| line.split_once(' ')).collect();
    let entries = index.files(|kind, digits, bytes| {
        let name = format!("{kind}/{digits}.txt");
        let file = format!("{}/{name}", manifest.index);
        let hash = keccak256(bytes);
        if hashes.remove(name.as_str()) != Some(hash.to_string().as_str()) {
            return Err(directory.damaged(&file, "it is not the index of the logs".into()));
        }
        directory.need_with(&file, hash).map(drop)
    })?;
    if let Some(name) = hashes.keys().next() {
        return Err(directory.damaged(&list, format!("{name} is of no log")));
    }
    match entries == manifest.indexes {
        true => Ok(()),
        false => Err(directory.damaged(MANIFEST, "the indexes have other counts".into())),
    }
}
