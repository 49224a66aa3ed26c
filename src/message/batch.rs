use std::{iter, sync::LazyLock};

use bytemuck::TransparentWrapper;

use super::{EMPTY_LOG_LEAF, ImtRoots, L2ToL1Log, LogsError, MessageList, Messages};
use crate::{
    keccak::{hash_many, hash_texts},
    merkle::{LeafHashes, Leaves, Levels, NoSuchLeaf, Tree, Zeros, roots_at},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The height of the tree of a batch's logs since protocol 1.5.0: 16384 leaves.
pub const LOG_TREE_HEIGHT: u32 = 14;

/// The height of that tree in each protocol version, the newest first: 16384 leaves since 1.5.0, 4096 in
/// 1.4.2, 2048 in 1.4.0 and 1.4.1, 512 before.
pub const LOG_TREE_HEIGHTS: [u32; 4] = [LOG_TREE_HEIGHT, 12, 11, 9];

/// The logs of one batch in order, with the bytes of the messages and the transaction hashes where the source
/// has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchLogs {
    chain: ChainId,
    batch: BatchNumber,
    logs: Vec<L2ToL1Log>,
    messages: MessageList,
    transactions: Vec<Hash>,
    aggregated_root: Option<Hash>,
    imt: Option<ImtRoots>,
}

impl BatchLogs {
    /// Creates a batch. `messages` are the messages of all logs [of a message](L2ToL1Log::is_message), in the
    /// order of these logs, or empty. `aggregated_root` is the value in the archive; it is not verified here.
    ///
    /// # Errors
    /// [`LogsError`] when there are more logs than a tree holds, or a message does not match its log.
    pub fn new(
        chain: ChainId,
        batch: BatchNumber,
        logs: Vec<L2ToL1Log>,
        messages: MessageList,
        aggregated_root: Option<Hash>,
    ) -> Result<Self, LogsError> {
        let (transactions, imt) = (vec![], None);
        let logs = Self { chain, batch, logs, messages, transactions, aggregated_root, imt };
        logs.view().checked()?.check_messages()?;
        Ok(logs)
    }

    /// Adds the hash of the transaction that emitted each log.
    ///
    /// # Errors
    /// [`LogsError::TransactionCount`] when there is not one hash for each log.
    pub fn with_transactions(self, transactions: Vec<Hash>) -> Result<Self, LogsError> {
        let logs = Self { transactions, ..self };
        logs.view().checked()?;
        Ok(logs)
    }

    /// Adds what the archive has of the roots of the chain's interop commitment tree (since v33); it is not
    /// verified here.
    #[must_use]
    pub fn with_imt(self, imt: Option<ImtRoots>) -> Self {
        Self { imt, ..self }
    }

    /// Copies a batch. Its messages were compared with its logs when it was created.
    #[cfg(feature = "archive")]
    pub(crate) fn copy(batch: &BatchView<'_>) -> Self {
        Self {
            chain: batch.chain,
            batch: batch.batch,
            logs: batch.logs.to_vec(),
            messages: batch.messages.iter().collect(),
            transactions: batch.transactions.to_vec(),
            aggregated_root: batch.aggregated_root,
            imt: batch.imt,
        }
    }

    /// A view of the batch.
    #[must_use]
    pub fn view(&self) -> BatchView<'_> {
        BatchView {
            chain: self.chain,
            batch: self.batch,
            logs: &self.logs,
            messages: self.messages.view(),
            transactions: &self.transactions,
            aggregated_root: self.aggregated_root,
            imt: self.imt,
        }
    }
}

impl<'a> From<&'a BatchLogs> for BatchView<'a> {
    fn from(logs: &'a BatchLogs) -> Self {
        logs.view()
    }
}

/// A view of the logs of one batch in order, at any place in memory: in an archive or in [`BatchLogs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchView<'a> {
    pub(crate) chain: ChainId,
    pub(crate) batch: BatchNumber,
    pub(crate) logs: &'a [L2ToL1Log],
    pub(crate) messages: Messages<'a>,
    pub(crate) transactions: &'a [Hash],
    pub(crate) aggregated_root: Option<Hash>,
    pub(crate) imt: Option<ImtRoots>,
}

/// A part of a batch in which two sources can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchPart {
    /// The logs.
    Logs,
    /// The bytes of the messages.
    Messages,
    /// The hashes of the transactions.
    Transactions,
    /// The aggregated root.
    AggregatedRoot,
    /// The roots of the interop commitment tree.
    ImtRoots,
}

