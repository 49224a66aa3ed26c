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

/// A value of a slot and when it was written; 80 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Version {
    pub(super) entry: Entry,
    /// The block that wrote the value.
    pub(super) block: u64,
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

    fn record(&self) -> Record {
        Record { entry: self.entry, input: self.input.to_le_bytes(), ..Record::default() }
    }
}

impl Ord for Version {
    /// By key; those of one key from the newest to the oldest.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let order = |version: &Self| {
            let Self { entry, block, operation, input } = *version;
            (entry.key, Reverse((block, operation)), entry.value, input)
        };
        order(self).cmp(&order(other))
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
            sort: space.sort_of_account(),
            space: space.clone(),
            newest: None,
            is_any_too_new: false,
        }
    }

    /// Adds a version, unless it is too new. `name` is the input that holds it.
    pub(super) fn push(&mut self, version: Version, name: &str) -> Result<(), ImportError> {
        if self.last.is_some_and(|last| version.block > last.0) {
            self.is_any_too_new = true;
            return Ok(());
        }
        if self.newest.is_none_or(|(block, _)| block < version.block) {
            self.newest = Some((version.block, version.input));
        }
        self.recent.push(version);
        if self.recent.len() < self.most_recent { Ok(()) } else { self.drop_older(name) }
    }

    /// The block of the newest version, and the number of its input.
    pub(super) fn newest(&self) -> Option<(SlBlock, u32)> {
        self.newest.map(|(block, input)| (SlBlock(block), input))
    }

    /// Whether there were versions, and all of them are after the last block that counts.
    pub(super) fn are_too_new(&self) -> bool {
        self.newest.is_none() && self.is_any_too_new
    }

    /// Drops versions that are not the newest ones. If most remain, they go to the sort.
    fn drop_older(&mut self, name: &str) -> Result<(), ImportError> {
        self.recent.par_sort_unstable();
        let mut newest: Option<Version> = None;
        self.recent.retain(|version| {
            let before = newest.filter(|newest| newest.entry.key == version.entry.key);
            if before.is_none() {
                newest = Some(*version);
            }
            // A write with two values is an error, which is found at the end.
            before.is_none_or(|before| {
                before.is_same_write(version) && before.entry.value != version.entry.value
            })
        });
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
        Ok(Newest { sorted, before: None })
    }
}

/// The newest version of each slot, by key. Two of one key are of one write.
pub(super) struct Newest {
    sorted: Sorted<Version>,
    /// The newest version of the last slot.
    before: Option<Version>,
}

impl Newest {
    fn next(&mut self) -> Result<Option<Record>, ImportError> {
        while let Some((version, _)) = self.sorted.next()? {
            match &self.before {
                Some(before) if before.entry.key == version.entry.key => {
                    let is_repeated = before.entry.value == version.entry.value;
                    if before.is_same_write(&version) && !is_repeated {
                        return Ok(Some(version.record()));
                    }
                }
                _ => {
                    self.before = Some(version);
                    return Ok(Some(version.record()));
                }
            }
        }
        Ok(None)
    }
}

/// Slots by key: those that have one version, and the newest versions of the others.
pub(super) struct SortedSlots {
    single: Sorted<Record>,
    newest: Newest,
    next_single: Option<Record>,
    next_newest: Option<Record>,
}

impl SortedSlots {
    /// Merges both.
    pub(super) fn of(single: Sorted<Record>, newest: Newest) -> Result<Self, ImportError> {
        let mut slots = Self { single, newest, next_single: None, next_newest: None };
        slots.next_single = slots.single.next()?.map(|(record, _)| record);
        slots.next_newest = slots.newest.next()?;
        Ok(slots)
    }

    /// The next slot.
    pub(super) fn next(&mut self) -> Result<Option<Record>, ImportError> {
        let is_single = match (&self.next_single, &self.next_newest) {
            (Some(single), Some(newest)) => single.entry.key <= newest.entry.key,
            (single, _) => single.is_some(),
        };
        if is_single {
            let next = self.single.next()?.map(|(record, _)| record);
            Ok(std::mem::replace(&mut self.next_single, next))
        } else {
            let next = self.newest.next()?;
            Ok(std::mem::replace(&mut self.next_newest, next))
        }
    }
}
