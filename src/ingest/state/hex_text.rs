//! Dumps in hexadecimal text: the answer of `anvil_dumpState` is a (gzip'd) JSON dump in hexadecimal, bare or
//! as the `result` of a JSON-RPC answer. A bare text may lack `0x` and be broken into lines, as `xxd -p` and
//! `fold` write it.

use std::io::{self, BufRead, BufReader, Read};

use struson::reader::ValueType;

use super::ImportError;
use crate::{
    files::{Input, InputError},
    ingest::json::Json,
};

const CHUNK: usize = 1 << 16;

/// The dump in hexadecimal text, or the input itself if it is not such a text.
///
/// # Errors
/// [`ImportError`] if the input is a node's error instead of a dump, or the digits are damaged.
pub(super) fn unwrap(input: Input) -> Result<Input, ImportError> {
    let head = input.head();
    let start = head.len() - head.trim_ascii_start().len();
    let start = match &head[start..] {
        // A table without a header begins with a number, too.
        [b'"' | b'0', ..] if super::table::is_csv(head) => return Ok(input),
        [b'"', b'0', b'x', ..] => start + 1,
        [b'0', b'x', ..] => start,
        text if is_bare_dump(text) => start,
        [b'{', ..] => match string_result(&input)? {
            Some(offset) => offset,
            None => return Ok(input),
        },
        _ => return Ok(input),
    };
    let name = input.name().to_owned();
    let quoted = start > 0 && head[start - 1] == b'"';
    let prefix = if head[start..].starts_with(b"0x") { 2 } else { 0 };
    let mut text = BufReader::with_capacity(CHUNK, input);
    let digits = (start + prefix) as u64;
    io::copy(&mut text.by_ref().take(digits), &mut io::sink())
        .map_err(|source| InputError::Read { name: name.clone(), source })?;
    let digits = HexText { text, quoted, half: None, bytes: Vec::new(), taken: 0, ended: false };
    let dump = Input::from_reader(&name, digits)?;
    if dump.head().trim_ascii_start().first() == Some(&b'{') {
        return Ok(dump);
    }
    let found = "it is hexadecimal text, but not that of a dump as anvil_dumpState answers it; eth_call and \
                 eth_getStorageAt answer single values";
    Err(ImportError::Unknown { name, found: found.into() })
}

/// Whether a text begins as the answer of `anvil_dumpState` does: bare, as a string, or as the `result` of a JSON-RPC
/// answer.
pub(super) fn is_dump(input: &Input) -> bool {
    let text = input.head().trim_ascii_start();
    let digits = match text {
        [b'{', ..] => match string_result(input) {
            Ok(Some(start)) => input.head().get(start..),
            _ => None,
        },
        [b'"', digits @ ..] => Some(digits),
        _ => Some(text),
    };
    let digits = digits.map(|digits| digits.strip_prefix(b"0x").unwrap_or(digits));
    // The header of gzip without a name, or an object with a member.
    let starts = [&b"1f8b0800"[..], b"7b22"];
    digits.is_some_and(|digits| starts.iter().any(|start| digits.starts_with(start)))
}

/// Whether a text is a dump in hexadecimal digits without `0x`: of gzip, or of a JSON object.
fn is_bare_dump(text: &[u8]) -> bool {
    let is_known = text.starts_with(b"1f8b08") || text.starts_with(b"7b");
    is_known
        && text.iter().take(256).all(|byte| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace())
}

/// Refuses a node's error, and its answer of null.
///
/// # Errors
/// [`ImportError`] with the node's words.
pub(crate) fn refuse_empty_answer(input: &Input) -> Result<(), ImportError> {
    string_result(input).map(drop)
}

/// The offset of the string that is the `result` of a JSON-RPC answer.
fn string_result(input: &Input) -> Result<Option<usize>, ImportError> {
    let head = input.head();
    let mut json = Json::new(input.name().to_owned(), head);
    if json.begin_object().is_err() {
        return Ok(None);
    }
    // Errors here are ignored: the parser that reads the whole text reports them.
    while let (Ok(true), Ok(member)) = (json.has_next(), json.member()) {
        match (member.as_str(), json.peek()) {
            ("jsonrpc" | "id", Ok(_)) => {
                if json.skip().is_err() {
                    break;
                }
            }
            ("error", Ok(ValueType::Object)) => {
                let start = json.offset() as usize;
                let answer = String::from_utf8_lossy(&head[start..]).chars().take(300).collect();
                return Err(ImportError::NodeError { name: input.name().to_owned(), answer });
            }
            ("result", Ok(ValueType::Null)) => {
                return Err(ImportError::NullAnswer { name: input.name().to_owned() });
            }
            ("result", Ok(ValueType::String)) => {
                let value = json.offset() as usize;
                let quote = head[value..].iter().position(|byte| *byte == b'"');
                return Ok(quote.map(|quote| value + quote + 1));
            }
            _ => break,
        }
    }
    Ok(None)
}

/// Decodes hexadecimal digits, up to the closing quotation mark or the end. White space between the digits
/// is passed over where there is no quotation mark.
struct HexText<R> {
    text: R,
    quoted: bool,
    /// The first digit of a byte whose second digit is in the next bytes.
    half: Option<u8>,
    bytes: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl<R: BufRead> HexText<R> {
    fn refill(&mut self) -> io::Result<()> {
        let mut text = Vec::with_capacity(CHUNK);
        self.text.by_ref().take(CHUNK as u64).read_to_end(&mut text)?;
        self.ended = text.len() < CHUNK;
        let mut digits: Vec<u8> = self.half.take().into_iter().collect();
        for byte in text {
            match byte {
                b'"' if self.quoted => {
                    self.ended = true;
                    self.quoted = false;
                    break;
                }
                byte if byte.is_ascii_hexdigit() => digits.push(byte),
                byte if byte.is_ascii_whitespace() && !self.quoted => {}
                byte => {
                    let found = char::from(byte);
                    return Err(damage(format!("{found:?} is not a hexadecimal digit")));
                }
            }
        }
        if self.ended && self.quoted {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the text ends within the string of hexadecimal digits",
            ));
        }
        if !self.ended && !digits.len().is_multiple_of(2) {
            self.half = digits.pop();
        }
        self.bytes = const_hex::decode(&digits).map_err(|e| damage(e.to_string()))?;
        self.taken = 0;
        Ok(())
    }
}

impl<R: BufRead> Read for HexText<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.bytes.len() && !self.ended {
            self.refill()?;
        }
        let mut rest = &self.bytes[self.taken..];
        let len = rest.read(buffer)?;
        self.taken += len;
        Ok(len)
    }
}

fn damage(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
