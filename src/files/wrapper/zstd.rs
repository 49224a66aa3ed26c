use std::io::{self, BufRead, Read};

use super::bomb::{Counted, Guarded};

/// The largest window of zstd that is decoded, as a power of two: the default limit of `zstd`.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Decodes zstd with one or several frames.
///
/// # Errors
/// When there is not enough memory.
pub(super) fn decoder(raw: impl BufRead) -> io::Result<impl Read> {
    let mut decoder = zstd::Decoder::with_buffer(Counted::new(raw))?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(Guarded::new("zstd", decoder, |decoder| decoder.get_ref().taken))
}
