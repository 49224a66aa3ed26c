use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{Container, ContainerError, KIND_AT, Kind};
use crate::files::{Access, InputError, ShowPath, is_file};

/// An open file that begins as a native file. What it is was found out, and it need not be opened again to be read.
#[derive(Debug)]
pub struct NativeFile {
    path: PathBuf,
    file: File,
    kind: Kind,
}

impl NativeFile {
    /// Opens the native file at a path. `None` if there is another file, or no regular file.
    ///
    /// # Errors
    /// [`InputError`] if the disk fails, or a regular file cannot be read.
    pub fn at(path: &Path) -> Result<Option<Self>, InputError> {
        // Opening a pipe would wait for its writer.
        if !is_file(path)? {
            return Ok(None);
        }
        let open_error = |source| InputError::Open { path: path.into(), source };
        let file = File::open(path).map_err(open_error)?;
        let mut head = [0; KIND_AT.end];
        match file.read_exact_at(&mut head, 0) {
            Ok(()) => {
                let kind = Kind::of_head(&head);
                Ok(kind.map(|kind| Self { path: path.to_owned(), file, kind }))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(source) => Err(InputError::Read { name: path.shown().to_string(), source }),
        }
    }

    /// Its kind, by its first bytes.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Maps or reads the file.
    ///
    /// # Errors
    /// As [`Container::open`].
    pub fn open(self, access: Access) -> Result<Container, ContainerError> {
        Container::of_file(&self.file, &self.path, access)
    }
}
