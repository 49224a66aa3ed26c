//! The logs that a job selects, in the order of the output.

use std::{iter, path::PathBuf, sync::Arc};

use super::{
    Batches, Shard,
    found::{Within, log_of_transaction, no_transaction, only_batch, without_hash},
    request_lines::RequestLines,
    requests::Requests,
    source::Source,
    step::{ProofTask, Steps, WorkItem},
};
use crate::{
    archive::{Archive, LogAt},
    forest::Forest,
    message::{BatchView, L2ToL1Log, LogKind},
    primitives::{Address, BatchNumber, ChainId, Hash},
    proof::FailureCode,
    prove::{Error, Extractor, HashOf, LogFilter, VerifiedProofs},
};

/// Selects the logs that a job proves.
///
/// ```
/// use slproof::{Selection, primitives::ChainId};
///
/// let everything = Selection::all();
/// let some = Selection::all().of_batches(ChainId(324), "501234..501300".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Selection {
    pub(super) which: Which,
    pub(super) filter: Filter,
}

/// The kinds of selections.
#[derive(Clone, Debug)]
pub(super) enum Which {
    All,
    Log { chain: ChainId, batch: BatchNumber, index: u64 },
    Message(Hash),
    Transaction { hash: Hash, log: Option<u64> },
    Hash(Hash),
    Requests(RequestLines),
}

/// What an error says of the restrictions.
const LIMITS: &str = " within the given limits";

/// The restrictions of a selection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    pub(super) chain: Option<ChainId>,
    pub(super) batches: Option<Batches>,
    pub(super) sender: Option<Address>,
    pub(super) kind: Option<LogKind>,
}

impl Selection {
    fn new(which: Which) -> Self {
        Self { which, filter: Filter::default() }
    }

    /// Selects every log of the archive except the padding.
    #[must_use]
    pub fn all() -> Self {
        Self::new(Which::All)
    }

    /// Selects one log by its position.
    #[must_use]
    pub fn log(chain: ChainId, batch: BatchNumber, index: u64) -> Self {
        Self::new(Which::Log { chain, batch, index }).of_batches(chain, batch.into())
    }

    /// Selects every message with this hash, which `sendToL1` returned.
    #[must_use]
    pub fn message(hash: Hash) -> Self {
        Self::new(Which::Message(hash))
    }

    /// Selects the logs of a transaction, or the one at this position among them, from 0.
    #[must_use]
    pub fn transaction(hash: Hash, log: Option<u64>) -> Self {
        Self::new(Which::Transaction { hash, log })
    }

    /// Selects every message with this hash, and every log of the transaction with this hash.
    #[must_use]
    pub fn hash(hash: Hash) -> Self {
        Self::new(Which::Hash(hash))
    }

    /// Selects the logs that the lines of a file request, in their order (`-` for standard input). A line may
    /// name its own target. No restriction applies to this selection.
    #[must_use]
    pub fn requests(path: impl Into<PathBuf>) -> Self {
        Self::new(Which::Requests(RequestLines::File(path.into())))
    }

    /// Selects what the lines of a text request, as [`Selection::requests`] does.
    #[must_use]
    pub fn request_lines(text: impl Into<Arc<[u8]>>) -> Self {
        Self::new(Which::Requests(RequestLines::Text(text.into())))
    }

    /// Restricts the selection to logs of this chain.
    #[must_use]
    pub fn of_chain(mut self, chain: ChainId) -> Self {
        self.filter.chain = Some(chain);
        self
    }

    /// Restricts the selection to logs of these batches of a chain.
    #[must_use]
    pub fn of_batches(mut self, chain: ChainId, batches: Batches) -> Self {
        (self.filter.chain, self.filter.batches) = (Some(chain), Some(batches));
        self
    }

    /// Restricts the selection to messages that this address sent.
    #[must_use]
    pub fn from_sender(mut self, sender: Address) -> Self {
        self.filter.sender = Some(sender);
        self
    }

    /// Restricts the selection to logs of this kind.
    #[must_use]
    pub fn of_kind(mut self, kind: LogKind) -> Self {
        self.filter.kind = Some(kind);
        self
    }

    /// The lines of requests, if the selection is by them.
    pub(super) fn lines(&self) -> Option<&RequestLines> {
        match &self.which {
            Which::Requests(lines) => Some(lines),
            _ => None,
        }
    }

    /// Whether the selection is one log by its position, so that the output is one record. This does not
    /// depend on the archive: the same selection has the same format for every input.
    pub(super) fn is_one_log(&self) -> bool {
        matches!(self.which, Which::Log { .. } | Which::Transaction { log: Some(_), .. })
    }

    /// Whether few logs are proven against one target, so that a single root of the history is enough. With
    /// many proofs the whole history is needed: it names the first root that contains a batch from after the
    /// target.
    pub(super) fn needs_one_root(&self) -> bool {
        !matches!(self.which, Which::All | Which::Requests(_))
    }

