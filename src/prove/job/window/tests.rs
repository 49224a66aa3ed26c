use std::iter;

use super::*;
use crate::{
    anchor::BatchRoots,
    keccak::hash_node,
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{Address, Hash},
    proof::{FailureCode, no_hints},
    prove::{Extractor, job::pieces::Part},
    records::{Answer as Record, OwnedRecords},
    state::StateError,
};

const AGGREGATED: Hash = Hash::new([5; 32]);

/// A state with the roots of some batches of chain 324.
#[derive(Debug)]
struct Roots(HashMap<u64, Hash>);

impl BatchRoots for Roots {
    fn batch_root(&self, _: ChainId, batch: BatchNumber) -> Result<Option<Hash>, StateError> {
        Ok(self.0.get(&batch.0).copied())
    }
}

/// A batch with this many messages.
fn batch(number: u64, count: u64) -> BatchLogs {
    batch_of(number, &(0..count).map(u64::to_be_bytes).collect::<Vec<_>>())
}

/// A batch with these messages.
fn batch_of<M: AsRef<[u8]>>(number: u64, messages: &[M]) -> BatchLogs {
    let log = |message: &M| L2ToL1Log::of_message(0, Address::system(7), message.as_ref());
    let logs = messages.iter().map(log).collect();
    let list: MessageList = messages.iter().collect();
    BatchLogs::new(ChainId(324), BatchNumber(number), logs, list, Some(AGGREGATED)).unwrap()
}

fn roots(batches: &[BatchLogs]) -> Roots {
    let root = |batch: &BatchLogs| hash_node(batch.view().tree().root(), AGGREGATED);
    Roots(batches.iter().map(|batch| (batch.view().batch().0, root(batch))).collect())
}

/// Windows of requests for logs, each given by its batch and index.
fn windows<'a>(
    batches: &'a [BatchLogs],
    extractor: &Arc<Extractor<'a>>,
    asked: &[(usize, u64)],
) -> Vec<Window<'a>> {
    let steps = asked.iter().map(|(at, index)| (*at, LogFilter::Log(*index)));
    windows_of(batches, extractor, steps)
}

/// Windows of requests, each given by its batch and the selected logs.
fn windows_of<'a>(
    batches: &'a [BatchLogs],
    extractor: &Arc<Extractor<'a>>,
    asked: impl Iterator<Item = (usize, LogFilter)>,
) -> Vec<Window<'a>> {
    let steps = asked.map(|(at, which)| {
        let (logs, extractor) = (batches[at].view(), Arc::clone(extractor));
        let (asked, proven) = (None, None);
        let task = ProofTask { logs, which, extractor, asked, is_one_of_many: false, proven };
        Ok(WorkItem::Prove(task))
    });
    let mut steps = steps.collect::<Vec<_>>().into_iter();
    iter::from_fn(|| Window::read(&mut steps).unwrap()).collect()
}

/// The parts of a window, in order.
fn parts(window: Window<'_>) -> Vec<Part<Vec<Record>>> {
    let begun = window.begin();
    let part = |piece| begun.part(piece, &OwnedRecords, no_hints).unwrap();
    (0..begun.pieces()).map(part).collect()
}

