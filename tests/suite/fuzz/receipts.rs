use std::sync::LazyLock;

use slproof::{
    ingest::logs::{BatchBlocks, RelayedBy, SourceFormat, SourceOptions},
    primitives::ChainId,
};

/// The blocks of the batches, which receipts of a ZKsync OS chain do not name.
static BLOCKS: LazyLock<BatchBlocks> = LazyLock::new(|| {
    let text = b"{\"batchNumber\":1,\"firstBlock\":1,\"lastBlock\":9}\n\
                 {\"batchNumber\":2,\"firstBlock\":10,\"lastBlock\":99}\n\
                 {\"batchNumber\":3,\"firstBlock\":100,\"lastBlock\":999}";
    let input = super::input("blocks", text).unwrap();
    BatchBlocks::read_input(input, None).unwrap()
});

/// Receipts and events of either kind of chain give an intact archive. A byte that JSON does not have separates
/// files.
pub(super) fn run(data: &[u8]) {
    let options = SourceOptions {
        format: Some(SourceFormat::Receipts),
        chain: Some(ChainId(324)),
        blocks: BLOCKS.clone(),
        relayed: Some(RelayedBy::Anyone),
        ..SourceOptions::default()
    };
    super::indexing::index("receipts", data.split(|byte| *byte == 0), options);
}
