use std::path::Path;

use bytemuck::cast_slice_mut;

use super::{
    CHAINS, HASHES, LEAF_TIMES, LOST, MARKS, ROOT_TIMES, ROOTS, RUNS, STEPS, TreeFileError,
    header::{Header, Header2, Header3, layout_number},
    history_rows::{Progress, mark_every},
    lost_rows,
    spilled_roots::SpilledRoots,
};
use crate::{
    contracts::Layout,
    files::{ContainerWriter, Kind, Output, OutputError, Spool},
    forest::{
        Forest, LostLeaves, RebuildError, RebuildOptions, SearchBudget, StateRoots,
        before_events::BeforeEvents,
        evidence::{EventEvidence, EventGap, Evidence, L1Evidence, L1Gap, StateEvidence},
        explain::explain_evidence,
        explain_further,
        hashes::Hashes,
        rebuild::Plan,
        step::Step,
        trees::ForestShape,
    },
    ingest::{events::EventList, l1::LayerRecord},
    primitives::{Hash, SlBlock},
    state::StorageReader,
};

/// Bytes of steps or marks that are kept in memory while the roots are written.
const IN_MEMORY: usize = 32 << 20;

/// How to determine what the interop roots contain.
#[derive(Clone, Copy, Debug)]
pub struct HistoryOptions<'e> {
    /// Events of MessageRoot, as many as are available.
    pub events: &'e EventList,
    /// The budget of the search for what the events do not show. `None` derives it from the number of
    /// batches.
    pub effort: Option<SearchBudget>,
}

/// Rebuilds the trees of a settlement layer as [`rebuild`](crate::forest::rebuild) does, and writes them to
/// a tree file. With `past` it also determines what the interop roots contain, and then keeps one or two hundred
/// bytes per root in memory. Without `past`, it takes little memory for a state of any size.
///
/// # Errors
/// [`TreeFileError`]. A file at `target` is then unchanged.
pub fn rebuild_to_file<S: StorageReader + ?Sized>(
    state: &S,
    options: &RebuildOptions,
    past: Option<HistoryOptions<'_>>,
    target: &Path,
) -> Result<(), TreeFileError> {
    let evidence = StateEvidence::read(state, options)?;
    let version = if past.is_some_and(|past| !past.events.is_empty()) { 2 } else { 1 };
    let mut spilled = SpilledRoots::beside(target)?;
    let mut file = TreesOfFile::begin(&evidence, version, options, target, |window| match past {
        None => spilled.keep(window).map_err(TreeFileError::from),
        Some(_) => Ok(()),
    })?;
    let mut roots = Roots::new(target, &file.shape);
    match (past, file.shape.latest) {
        (None, None) => {}
        (None, Some(latest)) => {
            if spilled.is_empty() {
                evidence.block_roots(latest.block, |window| {
                    spilled.keep(window).map_err(TreeFileError::from)
                })?;
            }
            spilled.drain(|block, root| roots.put(&mut file.writer, block, root, None))?;
        }
        (Some(past), latest) => {
            let forest = file.forest()?;
            let stored = StateRoots::of(state, options.addresses.message_root, &forest);
            let before = BeforeEvents::of(past.events, &forest).map_err(RebuildError::from)?;
            let forest = forest.compared_after(&before, past.events, &stored)?;
            file.shape.checked_by = forest.checked_by();
            let effort = past.effort;
            let effort = effort.unwrap_or_else(|| SearchBudget::for_batches(forest.batch_count()));
            if latest.is_some() {
                let history = explain_evidence(&evidence, &forest, past.events, &before, effort)?;
                for (block, root, step) in history.rows() {
                    roots.put(&mut file.writer, block, root, step.as_ref())?;
                }
            }
        }
    }
    if let Some(latest) = file.shape.latest {
        roots.lost = evidence.lost_roots(roots.count, latest.block)?;
    }
    file.commit(roots, &evidence)
}

