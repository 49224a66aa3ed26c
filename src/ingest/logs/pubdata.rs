//! Pubdata: one file per batch, binary or hexadecimal text, named after its chain and batch; or a list, one
//! JSON object per line:
//!
//! ```text
//! {"chainId":324,"batchNumber":501234,"file":"501234.bin"}       relative to the list
//! {"chainId":324,"batchNumber":501234,"pubdata":"0x…"}
//! ```
//!
//! `chainId` may be missing if the chain is given. Names are `324-501234.bin`, `chain324_batch501234.hex` and
//! similar, with no other numbers; if the chain is given, also `501234.bin` or `batch501234.bin`.

use std::{
    borrow::Cow,
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{SourceError, SourceFormat, batch_pubdata, batch_sink::BatchSink};
use crate::{
    archive::{Origin, Place},
    files::{Input, InputError, is_in_archive},
    ingest::{
        IndexError,
        json::{JsonValues, ValueChunk},
    },
    primitives::{BatchNumber, ChainId, spelled},
};

/// The longest pubdata. Sixteen blobs are 2 MB; the pubdata of a settlement layer with other chains' pubdata
/// is several times that.
const LONGEST: usize = 64 << 20;
/// The longest hexadecimal text of pubdata. There may be a line end after every thirty bytes.
const LONGEST_TEXT: usize = LONGEST / 30 * 62 + 64;

/// Whether a file has the beginning of pubdata, in bytes or in hexadecimal text.
pub(super) fn is_pubdata(head: &[u8]) -> bool {
    let start = head.first_chunk::<256>().map_or(head, |start| start);
    let text = start.trim_ascii();
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    // xxd -p wraps its lines.
    let first = digits.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let is_hex = first.len() >= 8 && digits.iter().all(is_of_hex_text);
    // Even without logs and messages, the version of the state diffs follows the three counts.
    let has_content = start.iter().take(13).any(|byte| *byte != 0);
    is_hex || has_content && matches!(head, [0, 0, _, _, ..] | [1..=3, ..])
}

fn is_of_hex_text(byte: &u8) -> bool {
    byte.is_ascii_hexdigit() || byte.is_ascii_whitespace()
}

/// Reads a file that is the pubdata of one batch.
pub(super) fn read_file(
    input: Input,
    given: Option<ChainId>,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let name = input.name().to_owned();
    let origin = Origin { source: intake.source(&name), place: Place::Whole };
    let (chain, number) = match named(&name, given) {
        Ok(found) => found,
        Err(error) => return intake.fault(origin, "pubdata", error),
    };
    let what = format!("chain {chain}, batch {number}");
    match bytes(input, LONGEST_TEXT)?.and_then(|bytes| batch_pubdata::parse(chain, number, &bytes))
    {
        Ok(logs) => intake.batch(logs, origin),
        Err(error) => intake.fault(origin, what, error),
    }
}

/// All bytes of a file of at most `longest` bytes, decoded if it is text.
fn bytes(input: Input, longest: usize) -> Result<Result<Vec<u8>, SourceError>, IndexError> {
    let name = input.name().to_owned();
    let mut bytes = Vec::new();
    input
        .take(longest as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::Read { name, source })?;
    if bytes.len() > longest {
        return Ok(Err(SourceError::TooMany { what: "bytes", limit: longest }));
    }
    let text = bytes.trim_ascii();
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    if digits.iter().all(is_of_hex_text) {
        let digits: Vec<u8> =
            digits.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let decoded = const_hex::decode(digits).map_err(|error| SourceError::Bad {
            what: "the hexadecimal text".into(),
            reason: error.to_string(),
        });
        return Ok(decoded);
    }
    if bytes.len() > LONGEST {
        return Ok(Err(SourceError::TooMany { what: "bytes", limit: LONGEST }));
    }
    Ok(Ok(bytes))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'t> {
    chain_id: Option<ChainId>,
    batch_number: BatchNumber,
    #[serde(borrow)]
    file: Option<Cow<'t, str>>,
    #[serde(borrow)]
    pubdata: Option<Cow<'t, str>>,
}

/// The files that a list of pubdata names. None if the path is not that of such a list, or of a pipe. What is wrong with
/// the list is said when its pubdata are read.
///
/// # Errors
/// [`IndexError`] when the system cannot read the file.
pub fn files_of_list(path: &Path) -> Result<Vec<PathBuf>, IndexError> {
    let mut files = Vec::new();
    if !path.is_file() && !is_in_archive(path) {
        return Ok(files);
    }
    let input = match Input::open(path) {
        Ok(input) => input,
        Err(error) if error.is_damage() => return Ok(files),
        Err(error) => return Err(error.into()),
    };
    if SourceFormat::recognize(&input) != Some(SourceFormat::PubdataList) {
        return Ok(files);
    }
    let folder = folder_of(&input);
    let read = JsonValues::new(input).each_chunk(|piece| {
        for index in 0..piece.len() {
            let line = serde_json::from_slice::<Line<'_>>(piece.value(index).0);
            let file = line.ok().and_then(|line| line.file);
            files.extend(file.map(|file| folder.join(&*file)));
        }
        Ok(())
    });
    match read {
        Err(error) if error.is_io() => Err(error),
        _ => Ok(files),
    }
}

/// The directory to which the names in a list are relative.
fn folder_of(list: &Input) -> PathBuf {
    list.path().and_then(Path::parent).map(Path::to_owned).unwrap_or_default()
}

/// Reads a list of pubdata.
pub(super) fn read_list(
    input: Input,
    given: Option<ChainId>,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let folder = folder_of(&input);
    let source = intake.source(input.name());
    let (mut values, mut piece) = (JsonValues::new(input), ValueChunk::default());
    loop {
        values.read(&mut piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        for index in 0..piece.len() {
            let (text, place) = piece.value(index);
            let origin = Origin { source, place };
            let line: Line<'_> = match serde_json::from_slice(text) {
                Ok(line) => line,
                Err(error) => {
                    intake.fault(origin, "not the pubdata of a batch", error.into())?;
                    continue;
                }
            };
            let number = line.batch_number;
            let chain = match (line.chain_id, given) {
                (Some(got), Some(expected)) if got != expected => {
                    Err(SourceError::OtherChain { expected, got })
                }
                (Some(chain), _) | (None, Some(chain)) => Ok(chain),
                (None, None) => Err(SourceError::Missing { what: "it".into(), field: "chainId" }),
            };
            let chain = match chain {
                Ok(chain) => chain,
                Err(error) => {
                    intake.fault(origin, format!("batch {number}"), error)?;
                    continue;
                }
            };
            let (origin, bytes) = match (line.pubdata, line.file) {
                (Some(_), Some(_)) => {
                    let reason = "has both \"pubdata\" and \"file\"; give one of them";
                    let what = String::from("the line");
                    (origin, Err(SourceError::Bad { what, reason: reason.into() }))
                }
                (Some(text), None) => (origin, hex_bytes(&text)),
                (None, Some(file)) => match Input::open(&folder.join(&*file)) {
                    Ok(input) => {
                        let source = intake.source(input.name());
                        (Origin { source, place: Place::Whole }, bytes(input, LONGEST_TEXT)?)
                    }
                    Err(error) => {
                        intake.note(error.into())?;
                        continue;
                    }
                },
                (None, None) => {
                    let what = String::from("it");
                    (origin, Err(SourceError::Missing { what, field: "pubdata" }))
                }
            };
            match bytes.and_then(|bytes| batch_pubdata::parse(chain, number, &bytes)) {
                Ok(logs) => intake.batch(logs, origin)?,
                Err(error) => {
                    intake.fault(origin, format!("chain {chain}, batch {number}"), error)?;
                }
            }
        }
    }
}

fn hex_bytes(text: &str) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    match spelled::append(text, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => {
            Err(SourceError::Bad { what: "\"pubdata\"".into(), reason: error.to_string() })
        }
    }
}

