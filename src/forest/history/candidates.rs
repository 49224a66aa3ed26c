//! The possible shared trees after a root, class by class of likelihood, with as few hashes as possible.
//!
//! A node's candidates of class `c` are the pairs of a left child's candidate of class `a` and a right
//! child's candidate of class `c - a`, for every `a`. Low nodes have few candidates; they are stored and
//! reused in many trees. Only the top node is new for every tree, so a tree costs little more than one hash.
//!
//! Which lists are stored changes only the number of hashes, not the candidates or their order. A list that is not
//! stored is computed again when it is needed.
//!
//! Trees over different numbers of chains have most nodes in common. Only those above the last chain differ, one in
//! each level.
//!
//! A candidate is identified by its position: its class, and its index in the class. The changes that it
//! stands for are computed from these when the candidate matches.

use std::{borrow::Cow, ops::Range};

use rayon::prelude::*;

use super::likelihood::{ChainModel, Class};
use crate::{forest::entry_zeros, keccak::hash_many, merkle::height, primitives::Hash};

/// The longest list of leaves that is stored. Longer ones are in the [leaves of the gap](super::gap_leaves).
pub(super) const STORED_LEAVES: u64 = 128;
/// The bytes that the stored lists of inner nodes may take.
const SPACE: u64 = 1 << 24;
/// A list is stored if it takes at most one of so many parts of the space that is left. So a few long lists, which save
/// few hashes for their size, leave enough space for many short ones.
const SHARE: u64 = 32;
/// The longest list of an inner node that is computed as a whole: the order of candidates depends on this length, and
/// not on what is stored.
const LISTED: u64 = 1 << 14;
/// Candidates that one thread hashes at once.
const CHUNK: usize = 1 << 10;
/// Candidates that are collected before they are hashed on all threads.
const GATHERED: usize = 32 * CHUNK;

/// The leaves of a chain after each number of batches in a range.
pub(super) type LeavesOf<'l> = dyn Fn(usize, Range<u64>) -> Vec<Hash> + 'l;

/// The candidates of one node.
#[derive(Clone, Debug, Default)]
struct CandidateList {
    /// The number of candidates by class.
    sizes: Vec<u64>,
    /// The candidates by class, if they are stored.
    stored: Vec<Option<Vec<Hash>>>,
}

impl CandidateList {
    fn size(&self, class: Class) -> u64 {
        self.sizes.get(class).copied().unwrap_or(0)
    }

    fn stored(&self, class: Class) -> Option<&[Hash]> {
        self.stored.get(class)?.as_deref()
    }

    fn push(&mut self, size: u64, stored: Option<Vec<Hash>>) {
        self.sizes.push(size);
        self.stored.push(stored);
    }

    /// The bytes of the stored candidates.
    fn bytes(&self) -> u64 {
        self.stored.iter().flatten().map(|list| bytes(list.len() as u64)).sum()
    }
}

fn bytes(candidates: u64) -> u64 {
    candidates.saturating_mul(size_of::<Hash>() as u64)
}

/// The candidates for the shared trees over some numbers of chains.
#[derive(Clone, Debug)]
pub(super) struct Candidates {
    models: Vec<ChainModel>,
    /// By level: the nodes of which all chains exist.
    complete: Vec<Vec<CandidateList>>,
    /// The fewest chains of a tree.
    fewest: u32,
    /// By number of chains, from the fewest, and by level: the node above the last chain, if not all its chains exist.
    last: Vec<Vec<CandidateList>>,
    /// By level: the node of a subtree without chains.
    empty: Vec<CandidateList>,
    /// The bytes that stored lists of inner nodes may still take.
    space: u64,
}

impl Candidates {
    /// The candidates for at least `fewest` chains, and at most those with a model.
    pub(super) fn new(models: Vec<ChainModel>, fewest: u32) -> Self {
        Self::within(SPACE, models, fewest)
    }

