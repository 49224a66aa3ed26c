//! Putting a file on disk while it is still being written, so that in the end little is left to wait
//! for, and taking space for it in large pieces, which costs less than block by block.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::mpsc::{SyncSender, sync_channel},
    thread::JoinHandle,
};

use tempfile::NamedTempFile;

/// After how many bytes the disk gets to work. Smaller files are put on disk at once.
const AT_ONCE: u64 = 64 << 20;
/// How much space is taken at once, after the first time that the disk got to work.
#[cfg(target_os = "linux")]
const SPACE: u64 = 256 << 20;
/// And where there is less than this, none: others need it too.
#[cfg(target_os = "linux")]
const MUCH: u64 = 4 << 30;

/// A temporary file of which another thread puts on disk what was written so far.
pub(super) struct WriteBehind {
    file: NamedTempFile,
    /// Where the next byte goes.
    at: u64,
    /// How many bytes were written since the disk was last set to work.
    fresh: u64,
    /// Where the space ends that was taken before it was needed; 0 when none was.
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

    /// Puts the rest on disk. An error of the disk is told to only one who asks: those of the thread
    /// are as good as those of the last call.
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

    /// Takes the space that the next `len` bytes need, and more, without making the file longer, which only
    /// Linux can. Whether that works changes nothing but speed: a disk that is full is told of by writing.
    #[cfg(target_os = "linux")]
    fn reserve_ahead(&mut self, len: usize) {
        let end = self.at + len as u64;
        if self.behind.is_none() || end <= self.space {
            return;
        }
        self.space = end + SPACE;
        let is_plenty = rustix::fs::fstatvfs(self.as_file())
            .is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) >= MUCH);
        if !is_plenty {
            return;
        }
        let flags = rustix::fs::FallocateFlags::KEEP_SIZE;
        let taken = rustix::fs::fallocate(self.as_file(), flags, self.at, self.space - self.at);
        if taken.is_err() {
            // Some systems keep what they got before there was no more.
            let _ = self.give_back();
        }
    }

    /// Gives back what was taken behind the end of the file.
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
        // One that is at work, or has failed, need not be told.
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
    fn a_large_file_is_whole_and_its_thread_ends_with_it() {
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
