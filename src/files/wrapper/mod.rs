//! What inputs are wrapped in: compression, and tar archives. Wrappers are recognized by their first bytes,
//! never by names, and may contain each other. Every layer is decoded as a stream.
//!
//! | wrapper | read |
//! | --- | --- |
//! | gzip, zstd, xz, lz4 (frames) | one or several members, frames or streams |
//! | tar (ustar, GNU, pax) | its one file; or each of its files, for a reader that takes several |
//! | bzip2, zip, 7z, rar, lzip, framed Snappy | no; the error names the program that unpacks it |

mod bomb;
mod lz4;
mod tar;
#[cfg(test)]
mod tests;
mod xz;
mod zstd;

use std::io::{BufRead, BufReader, Chain, Cursor, Read};

pub(crate) use bomb::gunzip;

use tar::SingleFile;
pub(super) use tar::Tar;

use super::{InputError, text_encoding};

/// The bytes of an input, or of a part of it.
pub(super) type Data = Box<dyn Read + Send>;
/// The bytes within a layer. Those that were read to recognize it come first.
type Layer = Chain<Cursor<Vec<u8>>, BufReader<Data>>;

const BUFFER_LEN: usize = 1 << 17;
/// The number of first bytes by which wrappers and encodings are recognized.
pub(super) const EXAMINED: usize = tar::BLOCK;
/// The most wrappers around each other. A compressed tar archive of compressed files has three.
const MOST_WRAPPERS: usize = 4;

/// The wrappers that are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrapper {
    Gzip,
    Zstd,
    Xz,
    Lz4,
    Tar,
}

impl Wrapper {
    /// The wrapper of data that begin with `start`.
    fn of(start: &[u8]) -> Option<Self> {
        Some(match start {
            // The third byte is the method, of which there is one.
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // pzstd puts a frame that is skipped before each other one (RFC 8878, section 3.1.2).
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, rest @ ..]
                if rest
                    .get(u32::from_le_bytes([*a, *b, *c, *d]) as usize..)
                    .is_some_and(|next| next.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])) =>
            {
                Self::Zstd
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            _ if tar::is_header(start) => Self::Tar,
            _ => return None,
        })
    }
}

/// A wrapper that is recognized but not decoded: what it is, and a command that unpacks it.
fn foreign(start: &[u8]) -> Option<(&'static str, &'static str)> {
    Some(match start {
        // The number is the first of a block, or that of the end of a text.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => {
            ("compressed by bzip2", "bunzip2")
        }
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => ("a zip archive", "unzip"),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => ("a 7z archive", "7z x"),
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => ("a rar archive", "unrar x"),
        [b'L', b'Z', b'I', b'P', 1, ..] => ("compressed by lzip", "lzip -d"),
        [0xff, 6, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y', ..] => {
            ("compressed by Snappy", "snzip -d")
        }
        _ => return None,
    })
}

/// What is found within the wrappers of an input.
pub(super) enum Contents {
    /// Data without a wrapper; a text is UTF-8 without a byte order mark.
    Plain(Data),
    /// A tar archive.
    Archive(Tar<Data>),
}

/// Whether data that begin with `start` are in a wrapper.
pub(super) fn is_wrapped(start: &[u8]) -> bool {
    Wrapper::of(start).is_some() || foreign(start).is_some()
}

/// Removes the wrappers of `data`, up to a tar archive.
///
/// # Errors
/// [`InputError`] for a wrapper that is not decoded, for too many of them, and for damage in the first bytes.
/// `name` is the name in it.
pub(super) fn unwrap(name: &str, mut data: Data) -> Result<Contents, InputError> {
    for _ in 0..=MOST_WRAPPERS {
        let (wrapper, layer) = peek(name, data)?;
        data = match wrapper {
            None => return plain(name, layer).map(Contents::Plain),
            Some(Wrapper::Gzip) => Box::new(gunzip(layer)),
            Some(Wrapper::Zstd) => Box::new(zstd::decoder(layer).map_err(read_error(name))?),
            Some(Wrapper::Xz) => Box::new(xz::decoder(layer)),
            Some(Wrapper::Lz4) => Box::new(lz4::decoder(layer)),
            Some(Wrapper::Tar) => return Ok(Contents::Archive(Tar::new(Box::new(layer)))),
        };
    }
    Err(InputError::Nested { name: name.into(), limit: MOST_WRAPPERS })
}

/// Recognizes the wrapper of `data`. Of a native file nothing more is read, so the buffer is filled only if it is needed.
fn peek(name: &str, mut data: Data) -> Result<(Option<Wrapper>, Layer), InputError> {
    let mut start = Vec::with_capacity(EXAMINED);
    data.by_ref().take(EXAMINED as u64).read_to_end(&mut start).map_err(read_error(name))?;
    if let Some((what, command)) = foreign(&start) {
        return Err(InputError::Packed { name: name.into(), what, command });
    }
    let data = BufReader::with_capacity(BUFFER_LEN, data);
    Ok((Wrapper::of(&start), Cursor::new(start).chain(data)))
}

/// The data of the innermost layer. A text becomes UTF-8 without a byte order mark.
fn plain(name: &str, mut layer: Layer) -> Result<Data, InputError> {
    let start = layer.fill_buf().map_err(read_error(name))?;
    let encoding = text_encoding::of(start);
    text_encoding::decode(encoding, layer).map_err(read_error(name))
}

/// The data of a tar archive: those of its one file, without wrappers.
pub(super) fn single_file(name: &str, archive: Tar<Data>) -> Result<Data, InputError> {
    let file = SingleFile::open(archive).map_err(read_error(name))?;
    match unwrap(name, Box::new(file))? {
        Contents::Plain(data) => Ok(data),
        Contents::Archive(_) => Err(InputError::Packed {
            name: name.into(),
            what: "a tar archive in a tar archive",
            command: "tar -xf",
        }),
    }
}

fn read_error(name: &str) -> impl Fn(std::io::Error) -> InputError + '_ {
    move |source| InputError::Read { name: name.into(), source }
}
