//! Logs found by the indexes of an archive.

use std::{
    iter::{self, Peekable},
    ops::RangeInclusive,
};

use crate::{
    archive::{Archive, ArchiveError, LogAt},
    primitives::{BatchNumber, ChainId, Hash},
    proof::FailureCode,
    prove::{Error, HashOf},
};

/// A range of batches.
pub(crate) type Within = RangeInclusive<(ChainId, BatchNumber)>;

/// All batches.
const EVERYWHERE: Within =
    (ChainId(0), BatchNumber(0))..=(ChainId(u64::MAX), BatchNumber(u64::MAX));

/// Logs, found one at a time, since they may not fit into memory.
pub(in crate::prove) type Found<'a> =
    Peekable<Box<dyn Iterator<Item = Result<LogAt<'a>, ArchiveError>> + 'a>>;

fn boxed<'a>(found: impl Iterator<Item = Result<LogAt<'a>, ArchiveError>> + 'a) -> Found<'a> {
    let found: Box<dyn Iterator<Item = _>> = Box::new(found);
    found.peekable()
}

/// Finds every log of a message with this hash; at least one.
pub(in crate::prove) fn message(archive: &Archive, hash: Hash) -> Result<Found<'_>, Error> {
    some(boxed(archive.find_message(hash)), || match archive.find_transaction(hash).next() {
        Some(_) => Error::OtherHash { hash, asked: HashOf::Message },
        None => Error::NothingFound {
            code: FailureCode::MessageNotFound,
            what: format!("no message in the archive has the hash {hash}"),
        },
    })
}

/// Finds the logs of a transaction, or the one at the given position among them; at least one.
pub(in crate::prove) fn transaction(
    archive: &Archive,
    hash: Hash,
    log: Option<u64>,
) -> Result<Found<'_>, Error> {
    match log {
        None => some(boxed(archive.find_transaction(hash)), || {
            no_transaction(archive, hash, &EVERYWHERE, "")
        }),
        Some(log) => {
            let at = log_of_transaction(archive, (hash, log), &EVERYWHERE, "")?;
            Ok(boxed(iter::once(Ok(at))))
        }
    }
}

/// Finds the log at a position among all logs of a transaction in a range of batches, as a node counts them.
/// `limits` says in an error that they are those in the range.
///
/// # Errors
/// [`Error::SeveralTransactions`] if several batches have logs with this hash.
pub(super) fn log_of_transaction<'a>(
    archive: &'a Archive,
    (hash, log): (Hash, u64),
    within: &Within,
    limits: &str,
) -> Result<LogAt<'a>, Error> {
    let (mut of_batch, mut found, mut logs) = (None, None, 0);
    let is_within =
        |at: &Result<LogAt<'_>, _>| at.as_ref().map_or(true, |at| within.contains(&at.batch.key()));
    for at in archive.find_transaction(hash).filter(is_within) {
        let at = at?;
        let (batch, other) = (*of_batch.get_or_insert(at.batch.key()), at.batch.key());
        if batch != other {
            return Err(Error::SeveralTransactions { hash, batches: [batch, other] });
        }
        if logs == log {
            found = Some(at);
        }
        logs += 1;
    }
    found.ok_or_else(|| match logs {
        0 => no_transaction(archive, hash, within, limits),
        _ => Error::NothingFound {
            code: FailureCode::LogNotInTransaction,
            what: format!("the transaction {hash} has {logs} logs{limits}, none with index {log}"),
        },
    })
}

/// Why no log in a range of batches is of a transaction with this hash.
pub(crate) fn no_transaction(
    archive: &Archive,
    hash: Hash,
    within: &Within,
    limits: &str,
) -> Error {
    if archive.find_message(hash).next().is_some() {
        return Error::OtherHash { hash, asked: HashOf::Transaction };
    }
    if archive.header().transactions == 0 {
        return Error::NoTransactionHashes;
    }
    match without_hash(archive, within) {
        Ok(note) => Error::NothingFound {
            code: FailureCode::TransactionNotFound,
            what: format!("the archive has no log of the transaction {hash}{limits}{note}"),
        },
        Err(error) => error.into(),
    }
}

/// Says that logs in a range of batches have no hash of a transaction, so that any may be theirs.
pub(super) fn without_hash(archive: &Archive, within: &Within) -> Result<String, ArchiveError> {
    let logs = archive.logs_in(within.clone())?;
    Ok(match logs.saturating_sub(archive.transactions_in(within.clone())?) {
        0 => String::new(),
        without => format!(
            "; {without} of {logs} logs there have no transaction hash in the archive, so it may be that of one of these"
        ),
    })
}

/// The batch of the logs, if all of them are of one. Errors are left to whoever proves the logs.
pub(in crate::prove) fn only_batch<'a>(
    mut found: impl Iterator<Item = Result<LogAt<'a>, ArchiveError>>,
) -> Option<(ChainId, BatchNumber)> {
    let batch = found.next()?.ok()?.batch.key();
    found.all(|at| at.is_ok_and(|at| at.batch.key() == batch)).then_some(batch)
}

/// Returns the logs, if there is at least one and the archive is not damaged there.
fn some<'a>(mut found: Found<'a>, nothing: impl FnOnce() -> Error) -> Result<Found<'a>, Error> {
    match found.next_if(Result::is_err) {
        Some(Err(error)) => Err(error.into()),
        _ if found.peek().is_none() => Err(nothing()),
        _ => Ok(found),
    }
}
