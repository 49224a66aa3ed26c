//! Parquet that is read back, and compressed files, read by other implementations.

use std::io::{Cursor, Read};

use rayon::prelude::*;
use slproof::{
    files::{Compression, Input},
    proof::{Target, reader::RecordError},
    records::parquet::{ParquetProofs, RowGroup},
};

use crate::support::{
    proof_records::{file_of, proofs, read_rows, row_group, unchecked},
    tools::tool,
};

#[test]
fn parquet_is_read_back_whatever_the_row_groups() {
    for target in [Target::Latest, Target::BatchRoot] {
        let mut records = proofs("gateway-v31", target);
        assert!(records.len() > 2000 && records.iter().any(|record| record.message.is_some()));
        records[0].message = Some(vec![7; 3 << 20]);
        records[1].message = Some(Vec::new());
        records[2].proof.truncate(0);
        for rows in [1, 700, 10_000] {
            let records = &records[..records.len().min(rows * 100)];
            let groups: Vec<RowGroup> = records.chunks(rows).map(row_group).collect();
            let (read, failures) = read_rows(&file_of(&groups)).unwrap();
            assert_eq!((read.len(), failures), (records.len(), 0));
            for (read, record) in read.into_iter().zip(records) {
                match read {
                    Err(error) => assert!(
                        matches!(error, RecordError::Missing { field: "proof" })
                            && record.proof.is_empty()
                    ),
                    Ok(read) => assert_eq!(read, unchecked(record)),
                }
            }
        }
    }
    assert_eq!(read_rows(&file_of(&[])).unwrap().0.len(), 0);
}

#[test]
fn parquet_is_the_same_for_any_number_of_threads() {
    let records = proofs("gateway-v29", Target::Latest);
    let made = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| file_of(&records.par_chunks(1000).map(row_group).collect::<Vec<_>>()))
    });
    assert!(made[0] == made[1]);
}

#[test]
fn cut_and_flipped_parquet_gives_errors() {
    let mut records = proofs("gateway-v31", Target::Latest);
    records.truncate(10);
    let file = file_of(&records.chunks(7).map(row_group).collect::<Vec<_>>());
    for len in (0..file.len()).step_by(7).chain(file.len() - 40..file.len()) {
        let input = Input::from_reader("test", Cursor::new(file[..len].to_vec()));
        assert!(input.is_err() || ParquetProofs::open(input.unwrap()).is_err(), "{len} bytes");
    }
    // A flipped byte is detected, changes a record, or is in a part that is not read: the page index, statistics,
    // sizes in the footer, and descriptive texts.
    let mut unnoticed = 0;
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        let Ok((read, failures)) = read_rows(&flipped) else { continue };
        let same = failures == 0
            && read.len() == records.len()
            && read.iter().zip(&records).all(|(r, e)| r.as_ref().is_ok_and(|r| *r == unchecked(e)));
        unnoticed += usize::from(same);
    }
    assert!(unnoticed < file.len() / 3, "{unnoticed} of {}", file.len());
}

#[test]
fn compressed_outputs_are_read_by_the_tools() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = Vec::new();
    for record in proofs("gateway-v31", Target::Latest) {
        serde_json::to_writer(&mut text, &record).unwrap();
        text.push(b'\n');
    }
    // Large enough for several compressed blocks.
    assert!(text.len() > 5 << 20);
    for (name, program) in [("proofs.ndjson.gz", "gzip"), ("proofs.ndjson.zst", "zstd")] {
        let path = folder.path().join(name);
        let compression = Compression::of_name(&path).unwrap();
        let parts = text.par_chunks(999_983).map(|part| compression.compress(part).unwrap());
        let packed = parts.collect::<Vec<_>>().concat();
        std::fs::write(&path, &packed).unwrap();
        assert!(packed.len() * 4 < text.len(), "{name}: {} of {}", packed.len(), text.len());
        let mut again = Vec::new();
        Input::open(&path).unwrap().read_to_end(&mut again).unwrap();
        assert!(again == text, "{name}");
        if let Some(inflated) = tool(program, &["-dc"], &packed) {
            assert!(inflated == text, "{name}");
        }
        tool(program, &["-tq", path.to_str().unwrap()], b"");
    }
}
