use std::collections::BTreeMap;

use slproof::{
    archive::Archive,
    ingest::logs::{Indexer, SourceOptions},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The parts of a batch, for comparison.
type Batch = (Vec<[u8; 88]>, Vec<Vec<u8>>, Vec<Hash>, Option<Hash>);

/// The batches of an archive by chain and number.
pub(super) type Batches = BTreeMap<(ChainId, BatchNumber), Batch>;

pub(super) fn batches(archive: &Archive) -> Batches {
    let batches = archive.batches().map(|batch| {
        let batch = batch.unwrap();
        let logs = batch.logs().iter().map(|log| *log.as_bytes()).collect();
        let messages = batch.messages().iter().map(<[u8]>::to_vec).collect();
        (batch.key(), (logs, messages, batch.transactions().to_vec(), batch.aggregated_root()))
    });
    batches.collect()
}

/// Indexes sources into an archive file, which has to be intact. Returns its batches and the number of parts that
/// were left out; `None` if a source cannot be read at all.
pub(super) fn index<'d>(
    name: &str,
    sources: impl IntoIterator<Item = &'d [u8]>,
    options: SourceOptions,
) -> Option<(Batches, u64)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs.slmsg");
    let mut indexer = Indexer::create(&path, options, None).unwrap();
    for source in sources {
        if let Err(error) = indexer.read(super::input(name, source)?) {
            super::explain(&error);
            return None;
        }
    }
    match indexer.finish() {
        Ok(indexed) => {
            indexed.faults.first().iter().for_each(|error| super::explain(error));
            // An archive without batches is not written.
            assert_eq!(path.exists(), indexed.header.batches > 0);
            if !path.exists() {
                return Some((Batches::new(), indexed.faults.count()));
            }
            let archive = Archive::open(&path, Default::default()).unwrap();
            archive.check().unwrap();
            Some((batches(&archive), indexed.faults.count()))
        }
        Err(error) => {
            super::explain(&error);
            None
        }
    }
}
