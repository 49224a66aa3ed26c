//! Detects the format of a dump from its first members.

use std::io::Read;

use struson::reader::{JsonSyntaxError, ReaderError, SyntaxErrorKind, ValueType};

use super::{Format, ImportError, era, hex_text, table};
use crate::{
    files::{HEAD_LEN, Input, container::is_container},
    ingest::{
        OtherAnswer,
        json::{self, Json},
        parquet_columns::{described, parquet_columns, parquet_damage},
        rows::refusal,
    },
    primitives::Word,
};

impl Format {
    /// Detects the format from the first mebibyte. `None` if it is not decisive.
    #[must_use]
    pub fn recognize(input: &Input) -> Option<Self> {
        let head = input.head();
        if era::is_header(head) {
            return Some(Self::EraSnapshot);
        }
        if let Some(format) = Self::of_hex_text(input) {
            return Some(format);
        }
        if !matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')) {
            let is_table = table::is_csv(head) || table::is_storage_logs(head);
            return is_table.then_some(Self::Table);
        }
        match shape(input, &mut Vec::new()) {
            Ok(Shape::Is(format)) => Some(format),
            // Other lines may have some of these members.
            Ok(Shape::Lines) if are_accounts(head) => lines_format(input).ok(),
            _ => None,
        }
    }

    /// The format of a dump in hexadecimal text, as `anvil_dumpState` answers it. `None` for other texts.
    pub(crate) fn of_hex_text(input: &Input) -> Option<Self> {
        hex_text::is_dump(input).then_some(Self::Anvil)
    }
}

/// Detects the format of an input from its content.
///
/// # Errors
/// [`ImportError`] if the format is unknown, or the content fits two formats.
pub(super) fn detect(input: &Input) -> Result<Format, ImportError> {
    if is_container(input.head()) {
        return Ok(Format::Snapshot);
    }
    if era::is_header(input.head()) {
        return Ok(Format::EraSnapshot);
    }
    let unknown = |found| Err(ImportError::Unknown { name: input.name().to_owned(), found });
    let first = input.head().trim_ascii_start().first();
    if !matches!(first, Some(b'{' | b'[')) {
        if table::is_csv(input.head()) || table::is_database(input.head()) {
            return Ok(Format::Table);
        }
        if let Some(reason) = refusal(input.head()) {
            return unknown(reason.into());
        }
        if let Some(damage) = parquet_damage(input) {
            return Err(damage.into());
        }
        if let Some(columns) = parquet_columns(input) {
            return unknown(described(&columns));
        }
        let start: Vec<u8> = input.head().iter().copied().take(16).collect();
        return unknown(format!("it begins with {:?}", String::from_utf8_lossy(&start)));
    }
    if let Some(answer) = OtherAnswer::of(input.head()) {
        return Err(ImportError::OtherAnswer { name: input.name().to_owned(), answer });
    }
    if is_javascript(input.head()) {
        return unknown(
            "JavaScript as geth's console prints it; print JSON there, with \
             console.log(JSON.stringify(debug.dumpBlock(…)))"
                .into(),
        );
    }
    let mut seen = Vec::new();
    let shape = shape(input, &mut seen);
    // The text is cut short only if the input itself ends here, not just the head.
    let has_more = input.head().len() as u64 == HEAD_LEN;
    match shape {
        Ok(Shape::Is(format)) => Ok(format),
        Ok(Shape::Lines) => lines_format(input),
        Ok(Shape::Unknown(found)) => unknown(found),
        Err(_) if first == Some(&b'[') => unknown("a JSON array".into()),
        Err(error) if has_more && is_end(&error) => {
            unknown(format!("a JSON object whose first mebibyte has the members {seen:?}"))
        }
        Err(error) => Err(error),
    }
}

/// Whether one of the first two lines has the members that geth writes of every account.
fn are_accounts(head: &[u8]) -> bool {
    let lines = head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.take(2).any(|line| {
        let members = json::first_members(line);
        let has = |name: &&str| members.iter().any(|(member, _)| *member == name.as_bytes());
        ["balance", "nonce", "root", "codeHash"].iter().all(has)
    })
}

/// Whether a text is an object of JavaScript, whose names have no quotation marks.
fn is_javascript(head: &[u8]) -> bool {
    let inside = head.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    let Some(inside) = inside else { return false };
    let len = inside.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    inside.first().is_some_and(u8::is_ascii_alphabetic) && inside.get(len) == Some(&b':')
}

/// Whether the error means that the text ended before the value did.
fn is_end(error: &ImportError) -> bool {
    let ImportError::Json { source: ReaderError::SyntaxError(error), .. } = error else {
        return false;
    };
    matches!(error, JsonSyntaxError { kind: SyntaxErrorKind::IncompleteDocument, .. })
}

enum Shape {
    Is(Format),
    /// JSON lines, of `geth dump` or of `geth snapshot dump`.
    Lines,
    Unknown(String),
}

/// Examines the first object of a text.
fn shape(input: &Input, seen: &mut Vec<String>) -> Result<Shape, ImportError> {
    let mut head = Json::new(input.name().to_owned(), input.head());
    if input.head().trim_ascii_start().starts_with(b"[") {
        head.begin_array()?;
    }
    first_members(&mut head, seen)
}

