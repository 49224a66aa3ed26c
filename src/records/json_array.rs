//! Reads the elements of a JSON array as texts, one at a time, for arrays of any length.

use std::io::{self, BufRead, BufReader, Read};

use memchr::memchr_iter;
use serde::de::IgnoredAny;

use crate::files::JsonNesting;

/// The elements of an array as texts. Only strings and brackets are interpreted, to find the end of each
/// element. The caller parses the elements as JSON.
pub(super) struct Elements<R> {
    data: BufReader<R>,
    longest: usize,
    number: u64,
    place: Place,
    /// Whether other data may follow the array.
    is_within: bool,
}

/// The position in the array.
enum Place {
    Before,
    Within,
    After,
}

impl<R: Read> Elements<R> {
    /// Reads the array in `data`. No element may have more than `longest` bytes.
    pub(super) fn new(data: R, longest: usize) -> Self {
        let data = BufReader::with_capacity(1 << 17, data);
        Self { data, longest, number: 0, place: Place::Before, is_within: false }
    }

    /// As [`new`](Self::new), for an array with other data after it.
    pub(super) fn within(data: R, longest: usize) -> Self {
        Self { is_within: true, ..Self::new(data, longest) }
    }

    /// Returns the next element and its number, from 1; `None` after the last one.
    ///
    /// # Errors
    /// When the data cannot be read, when the array has no end or is followed by other data, when the
    /// element is too long, or when it is so damaged that others may be taken for a part of it.
    pub(super) fn next_element(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        match self.place {
            Place::Before => {
                if self.next_byte()? != Some(b'[') {
                    return Err(damaged("this is no JSON array"));
                }
                self.place = Place::Within;
            }
            Place::Within => {}
            Place::After if self.is_within => return Ok(None),
            Place::After => {
                return match self.next_byte()? {
                    None => Ok(None),
                    Some(_) => Err(damaged("the JSON array is followed by other data")),
                };
            }
        }
        let (mut text, mut nesting) = (Vec::new(), JsonNesting::default());
        self.number += 1;
        loop {
            let bytes = fill(&mut self.data)?;
            if bytes.is_empty() {
                return Err(damaged("the JSON array is cut: it has no end"));
            }
            let end = bytes.iter().position(|byte| {
                let ends = nesting.is_outside() && matches!(byte, b',' | b']');
                nesting.pass(*byte);
                ends
            });
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if text.len() + part.len() > self.longest {
                let (number, longest) = (self.number, self.longest);
                let what =
                    format!("record {number} of the JSON array is longer than {longest} bytes");
                return Err(damaged(&what));
            }
            text.extend_from_slice(part);
            let is_last = end.map(|end| bytes[end] == b']');
            let read = part.len() + usize::from(end.is_some());
            self.data.consume(read);
            if let Some(is_last) = is_last {
                if is_last {
                    self.place = Place::After;
                }
                break;
            }
        }
        if self.number == 1 && matches!(self.place, Place::After) && text.trim_ascii().is_empty() {
            return self.next_element();
        }
        if text.trim_ascii().is_empty() {
            return Err(damaged(&format!("record {} of the JSON array is empty", self.number)));
        }
        if has_two_objects(&text) && serde_json::from_slice::<IgnoredAny>(&text).is_err() {
            let number = self.number;
            return Err(damaged(&format!(
                "record {number} of the JSON array is damaged, and where it ends is not known"
            )));
        }
        Ok(Some((self.number, text)))
    }

    /// Returns the next byte that is not white space.
    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        loop {
            let bytes = fill(&mut self.data)?;
            let space = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let (read, next) = match bytes.get(space) {
                Some(byte) => (space + 1, Some(*byte)),
                None if bytes.is_empty() => return Ok(None),
                None => (space, None),
            };
            self.data.consume(read);
            if next.is_some() {
                return Ok(next);
            }
        }
    }
}

