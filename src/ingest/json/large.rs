//! A JSON text with objects of very many members, which are parsed on all threads.
//!
//! The members in the usual form, `"NAME":"VALUE",`, are taken out of the text before the streaming reader sees them. It
//! gets the text only up to each opening brace, so that it holds nothing of an object that was just begun. What is in
//! another form, or in error, is left to it: it reads every text and finds every error as if it were alone.

use std::{
    io::{self, Read},
    mem,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use memchr::{memchr, memrchr_iter};
use rayon::prelude::*;

use super::Json;
use crate::{files::Input, ingest::state::ImportError};

/// The bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// The blocks for each thread that are parsed while as many are read.
const BLOCKS_PER_THREAD: usize = 2;

/// A reader of a JSON text with large objects.
pub(in crate::ingest) struct LargeJson {
    json: Json<Shared>,
    text: Shared,
}

impl LargeJson {
    pub(in crate::ingest) fn of(input: Input) -> Self {
        let name = input.name().to_owned();
        let text = Text { data: input, read: Vec::new(), at: 0, is_end: false, failed: None };
        let text = Shared(Arc::new(Mutex::new(text)));
        Self { json: Json::new(name, text.clone()), text }
    }

    /// Parses members of the object that was just begun by `parse`, on all threads, and passes the results to `take`, in
    /// the order of the text. `parse` gets a text of whole members and returns how much of it is in the form that it
    /// takes. The members after that are left in the object.
    pub(in crate::ingest) fn members<T: Send>(
        &mut self,
        parse: impl Fn(&[u8]) -> (T, usize) + Sync,
        mut take: impl FnMut(T) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let mut text = self.text.lock();
        let text = &mut *text;
        let at_once = BLOCKS_PER_THREAD * rayon::current_num_threads();
        // Most objects are in one block.
        let (mut blocks, mut is_first) = (text.blocks(1), true);
        while !blocks.is_empty() {
            let all = || blocks.par_iter().map(|block| parse(block)).collect();
            let (parsed, next): (Vec<(T, usize)>, _) = match is_first {
                true => (blocks.iter().map(|block| parse(block)).collect(), Vec::new()),
                false => rayon::join(all, || text.blocks(at_once)),
            };
            for (index, (found, len)) in parsed.into_iter().enumerate() {
                let (taken, rest) = blocks[index].split_at(len);
                self.json.pass_by(taken);
                take(found)?;
                if !rest.is_empty() {
                    let later = blocks[index + 1..].iter().chain(&next).map(Vec::as_slice);
                    text.put_back(&[rest].into_iter().chain(later).collect::<Vec<_>>().concat());
                    return Ok(());
                }
            }
            blocks = if is_first { text.blocks(at_once) } else { next };
            is_first = false;
        }
        Ok(())
    }

    /// Checks that nothing follows.
    pub(in crate::ingest) fn finish(self) -> Result<(), ImportError> {
        self.json.finish()
    }
}

impl Deref for LargeJson {
    type Target = Json<Shared>;

    fn deref(&self) -> &Json<Shared> {
        &self.json
    }
}

impl DerefMut for LargeJson {
    fn deref_mut(&mut self) -> &mut Json<Shared> {
        &mut self.json
    }
}

/// Passes the members of a text that are strings to `member`, each with its name, up to the first one that it does not
/// take, or that is no string. Returns the length of the text before that one.
pub(in crate::ingest) fn string_members(
    text: &[u8],
    mut member: impl FnMut(&str, &str) -> Option<()>,
) -> usize {
    let mut rest = text;
    while let Some((name, value, after)) = string_member(rest)
        && member(name, value).is_some()
    {
        rest = after;
    }
    text.len() - rest.len()
}

/// The first member of a text, if another one follows: its name, its value, and the text from the next one on.
fn string_member(text: &[u8]) -> Option<(&str, &str, &[u8])> {
    let (name, rest) = string(text)?;
    let (value, rest) = string(without_blanks(rest).strip_prefix(b":")?)?;
    let rest = without_blanks(without_blanks(rest).strip_prefix(b",")?);
    // A text ends where the next member begins.
    matches!(rest.first(), None | Some(b'"')).then_some((name, value, rest))
}

/// The string at the beginning of a text, if it has no escapes.
fn string(text: &[u8]) -> Option<(&str, &[u8])> {
    let text = without_blanks(text).strip_prefix(b"\"")?;
    let (string, rest) = text.split_at(memchr(b'"', text)?);
    let string = std::str::from_utf8(string).ok().filter(|string| !string.contains('\\'))?;
    Some((string, &rest[1..]))
}

/// The text without the white space before it. Carriage returns are left, since they count as lines.
fn without_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n')).count();
    &text[blanks..]
}

/// A text that the streaming reader and [`LargeJson`] read in turn.
#[derive(Clone)]
pub(in crate::ingest) struct Shared(Arc<Mutex<Text>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Text> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Shared {
    /// Reads at most up to the end of an opening brace.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut text = self.lock();
        if text.rest().is_empty() {
            text.fill()?;
        }
        let rest = text.rest();
        let most = rest.len().min(buffer.len());
        let len = memchr(b'{', &rest[..most]).map_or(most, |at| at + 1);
        buffer[..len].copy_from_slice(&rest[..len]);
        text.at += len;
        Ok(len)
    }
}

struct Text {
    data: Input,
    /// What was read, of which the part from `at` on is left.
    read: Vec<u8>,
    at: usize,
    is_end: bool,
    /// Why nothing more can be read.
    failed: Option<io::Error>,
}

