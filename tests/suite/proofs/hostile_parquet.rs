//! Parquet files with false lengths and counts. `verify` and `inspect` refuse them as damaged, within limits of
//! memory and time.

use std::{fs, io::Write, path::Path};

use slproof::files::Compression;

use crate::support::{
    binary::run_within,
    parquet_bytes::{
        Thrift, chunk, data_page, dictionary_page, element, footer, page, prefixed, proof_column,
        run, varint, with_footer, words_file,
    },
};

const ROOT: &str = "0x0000000000000000000000000000000000000000000000000000000000000001";
/// The limit of the address space (MiB).
const MEMORY: u64 = 400;

/// Runs both commands within a limit of memory, and returns what `verify` said.
fn said(path: &Path, memory: u64, code: i32) -> String {
    let path = path.to_str().unwrap();
    let verified =
        run_within(memory, ["verify", path, "--root", ROOT, "--chain-id", "1", "--threads", "1"]);
    assert_eq!(verified.code, Some(code), "{}", verified.stderr);
    assert!(!verified.stderr.contains("panicked"), "{}", verified.stderr);
    let inspected = run_within(memory, ["inspect", path]);
    assert!(matches!(inspected.code, Some(1..=5)), "{:?} {}", inspected.code, inspected.stderr);
    assert!(!inspected.stderr.contains("panicked"), "{}", inspected.stderr);
    verified.stderr
}

