//! Pubdata: a file for each batch, binary or hexadecimal text, named after its chain and batch; or a list,
//! one JSON object a line:
//!
//! ```text
//! {"chainId":324,"batchNumber":501234,"file":"501234.bin"}       beside the list
//! {"chainId":324,"batchNumber":501234,"pubdata":"0x…"}
//! ```
//!
//! `chainId` may be missing where `--chain` says it. Names are `324-501234.bin`, `chain324_batch501234.hex`
//! and the like; with `--chain`, `501234.bin`.

use std::{borrow::Cow, io::Read, path::Path};

use serde::Deserialize;

use super::{
    SourceError, SourceOptions, era_pubdata,
    intake::Intake,
    json_values::{JsonValues, Piece},
    zksync_os_pubdata,
};
use crate::{
    files::{Input, InputError},
    messages::{
        ArchiveError, BatchLogs,
        archive::{Origin, Place},
    },
    primitives::{BatchNumber, ChainId},
};

/// Sixteen blobs are 2 MB; a settlement layer that carries the pubdata of others has several times that.
const LONGEST: usize = 64 << 20;

/// Whether a file begins as pubdata does: in bytes, or in hexadecimal text.
pub(super) fn is_pubdata(head: &[u8]) -> bool {
    let start = head.first_chunk::<256>().map_or(head, |start| start);
    let text = start.trim_ascii();
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    let is_hex = digits.len() >= 8 && digits.iter().all(u8::is_ascii_hexdigit);
    is_hex || matches!(head, [0, 0, _, _, ..] | [1..=3, ..])
}

/// Reads the pubdata of a batch, of whichever kind of chain.
pub(super) fn batch(
    chain: ChainId,
    batch: BatchNumber,
    pubdata: &[u8],
) -> Result<BatchLogs, SourceError> {
    let published = match pubdata.first() {
        // The number of logs, of which there are at most 16384.
        Some(0) | None => era_pubdata::parse(pubdata)?,
        Some(_) => zksync_os_pubdata::parse(pubdata)?,
    };
    Ok(BatchLogs::new(chain, batch, published.logs, published.messages, None)?)
}

/// Reads a file that is the pubdata of one batch.
pub(super) fn read_file(
    input: Input,
    options: &SourceOptions,
    intake: &mut Intake<'_, '_>,
) -> Result<(), ArchiveError> {
    let name = input.name().to_owned();
    let origin = Origin { source: intake.source(&name), place: Place::Whole };
    let (chain, number) = match named(&name, options.chain) {
        Ok(found) => found,
        Err(error) => return intake.fault(origin, "pubdata", error),
    };
    let what = format!("chain {chain}, batch {number}");
    match bytes(input)?.and_then(|bytes| batch(chain, number, &bytes)) {
        Ok(logs) => intake.batch(logs, origin),
        Err(error) => intake.fault(origin, what, error),
    }
}

