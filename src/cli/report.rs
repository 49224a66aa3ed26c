//! Messages to people and programs, on standard error.

use std::{
    error::Error,
    fmt,
    io::Write,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};

use super::{
    args::GlobalArgs,
    error::{CliError, Outcome},
    hint, progress,
};
use crate::{
    files::{Output, ShowPath},
    ingest::logs::SkippedInputs,
    proof::{Failure, FailureCode},
    prove::{
        error_text::{causes, text_of},
        with_causes,
    },
};

const RED: Style = AnsiColor::Red.on_default().bold();

/// The most parts left out that are described.
pub(super) const LEFT_OUT_SHOWN: usize = 20;

/// Whether messages are JSON. It is global because errors are printed from many places.
static JSON: AtomicBool = AtomicBool::new(false);

/// From now on, every message is a JSON object on its own line.
pub(super) fn use_json() {
    JSON.store(true, Ordering::Relaxed);
}

fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Which messages are printed, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    quiet: bool,
    verbose: bool,
}

impl Console {
    pub(super) fn new(global: &GlobalArgs) -> Self {
        Self { quiet: global.quiet, verbose: global.verbose }
    }

    /// Whether results and summaries are JSON.
    pub(super) fn is_json(self) -> bool {
        is_json()
    }

    /// A console that prints nothing but errors.
    pub(super) fn silent() -> Self {
        Self { quiet: true, verbose: false }
    }

    /// Whether only errors are to be printed.
    pub(super) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether everything is to be printed.
    pub(super) fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Prints a part of the text summary. The JSON summary has the same facts, so with `--json` the text is
    /// printed only with `--verbose`.
    pub(super) fn info(self, text: impl fmt::Display) {
        if is_json() {
            self.verbose(text);
        } else if !self.quiet {
            line(text);
        }
    }

    /// Prints a decision, such as the detected format of an input; only with `--verbose`.
    pub(super) fn verbose(self, text: impl fmt::Display) {
        match (self.verbose, is_json()) {
            (false, _) => {}
            (true, false) => line(text),
            (true, true) => print(json!({"message": text.to_string()})),
        }
    }

    /// Prints the summary of a command whose output has its own format; only with `--json`.
    pub(super) fn summary(self, summary: &impl serde::Serialize) {
        if is_json() && !self.quiet {
            // This cannot fail: all maps in summaries have text keys.
            print(serde_json::to_value(summary).unwrap_or_default());
        }
    }
}

/// Writes a result to standard output: a JSON document with `--json`, else text.
pub(super) fn result(value: &Value, text: impl FnOnce() -> String) -> Result<(), CliError> {
    let text = if is_json() { format!("{value:#}\n") } else { text() };
    let mut output = Output::create(Path::new("-"))?;
    CliError::unless_unread(output.put(text.as_bytes()).and_then(|()| output.finish()))
}

/// Prints the error that ends the command.
pub(super) fn error(error: &CliError) {
    failure(error, error.code(), error.exit_code());
}

/// Prints the errors of inputs, and of parts of inputs, that were left out, from the `from`-th on. The command that goes on
/// without them ends with this outcome.
pub(super) fn left_out(parts: &SkippedInputs, from: usize, outcome: Outcome) {
    for error in parts.first().iter().take(LEFT_OUT_SHOWN).skip(from) {
        failure(error, FailureCode::LeftOut, outcome.exit_code());
    }
    and_more(parts.count());
}

/// Prints in a summary how many parts were left out, if any were.
pub(super) fn say_left_out(parts: u64, console: &Console) {
    match parts {
        0 => {}
        1 => console.info("left out           1 part of the archive"),
        _ => console.info(format_args!("left out           {} parts of the archive", count(parts))),
    }
}

/// Says how many follow after the first ones that are shown.
pub(super) fn and_more(all: u64) {
    let more = all.saturating_sub(LEFT_OUT_SHOWN as u64);
    if more > 0 {
        words_of_error(format_args!("and {} more like these", count(more)));
    }
}

/// Prints a failed request, if the output format has no record for it.
pub(super) fn request_failed(failure: &Failure) {
    let Failure { code, message } = failure;
    if is_json() {
        return error_object(*code, message, None, Outcome::SomeFailed.exit_code());
    }
    print(format_args!("{RED}error:{RED:#} {code}: {}", visible(message)));
}

/// Prints an error with its causes and its hint.
fn failure(error: &(dyn Error + 'static), code: FailureCode, exit_code: u8) {
    let hint = hint::of(error);
    if is_json() {
        return error_object(code, &with_causes(error), hint, exit_code);
    }
    print(format_args!("{RED}error:{RED:#} {}", visible(&text_of(error))));
    for cause in causes(error) {
        line(format_args!("  because: {cause}"));
    }
    if let Some(hint) = hint {
        line(format_args!("hint: {hint}"));
    }
}

/// Prints an error as one JSON object.
pub(super) fn error_object(code: FailureCode, message: &str, hint: Option<&str>, exit_code: u8) {
    print(json!({"error": {
        "code": code,
        "message": message,
        "hint": hint,
        "exitCode": exit_code,
    }}));
}

/// Prints text that belongs to an error.
pub(super) fn words_of_error(text: impl fmt::Display) {
    if is_json() { print(json!({"message": text.to_string()})) } else { line(text) }
}

fn line(text: impl fmt::Display) {
    print(visible(&text.to_string()));
}

/// Escapes control characters, which names of files and parts of inputs may contain.
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
    let line = format!("{text}\n");
    // If standard error is closed, the error cannot be reported.
    let _ = progress::aside(|| anstream::stderr().write_all(line.as_bytes()));
}

/// The name of an output in messages.
pub(super) fn named(output: &Path) -> impl fmt::Display {
    if output == Path::new("-") { Path::new("standard output").shown() } else { output.shown() }
}

/// A number with commas as thousands separators.
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
    fn thousands_are_separated() {
        assert_eq!(count(0u64), "0");
        assert_eq!(count(999u64), "999");
        assert_eq!(count(1000u64), "1,000");
        assert_eq!(count(1_234_567u64), "1,234,567");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(visible("plain\n\tä"), "plain\n\tä");
        assert_eq!(visible("\u{1b}[2Jgone\u{9b}\r"), "\\u{1b}[2Jgone\\u{9b}\\r");
    }
}
