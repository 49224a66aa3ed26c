//! Logs found by the indexes of an archive.

use std::iter::{self, Peekable};

use crate::{
    archive::{Archive, ArchiveError, LogAt},
    primitives::{BatchNumber, ChainId, Hash},
    proof::FailureCode,
    prove::{Error, HashOf},
};

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
    let found =
        some(boxed(archive.find_transaction(hash)), || match archive.find_message(hash).next() {
            Some(_) => Error::OtherHash { hash, asked: HashOf::Transaction },
            None => Error::NothingFound {
                code: FailureCode::TransactionNotFound,
                what: "the archive has no log of this transaction".into(),
            },
        });
    let mut found = found?;
    let Some(log) = log else { return Ok(found) };
    let at = usize::try_from(log).ok().and_then(|log| found.nth(log));
    let at = at.ok_or_else(|| Error::NothingFound {
        code: FailureCode::LogNotInTransaction,
        what: format!("the transaction {hash} has no log {log}"),
    })?;
    Ok(boxed(iter::once(at)))
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
