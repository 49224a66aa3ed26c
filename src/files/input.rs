use std::{
    fs::File,
    io::{self, Chain, Cursor, Read, Seek},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    InputError, ReadProgressHandle,
    container::is_container,
    plain_text::PlainText,
    show_path::ShowPath,
    text_encoding,
    wrapper::{self, Contents, Data, Tar},
};

/// How many bytes are read to detect the format: enough for the first accounts of a dump.
pub(crate) const HEAD_LEN: u64 = 1 << 20;

/// How many bytes of a native file are read for that.
const NATIVE_HEAD_LEN: u64 = 64;

/// An open input: its bytes without compression and tar. A text is UTF-8 without a byte order mark. The first
/// mebibyte is buffered to detect the format, and of a native file its first bytes.
pub struct Input {
    name: String,
    path: Option<PathBuf>,
    data: Chain<Cursor<Vec<u8>>, Data>,
    /// The file, if it is a regular one.
    file: Option<(File, ReadProgressHandle)>,
}

impl Input {
    /// Opens a file, or standard input for `-`. Compression, tar and UTF-16 are detected by the first bytes. A file
    /// in a tar archive is named `ARCHIVE:FILE`; the archive is read up to it.
    ///
    /// # Errors
    /// [`InputError`] when the file cannot be opened, is a directory, is empty, or is packed in a way that is
    /// not read, or its first bytes are damaged. A tar archive of several files is an error here or where the
    /// first file ends.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        Self::open_watched(path, &ReadProgressHandle::default())
    }

    /// As [`Input::open`], and reports the bytes read to `watcher`.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub fn open_watched(path: &Path, watcher: &ReadProgressHandle) -> Result<Self, InputError> {
        if let Some(archive) = archive_of(path) {
            let found = Inputs::open_watched(&archive, watcher)?.find(path);
            return found.unwrap_or_else(|| Err(not_in_archive(path)));
        }
        let Opened { name, path, data, file } = Opened::open(path, watcher)?;
        Ok(Self { file: file.map(|file| (file, watcher.clone())), ..Self::new(name, path, data)? })
    }

    /// Reads from any reader; error messages show `name`.
    ///
    /// # Errors
    /// [`InputError`] as for [`Input::open`].
    pub fn from_reader(name: &str, data: impl Read + Send + 'static) -> Result<Self, InputError> {
        Self::new(name.into(), None, Box::new(Uninterrupted(data)))
    }

    fn new(name: String, path: Option<PathBuf>, data: Data) -> Result<Self, InputError> {
        match wrapper::unwrap(&name, data)? {
            Contents::Plain(data) => Self::plain(name, path, data),
            Contents::Archive(archive) => {
                let data = wrapper::single_file(&name, archive)?;
                Self::plain(name, path, data)
            }
        }
    }

    fn plain(name: String, path: Option<PathBuf>, mut data: Data) -> Result<Self, InputError> {
        let mut head = Vec::new();
        // A native file is recognized by its first bytes. It is mapped, not read.
        let mut read = data.by_ref().take(NATIVE_HEAD_LEN).read_to_end(&mut head);
        if !is_container(&head) {
            read = read
                .and_then(|read| data.by_ref().take(HEAD_LEN - read as u64).read_to_end(&mut head));
        }
        read.map_err(|source| InputError::Read { name: name.clone(), source })?;
        if head.is_empty() {
            return Err(InputError::Empty { name });
        }
        Ok(Self { name, path, data: Cursor::new(head).chain(data), file: None })
    }

    /// The name of the input in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path, when the input can be opened again; `None` for a pipe. That of a file in an archive is
    /// `ARCHIVE:FILE`.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The text, if it is as it is in a regular file of which more than the first part is left to read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn plain_text(&self) -> io::Result<Option<PlainText>> {
        let of_head = self.data.get_ref().0.position() == 0;
        let Some((file, watcher)) = self.file.as_ref().filter(|_| of_head) else { return Ok(None) };
        let mut start = [0; wrapper::EXAMINED];
        match file.read_exact_at(&mut start, 0) {
            // It is so short that nothing is left.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let begin = text_encoding::mark_of_utf8(&start).filter(|_| !wrapper::is_wrapped(&start));
        let Some(begin) = begin else { return Ok(None) };
        // The position is that up to which the other handle was read.
        let (mut file, watcher) = (file.try_clone()?, watcher.clone());
        let (reported, end) = (file.stream_position()?, file.metadata()?.len());
        Ok((reported < end).then_some(PlainText { file, range: begin..end, reported, watcher }))
    }

    /// The first mebibyte, or all of a Parquet file that can be opened again, as an input of its own.
    ///
    /// # Errors
    /// [`InputError`] as for [`Input::open`].
    pub(crate) fn first_part(&self) -> Result<Self, InputError> {
        match self.path() {
            Some(path) if self.is_parquet() => Self::open(path),
            _ => Self::from_reader(self.name(), Cursor::new(self.head().to_vec())),
        }
    }

    /// Whether the input begins like a Parquet file.
    #[must_use]
    pub(crate) fn is_parquet(&self) -> bool {
        self.head().starts_with(b"PAR1")
    }

    /// The first mebibyte, or the whole input if it is smaller. Of a native file only the first bytes.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.data.get_ref().0.get_ref()
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.data.read(buffer)
    }
}

/// A file that is open, with its wrappers.
struct Opened {
    name: String,
    path: Option<PathBuf>,
    data: Data,
    /// The file, if it is a regular one.
    file: Option<File>,
}

