use slproof::{ingest::logs::BatchBlocks, primitives::ChainId};

/// The blocks of batches are read, or the value at fault is named.
pub(super) fn run(data: &[u8]) {
    let Some(input) = super::input("blocks", data) else { return };
    match BatchBlocks::read_input(input, Some(ChainId(324))) {
        Ok(blocks) => assert_eq!(blocks.is_empty(), blocks.len() == 0),
        Err(error) => super::explain(&error),
    }
}
