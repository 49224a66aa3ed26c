//! The batch root of ZKsync OS chains since v33: a Merkle tree of eight leaves.
//!
//! ```text
//! 0      local logs root
//! 1      multichain root: the aggregated root of the chain's own MessageRoot
//! 2, 3   root of the chain's interop commitment tree (IMT) at the begin and at the end of the batch
//! 4 to 7 zero
//! ```
//!
//! Leaves are not hashed. The settlement layer's state has none of them. Sources: era-contracts
//! `ChainBatchRootTree.sol`; zksync-os-server `chain_batch_root.rs`.

use std::{fmt, str::FromStr, sync::LazyLock};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{keccak::hash_node, primitives::Hash};

/// The root of an empty interop commitment tree: keccak256 of 96 zero bytes.
pub const EMPTY_IMT: Hash = Hash::new([
    0x46, 0x70, 0x0b, 0x4d, 0x40, 0xac, 0x5c, 0x35, 0xaf, 0x2c, 0x22, 0xdd, 0xa2, 0x78, 0x7a, 0x91,
    0xeb, 0x56, 0x7b, 0x06, 0xc9, 0x24, 0xa8, 0xfb, 0x8a, 0xe9, 0xa0, 0x5b, 0x20, 0xc0, 0x8c, 0x21,
]);

/// The node above leaves 4 to 7.
static RESERVED_HALF: LazyLock<Hash> = LazyLock::new(|| {
    let node = hash_node(Hash::ZERO, Hash::ZERO);
    hash_node(node, node)
});

/// What is known of leaves 2 and 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImtRoots {
    /// Both roots: at the begin and at the end of the batch.
    Both {
        /// The root at the begin.
        begin: Hash,
        /// The root at the end.
        end: Hash,
    },
    /// Only the node above them: keccak256(begin ‖ end).
    Node(Hash),
}

impl ImtRoots {
    /// The roots of chains without interop commitments: an empty tree at both ends; no tree at the begin, in the
    /// first batch after an upgrade to v33; and no tree at all.
    pub const WITHOUT_COMMITMENTS: [Self; 3] = [
        Self::Both { begin: EMPTY_IMT, end: EMPTY_IMT },
        Self::Both { begin: Hash::ZERO, end: EMPTY_IMT },
        Self::Both { begin: Hash::ZERO, end: Hash::ZERO },
    ];

    /// The node above leaves 2 and 3, which is the sibling in the proofs of logs.
    #[must_use]
    pub fn node(&self) -> Hash {
        match self {
            Self::Both { begin, end } => hash_node(*begin, *end),
            Self::Node(node) => *node,
        }
    }

    /// What two sources know together. `None` if they contradict each other.
    #[must_use]
    pub fn merge(self, other: Self) -> Option<Self> {
        match (self, other) {
            (one, two) if one == two => Some(one),
            (both @ Self::Both { .. }, Self::Node(node))
            | (Self::Node(node), both @ Self::Both { .. }) => (both.node() == node).then_some(both),
            _ => None,
        }
    }
}

/// A batch root of eight leaves, of which those that no log depends on may be known only by their parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EightLeaves {
    /// Leaf 0.
    pub local_root: Hash,
    /// Leaf 1.
    pub multichain_root: Hash,
    /// Leaves 2 and 3.
    pub imt: ImtRoots,
}

impl EightLeaves {
    /// The leaves of batch 0, which a chain that is created under v33 starts with. It has no logs, and its leaf 0 is
    /// zero instead of the root of an empty tree of logs.
    pub const GENESIS: Self = Self {
        local_root: Hash::ZERO,
        multichain_root: Hash::ZERO,
        imt: ImtRoots::WITHOUT_COMMITMENTS[0],
    };

    /// The batch root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let left = hash_node(hash_node(self.local_root, self.multichain_root), self.imt.node());
        hash_node(left, *RESERVED_HALF)
    }

    /// The node above leaves 4 to 7, which is the last sibling of every proof.
    #[must_use]
    pub fn reserved_half() -> Hash {
        *RESERVED_HALF
    }

    /// The siblings of the local logs root, bottom first. The proof of a log has them after those in the tree of
    /// logs.
    #[must_use]
    pub fn siblings(&self) -> [Hash; 3] {
        [self.multichain_root, self.imt.node(), *RESERVED_HALF]
    }

    /// A leaf and its siblings, bottom first. `None` if the roots of the IMT are needed, and not known.
    #[must_use]
    pub fn path(&self, leaf: BatchRootLeaf) -> Option<(Hash, [Hash; 3])> {
        let logs = hash_node(self.local_root, self.multichain_root);
        let (node, sibling, beside) = match (leaf, self.imt) {
            (BatchRootLeaf::Logs, imt) => (self.local_root, self.multichain_root, imt.node()),
            (BatchRootLeaf::Multichain, imt) => (self.multichain_root, self.local_root, imt.node()),
            (_, ImtRoots::Node(_)) => return None,
            (BatchRootLeaf::ImtBegin, ImtRoots::Both { begin, end }) => (begin, end, logs),
            (BatchRootLeaf::ImtEnd, ImtRoots::Both { begin, end }) => (end, begin, logs),
        };
        Some((node, [sibling, beside, *RESERVED_HALF]))
    }
}

