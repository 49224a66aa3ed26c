//! Reading and writing files of any content.
//!
//! [`Input`] opens a path or standard input, removes compression and tar, refuses decompression bombs, and
//! converts UTF-16. [`Inputs`] does the same with each file of a tar archive. [`Lines`] reads text line by line,
//! [`Compression`] compresses output. [`Output`] writes to a temporary file beside the target and renames it
//! when it is complete on disk, so that a failed run leaves an existing file unchanged. [`Partial`] is an output
//! that an interrupted job can resume. [`ReadProgressHandle`] reports the progress of reading.
//!
//! [`container`] documents the container format of all native files: [`Container`] opens and checks them,
//! [`ContainerWriter`] writes them. They are mapped ([`Access::Map`]) or read ([`Access::Read`]).
//! [`install_sigbus_handler`] turns the truncation of a mapped file into an error. Data that do not fit into
//! memory while a file is created are kept in a [`Scratch`] file or a [`Spool`], and are sorted by an
//! external sort.

mod bucket_sort;
mod compress;
pub mod container;
mod create;
mod external_sort;
mod header;
mod in_turn;
mod input;
mod input_error;
mod input_sequence;
mod json_nesting;
mod line_blocks;
mod lines;
mod map;
mod output;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
mod partial;
mod path_info;
mod plain_text;
mod pool;
mod put_ahead;
mod read_progress;
mod records;
mod reopenable_input;
mod scratch;
mod show_path;
mod sigbus;
mod sort_run;
mod sorted_windows;
mod spill;
mod text_block;
mod text_encoding;
mod text_pieces;
mod wrapper;
mod write_behind;

pub(crate) use bucket_sort::{BucketSort, Bucketed, KeyedRecord, Numbered};
pub use compress::Compression;
pub use container::{
    CheckedBlocks, Container, ContainerError, ContainerWriter, Kind, NativeFile, SectionBytes,
    SectionName,
};
pub(crate) use create::anew;
#[cfg(feature = "parquet")]
pub(crate) use create::nameless;
pub(crate) use external_sort::{ExternalSort, Sorted};
pub(crate) use in_turn::in_turn;
pub(crate) use input::{HEAD_LEN, archive_of, is_in_archive};
pub use input::{Input, Inputs};
pub use input_error::InputError;
pub(crate) use input_error::is_damage;
pub(crate) use input_sequence::InputSequence;
pub(crate) use json_nesting::JsonNesting;
pub use line_blocks::BlockText;
pub(crate) use line_blocks::{LineBlocks, TextBlocks};
pub use lines::{Line, Lines};
pub use map::Access;
pub use output::{Draft, Output, OutputError, is_same_place, place_of, remove_unfinished};
pub use partial::Partial;
pub(crate) use partial::lock;
pub(crate) use path_info::{FileStamp, entries_of, names};
pub use path_info::{is_directory, is_file, metadata_of};
pub(crate) use pool::Pool;
pub(crate) use put_ahead::put_ahead;
pub use read_progress::{ProgressReader, ReadProgress, ReadProgressHandle};
pub(crate) use records::{PayloadPlace, Records, SortRecord};
pub(crate) use reopenable_input::ReopenableInput;
pub use scratch::{Scratch, Spool};
pub(crate) use scratch::{TemporaryDirectory, temporary_directory};
pub(crate) use show_path::ShowPath;
pub use sigbus::{ignore_sigxfsz, install_sigbus_handler};
pub(crate) use sort_run::{UnwrittenRun, WrittenRun};
pub(crate) use sorted_windows::{SortedWindows, WithPayload};
pub(crate) use spill::Spill;
pub(crate) use text_block::TextBlock;
pub(crate) use text_pieces::{TextPiece, TextPieces};
pub(crate) use wrapper::gunzip;
