//! Reading and writing the small files of a directory.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Component, Path, PathBuf},
};

use super::PublishError;
use crate::{
    files::{Output, anew, lock},
    keccak::keccak256,
    primitives::{BatchNumber, ChainId, Hash},
};

/// The file that names all others.
pub(super) const MANIFEST: &str = "manifest.json";

/// The page that searches, makes and checks proofs.
pub(super) const PAGE_NAME: &str = "index.html";

/// The largest file that is read back, in bytes. 256 messages of a megabyte, in hexadecimal digits.
const MOST_BYTES: u64 = 1 << 29;

/// The first 16 digits of a hash, as names of files have them.
pub(super) fn digest(hash: Hash) -> String {
    format!("{:016x}", hash.prefix_u64())
}

/// The name of the file of a batch.
pub(super) fn batch_name(chain: ChainId, batch: BatchNumber) -> String {
    format!("batches/{chain}/{batch}.json")
}

/// The name of the file with a part of the logs of a batch.
pub(super) fn part_name(chain: ChainId, batch: BatchNumber, part: usize) -> String {
    format!("batches/{chain}/{batch}.{part}.json")
}

/// What is in a directory beside the manifest.
const OWN: [&str; 5] = ["batches", "index", PAGE_NAME, "lists", "roots"];

/// The file that a run locks, so that two runs never write to one directory: each would drop the batches of the other. Until
/// there is a manifest, it shows that what is in the directory was left by an interrupted run.
const LOCK_NAME: &str = "publish.lock";

/// What the file says to people.
const LOCK_TEXT: &[u8] = b"slproof publishes here\n";

/// The only run that writes to a directory. It is over when the value is dropped.
#[derive(Debug)]
pub(super) struct Run {
    lock: fs::File,
    path: PathBuf,
    /// Whether the file stays when the run ends.
    pub(super) is_unfinished: bool,
}

impl Drop for Run {
    fn drop(&mut self) {
        // Errors cannot be reported here.
        if !self.is_unfinished {
            let _ = fs::remove_file(&self.path);
        }
        let _ = self.lock.unlock();
    }
}

/// A directory that is written or read.
#[derive(Clone, Debug)]
pub(super) struct Directory(pub(super) PathBuf);

impl Directory {
    /// Begins a run that writes to the directory, and makes it if there is none.
    ///
    /// # Errors
    /// [`PublishError`] if another run writes to it, or something in it is not from `publish`: it would be replaced.
    pub(super) fn begin(&self) -> Result<Run, PublishError> {
        fs::create_dir_all(&self.0).map_err(|source| failed(&self.0, source))?;
        let path = self.0.join(LOCK_NAME);
        let before = self.read(LOCK_NAME)?;
        let is_own = before.as_ref().is_some_and(|found| LOCK_TEXT.starts_with(found));
        let foreign = |name: &str| {
            let reason = "it is not from a run of publish, which would replace it; give another directory, or move it \
                          away";
            self.damaged(name, reason.into())
        };
        if before.is_some() && !is_own {
            return Err(foreign(LOCK_NAME));
        }
        let has_manifest = self.has(MANIFEST)?;
        if !is_own && !has_manifest {
            for name in OWN {
                if self.has(name)? {
                    return Err(foreign(name));
                }
            }
        }
        let (mut lock, _) = lock(&path, true).map_err(|source| failed(&path, source))?;
        if !is_own {
            lock.write_all(LOCK_TEXT).map_err(|source| failed(&path, source))?;
        }
        Ok(Run { lock, path, is_unfinished: is_own && !has_manifest })
    }

