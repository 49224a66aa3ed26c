use std::path::Path;

use bytemuck::cast_slice;

use super::{
    CHAINS, HASHES, LEAF_TIMES, LOST, MARKS, ROOT_TIMES, ROOTS, RUNS, STEPS,
    header::{Header, Header2, Header3, layout},
    history_rows::{Progress, StepsError, mark_every},
    lost_rows,
};
use crate::{
    contracts::{Layout, MOST_CHAINS},
    files::{Access, Container, ContainerError, InputError, Kind, SectionBytes, SectionName},
    forest::{
        BatchNumbers, ChainTree, Forest, History, InteropRoot, LostLeaves,
        chain_tree::chain_id_leaves,
        hashes::Hashes,
        numbers::Run,
        timestamps::{Timestamps, timestamp},
        trees::ForestShape,
    },
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
    proof::CheckedBy,
};

/// A forest and its history in a mapped file.
#[derive(Debug)]
pub struct TreeFile {
    container: Container,
    header: Header,
    forest: Forest,
    roots: SectionBytes,
    steps: SectionBytes,
    marks: SectionBytes,
    /// The timestamps of the roots; none in versions before 3.
    root_times: Timestamps,
    /// What missing batches of the settlement layer appended.
    lost_leaves: Vec<LostLeaves>,
}

impl TreeFile {
    /// Whether a regular file is a tree file. Returns `false` for a path that leads to nothing.
    ///
    /// # Errors
    /// [`InputError`] when the file cannot be read.
    pub fn is_at(path: &Path) -> Result<bool, InputError> {
        Ok(Kind::at(path)? == Some(Kind::TREE_FILE))
    }

    /// Opens a tree file. The cost does not depend on its size. Checked are that the parts fit together,
    /// the checksums of the sections that name chains and batches, and the shared tree from the roots of the
    /// chains up. [`TreeFile::check`] checks the rest.
    ///
    /// # Errors
    /// [`ContainerError`] naming the file, if it is not a tree file, is damaged, or its parts do not fit.
    pub fn open(path: &Path, access: Access) -> Result<Self, ContainerError> {
        Self::of(Container::open(path, access)?)
    }

    /// Reads an open container as a tree file.
    ///
    /// # Errors
    /// As [`TreeFile::open`].
    pub fn of(container: Container) -> Result<Self, ContainerError> {
        let version = container.version().clamp(1, 3);
        let container = container.expect(Kind { version, ..Kind::TREE_FILE })?;
        let Header3 { header: Header2 { header, checked_by }, latest: root_time } =
            Header3::read(&container)?;
        let checked_by = CheckedBy::from_byte(checked_by);
        let checked_by = checked_by.ok_or_else(|| container.bad("header", "unknown evidence"))?;
        let bad =
            |name: SectionName, reason: &str| container.bad(&format!("section {name:?}"), reason);
        let layout = layout(header.layout)
            .ok_or_else(|| container.bad("header", "unknown layout number"))?;

        // A proof cannot show to which chains and batches the hashes belong.
        container.check_section(CHAINS)?;
        container.check_section(RUNS)?;
        let chains = chains(container.section(CHAINS)?, container.section(RUNS)?)
            .map_err(|(name, reason)| bad(name, reason))?;
        let latest = header.latest.map(InteropRoot::from);
        let latest = latest.map(|latest| InteropRoot { timestamp: root_time, ..latest });
        let times = |name: SectionName, count: u64| {
            if version < 3 {
                return Ok(Timestamps::default());
            }
            let times = Timestamps::stored(container.share(name)?);
            let times = times.filter(|times| times.len() as u64 == count);
            times.ok_or_else(|| bad(name, "the number of timestamps is wrong"))
        };
        let batches =
            chains.iter().fold(0, |sum: u64, (_, batches)| sum.saturating_add(batches.len()));
        let roots = container.share(ROOTS)?;
        let stored = roots.len() as u64 / size_of::<Hash>() as u64;
        let (timestamps, root_times) = (times(LEAF_TIMES, batches)?, times(ROOT_TIMES, stored)?);
        let grown = ForestShape { layout, chains, timestamps, latest, checked_by };
        let hashes = Hashes::stored(container.share(HASHES)?);
        let hashes =
            hashes.filter(|hashes| Some(hashes.len() as u64) == grown.hashes()).ok_or_else(
                || bad(HASHES, "the number of hashes does not match the chains and batches"),
            )?;
        let chains = grown.chains.len();
        if grown.latest.is_some_and(|latest| latest.chains == 0 || latest.chains > chains as u64) {
            return Err(
                container.bad("header", "the newest root has no chains, or more than the file has")
            );
        }
        let forest = grown.forest(hashes);
        hangs_together(&forest).map_err(|reason| bad(HASHES, reason))?;

        let lost_leaves = match container.find(LOST) {
            None => Vec::new(),
            Some(rows) => {
                container.check_section(LOST)?;
                lost_rows::decode(rows).ok_or_else(|| bad(LOST, "the section ends within a row"))?
            }
        };

        let file = Self {
            roots,
            steps: container.share(STEPS)?,
            marks: container.share(MARKS)?,
            root_times,
            lost_leaves,
            header,
            forest,
            container,
        };
        let (roots, every) = (file.header.roots, file.header.mark_every);
        // Contracts count their roots since v31.
        let may_be_lost = layout >= Layout::V31;
        if !file.roots.len().is_multiple_of(size_of::<Hash>())
            || stored > roots
            || (stored < roots && !may_be_lost)
        {
            return Err(file.bad(ROOTS, "the number of roots differs from the header's"));
        }
        if every != mark_every(chains as u64) {
            return Err(file
                .container
                .bad("header", "the distance of the marks does not match the number of chains"));
        }
        let marks = stored.div_ceil(every).saturating_mul((24 + 8 * chains) as u64);
        if file.marks.len() as u64 != marks {
            return Err(file.bad(MARKS, "the number of marks does not match the number of roots"));
        }
        Ok(file)
    }

