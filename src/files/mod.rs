//! Floor 1: reading and writing files, whatever is in them.
//!
//! [`Input`] opens a path or standard input, inflates gzip that it finds there and refuses
//! decompression bombs. [`Output`] writes to a temporary file beside the target and renames it when
//! everything is on disk, so that a failed run leaves an existing file as it was.

mod input;
mod output;

pub(crate) use input::is_damage;
pub use input::{Input, InputError};
pub use output::{Output, OutputError};
