//! The possible shared trees after a root, class by class of likelihood, with as few hashes as possible.
//!
//! A node's candidates of class `c` are the pairs of a left child's candidate of class `a` and a right
//! child's candidate of class `c - a`, for every `a`. Low nodes have few candidates; they are stored and
//! reused in many trees. Only the top node is new for every tree, so a tree costs little more than one hash.
//! Lists that are too long to store are streamed.
//!
//! A candidate is identified by its position: its class, and its index in the class. The changes that it
//! stands for are computed from these when the candidate matches.

use std::ops::Range;

use rayon::prelude::*;

use super::likelihood::{ChainModel, Class};
use crate::{forest::entry_zeros, keccak::hash_many, merkle::height, primitives::Hash};

/// The longest list that an inner node stores.
const KEPT: u64 = 1 << 14;
/// Candidates that one thread hashes at once.
const CHUNK: usize = 1 << 10;
/// Candidates that are collected before they are hashed on all threads.
const GATHERED: usize = 32 * CHUNK;

/// The candidates of one node.
#[derive(Clone, Debug, Default)]
struct CandidateList {
    /// The number of candidates by class.
    sizes: Vec<u64>,
    /// The candidates by class, if they are stored.
    kept: Vec<Option<Vec<Hash>>>,
}

impl CandidateList {
    fn size(&self, class: Class) -> u64 {
        self.sizes.get(class).copied().unwrap_or(0)
    }

    fn kept(&self, class: Class) -> Option<&[Hash]> {
        self.kept.get(class)?.as_deref()
    }

    fn push(&mut self, size: u64, kept: Option<Vec<Hash>>) {
        self.sizes.push(size);
        self.kept.push(kept);
    }
}

/// The candidates for the shared tree over a fixed number of chains.
#[derive(Clone, Debug)]
pub(super) struct Candidates {
    levels: Vec<Vec<CandidateList>>,
    /// By level: the node of a subtree without chains.
    empty: Vec<CandidateList>,
    moves: Vec<ChainModel>,
}

impl Candidates {
    /// The candidates for chains with these models.
    pub(super) fn new(moves: Vec<ChainModel>) -> Self {
        let height = height(moves.len() as u64);
        let level = |level: u32| vec![CandidateList::default(); moves.len().div_ceil(1 << level)];
        let empty = |level: u32| CandidateList {
            sizes: vec![1],
            kept: vec![Some(vec![entry_zeros().at(level)])],
        };
        Self {
            levels: (0..=height).map(level).collect(),
            empty: (0..=height).map(empty).collect(),
            moves,
        }
    }

    /// Discards the candidates of a chain that has moved.
    pub(super) fn moved(&mut self, chain: usize, left: u64) {
        self.moves[chain] = self.moves[chain].with_left(left);
        for (level, shelves) in self.levels.iter_mut().enumerate() {
            shelves[chain >> level] = CandidateList::default();
        }
    }

    /// The number of chains.
    pub(super) fn chains(&self) -> u32 {
        self.moves.len() as u32
    }

    /// The number of classes that are prepared for every node.
    pub(super) fn prepared(&self) -> Class {
        let top = self.levels.last().and_then(|top| top.first());
        top.map_or(0, |top| top.sizes.len())
    }

    /// Prepares a class; all lower classes must be prepared. `leaves` returns the leaves of a chain after
    /// each number of batches in a range.
    pub(super) fn prepare(
        &mut self,
        class: Class,
        mut leaves: impl FnMut(usize, Range<u64>) -> Vec<Hash>,
    ) {
        for (chain, shelf) in self.levels[0].iter_mut().enumerate() {
            if shelf.sizes.len() == class {
                let numbers = self.moves[chain].of(class);
                let size = numbers.end - numbers.start;
                shelf.push(size, Some(if size == 0 { vec![] } else { leaves(chain, numbers) }));
            }
        }
        let (mut pairs, mut parents, mut todo) = (Vec::new(), Vec::new(), Vec::new());
        for level in 1..self.levels.len() {
            let is_top = level + 1 == self.levels.len();
            pairs.clear();
            todo.clear();
            for index in 0..self.levels[level].len() {
                if self.levels[level][index].sizes.len() != class {
                    continue;
                }
                let (left, right) = self.children(level, index);
                let size = (0..=class)
                    .map(|a| left.size(a).saturating_mul(right.size(class - a)))
                    .fold(0, u64::saturating_add);
                let start = pairs.len();
                if !is_top && size <= KEPT {
                    for a in 0..=class {
                        let lefts = left.kept(a).unwrap_or_default();
                        let rights = right.kept(class - a).unwrap_or_default();
                        for left in lefts {
                            pairs.extend(rights.iter().map(|right| pair(left, right)));
                        }
                    }
                }
                todo.push((index, size, start..pairs.len()));
            }
            parents.resize(pairs.len(), Hash::ZERO);
            hash_many(&pairs, &mut parents);
            for (index, size, range) in todo.drain(..) {
                let kept = (!is_top && size <= KEPT).then(|| parents[range].to_vec());
                self.levels[level][index].push(size, kept);
            }
        }
    }

