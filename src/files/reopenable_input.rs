use std::path::{Path, PathBuf};

use super::{Input, InputError, ReadProgressHandle, is_directory, show_path::ShowPath};

/// An input that may be open already, and may have to be opened again.
pub(crate) struct ReopenableInput {
    name: String,
    /// The path to open; `-` for standard input.
    path: PathBuf,
    /// Whether it can be read only once: standard input and named pipes.
    is_pipe: bool,
    opened: Option<Input>,
    was_opened: bool,
}

impl ReopenableInput {
    /// An input that is not open yet; `-` for standard input.
    pub(crate) fn new(path: &Path) -> Self {
        let is_stdin = path == Path::new("-");
        // Opening the file reports an error if it does not exist.
        let can_be_reopened =
            |path: &Path| path.metadata().map_or(true, |found| found.is_file() || found.is_dir());
        Self {
            name: if is_stdin { "standard input".into() } else { path.shown().to_string() },
            path: path.into(),
            is_pipe: is_stdin || !can_be_reopened(path),
            opened: None,
            was_opened: false,
        }
    }

    /// An input that is open already.
    pub(crate) fn of(input: Input) -> Self {
        let (name, path) = (input.name().into(), input.path().map(Path::to_owned));
        let is_pipe = path.is_none();
        let path = path.unwrap_or_default();
        Self { name, path, is_pipe, opened: Some(input), was_opened: true }
    }

    /// Its name in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The names of several inputs in messages.
    pub(crate) fn names(inputs: &[Self]) -> String {
        inputs.iter().map(Self::name).collect::<Vec<_>>().join(", ")
    }

    /// Whether it can be read only once: standard input and named pipes.
    pub(crate) fn is_pipe(&self) -> bool {
        self.is_pipe
    }

    /// Returns an open input from which nothing was read.
    pub(crate) fn put_back(&mut self, opened: Input) {
        self.opened = Some(opened);
    }

    /// The size of the file, in bytes.
    pub(crate) fn len(&self) -> Option<u64> {
        let found = self.path.metadata().ok()?;
        found.is_file().then_some(found.len())
    }

    /// Whether it is a directory.
    pub(crate) fn is_directory(&self) -> Result<bool, InputError> {
        Ok(!self.is_pipe && is_directory(&self.path)?)
    }

    /// Opens it, or returns what is open.
    ///
    /// # Errors
    /// [`InputError::OneWay`] for a pipe that was read already; otherwise as [`Input::open_watched`].
    pub(crate) fn open(&mut self, watcher: &ReadProgressHandle) -> Result<Input, InputError> {
        let again = std::mem::replace(&mut self.was_opened, true);
        match self.opened.take() {
            Some(input) => Ok(input),
            None if again && self.is_pipe => Err(InputError::OneWay { name: self.name.clone() }),
            None => Input::open_watched(&self.path, watcher),
        }
    }

    /// The path of the file or directory, for reading in another way than from start to end.
    ///
    /// # Errors
    /// [`InputError::NoFile`] for a pipe.
    pub(crate) fn file(&self) -> Result<&Path, InputError> {
        match self.is_pipe {
            true => Err(InputError::NoFile { name: self.name.clone() }),
            false => Ok(&self.path),
        }
    }
}
