use std::io::{BufRead, Read};

use lzma_rust2::XzReader;

use super::bomb::{Counted, Guarded};

/// The most memory of a decoder, in KiB: a dictionary of 128 MiB, and what is beside it. `xz -9` uses 64 MiB.
const XZ_MEMORY: u32 = (128 << 10) + 256;

/// Decodes xz with one or several streams. Their checksums are compared.
pub(super) fn decoder(raw: impl BufRead) -> impl Read {
    let decoder = XzReader::new_mem_limit(Counted::new(raw), true, XZ_MEMORY);
    Guarded::new("xz", decoder, |decoder| decoder.inner().taken)
}
