use std::{mem, sync::Arc};

use crate::{
    anchor::{BatchRoots, SettlementCheck},
    archive::{Archive, ArchiveError},
    forest::{ChainTree, Forest, Timeline},
    message::{BatchView, EMPTY_LOG_LEAF, L2ToL1Log, LogTree},
    primitives::{BatchNumber, ChainId, Hash},
};
use crate::{
    proof::{ProofEnd, ProofRecord, ProofView, Target, TargetRecord, verify},
    prove::{
        ExtractError, MatchedBatch, SlBatchTree, TargetError,
        resolved::{Resolved, TreePosition},
    },
};

/// Makes proofs from a forest, against one target.
///
/// ```no_run
/// use std::path::Path;
/// use slproof::{files::Access, forest, ingest, primitives::*, proof::Target, prove::Extractor};
///
/// let dump = ingest::state::read_state(Path::new("gateway.json"), None)?;
/// let forest = forest::rebuild(&dump.state, &forest::RebuildOptions::default())?;
/// let archive = ingest::logs::read_archive(Path::new("logs.slmsg"), Access::Map)?;
///
/// let extractor = Extractor::new(&forest, Target::Latest)?;
/// let record = extractor.batch_of(&archive, ChainId(324), BatchNumber(501_234))?.prove(0)?;
/// println!("{}", serde_json::to_string(&record)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Extractor<'f>(Source<'f>);

#[derive(Clone, Debug)]
enum Source<'f> {
    Forest(&'f Forest, Resolved<'f>),
    State(&'f dyn BatchRoots),
}

impl<'f> Extractor<'f> {
    /// Proofs against a root that the forest alone gives: [`Target::Latest`] or [`Target::BatchRoot`].
    ///
    /// # Errors
    /// [`TargetError`] when the state does not have it, or it takes more.
    pub fn new(forest: &'f Forest, target: Target) -> Result<Self, TargetError> {
        Ok(Self(Source::Forest(forest, Resolved::new(forest, target)?)))
    }

    /// Proofs against any root by block.
    ///
    /// # Errors
    /// [`TargetError`] when the block has no root, or an unexplained one, or the target is a batch of
    /// the settlement layer ([`Extractor::to_sl_batch`]).
    pub fn in_history(
        forest: &'f Forest,
        timeline: &'f Timeline,
        target: Target,
    ) -> Result<Self, TargetError> {
        Ok(Self(Source::Forest(forest, Resolved::in_history(forest, timeline, target)?)))
    }

    /// Proofs against the root of a batch of the settlement layer, as L1 verifies them. Where L1's state
    /// is given, batches are refused that L1 does not accept through that batch of the layer.
    #[must_use]
    pub fn to_sl_batch(
        forest: &'f Forest,
        timeline: &'f Timeline,
        batch: Arc<SlBatchTree>,
        l1: Option<&'f dyn SettlementCheck>,
    ) -> Self {
        Self(Source::Forest(forest, Resolved::SlBatch(timeline, batch, l1)))
    }

    /// Proofs against the batch roots that a state stores, on whatever layer the chains settle: nothing
    /// is rebuilt. Batches from before v26 are proven by their plain log path.
    #[must_use]
    pub fn to_batch_roots(state: &'f dyn BatchRoots) -> Self {
        Self(Source::State(state))
    }

    /// The logs of a batch that is to be proven.
    ///
    /// # Errors
    /// [`ExtractError`] naming the hop that is missing: where the archive does not have the batch, the
    /// settlement layer may not have executed it either.
    pub fn logs_of<'a>(
        &self,
        archive: &'a Archive,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<BatchView<'a>, ExtractError> {
        let damaged = |error: ArchiveError| ExtractError::ArchiveDamaged {
            chain,
            batch,
            reason: error.to_string(),
        };
        if let Some(logs) = archive.batch(chain, batch).map_err(damaged)? {
            return Ok(logs);
        }
        if let Source::Forest(forest, _) = self.0 {
            find(forest, chain, batch)?;
        }
        Err(ExtractError::BatchNotArchived { chain, batch })
    }

    /// Prepares the proofs of a batch whose logs are in `archive`; see [`Extractor::batch`].
    ///
    /// # Errors
    /// [`ExtractError`] naming the hop that is missing.
    pub fn batch_of<'a>(
        &self,
        archive: &'a Archive,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<BatchProofs<'a>, ExtractError> {
        self.batch(self.logs_of(archive, chain, batch)?)
    }

    /// Prepares the proofs of one batch: proves its logs against the batch root in the state, and
    /// finds the part of the proof that all its logs share.
    ///
    /// # Errors
    /// [`ExtractError`] naming the hop that is missing.
    pub fn batch<'a>(
        &self,
        logs: impl Into<BatchView<'a>>,
    ) -> Result<BatchProofs<'a>, ExtractError> {
        let mut prepared = prepare(&[(self, logs.into())]);
        prepared.pop().unwrap_or_else(|| unreachable!("one for each batch"))
    }

    /// Prepares the proofs of many batches as [`Extractor::batch`] does those of one; see [`prepare`].
    #[must_use]
    pub fn batches<'a>(
        &self,
        batches: &[BatchView<'a>],
    ) -> Vec<Result<BatchProofs<'a>, ExtractError>> {
        let wanted: Vec<_> = batches.iter().map(|logs| (self, *logs)).collect();
        prepare(&wanted)
    }
}

