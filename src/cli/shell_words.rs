//! Words of a command that a shell reads as they are meant.

use std::path::Path;

/// A path as one word of a command.
pub(super) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('-') {
        return text;
    }
    let quoted = format!("'{}'", text.replace('\'', r"'\''"));
    if text.starts_with('-') { format!("./{quoted}") } else { quoted }
}

/// Paths as words of a command.
pub(super) fn shell_words<P: AsRef<Path>>(paths: &[P]) -> String {
    let words: Vec<String> = paths.iter().map(|path| shell_word(path.as_ref())).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_one_word() {
        for (path, word) in [
            ("archive/gateway-v29", "archive/gateway-v29"),
            ("my archive", "'my archive'"),
            ("it's $HOME", r"'it'\''s $HOME'"),
            ("-o", "./'-o'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }
}
