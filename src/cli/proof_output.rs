//! Proofs and failures in the format that was asked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{pipeline::Asked, prove_args::ProofFormat};
use crate::proofs::{Failure, FailureRecord, LineWriter, ProofView};

/// What a job gives: bytes for the output, and what they are.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Failures that the format has no record for.
    pub(super) words: Vec<String>,
    pub(super) count: Count,
    /// How many steps of the selection it answers.
    pub(super) steps: u64,
}

/// What became of the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Count {
    /// Proofs.
    pub(super) proofs: u64,
    /// Requests that failed, by code.
    pub(super) failures: BTreeMap<String, u64>,
    /// The logs that those requests were for.
    pub(super) failed_logs: u64,
    /// Logs that are padding.
    pub(super) padding: u64,
}

impl Count {
    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// How many logs were asked for.
    pub(super) fn logs(&self) -> u64 {
        self.proofs + self.failed_logs + self.padding
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.proofs += other.proofs;
        for (code, failures) in &other.failures {
            *self.failures.entry(code.clone()).or_default() += failures;
        }
        self.failed_logs += other.failed_logs;
        self.padding += other.padding;
    }
}

/// How records look, and what stands between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON object, and nothing else.
    Object,
    /// JSON objects in an array. Each record has the comma before it; the sink makes the first of them
    /// the array's bracket.
    Array,
    Lines,
    RpcLines,
}

impl Form {
    /// What stands before each record of an array.
    pub(super) const COMMA: &[u8] = b",\n";

    /// Whether every record is a line, so that outputs can be put behind each other.
    pub(super) fn is_lines(self) -> bool {
        matches!(self, Self::Lines | Self::RpcLines)
    }

    /// Without a given format one proof is JSON, and many are a line each.
    fn new(format: Option<ProofFormat>, many: bool) -> Self {
        match (format, many) {
            (Some(ProofFormat::Rpc), _) => Self::RpcLines,
            (Some(ProofFormat::Ndjson), _) | (None, true) => Self::Lines,
            (Some(ProofFormat::Json), true) => Self::Array,
            (Some(ProofFormat::Json) | None, false) => Self::Object,
        }
    }
}

/// Turns what became of the requests of one job into bytes. Every job has its own, so that they run side
/// by side.
#[derive(Clone)]
pub(super) struct Encoder {
    form: Form,
}

/// An encoder at work on a piece.
pub(super) struct Encoding {
    form: Form,
    lines: LineWriter,
    piece: Piece,
}

impl Encoder {
    /// Takes one record, or `many`.
    pub(super) fn new(format: Option<ProofFormat>, many: bool) -> Self {
        Self { form: Form::new(format, many) }
    }

    /// Begins a piece.
    pub(super) fn begin(&self, piece: Piece) -> Encoding {
        Encoding { form: self.form, lines: LineWriter::default(), piece }
    }

    /// How the records look.
    pub(super) fn form(&self) -> Form {
        self.form
    }
}

impl Encoding {
    /// A proof.
    pub(super) fn proof(&mut self, proof: &ProofView<'_>) {
        self.piece.count.proofs += 1;
        match self.form {
            Form::Lines => self.lines.record(proof, &mut self.piece.bytes),
            Form::RpcLines => self.lines.rpc_answer(proof, &mut self.piece.bytes),
            Form::Object | Form::Array => return self.pretty(&proof.to_record()),
        }
        self.piece.bytes.push(b'\n');
    }

    /// A request for `logs` logs failed.
    pub(super) fn failure(&mut self, asked: &Asked, logs: usize, error: Failure) {
        let count = &mut self.piece.count;
        *count.failures.entry(error.code.clone()).or_default() += 1;
        count.failed_logs += logs as u64;
        if self.form == Form::RpcLines {
            self.piece.words.push(format!("{}: {}", error.code, error.message));
            return;
        }
        match asked {
            Asked::Request(request) => self.record(&FailureRecord { request, error }),
            Asked::Line(request) => self.record(&FailureRecord { request: &**request, error }),
            Asked::Text(request) => self.record(&FailureRecord { request, error }),
        }
    }

    /// A log that is padding, for which there is no record.
    pub(super) fn padding(&mut self) {
        self.piece.count.padding += 1;
    }

    /// Ends the piece.
    pub(super) fn end(self) -> Piece {
        self.piece
    }

    fn record(&mut self, record: &impl Serialize) {
        match self.form {
            Form::Object | Form::Array => self.pretty(record),
            Form::Lines | Form::RpcLines => {
                // Records have no maps with keys other than text, and a vector takes every byte: nothing
                // is left that could fail.
                let _ = serde_json::to_writer(&mut self.piece.bytes, record);
                self.piece.bytes.push(b'\n');
            }
        }
    }

    fn pretty(&mut self, record: &impl Serialize) {
        if self.form == Form::Array {
            self.piece.bytes.extend_from_slice(Form::COMMA);
        }
        // As above.
        let _ = serde_json::to_writer_pretty(&mut self.piece.bytes, record);
        if self.form == Form::Object {
            self.piece.bytes.push(b'\n');
        }
    }
}
