//! `StoredBatchInfo`, of which L1 stores the hash.
//!
//! | word | content |
//! | --- | --- |
//! | 0 | batch number |
//! | 1 | batch hash: the root of the state tree after the batch |
//! | 2 | `indexRepeatedStorageChanges`: the next free enumeration index |
//! | 3 | number of L1 transactions |
//! | 4 | `priorityOperationsHash` |
//! | 5 | since v29: `dependencyRootsRollingHash` |
//! | 6 | `l2LogsTreeRoot`: the batch root |
//! | 7 | timestamp |
//! | 8 | commitment |
//!
//! Source: era-contracts `IExecutor.sol`, v26 to v31.

use super::{CalldataError, abi::Abi};
use crate::{
    keccak::keccak256,
    primitives::{Hash, SlBatch, Word},
};

/// What L1 keeps of a batch, as the calldata of commits and executions have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredBatchInfo {
    /// The number of the batch.
    pub batch: SlBatch,
    /// The root of the state tree after the batch; of a ZKsync OS chain, the commitment to the state.
    pub state_root: Hash,
    /// The next free enumeration index after the batch; zero for a ZKsync OS chain.
    pub next_index: u64,
    /// The number of transactions that came from L1.
    pub l1_transactions: Word,
    /// The hash of these transactions.
    pub priority_hash: Hash,
    /// The rolling hash of the roots that the batch depends on; `None` up to v28. Zero for a batch that was committed
    /// before v29.
    pub dependency_hash: Option<Hash>,
    /// The batch root: the root of the tree of logs, together with the shared root.
    pub logs_root: Hash,
    /// The time of the batch, in seconds; zero for a ZKsync OS chain.
    pub timestamp: Word,
    /// The commitment to the batch.
    pub commitment: Hash,
}

/// The words of the struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Eight, up to v28.
    V26,
    /// Nine, since v29.
    V29,
}

impl Layout {
    pub(super) fn words(self) -> usize {
        match self {
            Self::V26 => 8,
            Self::V29 => 9,
        }
    }
}

impl StoredBatchInfo {
    /// Reads the struct at the start of a part.
    pub(super) fn read(part: Abi<'_>, layout: Layout) -> Result<Self, CalldataError> {
        let shift = layout.words() - Layout::V26.words();
        let dependency_hash = match layout {
            Layout::V26 => None,
            Layout::V29 => Some(part.hash(5, "the hash of the dependencies")?),
        };
        Ok(Self {
            batch: SlBatch(part.number(0, "the number of the stored batch")?),
            state_root: part.hash(1, "the state root of the stored batch")?,
            next_index: part.number(2, "the next index of the stored batch")?,
            l1_transactions: part.word(3, "the number of L1 transactions")?,
            priority_hash: part.hash(4, "the hash of the L1 transactions")?,
            dependency_hash,
            logs_root: part.hash(5 + shift, "the batch root of the stored batch")?,
            timestamp: part.word(6 + shift, "the timestamp of the stored batch")?,
            commitment: part.hash(7 + shift, "the commitment of the stored batch")?,
        })
    }

    /// The hash that the diamond stores in `storedBatchHashes`: the keccak256 of the words.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let before = [
            self.batch.to_word(),
            self.state_root.into(),
            self.next_index.into(),
            self.l1_transactions,
            self.priority_hash.into(),
        ];
        let after = [self.logs_root.into(), self.timestamp, self.commitment.into()];
        let dependency = self.dependency_hash.map(Word::from);
        let words = before.into_iter().chain(dependency).chain(after);
        keccak256(&words.flat_map(|word| *word.as_bytes()).collect::<Vec<_>>())
    }

    /// Whether two describe the same batch. The contracts of v29 accept batches of v28 with and without the hash of
    /// the dependencies, which such batches do not have.
    #[must_use]
    pub fn is_same_batch(&self, other: &Self) -> bool {
        let comparable = |info: &Self| Self {
            dependency_hash: info.dependency_hash.filter(|hash| !hash.is_zero()),
            ..info.clone()
        };
        comparable(self) == comparable(other)
    }
}
