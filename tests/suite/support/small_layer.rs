//! A small settlement layer that has every feature of a history, and its tree files.

use std::path::{Path, PathBuf};

use slproof::{
    contracts::Layout,
    forest::{Forest, HistoryOptions, RebuildOptions, SearchBudget, rebuild_to_file},
    ingest::events::EventList,
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash},
};

use super::{layer::Layer, naive};

/// The tree file without and with the history.
pub const GOLDEN: [&str; 2] = ["golden/tree-1.sltree", "golden/tree-1-history.sltree"];
pub const GATEWAY: ChainId = ChainId(506);
pub const CHAINS: [ChainId; 3] = [GATEWAY, ChainId(324), ChainId(300)];
pub const EFFORT: SearchBudget = SearchBudget { step: 1 << 20, walk: 1 << 20 };
pub const ALL: HistoryOptions<'_> =
    HistoryOptions { events: &EventList::new(), effort: Some(EFFORT) };

/// The logs of a batch: one log, so that a proof can be made.
pub fn logs(chain: ChainId, batch: u64) -> BatchLogs {
    let message = [chain.0.to_be_bytes(), batch.to_be_bytes()].concat();
    let log = L2ToL1Log::of_message(0, Address::system(7), &message);
    let messages = MessageList::default();
    BatchLogs::new(chain, BatchNumber(batch), vec![log], messages, Some(Hash::ZERO)).unwrap()
}

pub fn batch_root(chain: ChainId, batch: u64) -> Hash {
    naive::node(logs(chain, batch).view().tree().root(), Hash::ZERO)
}

/// A small history with a chain that left and came back, a chain without batches, blocks with several chains
/// and batches, and blocks without batches.
pub fn small() -> Layer {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    CHAINS[1..].iter().for_each(|chain| layer.add_chain(*chain));
    let mut execute = |block: u64, batches: &[(usize, u64)]| {
        layer.set_block(block);
        for (index, batch) in batches {
            layer.append(*index, BatchNumber(*batch), batch_root(CHAINS[*index], *batch));
        }
    };
    execute(40, &[(1, 7)]);
    execute(41, &[(1, 8), (1, 9)]);
    execute(300, &[(1, 10), (2, 1)]);
    execute(301, &[(1, 20_000)]);
    execute(302, &[]);
    execute(303, &[(2, 2)]);
    layer.set_block(304);
    layer
}

pub fn make(folder: &Path) -> [PathBuf; 2] {
    let state = small().state();
    let targets = [folder.join("plain.sltree"), folder.join("history.sltree")];
    rebuild_to_file(&state, &RebuildOptions::default(), None, &targets[0]).unwrap();
    rebuild_to_file(&state, &RebuildOptions::default(), Some(ALL), &targets[1]).unwrap();
    targets
}

/// Asserts that all data from which proofs are made are equal.
pub fn same_trees(one: &Forest, other: &Forest) {
    assert_eq!(one.layout(), other.layout());
    assert_eq!(one.latest(), other.latest());
    assert_eq!(one.root(), other.root());
    assert_eq!(one.chains().len(), other.chains().len());
    for (one, other) in one.chains().iter().zip(other.chains()) {
        assert_eq!((one.chain(), one.batches()), (other.chain(), other.batches()));
        assert_eq!(one.batch_roots(), other.batch_roots());
        for level in 0..=one.tree().height() {
            assert_eq!(one.tree().level(level), other.tree().level(level));
        }
    }
}
