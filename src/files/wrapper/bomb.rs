//! Decoders that stop at a decompression bomb.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

/// Archives and dumps compress three- to tenfold, proofs thirtyfold. The ratio of gzip is at most 1032 to 1,
/// which only endless repetition comes close to. The ratios of the other codecs have no limit.
const BOMB_RATIO: u64 = 300;
/// Outputs below this size may have any ratio.
const BOMB_FLOOR: u64 = 64 << 20;

/// A decoder whose output is compared with its input.
pub(crate) struct Guarded<D> {
    codec: &'static str,
    decoder: D,
    /// The bytes that the decoder took so far.
    taken: fn(&D) -> u64,
    decoded: u64,
}

impl<D: Read> Guarded<D> {
    pub(super) fn new(codec: &'static str, decoder: D, taken: fn(&D) -> u64) -> Self {
        Self { codec, decoder, taken, decoded: 0 }
    }
}

impl<D: Read> Read for Guarded<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.decoder.read(buffer).map_err(|error| self.damage(error))?;
        self.decoded += len as u64;
        let taken = (self.taken)(&self.decoder).max(1);
        if self.decoded <= BOMB_FLOOR || self.decoded / taken <= BOMB_RATIO {
            return Ok(len);
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "{taken} bytes of {} decompressed to more than {} MiB, far more than a dump or archive \
                 does; decompress the file first if you trust it",
                self.codec,
                self.decoded >> 20
            ),
        ))
    }
}

impl<D> Guarded<D> {
    /// The error as damage of the data, unless the operating system failed. Not every decoder has an error
    /// kind for it. A dictionary beyond the limit is not damage of the file, but cannot be read either.
    fn damage(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::OutOfMemory if error.raw_os_error().is_none() => {
                let codec = self.codec;
                let text = format!(
                    "the {codec} data need more memory than the limit of 128 MiB for a dictionary; decompress \
                     the file first, with {codec} -d"
                );
                io::Error::new(io::ErrorKind::InvalidData, text)
            }
            io::ErrorKind::Other | io::ErrorKind::Unsupported if error.raw_os_error().is_none() => {
                let text = format!("damaged {} data: {error}", self.codec);
                io::Error::new(io::ErrorKind::InvalidData, text)
            }
            _ => error,
        }
    }
}

/// Decompresses gzip with one or several members.
pub(crate) fn gunzip<R: BufRead>(raw: R) -> Guarded<MultiGzDecoder<Counted<R>>> {
    Guarded::new("gzip", MultiGzDecoder::new(Counted::new(raw)), |decoder| decoder.get_ref().taken)
}

/// Counts the bytes that are taken from a reader.
pub(crate) struct Counted<R> {
    pub(super) raw: R,
    pub(super) taken: u64,
}

impl<R> Counted<R> {
    pub(super) fn new(raw: R) -> Self {
        Self { raw, taken: 0 }
    }
}

impl<R: Read> Read for Counted<R> {
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