/// Prepares the proofs of many batches, each against the target of its own extractor, as
/// [`Extractor::batch`] does those of one. The trees of their logs are hashed side by side, which is
/// several times faster where batches have few logs, and so are the edges of the chain trees as they
/// were at the targets. The logs of a batch that is wanted several times are hashed once.
#[must_use]
pub fn prepare<'a>(
    wanted: &[(&Extractor<'_>, BatchView<'a>)],
) -> Vec<Result<BatchProofs<'a>, ExtractError>> {
    // The same batch may come with other logs, so that only the same memory counts as the same.
    let mut distinct: Vec<BatchView<'a>> = wanted.iter().map(|(_, logs)| *logs).collect();
    let identity = |logs: &BatchView<'a>| (logs.key(), logs.logs().as_ptr());
    distinct.sort_unstable_by_key(identity);
    distinct.dedup_by_key(|logs| identity(logs));
    let trees: Vec<Arc<LogTree>> = BatchView::trees(&distinct).into_iter().map(Arc::new).collect();
    // By chain and batch, since neighbours in a tree share what has to be fetched from memory.
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_unstable_by_key(|i| wanted[*i].1.key());
    let mut settled: Vec<_> = order
        .into_iter()
        .map(|i| {
            let (extractor, logs) = wanted[i];
            let same = identity(&logs);
            let place = distinct.partition_point(|other| identity(other) < same);
            (i, extractor.match_root(logs, Arc::clone(&trees[place])))
        })
        .collect();
    settled.sort_unstable_by_key(|(i, _)| *i);
    let settled: Vec<_> = settled.into_iter().map(|(_, settled)| settled).collect();

    let places = settled.iter().map(|settled| settled.as_ref().ok()?.place.as_ref());
    let mut batch_paths = batch_paths(&places.collect::<Vec<_>>());
    settled
        .into_iter()
        .enumerate()
        .map(|(i, settled)| {
            let Settled { batch, place, plain, target } = settled?;
            let end = match place {
                Some(place) => place.end(mem::take(&mut batch_paths[i])),
                None if plain => ProofEnd::Plain,
                None => ProofEnd::BatchRoot,
            };
            let metadata = end.metadata(batch.path_len());
            Ok(BatchProofs { settled: batch, metadata, tail: end.words(), target })
        })
        .collect()
}

/// The siblings in the chain trees for each place, hashed side by side; none where there is no place.
fn batch_paths(places: &[Option<&TreePosition<'_>>]) -> Vec<Vec<Hash>> {
    let mut paths = vec![Vec::new(); places.len()];
    let mut by_tree: Vec<(usize, &TreePosition<'_>)> =
        places.iter().enumerate().filter_map(|(i, place)| Some((i, (*place)?))).collect();
    by_tree.sort_by_key(|(_, place)| place.tree.index());
    for same in by_tree.chunk_by(|(_, a), (_, b)| a.tree.index() == b.tree.index()) {
        let leaves: Vec<_> = same.iter().map(|(_, place)| (place.leaf, place.leaves)).collect();
        let found = same[0].1.tree.tree().prefix_paths(&leaves);
        let found = found.unwrap_or_else(|_| unreachable!("a place is a leaf of its tree"));
        for ((i, _), path) in same.iter().zip(found) {
            paths[*i] = path;
        }
    }
    paths
}

/// A batch whose logs are proven, and where its proofs go on.
struct Settled<'f, 'a> {
    batch: MatchedBatch<'a>,
    /// The place in the settlement layer's trees, where proofs go so far.
    place: Option<TreePosition<'f>>,
    plain: bool,
    target: TargetRecord,
}

impl<'f> Extractor<'f> {
    fn match_root<'a>(
        &self,
        logs: BatchView<'a>,
        log_tree: Arc<LogTree>,
    ) -> Result<Settled<'f, 'a>, ExtractError> {
        let (chain, batch) = (logs.chain(), logs.batch());
        match &self.0 {
            Source::Forest(forest, target) => {
                let (tree, leaf, batch_root) = find(forest, chain, batch)?;
                let settled = MatchedBatch::match_root(logs, log_tree, batch_root);
                // The trees of a mapped file may be damaged, which is no fault of the logs.
                let settled = settled.map_err(|error| match tree.tree().path_is_valid(leaf) {
                    true => ExtractError::LogsDoNotFold(error),
                    false => ExtractError::TreeDamaged { chain, batch },
                });
                let batch = settled?;
                let (place, target) = target.place(forest, tree, leaf)?;
                Ok(Settled { batch, place, plain: false, target })
            }
            Source::State(state) => {
                let root = state.batch_root(chain, batch)?;
                let root = root.ok_or(ExtractError::NoBatchRoot { chain, batch })?;
                let batch = MatchedBatch::match_root(logs, log_tree, root)?;
                let plain = batch.is_plain();
                Ok(Settled { batch, place: None, plain, target: TargetRecord::batch_root(root) })
            }
        }
    }
}

/// The tree, leaf index and root of a batch.
fn find(
    forest: &Forest,
    chain: ChainId,
    batch: BatchNumber,
) -> Result<(&ChainTree, u64, Hash), ExtractError> {
    let tree = forest.chain(chain).ok_or(ExtractError::UnknownChain(chain))?;
    let (leaf_index, batch_root) = tree.find(batch).ok_or_else(|| {
        let batches = tree.batches();
        let executed = batches.first().zip(batches.last());
        let (before, after) = batches.around(batch);
        let between = before.zip(after);
        ExtractError::BatchNotInTree { chain, batch, executed, between }
    })?;
    Ok((tree, leaf_index, batch_root))
}

/// The proofs of one batch: the part they share, and the tree of its logs.
#[derive(Clone, Debug)]
pub struct BatchProofs<'a> {
    pub(super) settled: MatchedBatch<'a>,
    /// What stands before every log path; nothing before v26.
    pub(super) metadata: Option<Hash>,
    /// What stands behind every log path.
    pub(super) tail: Vec<Hash>,
    pub(super) target: TargetRecord,
}

