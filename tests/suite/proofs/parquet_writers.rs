//! Parquet files as other programs write them: the writer of the `parquet` crate, and pages written by hand.

use std::{io::Cursor, sync::Arc};

use parquet::{
    basic::Encoding,
    data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    file::{
        properties::{WriterProperties, WriterVersion},
        writer::SerializedFileWriter,
    },
    schema::parser::parse_message_type,
};
use slproof::{
    files::{Compression, Input},
    primitives::ChainId,
    proof::{
        FailureCode, ProofRecord, Target,
        reader::{Item, RecordError},
    },
    records::parquet::{ParquetProofs, ReadError},
};

use crate::support::{
    parquet_bytes::{Thrift, page, prefixed, run, words_file},
    proof_records::proofs,
};

const SCHEMA: &str = "message proofs {
    optional int64 chain_id;
    required int64 batch_number;
    optional int64 id;
    optional fixed_len_byte_array(32) root;
    optional group proof (LIST) { repeated group list { optional binary element; } }
    optional binary target_kind;
    optional int64 target_sl_chain_id;
    optional int64 target_number;
    required binary target_root;
    optional binary log;
    optional binary message;
}";

fn read(file: Vec<u8>) -> Vec<Result<Item, RecordError>> {
    let file = Input::from_reader("test", Cursor::new(file)).unwrap();
    let file = ParquetProofs::open(file).unwrap();
    let rows = (0..file.groups()).flat_map(|group| file.rows(group).unwrap());
    rows.map(Result::unwrap).collect()
}

fn write(records: &[ProofRecord], properties: WriterProperties) -> Vec<u8> {
    write_with(records, properties, None)
}

