//! The files in directories, each with its kind.

use std::path::{Path, PathBuf};

use super::{
    FileKind,
    logs::{SourceFormat, names_batch, names_chain},
    parquet_columns::{described, parquet_columns},
    sniff,
    state::{Format, files_of, is_chunk, is_snapshot_directory, snapshot_of},
};
use crate::files::{Input, InputError, Inputs, entries_of, is_directory, is_file};

/// A file among the inputs of a command. The parts of a zksync-era snapshot are one file, its header or its
/// directory.
#[derive(Debug)]
pub struct FoundFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its kind. `None` if the content is not recognized, or comes from a pipe, which can be read only once.
    pub kind: Option<FileKind>,
    /// Whether it was found in a directory, and not given by its name. A directory may hold any other files.
    pub from_directory: bool,
    /// The columns of a table that is neither of logs nor of proofs.
    pub columns: Vec<String>,
    /// Why its first bytes could not be read: the file is empty, its compression is damaged, or the system could
    /// not open or read it. A directory that could not be read is listed as a file.
    pub damage: Option<InputError>,
}

/// The files at some paths.
#[derive(Debug, Default)]
pub struct FoundFiles {
    /// The files in the order of the paths; those of a directory by name.
    pub files: Vec<FoundFile>,
    /// What directories hold that is not read: hidden files, links to directories, devices and pipes.
    pub passed_over: Vec<PathBuf>,
}

/// Whether a path is that of a directory whose files are inputs of their own, and not the parts of one
/// zksync-era snapshot.
///
/// # Errors
/// [`InputError`] if it cannot be read.
pub fn is_directory_of_files(path: &Path) -> Result<bool, InputError> {
    Ok(is_directory(path)? && !is_snapshot_directory(path)?)
}

impl FoundFiles {
    /// Finds the files at `paths`, and in the directories among them, with all their subdirectories. Links to
    /// directories are not followed, since they may lead back. The same directories give the same list.
    ///
    /// # Errors
    /// [`InputError`] if a directory or the first bytes of a file cannot be read.
    pub fn at<P: AsRef<Path>>(paths: &[P]) -> Result<Self, InputError> {
        let mut found = Self::with_unreadable(paths)?;
        let is_unreadable = |file: &FoundFile| file.damage.as_ref().is_some_and(|e| !e.is_damage());
        match found.files.iter().position(is_unreadable) {
            Some(first) => match found.files.swap_remove(first).damage {
                Some(error) => Err(error),
                None => Ok(found),
            },
            None => Ok(found),
        }
    }

    /// As [`FoundFiles::at`]. What cannot be read in a directory is listed with the reason.
    ///
    /// # Errors
    /// [`InputError`] if one of the paths cannot be read.
    pub fn with_unreadable<P: AsRef<Path>>(paths: &[P]) -> Result<Self, InputError> {
        let mut found = Self::default();
        for path in paths {
            let path = path.as_ref();
            if is_directory_of_files(path)? {
                let mut inside = Vec::new();
                found.list(path, &mut inside)?;
                found.add_directory(inside)?;
            } else if is_directory(path)? {
                found.files.push(FoundFile::era_snapshot(path.into(), false));
            } else {
                found.files.push(FoundFile::at(path.into(), false)?);
            }
        }
        Ok(found)
    }

    /// Adds the names of all files below a directory to `inside`.
    fn list(&mut self, directory: &Path, inside: &mut Vec<PathBuf>) -> Result<(), InputError> {
        let unreadable =
            |source| InputError::Read { name: directory.display().to_string(), source };
        let mut entries = Vec::new();
        let listed = match entries_of(directory) {
            Ok(listed) => listed,
            Err(error) => {
                self.files.push(FoundFile::unreadable(directory.into(), error));
                return Ok(());
            }
        };
        for entry in listed {
            entries.push((entry.path(), entry.file_type().map_err(unreadable)?));
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (path, kind) in entries {
            let name = path.file_name().unwrap_or_default();
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            let is_regular = match is_file(&path) {
                Ok(is_regular) => is_regular,
                Err(error) => {
                    self.files.push(FoundFile::unreadable(path, error));
                    continue;
                }
            };
            if !is_hidden && is_regular {
                inside.push(path);
            } else if !is_hidden && kind.is_dir() {
                self.list(&path, inside)?;
            } else {
                self.passed_over.push(path);
            }
        }
        Ok(())
    }

    fn add_directory(&mut self, paths: Vec<PathBuf>) -> Result<(), InputError> {
        let (chunks, others): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| is_chunk(path));
        let mut with_header = Vec::new();
        for path in others {
            let file = FoundFile::at(path, true)?;
            if file.kind == Some(FileKind::State(Format::EraSnapshot)) {
                with_header.extend(files_of(&file.path)?);
            }
            self.files.push(file);
        }
        // Chunks without a header are found by their directory.
        let mut directories: Vec<PathBuf> = chunks
            .iter()
            .filter(|chunk| !with_header.contains(chunk))
            .map(|chunk| snapshot_of(chunk))
            .collect();
        directories.dedup();
        let snapshots = directories.into_iter().map(|path| FoundFile::era_snapshot(path, true));
        self.files.extend(snapshots);
        Ok(())
    }

