//! Words for people, on standard error.

use std::{error::Error, fmt, io::Write, path::Path};

use clap::builder::styling::{AnsiColor, Style};

use super::{args::GlobalArgs, hint, progress};

const RED: Style = AnsiColor::Red.on_default().bold();

/// How much to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    quiet: bool,
    verbose: bool,
}

impl Console {
    pub(super) fn new(global: &GlobalArgs) -> Self {
        Self { quiet: global.quiet, verbose: global.verbose }
    }

    /// What came out of it; silent with `--quiet`.
    pub(super) fn info(&self, text: impl fmt::Display) {
        if !self.quiet {
            line(text);
        }
    }

    /// How something was understood; only with `--verbose`.
    pub(super) fn verbose(&self, text: impl fmt::Display) {
        if self.verbose {
            line(text);
        }
    }
}

/// An error with the chain of its causes, and the flags that help against it.
pub(super) fn error(error: &(dyn Error + 'static)) {
    print(format_args!("{RED}error:{RED:#} {}", visible(&error.to_string())));
    let mut cause = error.source();
    while let Some(error) = cause {
        line(format_args!("  because: {error}"));
        cause = error.source();
    }
    if let Some(hint) = hint::of(error) {
        line(format_args!("  hint: {hint}"));
    }
}

/// Words that belong to errors.
pub(super) fn words_of_error(text: impl fmt::Display) {
    line(text);
}

fn line(text: impl fmt::Display) {
    print(visible(&text.to_string()));
}

/// A text in which nothing talks to the terminal: names of files and pieces of inputs may be anything.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => visible.push(character),
            _ if character.is_control() => visible.extend(character.escape_default()),
            _ => visible.push(character),
        }
    }
    visible
}

fn print(text: impl fmt::Display) {
    // Nobody is left to be told when standard error is closed.
    let _ = progress::aside(|| writeln!(anstream::stderr(), "{text}"));
}

/// An output as it was given.
pub(super) fn named(output: &Path) -> impl fmt::Display {
    if output == Path::new("-") { Path::new("standard output").display() } else { output.display() }
}

/// A number with its thousands apart.
pub(super) fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(count(0u64), "0");
        assert_eq!(count(999u64), "999");
        assert_eq!(count(1000u64), "1,000");
        assert_eq!(count(1_234_567u64), "1,234,567");
    }

    #[test]
    fn nothing_talks_to_the_terminal() {
        assert_eq!(visible("plain\n\tä"), "plain\n\tä");
        assert_eq!(visible("\u{1b}[2Jgone\u{9b}\r"), "\\u{1b}[2Jgone\\u{9b}\\r");
    }
}
