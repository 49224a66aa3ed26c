use std::{
    ops::{Bound, Range, RangeBounds},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytemuck::{AnyBitPattern, cast_slice};

use super::{
    ArchiveHeader, BATCHES, BY_MESSAGE, BY_TRANSACTION, BYTES, ENDS, IMT, IN_BLOCKS, LOGS, SUMS,
    TRANSACTIONS,
    rows::{BatchRow, IndexRow, imt_roots},
};
use crate::{
    archive::ArchiveError,
    files::{Access, CheckedBlocks, Container, ContainerError, Kind, SectionName},
    message::{BatchView, L2ToL1Log, Messages},
    primitives::{BatchNumber, ChainId, Hash, sorted},
};

/// How many rows of large batches are remembered as sound.
const SOUND_ROWS: usize = 1 << 10;
/// From this number of logs on, a batch is large: counting its messages takes longer than finding its row.
const LARGE: u64 = 64;

/// The logs of many batches, ordered by chain and batch number, mapped or in memory.
#[derive(Debug)]
pub struct Archive {
    container: Container,
    header: ArchiveHeader,
    blocks: CheckedBlocks,
    /// The rows of large batches that were found sound not long ago, each at its number modulo [`SOUND_ROWS`], plus 1.
    sound_rows: Box<[AtomicUsize]>,
}

/// A log and its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogAt<'a> {
    /// The batch.
    pub batch: BatchView<'a>,
    /// The log's leaf index.
    pub index: u64,
}

/// The contents of an archive for one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainSummary {
    /// The chain.
    pub chain: ChainId,
    /// The number of batches.
    pub batches: u64,
    /// The first batch.
    pub first: BatchNumber,
    /// The last batch.
    pub last: BatchNumber,
    /// The number of logs.
    pub logs: u64,
    /// The number of messages whose bytes are in the archive.
    pub messages: u64,
}

impl Archive {
    /// Opens an archive file. This takes the same short time for any size: it does not read the sections.
    ///
    /// # Errors
    /// [`ArchiveError::Native`], which names the file, when it is not an archive, is damaged, or its sections
    /// do not fit its header.
    pub fn open(path: &Path, access: Access) -> Result<Self, ArchiveError> {
        Self::of(Container::open(path, access)?)
    }

