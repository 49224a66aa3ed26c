use std::collections::BTreeMap;

use crate::{
    ingest::l1::LayerRecord,
    primitives::{Address, SlBatch, SlBlock, Word},
    snapshot::Snapshot,
    state::{StateError, StorageReader},
};

/// The first value of every slot that was written up to the end of a batch of the settlement layer, with the batch
/// roots that are known from messages. A slot that is written again has another value now.
#[derive(Debug)]
pub(super) struct FirstValues<'r> {
    published: &'r Snapshot,
    /// The last batch, if those after it do not count.
    end: Option<SlBatch>,
    filled: BTreeMap<(Address, Word), (Word, SlBatch)>,
}

impl<'r> FirstValues<'r> {
    pub(super) fn new(record: &'r LayerRecord) -> Self {
        Self { published: &record.first_values, end: None, filled: BTreeMap::new() }
    }

    /// Takes no values of the batches after this one.
    pub(super) fn end_with(&mut self, end: Option<SlBatch>) {
        self.end = end;
    }

    /// Adds the value of a slot that a missing batch of the settlement layer wrote.
    pub(super) fn fill(&mut self, contract: Address, slot: Word, value: Word, since: SlBatch) {
        self.filled.insert((contract, slot), (value, since));
    }

    fn since(&self, contract: Address, slots: &[Word]) -> Vec<Option<SlBatch>> {
        let published = self.published.first_writes(contract, slots);
        published.unwrap_or_else(|| vec![None; slots.len()])
    }
}

impl StorageReader for FirstValues<'_> {
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
        Ok(self.read_many(contract, &[slot])?[0])
    }

    fn read_many(&self, contract: Address, slots: &[Word]) -> Result<Vec<Word>, StateError> {
        let mut words = self.published.read_many(contract, slots)?;
        if let Some(end) = self.end {
            for (word, since) in words.iter_mut().zip(self.since(contract, slots)) {
                if since.is_some_and(|since| since > end) {
                    *word = Word::ZERO;
                }
            }
        }
        if !self.filled.is_empty() {
            for (word, slot) in words.iter_mut().zip(slots) {
                if let Some((filled, _)) = self.filled.get(&(contract, *slot)) {
                    *word = *filled;
                }
            }
        }
        Ok(words)
    }

    fn expect_reads(&self, slots: u64) {
        self.published.expect_reads(slots);
    }

    fn first_writes(&self, contract: Address, slots: &[Word]) -> Option<Vec<Option<SlBatch>>> {
        let mut since = self.since(contract, slots);
        for (since, slot) in since.iter_mut().zip(slots) {
            if let Some((_, filled)) = self.filled.get(&(contract, *slot)) {
                *since = Some(*filled);
            }
        }
        Some(since)
    }

    fn slot_count(&self, _: Address) -> Option<u64> {
        None
    }

    fn slots(&self) -> u64 {
        self.published.slots()
    }

    fn block(&self) -> Option<SlBlock> {
        None
    }
}