    /// The batch of the selected logs, if they are known to be of one.
    pub(super) fn batch(&self, archive: &Archive) -> Option<(ChainId, BatchNumber)> {
        let is_within =
            |at: &Result<LogAt<'_>, _>| at.as_ref().map_or(true, |at| self.filter.has(at));
        match self.which {
            Which::Log { chain, batch, .. } => Some((chain, batch)),
            Which::Message(hash) => only_batch(archive.find_message(hash).filter(is_within)),
            Which::Transaction { hash, .. } => {
                only_batch(archive.find_transaction(hash).filter(is_within))
            }
            Which::Hash(hash) => {
                let found = archive.find_message(hash).chain(archive.find_transaction(hash));
                only_batch(found.filter(is_within))
            }
            Which::All | Which::Requests(_) => None,
        }
    }
}

impl Filter {
    fn has_batch(self, (chain, batch): (ChainId, BatchNumber)) -> bool {
        self.chain.is_none_or(|only| only == chain)
            && self.batches.is_none_or(|only| (only.first..=only.last).contains(&batch))
    }

    fn has(self, log: &LogAt<'_>) -> bool {
        let has_log = |found: &L2ToL1Log| self.logs_of_batch().has(log.index, found);
        self.has_batch(log.batch.key())
            && log.batch.logs().get(log.index as usize).is_none_or(has_log)
    }

    /// The logs of a batch that it selects.
    fn logs_of_batch(self) -> LogFilter {
        match (self.sender, self.kind) {
            (None, None) => LogFilter::All,
            (sender, kind) => LogFilter::Matching { sender, kind },
        }
    }

    /// The batches within the filter. A range of batches always has a chain.
    fn range(self) -> Within {
        let Batches { first, last } = self.batches.unwrap_or(Batches::ALL);
        (self.chain.unwrap_or(ChainId(0)), first)..=(self.chain.unwrap_or(ChainId(u64::MAX)), last)
    }

    /// Estimates the number of logs to process in one shard.
    pub(super) fn logs(self, archive: &Archive, shard: Option<Shard>) -> Result<u64, Error> {
        Ok(archive.logs_in(self.range())? / shard.map_or(1, |shard| shard.of))
    }
}

impl Selection {
    /// Returns the steps of a selection. `extractor` creates the extractor for the job's target.
    pub(super) fn select<'a>(
        &'a self,
        source: Source<'a>,
        extractor: impl FnOnce() -> Result<Extractor<'a>, Error>,
    ) -> Result<Box<Steps<'a>>, Error> {
        if let Which::Requests(lines) = &self.which {
            return Ok(Box::new(Requests::open(lines, source)?));
        }
        let Source { archive, shard, .. } = source;
        let extractor = Arc::new(extractor()?);
        match self.which {
            Which::All | Which::Requests(_) => all(archive, extractor, self.filter, shard),
            Which::Log { chain, batch, index } => log(archive, extractor, (chain, batch, index)),
            Which::Message(hash) => message(archive, extractor, hash, self.filter),
            Which::Transaction { hash, log } => {
                transaction(archive, extractor, (hash, log), self.filter)
            }
            Which::Hash(hash) => by_hash(archive, extractor, hash, self.filter),
        }
    }
}

/// Selects every log that the filter matches.
fn all<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    within: Filter,
    shard: Option<Shard>,
) -> Result<Box<Steps<'a>>, Error> {
    let range = within.range();
    let shard = shard.unwrap_or(Shard { number: 1, of: 1 });
    if archive.batches_in(range.clone()).next().is_none() {
        let chain = within.chain.map_or(String::new(), |chain| format!(" of chain {chain}"));
        let batches = within.batches.map_or(String::new(), |batches| format!(", {batches}"));
        return Err(nothing(format!("the archive has no logs{chain}{batches}")));
    }
    let batches = archive.share(range, shard.number - 1, shard.of);
    let which = within.logs_of_batch();
    // Batches without a matching log are not requested.
    let batches = batches.filter(move |logs| {
        let matches = |logs: &BatchView<'_>| {
            which == LogFilter::All || (0..).zip(logs.logs()).any(|(at, log)| which.has(at, log))
        };
        logs.as_ref().map_or(true, matches)
    });
    let mut batches = batches.peekable();
    if which != LogFilter::All && shard.of == 1 && batches.peek().is_none() {
        let logs = match (within.sender, within.kind) {
            (Some(sender), None | Some(LogKind::Message)) => format!("message of {sender}"),
            _ => "log of that kind".into(),
        };
        return Err(nothing(format!("the archive has no {logs} there")));
    }
    Ok(Box::new(batches.map(move |logs| {
        let extractor = Arc::clone(&extractor);
        Ok(WorkItem::Prove(ProofTask {
            logs: logs?,
            which,
            extractor,
            asked: None,
            is_one_of_many: true,
            proven: None,
        }))
    })))
}

fn nothing(what: String) -> Error {
    Error::NothingFound { code: FailureCode::NothingFound, what }
}

