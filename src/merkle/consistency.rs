use super::{Tree, level_len, parallel::*};
use crate::{keccak::hash_pairs, primitives::Hash};

/// How many nodes are hashed at once.
const CHUNK: usize = 1 << 10;

impl Tree<'_> {
    /// The level and index of the first node above the leaves, bottom level first, that is not the hash of
    /// its children; `None` when there is none. Hashes the whole tree.
    #[must_use]
    pub fn first_inconsistent_node(&self) -> Option<(u32, u64)> {
        (1..=self.height()).find_map(|level| {
            let pieces = level_len(self.leaves(), level).div_ceil(CHUNK as u64);
            let found = (0..pieces).into_par_iter().find_map_first(|piece| {
                let first = piece as usize * CHUNK;
                let parents = self.stored(level).unwrap_or_default();
                let parents = &parents[first..parents.len().min(first + CHUNK)];
                let below = level_len(self.leaves(), level - 1) as usize;
                let indices: Vec<usize> =
                    (2 * first..below.min(2 * (first + parents.len()))).collect();
                let mut children = vec![Hash::ZERO; indices.len()];
                self.some_nodes(level - 1, &indices, &mut children);
                children.resize(2 * parents.len(), self.zeros().at(level - 1));
                let mut hashes = vec![Hash::ZERO; parents.len()];
                hash_pairs(&children, &mut hashes);
                let wrong =
                    parents.iter().zip(&hashes).position(|(parent, hash)| parent != hash)?;
                Some((first + wrong) as u64)
            });
            Some((level, found?))
        })
    }
}
