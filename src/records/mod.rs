//! Files of proofs: read and written.

mod json_array;
mod line;
#[cfg(feature = "parquet")]
pub mod parquet;
mod text;

pub use line::LineWriter;
pub use text::Records;