    /// Whether something has this name, also a link that leads nowhere.
    fn has(&self, name: &str) -> Result<bool, PublishError> {
        let path = self.0.join(name);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// Writes a file as a whole, and the directories above it. It is on the disk after [`Directory::sync`].
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| failed(parent, source))?;
        }
        // A reader sees the old file or the new one. What has the name of the new one may be a link to elsewhere.
        let new = path.with_extension("new");
        anew(&new)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(|source| failed(&new, source))?;
        fs::rename(&new, &path).map_err(|source| failed(&path, source))
    }

    /// Waits until everything that was written is on the disk. Thousands of small files are synced together much
    /// faster than one by one. Systems other than Linux have no call for it, and write in their own time.
    pub(super) fn sync(&self) -> Result<(), PublishError> {
        #[cfg(target_os = "linux")]
        {
            let directory = fs::File::open(&self.0).map_err(|source| failed(&self.0, source))?;
            rustix::fs::syncfs(&directory).map_err(|error| failed(&self.0, error.into()))?;
        }
        Ok(())
    }

    /// Writes the file that names all others, after everything else is on the disk.
    pub(super) fn write_last(&self, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
        self.sync()?;
        let mut output = Output::create(&self.0.join(name))?;
        output.put(bytes)?;
        Ok(output.finish()?)
    }

    /// Writes a file unless it is there with this content. Returns whether it was written.
    pub(super) fn write_once(&self, name: &str, bytes: &[u8]) -> Result<bool, PublishError> {
        match self.read(name) {
            Ok(Some(found)) if found == bytes => Ok(false),
            _ => self.write(name, bytes).map(|()| true),
        }
    }

    /// As [`Directory::write_once`], for a content with this hash. What is there is not read again if its hash is known.
    pub(super) fn write_known(
        &self,
        name: &str,
        (bytes, hash): (&[u8], Hash),
        found: Option<Hash>,
    ) -> Result<bool, PublishError> {
        match found {
            None => self.write_once(name, bytes),
            Some(found) if found == hash => Ok(false),
            Some(_) => self.write(name, bytes).map(|()| true),
        }
    }

    /// Gives a directory that was just written, with these files, its name, which has the digest of its content. If
    /// it is there already, only files that differ are replaced: an interrupted run may have left them.
    pub(super) fn replace<'a>(
        &self,
        written: &str,
        name: &str,
        files: impl Iterator<Item = &'a str>,
    ) -> Result<(), PublishError> {
        let (from, to) = (self.0.join(written), self.0.join(name));
        if !to.exists() {
            return fs::rename(&from, &to).map_err(|source| failed(&from, source));
        }
        for file in files {
            self.write_once(&format!("{name}/{file}"), &self.need(&format!("{written}/{file}"))?)?;
        }
        self.clear(written)
    }

    /// Removes what an interrupted run may have left of a directory.
    pub(super) fn clear(&self, name: &str) -> Result<(), PublishError> {
        let path = self.0.join(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, error)),
            _ => Ok(()),
        }
    }

    /// Reads a file; `None` if there is none. The name may come from a foreign manifest: it has to lead to a regular
    /// file in the directory, so a device or a pipe is not waited for.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, PublishError> {
        let is_inside = |name: &str| {
            Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
        };
        if !is_inside(name) {
            let reason = format!("{name:?} is not the name of a file in the directory");
            return Err(self.damaged(MANIFEST, reason));
        }
        let path = self.0.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if !found.is_file() => {
                return Err(self.damaged(name, "it is not a regular file".into()));
            }
            Ok(_) => (),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(&path, source)),
        }
        let mut bytes = Vec::new();
        fs::File::open(&path)
            .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|source| failed(&path, source))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(self.damaged(name, format!("at most {MOST_BYTES} bytes are allowed")));
        }
        Ok(Some(bytes))
    }

    /// Reads a file that has to be there.
    pub(super) fn need(&self, name: &str) -> Result<Vec<u8>, PublishError> {
        self.read(name)?.ok_or_else(|| self.damaged(name, "the file is missing".into()))
    }

    /// Reads a file and compares its hash.
    pub(super) fn need_with(&self, name: &str, hash: Hash) -> Result<Vec<u8>, PublishError> {
        let bytes = self.need(name)?;
        let found = keccak256(&bytes);
        if found == hash {
            return Ok(bytes);
        }
        Err(self.damaged(name, format!("its hash is {found}, not {hash}")))
    }

    /// The error for a file.
    pub(super) fn damaged(&self, name: &str, reason: String) -> PublishError {
        PublishError::Damaged { path: self.0.join(name), reason }
    }
}

fn failed(path: &Path, source: io::Error) -> PublishError {
    PublishError::File { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an earlier read found decides, and not what is there now.
    #[test]
    fn a_file_with_a_known_hash_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory(folder.path().to_owned());
        let [one, other] = [b"one", b"two"].map(|text| (&text[..], keccak256(text)));
        let write = |found| directory.write_known("file", one, found).unwrap();
        assert!(!write(Some(one.1)));
        assert_eq!(directory.read("file").unwrap(), None);
        assert!(write(None));
        assert!(!write(None));
        assert!(write(Some(other.1)));
        assert_eq!(directory.read("file").unwrap().as_deref(), Some(one.0));
    }
}