/// One of the leaves of a batch root that are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchRootLeaf {
    /// The local logs root.
    Logs,
    /// The multichain root.
    Multichain,
    /// The root of the IMT at the begin of the batch.
    ImtBegin,
    /// The root of the IMT at the end of the batch.
    ImtEnd,
}

impl BatchRootLeaf {
    /// Every leaf that is in use, by index.
    pub const ALL: [Self; 4] = [Self::Logs, Self::Multichain, Self::ImtBegin, Self::ImtEnd];

    /// The index of the leaf in the batch root.
    #[must_use]
    pub fn index(self) -> u64 {
        self as u64
    }

    /// The name of the leaf.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Multichain => "multichain",
            Self::ImtBegin => "imt-begin",
            Self::ImtEnd => "imt-end",
        }
    }
}

impl fmt::Display for BatchRootLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no leaf of a batch root.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown leaf {0:?}: expected logs, multichain, imt-begin or imt-end")]
pub struct UnknownLeaf(String);

impl FromStr for BatchRootLeaf {
    type Err = UnknownLeaf;

    fn from_str(text: &str) -> Result<Self, UnknownLeaf> {
        let found = Self::ALL.into_iter().find(|leaf| leaf.name() == text);
        found.ok_or_else(|| UnknownLeaf(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        keccak::keccak256,
        message::{BatchLogs, L2ToL1Log, MessageList},
        primitives::{BatchNumber, ChainId},
    };

    fn hash(text: &str) -> Hash {
        text.parse().unwrap()
    }

    /// The worked example of the formulas, computed without this program.
    #[test]
    fn a_batch_root_matches_the_worked_example() {
        let mut log = [0; 88];
        log[1] = 1;
        log[4..24].copy_from_slice(crate::message::MESSENGER.as_bytes());
        log[36..56].fill(0xab);
        log[56..].copy_from_slice(keccak256(b"hello").as_bytes());
        let logs = vec![L2ToL1Log::new(log)];
        let chain = ChainId(8_022_833);
        let batch = BatchLogs::new(chain, BatchNumber(7), logs, MessageList::default(), None);
        let local_root = batch.unwrap().view().tree().root();
        let expected = "0x51b45a8f2f9b99b9b247ab54013724ef5346c208452083eda12a7cd708950f0a";
        assert_eq!(local_root, hash(expected));
        let multichain_root =
            hash("0x20efa791254dc837a3b9d2a810bc12e40e5002225ab59ee1e04d66f773024c15");
        let end = hash("0xf96ae9c88ca8f12b4768389818824ff49182431672cd0c9e778b4fba57c284bb");
        assert_eq!(end, keccak256(b"imt end"));
        let imt = ImtRoots::Both { begin: EMPTY_IMT, end };
        let node = hash("0xd565d83e0bbcfd9963a4bb8e3e113a04eccfce50efe472416d75d6e2dacde36a");
        assert_eq!(imt.node(), node);
        let leaves = EightLeaves { local_root, multichain_root, imt };
        let root = hash("0x92e7f5b8a35418d83e89c325df025a6fa08b4b96eed88cd6e772f47afc049230");
        assert_eq!(leaves.root(), root);
        let half = hash("0xb4c11951957c6f8f642c4af61cd6b24640fec6dc7fc607ee8206a99e92410d30");
        assert_eq!(leaves.siblings(), [multichain_root, node, half]);
        // From the node alone, the root is the same, and the roots of the IMT are not known.
        let known_less = EightLeaves { imt: ImtRoots::Node(node), ..leaves };
        assert_eq!(known_less.root(), root);
        assert_eq!(known_less.path(BatchRootLeaf::ImtBegin), None);
        for leaf in BatchRootLeaf::ALL {
            let (node, siblings) = leaves.path(leaf).unwrap();
            let folded = (0..).zip(siblings).fold(node, |node, (level, sibling)| {
                match leaf.index() >> level & 1 {
                    0 => hash_node(node, sibling),
                    _ => hash_node(sibling, node),
                }
            });
            assert_eq!(folded, root, "{leaf}");
            assert_eq!(leaf.name().parse(), Ok(leaf));
        }
    }

    #[test]
    fn constants_are_the_published_ones() {
        assert_eq!(EMPTY_IMT, keccak256(&[0; 96]));
        let genesis = "0x1d57c24629c4445766683a9843cae545c6fe1f8f35159aca41f2a38b7b227885";
        assert_eq!(EightLeaves::GENESIS.root(), hash(genesis));
        let empty = "0xcc4c41edb0c2031348b292b768e9bac1ee8c92c09ef8a3277c2ece409c12d86a";
        assert_eq!(ImtRoots::WITHOUT_COMMITMENTS[0].node(), hash(empty));
    }

    #[test]
    fn sources_of_the_roots_complete_each_other() {
        let both = ImtRoots::WITHOUT_COMMITMENTS[0];
        let node = ImtRoots::Node(both.node());
        assert_eq!([both.merge(node), node.merge(both), both.merge(both)], [Some(both); 3]);
        let other = ImtRoots::Node(Hash::ZERO);
        assert_eq!([both.merge(other), other.merge(node)], [None; 2]);
    }
}
