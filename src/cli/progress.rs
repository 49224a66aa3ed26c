//! How far a job is, on standard error.

use std::{
    fs::Metadata,
    io::{self, IsTerminal, Write},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::args::{GlobalArgs, When};
use crate::files::{ReadProgress, ReadProgressHandle};

/// How many times a second a bar is drawn on what is no terminal.
const DRAWN: u8 = 5;
/// How wide a line is there.
const WIDTH: u16 = 80;

const COUNTED: &str = "{bar:24} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left";
const COUNTING: &str = "{spinner} {human_pos} {msg}, {per_sec}, {elapsed}";
const READ_OF: &str = "{bar:24} {bytes} of {total_bytes} read, {bytes_per_sec}, {eta} left";
const READING: &str = "{spinner} {bytes} read, {bytes_per_sec}, {elapsed}";
const ALL_READ: &str = "{spinner} all {bytes} read, putting them in order, {elapsed}";
const BUSY: &str = "{spinner} {msg}, {elapsed}";

/// A bar, where one is wanted.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

/// Whether bars are to be drawn, as the command line says.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProgressFactory {
    when: When,
    quiet: bool,
}

impl ProgressFactory {
    pub(super) fn new(global: &GlobalArgs) -> Self {
        Self { when: global.progress, quiet: global.quiet }
    }

    /// A bar that counts `what` up to a number, or for ever.
    pub(super) fn begin(self, what: &'static str, end: Option<u64>) -> Progress {
        self.bar(what, end, if end.is_some() { COUNTED } else { COUNTING })
    }

    /// A bar for the reading of inputs: [`Progress::watcher`] is told what was read.
    pub(super) fn reading(self) -> Progress {
        self.bar("", None, READING)
    }

    /// Something that takes a while, and does not say how far it is.
    pub(super) fn busy(self, what: &'static str) -> Progress {
        self.bar(what, None, BUSY)
    }

    fn bar(self, what: &'static str, end: Option<u64>, template: &str) -> Progress {
        let target = match self.when {
            When::Never => ProgressDrawTarget::hidden(),
            When::Auto if self.quiet || !io::stderr().is_terminal() => ProgressDrawTarget::hidden(),
            When::Auto => ProgressDrawTarget::stderr(),
            When::Always if io::stderr().is_terminal() => ProgressDrawTarget::stderr(),
            When::Always => ProgressDrawTarget::term_like_with_hz(Box::new(Lines), DRAWN),
        };
        let bar = ProgressBar::with_draw_target(end, target);
        style(&bar, template);
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        *shown() = Some(bar.clone());
        Progress { bar }
    }
}

/// The bar that is there.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to standard error beside the bar, if there is one.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let bar = shown().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// `template` is one of those above, which are well-formed.
fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

impl Progress {
    pub(super) fn add(&self, count: u64) {
        self.bar.inc(count);
    }

    /// What was done before this job began does not count for its rate.
    pub(super) fn go_on_from(&self, count: u64) {
        self.bar.set_position(count);
        self.bar.reset_eta();
    }

    /// Who shows how far the reading is, for a library that reads.
    pub(super) fn watcher(&self) -> ReadProgressHandle {
        ReadProgressHandle::new(Arc::new(Reading(self.bar.clone())))
    }

    /// Leaves the line to others.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
        *shown() = None;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// How many bytes an input has, where that is known before it is read.
pub(super) fn file_len(path: &Path) -> Option<u64> {
    path.metadata().ok().filter(Metadata::is_file).map(|found| found.len())
}

/// A bar that counts bytes.
struct Reading(ProgressBar);

impl ReadProgress for Reading {
    fn expect(&self, bytes: u64) {
        if bytes > 0 {
            self.0.set_length(self.0.length().unwrap_or(0) + bytes);
            style(&self.0, READ_OF);
        }
    }

    fn read(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn all_read(&self) {
        style(&self.0, ALL_READ);
    }
}

/// Standard error where it is no terminal: a line each time, and nothing taken back.
#[derive(Debug)]
struct Lines;

impl TermLike for Lines {
    fn width(&self) -> u16 {
        WIDTH
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(line)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        match text.trim() {
            "" => Ok(()),
            text => writeln!(io::stderr(), "{text}"),
        }
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