/// Whether the name of a file of pubdata names the chain and the batch.
pub(in crate::ingest) fn names_chain(path: &Path) -> bool {
    named(&path.to_string_lossy(), None).is_ok()
}

/// Whether the name of a file of pubdata names the batch. The chain may be known from elsewhere.
pub(in crate::ingest) fn names_batch(path: &str) -> bool {
    numbers(path).is_some()
}

/// The chain and batch in a file's name, if there is no other number in it.
fn named(path: &str, given: Option<ChainId>) -> Result<(ChainId, BatchNumber), SourceError> {
    let (chain, batch) = numbers(path).ok_or(SourceError::Nameless)?;
    match (chain, given) {
        (Some(got), Some(expected)) if got != expected => {
            Err(SourceError::OtherChain { expected, got })
        }
        (Some(chain), None) if is_date(chain) => Err(SourceError::Nameless),
        (Some(chain), _) | (None, Some(chain)) => Ok((chain, batch)),
        (None, None) => Err(SourceError::Nameless),
    }
}

/// The chain, if it is named, and the batch in a file's name.
fn numbers(path: &str) -> Option<(Option<ChainId>, BatchNumber)> {
    let name = path.rsplit(['/', '\\', ':']).next().unwrap_or(path).to_ascii_lowercase();
    let packed = COMPRESSIONS.iter().find_map(|ending| name.strip_suffix(ending));
    let stem = packed.unwrap_or(&name);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, ending)| {
        // "324.501234" has no extension.
        if ending.starts_with(|c: char| c.is_ascii_digit()) { &name } else { stem }
    });
    labelled(stem).or_else(|| bare(stem))
}

