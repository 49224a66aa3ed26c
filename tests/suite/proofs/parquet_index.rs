//! The page index and the bounds, read by the `parquet` crate, and how little of a file one row needs.

use std::ops::Range;

use bytes::Bytes;
use parquet::file::{
    metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
    page_index::{column_index::ColumnIndexMetaData, offset_index::OffsetIndexMetaData},
};
use slproof::{
    proof::{ProofRecord, Target},
    records::parquet::RowGroup,
};

use crate::support::proof_records::{file_of, proofs, row_group};

type NumberOf = fn(&ProofRecord) -> u64;

/// The positions of columns of numbers, and their values.
const NUMBERS: [(usize, NumberOf); 3] =
    [(0, |r| r.chain_id.0), (1, |r| r.batch_number.0), (2, |r| r.id)];

fn metadata(file: &Bytes) -> ParquetMetaData {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.parse_and_finish(file).unwrap()
}

/// The rows of each page of a column of a row group.
fn rows_of_pages(offsets: &OffsetIndexMetaData, rows: u64) -> Vec<Range<usize>> {
    let starts = offsets.page_locations().iter().map(|page| page.first_row_index as usize);
    let starts: Vec<usize> = starts.chain([rows as usize]).collect();
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

#[test]
fn pages_are_where_the_index_says_and_have_its_bounds() {
    let records = proofs("gateway-v29", Target::Latest);
    let groups: Vec<RowGroup> = records.chunks(7000).map(row_group).collect();
    let file = Bytes::from(file_of(&groups));
    let metadata = metadata(&file);
    let index = metadata.page_index().unwrap();
    let mut before = 0;
    for (group, found) in metadata.row_groups().iter().enumerate() {
        let records = &records[before..before + found.num_rows() as usize];
        before += records.len();
        let row_count = records.len() as u64;
        for (at, column) in found.columns().iter().enumerate() {
            let offsets = index.offset_index(group, at).unwrap();
            let pages = rows_of_pages(offsets, row_count);
            assert!(pages.iter().all(|rows| (1..=1024).contains(&rows.len())), "{pages:?}");
            // The pages fill the column.
            let (mut end, len) = column.byte_range();
            for page in offsets.page_locations() {
                assert_eq!(page.offset as u64, end);
                end += page.compressed_page_size as u64;
            }
            assert_eq!(end, column.byte_range().0 + len);
        }
        for (at, number) in NUMBERS {
            let pages = rows_of_pages(index.offset_index(group, at).unwrap(), row_count);
            let Some(ColumnIndexMetaData::INT64(bounds)) = index.column_index(group, at) else {
                panic!("no bounds")
            };
            for (page, rows) in pages.into_iter().enumerate() {
                let numbers = || records[rows.clone()].iter().map(number);
                let expected = [numbers().min(), numbers().max()];
                let found = [bounds.min_value(page), bounds.max_value(page)];
                assert_eq!(found.map(|n| n.map(|n| n.cast_unsigned())), expected);
            }
        }
    }
    assert_eq!(before, records.len());
}

/// A reader that looks for one log by the bounds reads the footer and one page of each column.
#[test]
fn one_row_needs_a_small_part_of_the_file() {
    let records = proofs("gateway-v29", Target::Latest);
    let groups: Vec<RowGroup> = records.chunks(8192).map(row_group).collect();
    let file = Bytes::from(file_of(&groups));
    let metadata = metadata(&file);
    let index = metadata.page_index().unwrap();
    let wanted = &records[records.len() / 2];
    let mut read = 0;
    for (group, found) in metadata.row_groups().iter().enumerate() {
        let may_have = |at: usize, page: usize, number: u64| {
            let Some(ColumnIndexMetaData::INT64(bounds)) = index.column_index(group, at) else {
                panic!("no bounds")
            };
            let bound = |bound: Option<&i64>| bound.unwrap().cast_unsigned();
            (bound(bounds.min_value(page))..=bound(bounds.max_value(page))).contains(&number)
        };
        let pages = rows_of_pages(index.offset_index(group, 0).unwrap(), found.num_rows() as u64);
        for (page, rows) in pages.into_iter().enumerate() {
            if !NUMBERS.iter().all(|(at, number)| may_have(*at, page, number(wanted))) {
                continue;
            }
            for at in 0..found.num_columns() {
                let offsets = index.offset_index(group, at).unwrap();
                let of_column = rows_of_pages(offsets, found.num_rows() as u64);
                let pages = of_column.iter().zip(offsets.page_locations());
                let needed = pages.filter(|(of, _)| of.start < rows.end && rows.start < of.end);
                read += needed.map(|(_, page)| page.compressed_page_size as usize).sum::<usize>();
            }
        }
    }
    let last = metadata.row_groups().last().unwrap().columns().last().unwrap().byte_range();
    let footer = file.len() - (last.0 + last.1) as usize;
    assert!(read > 0 && footer + read < file.len() / 8, "{footer} + {read} of {}", file.len());
}
