//! Tar archives, read as a stream: ustar, and what GNU tar and pax write.
//!
//! ```text
//! archive   (header, contents, zeros up to a multiple of 512)*, two blocks of zeros
//! header    512 bytes: name 0..100, size 124..136, checksum 148..156, type 156, "ustar" 257..262,
//!           prefix of the name 345..500; numbers are octal text, or big-endian after a byte 0x80
//! types     '0' or NUL or '7' a file; 'x' pax records of the next file; 'L' the long name of the next
//!           file; others hold no data for slproof, except 'S', a sparse file
//! pax       records "<length> <key>=<value>\n", with the keys path and size
//! ```
//!
//! Source: POSIX.1-2017, pax, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format".

use std::io::{self, Read};

/// The unit of the format, in bytes.
pub(super) const BLOCK: usize = 512;
/// The longest pax records or long name.
const LONGEST_EXTENSION: u64 = 1 << 16;

/// Whether `start` is the header of an archive's first entry.
pub(super) fn is_header(start: &[u8]) -> bool {
    start.first_chunk().is_some_and(|block| &block[257..262] == b"ustar" && has_checksum(block))
}

/// Whether the checksum is the sum of the other bytes and of eight spaces in its own place.
fn has_checksum(block: &[u8; BLOCK]) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let expected = sum(&block[..148]) + 8 * u64::from(b' ') + sum(&block[156..]);
    number(&block[148..156]) == Some(expected)
}

/// A number in a header.
fn number(field: &[u8]) -> Option<u64> {
    if let [first @ 0x80..=0xff, rest @ ..] = field {
        let start = u64::from(first & 0x7f);
        return rest
            .iter()
            .try_fold(start, |number, byte| Some(number.checked_mul(256)? + u64::from(*byte)));
    }
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}

/// A tar archive.
pub(in crate::files) struct Tar<R> {
    data: R,
    /// The bytes of the current file that were not read, and the zeros after them.
    left: u64,
    padding: u64,
    is_at_end: bool,
}

/// What the entries before a file say about it.
#[derive(Default)]
struct Extension {
    name: Option<String>,
    size: Option<u64>,
}

impl<R: Read> Tar<R> {
    pub(super) fn new(data: R) -> Self {
        Self { data, left: 0, padding: 0, is_at_end: false }
    }

    /// Passes to the next file, and returns its name. Directories, links and hidden files are passed over.
    ///
    /// # Errors
    /// When reading fails, or the archive is damaged or cut short.
    pub(in crate::files) fn next_file(&mut self) -> io::Result<Option<String>> {
        let mut extension = Extension::default();
        loop {
            self.skip(self.left + self.padding)?;
            (self.left, self.padding) = (0, 0);
            let Some(header) = self.header()? else { return Ok(None) };
            let size = number(&header[124..136])
                .filter(|size| *size < 1 << 60)
                .ok_or_else(|| damage("an entry has no valid size"))?;
            match header[156] {
                b'x' => self.pax(size, &mut extension)?,
                b'L' => extension.name = Some(text(&self.extension(size)?)),
                b'S' => return Err(sparse()),
                kind => {
                    let Extension { name, size: long } = std::mem::take(&mut extension);
                    self.begin(long.unwrap_or(size));
                    let name = name.unwrap_or_else(|| short_name(&header));
                    let is_hidden =
                        name.rsplit('/').next().is_some_and(|last| last.starts_with('.'));
                    if matches!(kind, b'0' | 0 | b'7') && !is_hidden {
                        return Ok(Some(name));
                    }
                }
            }
        }
    }

    /// Begins contents of `size` bytes.
    fn begin(&mut self, size: u64) {
        (self.left, self.padding) = (size, size.next_multiple_of(BLOCK as u64) - size);
    }

    /// The next header; `None` after the last entry.
    fn header(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        if self.is_at_end {
            return Ok(None);
        }
        let mut block = [0; BLOCK];
        self.data.read_exact(&mut block).map_err(cut)?;
        if block == [0; BLOCK] {
            self.is_at_end = true;
            self.end()?;
            return Ok(None);
        }
        if !has_checksum(&block) {
            return Err(damage("a header has a wrong checksum"));
        }
        Ok(Some(block))
    }

