//! The files in directories, each with its kind.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use super::{
    FileKind,
    event_logs::{ColumnNames, has_log_columns},
    known_files::{KnownFile, KnownFiles},
    l1::{L1Files, has_late_calls, is_of_l2},
    logs::{SourceFormat, names_batch, names_chain},
    parquet_columns::{described, parquet_columns},
    sniff,
    sniff::sniff_whole,
    state::{Format, files_of, is_chunk, is_snapshot_directory, snapshot_of},
};
use crate::{
    files::{
        FileStamp, Input, InputError, Inputs, Kind, ShowPath, archive_of, entries_of, is_directory,
        is_file, metadata_of,
    },
    primitives::ordered::try_map,
};

/// A file among the inputs of a command. The parts of a zksync-era snapshot are one file, its header or its
/// directory.
#[derive(Debug)]
pub struct FoundFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its kind. `None` if the content is not recognized, or comes from a pipe, which can be read only once.
    pub kind: Option<FileKind>,
    /// Whether it was found in a directory or among the files of an archive, and not given by its name. These may
    /// hold any other files.
    pub from_directory: bool,
    /// The archive that holds the file, if it has several.
    archive: Option<PathBuf>,
    /// The columns of a table that is neither of logs nor of proofs.
    pub columns: Vec<String>,
    /// Why it could not be read: the file is empty, its compression is damaged, it is a Parquet file that is not whole, or
    /// the system could not open or read it. A directory that could not be read is listed as a file.
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

/// The kind of the file at a path, or of a file in an archive. `None` if it is not recognized, or is no single file. A
/// pipe is not looked into, since it can be read only once.
///
/// # Errors
/// [`InputError`] if the first bytes of the file cannot be read.
pub fn kind_of(path: &Path, known: &KnownFiles) -> Result<Option<FileKind>, InputError> {
    let files = match archive_of(path) {
        None => FoundFile::at(path.to_owned(), false, known)?,
        Some(archive) => match stamp_of(&archive)?.and_then(|stamp| known.at(path, stamp)) {
            None => return Ok(sniff(&Input::open_watched(path, known.watcher())?)),
            Some(files) => files.into_iter().map(FoundFile::from).collect(),
        },
    };
    Ok(match &files[..] {
        [file] => file.kind,
        _ => None,
    })
}

/// The stamp of a regular file. `None` if there is something else at the path.
fn stamp_of(path: &Path) -> Result<Option<FileStamp>, InputError> {
    let found = metadata_of(path)?.filter(|found| found.is_file());
    Ok(found.as_ref().map(FileStamp::from))
}

/// Whether a path is that of the manifest of a published directory. One that cannot be read is none: the error comes when
/// its kind is found.
fn is_published(path: &Path) -> bool {
    let is_manifest = path.file_name().is_some_and(|name| name == "manifest.json");
    let sniffed = || Input::open(path).ok().as_ref().and_then(sniff);
    is_manifest && is_file(path).unwrap_or(false) && sniffed() == Some(FileKind::Published)
}

/// Whether a file or directory beside the manifest of a published directory belongs to it. What it has of logs and roots is
/// in the files that it was made from.
fn is_of_published(path: &Path) -> bool {
    let own = ["batches", "index", "index.html", "lists", "roots"];
    path.file_name().is_some_and(|name| own.iter().any(|own| name == *own))
}

impl FoundFiles {
    /// Finds the files at `paths`, and in the directories among them, with all their subdirectories. Links to
    /// directories are not followed, since they may lead back. Of a published directory, only the manifest is listed. The
    /// same directories give the same list.
    ///
    /// # Errors
    /// [`InputError`] if a directory or the first bytes of a file cannot be read.
    pub fn at<P: AsRef<Path>>(paths: &[P]) -> Result<Self, InputError> {
        Self::knowing(paths, &KnownFiles::default())
    }

    /// As [`FoundFiles::at`]. Files whose kind is known are not read.
    ///
    /// # Errors
    /// As [`FoundFiles::at`].
    pub fn knowing<P: AsRef<Path>>(paths: &[P], known: &KnownFiles) -> Result<Self, InputError> {
        let mut found = Self::with_unreadable(paths, known)?;
        let is_unreadable = |file: &FoundFile| file.damage.as_ref().is_some_and(|e| !e.is_damage());
        match found.files.iter().position(is_unreadable) {
            Some(first) => match found.files.swap_remove(first).damage {
                Some(error) => Err(error),
                None => Ok(found),
            },
            None => Ok(found),
        }
    }

    /// The files in a directory, or in an archive of several files. `None` for another path.
    ///
    /// # Errors
    /// As [`FoundFiles::at`].
    pub fn within(path: &Path, known: &KnownFiles) -> Result<Option<Self>, InputError> {
        if is_directory_of_files(path)? {
            return Self::knowing(&[path], known).map(Some);
        }
        // Native files are recognized by their first bytes, without a large buffer for the content.
        if Kind::at(path)?.is_some() {
            return Ok(None);
        }
        let found = Self::knowing(&[path], known)?;
        let in_archive = found.files.iter().filter(|file| file.archive.is_some());
        Ok((in_archive.count() > 1).then_some(found))
    }

