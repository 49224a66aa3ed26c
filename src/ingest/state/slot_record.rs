use std::cmp::Ordering;

use bytemuck::{Pod, Zeroable};

use crate::{files::KeyedRecord, state::entries::Entry};

/// A slot on its way into a snapshot; 80 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Record {
    pub(super) entry: Entry,
    /// The enumeration index; zero if the source has none.
    pub(super) index: [u8; 8],
    /// The SL batch of the first write.
    pub(super) batch: [u8; 4],
    /// The number of the input, little-endian like the other numbers.
    pub(super) input: [u8; 4],
}

impl Ord for Record {
    /// By key; equal keys by input.
    fn cmp(&self, other: &Self) -> Ordering {
        let rest = |record: &Self| {
            let Self { entry, index, batch, input } = *record;
            (u32::from_le_bytes(input), entry.value, index, batch)
        };
        self.entry.key.cmp(&other.entry.key).then_with(|| rest(self).cmp(&rest(other)))
    }
}

impl PartialOrd for Record {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl KeyedRecord for Record {
    #[inline]
    fn prefix(&self) -> u64 {
        self.entry.key.prefix_u64()
    }
}
