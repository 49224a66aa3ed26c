//! MessageRoot: the chain trees and the shared tree of a settlement layer.
//!
//! | slot | variable | since |
//! | --- | --- | --- |
//! | 1 | `chainCount` | v26 |
//! | 2 | `chainIndex`: chain id → index | v26 |
//! | 3 | `chainIndexToId`: index → chain id | v26 |
//! | 4, 5, 6, 7 | `sharedTree`: `_height`, `_leafNumber`, `_nodes` (bytes32[][]), `_zeros` | v26 |
//! | 8 | `chainTree`: chain id → +0 `_nextLeafIndex`, +1 `_sides`, +2 `_zeros` | v26 |
//! | 9 | `historicalRoot`: block → +0 shared root, +1 timestamp of the block | v29; timestamp v33 |
//! | 11 | `currentChainBatchNumber`: chain id → batch number | v31 |
//! | 12 | `chainBatchRoots`: chain id → batch number → batch root | v31 |
//! | 13, 14 | `interopRootLogId`, `lastEmitBlock` | v31 |
//! | 15 | `chainBatchRootTimestamp`: chain id → batch number → timestamp of the block that executed the batch | v33 |
//! | 16 to 49 | a gap: zero in all known releases | v31 |
//! | 50 | on L1 `v31UpgradeChainBatchNumber`: chain id → batch number | v31 |
//!
//! In v33 the leaves of a chain are the batches with a timestamp. A chain's batches from before its upgrade, and
//! all batches of Era chains, have only a root.
//!
//! A draft of v33, which a preset of zksync-os-server (`local-chains/v32.0`) has, stores the timestamps under 13,
//! `interopRootLogId` under 14 and `lastEmitBlock` under 15.
//!
//! Source: era-contracts `MessageRoot.sol` (v26 to v30) and `MessageRootBase.sol` (v31 and v33),
//! `FullMerkle.sol`, `DynamicIncrementalMerkle.sol`.

use super::Storage;
use crate::{
    merkle::height,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, Word},
    state::{
        StateError, StorageReader,
        slots::{array_start, mapping_value, mapping_values},
    },
};

const CHAIN_COUNT: u64 = 1;
const CHAIN_INDEX: u64 = 2;
const CHAIN_INDEX_TO_ID: u64 = 3;
const SHARED_HEIGHT: u64 = 4;
const SHARED_LEAVES: u64 = 5;
const SHARED_NODES: u64 = 6;
const SHARED_ZEROS: u64 = 7;
const CHAIN_TREE: u64 = 8;
pub(super) const HISTORICAL_ROOT: u64 = 9;
const CURRENT_BATCH: u64 = 11;
const CHAIN_BATCH_ROOTS: u64 = 12;
pub(super) const INTEROP_ROOT_LOG_ID: u64 = 13;
pub(super) const LAST_EMIT_BLOCK: u64 = 14;
const V31_UPGRADE_BATCH_NUMBER: u64 = 50;
/// The first slot after the storage gap, which follows the variables of every release.
const VARIABLES_END: u64 = 64;

/// The largest number of chains that is read. Bridgehub allows 100, and a node stores the count in one byte.
/// A value above this limit means damage.
pub const MOST_CHAINS: u64 = 1 << 17;
/// The largest number of leaves in a tree.
const MOST_LEAVES: u64 = 1 << 40;

/// MessageRoot at an address.
pub struct MessageRoot<'s, S: ?Sized> {
    pub(super) state: &'s S,
    pub(super) address: Address,
    pub(super) storage: Storage<'s, S>,
}

/// A chain's tree as stored in MessageRoot: its frontier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainTreeStorage {
    /// `_nextLeafIndex`: the number of leaves.
    pub leaves: u64,
    /// `_sides`: the last left node of each level; the last entry is the root.
    pub sides: Vec<Hash>,
    /// `_zeros`: the roots of empty subtrees by height.
    pub zeros: Vec<Hash>,
}

impl<'s, S: StorageReader + ?Sized> MessageRoot<'s, S> {
    /// The contract at `address`.
    #[must_use]
    pub fn at(state: &'s S, address: Address) -> Self {
        Self { state, address, storage: Storage::new(state, address) }
    }

    /// The slot of `chainCount`, which is not zero once the contract is initialized.
    #[must_use]
    pub fn chain_count_slot() -> Word {
        CHAIN_COUNT.into()
    }

    /// The slot of `chainIndexToId[index]`.
    #[must_use]
    pub fn chain_at_slot(index: u64) -> Word {
        mapping_value(index.into(), CHAIN_INDEX_TO_ID.into())
    }

