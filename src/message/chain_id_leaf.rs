use crate::{
    keccak::keccak256,
    primitives::{ChainId, Hash},
};

/// keccak256("zkSync:ChainIdLeaf"), the first word of a chain-id leaf's preimage.
pub const CHAIN_ID_LEAF_PADDING: Hash = Hash::new([
    0x39, 0xbc, 0x69, 0x36, 0x3b, 0xb9, 0xe2, 0x6c, 0xf1, 0x42, 0x40, 0xde, 0x4e, 0x22, 0x56, 0x9e,
    0x95, 0xcf, 0x17, 0x5c, 0xfb, 0xcf, 0x1a, 0xde, 0x1a, 0x47, 0xa2, 0x53, 0xb4, 0xbf, 0x7f, 0x61,
]);

/// The leaf of a chain in the shared tree. With the chain root zero, it is also the aggregated root of a chain that is
/// no settlement layer: its own shared tree has this leaf alone.
#[must_use]
pub fn chain_id_leaf(chain_root: Hash, chain: ChainId) -> Hash {
    let words = [CHAIN_ID_LEAF_PADDING, chain_root, chain.to_word().to_hash()];
    keccak256(words.map(|word| *word.as_bytes()).as_flattened())
}
