//! A temporary directory for sources of logs and the archives that are indexed from them.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

use super::binary::{Run, run};

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A temporary directory of sources and archives.
pub struct IndexDir(TempDir);

impl IndexDir {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with(".gz") {
            let mut gzip = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
            gzip.write_all(bytes.as_ref()).unwrap();
            gzip.finish().unwrap();
        } else {
            fs::write(&path, bytes).unwrap();
        }
        path
    }

    /// Indexes files into `output`.
    pub fn index(&self, files: &[PathBuf], rest: &[&str], output: &str) -> Run {
        let output = self.path(output);
        let files = files.iter().map(|file| text(file));
        run(["index"]
            .into_iter()
            .chain(files)
            .chain(rest.iter().copied())
            .chain(["-o", text(&output)]))
    }

    /// Indexes files, and asserts that there was no error.
    pub fn indexed(&self, files: &[PathBuf], rest: &[&str], output: &str) -> PathBuf {
        let run = self.index(files, rest, output);
        assert_eq!(run.code, Some(0), "{rest:?}: {}", run.stderr);
        self.path(output)
    }
}

/// The numbers of the batches in an archive.
pub fn archived(archive: &Path) -> Vec<u64> {
    let archive = slproof::archive::Archive::open(archive, Default::default()).unwrap();
    archive.batches().map(|batch| batch.unwrap().batch().0).collect()
}
