use std::mem;

use rayon::prelude::*;

use super::{
    BatchLeaves, BatchNumbers, Forest, InteropRoot, RebuildError, batch_roots, chain_id_leaf,
    chain_tree::chain_root,
    check, entry_zeros,
    interop_root::{self, Newest, Present},
    trees::ForestShape,
};
use crate::{
    contracts::{ChainTreeStorage, Layout, MessageRoot, Release, system},
    merkle::{NodeBuffer, Tree, TreeJob, build_all_into, build_on},
    primitives::{Address, ChainId, Hash, SlBlock, ordered::try_map},
    state::StorageReader,
};

/// The addresses of the contracts. The default is the system contracts of a ZKsync settlement layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Bridgehub.
    pub bridgehub: Address,
    /// MessageRoot.
    pub message_root: Address,
}

impl Default for Addresses {
    fn default() -> Self {
        Self { bridgehub: system::BRIDGEHUB, message_root: system::MESSAGE_ROOT }
    }
}

/// Options of [`rebuild`].
#[derive(Clone, Copy, Debug)]
pub struct RebuildOptions {
    /// The addresses of the contracts.
    pub addresses: Addresses,
    /// The release of the contracts. `None` detects it from the state.
    pub release: Option<Release>,
    /// The expected chain id of the settlement layer. Another id in the state is an error.
    pub sl_chain: Option<ChainId>,
    /// The block of the state, if the dump does not name it.
    pub last_block: Option<SlBlock>,
    /// The most batch numbers without a batch on this settlement layer, in sum over all gaps of a chain.
    /// A chain has a gap when it settled elsewhere for a while.
    pub max_gap: u64,
    /// The most hashes, of 32 bytes each, that [`rebuild`] keeps in memory. A batch takes two.
    pub most_in_memory: usize,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self {
            addresses: Addresses::default(),
            release: None,
            sl_chain: None,
            last_block: None,
            max_gap: 1 << 22,
            most_in_memory: 24 << 20,
        }
    }
}

/// Rebuilds every chain tree and the shared tree from the state of a settlement layer, and compares them
/// with every node that the contract stored.
///
/// # Errors
/// [`RebuildError`] if the state is not of a settlement layer, is incomplete, or leads to other trees than
/// the contract's; the error names the chain, level and index. Also if the trees have more hashes than
/// [`RebuildOptions::most_in_memory`]; [`rebuild_to_file`](super::rebuild_to_file) has no such limit.
pub fn rebuild<S: StorageReader + ?Sized>(
    state: &S,
    options: &RebuildOptions,
) -> Result<Forest, RebuildError> {
    let site = RebuildInput::read(state, options)?;
    let (hashes, limit) = (site.hashes(), options.most_in_memory);
    if hashes > limit {
        return Err(RebuildError::TooLargeForMemory { hashes, limit });
    }
    let mut room = NodeBuffer::zeroed(site.hashes());
    let grown = site.build(&mut room, |_| Ok::<_, RebuildError>(()))?;
    Ok(grown.forest(room.into()))
}

/// What the contract stores about the trees to rebuild.
pub(super) struct RebuildInput<'s, S: ?Sized> {
    state: &'s S,
    options: RebuildOptions,
    message_root: MessageRoot<'s, S>,
    last_block: Option<SlBlock>,
    layout: Layout,
    chains: Vec<ChainId>,
    stored: Vec<ChainTreeStorage>,
}

impl<'s, S: StorageReader + ?Sized> RebuildInput<'s, S> {
    pub(super) fn read(state: &'s S, options: &RebuildOptions) -> Result<Self, RebuildError> {
        let message_root = MessageRoot::at(state, options.addresses.message_root);
        let chains = registry(&message_root)?;
        let sl_chain = chains[0];
        if let Some(expected) = options.sl_chain
            && expected != sl_chain
        {
            return Err(RebuildError::OtherSettlementLayer { expected, found: sl_chain });
        }
        let last_block = match (options.last_block, state.block()) {
            (Some(given), Some(stated)) if given != stated => {
                return Err(RebuildError::OtherBlock { given, stated });
            }
            (given, stated) => given.or(stated),
        };
        // v26 and v29 differ only in the interop roots, which no chain tree depends on.
        let layout = if has_v31(&message_root, &chains)? { Layout::V31 } else { Layout::V29 };
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
        // One root for every batch, and not many interop roots more.
        state.expect_reads(batches);
        let options = *options;
        Ok(Self { state, options, message_root, last_block, layout, chains, stored })
    }

    /// The number of hashes in the trees.
    pub(super) fn hashes(&self) -> usize {
        let trees = self.stored.iter().map(|tree| tree.leaves + Tree::above_count(tree.leaves));
        (trees.sum::<u64>() + Tree::node_count(self.chains.len() as u64)) as usize
    }

