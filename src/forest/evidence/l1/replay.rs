//! Appends the executed batches in order, and compares the shared root at the end of each batch of the settlement
//! layer with its root on L1.
//!
//! What was appended in a missing batch of the settlement layer is not published. A diamond's message about a
//! committed batch is usually in another one than its execution. So the roots of the lost leaves may be known; which
//! of them were executed is found by trying, and proven by the root of the next batch.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::{executed::Executed, gap::L1Gap, registry::Registered};
use crate::{
    forest::{
        BatchNumbers, EMPTY_ENTRY, L1Error, RebuildError, batch_leaf, chain_id_leaf, entry_zeros,
    },
    ingest::l1::{LayerRecord, SlBatchOnL1},
    keccak::hash_node,
    merkle::{Levels, PushTree},
    primitives::{BatchNumber, ChainId, Hash, SlBatch},
};

/// The most trees that are tried in one gap for all batches without their state diffs, and for the batch after them.
const MOST_TRIED: usize = 1 << 16;
/// The most leaves of one chain that are tried in one gap.
const MOST_LEAVES: usize = 1 << 10;

/// What the replay found.
pub(super) struct Replayed {
    /// The last batch of the settlement layer whose trees are proven, if it is not the last one given.
    pub(super) end: Option<SlBatch>,
    /// The root of the shared tree at that time.
    pub(super) shared_root: Hash,
    /// The chains by index, with the numbers of their batches.
    pub(super) chains: Vec<(ChainId, usize)>,
    /// By chain index, also what was executed after that time.
    pub(super) executed: Vec<Executed>,
    pub(super) gaps: Vec<L1Gap>,
}

/// The trees as they grow.
pub(super) struct Replay<'r> {
    record: &'r LayerRecord,
    /// By chain index: the batch of the settlement layer that registered the chain. The settlement layer itself is
    /// always registered.
    since: Vec<SlBatch>,
    executed: Vec<Executed>,
    growing: Vec<Growing>,
    shared_root: Hash,
    gaps: Vec<L1Gap>,
}

/// A chain's tree as it grows.
#[derive(Clone)]
struct Growing {
    chain: ChainId,
    tree: PushTree,
    /// The chain's leaf in the shared tree.
    leaf: Hash,
}

impl Growing {
    fn new(chain: ChainId) -> Self {
        let tree = PushTree::new(EMPTY_ENTRY);
        Self { chain, leaf: chain_id_leaf(tree.root(), chain), tree }
    }

    /// The number of batches so far.
    fn len(&self) -> usize {
        self.tree.leaves() as usize
    }

    fn push(&mut self, batches: impl Iterator<Item = (BatchNumber, Hash)>) {
        let leaves: Vec<Hash> = batches.map(|(number, root)| batch_leaf(root, number)).collect();
        if !leaves.is_empty() {
            self.leaf = chain_id_leaf(self.tree.extend(&leaves), self.chain);
        }
    }

    /// Appends the batches that were executed up to the end of a batch of the settlement layer.
    fn advance(&mut self, executed: &Executed, batch: SlBatch) {
        let start = self.len();
        self.push(executed.batches(start, executed.count_by(batch)));
    }
}

/// Batches of a chain that may have been executed in missing batches of the settlement layer.
struct Lost {
    chain: usize,
    /// The number of batches before them.
    start: usize,
    batches: Vec<(BatchNumber, Hash)>,
    /// The possible numbers of executed batches, each with the chain's leaf in the shared tree after them and
    /// after all that follow.
    options: Vec<(usize, Growing)>,
}

