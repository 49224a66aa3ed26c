//! The time to build a chain tree and to extract a path, here and in other libraries:
//!
//! ```text
//! cargo bench --manifest-path benches/Cargo.toml --bench tree
//! ```
//!
//! - `limit`: the speed of hashing 64 bytes alone, on one thread and on all. A tree takes two hashes per
//!   leaf.
//! - `build`: from batch roots and numbers to the root with all levels above the leaves kept, by number
//!   of leaves. The other libraries can use only one thread. `slproof-into` writes to memory that was
//!   written before; `slproof` allocates it.
//! - `chains`: 2^16 leaves in chains of the given length, all built together.
//! - `path`: the siblings of one leaf of a tree that is already built. zksync_mini_merkle_tree stores no
//!   levels and hashes the tree again.
//! - `past-build`: the tree of Hyperlane's agents, built of 2^20 leaves with the root after each leaf, as the
//!   agents do it; here the tree alone (`slproof`), and with the root after each leaf (`slproof-roots`).
//! - `past-path`: the siblings of 10,000 leaves in that tree, each at the time of another root; together, and
//!   one by one.
//!
//! The expected roots come from the contract's push tree, hashed one node at a time. `rs_merkle` does not
//! pad, so it gets the empty leaves too.

use std::{hint::black_box, thread, time::Duration};

use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main, measurement::WallTime,
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use rs_merkle::{Hasher, MerkleTree, algorithms::Keccak256};
use slproof::{
    forest::{BatchLeaves, BatchNumbers, EMPTY_ENTRY, batch_leaf, entry_zeros},
    keccak::{hash_many, hash_node},
    merkle::{
        LeafHashes, Levels, NodeBuffer, PushTree, Tree, TreeJob, Zeros, build_above_into,
        build_all_into,
    },
    primitives::{BatchNumber, Hash},
};
use slproof_benches::{
    batches,
    hyperlane::{AgentTree, HEIGHT},
    mixed, painted,
};
use zksync_mini_merkle_tree::MiniMerkleTree;

/// From this number of leaves on, a build takes so long that only ten samples are taken.
const LARGE: usize = 1 << 20;

/// The roots of chain trees by number of leaves.
const ROOTS: [(usize, &str); 10] = [
    (1, "0xfb539f25b68a20bcf43ae34c14d656239607591317fbb4f87ab4d0d638cfeb44"),
    (3, "0xc636504b18a17c2b86ffa5d2e20ec2ff7f6427582987f7cce679d82505b369a1"),
    (7, "0xa19fc05fdbbfee8658d7deebd21cbf47cd2b2dfd7c104db6867f025baf88509b"),
    (8, "0x935450ea5ed6674518ff18db5bc468c55854ecd882bb8dd5f17feffb7cb75b4c"),
    (9, "0x1f276c260fe72f7c0c1f3bb25ab6dd08839de1229a3e02190658fc93d0400383"),
    (1 << 10, "0x4ecb03acb98a5ba734347a275ac4761f1f43071885473b51ac798003a3e5ff18"),
    (1 << 13, "0x1c33d1d8002fb5d92fcfb0c58caa3e3eec72b2f33c022e01cf4ee749caa2ebaf"),
    (1 << 16, "0x4d46c4c8085c136fdd66f361e7dbdc6c96e5340bdb23bb2375e9e9130783be0d"),
    (1 << 20, "0xf38b0369d4610ecbc75a762cecbb92790d406c1080140b515ca4e3684f536980"),
    (1 << 24, "0xc7075db8454a72dc856956a73742b39202e5b2356a3a217548d8fc2d4eee8f24"),
];

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

/// One thread, and all threads.
fn pools() -> Vec<(usize, ThreadPool)> {
    let all = thread::available_parallelism().map_or(1, usize::from);
    let counts = if all > 1 { vec![1, all] } else { vec![1] };
    counts.into_iter().map(|threads| (threads, pool(threads))).collect()
}

