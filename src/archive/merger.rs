//! Merges the batches that several sources have.

use std::{borrow::Cow, mem};

use super::{
    ArchiveError, ArchiveHeader, Origin,
    collector::{Head, Sources, payload},
};
use crate::{
    files::WithPayload,
    message::{BatchPart, BatchView},
};

/// A batch of one source, and its payload.
type Read<'p> = WithPayload<'p, Head>;

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
pub(super) struct Merger<'s, C> {
    conflict: C,
    sources: &'s Sources,
    /// The last batch of the windows so far, which other sources in the next one may have too.
    last: Option<Group<'static>>,
    /// The totals of the merged batches.
    totals: ArchiveHeader,
    /// How many batches were merged into others.
    merged: u64,
}

impl<'s, C: FnMut(ArchiveError) -> Result<(), ArchiveError>> Merger<'s, C> {
    /// A batch with contradicting sources is left out and passed to `conflict`.
    pub(super) fn new(sources: &'s Sources, conflict: C) -> Self {
        Self { conflict, sources, last: None, totals: ArchiveHeader::default(), merged: 0 }
    }

    /// The merged batches that are complete with this window. An empty one is the end.
    pub(super) fn window<'p>(
        &mut self,
        batches: &[Read<'p>],
    ) -> Result<Vec<Merged<'p>>, ArchiveError> {
        let mut complete = Vec::with_capacity(batches.len() + 1);
        let mut before: Option<Group<'p>> = mem::take(&mut self.last);
        let last = batches.last().map(|(head, _)| head.key());
        for same in batches.chunk_by(|(one, _), (other, _)| one.key() == other.key()) {
            let (head, payload) = same[0];
            let group = match before.take() {
                Some(group) if group.head.key() == head.key() => self.add(group, same)?,
                group => {
                    complete.extend(group.and_then(|group| self.close(group)));
                    if same.len() == 1 && last != Some(head.key()) {
                        // Most batches have one source.
                        complete.push(self.count(*head, Cow::Borrowed(payload)));
                        continue;
                    }
                    self.add(Group::new(*head, Cow::Borrowed(payload)), &same[1..])?
                }
            };
            before = Some(group);
        }
        if batches.is_empty() {
            complete.extend(before.and_then(|group| self.close(group)));
        } else {
            self.last = before.map(Group::into_owned);
        }
        Ok(complete)
    }

    /// Merges the same batch of other sources.
    fn add<'p>(
        &mut self,
        mut group: Group<'p>,
        others: &[Read<'_>],
    ) -> Result<Group<'p>, ArchiveError> {
        let key = group.head.key();
        for other in others {
            if group.is_contradicted {
                break;
            }
            if let Err((part, first)) = group.merge(other) {
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
        Ok(group)
    }

    /// Ends a group. `None` if sources contradict each other.
    fn close<'p>(&mut self, group: Group<'p>) -> Option<Merged<'p>> {
        if group.is_contradicted {
            return None;
        }
        self.merged += group.merged;
        Some(self.count(group.head, group.payload))
    }

    fn count<'p>(&mut self, head: Head, payload: Cow<'p, [u8]>) -> Merged<'p> {
        let before = self.totals;
        head.count(&mut self.totals);
        Merged { head, payload, before }
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
    fn new(head: Head, payload: Cow<'p, [u8]>) -> Self {
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

    fn into_owned(self) -> Group<'static> {
        Group { payload: self.payload.into_owned().into(), ..self }
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
