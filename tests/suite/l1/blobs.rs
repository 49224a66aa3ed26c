//! Blobs in every form, against pubdata and blobs that the node's code made.

use std::{collections::HashSet, fs, io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};
use slproof::{
    files::{Input, ReadProgressHandle, Scratch},
    ingest::{
        FileKind, FoundFiles,
        l1::blobs::{BLOB_LEN, BlobCounts, Blobs},
    },
    keccak::keccak256,
    primitives::Hash,
};

use crate::support::blobs::{self, BlobFile, Encoder};

fn read<P: AsRef<Path> + Sync>(paths: &[P], wanted: &HashSet<Hash>) -> Blobs {
    let scratch = Scratch::temporary().unwrap();
    Blobs::read(paths, wanted, scratch, &ReadProgressHandle::default()).unwrap()
}

/// The blobs in one input.
fn read_input(content: Vec<u8>, wanted: &HashSet<Hash>) -> Blobs {
    let input = Input::from_reader("blobs", std::io::Cursor::new(content)).unwrap();
    Blobs::read_input(input, wanted, Scratch::temporary().unwrap()).unwrap()
}

/// The linear hashes of blobs, but of those of zeros, which are of others.
fn linear_hashes(files: &[BlobFile]) -> HashSet<Hash> {
    let pubdata = files.iter().flat_map(|file| &file.pubdata);
    pubdata.filter(|bytes| bytes.iter().any(|b| *b != 0)).map(|bytes| keccak256(bytes)).collect()
}

fn faults(blobs: &Blobs) -> Vec<String> {
    let text = |fault: &slproof::ingest::l1::blobs::BlobFault| format!("{fault}: {}", fault.source);
    blobs.faults().map(text).collect()
}

/// The files of nodes and archives, and the same threads or fewer: all blobs are found and have the pubdata that
/// another decoder found in them.
#[test]
fn blobs_are_found_in_the_files_of_every_archive() {
    let folder = tempfile::tempdir().unwrap();
    blobs::write(folder.path());
    let found = FoundFiles::at(&[folder.path()]).unwrap();
    let paths: Vec<_> = found.of(|kind| kind == FileKind::Blobs).map(|file| &file.path).collect();
    assert_eq!((paths.len(), found.files.len()), (23, 23));
    let files = blobs::files();
    let wanted = linear_hashes(&files);
    for threads in [1, 3, 16] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let blobs = pool.install(|| read(&paths, &wanted));
        let counts = BlobCounts { used: 26, unused: 7, ..BlobCounts::default() };
        assert_eq!((blobs.counts(), faults(&blobs)), (counts, vec![]), "{threads} threads");
        let mut pubdata = Vec::new();
        for expected in files.iter().flat_map(|file| &file.pubdata) {
            pubdata.clear();
            let hash = keccak256(expected);
            let is_known = wanted.contains(&hash) || expected.iter().all(|byte| *byte == 0);
            assert_eq!(blobs.append_to(&mut pubdata, &hash).unwrap(), is_known);
            assert!(!is_known || pubdata == *expected);
        }
    }
}