impl Text {
    fn rest(&self) -> &[u8] {
        &self.read[self.at..]
    }

    /// Reads another block.
    fn fill(&mut self) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.is_end {
            return Ok(());
        }
        self.read.drain(..mem::take(&mut self.at));
        let before = self.read.len();
        self.read.reserve(BLOCK);
        let read = self.data.by_ref().take(BLOCK as u64).read_to_end(&mut self.read);
        match read {
            Ok(len) => self.is_end = len < BLOCK,
            // What was read before comes first.
            Err(error) if self.read.len() > before => self.failed = Some(error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Takes blocks of whole members of one object, without its last ones. Each ends where another member begins.
    fn blocks(&mut self, most: usize) -> Vec<Vec<u8>> {
        let mut blocks = Vec::new();
        while blocks.len() < most {
            if self.rest().len() < BLOCK
                && self.failed.is_none()
                && let Err(error) = self.fill()
            {
                self.failed = Some(error);
            }
            let rest = &self.rest()[..self.rest().len().min(2 * BLOCK)];
            let object = &rest[..memchr(b'}', rest).unwrap_or(rest.len())];
            let Some(len) = whole_members(object) else { break };
            let block = object[..len].to_vec();
            self.at += len;
            blocks.push(block);
        }
        blocks
    }

    /// Puts text before what is left.
    fn put_back(&mut self, text: &[u8]) {
        // What was taken last goes where it was, since a block may hold very many objects.
        if let Some(before) = self.at.checked_sub(text.len()) {
            self.read[before..self.at].copy_from_slice(text);
            self.at = before;
            return;
        }
        self.read.splice(..mem::take(&mut self.at), text.iter().copied());
    }
}

/// The length of the text before the last member that begins in it.
fn whole_members(text: &[u8]) -> Option<usize> {
    // The last comma may be at the end of the text, with no member after it.
    memrchr_iter(b',', text).take(2).find_map(|comma| {
        let after = without_blanks(&text[comma + 1..]);
        after.starts_with(b"\"").then_some(text.len() - after.len())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// The members of the object `o` of a text, or the error, and the position of the reader after the text. Numbers of at
    /// most three digits are in the usual form.
    fn read(text: &str, with_members: bool) -> (Vec<(String, String)>, Result<u64, String>) {
        let input = Input::from_reader("text", Cursor::new(text.to_owned())).unwrap();
        let (mut json, mut found) = (LargeJson::of(input), Vec::new());
        let read = read_object(&mut json, with_members, &mut found);
        (found, read.map(|()| json.offset()).map_err(|error| format!("{error:?}")))
    }

    fn read_object(
        json: &mut LargeJson,
        with_members: bool,
        found: &mut Vec<(String, String)>,
    ) -> Result<(), ImportError> {
        json.begin_object()?;
        while json.has_next()? {
            if json.member()? != "o" {
                json.skip()?;
                continue;
            }
            json.begin_object()?;
            if with_members {
                let parse = |text: &[u8]| {
                    let mut members = Vec::new();
                    let len = string_members(text, |name, value| {
                        let is_usual =
                            value.len() <= 3 && value.bytes().all(|b| b.is_ascii_digit());
                        is_usual.then(|| members.push((name.to_owned(), value.to_owned())))
                    });
                    (members, len)
                };
                json.members(parse, |members| {
                    found.extend(members);
                    Ok(())
                })?;
            }
            while json.has_next()? {
                let name = json.member()?;
                found.push((name, json.string()?));
            }
            json.end_object()?;
        }
        json.end_object()
    }

    proptest! {
        /// The same members, errors and positions as without the other threads.
        #[test]
        fn texts_are_read_as_the_streaming_reader_does(
            texts in prop::collection::vec(prop_oneof![
                12 => "\"[a-c]{1,3}\"[ \n]{0,2}:\"[0-9]{1,3}\",[ \n]{0,2}",
                1 => Just("\"a\":\"\\u0041\",".to_owned()),
                1 => Just("\"\\\"\":\"1\",\r\n".to_owned()),
                1 => Just("\"a\":1,".to_owned()),
                1 => Just("\"a\":\"}\",".to_owned()),
                1 => Just("},\"o\":{".to_owned()),
                1 => "[\"{},:a ]",
            ], 0..40),
            end in prop_oneof![4 => Just("\"x\":\"1\"}}"), 1 => Just("}}"), 1 => Just(""), 1 => Just("\"x\":\"1\"}")],
        ) {
            let text = format!("{{\n\"é\":\"{{\",\"o\":{{{}{end}", texts.concat());
            prop_assert_eq!(read(&text, true), read(&text, false), "{}", text);
        }
    }

    #[test]
    fn objects_of_many_blocks_are_read_up_to_the_first_error() {
        let member = |number: usize| format!("\"{number:0100}\":\"{}\",\n", number % 1000);
        let count = 5 * BLOCKS_PER_THREAD * rayon::current_num_threads() * BLOCK / 100;
        let mut text = "{\"o\":{".to_owned();
        (0..count).for_each(|number| text.push_str(&member(number)));
        let whole = format!("{text}\"x\":\"y\"}}}}");
        let (members, end) = read(&whole, true);
        assert_eq!((members.len(), end), (count + 1, Ok(whole.len() as u64)));
        for damaged in [count / 3, count - 1] {
            let other = whole.replacen(&member(damaged)[..103], &"0".repeat(103), 1);
            let (found, error) = read(&other, true);
            assert_eq!((found.len(), &error), (damaged, &read(&other, false).1));
            assert!(error.unwrap_err().contains("line: "));
        }
    }
}
