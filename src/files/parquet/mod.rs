//! Reads columns of Parquet files, one row at a time (source: parquet-format 2.11,
//! <https://github.com/apache/parquet-format>).
//!
//! A Parquet file may come from anybody, and its lengths and counts may be false. The reader of the `parquet`
//! crate trusts many of them: it reserves memory for declared counts, recurses into schemas of any depth, and
//! panics on values that are cut. So that crate only writes files here. This reader takes memory only for bytes
//! that the file has, within the limits below, and its time grows with the bytes and rows that it reads. The
//! tests in `tests/suite/proofs/hostile_parquet.rs` have a file for each of these:
//!
//! | hostile input | what refuses it |
//! | --- | --- |
//! | a long footer, a deep or wide schema | [`LONGEST_FOOTER`], [`MOST_ELEMENTS`] |
//! | lists in a footer or a page header with 2^31 elements of no bytes | [`thrift`] |
//! | pages that decompress to more than they declare, or to gigabytes | [`LONGEST_PAGE`], [`MOST_MEMORY`] |
//! | long runs of levels in a few bytes | [`hybrid`] decodes them one by one; [`LONGEST_LIST`] |
//! | values that share long beginnings | [`LONGEST_SHARED`] |
//! | dictionaries and values that are cut, indexes without a dictionary | checks of [`column`] |
//!
//! Values may be plain, in a dictionary or in a delta encoding, in pages of version 1 or 2, with zstd, Snappy, gzip,
//! LZ4_RAW or no compression. Other forms are refused.

mod column;
mod decimal;
mod delta;
mod error;
mod file;
mod footer;
mod hybrid;
mod pages;
mod thrift;

pub(crate) use column::{Column, Irregular};
pub(crate) use decimal::decimal;
pub use error::{Damage, Problem, ReadError};
pub(crate) use file::ParquetFile;
pub(crate) use footer::{Leaf, Physical};

/// The first and the last bytes of a Parquet file.
pub const MAGIC: [u8; 4] = *b"PAR1";

/// The maximum length of a footer in bytes: that of a file of about 750 million proofs in 90,000 row groups.
const LONGEST_FOOTER: u64 = 128 << 20;
/// The maximum number of elements of a schema.
const MOST_ELEMENTS: usize = 10_000;
/// The maximum length of a page in bytes, compressed or not. DuckDB writes pages of up to 100 MB, other
/// writers of about 1 MB.
const LONGEST_PAGE: u64 = 128 << 20;
/// The maximum number of bytes of the pages that are read together: for each column of a row group that is
/// read, the pages of a row, and twice the dictionary.
pub(crate) const MOST_MEMORY: u64 = 512 << 20;
/// The maximum length of a value that is stored without the part that it shares with the one before. Such a
/// value is in memory apart from its page.
const LONGEST_SHARED: usize = 16 << 20;
/// The maximum number of values in a list. A list of 2^32 equal words takes only a few bytes.
const LONGEST_LIST: usize = 1 << 16;
