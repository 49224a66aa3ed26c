//! The files of a batch.

use serde::{Deserialize, Serialize};

use crate::{
    keccak::hash_node,
    message::{BatchView, L2ToL1Log, LOG_TREE_HEIGHT},
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp, hex},
    proof::{CheckedBy, Failure, TargetRecord},
    prove::{BatchProofs, BatchRootForm},
};

/// The height of the subtree over the logs of one file.
pub(super) const PART_HEIGHT: u32 = 8;

/// The most logs of one file.
pub(super) const PART_LOGS: usize = 1 << PART_HEIGHT;

/// The file of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchFile {
    pub(super) chain_id: ChainId,
    pub(super) batch_number: BatchNumber,
    pub(super) root: Hash,
    pub(super) logs: usize,
    pub(super) height: u32,
    /// The siblings above the log tree, the same for every log: of these, the first is the aggregated root.
    pub(super) above: Vec<Hash>,
    pub(super) targets: Targets,
    /// The roots of the parts, if the logs are in files of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) nodes: Vec<Hash>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) entries: Vec<Entry>,
}

/// What proofs to each root share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Targets {
    pub(super) l1_batch_root: Shared,
    pub(super) message_root: Shared,
}

/// What all proofs of a batch to one root share, or why there are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Shared {
    #[serde(rename_all = "camelCase")]
    Proof {
        metadata: Option<Hash>,
        tail: Vec<Hash>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        l1_timestamp: Option<Timestamp>,
        target: TargetRecord,
        gateway_block_number: Option<SlBlock>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checked_by: Option<CheckedBy>,
    },
    None(Failure),
}

impl Shared {
    pub(super) fn is_proof(&self) -> bool {
        matches!(self, Self::Proof { .. })
    }

    pub(super) fn of(proofs: &BatchProofs<'_>) -> Self {
        Self::Proof {
            metadata: proofs.metadata(),
            tail: proofs.tail().to_vec(),
            l1_timestamp: proofs.l1_timestamp(),
            target: *proofs.target(),
            gateway_block_number: proofs.sl_block(),
            checked_by: proofs.checked_by(),
        }
    }
}

/// A log in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) log: L2ToL1Log,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tx_hash: Option<Hash>,
}

/// A part of the logs of a large batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartFile {
    pub(super) entries: Vec<Entry>,
}

/// The content of the files of a batch: its own file, and those of its parts.
pub(super) fn files_of(proofs: &BatchProofs<'_>, targets: Targets) -> (BatchFile, Vec<PartFile>) {
    let matched = proofs.settled();
    let logs = matched.logs();
    let (height, above) = match matched.form() {
        BatchRootForm::Plain(height) => (height, Vec::new()),
        BatchRootForm::Aggregated(root, _) => (LOG_TREE_HEIGHT, vec![root]),
        BatchRootForm::EightLeaves(leaves, _) => (LOG_TREE_HEIGHT, leaves.siblings().to_vec()),
    };
    let file = BatchFile {
        chain_id: logs.chain(),
        batch_number: logs.batch(),
        root: matched.batch_root(),
        logs: logs.logs().len(),
        height,
        above,
        targets,
        nodes: match logs.logs().len() {
            0..=PART_LOGS => Vec::new(),
            _ => proofs.nodes(PART_HEIGHT),
        },
        entries: Vec::new(),
    };
    with_entries(file, entries(&logs))
}

/// Puts the logs into the file of a batch, or into those of its parts.
pub(super) fn with_entries(file: BatchFile, entries: Vec<Entry>) -> (BatchFile, Vec<PartFile>) {
    if file.nodes.is_empty() {
        return (BatchFile { entries, ..file }, Vec::new());
    }
    let parts = entries.chunks(PART_LOGS).map(|some| PartFile { entries: some.to_vec() });
    (file, parts.collect())
}

/// The logs as files have them.
pub(super) fn entries(logs: &BatchView<'_>) -> Vec<Entry> {
    let mut transactions = logs.transactions().iter();
    let entry = |(log, message): (&L2ToL1Log, Option<&[u8]>)| Entry {
        log: *log,
        message: message.map(hex::encode),
        tx_hash: transactions.next().copied(),
    };
    logs.with_messages().map(entry).collect()
}

/// A tree as a client builds it: level by level, without the trees of the crate.
pub(super) struct PlainTree {
    levels: Vec<Vec<Hash>>,
    /// The root of a subtree of padding, by its height.
    padding: Vec<Hash>,
}

impl PlainTree {
    /// A tree of this height, padded with `padding`.
    pub(super) fn new(leaves: Vec<Hash>, height: u32, padding: Hash) -> Self {
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
    pub(super) fn root(&self) -> Hash {
        self.node(self.levels.len() - 1, 0)
    }

    /// The siblings of a leaf, bottom first.
    pub(super) fn siblings(&self, leaf: usize) -> impl Iterator<Item = Hash> {
        (0..self.levels.len() - 1).map(move |height| self.node(height, (leaf >> height) ^ 1))
    }

    fn node(&self, height: usize, at: usize) -> Hash {
        self.levels[height].get(at).copied().unwrap_or(self.padding[height])
    }
}
