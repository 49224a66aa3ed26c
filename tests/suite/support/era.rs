//! A simple reader and writer of snapshots of zksync-era nodes.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};

pub const BATCH: u32 = 2028;

/// A protobuf record: address and slot, or a hashed key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub plain: Option<([u8; 20], [u8; 32])>,
    pub hashed: Option<[u8; 32]>,
    pub value: [u8; 32],
    pub batch: u64,
    pub index: u64,
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub fn encode(logs: &[Log]) -> Vec<u8> {
    let mut chunk = Vec::new();
    for log in logs {
        let mut record = Vec::new();
        if let Some((account, slot)) = &log.plain {
            bytes(&mut record, 0x0a, account);
            bytes(&mut record, 0x12, slot);
        }
        bytes(&mut record, 0x1a, &log.value);
        record.push(0x20);
        varint(&mut record, log.batch);
        record.push(0x28);
        varint(&mut record, log.index);
        if let Some(key) = &log.hashed {
            bytes(&mut record, 0x32, key);
        }
        bytes(&mut chunk, 0x0a, &record);
    }
    chunk
}

/// The records of a well-formed chunk.
pub fn decode(mut chunk: &[u8]) -> Vec<Log> {
    fn take_varint(from: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = from[0];
            *from = &from[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }
    fn take<'c>(from: &mut &'c [u8]) -> &'c [u8] {
        let len = take_varint(from) as usize;
        let (bytes, rest) = from.split_at(len);
        *from = rest;
        bytes
    }
    let mut logs = Vec::new();
    while !chunk.is_empty() {
        assert_eq!(take_varint(&mut chunk), 0x0a);
        let mut record = take(&mut chunk);
        let (mut account, mut slot) = (None, None);
        let mut log = Log { plain: None, hashed: None, value: [0; 32], batch: 0, index: 0 };
        while !record.is_empty() {
            match take_varint(&mut record) {
                0x0a => account = Some(take(&mut record).try_into().unwrap()),
                0x12 => slot = Some(take(&mut record).try_into().unwrap()),
                0x1a => log.value = take(&mut record).try_into().unwrap(),
                0x20 => log.batch = take_varint(&mut record),
                0x28 => log.index = take_varint(&mut record),
                0x32 => log.hashed = Some(take(&mut record).try_into().unwrap()),
                tag => panic!("tag {tag}"),
            }
        }
        log.plain = account.zip(slot);
        logs.push(log);
    }
    logs
}

pub fn fixture(version: u16) -> PathBuf {
    super::fixture(&format!("gateway-v29/era-snapshot/final-v{version}"))
}

/// The chunks of a fixture.
pub fn chunks(version: u16) -> Vec<Vec<Log>> {
    let bucket = fixture(version).join("storage_logs_snapshots");
    (0..4)
        .map(|id| {
            let mut bytes = Vec::new();
            let file = fs::File::open(bucket.join(name(BATCH, id))).unwrap();
            GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
            decode(&bytes)
        })
        .collect()
}

pub fn name(batch: u32, id: usize) -> String {
    format!("snapshot_l1_batch_{batch}_storage_logs_part_{id:04}.proto.gzip")
}

pub fn write_chunk(folder: &Path, id: usize, chunk: &[u8]) {
    let file = fs::File::create(folder.join(name(BATCH, id))).unwrap();
    let mut gzip = GzEncoder::new(file, Compression::fast());
    gzip.write_all(chunk).unwrap();
    gzip.finish().unwrap();
}

/// A directory with these chunks and no header.
pub fn folder(chunks: &[Vec<Log>]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (id, logs) in chunks.iter().enumerate() {
        write_chunk(folder.path(), id, &encode(logs));
    }
    folder
}
