//! Progress bars on standard error.

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

/// How many times a second a bar is drawn if standard error is not a terminal.
const REDRAWS_PER_SECOND: u8 = 5;
/// The width of a line if standard error is not a terminal.
const WIDTH: u16 = 80;

const COUNTED: &str = "{bar:24} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left";
const COUNTING: &str = "{spinner} {human_pos} {msg}, {per_sec}, {elapsed}";
const READ_OF: &str = "{bar:24} {bytes} of {total_bytes} read, {bytes_per_sec}, {eta} left";
const READING: &str = "{spinner} {bytes} read, {bytes_per_sec}, {elapsed}";
const ALL_READ: &str = "{spinner} all {bytes} read, sorting, {elapsed}";
const BUSY: &str = "{spinner} {msg}, {elapsed}";

/// A progress bar; hidden if the user does not want bars.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

/// Creates bars, which the command line may have turned off.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProgressFactory {
    when: When,
    quiet: bool,
}

impl ProgressFactory {
    pub(super) fn new(global: &GlobalArgs) -> Self {
        Self { when: global.progress, quiet: global.quiet }
    }

    /// Whether bars are shown.
    pub(super) fn are_shown(self) -> bool {
        match self.when {
            When::Never => false,
            When::Auto => !self.quiet && io::stderr().is_terminal(),
            When::Always => true,
        }
    }

    /// A bar that counts `what` up to `end`, or without an end.
    pub(super) fn begin(self, what: &'static str, end: Option<u64>) -> Progress {
        self.bar(what, end, if end.is_some() { COUNTED } else { COUNTING })
    }

    /// A bar for reading inputs. [`Progress::watcher`] returns the handle that updates it.
    pub(super) fn reading(self) -> Progress {
        self.bar("", None, READING)
    }

    /// A spinner for work that does not report its progress.
    pub(super) fn busy(self, what: &'static str) -> Progress {
        self.bar(what, None, BUSY)
    }

    fn bar(self, what: &'static str, end: Option<u64>, template: &str) -> Progress {
        if !self.are_shown() {
            return Progress { bar: ProgressBar::hidden() };
        }
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::term_like_with_hz(Box::new(Lines), REDRAWS_PER_SECOND),
        };
        let bar = ProgressBar::with_draw_target(end, target);
        style(&bar, template);
        bar.set_message(what);
        if !bar.is_hidden() {
            // It starts a thread.
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        *shown() = Some(bar.clone());
        Progress { bar }
    }
}

/// The bar that is shown now.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hides the bar, if there is one, while `write` writes to standard error.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let bar = shown().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Sets the template. It is one of the constants above, which are valid.
fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

impl Progress {
    pub(super) fn add(&self, count: u64) {
        self.bar.inc(count);
    }

    /// Starts at `count`. Work done before this run does not count for its rate.
    pub(super) fn go_on_from(&self, count: u64) {
        self.bar.set_position(count);
        self.bar.reset_eta();
    }

    /// The handle by which the library reports how much it has read.
    pub(super) fn watcher(&self) -> ReadProgressHandle {
        ReadProgressHandle::new(Arc::new(Reading(self.bar.clone())))
    }

    /// Removes the bar.
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

/// The length of an input in bytes, if it is known before the input is read.
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

/// Standard error that is not a terminal: each drawing is a new line, and nothing is erased.
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
