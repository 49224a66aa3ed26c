use std::{
    fs::File,
    io::{self, BufRead, BufReader, Chain, Cursor, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;
use thiserror::Error;

use super::ReadProgressHandle;

/// How many bytes are read to detect the format: enough for the first accounts of a dump.
pub(crate) const HEAD_LEN: u64 = 1 << 20;
const BUFFER_LEN: usize = 1 << 17;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// U+FEFF in UTF-8, which some editors and exporters write before text. No binary input begins with it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The largest window of zstd that is decoded, as a power of two: the default limit of `zstd`.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Archives and dumps compress three- to tenfold, proofs thirtyfold. The ratio of gzip is at most 1032 to 1,
/// which only endless repetition comes close to. The ratio of zstd has no limit.
const BOMB_RATIO: u64 = 300;
/// Outputs below this size may have any ratio.
const BOMB_FLOOR: u64 = 64 << 20;

/// Why an input could not be opened or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InputError {
    /// The system could not open the file.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path is that of a directory, not a file.
    #[error("{} is a directory, not a file", path.display())]
    IsFolder {
        /// The directory.
        path: PathBuf,
    },
    /// Reading failed: an I/O error, or damaged gzip or zstd data.
    #[error("cannot read {name}")]
    Read {
        /// The file, or "standard input".
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// The input is empty.
    #[error("{name} is empty")]
    Empty {
        /// The file, or "standard input".
        name: String,
    },
}

impl InputError {
    /// Whether the data are at fault (damaged gzip or zstd, an empty file), not the disk or the path.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Open { .. } => false,
            Self::IsFolder { .. } | Self::Empty { .. } => true,
            Self::Read { source, .. } => is_damage(source),
        }
    }
}

/// Whether a read error is caused by the data: a damaged or truncated gzip or zstd stream, or a decompression
/// bomb.
#[must_use]
pub(crate) fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
    )
}

/// An open input: its decompressed bytes, without the byte order mark of a text. The first mebibyte is
/// buffered to detect the format.
pub struct Input {
    name: String,
    path: Option<PathBuf>,
    data: Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>,
}

impl Input {
    /// Opens a file, or standard input for `-`. Gzip and zstd are detected by their first bytes.
    ///
    /// # Errors
    /// [`InputError`] when the file cannot be opened, is a directory or is empty, or its first bytes are
    /// damaged.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        Self::open_watched(path, &ReadProgressHandle::default())
    }

    /// As [`Input::open`], and reports the bytes read to `watcher`.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub fn open_watched(path: &Path, watcher: &ReadProgressHandle) -> Result<Self, InputError> {
        if path == Path::new("-") {
            let data = watcher.of(io::stdin());
            return Self::new("standard input".into(), None, Box::new(data));
        }
        let open_error = |source| InputError::Open { path: path.into(), source };
        let file = File::open(path).map_err(open_error)?;
        let found = file.metadata().map_err(open_error)?;
        if found.is_dir() {
            return Err(InputError::IsFolder { path: path.into() });
        }
        // A named pipe cannot be read twice, just like standard input.
        let again = found.is_file().then(|| path.into());
        let data = watcher.of(file);
        Self::new(path.display().to_string(), again, Box::new(data))
    }

    /// Reads from any reader; error messages show `name`.
    ///
    /// # Errors
    /// [`InputError`] when there are no data, or the first bytes are damaged.
    pub fn from_reader(name: &str, data: impl Read + Send + 'static) -> Result<Self, InputError> {
        Self::new(name.into(), None, Box::new(data))
    }

    fn new(
        name: String,
        path: Option<PathBuf>,
        data: Box<dyn Read + Send>,
    ) -> Result<Self, InputError> {
        let mut raw = BufReader::with_capacity(BUFFER_LEN, Uninterrupted(data));
        let mut start = Vec::new();
        let read_error = |source| InputError::Read { name: name.clone(), source };
        raw.by_ref().take(4).read_to_end(&mut start).map_err(read_error)?;
        let (is_gzip, is_zstd) = (start.starts_with(&GZIP_MAGIC), start == ZSTD_MAGIC);
        let raw = Cursor::new(start).chain(raw);
        let mut data: Box<dyn Read + Send> = match () {
            () if is_gzip => Box::new(Gunzip::new(raw)),
            () if is_zstd => Box::new(Unzstd::new(raw).map_err(read_error)?),
            () => Box::new(raw),
        };
        let mut head = Vec::new();
        data.by_ref().take(HEAD_LEN).read_to_end(&mut head).map_err(read_error)?;
        if head.starts_with(BYTE_ORDER_MARK) {
            head.drain(..BYTE_ORDER_MARK.len());
            let as_much = BYTE_ORDER_MARK.len() as u64;
            data.by_ref().take(as_much).read_to_end(&mut head).map_err(read_error)?;
        }
        if head.is_empty() {
            return Err(InputError::Empty { name });
        }
        Ok(Self { name, path, data: Cursor::new(head).chain(data) })
    }

    /// The name of the input in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path, when the file can be opened again; `None` for a pipe.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether the input begins like a Parquet file.
    #[must_use]
    pub(crate) fn is_parquet(&self) -> bool {
        self.head().starts_with(b"PAR1")
    }

    /// The first mebibyte, or the whole input if it is smaller.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.data.get_ref().0.get_ref()
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.data.read(buffer)
    }
}