impl std::fmt::Display for BatchPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Logs => "logs",
            Self::Messages => "messages",
            Self::Transactions => "transaction hashes",
            Self::AggregatedRoot => "aggregated roots",
            Self::ImtRoots => "roots of the interop commitment tree",
        })
    }
}

impl<'a> BatchView<'a> {
    /// The chain that emitted the logs.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// The number of the batch.
    #[must_use]
    pub fn batch(&self) -> BatchNumber {
        self.batch
    }

    /// The key by which batches are ordered.
    #[must_use]
    pub fn key(&self) -> (ChainId, BatchNumber) {
        (self.chain, self.batch)
    }

    /// The logs, in the order of their leaf indices.
    #[must_use]
    pub fn logs(&self) -> &'a [L2ToL1Log] {
        self.logs
    }

    /// The messages of the logs of messages, in their order; empty when the archive does not have them.
    #[must_use]
    pub fn messages(&self) -> Messages<'a> {
        self.messages
    }

    /// The hash of the transaction that emitted each log; empty when the archive does not have them.
    #[must_use]
    pub fn transactions(&self) -> &'a [Hash] {
        self.transactions
    }

    /// The aggregated root in the archive; it is not verified.
    #[must_use]
    pub fn aggregated_root(&self) -> Option<Hash> {
        self.aggregated_root
    }

    /// What the archive has of the roots of the interop commitment tree; it is not verified.
    #[must_use]
    pub fn imt(&self) -> Option<ImtRoots> {
        self.imt
    }

    /// The logs in order, each with its message when it is the log of one and the archive has the message.
    pub fn with_messages(
        &self,
    ) -> impl Iterator<Item = (&'a L2ToL1Log, Option<&'a [u8]>)> + use<'a> {
        let mut messages = self.messages.iter();
        self.logs.iter().map(move |log| {
            let message = if log.is_message() { messages.next() } else { None };
            (log, message)
        })
    }

    /// Hashes the tree of the logs.
    #[must_use]
    pub fn tree(&self) -> LogTree {
        let levels = Levels::hash(&LogLeaves(self.logs), log_zeros());
        let root = levels.tree(log_zeros()).root_at(LOG_TREE_HEIGHT);
        LogTree { levels, root }
    }

    /// Hashes the trees of many batches together, on all threads of the current rayon pool. Most batches have
    /// few logs. A single small tree leaves lanes of the processor idle, most of all in the padding levels,
    /// which have one node each.
    #[must_use]
    pub fn trees(batches: &[Self]) -> Vec<LogTree> {
        let leaves = batches.iter().map(|batch| LogLeaves(batch.logs)).collect();
        let levels = Levels::hash_all(leaves, log_zeros());
        let trees: Vec<_> = levels.iter().map(|levels| levels.tree(log_zeros())).collect();
        let roots = roots_at(&trees, LOG_TREE_HEIGHT, log_zeros());
        levels.into_iter().zip(roots).map(|(levels, root)| LogTree { levels, root }).collect()
    }

    /// Checks that the numbers of logs, messages and transaction hashes fit each other.
    pub(crate) fn checked(self) -> Result<Self, LogsError> {
        let logs = self.logs.len();
        if logs > 1 << LOG_TREE_HEIGHT {
            return Err(LogsError::TooManyLogs { got: logs });
        }
        if !self.messages.is_empty() {
            let expected = self.logs.iter().filter(|log| log.is_message()).count();
            if expected != self.messages.len() {
                return Err(LogsError::MessageCount { expected, got: self.messages.len() });
            }
        }
        if !self.transactions.is_empty() && self.transactions.len() != logs {
            let got = self.transactions.len();
            return Err(LogsError::TransactionCount { expected: logs, got });
        }
        Ok(self)
    }

    /// Compares the hash of each message with the value of its log.
    pub(crate) fn check_messages(&self) -> Result<(), LogsError> {
        let logs = self.with_messages().enumerate();
        let (places, messages): (Vec<_>, Vec<_>) = logs
            .filter_map(|(index, (log, message))| Some(((index, log.value()), message?)))
            .unzip();
        let mut hashes = vec![Hash::ZERO; messages.len()];
        hash_texts(&messages, &mut hashes);
        match iter::zip(places, hashes).find(|((_, expected), got)| expected != got) {
            Some(((index, expected), got)) => Err(LogsError::Message { index, expected, got }),
            None => Ok(()),
        }
    }

    /// The batch without the logs from an index on. `None` if one of them is not padding.
    #[cfg(feature = "archive")]
    fn unpadded(self, len: usize) -> Option<Self> {
        let (logs, padding) = self.logs.split_at_checked(len)?;
        let transactions = self.transactions.get(..len).unwrap_or_default();
        padding.iter().all(L2ToL1Log::is_padding).then_some(Self { logs, transactions, ..self })
    }

    /// Adds the parts that another source has of the same batch. Padding at the end of the logs in one source changes
    /// no root, so the merged batch has only what both have of it.
    ///
    /// # Errors
    /// The part in which the two sources differ.
    #[cfg(feature = "archive")]
    pub(crate) fn merge(self, other: Self) -> Result<Self, BatchPart> {
        let len = self.logs.len().min(other.logs.len());
        let (Some(this), Some(other)) = (self.unpadded(len), other.unpadded(len)) else {
            return Err(BatchPart::Logs);
        };
        if this.logs != other.logs {
            return Err(BatchPart::Logs);
        }
        let messages = match (this.messages.is_empty(), other.messages.is_empty()) {
            (false, false) if this.messages != other.messages => return Err(BatchPart::Messages),
            (true, _) => other.messages,
            _ => this.messages,
        };
        let transactions = match (this.transactions, other.transactions) {
            ([], known) | (known, []) => known,
            (one, two) if one == two => one,
            _ => return Err(BatchPart::Transactions),
        };
        let aggregated_root = match (this.aggregated_root, other.aggregated_root) {
            (Some(one), Some(two)) if one != two => return Err(BatchPart::AggregatedRoot),
            (one, two) => one.or(two),
        };
        let imt = match (this.imt, other.imt) {
            (Some(one), Some(two)) => Some(one.merge(two).ok_or(BatchPart::ImtRoots)?),
            (one, two) => one.or(two),
        };
        Ok(Self { messages, transactions, aggregated_root, imt, ..this })
    }
}

