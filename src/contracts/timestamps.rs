//! What v33 adds to MessageRoot: timestamps. See [`MessageRoot`] for the slots.

use super::{
    ForeignLayout, MessageRoot,
    message_root::{HISTORICAL_ROOT, INTEROP_ROOT_LOG_ID, LAST_EMIT_BLOCK},
};
use crate::{
    primitives::{BatchNumber, ChainId, SlBlock, Timestamp, Word},
    state::{
        StateError, StorageReader,
        slots::{mapping_value, mapping_values},
    },
};

const CHAIN_BATCH_ROOT_TIMESTAMP: u64 = 15;
/// The slots after the variables of v33, which are zero up to the first variable of L1 and L2 alone.
const GAP: std::ops::Range<u64> = 16..50;

impl<S: StorageReader + ?Sized> MessageRoot<'_, S> {
    /// The second word of `historicalRoot` (since v33): the timestamp of a block; zero for a block whose root an
    /// earlier release wrote, and for one without a root.
    ///
    /// # Errors
    /// [`StateError`] when the timestamp is wider than 64 bits.
    pub fn root_timestamp(&self, block: SlBlock) -> Result<Timestamp, StateError> {
        let slot = mapping_value(block.to_word(), HISTORICAL_ROOT.into()).wrapping_add(1);
        let variable = format!("historicalRoot[{block}].timestamp");
        self.storage.number(slot, &variable, u64::MAX).map(Timestamp)
    }

    /// As [`MessageRoot::root_timestamp`], of many blocks.
    ///
    /// # Errors
    /// [`StateError`] when a timestamp is wider than 64 bits.
    pub fn root_timestamps(&self, blocks: &[SlBlock]) -> Result<Vec<Timestamp>, StateError> {
        let slots: Vec<Word> = Self::historical_root_slots(blocks)
            .into_iter()
            .map(|slot| slot.wrapping_add(1))
            .collect();
        let words = self.state.read_many(self.address, &slots)?;
        let timestamps = words.iter().zip(&slots).zip(blocks).map(|((word, slot), block)| {
            let variable = || format!("historicalRoot[{block}].timestamp");
            self.timestamp(*slot, *word, variable)
        });
        timestamps.collect()
    }

    fn timestamp(
        &self,
        slot: Word,
        word: Word,
        variable: impl Fn() -> String,
    ) -> Result<Timestamp, StateError> {
        let wide = |_| self.storage.implausible(slot, &variable(), word, "wider than 64 bits");
        Timestamp::try_from(word).map_err(wide)
    }

    /// `chainBatchRootTimestamp` (since v33): when each of these batches was executed; zero for a batch that is
    /// no leaf.
    ///
    /// # Errors
    /// [`StateError`] when a timestamp is wider than 64 bits.
    pub fn batch_timestamps(
        &self,
        chain: ChainId,
        batches: &[BatchNumber],
    ) -> Result<Vec<Timestamp>, StateError> {
        let of_chain = mapping_value(chain.to_word(), CHAIN_BATCH_ROOT_TIMESTAMP.into());
        let slots = mapping_values(batches.iter().map(|batch| batch.to_word()), of_chain);
        let words = self.state.read_many(self.address, &slots)?;
        let timestamps = words.iter().zip(&slots).zip(batches).map(|((word, slot), batch)| {
            let variable = || format!("chainBatchRootTimestamp[{chain}][{batch}]");
            self.timestamp(*slot, *word, variable)
        });
        timestamps.collect()
    }

    /// Whether the newest root has a timestamp, as v33 stores it. Right after an upgrade to v33, until the first
    /// batch or chain, nothing in the storage shows the release.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn has_timestamps(&self) -> Result<bool, StateError> {
        let newest = self.last_emit_block()?;
        Ok(newest.0 != 0 && self.root_timestamp(newest)?.0 != 0)
    }

    /// `interopRootLogId` (since v31): the number of blocks with a `historicalRoot` that v31 and later releases
    /// stored. Earlier ones stored none on L1.
    ///
    /// # Errors
    /// [`StateError`] when the number is wider than 64 bits.
    pub fn interop_root_log_id(&self) -> Result<u64, StateError> {
        self.storage.number(INTEROP_ROOT_LOG_ID.into(), "interopRootLogId", u64::MAX)
    }

    /// The layout, if it is none of the known ones, or a known one that is not supported. Of proven slots, those that are
    /// proven show it: `needs` asks for all of them, but answers to other requests may lack some.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn foreign_layout(&self) -> Result<Option<ForeignLayout>, StateError> {
        let is_set = |slot: u64| match self.storage.is_any_set(&[slot]) {
            Err(StateError::NotProven { .. }) => Ok(false),
            read => read,
        };
        for slot in GAP {
            if is_set(slot)? {
                return Ok(Some(ForeignLayout::Newer { slot }));
            }
        }
        // The release has a mapping under 15, whose own slot is zero.
        Ok(match is_set(CHAIN_BATCH_ROOT_TIMESTAMP)? {
            false => None,
            true if !is_set(INTEROP_ROOT_LOG_ID)? && is_set(LAST_EMIT_BLOCK)? => {
                Some(ForeignLayout::DraftOfV33)
            }
            true => Some(ForeignLayout::Newer { slot: CHAIN_BATCH_ROOT_TIMESTAMP }),
        })
    }
}
