//! What the machine can do at most: copy memory, read a file that is in memory, write one.

use std::{
    fs::File, hint::black_box, io::Write, os::unix::fs::FileExt, sync::Barrier, thread,
    time::Instant,
};

use crate::{Failed, bench::median};

/// Each thread copies and reads this many bytes, far more than the caches hold.
const SIZE: usize = 256 << 20;

/// The number of bytes that are read or written at a time.
const PIECE: usize = 1 << 20;

const ROUNDS: usize = 5;

/// Bytes for each second.
pub(crate) struct Machine {
    /// The number of all threads.
    pub(crate) threads: usize,
    /// Bytes copied, with one thread and with all.
    pub(crate) copied: [f64; 2],
    /// Bytes read from a file in the page cache, with one thread and with all.
    pub(crate) read: [f64; 2],
    /// Bytes written to a new file by one thread.
    pub(crate) written: f64,
}

impl Machine {
    pub(crate) fn measured(threads: usize) -> Result<Self, Failed> {
        let pattern: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let (mut file, started) = (tempfile::tempfile()?, Instant::now());
            for piece in pattern.chunks(PIECE) {
                file.write_all(piece)?;
            }
            times.push(started.elapsed().as_secs_f64());
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&pattern)?;
        let (pattern, file) = (&pattern[..], &file);
        Ok(Self {
            threads,
            copied: [1, threads].map(|threads| rate(threads, || Copying::new(pattern))),
            read: [1, threads].map(|threads| rate(threads, || Reading::new(pattern, file))),
            written: SIZE as f64 / median(times),
        })
    }
}

/// The bytes for each second that threads work on, each with its own `Work`.
fn rate<W: Work>(threads: usize, work: impl Fn() -> W + Sync) -> f64 {
    let (start, end) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    let mut times = Vec::new();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut work = work();
                // The first round touches all pages.
                for _ in 0..=ROUNDS {
                    start.wait();
                    work.run();
                    end.wait();
                }
                work.check();
            });
        }
        for _ in 0..=ROUNDS {
            start.wait();
            let started = Instant::now();
            end.wait();
            times.push(started.elapsed().as_secs_f64());
        }
    });
    times.remove(0);
    (threads * SIZE) as f64 / median(times)
}

trait Work {
    /// Works on [`SIZE`] bytes.
    fn run(&mut self);

    /// Compares what was done with the pattern.
    fn check(&self);
}

struct Copying<'a> {
    pattern: &'a [u8],
    source: Vec<u8>,
    target: Vec<u8>,
}

impl<'a> Copying<'a> {
    fn new(pattern: &'a [u8]) -> Self {
        Self { pattern, source: pattern.to_vec(), target: vec![0; pattern.len()] }
    }
}

impl Work for Copying<'_> {
    fn run(&mut self) {
        black_box(&mut self.target[..]).copy_from_slice(black_box(&self.source));
    }

    fn check(&self) {
        assert!(self.target == self.pattern, "a copy of the pattern");
    }
}

struct Reading<'a> {
    pattern: &'a [u8],
    file: &'a File,
    piece: Vec<u8>,
}

impl<'a> Reading<'a> {
    fn new(pattern: &'a [u8], file: &'a File) -> Self {
        Self { pattern, file, piece: vec![0; PIECE] }
    }
}

impl Work for Reading<'_> {
    fn run(&mut self) {
        for at in (0..SIZE).step_by(PIECE) {
            let read = self.file.read_exact_at(&mut self.piece, at as u64);
            assert!(read.is_ok(), "the file is as long as it was written");
        }
    }

    fn check(&self) {
        assert!(self.pattern.ends_with(&self.piece), "the end of the pattern");
    }
}