/// Selects one log by its position. It is proven here already, so that a failure is an error of the job.
fn log<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    (chain, batch, index): (ChainId, BatchNumber, u64),
) -> Result<Box<Steps<'a>>, Error> {
    let logs = extractor.logs_of(archive, chain, batch)?;
    let proven = only(&extractor, LogAt { batch: logs, index })?;
    Ok(Box::new(iter::once(Ok(WorkItem::Prove(ProofTask {
        logs,
        which: LogFilter::Log(index),
        extractor,
        asked: None,
        is_one_of_many: false,
        proven: Some(proven),
    })))))
}

/// Proves the only selected log. If it cannot be proven, this is an error of the job.
fn only<'a>(
    extractor: &Extractor<'_>,
    LogAt { batch, index }: LogAt<'a>,
) -> Result<Arc<VerifiedProofs<'a>>, Error> {
    let batch = extractor.batch(batch)?;
    let proven = VerifiedProofs::new([(&batch, LogFilter::Log(index))]);
    if let Some((_, Err(error))) = proven.of(0).next() {
        return Err(error.clone().into());
    }
    Ok(Arc::new(proven))
}

/// Selects every log of a message with this hash.
fn message<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    hash: Hash,
    within: Filter,
) -> Result<Box<Steps<'a>>, Error> {
    let found = archive.find_message(hash).map(|at| Ok(at?));
    from_matches(found, extractor, (within, false), || {
        match archive.find_transaction(hash).next() {
            Some(_) => Error::OtherHash { hash, asked: HashOf::Message },
            None => Error::NothingFound {
                code: FailureCode::MessageNotFound,
                what: format!(
                    "no message in the archive, within the given limits, has the hash {hash}"
                ),
            },
        }
    })
}

/// Selects every message with a hash, and every log of a transaction with it.
fn by_hash<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    hash: Hash,
    within: Filter,
) -> Result<Box<Steps<'a>>, Error> {
    let found = archive.find_message(hash).chain(archive.find_transaction(hash));
    from_matches(found.map(|at| Ok(at?)), extractor, (within, true), || {
        match without_hash(archive, &within.range()) {
            Ok(note) => nothing(format!(
                "the archive has no message and no transaction with the hash {hash}{LIMITS}{note}"
            )),
            Err(error) => error.into(),
        }
    })
}

/// Selects the logs of a transaction, or one of them. The chain and the batches restrict first: positions count the logs
/// of the transaction in one batch, before other restrictions apply.
fn transaction<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    (hash, log): (Hash, Option<u64>),
    within: Filter,
) -> Result<Box<Steps<'a>>, Error> {
    let Some(log) = log else {
        let found = archive.find_transaction(hash).map(|at| Ok(at?));
        return from_matches(found, extractor, (within, true), || {
            let is_there =
                |at: Result<LogAt<'_>, _>| at.is_ok_and(|at| within.has_batch(at.batch.key()));
            match archive.find_transaction(hash).any(is_there) {
                true => nothing(format!(
                    "no log of the transaction {hash} in the archive is of that sender and kind"
                )),
                false => no_transaction(archive, hash, &within.range(), LIMITS),
            }
        });
    };
    let found = log_of_transaction(archive, (hash, log), &within.range(), LIMITS)?;
    from_matches(iter::once(Ok(found)), extractor, (within, false), || {
        nothing(format!("log {log} of the transaction {hash} is not of that sender and kind"))
    })
}

fn from_matches<'a>(
    found: impl Iterator<Item = Result<LogAt<'a>, Error>> + 'a,
    extractor: Arc<Extractor<'a>>,
    (within, is_one_of_many): (Filter, bool),
    nothing: impl FnOnce() -> Error,
) -> Result<Box<Steps<'a>>, Error> {
    let mut found = found.filter(move |at| at.as_ref().map_or(true, |at| within.has(at)));
    let first = found.next().ok_or_else(nothing)?;
    let mut rest = found.peekable();
    let mut proven = None;
    if rest.peek().is_none()
        && let Ok(first) = &first
    {
        proven = Some(only(&extractor, *first)?);
    }
    let steps = iter::once(first).chain(rest).map(move |at| {
        let LogAt { batch: logs, index } = at?;
        Ok(WorkItem::Prove(ProofTask {
            logs,
            which: LogFilter::Log(index),
            extractor: Arc::clone(&extractor),
            asked: None,
            is_one_of_many,
            proven: proven.take(),
        }))
    });
    Ok(Box::new(steps))
}

/// Counts the selected batches that the settlement layer executed and the archive lacks.
pub(super) fn unarchived(
    forest: &Forest,
    archive: &Archive,
    within: Filter,
) -> Result<usize, Error> {
    let executed = forest
        .chains()
        .iter()
        .flat_map(|tree| tree.batches().iter().map(|batch| (tree.chain(), batch)));
    let mut count = 0;
    for (chain, batch) in executed.filter(|key| within.has_batch(*key)) {
        count += usize::from(!archive.contains(chain, batch)?);
    }
    Ok(count)
}