    /// Reads an open container as an archive.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn of(container: Container) -> Result<Self, ArchiveError> {
        let version = container.version().clamp(1, Kind::MESSAGE_ARCHIVE.version);
        let container = container.expect(Kind { version, ..Kind::MESSAGE_ARCHIVE })?;
        let mut header: ArchiveHeader = container.header()?;
        if version >= 2 {
            header.imt = container.section(IMT)?.len() as u64 / 64;
        }
        let fits = |name: SectionName, count: u64, row: u64| {
            let len = container.section(name)?.len() as u64;
            if count.checked_mul(row) == Some(len) {
                return Ok(());
            }
            let reason = format!("has {len} bytes, not {row} for each of {count}");
            Err(container.bad(&format!("section {name:?}"), reason))
        };
        fits(LOGS, header.logs, L2ToL1Log::LEN as u64)?;
        fits(BATCHES, header.batches, size_of::<BatchRow>() as u64)?;
        fits(ENDS, header.messages, 8)?;
        fits(BYTES, header.message_bytes, 1)?;
        fits(TRANSACTIONS, header.transactions, 32)?;
        if version >= 2 {
            fits(IMT, header.imt, 64)?;
        }
        fits(BY_TRANSACTION, header.transactions, size_of::<IndexRow>() as u64)?;
        let row = size_of::<IndexRow>() as u64;
        fits(BY_MESSAGE, container.section(BY_MESSAGE)?.len() as u64 / row, row)?;
        Self::written(container, header)
    }

    /// Takes a container that was just written with this header.
    pub(super) fn written(
        container: Container,
        header: ArchiveHeader,
    ) -> Result<Self, ArchiveError> {
        let sums = (container.version() >= 3).then_some(SUMS);
        Ok(Self {
            blocks: CheckedBlocks::new(&container, &IN_BLOCKS, sums)?,
            container,
            header,
            sound_rows: (0..SOUND_ROWS).map(|_| AtomicUsize::new(0)).collect(),
        })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &ArchiveHeader {
        &self.header
    }

    /// The container of the archive.
    #[must_use]
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The name of the file, or of the source that it was made from in memory.
    #[must_use]
    pub fn name(&self) -> &str {
        self.container.name()
    }

    /// The chains in order, with their totals. They are found by binary search, without reading all rows.
    ///
    /// # Errors
    /// [`ArchiveError::Native`] when the first or last row of a chain is damaged.
    pub fn chains(&self) -> Result<Vec<ChainSummary>, ArchiveError> {
        let rows = self.rows();
        let (mut chains, mut at) = (Vec::new(), 0);
        self.check_edge(at)?;
        while let Some(first) = rows.get(at) {
            let same = rows[at..].partition_point(|row| row.chain() <= first.chain());
            // If rows are out of order, `same` can be 0. Always advance by one row.
            let end = at + same.max(1);
            self.check_edge(end)?;
            let (logs, messages) =
                rows.get(end).map_or((self.header.logs, self.header.messages), |next| {
                    (next.first_log(), next.first_message())
                });
            chains.push(ChainSummary {
                chain: first.chain(),
                batches: (end - at) as u64,
                first: first.batch(),
                last: rows[end - 1].batch(),
                logs: logs.saturating_sub(first.first_log()),
                messages: messages.saturating_sub(first.first_message()),
            });
            at = end;
        }
        Ok(chains)
    }

    /// The batches, ordered by chain id and batch number.
    pub fn batches(&self) -> impl Iterator<Item = Result<BatchView<'_>, ArchiveError>> {
        self.batches_in(..)
    }

    /// The batches in a range of (chain id, batch number), in order.
    pub fn batches_in(
        &self,
        range: impl RangeBounds<(ChainId, BatchNumber)>,
    ) -> impl Iterator<Item = Result<BatchView<'_>, ArchiveError>> {
        self.views(self.rows_in(range))
    }

    /// One of `parts` shards of a range of batches, with about as many logs in each shard. Shards are
    /// consecutive and are counted from 0.
    pub fn share(
        &self,
        range: impl RangeBounds<(ChainId, BatchNumber)>,
        part: u64,
        parts: u64,
    ) -> impl Iterator<Item = Result<BatchView<'_>, ArchiveError>> {
        let rows = self.rows_in(range);
        self.views(rows.and_then(|rows| self.rows_of_share(rows, part, parts)))
    }

    fn rows_of_share(
        &self,
        Range { start, end }: Range<usize>,
        part: u64,
        parts: u64,
    ) -> Result<Range<usize>, ArchiveError> {
        let rows = &self.rows()[start..end];
        let before = |row: Option<&BatchRow>| row.map_or(self.header.logs, BatchRow::first_log);
        let first = before(self.rows().get(start));
        let logs = before(self.rows().get(end)).saturating_sub(first);
        // The first row after this many shards.
        let cut = |shares: u64| {
            if shares >= parts {
                return end;
            }
            let wanted = u128::from(logs) * u128::from(shares);
            let before = |row: &BatchRow| {
                u128::from(row.first_log().saturating_sub(first)) * u128::from(parts) < wanted
            };
            start + rows.partition_point(before)
        };
        self.checked_range(cut(part), cut(part.saturating_add(1)))
    }

    pub(super) fn rows_in(
        &self,
        range: impl RangeBounds<(ChainId, BatchNumber)>,
    ) -> Result<Range<usize>, ArchiveError> {
        let rows = self.rows();
        let start = match range.start_bound() {
            Bound::Included(key) => rows.partition_point(|row| row.key() < *key),
            Bound::Excluded(key) => rows.partition_point(|row| row.key() <= *key),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(key) => rows.partition_point(|row| row.key() <= *key),
            Bound::Excluded(key) => rows.partition_point(|row| row.key() < *key),
            Bound::Unbounded => rows.len(),
        };
        self.checked_range(start, end)
    }

    /// The rows between two places that were found by search.
    fn checked_range(&self, start: usize, end: usize) -> Result<Range<usize>, ArchiveError> {
        self.check_edge(start)?;
        self.check_edge(end)?;
        Ok(start..end.max(start))
    }

    /// Compares the rows before and after a place that was found by search with their checksums. A damaged row leads a
    /// search astray. As the rows ascend, those beside the place show that it is the right one.
    fn check_edge(&self, place: usize) -> Result<(), ArchiveError> {
        self.check_rows::<BatchRow>(BATCHES, place.saturating_sub(1), place + 1)
    }

    /// The batches of some rows, or the error.
    fn views(
        &self,
        rows: Result<Range<usize>, ArchiveError>,
    ) -> impl Iterator<Item = Result<BatchView<'_>, ArchiveError>> {
        let (damage, rows) = rows.map_or_else(|error| (Some(error), 0..0), |rows| (None, rows));
        damage.into_iter().map(Err).chain(rows.map(|at| self.view(at)))
    }

    /// The logs of a batch; `None` when the archive does not have it.
    ///
    /// # Errors
    /// [`ArchiveError::Native`] when the batch's row is damaged.
    pub fn batch(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<Option<BatchView<'_>>, ArchiveError> {
        let place = self.place_of(chain, batch);
        if let Some(at) = self.row_at(place, (chain, batch)) {
            return self.view(at).map(Some);
        }
        self.check_edge(place)?;
        Ok(None)
    }

    /// Whether the archive has the logs of a batch.
    ///
    /// # Errors
    /// As [`Archive::batch`].
    pub fn contains(&self, chain: ChainId, batch: BatchNumber) -> Result<bool, ArchiveError> {
        let place = self.place_of(chain, batch);
        self.check_edge(place)?;
        Ok(self.row_at(place, (chain, batch)).is_some())
    }

    /// The number of rows before that of a batch.
    fn place_of(&self, chain: ChainId, batch: BatchNumber) -> usize {
        let rows = self.rows();
        let first = rows.partition_point(|row| row.chain() < chain);
        let of_chain = &rows[first..];
        // The position in the chain's rows, if no batch is missing.
        let ahead = of_chain.first().map_or(0, |row| batch.0.saturating_sub(row.batch().0));
        let guess = usize::try_from(ahead).unwrap_or(usize::MAX);
        first + sorted::count_from(of_chain, guess, |row| row.key() < (chain, batch))
    }

    /// The row at a place, if it is that of this batch.
    fn row_at(&self, place: usize, key: (ChainId, BatchNumber)) -> Option<usize> {
        self.rows().get(place).filter(|row| row.key() == key).map(|_| place)
    }

    /// Every log of the message with this hash, in the order of the batches. A message can be sent many
    /// times.
    pub fn find_message(
        &self,
        hash: Hash,
    ) -> impl Iterator<Item = Result<LogAt<'_>, ArchiveError>> {
        self.find(BY_MESSAGE, hash, |log| {
            let log = log.batch.logs.get(log.index as usize)?;
            log.is_message().then(|| log.value())
        })
    }

    /// Every log that the transaction with this hash emitted, in order.
    pub fn find_transaction(
        &self,
        hash: Hash,
    ) -> impl Iterator<Item = Result<LogAt<'_>, ArchiveError>> {
        self.find(BY_TRANSACTION, hash, |log| {
            log.batch.transactions.get(log.index as usize).copied()
        })
    }

    /// The logs that have `hash` in an index; `hash_of` returns the hash under which the index has a log.
    fn find(
        &self,
        index: SectionName,
        hash: Hash,
        hash_of: impl Fn(&LogAt<'_>) -> Option<Hash>,
    ) -> impl Iterator<Item = Result<LogAt<'_>, ArchiveError>> {
        let rows: &[IndexRow] = self.table(index);
        let wanted = hash.prefix_u64();
        let first = sorted::count_below(rows, 0..=u64::MAX, wanted, IndexRow::prefix_u64);
        let len = sorted::count_from(&rows[first..], 0, |row| row.prefix_u64() <= wanted);
        let end = first + len;
        // A damaged row would be passed over, and a log would be missing from the answer. As the rows ascend, those
        // beside the found ones show that there are no others.
        let checked = self.check_rows::<IndexRow>(index, first.saturating_sub(1), end + 1);
        let damage = checked.err();
        let rows = if damage.is_some() { &[] } else { &rows[first..end] };
        let mut last: Option<(Range<u64>, BatchView<'_>)> = None;
        let found = rows.iter().filter_map(move |row| {
            let found = match &last {
                Some((numbers, batch)) if numbers.contains(&row.log()) => {
                    Ok(LogAt { batch: *batch, index: row.log() - numbers.start })
                }
                _ => self.log_at(row.log()).inspect(|log| {
                    let first = row.log() - log.index;
                    last = Some((first..first + log.batch.logs.len() as u64, log.batch));
                }),
            };
            match found {
                Ok(log) => match hash_of(&log) {
                    Some(found) if found == hash => Some(Ok(log)),
                    // Another hash with the same prefix.
                    Some(other) if other.prefix_u64() == hash.prefix_u64() => None,
                    _ => Some(Err(self.wrong_row(index, row.log()))),
                },
                Err(error) => Some(Err(error)),
            }
        });
        damage.into_iter().map(Err).chain(found)
    }

    /// Compares the rows of a section from `first` to before `end` with their checksums. Rows after the last one do
    /// not count.
    fn check_rows<T>(
        &self,
        name: SectionName,
        first: usize,
        end: usize,
    ) -> Result<(), ArchiveError> {
        let byte = |row: usize| row.saturating_mul(size_of::<T>());
        Ok(self.blocks.check(&self.container, name, byte(first)..byte(end))?)
    }

    /// Compares all blocks with their checksums.
    pub(super) fn check_blocks(&self) -> Result<(), ArchiveError> {
        Ok(self.blocks.check_all(&self.container)?)
    }

    pub(super) fn wrong_row(&self, index: SectionName, log: u64) -> ArchiveError {
        self.bad(index, format!("log {log} is not stored under its own hash"))
    }

    pub(super) fn bad(&self, section: SectionName, reason: String) -> ArchiveError {
        self.container.bad(&format!("section {section:?}"), reason).into()
    }

    /// The log with this number.
    pub(super) fn log(&self, number: u64) -> Option<&L2ToL1Log> {
        self.table(LOGS).get(usize::try_from(number).ok()?)
    }

    /// The log with this number, and its batch.
    fn log_at(&self, number: u64) -> Result<LogAt<'_>, ArchiveError> {
        let Some((at, index)) = self.row_with(number) else {
            return Err(self.bad(BATCHES, format!("no row contains log {number}")));
        };
        Ok(LogAt { batch: self.view(at)?, index })
    }

    /// The row of the batch that contains the log with this number, and the log's leaf index.
    pub(super) fn row_with(&self, number: u64) -> Option<(usize, u64)> {
        let after = self.rows().partition_point(|row| row.first_log() <= number);
        let at = after.checked_sub(1)?;
        let row = self.rows().get(at)?;
        let index = number.checked_sub(row.first_log()).filter(|index| *index < row.logs())?;
        Some((at, index))
    }

    pub(super) fn rows(&self) -> &[BatchRow] {
        self.table(BATCHES)
    }

    /// The rows of a section. `of` checked that the section exists and has only whole rows.
    pub(super) fn table<T: AnyBitPattern>(&self, name: SectionName) -> &[T] {
        cast_slice(self.container.find(name).unwrap_or_default())
    }

    /// `len` rows of a section from `first` on; `None` when the section has fewer.
    pub(super) fn part<T: AnyBitPattern>(
        &self,
        name: SectionName,
        first: u64,
        len: u64,
    ) -> Option<&[T]> {
        let end = first.checked_add(len)?;
        self.table(name).get(usize::try_from(first).ok()?..usize::try_from(end).ok()?)
    }

    /// The batch of a row; an error when the row refers to data outside the sections.
    pub(super) fn view(&self, at: usize) -> Result<BatchView<'_>, ArchiveError> {
        let row = &self.rows()[at];
        let bad = |reason: &dyn std::fmt::Display| -> ContainerError {
            let part = format!(
                "section {BATCHES:?}, row {at} (chain {}, batch {})",
                row.chain(),
                row.batch()
            );
            self.container.bad(&part, reason)
        };
        let outside = || bad(&"it refers to data outside the archive");
        // No proof depends on the hashes of transactions, or on where a row says that they are, so damage would go
        // unnoticed.
        self.check_rows::<BatchRow>(BATCHES, at, at + 1)?;
        if !row.is_understood() {
            return Err(bad(&"it has unknown flags").into());
        }
        let ends: &[[u8; 8]] =
            self.part(ENDS, row.first_message(), row.messages()).ok_or_else(outside)?;
        let len = ends.last().map_or(0, |end| u64::from_le_bytes(*end));
        let bytes = self.part(BYTES, row.first_byte(), len).ok_or_else(outside)?;
        // A batch of many logs may be requested once for each of them.
        let seen = Some(&self.sound_rows[at % SOUND_ROWS]).filter(|_| row.logs() >= LARGE);
        let is_sound = seen.is_some_and(|seen| seen.load(Ordering::Relaxed) == at + 1);
        let messages = match is_sound {
            true => Messages::checked_before(bytes, ends),
            false => Messages::new(bytes, ends).ok_or_else(outside)?,
        };
        let transactions: &[Hash] = self
            .part(TRANSACTIONS, row.first_transaction(), row.transactions())
            .ok_or_else(outside)?;
        let first = row.first_transaction() as usize;
        self.check_rows::<Hash>(TRANSACTIONS, first, first + transactions.len())?;
        let imt = match row.imt() {
            None => None,
            Some((index, are_both)) => {
                let entry: &[[Hash; 2]] = self.part(IMT, index, 1).ok_or_else(outside)?;
                entry.first().map(|entry| imt_roots(*entry, are_both))
            }
        };
        let view = BatchView {
            chain: row.chain(),
            batch: row.batch(),
            logs: self.part(LOGS, row.first_log(), row.logs()).ok_or_else(outside)?,
            messages,
            transactions,
            aggregated_root: row.aggregated_root(),
            imt,
        };
        if is_sound {
            return Ok(view);
        }
        let view = view.checked().map_err(|error| bad(&error))?;
        seen.inspect(|seen| seen.store(at + 1, Ordering::Relaxed));
        Ok(view)
    }
}