/// The logs as leaves of the tree.
#[derive(Debug)]
struct LogLeaves<'a>(&'a [L2ToL1Log]);

impl LeafHashes for LogLeaves<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn hash(&self, first: usize, out: &mut [Hash]) {
        hash_many(L2ToL1Log::peel_slice(&self.0[first..first + out.len()]), out);
    }
}

impl Leaves<{ L2ToL1Log::LEN }> for LogLeaves<'_> {
    fn input(&self, index: usize) -> [u8; L2ToL1Log::LEN] {
        *self.0[index].as_bytes()
    }
}

/// The tree of a batch's logs, padded to one of [`LOG_TREE_HEIGHTS`].
#[derive(Clone, Debug)]
pub struct LogTree {
    levels: Levels,
    root: Hash,
}

impl LogTree {
    fn tree(&self) -> Tree<'_> {
        self.levels.tree(log_zeros())
    }

    /// The local logs root, at [`LOG_TREE_HEIGHT`].
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The local logs root of a tree of another height; `None` when the batch has more logs than its leaves.
    #[must_use]
    pub fn root_at(&self, height: u32) -> Option<Hash> {
        (self.tree().height() <= height).then(|| self.tree().root_at(height))
    }

    /// The leaf of a log. After the last log it is padding.
    #[must_use]
    pub fn leaf(&self, index: u64) -> Hash {
        self.tree().node(0, index)
    }

    /// The nodes at this height above the leaves that have one of the first `logs` leaves below them.
    #[must_use]
    pub fn nodes(&self, height: u32, logs: usize) -> Vec<Hash> {
        let nodes = (logs as u64).div_ceil(1 << height);
        (0..nodes).map(|index| self.tree().node(height, index)).collect()
    }

    /// The siblings from a log's leaf to the local logs root of a tree of this height, bottom first.
    ///
    /// # Errors
    /// [`NoSuchLeaf`] when the batch has no such log.
    pub fn path(&self, index: u64, height: u32) -> Result<impl Iterator<Item = Hash>, NoSuchLeaf> {
        self.tree().siblings(index, height)
    }
}

pub(super) fn log_zeros() -> &'static Zeros {
    static ZEROS: LazyLock<Zeros> = LazyLock::new(|| Zeros::above(EMPTY_LOG_LEAF));
    &ZEROS
}

#[cfg(test)]
mod tests;
