//! Which logs a job selects, in the order of the output.

use std::{
    iter,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Batches, Shard,
    pipeline::{ProofTask, Steps, WorkItem},
    requests::Requests,
};
use crate::{
    archive::{Archive, LogAt},
    forest::Forest,
    message::BatchView,
    primitives::{Address, BatchNumber, ChainId, Hash},
    proof::{FailureCode, Hints, Target},
    prove::{Error, Extractor, HashOf, LogFilter, Trees},
};

/// What a job proves.
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

/// Which logs are selected.
#[derive(Clone, Debug)]
pub(super) enum Which {
    All,
    Log { chain: ChainId, batch: BatchNumber, index: u64 },
    Message(Hash),
    Transaction { hash: Hash, log: Option<u64> },
    Hash(Hash),
    Requests(PathBuf),
}

/// To what a selection is narrowed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    pub(super) chain: Option<ChainId>,
    pub(super) batches: Option<Batches>,
    pub(super) sender: Option<Address>,
}

impl Selection {
    fn new(which: Which) -> Self {
        Self { which, filter: Filter::default() }
    }

    /// Every log of the archive but the padding.
    #[must_use]
    pub fn all() -> Self {
        Self::new(Which::All)
    }

    /// One log by its place.
    #[must_use]
    pub fn log(chain: ChainId, batch: BatchNumber, index: u64) -> Self {
        Self::new(Which::Log { chain, batch, index }).of_batches(chain, batch.into())
    }

    /// Every message with this hash, which `sendToL1` returned.
    #[must_use]
    pub fn message(hash: Hash) -> Self {
        Self::new(Which::Message(hash))
    }

    /// The logs of a transaction, or the one with this place among them, from 0.
    #[must_use]
    pub fn transaction(hash: Hash, log: Option<u64>) -> Self {
        Self::new(Which::Transaction { hash, log })
    }

    /// Every message with this hash, and every log of the transaction with it.
    #[must_use]
    pub fn hash(hash: Hash) -> Self {
        Self::new(Which::Hash(hash))
    }

    /// What the lines of a file ask for, in their order (`-` for standard input). A line may name a target
    /// of its own. Nothing narrows this selection.
    #[must_use]
    pub fn requests(path: impl Into<PathBuf>) -> Self {
        Self::new(Which::Requests(path.into()))
    }

    /// Only logs of this chain.
    #[must_use]
    pub fn of_chain(mut self, chain: ChainId) -> Self {
        self.filter.chain = Some(chain);
        self
    }

    /// Only logs of these batches of a chain.
    #[must_use]
    pub fn of_batches(mut self, chain: ChainId, batches: Batches) -> Self {
        (self.filter.chain, self.filter.batches) = (Some(chain), Some(batches));
        self
    }

    /// Only messages that this address sent.
    #[must_use]
    pub fn from_sender(mut self, sender: Address) -> Self {
        self.filter.sender = Some(sender);
        self
    }

    /// The file of requests, where the selection is one.
    pub(super) fn requests_file(&self) -> Option<&Path> {
        match &self.which {
            Which::Requests(path) => Some(path),
            _ => None,
        }
    }

    /// Whether one log is selected by its place, so that the output is one record. What the archive has does
    /// not matter: the same selection gives the same format for every input.
    pub(super) fn is_one_log(&self) -> bool {
        matches!(self.which, Which::Log { .. } | Which::Transaction { log: Some(_), .. })
    }

    /// Whether proofs are made against one target for a few logs, so that one root is all that is needed of
    /// the history. With many proofs, those of batches after the root say which root would have had them.
    pub(super) fn needs_one_root(&self) -> bool {
        !matches!(self.which, Which::All | Which::Requests(_))
    }

    /// The batch of the one log that is selected, where it is.
    pub(super) fn batch(&self) -> Option<(ChainId, BatchNumber)> {
        match self.which {
            Which::Log { chain, batch, .. } => Some((chain, batch)),
            _ => None,
        }
    }
}

