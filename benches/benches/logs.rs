//! The time to hash the trees of the logs of batches, by the number of logs in a batch:
//!
//! ```text
//! cargo bench --manifest-path benches/Cargo.toml --bench logs
//! ```
//!
//! 512 batches, each a tree padded to 16384 leaves, on one thread: `together` in parallel lanes,
//! `one-by-one` as for a single proof, and with the tree that ZKsync nodes use for their proofs.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use slproof::{
    message::{BatchLogs, BatchView, L2ToL1Log, LOG_TREE_HEIGHT, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash},
};
use zksync_mini_merkle_tree::MiniMerkleTree;

const BATCHES: u64 = 512;

fn batch(number: u64, logs: usize) -> BatchLogs {
    let log = |i: usize| {
        let message = [number.to_be_bytes(), (i as u64).to_be_bytes()].concat();
        L2ToL1Log::of_message(i as u16, Address::system(number), &message)
    };
    let logs = (0..logs).map(log).collect();
    BatchLogs::new(ChainId(324), BatchNumber(number), logs, MessageList::default(), None)
        .expect("logs that fit")
}

fn mini_merkle_tree(batch: &BatchView<'_>) -> Hash {
    let leaves = batch.logs().iter().map(|log| *log.as_bytes());
    Hash::new(MiniMerkleTree::new(leaves, Some(1 << LOG_TREE_HEIGHT)).merkle_root().0)
}

fn logs(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let mut group = c.benchmark_group("logs");
    group.throughput(Throughput::Elements(BATCHES));
    for logs in [1, 5, 20, 200] {
        let batches: Vec<_> = (0..BATCHES).map(|number| batch(number, logs)).collect();
        let batches: Vec<_> = batches.iter().map(BatchLogs::view).collect();
        for (tree, batch) in BatchView::trees(&batches).iter().zip(&batches) {
            assert_eq!(tree.root(), mini_merkle_tree(batch));
            assert_eq!(tree.root(), batch.tree().root());
        }
        group.bench_function(BenchmarkId::new("together", logs), |bencher| {
            pool.install(|| bencher.iter(|| BatchView::trees(black_box(&batches))));
        });
        group.bench_function(BenchmarkId::new("one-by-one", logs), |bencher| {
            pool.install(|| {
                bencher.iter(|| {
                    let trees = black_box(&batches).iter().map(|batch| batch.tree());
                    trees.collect::<Vec<_>>()
                });
            });
        });
        group.bench_function(BenchmarkId::new("zksync_mini_merkle_tree", logs), |bencher| {
            bencher.iter(|| -> Vec<_> {
                black_box(&batches).iter().map(|batch| mini_merkle_tree(batch)).collect()
            });
        });
    }
}

criterion_group!(benches, logs);
criterion_main!(benches);
