//! Reads a directory back.

use std::{collections::BTreeMap, path::Path};

use rayon::prelude::*;

use super::{
    PublishError,
    batch::{BatchFile, Entry, Shared},
    client::verify_all,
    files::{Directory, MANIFEST, PAGE_NAME, batch_name},
    index::Index,
    job::{Listed, lists, manifest},
    manifest::{Counts, Manifest},
    roots::{self, ListedRoots},
};
use crate::{
    keccak::keccak256,
    message::{BatchLogs, MessageList},
    primitives::{BatchNumber, ChainId, Hash, hex, ordered::try_map},
    records::PAGE,
};

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

/// Reads a directory back: compares every file that is listed with its hash, and the page with that of this version, makes
/// every proof as a client does and verifies it, and compares the indexes with the logs. Other files in the directory are
/// not read. Whether the roots to which proofs lead are those of the real contracts is not
/// checked: nothing in the directory shows it.
///
/// # Errors
/// [`PublishError`] for the first file that does not hold.
pub fn check(directory: &Path) -> Result<Checked, PublishError> {
    let directory = Directory(directory.to_owned());
    let manifest = manifest(&directory, &directory.need(MANIFEST)?)?;
    let plot = directory.need_with(&manifest.roots, manifest.roots_hash)?;
    let all = directory.need_with(&manifest.all_roots, manifest.all_roots_hash)?;
    let roots = roots::check(&directory, (&manifest.roots, &plot), (&manifest.all_roots, &all))?;
    drop((plot, all));
    let mut index = Index::beside(&directory.0);
    let mut checked = Checked::default();
    for (chain, list) in lists(&directory, &manifest)? {
        let batches: Vec<_> = list.into_iter().collect();
        let mut counts = Counts::default();
        // A batch for each thread: its messages may be large.
        for some in batches.chunks(rayon::current_num_threads()) {
            let read = try_map(some.par_iter(), |(batch, listed)| {
                batch_of(&directory, &roots, (chain, *batch), *listed)
            });
            for (logs, proofs) in read? {
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
    if directory.need(PAGE_NAME)? != PAGE.as_bytes() {
        let reason = "it is not the page of this version of slproof; publish replaces it";
        return Err(directory.damaged(PAGE_NAME, reason.into()));
    }
    Ok(checked)
}

/// Reads a batch, and verifies all of its proofs. Returns its logs and the number of proofs.
fn batch_of(
    directory: &Directory,
    roots: &ListedRoots,
    (chain, batch): (ChainId, BatchNumber),
    listed: Listed,
) -> Result<(BatchLogs, u64), PublishError> {
    let name = batch_name(chain, batch);
    let bad = |reason: String| directory.damaged(&name, reason);
    let text = directory.need_with(&name, listed.hash)?;
    let file: BatchFile = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    if (file.chain_id, file.batch_number) != (chain, batch) {
        return Err(bad(format!("it is of chain {}, batch {}", file.chain_id, file.batch_number)));
    }
    if file.targets.are_whole() != listed.is_whole {
        return Err(bad("the list says otherwise whether it has both proofs".into()));
    }
    if let Shared::Proof { target, .. } = &file.targets.message_root
        && let Some((block, root)) = roots.other_than(target)
    {
        return Err(bad(format!("the list of roots has another root of block {block}: {root}")));
    }
    let entries = file.all_entries(directory)?;
    let proofs = verify_all(&file, &entries).map_err(bad)?;
    Ok((logs_of(&file, &entries).map_err(bad)?, proofs))
}

/// The logs with their messages, which have to hash to the values of the logs.
fn logs_of(file: &BatchFile, entries: &[Entry]) -> Result<BatchLogs, String> {
    let mut messages = MessageList::default();
    for (id, entry) in entries.iter().enumerate() {
        let Some(message) = &entry.message else { continue };
        // A client compares the message of an entry with its own log.
        if !entry.log.is_message() {
            return Err(format!("log {id}: there is a message, but the log is not of a message"));
        }
        messages.push(&hex::bytes(message).map_err(|error| error.to_string())?);
    }
    let logs = entries.iter().map(|entry| entry.log).collect();
    let transactions: Vec<Hash> = entries.iter().filter_map(|entry| entry.tx_hash).collect();
    let (chain, batch) = (file.chain_id, file.batch_number);
    BatchLogs::new(chain, batch, logs, messages, file.above.first().copied())
        .and_then(|logs| logs.with_transactions(transactions))
        .map_err(|error| error.to_string())
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
