//! Putting a file on disk while it is still being written, so that in the end little is left to wait
//! for.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::mpsc::{SyncSender, sync_channel},
    thread::JoinHandle,
};

use tempfile::NamedTempFile;

/// After how many bytes the disk gets to work. Smaller files are put on disk at once.
const AT_ONCE: u64 = 64 << 20;

/// A temporary file of which another thread puts on disk what was written so far.
pub(super) struct WriteBehind {
    file: NamedTempFile,
    /// How many bytes were written since the disk was last set to work.
    fresh: u64,
    behind: Option<Behind>,
}

struct Behind {
    more: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl WriteBehind {
    pub(super) fn new(file: NamedTempFile) -> Self {
        Self { file, fresh: 0, behind: None }
    }

    pub(super) fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Puts the rest on disk. An error of the disk is told to only one who asks: those of the thread
    /// are as good as those of the last call.
    pub(super) fn finish(self) -> io::Result<NamedTempFile> {
        if let Some(Behind { more, thread }) = self.behind {
            drop(more);
            let died = |_| Err(io::Error::other("the thread that synchronises the file died"));
            thread.join().unwrap_or_else(died)?;
        }
        self.file.as_file().sync_all()?;
        Ok(self.file)
    }

    fn wrote(&mut self, len: usize) -> io::Result<()> {
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
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
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
        let file = finished.finish().unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(bytes.len() as u64, 2 * AT_ONCE + (1 << 20));
        assert!(bytes.chunks(piece.len()).all(|part| part == piece));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