impl<'r> Replay<'r> {
    /// The trees before the first batch. The settlement layer has the one of these chain ids with which the root of
    /// the first batch that is there is right; a single id is taken as it is.
    ///
    /// `executed` are the batches of the other chains.
    pub(super) fn new(
        record: &'r LayerRecord,
        sl_chains: &[ChainId],
        chains: &[Registered],
        mut executed: Vec<Executed>,
    ) -> Result<Self, RebuildError> {
        executed.insert(0, Executed::default());
        let of = |sl_chain: ChainId| {
            let ids = [sl_chain].into_iter().chain(chains.iter().map(|chain| chain.id));
            ids.map(Growing::new).collect()
        };
        let since = chains.iter().map(|chain| chain.since);
        let since = [SlBatch(0)].into_iter().chain(since).collect();
        let (shared_root, gaps) = (Hash::ZERO, Vec::new());
        let mut replay = Self { record, since, executed, growing: Vec::new(), shared_root, gaps };
        if let [only] = sl_chains {
            replay.growing = of(*only);
            return Ok(replay);
        }
        let is_first_right = |replay: &Self| {
            let known = |one: &SlBatchOnL1| {
                Some((one.batch, one.root?, one.local_root?)).filter(|_| one.has_diffs)
            };
            let first = record.batches.iter().find_map(known);
            first.is_some_and(|(batch, root, local_root)| {
                hash_node(local_root, replay.root_after(batch)) == root
            })
        };
        for sl_chain in sl_chains {
            replay.growing = of(*sl_chain);
            if is_first_right(&replay) {
                return Ok(replay);
            }
        }
        // Without the first batches, the root of a later one says nothing about the chain id.
        let first = record.batches.iter().take_while(|one| !one.has_diffs);
        let first: Vec<SlBatch> = first.map(|one| one.batch).collect();
        Err(match first[..] {
            [start, .., end] => L1Error::FirstMissing(start..=end),
            [only] => L1Error::FirstMissing(only..=only),
            [] => L1Error::NoSlChain,
        }
        .into())
    }

    /// The shared root at the end of a batch, if no batch before it was missing.
    fn root_after(&self, batch: SlBatch) -> Hash {
        let chains = self.growing[..self.registered(batch)].iter().zip(&self.executed);
        let leaves = chains.map(|(growing, executed)| {
            let mut growing = growing.clone();
            growing.advance(executed, batch);
            growing.leaf
        });
        root_over(leaves.collect())
    }

    pub(super) fn run(mut self) -> Result<Replayed, RebuildError> {
        let batches = &self.record.batches;
        // The first batch after the last right root, the first missing one, and the last missing one where the trees end.
        let (mut unchecked, mut missing, mut end) = (None, None, None);
        let mut rest = MOST_TRIED;
        for one in batches {
            let (batch, check) = (one.batch, one.root.zip(one.local_root));
            if one.has_diffs && missing.is_none() {
                let is_checked = self.advance(batch, check)?;
                unchecked = if is_checked { None } else { unchecked.or(Some(batch)) };
                continue;
            }
            if missing.is_none() || one.has_diffs {
                rest = MOST_TRIED;
            }
            let first = *missing.get_or_insert(batch);
            let Some((root, local_root)) = check else { continue };
            // Without its state diffs, the batch is itself one of those that are missing.
            let range = first..=SlBatch(batch.0 - u64::from(one.has_diffs));
            let is_right = |shared| hash_node(local_root, shared) == root;
            match self.bridge(&range, batch, &mut rest, is_right) {
                Some(leaves) => {
                    (unchecked, missing) = (None, None);
                    self.gaps.push(L1Gap::Bridged { missing: range, leaves, has_logs: false });
                }
                None if one.has_diffs => {
                    end = Some(*range.end());
                    break;
                }
                None => {}
            }
        }
        let last = batches.last().map(|last| last.batch).unwrap_or_default();
        let first = unchecked.or(missing);
        if let Some(first) = first {
            let missing = first..=end.unwrap_or(last);
            if first == batches[0].batch {
                return Err(L1Error::FirstMissing(missing).into());
            }
            self.gaps.push(L1Gap::Ends { missing, last, proven: 0, has_logs: false });
        }
        let cut = first.map(|first| SlBatch(first.0.saturating_sub(1)));
        let at = cut.unwrap_or(last);
        let chains = self.growing[..self.registered(at)].iter().zip(&self.executed);
        let chains = chains.map(|(growing, executed)| (growing.chain, executed.count_by(at)));
        Ok(Replayed {
            end: cut,
            shared_root: self.shared_root,
            chains: chains.collect(),
            executed: self.executed,
            gaps: self.gaps,
        })
    }

    /// The number of chains that were registered by the end of a batch of the settlement layer.
    fn registered(&self, batch: SlBatch) -> usize {
        self.since.partition_point(|since| *since <= batch)
    }

    /// Appends what a batch executed. `check` is the root in its commit and that of its own logs. Returns whether these
    /// are there: if not, only a later batch shows that the trees are right.
    fn advance(
        &mut self,
        batch: SlBatch,
        check: Option<(Hash, Hash)>,
    ) -> Result<bool, RebuildError> {
        for (growing, executed) in self.growing.iter_mut().zip(&self.executed) {
            growing.advance(executed, batch);
        }
        let leaves = self.growing[..self.registered(batch)].iter().map(|growing| growing.leaf);
        let Some((committed, local_root)) = check else { return Ok(false) };
        let shared_root = root_over(leaves.collect());
        let rebuilt = hash_node(local_root, shared_root);
        if rebuilt != committed {
            let error = L1Error::Root { batch, committed, local_root, shared_root, rebuilt };
            return Err(error.into());
        }
        self.shared_root = shared_root;
        Ok(true)
    }

