use std::sync::LazyLock;

use super::{BatchNumbers, timestamps::timestamp};
pub use crate::message::{CHAIN_ID_LEAF_PADDING, chain_id_leaf};
use crate::{
    keccak::{hash_leaves, hash_many, hash_node, keccak256},
    merkle::{LeafHashes, Leaves, Zeros},
    primitives::{BatchNumber, Hash, Timestamp, Word},
};

/// The length of the preimage of a batch leaf before v33 or of a chain-id leaf, in bytes.
pub(super) const LEAF_LEN: usize = 96;
/// The length of the preimage of a batch leaf since v33, in bytes.
pub(super) const TIMED_LEAF_LEN: usize = 128;

/// Batch numbers converted at once.
const CHUNK: usize = 1 << 9;
/// Preimages with timestamps that are hashed at once.
const TIMED_CHUNK: usize = 1 << 6;

/// keccak256("zkSync:BatchLeaf"), the first word of a batch leaf's preimage.
pub const BATCH_LEAF_PADDING: Hash = Hash::new([
    0xd8, 0x2f, 0xec, 0x4a, 0x37, 0xcb, 0xdc, 0x47, 0xf1, 0xe5, 0xcc, 0x4a, 0xd6, 0x4d, 0xea, 0xcf,
    0x34, 0xa4, 0x8e, 0x6f, 0x7c, 0x61, 0xfa, 0x5b, 0x68, 0xfd, 0x58, 0xe5, 0x43, 0x25, 0x9c, 0xf4,
]);

/// keccak256 of 96 zero bytes: the empty leaf of chain trees and of the shared tree.
pub const EMPTY_ENTRY: Hash = Hash::new([
    0x46, 0x70, 0x0b, 0x4d, 0x40, 0xac, 0x5c, 0x35, 0xaf, 0x2c, 0x22, 0xdd, 0xa2, 0x78, 0x7a, 0x91,
    0xeb, 0x56, 0x7b, 0x06, 0xc9, 0x24, 0xa8, 0xfb, 0x8a, 0xe9, 0xa0, 0x5b, 0x20, 0xc0, 0x8c, 0x21,
]);

/// The empty subtrees of chain trees and of the shared tree.
#[must_use]
pub fn entry_zeros() -> &'static Zeros {
    static ZEROS: LazyLock<Zeros> = LazyLock::new(|| Zeros::above(EMPTY_ENTRY));
    &ZEROS
}

/// The leaf of one batch in its chain's tree, before v33.
#[must_use]
pub fn batch_leaf(batch_root: Hash, number: BatchNumber) -> Hash {
    keccak256(&padded(BATCH_LEAF_PADDING, batch_root, number.0))
}

/// The leaf of one batch in its chain's tree, since v33. The timestamp is that of the settlement layer's block that
/// executed the batch.
#[must_use]
pub fn timed_batch_leaf(batch_root: Hash, number: BatchNumber, timestamp: Timestamp) -> Hash {
    keccak256(&timed(batch_root, number.0, timestamp))
}

/// Folds a leaf with its siblings. Bit i of the mask says whether the node at height i is the right one of two.
pub(crate) fn fold(leaf: Hash, mask: Word, path: &[Hash]) -> Hash {
    path.iter().enumerate().fold(leaf, |node, (height, sibling)| {
        match mask.as_bytes()[31 - height / 8] >> (height % 8) & 1 {
            0 => hash_node(node, *sibling),
            _ => hash_node(*sibling, node),
        }
    })
}

/// The leaves of a chain tree, each from a batch root, a batch number and, since v33, a timestamp.
#[derive(Clone, Copy, Debug)]
pub struct BatchLeaves<'a> {
    roots: &'a [Hash],
    numbers: &'a BatchNumbers,
    /// Little-endian, one for each leaf; empty before v33.
    timestamps: &'a [[u8; 8]],
}

impl<'a> BatchLeaves<'a> {
    /// The leaves of the batches with these roots and numbers, in the order of execution.
    ///
    /// # Panics
    /// If `roots` and `numbers` differ in length.
    #[must_use]
    pub fn new(roots: &'a [Hash], numbers: &'a BatchNumbers) -> Self {
        Self::with_timestamps(roots, numbers, &[])
    }

