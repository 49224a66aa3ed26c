//! Safe creation of temporary and output files.
//!
//! Another user with write access to the directory may have created a link, a pipe or a hard link under the
//! name of a file to be created. A file created here is always new. A file opened again is a regular file
//! with one name. So no data are ever written to, or read from, the target of a link.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use tempfile::NamedTempFile;

/// Creates a file. Nothing may exist under the name.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when the name exists, also as a dangling link.
pub(super) fn new(path: &Path) -> io::Result<File> {
    // `create_new` is O_EXCL, which does not follow links.
    options(0).create_new(true).open(path)
}

/// Creates a file, after removing whatever has the name. The removed file is not written to.
///
/// # Errors
/// When the name is that of a directory, or its parent directory cannot be written to.
pub(crate) fn anew(path: &Path) -> io::Result<File> {
    remove(path)?;
    new(path)
}

/// Opens a file that was created here for reading and writing.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when there is no such file, [`io::ErrorKind::AlreadyExists`] when the name is
/// not that of a regular file, or the file has other names.
pub(super) fn again(path: &Path) -> io::Result<File> {
    let in_the_way = |what: &str| {
        let text = format!("it is {what}; move it away");
        io::Error::new(io::ErrorKind::AlreadyExists, text)
    };
    // Without O_NONBLOCK, opening a pipe blocks. The flag has no effect on files.
    let file = options(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = file.map_err(|error| match error.raw_os_error() {
        // Opening a socket fails with ENXIO on Linux and with EOPNOTSUPP on macOS.
        Some(libc::ELOOP | libc::EISDIR | libc::ENXIO | libc::EOPNOTSUPP) => {
            in_the_way("not a regular file")
        }
        _ => error,
    })?;
    // The metadata are those of the opened file, because the name may be another file by now.
    let found = file.metadata()?;
    match (found.is_file(), found.nlink()) {
        (true, 0 | 1) => Ok(file),
        (true, _) => Err(in_the_way("a file with other hard links")),
        (false, _) => Err(in_the_way("not a regular file")),
    }
}

/// Creates a file under a unique temporary name in a directory, to be renamed later. Its permissions are
/// those of any new file, as set by the umask.
///
/// # Errors
/// The error of the system, without the temporary name: callers name the file that was asked for.
pub(super) fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".slproof-").make_in(folder, new)
}

/// Creates a file without a name in a directory. The system removes it when the process ends in any way.
pub(crate) fn nameless(folder: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder)
}

/// Removes a name, if it exists. A link is removed, not its target.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Syncs the entries of a directory to disk.
pub(super) fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn options(flags: i32) -> OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).custom_flags(flags);
    options
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, process::Command};

    use super::*;

    #[test]
    fn existing_links_and_pipes_are_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let precious = path("precious");
        fs::write(&precious, "precious").unwrap();
        symlink(&precious, path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        fs::hard_link(&precious, path("hard")).unwrap();
        assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        fs::create_dir(path("folder")).unwrap();
        for name in ["link", "dangling", "hard", "pipe", "folder"] {
            let exists = |file: io::Result<File>| file.unwrap_err().kind();
            assert_eq!(exists(new(&path(name))), io::ErrorKind::AlreadyExists, "{name}");
            assert_eq!(exists(again(&path(name))), io::ErrorKind::AlreadyExists, "{name}");
            assert_eq!(anew(&path(name)).is_ok(), name != "folder", "{name}");
            assert_eq!(again(&path(name)).is_ok(), name != "folder", "{name}");
        }
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
        assert!(!path("nowhere").exists());
        assert_eq!(again(&path("nothing")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
