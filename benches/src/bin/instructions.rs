//! Hashes pairs of nodes on the given backend, so that callgrind counts the instructions; see the
//! documentation of the crate.

use std::{hint::black_box, process::ExitCode};

use slproof::{keccak::Backend, primitives::Hash};
use slproof_benches::{COUNTED, digest, painted};

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_else(|| "portable".into());
    let Some(backend) = Backend::supported().into_iter().find(|b| b.name() == name) else {
        eprintln!("this processor, or this valgrind, has no backend {name}");
        return ExitCode::FAILURE;
    };
    let inputs = painted::<64>(COUNTED);
    let mut hashes = vec![Hash::ZERO; COUNTED];
    counted(backend, &inputs, &mut hashes);
    assert_eq!(
        digest(&hashes),
        "0x0dbf4ec5dd6b71f74bff108ae3b6aeadda11322310786c45b1ca79aced9b3c0c",
        "the digest of these hashes as tiny-keccak computes them",
    );
    println!("{COUNTED} hashes on {name}");
    ExitCode::SUCCESS
}

/// The code that callgrind counts. It finds this function by its name.
#[inline(never)]
fn counted(backend: Backend, inputs: &[[u8; 64]], hashes: &mut [Hash]) {
    backend.hash_many(black_box(inputs), black_box(hashes));
}
