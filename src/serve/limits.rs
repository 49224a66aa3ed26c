use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::primitives::Number;

/// The most bytes, calls and logs that a limit may allow.
const MOST: u64 = 1 << 40;

/// The longest time that a limit may allow, in seconds: a day.
const MOST_SECONDS: u64 = 24 * 60 * 60;

/// A limit that a server cannot have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the limit of {what} is {given}; it has to be from 1 to {most}")]
#[non_exhaustive]
pub struct LimitError {
    /// What is limited.
    pub what: &'static str,
    /// The limit that was given.
    pub given: u64,
    /// The largest one that can be given.
    pub most: u64,
}

/// What a server bounds. Each limit is at least 1. The defaults fit the largest requests that known clients send.
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
    /// The bytes of all answers of more than 64 KiB that clients have not taken yet. Further ones are refused.
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

impl Limits {
    /// Checks that a server can have these limits, wherever they come from.
    pub(super) fn check(&self) -> Result<(), LimitError> {
        let number = |limit: usize| u64::try_from(limit).unwrap_or(u64::MAX);
        let most_connections = MOST.min(number(Semaphore::MAX_PERMITS));
        for (what, given, most) in [
            ("connections", number(self.connections), most_connections),
            ("calls", number(self.calls), MOST),
            ("logs", number(self.logs), MOST),
            ("bytes of a request", number(self.request_bytes), MOST),
            ("bytes of an answer", number(self.answer_bytes), MOST),
            ("bytes of waiting answers", number(self.waiting_bytes), MOST),
            ("seconds", self.time.as_secs(), MOST_SECONDS),
        ] {
            if !(1..=most).contains(&given) {
                return Err(LimitError { what, given, most });
            }
        }
        Ok(())
    }
}

fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Number::read(deserializer).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_a_server_cannot_have_are_refused() {
        Limits::default().check().unwrap();
        for (name, most) in [
            ("connections", MOST),
            ("calls", MOST),
            ("logs", MOST),
            ("requestBytes", MOST),
            ("answerBytes", MOST),
            ("waitingBytes", MOST),
            ("seconds", MOST_SECONDS),
        ] {
            let check = |given: u64| {
                let text = format!("{{\"{name}\":{given}}}");
                serde_json::from_str::<Limits>(&text).unwrap().check()
            };
            for given in [1, most] {
                assert_eq!(check(given), Ok(()), "{name}");
            }
            for given in [0, most + 1, u64::MAX] {
                let error = check(given).unwrap_err();
                assert_eq!((error.given, error.most), (given, most), "{name}");
            }
        }
    }
}
