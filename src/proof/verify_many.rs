//! Verifies many proofs at once, by the rules of [`verify`](super::verify).
//!
//! [`verify`](super::verify) hashes one node after the other. For the proofs of a whole history that takes as
//! long as all other work together. This verifier decodes the same words itself and folds as many proofs in
//! parallel as the processor has lanes; words that the proofs of a batch share are folded once. It shares
//! only the hash function with the code that makes the words.
//!
//! It returns only yes or no. [`verify`](super::verify) returns the reason for a refusal.

use std::mem;

use crate::proof::{
    TargetRecord,
    verify::{BATCH_LEAF, CHAIN_ID_LEAF, DEFAULT_LEAF, Folded, RootRef},
};
use crate::{
    keccak::hash_many,
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, Timestamp, Word},
};

/// The part that proofs of logs of one batch share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchInput<'a> {
    pub(crate) chain: ChainId,
    pub(crate) batch: BatchNumber,
    /// The batch root that each log path must fold to.
    pub(crate) root: Hash,
    /// The words after the log paths.
    pub(crate) tail: &'a [Hash],
    /// The timestamp that they must begin with, in proofs since v33 through a settlement layer. If it is `None`, the
    /// words show whether they have one.
    pub(crate) l1_timestamp: Option<Timestamp>,
    /// The root that each proof must fold to, if it is known beforehand.
    pub(crate) target: Option<&'a TargetRecord>,
}

impl BatchInput<'_> {
    /// The result for words that lead to this root.
    fn folded(&self, (root_ref, root): (RootRef, Hash), l1_timestamp: Option<Word>) -> Folded {
        Folded { batch_root: self.root, root_ref, root, l1_timestamp }
    }
}

/// One proof of a bundle. A bundle is a [`BatchInput`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofInput<'a> {
    /// The index of its bundle.
    pub(crate) bundle: usize,
    pub(crate) index: u64,
    pub(crate) log: &'a L2ToL1Log,
    /// The words before those of the bundle.
    pub(crate) head: &'a [Hash],
}

/// The form of a proof, according to its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// The proof folds to the batch root.
    BatchRoot,
    /// A batch path of this length follows the log path, and then the second hop.
    TwoHops(usize),
}

/// By member: whether the proof is valid for its log, folds to its bundle's batch root, and leads to
/// its bundle's target.
pub(crate) fn accepted(bundles: &[BatchInput<'_>], members: &[ProofInput<'_>]) -> Vec<bool> {
    let (mut accepted, ends) = folded(bundles, members);
    for (accepted, member) in accepted.iter_mut().zip(members) {
        *accepted &= ends[member.bundle].is_some();
    }
    accepted
}

