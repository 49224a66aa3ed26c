use std::path::Path;

use bytemuck::cast_slice;

use super::{
    CHAINS, HASHES, KIND, MARKS, ROOTS, RUNS, STEPS,
    header::{Header, layout},
    steps::{Progress, mark_every},
};
use crate::{
    files::{Access, Container, ContainerError, SectionBytes, SectionName},
    forest::{
        BatchNumbers, Forest, History, hashes::Hashes, history::Step, numbers::Run, trees::Grown,
    },
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
};

/// More chains than any settlement layer has, as in its contract.
const MOST_CHAINS: usize = 1 << 20;

/// A forest and its history, mapped.
#[derive(Debug)]
pub struct TreeFile {
    container: Container,
    header: Header,
    forest: Forest,
    roots: SectionBytes,
    steps: SectionBytes,
    marks: SectionBytes,
}

impl TreeFile {
    /// Opens a tree file: cheap, whatever its size. It checks that the parts fit together, and the
    /// checksums of what names the chains and batches. It reads no hash; [`TreeFile::check`] does.
    ///
    /// # Errors
    /// [`ContainerError`] naming the file, when it is none, is damaged, or its parts do not fit.
    pub fn open(path: &Path, access: Access) -> Result<Self, ContainerError> {
        Self::of(Container::open(path, access)?)
    }

    /// Takes an open container as a tree file.
    ///
    /// # Errors
    /// As [`TreeFile::open`].
    pub fn of(container: Container) -> Result<Self, ContainerError> {
        let container = container.expect(KIND)?;
        let header: Header = container.header()?;
        let bad =
            |name: SectionName, reason: &str| container.bad(&format!("section {name:?}"), reason);
        let layout = layout(header.layout)
            .ok_or_else(|| container.bad("header", "names a layout that is not known"))?;

        // Whose trees these are, and of which batches, no proof can tell wrong from right.
        container.check_section(CHAINS)?;
        container.check_section(RUNS)?;
        let chains = chains(container.section(CHAINS)?, container.section(RUNS)?)
            .map_err(|(name, reason)| bad(name, reason))?;
        let grown = Grown { layout, chains, latest: header.latest.map(Into::into) };
        let hashes = Hashes::filed(container.share(HASHES)?);
        let hashes = hashes
            .filter(|hashes| Some(hashes.len() as u64) == grown.hashes())
            .ok_or_else(|| bad(HASHES, "has not the hashes of these chains and batches"))?;
        let chains = grown.chains.len();
        if grown.latest.is_some_and(|latest| latest.chains == 0 || latest.chains > chains as u64) {
            return Err(
                container.bad("header", "its newest root is over chains that there are not")
            );
        }
        let forest = grown.forest(hashes);

        let file = Self {
            roots: container.share(ROOTS)?,
            steps: container.share(STEPS)?,
            marks: container.share(MARKS)?,
            header,
            forest,
            container,
        };
        let (roots, every) = (file.header.roots, file.header.mark_every);
        if file.roots.len() as u64 != roots.saturating_mul(32) {
            return Err(file.bad(ROOTS, "has not as many roots as the header says"));
        }
        if every != mark_every(chains as u64) {
            return Err(file.container.bad("header", "its marks are too far apart, or too close"));
        }
        let marks = roots.div_ceil(every).saturating_mul((24 + 8 * chains) as u64);
        if file.marks.len() as u64 != marks {
            return Err(file.bad(MARKS, "has not as many marks as there are stretches of roots"));
        }
        Ok(file)
    }

    fn bad(&self, name: SectionName, reason: impl ToString) -> ContainerError {
        self.container.bad(&format!("section {name:?}"), reason)
    }

    /// The trees.
    #[must_use]
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// The container that it lies in.
    #[must_use]
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The SL block whose state the trees were rebuilt from, where that said so.
    #[must_use]
    pub fn block(&self) -> Option<SlBlock> {
        self.header.block
    }

    /// How many roots by block there are, and of how many it is known what they contain.
    #[must_use]
    pub fn roots(&self) -> (u64, u64) {
        (self.header.roots, self.header.explained)
    }

    /// The roots by block and what is known of their content, as columns in memory.
    ///
    /// # Errors
    /// [`ContainerError`] when the steps are none.
    pub fn history(&self) -> Result<History, ContainerError> {
        // A root does not say which block it is of.
        self.container.check_section(STEPS)?;
        let mut history = History::default();
        let (mut progress, mut rest) = (Progress::start(self.forest.chains().len()), &*self.steps);
        for root in self.root_hashes() {
            let step = self.next(&mut progress, &mut rest)?;
            history.push(progress.block, *root, step);
        }
        if rest.is_empty() {
            Ok(history)
        } else {
            Err(self.bad(STEPS, "goes on behind the last root"))
        }
    }

    /// The history as if the root of this block were the only one: found without reading the others.
    /// `None` when the block has no root, or one that is not explained.
    ///
    /// # Errors
    /// [`ContainerError`] when the steps are none.
    pub fn history_at(&self, block: SlBlock) -> Result<Option<History>, ContainerError> {
        let before = |mark: &[[u8; 8]]| u64::from_le_bytes(mark[0]) < block.0;
        self.find(before, |progress| progress.block >= block, |progress| progress.block == block)
    }