/// All bytes of a file, decoded where it is text.
fn bytes(input: Input) -> Result<Result<Vec<u8>, SourceError>, ArchiveError> {
    let name = input.name().to_owned();
    let mut bytes = Vec::new();
    input
        .take(2 * LONGEST as u64 + 64)
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::Read { name, source })?;
    let text = bytes.trim_ascii();
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    if digits.iter().all(u8::is_ascii_hexdigit) {
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

/// Reads a list of pubdata.
pub(super) fn read_list(
    input: Input,
    options: &SourceOptions,
    intake: &mut Intake<'_, '_>,
) -> Result<(), ArchiveError> {
    let folder = input.path().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    let source = intake.source(input.name());
    let (mut values, mut piece) = (JsonValues::new(input), Piece::default());
    loop {
        values.read(&mut piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        for index in 0..piece.len() {
            let (text, offset) = piece.value(index);
            let origin = Origin { source, place: Place::Byte(offset) };
            let line: Line<'_> = match serde_json::from_slice(text) {
                Ok(line) => line,
                Err(error) => {
                    intake.fault(origin, "no pubdata of a batch", error.into())?;
                    continue;
                }
            };
            let number = line.batch_number;
            let chain = match (line.chain_id, options.chain) {
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
                (Some(text), _) => (origin, hex_bytes(&text)),
                (None, Some(file)) => match Input::open(&folder.join(&*file)) {
                    Ok(input) => {
                        let source = intake.source(input.name());
                        (Origin { source, place: Place::Whole }, bytes(input)?)
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
            match bytes.and_then(|bytes| batch(chain, number, &bytes)) {
                Ok(logs) => intake.batch(logs, origin)?,
                Err(error) => {
                    intake.fault(origin, format!("chain {chain}, batch {number}"), error)?;
                }
            }
        }
    }
}

fn hex_bytes(text: &str) -> Result<Vec<u8>, SourceError> {
    crate::primitives::hex::bytes(text)
        .map_err(|error| SourceError::Bad { what: "\"pubdata\"".into(), reason: error.to_string() })
}

/// The chain and batch that a file is named after.
fn named(path: &str, given: Option<ChainId>) -> Result<(ChainId, BatchNumber), SourceError> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    let (mut chain, mut batch, mut others) = (None, None, Vec::new());
    let mut label = String::new();
    for part in stem.split(['-', '_', ' ']) {
        let digits = part.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let (word, number) = (&part[..part.len() - digits.len()], digits.parse::<u64>());
        let word = if word.is_empty() { std::mem::take(&mut label) } else { word.to_owned() };
        match (number, word.as_str()) {
            (Err(_), _) => label = part.into(),
            (Ok(number), "chain") => chain = chain.or(Some(number)),
            (Ok(number), "batch") => batch = batch.or(Some(number)),
            // Part of a word: "l1", "v29".
            (Ok(_), _) if digits.len() < part.len() => label = part.into(),
            (Ok(number), _) => others.push(number),
        }
    }
    let found = match (chain, batch, &others[..]) {
        (Some(chain), Some(batch), []) => Some((Some(chain), batch)),
        (Some(chain), None, [batch]) => Some((Some(chain), *batch)),
        (None, Some(batch), [chain]) => Some((Some(*chain), batch)),
        (None, None, [chain, batch]) => Some((Some(*chain), *batch)),
        (None, Some(batch), []) => Some((None, batch)),
        (None, None, [batch]) => Some((None, *batch)),
        _ => None,
    };
    let (chain, batch) = found.ok_or(SourceError::Nameless)?;
    match (chain.map(ChainId), given) {
        (Some(got), Some(expected)) if got != expected => {
            Err(SourceError::OtherChain { expected, got })
        }
        (Some(chain), _) | (None, Some(chain)) => Ok((chain, BatchNumber(batch))),
        (None, None) => Err(SourceError::Nameless),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_chain_and_batch() {
        let pair = |chain, batch| Some((ChainId(chain), BatchNumber(batch)));
        for (name, given, expected) in [
            ("/a/324-501234.bin", None, pair(324, 501_234)),
            ("324_501234.hex.gz", None, pair(324, 501_234)),
            ("324-501234", Some(324), pair(324, 501_234)),
            ("324-501234", Some(325), None),
            ("chain-324-batch-501234.pubdata", None, pair(324, 501_234)),
            ("batch501234_chain324", None, pair(324, 501_234)),
            ("l1_batch_501234.bin", Some(9), pair(9, 501_234)),
            ("pubdata_v29_9_7", None, pair(9, 7)),
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

    #[test]
    fn pubdata_is_told_by_its_first_bytes() {
        for head in [&b"0x00000000"[..], b"00000001ab\n", &[0, 0, 0, 0, 1], &[1; 50], &[2; 50]] {
            assert!(is_pubdata(head), "{head:?}");
        }
        for head in [&b""[..], b"{", b"[", b"0x", b"text", b"12,34", b"chain_id", &[4; 40]] {
            assert!(!is_pubdata(head), "{head:?}");
        }
    }
}