    /// Reads the zeros behind the last entry. A compression around the archive has its checksum behind them.
    fn end(&mut self) -> io::Result<()> {
        let mut bytes = [0; 1 << 13];
        loop {
            match self.data.read(&mut bytes)? {
                0 => return Ok(()),
                read if bytes[..read].iter().any(|byte| *byte != 0) => return Err(more()),
                _ => {}
            }
        }
    }

    /// Reads the pax records of the next file.
    fn pax(&mut self, size: u64, extension: &mut Extension) -> io::Result<()> {
        let records = self.extension(size)?;
        let mut rest = &records[..];
        while !rest.is_empty() {
            let record =
                split_record(&mut rest).ok_or_else(|| damage("its pax records are invalid"))?;
            match record {
                (b"path", value) => extension.name = Some(text(value)),
                (b"size", value) => {
                    let size = std::str::from_utf8(value).ok().and_then(|size| size.parse().ok());
                    let size = size.filter(|size| *size < 1 << 60);
                    extension.size =
                        Some(size.ok_or_else(|| damage("an entry has no valid size"))?);
                }
                (key, _) if key.starts_with(b"GNU.sparse.") => return Err(sparse()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The contents of an entry about the next file.
    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > LONGEST_EXTENSION {
            return Err(damage("an entry about a file is longer than 64 KiB"));
        }
        self.begin(size);
        let mut bytes = vec![0; size as usize];
        self.data.read_exact(&mut bytes).map_err(cut)?;
        self.left = 0;
        Ok(bytes)
    }

    fn skip(&mut self, len: u64) -> io::Result<()> {
        match io::copy(&mut self.data.by_ref().take(len), &mut io::sink())? {
            skipped if skipped == len => Ok(()),
            _ => Err(cut(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// Reads the current file.
impl<R: Read> Read for Tar<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let len = self.data.by_ref().take(self.left).read(buffer)?;
        if len == 0 {
            return Err(cut(io::ErrorKind::UnexpectedEof.into()));
        }
        self.left -= len as u64;
        Ok(len)
    }
}

/// The key and the value of the first pax record, which is taken from `rest`.
fn split_record<'r>(rest: &mut &'r [u8]) -> Option<(&'r [u8], &'r [u8])> {
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let len: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
    let (record, after) = rest.split_at_checked(len)?;
    *rest = after;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..]))
}

/// The name in a header. Only POSIX has a prefix.
fn short_name(header: &[u8; BLOCK]) -> String {
    let name = text(&header[..100]);
    match text(&header[345..500]) {
        prefix if &header[257..263] == b"ustar\0" && !prefix.is_empty() => {
            format!("{prefix}/{name}")
        }
        _ => name,
    }
}

/// The text up to the first zero byte.
fn text(field: &[u8]) -> String {
    let bytes = field.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

fn damage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the tar archive is damaged: {what}"))
}

/// The error for an archive that something follows.
fn more() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "something follows the end of the tar archive, such as another one; extract all with tar -xif",
    )
}

fn sparse() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the tar archive holds a sparse file; extract it with tar -xf",
    )
}

/// The error for an archive that ends too early. Other errors are unchanged.
fn cut(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof if error.get_ref().is_none() => io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the tar archive is cut short: it ends before the two blocks of zeros",
        ),
        _ => error,
    }
}

/// The only file of an archive.
pub(super) struct SingleFile<R> {
    archive: Tar<R>,
    name: String,
}

impl<R: Read> SingleFile<R> {
    /// Passes to the first file.
    pub(super) fn open(mut archive: Tar<R>) -> io::Result<Self> {
        match archive.next_file()? {
            Some(name) => Ok(Self { archive, name }),
            None => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "it is a tar archive without files"))
            }
        }
    }
}

impl<R: Read> Read for SingleFile<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.archive.read(buffer)?;
        if len > 0 || buffer.is_empty() {
            return Ok(len);
        }
        match self.archive.next_file()? {
            None => Ok(0),
            Some(other) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "it is a tar archive with several files, {:?} and {other:?}: extract it with tar -xf, \
                     and give the files",
                    self.name
                ),
            )),
        }
    }
}
