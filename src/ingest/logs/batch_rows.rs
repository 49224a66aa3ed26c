use bytemuck::{Pod, Zeroable, cast_slice};

use crate::{
    archive::{Origin, PackedOrigin},
    files::{ExternalSort, PayloadPlace, SortRecord, Sorted, Spill},
    ingest::IndexError,
    message::{BatchPart, MessageList},
    primitives::{BatchNumber, Hash},
};

/// A row of the table of batches. Its payload is the end of each message, as u64, and their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct Row {
    batch: u64,
    origin: PackedOrigin,
    has_root: u64,
    root: Hash,
    messages: u64,
    bytes: u64,
}

impl SortRecord for Row {
    type Place = PayloadPlace;

    fn payload_len(&self) -> usize {
        8 * self.messages as usize + self.bytes as usize
    }
}

/// The rows of the table of batches, until all are read.
pub(super) struct BatchRows(ExternalSort<Row>);

impl BatchRows {
    pub(super) fn new(spill: &Spill, in_memory: usize) -> Self {
        Self(spill.sort(in_memory))
    }

    /// Adds a row: the messages of a batch back to back, the end of each, and the root.
    pub(super) fn push(
        &mut self,
        batch: BatchNumber,
        bytes: &[u8],
        ends: &[u64],
        root: Option<Hash>,
        origin: Origin,
    ) -> Result<(), IndexError> {
        let row = Row {
            batch: batch.0,
            origin: origin.into(),
            has_root: root.is_some().into(),
            root: root.unwrap_or_default(),
            messages: ends.len() as u64,
            bytes: bytes.len() as u64,
        };
        Ok(self.0.push(row, &[cast_slice(ends), bytes])?)
    }

    pub(super) fn finish(self) -> Result<SortedRows, IndexError> {
        let mut rows = SortedRows { sorted: self.0.finish()?, next: None };
        rows.advance()?;
        Ok(rows)
    }
}

/// The merged rows of one batch. Each part has the origin of the row that it is from.
#[derive(Debug, Default)]
pub(super) struct BatchRow {
    /// The messages, if a row has them.
    pub(super) messages: Option<(MessageList, Origin)>,
    pub(super) root: Option<(Hash, Origin)>,
}

impl BatchRow {
    /// Merges another row, as [`BatchView::merge`](crate::message::BatchView) does.
    fn merge(&mut self, other: Self) -> Result<(), Differing> {
        complete(&mut self.messages, other.messages, BatchPart::Messages)?;
        complete(&mut self.root, other.root, BatchPart::AggregatedRoot)
    }
}

/// Takes the value of `other` if there is none yet.
fn complete<T: PartialEq>(
    known: &mut Option<(T, Origin)>,
    other: Option<(T, Origin)>,
    part: BatchPart,
) -> Result<(), Differing> {
    match (&known, other) {
        (Some((one, first)), Some((two, second))) if *one != two => {
            Err(Differing { part, first: *first, second })
        }
        (None, other) => {
            *known = other;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Two rows that contradict each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Differing {
    pub(super) part: BatchPart,
    pub(super) first: Origin,
    pub(super) second: Origin,
}

/// The rows by batch.
pub(super) struct SortedRows {
    sorted: Sorted<Row>,
    next: Option<(BatchNumber, BatchRow)>,
}

impl SortedRows {
    fn advance(&mut self) -> Result<(), IndexError> {
        self.next = self.sorted.next()?.map(|(row, payload)| {
            let (ends, bytes) = payload.split_at(8 * row.messages as usize);
            let mut messages = MessageList::default();
            let mut start = 0;
            for end in ends.as_chunks::<8>().0 {
                // The ends were counted when the payload was made.
                let end = u64::from_ne_bytes(*end) as usize;
                messages.push(&bytes[start..end]);
                start = end;
            }
            let origin = row.origin.into();
            let said = BatchRow {
                messages: (row.messages != 0).then_some((messages, origin)),
                root: (row.has_root != 0).then_some((row.root, origin)),
            };
            (BatchNumber(row.batch), said)
        });
        Ok(())
    }

    /// The merged rows of a batch. Batches must ascend from call to call. Empty if the batch has no row.
    pub(super) fn of(
        &mut self,
        batch: BatchNumber,
    ) -> Result<Result<BatchRow, Differing>, IndexError> {
        let mut all = Ok(BatchRow::default());
        while let Some((number, said)) = self.next.take_if(|(next, _)| *next <= batch) {
            self.advance()?;
            if let Ok(known) = &mut all
                && number == batch
                && let Err(differing) = known.merge(said)
            {
                all = Err(differing);
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Place;

    const BATCH: BatchNumber = BatchNumber(7);

    fn at(line: u64) -> Origin {
        Origin { source: 0, place: Place::Line(line) }
    }

    /// The merged rows of a batch that lies between others. Each row has the byte of its root and of its
    /// message, if it has them.
    fn said(rows: &[(Option<u8>, Option<u8>)]) -> Result<BatchRow, Differing> {
        let mut all = BatchRows::new(&Spill::Memory, 1 << 20);
        for (line, (root, message)) in (1..).zip(rows) {
            let (bytes, ends) = message.map_or((vec![], vec![]), |byte| (vec![byte], vec![1]));
            let root = root.map(|byte| Hash::new([byte; 32]));
            all.push(BATCH, &bytes, &ends, root, at(line)).unwrap();
        }
        for other in [6, 8] {
            let root = Some(Hash::new([other; 32]));
            all.push(BatchNumber(other.into()), &[], &[], root, at(99)).unwrap();
        }
        let mut rows = all.finish().unwrap();
        let said = rows.of(BATCH).unwrap();
        let (behind, _) = rows.of(BatchNumber(8)).unwrap().unwrap().root.unwrap();
        assert_eq!(behind, Hash::new([8; 32]));
        said
    }

    #[test]
    fn rows_complete_each_other() {
        let (root, message) = (Some(2), Some(3));
        for rows in [
            &[(root, message)][..],
            &[(None, message), (root, None)],
            &[(None, None), (root, None), (None, None), (root, message), (None, message)],
        ] {
            let said = said(rows).unwrap();
            assert_eq!(said.root.unwrap().0, Hash::new([2; 32]));
            let (messages, _) = said.messages.unwrap();
            assert_eq!(messages.view().iter().collect::<Vec<_>>(), [[3]]);
        }
        let none = said(&[(None, None), (None, None)]).unwrap();
        assert!(none.root.is_none() && none.messages.is_none());
    }

    #[test]
    fn contradicting_rows_are_both_named() {
        let root = BatchPart::AggregatedRoot;
        for (rows, part, lines) in [
            (&[(Some(2), None), (Some(3), None)][..], root, [1, 2]),
            (&[(Some(2), None), (Some(2), None), (Some(3), None)], root, [1, 3]),
            (&[(None, None), (Some(2), None), (None, Some(4)), (Some(3), None)], root, [2, 4]),
            (&[(None, Some(1)), (Some(2), Some(1)), (None, Some(2))], BatchPart::Messages, [1, 3]),
        ] {
            let [first, second] = lines.map(at);
            assert_eq!(said(rows).unwrap_err(), Differing { part, first, second });
        }
    }
}