impl Opened {
    fn open(path: &Path, watcher: &ReadProgressHandle) -> Result<Self, InputError> {
        if path == Path::new("-") {
            let data = Box::new(Uninterrupted(watcher.of(io::stdin())));
            return Ok(Self { name: "standard input".into(), path: None, data, file: None });
        }
        let open_error = |source| InputError::Open { path: path.into(), source };
        let file = File::open(path).map_err(open_error)?;
        let found = file.metadata().map_err(open_error)?;
        if found.is_dir() {
            return Err(InputError::IsFolder { path: path.into() });
        }
        // A named pipe cannot be read twice, just like standard input.
        let again = found.is_file().then(|| path.into());
        let same = found.is_file().then(|| file.try_clone()).transpose().map_err(open_error)?;
        let data = Box::new(Uninterrupted(watcher.of(file)));
        Ok(Self { name: path.shown().to_string(), path: again, data, file: same })
    }
}

/// The archive of a path `ARCHIVE:FILE`. `None` if there is something at the path itself, or no such archive.
pub(crate) fn archive_of(path: &Path) -> Option<PathBuf> {
    if path.symlink_metadata().is_ok() {
        return None;
    }
    let text = path.to_str()?;
    let mut archives = text.match_indices(':').map(|(at, _)| Path::new(&text[..at]));
    archives.find(|archive| archive.is_file()).map(Path::to_owned)
}

/// Whether a path is that of a file in an archive, `ARCHIVE:FILE`.
pub(crate) fn is_in_archive(path: &Path) -> bool {
    archive_of(path).is_some()
}

/// The error for a path `ARCHIVE:FILE` if the archive does not have the file.
pub(super) fn not_in_archive(path: &Path) -> InputError {
    InputError::Open { path: path.into(), source: io::ErrorKind::NotFound.into() }
}

/// The inputs in a file: the files of a tar archive, one after the other, or the file itself.
pub struct Inputs {
    /// The input of a file that is not an archive.
    only: Option<Input>,
    archive: Option<Arc<Mutex<OpenArchive>>>,
    name: String,
    /// The path of the archive, if it can be opened again.
    path: Option<PathBuf>,
    /// The path `ARCHIVE:FILE` of the file that was begun last.
    last: Option<PathBuf>,
}

impl Inputs {
    /// Opens a file as [`Inputs::open_watched`] does.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub fn open(path: &Path) -> Result<Self, InputError> {
        Self::open_watched(path, &ReadProgressHandle::default())
    }

    /// Opens a file as [`Input::open_watched`] does. Only this function takes archives of several files: each
    /// of them is named `ARCHIVE:FILE`, and is read before the next one is begun.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub fn open_watched(path: &Path, watcher: &ReadProgressHandle) -> Result<Self, InputError> {
        if is_in_archive(path) {
            let only = Input::open_watched(path, watcher)?;
            let name = only.name().to_owned();
            return Ok(Self { only: Some(only), archive: None, name, path: None, last: None });
        }
        let Opened { name, path, data, file } = Opened::open(path, watcher)?;
        let (only, archive) = match wrapper::unwrap(&name, data)? {
            Contents::Plain(data) => {
                let input = Input::plain(name.clone(), path.clone(), data)?;
                let file = file.map(|file| (file, watcher.clone()));
                (Some(Input { file, ..input }), None)
            }
            Contents::Archive(tar) => {
                (None, Some(Arc::new(Mutex::new(OpenArchive { tar, files: 0 }))))
            }
        };
        Ok(Self { only, archive, name, path, last: None })
    }

    /// Whether the file is an archive.
    #[must_use]
    pub fn is_archive(&self) -> bool {
        self.archive.is_some()
    }

    /// The path `ARCHIVE:FILE` of the file of the archive that was begun last, also if it could not be opened.
    #[must_use]
    pub fn begun(&self) -> Option<&Path> {
        self.last.as_deref()
    }

    /// Passes to the file with this path, and opens it. `None` if it does not follow.
    pub(super) fn find(&mut self, path: &Path) -> Option<Result<Input, InputError>> {
        loop {
            match self.begin()? {
                Ok(member) if self.last.as_deref() == Some(path) => {
                    return Some(self.input(member));
                }
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Begins the next file of the archive.
    fn begin(&mut self) -> Option<Result<Member, InputError>> {
        let archive = self.archive.as_ref()?;
        self.last = None;
        let mut open = archive.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match open.tar.next_file() {
            Ok(file) => file?,
            Err(source) => {
                return Some(Err(InputError::Read { name: self.name.clone(), source }));
            }
        };
        let name = self.path.as_deref().map_or((&*self.name).into(), Path::to_string_lossy);
        self.last = Some(format!("{name}:{file}").into());
        open.files += 1;
        Some(Ok(Member { archive: Arc::clone(archive), number: open.files }))
    }

    fn input(&self, member: Member) -> Result<Input, InputError> {
        let path = self.last.clone().unwrap_or_default();
        let name = path.shown().to_string();
        Input::new(name, Some(path).filter(|_| self.path.is_some()), Box::new(member))
    }
}

impl Iterator for Inputs {
    type Item = Result<Input, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.archive.is_none() {
            return self.only.take().map(Ok);
        }
        let member = self.begin()?;
        Some(member.and_then(|member| self.input(member)))
    }
}

/// An archive, and the number of files that were begun.
struct OpenArchive {
    tar: Tar<Data>,
    files: u64,
}

/// A file in an archive. It ends when the next one is begun.
struct Member {
    archive: Arc<Mutex<OpenArchive>>,
    number: u64,
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut open = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
        if open.files == self.number { open.tar.read(buffer) } else { Ok(0) }
    }
}

/// Repeats a read that a signal interrupted, so that no reader of an input has to.
struct Uninterrupted<R>(R);

impl<R: Read> Read for Uninterrupted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}
