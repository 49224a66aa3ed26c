use slproof::{
    contracts::system::MESSAGE_ROOT,
    forest::{RebuildOptions, rebuild},
    ingest::state::Import,
    primitives::SlBlock,
    snapshot::Snapshot,
    state::StorageReader,
};

/// The most hashes in the trees of a target.
pub(super) const MOST_HASHES: usize = 1 << 14;

/// How dumps are read. Pages of `debug_storageRangeAt` are of MessageRoot.
pub(super) fn import() -> Import {
    Import { account: Some(MESSAGE_ROOT), most_in_memory: 1 << 16, ..Import::default() }
}

/// Reads a dump whose format is detected, and rebuilds its trees.
pub(super) fn read(data: &[u8]) {
    let Some(input) = super::input("dump", data) else { return };
    match import().read_input(input) {
        Ok(dump) => {
            dump.state.check().unwrap();
            trees(&dump.state);
        }
        Err(error) => super::explain(&error),
    }
}

/// Rebuilds the trees of a state. Blocks are searched one by one, so there is a limit.
pub(super) fn trees(state: &Snapshot) {
    let last_block = state.block().map_or(1 << 10, |block| block.0.min(1 << 10));
    let options = RebuildOptions {
        last_block: Some(SlBlock(last_block)),
        max_gap: 1 << 8,
        most_in_memory: MOST_HASHES,
        ..RebuildOptions::default()
    };
    match rebuild(state, &options) {
        Ok(forest) => {
            assert_eq!(forest.shared().root(), forest.root());
            for chain in forest.chains() {
                assert_eq!(chain.tree().first_inconsistent_node(), None);
            }
        }
        Err(error) => super::explain(&error),
    }
}