/// As [`rebuild_to_file`], from the events of MessageRoot: see
/// [`rebuild_from_events`](crate::forest::rebuild_from_events). The contents of all interop roots are
/// written. Returns the events that are missing although later roots confirm the trees. Takes at most 80
/// bytes of memory for each event, and little else.
///
/// # Errors
/// [`TreeFileError`]. A file at `target` is then unchanged.
pub fn rebuild_events_to_file(
    events: &EventList,
    past: Option<&Forest>,
    options: &RebuildOptions,
    target: &Path,
) -> Result<Vec<EventGap>, TreeFileError> {
    let evidence = EventEvidence::read(events, options)?;
    let mut file = TreesOfFile::begin(&evidence, 2, options, target, |_| Ok(()))?;
    let forest = file.forest()?;
    evidence.compare_forest(&forest)?;
    past.map_or(Ok(()), |past| forest.continues(past)).map_err(RebuildError::from)?;
    let mut roots = Roots::new(target, &file.shape);
    if file.shape.latest.is_some() {
        for (block, root, step) in evidence.rows() {
            roots.put(&mut file.writer, block, root, step.as_ref())?;
        }
    }
    file.commit(roots, &evidence)?;
    Ok(evidence.gaps().to_vec())
}

/// As [`rebuild_to_file`], from the settlement layer's batches on L1: see
/// [`rebuild_from_l1`](crate::forest::rebuild_from_l1). Without `past`, the contents of the interop roots are
/// written that are the last ones of a batch of the settlement layer; with it, those of all roots that events or
/// the search explain. Returns the batches that are missing. What
/// [`Forest::bridged`] has is not written.
///
/// # Errors
/// [`TreeFileError`]. A file at `target` is then unchanged.
pub fn rebuild_l1_to_file(
    record: &LayerRecord,
    options: &RebuildOptions,
    past: Option<HistoryOptions<'_>>,
    target: &Path,
) -> Result<Vec<L1Gap>, TreeFileError> {
    let evidence = L1Evidence::read(record, None, options)?;
    let mut file = TreesOfFile::begin(&evidence, 2, options, target, |_| Ok(()))?;
    let forest = file.forest()?;
    let mut roots = Roots::new(target, &file.shape);
    if file.shape.latest.is_some() {
        let mut history = evidence.history(&forest)?;
        if let Some(HistoryOptions { events, effort }) = past {
            let effort = effort.unwrap_or_else(|| SearchBudget::for_batches(forest.batch_count()));
            history = explain_further(&forest, history, events, effort)?.into_history();
        }
        for (block, root, step) in history.rows() {
            roots.put(&mut file.writer, block, root, step.as_ref())?;
        }
        roots.lost_leaves = history.lost_leaves;
    }
    file.commit(roots, &evidence)?;
    Ok(evidence.gaps_of_trees())
}

/// A tree file that has its trees, but no interop roots yet.
struct TreesOfFile {
    version: u32,
    writer: ContainerWriter<Output>,
    shape: ForestShape,
}

impl TreesOfFile {
    /// Writes the trees, as version 3 if they have timestamps. `take` receives all interop roots if the search for the newest one reads them all.
    fn begin<V: Evidence>(
        evidence: &V,
        version: u32,
        options: &RebuildOptions,
        target: &Path,
        take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), TreeFileError>,
    ) -> Result<Self, TreeFileError> {
        let version = if evidence.layout() == Layout::V33 { 3 } else { version };
        let plan = Plan { evidence, release: options.release };
        let mut writer = ContainerWriter::create(target, Kind { version, ..Kind::TREE_FILE })?;
        let bytes = plan.hashes() as u64 * size_of::<Hash>() as u64;
        let shape =
            writer.fill(HASHES, bytes, |bytes| plan.build(cast_slice_mut(bytes), take))??;
        write_chains(&mut writer, &shape)?;
        if version == 3 {
            writer.begin(LEAF_TIMES)?;
            writer.put(shape.timestamps.as_flattened())?;
        }
        Ok(Self { version, writer, shape })
    }

    /// The forest over the written hashes.
    fn forest(&mut self) -> Result<Forest, OutputError> {
        let hashes = Hashes::stored(self.writer.written(HASHES)?);
        let hashes = hashes.unwrap_or_else(|| unreachable!("the section has whole hashes"));
        Ok(self.shape.clone().forest(hashes))
    }

    fn commit<V: Evidence>(mut self, roots: Roots, evidence: &V) -> Result<(), TreeFileError> {
        let Roots { count, lost, explained, every, .. } = roots;
        let timestamps = match self.version {
            3 => evidence.root_timestamps(&roots.blocks)?,
            _ => Vec::new(),
        };
        roots.finish(&mut self.writer)?;
        let header = Header {
            layout: layout_number(self.shape.layout),
            block: evidence.block(),
            latest: self.shape.latest.map(Into::into),
            roots: count.saturating_add(lost),
            explained,
            mark_every: every,
        };
        match self.version {
            1 => self.writer.commit(&header)?,
            version => {
                let header = Header2 { header, checked_by: self.shape.checked_by.to_byte() };
                if version == 2 {
                    self.writer.commit(&header)?;
                } else {
                    self.writer.begin(ROOT_TIMES)?;
                    for timestamp in timestamps {
                        self.writer.put(&timestamp.0.to_le_bytes())?;
                    }
                    let latest = self.shape.latest.and_then(|latest| latest.timestamp);
                    self.writer.commit(&Header3 { header, latest })?;
                }
            }
        }
        Ok(())
    }
}

