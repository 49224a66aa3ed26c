use slproof::{
    ingest::logs::{SourceFormat, SourceOptions},
    primitives::ChainId,
};

/// Tables of a node in every form that Postgres writes give an intact archive. A byte that text does not have
/// separates files.
pub(super) fn run(data: &[u8]) {
    let options = SourceOptions {
        format: Some(SourceFormat::Postgres),
        chain: Some(ChainId(324)),
        ..SourceOptions::default()
    };
    super::indexing::index("rows", data.split(|byte| *byte == 0), options);
}