    /// As [`BatchLeaves::new`], since v33: with timestamps as little-endian numbers, or without any if the release
    /// has none.
    ///
    /// # Panics
    /// If the parts differ in length.
    #[must_use]
    pub fn with_timestamps(
        roots: &'a [Hash],
        numbers: &'a BatchNumbers,
        timestamps: &'a [[u8; 8]],
    ) -> Self {
        assert_eq!(roots.len() as u64, numbers.len(), "a number for every root");
        let counts = [roots.len(), 0];
        assert!(counts.contains(&timestamps.len()), "a timestamp for every root, or none");
        Self { roots, numbers, timestamps }
    }
}

impl LeafHashes for BatchLeaves<'_> {
    fn count(&self) -> usize {
        self.roots.len()
    }

    fn hash(&self, first: usize, out: &mut [Hash]) {
        if !self.timestamps.is_empty() {
            return self.hash_timed(first..first + out.len(), out);
        }
        let mut numbers = [0; CHUNK];
        let roots = self.roots[first..first + out.len()].chunks(CHUNK);
        for ((roots, out), first) in roots.zip(out.chunks_mut(CHUNK)).zip((first..).step_by(CHUNK))
        {
            let numbers = &mut numbers[..out.len()];
            self.numbers.write(first as u64, numbers);
            hash_leaves(&BATCH_LEAF_PADDING, roots, numbers, out);
        }
    }

    fn hash_some(&self, leaves: &[usize], out: &mut [Hash]) {
        if !self.timestamps.is_empty() {
            return self.hash_timed(leaves.iter().copied(), out);
        }
        let roots: Vec<Hash> = leaves.iter().map(|leaf| self.roots[*leaf]).collect();
        let numbers: Vec<u64> = leaves.iter().map(|leaf| self.number(*leaf)).collect();
        hash_leaves(&BATCH_LEAF_PADDING, &roots, &numbers, out);
    }
}

impl BatchLeaves<'_> {
    /// Hashes leaves with timestamps, one for every output.
    fn hash_timed(&self, mut leaves: impl Iterator<Item = usize>, out: &mut [Hash]) {
        let mut inputs = [[0; TIMED_LEAF_LEN]; TIMED_CHUNK];
        for out in out.chunks_mut(TIMED_CHUNK) {
            let inputs = &mut inputs[..out.len()];
            for (input, leaf) in inputs.iter_mut().zip(&mut leaves) {
                *input = self.input(leaf);
            }
            hash_many(inputs, out);
        }
    }

    fn number(&self, leaf: usize) -> u64 {
        // `new` checked that every root has a number.
        self.numbers.get(leaf as u64).map_or(0, |number| number.0)
    }
}

impl Leaves<LEAF_LEN> for BatchLeaves<'_> {
    fn input(&self, index: usize) -> [u8; LEAF_LEN] {
        padded(BATCH_LEAF_PADDING, self.roots[index], self.number(index))
    }
}

impl Leaves<TIMED_LEAF_LEN> for BatchLeaves<'_> {
    fn input(&self, index: usize) -> [u8; TIMED_LEAF_LEN] {
        timed(self.roots[index], self.number(index), timestamp(&self.timestamps[index]))
    }
}

fn timed(root: Hash, number: u64, timestamp: Timestamp) -> [u8; TIMED_LEAF_LEN] {
    let mut input = [0; TIMED_LEAF_LEN];
    input[..LEAF_LEN].copy_from_slice(&padded(BATCH_LEAF_PADDING, root, number));
    input[LEAF_LEN..].copy_from_slice(timestamp.to_word().as_bytes());
    input
}