fn write_chains(
    writer: &mut ContainerWriter<Output>,
    shape: &ForestShape,
) -> Result<(), OutputError> {
    writer.begin(CHAINS)?;
    for (chain, batches) in &shape.chains {
        let row = [chain.0, batches.len(), batches.all_runs().len() as u64];
        writer.put(&row.map(u64::to_le_bytes).concat())?;
    }
    writer.begin(RUNS)?;
    for run in shape.chains.iter().flat_map(|(_, batches)| batches.all_runs()) {
        writer.put(&[run.leaf, run.first.0].map(u64::to_le_bytes).concat())?;
    }
    Ok(())
}

/// Writes the interop roots to three sections, of which the first is written directly and the others are spooled, and then
/// what is lost of them.
struct Roots {
    begun: bool,
    progress: Progress,
    count: u64,
    /// How many more roots the contract counts.
    lost: u64,
    /// What missing batches of the settlement layer appended.
    lost_leaves: Vec<LostLeaves>,
    /// The blocks of the roots, if these have timestamps.
    blocks: Vec<SlBlock>,
    explained: u64,
    every: u64,
    has_timestamps: bool,
    steps: Spool,
    /// The length of the steps so far, in bytes.
    offset: u64,
    marks: Spool,
    step: Vec<u8>,
}

impl Roots {
    fn new(target: &Path, shape: &ForestShape) -> Self {
        Self {
            begun: false,
            progress: Progress::start(shape.chains.len()),
            count: 0,
            lost: 0,
            lost_leaves: Vec::new(),
            blocks: Vec::new(),
            explained: 0,
            has_timestamps: shape.layout == Layout::V33,
            every: mark_every(shape.chains.len() as u64),
            steps: Spool::beside(target, IN_MEMORY),
            offset: 0,
            marks: Spool::beside(target, IN_MEMORY),
            step: Vec::new(),
        }
    }

    /// Appends a root. Blocks must ascend.
    fn put(
        &mut self,
        writer: &mut ContainerWriter<Output>,
        block: SlBlock,
        root: Hash,
        step: Option<&Step>,
    ) -> Result<(), OutputError> {
        self.begin(writer)?;
        writer.put(root.as_bytes())?;
        if self.count.is_multiple_of(self.every) {
            self.marks.put(&self.progress.mark(self.offset))?;
        }
        self.step.clear();
        self.progress.write(block, step, &mut self.step);
        self.steps.put(&self.step)?;
        self.offset += self.step.len() as u64;
        self.count += 1;
        if self.has_timestamps {
            self.blocks.push(block);
        }
        self.explained += u64::from(step.is_some());
        Ok(())
    }

    fn begin(&mut self, writer: &mut ContainerWriter<Output>) -> Result<(), OutputError> {
        if !self.begun {
            writer.begin(ROOTS)?;
            self.begun = true;
        }
        Ok(())
    }

    fn finish(mut self, writer: &mut ContainerWriter<Output>) -> Result<(), OutputError> {
        self.begin(writer)?;
        writer.begin(STEPS)?;
        self.steps.drain(|piece| writer.put(piece))?;
        writer.begin(MARKS)?;
        self.marks.drain(|piece| writer.put(piece))?;
        if !self.lost_leaves.is_empty() {
            writer.begin(LOST)?;
            self.lost_leaves.iter().try_for_each(|lost| writer.put(&lost_rows::encode(lost)))?;
        }
        Ok(())
    }
}
