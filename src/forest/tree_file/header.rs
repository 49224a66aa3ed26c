use serde::{Deserialize, Serialize};

use crate::{
    contracts::Layout,
    files::{Container, ContainerError},
    forest::InteropRoot,
    primitives::{Hash, SlBlock, Timestamp},
    proof::CheckedBy,
};

/// The header of a tree file. The module's documentation lists its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) layout: u8,
    pub(super) block: Option<SlBlock>,
    pub(super) latest: Option<Latest>,
    /// With those that the contract counts and the file lacks.
    pub(super) roots: u64,
    pub(super) explained: u64,
    pub(super) mark_every: u64,
}

/// The header of version 2, for trees that were not made of a state alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header2 {
    pub(super) header: Header,
    /// As [`CheckedBy::to_byte`] returns it.
    pub(super) checked_by: u8,
}

/// The header of version 3, for trees with timestamps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header3 {
    pub(super) header: Header2,
    /// The timestamp of the newest interop root, if it has one.
    pub(super) latest: Option<Timestamp>,
}

impl Header3 {
    /// Reads the header of a tree file of any version. Version 1 is for trees that were made of a state alone.
    pub(super) fn read(container: &Container) -> Result<Self, ContainerError> {
        let header = match container.version() {
            1 => {
                let checked_by = CheckedBy::STATE.to_byte();
                Header2 { header: container.header()?, checked_by }
            }
            2 => container.header()?,
            _ => return container.header(),
        };
        Ok(Self { header, latest: None })
    }
}

/// The newest interop root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Latest {
    block: SlBlock,
    root: [u8; 32],
    chains: u64,
}

impl From<InteropRoot> for Latest {
    fn from(InteropRoot { block, root, chains, .. }: InteropRoot) -> Self {
        Self { block, root: *root.as_bytes(), chains }
    }
}

impl From<Latest> for InteropRoot {
    fn from(Latest { block, root, chains }: Latest) -> Self {
        Self { block, root: Hash::new(root), chains, timestamp: None }
    }
}

/// The number that stands for a layout in a file.
pub(super) fn layout_number(layout: Layout) -> u8 {
    match layout {
        Layout::V26 => 26,
        Layout::V29 => 29,
        Layout::V31 => 31,
        Layout::V33 => 33,
    }
}

/// The layout for a number in a file.
pub(super) fn layout(number: u8) -> Option<Layout> {
    [Layout::V26, Layout::V29, Layout::V31, Layout::V33]
        .into_iter()
        .find(|known| layout_number(*known) == number)
}