/// Repeats a read that a signal interrupted, so that no reader of an input has to.
struct Uninterrupted<R>(R);

impl<R: Read> Read for Uninterrupted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// Decompresses gzip with one or several members. Stops at a decompression bomb.
pub(crate) struct Gunzip<R> {
    decoder: MultiGzDecoder<Counted<R>>,
    inflated: u64,
}

impl<R: BufRead> Gunzip<R> {
    pub(crate) fn new(raw: R) -> Self {
        Self { decoder: MultiGzDecoder::new(Counted { raw, taken: 0 }), inflated: 0 }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.decoder.read(buffer)?;
        self.inflated += len as u64;
        refuse_bomb("gzip", self.decoder.get_ref().taken, self.inflated)?;
        Ok(len)
    }
}

/// Decodes zstd with one or several frames. Stops at a decompression bomb.
struct Unzstd<R: BufRead> {
    decoder: zstd::Decoder<'static, Counted<R>>,
    decoded: u64,
}

impl<R: BufRead> Unzstd<R> {
    fn new(raw: R) -> io::Result<Self> {
        let mut decoder = zstd::Decoder::with_buffer(Counted { raw, taken: 0 })?;
        decoder.window_log_max(ZSTD_WINDOW_LOG)?;
        Ok(Self { decoder, decoded: 0 })
    }
}

impl<R: BufRead> Read for Unzstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.decoder.read(buffer).map_err(|error| match error.raw_os_error() {
            // The library has no error kind for damaged data.
            None if error.kind() == io::ErrorKind::Other => {
                io::Error::new(io::ErrorKind::InvalidData, format!("damaged zstd data: {error}"))
            }
            _ => error,
        })?;
        self.decoded += len as u64;
        refuse_bomb("zstd", self.decoder.get_ref().taken, self.decoded)?;
        Ok(len)
    }
}

fn refuse_bomb(codec: &str, taken: u64, inflated: u64) -> io::Result<()> {
    let taken = taken.max(1);
    if inflated <= BOMB_FLOOR || inflated / taken <= BOMB_RATIO {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "{taken} bytes of {codec} decompressed to more than {} MiB, far more than a dump or archive \
             does; decompress the file first if you trust it",
            inflated >> 20
        ),
    ))
}

struct Counted<R> {
    raw: R,
    taken: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.raw.read(buffer)?;
        self.taken += len as u64;
        Ok(len)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.raw.fill_buf()
    }

    fn consume(&mut self, len: usize) {
        self.taken += len as u64;
        self.raw.consume(len);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(data, 1).unwrap()
    }

    fn open(data: Vec<u8>) -> Result<Input, InputError> {
        Input::from_reader("test", Cursor::new(data))
    }

    #[test]
    fn gzip_and_zstd_are_inflated_and_plain_data_are_unchanged() {
        let parts = |codec: fn(&[u8]) -> Vec<u8>| [codec(b"{\"a\""), codec(b":1}")].concat();
        let text = b"{\"a\":1}";
        let marked = "\u{feff}{\"a\":1}".as_bytes().to_vec();
        for data in
            [gzip(&marked), marked, text.to_vec(), gzip(text), zstd(text), parts(gzip), parts(zstd)]
        {
            let mut input = open(data).unwrap();
            assert_eq!(input.head(), b"{\"a\":1}");
            let mut all = String::new();
            input.read_to_string(&mut all).unwrap();
            assert_eq!(all, "{\"a\":1}");
        }
    }

    #[test]
    fn an_empty_input_and_cut_or_broken_streams_are_damage() {
        assert!(open(vec![]).is_err_and(|e| e.is_damage()));
        assert!(open(gzip(b"")).is_err_and(|e| e.is_damage()));
        assert!(open(zstd(b"")).is_err_and(|e| e.is_damage()));
        let whole = gzip(&[7; 100]);
        assert!(open(whole[..whole.len() - 9].to_vec()).is_err_and(|e| e.is_damage()));
        let text: Vec<u8> = (0..10_000u64).map(|i| (i.pow(3) >> 7) as u8).collect();
        let whole = zstd(&text);
        for len in [5, 9, whole.len() / 2, whole.len() - 1] {
            assert!(open(whole[..len].to_vec()).is_err_and(|e| e.is_damage()), "{len} bytes");
        }
        let mut broken = whole;
        broken[4] ^= 0xff;
        assert!(open(broken).is_err_and(|e| e.is_damage()));
    }

    #[test]
    fn decompression_bombs_are_refused_early() {
        let spaces = vec![b' '; 256 << 20];
        for bomb in [gzip(&spaces), zstd(&spaces)] {
            let error = io::copy(&mut open(bomb).unwrap(), &mut io::sink()).unwrap_err();
            assert!(is_damage(&error), "{error}");
        }
    }
}
