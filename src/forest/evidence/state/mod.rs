//! Evidence from a state, in which the contracts store the batch roots, the frontier of every chain tree, the
//! whole shared tree, and the interop roots.

mod batch_roots;
mod stored_nodes;

use rayon::prelude::*;

use super::{
    Evidence, RecordedChain,
    block_roots::{self, Newest},
    first_writes,
};
use crate::{
    contracts::{ChainTreeStorage, Layout, MessageRoot},
    forest::{BatchNumbers, Forest, RebuildError, RebuildOptions, step::Step},
    merkle::Tree,
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp, ordered::try_map},
    proof::CheckedBy,
    state::StorageReader,
};

/// Timestamps that a thread reads at once.
const CHUNK: usize = 1 << 10;

/// What the contracts of a settlement layer store about its trees.
pub(in crate::forest) struct StateEvidence<'s, S: ?Sized> {
    state: &'s S,
    options: RebuildOptions,
    message_root: MessageRoot<'s, S>,
    block: Option<SlBlock>,
    layout: Layout,
    chains: Vec<RecordedChain>,
    /// The frontiers of the chain trees, by chain index.
    stored: Vec<ChainTreeStorage>,
}

impl<'s, S: StorageReader + ?Sized> StateEvidence<'s, S> {
    /// Reads the registry of chains and the frontiers of their trees.
    pub(in crate::forest) fn read(
        state: &'s S,
        options: &RebuildOptions,
    ) -> Result<Self, RebuildError> {
        let message_root = MessageRoot::at(state, options.addresses.message_root);
        let chains = registry(&message_root)?;
        let sl_chain = chains[0];
        if let Some(expected) = options.sl_chain
            && expected != sl_chain
        {
            return Err(RebuildError::OtherSettlementLayer { expected, found: sl_chain });
        }
        let block = match (options.last_block, state.block()) {
            (Some(given), Some(stated)) if given != stated => {
                return Err(RebuildError::OtherBlock { given, stated });
            }
            (given, stated) => given.or(stated),
        };
        let layout = layout(&message_root, &chains)?;
        let stored: Vec<ChainTreeStorage> =
            try_map(chains.par_iter(), |chain| message_root.chain_tree(*chain))?;
        // Every batch has a slot for its root. So a damaged leaf count never allocates more memory than
        // the dump itself takes.
        let (slots, mut batches) = (state.slots(), 0u64);
        for (chain, tree) in chains.iter().zip(&stored) {
            batches = batches.saturating_add(tree.leaves);
            if batches > slots {
                return Err(RebuildError::TooManyBatches { chain: *chain, batches, slots });
            }
        }
        // One root for every batch. There are few interop roots in comparison.
        state.expect_reads(batches);
        let recorded =
            |(id, tree): (_, &ChainTreeStorage)| RecordedChain { id, batches: tree.leaves };
        let chains = chains.into_iter().zip(&stored).map(recorded).collect();
        let options = *options;
        Ok(Self { state, options, message_root, block, layout, chains, stored })
    }

    /// Passes the interop roots up to block `newest` to `take`, in windows: the newest window first, with the
    /// roots of each window in ascending order.
    pub(in crate::forest) fn block_roots<E: From<RebuildError>>(
        &self,
        newest: SlBlock,
        take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<(), E> {
        block_roots::all_from(&self.message_root, &self.chain_ids(), newest, take)
    }

    /// How many more interop roots the contract counts than were found up to block `newest`. It counts since v31. Where
    /// not all blocks were tried before v33, this is not known, and none counts as lost.
    pub(in crate::forest) fn lost_roots(
        &self,
        found: u64,
        newest: SlBlock,
    ) -> Result<u64, RebuildError> {
        // Since v33 timestamps tell the first root of a batch. So no proof is refused for a root of an earlier block,
        // which would be counted too.
        if self.layout < Layout::V33 && block_roots::searched_from(self.state, newest).0 > 0 {
            return Ok(0);
        }
        // Drafts of v31 without this variable counted in other ways.
        if self.message_root.last_emit_block()?.0 == 0 {
            return Ok(0);
        }
        Ok(self.message_root.interop_root_log_id()?.saturating_sub(found))
    }

    /// The changes up to the root of each of these blocks, where first writes were recorded; `None` if the
    /// state records none. The caller must check that they lead to the roots.
    pub(in crate::forest) fn steps(
        &self,
        forest: &Forest,
        blocks: &[SlBlock],
    ) -> Result<Option<Vec<Option<Step>>>, RebuildError> {
        if self.layout == Layout::V33 {
            let timestamps = self.root_timestamps(blocks)?;
            return Ok(Some(steps_by_time(forest, &timestamps)));
        }
        Ok(first_writes::steps(self.state, self.options.addresses, forest, blocks)?)
    }

    fn chain_ids(&self) -> Vec<ChainId> {
        self.chains.iter().map(|chain| chain.id).collect()
    }
}

impl<S: StorageReader + ?Sized> Evidence for StateEvidence<'_, S> {
    fn kind(&self) -> CheckedBy {
        CheckedBy::STATE
    }