/// Examines the members of the outermost object, or of the result in a JSON-RPC answer. `seen` receives the
/// names of the first members.
fn first_members(json: &mut Json<&[u8]>, seen: &mut Vec<String>) -> Result<Shape, ImportError> {
    seen.clear();
    json.begin_object()?;
    while json.has_next()? {
        let member = json.member()?;
        if seen.len() < 8 {
            seen.push(member.clone());
        }
        match (member.as_str(), json.peek()?) {
            ("block" | "best_block_number", _) => return Ok(Shape::Is(Format::Anvil)),
            // anvil also writes these, in any order with the members above.
            ("version" | "factory_deps" | "blocks" | "transactions" | "historical_states", _) => {
                return Ok(Shape::Is(Format::AnvilZksync));
            }
            ("accounts", _) if seen.iter().any(|m| m == "root") => {
                return Ok(Shape::Is(Format::Geth));
            }
            ("accounts", _) => return first_accounts(json),
            ("slot" | "hashedKey" | "hashed_key", _) => return Ok(Shape::Is(Format::Table)),
            ("nextKey", _) | ("storage", ValueType::Null) => {
                return Ok(Shape::Is(Format::StorageRange));
            }
            ("storage", ValueType::Object) => {
                if let Some(shape) = first_slot(json)? {
                    return Ok(shape);
                }
            }
            ("balance" | "nonce" | "codeHash" | "key", _) => return Ok(Shape::Lines),
            ("result", ValueType::Object) => return first_members(json, seen),
            ("result", ValueType::Array) => {
                json.begin_array()?;
                return first_members(json, seen);
            }
            _ => json.skip()?,
        }
    }
    Ok(match &seen[..] {
        [root] if root == "root" => Shape::Lines,
        _ if seen.iter().any(|member| member == "address") => Shape::Lines,
        _ => Shape::Unknown(format!("a JSON object with the members {seen:?}")),
    })
}

/// Top-level storage is of one account in geth's lines and pages, and of all accounts in anvil-zksync.
fn first_slot(json: &mut Json<&[u8]>) -> Result<Option<Shape>, ImportError> {
    json.begin_object()?;
    if !json.has_next()? {
        json.end_object()?;
        return Ok(None);
    }
    let name = json.member()?;
    Ok(Some(match json.peek()? {
        ValueType::Object => Shape::Is(Format::StorageRange),
        _ if name.len() == 2 + 2 * 52 => Shape::Is(Format::AnvilZksync),
        _ => Shape::Lines,
    }))
}

/// Both anvil and geth write "accounts", but only geth writes an account's key, root and code hash.
fn first_accounts(json: &mut Json<&[u8]>) -> Result<Shape, ImportError> {
    json.begin_object()?;
    while json.has_next()? {
        json.member()?;
        json.begin_object()?;
        while json.has_next()? {
            match json.member()?.as_str() {
                "root" | "codeHash" | "key" | "address" => return Ok(Shape::Is(Format::Geth)),
                "storage" if json.peek()? == ValueType::Object => {
                    json.begin_object()?;
                    if json.has_next()? {
                        json.member()?;
                        let prefixed = json.string()?.starts_with("0x");
                        return Ok(Shape::Is(if prefixed { Format::Anvil } else { Format::Geth }));
                    }
                    json.end_object()?;
                }
                _ => json.skip()?,
            }
        }
        json.end_object()?;
    }
    Ok(Shape::Is(Format::Anvil))
}

/// Distinguishes `geth dump` from `geth snapshot dump`, which write the same members.
fn lines_format(input: &Input) -> Result<Format, ImportError> {
    let name = || input.name().to_owned();
    let decide = |verdict| match verdict {
        Evidence::Format(format) => Ok(format),
        // The dump has only hashes and small values. Only a snapshot dump lacks every address.
        Evidence::NoneAtAll => Ok(Format::GethSnapshot),
    };
    match evidence(Json::new(name(), input.head())) {
        Ok(verdict) => decide(verdict),
        // The head ends within a line. A file can be read a second time, a pipe cannot.
        Err(_) => match input.path() {
            Some(path) => decide(evidence(Json::of(Input::open(path)?))?),
            None => Err(ImportError::Ambiguous {
                name: name(),
                candidates: "geth or geth-snapshot",
                reason: "its first mebibyte names no address, no small slot and no large value, and \
                         a pipe can be read only once",
            }),
        },
    }
}

enum Evidence {
    Format(Format),
    NoneAtAll,
}

/// Reads lines up to the first feature that only one of the two formats has.
fn evidence<R: Read>(mut json: Json<R>) -> Result<Evidence, ImportError> {
    while json.has_next()? {
        json.begin_object()?;
        while json.has_next()? {
            match (json.member()?.as_str(), json.peek()?) {
                ("address", ValueType::String) => return Ok(Evidence::Format(Format::Geth)),
                ("storage", ValueType::Object) => {
                    json.begin_object()?;
                    while json.has_next()? {
                        // A hash of a slot is not small, and only RLP needs a 33rd byte.
                        if json.word_name()?.is_ok_and(|slot: Word| slot.to_u64().is_ok()) {
                            return Ok(Evidence::Format(Format::Geth));
                        }
                        if json.string()?.len() == 66 {
                            return Ok(Evidence::Format(Format::GethSnapshot));
                        }
                    }
                    json.end_object()?;
                }
                _ => json.skip()?,
            }
        }
        json.end_object()?;
    }
    Ok(Evidence::NoneAtAll)
}