    fn within(space: u64, models: Vec<ChainModel>, fewest: u32) -> Self {
        let most = models.len();
        let levels = height(most as u64) as usize + 1;
        let empty = |level: usize| CandidateList {
            sizes: vec![1],
            stored: vec![Some(vec![entry_zeros().at(level as u32)])],
        };
        Self {
            models,
            complete: (0..levels)
                .map(|level| vec![CandidateList::default(); most >> level])
                .collect(),
            fewest,
            last: vec![vec![CandidateList::default(); levels]; most + 1 - fewest as usize],
            empty: (0..levels).map(empty).collect(),
            space,
        }
    }

    /// Discards the candidates of a chain that has moved.
    pub(super) fn moved(&mut self, chain: usize, left: u64) {
        self.models[chain] = self.models[chain].with_left(left);
        let last = (self.fewest as usize..).zip(&mut self.last);
        let last = last.filter(|(chains, _)| chain < *chains).flat_map(|(chains, nodes)| {
            let is_above = move |level: &usize| chain >> level == (chains - 1) >> level;
            nodes.iter_mut().enumerate().filter(move |(level, _)| is_above(level))
        });
        let complete = self.complete.iter_mut().enumerate();
        let complete = complete
            .filter_map(|(level, nodes)| nodes.get_mut(chain >> level).map(|node| (level, node)));
        for (level, node) in complete.chain(last) {
            if level > 0 {
                self.space += node.bytes();
            }
            *node = CandidateList::default();
        }
    }

    /// The most chains of a tree.
    pub(super) fn chains(&self) -> u32 {
        self.models.len() as u32
    }

    /// The number of classes that are prepared for every node of a tree over `chains` chains.
    pub(super) fn prepared(&self, chains: u32) -> Class {
        self.top(chains).sizes.len()
    }

    /// The number of trees in a prepared class.
    pub(super) fn size(&self, chains: u32, class: Class) -> u64 {
        self.top(chains).size(class)
    }

    fn top(&self, chains: u32) -> &CandidateList {
        self.node(chains, height(chains.into()) as usize, 0)
    }

    fn node(&self, chains: u32, level: usize, index: usize) -> &CandidateList {
        let nodes = index << level..(index + 1) << level;
        if chains as usize <= nodes.start {
            &self.empty[level]
        } else if nodes.end <= chains as usize {
            &self.complete[level][index]
        } else {
            &self.last[(chains - self.fewest) as usize][level]
        }
    }

    fn node_mut(&mut self, chains: u32, level: usize, index: usize) -> &mut CandidateList {
        if (index + 1) << level <= chains as usize {
            &mut self.complete[level][index]
        } else {
            &mut self.last[(chains - self.fewest) as usize][level]
        }
    }

    /// Prepares the leaves of a class. `leaves` is called for lists that are stored.
    pub(super) fn prepare_leaves(
        &mut self,
        chains: u32,
        class: Class,
        mut leaves: impl FnMut(usize, Range<u64>) -> Vec<Hash>,
    ) {
        for (chain, node) in self.complete[0][..chains as usize].iter_mut().enumerate() {
            if node.sizes.len() == class {
                let numbers = self.models[chain].of(class);
                let stored = match numbers.end - numbers.start {
                    0 => Some(vec![]),
                    1..=STORED_LEAVES => Some(leaves(chain, numbers.clone())),
                    _ => None,
                };
                node.push(numbers.end - numbers.start, stored);
            }
        }
    }

    /// Prepares a class whose leaves are prepared; all lower classes must be prepared. `leaves` is called for lists
    /// that are not stored.
    pub(super) fn prepare(&mut self, chains: u32, class: Class, leaves: &LeavesOf<'_>) {
        let top = height(chains.into()) as usize;
        let mut new = NewLists::default();
        for level in 1..=top {
            for index in 0..(chains as usize).div_ceil(1 << level) {
                if self.node(chains, level, index).sizes.len() != class {
                    continue;
                }
                let trees = Trees { candidates: self, chains, leaves };
                let parts = trees.parts(level, index, class);
                let size = parts.map(|part| part.size()).fold(0, u64::saturating_add);
                let is_stored = level < top && size <= LISTED && bytes(size) <= self.space / SHARE;
                let start = new.pairs.len();
                if is_stored {
                    for part in trees.parts(level, index, class) {
                        let lefts = trees.list(level - 1, 2 * index, part.left_class);
                        let rights = trees.list(level - 1, 2 * index + 1, part.right_class);
                        for left in &*lefts {
                            new.pairs.extend(rights.iter().map(|right| pair(left, right)));
                        }
                    }
                    self.space -= bytes(size);
                }
                new.todo.push((index, size, is_stored.then_some(start..new.pairs.len())));
                if new.pairs.len() >= GATHERED {
                    new.hash_into(self, chains, level);
                }
            }
            new.hash_into(self, chains, level);
        }
    }

