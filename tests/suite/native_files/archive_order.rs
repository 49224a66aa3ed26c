//! Archives whose rows are out of order.

use std::fs;

use slproof::{
    archive::Archive,
    files::Access,
    message::{BatchLogs, MessageList},
    primitives::{BatchNumber, ChainId},
};

use super::archive::write;
use crate::support::container::altered;

/// The rows of batches without logs say the same but for their numbers, so only their order is wrong.
#[test]
fn rows_that_do_not_ascend_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.slmsg");
    let empty = |number| {
        BatchLogs::new(ChainId(324), BatchNumber(number), vec![], MessageList::default(), None)
            .unwrap()
    };
    write(&[empty(1), empty(2)], &path);
    let good = fs::read(&path).unwrap();
    Archive::open(&path, Access::Read).unwrap().check().unwrap();
    for numbers in [[2, 1], [1, 1]] {
        let changed = altered(&good, "batches", |rows| {
            for (row, number) in rows.chunks_exact_mut(96).zip(numbers) {
                row[8..16].copy_from_slice(&u64::to_le_bytes(number));
            }
        });
        fs::write(&path, changed).unwrap();
        let error = Archive::open(&path, Access::Read).unwrap().check().unwrap_err().to_string();
        assert!(error.contains("row 1 is not greater than the row before it"), "{error}");
    }
}