    /// The slot of `sharedTree._nodes[level][index]`.
    #[must_use]
    pub fn shared_node_slot(level: u32, index: u64) -> Word {
        array_start(array_start(SHARED_NODES.into()).wrapping_add(level.into())).wrapping_add(index)
    }

    /// The slot of `chainTree[chain]._sides[level]`.
    #[must_use]
    pub fn side_slot(chain: ChainId, level: u32) -> Word {
        let tree = mapping_value(chain.to_word(), CHAIN_TREE.into());
        array_start(tree.wrapping_add(1)).wrapping_add(level.into())
    }

    /// The contract's address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// How many slots of all contracts in the state are not zero.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.state.slots()
    }

    /// `chainCount`: the number of registered chains; zero when the state has no MessageRoot.
    ///
    /// # Errors
    /// [`StateError`] when the number is implausibly large.
    pub fn chain_count(&self) -> Result<u64, StateError> {
        self.storage.number(CHAIN_COUNT.into(), "chainCount", MOST_CHAINS)
    }

    /// `chainIndexToId`: the chain at an index of the shared tree.
    ///
    /// # Errors
    /// [`StateError`] when the id is zero or wider than 64 bits.
    pub fn chain_at(&self, index: u64) -> Result<ChainId, StateError> {
        self.chain_id(index, self.storage.word(Self::chain_at_slot(index))?)
    }

    fn chain_id(&self, index: u64, value: Word) -> Result<ChainId, StateError> {
        let slot = Self::chain_at_slot(index);
        let reason = match ChainId::try_from(value) {
            Ok(ChainId(0)) => "no chain has the id 0: the slot is missing from the dump",
            Ok(id) => return Ok(id),
            Err(_) => "chain ids wider than 64 bits are not supported",
        };
        Err(self.storage.implausible(slot, &format!("chainIndexToId[{index}]"), value, reason))
    }

    /// `chainIndex`: the index of a chain, zero for a chain that is not registered.
    ///
    /// # Errors
    /// [`StateError`] when the index is implausibly large.
    pub fn index_of(&self, chain: ChainId) -> Result<u64, StateError> {
        let slot = mapping_value(chain.to_word(), CHAIN_INDEX.into());
        self.storage.number(slot, &format!("chainIndex[{chain}]"), MOST_CHAINS)
    }

    /// `sharedTree._height`.
    ///
    /// # Errors
    /// [`StateError`] when the number is implausibly large.
    pub fn shared_height(&self) -> Result<u32, StateError> {
        let height = self.storage.number(SHARED_HEIGHT.into(), "sharedTree._height", 64)?;
        Ok(height as u32)
    }

    /// `sharedTree._leafNumber`.
    ///
    /// # Errors
    /// [`StateError`] when the number is implausibly large.
    pub fn shared_leaves(&self) -> Result<u64, StateError> {
        self.storage.number(SHARED_LEAVES.into(), "sharedTree._leafNumber", MOST_CHAINS)
    }

    /// `sharedTree._nodes[level]`, bottom level first.
    ///
    /// # Errors
    /// [`StateError`] when the length is implausibly large.
    pub fn shared_level(&self, level: u32) -> Result<Vec<Hash>, StateError> {
        let slot = array_start(SHARED_NODES.into()).wrapping_add(level.into());
        self.array(slot, &format!("sharedTree._nodes[{level}]"), MOST_CHAINS)
    }

    /// `sharedTree._nodes.length`: the number of levels.
    ///
    /// # Errors
    /// [`StateError`] when the number is implausibly large.
    pub fn shared_levels(&self) -> Result<u64, StateError> {
        self.storage.number(SHARED_NODES.into(), "sharedTree._nodes.length", 65)
    }

    /// `sharedTree._zeros`: the roots of empty subtrees by height.
    ///
    /// # Errors
    /// [`StateError`] when the length is implausibly large.
    pub fn shared_zeros(&self) -> Result<Vec<Hash>, StateError> {
        self.array(SHARED_ZEROS.into(), "sharedTree._zeros", 65)
    }

    /// The frontier of a chain's tree.
    ///
    /// # Errors
    /// [`StateError`] when a length is implausibly large.
    pub fn chain_tree(&self, chain: ChainId) -> Result<ChainTreeStorage, StateError> {
        let at = mapping_value(chain.to_word(), CHAIN_TREE.into());
        let variable = |field: &str| format!("chainTree[{chain}].{field}");
        let leaves = self.storage.number(at, &variable("_nextLeafIndex"), MOST_LEAVES)?;
        let sides = self.array(at.wrapping_add(1), &variable("_sides"), 65)?;
        let zeros = self.array(at.wrapping_add(2), &variable("_zeros"), 65)?;
        Ok(ChainTreeStorage { leaves, sides, zeros })
    }

    /// `historicalRoot` (since v29): the shared root at the end of a block; zero for a block in which it was
    /// not written.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn historical_root(&self, block: SlBlock) -> Result<Hash, StateError> {
        let slot = mapping_value(block.to_word(), HISTORICAL_ROOT.into());
        self.storage.word(slot).map(Word::to_hash)
    }

    /// The blocks of a range that have a `historicalRoot`, each with its root, in ascending order.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn historical_roots(
        &self,
        blocks: std::ops::Range<u64>,
    ) -> Result<Vec<(SlBlock, Hash)>, StateError> {
        let keys: Vec<SlBlock> = blocks.map(SlBlock).collect();
        let roots = self.state.read_many(self.address, &Self::historical_root_slots(&keys))?;
        let found = keys.into_iter().zip(roots).filter(|(_, root)| !root.is_zero());
        Ok(found.map(|(block, root)| (block, root.to_hash())).collect())
    }

    /// The slots of `historicalRoot` of these blocks.
    #[must_use]
    pub fn historical_root_slots(blocks: &[SlBlock]) -> Vec<Word> {
        mapping_values(blocks.iter().map(|block| block.to_word()), HISTORICAL_ROOT.into())
    }

    /// `currentChainBatchNumber` (since v31): the number of a chain's last batch.
    ///
    /// # Errors
    /// [`StateError`] when the number is wider than 64 bits.
    pub fn current_batch(&self, chain: ChainId) -> Result<BatchNumber, StateError> {
        let slot = mapping_value(chain.to_word(), CURRENT_BATCH.into());
        let variable = format!("currentChainBatchNumber[{chain}]");
        self.storage.number(slot, &variable, u64::MAX).map(BatchNumber)
    }

    /// The slot of `chainBatchRoots` (since v31) of one chain: batch number → batch root.
    #[must_use]
    pub fn batch_roots(&self, chain: ChainId) -> Word {
        mapping_value(chain.to_word(), CHAIN_BATCH_ROOTS.into())
    }

    /// `lastEmitBlock` (since v31): the last block with an interop root; zero when there is none.
    ///
    /// # Errors
    /// [`StateError`] when the number is wider than 64 bits.
    pub fn last_emit_block(&self) -> Result<SlBlock, StateError> {
        self.storage.number(LAST_EMIT_BLOCK.into(), "lastEmitBlock", u64::MAX).map(SlBlock)
    }

    /// Whether variables that only v31 has are not zero.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn has_v31_variables(&self) -> Result<bool, StateError> {
        self.storage.is_any_set(&[INTEROP_ROOT_LOG_ID, LAST_EMIT_BLOCK])
    }

    /// Whether any chain has a batch number that only v31 stores: `v31UpgradeChainBatchNumber` or
    /// `currentChainBatchNumber`. The ids of chains may have any width.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read, or the number of chains is implausibly large.
    pub fn has_v31_batch_numbers(&self) -> Result<bool, StateError> {
        let slots: Vec<Word> = (0..self.chain_count()?).map(Self::chain_at_slot).collect();
        let chains = self.state.read_many(self.address, &slots)?;
        let keys = || chains.iter().filter(|chain| !chain.is_zero()).copied();
        let mut slots = mapping_values(keys(), V31_UPGRADE_BATCH_NUMBER.into());
        slots.extend(mapping_values(keys(), CURRENT_BATCH.into()));
        let numbers = self.state.read_many(self.address, &slots)?;
        Ok(numbers.iter().any(|number| !number.is_zero()))
    }

    /// `chainBatchRoots` of one batch; zero when there is none.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn batch_root(&self, chain: ChainId, batch: BatchNumber) -> Result<Hash, StateError> {
        let slot = mapping_value(batch.to_word(), self.batch_roots(chain));
        self.storage.word(slot).map(Word::to_hash)
    }

    /// `v31UpgradeChainBatchNumber` (L1, since v31): the first batch of a chain whose root L1 stores in this
    /// contract. Zero for a chain that was created under v31.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn v31_upgrade_batch(&self, chain: ChainId) -> Result<Word, StateError> {
        self.storage.word(mapping_value(chain.to_word(), V31_UPGRADE_BATCH_NUMBER.into()))
    }

    /// The largest possible number of `historicalRoot`s of a contract before v31: the number of its slots
    /// minus those of all other variables. Slots of the proxy or of a later release are not subtracted, so
    /// the real number may be smaller. `None` when the source cannot count the slots of a contract.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn most_historical_roots(&self, chains: &[ChainId]) -> Result<Option<u64>, StateError> {
        let Some(all) = self.state.slot_count(self.address) else {
            return Ok(None);
        };
        let mut known: Vec<Word> = (0..VARIABLES_END).map(Word::from).collect();
        known.extend(self.array_entries(SHARED_ZEROS.into(), 65)?);
        let nodes = array_start(SHARED_NODES.into());
        for level in 0..self.shared_levels()? {
            known.push(nodes.wrapping_add(level));
            known.extend(self.array_entries(nodes.wrapping_add(level), MOST_CHAINS)?);
        }
        for (index, chain) in (0..).zip(chains) {
            known.push(mapping_value(chain.to_word(), CHAIN_INDEX.into()));
            known.push(Self::chain_at_slot(index));
            let tree = mapping_value(chain.to_word(), CHAIN_TREE.into());
            known.extend((0..3).map(|field| tree.wrapping_add(field)));
            known.extend(self.array_entries(tree.wrapping_add(1), 65)?);
            known.extend(self.array_entries(tree.wrapping_add(2), 65)?);
        }
        let mut other = 0;
        for slot in known {
            other += u64::from(!self.storage.word(slot)?.is_zero());
        }
        Ok(Some(all.saturating_sub(other)))
    }

    fn array(&self, slot: Word, variable: &str, most: u64) -> Result<Vec<Hash>, StateError> {
        let length = self.storage.number(slot, &format!("{variable}.length"), most)?;
        let start = array_start(slot);
        (0..length).map(|i| self.storage.word(start.wrapping_add(i)).map(Word::to_hash)).collect()
    }

    fn array_entries(
        &self,
        slot: Word,
        most: u64,
    ) -> Result<impl Iterator<Item = Word> + use<S>, StateError> {
        let length = self.storage.number(slot, "an array's length", most)?;
        let start = array_start(slot);
        Ok((0..length).map(move |i| start.wrapping_add(i)))
    }
}

