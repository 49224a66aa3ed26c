//! Blobs, by the encoder of `examples/synthesize`, which uses another transform than the library.

#[path = "../../../examples/synthesize/blobs.rs"]
mod encoder;

pub(crate) use encoder::Encoder;