/// Returns bytes that are read but not consumed; an empty slice at the end.
fn fill<R: Read>(data: &mut BufReader<R>) -> io::Result<&[u8]> {
    while let Err(error) = data.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(data.buffer())
}

/// Whether an object in a text is followed by another one as in an array, which is in no record of a proof.
fn has_two_objects(text: &[u8]) -> bool {
    memchr_iter(b'}', text).any(|at| {
        let mut after = text[at + 1..].iter().filter(|byte| !byte.is_ascii_whitespace());
        after.next() == Some(&b',') && after.next() == Some(&b'{')
    })
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// A reader that returns at most a given number of bytes per call.
    struct SmallReads<'t>(&'t [u8], usize);

    impl Read for SmallReads<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(out.len());
            self.0.read(&mut out[..most])
        }
    }

    fn elements(text: &[u8], at_once: usize, longest: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        let mut elements = Elements::new(SmallReads(text, at_once), longest);
        std::iter::from_fn(|| elements.next_element().transpose()).collect()
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[\\[\\]{},\"\\\\a ]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[\\]}\"\\\\,a]{0,4}", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Compared with a parser that reads the whole text.
        #[test]
        fn elements_equal_those_of_the_parsed_document(
            values in prop::collection::vec(value(), 0..6),
            pretty in any::<bool>(),
            at_once in 1..40usize,
        ) {
            let write = if pretty { serde_json::to_vec_pretty } else { serde_json::to_vec };
            let text = [b" \n", &write(&values).unwrap()[..], b"\r\n "].concat();
            let found = elements(&text, at_once, 1 << 16).unwrap();
            let read = |(_, text): &(u64, Vec<u8>)| serde_json::from_slice::<Value>(text).unwrap();
            prop_assert_eq!(found.iter().map(read).collect::<Vec<_>>(), values);
            prop_assert!(found.iter().map(|(number, _)| *number).eq(1..=found.len() as u64));
            // A text cut anywhere before its end is refused.
            let end = text.len() - 4;
            for cut in 0..=end {
                prop_assert!(elements(&text[..cut], at_once, 1 << 16).is_err(), "{}", cut);
            }
        }

        #[test]
        fn random_bytes_do_not_panic(text in prop::collection::vec(any::<u8>(), 0..200), at_once in 1..40usize) {
            let _ = elements(&[b"[", &text[..]].concat(), at_once, 50);
        }
    }

    #[test]
    fn trailing_data_and_long_elements_are_refused() {
        let error = |text: &[u8]| elements(text, 7, 10).unwrap_err().to_string();
        assert!(error(b"[1] 2").contains("followed by other data"));
        assert!(error(b"{}").contains("no JSON array"));
        assert!(
            error(b"[1,\"123456789\"]").contains("record 2 of the JSON array is longer than 10")
        );
        assert_eq!(elements(b"[1,\"12345678\"]", 7, 10).unwrap().len(), 2);
        assert!(error(b"[1,,2]").contains("record 2 of the JSON array is empty"));
        assert!(error(b"[1, ]").contains("record 2 of the JSON array is empty"));
        assert_eq!(elements(b"[ ]", 7, 10).unwrap(), []);
    }

    /// Between two strings without an end, brackets seem to be text.
    #[test]
    fn an_element_that_may_hold_others_is_refused() {
        let lost = b"[{\"a\":1},{\"b\":\"2},{\"c\":3},\n{\"d\":\"4},{\"e\":5}]";
        let error = elements(lost, 7, 100).unwrap_err().to_string();
        assert!(error.contains("record 2 of the JSON array is damaged"), "{error}");
        // The end of this one is known, and so is that of a list in an element.
        for (text, count) in [
            (&b"[{\"a\":1},{\"b\":,\"c\":{}},{\"d\":4}]"[..], 3),
            (b"[{\"a\":[{\"b\":1},{\"c\":2}]},{\"d\":4}]", 2),
        ] {
            assert_eq!(elements(text, 7, 100).unwrap().len(), count);
        }
    }
}