    /// Passes every tree over `chains` chains of a class to `see`, as roots and their positions. Stops when `see`
    /// returns `false`. `leaves` is called for lists that are not stored.
    pub(super) fn scan(
        &self,
        chains: u32,
        class: Class,
        leaves: &LeavesOf<'_>,
        see: &mut dyn FnMut(&[Hash], &[u64]) -> bool,
    ) {
        let trees = Trees { candidates: self, chains, leaves };
        trees.stream(height(chains.into()) as usize, 0, class, see);
    }

    /// The changes of the tree at a position of a class: chains that moved, and by how many batches.
    pub(super) fn changes(&self, chains: u32, class: Class, place: u64) -> Vec<(u32, u64)> {
        let mut changes = Vec::new();
        let trees = Trees { candidates: self, chains, leaves: &|_, _| Vec::new() };
        trees.collect(height(chains.into()) as usize, 0, class, place, &mut changes);
        changes
    }
}

/// Lists of inner nodes of one level that are hashed together.
#[derive(Default)]
struct NewLists {
    pairs: Vec<[u8; 64]>,
    parents: Vec<Hash>,
    /// The index of each node, and the size and the pairs of its list.
    todo: Vec<(usize, u64, Option<Range<usize>>)>,
}

impl NewLists {
    fn hash_into(&mut self, candidates: &mut Candidates, chains: u32, level: usize) {
        self.parents.resize(self.pairs.len(), Hash::ZERO);
        hash_many(&self.pairs, &mut self.parents);
        for (index, size, range) in self.todo.drain(..) {
            let stored = range.map(|range| self.parents[range].to_vec());
            candidates.node_mut(chains, level, index).push(size, stored);
        }
        self.pairs.clear();
    }
}

/// The pairs of a left child's candidates of one class and a right child's candidates of another.
struct Part {
    left_class: Class,
    right_class: Class,
    lefts: u64,
    rights: u64,
}

impl Part {
    fn size(&self) -> u64 {
        self.lefts.saturating_mul(self.rights)
    }
}

/// The trees over one number of chains.
#[derive(Clone, Copy)]
struct Trees<'c> {
    candidates: &'c Candidates,
    chains: u32,
    leaves: &'c LeavesOf<'c>,
}