/// Folds all proofs. Returns by member whether its own words are valid for its log, and fold to its bundle's batch root;
/// and by bundle what its words lead to from there. `None` if the words are refused, or lead to another target.
pub(crate) fn folded(
    bundles: &[BatchInput<'_>],
    members: &[ProofInput<'_>],
) -> (Vec<bool>, Vec<Option<Folded>>) {
    let mut shapes = vec![None; bundles.len()];
    let mut right: Vec<bool> = members
        .iter()
        .map(|member| match shape(member.head) {
            // The first proof of a bundle determines how its tail is read; the others must have the same
            // form.
            Some((shape, _)) => *shapes[member.bundle].get_or_insert(shape) == shape,
            None => false,
        })
        .collect();
    let mut ends = fold_tails(bundles, &shapes);
    for (end, bundle) in ends.iter_mut().zip(bundles) {
        let is_target = |end: &Folded| {
            bundle.target.is_none_or(|target| {
                target.is(&end.root_ref)
                    && target.root == end.root
                    && target.agrees_in_time(end.l1_timestamp).is_ok()
            })
        };
        *end = end.filter(is_target);
    }

    let inputs: Vec<_> = members.iter().map(|member| *member.log.as_bytes()).collect();
    let mut leaves = vec![Hash::ZERO; inputs.len()];
    hash_many(&inputs, &mut leaves);
    let paths = members.iter().map(|member| shape(member.head).map_or(&[][..], |(_, path)| path));
    let mut folds: Vec<_> = members
        .iter()
        .zip(paths)
        .zip(&leaves)
        .map(|((member, path), leaf)| PathFold { node: *leaf, mask: member.index.into(), path })
        .collect();
    let fits = fold_level(&mut folds);
    for (i, (member, fold)) in members.iter().zip(&folds).enumerate() {
        right[i] &=
            fits[i] && leaves[i] != *DEFAULT_LEAF && fold.node == bundles[member.bundle].root;
    }
    (right, ends)
}

/// The number of words of a proof that are its log's own. The rest can be shared with proofs of the same batch. `None` if
/// the proof is shorter than its first word says.
pub(crate) fn head_len(words: &[Hash]) -> Option<usize> {
    let len = match metadata(words)? {
        None => words.len(),
        Some(node) => 1 + node.path,
    };
    (len <= words.len()).then_some(len)
}

/// Reads the first word of a proof. Returns the form of the proof, and its log path. A proof without metadata
/// is from before v26 and has only a log path.
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

pub(super) struct Metadata {
    /// The length of the path that follows.
    pub(super) path: usize,
    batch_path: usize,
    last: bool,
}

/// Decodes the first word. The outer `None` means an error: no words, or an unknown version. The inner `None`
/// means that the word is the first sibling of a plain path.
pub(super) fn metadata(words: &[Hash]) -> Option<Option<Metadata>> {
    let [version, path, batch_path, last, rest @ ..] = words.first()?.as_bytes();
    if rest.iter().any(|byte| *byte != 0) {
        return Some(None);
    }
    let (path, batch_path) = (usize::from(*path), usize::from(*batch_path));
    (*version == 1).then_some(Some(Metadata { path, batch_path, last: *last != 0 }))
}

/// The decoded second hop of a bundle.
struct Tail<'a> {
    bundle: usize,
    l1_timestamp: Option<Word>,
    batch_mask: Word,
    batch_path: &'a [Hash],
    anchor: RootRef,
    chain_mask: Word,
    chain_path: &'a [Hash],
}

impl<'a> Tail<'a> {
    fn read(
        bundle: usize,
        BatchInput { tail, l1_timestamp, .. }: &BatchInput<'a>,
        batch_path: usize,
    ) -> Option<Self> {
        let (l1_timestamp, words) = match l1_timestamp.is_some() || is_timed(tail, batch_path) {
            false => (None, *tail),
            true => {
                let (first, words) = tail.split_first()?;
                let found = Word::from(*first);
                let is_right = l1_timestamp.is_none_or(|timestamp| timestamp.to_word() == found);
                is_right.then_some((Some(found), words))?
            }
        };
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
            l1_timestamp,
            batch_mask: (*batch_mask).into(),
            batch_path,
            anchor: RootRef::SettlementLayer((*sl_chain).into(), number),
            chain_mask: Word::join(0, chain_mask),
            chain_path,
        })
    }
}

/// Whether the words after log paths begin with a timestamp, by the rule of
/// [`has_timestamp`](super::verify::has_timestamp).
fn is_timed(tail: &[Hash], batch_path: usize) -> bool {
    let is_metadata = |at| {
        let words = tail.get(at..);
        words.is_some_and(|words| matches!(metadata(words), Some(Some(_))))
    };
    let word = |at: usize| tail.get(at).copied().map(Word::from);
    let is_mask = |at| word(at).is_some_and(|word| is_below(word, batch_path));
    let second = batch_path + 3;
    matches!(word(0).map(Word::to_u64), Some(Ok(1..)))
        && !is_metadata(second)
        && (is_metadata(second + 1) || !is_mask(0) && is_mask(1))
}