    /// The number of interop roots in an open tree file, and how many of them have known content, before anything else of
    /// it is read.
    ///
    /// # Errors
    /// [`ContainerError`] naming the file, if its header is invalid.
    pub fn roots_in(container: &Container) -> Result<(u64, u64), ContainerError> {
        let Header { roots, explained, .. } = Header3::read(container)?.header.header;
        Ok((roots, explained))
    }

    fn bad(&self, name: SectionName, reason: impl ToString) -> ContainerError {
        self.container.bad(&format!("section {name:?}"), reason)
    }

    /// The trees.
    #[must_use]
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// The container of the file.
    #[must_use]
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The SL block whose state the trees were rebuilt from, if the state named it.
    #[must_use]
    pub fn block(&self) -> Option<SlBlock> {
        self.header.block
    }

    /// The number of interop roots, with those that the state lost, and how many of them have known content.
    #[must_use]
    pub fn roots(&self) -> (u64, u64) {
        (self.header.roots, self.header.explained)
    }

    /// The interop roots and what is known about their content, as columns in memory.
    ///
    /// # Errors
    /// [`ContainerError`] if the steps are invalid.
    pub fn history(&self) -> Result<History, ContainerError> {
        // A root does not name its block, and an unexplained root cannot be compared with the trees.
        self.container.check_section(STEPS)?;
        self.container.check_section(ROOTS)?;
        self.check_root_times()?;
        let mut history = History::default();
        let (mut progress, mut rest) = (Progress::start(self.forest.chains().len()), &*self.steps);
        for root in self.root_hashes() {
            let step = self.next(&mut progress, &mut rest, Progress::read)?;
            history.push(progress.block, *root, step);
        }
        history.timestamps = self.root_times.iter().map(timestamp).collect();
        history.lost = self.lost();
        history.lost_leaves.clone_from(&self.lost_leaves);
        if rest.is_empty() {
            Ok(history)
        } else {
            Err(self.bad(STEPS, "there are bytes after the last root"))
        }
    }

    /// The history as if the root of this block were the only one. Only the steps between two marks are
    /// read. `None` if the block has no root, or its root is not explained.
    ///
    /// # Errors
    /// [`ContainerError`] if these steps or the marks are invalid.
    pub fn history_at(&self, block: SlBlock) -> Result<Option<History>, ContainerError> {
        let before = |mark: &[[u8; 8]]| u64::from_le_bytes(mark[0]) < block.0;
        let there = |progress: &Progress| progress.block >= block;
        self.find(before, there, |progress, _| progress.block == block)
    }

    /// The history as if the first root that contains this leaf of the chain at index `chain` were the
    /// only one. `None` if it cannot be determined from one mark: no root contains the leaf, or a root
    /// before it is not explained or may be lost.
    ///
    /// # Errors
    /// As [`TreeFile::history_at`].
    pub fn history_of(&self, chain: u64, leaf: u64) -> Result<Option<History>, ContainerError> {
        if LostLeaves::have(&self.lost_leaves, chain, leaf) {
            return Ok(None);
        }
        let chain = usize::try_from(chain).ok().filter(|_| self.lost() == 0);
        let Some(chain) = chain.filter(|chain| *chain < self.forest.chains().len()) else {
            return Ok(None);
        };
        let before = |mark: &[[u8; 8]]| u64::from_le_bytes(mark[3 + chain]) <= leaf;
        let there = |progress: &Progress| progress.batches[chain] > leaf;
        self.find(before, there, |_, before_is_explained| before_is_explained)
    }

