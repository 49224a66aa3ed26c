//! The text whose lines are requests.

use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    files::{Input, InputError, Lines, is_file},
    primitives::hex,
    prove::Error,
};

/// The maximum length of a request line in bytes; its four fields take a tenth of it.
pub(super) const LONGEST_LINE: usize = 4096;

/// The text whose lines are requests.
#[derive(Clone, Debug)]
pub(super) enum RequestLines {
    /// A file, or `-` for standard input.
    File(PathBuf),
    Text(Arc<[u8]>),
}

impl RequestLines {
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(_) => None,
        }
    }

    fn open(&self) -> Result<Input, InputError> {
        match self {
            Self::File(path) => Input::open(path),
            Self::Text(text) => Input::from_reader("requests", Cursor::new(Arc::clone(text))),
        }
    }

    /// Opens the text. Returns its name and its lines.
    pub(super) fn read(&self) -> Result<(String, Lines<Input>), InputError> {
        let input = self.open()?;
        Ok((input.name().to_owned(), Lines::new(input, LONGEST_LINE)))
    }

    /// The number of lines that are not empty. They are read for that, so a pipe is refused.
    pub(super) fn count(&self) -> Result<u64, Error> {
        if let Self::File(path) = self
            && !is_file(path)?
        {
            return Err(Error::NotResumable);
        }
        let (name, mut lines) = self.read()?;
        let mut count = 0;
        loop {
            match lines.next_line() {
                Ok(Some(_)) => count += 1,
                Ok(None) => return Ok(count),
                Err(source) => return Err(InputError::Read { name, source }.into()),
            }
        }
    }

    /// The digest of the text.
    pub(super) fn digest(&self) -> Result<String, Error> {
        digest_of(self.open()?)
    }
}

/// Computes the BLAKE3 hash of an input's content.
pub(super) fn digest_of(mut input: Input) -> Result<String, Error> {
    let name = input.name().to_owned();
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; 1 << 17];
    loop {
        let read = input.read(&mut piece);
        match read.map_err(|source| InputError::Read { name: name.clone(), source })? {
            0 => return Ok(hex::encode(hasher.finalize().as_bytes())),
            len => hasher.update(&piece[..len]),
        };
    }
}
