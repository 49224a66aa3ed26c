use rayon::prelude::*;

use super::{
    ChainTree, InteropRoot, RebuildError, batch_roots, chain_id_leaf, check, entry_zeros,
    interop_root::{self, Newest},
};
use crate::{
    contracts::{Layout, MessageRoot, Release, system},
    merkle::{Levels, Tree},
    primitives::{Address, ChainId, Hash, SlBlock},
    state::StorageReader,
};

/// Where the contracts stand. The default are the system contracts of a ZKsync settlement layer.
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

/// What [`rebuild`] is told beside the state.
#[derive(Clone, Copy, Debug)]
pub struct RebuildOptions {
    /// Where the contracts stand.
    pub addresses: Addresses,
    /// The release of the contracts; found from the state unless given.
    pub release: Option<Release>,
    /// The settlement layer's chain id; another one in the state is an error.
    pub sl_chain: Option<ChainId>,
    /// The block whose state this is, where the dump does not say.
    pub last_block: Option<SlBlock>,
    /// The longest run of batch numbers without a batch executed here, as a chain leaves behind that
    /// was away from this settlement layer.
    pub max_gap: u64,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self {
            addresses: Addresses::default(),
            release: None,
            sl_chain: None,
            last_block: None,
            max_gap: 1 << 22,
        }
    }
}

/// The trees of a settlement layer, equal to what its contracts stored.
#[derive(Clone, Debug)]
pub struct Forest {
    layout: Layout,
    chains: Vec<ChainTree>,
    shared: Levels,
    latest: Option<InteropRoot>,
}

/// Rebuilds every chain tree and the shared tree from the state of a settlement layer, and compares
/// them with every node that the contract stored.
///
/// # Errors
/// [`RebuildError`] when the state is none of a settlement layer, is incomplete, or gives other trees
/// than the contract's; it names the chain, level and index.
pub fn rebuild<S: StorageReader + ?Sized>(
    state: &S,
    options: &RebuildOptions,
) -> Result<Forest, RebuildError> {
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
    // v26 and v29 differ only in the roots by block, which no chain tree depends on.
    let found = if has_v31(&message_root, &chains)? { Layout::V31 } else { Layout::V29 };

    let bridgehub = options.addresses.bridgehub;
    let (stored, batches): (Vec<_>, Vec<_>) = chains
        .into_par_iter()
        .map(|chain| {
            let stored = message_root.chain_tree(chain)?;
            let size = (stored.leaves, options.max_gap);
            let batches =
                batch_roots::collect(state, found, &message_root, bridgehub, chain, size)?;
            Ok((stored, (chain, batches)))
        })
        .collect::<Result<_, RebuildError>>()?;
    let chains = ChainTree::build_all(batches);
    for (tree, stored) in chains.iter().zip(&stored) {
        check::chain_tree(tree, stored)?;
    }

    let leaves = chains.iter().map(|tree| chain_id_leaf(tree.root(), tree.chain())).collect();
    let shared = Levels::build(leaves, entry_zeros());
    check::shared_tree(&shared.tree(entry_zeros()), &message_root)?;

    let ids: Vec<ChainId> = chains.iter().map(ChainTree::chain).collect();
    let tree = shared.tree(entry_zeros());
    let (latest, found) = match interop_root::newest(&message_root, &ids, last_block)? {
        Newest::Found(block, root) => {
            (Some(interop_root::identify(found, &tree, &chains, (block, root))?), found)
        }
        // Whoever says how far to look means that there is something to find.
        Newest::None(searched_to) if options.last_block.is_some() => {
            return Err(RebuildError::NoHistoricalRoot { searched_to });
        }
        Newest::None(_) if found == Layout::V29 => (None, Layout::V26),
        Newest::None(_) => (None, found),
    };
    let has_batches = chains.iter().any(|tree| !tree.batches().is_empty());
    let layout = accept(options.release, found, has_batches)?;
    Ok(Forest { layout, chains, shared, latest })
}

/// The layout that counts: the one that was found, unless another was given that the state does not
/// contradict. A later release may not have written yet what tells it from an earlier one.
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

/// The chains by index, from both mappings of the registry.
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

impl Forest {
    /// The chain id of the settlement layer: that of the chain at index 0.
    #[must_use]
    pub fn sl_chain(&self) -> ChainId {
        self.chains[0].chain()
    }

    /// The storage layout of the contracts, given or found.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The chain trees by chain index; at least one, the settlement layer's own.
    #[must_use]
    pub fn chains(&self) -> &[ChainTree] {
        &self.chains
    }

    /// The tree of a chain; `None` when the chain is not registered here.
    #[must_use]
    pub fn chain(&self, chain: ChainId) -> Option<&ChainTree> {
        self.chains.iter().find(|tree| tree.chain() == chain)
    }

    /// The shared tree.
    #[must_use]
    pub fn shared(&self) -> Tree<'_> {
        self.shared.tree(entry_zeros())
    }

    /// The root of the shared tree: the aggregated root of the settlement layer.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.shared().root()
    }

    /// The newest root that the contract filed under a block; `None` where it files none (before v29).
    #[must_use]
    pub fn latest(&self) -> Option<InteropRoot> {
        self.latest
    }
}
