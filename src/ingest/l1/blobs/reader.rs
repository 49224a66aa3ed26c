//! The blobs in a file, one after the other. No more than one of them is held in memory.

use std::io::{BufRead, BufReader, Read};

use struson::reader::ValueType;

use super::{
    BLOB_LEN, BlobFaultKind,
    form::{DIGITS, Form},
};
use crate::{
    archive::Place,
    files::{Input, InputError},
    ingest::{json::Json, state::ImportError},
    primitives::hex::{self, HexError},
};

/// The bytes of a blob, or why they cannot be had.
pub(super) type Found<'b> = Result<&'b [u8; BLOB_LEN], BlobFaultKind>;

/// Passes every blob of an input to `take`, with its place. An input in no known form has none.
///
/// # Errors
/// [`InputError`] if the disk fails. Damage ends the reading, and is passed to `take`.
pub(super) fn each_blob(
    input: Input,
    take: &mut dyn FnMut(Place, Found<'_>),
) -> Result<(), InputError> {
    match Form::of(input.head()) {
        Some(Form::Bytes { before, after }) => binary(input, before, after, take),
        Some(Form::Digits) => digits(input, take),
        Some(Form::Json) => {
            let mut json = Json::of(input);
            let mut blob = Box::new([0; BLOB_LEN]);
            let mut blobs = Strings { json: &mut json, blob: &mut blob, take, found: 0 };
            match blobs.all() {
                Ok(()) => Ok(()),
                Err(ImportError::Input(error)) => failure(error, Place::Whole, take),
                Err(error) => {
                    let place = Place::Byte(json.offset());
                    take(place, Err(error.into()));
                    Ok(())
                }
            }
        }
        None => Ok(()),
    }
}

/// Passes damage of an input on, and returns other errors.
fn failure(
    error: InputError,
    place: Place,
    take: &mut dyn FnMut(Place, Found<'_>),
) -> Result<(), InputError> {
    if !error.is_damage() {
        return Err(error);
    }
    take(place, Err(error.into()));
    Ok(())
}

fn binary(
    mut input: Input,
    before: usize,
    after: usize,
    take: &mut dyn FnMut(Place, Found<'_>),
) -> Result<(), InputError> {
    let name = input.name().to_owned();
    let mut entry = Vec::with_capacity(before + BLOB_LEN + after);
    for at in (0..).step_by(entry.capacity()) {
        let place = Place::Byte(at);
        entry.clear();
        if let Err(source) =
            input.by_ref().take((before + BLOB_LEN + after) as u64).read_to_end(&mut entry)
        {
            return failure(InputError::Read { name, source }, place, take);
        }
        match entry.get(before..).and_then(<[u8]>::first_chunk) {
            Some(blob) => take(place, Ok(blob)),
            None if entry.is_empty() => break,
            None => take(place, Err(BlobFaultKind::Length(entry.len().saturating_sub(before)))),
        }
    }
    Ok(())
}

/// Blobs as hexadecimal digits, with or without `0x` before each, on one or several lines.
fn digits(input: Input, take: &mut dyn FnMut(Place, Found<'_>)) -> Result<(), InputError> {
    let name = input.name().to_owned();
    let mut data = BufReader::with_capacity(1 << 17, input);
    let (mut text, mut blob) = (Vec::with_capacity(DIGITS), Box::new([0; BLOB_LEN]));
    let (mut at, mut start) = (0, 0);
    loop {
        let piece = match data.fill_buf() {
            Ok([]) => break,
            Ok(piece) => piece,
            Err(source) => {
                return failure(InputError::Read { name, source }, Place::Byte(start), take);
            }
        };
        for byte in piece {
            if text.is_empty() {
                start = at;
            }
            at += 1;
            match byte {
                b'x' | b'X' if text == b"0" => text.clear(),
                byte if byte.is_ascii_whitespace() => {}
                byte => text.push(*byte),
            }
            if text.len() == DIGITS {
                let decoded = decode(&text, &mut blob);
                take(Place::Byte(start), decoded.map(|()| &*blob));
                text.clear();
            }
        }
        let read = piece.len();
        data.consume(read);
    }
    if !text.is_empty() {
        take(Place::Byte(start), Err(BlobFaultKind::Length(text.len() / 2)));
    }
    Ok(())
}

/// Decodes the digits of a blob, without `0x`.
fn decode(digits: &[u8], blob: &mut [u8; BLOB_LEN]) -> Result<(), BlobFaultKind> {
    const_hex::decode_to_slice(digits, blob)
        .map_err(|error| BlobFaultKind::Digits(HexError::Digit(error.to_string())))
}

/// The strings of a JSON text that are blobs.
struct Strings<'s> {
    json: &'s mut Json<Input>,
    blob: &'s mut [u8; BLOB_LEN],
    take: &'s mut dyn FnMut(Place, Found<'_>),
    /// The number of blobs found, damaged ones too.
    found: u64,
}

impl Strings<'_> {
    fn all(&mut self) -> Result<(), ImportError> {
        while self.json.has_next()? {
            self.value("data")?;
        }
        Ok(())
    }

    /// Reads a value that is, or is in, a member with this name.
    fn value(&mut self, name: &str) -> Result<(), ImportError> {
        match self.json.peek()? {
            ValueType::String => self.string(name),
            ValueType::Array => {
                self.json.begin_array()?;
                while self.json.has_next()? {
                    self.value(name)?;
                }
                self.json.end_array()
            }
            ValueType::Object => self.object(),
            _ => self.json.skip(),
        }
    }

    fn object(&mut self) -> Result<(), ImportError> {
        let (start, before) = (self.json.offset(), self.found);
        let mut is_reference = false;
        self.json.begin_object()?;
        while self.json.has_next()? {
            let member = self.json.member()?;
            if member == "dataStorageReferences" {
                is_reference = true;
                self.json.skip()?;
            } else {
                is_reference |= member == "redirectUri";
                self.value(&member)?;
            }
        }
        if is_reference && self.found == before {
            (self.take)(Place::Byte(start), Err(BlobFaultKind::Elsewhere));
        }
        self.json.end_object()
    }

    fn string(&mut self, name: &str) -> Result<(), ImportError> {
        let place = Place::Byte(self.json.offset());
        let blob = &mut *self.blob;
        let read = self.json.string_as(|text| {
            let digits = hex::strip_prefix(text).unwrap_or(text).as_bytes();
            // The members in which blobs are. They also hold other texts, such as addresses to load from.
            let is_cut = ["blob", "data"].contains(&name)
                && digits.len() > 1
                && digits.iter().all(u8::is_ascii_hexdigit);
            Ok(match digits.len() {
                DIGITS => Some(decode(digits, blob)),
                len if is_cut => Some(Err(BlobFaultKind::Length(len / 2))),
                _ => None,
            })
        })?;
        if let Ok(Some(decoded)) = read {
            self.found += 1;
            (self.take)(place, decoded.map(|()| &*self.blob));
        }
        Ok(())
    }
}
