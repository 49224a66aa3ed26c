//! The time of a hash on every backend that this processor can run, and in other libraries, on one core:
//!
//! ```text
//! cargo bench --manifest-path benches/Cargo.toml --bench keccak
//! ```
//!
//! - `keccak/64`, `/88`, `/96`: many inputs of that many bytes (inner nodes, logs, leaves).
//! - `keccak/leaves`: 96 bytes, composed from a root and a number while they are hashed.
//! - `keccak/few-1`, `-3`, `-9`: that many inputs of 64 bytes, which do not fill the lanes.
//!
//! The speed of building trees is compared with that of the fastest backend at 64 bytes.

use std::hint::black_box;

use bytemuck::TransparentWrapper;
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use p3_symmetric::CryptographicHasher;
use slproof::{
    keccak::{Backend, keccak256},
    primitives::Hash,
};
use slproof_benches::{digest, painted};

/// The inputs fit in the second-level cache, so that the processor is measured and not the memory.
const MANY: usize = 1024;

type HashOne = fn(&[u8]) -> [u8; 32];

/// The other libraries, which hash one input at a time.
const PEERS: [(&str, HashOne); 4] = [
    ("tiny-keccak", |input| {
        use tiny_keccak::{Hasher, Keccak};
        let mut hasher = Keccak::v256();
        hasher.update(input);
        let mut hash = [0; 32];
        hasher.finalize(&mut hash);
        hash
    }),
    ("sha3", |input| {
        use sha3::Digest;
        sha3::Keccak256::digest(input).into()
    }),
    ("alloy-primitives", |input| alloy_primitives::keccak256(input).0),
    ("keccak-asm", |input| keccak_asm::Keccak256::digest(input).into()),
];

fn many(c: &mut Criterion) {
    let [inner_nodes, logs, leaves] = [
        "0x0dbf4ec5dd6b71f74bff108ae3b6aeadda11322310786c45b1ca79aced9b3c0c",
        "0xa708336a5160e343e3b76d5cfbf3bbcd68621bd7af996966d7f1ccb88b28eec1",
        "0x43ecbf0d40b3bc5cae91684bbe78b71bbe341cd90a61e669c41b2bd50a087aec",
    ];
    hash_many::<64>(c, "keccak/64", MANY, inner_nodes);
    hash_many::<88>(c, "keccak/88", MANY, logs);
    hash_many::<96>(c, "keccak/96", MANY, leaves);
}

fn few(c: &mut Criterion) {
    let [one, three, nine] = [
        "0x5590739423671d9b8593b92d6d7b713bc58022201a2e60a20abbb71232205d7c",
        "0x634ed0b9b293d2ea79887dd1579a953365ef11e2ff5d0a5591655736dcc78e69",
        "0x82b1b3e97de19dba299a1167d0ee03896160ee89cc725f773fc4922d186e7233",
    ];
    hash_many::<64>(c, "keccak/few-1", 1, one);
    hash_many::<64>(c, "keccak/few-3", 3, three);
    hash_many::<64>(c, "keccak/few-9", 9, nine);
}

fn hash_many<const LEN: usize>(c: &mut Criterion, group: &str, count: usize, expected: &str) {
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(count as u64));
    let inputs = painted::<LEN>(count);
    for backend in Backend::supported() {
        bench(&mut group, slproof(backend), count, expected, |out| {
            backend.hash_many(black_box(&inputs), out);
        });
    }
    bench(&mut group, "p3-keccak", count, expected, |out| {
        let inputs = black_box(&inputs).as_flattened();
        p3_keccak::Keccak256Hash.hash_many(inputs, Hash::peel_slice_mut(out));
    });
    for (name, hash) in PEERS {
        bench(&mut group, name, count, expected, |out| {
            for (input, out) in black_box(&inputs).iter().zip(out) {
                *out = Hash::new(hash(input));
            }
        });
    }
}

fn leaves(c: &mut Criterion) {
    let expected = "0x1c33d4c479c04ef4c79002e0279994d8c58f07b9eaaa6745d8569ee477921722";
    let mut group = c.benchmark_group("keccak/leaves");
    group.throughput(Throughput::Elements(MANY as u64));
    let prefix = keccak256(b"prefix");
    let roots: Vec<_> = painted(MANY).into_iter().map(Hash::new).collect();
    let numbers: Vec<_> = (1..).take(MANY).collect();
    for backend in Backend::supported() {
        bench(&mut group, slproof(backend), MANY, expected, |out| {
            backend.hash_leaves(&prefix, black_box(&roots), black_box(&numbers), out);
        });
    }
}

fn slproof(backend: Backend) -> String {
    format!("slproof-{}", backend.name())
}

/// Times `hash`, after a check of its result.
fn bench(
    group: &mut BenchmarkGroup<WallTime>,
    name: impl Into<String>,
    count: usize,
    expected: &str,
    mut hash: impl FnMut(&mut [Hash]),
) {
    let name = name.into();
    let mut out = vec![Hash::ZERO; count];
    hash(&mut out);
    assert_eq!(digest(&out), expected, "{name}");
    group.bench_function(name, |bencher| {
        bencher.iter(|| hash(black_box(&mut out)));
    });
}

criterion_group!(benches, many, leaves, few);
criterion_main!(benches);