impl<'c> Trees<'c> {
    fn node(self, level: usize, index: usize) -> &'c CandidateList {
        self.candidates.node(self.chains, level, index)
    }

    /// The parts of which a node's candidates of a class consist.
    fn parts(self, level: usize, index: usize, class: Class) -> impl Iterator<Item = Part> {
        let left = self.node(level - 1, 2 * index);
        let right = self.node(level - 1, 2 * index + 1);
        let part = move |a: Class| Part {
            left_class: a,
            right_class: class - a,
            lefts: left.size(a),
            rights: right.size(class - a),
        };
        (0..=class).map(part).filter(|part| part.size() > 0)
    }

    /// The candidates of a node, in the order of their positions: leaves, or at most [`LISTED`].
    fn list(self, level: usize, index: usize, class: Class) -> Cow<'c, [Hash]> {
        let node = self.node(level, index);
        if let Some(stored) = node.stored(class) {
            return stored.into();
        }
        if level == 0 {
            return (self.leaves)(index, self.candidates.models[index].of(class)).into();
        }
        // Lists of this length are streamed in the order of the positions.
        let mut list = Vec::with_capacity(node.size(class) as usize);
        self.stream(level, index, class, &mut |nodes, _| {
            list.extend_from_slice(nodes);
            true
        });
        list.into()
    }

    /// Passes the candidates of a node to `see`. Returns whether to continue.
    fn stream(
        self,
        level: usize,
        index: usize,
        class: Class,
        see: &mut dyn FnMut(&[Hash], &[u64]) -> bool,
    ) -> bool {
        if level == 0 || self.node(level, index).stored(class).is_some() {
            let list = self.list(level, index, class);
            let places: Vec<u64> = (0..list.len() as u64).collect();
            return list.chunks(CHUNK).zip(places.chunks(CHUNK)).all(|(n, p)| see(n, p));
        }
        let (left, right) = (2 * index, 2 * index + 1);
        let is_listed = |size| level == 1 || size <= LISTED;
        let mut piece = Piece::default();
        let mut base = 0;
        for part in self.parts(level, index, class) {
            let place = |i, j| base + i * part.rights + j;
            let go_on = if is_listed(part.rights) {
                let rights = self.list(level - 1, right, part.right_class);
                self.stream(level - 1, left, part.left_class, &mut |nodes, places| {
                    nodes.iter().zip(places).all(|(left, i)| {
                        (0..)
                            .zip(&*rights)
                            .all(|(j, right)| piece.push(left, right, place(*i, j), see))
                    })
                })
            } else if is_listed(part.lefts) {
                let lefts = self.list(level - 1, left, part.left_class);
                self.stream(level - 1, right, part.right_class, &mut |nodes, places| {
                    nodes.iter().zip(places).all(|(right, j)| {
                        (0..)
                            .zip(&*lefts)
                            .all(|(i, left)| piece.push(left, right, place(i, *j), see))
                    })
                })
            } else {
                // They make more trees than any default budget allows.
                false
            };
            if !go_on {
                return false;
            }
            base += part.size();
        }
        piece.flush(see)
    }

    fn collect(
        self,
        level: usize,
        index: usize,
        class: Class,
        mut place: u64,
        changes: &mut Vec<(u32, u64)>,
    ) {
        if level == 0 {
            if let Some(model) = self.candidates.models.get(index)
                && class > 0
            {
                changes.push((index as u32, model.of(class).start + place));
            }
            return;
        }
        for part in self.parts(level, index, class) {
            if place < part.size() {
                let (left, right) = (place / part.rights, place % part.rights);
                self.collect(level - 1, 2 * index, part.left_class, left, changes);
                self.collect(level - 1, 2 * index + 1, part.right_class, right, changes);
                return;
            }
            place -= part.size();
        }
    }
}

/// Pairs to be hashed together.
#[derive(Default)]
struct Piece {
    pairs: Vec<[u8; 64]>,
    places: Vec<u64>,
    nodes: Vec<Hash>,
}

impl Piece {
    fn push(
        &mut self,
        left: &Hash,
        right: &Hash,
        place: u64,
        see: &mut dyn FnMut(&[Hash], &[u64]) -> bool,
    ) -> bool {
        self.pairs.push(pair(left, right));
        self.places.push(place);
        self.pairs.len() < GATHERED || self.flush(see)
    }

    fn flush(&mut self, see: &mut dyn FnMut(&[Hash], &[u64]) -> bool) -> bool {
        self.nodes.resize(self.pairs.len(), Hash::ZERO);
        let pieces = self.pairs.par_chunks(CHUNK).zip(self.nodes.par_chunks_mut(CHUNK));
        pieces.for_each(|(pairs, nodes)| hash_many(pairs, nodes));
        let go_on = see(&self.nodes, &self.places);
        self.pairs.clear();
        self.places.clear();
        go_on
    }
}

fn pair(left: &Hash, right: &Hash) -> [u8; 64] {
    let mut pair = [0; 64];
    pair[..32].copy_from_slice(left.as_bytes());
    pair[32..].copy_from_slice(right.as_bytes());
    pair
}

#[cfg(test)]
mod tests;