impl<'a> BatchProofs<'a> {
    /// The batch, with its proven aggregated root.
    #[must_use]
    pub fn settled(&self) -> &MatchedBatch<'a> {
        &self.settled
    }

    /// The proof of one log, accepted by the verifier.
    ///
    /// # Errors
    /// [`ExtractError`] when there is no such log, or it is the padding of log trees.
    pub fn prove(&self, index: u64) -> Result<ProofRecord, ExtractError> {
        let (log, message) = self.log(index)?;
        self.record(index, log, message)
    }

    /// The proofs of all logs in order.
    pub fn prove_all(&self) -> impl Iterator<Item = Result<ProofRecord, ExtractError>> {
        let logs = (0..).zip(self.settled.logs().with_messages());
        logs.map(|(index, (log, message))| self.record(index, log, message))
    }

    /// A log and its message.
    pub(super) fn log(
        &self,
        index: u64,
    ) -> Result<(&'a L2ToL1Log, Option<&'a [u8]>), ExtractError> {
        let logs = self.settled.logs();
        let found = usize::try_from(index).ok().and_then(|i| logs.with_messages().nth(i));
        found.ok_or_else(|| self.no_such_log(index))
    }

    fn no_such_log(&self, index: u64) -> ExtractError {
        let logs = self.settled.logs();
        let (chain, batch) = (logs.chain(), logs.batch());
        ExtractError::NoSuchLog { chain, batch, index, logs: logs.logs().len() as u64 }
    }

    /// Appends the words of a log's own part of its proof, if the log can be proven and its message is
    /// the one that it stands for.
    pub(super) fn head(
        &self,
        index: u64,
        log: &L2ToL1Log,
        message: Option<&[u8]>,
        words: &mut Vec<Hash>,
    ) -> Result<(), ExtractError> {
        let (chain, batch) = self.settled.logs().key();
        if self.settled.tree.leaf(index) == EMPTY_LOG_LEAF {
            return Err(ExtractError::DefaultLeaf { chain, batch, index });
        }
        if let Some(Err(error)) = message.map(|message| verify::message(log, message)) {
            // The bytes of an archive file are read here for the first time.
            let reason = format!("log {index}: {error}");
            return Err(ExtractError::ArchiveDamaged { chain, batch, reason });
        }
        let path = self.settled.path(index).map_err(|_| self.no_such_log(index))?;
        words.extend(self.metadata);
        words.extend(path);
        Ok(())
    }

    fn record(
        &self,
        index: u64,
        log: &L2ToL1Log,
        message: Option<&[u8]>,
    ) -> Result<ProofRecord, ExtractError> {
        // What lies in a mapped file may change: the copies are judged, and given away.
        let log = *log;
        let mut head = Vec::with_capacity(1 + self.settled.path_len());
        self.head(index, &log, message, &mut head)?;
        let record = self.view(index, &log, message, &head).to_record();
        self.verify(&record, &log)?;
        Ok(record)
    }

    pub(super) fn view<'b>(
        &'b self,
        id: u64,
        log: &'b L2ToL1Log,
        message: Option<&'b [u8]>,
        head: &'b [Hash],
    ) -> ProofView<'b> {
        let (chain, batch) = self.settled.logs().key();
        ProofView {
            chain,
            batch,
            id,
            root: self.settled.batch_root(),
            head,
            tail: &self.tail,
            target: &self.target,
            log,
            message,
        }
    }

    /// Lets the verifier judge a record as it will be read: words, roots, target and message.
    pub(super) fn verify(&self, record: &ProofRecord, log: &L2ToL1Log) -> Result<(), ExtractError> {
        let (chain, batch, index) = (record.chain_id, record.batch_number, record.id);
        let verdict = record.verify(log, |_| Some(self.target.root));
        verdict.map_err(|source| ExtractError::Refused { chain, batch, index, source })?;
        Ok(())
    }
}
