//! Syncs a file to disk while it is still being written, so that little is left to sync at the end. Allocates
//! its space in large chunks, which costs less than block by block.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::mpsc::{SyncSender, sync_channel},
    thread::JoinHandle,
};

use tempfile::NamedTempFile;

/// How many bytes are written before each sync. Smaller files are synced once at the end.
const AT_ONCE: u64 = 64 << 20;
/// How many bytes are allocated ahead, after the first sync.
#[cfg(target_os = "linux")]
const SPACE: u64 = 256 << 20;
/// Nothing is allocated ahead when the file system has less free space than this.
#[cfg(target_os = "linux")]
const MUCH: u64 = 4 << 30;

/// The type of a file system in memory (Linux, `magic.h`). To allocate space there takes as long as to write it.
#[cfg(target_os = "linux")]
const TMPFS: u64 = 0x0102_1994;

/// A temporary file that a background thread syncs to disk while it is written.
pub(super) struct WriteBehind {
    file: NamedTempFile,
    /// The offset of the next byte.
    at: u64,
    /// The number of bytes written since the last sync was started.
    fresh: u64,
    /// The end of the space allocated ahead; 0 when there is none.
    space: u64,
    behind: Option<Behind>,
}

struct Behind {
    more: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl WriteBehind {
    pub(super) fn new(file: NamedTempFile) -> Self {
        Self { file, at: 0, fresh: 0, space: 0, behind: None }
    }

    pub(super) fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Syncs the rest. fsync reports an error only once, so errors of the background thread are returned here
    /// too.
    pub(super) fn finish(mut self) -> io::Result<NamedTempFile> {
        if let Some(Behind { more, thread }) = self.behind.take() {
            drop(more);
            let died = |_| Err(io::Error::other("the thread that synchronises the file died"));
            thread.join().unwrap_or_else(died)?;
        }
        if self.space > 0 {
            self.give_back()?;
        }
        self.file.as_file().sync_all()?;
        Ok(self.file)
    }

    /// Allocates space ahead without changing the length of the file, which only Linux supports. A failure
    /// costs only speed: if the disk is full, the write reports it.
    #[cfg(target_os = "linux")]
    fn reserve_ahead(&mut self, len: usize) {
        let end = self.at + len as u64;
        if self.behind.is_none() || end <= self.space {
            return;
        }
        self.space = end + SPACE;
        let is_plenty = rustix::fs::fstatvfs(self.as_file())
            .is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) >= MUCH);
        let is_on_disk = || {
            rustix::fs::fstatfs(self.as_file())
                .is_ok_and(|fs| u64::try_from(fs.f_type) != Ok(TMPFS))
        };
        if !is_plenty || !is_on_disk() {
            return;
        }
        let flags = rustix::fs::FallocateFlags::KEEP_SIZE;
        let taken = rustix::fs::fallocate(self.as_file(), flags, self.at, self.space - self.at);
        if taken.is_err() {
            // Some file systems keep the part that they could allocate.
            let _ = self.give_back();
        }
    }

    /// Releases the space after the end of the file.
    fn give_back(&self) -> io::Result<()> {
        self.as_file().set_len(self.as_file().metadata()?.len())
    }

    fn wrote(&mut self, len: usize) -> io::Result<()> {
        self.at += len as u64;
        self.fresh += len as u64;
        if self.fresh < AT_ONCE {
            return Ok(());
        }
        self.fresh = 0;
        let behind = match &mut self.behind {
            Some(behind) => behind,
            none => none.insert(Behind::of(self.file.as_file().try_clone()?)?),
        };
        // An error means that the thread is busy or has failed. `finish` returns its error.
        let _ = behind.more.try_send(());
        Ok(())
    }
}

impl Behind {
    fn of(file: File) -> io::Result<Self> {
        let (more, work) = sync_channel(1);
        let sync = move || work.into_iter().try_for_each(|()| file.sync_data());
        let thread = std::thread::Builder::new().name("write-behind".into()).spawn(sync)?;
        Ok(Self { more, thread })
    }
}

impl Write for WriteBehind {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        self.reserve_ahead(bytes.len());
        let len = self.file.write(bytes)?;
        self.wrote(len)?;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for WriteBehind {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_large_file_is_complete_and_its_thread_ends() {
        let folder = tempfile::tempdir().unwrap();
        let piece: Vec<u8> = (0..1 << 20).map(|i: u32| (i % 251) as u8).collect();
        let new = || WriteBehind::new(NamedTempFile::new_in(folder.path()).unwrap());
        let (mut dropped, mut finished) = (new(), new());
        for file in [&mut dropped, &mut finished] {
            for _ in 0..2 * (AT_ONCE >> 20) + 1 {
                file.write_all(&piece).unwrap();
            }
            assert!(file.behind.is_some());
        }
        drop(dropped);
        let was_taken = finished.space;
        let file = finished.finish().unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(bytes.len() as u64, 2 * AT_ONCE + (1 << 20));
        assert!(!cfg!(target_os = "linux") || was_taken > bytes.len() as u64);
        let kept = file.as_file().metadata().unwrap().blocks() * 512;
        assert!(kept < bytes.len() as u64 + (1 << 20), "{kept} bytes are still taken");
        assert!(bytes.chunks(piece.len()).all(|part| part == piece));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
