use std::{
    borrow::Cow,
    io::{self, Write},
    path::Path,
};

use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

/// Level 1 makes files of proofs two thirds larger. Levels above 2 only take longer.
const GZIP_LEVEL: u32 = 2;
const ZSTD_LEVEL: i32 = 1;

/// The compression of an output.
///
/// In both formats a file of several members or frames decompresses to their concatenated contents. So parts
/// of a text can be compressed in parallel and written one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// gzip, one member per part.
    Gzip,
    /// zstd, one frame with a checksum per part.
    Zstd,
}

impl Compression {
    /// The compression for a file name that ends in `.gz` or `.zst`; `None` for other names.
    #[must_use]
    pub fn of_name(target: &Path) -> Option<Self> {
        let ends_with = |wanted| target.extension().is_some_and(|e| e.eq_ignore_ascii_case(wanted));
        match () {
            () if ends_with("gz") => Some(Self::Gzip),
            () if ends_with("zst") => Some(Self::Zstd),
            () => None,
        }
    }

    /// Compresses a text if a compression is given.
    ///
    /// # Errors
    /// As [`Compression::compress`].
    pub fn pack(compression: Option<Self>, text: &[u8]) -> io::Result<Cow<'_, [u8]>> {
        match compression {
            Some(compression) => compression.compress(text).map(Cow::Owned),
            None => Ok(Cow::Borrowed(text)),
        }
    }

    /// Compresses a text to one member or frame. The same text results in the same bytes.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn compress(self, text: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                let mut member = GzEncoder::new(Vec::new(), level);
                member.write_all(text)?;
                member.finish()
            }
            Self::Zstd => {
                let mut frame = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
                frame.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
                frame.compress(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::files::Input;

    #[test]
    fn suffix_selects_the_compression_and_parts_decompress_to_one_text() {
        let of_name = |name: &str| Compression::of_name(Path::new(name));
        assert_eq!(of_name("a/proofs.ndjson.gz"), Some(Compression::Gzip));
        assert_eq!(of_name("proofs.ZST"), Some(Compression::Zstd));
        for name in ["-", "proofs.ndjson", "gz", ".zst", "proofs.zst/x"] {
            assert_eq!(of_name(name), None, "{name}");
        }
        for compression in [Compression::Gzip, Compression::Zstd] {
            let parts = ["", "one ", "", "two", ""].map(|part| {
                let part = compression.compress(part.as_bytes()).unwrap();
                assert!(!part.is_empty());
                part
            });
            let mut input = Input::from_reader("test", io::Cursor::new(parts.concat())).unwrap();
            let mut text = String::new();
            input.read_to_string(&mut text).unwrap();
            assert_eq!(text, "one two");
        }
    }
}
