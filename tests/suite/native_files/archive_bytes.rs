//! The bytes of the golden archives, read by the documented format alone, without the library's reader.

use std::fs;

use slproof::primitives::Hash;

use super::archive::{GOLDEN, OLD, small};
use crate::support::fixture;

#[test]
fn archive_is_readable_from_its_documented_format_alone() {
    read_as_documented(OLD, 1);
    read_as_documented(GOLDEN, 3);
}

fn read_as_documented(golden: &str, version: u32) {
    let file = fs::read(fixture(golden)).unwrap();
    let u64_at = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(&file[12..16], b"mesg");
    assert_eq!(u32_at(16), version);
    let trailer = file.len() - 64;
    let table = u64_at(trailer) as usize;
    let section = |name: &str| -> &[u8] {
        let rows = (0..u32_at(trailer + 8) as usize).map(|row| table + 64 * row);
        let row =
            rows.into_iter().find(|row| &file[*row..row + name.len()] == name.as_bytes()).unwrap();
        &file[u64_at(row + 8) as usize..][..u64_at(row + 16) as usize]
    };
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let (logs, ends, bytes) = (section("logs"), section("ends"), section("bytes"));
    let hashes = section("txhashes");
    let batches = small();
    let header = table + 64 * u32_at(trailer + 8) as usize;
    let counts: Vec<u64> = (0..5).map(|field| u64_at(header + 8 * field)).collect();
    assert_eq!(counts, [3, 12, 5, 11, 8]);

    let rows = section("batches").chunks(96);
    assert_eq!(rows.len(), batches.len());
    for (row, batch) in rows.zip(&batches) {
        let batch = batch.view();
        let field = |at: usize, len: usize| number(&row[at..at + len]) as usize;
        assert_eq!(field(0, 8) as u64, batch.chain().0);
        assert_eq!(field(8, 8) as u64, batch.batch().0);
        for (i, log) in batch.logs().iter().enumerate() {
            assert_eq!(&logs[88 * (field(16, 8) + i)..][..88], log.as_bytes());
        }
        assert_eq!(field(48, 4), batch.logs().len());
        let mut start = 0;
        for i in 0..field(52, 4) {
            let end = number(&ends[8 * (field(24, 8) + i)..][..8]) as usize;
            let message = &bytes[field(32, 8) + start..field(32, 8) + end];
            assert_eq!(Some(message), batch.messages().get(i));
            start = end;
        }
        assert_eq!(field(56, 4) & 1 == 1, batch.aggregated_root().is_some());
        assert_eq!(&row[64..], batch.aggregated_root().unwrap_or(Hash::ZERO).as_bytes());
        if field(56, 4) & 2 == 2 {
            for (i, hash) in batch.transactions().iter().enumerate() {
                assert_eq!(&hashes[32 * (field(40, 8) + i)..][..32], hash.as_bytes());
            }
        }
    }
    let by_message: Vec<(&[u8], usize)> =
        section("by-msg").chunks(16).map(|row| (&row[..8], number(&row[8..]) as usize)).collect();
    assert!(by_message.is_sorted());
    assert_eq!(by_message.len(), 9);
    for (beginning, log) in by_message {
        assert_eq!(beginning, &logs[88 * log + 56..][..8]);
    }
    let by_transaction: Vec<&[u8]> = section("by-tx").chunks(16).collect();
    assert!(by_transaction.is_sorted_by_key(|row| (&row[..8], number(&row[8..]))));
    assert_eq!(by_transaction.len(), 8);
    if version == 3 {
        // Each of these sections is shorter than a block.
        let blocks = ["batches", "txhashes", "by-msg", "by-tx"].map(section);
        let sums: Vec<u8> =
            blocks.iter().flat_map(|block| *blake3::hash(block).as_bytes()).collect();
        assert_eq!(section("sums"), sums);
    }
}