    fn children(&self, level: usize, index: usize) -> (&CandidateList, &CandidateList) {
        let below = &self.levels[level - 1];
        let right = below.get(2 * index + 1).unwrap_or(&self.empty[level - 1]);
        (&below[2 * index], right)
    }

    /// The number of trees in a prepared class.
    pub(super) fn size(&self, class: Class) -> u64 {
        self.levels.last().and_then(|top| top.first()).map_or(0, |top| top.size(class))
    }

    /// Passes every tree of a class to `see`, as roots and their positions. Stops when `see` returns `false`.
    pub(super) fn scan(&self, class: Class, see: &mut dyn FnMut(&[Hash], &[u64]) -> bool) {
        self.stream(self.levels.len() - 1, 0, class, see);
    }

    /// Returns whether to continue.
    fn stream(
        &self,
        level: usize,
        index: usize,
        class: Class,
        see: &mut dyn FnMut(&[Hash], &[u64]) -> bool,
    ) -> bool {
        if let Some(kept) = self.levels[level][index].kept(class) {
            let places: Vec<u64> = (0..kept.len() as u64).collect();
            return kept.chunks(CHUNK).zip(places.chunks(CHUNK)).all(|(n, p)| see(n, p));
        }
        if level == 0 {
            return true;
        }
        let (left, right) = self.children(level, index);
        let mut piece = Piece::default();
        let mut base = 0;
        for a in 0..=class {
            let (lefts, rights) = (left.size(a), right.size(class - a));
            let size = lefts.saturating_mul(rights);
            if size == 0 {
                continue;
            }
            let go_on = match (left.kept(a), right.kept(class - a)) {
                (_, Some(right)) => self.stream(level - 1, 2 * index, a, &mut |nodes, places| {
                    nodes.iter().zip(places).all(|(left, i)| {
                        (0..)
                            .zip(right)
                            .all(|(j, right)| piece.push(left, right, base + i * rights + j, see))
                    })
                }),
                (Some(left), None) => {
                    self.stream(level - 1, 2 * index + 1, class - a, &mut |nodes, places| {
                        nodes.iter().zip(places).all(|(right, j)| {
                            (0..).zip(left).all(|(i, left)| {
                                piece.push(left, right, base + i * rights + j, see)
                            })
                        })
                    })
                }
                // Two lists that are too long to store make more trees than any budget allows.
                (None, None) => return false,
            };
            if !go_on {
                return false;
            }
            base += size;
        }
        piece.flush(see)
    }

    /// The changes of the tree at a position of a class: chains that moved, and by how many batches.
    pub(super) fn changes(&self, class: Class, place: u64) -> Vec<(u32, u64)> {
        let mut changes = Vec::new();
        self.collect(self.levels.len() - 1, 0, class, place, &mut changes);
        changes
    }

    fn collect(
        &self,
        level: usize,
        index: usize,
        class: Class,
        mut place: u64,
        changes: &mut Vec<(u32, u64)>,
    ) {
        if level == 0 {
            if let Some(moves) = self.moves.get(index)
                && class > 0
            {
                changes.push((index as u32, moves.of(class).start + place));
            }
            return;
        }
        let (left, right) = self.children(level, index);
        for a in 0..=class {
            let (lefts, rights) = (left.size(a), right.size(class - a));
            let size = lefts.saturating_mul(rights);
            if place < size {
                self.collect(level - 1, 2 * index, a, place / rights, changes);
                if 2 * index + 1 < self.levels[level - 1].len() {
                    self.collect(level - 1, 2 * index + 1, class - a, place % rights, changes);
                }
                return;
            }
            place -= size;
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
mod tests {
    use super::*;

    /// A tree of four chains, whose root has two children with lists of candidates.
    #[test]
    fn every_candidate_of_a_class_is_scanned() {
        let mut candidates = Candidates::new(vec![ChainModel::new(3, 3, false); 4]);
        for class in 0..12 {
            candidates.prepare(class, |chain, numbers| {
                numbers.map(|number| Hash::new([16 * chain as u8 + number as u8; 32])).collect()
            });
            let mut scanned = 0;
            candidates.scan(class, &mut |roots, _| {
                scanned += roots.len() as u64;
                true
            });
            assert_eq!(scanned, candidates.size(class), "class {class}");
        }
        assert!(candidates.size(0) > 0);
    }
}