    /// As [`FoundFiles::knowing`]. What cannot be read in a directory is listed with the reason.
    ///
    /// # Errors
    /// [`InputError`] if one of the paths cannot be read.
    pub fn with_unreadable<P: AsRef<Path>>(
        paths: &[P],
        known: &KnownFiles,
    ) -> Result<Self, InputError> {
        let mut found = Self::default();
        for path in paths {
            let path = path.as_ref();
            if is_directory_of_files(path)? {
                let mut inside = Vec::new();
                found.list(path, &mut inside)?;
                found.add_directory(inside, known)?;
            } else if is_directory(path)? {
                found.files.push(FoundFile::era_snapshot(path.into(), false));
            } else {
                let files = FoundFile::at(path.into(), false, known)?;
                found.files.extend(files);
            }
        }
        Ok(found)
    }

    /// Replaces archives of several files among `paths` by their files of some kinds.
    ///
    /// # Errors
    /// As [`FoundFiles::at`].
    pub fn in_archives(
        paths: &[PathBuf],
        is_wanted: impl Fn(FileKind) -> bool,
    ) -> Result<Vec<PathBuf>, InputError> {
        let mut files = Vec::new();
        for path in paths {
            let found = match is_file(path)? {
                true => Self::within(path, &KnownFiles::default())?,
                false => None,
            };
            let found: Vec<PathBuf> = found
                .iter()
                .flat_map(|found| found.of(&is_wanted))
                .map(|file| file.path.clone())
                .collect();
            // The reader says what is wrong with an archive without such files.
            files.extend(if found.is_empty() { vec![path.clone()] } else { found });
        }
        Ok(files)
    }

