//! An external sort of records of fixed width with uniform keys, such as hashes.
//!
//! The threads that make the records divide each block of them into buckets by the first bits of their keys. So nothing is
//! left to do for all records together: the records of some buckets, which are next to each other in every block, are
//! sorted and passed on while those before them are written. What does not fit into memory goes to a temporary file as a
//! sorted run; of the runs, the records up to a key are read and sorted together in the same way.

use std::{
    iter, mem,
    ops::Range,
    path::{Path, PathBuf},
};

use bytemuck::Pod;
use rayon::prelude::*;

use super::{OutputError, Pool, Scratch};

/// The bits of a number that are that of its bucket.
const BITS: u32 = 9;
const BUCKETS: usize = 1 << BITS;
/// The approximate number of records that are sorted by one thread. What is sorted fits into the caches of a core.
const GROUP: usize = 1 << 13;
/// The groups for each thread that are sorted while those before them are taken.
const GROUPS_PER_THREAD: usize = 3;
/// The number of single records that become a block.
const PENDING: usize = 1 << 13;
/// The size of all read-ahead buffers together, and the smallest and largest size of one, in bytes.
const READ_AHEAD: usize = 64 << 20;
const LEAST_READ_AHEAD: usize = 1 << 16;
const MOST_READ_AHEAD: usize = 4 << 20;

/// A record of fixed width to sort.
///
/// Records never leave the process, so their integers may have the machine's byte order.
pub(crate) trait KeyedRecord: Pod + Ord + Send + Sync {
    /// A number that does not descend where records ascend. If the numbers are not uniform, sorting takes longer.
    fn prefix(&self) -> u64;
}

/// A record that is sorted by its number, which is beside it so that a comparison does not have to look it up.
pub(crate) type Numbered<'r, R> = (u64, &'r R);

/// Records, divided into buckets.
#[derive(Debug)]
pub(crate) struct Bucketed<R> {
    records: Box<[R]>,
    /// Where each bucket begins, and where the last one ends.
    starts: Box<[usize]>,
}

impl<R: KeyedRecord> Bucketed<R> {
    /// Divides records. They are asked for twice.
    pub(crate) fn of(records: impl ExactSizeIterator<Item = R> + Clone) -> Self {
        let bucket = |record: &R| (record.prefix() >> (u64::BITS - BITS)) as usize;
        let mut starts = vec![0; BUCKETS + 1].into_boxed_slice();
        records.clone().for_each(|record| starts[bucket(&record) + 1] += 1);
        for at in 0..BUCKETS {
            starts[at + 1] += starts[at];
        }
        let mut places = bytemuck::zeroed_slice_box(records.len());
        let mut next = starts.clone();
        for record in records {
            let next = &mut next[bucket(&record)];
            places[*next] = record;
            *next += 1;
        }
        Self { records: places, starts }
    }

    /// The number of records.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    fn buckets(&self, buckets: &Range<usize>) -> &[R] {
        &self.records[self.starts[buckets.start]..self.starts[buckets.end]]
    }
}

/// Collects records, and passes them on in ascending order.
#[derive(Debug)]
pub(crate) struct BucketSort<R> {
    target: PathBuf,
    /// The bytes of records in memory from which on they are to be written to the file.
    limit: usize,
    pending: Vec<R>,
    blocks: Vec<Bucketed<R>>,
    /// The number of records in `blocks`.
    len: usize,
    runs: Vec<Range<u64>>,
    scratch: Option<Scratch>,
}

impl<R: KeyedRecord> BucketSort<R> {
    /// A sort that keeps about `limit` bytes in memory, and the rest in a temporary file beside the output `target`.
    pub(crate) fn beside(target: &Path, limit: usize) -> Self {
        Self {
            target: target.into(),
            limit,
            pending: Vec::new(),
            blocks: Vec::new(),
            len: 0,
            runs: Vec::new(),
            scratch: None,
        }
    }

    /// A sort that keeps everything in memory.
    pub(crate) fn in_memory() -> Self {
        Self::beside(Path::new(""), usize::MAX)
    }

    /// Adds a record. [`BucketSort::spill`] has to follow if the sort [is full](BucketSort::is_full) then.
    pub(crate) fn push(&mut self, record: R) {
        self.pending.push(record);
        if self.pending.len() == PENDING {
            self.divide_pending();
        }
    }

