use super::{
    LeafHashes, Leaves, NodeBuffer, Tree, TreeJob, Zeros, build::build_on, build_all_into,
    build_into,
};
use crate::primitives::Hash;

/// A tree with all its levels in one allocation.
///
/// ```
/// use slproof::{merkle::{Levels, PushTree, Zeros}, primitives::Hash};
///
/// let leaves: Vec<Hash> = (1..=5).map(|byte| Hash::new([byte; 32])).collect();
/// let zeros = Zeros::above(Hash::ZERO);
/// let levels = Levels::build(leaves.clone(), &zeros);
/// let tree = levels.tree(&zeros);
/// assert_eq!(tree.root(), PushTree::new(Hash::ZERO).extend(&leaves));
/// assert_eq!(tree.path(4)?.len(), 3);
/// # Ok::<(), slproof::merkle::NoSuchLeaf>(())
/// ```
#[derive(Clone, Debug)]
pub struct Levels {
    nodes: NodeBuffer,
    leaves: u64,
}

impl Levels {
    /// Hashes the leaves and every level above them, on all threads of the current rayon pool.
    #[must_use]
    pub fn hash(leaves: &impl LeafHashes, zeros: &Zeros) -> Self {
        let mut levels = Self::zeroed(leaves.count());
        build_into(&mut levels.nodes, leaves, zeros);
        levels
    }

    /// Builds many trees as [`Levels::hash`] builds one. Small trees are hashed together.
    #[must_use]
    pub fn hash_all<const LEN: usize, L: Leaves<LEN> + Send>(
        leaves: Vec<L>,
        zeros: &Zeros,
    ) -> Vec<Self> {
        let mut all: Vec<_> = leaves.iter().map(|leaves| Self::zeroed(leaves.count())).collect();
        let trees = all.iter_mut().zip(leaves);
        let unbuilt = trees.map(|(tree, leaves)| {
            let (bottom, above) = tree.nodes.split_at_mut(leaves.count());
            TreeJob { leaves, bottom: Some(bottom), above }
        });
        build_all_into(unbuilt.collect(), zeros);
        all
    }

    /// Builds every level above leaf hashes, on all threads of the current rayon pool.
    #[must_use]
    pub fn build(mut leaves: Vec<Hash>, zeros: &Zeros) -> Self {
        let count = leaves.len();
        leaves.resize(Tree::node_count(count as u64) as usize, Hash::ZERO);
        build_on(&mut leaves, count, zeros);
        Self { nodes: NodeBuffer::Heap(leaves), leaves: count as u64 }
    }

    fn zeroed(leaves: usize) -> Self {
        let leaves = leaves as u64;
        Self { nodes: NodeBuffer::zeroed(Tree::node_count(leaves) as usize), leaves }
    }

    /// The tree, borrowed. `zeros` must be those that it was built with.
    #[must_use]
    pub fn tree<'a>(&'a self, zeros: &'a Zeros) -> Tree<'a> {
        Tree::new(&self.nodes, self.leaves, zeros)
            .unwrap_or_else(|| unreachable!("built to this size"))
    }
}
