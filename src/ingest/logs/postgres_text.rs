//! Decodes the text forms of Postgres values.
//!
//! | value | `COPY`, `pg_dump` | CSV |
//! | --- | --- | --- |
//! | NULL | `\N` | empty |
//! | bytea | `\\x0df3` | `\x0df3` |
//! | bytea[] | `{"\\\\x0df3","\\\\x"}` | `"{""\\x0df3"",""\\x""}"` |
//! | bool | `t`, `f` | the same |
//!
//! `COPY` doubles every backslash, CSV every quotation mark; apart from that both are the same. Source:
//! PostgreSQL's documentation of `COPY`, of `bytea` (`bytea_output = hex`), and of arrays.

use super::SourceError;
use crate::ingest::record::Record;

const LOST: &str = "does not begin with \\x: a backslash was lost (COPY writes two, CSV one), or \
                    bytea_output is not hex";
const DOUBLED: &str = "begins with two backslashes where there should be one: it was escaped once more \
                       than its format requires";

/// A column that must not be NULL.
pub(super) fn required<'r>(
    record: &'r Record,
    at: usize,
    column: &'static str,
) -> Result<&'r [u8], SourceError> {
    record.get(at).ok_or_else(|| SourceError::Column { column, reason: "is NULL".into() })
}

/// A non-negative number.
pub(super) fn integer(text: &[u8], column: &'static str) -> Result<u64, SourceError> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| SourceError::Column {
        column,
        reason: format!("{} is not a non-negative integer", quoted(text)),
    })
}

pub(super) fn boolean(text: &[u8], column: &'static str) -> Result<bool, SourceError> {
    match text {
        b"t" | b"true" => Ok(true),
        b"f" | b"false" => Ok(false),
        _ => Err(SourceError::Column {
            column,
            reason: format!("{} is neither t nor f", quoted(text)),
        }),
    }
}

/// Appends the bytes of a bytea.
pub(super) fn bytea(
    text: &[u8],
    column: &'static str,
    bytes: &mut Vec<u8>,
) -> Result<(), SourceError> {
    let bad =
        |reason: &str| SourceError::Column { column, reason: format!("{} {reason}", quoted(text)) };
    let digits = match text {
        [b'\\', b'x', digits @ ..] => digits,
        [b'\\', b'\\', ..] => return Err(bad(DOUBLED)),
        _ => return Err(bad(LOST)),
    };
    if !digits.len().is_multiple_of(2) {
        return Err(bad("has an odd number of digits"));
    }
    let start = bytes.len();
    bytes.resize(start + digits.len() / 2, 0);
    const_hex::decode_to_slice(digits, &mut bytes[start..])
        .map_err(|error| bad(&format!("is not hexadecimal: {error}")))
}

/// A bytea of exactly `N` bytes.
pub(super) fn fixed<const N: usize>(
    text: &[u8],
    column: &'static str,
) -> Result<[u8; N], SourceError> {
    let mut bytes = Vec::with_capacity(N);
    bytea(text, column, &mut bytes)?;
    <[u8; N]>::try_from(&bytes[..]).map_err(|_| SourceError::Column {
        column,
        reason: format!("has {} bytes, not {N}", bytes.len()),
    })
}

/// The elements of a bytea[], back to back, and the end of each.
pub(super) fn bytea_array(
    text: &[u8],
    column: &'static str,
) -> Result<(Vec<u8>, Vec<u64>), SourceError> {
    let bad =
        |reason: &str| SourceError::Column { column, reason: format!("{} {reason}", quoted(text)) };
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    let inside = text.strip_prefix(b"{").and_then(|text| text.strip_suffix(b"}"));
    let mut rest = inside.ok_or_else(|| bad("is not an array in braces"))?;
    let mut element = Vec::new();
    while !rest.is_empty() {
        let Some((b'"', after)) = rest.split_first() else {
            return Err(bad("has an element without quotation marks, which is not a bytea"));
        };
        rest = after;
        element.clear();
        loop {
            match rest {
                [b'\\', escaped, after @ ..] => {
                    element.push(*escaped);
                    rest = after;
                }
                [b'"', after @ ..] => {
                    rest = after;
                    break;
                }
                [byte, after @ ..] => {
                    element.push(*byte);
                    rest = after;
                }
                [] => return Err(bad("ends inside an element")),
            }
        }
        bytea(&element, column, &mut bytes)?;
        ends.push(bytes.len() as u64);
        rest = match rest {
            [b',', after @ ..] if !after.is_empty() => after,
            [] => rest,
            _ => return Err(bad("has no comma after an element")),
        };
    }
    Ok((bytes, ends))
}

