//! Which batches cannot be put together, seen before any of them is: those with damaged parts, those that
//! share blocks, and the neighbours of what stands in no batch that is known.
//!
//! The numbers of a chain's batches ascend with its blocks. What is in an unknown batch is so in that of the
//! block before it, in that of the block behind it, or in one of which nothing else is there.

use std::path::Path;

use bytemuck::{Pod, Zeroable};

use super::{
    BatchBlocks, SourceError, batch_blocks::BlockIn, batch_set::BatchSet, batch_sink::BatchSink,
    sorting::sort,
};
use crate::{
    archive::{Origin, PackedOrigin},
    files::{ExternalSort, SortRecord},
    ingest::IndexError,
    primitives::{BatchNumber, ChainId},
};

/// What a place is about that names too many batches.
const DOUBTFUL: &str = "blocks of batches that cannot be put together";

/// What says in which batch a block is, where its rows do not.
#[derive(Clone, Copy)]
pub(super) struct Known<'b> {
    /// What was given beside the sources, each batch with all of its blocks.
    pub(super) given: &'b BatchBlocks,
    /// What the sources say, of which parts may be missing.
    pub(super) found: &'b BatchBlocks,
}

impl Known<'_> {
    /// The batch of a block of which a row says `stated`.
    pub(super) fn batch_of(&self, block: u64, stated: Option<BatchNumber>) -> BlockIn {
        match (stated, self.found.batch_of(block)) {
            (Some(batch), _) => BlockIn::Batch(batch),
            (None, BlockIn::Unknown) => self.given.batch_of(block),
            (None, found) => found,
        }
    }

    /// Those said besides.
    fn others(&self, block: u64) -> impl Iterator<Item = BatchNumber> {
        [self.found, self.given].into_iter().filter_map(move |blocks| {
            match blocks.batch_of(block) {
                BlockIn::Batch(batch) => Some(batch),
                _ => None,
            }
        })
    }
}

/// A block, and what a row says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct Mark {
    block: u64,
    has_batch: u64,
    batch: u64,
    /// 0: it exists, 1: it has a log, 2: something of it cannot be used.
    weight: u64,
    origin: PackedOrigin,
}

impl SortRecord for Mark {
    type Place = ();

    fn payload_len(&self) -> usize {
        0
    }
}

/// The blocks of all rows, until all are there.
pub(super) struct BatchOrder {
    marks: ExternalSort<Mark>,
    last: Option<(u64, Option<BatchNumber>, u64)>,
}

impl BatchOrder {
    pub(super) fn new(beside: Option<&Path>, in_memory: usize) -> Self {
        Self { marks: sort(beside, in_memory), last: None }
    }

    /// Adds what a row says.
    pub(super) fn add(
        &mut self,
        block: u64,
        batch: Option<BatchNumber>,
        weight: u64,
        origin: Origin,
    ) -> Result<(), IndexError> {
        if self.last == Some((block, batch, weight)) {
            return Ok(());
        }
        self.last = Some((block, batch, weight));
        let mark = Mark {
            block,
            has_batch: u64::from(batch.is_some()),
            batch: batch.unwrap_or_default().0,
            weight,
            origin: origin.into(),
        };
        Ok(self.marks.push(mark, &[])?)
    }

    /// The batches that cannot be put together. Why is noted where it was not before.
    pub(super) fn left_out(
        self,
        chain: ChainId,
        known: Known<'_>,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<BatchSet, IndexError> {
        let mut sorted = self.marks.finish()?;
        let mut walk = Walk::new(chain, known);
        let mut here: Option<(BatchSet, Mark)> = None;

        while let Some((mut mark, _)) = sorted.next()? {
            if mark.weight == 1
                && mark.has_batch == 0
                && known.batch_of(mark.block, None) == BlockIn::Unknown
            {
                // Other rows may say the batch; without this log it is incomplete.
                mark.weight = 2;
            }
            let batches = match &mut here {
                Some((batches, first)) if first.block == mark.block => {
                    if mark.weight > first.weight {
                        *first = Mark { weight: mark.weight, ..mark };
                    }
                    batches
                }
                _ => {
                    if let Some((batches, mark)) = here.take() {
                        walk.block(&batches, mark, intake)?;
                    }
                    let (batches, _) = here.insert((BatchSet::default(), mark));
                    let others = batches.extend(known.others(mark.block));
                    others.map_err(|full| intake.error(mark.origin.into(), DOUBTFUL, full))?;
                    batches
                }
            };
            if mark.has_batch != 0 {
                let added = batches.insert(BatchNumber(mark.batch));
                added.map_err(|full| intake.error(mark.origin.into(), DOUBTFUL, full))?;
            }
        }
        if let Some((batches, mark)) = here {
            walk.block(&batches, mark, intake)?;
        }
        walk.end(intake)?;
        Ok(walk.left_out)
    }
}

