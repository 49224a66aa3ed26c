//! Logs that the indexes of an archive lead to.

use std::iter::{self, Peekable};

use crate::{
    archive::{Archive, ArchiveError, LogAt},
    primitives::Hash,
    proof::FailureCode,
    prove::{Error, HashOf},
};

/// Logs, found one after the other: there may be more than fit into memory.
pub(in crate::prove) type Found<'a> =
    Peekable<Box<dyn Iterator<Item = Result<LogAt<'a>, ArchiveError>> + 'a>>;

fn boxed<'a>(found: impl Iterator<Item = Result<LogAt<'a>, ArchiveError>> + 'a) -> Found<'a> {
    let found: Box<dyn Iterator<Item = _>> = Box::new(found);
    found.peekable()
}

/// Every log that stands for a message with this hash; at least one.
pub(in crate::prove) fn message(archive: &Archive, hash: Hash) -> Result<Found<'_>, Error> {
    some(boxed(archive.find_message(hash)), || match archive.find_transaction(hash).next() {
        Some(_) => Error::OtherHash { hash, asked: HashOf::Message },
        None => Error::NothingFound {
            code: FailureCode::MessageNotFound,
            what: format!("no message in the archive has the hash {hash}"),
        },
    })
}

/// The logs of a transaction, or the one with this place among them; at least one.
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

/// The logs, if there is one and the archive is not damaged where it is.
fn some<'a>(mut found: Found<'a>, nothing: impl FnOnce() -> Error) -> Result<Found<'a>, Error> {
    match found.next_if(Result::is_err) {
        Some(Err(error)) => Err(error.into()),
        _ if found.peek().is_none() => Err(nothing()),
        _ => Ok(found),
    }
}
