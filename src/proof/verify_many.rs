//! Many proofs verified at once, by the rules of [`verify`](super::verify).
//!
//! That verifier hashes one node after the other, which takes as long as everything else together when
//! every message of a history is proven. This one decodes the same words for itself and folds as many
//! proofs side by side as the processor has lanes; what the proofs of a batch share is folded once. Of
//! the code that made the words it shares the hash function and nothing else.
//!
//! It only says yes or no: why a proof is refused is the other's to say.

use std::mem;

use crate::proof::{
    TargetRecord,
    verify::{BATCH_LEAF, CHAIN_ID_LEAF, DEFAULT_LEAF, RootRef},
};
use crate::{
    keccak::hash_many,
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, Word},
};

/// Proofs of logs of one batch, as far as they are the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchInput<'a> {
    pub(crate) chain: ChainId,
    pub(crate) batch: BatchNumber,
    /// The batch root that each log path has to fold to.
    pub(crate) root: Hash,
    /// The words behind the log paths.
    pub(crate) tail: &'a [Hash],
    /// The root that the whole has to fold to.
    pub(crate) target: &'a TargetRecord,
}

/// A proof of a bundle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofInput<'a> {
    /// Which bundle it belongs to.
    pub(crate) bundle: usize,
    pub(crate) index: u64,
    pub(crate) log: &'a L2ToL1Log,
    /// Its words before those of the bundle.
    pub(crate) head: &'a [Hash],
}

/// What the first word of a proof says of the words that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// It folds to the batch root.
    BatchRoot,
    /// A batch path of this length follows the log path, and the second hop that.
    TwoHops(usize),
}

/// By member: whether the proof is valid for its log, folds to its bundle's batch root, and leads to
/// its bundle's target.
pub(crate) fn accepted(bundles: &[BatchInput<'_>], members: &[ProofInput<'_>]) -> Vec<bool> {
    let mut shapes = vec![None; bundles.len()];
    let mut accepted: Vec<bool> = members
        .iter()
        .map(|member| match shape(member.head) {
            // The first proof of a bundle says how its tail is read; all have to say the same.
            Some((shape, _)) => *shapes[member.bundle].get_or_insert(shape) == shape,
            None => false,
        })
        .collect();
    let tails = fold_tails(bundles, &shapes);

    let inputs: Vec<_> = members.iter().map(|member| *member.log.as_bytes()).collect();
    let mut leaves = vec![Hash::ZERO; inputs.len()];
    hash_many(&inputs, &mut leaves);
    let paths = members.iter().map(|member| shape(member.head).map_or(&[][..], |(_, path)| path));
    let mut climbers: Vec<_> = members
        .iter()
        .zip(paths)
        .zip(&leaves)
        .map(|((member, path), leaf)| PathFold { node: *leaf, mask: member.index.into(), path })
        .collect();
    let fits: Vec<bool> = climbers.iter().map(PathFold::fits).collect();
    fold_level(&mut climbers);
    for (i, (member, climber)) in members.iter().zip(&climbers).enumerate() {
        accepted[i] &= fits[i]
            && leaves[i] != *DEFAULT_LEAF
            && climber.node == bundles[member.bundle].root
            && tails[member.bundle];
    }
    accepted
}

/// Reads the first word of a proof: the shape of the whole, and the log path. Without metadata, as
/// before v26, the log path is all there is.
fn shape(head: &[Hash]) -> Option<(Shape, &[Hash])> {
    match metadata(head)? {
        None => Some((Shape::BatchRoot, head)),
        Some(node) => {
            let path = &head[1..];
            let shape = match node.last {
                true if node.batch_path == 0 => Shape::BatchRoot,
                true => return None,
                false => Shape::TwoHops(node.batch_path),
            };
            (path.len() == node.path).then_some((shape, path))
        }
    }
}

struct Metadata {
    path: usize,
    batch_path: usize,
    last: bool,
}

/// What the first of these words says, if there is one and its version is known; nothing where it is
/// the first sibling of a plain path.
fn metadata(words: &[Hash]) -> Option<Option<Metadata>> {
    let [version, path, batch_path, last, rest @ ..] = words.first()?.as_bytes();
    if rest.iter().any(|byte| *byte != 0) {
        return Some(None);
    }
    let (path, batch_path) = (usize::from(*path), usize::from(*batch_path));
    (*version == 1).then_some(Some(Metadata { path, batch_path, last: *last != 0 }))
}

/// The second hop of a bundle, read.
struct Tail<'a> {
    bundle: usize,
    batch_mask: Word,
    batch_path: &'a [Hash],
    anchor: RootRef,
    chain_mask: Word,
    chain_path: &'a [Hash],
}

impl<'a> Tail<'a> {
    fn read(bundle: usize, words: &'a [Hash], batch_path: usize) -> Option<Self> {
        let (batch_mask, rest) = words.split_first()?;
        let (batch_path, rest) = rest.split_at_checked(batch_path)?;
        let [packed, sl_chain, rest @ ..] = rest else { return None };
        let chain_path = match metadata(rest)? {
            None => rest,
            Some(node) => {
                let path = &rest[1..];
                (node.last && node.batch_path == 0 && node.path == path.len()).then_some(path)?
            }
        };
        let (number, chain_mask) = Word::from(*packed).split();
        Some(Self {
            bundle,
            batch_mask: (*batch_mask).into(),
            batch_path,
            anchor: RootRef::SettlementLayer((*sl_chain).into(), number),
            chain_mask: Word::join(0, chain_mask),
            chain_path,
        })
    }
}

