//! Reads the logs among the files, and notes which batches do not fold.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{Problem, SurveyOptions};
use crate::{
    archive::{Archive, ArchiveError},
    files::{InputSequence, ReadProgressHandle, temporary_directory},
    ingest::{
        FileKind, FoundFiles, IndexError,
        logs::{BatchCheck, BatchRoots, Indexer, Verdict},
    },
    message::BatchView,
    primitives::{BatchNumber, ChainId},
    prove::{Error, LogChains, TreeCheck, Trees},
};

/// The logs among the files.
#[derive(Debug, Default)]
pub(super) struct SurveyedLogs {
    /// All batches that are not damaged and do not contradict the trees.
    pub(super) archive: Option<Archive>,
    /// The batches whose logs do not fold to their root in the trees, unless another file has them whole.
    pub(super) not_folding: BTreeSet<(ChainId, BatchNumber)>,
    /// The chains of the files that do not name them.
    pub(super) chains: LogChains,
    /// The files whose chain is not known.
    pub(super) without_chain: Vec<PathBuf>,
    /// The number of batches in each file, where a file has whole batches.
    pub(super) batches: BTreeMap<PathBuf, u64>,
    /// The number of parts that were left out for other reasons than that they do not fold.
    pub(super) left_out: u64,
}

impl SurveyedLogs {
    /// Reads all archives of logs into a temporary file.
    pub(super) fn read(
        found: &FoundFiles,
        trees: Option<&Trees>,
        options: &SurveyOptions,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Error> {
        let mut logs = Self::default();
        let from_l1 = trees.filter(|trees| trees.from_l1().is_some());
        if found.of(FileKind::has_logs).next().is_none() && from_l1.is_none() {
            return Ok(logs);
        }
        let source = &options.source;
        logs.chains = LogChains::find(found, trees.as_slice(), source, options.chain_of_others)?;
        let dir = temporary_directory()?;
        let target = dir.path().join("all.slmsg");
        let check = trees.and_then(Trees::forest).map(TreeCheck::new).transpose()?;
        let recorder = check.map(Recorder::new);
        let incomplete = || recorder.as_ref().map_or(0, |recorder| recorder.count.get());
        let check = recorder.as_ref().map(|recorder| recorder as &dyn BatchCheck);
        let mut indexer = Indexer::create(&target, source.clone(), check)?;
        logs.chains.set_blocks(&mut indexer);
        let of_l1 = found.of_l1();
        from_l1.map_or(Ok(()), |trees| trees.index_l1(&of_l1, &mut indexer))?;
        let mut inputs = InputSequence::default();
        for file in found.of(FileKind::has_logs) {
            let (path, chain) = (&file.path, logs.chains.of(&file.path));
            if file.needs_chain() && chain.is_none() {
                if !file.may_lack_chain(&of_l1) {
                    logs.without_chain.push(path.clone());
                }
                continue;
            }
            logs.chains.mixture(path).into_iter().for_each(|error| indexer.leave_out(error));
            let before = indexer.taken() + incomplete();
            let read = inputs.open(path, &ReadProgressHandle::default()).map_err(IndexError::from);
            match read.and_then(|input| indexer.read_of(chain, input)) {
                Err(error) if error.is_io() => return Err(error.into()),
                Err(error) => {
                    problems.push(Problem { files: vec![path.clone()], error: error.into() });
                }
                Ok(_) => {
                    let batches = indexer.taken() + incomplete() - before;
                    if batches > 0 {
                        logs.batches.insert(path.clone(), batches);
                    }
                }
            }
        }
        let indexed = indexer.finish()?;
        logs.left_out = indexed.faults.count() - indexed.faults.incomplete();
        if indexed.header.batches > 0 {
            logs.archive = Some(Archive::open(&target, source.access)?);
        }
        let not_folding = recorder.map(|recorder| recorder.not_folding.into_inner());
        for (chain, batch) in not_folding.unwrap_or_default() {
            if !logs.has(chain, batch)? {
                logs.not_folding.insert((chain, batch));
            }
        }
        Ok(logs)
    }

    /// Whether the archive has a batch.
    pub(super) fn has(&self, chain: ChainId, batch: BatchNumber) -> Result<bool, ArchiveError> {
        self.archive.as_ref().map_or(Ok(false), |archive| archive.contains(chain, batch))
    }
}

/// Notes the batches that do not fold.
struct Recorder<'f> {
    check: TreeCheck<'f>,
    not_folding: RefCell<BTreeSet<(ChainId, BatchNumber)>>,
    /// The number of verdicts that a batch does not fold; one batch may have several.
    count: Cell<u64>,
}

impl<'f> Recorder<'f> {
    fn new(check: TreeCheck<'f>) -> Self {
        Self { check, not_folding: RefCell::default(), count: Cell::new(0) }
    }
}

impl BatchCheck for Recorder<'_> {
    fn check(&self, batches: &[BatchView<'_>]) -> Vec<Verdict> {
        let verdicts = self.check.check(batches);
        for (batch, verdict) in batches.iter().zip(&verdicts) {
            if matches!(verdict, Verdict::Incomplete(_)) {
                self.not_folding.borrow_mut().insert(batch.key());
                self.count.set(self.count.get() + 1);
            }
        }
        verdicts
    }

    fn batch_roots(&self, chain: ChainId) -> Option<BatchRoots> {
        self.check.batch_roots(chain)
    }
}
