//! The files of a batch.

use serde::{Deserialize, Serialize};

use super::{
    PublishError,
    files::{Directory, batch_name, part_name},
};
use crate::{
    keccak::keccak256,
    message::{BatchView, L2ToL1Log, LOG_TREE_HEIGHT},
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp, hex},
    proof::{CheckedBy, Failure, TargetRecord},
    prove::{BatchProofs, BatchRootForm},
    records::L1Verdict,
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
    /// The hashes of these files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Hash>,
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

impl Targets {
    /// Whether no proof is missing.
    pub(super) fn are_whole(&self) -> bool {
        [&self.l1_batch_root, &self.message_root]
            .iter()
            .all(|shared| matches!(shared, Shared::Proof { .. }))
    }
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
        /// What a state of L1 said of the proofs, if one was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        l1: Option<Box<L1Verdict>>,
    },
    None(Failure),
}

impl Shared {
    pub(super) fn of(proofs: &BatchProofs<'_>, l1: Option<L1Verdict>) -> Self {
        Self::Proof {
            metadata: proofs.metadata(),
            tail: proofs.tail().to_vec(),
            l1_timestamp: proofs.l1_timestamp(),
            target: *proofs.target(),
            gateway_block_number: proofs.sl_block(),
            checked_by: proofs.checked_by(),
            l1: l1.map(Box::new),
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
struct PartFile {
    entries: Vec<Entry>,
}

/// The content of the files of a batch: its own file, and the texts of those of its parts.
pub(super) fn files_of(proofs: &BatchProofs<'_>, targets: Targets) -> (BatchFile, Vec<Vec<u8>>) {
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
        parts: Vec::new(),
        entries: Vec::new(),
    };
    with_entries(file, entries(&logs))
}

/// Puts the logs into the file of a batch, or into those of its parts.
pub(super) fn with_entries(file: BatchFile, entries: Vec<Entry>) -> (BatchFile, Vec<Vec<u8>>) {
    if file.nodes.is_empty() {
        return (BatchFile { entries, ..file }, Vec::new());
    }
    let part = |some: &[Entry]| {
        // Cannot fail: all members are texts.
        serde_json::to_vec(&PartFile { entries: some.to_vec() }).unwrap_or_default()
    };
    let texts: Vec<Vec<u8>> = entries.chunks(PART_LOGS).map(part).collect();
    let parts = texts.iter().map(|text| keccak256(text)).collect();
    (BatchFile { parts, ..file }, texts)
}

impl BatchFile {
    /// The entries of the file, or of those with its parts.
    pub(super) fn all_entries(&self, directory: &Directory) -> Result<Vec<Entry>, PublishError> {
        let mut entries = self.entries.clone();
        if self.parts.len() != self.nodes.len() {
            let reason =
                format!("it has {} nodes and {} hashes", self.nodes.len(), self.parts.len());
            return Err(directory.damaged(&batch_name(self.chain_id, self.batch_number), reason));
        }
        for (at, hash) in self.parts.iter().enumerate() {
            let name = part_name(self.chain_id, self.batch_number, at);
            let part = entries_of_part(&directory.need_with(&name, *hash)?);
            entries.extend(part.map_err(|error| directory.damaged(&name, error.to_string()))?);
        }
        Ok(entries)
    }
}

/// The entries in the text of a part.
pub(super) fn entries_of_part(text: &[u8]) -> serde_json::Result<Vec<Entry>> {
    Ok(serde_json::from_slice::<PartFile>(text)?.entries)
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