/// Forms that the archives of the fixtures do not have.
#[test]
fn blobs_are_found_in_other_forms() {
    let files = blobs::files();
    let raw: Vec<&Vec<u8>> =
        files.iter().filter(|file| file.path.starts_with("raw")).flat_map(|f| &f.blobs).collect();
    let [one, other] = [raw[0], raw[1]];
    let [digits, others] = [one, other].map(const_hex::encode);
    let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
    compressed.write_all(one).unwrap();
    let sidecar = |index: u8, blob: &[u8]| {
        [&[index, 0, 0, 0, 0, 0, 0, 0][..], blob, &[7; 48 + 48 + 208 + 544]].concat()
    };
    let lines: String = digits
        .as_bytes()
        .chunks(60)
        .flat_map(|line| [line, b"\n"].concat())
        .map(char::from)
        .collect();
    let wanted = linear_hashes(&files);
    for (what, content, expected) in [
        ("bytes", one.clone(), 1),
        ("gzip", compressed.finish().unwrap(), 1),
        ("blobs back to back", [&one[..], other].concat(), 2),
        ("more than the first mebibyte", raw.iter().flat_map(|b| b.to_vec()).collect(), raw.len()),
        ("an SSZ sidecar", sidecar(0, one), 1),
        ("SSZ sidecars", [sidecar(0, one), sidecar(1, other)].concat(), 2),
        ("digits", digits.clone().into(), 1),
        ("digits after 0x", format!("0x{digits}\n").into(), 1),
        ("digits on lines", lines.into(), 1),
        ("two texts of digits", format!("0x{digits}\n0x{others}\n").into(), 2),
        ("a JSON string", format!("\"0x{digits}\"").into(), 1),
        ("Blobscan's older form", format!("{{\"data\":\"0x{digits}\"}}").into(), 1),
        (
            "Blobscan's object",
            format!(
                "{{\"dataStorageReferences\":[{{\"blobStorage\":\"x\",\"dataReference\":\"y\"}}],\
                 \"versionedHash\":\"0x01\",\"data\":\"0x{digits}\",\"transactions\":[]}}"
            )
            .into(),
            1,
        ),
        ("lines", format!("{{\"data\":\"0x{digits}\"}}\n{{\"data\":\"0x{others}\"}}\n").into(), 2),
        (
            "an array",
            format!("[{{\"blob\":\"0x{digits}\"}},{{\"blob\":\"0x{others}\"}}]").into(),
            2,
        ),
    ] {
        let input = Input::from_reader(what, std::io::Cursor::new(content.clone())).unwrap();
        assert_eq!(slproof::ingest::sniff(&input), Some(FileKind::Blobs), "{what}");
        let blobs = read_input(content, &wanted);
        let counts = BlobCounts { used: expected as u64, ..BlobCounts::default() };
        assert_eq!((blobs.counts(), faults(&blobs)), (counts, vec![]), "{what}");
    }
}

/// The first bytes of a blob may be those of a text.
#[test]
fn blobs_may_begin_as_texts_do() {
    let encoder = Encoder::new();
    for first in *b"[\" \t\n0aF" {
        // All coefficients are 2^236 times the byte, so that their sum, the first value, begins with it.
        let mut piece = [0; 31];
        (piece[29], piece[30]) = (first << 4, first >> 4);
        let blob = encoder.blob(&piece.repeat(Encoder::PUBDATA / 31));
        assert_eq!(blob[0], first);
        let counts = BlobCounts { unused: 1, ..BlobCounts::default() };
        assert_eq!(read_input(blob, &HashSet::new()).counts(), counts, "{first:#x}");
    }
}

/// The characters of a table of digits are numbers of the field.
#[test]
fn a_table_is_no_blob() {
    let mut table = b"hash,input\n".to_vec();
    table.extend(b"0x00,0x1234567890abcdef\n".iter().cycle().take(2 * BLOB_LEN - table.len()));
    let input = Input::from_reader("table", std::io::Cursor::new(table)).unwrap();
    assert_ne!(slproof::ingest::sniff(&input), Some(FileKind::Blobs));
}

/// A tar archive, blobs that are there twice, blobs of others, and blobs that no batch was committed with.
#[test]
fn blobs_are_counted_by_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = blobs::files();
    files.retain(|file| file.path.starts_with("raw"));
    let wanted = HashSet::from([keccak256(&files[0].pubdata[0])]);
    let mut archive = Vec::new();
    for (number, content) in [
        files[0].blobs[0].clone(),
        files[1].blobs[0].clone(),
        files[0].blobs[0].clone(),
        // Bytes as other rollups write them: 31 of each 32.
        (0..BLOB_LEN).map(|at| if at % 32 == 0 { 0 } else { at as u8 }).collect(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut header = vec![0; 512];
        header[..1].copy_from_slice(&[b'a' + number as u8]);
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[263..265].copy_from_slice(b"00");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(header);
        archive.extend(content);
    }
    archive.extend([0; 1024]);
    let path = folder.path().join("blobs.tar");
    fs::write(&path, archive).unwrap();
    let blobs = read(&[path], &wanted);
    let counts = BlobCounts { used: 1, copies: 1, unused: 1, foreign: 1, damaged: 0 };
    assert_eq!((blobs.counts(), faults(&blobs)), (counts, vec![]));
}