/// Writes numbers as decimals of 20 digits if `decimal` says which.
fn write_with(
    records: &[ProofRecord],
    properties: WriterProperties,
    decimal: Option<fn(u64) -> i128>,
) -> Vec<u8> {
    let mut text = SCHEMA.to_owned();
    if decimal.is_some() {
        for name in ["chain_id", "batch_number", "id", "target_sl_chain_id", "target_number"] {
            let declared = format!("fixed_len_byte_array(9) {name} (DECIMAL(20,0));");
            text = text.replace(&format!("int64 {name};"), &declared);
        }
    }
    let schema = Arc::new(parse_message_type(&text).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for records in records.chunks(900) {
        let mut group = writer.next_row_group().unwrap();
        let mut column = 0;
        while let Some(mut writer) = group.next_column().unwrap() {
            let target = |r: &ProofRecord| r.target.unwrap();
            let numbers: Option<Vec<Option<u64>>> = match column {
                0 => Some(records.iter().map(|r| Some(r.chain_id.0)).collect()),
                1 => Some(records.iter().map(|r| Some(r.batch_number.0)).collect()),
                2 => Some(records.iter().map(|r| Some(r.id)).collect()),
                6 => Some(records.iter().map(|r| target(r).sl_chain_id.map(|id| id.0)).collect()),
                7 => Some(records.iter().map(|r| target(r).number).collect()),
                _ => None,
            };
            let kind = |r| serde_json::to_value(target(r).kind).unwrap().as_str().unwrap().into();
            let texts: Vec<Option<Vec<u8>>> = match column {
                3 => records.iter().map(|r| Some(r.root.as_bytes().to_vec())).collect(),
                5 => records.iter().map(|r| Some(kind(r))).collect(),
                8 => records.iter().map(|r| Some(target(r).root.as_bytes().to_vec())).collect(),
                9 => records.iter().map(|r| r.log.map(|log| log.as_bytes().to_vec())).collect(),
                10 => records.iter().map(|r| r.message.clone()).collect(),
                _ => Vec::new(),
            };
            let definition = |is_there: bool| i16::from(is_there);
            let bytes = texts.iter().flatten().map(|text| ByteArray::from(text.clone()));
            let levels: Vec<i16> = texts.iter().map(|t| definition(t.is_some())).collect();
            if let Some(numbers) = numbers {
                let levels: Vec<i16> = numbers.iter().map(|n| definition(n.is_some())).collect();
                if let Some(decimal) = decimal {
                    let bytes =
                        numbers.iter().flatten().map(|n| decimal(*n).to_be_bytes()[7..].to_vec());
                    let bytes: Vec<FixedLenByteArray> = bytes.map(Into::into).collect();
                    let typed = writer.typed::<FixedLenByteArrayType>();
                    typed.write_batch(&bytes, Some(&levels), None).unwrap();
                    writer.close().unwrap();
                    column += 1;
                    continue;
                }
                let numbers: Vec<i64> = numbers.iter().flatten().map(|n| n.cast_signed()).collect();
                let typed = writer.typed::<Int64Type>();
                typed.write_batch(&numbers, Some(&levels), None).unwrap();
            } else if column == 3 {
                let bytes: Vec<FixedLenByteArray> = bytes.map(Into::into).collect();
                let typed = writer.typed::<FixedLenByteArrayType>();
                typed.write_batch(&bytes, Some(&levels), None).unwrap();
            } else if column == 4 {
                let words = records.iter().flat_map(|r| &r.proof);
                let words: Vec<_> = words.map(|word| word.as_bytes().to_vec().into()).collect();
                let starts = records.iter().flat_map(|r| (0..r.proof.len()).map(|at| at.min(1)));
                let starts: Vec<i16> = starts.map(|level| level as i16).collect();
                let typed = writer.typed::<ByteArrayType>();
                typed.write_batch(&words, Some(&vec![3; words.len()]), Some(&starts)).unwrap();
            } else {
                let typed = writer.typed::<ByteArrayType>();
                typed.write_batch(&bytes.collect::<Vec<_>>(), Some(&levels), None).unwrap();
            }
            writer.close().unwrap();
            column += 1;
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

/// Pages of both versions, of several pages a column, with dictionaries that become too large, and without.
#[test]
fn files_of_the_parquet_crate_are_read() {
    let mut records = proofs("gateway-v31", Target::Latest);
    records.truncate(2000);
    assert!(records.iter().any(|record| record.message.is_some()));
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for (has_dictionary, limit) in [(true, 1 << 20), (true, 2000), (false, 0)] {
            let properties = WriterProperties::builder()
                .set_writer_version(version)
                .set_dictionary_enabled(has_dictionary)
                .set_dictionary_page_size_limit(limit)
                .set_encoding(Encoding::PLAIN)
                .set_data_page_row_count_limit(130)
                .set_write_batch_size(50)
                .build();
            let rows = read(write(&records, properties));
            assert_eq!(rows.len(), records.len());
            for (row, record) in rows.into_iter().zip(&records) {
                let Ok(Item::Proof(read, _)) = row else { panic!("{version:?}: {row:?}") };
                let expected = ProofRecord { tx_hash: None, checked_by: None, ..record.clone() };
                assert_eq!(*read, expected, "{version:?} {has_dictionary} {limit}");
            }
        }
    }
}

/// Spark has no unsigned integers, and writes these columns as decimals of 20 digits.
#[test]
fn decimals_are_read_as_numbers() {
    let mut records = proofs("gateway-v31", Target::Latest);
    records.truncate(1000);
    let large = ProofRecord { chain_id: ChainId(u64::MAX), ..records[0].clone() };
    records.push(large);
    for has_dictionary in [true, false] {
        let properties =
            || WriterProperties::builder().set_dictionary_enabled(has_dictionary).build();
        let rows = read(write_with(&records, properties(), Some(i128::from)));
        assert_eq!(rows.len(), records.len());
        for (row, record) in rows.into_iter().zip(&records) {
            let Ok(Item::Proof(read, _)) = row else { panic!("{row:?}") };
            let expected = ProofRecord { tx_hash: None, checked_by: None, ..record.clone() };
            assert_eq!(*read, expected);
        }
        let not_supported: [fn(u64) -> i128; 2] =
            [|number| i128::from(number) + (1 << 64), |number| -1 - i128::from(number)];
        for decimal in not_supported {
            for row in read(write_with(&records[..3], properties(), Some(decimal))) {
                let error = row.unwrap_err();
                assert!(error.is_lack(), "{error}");
                assert_eq!(error.code(), FailureCode::NumberNotSupported, "{error}");
            }
        }
    }
}

/// Floats round large integers, also where this file has only small ones.
#[test]
fn floats_are_refused_by_their_name() {
    let schema = SCHEMA.replace("int64 chain_id", "double chain_id");
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let input = Input::from_reader("test", Cursor::new(writer.into_inner().unwrap())).unwrap();
    let error = ParquetProofs::open(input).err().unwrap();
    assert!(matches!(error, ReadError::Floats { column: "chain_id", .. }), "{error}");
}

/// The same row in pages of both versions with every compression.
#[test]
fn pages_of_every_compression_are_read() {
    let levels = [[run(1, 0), run(99, 1)].concat(), run(100, 2)];
    let words: Vec<u8> = (0..3200u32).map(|at| ((at * at) >> 4) as u8).collect();
    let pack = |codec, bytes: &[u8]| match codec {
        1 => snap::raw::Encoder::new().compress_vec(bytes).unwrap(),
        2 => Compression::Gzip.compress(bytes).unwrap(),
        6 => Compression::Zstd.compress(bytes).unwrap(),
        _ => bytes.to_vec(),
    };
    for codec in [0, 1, 2, 6] {
        let about = Thrift::default().int(1, 100).int(2, 0).int(3, 3).int(4, 3);
        let body = [prefixed(&levels[0]), prefixed(&levels[1]), words.clone()].concat();
        let first = page(0, body.len() as i64, (5, about), &pack(codec, &body));
        let [repetition, definition] = [0, 1].map(|at| levels[at].len() as i64);
        let second = |is_compressed| {
            let about = Thrift::default().int(1, 100).int(2, 0).int(3, 1).int(4, 0);
            let about = about.int(5, definition).int(6, repetition).flag(7, is_compressed);
            let values = if is_compressed { pack(codec, &words) } else { words.clone() };
            let raw_len = repetition + definition + words.len() as i64;
            page(3, raw_len, (8, about), &[&levels.concat()[..], &values].concat())
        };
        // An index between pages is skipped.
        let index = page(1, 10, (6, Thrift::default()), &[0; 10]);
        let rows = read(words_file(&[first, index, second(true), second(false)], codec, 3));
        assert_eq!(rows.len(), 3, "{codec}");
        // The words are read. The rest of a record is not in the file.
        assert!(rows.iter().all(|row| matches!(row, Err(RecordError::Missing { .. }))), "{rows:?}");
    }
}