    /// Finds what missing batches of the settlement layer appended, so that the shared root at the end of the
    /// `next` batch is right. At most `rest` trees are tried. Returns the number of appended batches.
    fn bridge(
        &mut self,
        missing: &RangeInclusive<SlBatch>,
        next: SlBatch,
        rest: &mut usize,
        is_right: impl Fn(Hash) -> bool,
    ) -> Option<u64> {
        if *rest == 0 {
            return None;
        }
        let count = self.registered(next);
        let mut lost: Vec<Lost> =
            (0..count).filter_map(|chain| self.lost(chain, missing, next)).collect();
        let mut leaves: Vec<Hash> = Vec::with_capacity(count);
        for (growing, executed) in self.growing[..count].iter().zip(&self.executed) {
            let mut growing = growing.clone();
            growing.advance(executed, next);
            leaves.push(growing.leaf);
        }
        // One digit for each chain with lost batches.
        let mut digits = vec![0; lost.len()];
        while *rest > 0 {
            *rest -= 1;
            for (lost, digit) in lost.iter().zip(&digits) {
                leaves[lost.chain] = lost.options[*digit].1.leaf;
            }
            let shared_root = root_over(leaves.clone());
            if is_right(shared_root) {
                self.shared_root = shared_root;
                for (growing, executed) in self.growing.iter_mut().zip(&self.executed) {
                    growing.advance(executed, next);
                }
                let mut sum = 0;
                for (lost, digit) in lost.iter_mut().zip(digits) {
                    let (taken, growing) = lost.options.swap_remove(digit);
                    let batches = &lost.batches[..taken];
                    self.executed[lost.chain].insert(lost.start, batches, *missing.end());
                    self.growing[lost.chain] = growing;
                    sum += taken as u64;
                }
                return Some(sum);
            }
            let more = digits.iter_mut().zip(&lost).find_map(|(digit, lost)| {
                *digit = (*digit + 1) % lost.options.len();
                (*digit > 0).then_some(())
            });
            more?;
        }
        None
    }

    /// The batches of a chain that may have been executed in missing batches of the settlement layer. `None` if
    /// there are none.
    fn lost(&self, chain: usize, missing: &RangeInclusive<SlBatch>, next: SlBatch) -> Option<Lost> {
        let (executed, growing) = (&self.executed[chain], &self.growing[chain]);
        let start = growing.len();
        let below = start.checked_sub(1).and_then(|last| executed.numbers.get(last as u64));
        let above = executed.numbers.get(start as u64);
        let is_between = |number: BatchNumber| {
            below.is_none_or(|below| below < number) && above.is_none_or(|above| number < above)
        };
        // Of several commitments of a batch, all but the last one were reverted.
        let committed = executed.committed.iter().filter(|one| one.sl_batch <= *missing.end());
        let committed: BTreeMap<BatchNumber, (SlBatch, Hash)> = committed
            .filter(|one| is_between(one.batch))
            .map(|one| (one.batch, (one.sl_batch, one.root)))
            .collect();
        let mut expected = committed.first_key_value()?.0.0;
        let before = committed.values().take_while(|(since, _)| since < missing.end()).count();
        let batches: Vec<(BatchNumber, Hash)> = committed
            .into_iter()
            .map(|(number, (_, root))| (number, root))
            .take(MOST_LEAVES)
            .take_while(|(batch, _)| {
                let is_next = batch.0 == expected;
                expected = expected.saturating_add(1);
                is_next
            })
            .collect();
        let end = executed.count_by(next);
        let mut counts: Vec<usize> = match (end > start, above) {
            // Numbers are executed in order.
            (true, _) => vec![batches.len(), 0],
            (false, Some(_)) => (0..=batches.len()).rev().collect(),
            (false, None) => (0..=batches.len()).collect(),
        };
        // A batch is usually executed in a later one than its commit is in.
        let usual = counts.iter().position(|count| *count == before.min(batches.len()));
        let is_usual = end == start && (above.is_none() || next == *missing.end());
        if let Some(at) = usual.filter(|_| is_usual) {
            counts[..=at].rotate_right(1);
        }
        let options = counts.into_iter().map(|count| {
            let mut growing = growing.clone();
            growing.push(batches[..count].iter().copied());
            growing.push(executed.batches(start, end));
            (count, growing)
        });
        Some(Lost { chain, start, options: options.collect(), batches })
    }
}

