//! Makes the proofs of a published batch as a client does.

use super::batch::{BatchFile, Entry, PART_HEIGHT, PART_LOGS, Shared, Targets};
use crate::{
    keccak::{hash_node, keccak256},
    message::EMPTY_LOG_LEAF,
    primitives::Hash,
    proof::{ProofRecord, TargetKind},
};

/// The highest log tree that is built.
const HIGHEST: u32 = 32;

/// Makes all proofs that the files of a batch give, and verifies them. Returns their number, or what does not hold. Whether
/// the roots to which they lead are those of the real contracts is not checked: nothing in the files shows it.
pub(super) fn verify_all(file: &BatchFile, entries: &[Entry]) -> Result<u64, String> {
    let trees = LogTrees::of(file, entries)?;
    let Targets { l1_batch_root, message_root } = &file.targets;
    let leads_to_block = |shared: &Shared| match shared {
        Shared::Proof { target, .. } => Some(target.kind == TargetKind::Block),
        Shared::None(_) => None,
    };
    if leads_to_block(l1_batch_root) == Some(true) || leads_to_block(message_root) == Some(false) {
        return Err("a target is of another kind than its place".into());
    }
    if matches!(message_root, Shared::Proof { l1: Some(_), .. }) {
        return Err("L1 judges no root of a block".into());
    }
    if let Shared::Proof { target, gateway_block_number, .. } = message_root
        && gateway_block_number.map(|block| block.0) != target.number
    {
        return Err("the block that a node's answer names is not that of the interop root".into());
    }
    let mut proofs = 0;
    for shared in [l1_batch_root, message_root] {
        for record in records(file, entries, &trees, shared) {
            let log = entries[record.id as usize].log;
            record
                .verify(&log, |_| record.target.map(|target| target.root))
                .map_err(|error| format!("log {}: {error}", record.id))?;
            proofs += 1;
        }
    }
    if proofs == 0 && entries.iter().any(|entry| !entry.log.is_padding()) {
        return Err("it has no proofs".into());
    }
    Ok(proofs)
}

fn leaf(entry: &Entry) -> Hash {
    keccak256(entry.log.as_bytes())
}

/// The records of all logs to one root. The padding of log trees has none.
fn records<'a>(
    file: &'a BatchFile,
    entries: &'a [Entry],
    trees: &'a LogTrees,
    shared: &'a Shared,
) -> impl Iterator<Item = ProofRecord> + 'a {
    let logs = entries.iter().enumerate().filter(|(_, entry)| !entry.log.is_padding());
    logs.filter_map(move |(id, entry)| {
        let Shared::Proof { metadata, tail, l1_timestamp, target, checked_by, .. } = shared else {
            return None;
        };
        let path = trees.siblings(id).chain(file.above.iter().copied());
        Some(ProofRecord {
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
        })
    })
}

/// One of the records for L1: all of a batch lead to the same root. `None` if the files give none.
pub(super) fn first_record(file: &BatchFile, entries: &[Entry]) -> Option<ProofRecord> {
    let trees = LogTrees::of(file, entries).ok()?;
    records(file, entries, &trees, &file.targets.l1_batch_root).next()
}

/// The log tree of a batch: the trees of its parts, and the tree over them if there are several.
struct LogTrees {
    parts: Vec<PlainTree>,
    upper: Option<PlainTree>,
}

impl LogTrees {
    fn of(file: &BatchFile, entries: &[Entry]) -> Result<Self, String> {
        if file.height > HIGHEST {
            return Err(format!("a log tree of height {}", file.height));
        }
        if entries.len() != file.logs || file.logs.div_ceil(PART_LOGS) > file.nodes.len().max(1) {
            return Err(format!("{} entries for {} logs", entries.len(), file.logs));
        }
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

/// A tree as a client builds it: level by level, without the trees of the crate.
struct PlainTree {
    levels: Vec<Vec<Hash>>,
    /// The root of a subtree of padding, by its height.
    padding: Vec<Hash>,
}

impl PlainTree {
    /// A tree of this height, padded with `padding`.
    fn new(leaves: Vec<Hash>, height: u32, padding: Hash) -> Self {
        let mut tree = Self { levels: vec![leaves], padding: vec![padding] };
        for _ in 0..height {
            let empty = tree.padding.last().copied().unwrap_or_default();
            let below = tree.levels.last().map_or(&[][..], Vec::as_slice);
            let pair = |pair: &[Hash]| hash_node(pair[0], pair.get(1).copied().unwrap_or(empty));
            let level = below.chunks(2).map(pair).collect();
            tree.levels.push(level);
            tree.padding.push(hash_node(empty, empty));
        }
        tree
    }

    /// The root.
    fn root(&self) -> Hash {
        self.node(self.levels.len() - 1, 0)
    }

    /// The siblings of a leaf, bottom first.
    fn siblings(&self, leaf: usize) -> impl Iterator<Item = Hash> {
        (0..self.levels.len() - 1).map(move |height| self.node(height, (leaf >> height) ^ 1))
    }

    fn node(&self, height: usize, at: usize) -> Hash {
        self.levels[height].get(at).copied().unwrap_or(self.padding[height])
    }
}
