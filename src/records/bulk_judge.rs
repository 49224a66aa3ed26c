//! Verifies many records at once.
//!
//! Records that the verifier of many proofs accepts are valid. Those that it does not accept, and the first of about a
//! thousand that it accepts, are judged by the verifier of single proofs, which says what is wrong with them.

use std::{borrow::Cow, sync::Arc};

use super::{
    Entry, TrustedRoots, VerdictLine, VerdictsError, entries::next_of, parquet::NumberedGroup,
};
use crate::{
    anchor::RootLocation,
    files::Pool,
    message::L2ToL1Log,
    primitives::Hash,
    proof::{
        Failure, Hints, Known, LeafRecord, ProofRecord, Reason,
        proof_group::{FoldedProof, ProofGroup},
        reader::{Defaults, ExactReader, Item, RecordError, compacted},
        verify::Folded,
    },
    state::StateError,
};

/// The number of records that are verified together, on one thread.
pub(super) const SEGMENT: usize = 1024;

/// Records are verified together up to about this number of bytes. Their messages are in memory twice then.
pub(super) const SEGMENT_BYTES: usize = 8 << 20;

/// The memory of a larger group is not kept.
const MOST_KEPT: usize = 4 << 20;

/// The verdicts on some entries. `None` stands for the record of a failed request.
pub(super) type Judged = Result<Vec<Option<VerdictLine>>, Failed>;

/// Why there are no verdicts.
pub(super) struct Failed {
    pub(super) error: VerdictsError,
    /// The row group, if it can be read with more memory.
    pub(super) alone: Option<NumberedGroup>,
}

impl<E: Into<VerdictsError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { error: error.into(), alone: None }
    }
}

/// The data needed to verify entries.
#[derive(Clone)]
pub(super) struct BulkJudge {
    pub(super) defaults: Defaults,
    pub(super) roots: TrustedRoots,
    pub(super) hints: Hints,
    /// Groups whose memory is used again.
    pub(super) free: Arc<Pool<ProofGroup>>,
}

/// An entry, as far as it was read.
enum Read {
    /// The proof is in the group. The entry is read again if it is not accepted.
    Exact(Entry),
    /// The proof is in the group.
    Grouped(Box<ProofRecord>, L2ToL1Log),
    /// The proof of a leaf of a batch root, which is judged alone.
    Leaf(Box<LeafRecord>),
    /// The record of a failed request.
    Failure,
    Unreadable(RecordError),
}

/// The text of an entry that may have the exact form.
fn exact(entry: &Entry) -> Option<Cow<'_, [u8]>> {
    let Entry::Text(text) = entry else { return None };
    match text.get(1)? {
        b'"' => Some(Cow::Borrowed(text)),
        _ => compacted(text).map(Cow::Owned),
    }
}

impl BulkJudge {
    /// Returns the verdicts on entries, which are verified together on this thread. `None` stands for the record of a
    /// failed request.
    pub(super) fn verdicts(
        &self,
        entries: Vec<(u64, Entry)>,
    ) -> Result<Vec<Option<VerdictLine>>, StateError> {
        let texts: Vec<Option<Cow<'_, [u8]>>> =
            entries.iter().map(|(_, entry)| exact(entry)).collect();
        let group = self.free.take().unwrap_or_default();
        let mut reader = ExactReader::new(&self.defaults, group);
        let are_exact: Vec<bool> =
            texts.iter().map(|text| text.as_ref().is_some_and(|text| reader.read(text))).collect();
        let mut group = reader.into_group();
        let exact = group.len();
        let read: Vec<_> = entries
            .into_iter()
            .zip(are_exact)
            .map(|((line, entry), is_exact)| match is_exact {
                true => (line, Read::Exact(entry)),
                false => (line, self.read(entry, &mut group)),
            })
            .collect();

        let folded = group.folded();
        let proofs = || folded.iter().enumerate();
        let (mut exact, mut others) = (proofs().take(exact), proofs().skip(exact));
        let mut accepted = Accepted { group: &group, roots: &self.roots, last: None, count: 0 };
        let verdicts = read
            .into_iter()
            .map(|(line, read)| {
                let folded = match &read {
                    Read::Exact(_) => exact.next(),
                    Read::Grouped(..) => others.next(),
                    _ => None,
                };
                let found = folded.and_then(|(at, folded)| accepted.judge(at, folded.as_ref()?));
                match found {
                    Some(anchor) => {
                        Ok(Some(VerdictLine { line, valid: Some(true), anchor, error: None }))
                    }
                    None => self.alone(line, read),
                }
            })
            .collect();
        group.clear();
        if group.memory() <= MOST_KEPT {
            self.free.put(group);
        }
        verdicts
    }