    /// The files of some kinds, in order.
    pub fn of(&self, is_wanted: impl Fn(FileKind) -> bool) -> impl Iterator<Item = &FoundFile> {
        self.files.iter().filter(move |file| file.kind.is_some_and(&is_wanted))
    }
}

impl FoundFile {
    fn unreadable(path: PathBuf, error: InputError) -> Self {
        Self { damage: Some(error), ..Self::new(path, None, true) }
    }

    fn era_snapshot(path: PathBuf, from_directory: bool) -> Self {
        let kind = Some(FileKind::State(Format::EraSnapshot));
        Self::new(path, kind, from_directory)
    }

    fn new(path: PathBuf, kind: Option<FileKind>, from_directory: bool) -> Self {
        Self { path, kind, from_directory, columns: Vec::new(), damage: None }
    }

    /// Whether the file holds logs and does not name their chain.
    #[must_use]
    pub fn needs_chain(&self) -> bool {
        match self.kind {
            Some(FileKind::Logs(
                SourceFormat::Receipts | SourceFormat::EventLogs | SourceFormat::Postgres,
            )) => true,
            Some(FileKind::EventsAndLogs) => true,
            Some(FileKind::Logs(SourceFormat::Pubdata)) => !names_chain(&self.path),
            _ => false,
        }
    }

    /// Whether the file is evidence also without its logs, and was not given as an archive of them: its logs may be
    /// of a chain that nothing is known about.
    #[must_use]
    pub fn may_lack_chain(&self) -> bool {
        self.from_directory && self.kind == Some(FileKind::EventsAndLogs)
    }

    fn at(path: PathBuf, from_directory: bool) -> Result<Self, InputError> {
        let mut found = Self::new(path, None, from_directory);
        if is_file(&found.path)? {
            match kind_at(&found.path, from_directory) {
                Ok(kind) => found.kind = kind,
                Err(error) if from_directory || error.is_damage() => found.damage = Some(error),
                Err(error) => return Err(error),
            }
        }
        if found.kind == Some(FileKind::OtherTable) {
            found.columns = parquet_columns(&Input::open(&found.path)?).unwrap_or_default();
        }
        Ok(found)
    }

    /// What the file is, in words. A table of another kind is named by its columns. `None` if it is not known.
    #[must_use]
    pub fn description(&self) -> Option<String> {
        Some(match self.kind? {
            FileKind::State(format) => format.to_string(),
            FileKind::Logs(format) => format.to_string(),
            FileKind::OtherTable => described(&self.columns),
            kind => kind.to_string(),
        })
    }
}

/// The kind of a file. That of a tar archive is the kind of its first file that is recognized. In a directory, a
/// file is pubdata only if its name is that of a batch, since many other files begin as pubdata does.
fn kind_at(path: &Path, from_directory: bool) -> Result<Option<FileKind>, InputError> {
    let is_nameless = |input: &Input, kind: FileKind| {
        kind == FileKind::Logs(SourceFormat::Pubdata) && !names_batch(input.name())
    };
    let inputs = Inputs::open(path)?;
    let is_archive = inputs.is_archive();
    for input in inputs {
        match input {
            Err(InputError::Empty { .. }) if is_archive => {}
            Err(error) => return Err(error),
            Ok(input) => {
                let kind =
                    sniff(&input).filter(|kind| !from_directory || !is_nameless(&input, *kind));
                if kind.is_some() || !is_archive {
                    return Ok(kind);
                }
            }
        }
    }
    Ok(None)
}

impl FileKind {
    /// Whether a file of this kind shows what a settlement layer recorded.
    #[must_use]
    pub fn is_evidence(self) -> bool {
        matches!(self, Self::Snapshot | Self::TreeFile | Self::State(_)) || self.has_events()
    }

    /// Whether a file of this kind holds events of MessageRoot.
    #[must_use]
    pub fn has_events(self) -> bool {
        matches!(self, Self::Events | Self::EventsAndLogs)
    }

    /// Whether a file of this kind holds the logs of batches.
    #[must_use]
    pub fn has_logs(self) -> bool {
        matches!(self, Self::MessageArchive | Self::Logs(_) | Self::EventsAndLogs)
    }
}
