//! Files of proofs: read and written.

mod json_array;
mod line;
pub mod parquet;
mod text;

pub use line::LineWriter;
pub use text::Records;
