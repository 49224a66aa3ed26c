use std::time::Duration;

use serde::Deserialize;

use crate::primitives::Number;

/// What a server bounds. The defaults fit the largest requests that known clients send.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Limits {
    /// The largest body of a request, in bytes.
    pub request_bytes: usize,
    /// The largest answer, in bytes. Calls of an array that no longer fit are answered with an error.
    pub answer_bytes: usize,
    /// The most calls in an array.
    pub calls: usize,
    /// The most logs that one call of `slproof_proofByMessage` proves.
    pub logs: usize,
    /// The most connections at once. Further ones wait in the queue of the system.
    pub connections: usize,
    /// The bytes of all answers that clients have not taken yet.
    pub waiting_bytes: usize,
    /// How long a client may take to send a request, and to take an answer.
    #[serde(rename = "seconds", deserialize_with = "seconds")]
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 1 << 20,
            answer_bytes: 24 << 20,
            calls: 1000,
            logs: 1000,
            connections: 1024,
            waiting_bytes: 256 << 20,
            time: Duration::from_secs(30),
        }
    }
}

fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Number::read(deserializer).map(Duration::from_secs)
}
