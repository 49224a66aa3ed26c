use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use crate::{
    message::{BatchView, ImtRoots},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The header of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveHeader {
    /// The number of batches.
    pub batches: u64,
    /// The number of logs.
    pub logs: u64,
    /// The number of messages whose bytes are in the archive.
    pub messages: u64,
    /// The total length of these messages in bytes.
    pub message_bytes: u64,
    /// The number of logs whose transaction hash is in the archive.
    pub transactions: u64,
    /// The number of batches with roots of the interop commitment tree: the entries of the section `imt`, which
    /// show it in a file.
    #[serde(skip)]
    pub imt: u64,
}

impl ArchiveHeader {
    /// Adds the numbers of another archive.
    pub(super) fn add(&mut self, other: &Self) {
        self.batches += other.batches;
        self.logs += other.logs;
        self.messages += other.messages;
        self.message_bytes += other.message_bytes;
        self.transactions += other.transactions;
        self.imt += other.imt;
    }
}

/// A row of the section `batches`; the module documentation lists the fields. It has only byte fields, so it
/// needs no alignment.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct BatchRow {
    chain: [u8; 8],
    batch: [u8; 8],
    first_log: [u8; 8],
    first_message: [u8; 8],
    first_byte: [u8; 8],
    first_transaction: [u8; 8],
    logs: [u8; 4],
    messages: [u8; 4],
    flags: [u8; 4],
    imt: [u8; 4],
    aggregated_root: Hash,
}

const _: () = assert!(size_of::<BatchRow>() == 96 && align_of::<BatchRow>() == 1);

impl BatchRow {
    const HAS_AGGREGATED_ROOT: u32 = 1;
    const HAS_TRANSACTIONS: u32 = 2;
    const HAS_IMT_ROOTS: u32 = 4;
    const HAS_IMT_NODE: u32 = 8;

    /// The row of a batch after the batches that `before` counts.
    pub(super) fn new(batch: &BatchView<'_>, before: &ArchiveHeader) -> Self {
        let mut flags = 0;
        if batch.aggregated_root.is_some() {
            flags |= Self::HAS_AGGREGATED_ROOT;
        }
        if !batch.transactions.is_empty() {
            flags |= Self::HAS_TRANSACTIONS;
        }
        flags |= match batch.imt {
            None => 0,
            Some(ImtRoots::Both { .. }) => Self::HAS_IMT_ROOTS,
            Some(ImtRoots::Node(_)) => Self::HAS_IMT_NODE,
        };
        // There are fewer batches than 2^32: each takes 96 bytes.
        let imt = if batch.imt.is_some() { before.imt as u32 } else { 0 };
        Self {
            chain: batch.chain.0.to_le_bytes(),
            batch: batch.batch.0.to_le_bytes(),
            first_log: before.logs.to_le_bytes(),
            first_message: before.messages.to_le_bytes(),
            first_byte: before.message_bytes.to_le_bytes(),
            first_transaction: before.transactions.to_le_bytes(),
            // A batch has at most 16384 logs, and at most as many messages as logs.
            logs: (batch.logs.len() as u32).to_le_bytes(),
            messages: (batch.messages.len() as u32).to_le_bytes(),
            flags: flags.to_le_bytes(),
            imt: imt.to_le_bytes(),
            aggregated_root: batch.aggregated_root.unwrap_or_default(),
        }
    }

    pub(super) fn chain(&self) -> ChainId {
        ChainId(u64::from_le_bytes(self.chain))
    }

    pub(super) fn batch(&self) -> BatchNumber {
        BatchNumber(u64::from_le_bytes(self.batch))
    }

    pub(super) fn key(&self) -> (ChainId, BatchNumber) {
        (self.chain(), self.batch())
    }

    pub(super) fn first_log(&self) -> u64 {
        u64::from_le_bytes(self.first_log)
    }

    pub(super) fn first_message(&self) -> u64 {
        u64::from_le_bytes(self.first_message)
    }

    pub(super) fn first_byte(&self) -> u64 {
        u64::from_le_bytes(self.first_byte)
    }

    pub(super) fn first_transaction(&self) -> u64 {
        u64::from_le_bytes(self.first_transaction)
    }

    pub(super) fn logs(&self) -> u64 {
        u32::from_le_bytes(self.logs).into()
    }

    pub(super) fn messages(&self) -> u64 {
        u32::from_le_bytes(self.messages).into()
    }

    pub(super) fn transactions(&self) -> u64 {
        if self.flags() & Self::HAS_TRANSACTIONS == 0 { 0 } else { self.logs() }
    }

    pub(super) fn aggregated_root(&self) -> Option<Hash> {
        (self.flags() & Self::HAS_AGGREGATED_ROOT != 0).then_some(self.aggregated_root)
    }

    /// The index of its entry in the section `imt`, and whether it is of both roots.
    pub(super) fn imt(&self) -> Option<(u64, bool)> {
        let index = u32::from_le_bytes(self.imt).into();
        match self.flags() & (Self::HAS_IMT_ROOTS | Self::HAS_IMT_NODE) {
            0 => None,
            flag => Some((index, flag == Self::HAS_IMT_ROOTS)),
        }
    }

    /// Whether the row uses only known flags, and those of the interop commitment tree not together.
    pub(super) fn is_understood(&self) -> bool {
        let of_imt = Self::HAS_IMT_ROOTS | Self::HAS_IMT_NODE;
        let known = Self::HAS_AGGREGATED_ROOT | Self::HAS_TRANSACTIONS | of_imt;
        let flags = self.flags();
        let is_padded = flags & of_imt != 0 || self.imt == [0; 4];
        flags & !known == 0 && flags & of_imt != of_imt && is_padded
    }

    fn flags(&self) -> u32 {
        u32::from_le_bytes(self.flags)
    }
}

/// An entry of the section `imt`.
pub(super) fn imt_entry(imt: ImtRoots) -> [Hash; 2] {
    match imt {
        ImtRoots::Both { begin, end } => [begin, end],
        ImtRoots::Node(node) => [node, Hash::ZERO],
    }
}

/// The roots in an entry of the section `imt`.
pub(super) fn imt_roots([first, second]: [Hash; 2], are_both: bool) -> ImtRoots {
    match are_both {
        true => ImtRoots::Both { begin: first, end: second },
        false => ImtRoots::Node(first),
    }
}

/// A row of the sections `by-msg` and `by-tx`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct IndexRow {
    beginning: [u8; 8],
    log: [u8; 8],
}

const _: () = assert!(size_of::<IndexRow>() == 16 && align_of::<IndexRow>() == 1);

impl IndexRow {
    pub(super) fn new(beginning: u64, log: u64) -> Self {
        Self { beginning: beginning.to_be_bytes(), log: log.to_le_bytes() }
    }

    /// The prefix of the hash, the first sort key of the rows.
    pub(super) fn prefix_u64(&self) -> u64 {
        u64::from_be_bytes(self.beginning)
    }

    /// The number of the log.
    pub(super) fn log(&self) -> u64 {
        u64::from_le_bytes(self.log)
    }
}