    /// Reads the steps after the last mark for which `before` is true, and searches the first root for which
    /// `there` is true. Returns this root if it is explained and `the_one` accepts it. The second argument
    /// of `the_one` says whether the root before it is explained.
    ///
    /// The checksum of the steps is not compared, because a file may have megabytes of them. Damage is found
    /// by the next mark, to which the steps must lead, and by the root, which must be that of the trees.
    fn find(
        &self,
        before: impl Fn(&[[u8; 8]]) -> bool,
        there: impl Fn(&Progress) -> bool,
        the_one: impl Fn(&Progress, bool) -> bool,
    ) -> Result<Option<History>, ContainerError> {
        self.container.check_section(MARKS)?;
        self.check_root_times()?;
        let marks: Vec<&[[u8; 8]]> = cast_slice::<u8, [u8; 8]>(&self.marks)
            .chunks_exact(3 + self.forest.chains().len())
            .collect();
        let stretch = marks.partition_point(|mark| before(mark)).saturating_sub(1);
        let Some(mark) = marks.get(stretch) else { return Ok(None) };
        let (mut progress, offset) = Progress::from_mark(mark)
            .ok_or_else(|| self.bad(MARKS, "a mark has more chains than the file"))?;
        let rest = usize::try_from(offset).ok().and_then(|offset| self.steps.get(offset..));
        let mut rest =
            rest.ok_or_else(|| self.bad(MARKS, "a mark points beyond the end of the steps"))?;
        let first = stretch as u64 * self.header.mark_every;
        // The root before the mark is not read, so it counts as not explained.
        let mut before_is_explained = first == 0;
        let (mut is_there, mut found) = (false, None);
        for index in first..self.stored().min(first + self.header.mark_every) {
            let is_explained = self.next(&mut progress, &mut rest, Progress::pass)?;
            if !is_there && there(&progress) {
                is_there = true;
                if is_explained && the_one(&progress, before_is_explained) {
                    let mut history = History::default();
                    let root = self.root_hashes()[index as usize];
                    history.push(progress.block, root, Some(progress.step()));
                    history.timestamps.extend(self.root_times.get(index as usize));
                    found = Some(history);
                }
            }
            before_is_explained = is_explained;
        }
        let leads_on = match marks.get(stretch + 1) {
            Some(next) => {
                let offset = (self.steps.len() - rest.len()) as u64;
                Progress::from_mark(next) == Some((progress, offset))
            }
            None => rest.is_empty() && self.is_at_end(&progress, before_is_explained),
        };
        match leads_on {
            true => Ok(found),
            false => Err(self.bad(STEPS, "the steps do not lead to the next mark or the end")),
        }
    }

    /// Whether this is the progress after the last root.
    fn is_at_end(&self, progress: &Progress, newest_is_explained: bool) -> bool {
        let trees = self.forest.chains().iter().zip(&progress.batches);
        let all = trees.into_iter().all(|(tree, count)| *count == tree.batches().len());
        match (self.forest.latest(), self.root_hashes().last()) {
            (None, None) => true,
            (Some(latest), Some(root)) => {
                let time = self.root_times.last().map(timestamp).filter(|time| time.0 != 0);
                let is_last = latest.block == progress.block
                    && latest.root == *root
                    && latest.timestamp == time;
                is_last && (!newest_is_explained || (all && latest.chains == progress.chains))
            }
            _ => false,
        }
    }

    /// Compares the timestamps of the roots with their checksum. No proof depends on them.
    fn check_root_times(&self) -> Result<(), ContainerError> {
        match self.container.version() {
            3 => self.container.check_section(ROOT_TIMES),
            _ => Ok(()),
        }
    }

    /// The number of roots in the file.
    fn stored(&self) -> u64 {
        self.root_hashes().len() as u64
    }