fn limit(c: &mut Criterion) {
    const ROUNDS: usize = 64;
    let inputs = painted::<64>(1024);
    let mut group = c.benchmark_group("limit");
    for (threads, pool) in pools() {
        group.throughput(Throughput::Elements((threads * ROUNDS * inputs.len()) as u64));
        group.bench_function(BenchmarkId::new("threads", threads), |bencher| {
            bencher.iter(|| {
                pool.broadcast(|_| {
                    let mut out = [Hash::ZERO; 1024];
                    for _ in 0..ROUNDS {
                        hash_many(black_box(&inputs), black_box(&mut out));
                    }
                });
            });
        });
    }
}

type Build = fn(&[Hash], &[BatchNumber]) -> Hash;

/// The preimages of the leaves, for the other libraries.
fn preimage(root: &Hash, number: &BatchNumber) -> [u8; 96] {
    let mut bytes = [0; 96];
    bytes[..32].copy_from_slice(slproof::forest::BATCH_LEAF_PADDING.as_bytes());
    bytes[32..64].copy_from_slice(root.as_bytes());
    bytes[88..].copy_from_slice(&number.0.to_be_bytes());
    bytes
}

fn mini_merkle_tree(roots: &[Hash], numbers: &[BatchNumber]) -> MiniMerkleTree<[u8; 96]> {
    let leaves = roots.iter().zip(numbers).map(|(root, number)| preimage(root, number));
    MiniMerkleTree::new(leaves, None)
}

fn rs_merkle_tree(roots: &[Hash], numbers: &[BatchNumber]) -> MerkleTree<Keccak256> {
    let leaves = roots.iter().zip(numbers);
    let mut hashes: Vec<_> =
        leaves.map(|(root, number)| Keccak256::hash(&preimage(root, number))).collect();
    hashes.resize(roots.len().next_power_of_two(), *EMPTY_ENTRY.as_bytes());
    let mut tree = MerkleTree::new();
    tree.append(&mut hashes).commit();
    tree
}

const PEERS: [(&str, Build); 2] = [
    ("zksync_mini_merkle_tree", |roots, numbers| {
        Hash::new(mini_merkle_tree(roots, numbers).merkle_root().0)
    }),
    ("rs_merkle", |roots, numbers| {
        Hash::new(rs_merkle_tree(roots, numbers).root().expect("a tree that has leaves"))
    }),
];

fn build(c: &mut Criterion) {
    for (count, root) in ROOTS {
        let mut group = c.benchmark_group("build");
        group.throughput(Throughput::Elements(count as u64));
        if count >= LARGE {
            group
                .sample_size(10)
                .sampling_mode(SamplingMode::Flat)
                .warm_up_time(Duration::from_millis(1))
                .measurement_time(Duration::from_secs(2));
        }
        let (roots, list) = batches(count);
        let numbers = BatchNumbers::new(list.iter().copied()).expect("they increase");
        for (threads, pool) in pools() {
            bench(&mut group, &pool, &format!("slproof-{threads}"), count, root, || {
                let leaves = BatchLeaves::new(black_box(&roots), black_box(&numbers));
                tree(&leaves, &built(&leaves)).root()
            });
            let mut above = vec![Hash::ZERO; Tree::above_count(count as u64) as usize];
            bench(&mut group, &pool, &format!("slproof-into-{threads}"), count, root, || {
                let leaves = BatchLeaves::new(black_box(&roots), black_box(&numbers));
                build_above_into(&mut above, &leaves, entry_zeros());
                tree(&leaves, &above).root()
            });
        }
        for (name, peer) in PEERS {
            bench(&mut group, &pool(1), name, count, root, || {
                peer(black_box(&roots), black_box(&list))
            });
        }
    }
}

/// The levels above the leaves.
fn built(leaves: &BatchLeaves<'_>) -> NodeBuffer {
    let mut above = NodeBuffer::zeroed(Tree::above_count(leaves.count() as u64) as usize);
    build_above_into(&mut above, leaves, entry_zeros());
    above
}

fn tree<'a>(leaves: &'a BatchLeaves<'_>, above: &'a [Hash]) -> Tree<'a> {
    Tree::over(leaves, above, entry_zeros()).expect("built to this size")
}

