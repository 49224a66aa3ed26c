//! How far a job is, on standard error.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::args::{GlobalArgs, When};

/// How many times a second a bar is drawn on what is no terminal.
const DRAWN: u8 = 5;
/// How wide a line is there.
const WIDTH: u16 = 80;

/// A bar, where one is wanted.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

/// Whether bars are to be drawn, as the command line says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bars {
    when: When,
    quiet: bool,
}

impl Bars {
    pub(super) fn new(global: &GlobalArgs) -> Self {
        Self { when: global.progress, quiet: global.quiet }
    }

    /// A bar that counts `what` up to a number, or for ever.
    pub(super) fn begin(self, what: &'static str, end: Option<u64>) -> Progress {
        let target = match self.when {
            When::Never => ProgressDrawTarget::hidden(),
            When::Auto if self.quiet || !io::stderr().is_terminal() => ProgressDrawTarget::hidden(),
            When::Auto => ProgressDrawTarget::stderr(),
            When::Always if io::stderr().is_terminal() => ProgressDrawTarget::stderr(),
            When::Always => ProgressDrawTarget::term_like_with_hz(Box::new(Lines), DRAWN),
        };
        let bar = ProgressBar::with_draw_target(end, target);
        let template = match end {
            Some(_) => "{bar:24} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left",
            None => "{spinner} {human_pos} {msg}, {per_sec}, {elapsed}",
        };
        // The templates are those above, which are well-formed.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar }
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

    /// Leaves the line to others.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
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
