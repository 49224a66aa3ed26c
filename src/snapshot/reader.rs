use std::{path::Path, sync::OnceLock};

use bytemuck::{Pod, Zeroable, cast_slice};
use rayon::prelude::*;

use super::{ACCOUNTS, BATCHES, BLOCKS, ENTRIES, INDEXES, SnapshotHeader};
use crate::{
    files::{Access, Container, ContainerError, Kind, SectionName},
    primitives::{Address, Hash, SlBatch, SlBlock, Word},
    state::{
        KeyIndex, StateError, StorageReader,
        entries::{Entry, find},
        keys::{AccountKey, SlotForm, era_key, era_keys, trie_slot_key, trie_slot_keys},
    },
};

/// A [`KeyIndex`] pays when at least one in this many entries is looked up.
const LOOKUPS_PER_KEY_INDEX: u64 = 16;

/// A row of the section `accounts`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct AccountRow {
    pub(super) account: Hash,
    pub(super) slots: [u8; 8],
}

/// When a slot was written for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstWrite {
    /// The SL batch.
    pub batch: SlBatch,
    /// The slot's enumeration index in the state tree.
    pub index: u64,
}

/// A state snapshot, mapped or in memory.
#[derive(Debug)]
pub struct Snapshot {
    container: Container,
    header: SnapshotHeader,
    /// Built when many lookups are announced.
    key_index: OnceLock<KeyIndex>,
}

impl Snapshot {
    /// Opens a snapshot. This takes the same short time for any size: it does not read the sections.
    /// [`Snapshot::check`] does.
    ///
    /// # Errors
    /// [`ContainerError`], which names the file, when it is not a snapshot, is damaged, or its sections do
    /// not fit its header.
    pub fn open(path: &Path, access: Access) -> Result<Self, ContainerError> {
        Self::of(Container::open(path, access)?)
    }

    /// Reads an open container as a snapshot.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn of(container: Container) -> Result<Self, ContainerError> {
        let container = container.expect(Kind::SNAPSHOT)?;
        let header: SnapshotHeader = container.header()?;
        let n = header.entries;
        let fits = |name: SectionName, row: u64| match container.find(name) {
            Some(bytes) if Some(bytes.len() as u64) != n.checked_mul(row) => Err(container.bad(
                &format!("section {name:?}"),
                format!("has {} bytes, not {row} for each of {n} entries", bytes.len()),
            )),
            section => Ok(section.is_some()),
        };
        container.section(ENTRIES)?;
        fits(ENTRIES, 64)?;
        fits(BLOCKS, 8)?;
        if fits(BATCHES, 4)? != fits(INDEXES, 8)? {
            return Err(container
                .bad("section table", "has only one of the sections \"batches\" and \"indexes\""));
        }
        let accounts = container.find(ACCOUNTS).map_or(0, <[u8]>::len);
        if !accounts.is_multiple_of(size_of::<AccountRow>()) {
            return Err(container.bad("section \"accounts\"", "ends within a row"));
        }
        Ok(Self::written(container, header))
    }

    /// Takes a container that was just written with this header.
    pub(super) fn written(container: Container, header: SnapshotHeader) -> Self {
        Self { container, header, key_index: OnceLock::new() }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &SnapshotHeader {
        &self.header
    }

    /// The name of the file, or of the dump that it was made from in memory.
    #[must_use]
    pub fn name(&self) -> &str {
        self.container.name()
    }

    /// The container of the snapshot.
    #[must_use]
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// All slots that are not zero, in ascending order of their keys.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        cast_slice(self.container.find(ENTRIES).unwrap_or_default())
    }

    /// How many accounts have storage; `None` when the source does not store slots by account.
    #[must_use]
    pub fn accounts(&self) -> Option<u64> {
        self.account_rows().map(|rows| rows.len() as u64)
    }

    fn account_rows(&self) -> Option<&[AccountRow]> {
        self.container.find(ACCOUNTS).map(cast_slice)
    }

    /// When a slot was first written; `None` when the slot is zero or the source does not record it.
    #[must_use]
    pub fn first_write(&self, contract: Address, slot: Word) -> Option<FirstWrite> {
        let at = find(self.entries(), &era_key(contract, slot))?;
        self.first_write_at(at)
    }

    /// When the entry at a position of [`Snapshot::entries`] was first written.
    #[must_use]
    pub fn first_write_at(&self, at: usize) -> Option<FirstWrite> {
        let batches: &[[u8; 4]] = cast_slice(self.container.find(BATCHES)?);
        let indexes: &[[u8; 8]] = cast_slice(self.container.find(INDEXES)?);
        let batch = SlBatch(u32::from_le_bytes(*batches.get(at)?).into());
        Some(FirstWrite { batch, index: u64::from_le_bytes(*indexes.get(at)?) })
    }

    /// Reads every byte. Checks the checksums, that keys are ascending, and that no value is zero.
    ///
    /// # Errors
    /// [`ContainerError`], which names the damaged section and its byte range.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.container.check()?;
        let entries = self.entries();
        if entries.par_windows(2).any(|pair| pair[0].key >= pair[1].key) {
            return Err(self.container.bad("section \"entries\"", "its keys are not ascending"));
        }
        if entries.par_iter().any(|entry| entry.value.is_zero()) {
            return Err(self.container.bad("section \"entries\"", "holds a value that is zero"));
        }
        let rows = self.account_rows().unwrap_or_default();
        if rows.windows(2).any(|pair| pair[0].account >= pair[1].account) {
            return Err(self.container.bad("section \"accounts\"", "its rows are not ascending"));
        }
        Ok(())
    }

    /// The positions of many keys.
    fn positions(&self, keys: &[Hash]) -> Vec<Option<usize>> {
        let entries = self.entries();
        match self.key_index.get() {
            Some(index) => index.find_each(entries, keys),
            None => keys.iter().map(|key| find(entries, key)).collect(),
        }
    }

    fn find_each(&self, keys: &[Hash]) -> impl Iterator<Item = Word> {
        let entries = self.entries();
        let found = self.positions(keys).into_iter();
        found.map(|at| at.map_or(Word::ZERO, |at| entries[at].value))
    }

    fn find(&self, key: &Hash) -> Word {
        let entries = self.entries();
        find(entries, key).map_or(Word::ZERO, |at| entries[at].value)
    }
}