/// Times `build` on the threads of the pool, after a check of the root. It runs inside the pool, because
/// entering a pool takes as long as some hundred leaves.
fn bench(
    group: &mut BenchmarkGroup<WallTime>,
    pool: &ThreadPool,
    name: &str,
    count: usize,
    root: &str,
    mut build: impl FnMut() -> Hash + Send,
) {
    group.bench_function(BenchmarkId::new(name, count), |bencher| {
        pool.install(|| {
            assert_eq!(build().to_string(), root, "{name}, {count} leaves");
            bencher.iter(&mut build);
        });
    });
}

fn chains(c: &mut Criterion) {
    const LEAVES: usize = 1 << 16;
    let (roots, numbers) = batches(LEAVES);
    let mut group = c.benchmark_group("chains");
    group.throughput(Throughput::Elements(LEAVES as u64));
    for size in [1, 3, 9, 100, 1000, LEAVES] {
        let chains: Vec<_> = numbers
            .chunks(size)
            .map(|numbers| BatchNumbers::new(numbers.iter().copied()).expect("they increase"))
            .collect();
        let leaves: Vec<_> = roots
            .chunks(size)
            .zip(&chains)
            .map(|(roots, numbers)| BatchLeaves::new(roots, numbers))
            .collect();
        let build = || {
            let rooms =
                leaves.iter().map(|leaves| Tree::above_count(leaves.count() as u64) as usize);
            let mut rooms: Vec<_> = rooms.map(NodeBuffer::zeroed).collect();
            let unbuilt = leaves.iter().zip(&mut rooms).map(|(leaves, above)| TreeJob {
                leaves: *leaves,
                bottom: None,
                above,
            });
            build_all_into::<96, _>(unbuilt.collect(), entry_zeros());
            rooms
        };
        for ((leaves, above), (roots, numbers)) in
            leaves.iter().zip(build()).zip(roots.chunks(size).zip(numbers.chunks(size)))
        {
            let mut push = PushTree::new(EMPTY_ENTRY);
            let of_chain =
                roots.iter().zip(numbers).map(|(root, number)| batch_leaf(*root, *number));
            let root = push.extend(&of_chain.collect::<Vec<_>>());
            assert_eq!(tree(leaves, &above).root(), root, "{size} leaves");
        }
        for (threads, pool) in pools() {
            group.bench_function(BenchmarkId::new(format!("slproof-{threads}"), size), |bencher| {
                pool.install(|| bencher.iter(build));
            });
        }
    }
}

fn path(c: &mut Criterion) {
    for count in [1 << 10, 1 << 16, 1 << 20] {
        let mut group = c.benchmark_group("path");
        if count >= LARGE {
            group.sample_size(10).sampling_mode(SamplingMode::Flat);
        }
        let (roots, numbers) = batches(count);
        let index = count / 3;
        let list = BatchNumbers::new(numbers.iter().copied()).expect("they increase");
        let leaves = BatchLeaves::new(&roots, &list);
        let above = built(&leaves);
        let tree = tree(&leaves, &above);
        let path = tree.path(index as u64).expect("a leaf of the tree");

        group.bench_function(BenchmarkId::new("slproof", count), |bencher| {
            bencher.iter(|| tree.path(black_box(index as u64)));
        });
        group.bench_function(BenchmarkId::new("zksync_mini_merkle_tree", count), |bencher| {
            let peer = mini_merkle_tree(&roots, &numbers);
            let theirs = peer.merkle_root_and_path(index).1;
            assert!(theirs.iter().map(|node| Hash::new(node.0)).eq(path.iter().copied()));
            bencher.iter(|| peer.merkle_root_and_path(black_box(index)));
        });
        group.bench_function(BenchmarkId::new("rs_merkle", count), |bencher| {
            let peer = rs_merkle_tree(&roots, &numbers);
            let theirs = peer.proof(&[index]);
            assert!(theirs.proof_hashes().iter().copied().map(Hash::new).eq(path.iter().copied()));
            bencher.iter(|| peer.proof(black_box(&[index])));
        });
    }
}

/// Leaf hashes that are there already.
#[derive(Debug)]
struct Hashes(Vec<Hash>);

