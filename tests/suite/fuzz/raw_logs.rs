use slproof::ingest::logs::{SourceFormat, SourceOptions, read_archive_input};

/// A raw archive that is read as a whole is indexed to the same batches, with nothing left out.
pub(super) fn run(data: &[u8]) {
    let Some(input) = super::input("logs.jsonl", data) else { return };
    let format = Some(SourceFormat::Jsonl);
    let options = SourceOptions { format, ..SourceOptions::default() };
    let indexed = super::indexing::index("logs.jsonl", [data], options);
    match read_archive_input(input, format, Default::default()) {
        Ok(archive) => {
            archive.check().unwrap();
            let expected = super::indexing::batches(&archive);
            let (batches, left_out) = indexed.unwrap_or_default();
            assert_eq!((batches, left_out), (expected, 0));
        }
        Err(error) => super::explain(&error),
    }
}
