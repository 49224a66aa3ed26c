//! The newest value of each slot, from rows in any order that each say when a slot was written.

use std::cmp::Reverse;

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

use super::{ImportError, slot_record::Record, space::Space};
use crate::{
    files::{ExternalSort, SortRecord, Sorted},
    primitives::SlBlock,
    state::entries::Entry,
};

/// A value of a slot and when it was written; 88 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Version {
    pub(super) entry: Entry,
    /// The block that wrote the value.
    pub(super) block: u64,
    /// The first block that wrote another value than zero to the slot, as far as versions of it were compared;
    /// `u64::MAX` if none did.
    pub(super) first: u64,
    /// The place of the write among those of the block.
    pub(super) operation: u32,
    /// The number of the input.
    pub(super) input: u32,
}

impl Version {
    fn is_same_write(&self, other: &Self) -> bool {
        (self.entry.key, self.block, self.operation)
            == (other.entry.key, other.block, other.operation)
    }

    /// Takes the first block from an older version of the slot, or another one of the same write. Returns whether
    /// that one is needed too: a write with two values is an error, which is found at the end.
    fn precedes(&mut self, older: &Self) -> bool {
        self.first = self.first.min(older.first);
        self.is_same_write(older) && self.entry.value != older.entry.value
    }

    fn slot(&self) -> DatedSlot {
        let Self { entry, input, first, .. } = *self;
        let record = Record { entry, input: input.to_le_bytes(), ..Record::default() };
        DatedSlot { record, first: Some(SlBlock(first)) }
    }
}

/// A slot, and the first block that wrote it if the source says when each value was written.
#[derive(Clone, Copy)]
pub(super) struct DatedSlot {
    pub(super) record: Record,
    pub(super) first: Option<SlBlock>,
}

impl From<Record> for DatedSlot {
    fn from(record: Record) -> Self {
        Self { record, first: None }
    }
}

impl Ord for Version {
    /// By key; those of one key from the newest to the oldest.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let order = |version: &Self| {
            let Self { entry, block, first, operation, input } = *version;
            (entry.key, Reverse((block, operation)), entry.value, input, first)
        };
        // The first 8 bytes of the keys nearly always decide, without a call of the full comparison.
        let prefix = |version: &Self| version.entry.key.prefix_u64();
        prefix(self).cmp(&prefix(other)).then_with(|| order(self).cmp(&order(other)))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl SortRecord for Version {
    type Place = ();

    fn payload_len(&self) -> usize {
        0
    }
}

/// Collects versions. Older ones are dropped on the way, so that slots that were written often take neither
/// memory nor disk.
pub(super) struct Versions {
    /// Only versions up to this block count.
    last: Option<SlBlock>,
    /// The newest versions among the last rows, and the versions since then.
    recent: Vec<Version>,
    /// Older versions are dropped when so many are collected.
    most_recent: usize,
    sort: ExternalSort<Version>,
    space: Space,
    /// The block of the newest version, and its input.
    newest: Option<(u64, u32)>,
    /// Whether there was a version that is too new.
    is_any_too_new: bool,
}

impl Versions {
    pub(super) fn new(space: &Space, last: Option<SlBlock>) -> Self {
        Self {
            last,
            recent: Vec::new(),
            most_recent: space.versions_in_memory(size_of::<Version>()),
            sort: space.sort_of_versions(),
            space: space.clone(),
            newest: None,
            is_any_too_new: false,
        }
    }

    /// Adds a version, unless it is too new. [`Versions::drop_older`] has to follow if they [are too
    /// many](Versions::are_full) then.
    pub(super) fn push(&mut self, version: Version) {
        if self.last.is_some_and(|last| version.block > last.0) {
            self.is_any_too_new = true;
            return;
        }
        if self.newest.is_none_or(|(block, _)| block < version.block) {
            self.newest = Some((version.block, version.input));
        }
        self.recent.push(version);
    }

    /// Whether as many versions are collected as may be.
    pub(super) fn are_full(&self) -> bool {
        self.recent.len() >= self.most_recent
    }

    /// The block of the newest version, and the number of its input.
    pub(super) fn newest(&self) -> Option<(SlBlock, u32)> {
        self.newest.map(|(block, input)| (SlBlock(block), input))
    }

    /// Whether there were versions, and all of them are after the last block that counts.
    pub(super) fn are_too_new(&self) -> bool {
        self.newest.is_none() && self.is_any_too_new
    }

    /// Drops versions that are not the newest ones. If most remain, they go to the sort. `name` is the input that holds
    /// the last ones.
    pub(super) fn drop_older(&mut self, name: &str) -> Result<(), ImportError> {
        self.recent.par_sort_unstable();
        // The versions that remain, and the place of the newest one of the current slot among them.
        let (mut kept, mut newest) = (0, 0);
        for at in 0..self.recent.len() {
            let version = self.recent[at];
            if kept == 0 || self.recent[newest].entry.key != version.entry.key {
                newest = kept;
            } else if !self.recent[newest].precedes(&version) {
                continue;
            }
            self.recent[kept] = version;
            kept += 1;
        }
        self.recent.truncate(kept);
        self.space.check(self.recent.len() as u64, name)?;
        if self.space.most.is_none() && self.recent.len() > self.most_recent / 2 {
            for version in self.recent.drain(..) {
                self.sort.push(version, &[])?;
            }
        }
        Ok(())
    }

    /// Ends the collection. `name` is the last input.
    pub(super) fn finish(mut self, name: &str) -> Result<Newest, ImportError> {
        self.drop_older(name)?;
        let sorted = if self.space.most.is_some() {
            // All of them are in memory and sorted.
            let records = self.recent.into_iter().map(|version| (version, ())).collect();
            Sorted::in_order(records)
        } else {
            for version in self.recent {
                self.sort.push(version, &[])?;
            }
            self.sort.finish()?
        };
        Ok(Newest { sorted, newest: None })
    }
}

/// The newest version of each slot, by key. Two of one key are of one write.
pub(super) struct Newest {
    sorted: Sorted<Version>,
    /// The newest version of the slot of which versions are being read.
    newest: Option<Version>,
}

impl Newest {
    /// The next slot.
    pub(super) fn next(&mut self) -> Result<Option<DatedSlot>, ImportError> {
        while let Some((version, _)) = self.sorted.next()? {
            let is_older = match &mut self.newest {
                Some(newest) if newest.entry.key == version.entry.key => !newest.precedes(&version),
                _ => false,
            };
            if is_older {
                continue;
            }
            if let Some(newest) = self.newest.replace(version) {
                return Ok(Some(newest.slot()));
            }
        }
        Ok(self.newest.take().map(|newest| newest.slot()))
    }
}
