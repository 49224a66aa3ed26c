use std::{fs, io::Write};

use flate2::{Compression, write::GzEncoder};

/// The chunks of a snapshot of a zksync-era node are read whole or refused. The first byte says where the rest is
/// cut into two chunks.
pub(super) fn run(data: &[u8]) {
    let Some((cut, records)) = data.split_first() else { return };
    let (one, other) = records.split_at(records.len() * usize::from(*cut) / 256);
    let folder = tempfile::tempdir().unwrap();
    for (id, chunk) in [one, other].into_iter().enumerate() {
        let name = format!("snapshot_l1_batch_2028_storage_logs_part_{id:04}.proto.gzip");
        let file = fs::File::create(folder.path().join(name)).unwrap();
        let mut gzip = GzEncoder::new(file, Compression::none());
        gzip.write_all(chunk).unwrap();
        gzip.finish().unwrap();
    }
    match super::importing::import().read(folder.path()) {
        Ok(dump) => dump.state.check().unwrap(),
        Err(error) => super::explain(&error),
    }
}
