//! JSON-RPC 2.0: single calls, arrays of calls, and their answers.
//!
//! Source: the JSON-RPC 2.0 specification. Where it leaves a choice, answers are those of nodes.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::{json, value::RawValue};

use crate::proof::{Failure, FailureCode};

/// An error in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RpcError {
    pub(super) code: i64,
    pub(super) message: String,
    /// The stable code of slproof, for its own methods and for damage.
    pub(super) reason: Option<FailureCode>,
}

impl RpcError {
    const PARSE: i64 = -32700;
    const REQUEST: i64 = -32600;
    const METHOD: i64 = -32601;
    const PARAMS: i64 = -32602;
    const INTERNAL: i64 = -32603;
    /// Clients show this error and do not ask again.
    const SERVER: i64 = -32000;

    /// The text is not JSON.
    fn parse(error: &serde_json::Error) -> Self {
        Self { code: Self::PARSE, message: format!("not JSON: {error}"), reason: None }
    }

    /// The JSON is not a call.
    pub(super) fn request(message: String) -> Self {
        Self { code: Self::REQUEST, message, reason: None }
    }

    /// The method is not known, or cannot be answered.
    pub(super) fn method(message: String) -> Self {
        Self { code: Self::METHOD, message, reason: None }
    }

    /// The parameters are wrong.
    pub(super) fn params(message: String) -> Self {
        Self { code: Self::PARAMS, message, reason: None }
    }

    /// A file is damaged, or slproof is at fault.
    pub(super) fn internal(failure: Failure) -> Self {
        let Failure { code, message } = failure;
        Self { code: Self::INTERNAL, message, reason: Some(code) }
    }

    /// One of slproof's own methods cannot be answered.
    pub(super) fn failed(failure: Failure) -> Self {
        let Failure { code, message } = failure;
        Self { code: Self::SERVER, message, reason: Some(code) }
    }

    /// The answer would be too large, or the path names no chain.
    pub(super) fn refused(message: String) -> Self {
        Self { code: Self::SERVER, message, reason: None }
    }
}

/// A call of an array, or the only one.
#[derive(Debug)]
pub(super) struct Call<'b> {
    /// The id as it came; `None` if the caller wants no answer.
    pub(super) id: Option<&'b str>,
    pub(super) method: Cow<'b, str>,
    pub(super) params: Option<&'b RawValue>,
}

/// A call, or its id and the error in it.
pub(super) type Incoming<'b> = Result<Call<'b>, (Option<&'b str>, RpcError)>;

#[derive(Deserialize)]
struct Members<'b> {
    #[serde(borrow)]
    jsonrpc: Option<Cow<'b, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'b RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'b, str>>,
    #[serde(borrow)]
    params: Option<&'b RawValue>,
}

/// A member that is there: serde would take null for a missing one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The calls in the body of a request.
#[derive(Debug)]
pub(super) struct Calls<'b> {
    pub(super) calls: Vec<Incoming<'b>>,
    pub(super) is_array: bool,
}

impl<'b> Calls<'b> {
    /// Reads a body. An array may have at most `most` calls.
    pub(super) fn parse(body: &'b [u8], most: usize) -> Result<Self, RpcError> {
        let text = std::str::from_utf8(body).map_err(|error| RpcError {
            code: RpcError::PARSE,
            message: format!("not UTF-8: {error}"),
            reason: None,
        })?;
        let is_array = text.trim_start().starts_with('[');
        if !is_array {
            let call = serde_json::from_str(text).map_err(|error| RpcError::parse(&error))?;
            return Ok(Self { calls: vec![read(call)], is_array });
        }
        let list: Vec<&RawValue> =
            serde_json::from_str(text).map_err(|error| RpcError::parse(&error))?;
        match list.len() {
            0 => Err(RpcError::request("the array has no calls".into())),
            len if len > most => {
                Err(RpcError::request(format!("{len} calls, at most {most} are allowed")))
            }
            _ => Ok(Self { calls: list.into_iter().map(read).collect(), is_array }),
        }
    }
}

/// Reads one call.
fn read(call: &RawValue) -> Incoming<'_> {
    let text = call.get();
    // A derived reader takes a list for the members in their order.
    if text.starts_with('[') {
        return Err((None, RpcError::request("not a call: it is a list".into())));
    }
    let incoming: Members<'_> = serde_json::from_str(text)
        .map_err(|error| (None, RpcError::request(format!("not a call: {error}"))))?;
    let id = incoming.id.map(RawValue::get);
    let fault = |text: &str| Err((id, RpcError::request(text.into())));
    if incoming.jsonrpc.as_deref() != Some("2.0") {
        return fault("\"jsonrpc\" is not \"2.0\"");
    }
    match incoming.method {
        Some(method) => Ok(Call { id, method, params: incoming.params }),
        None => fault("the call has no method"),
    }
}

/// Appends the answer to a call: `result` is JSON.
pub(super) fn write(id: Option<&str>, result: &Result<Vec<u8>, RpcError>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id.unwrap_or("null").as_bytes());
    match result {
        Ok(json) => {
            out.extend_from_slice(b",\"result\":");
            out.extend_from_slice(json);
        }
        Err(error) => {
            let mut object = json!({"code": error.code, "message": error.message});
            if let Some(reason) = error.reason {
                object["data"] = json!({"code": reason});
            }
            out.extend_from_slice(b",\"error\":");
            out.extend_from_slice(object.to_string().as_bytes());
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(body: &str) -> Vec<Option<String>> {
        let calls = Calls::parse(body.as_bytes(), 3).unwrap().calls.into_iter();
        calls
            .map(|call| call.map_or_else(|(id, _)| id, |call| call.id).map(str::to_owned))
            .collect()
    }

    #[test]
    fn ids_are_kept_as_they_came() {
        for id in ["0", "null", "\"a\\u0041\"", "1.50", "[1, 2]", "18446744073709551616"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
            assert_eq!(ids(&body), [Some(id.to_owned())]);
            let mut out = Vec::new();
            write(Some(id), &Ok(b"1".to_vec()), &mut out);
            assert_eq!(
                String::from_utf8(out).unwrap(),
                format!(r#"{{"jsonrpc":"2.0","id":{id},"result":1}}"#)
            );
        }
        assert_eq!(ids(r#" [{"jsonrpc":"2.0","method":"m"}]"#), [None]);
    }

    #[test]
    fn bodies_that_are_no_calls_have_the_codes_of_the_specification() {
        let code = |body: &[u8]| match Calls::parse(body, 3) {
            Err(error) => error.code,
            Ok(mut calls) => calls.calls.remove(0).unwrap_err().1.code,
        };
        for body in [&b""[..], b"{", b"[1", b"{}}", b"\xff", b"{\"jsonrpc\":\"2.0\",}"] {
            assert_eq!(code(body), -32700, "{body:?}");
        }
        for body in [
            "[]",
            "1",
            "{}",
            "[1]",
            "[{},{},{},{}]",
            r#"{"jsonrpc":"1.0","method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
        ] {
            assert_eq!(code(body.as_bytes()), -32600, "{body}");
        }
    }
}
