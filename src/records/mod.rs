//! Files of proofs: read and written.

mod json_array;
mod line;
pub mod parquet;
mod records;

pub use line::LineWriter;
pub use records::Records;