fn padded(padding: Hash, root: Hash, number: u64) -> [u8; LEAF_LEN] {
    let mut input = [0; LEAF_LEN];
    input[..32].copy_from_slice(padding.as_bytes());
    input[32..64].copy_from_slice(root.as_bytes());
    input[88..].copy_from_slice(&number.to_be_bytes());
    input
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::ChainId;

    #[test]
    fn constants_are_the_hashes_that_the_contracts_name() {
        assert_eq!(BATCH_LEAF_PADDING, keccak256(b"zkSync:BatchLeaf"));
        assert_eq!(CHAIN_ID_LEAF_PADDING, keccak256(b"zkSync:ChainIdLeaf"));
        assert_eq!(EMPTY_ENTRY, keccak256(&[0; 96]));
    }

    /// Chain-id leaves of chains without batches, from published proofs.
    #[test]
    fn leaves_of_empty_chains_match_real_ones() {
        for (chain, leaf) in [
            (271, "0xe4ed1ec13a28c40715db6399f6f99ce04e5f19d60ad3ff6831f098cb6cf75944"),
            (506, "0xf84927dc03d95cc652990ba75874891ccc5a4d79a0e10a2ffdd238a34a39f828"),
        ] {
            assert_eq!(chain_id_leaf(Hash::ZERO, ChainId(chain)).to_string(), leaf);
        }
    }

    /// The worked example of the formulas of v33, computed without this program.
    #[test]
    fn leaves_with_a_timestamp_match_the_worked_example() {
        let leaf = |root: &str, batch, seconds| {
            let root = root.parse().unwrap();
            timed_batch_leaf(root, BatchNumber(batch), Timestamp(seconds))
        };
        let genesis = leaf(
            "0x1d57c24629c4445766683a9843cae545c6fe1f8f35159aca41f2a38b7b227885",
            0,
            1_789_000_000,
        );
        let seventh = leaf(
            "0x92e7f5b8a35418d83e89c325df025a6fa08b4b96eed88cd6e772f47afc049230",
            7,
            1_790_000_000,
        );
        let expected = "0x7af3fcb30579051097e4f27328f81e398c0101bdd22f1c4231c6756ebab44b08";
        assert_eq!(genesis.to_string(), expected);
        let expected = "0xe45e44f1f17eee32671d88ed3efa9aa62b633b3da4c091173904c4e6613b2598";
        assert_eq!(seventh.to_string(), expected);
        let chain_root = crate::keccak::hash_node(genesis, seventh);
        let expected = "0xeb00c621af8876b96dff19a5e6f852ba1d6ba7a16afd91fbef7e6b41a1688c1f";
        assert_eq!(chain_root.to_string(), expected);
        let expected = "0xa180d66684f156ec97f51a23eaba8182dab23f364d2a18c4653ab12888f00c45";
        assert_eq!(chain_id_leaf(chain_root, ChainId(8_022_833)).to_string(), expected);
    }

    #[test]
    fn many_leaves_equal_single_ones() {
        let roots: Vec<Hash> = (0..20u8).map(|i| keccak256(&[i])).collect();
        let list: Vec<BatchNumber> = (0..20).map(|i| BatchNumber(u64::MAX - 60 + 3 * i)).collect();
        let numbers = BatchNumbers::new(list.iter().copied()).unwrap();
        let leaves = BatchLeaves::new(&roots, &numbers);
        let (mut hashes, mut some) = (vec![Hash::ZERO; 19], vec![Hash::ZERO; 3]);
        leaves.hash(1, &mut hashes);
        for (i, hash) in (1..).zip(&hashes) {
            assert_eq!(*hash, batch_leaf(roots[i], list[i]));
            let input: [u8; LEAF_LEN] = leaves.input(i);
            assert_eq!(*hash, keccak256(&input));
        }
        leaves.hash_some(&[7, 1, 19], &mut some);
        assert_eq!(some, [hashes[6], hashes[0], hashes[18]]);

        let times: Vec<Timestamp> = (0..20).map(|i| Timestamp(1 << i)).collect();
        let rows: Vec<[u8; 8]> = times.iter().map(|time| time.0.to_le_bytes()).collect();
        let leaves = BatchLeaves::with_timestamps(&roots, &numbers, &rows);
        leaves.hash(1, &mut hashes);
        for (i, hash) in (1..).zip(&hashes) {
            assert_eq!(*hash, timed_batch_leaf(roots[i], list[i], times[i]));
        }
        leaves.hash_some(&[7, 1, 19], &mut some);
        assert_eq!(some, [hashes[6], hashes[0], hashes[18]]);
    }
}
