//! What is logged of each request.

use std::{fmt, net::IpAddr, time::SystemTime};

use serde::{Serialize, Serializer};

use crate::proof::FailureCode;

/// A request and its answer. As JSON it is a line of the access log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AccessLine {
    /// When the answer was ready, in milliseconds since 1970.
    #[serde(rename = "unixMs", serialize_with = "unix_ms")]
    pub time: SystemTime,
    /// The address of the client.
    pub client: Option<IpAddr>,
    /// The method of HTTP, at most [`CHARS_LOGGED`](Self::CHARS_LOGGED) characters of it.
    pub method: String,
    /// The path, without a query, as far.
    pub path: String,
    /// The status of HTTP.
    pub status: u16,
    /// The bytes of the body of the request.
    pub bytes_in: usize,
    /// The bytes of the body of the answer.
    pub bytes_out: usize,
    /// The seconds from the first byte of the request to the answer, waiting included.
    pub seconds: f64,
    /// The number of calls.
    pub calls: usize,
    /// The first calls, at most [`CALLS_LOGGED`](Self::CALLS_LOGGED).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first_calls: Vec<CallLine>,
}

impl AccessLine {
    /// The most calls of an array that are logged one by one.
    pub const CALLS_LOGGED: usize = 8;

    /// The most characters of a text that a client chose. Methods of HTTP may have any length.
    pub const CHARS_LOGGED: usize = 64;
}

/// A call and its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallLine {
    /// The method, or `other` if it is not known.
    pub method: &'static str,
    /// What was answered.
    pub outcome: Outcome,
    /// Why it was null, or an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<FailureCode>,
}

/// What a call was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A result.
    Result,
    /// Null, as nodes answer where there is no proof, receipt or batch.
    Null,
    /// An error.
    Error,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Result, Self::Null, Self::Error];
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Result => "result",
            Self::Null => "null",
            Self::Error => "error",
        })
    }
}

/// The milliseconds since 1970.
pub(super) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn unix_ms<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(milliseconds(*time))
}