    fn block(&self) -> Option<SlBlock> {
        self.block
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn chains(&self) -> &[RecordedChain] {
        &self.chains
    }

    fn batch_roots(&self, roots: Vec<&mut [Hash]>) -> Result<Vec<BatchNumbers>, RebuildError> {
        let &Self { state, layout, ref message_root, .. } = self;
        let bridgehub = self.options.addresses.bridgehub;
        let places = batch_roots::Places { state, layout, message_root, bridgehub };
        places.collect(&self.chains, self.options.max_gap, roots)
    }

    fn timestamps(
        &self,
        chain: usize,
        batches: &BatchNumbers,
    ) -> Result<Vec<[u8; 8]>, RebuildError> {
        let chain = self.chains[chain].id;
        let numbers: Vec<BatchNumber> = batches.iter().collect();
        let chunks = numbers.par_chunks(CHUNK);
        let read = try_map(chunks, |batches| self.message_root.batch_timestamps(chain, batches))?;
        Ok(read.into_iter().flatten().map(|timestamp| timestamp.0.to_le_bytes()).collect())
    }

    fn root_timestamps(&self, blocks: &[SlBlock]) -> Result<Vec<Timestamp>, RebuildError> {
        Ok(self.message_root.root_timestamps(blocks)?)
    }

    fn compare_chain(
        &self,
        chain: usize,
        batches: &BatchNumbers,
        tree: &Tree<'_>,
    ) -> Result<(), RebuildError> {
        stored_nodes::chain_tree(self.chains[chain].id, batches, tree, &self.stored[chain])
    }

    fn compare_shared(&self, shared: &Tree<'_>) -> Result<(), RebuildError> {
        stored_nodes::shared_tree(shared, &self.message_root)
    }

    fn newest_root<E: From<RebuildError>>(
        &self,
        is_present: impl Fn(&Hash) -> bool,
        take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<Option<(SlBlock, Hash)>, E> {
        let chains = self.chain_ids();
        let newest =
            block_roots::newest(&self.message_root, &chains, self.block, is_present, take)?;
        match newest {
            Newest::Found(block, root) => Ok(Some((block, root))),
            // A caller that gives the last block expects a root.
            Newest::None(searched_to) if self.options.last_block.is_some() => {
                let searched_from = block_roots::searched_from(self.state, searched_to);
                Err(RebuildError::NoHistoricalRoot { searched_from, searched_to }.into())
            }
            Newest::None(_) => Ok(None),
        }
    }
}

/// The layout, without the difference between v26 and v29: they differ only in the interop roots, which no chain
/// tree depends on.
fn layout<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    chains: &[ChainId],
) -> Result<Layout, RebuildError> {
    if let Some(layout) = message_root.foreign_layout()? {
        return Err(RebuildError::ForeignLayout(layout));
    }
    Ok(match has_v31(message_root, chains)? {
        false => Layout::V29,
        true if message_root.has_timestamps()? => Layout::V33,
        true => Layout::V31,
    })
}

/// The changes up to each root, by the timestamps of roots and batches: a root contains the batches up to its
/// time. A chain without batches is not counted, because its registration has no timestamp.
fn steps_by_time(forest: &Forest, timestamps: &[Timestamp]) -> Vec<Option<Step>> {
    let trees = forest.chains();
    let mut now = (1, vec![0; trees.len()]);
    let steps = timestamps.iter().map(|at| {
        let mut advances = Vec::new();
        for (tree, (chain, known)) in trees.iter().zip((0..).zip(&mut now.1)) {
            let batches = tree.batches_until(*at);
            if batches > *known {
                advances.push((chain, batches - *known));
                (*known, now.0) = (batches, now.0.max(chain + 1));
            }
        }
        Some(Step { chains: now.0, advances })
    });
    steps.collect()
}

/// The chains by index, according to both mappings of the registry, which must agree.
fn registry<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
) -> Result<Vec<ChainId>, RebuildError> {
    let count = message_root.chain_count()?;
    if count == 0 {
        return Err(RebuildError::NoMessageRoot(message_root.address()));
    }
    (0..count)
        .map(|index| {
            let chain = message_root.chain_at(index)?;
            match message_root.index_of(chain)? {
                stored if stored == index => Ok(chain),
                stored => Err(RebuildError::Registry { index, chain, stored }),
            }
        })
        .collect()
}

pub(super) fn has_v31<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    chains: &[ChainId],
) -> Result<bool, RebuildError> {
    if message_root.has_v31_variables()? {
        return Ok(true);
    }
    for chain in chains {
        if message_root.current_batch(*chain)?.0 != 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