impl ChainTreeStorage {
    /// The root, as the contract returns it: the last entry of `_sides`, zero while there is no batch.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.sides.last().copied().unwrap_or_default()
    }

    /// The expected length of `_sides` and of `_zeros` for this number of leaves.
    #[must_use]
    pub fn expected_len(&self) -> usize {
        height(self.leaves) as usize + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sample::Slots;

    const HOLDER: Address = Address::new([0xaa; 20]);

    /// An array of words that are not zero.
    fn array(state: Slots, slot: Word, len: u64) -> Slots {
        let entries = (0..len).map(|i| array_start(slot).wrapping_add(i));
        entries.fold(state.with(HOLDER, slot, len), |state, entry| state.with(HOLDER, entry, 7))
    }

    #[test]
    fn slots_of_no_other_variable_may_hold_historical_roots() {
        let chains = [ChainId(506), ChainId(324)];
        let mut state = Slots::default()
            .with(HOLDER, CHAIN_COUNT.into(), 2)
            .with(HOLDER, SHARED_HEIGHT.into(), 1)
            .with(HOLDER, SHARED_LEAVES.into(), 2)
            .with(HOLDER, SHARED_NODES.into(), 2);
        for (level, nodes) in [(0, 2), (1, 1)] {
            let level = array_start(SHARED_NODES.into()).wrapping_add(level);
            state = array(state, level, nodes);
        }
        state = array(state, SHARED_ZEROS.into(), 2);
        for (index, chain) in (0..).zip(chains) {
            let tree = mapping_value(chain.to_word(), CHAIN_TREE.into());
            state = state
                .with(HOLDER, MessageRoot::<Slots>::chain_at_slot(index), chain.to_word())
                .with(HOLDER, mapping_value(chain.to_word(), CHAIN_INDEX.into()), index)
                .with(HOLDER, tree, 3);
            state = array(state, tree.wrapping_add(1), 3);
            state = array(state, tree.wrapping_add(2), 3);
        }
        for slot in MessageRoot::<Slots>::historical_root_slots(&[5, 8, 13].map(SlBlock)) {
            state = state.with(HOLDER, slot, 7);
        }
        let most = MessageRoot::at(&state, HOLDER).most_historical_roots(&chains).unwrap();
        assert_eq!(most, Some(3));
    }
}