impl Filter {
    fn has_batch(self, (chain, batch): (ChainId, BatchNumber)) -> bool {
        self.chain.is_none_or(|only| only == chain)
            && self.batches.is_none_or(|only| (only.first..=only.last).contains(&batch))
    }

    fn has(self, log: &LogAt<'_>) -> bool {
        let sender = || log.batch.logs().get(log.index as usize)?.message_sender();
        self.has_batch(log.batch.key()) && self.sender.is_none_or(|only| sender() == Some(only))
    }

    /// About how many logs there are to look at, for one of so many shards.
    pub(super) fn logs(self, archive: &Archive, shard: Option<Shard>) -> u64 {
        let [first, last] = self.ends();
        archive.logs_in(first..=last) / shard.map_or(1, |shard| shard.of)
    }

    /// The first and the last batch of an archive that are looked at; batches are never given without their
    /// chain.
    fn ends(self) -> [(ChainId, BatchNumber); 2] {
        let Batches { first, last } = self.batches.unwrap_or(Batches::ALL);
        [(self.chain.unwrap_or(ChainId(0)), first), (self.chain.unwrap_or(ChainId(u64::MAX)), last)]
    }
}

/// What a job's steps are made of.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) archive: &'a Archive,
    pub(super) trees: &'a Trees,
    pub(super) target: Target,
    pub(super) shard: Option<Shard>,
    pub(super) hints: Hints,
}

impl Selection {
    /// What is selected. `extractor` makes the extractor against the target of the job.
    pub(super) fn select<'a>(
        &'a self,
        source: Source<'a>,
        extractor: impl FnOnce() -> Result<Extractor<'a>, Error>,
    ) -> Result<Box<Steps<'a>>, Error> {
        let Source { archive, trees, target, shard, hints } = source;
        if let Which::Requests(path) = &self.which {
            return Ok(Box::new(Requests::open(path, archive, trees, target, hints)?));
        }
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

/// Every log, or every message of a sender.
fn all<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    within: Filter,
    shard: Option<Shard>,
) -> Result<Box<Steps<'a>>, Error> {
    let [first, last] = within.ends();
    let shard = shard.unwrap_or(Shard { number: 1, of: 1 });
    if archive.batches_in(first..=last).next().is_none() {
        let chain = within.chain.map_or(String::new(), |chain| format!(" of chain {chain}"));
        let batches = within.batches.map_or(String::new(), |batches| format!(", {batches}"));
        return Err(nothing(format!("the archive has no logs{chain}{batches}")));
    }
    let batches = archive.share(first..=last, shard.number - 1, shard.of);
    let which = within.sender.map_or(LogFilter::All, LogFilter::From);
    // Batches without a message of the sender are no part of what is asked for.
    let batches = batches.filter(move |logs| {
        let sent = |logs: &BatchView<'_>| {
            within.sender.is_none_or(|sender| {
                logs.logs().iter().any(|log| log.message_sender() == Some(sender))
            })
        };
        logs.as_ref().map_or(true, sent)
    });
    let mut batches = batches.peekable();
    if let Some(sender) = within.sender.filter(|_| shard.of == 1 && batches.peek().is_none()) {
        return Err(nothing(format!("the archive has no message of {sender} there")));
    }
    Ok(Box::new(batches.map(move |logs| {
        let extractor = Arc::clone(&extractor);
        Ok(WorkItem::Prove(ProofTask { logs: logs?, which, extractor, asked: None }))
    })))
}

fn nothing(what: String) -> Error {
    Error::NothingFound { code: FailureCode::NothingFound, what }
}

/// One log by its place. It is proven here already: that it cannot be is an error of the job.
fn log<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    (chain, batch, index): (ChainId, BatchNumber, u64),
) -> Result<Box<Steps<'a>>, Error> {
    let logs = extractor.logs_of(archive, chain, batch)?;
    extractor.batch(logs)?.prove(index)?;
    let task = ProofTask { logs, which: LogFilter::Log(index), extractor, asked: None };
    Ok(Box::new(iter::once(Ok(WorkItem::Prove(task)))))
}

