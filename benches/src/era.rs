//! A synthetic snapshot of a zksync-era node, and the inflation of its files, which bounds its import.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use rayon::prelude::*;

use crate::mixed;

/// Slots in a file, as nodes write them.
const CHUNK: u64 = 1_000_000;

/// Writes a snapshot of version 1 to a folder: keys ascending over all files, half of the values hashes and half small numbers.
/// Returns the paths of the files.
///
/// # Errors
/// When a file cannot be written.
pub fn generate(folder: &Path, slots: u64) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    (0..slots.div_ceil(CHUNK))
        .into_par_iter()
        .map(|id| {
            let path =
                folder.join(format!("snapshot_l1_batch_7_storage_logs_part_{id:04}.proto.gzip"));
            let mut file = GzEncoder::new(File::create(&path)?, Compression::default());
            let mut text = Vec::new();
            for at in id * CHUNK..slots.min((id + 1) * CHUNK) {
                record(at, slots, &mut text);
                if text.len() > 1 << 18 {
                    file.write_all(&text)?;
                    text.clear();
                }
            }
            file.write_all(&text)?;
            file.finish()?;
            Ok(path)
        })
        .collect()
}

/// Inflates files on all threads, and returns the number of bytes in them. It uses the library that slproof uses.
///
/// # Errors
/// When a file cannot be read or inflated.
pub fn inflate(paths: &[PathBuf]) -> io::Result<u64> {
    paths.par_iter().map(|path| inflate_one(path)).sum()
}

fn inflate_one(path: &Path) -> io::Result<u64> {
    let mut data = GzDecoder::new(BufReader::with_capacity(1 << 18, File::open(path)?));
    let (mut buffer, mut bytes) = (vec![0; 1 << 18], 0);
    loop {
        match data.read(&mut buffer)? {
            0 => return Ok(bytes),
            len => bytes += len as u64,
        }
    }
}

/// A record of version 1. Indexes are a permutation of 1 to `slots`, if 7919 does not divide that.
fn record(at: u64, slots: u64, out: &mut Vec<u8>) {
    let random = |salt: u64| mixed(at, salt).to_be_bytes();
    let step = u64::MAX / slots;
    let mut value = [0; 32];
    match at % 2 {
        0 => value.copy_from_slice([1, 2, 3, 4].map(random).as_flattened()),
        _ => value[29..].copy_from_slice(&(mixed(at, 1) as u32 | 1).to_be_bytes()[1..]),
    }
    let mut fields = b"\x1a\x20".to_vec();
    fields.extend_from_slice(&value);
    fields.extend_from_slice(b"\x20\x07\x28");
    varint(at * 7919 % slots + 1, &mut fields);
    fields.extend_from_slice(b"\x32\x20");
    fields.extend_from_slice(&(at * step + mixed(at, 5) % step).to_be_bytes());
    (6..9).for_each(|salt| fields.extend_from_slice(&random(salt)));
    out.push(0x0a);
    varint(fields.len() as u64, out);
    out.extend_from_slice(&fields);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