/// By bundle: whether its words lead from its batch root to its target.
fn fold_tails(bundles: &[BatchInput<'_>], shapes: &[Option<Shape>]) -> Vec<bool> {
    let mut right = vec![false; bundles.len()];
    let mut tails = Vec::with_capacity(bundles.len());
    for (i, (bundle, shape)) in bundles.iter().zip(shapes).enumerate() {
        match shape {
            Some(Shape::BatchRoot) => {
                let anchor = RootRef::Batch(bundle.chain, bundle.batch);
                let target = bundle.target;
                right[i] =
                    bundle.tail.is_empty() && target.is(&anchor) && target.root == bundle.root;
            }
            Some(Shape::TwoHops(batch_path)) => {
                tails.extend(Tail::read(i, bundle.tail, *batch_path));
            }
            None => {}
        }
    }
    let numbers = |number: fn(&BatchInput<'_>) -> u64| {
        tails.iter().map(|tail| number(&bundles[tail.bundle])).collect::<Vec<_>>()
    };
    let (batches, chains) = (numbers(|bundle| bundle.batch.0), numbers(|bundle| bundle.chain.0));
    let mut nodes: Vec<Hash> = tails.iter().map(|tail| bundles[tail.bundle].root).collect();

    hash_leaves(&BATCH_LEAF, &mut nodes, &batches);
    let in_chain = climb_from(&mut nodes, tails.iter().map(|t| (t.batch_mask, t.batch_path)));
    hash_leaves(&CHAIN_ID_LEAF, &mut nodes, &chains);
    let in_shared = climb_from(&mut nodes, tails.iter().map(|t| (t.chain_mask, t.chain_path)));
    for (i, tail) in tails.iter().enumerate() {
        let target = bundles[tail.bundle].target;
        right[tail.bundle] =
            in_chain[i] && in_shared[i] && target.is(&tail.anchor) && target.root == nodes[i];
    }
    right
}

/// Replaces each root by keccak256(padding ‖ root ‖ number).
fn hash_leaves(padding: &Hash, roots: &mut [Hash], numbers: &[u64]) {
    let inputs: Vec<[u8; 96]> = roots
        .iter()
        .zip(numbers)
        .map(|(root, number)| {
            let mut input = [0; 96];
            input[..32].copy_from_slice(padding.as_bytes());
            input[32..64].copy_from_slice(root.as_bytes());
            input[64..].copy_from_slice(Word::from(*number).as_bytes());
            input
        })
        .collect();
    hash_many(&inputs, roots);
}

/// A node on its way up a path.
struct PathFold<'a> {
    node: Hash,
    mask: Word,
    path: &'a [Hash],
}

impl PathFold<'_> {
    /// Whether the path is as long as the contracts allow and the mask has no bit beyond it.
    fn fits(&self) -> bool {
        let (high, low) = self.mask.split();
        match self.path.len() {
            len @ 0..128 => high == 0 && low >> len == 0,
            len @ 128..=255 => high >> (len - 128) == 0,
            _ => false,
        }
    }
}

/// Replaces each node by what it folds to along its path. Returns for which of them mask and path fit.
fn climb_from<'a>(
    nodes: &mut [Hash],
    paths: impl Iterator<Item = (Word, &'a [Hash])>,
) -> Vec<bool> {
    let climber = |(node, (mask, path)): (&Hash, _)| PathFold { node: *node, mask, path };
    let mut climbers: Vec<_> = nodes.iter().zip(paths).map(climber).collect();
    let fits = climbers.iter().map(PathFold::fits).collect();
    fold_level(&mut climbers);
    for (node, climber) in nodes.iter_mut().zip(climbers) {
        *node = climber.node;
    }
    fits
}

/// Lets all climb level by level, side by side.
fn fold_level(climbers: &mut [PathFold<'_>]) {
    let highest = climbers.iter().map(|climber| climber.path.len()).max().unwrap_or(0);
    let (mut pairs, mut parents) = (Vec::new(), Vec::new());
    for level in 0..highest {
        pairs.clear();
        for climber in climbers.iter() {
            let Some(sibling) = climber.path.get(level) else { continue };
            let bit = climber.mask.as_bytes().get(31 - level.min(255) / 8).copied();
            let (mut left, mut right) = (&climber.node, sibling);
            if bit.unwrap_or(0) >> (level % 8) & 1 == 1 {
                mem::swap(&mut left, &mut right);
            }
            let mut pair = [0; 64];
            pair[..32].copy_from_slice(left.as_bytes());
            pair[32..].copy_from_slice(right.as_bytes());
            pairs.push(pair);
        }
        parents.resize(pairs.len(), Hash::ZERO);
        hash_many(&pairs, &mut parents);
        let climbing = climbers.iter_mut().filter(|climber| level < climber.path.len());
        for (climber, parent) in climbing.zip(&parents) {
            climber.node = *parent;
        }
    }
}

#[cfg(test)]
mod tests;
