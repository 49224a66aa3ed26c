use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufWriter, Seek, SeekFrom, Write},
    mem,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::{NamedTempFile, TempDir, TempPath};
use thiserror::Error;

use super::{
    create,
    map::{Access, FileBytes, MapMut},
    path_info::{absent_is_none, is_absent},
    show_path::ShowPath,
    write_behind::WriteBehind,
};

const BUFFER_LEN: usize = 1 << 18;
/// The largest number of symbolic links that are followed, the same as in Linux.
const MOST_LINKS: usize = 40;

/// An output cannot be written.
#[derive(Debug, Error)]
#[error("cannot write {name}")]
pub struct OutputError {
    /// The file, or "standard output".
    pub name: String,
    /// The system's error.
    #[source]
    pub source: io::Error,
}

impl OutputError {
    /// Whether the reader closed the pipe. The work ends then, but it is not a failure.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        self.source.kind() == io::ErrorKind::BrokenPipe
    }
}

/// An output that appears under its name only when it is complete.
///
/// A file is written under a temporary name in the directory of its target. [`Output::finish`] renames it to
/// the target. An existing file is unchanged until then, and when the job fails or is killed. `-` is standard
/// output, which has no such protection.
pub struct Output(Kind);

enum Kind {
    Stdout(BufWriter<io::Stdout>),
    /// A pipe or a device: it is written to, not replaced.
    Stream {
        target: PathBuf,
        data: BufWriter<File>,
    },
    File {
        target: PathBuf,
        data: BufWriter<WriteBehind>,
        unfinished: Unfinished,
    },
}

/// The temporary files of outputs that are neither finished nor dropped, and temporary directories.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // The set is valid after a panic with the lock, because one call changes it.
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a temporary file or directory in the set.
#[derive(Debug)]
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    /// Creates a temporary file in a directory and adds it to the set. The lock is held meanwhile, so
    /// [`remove_unfinished`] never misses the file.
    fn create(folder: &Path) -> io::Result<(NamedTempFile, Self)> {
        let mut files = unfinished();
        let file = create::temporary(folder)?;
        files.insert(file.path().into());
        let listed = Self(file.path().into());
        Ok((file, listed))
    }

    /// As [`Unfinished::create`], for these paths if `open` makes a file, which it returns with whether it has made it.
    pub(super) fn opened<F>(
        paths: &[PathBuf],
        open: impl FnOnce() -> io::Result<(F, bool)>,
    ) -> io::Result<(F, Option<Vec<Self>>)> {
        let mut files = unfinished();
        let (file, is_new) = open()?;
        let listed = is_new.then(|| {
            files.extend(paths.iter().cloned());
            paths.iter().cloned().map(Self).collect()
        });
        Ok((file, listed))
    }

    /// As [`Unfinished::create`], for a directory in that which `TMPDIR` names.
    pub(super) fn directory() -> io::Result<(TempDir, Self)> {
        let mut files = unfinished();
        let directory = tempfile::tempdir()?;
        files.insert(directory.path().into());
        let listed = Self(directory.path().into());
        Ok((directory, listed))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        unfinished().remove(&self.0);
    }
}

/// Removes the temporary files of all unfinished outputs, and all temporary directories, and prevents any output
/// from being finished later.
/// For a process that exits at once on a signal.
pub fn remove_unfinished() {
    let files = unfinished();
    for file in &*files {
        // The file may be removed already. An error cannot be reported here.
        let _ = std::fs::remove_file(file).or_else(|_| std::fs::remove_dir_all(file));
    }
    // Keep the lock for ever.
    mem::forget(files);
}

