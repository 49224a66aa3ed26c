//! Compares every backend that this processor can run with two unrelated implementations.

use proptest::prelude::*;
use sha3::Digest;

use super::*;
use crate::primitives::Word;

/// No list of random inputs is as long as this. Miri takes a thousand times longer for each hash, and its only
/// backend has one lane.
const COUNT_LIMIT: usize = if cfg!(miri) { 3 } else { 40 };

/// Asserts that a backend computes the same hashes as tiny-keccak and RustCrypto's sha3.
fn check<const LEN: usize>(backend: Backend, inputs: &[[u8; LEN]]) {
    let mut out = vec![Hash::ZERO; inputs.len()];
    backend.hash_many(inputs, &mut out);
    for (i, (input, hash)) in inputs.iter().zip(&out).enumerate() {
        let place = || {
            let (name, count) = (backend.name(), inputs.len());
            format!("{name}: input {i} of {count} with {LEN} bytes")
        };
        assert_eq!(*hash, keccak256(input), "{}", place());
        assert_eq!(hash.as_bytes()[..], sha3::Keccak256::digest(input)[..], "{}", place());
    }
}

/// Inputs filled with a pattern of prime period, so that swapped inputs, rows or words change the hash.
fn painted<const LEN: usize>(count: usize) -> Vec<[u8; LEN]> {
    (0..count).map(|i| std::array::from_fn(|j| ((i * LEN + j) % 251) as u8)).collect()
}

#[test]
fn every_backend_equals_two_implementations_for_every_count() {
    fn check_counts<const LEN: usize>(backend: Backend) {
        let blocks = if cfg!(miri) { 1 } else { 4 };
        let inputs = painted::<LEN>(blocks * backend.lanes() + 1);
        for count in 0..=inputs.len() {
            check(backend, &inputs[..count]);
        }
    }
    for backend in Backend::supported() {
        check_counts::<0>(backend);
        check_counts::<8>(backend);
        check_counts::<24>(backend);
        check_counts::<32>(backend);
        check_counts::<40>(backend);
        check_counts::<64>(backend);
        check_counts::<88>(backend);
        check_counts::<96>(backend);
        check_counts::<120>(backend);
        check_counts::<128>(backend);
    }
}

proptest! {
    #[test]
    fn every_backend_agrees_on_random_bytes(
        nodes in prop::collection::vec(any::<[[u8; 32]; 2]>(), 0..COUNT_LIMIT),
        logs in prop::collection::vec(any::<[[u8; 8]; 11]>(), 0..COUNT_LIMIT),
    ) {
        let nodes: Vec<[u8; 64]> = nodes.into_iter().map(bytemuck::cast).collect();
        let logs: Vec<[u8; 88]> = logs.into_iter().map(bytemuck::cast).collect();
        for backend in Backend::supported() {
            check(backend, &nodes);
            check(backend, &logs);
        }
    }

    #[test]
    fn every_backend_hashes_leaves_like_their_preimages(
        prefix: [u8; 32],
        leaves in prop::collection::vec(any::<([u8; 32], u64)>(), 0..COUNT_LIMIT),
    ) {
        let prefix = Hash::new(prefix);
        let (roots, numbers): (Vec<_>, Vec<_>) =
            leaves.iter().map(|(root, number)| (Hash::new(*root), *number)).unzip();
        let expected: Vec<_> = leaves
            .iter()
            .map(|(root, number)| {
                let number = Word::from(*number);
                keccak256([*prefix.as_bytes(), *root, *number.as_bytes()].as_flattened())
            })
            .collect();
        for backend in Backend::supported() {
            let mut out = vec![Hash::ZERO; leaves.len()];
            backend.hash_leaves(&prefix, &roots, &numbers, &mut out);
            prop_assert_eq!(&out, &expected, "{}", backend.name());
        }
    }
}

#[test]
fn every_backend_hashes_texts_of_every_length_around_the_rate() {
    let text: Vec<u8> = (0..300).map(|i| (i % 251) as u8).collect();
    let lengths = if cfg!(miri) { 130..140 } else { 0..280 };
    let texts: Vec<&[u8]> = lengths.map(|len| &text[..len]).collect();
    let expected: Vec<_> = texts.iter().map(sha3::Keccak256::digest).collect();
    for backend in Backend::supported() {
        for count in [0, 1, 2, 3, 4, 5, 7, 8, 9, texts.len()] {
            let mut out = vec![Hash::ZERO; count];
            backend.hash_texts(&texts[..count], &mut out);
            for ((text, hash), expected) in texts.iter().zip(&out).zip(&expected) {
                assert_eq!(hash.as_bytes()[..], expected[..], "{}: {}", backend.name(), text.len());
            }
        }
    }
}

#[test]
fn known_answers() {
    fn zeros<const LEN: usize>(backend: Backend) -> String {
        let mut out = [Hash::ZERO; 9];
        backend.hash_many(&[[0; LEN]; 9], &mut out);
        assert_eq!(out, [out[0]; 9]);
        out[0].to_string()
    }
    for backend in Backend::supported() {
        assert_eq!(
            zeros::<0>(backend),
            "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        );
        assert_eq!(
            zeros::<32>(backend),
            "0x290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563"
        );
        assert_eq!(
            zeros::<64>(backend),
            "0xad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5"
        );
        // The empty leaf of the tree of a batch's logs.
        assert_eq!(
            zeros::<88>(backend),
            "0x72abee45b59e344af8a6e520241c4744aff26ed411f4c4b00f8af09adada43ba"
        );
        // The empty leaf of chain trees and of the shared tree.
        assert_eq!(
            zeros::<96>(backend),
            "0x46700b4d40ac5c35af2c22dda2787a91eb567b06c924a8fb8ae9a05b20c08c21"
        );
    }
}

#[test]
fn backends_are_ordered_from_widest_to_portable() {
    let supported = Backend::supported();
    assert_eq!(supported[0], Backend::best());
    assert!(supported.is_sorted_by_key(|backend| std::cmp::Reverse(backend.lanes())));
    assert_eq!(supported.last().unwrap().name(), "portable");
}

#[test]
fn pairs_are_neighbours() {
    let nodes: Vec<_> = painted(18).into_iter().map(Hash::new).collect();
    let mut parents = [Hash::ZERO; 9];
    hash_pairs(&nodes, &mut parents);
    for (pair, parent) in nodes.chunks(2).zip(&parents) {
        assert_eq!(*parent, hash_node(pair[0], pair[1]));
    }
}

#[test]
#[should_panic(expected = "nodes come in pairs")]
fn an_odd_node_is_refused() {
    hash_pairs(&[Hash::ZERO; 3], &mut [Hash::ZERO]);
}

#[test]
#[should_panic(expected = "an output for every input")]
fn a_missing_output_is_refused() {
    hash_many(&[[0; 64]; 2], &mut [Hash::ZERO]);
}

#[test]
#[should_panic(expected = "a number for every root")]
fn a_missing_number_is_refused() {
    hash_leaves(&Hash::ZERO, &[Hash::ZERO; 2], &[1], &mut [Hash::ZERO; 2]);
}
