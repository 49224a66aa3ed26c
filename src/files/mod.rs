//! Floor 1: reading and writing files, whatever is in them.
//!
//! [`Input`] opens a path or standard input, inflates gzip and zstd that it finds there and refuses
//! decompression bombs; [`Lines`] reads text from it line by line, and [`Compression`] makes what it
//! inflates. [`Output`] writes to a temporary file beside the
//! target and renames it when everything is on disk, so that a failed run leaves an existing file as it
//! was; [`Partial`] is one that an interrupted job can go on with. A [`ReadProgressHandle`] is told how far the reading
//! is.
//!
//! [`container`] describes the one container of all native files: [`Container`] opens and checks
//! them, [`ContainerWriter`] writes them. They are mapped into memory ([`Access::Map`]) or read
//! ([`Access::Read`]); [`install_sigbus_handler`] makes the truncation of a mapped file an error. What is
//! too large for memory while a file is made waits in a [`Scratch`] file or a [`Spool`], and is put in order
//! by the external sort.

mod compress;
pub mod container;
mod create;
mod external_sort;
mod header;
mod input;
mod json_nesting;
mod lines;
mod map;
mod output;
mod partial;
mod read_progress;
mod scratch;
mod sigbus;
mod spill;
mod write_behind;

pub use compress::Compression;
pub use container::{Container, ContainerError, ContainerWriter, Kind, SectionBytes, SectionName};
#[cfg(feature = "parquet")]
pub(crate) use create::nameless;
pub(crate) use external_sort::{ExternalSort, SortRecord, Sorted};
pub(crate) use input::{Gunzip, HEAD_LEN, is_damage};
pub use input::{Input, InputError};
pub(crate) use json_nesting::JsonNesting;
pub use lines::{Line, Lines};
pub use map::Access;
pub use output::{Output, OutputError, is_same_place, place_of, remove_unfinished};
pub use partial::Partial;
pub use read_progress::{ProgressReader, ReadProgress, ReadProgressHandle};
pub use scratch::{Scratch, Spool};
pub use sigbus::{ignore_sigxfsz, install_sigbus_handler};
pub(crate) use spill::Spill;
