use std::sync::OnceLock;

use crate::{keccak::hash_node, primitives::Hash};

/// The roots of empty subtrees, by height from 0 (the empty leaf) to 64. Each is hashed when it is needed first: few
/// trees are high, and one proof takes less time than all of these hashes.
#[derive(Clone, Debug)]
pub struct Zeros([OnceLock<Hash>; Zeros::MAX_HEIGHT as usize + 1]);

impl Zeros {
    /// The greatest height: leaf indices have 64 bits.
    pub const MAX_HEIGHT: u32 = 64;

    /// The roots above the given empty leaf.
    #[must_use]
    pub fn above(empty_leaf: Hash) -> Self {
        let mut roots = [const { OnceLock::new() }; Self::MAX_HEIGHT as usize + 1];
        roots[0] = OnceLock::from(empty_leaf);
        Self(roots)
    }

    /// The root of an empty subtree of this height.
    ///
    /// # Panics
    /// When `height` is over [`Zeros::MAX_HEIGHT`].
    #[must_use]
    pub fn at(&self, height: u32) -> Hash {
        // The recursion ends at height 0, which is set.
        *self.0[height as usize].get_or_init(|| {
            let below = self.at(height - 1);
            hash_node(below, below)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keccak::keccak256;

    /// Values published with the contracts: the empty tree of 16384 logs, and the first roots above the empty
    /// entry of chain trees and of the shared tree.
    #[test]
    fn empty_roots_match_published_ones() {
        let logs = Zeros::above(keccak256(&[0; 88]));
        assert_eq!(
            logs.at(14).to_string(),
            "0x375a5bf909cb02143e3695ca658e0641e739aa590f0004dba93572c44cdb9d2d"
        );
        let entries = Zeros::above(keccak256(&[0; 96]));
        for (height, start) in
            [(0, "0x46700b4d"), (1, "0xcc4c41ed"), (2, "0x266f52b1"), (4, "0x3c60f99d")]
        {
            assert!(entries.at(height).to_string().starts_with(start), "height {height}");
        }
    }
}
