//! Merges the batches that several sources have.

use std::borrow::Cow;

use super::{
    ArchiveError, ArchiveHeader, Origin,
    collector::{Head, Sources, payload},
};
use crate::{
    files::OutputError,
    message::{BatchPart, BatchView},
};

/// A batch of one source, and its payload.
pub(super) type Read<'p> = (Head, Cow<'p, [u8]>);

/// A batch in the order of the archive, merged from all sources that have it.
pub(super) struct Merged<'p> {
    pub(super) head: Head,
    pub(super) payload: Cow<'p, [u8]>,
    /// The totals of the batches before it.
    pub(super) before: ArchiveHeader,
}

impl Merged<'_> {
    pub(super) fn view(&self) -> BatchView<'_> {
        self.head.view(&self.payload)
    }
}

/// Merges batches that are ordered by chain and number, then by source.
pub(super) struct Merger<'p, 's, N, C> {
    next: N,
    conflict: C,
    sources: &'s Sources,
    /// The first batch after those that were merged.
    ahead: Option<Read<'p>>,
    /// The totals of the merged batches.
    totals: ArchiveHeader,
    /// How many batches were merged into others.
    merged: u64,
}

impl<'p, 's, N, C> Merger<'p, 's, N, C>
where
    N: FnMut() -> Result<Option<Read<'p>>, OutputError>,
    C: FnMut(ArchiveError) -> Result<(), ArchiveError>,
{
    /// Merges the batches that `next` returns. A batch with contradicting sources is left out and passed to `conflict`.
    pub(super) fn new(next: N, sources: &'s Sources, conflict: C) -> Self {
        let totals = ArchiveHeader::default();
        Self { next, conflict, sources, ahead: None, totals, merged: 0 }
    }

    /// The next batch.
    pub(super) fn next(&mut self) -> Result<Option<Merged<'p>>, ArchiveError> {
        loop {
            let first = match self.ahead.take() {
                Some(first) => first,
                None => match (self.next)()? {
                    Some(first) => first,
                    None => return Ok(None),
                },
            };
            self.ahead = (self.next)()?;
            let key = first.0.key();
            let (head, payload) = match &self.ahead {
                Some((second, _)) if second.key() == key => match self.group(first)? {
                    Some(merged) => merged,
                    None => continue,
                },
                _ => first,
            };
            let before = self.totals;
            head.count(&mut self.totals);
            return Ok(Some(Merged { head, payload, before }));
        }
    }

    /// Merges the batches with the key of the first one. `None` if sources contradict each other.
    fn group(&mut self, first: Read<'p>) -> Result<Option<Read<'p>>, ArchiveError> {
        let key = first.0.key();
        let mut group = Group::new(first);
        while let Some(other) = self.ahead.take_if(|(other, _)| other.key() == key) {
            self.ahead = (self.next)()?;
            if group.is_contradicted {
                continue;
            }
            if let Err((part, first)) = group.merge(&other) {
                group.is_contradicted = true;
                (self.conflict)(ArchiveError::Conflict {
                    chain: key.0,
                    batch: key.1,
                    part,
                    first: self.sources.describe(first),
                    second: self.sources.describe(other.0.origin()),
                })?;
            }
        }
        if group.is_contradicted {
            return Ok(None);
        }
        self.merged += group.merged;
        Ok(Some((group.head, group.payload)))
    }

    /// The totals of all batches, and how many were merged into others.
    pub(super) fn counts(&self) -> (ArchiveHeader, u64) {
        (self.totals, self.merged)
    }
}

/// One batch, merged from all sources so far.
struct Group<'p> {
    head: Head,
    payload: Cow<'p, [u8]>,
    /// Whether two sources contradict each other, so that neither is used.
    is_contradicted: bool,
    /// How many other batches were merged into the first.
    merged: u64,
    /// The first source of each part.
    messages: Option<Origin>,
    transactions: Option<Origin>,
    aggregated_root: Option<Origin>,
    imt: Option<Origin>,
}

impl<'p> Group<'p> {
    fn new((head, payload): Read<'p>) -> Self {
        let mut group = Self {
            head,
            payload,
            is_contradicted: false,
            merged: 0,
            messages: None,
            transactions: None,
            aggregated_root: None,
            imt: None,
        };
        group.note_origins(&head);
        group
    }

    fn note_origins(&mut self, head: &Head) {
        let note = |first: &mut Option<Origin>, has: bool| {
            if has {
                first.get_or_insert(head.origin());
            }
        };
        note(&mut self.messages, head.messages != 0);
        note(&mut self.transactions, head.has_transactions != 0);
        note(&mut self.aggregated_root, head.has_aggregated_root != 0);
        note(&mut self.imt, head.imt_kind != 0);
    }

    fn view(&self) -> BatchView<'_> {
        self.head.view(&self.payload)
    }

    /// Merges the batch of another source. On a contradiction, returns the part that differs and its first
    /// source.
    fn merge(&mut self, (other, bytes): &Read<'_>) -> Result<(), (BatchPart, Origin)> {
        let merged = self.view().merge(other.view(bytes)).map_err(|part| {
            let first = match part {
                BatchPart::Logs => None,
                BatchPart::Messages => self.messages,
                BatchPart::Transactions => self.transactions,
                BatchPart::AggregatedRoot => self.aggregated_root,
                BatchPart::ImtRoots => self.imt,
            };
            (part, first.unwrap_or(self.head.origin()))
        })?;
        if merged != self.view() {
            let head = Head::new(&merged, self.head.origin());
            self.payload = payload(&merged).concat().into();
            self.head = head;
        }
        self.note_origins(other);
        self.merged += 1;
        Ok(())
    }
}