/// The beginning of a text, quoted for errors.
fn quoted(text: &[u8]) -> String {
    const SHOWN: usize = 24;
    let shown = String::from_utf8_lossy(&text[..text.len().min(SHOWN)]);
    if text.len() > SHOWN { format!("{shown:?}…") } else { format!("{shown:?}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn copied(line: &str) -> Record {
        let mut record = Record::default();
        record.push_copied(line.as_bytes());
        record
    }

    /// The examples in Postgres' documentation.
    #[test]
    fn the_documented_forms_are_read() {
        let record =
            copied("\\\\x0df3\t\\N\t{\"\\\\\\\\x0df3\",\"\\\\\\\\x\"}\t{}\tt\ta\\tb\\101\\n");
        assert_eq!(fixed(record.get(0).unwrap(), "c").unwrap(), [0x0d, 0xf3]);
        assert_eq!(record.get(1), None);
        let array = bytea_array(record.get(2).unwrap(), "c").unwrap();
        assert_eq!(array, (vec![0x0d, 0xf3], vec![2, 2]));
        assert_eq!(bytea_array(record.get(3).unwrap(), "c").unwrap(), (vec![], vec![]));
        assert!(boolean(record.get(4).unwrap(), "c").unwrap());
        assert_eq!(record.get(5).unwrap(), b"a\tbA\n");
        assert_eq!(record.len(), 6);
        assert_eq!(record.get(6), None);
    }

    #[test]
    fn each_kind_of_wrong_escape_has_its_error() {
        let reason = |text: &str| {
            let record = copied(text);
            let one = fixed::<2>(record.get(0).unwrap(), "c").unwrap_err().to_string();
            let many = bytea_array(record.get(0).unwrap(), "c").unwrap_err().to_string();
            (one, many)
        };
        // One backslash where COPY writes two.
        assert!(reason("\\x0df3").0.contains("a backslash was lost"));
        assert!(reason("{\"\\\\x0df3\"}").1.contains("a backslash was lost"));
        // Four backslashes where COPY writes two.
        assert!(reason("\\\\\\\\x0df3").0.contains("two backslashes"));
        assert!(reason("{\"\\\\\\\\\\\\\\\\x0df3\"}").1.contains("two backslashes"));
        for damaged in ["{", "{\"", "{\"\\\\\\\\x00\",}", "{\"\\\\\\\\x00\"\"\"}", "{NULL}", "{{}}"]
        {
            assert!(bytea_array(copied(damaged).get(0).unwrap(), "c").is_err(), "{damaged}");
        }
        assert!(reason("\\\\x0df").0.contains("odd number"));
        assert!(
            reason("\\\\x0dfg").0.contains("\"\\\\x0dfg\" is not hexadecimal"),
            "{}",
            reason("\\\\x0dfg").0
        );
        assert!(reason("\\\\x0d").0.contains("has 1 bytes, not 2"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            elements in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
        ) {
            let texts: Vec<_> =
                elements.iter().map(|element| format!("\"\\\\\\\\x{}\"", hex(element))).collect();
            let record = copied(&format!("{{{}}}", texts.join(",")));
            let (bytes, ends) = bytea_array(record.get(0).unwrap(), "c").unwrap();
            prop_assert_eq!(bytes, elements.concat());
            let mut end = 0;
            let expected: Vec<u64> =
                elements.iter().map(|element| { end += element.len() as u64; end }).collect();
            prop_assert_eq!(ends, expected);
        }

        #[test]
        fn random_text_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut record = Record::default();
            record.push_copied(&bytes);
            for column in 0..record.len() {
                let text = record.get(column).unwrap_or_default();
                let _ = bytea_array(text, "c");
                let _ = bytea_array(&[b"{\"", text, b"\"}"].concat(), "c");
                let _ = fixed::<3>(text, "c");
            }
        }
    }
}