    /// Adds the names of all files below a directory to `inside`.
    fn list(&mut self, directory: &Path, inside: &mut Vec<PathBuf>) -> Result<(), InputError> {
        let unreadable = |source| InputError::Read { name: directory.shown().to_string(), source };
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
        if entries.iter().any(|(path, _)| is_published(path)) {
            entries.retain(|(path, _)| !is_of_published(path));
        }
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

    fn add_directory(&mut self, paths: Vec<PathBuf>, known: &KnownFiles) -> Result<(), InputError> {
        let (chunks, others): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| is_chunk(path));
        let mut with_header = Vec::new();
        // There may be a file for each of thousands of blobs.
        let found = try_map(others.into_par_iter(), |path| FoundFile::at(path, true, known))?;
        for files in found {
            for file in &files {
                if file.kind == Some(FileKind::State(Format::EraSnapshot)) {
                    with_header.extend(files_of(&file.path)?);
                }
            }
            self.files.extend(files);
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

    /// The files of L1. If there are transactions, receipts that may be of L1 are among them, and transactions that
    /// are longer than what is read to detect their kind. If there is no other evidence than blobs, such a long file is
    /// searched for them.
    #[must_use]
    pub fn of_l1(&self) -> L1Files {
        let mut files = L1Files::default();
        let may_be = |kind: FileKind| kind.is_of_l1() || kind.may_be_of_l1();
        self.of(may_be).for_each(|file| files.add(file.path.clone(), file.kind));
        let is_alone =
            self.of(|kind| kind.is_evidence() && kind != FileKind::Blobs).next().is_none();
        if is_alone || !files.transactions.is_empty() {
            let others = self.of(FileKind::may_have_calls).map(|file| &file.path);
            let opened = others.filter_map(|path| Some((path, Input::open(path).ok()?)));
            let long = opened.filter(|(_, input)| FileKind::has_late_part(input));
            let is_needed = |input| !is_alone || has_late_calls(input).unwrap_or(false);
            let needed = long.filter_map(|(path, input)| is_needed(input).then(|| path.clone()));
            let needed: Vec<PathBuf> = needed.collect();
            files.transactions.extend(needed);
        }
        if files.transactions.is_empty() {
            files.receipts.clear();
        }
        files
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
        Self { path, kind, from_directory, archive: None, columns: Vec::new(), damage: None }
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
    /// of a chain that nothing is known about. `l1` are the files of L1 beside it, whose receipts have no logs.
    #[must_use]
    pub fn may_lack_chain(&self, l1: &L1Files) -> bool {
        self.from_directory
            && match self.kind {
                Some(FileKind::EventsAndLogs) => true,
                Some(kind) if kind.may_be_of_l1() && !l1.transactions.is_empty() => {
                    Input::open(&self.path).is_ok_and(|input| !is_of_l2(input.head()))
                }
                _ => false,
            }
    }

    /// The file, or the files of an archive that has several.
    fn at(
        path: PathBuf,
        from_directory: bool,
        known: &KnownFiles,
    ) -> Result<Vec<Self>, InputError> {
        let Some(stamp) = stamp_of(&path)? else {
            return Ok(vec![Self::new(path, None, from_directory)]);
        };
        let mut files = match known.at(&path, stamp) {
            Some(files) => files.into_iter().map(Self::from).collect(),
            None => {
                let files = Self::new(path.clone(), None, from_directory).contents(known)?;
                // What is wrong with a file is found anew each time.
                let found: Vec<KnownFile> = files.iter().filter_map(Self::known).collect();
                let are_all = found.len() == files.len();
                known.remember(&path, stamp, found, are_all);
                files
            }
        };
        for file in &mut files {
            file.from_directory |= from_directory;
            file.pass_over_nameless_pubdata();
        }
        Ok(files)
    }

    /// The file, or the files of an archive that has several, by their content.
    fn contents(self, known: &KnownFiles) -> Result<Vec<Self>, InputError> {
        let mut found = self;
        match Inputs::open_watched(&found.path, known.watcher()) {
            Ok(mut inputs) if inputs.is_archive() => {
                let mut files = found.files_in(&mut inputs);
                match files.len() {
                    0 | 1 => found.see(files.pop().map_or(Ok(None), |file| match file.damage {
                        Some(error) => Err(error),
                        None => Ok(file.kind),
                    }))?,
                    _ => return Ok(files),
                }
            }
            Ok(mut inputs) => {
                let input = inputs.next().transpose();
                found.see(input.and_then(|input| input.as_ref().map_or(Ok(None), sniff_whole)))?;
            }
            Err(error) => found.see(Err(error))?,
        }
        if found.kind == Some(FileKind::OtherTable) {
            found.columns = parquet_columns(&Input::open(&found.path)?).unwrap_or_default();
        }
        Ok(vec![found])
    }

    /// Notes the kind of the file, or why it is not known.
    fn see(&mut self, kind: Result<Option<FileKind>, InputError>) -> Result<(), InputError> {
        match kind {
            Ok(kind) => self.kind = kind,
            Err(error) if self.from_directory || error.is_damage() => self.damage = Some(error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The files in an archive. If the archive is damaged, it is the last of them.
    fn files_in(&self, inputs: &mut Inputs) -> Vec<Self> {
        let (mut files, mut numbers) = (Vec::<Self>::new(), HashMap::new());
        while let Some(input) = inputs.next() {
            let Some(path) = inputs.begun().map(Path::to_owned) else {
                files.extend(input.err().map(|error| Self::unreadable(self.path.clone(), error)));
                return files;
            };
            let mut file = Self::new(path.clone(), None, true);
            file.archive = Some(self.path.clone());
            let number = *numbers.entry(path.clone()).or_insert(files.len());
            if let Some(known) = files.get_mut(number) {
                file.damage = Some(twice(&path));
                *known = file;
                continue;
            }
            match input {
                Err(error) => file.damage = Some(error),
                Ok(input) => {
                    match sniff_whole(&input) {
                        Ok(kind) => file.kind = kind,
                        Err(error) => file.damage = Some(error),
                    }
                    file.pass_over_nameless_pubdata();
                    if file.kind == Some(FileKind::OtherTable) {
                        file.columns = parquet_columns(&input).unwrap_or_default();
                    }
                }
            }
            if file.kind.is_some_and(FileKind::needs_extraction) {
                let name = path.shown().to_string();
                let what =
                    "a native file or a zksync-era snapshot in a tar archive of several files";
                file.damage = Some(InputError::Packed { name, what, command: "tar -xf" });
                file.kind = None;
            }
            files.push(file);
        }
        files
    }

    /// In a directory or an archive, a file is pubdata only if its name is that of a batch, since many other files begin
    /// as pubdata does.
    fn pass_over_nameless_pubdata(&mut self) {
        let is_pubdata = self.kind == Some(FileKind::Logs(SourceFormat::Pubdata));
        if self.from_directory && is_pubdata && !names_batch(&self.path.to_string_lossy()) {
            self.kind = None;
        }
    }

    /// What can be known of the file later. `None` if something is wrong with it.
    fn known(&self) -> Option<KnownFile> {
        let Self { path, kind, archive, columns, damage: None, .. } = self else { return None };
        let (path, archive, columns) = (path.clone(), archive.clone(), columns.clone());
        Some(KnownFile { path, archive, kind: *kind, columns })
    }

    /// The file on the disk: the archive of a file in one.
    #[must_use]
    pub fn on_disk(&self) -> &Path {
        self.archive.as_deref().unwrap_or(&self.path)
    }

    /// Whether the file was given by name as a table of logs whose columns have these names.
    #[must_use]
    pub fn is_table_of(&self, columns: &ColumnNames) -> bool {
        !self.from_directory
            && *columns != ColumnNames::default()
            && Input::open(&self.path).is_ok_and(|input| has_log_columns(&input, columns))
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

/// The error for two files of an archive with one name. When the archive is extracted, the last one is kept; whether that
/// is what was meant is not known.
fn twice(path: &Path) -> InputError {
    let reason = "the tar archive has several files of this name; extract it with tar -xf, which keeps the last one";
    let source = io::Error::new(io::ErrorKind::InvalidData, reason);
    InputError::Read { name: path.shown().to_string(), source }
}

impl From<KnownFile> for FoundFile {
    fn from(KnownFile { path, archive, kind, columns }: KnownFile) -> Self {
        let from_directory = archive.is_some();
        Self { archive, columns, ..Self::new(path, kind, from_directory) }
    }
}
