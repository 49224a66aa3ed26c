//! What a dump is, found out from its first members.

use std::{fmt, io::Read};

use struson::reader::ValueType;

use super::{ImportError, json::Json};
use crate::{files::Input, primitives::Word};

/// The formats of state dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// `anvil --dump-state` or the answer of `anvil_dumpState`.
    Anvil,
    /// `geth dump` or `debug_dumpBlock`: slots and values are plain.
    Geth,
    /// `geth snapshot dump`: slots are hashed, values are RLP.
    GethSnapshot,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anvil => "anvil state dump",
            Self::Geth => "geth dump",
            Self::GethSnapshot => "geth snapshot dump",
        })
    }
}

/// Finds the format of an input by its content.
///
/// # Errors
/// [`ImportError`] when it is none that is known, or when the content fits two.
pub(super) fn detect(input: &Input) -> Result<Format, ImportError> {
    let mut head = Json::new(input.name().to_owned(), input.head());
    match first_members(&mut head) {
        Ok(Shape::Anvil) => Ok(Format::Anvil),
        Ok(Shape::GethWhole) => Ok(Format::Geth),
        Ok(Shape::Lines) => lines_format(input),
        Ok(Shape::Unknown(found)) => {
            Err(ImportError::Unknown { name: input.name().to_owned(), found })
        }
        Err(error) => match input.head().trim_ascii_start().first() {
            Some(b'{') => Err(error),
            _ => {
                let start: Vec<u8> = input.head().iter().copied().take(16).collect();
                let found = format!("it begins with {:?}", String::from_utf8_lossy(&start));
                Err(ImportError::Unknown { name: input.name().to_owned(), found })
            }
        },
    }
}

enum Shape {
    Anvil,
    GethWhole,
    /// JSON lines, of `geth dump` or of `geth snapshot dump`.
    Lines,
    Unknown(String),
}

fn first_members(json: &mut Json<&[u8]>) -> Result<Shape, ImportError> {
    let mut seen = Vec::new();
    json.begin_object()?;
    while json.has_next()? {
        let member = json.member()?;
        match member.as_str() {
            "block" | "best_block_number" | "blocks" | "transactions" | "historical_states" => {
                return Ok(Shape::Anvil);
            }
            "accounts" if seen.iter().any(|m| m == "root") => return Ok(Shape::GethWhole),
            "accounts" => return first_accounts(json),
            "balance" | "nonce" | "codeHash" | "storage" | "address" | "key" => {
                return Ok(Shape::Lines);
            }
            "result" if json.peek()? == ValueType::Object => return first_members(json),
            "root" | "next" | "jsonrpc" | "id" => json.skip()?,
            _ => json.skip()?,
        }
        if seen.len() < 8 {
            seen.push(member);
        }
    }
    Ok(match &seen[..] {
        [root] if root == "root" => Shape::Lines,
        _ => Shape::Unknown(format!("a JSON object with the members {seen:?}")),
    })
}

/// Both anvil and geth say "accounts"; only geth gives an account a key, a root and a code hash.
fn first_accounts(json: &mut Json<&[u8]>) -> Result<Shape, ImportError> {
    json.begin_object()?;
    while json.has_next()? {
        json.member()?;
        json.begin_object()?;
        while json.has_next()? {
            match json.member()?.as_str() {
                "root" | "codeHash" | "key" | "address" => return Ok(Shape::GethWhole),
                "storage" if json.peek()? == ValueType::Object => {
                    json.begin_object()?;
                    if json.has_next()? {
                        json.member()?;
                        let prefixed = json.string()?.starts_with("0x");
                        return Ok(if prefixed { Shape::Anvil } else { Shape::GethWhole });
                    }
                    json.end_object()?;
                }
                _ => json.skip()?,
            }
        }
        json.end_object()?;
    }
    Ok(Shape::Anvil)
}

/// Tells `geth dump` from `geth snapshot dump`, which write the same members.
fn lines_format(input: &Input) -> Result<Format, ImportError> {
    let name = || input.name().to_owned();
    let decide = |verdict| match verdict {
        Evidence::Format(format) => Ok(format),
        // Nothing but hashes and small values: only a snapshot dump knows no address at all.
        Evidence::NoneAtAll => Ok(Format::GethSnapshot),
    };
    match evidence(Json::new(name(), input.head())) {
        Ok(verdict) => decide(verdict),
        // The head ends within a line; a file can be read a second time.
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

/// Reads lines up to the first thing that only one of the two formats has.
fn evidence<R: Read>(mut json: Json<R>) -> Result<Evidence, ImportError> {
    while json.has_next()? {
        json.begin_object()?;
        while json.has_next()? {
            match (json.member()?.as_str(), json.peek()?) {
                ("address", ValueType::String) => return Ok(Evidence::Format(Format::Geth)),
                ("storage", ValueType::Object) => {
                    json.begin_object()?;
                    while json.has_next()? {
                        // The hash of a slot is not small, and only RLP needs a 33rd byte.
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