    /// Builds the trees in `room`, whose length is [`RebuildInput::hashes`], and compares them with what the
    /// contract stored. `take` receives all interop roots if the search for the newest one reads them all.
    pub(super) fn build<E: From<RebuildError>>(
        &self,
        hashes: &mut [Hash],
        take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<ForestShape, E> {
        let zeros = entry_zeros();
        let leaves = || self.stored.iter().map(|tree| tree.leaves as usize);
        let above = || leaves().map(|leaves| Tree::above_count(leaves as u64) as usize);
        let (roots, rest) = hashes.split_at_mut(leaves().sum());
        let (levels, shared) = rest.split_at_mut(above().sum());

        let rooms: Vec<_> = self.chains.iter().zip(cut(roots, leaves())).collect();
        let batches: Vec<BatchNumbers> = try_map(rooms.into_par_iter(), |(chain, roots)| {
            let bridgehub = self.options.addresses.bridgehub;
            let of = (*chain, self.options.max_gap);
            batch_roots::collect(self.state, self.layout, &self.message_root, bridgehub, of, roots)
        })?;

        let mut rest = &*roots;
        let leaves: Vec<BatchLeaves<'_>> = batches
            .iter()
            .map(|batches| {
                let (own, others) = rest.split_at(batches.len() as usize);
                rest = others;
                BatchLeaves::new(own, batches)
            })
            .collect();
        let unbuilt = leaves.iter().zip(cut(levels, above()));
        let unbuilt =
            unbuilt.map(|(leaves, above)| TreeJob { leaves: *leaves, bottom: None, above });
        build_all_into(unbuilt.collect(), zeros);

        let places = self.chains.iter().zip(&self.stored).zip(&batches);
        for (leaf, (((chain, stored), batches), (leaves, above))) in
            shared.iter_mut().zip(places.zip(leaves.iter().zip(cut(levels, above()))))
        {
            let tree = Tree::over(leaves, above, zeros);
            let tree = tree.unwrap_or_else(|| unreachable!("built to this size"));
            check::chain_tree(*chain, batches, &tree, stored)?;
            *leaf = chain_id_leaf(chain_root(&tree), *chain);
        }
        build_on(shared, self.chains.len(), zeros);
        let shared = Tree::new(shared, self.chains.len() as u64, zeros);
        let shared = shared.unwrap_or_else(|| unreachable!("built to this size"));
        check::shared_tree(&shared, &self.message_root)?;

        let (latest, layout) = self.latest(&shared, &batches, take)?;
        let chains = self.chains.iter().copied().zip(batches).collect();
        Ok(ForestShape { layout, chains, latest })
    }

    /// The newest interop root, and the effective layout.
    fn latest<E: From<RebuildError>>(
        &self,
        shared: &Tree<'_>,
        batches: &[BatchNumbers],
        take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<(Option<InteropRoot>, Layout), E> {
        let present = Present::of(self.layout, shared, batches);
        let newest = interop_root::newest(
            &self.message_root,
            &self.chains,
            self.last_block,
            |root| present.has(root),
            take,
        )?;
        let (latest, found) = match newest {
            Newest::Found(block, root) => (Some(present.identify((block, root))?), self.layout),
            // A caller that gives the last block expects a root.
            Newest::None(searched_to) if self.options.last_block.is_some() => {
                let searched_from = interop_root::searched_from(self.state, searched_to);
                return Err(RebuildError::NoHistoricalRoot { searched_from, searched_to }.into());
            }
            Newest::None(_) if self.layout == Layout::V29 => (None, Layout::V26),
            Newest::None(_) => (None, self.layout),
        };
        let has_batches = batches.iter().any(|batches| !batches.is_empty());
        Ok((latest, accept(self.options.release, found, has_batches)?))
    }
}

/// Splits `room` into slices of these lengths.
fn cut(
    room: &mut [Hash],
    lengths: impl Iterator<Item = usize>,
) -> impl Iterator<Item = &mut [Hash]> {
    let mut rest = room;
    lengths.map(move |len| {
        let (piece, others) = mem::take(&mut rest).split_at_mut(len);
        rest = others;
        piece
    })
}

/// The effective layout: the detected one, unless another one was given and the state does not contradict
/// it. A later release may not yet have written the slots that distinguish it from an earlier one.
fn accept(
    given: Option<Release>,
    found: Layout,
    has_batches: bool,
) -> Result<Layout, RebuildError> {
    match given.map(|release| (release, release.layout())) {
        Some((_, layout)) if layout == found || (layout > found && !has_batches) => Ok(layout),
        Some((given, _)) => Err(RebuildError::OtherRelease { given, found }),
        None => Ok(found),
    }
}

/// The chains by index, checked against both mappings of the registry.
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

fn has_v31<S: StorageReader + ?Sized>(
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
