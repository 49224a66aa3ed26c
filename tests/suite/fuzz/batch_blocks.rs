use slproof::{ingest::logs::BatchBlocks, primitives::ChainId};

/// The blocks of batches are read, or the value at fault is named.
pub(super) fn run(data: &[u8]) {
    let Some(input) = super::input("blocks", data) else { return };
    if let Err(error) = BatchBlocks::read_input(input, Some(ChainId(324))) {
        super::explain(&error);
    }
}