    /// Returns the verdicts on the rows of a row group, which this thread reads.
    pub(super) fn group(&self, group: NumberedGroup) -> Judged {
        self.rows(&group).map_err(|error| {
            let alone = match &error {
                VerdictsError::Entries(error) => group.alone(error),
                VerdictsError::State(_) => None,
            };
            Failed { error, alone }
        })
    }

    fn rows(&self, group: &NumberedGroup) -> Result<Vec<Option<VerdictLine>>, VerdictsError> {
        let mut rows = group.rows()?.map(|row| row.map(|(line, row)| (line, Entry::Row(row))));
        let mut verdicts = Vec::new();
        loop {
            let segment = next_of(&mut rows, SEGMENT, SEGMENT_BYTES)?;
            if segment.is_empty() {
                return Ok(verdicts);
            }
            verdicts.extend(self.verdicts(segment)?);
        }
    }

    /// Reads an entry, and appends its proof to the group.
    fn read(&self, entry: Entry, group: &mut ProofGroup) -> Read {
        let (record, log) = match entry.item(&self.defaults) {
            Ok(Item::Failure) => return Read::Failure,
            Ok(Item::Leaf(record)) => return Read::Leaf(record),
            Ok(Item::Proof(record, log)) => (record, log),
            Err(error) => return Read::Unreadable(error),
        };
        group.push_record(&record, log);
        Read::Grouped(record, log)
    }

    /// Returns the verdict of the verifier of single proofs.
    fn alone(&self, line: u64, read: Read) -> Result<Option<VerdictLine>, StateError> {
        let item = match read {
            Read::Exact(entry) => entry.item(&self.defaults),
            Read::Grouped(record, log) => Ok(Item::Proof(record, log)),
            Read::Leaf(record) => Ok(Item::Leaf(record)),
            Read::Failure => Ok(Item::Failure),
            Read::Unreadable(error) => Err(error),
        };
        let (verdict, anchor) = match item {
            Ok(Item::Failure) => return Ok(None),
            Ok(Item::Proof(record, log)) => self.roots.judge(&record, &log)?,
            Ok(Item::Leaf(record)) => self.roots.judge_leaf(&record)?,
            Err(error) => (error.into(), None),
        };
        let failure = |reason: &Reason| Failure::of(reason.code(), reason, self.hints);
        let error = verdict.reason().map(failure);
        Ok(Some(VerdictLine { line, valid: verdict.validity(), anchor, error }))
    }
}

/// A root, and the variable that holds it, if it is one of a state.
type TrustedRoot = (Hash, Option<RootLocation>);

/// Compares folded proofs with the trusted roots.
struct Accepted<'r> {
    group: &'r ProofGroup,
    roots: &'r TrustedRoots,
    /// The root to which the last batch of the group leads, since all its proofs lead there.
    last: Option<(usize, Option<TrustedRoot>)>,
    /// The number of proofs that were accepted.
    count: usize,
}

impl Accepted<'_> {
    /// Returns the location of the root if the proof at this index is accepted, and is not one that is judged again.
    fn judge(&mut self, at: usize, folded: &FoldedProof) -> Option<Option<RootLocation>> {
        let FoldedProof { batch, folded: Folded { root_ref, root, .. } } = *folded;
        if self.last.is_none_or(|(last, _)| last != batch) {
            let known = match self.roots.known(&self.group.record(at), &root_ref) {
                Ok((Known::Root(root), location)) => Some((root, location)),
                // The verifier of single proofs says why.
                _ => None,
            };
            self.last = Some((batch, known));
        }
        let (_, known) = self.last?;
        let (_, location) = known.filter(|(known, _)| *known == root)?;
        self.count += 1;
        (self.count > 1).then_some(location)
    }
}