/// Every log that stands for a message with this hash.
fn message<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    hash: Hash,
    within: Filter,
) -> Result<Box<Steps<'a>>, Error> {
    let found = archive.find_message(hash).map(|at| Ok(at?));
    from_matches(found, extractor, within, || match archive.find_transaction(hash).next() {
        Some(_) => Error::OtherHash { hash, asked: HashOf::Message },
        None => Error::NothingFound {
            code: FailureCode::MessageNotFound,
            what: format!(
                "no message in the archive, within the given limits, has the hash {hash}"
            ),
        },
    })
}

/// Every message with a hash, and every log of a transaction with it.
fn by_hash<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    hash: Hash,
    within: Filter,
) -> Result<Box<Steps<'a>>, Error> {
    let found = archive.find_message(hash).chain(archive.find_transaction(hash));
    from_matches(found.map(|at| Ok(at?)), extractor, within, || {
        nothing(format!(
            "no message and no transaction in the archive, within the given limits, has the hash {hash}"
        ))
    })
}

/// The logs of a transaction, or one of them.
fn transaction<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    (hash, log): (Hash, Option<u64>),
    within: Filter,
) -> Result<Box<Steps<'a>>, Error> {
    // The place among the transaction's logs counts before anything narrows them.
    let found = (0..).zip(archive.find_transaction(hash).map(|at| Ok(at?)));
    let found =
        found.filter(move |(place, _)| log.is_none_or(|only| only == *place)).map(|(_, at)| at);
    from_matches(found, extractor, within, || match (archive.header().transactions, log) {
        _ if archive.find_message(hash).next().is_some() => {
            Error::OtherHash { hash, asked: HashOf::Transaction }
        }
        (0, _) => Error::NoTransactionHashes,
        (_, None) => Error::NothingFound {
            code: FailureCode::TransactionNotFound,
            what: format!(
                "no log in the archive, within the given limits, is of the transaction {hash}"
            ),
        },
        (_, Some(log)) => Error::NothingFound {
            code: FailureCode::LogNotInTransaction,
            what: format!(
                "the archive has no log {log} of the transaction {hash} within the given limits"
            ),
        },
    })
}

fn from_matches<'a>(
    found: impl Iterator<Item = Result<LogAt<'a>, Error>> + 'a,
    extractor: Arc<Extractor<'a>>,
    within: Filter,
    nothing: impl FnOnce() -> Error,
) -> Result<Box<Steps<'a>>, Error> {
    let mut found = found.filter(move |at| at.as_ref().map_or(true, |at| within.has(at)));
    let first = found.next().ok_or_else(nothing)?;
    let mut rest = found.peekable();
    if rest.peek().is_none()
        && let Ok(LogAt { batch, index }) = &first
    {
        // That the only one cannot be proven is an error of the job.
        extractor.batch(*batch)?.prove(*index)?;
    }
    let steps = iter::once(first).chain(rest).map(move |at| {
        let LogAt { batch: logs, index } = at?;
        let (which, extractor) = (LogFilter::Log(index), Arc::clone(&extractor));
        Ok(WorkItem::Prove(ProofTask { logs, which, extractor, asked: None }))
    });
    Ok(Box::new(steps))
}

/// How many of the selected batches the settlement layer executed and the archive does not have.
pub(super) fn unarchived(forest: &Forest, archive: &Archive, within: Filter) -> usize {
    let executed = forest
        .chains()
        .iter()
        .flat_map(|tree| tree.batches().iter().map(|batch| (tree.chain(), batch)));
    executed
        .filter(|key| within.has_batch(*key))
        .filter(|(chain, batch)| !archive.contains(*chain, *batch))
        .count()
}