    /// The history as if the first root that contains a leaf of the chain with this index were the only
    /// one. `None` when no explained root contains it.
    ///
    /// # Errors
    /// As [`TreeFile::history_at`].
    pub fn history_of(&self, chain: u64, leaf: u64) -> Result<Option<History>, ContainerError> {
        let Some(chain) =
            usize::try_from(chain).ok().filter(|chain| *chain < self.forest.chains().len())
        else {
            return Ok(None);
        };
        let before = |mark: &[[u8; 8]]| u64::from_le_bytes(mark[3 + chain]) <= leaf;
        self.find(before, |progress| progress.batches[chain] > leaf, |_| true)
    }

    /// Reads the stretch behind the last mark that stands `before` what is wanted, up to the first root
    /// that is `there`, and gives that one, when it is explained and is `the_one`.
    fn find(
        &self,
        before: impl Fn(&[[u8; 8]]) -> bool,
        there: impl Fn(&Progress) -> bool,
        the_one: impl Fn(&Progress) -> bool,
    ) -> Result<Option<History>, ContainerError> {
        self.container.check_section(STEPS)?;
        self.container.check_section(MARKS)?;
        let marks: Vec<&[[u8; 8]]> = cast_slice::<u8, [u8; 8]>(&self.marks)
            .chunks_exact(3 + self.forest.chains().len())
            .collect();
        let stretch = marks.partition_point(|mark| before(mark)).saturating_sub(1);
        let Some((mut progress, offset)) =
            marks.get(stretch).and_then(|mark| Progress::from_mark(mark))
        else {
            return Ok(None);
        };
        let rest = usize::try_from(offset).ok().and_then(|offset| self.steps.get(offset..));
        let mut rest = rest.ok_or_else(|| self.bad(MARKS, "points behind the steps"))?;
        let first = stretch as u64 * self.header.mark_every;
        for index in first..self.header.roots.min(first + self.header.mark_every) {
            let step = self.next(&mut progress, &mut rest)?;
            if there(&progress) {
                return Ok(step.filter(|_| the_one(&progress)).map(|_| {
                    let mut history = History::default();
                    let root = self.root_hashes()[index as usize];
                    history.push(progress.block, root, Some(progress.step()));
                    history
                }));
            }
        }
        Ok(None)
    }

    fn root_hashes(&self) -> &[Hash] {
        cast_slice(&self.roots)
    }

    fn next(
        &self,
        progress: &mut Progress,
        rest: &mut &[u8],
    ) -> Result<Option<Step>, ContainerError> {
        let before = progress.block;
        let at = self.steps.len() - rest.len();
        let step = progress.read(rest);
        step.map_err(|error| self.bad(STEPS, format!("at its byte {at}: {error}"))).and_then(
            |step| {
                let first = at == 0;
                match progress.block > before || first {
                    true => Ok(step),
                    false => {
                        Err(self.bad(STEPS, format!("at its byte {at}: its blocks do not ascend")))
                    }
                }
            },
        )
    }

    /// Reads every byte: checksums, and that the steps are those of the roots and marks.
    ///
    /// # Errors
    /// [`ContainerError`] naming the damaged section and its byte range.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.container.check()?;
        let chains = self.forest.chains().len();
        let mut marks = cast_slice::<u8, [u8; 8]>(&self.marks).chunks_exact(3 + chains);
        let (mut progress, mut rest) = (Progress::start(chains), &*self.steps);
        let mut explained = 0;
        for index in 0..self.header.roots {
            if index.is_multiple_of(self.header.mark_every) {
                let offset = (self.steps.len() - rest.len()) as u64;
                let mark = marks.next().and_then(Progress::from_mark);
                if mark != Some((progress.clone(), offset)) {
                    return Err(self.bad(MARKS, format!("is wrong about root {index}")));
                }
            }
            explained += u64::from(self.next(&mut progress, &mut rest)?.is_some());
        }
        let trees = self.forest.chains().iter().zip(&progress.batches);
        if !rest.is_empty() || trees.into_iter().any(|(tree, count)| *count > tree.batches().len())
        {
            return Err(self.bad(STEPS, "does not end with what the trees have"));
        }
        if explained != self.header.explained {
            return Err(self
                .container
                .bad("header", "counts other explained roots than there are"));
        }
        Ok(())
    }
}

/// The chains and the numbers of their batches.
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
    if rows.is_empty() || rows.len() > MOST_CHAINS || !rest.is_empty() {
        return Err((CHAINS, "has no rows of chains, or more than there can be"));
    }
    let runs = numbers(runs).ok_or((RUNS, "ends within a run"))?;
    let (mut runs, rest) = runs.as_chunks();
    if !rest.is_empty() {
        return Err((RUNS, "ends within a run"));
    }
    let mut all = Vec::with_capacity(rows.len());
    for [chain, batches, count] in rows {
        let split = usize::try_from(*count).ok().and_then(|count| runs.split_at_checked(count));
        let (own, others) = split.ok_or((RUNS, "has fewer runs than the chains"))?;
        runs = others;
        let own = own.iter().map(|[leaf, first]| Run { leaf: *leaf, first: BatchNumber(*first) });
        let numbers = BatchNumbers::in_runs(own.collect(), *batches);
        all.push((ChainId(*chain), numbers.ok_or((RUNS, "has runs that are none"))?));
    }
    if runs.is_empty() { Ok(all) } else { Err((RUNS, "has more runs than the chains")) }
}
