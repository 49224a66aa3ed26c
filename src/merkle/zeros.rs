use crate::{keccak::hash_node, primitives::Hash};

/// The roots of empty subtrees, by height from 0 (the empty leaf) to 64.
#[derive(Clone, Debug)]
pub struct Zeros([Hash; Zeros::MAX_HEIGHT as usize + 1]);

impl Zeros {
    /// The greatest height: leaf indices have 64 bits.
    pub const MAX_HEIGHT: u32 = 64;

    /// The roots above the given empty leaf.
    #[must_use]
    pub fn above(empty_leaf: Hash) -> Self {
        let mut roots = [empty_leaf; Self::MAX_HEIGHT as usize + 1];
        for i in 1..roots.len() {
            roots[i] = hash_node(roots[i - 1], roots[i - 1]);
        }
        Self(roots)
    }

    /// The root of an empty subtree of this height.
    ///
    /// # Panics
    /// When `height` is over [`Zeros::MAX_HEIGHT`].
    #[must_use]
    pub fn at(&self, height: u32) -> Hash {
        self.0[height as usize]
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
