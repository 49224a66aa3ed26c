//! Encodings of texts. Every text is read as UTF-8 without a byte order mark. PowerShell's `>` and exports of
//! spreadsheets write UTF-16.

use std::io::{self, Read};

/// How many bytes are read at once; an even number.
const CHUNK: usize = 1 << 15;
/// How many characters of ASCII a text of UTF-16 begins with if it has no byte order mark.
const EXAMINED: usize = 8;

/// What the bytes of an input are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Binary data, or a text that is read as it is.
    Plain,
    /// UTF-8 after a byte order mark, of three bytes.
    MarkedUtf8,
    /// UTF-16. The mark, if there is one, has two bytes.
    Utf16 { is_big_endian: bool, is_marked: bool },
}

/// The encoding of data that begin with `start`. All texts begin with ASCII, and no binary input looks like
/// ASCII in UTF-16: after a byte order mark one character decides, without one the first eight.
pub(super) fn of(start: &[u8]) -> Encoding {
    if start.starts_with(b"\xef\xbb\xbf") {
        return Encoding::MarkedUtf8;
    }
    let is_text = |text: &[u8], is_big_endian: bool, least: usize| {
        text.len() >= 2 * least && units(text, is_big_endian).take(least).all(is_plain_ascii)
    };
    let utf16 = |is_big_endian, is_marked| Encoding::Utf16 { is_big_endian, is_marked };
    match start {
        [0xff, 0xfe, text @ ..] if is_text(text, false, 1) => utf16(false, true),
        [0xfe, 0xff, text @ ..] if is_text(text, true, 1) => utf16(true, true),
        text if is_text(text, false, EXAMINED) => utf16(false, false),
        text if is_text(text, true, EXAMINED) => utf16(true, false),
        _ => Encoding::Plain,
    }
}

/// The length of the byte order mark of data that begin with `start`; `None` if they are UTF-16.
pub(super) fn mark_of_utf8(start: &[u8]) -> Option<u64> {
    match of(start) {
        Encoding::Plain => Some(0),
        Encoding::MarkedUtf8 => Some(3),
        Encoding::Utf16 { .. } => None,
    }
}

/// Whether a unit of UTF-16 is a character that a text of ASCII begins with.
fn is_plain_ascii(unit: u16) -> bool {
    matches!(unit, 0x09 | 0x0a | 0x0d | 0x20..=0x7e)
}

/// The units of UTF-16 in `bytes`. A single byte after the last one is ignored.
fn units(bytes: &[u8], is_big_endian: bool) -> impl Iterator<Item = u16> {
    let unit = if is_big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
    bytes.as_chunks::<2>().0.iter().map(move |bytes| unit(*bytes))
}

/// The data as they are, or the text in UTF-8 without a byte order mark.
///
/// # Errors
/// When the mark cannot be read.
pub(super) fn decode(
    encoding: Encoding,
    mut data: impl Read + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    let mark = match encoding {
        Encoding::MarkedUtf8 => 3,
        Encoding::Utf16 { is_marked: true, .. } => 2,
        _ => 0,
    };
    io::copy(&mut data.by_ref().take(mark), &mut io::sink())?;
    Ok(match encoding {
        Encoding::Utf16 { is_big_endian, .. } => Box::new(Utf16::new(data, is_big_endian)),
        _ => Box::new(data),
    })
}

/// Converts UTF-16 to UTF-8.
struct Utf16<R> {
    data: R,
    is_big_endian: bool,
    /// The first half of a character whose second half is in the next bytes.
    half: Option<u16>,
    text: Vec<u8>,
    taken: usize,
}

impl<R: Read> Utf16<R> {
    fn new(data: R, is_big_endian: bool) -> Self {
        Self { data, is_big_endian, half: None, text: Vec::new(), taken: 0 }
    }

    /// Converts the next bytes. Leaves the text empty at the end.
    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.taken = 0;
        let mut bytes = Vec::with_capacity(CHUNK);
        self.data.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
        if !bytes.len().is_multiple_of(2) {
            return Err(cut());
        }
        let is_end = bytes.len() < CHUNK;
        let mut units: Vec<u16> =
            self.half.take().into_iter().chain(units(&bytes, self.is_big_endian)).collect();
        if !is_end {
            self.half = units.pop_if(|last| matches!(last, 0xd800..=0xdbff));
        }
        for character in char::decode_utf16(units) {
            let character = character.map_err(|half| {
                let text =
                    format!("not UTF-16: half a character, {:#06x}", half.unpaired_surrogate());
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?;
            self.text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the text is UTF-16 and ends within a character")
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.text.len() {
            self.refill()?;
        }
        let mut rest = &self.text[self.taken..];
        let len = rest.read(buffer)?;
        self.taken += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn encode(text: &str, is_big_endian: bool) -> Vec<u8> {
        let bytes = if is_big_endian { u16::to_be_bytes } else { u16::to_le_bytes };
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn decoded(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        decode(of(&bytes), Cursor::new(bytes))?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn utf16_is_recognized_by_its_mark_or_by_eight_characters_of_ascii() {
        for is_big_endian in [false, true] {
            for text in ["{", "{}\r\n", "address,slot,value\n", "\t\"0x0000é\""] {
                let marked = encode(&format!("\u{feff}{text}"), is_big_endian);
                assert_eq!(decoded(marked).unwrap(), text.as_bytes());
                let bare = encode(text, is_big_endian);
                let expected = if text.len() < EXAMINED { bare.clone() } else { text.into() };
                assert_eq!(decoded(bare).unwrap(), expected, "{text}");
            }
        }
        assert_eq!(decoded("\u{feff}{}".into()).unwrap(), b"{}");
    }

    #[test]
    fn binary_data_are_not_changed() {
        let pubdata = [[0, 0, 0, 5, 0, 1, 0, 0], [0; 8], [0, 0, 0x80, 8, 0, 0, 0x80, 8]].concat();
        let random = [0xff, 0xfe, 0x9c, 0x11, 0x22, 0, 0x22, 0].repeat(3);
        for bytes in [&pubdata[..], &random, b"PAR1", b"\x89SLP\r\n", &[0; 40], &[0xff, 0xfe], &[]]
        {
            assert_eq!(of(bytes), Encoding::Plain, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_cut_text_and_half_a_character_are_damage() {
        let text = encode("\u{feff}{\"a\":\"😀\"}", false);
        let second_half = [&text[..2 * 7], &text[2 * 8..]].concat();
        for bytes in [&text[..text.len() - 1], &text[..2 * 8], &second_half] {
            let error = decoded(bytes.to_vec()).unwrap_err();
            assert!(
                crate::files::is_damage(&error) && error.to_string().contains("UTF-16"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn texts_of_any_length_are_converted(
            long in 0..3usize,
            text in "[a-z\u{e9}\u{20ac}\u{1f600}]{0,40}",
            is_big_endian in any::<bool>(),
        ) {
            // The end of a chunk falls into the text.
            let text = format!("{}{text}", "{".repeat(long * CHUNK / 2 - 20 * long.min(1) + 1));
            let marked = encode(&format!("\u{feff}{text}"), is_big_endian);
            prop_assert_eq!(decoded(marked).unwrap(), text.as_bytes());
        }
    }
}
