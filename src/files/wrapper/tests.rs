//! Every wrapper around a text, each around another, and each damaged.

use std::{
    io::{self, Cursor, Read, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use flate2::{Compression, write::GzEncoder};

use crate::files::{Input, InputError, Inputs, ReadProgressHandle, is_damage};

const TEXT: &str = "{\"a\":1}\n";

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(data, 1).unwrap()
}

fn xz(data: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn lz4(data: &[u8]) -> Vec<u8> {
    let mut info = lz4_flex::frame::FrameInfo::new();
    info.content_checksum = true;
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

type Codec = fn(&[u8]) -> Vec<u8>;
const CODECS: [Codec; 4] = [gzip, zstd, xz, lz4];

/// An entry of an archive, as POSIX writes it.
fn entry(name: &str, kind: u8, contents: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut entry = [&header, contents].concat();
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive: Vec<u8> =
        files.iter().flat_map(|(name, text)| entry(name, b'0', text)).collect();
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn open(data: Vec<u8>) -> Result<Input, InputError> {
    Input::from_reader("test", Cursor::new(data))
}

fn read(data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
    let mut bytes = Vec::new();
    let mut input = open(data).map_err(|error| match error {
        InputError::Read { source, .. } => source,
        error => io::Error::other(error.to_string()),
    })?;
    input.read_to_end(&mut bytes)?;
    assert_eq!(input.read(&mut [0; 9])?, 0, "nothing follows the end");
    Ok(bytes)
}

/// Numbers that do not compress well.
fn noise(len: u64) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

#[test]
fn compressed_texts_are_read_in_one_part_or_in_several() {
    let marked = format!("\u{feff}{TEXT}").into_bytes();
    assert_eq!(read(marked.clone()).unwrap(), TEXT.as_bytes());
    for codec in CODECS {
        let parts = [codec(b"{\"a\""), codec(b""), codec(b":1}\n")].concat();
        for data in [codec(TEXT.as_bytes()), codec(&marked), parts] {
            assert_eq!(read(data).unwrap(), TEXT.as_bytes());
        }
        let long = noise(5 << 20);
        assert!(read(codec(&long)).unwrap() == long);
    }
}

#[test]
fn zstd_may_begin_with_a_frame_that_is_skipped() {
    // As pzstd writes it: with the length of the next frame.
    let frame = zstd(TEXT.as_bytes());
    let mut data = vec![0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0];
    data.extend((frame.len() as u32).to_le_bytes());
    data.extend(frame);
    assert_eq!(read(data.repeat(2)).unwrap(), TEXT.repeat(2).into_bytes());
}

#[test]
fn wrappers_contain_each_other_up_to_a_limit() {
    for outer in CODECS {
        for inner in CODECS {
            let packed = outer(&tar(&[("state.json.x", &inner(TEXT.as_bytes()))]));
            assert_eq!(read(packed).unwrap(), TEXT.as_bytes());
        }
        let wrap = |times| (0..times).fold(TEXT.as_bytes().to_vec(), |data, _| outer(&data));
        assert_eq!(read(wrap(4)).unwrap(), TEXT.as_bytes());
        assert!(matches!(open(wrap(5)), Err(InputError::Nested { limit: 4, .. })));
    }
    let twice = tar(&[("inner.tar", &tar(&[("a", TEXT.as_bytes())]))]);
    assert!(matches!(open(twice), Err(InputError::Packed { command: "tar -xf", .. })));
}

#[test]
fn an_empty_input_and_cut_or_broken_streams_are_damage() {
    assert!(open(vec![]).is_err_and(|e| e.is_damage()));
    for codec in CODECS {
        assert!(matches!(open(codec(b"")), Err(InputError::Empty { .. })));
        let whole = codec(&noise(300_000));
        let lens = [7, 9, 20, whole.len() / 2, whole.len() - 8, whole.len() - 4, whole.len() - 1];
        for len in lens {
            let error = read(whole[..len].to_vec()).unwrap_err();
            assert!(is_damage(&error), "{len} of {} bytes: {error}", whole.len());
        }
        let mut broken = whole.clone();
        broken[whole.len() / 2] ^= 0xff;
        assert!(read(broken).is_err_and(|error| is_damage(&error)));
    }
}

/// A frame of lz4 that ends between two blocks looks whole to its decoder.
#[test]
fn lz4_without_its_end_mark_is_cut_short() {
    let whole = lz4(TEXT.as_bytes());
    // The end mark and the checksum have four bytes each.
    for len in whole.len() - 8..whole.len() {
        let error = read(whole[..len].to_vec()).unwrap_err();
        assert!(is_damage(&error), "{len} of {} bytes: {error}", whole.len());
    }
}

#[test]
fn decompression_bombs_are_refused_early() {
    let spaces = vec![b' '; 256 << 20];
    for codec in [gzip, zstd, xz] {
        let bomb = codec(&spaces);
        for data in [bomb.clone(), gzip(&bomb)] {
            let error = io::copy(&mut open(data).unwrap(), &mut io::sink()).unwrap_err();
            assert!(is_damage(&error) && error.to_string().contains("decompressed"), "{error}");
        }
    }
}

#[test]
fn an_xz_dictionary_beyond_the_memory_is_refused() {
    let mut options = lzma_rust2::XzOptions::with_preset(0);
    options.lzma_options.dict_size = 256 << 20;
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(TEXT.as_bytes()).unwrap();
    let error = read(encoder.finish().unwrap()).unwrap_err();
    // The file is not damaged, but slproof does not read it.
    assert!(is_damage(&error) && error.to_string().contains("with xz -d"), "{error}");
    assert!(!error.to_string().contains("damaged"), "{error}");
}

#[test]
fn what_is_not_read_is_named_with_a_command() {
    for (start, command) in [
        (&b"BZh91AY&SY"[..], "bunzip2"),
        (b"BZh9\x17\x72\x45\x38\x50\x90", "bunzip2"),
        (b"PK\x03\x04", "unzip"),
        (b"7z\xbc\xaf\x27\x1c", "7z x"),
        (b"Rar!\x1a\x07", "unrar x"),
        (b"LZIP\x01", "lzip -d"),
        (b"\xff\x06\0\0sNaPpY", "snzip -d"),
    ] {
        for data in [start.to_vec(), gzip(start)] {
            let Err(error) = open(data) else { panic!("{command}") };
            assert!(error.is_damage() && error.to_string().contains(command), "{error}");
        }
    }
    // A text that begins like bzip2.
    assert_eq!(read(b"BZh9 is a text".to_vec()).unwrap(), b"BZh9 is a text");
}

#[test]
fn a_tar_archive_is_its_one_file() {
    let text = TEXT.as_bytes();
    let with_others = [
        entry("dump/", b'5', b""),
        entry("g", b'g', b"18 comment=a test\n"),
        entry("dump/._state.json", b'0', b"of macOS"),
        entry("dump/state.json", b'0', text),
        entry("dump/latest.json", b'2', b""),
        vec![0; 10240],
    ];
    assert_eq!(read(with_others.concat()).unwrap(), text);
    let several = tar(&[("a.json", text), ("b.json", text)]);
    let error = read(several).unwrap_err();
    let words = ["several files", "\"a.json\"", "\"b.json\"", "tar -xf"];
    assert!(is_damage(&error) && words.iter().all(|w| error.to_string().contains(w)), "{error}");
    let empty = [entry("dump/", b'5', b""), vec![0; 1024]].concat();
    assert!(read(empty).unwrap_err().to_string().contains("without files"));
}

#[test]
fn long_names_and_sizes_are_read_from_the_entries_before_a_file() {
    let names = |archive: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tar");
        std::fs::write(&path, archive).unwrap();
        inputs(&path)
    };
    let long = format!("{}/state.json", "d".repeat(150));
    let record = |key: &str, value: &str| {
        let len = key.len() + value.len() + 3;
        let digits = (len + 2).max(len + if len + 2 > 99 { 3 } else { 2 });
        format!("{digits} {key}={value}\n").into_bytes()
    };
    let mut sized = entry("short", b'0', TEXT.as_bytes());
    sized[124..136].copy_from_slice(b"00000000000\0");
    sized[148..156].fill(b' ');
    let sum: u32 = sized[..512].iter().map(|byte| u32::from(*byte)).sum();
    sized[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let pax = [record("path", &long), record("size", &TEXT.len().to_string())].concat();
    for before in [entry("@LongLink", b'L', format!("{long}\0").as_bytes()), entry("x", b'x', &pax)]
    {
        let is_pax = before[156] == b'x';
        let file = if is_pax { sized.clone() } else { entry("short", b'0', TEXT.as_bytes()) };
        let found = names(&[before, file, vec![0; 1024]].concat());
        assert_eq!(found, [(format!("FILE:{long}"), TEXT.to_owned())]);
    }
    let mut prefixed = entry("state.json", b'0', TEXT.as_bytes());
    prefixed[345..348].copy_from_slice(b"dir");
    prefixed[148..156].fill(b' ');
    let sum: u32 = prefixed[..512].iter().map(|byte| u32::from(*byte)).sum();
    prefixed[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let found = names(&[prefixed, vec![0; 1024]].concat());
    assert_eq!(found, [("FILE:dir/state.json".to_owned(), TEXT.to_owned())]);
}

#[test]
fn damaged_tar_archives_are_named_as_such() {
    let whole = tar(&[("a.json", TEXT.as_bytes())]);
    for len in [513, 519, 1023, 1024, 1025, 1535] {
        let error = read(whole[..len].to_vec()).unwrap_err();
        assert!(is_damage(&error) && error.to_string().contains("cut short"), "{len}: {error}");
    }
    let second = [entry("a", b'0', b"{}"), vec![1; 512]].concat();
    let sparse = [entry("a", b'S', b"{}"), vec![0; 1024]].concat();
    let bad_pax = [entry("a", b'x', b"99 path=x\n"), vec![0; 1024]].concat();
    let followed = [&whole[..], &whole].concat();
    let by_text = [&whole[..], &[0; 9000], b"x"].concat();
    for (data, word) in [
        (second, "checksum"),
        (sparse, "sparse"),
        (bad_pax, "pax"),
        (followed, "follows the end"),
        (by_text, "follows the end"),
    ] {
        let error = read(data).unwrap_err();
        assert!(is_damage(&error) && error.to_string().contains(word), "{error}");
    }
}

/// A native file is mapped, so an input of it needs no more than its first bytes.
#[test]
fn little_is_read_of_a_native_file() {
    struct Counted<R>(R, Arc<AtomicUsize>);

    impl<R: Read> Read for Counted<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = self.0.read(buffer)?;
            self.1.fetch_add(len, Ordering::Relaxed);
            Ok(len)
        }
    }

    let file = std::fs::read("fixtures/golden/tree-3.sltree").unwrap();
    let read = Arc::new(AtomicUsize::new(0));
    let mut input =
        Input::from_reader("native", Counted(Cursor::new(file.clone()), Arc::clone(&read)))
            .unwrap();
    assert!(read.load(Ordering::Relaxed) <= 512);
    let mut found = Vec::new();
    input.read_to_end(&mut found).unwrap();
    assert!(found == file);
}

/// The names and texts of the inputs in a file.
fn inputs(path: &Path) -> Vec<(String, String)> {
    let found = Inputs::open_watched(path, &ReadProgressHandle::default()).unwrap();
    let read = |input: Result<Input, InputError>| {
        let (mut input, mut text) = (input.unwrap(), String::new());
        input.read_to_string(&mut text).unwrap();
        (input.name().replace(&*path.to_string_lossy(), "FILE"), text)
    };
    found.map(read).collect()
}

#[test]
fn the_files_of_an_archive_are_inputs_and_end_with_their_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar.gz");
    let long = "x".repeat(3 << 20);
    let files =
        [("a", long.as_bytes()), ("b/c.gz", &gzip(TEXT.as_bytes())), ("d", b"\xff\xfe{\0}\0")];
    std::fs::write(&path, gzip(&tar(&files))).unwrap();
    let expected = [("FILE:a", &long[..]), ("FILE:b/c.gz", TEXT), ("FILE:d", "{}")];
    assert_eq!(inputs(&path), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));

    let mut found = Inputs::open_watched(&path, &ReadProgressHandle::default()).unwrap();
    let mut first = found.next().unwrap().unwrap();
    assert!(found.is_archive());
    let mut again = String::new();
    Input::open(first.path().unwrap()).unwrap().read_to_string(&mut again).unwrap();
    assert_eq!(again, long);
    let absent = format!("{}:none", path.to_string_lossy());
    assert!(matches!(Input::open(Path::new(&absent)), Err(InputError::Open { .. })));
    let mut second = found.next().unwrap().unwrap();
    // Of the first file, only the head and what was read ahead is left.
    assert!(io::copy(&mut first, &mut io::sink()).unwrap() < 2 << 20);
    assert_eq!(io::copy(&mut second, &mut io::sink()).unwrap(), TEXT.len() as u64);

    std::fs::write(&path, gzip(TEXT.as_bytes())).unwrap();
    assert_eq!(inputs(&path), [("FILE".to_owned(), TEXT.to_owned())]);
    let found = Inputs::open_watched(&path, &ReadProgressHandle::default()).unwrap();
    assert!(!found.is_archive());
}
