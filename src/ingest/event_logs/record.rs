use crate::{
    archive::Place,
    ingest::state::ImportError,
    primitives::{Address, Hash, SlBlock, Word},
};

/// A log of a contract, as every form of export describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ingest) struct EventLog {
    /// The contract. `None` if the file does not say it.
    pub(in crate::ingest) address: Option<Address>,
    /// At most four topics. An anonymous event may have none.
    pub(in crate::ingest) topics: Vec<Word>,
    /// The data. `None` if the file has no column or member for them; a null value is empty data.
    pub(in crate::ingest) data: Option<Vec<u8>>,
    /// The block.
    pub(in crate::ingest) block: SlBlock,
    /// The index in the block.
    pub(in crate::ingest) log_index: u64,
    /// The hash of the transaction. `None` for logs outside of transactions, too.
    pub(in crate::ingest) tx_hash: Option<Hash>,
    /// The index of the transaction in the block. Old versions of Erigon write 0 for all of them.
    pub(in crate::ingest) tx_index: Option<u64>,
    /// The batch of the chain that contains the block. `None` before the batch is sealed, and for 0, with which
    /// tables of block explorers mark an unknown batch.
    pub(in crate::ingest) l1_batch: Option<u64>,
    /// The hash of the block.
    pub(in crate::ingest) block_hash: Option<Hash>,
    /// Whether the log was removed together with its block.
    pub(in crate::ingest) removed: bool,
}

/// The position of a log in a file.
#[derive(Clone, Copy, Debug)]
pub(in crate::ingest) struct LogPlace<'n> {
    /// The name of the file.
    pub(in crate::ingest) name: &'n str,
    /// The position in it.
    pub(in crate::ingest) place: Place,
}

impl LogPlace<'_> {
    /// An error about the log at this position.
    pub(in crate::ingest) fn bad(
        &self,
        what: impl Into<String>,
        reason: impl ToString,
    ) -> ImportError {
        ImportError::Log {
            name: self.name.into(),
            place: self.place,
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}