/// The ends of the names of compressed files.
const COMPRESSIONS: [&str; 4] = [".gz", ".zst", ".xz", ".lz4"];
const SEPARATORS: [char; 3] = ['-', '_', ' '];

/// `CHAIN-BATCH` or `BATCH`.
fn bare(stem: &str) -> Option<(Option<ChainId>, BatchNumber)> {
    match stem.split_once(SEPARATORS) {
        Some((chain, batch)) => Some((Some(ChainId(number(chain)?)), BatchNumber(number(batch)?))),
        None => Some((None, BatchNumber(number(stem)?))),
    }
}

/// `chainN` and `batchN`, in either order, each once, with or without a separator between word and number.
fn labelled(stem: &str) -> Option<(Option<ChainId>, BatchNumber)> {
    let (mut chain, mut batch) = (None, None);
    let mut parts = stem.split(SEPARATORS);
    while let Some(part) = parts.next() {
        let (known, rest) = if let Some(rest) = part.strip_prefix("chain") {
            (&mut chain, rest)
        } else if let Some(rest) = part.strip_prefix("batch") {
            (&mut batch, rest)
        } else if part.contains(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        } else {
            continue;
        };
        let found = number(if rest.is_empty() { parts.next()? } else { rest })?;
        if known.replace(found).is_some() {
            return None;
        }
    }
    Some((chain.map(ChainId), BatchNumber(batch?)))
}

/// A text of digits only, as a number.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Whether a number may be a date such as 20240115 rather than a chain.
fn is_date(ChainId(number): ChainId) -> bool {
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    (2000..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_chain_and_batch() {
        let pair = |chain, batch| Some((ChainId(chain), BatchNumber(batch)));
        for (name, given, expected) in [
            ("/a/324-501234.bin", None, pair(324, 501_234)),
            ("/a/b.tar:324-501234.bin", None, pair(324, 501_234)),
            ("324_501234.hex.gz", None, pair(324, 501_234)),
            ("324-501234.bin.zst", None, pair(324, 501_234)),
            ("324-501234.bin.xz", None, pair(324, 501_234)),
            ("324-501234.lz4", None, pair(324, 501_234)),
            ("324-501234", Some(324), pair(324, 501_234)),
            ("324-501234", Some(325), None),
            ("chain-324-batch-501234.pubdata", None, pair(324, 501_234)),
            ("batch501234_chain324", None, pair(324, 501_234)),
            ("batch_501234.bin", Some(9), pair(9, 501_234)),
            ("pubdata_chain9_batch_7", None, pair(9, 7)),
            ("l1_batch_501234.bin", Some(9), None),
            ("pubdata_v29_9_7", None, None),
            ("batch_501239_part_2.bin", None, None),
            ("batch_501239_part_2.bin", Some(9), None),
            ("batch501239_2024.bin", None, None),
            ("20240115-501239.bin", None, None),
            ("20240115-501239.bin", Some(324), None),
            ("20240115-501239.bin", Some(20_240_115), pair(20_240_115, 501_239)),
            ("batch7-batch501239-chain324.bin", None, None),
            ("chain324-chain325-batch7.bin", None, None),
            ("324.501239.bin", Some(324), None),
            ("324.501239", Some(324), None),
            ("501239.part2.bin", Some(324), None),
            ("324-501239.2.gz", None, None),
            ("324-+5.bin", None, None),
            ("324-.bin", None, None),
            ("501234.bin", Some(324), pair(324, 501_234)),
            ("501234.bin", None, None),
            ("1-2-3.bin", None, None),
            ("pubdata.bin", Some(324), None),
            ("324-18446744073709551616.bin", None, None),
            ("standard input", None, None),
        ] {
            let found = named(name, given.map(ChainId)).ok();
            assert_eq!(found, expected, "{name}");
        }
    }

    /// What is longer is refused, not cut.
    #[test]
    fn files_have_at_most_the_longest_length() {
        for (text, expected) in [("0a 0B\n", Some(vec![10, 11])), ("0a 0B\n\n", None)] {
            let input = Input::from_reader("test", text.as_bytes()).unwrap();
            assert_eq!(bytes(input, 6).unwrap().ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn pubdata_is_detected_by_its_first_bytes() {
        for head in [&b"0x00000000"[..], b"00000001ab\n", &[0, 0, 0, 0, 1], &[1; 50], &[2; 50]] {
            assert!(is_pubdata(head), "{head:?}");
        }
        for head in
            [&b""[..], b"{", b"[", b"0x", b"text", b"12,34", b"chain_id", &[4; 40], &[0; 40]]
        {
            assert!(!is_pubdata(head), "{head:?}");
        }
    }
}
