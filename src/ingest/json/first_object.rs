//! The object by which a text of JSON is recognized.

use std::io::Cursor;

use memchr::memchr;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::first_members;
use crate::files::{HEAD_LEN, Input};

/// The most damaged lines that are passed over. Each may be compared with all of the text behind it.
const MOST_DAMAGED_LINES: usize = 16;

/// Whether a text is JSON, although the beginning of its first line may be lost.
pub(in crate::ingest) fn is_json(head: &[u8]) -> bool {
    matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')) || first_object(head).is_some()
}

/// The part of an input's first mebibyte from the object on by which it is recognized: the first that is whole, and
/// neither null, nor the error of a node, nor its answer of null. `None` if the input begins with it, or has none.
pub(in crate::ingest) fn from_first_object(input: &Input) -> Option<Input> {
    let rest = first_object(input.head())?;
    Input::from_reader(input.name(), Cursor::new(rest.to_vec())).ok()
}

/// As [`from_first_object`], in the beginning of a text.
///
/// Damage is passed over up to the end of its line, and only a line of its own is an object behind it. The beginning of
/// the first line may be lost, if the second one begins with an object.
pub(super) fn first_object(head: &[u8]) -> Option<&[u8]> {
    let text = from_value(head);
    let (mut rest, mut damaged, mut found) = (text, 0, None);
    while damaged <= MOST_DAMAGED_LINES {
        let after = match Value::at(rest) {
            Value::Object(after) if damaged == 0 || ends_line(after) => {
                found = Some(rest);
                break;
            }
            Value::Nothing(after) => Some(after),
            // The rest of the object is behind the beginning of the text.
            Value::Cut if head.len() as u64 >= HEAD_LEN => {
                found = Some(rest);
                break;
            }
            Value::Cut | Value::Damaged | Value::Object(_) => {
                damaged += 1;
                found = found.or(Some(rest));
                next_line(rest)
            }
            Value::Other if rest.len() == text.len() => {
                damaged += 1;
                next_line(rest).filter(|line| line.starts_with(b"{"))
            }
            Value::Other => None,
        };
        let Some(after) = after else { break };
        rest = from_value(after);
    }
    found.filter(|found| found.len() < text.len())
}

/// What a text begins with.
enum Value<'t> {
    /// An object. The text goes on after it.
    Object(&'t [u8]),
    /// Null, or an answer that says nothing.
    Nothing(&'t [u8]),
    /// An object that the text does not end.
    Cut,
    /// An object that is not JSON.
    Damaged,
    /// Something else, or nothing.
    Other,
}

impl<'t> Value<'t> {
    fn at(text: &'t [u8]) -> Self {
        if let Some(after) = text.strip_prefix(b"null") {
            return Self::Nothing(after);
        }
        if !text.starts_with(b"{") {
            return Self::Other;
        }
        let mut values = Deserializer::from_slice(text).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                let (object, after) = text.split_at(values.byte_offset());
                if says_nothing(object) { Self::Nothing(after) } else { Self::Object(after) }
            }
            Some(Err(error)) if error.is_eof() => Self::Cut,
            _ => Self::Damaged,
        }
    }
}

/// Whether an object is an answer with an error, or with the result null.
fn says_nothing(object: &[u8]) -> bool {
    first_members(object).iter().all(|(name, value)| match *name {
        b"jsonrpc" | b"id" | b"error" => true,
        b"result" => value.trim_ascii_start().starts_with(b"null"),
        _ => false,
    })
}

/// The text from its first value on, or what stands in its place.
fn from_value(text: &[u8]) -> &[u8] {
    let is_before = |byte: &u8| byte.is_ascii_whitespace() || b",[]".contains(byte);
    &text[text.iter().take_while(|byte| is_before(byte)).count()..]
}

fn next_line(text: &[u8]) -> Option<&[u8]> {
    memchr(b'\n', text).map(|end| &text[end + 1..])
}

fn ends_line(text: &[u8]) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.trim_ascii().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the object begins by which a text is recognized.
    fn begins(text: &str) -> Option<&str> {
        first_object(text.as_bytes()).map(|rest| std::str::from_utf8(rest).unwrap())
    }

    #[test]
    fn errors_nulls_and_damaged_lines_are_passed_over() {
        const ERROR: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32005}}";
        const NULL: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}";
        let good = "{\"a\":[1,{}]}\n{\"a\":2}";
        for before in [
            "null\n",
            "[null,\n",
            &format!("[{ERROR},{NULL}, "),
            &format!("{ERROR}\n{NULL}\nnull\n"),
            "{\"a\":\"0x\n",
            "{\"a\":[1,\n",
            "{\"a\":}\n{\"a\":1\n\n",
            "a\":1}\n",
            ",2]}\n",
            "\0\0\0\"}\n",
            &format!("{ERROR}\n{{\"a\":\"\n"),
        ] {
            assert_eq!(begins(&format!("{before}{good}")), Some(good), "{before}");
        }
        // What the end of the text cuts off is recognized by its members, unless something before it tells more.
        let cut = "{\"logs\":[\"0x";
        assert_eq!(begins(&format!("{ERROR}\n{cut}")), Some(cut));
    }

    #[test]
    fn a_text_that_begins_with_its_object_is_left_as_it_is() {
        let spread = "{\"result\":[\n{\"a\":1},\n{\"a\":2}\n]}";
        for text in [
            "",
            "null",
            "{}",
            "{\"a\":1}\nx",
            " [{\"a\":1},null]",
            spread,
            // A value over several lines that is cut off.
            &spread[..spread.len() - 5],
            "{\"a\":1,\n \"b\":{\n",
            // Other texts.
            "address,slot,value\n0x05,0x1,0x2\n{\"a\":1}",
            "# Logs\n\n{\"a\":1}",
            "a\nb\n{\"a\":1}",
            "{\"request\":{},\"error\":{}}\n{\"a\":1}",
            "{\"jsonrpc\":\"2.0\",\"result\":\"0x01\"}\n{\"a\":1}",
        ] {
            assert_eq!(begins(text), None, "{text}");
        }
        let long = format!("{{\"result\":[\n{{\"a\":1}}\n,\"{}", "x".repeat(1 << 20));
        assert_eq!(begins(&long[..1 << 20]), None);
    }

    #[test]
    fn the_work_is_bounded() {
        let open = "{\"a\":\n".repeat(HEAD_LEN as usize / 6);
        assert_eq!(begins(&open), None);
        let closed = "{}\n".repeat(HEAD_LEN as usize / 3);
        assert_eq!(begins(&closed), None);
    }
}