/// A walk from block to block.
struct Walk<'b> {
    chain: ChainId,
    known: Known<'b>,
    left_out: BatchSet,
    /// The last two batches, the newer one first, each with the last block seen in it.
    last: [Option<(BatchNumber, u64)>; 2],
    /// Something that is in a batch that is not known, since the last one that is.
    doubt: Option<Mark>,
    /// Whether the number of the last batch was below that of the one before it.
    descended: bool,
}

impl<'b> Walk<'b> {
    fn new(chain: ChainId, known: Known<'b>) -> Self {
        Self {
            chain,
            known,
            left_out: BatchSet::default(),
            last: [None; 2],
            doubt: None,
            descended: false,
        }
    }

    fn block(
        &mut self,
        batches: &BatchSet,
        mark: Mark,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        let block = mark.block;
        let Some((one, other)) = batches.ends() else {
            let unknown = self.known.batch_of(block, None) == BlockIn::Unknown;
            if unknown && mark.weight > 0 {
                self.doubt.get_or_insert(mark);
            }
            return Ok(());
        };
        if mark.weight == 2 || one != other {
            self.leave_out(batches.iter(), mark, intake)?;
        }
        if one != other {
            let error = SourceError::TwoBatches { block, one: Some(one), other: Some(other) };
            return intake.fault(mark.origin.into(), format!("chain {}", self.chain), error);
        }
        self.batch(one, mark, intake)
    }

    fn leave_out(
        &mut self,
        batches: impl IntoIterator<Item = BatchNumber>,
        mark: Mark,
        intake: &BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        let added = self.left_out.extend(batches);
        added.map_err(|full| intake.error(mark.origin.into(), DOUBTFUL, full))
    }

    /// Comes to a block of a batch.
    fn batch(
        &mut self,
        batch: BatchNumber,
        mark: Mark,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        if let Some(doubt) = self.doubt.take() {
            if let Some((last, at)) = self.last[0] {
                self.may_lack(last, at, doubt, intake)?;
            }
            self.may_lack(batch, mark.block, doubt, intake)?;
        }
        match self.last[0] {
            Some((last, _)) if last == batch => self.last[0] = Some((batch, mark.block)),
            last => {
                if std::mem::take(&mut self.descended) {
                    // The one before may hold what belongs to this one.
                    self.leave_out([batch], mark, intake)?;
                }
                if let Some((before, _)) = last.filter(|(last, _)| *last > batch) {
                    self.descended = true;
                    let beside = self.last.map(|beside| beside.map(|(number, _)| number));
                    let beside = beside.into_iter().flatten().chain([batch]);
                    self.leave_out(beside, mark, intake)?;
                    let error = SourceError::BatchOrder { block: mark.block, batch, before };
                    let what = format!(
                        "chain {}, batches {batch}, {before} and those beside them",
                        self.chain
                    );
                    intake.fault(mark.origin.into(), what, error)?;
                }
                self.last = [Some((batch, mark.block)), last];
            }
        }
        Ok(())
    }

    /// Leaves out a batch with a block `at`, unless all of its blocks are known.
    fn may_lack(
        &mut self,
        batch: BatchNumber,
        at: u64,
        doubt: Mark,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        if self.known.given.batch_of(at) == BlockIn::Batch(batch) || self.left_out.contains(batch) {
            return Ok(());
        }
        self.leave_out([batch], doubt, intake)?;
        let what = format!("chain {}, batch {batch}, which is left out", self.chain);
        intake.fault(doubt.origin.into(), what, SourceError::MayLack { block: doubt.block })
    }

    fn end(&mut self, intake: &mut BatchSink<'_, '_>) -> Result<(), IndexError> {
        match (self.doubt.take(), self.last[0]) {
            (Some(doubt), Some((last, at))) => self.may_lack(last, at, doubt, intake),
            _ => Ok(()),
        }
    }
}
