//! The shared tree at consecutive roots of a history, rebuilt from the changes up to each.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    Forest, History,
    tree_versions::{Level, Versions},
};
use crate::{
    forest::{chain_id_leaf, chain_tree::leaves_after, entry_zeros},
    merkle::{Levels, height},
    primitives::Hash,
};

/// Leaves that are hashed at once.
const CHUNK: usize = 1 << 12;
/// Roots in a window.
const WINDOW: usize = 1 << 16;

/// The shared tree at each of some consecutive roots.
#[derive(Clone, Debug)]
pub(super) struct SharedTrees {
    /// The roots by their index in the history. Times are counted from the first one.
    roots: Range<usize>,
    /// The versions of the tree.
    pub(super) versions: Versions,
    /// By leaf version: the number of batches of the chain.
    pub(super) counts: Vec<u64>,
}

impl SharedTrees {
    /// Rebuilds the trees at all roots of a history.
    pub(super) fn over(forest: &Forest, history: &History) -> Self {
        Progress::start(forest).trees(forest, history, 0..history.len())
    }

    /// Rebuilds the trees at all roots of a history, in windows.
    pub(super) fn windows<'h>(
        forest: &'h Forest,
        history: &'h History,
    ) -> impl Iterator<Item = Self> + 'h {
        let mut progress = Progress::start(forest);
        windows(0..history.len()).map(move |roots| progress.trees(forest, history, roots))
    }

    /// The roots by their index in the history.
    pub(super) fn roots(&self) -> Range<usize> {
        self.roots.clone()
    }

    /// The explained roots that differ from those of the history: their indices, and the roots of the trees.
    pub(super) fn differing(&self, history: &History) -> impl Iterator<Item = (usize, Hash)> {
        windows(self.roots()).flat_map(move |roots| {
            let explained: Vec<usize> = roots.filter(|root| history.chains[*root] > 0).collect();
            let wanted = explained.iter().map(|&root| {
                let height = height(history.chains[root].into());
                (height, self.time(root))
            });
            let rebuilt = self.versions.roots(&wanted.collect::<Vec<_>>());
            let all = explained.into_iter().zip(rebuilt);
            all.filter(move |(root, rebuilt)| history.roots[*root] != *rebuilt)
        })
    }

    /// The tree at a root with `known` chains if `chains` chains had been registered by then. `None` if there are
    /// not so many chains, or there were already more.
    pub(super) fn tree_over(
        &self,
        forest: &Forest,
        (known, chains): (u64, u64),
        root: usize,
    ) -> Option<Levels> {
        let new = forest.chains().get(known as usize..usize::try_from(chains).ok()?)?;
        let new = new.iter().map(|tree| chain_id_leaf(Hash::ZERO, tree.chain()));
        let leaves = self.versions.leaves();
        let leaf = |chain| {
            let version = leaves.at(chain, self.time(root));
            version.map_or_else(|| entry_zeros().at(0), |version| leaves.node(version))
        };
        Some(Levels::build((0..known).map(leaf).chain(new).collect(), entry_zeros()))
    }

    fn time(&self, root: usize) -> u32 {
        (root - self.roots.start) as u32
    }
}

/// Divides roots into windows.
fn windows(roots: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    roots.clone().step_by(WINDOW).map(move |start| start..roots.end.min(start + WINDOW))
}

/// The chains and batches up to a root.
#[derive(Clone)]
struct Progress {
    /// The number of chains.
    registered: usize,
    /// By chain: the number of batches.
    batches: Vec<u64>,
}

impl Progress {
    fn start(forest: &Forest) -> Self {
        Self { registered: 0, batches: vec![0; forest.chains().len()] }
    }

    /// The shared tree at each of the next roots.
    fn trees(&mut self, forest: &Forest, history: &History, roots: Range<usize>) -> SharedTrees {
        // Two passes, the first of which counts the versions, take less memory than lists that grow.
        let mut sizes = vec![0; self.batches.len()];
        self.clone().pass(history, roots.clone(), |chain, place, _, _| {
            sizes[chain] = place + 1;
        });
        let mut end = 0;
        let starts: Vec<usize> = sizes
            .iter()
            .map(|size| {
                end += size;
                end - size
            })
            .collect();
        let (mut since, mut counts) = (vec![0; end], vec![0; end]);
        self.pass(history, roots.clone(), |chain, place, time, batches| {
            let version = starts[chain] + place;
            (since[version], counts[version]) = (time, batches);
        });

        let ends: Vec<usize> =
            starts.iter().zip(&sizes).map(|(start, size)| start + size).collect();
        let mut nodes = vec![Hash::ZERO; end];
        let chunks = nodes.par_chunks_mut(CHUNK).zip(counts.par_chunks(CHUNK)).enumerate();
        chunks.for_each(|(chunk, (nodes, counts))| {
            let start = chunk * CHUNK;
            let mut chain = ends.partition_point(|end| *end <= start);
            let wanted = (start..).zip(counts).map(|(version, count)| {
                while ends[chain] <= version {
                    chain += 1;
                }
                (&forest.chains()[chain], *count)
            });
            nodes.copy_from_slice(&leaves_after(&wanted.collect::<Vec<_>>()));
        });
        let versions = Versions::build(Level::new(ends, since, nodes), entry_zeros());
        SharedTrees { roots, versions, counts }
    }

    /// Reads the next roots. Passes every version of a leaf to `see`: the chain, the index of the version among those
    /// of the chain, the time at which it begins, and the chain's number of batches. Of several changes at one root,
    /// the last one counts.
    fn pass(
        &mut self,
        history: &History,
        roots: Range<usize>,
        mut see: impl FnMut(usize, usize, u32, u64),
    ) {
        // By chain: the number of versions, and the time of the last one.
        let mut versions = vec![(0, 0); self.batches.len()];
        let mut change = |chain: usize, time: u32, batches: u64| {
            let (count, last) = &mut versions[chain];
            if *count == 0 || *last != time {
                (*count, *last) = (*count + 1, time);
            }
            see(chain, *count - 1, time, batches);
        };
        for (chain, batches) in self.batches.iter().enumerate().take(self.registered) {
            change(chain, 0, *batches);
        }
        for (root, time) in roots.zip(0..) {
            let chains = history.chains[root] as usize;
            (self.registered..chains).for_each(|chain| change(chain, time, 0));
            self.registered = self.registered.max(chains);
            for (chain, batches) in history.advances(root) {
                let count = &mut self.batches[chain as usize];
                *count += batches;
                change(chain as usize, time, *count);
            }
        }
    }
}