    /// Adds a block of records, as [`BucketSort::push`] adds one.
    pub(crate) fn add(&mut self, block: Bucketed<R>) {
        // Small blocks are put together, because each has as many buckets as a large one.
        if block.len() < PENDING / 8 {
            block.records.iter().for_each(|record| self.push(*record));
        } else {
            self.len += block.len();
            self.blocks.push(block);
        }
    }

    fn divide_pending(&mut self) {
        let block = Bucketed::of(self.pending.iter().copied());
        self.pending.clear();
        self.len += block.len();
        self.blocks.push(block);
    }

    /// Whether as many records are in memory as may be.
    pub(crate) fn is_full(&self) -> bool {
        let len = self.len + self.pending.len();
        len > 0 && len * size_of::<R>() >= self.limit
    }

    /// Writes the records in memory to the file.
    ///
    /// # Errors
    /// [`OutputError`] when the disk is full or fails.
    pub(crate) fn spill(&mut self) -> Result<(), OutputError> {
        self.divide_pending();
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch::beside(&self.target)?),
        };
        let (start, free) = (scratch.written(), Pool::default());
        let copy = |group: &[Numbered<'_, R>]| {
            let mut records: Vec<R> = free.take().unwrap_or_default();
            records.clear();
            records.extend(group.iter().map(|(_, record)| **record));
            records
        };
        let append = |records: Vec<R>| {
            scratch.append(bytemuck::cast_slice(&records))?;
            free.put(records);
            Ok::<_, OutputError>(())
        };
        blocks_in_order(&self.blocks, copy, append)?;
        self.runs.push(start..scratch.written());
        free_all(mem::take(&mut self.blocks));
        self.len = 0;
        Ok(())
    }

    /// Passes all records to `map` in ascending order, in groups of any size, on all threads. What it returns is passed to
    /// `take` in that order, while `map` gets the next groups.
    ///
    /// # Errors
    /// Those of `take`, and [`OutputError`] when the disk is full or fails.
    pub(crate) fn in_order<T: Send, E: From<OutputError> + Send>(
        mut self,
        map: impl Fn(&[Numbered<'_, R>]) -> T + Sync,
        mut take: impl FnMut(T) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        if !self.runs.is_empty() {
            self.spill()?;
        }
        match self.scratch {
            Some(scratch) => {
                // Free the memory of the collected records for the read-ahead buffers.
                drop((self.pending, self.blocks));
                runs_in_order::<R, _, _>(scratch, self.runs, map, take)
            }
            // Few records are not worth buckets.
            None if self.blocks.is_empty() => take(Window::new(&map).map(&[&self.pending[..]])),
            None => {
                self.divide_pending();
                blocks_in_order(&self.blocks, map, take)?;
                free_all(self.blocks);
                Ok(())
            }
        }
    }
}

/// Frees the memory of blocks on all threads, because the system takes long to take it back.
fn free_all<R: KeyedRecord>(blocks: Vec<Bucketed<R>>) {
    blocks.into_par_iter().for_each(drop);
}

fn blocks_in_order<R: KeyedRecord, T: Send, E: Send>(
    blocks: &[Bucketed<R>],
    map: impl Fn(&[Numbered<'_, R>]) -> T + Sync,
    take: impl FnMut(T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let (mut window, mut output) = (Window::new(&map), Output { take, mapped: Vec::new() });
    let len = |buckets: &Range<usize>| -> usize {
        blocks.iter().map(|block| block.buckets(buckets).len()).sum()
    };
    let slices = |buckets: &Range<usize>| -> Vec<&[R]> {
        let slices = blocks.iter().map(|block| block.buckets(buckets));
        slices.filter(|slice| !slice.is_empty()).collect()
    };
    let at_once = GROUPS_PER_THREAD * rayon::current_num_threads();
    let (mut start, mut in_group) = (0, 0);
    for bucket in 0..BUCKETS {
        let next = len(&(bucket..bucket + 1));
        if in_group + next > GROUP && in_group > 0 {
            window.groups.push(slices(&(start..bucket)));
            (start, in_group) = (bucket, 0);
        }
        in_group += next;
        if in_group > 2 * GROUP {
            // Keys that are not uniform.
            output.advance(&mem::take(&mut window.groups), |group| window.map(group))?;
            let sorted = window.sorted(&slices(&(start..bucket + 1)));
            for groups in sorted.chunks(at_once * GROUP) {
                let groups: Vec<_> = groups.chunks(GROUP).collect();
                output.advance(&groups, |group| map(group))?;
            }
            (start, in_group) = (bucket + 1, 0);
        }
        if window.groups.len() == at_once {
            output.advance(&mem::take(&mut window.groups), |group| window.map(group))?;
        }
    }
    window.groups.push(slices(&(start..BUCKETS)));
    output.advance(&window.groups, |group| window.map(group))?;
    output.finish()
}

fn runs_in_order<R: KeyedRecord, T: Send, E: From<OutputError> + Send>(
    scratch: Scratch,
    runs: Vec<Range<u64>>,
    map: impl Fn(&[Numbered<'_, R>]) -> T + Sync,
    take: impl FnMut(T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let mut output = Output { take, mapped: Vec::new() };
    let ahead = (READ_AHEAD / runs.len()).clamp(LEAST_READ_AHEAD, MOST_READ_AHEAD) / size_of::<R>();
    let run = |rest| Run { rest, records: Vec::new(), at: 0 };
    let mut runs: Vec<Run<R>> = runs.into_iter().map(run).collect();
    loop {
        runs.par_iter_mut().try_for_each(|run| run.fill(&scratch, ahead))?;
        runs.retain(|run| !run.records.is_empty());
        // Of a run of which a part is on disk, no record after its last one in memory is known.
        let partly = runs.iter().filter(|run| !run.rest.is_empty());
        let bound = partly.filter_map(|run| run.records.last()).min().copied();
        let known = |run: &Run<R>| match &bound {
            Some(bound) => run.at + run.left().partition_point(|record| record <= bound),
            None => run.records.len(),
        };
        let ends: Vec<usize> = runs.iter().map(known).collect();
        let slices = runs.iter().zip(&ends).map(|(run, end)| &run.records[run.at..*end]);
        let slices: Vec<&[R]> = slices.collect();
        let Some(longest) = slices.iter().max_by_key(|slice| slice.len()) else { break };
        let mut window = Window::new(&map);
        let count = slices.iter().map(|slice| slice.len()).sum::<usize>().div_ceil(GROUP).max(1);
        let mut rest = slices.clone();
        for group in 1..=count {
            let end = longest.get(longest.len() * group / count).map(R::prefix);
            window.groups.push(rest.iter_mut().map(|rest| split_below(rest, end)).collect());
        }
        output.advance(&window.groups, |group| window.map(group))?;
        iter::zip(&mut runs, ends).for_each(|(run, end)| run.at = end);
    }
    // The system takes long to remove the file.
    rayon::join(|| output.finish(), || drop(scratch)).0
}

/// Takes the records whose number is below `end` from the front of sorted ones.
fn split_below<'r, R: KeyedRecord>(rest: &mut &'r [R], end: Option<u64>) -> &'r [R] {
    let is_below = |record: &R| end.is_none_or(|end| record.prefix() < end);
    let (below, after) = rest.split_at(rest.partition_point(is_below));
    *rest = after;
    below
}

/// What was mapped, and is taken while more is mapped.
struct Output<T, F> {
    take: F,
    mapped: Vec<T>,
}

impl<T: Send, E: Send, F: FnMut(T) -> Result<(), E> + Send> Output<T, F> {
    fn advance<G: Sync>(&mut self, groups: &[G], map: impl Fn(&G) -> T + Sync) -> Result<(), E> {
        let before = mem::take(&mut self.mapped);
        let (taken, mapped) = rayon::join(
            || before.into_iter().try_for_each(&mut self.take),
            || groups.par_iter().with_max_len(1).map(&map).collect(),
        );
        self.mapped = mapped;
        taken
    }

    fn finish(mut self) -> Result<(), E> {
        self.mapped.into_iter().try_for_each(&mut self.take)
    }
}

/// Groups of records that are sorted at once. The records of a group are in several slices.
struct Window<'r, 'm, R, M> {
    groups: Vec<Vec<&'r [R]>>,
    map: &'m M,
    free: Pool<Vec<Numbered<'r, R>>>,
}

impl<'r, 'm, R: KeyedRecord, T, M: Fn(&[Numbered<'_, R>]) -> T> Window<'r, 'm, R, M> {
    fn new(map: &'m M) -> Self {
        Self { groups: Vec::new(), map, free: Pool::default() }
    }

    fn map(&self, group: &[&'r [R]]) -> T {
        let sorted = self.sorted(group);
        let mapped = (self.map)(&sorted);
        self.free.put(sorted);
        mapped
    }

    fn sorted(&self, slices: &[&'r [R]]) -> Vec<Numbered<'r, R>> {
        let mut numbered = self.free.take().unwrap_or_default();
        numbered.clear();
        numbered.extend(slices.iter().copied().flatten().map(|record| (record.prefix(), record)));
        // Without a comparison of records in it, the sort has no branches that are hard to predict.
        if numbered.len() > 2 * GROUP {
            numbered.par_sort_unstable_by_key(|(number, _)| *number);
        } else {
            numbered.sort_unstable_by_key(|(number, _)| *number);
        }
        for same in numbered.chunk_by_mut(|(one, _), (other, _)| one == other) {
            if same.len() > 1 {
                same.par_sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
            }
        }
        numbered
    }
}

/// A sorted run that is being read.
struct Run<R> {
    /// The part that is not in memory yet.
    rest: Range<u64>,
    records: Vec<R>,
    /// The number of the records in memory that were passed on.
    at: usize,
}

impl<R: KeyedRecord> Run<R> {
    fn left(&self) -> &[R] {
        &self.records[self.at..]
    }

    /// Reads records until `ahead` are in memory, if less than half as many are.
    fn fill(&mut self, scratch: &Scratch, ahead: usize) -> Result<(), OutputError> {
        if self.left().len() >= ahead / 2 {
            return Ok(());
        }
        self.records.drain(..mem::take(&mut self.at));
        let left = self.records.len();
        let rest = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
        let more = (rest / size_of::<R>()).min((ahead - left).max(1));
        self.records.resize(left + more, R::zeroed());
        let bytes = bytemuck::cast_slice_mut(&mut self.records[left..]);
        scratch.read(self.rest.start, bytes)?;
        self.rest.start += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable;
    use proptest::prelude::*;
    use rayon::ThreadPoolBuilder;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
    #[repr(C)]
    struct Pair {
        number: u64,
        rest: u64,
    }

    impl KeyedRecord for Pair {
        fn prefix(&self) -> u64 {
            self.number
        }
    }

    fn pair(number: u64, rest: u64) -> Pair {
        Pair { number, rest }
    }

    /// The records in the order in which they come back. Every third part of them is added as a block.
    fn sorted(records: &[Pair], limit: usize, block: usize) -> Vec<Pair> {
        let folder = tempfile::tempdir().unwrap();
        let mut sort = BucketSort::beside(&folder.path().join("out"), limit);
        for (at, part) in records.chunks(block).enumerate() {
            if at % 3 == 0 {
                sort.add(Bucketed::of(part.iter().copied()));
            } else {
                part.iter().for_each(|record| sort.push(*record));
            }
            if sort.is_full() {
                sort.spill().unwrap();
                assert_eq!(sort.len, 0);
            }
        }
        let mut found = Vec::new();
        let copy = |group: &[Numbered<'_, Pair>]| -> Vec<Pair> {
            group.iter().map(|(_, record)| **record).collect()
        };
        let keep = |group: Vec<Pair>| {
            found.extend(group);
            Ok::<_, OutputError>(())
        };
        sort.in_order(copy, keep).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing left over");
        found
    }

    /// Uniform numbers, small ones, equal ones, and mostly equal ones, in memory and in runs on disk.
    #[test]
    fn many_records_come_back_in_order() {
        let random = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let numbers: [fn(u64) -> u64; 4] =
            [|at| at, |at| at % 1000, |_| 7, |at| if at.is_multiple_of(5) { at } else { 7 << 60 }];
        for number in numbers {
            let record = |at| pair(number(random(at)), random(random(at)) % 10_000);
            let records: Vec<Pair> = (0..30_000).map(record).collect();
            let mut expected = records.clone();
            expected.sort_unstable();
            for limit in [usize::MAX, 100_000] {
                for threads in [1, 3] {
                    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    assert!(pool.install(|| sorted(&records, limit, 3000)) == expected);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn few_records_come_back_in_order(
            records in prop::collection::vec((any::<u64>(), 0..3u64, 0..4u32), 0..200),
            limit in 0..2000usize,
            block in 1..50usize,
        ) {
            let records: Vec<Pair> =
                records.iter().map(|(number, rest, by)| pair(number >> (by * 20), *rest)).collect();
            let mut expected = records.clone();
            expected.sort_unstable();
            prop_assert_eq!(sorted(&records, limit, block), expected);
        }
    }
}
