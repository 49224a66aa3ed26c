use std::fmt;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
#[cfg(feature = "archive")]
use serde_json::value::RawValue;

/// The names of a JSON object's members, and of the members of a node's `result` in it, in any order. The
/// text may be incomplete.
#[derive(Debug, Default)]
pub(crate) struct Members {
    names: Vec<String>,
    /// Whether the text or the `result` is null.
    is_null: bool,
}

impl Members {
    /// The members in a text, which may be cut anywhere.
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut members = Self::default();
        // An error after the members that were read does not matter.
        let _ = Seed(&mut members).deserialize(&mut serde_json::Deserializer::from_slice(text));
        members
    }

    /// Whether there is a member with this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|member| member == name)
    }

    /// Whether there are the words of a proof.
    pub(crate) fn has_proof(&self) -> bool {
        ["proof", "merkleProof", "merkle_proof"].into_iter().any(|name| self.has(name))
    }

    /// Whether the members are those of a proof, of a call with a proof, of a failed request, or of a node's
    /// answer without a proof.
    pub(crate) fn are_of_a_record(&self) -> bool {
        let is_answer = self.names.is_empty() || self.has("jsonrpc");
        self.has_proof()
            || self.has("request")
            || (self.has("data") && (self.has("call") || self.has("to")))
            || (self.has("error") && is_answer)
            || (self.is_null && is_answer)
    }
}

/// Whether a text is meant to be a proof record, even if it is damaged. Other texts, such as a line of a
/// state dump, say nothing about a proof.
#[must_use]
pub fn is_record(text: &[u8]) -> bool {
    bare_calldata(text).is_some() || Members::of(text).are_of_a_record()
}

/// The tag before the records in a page that shows proofs.
#[cfg(feature = "archive")]
pub(crate) const BUNDLE: &str = "<script type=\"application/json\" id=\"bundle\">";

/// Where the list of records begins in a page that shows proofs.
#[cfg(feature = "archive")]
pub(crate) fn bundled(page: &[u8]) -> Option<usize> {
    if !page.trim_ascii_start().starts_with(b"<!doctype html>") {
        return None;
    }
    let start = memchr::memmem::find(page, BUNDLE.as_bytes())? + BUNDLE.len();
    page[start..].trim_ascii_start().starts_with(b"[").then_some(start)
}

/// The records in a text that is a list of some, or the answer of a node with such a list and without an error.
#[cfg(feature = "archive")]
pub(crate) fn listed(text: &[u8]) -> Option<Vec<&RawValue>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer<'a> {
        #[serde(rename = "jsonrpc")]
        _version: Option<IgnoredAny>,
        #[serde(rename = "id")]
        _id: Option<IgnoredAny>,
        #[serde(rename = "error", default)]
        _no_error: (),
        #[serde(borrow)]
        result: Vec<&'a RawValue>,
    }

    let records = if text.starts_with(b"[") {
        serde_json::from_slice(text).ok()?
    } else {
        // Most texts are no answers, which this finds fast.
        memchr::memmem::find(text, b"\"result\"")?;
        serde_json::from_slice::<Answer<'_>>(text).ok()?.result
    };
    (!records.is_empty()).then_some(records)
}

/// The calldata in a text that is nothing else: `0x`, the selector of a call that takes a proof, and the
/// arguments; possibly a JSON string. The text may be cut anywhere after the selector.
#[cfg(feature = "calldata")]
pub(crate) fn bare_calldata(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    let text = text.strip_prefix('"').map_or(text, |text| text.strip_suffix('"').unwrap_or(text));
    let selector = crate::primitives::hex::fixed(text.get(..10)?).ok()?;
    crate::proof::calldata::takes_proof(selector).then_some(text)
}

#[cfg(not(feature = "calldata"))]
pub(crate) fn bare_calldata(_: &[u8]) -> Option<&str> {
    None
}

struct Seed<'m>(&'m mut Members);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.is_null = true;
        Ok(())
    }

    /// A node may answer with a list of records.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut first = Members::default();
        let is_empty = list.next_element_seed(Seed(&mut first))?.is_none();
        if first.has_proof() {
            self.0.names.push("proof".to_owned());
        }
        while !is_empty && list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "result" => map.next_value_seed(Seed(&mut *self.0))?,
                // Some nodes return an error of null together with a result.
                "error" if map.next_value::<Option<IgnoredAny>>()?.is_none() => {}
                "error" => self.0.names.push(name),
                _ => {
                    self.0.names.push(name);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_distinguished_from_other_texts() {
        for text in [
            "{\"id\":0,\"proof\":[]}",
            "{\"proof\":\"damaged",
            "{\"proof\":1",
            "{\"to\":\"0x\",\"data\":\"0x\"}",
            "{\"call\":\"x\",\"data\":\"0x\"}",
            "{\"request\":null,\"error\":{}}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"proof\":[]}}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{\"proof\":[]},{}]}",
            "{\"result\":null,\"id\":1,\"jsonrpc\":\"2.0\"}",
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1}}",
            "null",
        ] {
            assert!(is_record(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "no record",
            "{}",
            "[]",
            "1",
            "{\"root\":\"0x\",\"accounts\":{\"proof\":{}}}",
            "{\"chainId\":1,\"batchNumber\":2,\"logs\":[]}",
            "{\"address\":\"0x\",\"topics\":[],\"data\":\"0x\"}",
            "{\"jsonrpc\":\"2.0\",\"error\":null,\"result\":\"0x1f8b\"}",
            "{\"jsonrpc\":\"2.0\",\"result\":{\"logs\":[]}}",
            "{\"jsonrpc\":\"2.0\",\"result\":[{\"to\":\"0x\",\"data\":\"0x\"}]}",
            "{\"error\":{},\"block\":1}",
            "{\"result\":null,\"block\":1}",
        ] {
            assert!(!is_record(text.as_bytes()), "{text}");
        }
    }

    #[cfg(feature = "archive")]
    #[test]
    fn lists_of_records_are_found_in_lists_and_answers() {
        let texts = |text: &'static str| {
            listed(text.as_bytes()).map(|list| list.iter().map(|item| item.get()).collect())
        };
        let expected: Vec<&str> = vec!["{\"a\":1}", "{\"b\":2}"];
        for text in [
            "[{\"a\":1}, {\"b\":2}]",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{\"a\":1},{\"b\":2}]}",
            "{\"result\":[{\"a\":1},{\"b\":2}],\"error\":null}",
        ] {
            assert_eq!(texts(text), Some(expected.clone()), "{text}");
        }
        for text in [
            "[]",
            "[1",
            "{\"jsonrpc\":\"2.0\",\"result\":[]}",
            "{\"result\":[1],\"error\":{}}",
            "{\"result\":[1],\"proof\":[]}",
            "{\"result\":{\"proof\":[]}}",
            "{\"proof\":[]}",
        ] {
            assert_eq!(texts(text), None, "{text}");
        }
    }
}