/// By bundle: what its words lead to from its batch root; `None` if they are refused.
fn fold_tails(bundles: &[BatchInput<'_>], shapes: &[Option<Shape>]) -> Vec<Option<Folded>> {
    let mut ends = vec![None; bundles.len()];
    let mut tails = Vec::with_capacity(bundles.len());
    for (i, (bundle, shape)) in bundles.iter().zip(shapes).enumerate() {
        match shape {
            Some(Shape::BatchRoot) => {
                let anchor = RootRef::Batch(bundle.chain, bundle.batch);
                let is_whole = bundle.tail.is_empty() && bundle.l1_timestamp.is_none();
                ends[i] = is_whole.then(|| bundle.folded((anchor, bundle.root), None));
            }
            Some(Shape::TwoHops(batch_path)) => {
                tails.extend(Tail::read(i, bundle, *batch_path));
            }
            None => {}
        }
    }
    tails.sort_by_key(|tail| tail.l1_timestamp.is_some());
    let untimed = tails.partition_point(|tail| tail.l1_timestamp.is_none());
    let numbers = |number: fn(&BatchInput<'_>) -> u64| {
        tails.iter().map(|tail| number(&bundles[tail.bundle])).collect::<Vec<_>>()
    };
    let (batches, chains) = (numbers(|bundle| bundle.batch.0), numbers(|bundle| bundle.chain.0));
    let mut nodes: Vec<Hash> = tails.iter().map(|tail| bundles[tail.bundle].root).collect();

    hash_leaves(&BATCH_LEAF, &mut nodes[..untimed], &batches[..untimed]);
    hash_timed_leaves(&mut nodes[untimed..], &tails[untimed..], &batches[untimed..]);
    let in_chain = fold_paths(&mut nodes, tails.iter().map(|t| (t.batch_mask, t.batch_path)));
    hash_leaves(&CHAIN_ID_LEAF, &mut nodes, &chains);
    let in_shared = fold_paths(&mut nodes, tails.iter().map(|t| (t.chain_mask, t.chain_path)));
    for (i, tail) in tails.iter().enumerate() {
        let folded = || bundles[tail.bundle].folded((tail.anchor, nodes[i]), tail.l1_timestamp);
        ends[tail.bundle] = (in_chain[i] && in_shared[i]).then(folded);
    }
    ends
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

/// Replaces each root by keccak256(padding ‖ root ‖ number ‖ timestamp), the batch leaf since v33.
fn hash_timed_leaves(roots: &mut [Hash], tails: &[Tail<'_>], numbers: &[u64]) {
    let inputs: Vec<[u8; 128]> = roots
        .iter()
        .zip(tails.iter().zip(numbers))
        .map(|(root, (tail, number))| {
            let mut input = [0; 128];
            input[..32].copy_from_slice(BATCH_LEAF.as_bytes());
            input[32..64].copy_from_slice(root.as_bytes());
            input[64..96].copy_from_slice(Word::from(*number).as_bytes());
            input[96..].copy_from_slice(tail.l1_timestamp.unwrap_or_default().as_bytes());
            input
        })
        .collect();
    hash_many(&inputs, roots);
}

/// A node that is folded along a path.
struct PathFold<'a> {
    node: Hash,
    mask: Word,
    path: &'a [Hash],
}

impl PathFold<'_> {
    /// Whether the contracts allow the path's length, and the mask has no bit beyond it.
    fn fits(&self) -> bool {
        self.path.len() <= 255 && is_below(self.mask, self.path.len())
    }
}

/// Whether a mask has no bit beyond a path of this length, at most 255.
fn is_below(mask: Word, len: usize) -> bool {
    let (high, low) = mask.split();
    match len {
        0..128 => high == 0 && low >> len == 0,
        _ => high >> (len - 128) == 0,
    }
}

/// Folds each node along its path, in place. Returns for each whether mask and path fit.
fn fold_paths<'a>(
    nodes: &mut [Hash],
    paths: impl Iterator<Item = (Word, &'a [Hash])>,
) -> Vec<bool> {
    let fold = |(node, (mask, path)): (&Hash, _)| PathFold { node: *node, mask, path };
    let mut folds: Vec<_> = nodes.iter().zip(paths).map(fold).collect();
    let fits = fold_level(&mut folds);
    for (node, fold) in nodes.iter_mut().zip(folds) {
        *node = fold.node;
    }
    fits
}

/// Folds all nodes level by level, in parallel. Returns for each whether mask and path fit. A path that does not may be of
/// any length, and is left out.
fn fold_level(folds: &mut [PathFold<'_>]) -> Vec<bool> {
    let fits: Vec<bool> = folds.iter().map(PathFold::fits).collect();
    for (fold, _) in folds.iter_mut().zip(&fits).filter(|(_, fits)| !**fits) {
        fold.path = &[];
    }
    let highest = folds.iter().map(|fold| fold.path.len()).max().unwrap_or(0);
    let (mut pairs, mut parents) = (Vec::new(), Vec::new());
    for level in 0..highest {
        pairs.clear();
        for fold in folds.iter() {
            let Some(sibling) = fold.path.get(level) else { continue };
            let bit = fold.mask.as_bytes()[31 - level / 8];
            let (mut left, mut right) = (&fold.node, sibling);
            if bit >> (level % 8) & 1 == 1 {
                mem::swap(&mut left, &mut right);
            }
            let mut pair = [0; 64];
            pair[..32].copy_from_slice(left.as_bytes());
            pair[32..].copy_from_slice(right.as_bytes());
            pairs.push(pair);
        }
        parents.resize(pairs.len(), Hash::ZERO);
        hash_many(&pairs, &mut parents);
        let unfinished = folds.iter_mut().filter(|fold| level < fold.path.len());
        for (fold, parent) in unfinished.zip(&parents) {
            fold.node = *parent;
        }
    }
    fits
}

#[cfg(test)]
mod conditions;
#[cfg(test)]
mod tests;
