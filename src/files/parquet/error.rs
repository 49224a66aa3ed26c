use std::io;

use thiserror::Error;

use super::{LONGEST_FOOTER, LONGEST_LIST, LONGEST_PAGE, MOST_ELEMENTS, MOST_MEMORY};
use crate::files::InputError;

/// An error from reading a Parquet file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Opening or reading failed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file lacks the magic bytes at its beginning or end. It is not a Parquet file, or is truncated.
    #[error("{name} is not a whole Parquet file: it has no {place}")]
    NotWhole {
        /// The file.
        name: String,
        /// What is missing.
        place: &'static str,
    },
    /// A column is missing or has another type.
    #[error("{name} has no column {column} of {kind}, so it is not a Parquet file of {content}")]
    Column {
        /// The file.
        name: String,
        /// The column's name.
        column: &'static str,
        /// The expected type.
        kind: &'static str,
        /// What the file should contain.
        content: &'static str,
    },
    /// A column of integers has floating-point numbers.
    #[error(
        "{name}: its column {column} has floats (float64), which round integers above 2^53; make the table with \
         integers: pandas keeps them with dtype_backend=\"pyarrow\", or types_mapper=pandas.ArrowDtype"
    )]
    Floats {
        /// The file.
        name: String,
        /// The column's name.
        column: &'static str,
    },
    /// The footer is damaged.
    #[error("{name}: the footer is damaged")]
    DamagedFooter {
        /// The file.
        name: String,
        /// What is wrong.
        #[source]
        source: Damage,
    },
    /// A row group is damaged.
    #[error("{name}: row group {group} is damaged")]
    Damaged {
        /// The file.
        name: String,
        /// The row group, counted from 0.
        group: usize,
        /// What is wrong.
        #[source]
        source: Damage,
    },
}

impl ReadError {
    /// Whether the operating system failed, rather than the file being damaged.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Input(error) => !error.is_damage(),
            Self::Damaged { source, .. } | Self::DamagedFooter { source, .. } => {
                matches!(source, Damage::Read(_))
            }
            _ => false,
        }
    }
}

/// What is wrong with a part of a Parquet file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Damage {
    /// The operating system could not read the file.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The footer is too long.
    #[error("it has {0} bytes, and the maximum is {LONGEST_FOOTER}")]
    LongFooter(u64),
    /// The footer has more columns than a table of this kind needs.
    #[error("its schema has more than {MOST_ELEMENTS} elements")]
    ManyElements,
    /// The footer is not valid Thrift, or its parts contradict each other.
    #[error("it is not valid, or its parts contradict each other")]
    Footer,
    /// The pages of a column are not in the file.
    #[error(
        "column {column} should have {len} bytes at offset {start}, where the file has no pages"
    )]
    Place {
        /// The name of the column.
        column: String,
        /// The offset in bytes.
        start: u64,
        /// The length in bytes.
        len: u64,
    },
    /// A page is damaged.
    #[error("the page at offset {at} {problem}")]
    Page {
        /// The offset of the page in bytes.
        at: u64,
        /// What is wrong.
        problem: Problem,
    },
    /// The pages of a row group take too much memory.
    #[error("the pages that are read together take more than {MOST_MEMORY} bytes")]
    Memory,
    /// A list is too long.
    #[error("a list has more than {LONGEST_LIST} values")]
    LongList,
    /// A column has fewer rows than its row group.
    #[error("column {0} has too few rows")]
    FewRows(String),
}

/// What is wrong with a page.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The header is invalid, or of an unknown kind of page.
    #[error("has no valid header")]
    Header,
    /// The page is too long.
    #[error("has {0} bytes, and the maximum is {LONGEST_PAGE}")]
    Long(u64),
    /// The page ends after the pages of its column.
    #[error("does not end before its column does")]
    End,
    /// The page cannot be decompressed.
    #[error("cannot be decompressed")]
    Compression,
    /// The page is compressed in a form that is not supported.
    #[error(
        "has the compression {0} of Parquet; zstd, Snappy, gzip, LZ4_RAW and no compression are supported"
    )]
    Codec(u64),
    /// The values are encoded in a form that is not supported.
    #[error(
        "has the encoding {0} of Parquet; plain values, dictionaries and delta encodings are supported"
    )]
    Encoding(u64),
    /// There are fewer levels than values, or they are invalid.
    #[error("has too few or invalid levels")]
    Levels,
    /// There are fewer values than the levels require.
    #[error("has too few values")]
    Values,
    /// An index is not in the dictionary.
    #[error("refers to a value that is not in the dictionary")]
    Dictionary,
}
