//! Which logs the command line selects, in the order of the output.

use std::{iter, sync::Arc};

use super::{
    error::CliError,
    pipeline::{ProofTask, WorkItem},
    prove_args::{Batches, Shard, WhichArgs},
};
use crate::{
    archive::{Archive, LogAt},
    forest::Forest,
    message::BatchView,
    primitives::{Address, BatchNumber, ChainId, Hash},
    prove::{Extractor, LogFilter},
};

/// To what a selection is narrowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    chain: Option<ChainId>,
    batches: Option<Batches>,
    sender: Option<Address>,
}

impl From<&WhichArgs> for Filter {
    fn from(args: &WhichArgs) -> Self {
        Self { chain: args.chain, batches: args.batch, sender: args.sender }
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

    /// How many logs there are to look at, about, for one of so many shares.
    pub(super) fn logs(self, archive: &Archive, shard: Option<Shard>) -> u64 {
        let [first, last] = self.ends();
        archive.logs_in(first..=last) / shard.map_or(1, |shard| shard.of)
    }

    /// From which batch of an archive to which; batches are never given without their chain.
    fn ends(self) -> [(ChainId, BatchNumber); 2] {
        let all = Batches { first: BatchNumber(0), last: BatchNumber(u64::MAX) };
        let Batches { first, last } = self.batches.unwrap_or(all);
        [(self.chain.unwrap_or(ChainId(0)), first), (self.chain.unwrap_or(ChainId(u64::MAX)), last)]
    }
}

/// What a selection gives.
pub(super) type Steps<'a> = Box<dyn Iterator<Item = Result<WorkItem<'a>, CliError>> + 'a>;

/// Every log, or every message of a sender.
pub(super) fn all<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    within: Filter,
    shard: Option<Shard>,
) -> Result<Steps<'a>, CliError> {
    let [first, last] = within.ends();
    let shard = shard.unwrap_or(Shard { number: 1, of: 1 });
    if archive.batches_in(first..=last).next().is_none() {
        let chain = within.chain.map_or(String::new(), |chain| format!(" of chain {chain}"));
        let batches = match within.batches {
            Some(Batches { first, last }) if first == last => format!(", batch {first}"),
            Some(Batches { first, last }) => format!(", batches {first} to {last}"),
            None => String::new(),
        };
        return Err(CliError::NothingFound(format!("the archive has no logs{chain}{batches}")));
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
        return Err(CliError::NothingFound(format!(
            "the archive has no message of {sender} there"
        )));
    }
    Ok(Box::new(batches.map(move |logs| {
        let extractor = Arc::clone(&extractor);
        Ok(WorkItem::Prove(ProofTask { logs: logs?, which, extractor, asked: None }))
    })))
}

/// One log by its place. It is proven here already: that it cannot be is an error of the command.
pub(super) fn log<'a>(
    archive: &'a Archive,
    extractor: Arc<Extractor<'a>>,
    (chain, batch, index): (ChainId, BatchNumber, u64),
) -> Result<Steps<'a>, CliError> {
    let logs = extractor.logs_of(archive, chain, batch).map_err(CliError::Extract)?;
    extractor.batch(logs).and_then(|proofs| proofs.prove(index)).map_err(CliError::Extract)?;
    let wanted = ProofTask { logs, which: LogFilter::Log(index), extractor, asked: None };
    Ok(Box::new(iter::once(Ok(WorkItem::Prove(wanted)))))
}

/// Every log that stands for a message with this hash.
pub(super) fn message<'a>(
    archive: &'a Archive,
    extractor: &Arc<Extractor<'a>>,
    hash: Hash,
    within: Filter,
) -> Result<Steps<'a>, CliError> {
    let found =
        archive.find_message(hash).map(|at| Ok(at?)).filter(move |at| matches_filter(at, within));
    from_matches(found, extractor, || match archive.find_transaction(hash).next() {
        Some(_) => CliError::OtherHash {
            what: format!("no message in the archive has the hash {hash}, but a transaction has"),
            hint: "select the logs of a transaction with --tx",
        },
        None => CliError::NothingFound(format!(
            "no message in the archive, within the given limits, has the hash {hash}"
        )),
    })
}

/// Every message with a hash, and every log of a transaction with it.
pub(super) fn by_hash<'a>(
    archive: &'a Archive,
    extractor: &Arc<Extractor<'a>>,
    hash: Hash,
    within: Filter,
) -> Result<Steps<'a>, CliError> {
    let found = archive.find_message(hash).chain(archive.find_transaction(hash));
    let found = found.map(|at| Ok(at?)).filter(move |at| matches_filter(at, within));
    from_matches(found, extractor, || {
        CliError::NothingFound(format!(
            "no message and no transaction in the archive, within the given limits, has the hash {hash}"
        ))
    })
}

/// The logs of a transaction, or one of them.
pub(super) fn transaction<'a>(
    archive: &'a Archive,
    extractor: &Arc<Extractor<'a>>,
    (hash, log): (Hash, Option<u64>),
    within: Filter,
) -> Result<Steps<'a>, CliError> {
    // The place among the transaction's logs counts before anything narrows them.
    let found = (0..).zip(archive.find_transaction(hash).map(|at| Ok(at?)));
    let found = found
        .filter(move |(place, _)| log.is_none_or(|only| only == *place))
        .map(|(_, at)| at)
        .filter(move |at| matches_filter(at, within));
    from_matches(found, extractor, || {
        if archive.find_message(hash).next().is_some() {
            let what =
                format!("no transaction in the archive has the hash {hash}, but a message has");
            return CliError::OtherHash { what, hint: "select messages with --message" };
        }
        CliError::NothingFound(match (archive.header().transactions, log) {
            (0, _) => {
                "the archive has no hashes of transactions; give --message, or --chain, --batch \
                       and --index"
                    .into()
            }
            (_, None) => format!(
                "no log in the archive, within the given limits, is of the transaction {hash}"
            ),
            (_, Some(log)) => format!(
                "the archive has no log {log} of the transaction {hash} within the given limits"
            ),
        })
    })
}

fn matches_filter(at: &Result<LogAt<'_>, CliError>, within: Filter) -> bool {
    at.as_ref().map_or(true, |at| within.has(at))
}

fn from_matches<'a>(
    mut found: impl Iterator<Item = Result<LogAt<'a>, CliError>> + 'a,
    extractor: &Arc<Extractor<'a>>,
    nothing: impl FnOnce() -> CliError,
) -> Result<Steps<'a>, CliError> {
    let first = found.next().ok_or_else(nothing)?;
    let mut rest = found.peekable();
    let extractor = Arc::clone(extractor);
    if rest.peek().is_none()
        && let Ok(LogAt { batch, index }) = &first
    {
        // That the only one cannot be proven is an error of the command.
        let proofs = extractor.batch(*batch).and_then(|proofs| proofs.prove(*index));
        proofs.map_err(CliError::Extract)?;
    }
    let steps = iter::once(first).chain(rest).map(move |at| {
        let LogAt { batch: logs, index } = at?;
        let extractor = Arc::clone(&extractor);
        Ok(WorkItem::Prove(ProofTask {
            logs,
            which: LogFilter::Log(index),
            extractor,
            asked: None,
        }))
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