impl Executed {
    /// The batches with these leaf indices.
    pub(super) fn batches(
        &self,
        start: usize,
        end: usize,
    ) -> impl Iterator<Item = (BatchNumber, Hash)> {
        let numbers = self.numbers.runs(start as u64..end.max(start) as u64).into_iter();
        let numbers = numbers.flat_map(|run| run.start().0..=run.end().0).map(BatchNumber);
        numbers.zip(self.roots[start..end.max(start)].iter().copied())
    }

    /// Adds batches that are known from messages, before the leaf with index `at`.
    fn insert(&mut self, at: usize, batches: &[(BatchNumber, Hash)], since: SlBatch) {
        if batches.is_empty() {
            return;
        }
        // Batches are executed in order.
        let since = self.since.get(at).map_or(since, |next| since.min(*next));
        let after: Vec<_> =
            self.batches(at, self.roots.len()).zip(self.since[at..].to_vec()).collect();
        self.truncate(at);
        self.filled.extend(at..at + batches.len());
        batches.iter().for_each(|(number, root)| self.push(*number, *root, since));
        after.into_iter().for_each(|((number, root), since)| self.push(number, root, since));
    }

    /// The number of batches that were executed up to the end of a batch of the settlement layer.
    pub(super) fn count_by(&self, batch: SlBatch) -> usize {
        self.since.partition_point(|since| *since <= batch)
    }

    /// Keeps the first batches.
    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.roots.len() {
            self.numbers = BatchNumbers::new(self.numbers.iter().take(len))
                .unwrap_or_else(|| unreachable!("the numbers ascend"));
            self.roots.truncate(len);
            self.since.truncate(len);
        }
    }
}

fn root_over(leaves: Vec<Hash>) -> Hash {
    Levels::build(leaves, entry_zeros()).tree(entry_zeros()).root()
}

#[cfg(test)]
mod tests {
    use super::{super::executed::tests::root, *};
    use crate::{
        ingest::l1::{CommittedOnSl, LayerRecorder},
        primitives::Address,
    };

    /// In each batch of the settlement layer, 20 chains commit a batch and execute the one that they committed before.
    /// Only the first one has state diffs. There are 2^20 possible trees at the end of each of the others.
    #[test]
    fn what_was_committed_before_a_lost_batch_is_tried_first() {
        let chains: Vec<_> =
            (1000..1020).map(|id| Registered { id: ChainId(id), since: SlBatch(1) }).collect();
        let sl_batches = 1..=5;
        let committed = sl_batches.clone().map(|number| CommittedOnSl {
            sender: Address::default(),
            batch: BatchNumber(number),
            sl_batch: SlBatch(number),
            root: root(number),
        });
        let committed: Vec<_> = committed.collect();
        let executed =
            chains.iter().map(|_| Executed { committed: committed.clone(), ..Executed::default() });
        let mut record = LayerRecorder::new(None).unwrap().finish().unwrap();
        let local_root = Hash::new([7; 32]);
        for number in sl_batches {
            let grown = chains.iter().map(|chain| {
                let mut growing = Growing::new(chain.id);
                growing.push((1..number).map(|number| (BatchNumber(number), root(number))));
                growing.leaf
            });
            let leaves = [Growing::new(ChainId(506)).leaf].into_iter().chain(grown).collect();
            record.batches.push(SlBatchOnL1 {
                batch: SlBatch(number),
                root: Some(hash_node(local_root, root_over(leaves))),
                local_root: Some(local_root),
                has_diffs: number == 1,
                is_whole: number == 1,
                executed: None,
            });
        }
        let replay = Replay::new(&record, &[ChainId(506)], &chains, executed.collect()).unwrap();
        let replayed = replay.run().unwrap();
        assert_eq!(replayed.end, None);
        let of_gap = |gap: &L1Gap| match gap {
            L1Gap::Bridged { missing, leaves, .. } => (missing.start().0, missing.end().0, *leaves),
            other => panic!("{other:?}"),
        };
        let gaps: Vec<_> = replayed.gaps.iter().map(of_gap).collect();
        assert_eq!(gaps, [(2, 2, 20), (3, 3, 20), (4, 4, 20), (5, 5, 20)]);
    }
}
