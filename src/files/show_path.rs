//! Names of files in messages.

use std::{
    fmt::{self, Write},
    path::Path,
};

/// Shows paths in messages.
pub(crate) trait ShowPath {
    /// The path with control characters escaped, also those that begin a new line: a name may hold anything, and must
    /// not look like other lines of the message or control the terminal.
    fn shown(&self) -> ShownPath<'_>;
}

impl ShowPath for Path {
    fn shown(&self) -> ShownPath<'_> {
        ShownPath(self)
    }
}

/// A path as messages show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownPath<'p>(&'p Path);

impl fmt::Display for ShownPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string_lossy().chars().try_for_each(|character| match character {
            // These separate lines too.
            '\u{2028}' | '\u{2029}' => write!(f, "{}", character.escape_unicode()),
            _ if character.is_control() => write!(f, "{}", character.escape_default()),
            _ => f.write_char(character),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_without_control_characters() {
        for (name, shown) in [
            ("archive/my logs ä.json", "archive/my logs ä.json"),
            ("a\n\nb\tc\r", "a\\n\\nb\\tc\\r"),
            ("\u{1b}[31m\u{9b}2J\u{7f}", "\\u{1b}[31m\\u{9b}2J\\u{7f}"),
            ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
        ] {
            assert_eq!(Path::new(name).shown().to_string(), shown);
        }
    }
}