/// Every file is refused as damaged, with its text.
fn all_are_refused(files: impl IntoIterator<Item = (Vec<u8>, &'static str)>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proofs.parquet");
    for (bytes, says) in files {
        fs::write(&path, bytes).unwrap();
        let said = said(&path, MEMORY, 3);
        assert!(said.contains(says), "{says:?} is not in: {said}");
    }
}

fn words_footer() -> Thrift {
    footer(proof_column().into(), 1, Vec::new())
}

/// The levels of one list of `words` words, as the front of a page of version 1.
fn levels(words: u64) -> Vec<u8> {
    let repetition = [run(1, 0), run(words - 1, 1)].concat();
    [prefixed(&repetition), prefixed(&run(words, 2))].concat()
}

#[test]
fn footers_with_false_lengths() {
    let whole = with_footer(&[], &words_footer().end());
    let with_len = |len: u32| {
        let end = whole.len() - 8;
        [&whole[..end], &len.to_le_bytes(), b"PAR1"].concat()
    };
    let len = whole.len() as u32 - 12;
    all_are_refused([
        (with_len(u32::MAX), "not a whole Parquet file"),
        (with_len(len + 13), "not a whole Parquet file"),
        (with_len(len - 1), "the footer is damaged"),
        (with_len(0), "the footer is damaged"),
        (b"PAR1PAR1".to_vec(), "not a whole Parquet file"),
        (b"PAR1AR1".to_vec(), "not a whole Parquet file"),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proofs.parquet");
    fs::write(&path, b"PAR1").unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_len(600 << 20).unwrap();
    file.write_all(&[&(500u32 << 20).to_le_bytes()[..], b"PAR1"].concat()).unwrap();
    let said = said(&path, MEMORY, 3);
    assert!(said.contains("524288000 bytes, and the maximum is"), "{said}");
}

#[test]
fn footers_with_false_counts() {
    let many = i32::MAX as u64;
    // Booleans in lists take no bytes in some readers.
    let booleans = [&[0xf1][..], &varint(many)].concat().repeat(100);
    let schema = |elements: Vec<Thrift>, columns| footer(elements, columns, Vec::new()).end();
    let group = |chunks: Vec<Thrift>| footer(proof_column().into(), 1, vec![(chunks, 1)]).end();
    let about = Thrift::default().int(4, 0).int(7, 0).int(9, 4);
    let no_rows = Thrift::default().int(1, 1).parts(2, [element("proofs", None, 0, 0)]);
    let files = [
        words_footer().list(9, 9, 100, &booleans).end(),
        words_footer().list(9, 1, many, &[]).end(),
        words_footer().list(9, 12, many, &[]).end(),
        no_rows.list(4, 12, many, &[]).end(),
        Thrift::default().int(1, 1).list(2, 12, many, &[]).end(),
        schema(proof_column().into(), 2),
        schema(vec![element("proof", Some(6), 1, i64::MAX)], 1),
        schema(vec![element("proof", Some(7), -1, 0)], 1),
        group(Vec::new()),
        group(vec![chunk(4, 0, 0), chunk(4, 0, 0)]),
        group(vec![chunk(-4, 0, 0)]),
        group(vec![chunk(4, -1, 0)]),
        group(vec![Thrift::default().text(1, b"other.parquet").int(2, 0).part(3, about)]),
    ];
    all_are_refused(files.map(|footer| (with_footer(&[], &footer), "the footer is damaged")));
}

#[test]
fn deep_and_wide_schemas() {
    let proof = || element("proof", Some(7), 0, 0);
    let deep = |depth, repetition| {
        let elements = (0..depth).map(|_| element("a", None, repetition, 1)).chain([proof()]);
        with_footer(&[], &footer(elements.collect(), 1, Vec::new()).end())
    };
    let wide = (0..1_000_000).map(|_| element("a", Some(2), 0, 0)).collect();
    all_are_refused([
        (deep(9000, 0), "no column proof of lists of 32 bytes"),
        (deep(9000, 2), "the footer is damaged"),
        (deep(1_000_000, 0), "more than 10000 elements"),
        (with_footer(&[], &footer(wide, 1_000_000, Vec::new()).end()), "more than 10000 elements"),
    ]);
}

#[test]
fn a_footer_takes_little_more_memory_than_its_length() {
    let groups = (0..1_000_000).map(|_| (vec![chunk(4, 0, 0)], 1)).collect();
    let bytes = with_footer(&[], &footer(proof_column().into(), 1, groups).end());
    assert!(bytes.len() > 20 << 20);
    all_are_refused([(bytes, "column proof has too few rows")]);
}

#[test]
fn pages_in_false_places() {
    let place = |start, len| {
        let groups = vec![(vec![chunk(start, len, 0)], 1)];
        with_footer(&[], &footer(proof_column().into(), 1, groups).end())
    };
    let cut = |len: i64| {
        let header = Thrift::default().int(1, 0).int(2, 10).int(3, len);
        let about = Thrift::default().int(1, 1).int(2, 0).int(3, 3).int(4, 3);
        words_file(&[header.part(5, about).end()], 0, 1)
    };
    all_are_refused([
        (place(1 << 40, 10), "where the file has no pages"),
        (place(4, i64::MAX), "where the file has no pages"),
        (place(i64::MAX, i64::MAX), "where the file has no pages"),
        (place(4, 0), "too few rows"),
        (cut(i32::MAX.into()), "does not end before its column does"),
        (cut(i64::MAX), "does not end before its column does"),
        (cut(-1), "has no valid header"),
    ]);
}

#[test]
fn page_headers_with_false_counts() {
    let many = i32::MAX as u64;
    let header = |last: fn(Thrift, u64) -> Thrift| {
        let header = Thrift::default().int(1, 0).int(2, 10).int(3, 0);
        let about = Thrift::default().int(1, 1).int(2, 0).int(3, 3).int(4, 3);
        words_file(&[last(header.part(5, about), many).end(), vec![0; 100]], 0, 1)
    };
    let booleans = |header: Thrift, many| {
        header.list(9, 9, 100, &[&[0xf1][..], &varint(many)].concat().repeat(100))
    };
    let unknown = page(9, 0, (5, Thrift::default().int(1, 1)), &[]);
    let no_values = page(0, 0, (5, Thrift::default().int(2, 0).int(3, 3).int(4, 3)), &[]);
    let negative = data_page(-1, 0, &[]);
    let files = [
        header(booleans),
        header(|header, many| header.list(9, 1, many, &[])),
        header(|header, many| header.list(9, 12, many, &[])),
        words_file(&[unknown], 0, 1),
        words_file(&[no_values], 0, 1),
        words_file(&[negative], 0, 1),
        words_file(&[vec![0x1c; 5000]], 0, 1),
    ];
    all_are_refused(files.map(|file| (file, "has no valid header")));
}

#[test]
fn pages_that_decompress_to_other_lengths() {
    let about = || (5, Thrift::default().int(1, 1).int(2, 0).int(3, 3).int(4, 3));
    let packed =
        |codec, raw_len, body: &[u8]| words_file(&[page(0, raw_len, about(), body)], codec, 1);
    let zeros = vec![0; 500 << 20];
    let [zstd, gzip] = [Compression::Zstd, Compression::Gzip].map(|c| c.compress(&zeros).unwrap());
    let mut snap = snap::raw::Encoder::new().compress_vec(&zeros[..1 << 20]).unwrap();
    let declared = varint(1 << 20).len();
    snap.splice(..declared, varint(u32::MAX.into()));
    let wrong = "cannot be decompressed";
    let long = "and the maximum is 134217728";
    all_are_refused([
        (packed(6, i32::MAX.into(), &zstd), long),
        (packed(1, i32::MAX.into(), &snap), long),
        (packed(2, i32::MAX.into(), &gzip), long),
        (packed(0, i32::MAX.into(), &[0]), long),
        (packed(6, 1000, &zstd), wrong),
        (packed(1, 1000, &snap), wrong),
        (packed(2, 1000, &gzip), wrong),
        (packed(0, 1000, &[0]), wrong),
        (packed(6, 1000, &[]), wrong),
        (packed(6, 1000, &[7; 100]), wrong),
        (packed(4, 1000, &[7; 100]), "has the compression 4"),
        (packed(6, -1, &zstd), "has no valid header"),
    ]);
}

#[test]
fn levels_that_declare_more_than_there_is() {
    let v1 = |values, body: &[u8]| words_file(&[data_page(values, 0, body)], 0, 1);
    let v2 = |definition, repetition, body: &[u8]| {
        let about = Thrift::default().int(1, 1).int(2, 0).int(3, 1).int(4, 0);
        let about = about.int(5, definition).int(6, repetition).flag(7, false);
        words_file(&[page(3, body.len() as i64, (8, about), body)], 0, 1)
    };
    let old = Thrift::default().int(1, 1).int(2, 0).int(3, 4).int(4, 4);
    let many = i64::from(i32::MAX);
    // Nulls in a list need no values, so these files have only levels.
    let nulls =
        [prefixed(&[run(1, 0), run(u64::MAX >> 1, 1)].concat()), prefixed(&run(u64::MAX >> 1, 0))];
    let packed = prefixed(&[&varint(u64::MAX)[..], &[0]].concat());
    let levels_are_wrong = "has too few or invalid levels";
    all_are_refused([
        (v1(many, &nulls.concat()), "a list has more than 65536 values"),
        (v1(many, &levels(many as u64)), "has too few values"),
        (v1(many, &levels(1)), "has too few values"),
        (v1(1, &[packed.clone(), packed].concat()), levels_are_wrong),
        (v1(1, &u32::MAX.to_le_bytes()), levels_are_wrong),
        (v1(1, &[]), levels_are_wrong),
        (v1(1, &[prefixed(&run(1, 0)), prefixed(&run(1, 3))].concat()), levels_are_wrong),
        (v1(1, &[prefixed(&run(0, 0)), prefixed(&run(0, 0))].concat()), levels_are_wrong),
        (v1(1, &[0; 8]), levels_are_wrong),
        (v2(many, many, &[0; 8]), levels_are_wrong),
        (v2(i64::MAX, i64::MAX, &[0; 8]), levels_are_wrong),
        (v2(4, 5, &[0; 8]), levels_are_wrong),
        (words_file(&[page(0, 8, (5, old), &[0; 8])], 0, 1), levels_are_wrong),
    ]);
}

#[test]
fn values_and_dictionaries_that_are_cut() {
    let indexes = |dictionary: Option<Vec<u8>>, width: u8, run: &[u8]| {
        let data = data_page(2, 8, &[&levels(2)[..], &[width], run].concat());
        words_file(&dictionary.into_iter().chain([data]).collect::<Vec<_>>(), 0, 1)
    };
    let word = || Some(dictionary_page(1, &[0; 32]));
    let plain = |encoding, len| {
        words_file(&[data_page(2, encoding, &[levels(2), vec![0; len]].concat())], 0, 1)
    };
    all_are_refused([
        (plain(0, 63), "has too few values"),
        (plain(6, 64), "has the encoding 6"),
        (indexes(Some(dictionary_page(i32::MAX.into(), &[0; 32])), 0, &[4]), "has too few values"),
        (indexes(word(), 1, &[4, 1]), "not in the dictionary"),
        (indexes(word(), 32, &[4, 255, 255, 255, 255]), "not in the dictionary"),
        (indexes(None, 1, &[4, 0]), "not in the dictionary"),
        (indexes(word(), 33, &[4, 0]), "not in the dictionary"),
        (indexes(word(), 1, &[2, 0]), "has too few values"),
    ]);
}

/// A file with a column of bytes before the words of the proof.
fn with_texts(name: &str, pages: &[u8], rows: i64) -> Vec<u8> {
    let nulls = [prefixed(&run(rows as u64, 0)), prefixed(&run(rows as u64, 0))].concat();
    let words = data_page(rows, 0, &nulls);
    let start = 4 + pages.len() as i64;
    let chunks = vec![chunk(4, pages.len() as i64, 6), chunk(start, words.len() as i64, 0)];
    let schema = [element(name, Some(6), 1, 0)].into_iter().chain(proof_column());
    let footer = footer(schema.collect(), 2, vec![(chunks, rows)]).end();
    with_footer(&[pages, &words].concat(), &footer)
}

fn packed(kind: i64, about: (u8, Thrift), body: &[u8]) -> Vec<u8> {
    page(kind, body.len() as i64, about, &Compression::Zstd.compress(body).unwrap())
}

#[test]
fn texts_that_are_cut() {
    let about = || (5, Thrift::default().int(1, 1).int(2, 0).int(3, 3).int(4, 3));
    let plain = |values: &[u8]| packed(0, about(), &[&prefixed(&run(1, 1)), values].concat());
    let dictionary = |count: i64, values: &[u8]| {
        packed(2, (7, Thrift::default().int(1, count).int(2, 0)), values)
    };
    let pages = [
        plain(&[]),
        plain(&[1, 0, 0]),
        plain(&[1, 0, 0, 0]),
        plain(&[255; 8]),
        dictionary(i32::MAX.into(), &[]),
        dictionary(i32::MAX.into(), &[0; 4000]),
        dictionary(2, &prefixed(b"a")),
        dictionary(1, &[255; 8]),
    ];
    all_are_refused(pages.map(|pages| (with_texts("message", &pages, 1), "has too few values")));
}

/// Pages and dictionaries of zeros take a few kilobytes in the file.
#[test]
fn many_large_pages_are_not_held_together() {
    let zeros = vec![0; 120 << 20];
    let about = Thrift::default().int(1, 1 << 20).int(2, 0);
    let dictionary = packed(2, (7, about), &zeros);
    let about = Thrift::default().int(1, 1).int(2, 8).int(3, 3).int(4, 3);
    let body = [&prefixed(&run(1, 1))[..], &[1, 2, 0], &zeros].concat();
    let pages = [dictionary, packed(0, (5, about), &body)].concat();
    let names = ["root", "target_kind", "target_root", "log", "message", "error_code", "request"];
    let columns = names.map(|name| element(name, Some(6), 1, 0));
    let (mut all, mut chunks) = (Vec::new(), Vec::new());
    for _ in names {
        chunks.push(chunk(4 + all.len() as i64, pages.len() as i64, 6));
        all.extend(&pages);
    }
    let words = data_page(1, 0, &[prefixed(&run(1, 0)), prefixed(&run(1, 0))].concat());
    chunks.push(chunk(4 + all.len() as i64, words.len() as i64, 0));
    all.extend(words);
    let schema = columns.into_iter().chain(proof_column()).collect();
    let file = with_footer(&all, &footer(schema, names.len() as i64 + 1, vec![(chunks, 1)]).end());
    assert!(file.len() < 1 << 20);
    // The words of one list, each in a page of its own.
    let word = |repetition| {
        let levels = [prefixed(&run(1, repetition)), prefixed(&run(1, 2))].concat();
        let about = Thrift::default().int(1, 1).int(2, 0).int(3, 3).int(4, 3);
        packed(0, (5, about), &[&levels, &zeros[..]].concat())
    };
    let list = words_file(&[vec![word(0)], vec![word(1); 19]].concat(), 6, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proofs.parquet");
    for file in [file, list] {
        fs::write(&path, file).unwrap();
        let said = said(&path, 1200, 3);
        assert!(said.contains("take more than 536870912 bytes"), "{said}");
    }
}