impl LeafHashes for Hashes {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn hash(&self, first: usize, out: &mut [Hash]) {
        out.copy_from_slice(&self.0[first..][..out.len()]);
    }
}

fn past(c: &mut Criterion) {
    const PATHS: u64 = 10_000;
    let leaves = Hashes(batches(LARGE).0);
    let zeros = Zeros::above(Hash::ZERO);
    let counts: Vec<u64> = (1..=LARGE as u64).collect();
    // The root of the tree of height 32 that has a smaller tree in its left corner.
    let padded = |root: Hash, count: u64| {
        let height = count.next_power_of_two().trailing_zeros();
        (height..HEIGHT as u32).fold(root, |node, height| hash_node(node, zeros.at(height)))
    };

    let mut agents = AgentTree::default();
    let theirs: Vec<Hash> = leaves.0.iter().map(|leaf| agents.push(*leaf)).collect();
    let levels = Levels::hash(&leaves, &zeros);
    let tree = levels.tree(&zeros);
    let root = padded(PushTree::new(Hash::ZERO).extend(&leaves.0), LARGE as u64);
    assert!(theirs.last() == Some(&root) && tree.root_at(HEIGHT as u32) == root);
    let ours = tree.prefix_roots(&counts).expect("counts of the tree");
    assert!(counts.iter().zip(ours).map(|(count, root)| padded(root, *count)).eq(theirs));

    let mut group = c.benchmark_group("past-build");
    group
        .throughput(Throughput::Elements(LARGE as u64))
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_secs(2));
    for (threads, pool) in pools() {
        group.bench_function(BenchmarkId::new(format!("slproof-{threads}"), LARGE), |bencher| {
            pool.install(|| bencher.iter(|| Levels::hash(black_box(&leaves), &zeros)));
        });
        let name = format!("slproof-roots-{threads}");
        group.bench_function(BenchmarkId::new(name, LARGE), |bencher| {
            pool.install(|| {
                bencher.iter(|| {
                    let levels = Levels::hash(black_box(&leaves), &zeros);
                    levels.tree(&zeros).prefix_roots(&counts)
                });
            });
        });
    }
    group.bench_function(BenchmarkId::new("hyperlane-agents", LARGE), |bencher| {
        bencher.iter(|| {
            let mut agents = AgentTree::default();
            black_box(&leaves.0).iter().map(|leaf| agents.push(*leaf)).last()
        });
    });
    group.finish();

    let wanted: Vec<(u64, u64)> = (0..PATHS)
        .map(|at| {
            let count = 1 + mixed(at, 1) % LARGE as u64;
            (mixed(at, 2) % count, count)
        })
        .collect();
    let paths = tree.prefix_paths(&wanted).expect("leaves of the tree");
    for ((leaf, count), path) in wanted.iter().zip(&paths) {
        let above = (path.len()..HEIGHT).map(|height| zeros.at(height as u32));
        assert!(path.iter().copied().chain(above).eq(agents.path(*leaf, *count)));
        assert_eq!(
            tree.prefix(*count).expect("a count of the tree").path(*leaf).as_ref(),
            Ok(path)
        );
    }

    let mut group = c.benchmark_group("past-path");
    group.throughput(Throughput::Elements(PATHS));
    group.bench_function(BenchmarkId::new("slproof", LARGE), |bencher| {
        bencher.iter(|| tree.prefix_paths(black_box(&wanted)));
    });
    group.bench_function(BenchmarkId::new("slproof-one-by-one", LARGE), |bencher| {
        bencher.iter(|| {
            for (leaf, count) in black_box(&wanted) {
                let prefix = tree.prefix(*count).expect("a count of the tree");
                let _ = black_box(prefix.path(*leaf));
            }
        });
    });
    group.bench_function(BenchmarkId::new("hyperlane-agents", LARGE), |bencher| {
        bencher.iter(|| {
            for (leaf, count) in black_box(&wanted) {
                black_box(agents.path(*leaf, *count));
            }
        });
    });
}

criterion_group!(benches, limit, build, chains, path, past);
criterion_main!(benches);