    /// How many more roots the contract counts than the state had.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.header.roots - self.stored()
    }

    fn root_hashes(&self) -> &[Hash] {
        cast_slice(&self.roots)
    }

    /// Reads the next root with `read`. Blocks have to ascend.
    fn next<T>(
        &self,
        progress: &mut Progress,
        rest: &mut &[u8],
        read: impl FnOnce(&mut Progress, &mut &[u8]) -> Result<T, StepsError>,
    ) -> Result<T, ContainerError> {
        let before = progress.block;
        let at = self.steps.len() - rest.len();
        let found = read(progress, rest);
        let found = found.map_err(|error| self.bad(STEPS, format!("at byte {at}: {error}")))?;
        match progress.block > before || at == 0 {
            true => Ok(found),
            false => Err(self.bad(STEPS, format!("at byte {at}: the blocks do not ascend"))),
        }
    }

    /// Reads every byte. Checks the checksums, that every node is the hash of its children, and that the
    /// steps match the roots and marks.
    ///
    /// # Errors
    /// [`ContainerError`] naming the damaged section and its byte range.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.container.check()?;
        let chains = self.forest.chains().len();
        let mut marks = cast_slice::<u8, [u8; 8]>(&self.marks).chunks_exact(3 + chains);
        let (mut progress, mut rest) = (Progress::start(chains), &*self.steps);
        let (mut explained, mut newest_is_explained) = (0, false);
        for index in 0..self.stored() {
            if index.is_multiple_of(self.header.mark_every) {
                let offset = (self.steps.len() - rest.len()) as u64;
                let mark = marks.next().and_then(Progress::from_mark);
                if mark != Some((progress.clone(), offset)) {
                    return Err(self.bad(MARKS, format!("the mark at root {index} is wrong")));
                }
            }
            newest_is_explained = self.next(&mut progress, &mut rest, Progress::pass)?;
            explained += u64::from(newest_is_explained);
        }
        if !rest.is_empty() || !self.is_at_end(&progress, newest_is_explained) {
            return Err(
                self.bad(STEPS, "the last step does not match the newest root and the trees")
            );
        }
        for tree in self.forest.chains() {
            if let Some((level, index)) = tree.tree().first_inconsistent_node() {
                let chain = tree.chain();
                let reason = format!(
                    "wrong hash at level {level}, index {index} of the tree of chain {chain}"
                );
                return Err(self.bad(HASHES, reason));
            }
        }
        if explained != self.header.explained {
            return Err(self.container.bad("header", "the number of explained roots is wrong"));
        }
        Ok(())
    }
}

/// Checks that the shared tree is over the chains' roots and ids, and that the newest root is the root of
/// one of its prefixes.
fn hangs_together(forest: &Forest) -> Result<(), &'static str> {
    let shared = forest.shared();
    let roots: Vec<Hash> = forest.chains().iter().map(ChainTree::root).collect();
    let leaves = chain_id_leaves(&roots, forest.chains().iter());
    if *shared.level(0) != *leaves || shared.first_inconsistent_node().is_some() {
        return Err("the shared tree does not match the chains");
    }
    let newest = forest.latest().and_then(|latest| Some((latest, shared.prefix(latest.chains)?)));
    match newest {
        Some((latest, prefix)) if prefix.root() != latest.root => {
            Err("the newest root differs from the header's")
        }
        _ => Ok(()),
    }
}

/// The chains and their batch numbers.
fn chains(
    chains: &[u8],
    runs: &[u8],
) -> Result<Vec<(ChainId, BatchNumbers)>, (SectionName, &'static str)> {
    let numbers = |bytes: &[u8]| -> Option<Vec<u64>> {
        let (rows, rest) = bytes.as_chunks();
        rest.is_empty().then(|| rows.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
    };
    let rows = numbers(chains).unwrap_or_default();
    let (rows, rest) = rows.as_chunks();
    if rows.is_empty() || rows.len() as u64 > MOST_CHAINS || !rest.is_empty() {
        return Err((CHAINS, "the number of rows is zero, too large, or not whole"));
    }
    let runs = numbers(runs).ok_or((RUNS, "the section ends within a run"))?;
    let (mut runs, rest) = runs.as_chunks();
    if !rest.is_empty() {
        return Err((RUNS, "the section ends within a run"));
    }
    let mut all = Vec::with_capacity(rows.len());
    for [chain, batches, count] in rows {
        let split = usize::try_from(*count).ok().and_then(|count| runs.split_at_checked(count));
        let (own, others) = split.ok_or((RUNS, "there are fewer runs than the chains need"))?;
        runs = others;
        let own = own.iter().map(|[leaf, first]| Run { leaf: *leaf, first: BatchNumber(*first) });
        let numbers = BatchNumbers::in_runs(own.collect(), *batches);
        all.push((ChainId(*chain), numbers.ok_or((RUNS, "the runs of a chain are invalid"))?));
    }
    let mut ids: Vec<ChainId> = all.iter().map(|(chain, _)| *chain).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err((CHAINS, "a chain occurs twice"));
    }
    if runs.is_empty() { Ok(all) } else { Err((RUNS, "there are more runs than the chains need")) }
}
