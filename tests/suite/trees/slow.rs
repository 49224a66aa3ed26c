//! Small inputs with large numbers in them: the work is bounded.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{binary::run, fixture};
use slproof::{
    files::Access,
    forest::{HistoryError, RebuildOptions, SearchBudget, TreeFile, explain_further, rebuild},
    ingest::events::EventList,
    ingest::state::read_state,
    primitives::{Address, ChainId, SlBlock, Word},
    snapshot::Snapshot,
    state::{StateError, StorageReader},
};

/// Counts the slots that are read.
#[derive(Debug)]
struct Counted {
    state: Snapshot,
    reads: AtomicU64,
}

impl Counted {
    fn new(file: &str) -> Self {
        let state = read_state(&fixture(file), None).unwrap().state;
        Self { state, reads: AtomicU64::new(0) }
    }
}

impl StorageReader for Counted {
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.state.read(contract, slot)
    }

    fn read_many(&self, contract: Address, slots: &[Word]) -> Result<Vec<Word>, StateError> {
        self.reads.fetch_add(slots.len() as u64, Ordering::Relaxed);
        self.state.read_many(contract, slots)
    }

    fn slot_count(&self, contract: Address) -> Option<u64> {
        self.state.slot_count(contract)
    }

    fn slots(&self) -> u64 {
        self.state.slots()
    }

    fn block(&self) -> Option<SlBlock> {
        self.state.block()
    }
}

/// If the block of a state is far above the newest root, the search down is limited by the size of the state,
/// and the newest root is found from below.
#[test]
fn a_wrong_block_leads_to_no_long_search() {
    let state = Counted::new("slow/changed-block.slsnap");
    assert!(state.block().unwrap().0 > 1 << 32);
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    assert_eq!(forest.latest().unwrap().block, SlBlock(242));
    let reads = state.reads.into_inner();
    assert!(reads < 5 << 20, "{reads} slots were looked up");
}

/// If the slots of MessageRoot cannot be counted, the search ends at the root of the current trees.
#[test]
fn the_present_root_ends_the_search() {
    let state = Counted::new("slow/lost-accounts.json.gz");
    assert_eq!((state.block(), state.slot_count(Address::system(0x10005))), (None, None));
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    assert_eq!(forest.latest().unwrap().block, SlBlock(242));
    let reads = state.reads.into_inner();
    assert!(reads < 1 << 20, "{reads} slots were looked up");
}

/// If the history in a tree file is inconsistent, the file is damaged, so no search is started.
#[test]
fn a_damaged_history_is_refused_and_not_searched() {
    let path = fixture("slow/changed-batch.sltree");
    let file = TreeFile::open(&path, Access::Map).unwrap();
    let history = file.history().unwrap();
    assert_eq!(history.unexplained().count(), 0);
    // A search with this budget would not end.
    let endless = SearchBudget { step: u64::MAX, walk: u64::MAX };
    let first_inconsistent_node =
        HistoryError::Unsound { chain: ChainId(6565), level: 1, index: 0 };
    let error =
        explain_further(file.forest(), history.clone(), &EventList::new(), endless).unwrap_err();
    assert_eq!(error, first_inconsistent_node);
    // The same for a history without any explained root.
    let mut unknown = history;
    unknown.chains.fill(0);
    unknown.ends.fill(0);
    (unknown.advanced, unknown.batches) = (Vec::new(), Vec::new());
    let error = explain_further(file.forest(), unknown, &EventList::new(), endless).unwrap_err();
    assert_eq!(error, first_inconsistent_node);
    let history = run(["history", path.to_str().unwrap()]);
    assert_eq!(history.code, Some(3), "{}", history.stderr);
    assert!(history.stderr.contains("6565"), "{}", history.stderr);
}

/// The default budget of a search grows with the number of batches, up to a limit.
#[test]
fn a_search_grows_with_the_trees_and_has_a_limit() {
    let step = |batches| SearchBudget::for_batches(batches).step;
    assert_eq!([0, 1 << 11, u64::MAX].map(step), [1 << 22, 1 << 23, 1 << 27]);
    assert_eq!(SearchBudget::default(), SearchBudget::for_batches(u64::MAX));
}

#[test]
fn the_number_of_threads_is_bounded() {
    let state = fixture("gateway-v31/state.anvil.json");
    for (threads, code) in [("1", 0), ("1024", 0), ("", 0), ("0", 2), ("1025", 2), ("many", 2)] {
        let mut command = crate::support::binary::command();
        let status = command.arg("inspect").arg(&state).env("RAYON_NUM_THREADS", threads);
        let output = status.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{threads:?}");
        // The flag takes precedence over the variable.
        let output = command.args(["--threads", "2"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{threads:?}");
    }
}