/// The path of the file that an output replaces. Links are followed, also dangling ones, and stay as they
/// are.
///
/// # Errors
/// [`OutputError`] when the system cannot tell whether the path is a link.
pub fn place_of(target: &Path) -> Result<PathBuf, OutputError> {
    let follow = || -> io::Result<PathBuf> {
        let mut place = target.to_path_buf();
        // A loop of links has no end. Opening the path reports the error.
        for _ in 0..MOST_LINKS {
            match std::fs::read_link(&place) {
                Ok(behind) => place = folder_of(&place).join(behind),
                // The error for a file that is not a link is EINVAL.
                Err(error) if is_absent(&error) || error.raw_os_error() == Some(libc::EINVAL) => {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(absent_is_none(place.canonicalize())?.unwrap_or(place))
    };
    follow().map_err(|source| OutputError { name: target.shown().to_string(), source })
}

/// Whether two paths refer to the same output. The file need not exist.
#[must_use]
pub fn is_same_place(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let place = place_of(path).unwrap_or_else(|_| path.into());
        let folder = folder_of(&place).canonicalize();
        folder.ok().zip(place.file_name()).map_or(place.clone(), |(folder, name)| folder.join(name))
    };
    place(one) == place(other)
}

impl Output {
    /// Starts an output to a path, or to standard output for `-`.
    ///
    /// # Errors
    /// [`OutputError`] when the directory cannot be written to.
    pub fn create(target: &Path) -> Result<Self, OutputError> {
        if target == Path::new("-") {
            return Ok(Self(Kind::Stdout(BufWriter::with_capacity(BUFFER_LEN, io::stdout()))));
        }
        let place = place_of(target)?;
        Self::open(place).map_err(|source| OutputError { name: target.shown().to_string(), source })
    }

    fn open(target: PathBuf) -> io::Result<Self> {
        match absent_is_none(target.metadata())? {
            Some(found) if found.is_dir() => {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            Some(found) if !found.is_file() => {
                let data = File::options().write(true).open(&target)?;
                // If a regular file has replaced the device by now, it is replaced and not written to.
                if !data.metadata()?.is_file() {
                    let data = BufWriter::with_capacity(BUFFER_LEN, data);
                    return Ok(Self(Kind::Stream { target, data }));
                }
            }
            _ => {}
        }
        Self::file_at(target)
    }

    /// Starts a file beside another output, under a derived name. An existing file or link with this name is
    /// replaced, and a link is not followed.
    ///
    /// # Errors
    /// [`OutputError`] when the directory cannot be written to, or the name is that of a directory.
    pub fn create_beside(target: PathBuf) -> Result<Self, OutputError> {
        let name = target.shown().to_string();
        let begun = match absent_is_none(target.symlink_metadata()) {
            Ok(Some(found)) if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            Ok(_) => Self::file_at(target),
            Err(error) => Err(error),
        };
        begun.map_err(|source| OutputError { name, source })
    }

    fn file_at(target: PathBuf) -> io::Result<Self> {
        let (file, unfinished) = Unfinished::create(folder_of(&target))?;
        let data = BufWriter::with_capacity(BUFFER_LEN, WriteBehind::new(file));
        Ok(Self(Kind::File { target, data, unfinished }))
    }

    /// Completes the output: syncs the data to disk, renames the file to its target, and syncs the directory.
    ///
    /// # Errors
    /// [`OutputError`]. The target is then unchanged, unless only the sync of the directory failed.
    pub fn finish(self) -> Result<(), OutputError> {
        let name = self.name();
        self.into_place().map_err(|source| OutputError { name, source })
    }

    fn into_place(self) -> io::Result<()> {
        match self.0 {
            Kind::Stdout(mut data) => data.flush(),
            Kind::Stream { mut data, .. } => data.flush(),
            Kind::File { target, data, unfinished: listed } => {
                let file = data.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
                rename(file.into_temp_path(), &listed, &target)
            }
        }
    }

    /// Reserves a path in the directory of the target, for a file that is written and checked before it replaces the
    /// target.
    ///
    /// # Errors
    /// [`OutputError`] when the output is not a regular file.
    pub fn into_draft(self) -> Result<Draft, OutputError> {
        let name = self.name();
        let draft = match self.0 {
            Kind::Stdout(_) | Kind::Stream { .. } => Err(in_place_needs_a_file()),
            Kind::File { target, data, unfinished: listed } => {
                let file = data.into_inner().map_err(io::IntoInnerError::into_error);
                file.and_then(WriteBehind::finish).map(|file| Draft {
                    target,
                    file: file.into_temp_path(),
                    listed,
                })
            }
        };
        draft.map_err(|source| OutputError { name, source })
    }

    /// The name of the output in messages.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.0 {
            Kind::Stdout(_) => "standard output".into(),
            Kind::Stream { target, .. } | Kind::File { target, .. } => target.shown().to_string(),
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// [`OutputError`], which names the output.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.write_all(bytes).map_err(|source| OutputError { name: self.name(), source })
    }

    /// Allocates disk space for a range of the file, which is then zero, and maps it for writing.
    pub(super) fn map_range(&mut self, range: Range<u64>) -> Result<MapMut, OutputError> {
        let map = match &mut self.0 {
            Kind::Stdout(_) | Kind::Stream { .. } => Err(in_place_needs_a_file()),
            Kind::File { target, data, .. } => data.flush().and_then(|()| {
                let file = data.get_ref().as_file();
                take_space(file, &range)?;
                MapMut::of(file, target, range)
            }),
        };
        map.map_err(|source| OutputError { name: self.name(), source })
    }

    /// Maps the bytes written so far.
    pub(super) fn map_written(&mut self) -> Result<FileBytes, OutputError> {
        let map = match &mut self.0 {
            Kind::Stdout(_) | Kind::Stream { .. } => Err(in_place_needs_a_file()),
            Kind::File { target, data, .. } => data
                .flush()
                .and_then(|()| FileBytes::of(data.get_ref().as_file(), target, Access::Map)),
        };
        map.map_err(|source| OutputError { name: self.name(), source })
    }

    /// Continues writing after a range that was filled in place.
    pub(super) fn skip_to(&mut self, offset: u64) -> Result<(), OutputError> {
        let result = match &mut self.0 {
            Kind::Stdout(_) | Kind::Stream { .. } => Err(in_place_needs_a_file()),
            Kind::File { data, .. } => data.seek(SeekFrom::Start(offset)),
        };
        result.map(|_| ()).map_err(|source| OutputError { name: self.name(), source })
    }
}

fn in_place_needs_a_file() -> io::Error {
    let reason = "it is written in place, which needs a regular file, not a device or pipe";
    io::Error::new(io::ErrorKind::Unsupported, reason)
}

/// Allocates a range on disk. Where the system or the file system does not support it, writes zeros.
fn take_space(mut file: &File, range: &Range<u64>) -> io::Result<()> {
    let len = range.end - range.start;
    // The equivalent on macOS counts from the end of the file, and may truncate the file.
    #[cfg(target_os = "linux")]
    {
        use rustix::{
            fs::{FallocateFlags, fallocate},
            io::{Errno, retry_on_intr},
        };
        match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), range.start, len)) {
            Ok(()) => return Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    file.seek(SeekFrom::Start(range.start))?;
    io::copy(&mut io::Read::take(io::repeat(0), len), &mut file).map(|_| ())
}

/// Renames a temporary file to its target, and syncs the directory.
fn rename(file: TempPath, listed: &Unfinished, target: &Path) -> io::Result<()> {
    {
        let mut files = unfinished();
        file.persist(target).map_err(|e| e.error)?;
        files.remove(&listed.0);
    }
    create::sync_names(folder_of(target))
}

/// A file under a temporary name beside its target. It is removed if it is dropped before it is finished.
pub struct Draft {
    target: PathBuf,
    file: TempPath,
    listed: Unfinished,
}

impl Draft {
    /// The temporary path. A file may be renamed to it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Renames the file to its target, and syncs the directory.
    ///
    /// # Errors
    /// [`OutputError`]. The target is then unchanged, unless only the sync of the directory failed.
    pub fn finish(self) -> Result<(), OutputError> {
        let Self { target, file, listed } = self;
        rename(file, &listed, &target)
            .map_err(|source| OutputError { name: target.shown().to_string(), source })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Stdout(data) => data.write(bytes),
            Kind::Stream { data, .. } => data.write(bytes),
            Kind::File { data, .. } => data.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Stdout(data) => data.flush(),
            Kind::Stream { data, .. } => data.flush(),
            Kind::File { data, .. } => data.flush(),
        }
    }
}

pub(super) fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was there before is not removed when a signal ends the process.
    #[test]
    fn only_new_files_are_unfinished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        for is_new in [true, false] {
            let open = || Ok((std::fs::write(&path, "")?, is_new));
            let (_, listed) = Unfinished::opened(std::slice::from_ref(&path), open).unwrap();
            assert_eq!(unfinished().contains(&path), is_new);
            drop(listed);
            assert!(!unfinished().contains(&path));
        }
    }

    #[test]
    fn a_file_appears_only_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        std::fs::write(&target, "old").unwrap();

        let mut dropped = Output::create(&target).unwrap();
        dropped.put(b"half").unwrap();
        drop(dropped);
        assert_eq!(std::fs::read(&target).unwrap(), b"old");

        let mut finished = Output::create(&target).unwrap();
        finished.put(b"new").unwrap();
        finished.finish().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing left over");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = Output::create(Path::new("no/such/folder/out")).err().unwrap();
        assert!(error.to_string().contains("no/such/folder/out"));
    }
}
