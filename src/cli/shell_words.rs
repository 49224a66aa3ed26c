//! Words of a command that a shell reads as they are meant.

use std::path::Path;

/// A path as one word of a command.
pub(super) fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('-') {
        return text.into_owned();
    }
    let quoted = match text.chars().any(char::is_control) {
        true => with_escapes(&text),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    };
    if text.starts_with('-') { format!("./{quoted}") } else { quoted }
}

/// A word with control characters, which would look like other lines or control the terminal, as escapes.
fn with_escapes(text: &str) -> String {
    let mut word = "$'".to_owned();
    for character in text.chars() {
        match character {
            '\'' | '\\' => word.extend(['\\', character]),
            _ if character.is_control() => {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    // Three digits, so that a digit that follows does not belong to it.
                    word += &format!("\\{byte:03o}");
                }
            }
            _ => word.push(character),
        }
    }
    word + "'"
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
            ("a\n1 it's \u{1b}\\", r"$'a\0121 it\'s \033\\'"),
            ("-\u{9b}", r"./$'-\302\233'"),
        ] {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }
}