/// Damage is named with its file and place, and costs no other blob.
#[test]
fn damaged_blobs_are_named() {
    let files = blobs::files();
    let wanted = linear_hashes(&files);
    let blob = &files.iter().find(|file| file.path.starts_with("raw")).unwrap().blobs[0];
    let digits = const_hex::encode(blob);
    let too_large = [&blob[..64], &[0xff; 32], &blob[96..]].concat();
    for (content, used, expected) in [
        ([&too_large[..], blob].concat(), 1, "blobs, byte 0: the blob is none of an Era chain"),
        ([blob, blob, &[0xff; BLOB_LEN][..], blob].concat(), 1, "blobs, byte 262144: the blob is"),
        (
            [&blob[..], &blob[..1000]].concat(),
            1,
            "blobs, byte 131072: a blob has 131072 bytes, this one has 1000",
        ),
        (
            format!("0x{digits}\n0x{}", &digits[..100]).into(),
            1,
            "blobs, byte 262149: a blob has 131072 bytes, this one has 50",
        ),
        (
            format!("[{{\"blob\":\"0x{}\"}},{{\"blob\":\"0x{digits}\"}}]", &digits[2..]).into(),
            1,
            "blobs, byte 9: a blob has 131072 bytes, this one has 131071",
        ),
        (
            format!("{{\"data\":\"0x{digits}\"}}\n{{\"data\":\"0x{}", &digits[..100]).into(),
            1,
            "blobs, byte 262269: blobs is damaged or cut short",
        ),
        (
            format!("{{\"data\":\"0x{}gg\"}}\n{{\"data\":\"0x{digits}\"}}", &digits[2..]).into(),
            1,
            "blobs, byte 8: the digits of the blob are damaged",
        ),
        (
            "{\"versionedHash\":\"0x01\",\"commitment\":\"0x02\",\"size\":131072,\
             \"dataStorageReferences\":[{\"storage\":\"google\",\"url\":\"https://…\"}]}"
                .into(),
            0,
            "blobs, byte 0: has no blob, but says where it is stored",
        ),
        (
            format!("[{{\"redirectUri\":\"https://…\"}},{{\"blob\":\"0x{digits}\"}}]").into(),
            1,
            "blobs, byte 1: has no blob, but says where it is stored",
        ),
    ] {
        let blobs = read_input(content, &wanted);
        let found = faults(&blobs);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
        assert_eq!((blobs.counts().used, blobs.counts().damaged), (used, 1), "{expected}");
    }
}

/// A batch's last blob may be zeros, if its pubdata end in the one before. Which blob that is, its hash says alone.
#[test]
fn a_blob_of_zeros_needs_no_file() {
    let blobs = read_input(b"no blob".to_vec(), &HashSet::new());
    let mut pubdata = vec![1];
    assert!(blobs.append_to(&mut pubdata, &keccak256(&[0; Encoder::PUBDATA])).unwrap());
    assert!(pubdata.len() == 1 + Encoder::PUBDATA && pubdata[1..].iter().all(|byte| *byte == 0));
    assert!(!blobs.append_to(&mut pubdata, &Hash::ZERO).unwrap());
}

/// Blobs that the encoder writes are read back, whatever the length of the pubdata.
#[test]
fn any_pubdata_are_read_back() {
    let encoder = Encoder::new();
    for len in [1, 30, 31, 32, 62, 1000, Encoder::PUBDATA - 1, Encoder::PUBDATA] {
        let mut pubdata: Vec<u8> = (0..len).map(|at| (at * 7 + at / 256) as u8 | 1).collect();
        let blob = encoder.blob(&pubdata);
        pubdata.resize(Encoder::PUBDATA, 0);
        let hash = keccak256(&pubdata);
        let blobs = read_input(blob, &HashSet::from([hash]));
        let mut read = Vec::new();
        assert!(blobs.append_to(&mut read, &hash).unwrap(), "{len}");
        assert!(read == pubdata, "{len}");
    }
}
