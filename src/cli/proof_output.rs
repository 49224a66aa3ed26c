//! Proofs and failures in the format that was asked for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{error::CliError, pipeline::Asked, prove_args::ProofFormat, report};
use crate::{
    files::Output,
    proofs::{Failure, FailureRecord, LineWriter, ProofView},
};

/// What a job gives: bytes for the output, and what they are.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Failures that the format has no record for.
    pub(super) words: Vec<String>,
    pub(super) count: Count,
}

/// What became of the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    fn add(&mut self, other: &Self) {
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
enum Form {
    /// A JSON object, and nothing else.
    Object,
    /// JSON objects in an array. Each record has the comma before it; the sink makes the first of them
    /// the array's bracket.
    Array,
    Lines,
    RpcLines,
}

const COMMA: &[u8] = b",\n";

impl Form {
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

    /// The sink that puts this encoder's pieces together.
    pub(super) fn sink(&self, output: Output) -> Sink {
        Sink { output, form: self.form, begun: false, total: Count::default() }
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
            self.piece.bytes.extend_from_slice(COMMA);
        }
        // As above.
        let _ = serde_json::to_writer_pretty(&mut self.piece.bytes, record);
        if self.form == Form::Object {
            self.piece.bytes.push(b'\n');
        }
    }
}

/// Where the pieces go, in order.
pub(super) struct Sink {
    output: Output,
    form: Form,
    /// Whether a record was written.
    begun: bool,
    total: Count,
}

impl Sink {
    /// What to call the output in messages.
    pub(super) fn name(&self) -> String {
        self.output.name()
    }

    pub(super) fn write(&mut self, piece: &Piece) -> Result<(), CliError> {
        let mut bytes = &piece.bytes[..];
        if self.form == Form::Array && !self.begun && !bytes.is_empty() {
            self.output.put(b"[\n")?;
            bytes = &bytes[COMMA.len()..];
        }
        self.begun |= !bytes.is_empty();
        self.output.put(bytes)?;
        for words in &piece.words {
            report::error(&CliError::NothingFound(words.clone()));
        }
        self.total.add(&piece.count);
        Ok(())
    }

    /// Ends the output and puts it in place.
    pub(super) fn finish(mut self) -> Result<Count, CliError> {
        if self.form == Form::Array {
            self.output.put(if self.begun { b"\n]\n" } else { b"[]\n" })?;
        }
        self.output.finish()?;
        Ok(self.total)
    }
}