/// The ends of all parts, in steps.
fn ends(windows: &[Window<'_>]) -> Vec<usize> {
    let lens = windows.iter().flat_map(|window| window.parts.iter().map(Range::len));
    lens.scan(0, |end, len| {
        *end += len;
        Some(*end)
    })
    .collect()
}

/// Every log of these batches once, in an order that looks random.
fn shuffled(batches: &[BatchLogs]) -> Vec<(usize, u64)> {
    let logs = batches.iter().enumerate();
    let mut all: Vec<_> = logs
        .flat_map(|(at, batch)| (0..batch.view().logs().len() as u64).map(move |id| (at, id)))
        .collect();
    all.sort_by_key(|(at, id)| ((*at as u64 + 1) * (id + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    all
}

#[test]
fn a_batch_of_which_every_log_is_requested_is_hashed_a_few_times() {
    let batches = [batch(1, 1 << 14)];
    let state = roots(&[]);
    let extractor = Arc::new(Extractor::to_batch_roots(&state));
    for asked in [(0..1 << 14).map(|id| (0, id)).collect(), shuffled(&batches)] {
        let windows = windows(&batches, &extractor, &asked);
        assert_eq!(windows.len(), 4, "each hashes the batch once");
        assert!(windows.iter().all(|window| jobs(&window.tasks()).len() == 1));
        assert_eq!(ends(&windows)[..16], (1..=16).map(|part| part * 1000).collect::<Vec<_>>());
    }
}

/// Few requests for each of many batches: the window is as large as it may be.
#[test]
fn a_window_ends_when_its_records_take_much_memory() {
    let batches: Vec<_> = (0..40).map(|number| batch(number, 4000)).collect();
    let state = roots(&[]);
    let extractor = Arc::new(Extractor::to_batch_roots(&state));
    let asked: Vec<_> = shuffled(&batches).into_iter().take(60_000).collect();
    let windows = windows(&batches, &extractor, &asked);
    let bytes = PROOF_BYTES + 3 * 8;
    assert_eq!(windows[0].steps.len(), (WINDOW_BYTES.div_ceil(1000 * bytes)) * 1000);
    for window in &windows {
        assert!(window.bytes() < WINDOW_BYTES + 1000 * bytes);
        // No batch is in two jobs.
        let tasks = window.tasks();
        let jobs = jobs(&tasks);
        let batches = |job: &&[(usize, &ProofTask<'_>)]| {
            job.chunk_by(|(_, one), (_, other)| one.batch() == other.batch()).count()
        };
        assert_eq!(jobs.iter().map(batches).sum::<usize>(), 40);
        assert_eq!(jobs.concat().len(), window.steps.len());
    }
}

/// The rows of a Parquet file depend on where parts end, and a resumed job starts after any part.
#[test]
fn a_resumed_job_has_the_same_parts() {
    let batches: Vec<_> = (0..9).map(|number| batch(number, 500 * (number + 1))).collect();
    let state = roots(&[]);
    let extractor = Arc::new(Extractor::to_batch_roots(&state));
    let asked = shuffled(&batches);
    let all = ends(&windows(&batches, &extractor, &asked));
    for done in &all {
        let rest = ends(&windows(&batches, &extractor, &asked[*done..]));
        let expected: Vec<_> = all.iter().filter(|end| *end > done).map(|end| end - done).collect();
        assert_eq!(rest, expected);
    }
}

/// A checkpoint may be after any piece that completes steps. Parts end with a step that fills them, with steps that do so
/// together, and with one whose messages alone would be too long for a piece.
#[test]
fn a_resumed_job_has_the_same_pieces() {
    let long = |number, count: u8| {
        batch_of(number, &(0..count).map(|byte| vec![byte; 600 << 10]).collect::<Vec<_>>())
    };
    let batches = [batch(0, 999), long(1, 2), batch(2, 400), batch(3, 1100), long(4, 5)];
    let state = roots(&batches);
    let extractor = Arc::new(Extractor::to_batch_roots(&state));
    let asked = [0, 1, 2, 2, 4, 2, 3, 2, 1, 2, 2, 1].map(|at| (at, LogFilter::All));
    let pieces = |done: u64| -> Vec<(usize, u64)> {
        let rest = asked.into_iter().skip(done as usize);
        let parts = windows_of(&batches, &extractor, rest).into_iter().flat_map(parts);
        parts.map(|part| (part.chunk.len(), part.steps)).collect()
    };
    let (all, mut done) = (pieces(0), 0);
    for (at, (_, steps)) in all.iter().enumerate().filter(|(_, (_, steps))| *steps > 0) {
        done += steps;
        assert_eq!(pieces(done), all[at + 1..], "after {done} steps");
    }
    assert_eq!(done, asked.len() as u64);
    assert!(all.iter().filter(|(_, steps)| *steps == 0).count() > 3);
}

#[test]
fn records_are_in_the_order_of_the_requests() {
    let batches: Vec<_> = (0..5).map(|number| batch(number, 300)).collect();
    // The state lacks the last batch, and no batch has a log 300.
    let state = roots(&batches[..4]);
    let extractor = Arc::new(Extractor::to_batch_roots(&state));
    let mut asked = shuffled(&batches);
    asked.splice(700..700, [(0, 300), (0, 7), (0, 7), (3, u64::MAX), (3, 299)]);
    let mut found = Vec::new();
    for window in windows(&batches, &extractor, &asked) {
        for Part { chunk, steps, .. } in parts(window) {
            assert_eq!(steps, chunk.len() as u64);
            found.extend(chunk);
        }
    }
    assert_eq!(found.len(), asked.len());
    for ((at, id), record) in asked.iter().zip(found) {
        match record {
            Record::Proof(record) => {
                assert_eq!((record.batch_number.0 as usize, record.id), (*at, *id));
                assert_eq!(record.message.unwrap(), id.to_be_bytes());
            }
            Record::Failed(failed) => {
                let code = match *at {
                    4 => FailureCode::BatchRootNotStored,
                    _ => FailureCode::LogNotInBatch,
                };
                assert!(*at == 4 || *id >= 300, "{at}, {id}");
                assert_eq!(failed.error.code, code);
            }
        }
    }
}

/// Whole batches, small and large, and single logs between them, beside the same proofs made one at a time.
#[test]
fn a_large_batch_is_made_in_pieces() {
    let batches = [100, 5000, 7, 2048, 1025].map(|count| batch(count, count));
    let state = roots(&batches);
    let extractor = Arc::new(Extractor::to_batch_roots(&state));
    let messages = LogFilter::Matching { sender: Some(Address::system(7)), kind: None };
    let others = LogFilter::Matching { sender: Some(Address::system(8)), kind: None };
    let asked = [
        (0, LogFilter::All),
        (1, LogFilter::All),
        (2, LogFilter::All),
        (3, messages),
        (1, LogFilter::Log(4999)),
        (1, others),
        (4, LogFilter::All),
    ];
    let all: Vec<_> =
        windows_of(&batches, &extractor, asked.into_iter()).into_iter().flat_map(parts).collect();
    let expected = asked.iter().flat_map(|(at, which)| {
        let proofs = extractor.batch(batches[*at].view()).unwrap();
        let logs = (0..).zip(batches[*at].view().logs());
        let wanted: Vec<u64> =
            logs.filter(|(index, log)| which.has(*index, log)).map(|(index, _)| index).collect();
        wanted.into_iter().map(move |index| proofs.prove(index).unwrap())
    });
    let found = all.iter().flat_map(|part| &part.chunk).map(|answer| match answer {
        Record::Proof(record) => record.clone(),
        Record::Failed(failed) => panic!("{failed:?}"),
    });
    assert!(found.eq(expected));
    // A piece that does not end its step completes none.
    let lens = all.iter().map(|part| (part.chunk.len(), part.steps)).collect::<Vec<_>>();
    let of_large = |len| [(1024, 0), (1024, 0), (1024, 0), (1024, 0), (len, 1)];
    let expected = [
        [(100, 1)].as_slice(),
        &of_large(904),
        &[(7, 1), (1024, 0), (1024, 1), (1, 2), (1024, 0), (1, 1)],
    ];
    assert_eq!(lens, expected.concat());
}

/// The logs of a large batch that cannot be proven are one failure.
#[test]
fn a_large_batch_that_fails_is_one_step() {
    let batches = [batch(1, 10), batch(2, 3000)];
    let state = roots(&batches[..1]);
    let extractor = Arc::new(Extractor::to_batch_roots(&state));
    let asked = [(0, LogFilter::All), (1, LogFilter::All)];
    let mut windows = windows_of(&batches, &extractor, asked.into_iter());
    let [part] = &parts(windows.remove(0))[..] else { panic!("more than one part") };
    assert_eq!((part.chunk.len(), part.steps), (11, 2));
    assert_eq!((part.count.proofs, part.count.failed_logs), (10, 3000));
}
