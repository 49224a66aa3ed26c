use std::{
    fs::{self, File, TryLockError},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::{
    OutputError, create,
    output::{Unfinished, folder_of},
    path_info::absent_is_none,
    show_path::ShowPath,
};

const BUFFER_LEN: usize = 1 << 18;
/// The largest checkpoint that is read, in bytes. The checkpoint of a Parquet file grows by five kilobytes per row
/// group of about 8,192 proofs.
const LONGEST_CHECKPOINT: u64 = 256 << 20;

/// An output file that can be resumed after a crash.
///
/// The data are written to `FILE.partial`. From time to time all data so far are synced to disk, and then
/// `FILE.partial.json`, a checkpoint: a note that the caller needs to resume. When a job resumes, bytes after
/// those that the checkpoint counts are cut off. A complete file is renamed to its target and the checkpoint
/// is removed; until then an existing target is unchanged.
///
/// The partial file is locked, so that two jobs never write to one output. It has a checkpoint from the
/// start, which identifies it as the file of an interrupted job. A job that ends before its second checkpoint
/// removes both files.
#[derive(Debug)]
pub struct Partial {
    target: PathBuf,
    data: BufWriter<File>,
    len: u64,
    /// Whether the file is kept when this value is dropped.
    kept: bool,
}

impl Partial {
    /// The files of an output that is not complete.
    #[must_use]
    pub fn files(target: &Path) -> [PathBuf; 3] {
        [partial(target), checkpoint(target), new_checkpoint(target)]
    }

    /// Starts an output with a first checkpoint and replaces the files of an interrupted job. `is_note`
    /// returns whether a checkpoint is from such a job.
    ///
    /// # Errors
    /// [`OutputError`] when the directory cannot be written to, another job writes to this output, or a file
    /// under one of the names is not from such a job.
    pub fn create(
        target: &Path,
        note: &[u8],
        is_note: impl Fn(&[u8]) -> bool,
    ) -> Result<Self, OutputError> {
        let stranger = |what: &str| {
            let text = format!("{what}; move it away");
            io::Error::new(io::ErrorKind::AlreadyExists, text)
        };
        let old = read_checkpoint(target)?;
        if old.as_ref().is_some_and(|old| !is_note(old)) {
            let source = stranger("it is not a checkpoint of an interrupted job");
            return Err(error(&checkpoint(target), source));
        }
        let begin = || -> io::Result<(Self, Option<Vec<Unfinished>>)> {
            let open = || lock(&partial(target), true);
            let (file, made) = Unfinished::opened(&Self::files(target), open)?;
            let mut begun = Self::of(target, file, made.is_none());
            if begun.data.get_ref().metadata()?.len() > 0 && old.is_none() {
                return Err(stranger(
                    "it is not from an interrupted job, or its checkpoint is missing",
                ));
            }
            begun.kept = old.is_some();
            Ok((begun, made))
        };
        let (mut begun, made) = begin().map_err(|source| error(&partial(target), source))?;
        // The new checkpoint counts no bytes, so it fits the file before and after the old bytes are cut off. If
        // it came later, a killed process could leave a file without a checkpoint, which no job takes.
        begun.checkpoint(note)?;
        // From now on, the files stay when a signal ends the process.
        drop(made);
        begun.kept = false;
        begun.cut_off(0).map_err(|source| error(&partial(target), source))?;
        Ok(begun)
    }

    /// Resumes an output after its first `len` bytes, which its checkpoint counts.
    ///
    /// # Errors
    /// [`OutputError`] when the partial file is too short or missing, or another job writes to it.
    pub fn resume(target: &Path, len: u64) -> Result<Self, OutputError> {
        let go_on = || {
            let (file, _) = lock(&partial(target), false)?;
            let found = file.metadata()?.len();
            if found < len {
                let text = format!("it has {found} bytes, but its checkpoint counts {len}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            let mut begun = Self::of(target, file, true);
            begun.cut_off(len)?;
            Ok(begun)
        };
        go_on().map_err(|source| error(&partial(target), source))
    }

    fn of(target: &Path, file: File, kept: bool) -> Self {
        let data = BufWriter::with_capacity(BUFFER_LEN, file);
        Self { target: target.into(), data, len: 0, kept }
    }

    /// Cuts the file off after its first `len` bytes, to write on from there.
    fn cut_off(&mut self, len: u64) -> io::Result<()> {
        self.data.get_ref().set_len(len)?;
        self.data.seek(SeekFrom::Start(len))?;
        self.len = len;
        Ok(())
    }

    /// The checkpoint of an interrupted job for `target`; `None` when there is none.
    ///
    /// # Errors
    /// [`OutputError`] when it cannot be read.
    pub fn left(target: &Path) -> Result<Option<Vec<u8>>, OutputError> {
        // A job that was killed while it finished may leave a checkpoint without a partial file.
        let path = partial(target);
        match absent_is_none(fs::symlink_metadata(&path)) {
            Ok(Some(_)) => read_checkpoint(target),
            Ok(None) => Ok(None),
            Err(source) => Err(error(&path, source)),
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// [`OutputError`], which names the partial file.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let written = self.data.write_all(bytes);
        written.map_err(|source| error(&partial(&self.target), source))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The number of bytes written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.len
    }

    /// Passes all bytes so far to `take`, from the first.
    ///
    /// # Errors
    /// [`OutputError`] when the disk fails.
    pub fn replay(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), OutputError> {
        let path = partial(&self.target);
        let (data, len) = (&mut self.data, self.len);
        let mut read = || -> io::Result<()> {
            data.flush()?;
            let mut piece = vec![0; BUFFER_LEN];
            let mut at = 0;
            while at < len {
                let piece = &mut piece[..(len - at).min(BUFFER_LEN as u64) as usize];
                data.get_ref().read_exact_at(piece, at)?;
                take(piece);
                at += piece.len() as u64;
            }
            Ok(())
        };
        read().map_err(|source| error(&path, source))
    }

    /// Syncs the data to disk, and then writes the checkpoint. The job can be resumed from here.
    ///
    /// # Errors
    /// [`OutputError`]; the previous checkpoint is then still valid.
    pub fn checkpoint(&mut self, note: &[u8]) -> Result<(), OutputError> {
        let synced = self.data.flush().and_then(|()| self.data.get_ref().sync_data());
        synced.map_err(|source| error(&partial(&self.target), source))?;
        // Written under a separate name first. If the process is killed, this file is one of those that the
        // next job replaces.
        let new = new_checkpoint(&self.target);
        let written = || -> io::Result<()> {
            let mut file = create::anew(&new)?;
            file.write_all(note)?;
            file.sync_all()?;
            fs::rename(&new, checkpoint(&self.target))?;
            create::sync_names(folder_of(&self.target))
        };
        written().map_err(|source| {
            // An error cannot be reported here.
            let _ = create::remove(&new);
            error(&new, source)
        })?;
        self.kept = true;
        Ok(())
    }

    /// Syncs the data to disk, renames the file to its target and removes the checkpoint.
    ///
    /// # Errors
    /// [`OutputError`]. The target is then unchanged, unless only the removal of the checkpoint or the sync
    /// of the directory failed.
    pub fn finish(mut self) -> Result<(), OutputError> {
        let path = partial(&self.target);
        let mut place = || -> io::Result<()> {
            self.data.flush()?;
            self.data.get_ref().sync_all()?;
            fs::rename(&path, &self.target)?;
            self.kept = true;
            create::remove(&checkpoint(&self.target))?;
            create::remove(&new_checkpoint(&self.target))?;
            create::sync_names(folder_of(&self.target))
        };
        place().map_err(|source| error(&path, source))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // An error cannot be reported here.
        if !self.kept {
            let _ = create::remove(&partial(&self.target));
            let _ = create::remove(&checkpoint(&self.target));
            let _ = create::remove(&new_checkpoint(&self.target));
        }
        // Closing the file would not unlock it while a process that another thread starts shares it, which it does
        // until it runs its program.
        if self.data.flush().is_ok() {
            let _ = self.data.get_ref().unlock();
        }
    }
}

/// The path of the partial file.
fn partial(target: &Path) -> PathBuf {
    with_ending(target, ".partial")
}

/// The content of an output's checkpoint; `None` when there is none.
fn read_checkpoint(target: &Path) -> Result<Option<Vec<u8>>, OutputError> {
    let path = checkpoint(target);
    let read = || -> io::Result<Vec<u8>> {
        let mut note = Vec::new();
        create::again(&path)?.take(LONGEST_CHECKPOINT).read_to_end(&mut note)?;
        Ok(note)
    };
    match read() {
        Ok(note) => Ok(Some(note)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(error(&path, source)),
    }
}

/// Opens the file at `path` and locks it. With `may_be_made` a missing file is created; the result says
/// whether it was.
pub(crate) fn lock(path: &Path, may_be_made: bool) -> io::Result<(File, bool)> {
    let (file, is_new) = match create::again(path) {
        Err(error) if may_be_made && error.kind() == io::ErrorKind::NotFound => {
            (create::new(path)?, true)
        }
        opened => (opened?, false),
    };
    let locked = loop {
        match file.try_lock() {
            // The standard library does not repeat this call after a signal, as it does others.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => break Err(error),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another job is writing to it"));
            }
            Ok(()) => break is_at(&file, path),
        }
    };
    match locked {
        Ok(true) => Ok((file, is_new)),
        // The job that held the lock may have renamed the file meanwhile.
        Ok(false) => Err(io::Error::other("another job has just finished writing to it")),
        Err(error) => {
            if is_new {
                // An error cannot be reported here.
                let _ = create::remove(path);
            }
            Err(error)
        }
    }
}

/// Whether `file` is the file at `path`.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (here, there) = (file.metadata()?, absent_is_none(fs::symlink_metadata(path))?);
    Ok(there.is_some_and(|there| (here.dev(), here.ino()) == (there.dev(), there.ino())))
}

/// The path of the checkpoint.
fn checkpoint(target: &Path) -> PathBuf {
    with_ending(target, ".partial.json")
}

/// The temporary path of the next checkpoint while it is written.
fn new_checkpoint(target: &Path) -> PathBuf {
    with_ending(target, ".partial.json.new")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn error(path: &Path, source: io::Error) -> OutputError {
    OutputError { name: path.shown().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn bytes_after_the_checkpoint_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        fs::write(&target, "old").unwrap();

        let mut first = Partial::create(&target, b"begun", |_| true).unwrap();
        assert_eq!(Partial::left(&target).unwrap().unwrap(), b"begun");
        first.put(b"counts").unwrap();
        first.checkpoint(b"note").unwrap();
        first.put(b" and this does not").unwrap();
        drop(first);
        assert_eq!(names(folder.path()), ["out", "out.partial", "out.partial.json"]);
        assert_eq!(Partial::left(&target).unwrap().unwrap(), b"note");

        let mut second = Partial::resume(&target, 6).unwrap();
        let mut bytes = Vec::new();
        second.replay(|piece| bytes.extend_from_slice(piece)).unwrap();
        assert_eq!(bytes, b"counts");
        second.put(b" more").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"old");
        second.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"counts more");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn nothing_is_left_before_the_first_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let mut partial = Partial::create(&target, b"", |note| note != b"stranger").unwrap();
        partial.put(b"bytes").unwrap();
        drop(partial);
        assert_eq!(names(folder.path()), [""; 0]);
        assert!(Partial::left(&target).unwrap().is_none());
    }

    #[test]
    fn nothing_is_left_where_the_first_checkpoint_cannot_be_written() {
        for ending in ["json", "json.new"] {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("out");
            let in_the_way = format!("out.partial.{ending}");
            fs::create_dir(folder.path().join(&in_the_way)).unwrap();
            assert!(Partial::create(&target, b"", |_| true).is_err());
            assert_eq!(names(folder.path()), [in_the_way]);
        }
    }

    #[test]
    fn two_jobs_do_not_share_an_output_and_a_short_file_is_not_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let mut first = Partial::create(&target, b"", |note| note != b"stranger").unwrap();
        assert!(
            Partial::create(&target, b"", |note| note != b"stranger")
                .unwrap_err()
                .source
                .to_string()
                .contains("another job")
        );
        first.put(b"1234").unwrap();
        first.checkpoint(b"").unwrap();
        drop(first);
        assert!(Partial::resume(&target, 5).is_err());
    }

    #[test]
    fn files_that_are_not_of_a_job_are_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let stranger = folder.path().join("out.partial");
        fs::write(&stranger, "precious").unwrap();
        assert!(Partial::create(&target, b"", |note| note != b"stranger").is_err());
        assert_eq!(fs::read(&stranger).unwrap(), b"precious");
        assert_eq!(names(folder.path()), ["out.partial"]);
        let note = folder.path().join("out.partial.json");
        fs::write(&note, "stranger").unwrap();
        assert!(Partial::create(&target, b"", |note| note != b"stranger").is_err());
        assert_eq!(fs::read(&note).unwrap(), b"stranger");
        // The files of an interrupted job are replaced.
        fs::write(folder.path().join("out.partial.json"), "{}").unwrap();
        Partial::create(&target, b"", |note| note != b"stranger").unwrap().finish().unwrap();
        assert_eq!(names(folder.path()), ["out"]);
    }
}
