//! Counters of a server, in the text format of Prometheus (exposition format 0.0.4).

use std::{
    fmt::{self, Display, Write},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::SystemTime,
};

use super::{AccessLine, CallLine, Outcome, access::milliseconds, method::METHODS};
use crate::proof::FailureCode;

/// The statuses that are counted one by one.
const STATUSES: [u16; 9] = [200, 204, 400, 404, 405, 408, 413, 500, 503];

/// The upper ends of the classes of durations, in seconds.
const SECONDS: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// The counters.
#[derive(Debug)]
pub(super) struct Metrics {
    calls: Vec<[AtomicU64; Outcome::ALL.len()]>,
    codes: Vec<AtomicU64>,
    responses: [AtomicU64; STATUSES.len()],
    other_responses: AtomicU64,
    /// By class; the last has no end.
    durations: [AtomicU64; SECONDS.len() + 1],
    microseconds: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) reloads: AtomicU64,
    pub(super) failed_reloads: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            calls: METHODS.iter().map(|_| Default::default()).collect(),
            codes: FailureCode::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            responses: Default::default(),
            other_responses: AtomicU64::new(0),
            durations: Default::default(),
            microseconds: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            reloads: AtomicU64::new(0),
            failed_reloads: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Counts a request.
    pub(super) fn count(&self, line: &AccessLine) {
        let status = STATUSES.iter().position(|status| *status == line.status);
        status.map_or(&self.other_responses, |at| &self.responses[at]).fetch_add(1, Relaxed);
        let class = SECONDS.partition_point(|end| *end < line.seconds);
        self.durations[class].fetch_add(1, Relaxed);
        self.microseconds.fetch_add((line.seconds * 1e6) as u64, Relaxed);
        self.bytes_in.fetch_add(line.bytes_in as u64, Relaxed);
        self.bytes_out.fetch_add(line.bytes_out as u64, Relaxed);
    }

    /// Counts the calls of a request.
    pub(super) fn count_calls(&self, calls: &[CallLine]) {
        for call in calls {
            let method = METHODS.iter().position(|name| *name == call.method);
            let outcome = Outcome::ALL.iter().position(|outcome| *outcome == call.outcome);
            if let (Some(method), Some(outcome)) = (method, outcome) {
                self.calls[method][outcome].fetch_add(1, Relaxed);
            }
            let code = call.code.and_then(|code| FailureCode::ALL.binary_search(&code).ok());
            if let Some(code) = code {
                self.codes[code].fetch_add(1, Relaxed);
            }
        }
    }

    /// The text of all counters. `opened` is when the files were opened, and `left_out` how many parts were left out.
    pub(super) fn text(&self, opened: SystemTime, left_out: u64) -> String {
        let mut text = Text(String::new());
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, opened, left_out);
        text.0
    }

    fn write(&self, text: &mut Text, opened: SystemTime, left_out: u64) -> fmt::Result {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        text.head("calls_total", "counter", "Calls by method and outcome.")?;
        for (method, outcomes) in METHODS.iter().zip(&self.calls) {
            for (outcome, count) in Outcome::ALL.iter().zip(outcomes) {
                let labels = format!("{{method=\"{method}\",outcome=\"{outcome}\"}}");
                text.line("calls_total", &labels, read(count))?;
            }
        }
        text.head(
            "reasons_total",
            "counter",
            "Answers without a result, by the code of the reason.",
        )?;
        for (code, count) in FailureCode::ALL.iter().zip(&self.codes) {
            if read(count) > 0 {
                text.line("reasons_total", &format!("{{code=\"{code}\"}}"), read(count))?;
            }
        }
        text.head("responses_total", "counter", "Responses by status.")?;
        for (status, count) in STATUSES.iter().zip(&self.responses) {
            text.line("responses_total", &format!("{{status=\"{status}\"}}"), read(count))?;
        }
        text.line("responses_total", "{status=\"other\"}", read(&self.other_responses))?;
        text.head("request_seconds", "histogram", "Seconds from a request to its answer.")?;
        let mut sum = 0;
        for (end, count) in SECONDS.iter().zip(&self.durations) {
            sum += read(count);
            text.line("request_seconds_bucket", &format!("{{le=\"{end}\"}}"), sum)?;
        }
        sum += read(&self.durations[SECONDS.len()]);
        text.line("request_seconds_bucket", "{le=\"+Inf\"}", sum)?;
        text.line("request_seconds_sum", "", read(&self.microseconds) as f64 / 1e6)?;
        text.line("request_seconds_count", "", sum)?;
        for (name, counter, about) in [
            ("request_bytes_total", &self.bytes_in, "Bytes of bodies of requests."),
            ("response_bytes_total", &self.bytes_out, "Bytes of bodies of responses."),
            ("connections_total", &self.accepted, "Accepted connections."),
            ("reloads_total", &self.reloads, "Times that replaced files were opened."),
            (
                "failed_reloads_total",
                &self.failed_reloads,
                "Times that replaced files were refused.",
            ),
        ] {
            text.head(name, "counter", about)?;
            text.line(name, "", read(counter))?;
        }
        text.head("connections", "gauge", "Open connections.")?;
        text.line("connections", "", read(&self.connections))?;
        text.head("opened_seconds", "gauge", "When the files were opened, in seconds since 1970.")?;
        text.line("opened_seconds", "", milliseconds(opened) / 1000)?;
        text.head("left_out", "gauge", "Parts that were left out of the archive.")?;
        text.line("left_out", "", left_out)
    }
}

/// Lines of metrics.
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, about: &str) -> fmt::Result {
        writeln!(self.0, "# HELP slproof_{name} {about}\n# TYPE slproof_{name} {kind}")
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) -> fmt::Result {
        writeln!(self.0, "slproof_{name}{labels} {value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_method_outcome_and_reason() {
        let metrics = Metrics::default();
        let call = |method, outcome, code| CallLine { method, outcome, code };
        metrics.count_calls(&[
            call("eth_chainId", Outcome::Result, None),
            call("zks_getL2ToL1LogProof", Outcome::Null, Some(FailureCode::TransactionNotFound)),
            call("zks_getL2ToL1LogProof", Outcome::Null, Some(FailureCode::TransactionNotFound)),
        ]);
        let text = metrics.text(SystemTime::UNIX_EPOCH, 0);
        for line in [
            "slproof_calls_total{method=\"eth_chainId\",outcome=\"result\"} 1",
            "slproof_calls_total{method=\"zks_getL2ToL1LogProof\",outcome=\"null\"} 2",
            "slproof_calls_total{method=\"other\",outcome=\"error\"} 0",
            "slproof_reasons_total{code=\"transaction-not-found\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_duration_counts_in_its_class_and_in_all_larger_ones() {
        let metrics = Metrics::default();
        for seconds in [0.001, 0.2, 99.0] {
            metrics.count(&AccessLine {
                time: SystemTime::UNIX_EPOCH,
                client: None,
                method: "POST".into(),
                path: "/".into(),
                status: 200,
                bytes_in: 10,
                bytes_out: 20,
                seconds,
                calls: 0,
                first_calls: Vec::new(),
            });
        }
        let text = metrics.text(SystemTime::UNIX_EPOCH, 0);
        for (end, count) in [("0.001", 1), ("0.1", 1), ("0.3", 2), ("10", 2), ("+Inf", 3)] {
            let line = format!("slproof_request_seconds_bucket{{le=\"{end}\"}} {count}");
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("slproof_response_bytes_total 60\n"));
    }
}