/// The word under the address or under its hash; an error when both are stored and differ.
fn one_of(
    contract: Address,
    slot: Word,
    by_address: Word,
    by_hash: Word,
) -> Result<Word, StateError> {
    match (by_address.is_zero(), by_hash.is_zero()) {
        (_, true) => Ok(by_address),
        (true, false) => Ok(by_hash),
        (false, false) if by_address == by_hash => Ok(by_address),
        (false, false) => Err(StateError::TwoValues { contract, slot, by_address, by_hash }),
    }
}

impl StorageReader for Snapshot {
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
        let by_address = match self.header.era_keys {
            true => self.find(&era_key(contract, slot)),
            false => Word::ZERO,
        };
        let by_hash = match self.header.trie_keys {
            true => self.find(&trie_slot_key(AccountKey::Address(contract), slot)),
            false => Word::ZERO,
        };
        one_of(contract, slot, by_address, by_hash)
    }

    fn read_many(&self, contract: Address, slots: &[Word]) -> Result<Vec<Word>, StateError> {
        let mut keys = Vec::with_capacity(slots.len());
        let mut words = vec![Word::ZERO; slots.len()];
        if self.header.era_keys {
            era_keys(slots.iter().map(|slot| (contract, *slot)), &mut keys);
            words.iter_mut().zip(self.find_each(&keys)).for_each(|(word, found)| *word = found);
        }
        if self.header.trie_keys {
            keys.clear();
            let account = AccountKey::Address(contract);
            trie_slot_keys(account, SlotForm::Plain, slots.iter().copied(), &mut keys);
            for ((word, found), slot) in words.iter_mut().zip(self.find_each(&keys)).zip(slots) {
                *word = one_of(contract, *slot, *word, found)?;
            }
        }
        Ok(words)
    }

    fn expect_reads(&self, slots: u64) {
        let entries = self.entries();
        // For fewer reads, building an index takes longer than it saves.
        if slots.saturating_mul(LOOKUPS_PER_KEY_INDEX) >= entries.len() as u64
            && self.key_index.get().is_none()
        {
            // Another thread may have set the same index.
            let _ = self.key_index.set(KeyIndex::of(entries));
        }
    }

    fn first_writes(&self, contract: Address, slots: &[Word]) -> Option<Vec<Option<SlBatch>>> {
        self.container.find(BATCHES)?;
        let mut keys = Vec::with_capacity(slots.len());
        era_keys(slots.iter().map(|slot| (contract, *slot)), &mut keys);
        let found = self.positions(&keys).into_iter();
        Some(found.map(|at| Some(self.first_write_at(at?)?.batch)).collect())
    }

    fn first_blocks(&self, contract: Address, slots: &[Word]) -> Option<Vec<Option<SlBlock>>> {
        let blocks: &[[u8; 8]] = cast_slice(self.container.find(BLOCKS)?);
        let mut keys = Vec::with_capacity(slots.len());
        era_keys(slots.iter().map(|slot| (contract, *slot)), &mut keys);
        let block = |at: usize| blocks.get(at).map(|block| SlBlock(u64::from_le_bytes(*block)));
        Some(self.positions(&keys).into_iter().map(|at| block(at?)).collect())
    }

    fn slot_count(&self, contract: Address) -> Option<u64> {
        let rows = self.account_rows()?;
        let account = AccountKey::Address(contract).hash();
        let found = rows.binary_search_by_key(&account, |row| row.account);
        Some(found.map_or(0, |at| u64::from_le_bytes(rows[at].slots)))
    }

    fn slots(&self) -> u64 {
        self.header.entries
    }

    fn block(&self) -> Option<SlBlock> {
        self.header.source.block
    }
}
