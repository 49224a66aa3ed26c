//! Checksums of the blocks of a section, for readers that need a few rows of a large one.
//!
//! The checksum in the section table covers a whole section. A section can be written in blocks of
//! [`BLOCK_LEN`] bytes, of which only the last may be shorter; the BLAKE3 of each block is then in another
//! section, which the kind names. The hashes of several sections follow each other there, in the order of the
//! sections.

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{Container, ContainerError, SectionName};

/// The number of bytes of a block. Linux maps as many at once when a page of a file is read first.
const BLOCK_LEN: usize = 1 << 16;
/// The number of bytes of the checksum of a block.
const SUM_LEN: usize = blake3::OUT_LEN;

/// Hashes the blocks of a section that is being written.
#[derive(Default)]
pub(super) struct BlockHasher {
    block: blake3::Hasher,
    sums: Vec<u8>,
}

impl BlockHasher {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // The hasher is reset at the end of each block.
            let room = BLOCK_LEN - self.block.count() as usize;
            let (piece, rest) = bytes.split_at(room.min(bytes.len()));
            self.block.update(piece);
            if piece.len() == room {
                self.end_block();
            }
            bytes = rest;
        }
    }

    fn end_block(&mut self) {
        self.sums.extend_from_slice(self.block.finalize().as_bytes());
        self.block.reset();
    }

    /// The checksums of all blocks.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.block.count() > 0 {
            self.end_block();
        }
        self.sums
    }
}

/// Compares what is read of some sections with checksums: blocks, if the file has checksums of them, else whole
/// sections. Each is compared once.
#[derive(Debug)]
pub struct CheckedBlocks {
    /// The section with the checksums of blocks, if there is one.
    sums: Option<SectionName>,
    sections: Vec<Blocks>,
}

/// The blocks of a section.
#[derive(Debug)]
struct Blocks {
    section: SectionName,
    /// The number of blocks of the sections before it.
    first: usize,
    /// Which blocks were compared. A section without checksums of blocks counts as one block.
    are_checked: Box<[AtomicBool]>,
}

impl CheckedBlocks {
    /// Nothing of `sections` is compared yet. `sums` is the section with the checksums of their blocks, which are in
    /// the order of `sections`.
    ///
    /// # Errors
    /// [`ContainerError`] when a section is missing, or there is not one checksum for each block.
    pub fn new(
        container: &Container,
        sections: &[SectionName],
        sums: Option<SectionName>,
    ) -> Result<Self, ContainerError> {
        let mut all = Vec::with_capacity(sections.len());
        let mut count = 0;
        for section in sections {
            let len = container.section(*section)?.len();
            let blocks = if sums.is_some() { len.div_ceil(BLOCK_LEN) } else { 1 };
            let are_checked = (0..blocks).map(|_| AtomicBool::new(false)).collect();
            all.push(Blocks { section: *section, first: count, are_checked });
            count += blocks;
        }
        if let Some(name) = sums
            && container.section(name)?.len() != count * SUM_LEN
        {
            let reason = format!("does not have one checksum for each of {count} blocks");
            return Err(container.bad(&format!("section {name:?}"), reason));
        }
        Ok(Self { sums, sections: all })
    }

    /// Compares the blocks that contain a range of a section of `container`, unless they were compared before.
    /// Bytes after the end of the section do not count.
    ///
    /// # Errors
    /// [`ContainerError::SectionDamaged`] with the range of the damaged block.
    pub fn check(
        &self,
        container: &Container,
        section: SectionName,
        range: Range<usize>,
    ) -> Result<(), ContainerError> {
        if range.is_empty() {
            return Ok(());
        }
        let Some(blocks) = self.sections.iter().find(|blocks| blocks.section == section) else {
            return container.check_section(section);
        };
        let Some(sums) = self.sums else {
            return check_once(&blocks.are_checked[0], || container.check_section(section));
        };
        let end = range.end.div_ceil(BLOCK_LEN).min(blocks.are_checked.len());
        for number in range.start / BLOCK_LEN..end {
            check_once(&blocks.are_checked[number], || {
                let sum = (blocks.first + number) * SUM_LEN;
                let sum = &container.section(sums)?[sum..sum + SUM_LEN];
                container.check_block(section, number * BLOCK_LEN, BLOCK_LEN, sum)
            })?;
        }
        Ok(())
    }

    /// Compares all blocks.
    ///
    /// # Errors
    /// As [`CheckedBlocks::check`].
    pub fn check_all(&self, container: &Container) -> Result<(), ContainerError> {
        let mut sections = self.sections.iter();
        sections.try_for_each(|blocks| self.check(container, blocks.section, 0..usize::MAX))
    }
}

/// Checks unless an earlier check succeeded. Threads may check the same at the same time.
fn check_once(
    is_checked: &AtomicBool,
    check: impl FnOnce() -> Result<(), ContainerError>,
) -> Result<(), ContainerError> {
    if !is_checked.load(Ordering::Relaxed) {
        check()?;
        is_checked.store(true, Ordering::Relaxed);
    }
    Ok(())
}
