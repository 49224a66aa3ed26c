//! Making files beside outputs, the one way for all of them.
//!
//! Whoever may write to the folder may have put a link, a pipe or another file's second name where a file
//! is to be made. A file that is made here is always new, and one that is opened again is an ordinary file
//! with no other name: nothing is ever written to, or read from, what stands behind a link.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use tempfile::NamedTempFile;

/// Makes a file that nothing stands in the way of.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when anything has the name, be it a link that leads nowhere.
pub(super) fn new(path: &Path) -> io::Result<File> {
    // `create_new` is O_EXCL, which follows no link.
    options(0).create_new(true).open(path)
}

/// Makes a file in place of whatever has the name. That loses its name, and is not written to.
///
/// # Errors
/// When a folder has the name, or the folder around it cannot be written to.
pub(super) fn anew(path: &Path) -> io::Result<File> {
    remove(path)?;
    new(path)
}

/// Opens a file that was made here, to read and write it.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when there is none, [`io::ErrorKind::AlreadyExists`] when what has the name
/// is no ordinary file, or has other names too.
pub(super) fn again(path: &Path) -> io::Result<File> {
    let in_the_way = |what: &str| {
        let text = format!("it is {what}; move it away");
        io::Error::new(io::ErrorKind::AlreadyExists, text)
    };
    // A pipe would be waited for without O_NONBLOCK, which means nothing to files.
    let file = options(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = file.map_err(|error| match error.raw_os_error() {
        // A socket is ENXIO to Linux and EOPNOTSUPP to macOS.
        Some(libc::ELOOP | libc::EISDIR | libc::ENXIO | libc::EOPNOTSUPP) => in_the_way("no file"),
        _ => error,
    })?;
    // What was opened is asked, and not the name, which another file may have by now.
    let found = file.metadata()?;
    match (found.is_file(), found.nlink()) {
        (true, 0 | 1) => Ok(file),
        (true, _) => Err(in_the_way("a file with other names too")),
        (false, _) => Err(in_the_way("no file")),
    }
}

/// Makes a file under a name of its own in a directory, to be renamed. As readable as any other new file,
/// which the process's mask decides.
///
/// # Errors
/// What the system says, without the temporary name: callers name the file that was asked for.
pub(super) fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".slproof-").make_in(folder, new)
}

/// Makes a file without a name in a folder: the system removes it with the process, however that ends.
pub(crate) fn nameless(folder: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder)
}

/// Removes what has the name, if anything has; of a link that is the link.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts the names in a folder on disk.
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
    fn nothing_is_written_to_what_stands_in_the_way() {
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
