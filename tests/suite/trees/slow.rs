//! Small inputs with large numbers in them: the work is bounded.

use std::{
    io::Cursor,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::support::{binary::run, fixture, json_lines, layer::Layer};
use slproof::{
    contracts::{EventKind, Layout, MessageRootEvent, system::MESSAGE_ROOT},
    files::{Access, Input},
    forest::{
        HistoryError, RebuildError, RebuildOptions, RebuiltFromEvents, SearchBudget, Timeline,
        TreeFile, explain_further, rebuild, rebuild_from_events,
    },
    ingest::{
        events::{EventList, read_events},
        sl_batches::read_sl_batches_input,
        state::read_state,
    },
    keccak::{hash_node, keccak256},
    merkle::PushTree,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBatch, SlBlock, Word},
    prove::{SlBatchError, SlBatchTree},
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
        Self::of(read_state(&fixture(file), None).unwrap().state)
    }

    fn of(state: Snapshot) -> Self {
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

/// Each chain has a gap that is allowed. Of all of them, as many numbers are tried as the size of the state or
/// the limit for one chain allows, and the error is the same for any number of threads.
#[test]
fn gaps_of_many_chains_have_a_limit_together() {
    const CHAINS: u64 = 6;
    const GAP: u64 = 60_000;
    let mut layer = Layer::new(Layout::V31, ChainId(506));
    for index in 1..=CHAINS {
        layer.add_chain(ChainId(1000 + index));
        for batch in [1, 2 + GAP] {
            layer.append(index as usize, BatchNumber(batch), keccak256(&batch.to_be_bytes()));
        }
    }
    let rebuilt = |state: &Counted, max_gap, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = RebuildOptions { max_gap, ..RebuildOptions::default() };
        pool.install(|| rebuild(state, &options))
    };
    let errors = [1, 4].map(|threads| {
        let state = Counted::of(layer.state());
        let most = state.slots() << 10;
        assert!(GAP < most && most < CHAINS * GAP / 2, "{most}");
        let error = rebuilt(&state, 1 << 16, threads).unwrap_err();
        assert!(matches!(error, RebuildError::Incomplete { found: 1, expected: 2, .. }), "{error}");
        // A root may be in two contracts. Beside the limit, one window for each chain is tried.
        let reads = state.reads.into_inner();
        assert!(reads < 2 * (most + (CHAINS << 10)) + (1 << 16), "{reads} slots were looked up");
        error.to_string()
    });
    assert_eq!(errors[0], errors[1]);

    let root = |state: Counted, max_gap| rebuilt(&state, max_gap, 2).unwrap().root();
    assert_eq!(root(Counted::of(layer.state()), CHAINS * GAP), layer.root());
    let mut larger = layer.storage();
    let slots = (1..(CHAINS * GAP) >> 10).map(|slot| ((Address::system(1), slot.into()), 1.into()));
    larger.extend(slots);
    assert_eq!(root(Counted::of(layer.state_of(&larger)), 1 << 16), layer.root());
}

/// Tens of thousands of chains were registered after the last interop root, and a batch of the settlement layer may
/// end after any of them. With a tree for each number of chains, this would not end.
#[test]
fn the_chains_at_the_end_of_an_sl_batch_are_found_in_one_tree() {
    const NEW: u64 = 1 << 15;
    let path = fixture("gateway-v29/events.jsonl.gz");
    let events = read_events(&[path], MESSAGE_ROOT).unwrap();
    let mut events: Vec<MessageRootEvent> = events.iter().map(Result::unwrap).collect();
    let indices = events.iter().filter_map(|event| match event.kind {
        EventKind::AddedChain(_, index) => Some(index),
        _ => None,
    });
    let known = indices.max().unwrap() + 1;
    events.extend((0..NEW).map(|new| MessageRootEvent {
        block: SlBlock(245),
        log_index: new,
        kind: EventKind::AddedChain(ChainId(7_000_000 + new), known + new),
    }));
    let events: EventList = events.into_iter().collect();
    let rebuilt = rebuild_from_events(&events, None, &RebuildOptions::default()).unwrap();
    let RebuiltFromEvents { forest, history, .. } = rebuilt;
    let timeline = Timeline::new(&forest, history).unwrap();

    let mut line = json_lines("gateway-v29/gw_batches.jsonl").pop().unwrap();
    line.as_object_mut().unwrap().remove("chainBatchRoot");
    let input = Input::from_reader("raw", Cursor::new(line.to_string())).unwrap();
    let batches = read_sl_batches_input(input, ChainId(506)).unwrap();
    let logs = batches.batch(SlBatch(2028)).unwrap();
    let rebuild = |root| SlBatchTree::rebuild(&forest, &timeline, logs, Some(root));

    // The contract's own algorithm.
    let shared = forest.shared();
    let mut contract = PushTree::new(shared.zeros().at(0));
    let roots: Vec<Hash> = (0..shared.leaves())
        .map(|chain| hash_node(logs.local_root(), contract.push(shared.node(0, chain))))
        .collect();
    assert_eq!(roots.len() as u64, known + NEW);
    for chains in [known, known + 1, known + NEW / 3, known + NEW] {
        let root = roots[chains as usize - 1];
        assert_eq!(rebuild(root).unwrap().root(), root, "{chains} chains");
    }
    for refused in [roots[known as usize - 2], keccak256(b"another root")] {
        let error = rebuild(refused).unwrap_err();
        let SlBatchError::DoesNotFold { got, .. } = error else { panic!("{error}") };
        assert_eq!(got, roots[known as usize - 1]);
    }
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
