//! Proofs and failures in the format that was asked for.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::{
    error::CliError,
    hint,
    pipeline::RequestSource,
    prove_args::{ProofFormat, ProveArgs},
};
use crate::{
    files::Compression,
    proof::{
        Failure, FailureRecord, ProofView, RequestLine, Target, TargetKind, calldata::CallOptions,
    },
    records::{
        LineWriter,
        parquet::{EncodeError, EncodedRows, LogPlace, RowEncoder},
    },
};

/// What a job gives: bytes for the output, and what they are.
#[derive(Default)]
pub(super) struct EncodedChunk {
    pub(super) bytes: Vec<u8>,
    /// The same compressed, where the output is and its records are lines.
    pub(super) packed: Option<Vec<u8>>,
    /// Rows, where the output has rows.
    pub(super) rows: Option<EncodedRows>,
    /// Why the records could not be encoded, which ends everything.
    pub(super) broken: Option<CliError>,
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
        self.failures.values().fold(0, |sum, failures| sum.saturating_add(*failures))
    }

    /// How many logs were asked for.
    pub(super) fn logs(&self) -> u64 {
        self.proofs.saturating_add(self.failed_logs).saturating_add(self.padding)
    }

    pub(super) fn add(&mut self, other: &Self) {
        // Some of these numbers come from files beside outputs.
        self.proofs = self.proofs.saturating_add(other.proofs);
        for (code, failures) in &other.failures {
            let sum = self.failures.entry(code.clone()).or_default();
            *sum = sum.saturating_add(*failures);
        }
        self.failed_logs = self.failed_logs.saturating_add(other.failed_logs);
        self.padding = self.padding.saturating_add(other.padding);
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
    CallLines,
    Rows,
}

impl Form {
    /// What stands before each record of an array.
    pub(super) const COMMA: &[u8] = b",\n";

    /// Without a given format one proof is JSON, and many are a line each.
    fn new(format: Option<ProofFormat>, many: bool) -> Self {
        match (format, many) {
            (Some(ProofFormat::Rpc), _) => Self::RpcLines,
            (Some(ProofFormat::Calldata), _) => Self::CallLines,
            (Some(ProofFormat::Parquet), _) => Self::Rows,
            (Some(ProofFormat::Ndjson), _) | (None, true) => Self::Lines,
            (Some(ProofFormat::Json), true) => Self::Array,
            (Some(ProofFormat::Json) | None, false) => Self::Object,
        }
    }

    /// Whether every record is a line, so that outputs can be put behind each other.
    pub(super) fn is_lines(self) -> bool {
        matches!(self, Self::Lines | Self::RpcLines | Self::CallLines)
    }
}

/// Turns what became of the requests of one job into bytes. Every job has its own, so that they run side
/// by side.
#[derive(Clone)]
pub(super) struct Encoder {
    form: Form,
    compression: Option<Compression>,
    calls: CallOptions,
}

/// An encoder at work on a piece.
pub(super) struct Encoding {
    encoder: Encoder,
    lines: LineWriter,
    rows: Option<RowEncoder>,
    piece: EncodedChunk,
}

impl Encoder {
    /// Takes one record, or `many`.
    pub(super) fn new(args: &ProveArgs, many: bool) -> Result<Self, CliError> {
        let usage = |text: &str| Err(CliError::Usage(text.into()));
        let form = Form::new(args.format, many);
        let compression = Compression::of_name(&args.output);
        if form == Form::Rows && compression.is_some() {
            return usage(
                "Parquet is compressed inside; give the output a name without .gz or .zst",
            );
        }
        let calls = CallOptions::from(args.calls);
        if form == Form::CallLines {
            // Lines of requests may have a target of their own.
            if args.which.requests.is_none() {
                calls.contract(kind(args.target))?;
            }
        } else if calls != CallOptions::default() {
            return usage("--call and --to are for --format calldata");
        }
        Ok(Self { form, compression, calls })
    }

    /// What the bytes depend on besides the proofs.
    pub(super) fn describe(&self) -> String {
        format!("{:?} {:?}", self.form, self.compression)
    }

    /// Begins a piece.
    pub(super) fn begin(&self, piece: EncodedChunk) -> Encoding {
        Encoding { encoder: self.clone(), lines: LineWriter::default(), rows: None, piece }
    }

    /// How the records look.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// How text is compressed.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Whether an output can be gone on with: pieces go behind each other, as lines or as rows.
    pub(super) fn can_be_resumed(&self) -> bool {
        self.form.is_lines() || self.form == Form::Rows
    }

    /// Whether outputs can be put behind each other.
    pub(super) fn can_be_shared(&self) -> bool {
        self.form.is_lines() && self.compression.is_none()
    }
}

/// The kind of root that a target is.
fn kind(target: Target) -> TargetKind {
    match target {
        Target::BatchRoot => TargetKind::BatchRoot,
        Target::SlBatch(_) => TargetKind::SlBatch,
        _ => TargetKind::Block,
    }
}

impl Encoding {
    /// A proof; or why the format cannot take it.
    pub(super) fn proof(&mut self, proof: &ProofView<'_>) -> Result<(), Failure> {
        match self.encoder.form {
            Form::Lines => self.lines.record(proof, &mut self.piece.bytes),
            Form::RpcLines => self.lines.rpc_answer(proof, &mut self.piece.bytes),
            Form::CallLines => {
                let record = self.encoder.calls.encode(proof).map_err(|error| Failure {
                    code: error.code().into(),
                    message: hint::told(&error),
                })?;
                // As in `record`: nothing that could fail.
                let _ = serde_json::to_writer(&mut self.piece.bytes, &record);
            }
            Form::Rows => self.row(|rows| rows.proof(proof)),
            Form::Object | Form::Array => self.pretty(&proof.to_record()),
        }
        if self.encoder.form.is_lines() {
            self.piece.bytes.push(b'\n');
        }
        self.piece.count.proofs += 1;
        Ok(())
    }

    /// A request for `logs` logs failed.
    pub(super) fn failure(&mut self, asked: &RequestSource, logs: usize, error: Failure) {
        let count = &mut self.piece.count;
        *count.failures.entry(error.code.clone()).or_default() += 1;
        count.failed_logs += logs as u64;
        if self.encoder.form == Form::Rows {
            let (place, request) = request(asked);
            return self.row(|rows| rows.failure(place, &request, &error));
        }
        if self.encoder.form == Form::RpcLines {
            self.piece.words.push(format!("{}: {}", error.code, error.message));
            return;
        }
        match asked {
            RequestSource::Request(request) => self.record(&FailureRecord { request, error }),
            RequestSource::Line(request) => {
                self.record(&FailureRecord { request: &**request, error })
            }
            RequestSource::Text(request) => self.record(&FailureRecord { request, error }),
        }
    }

    /// A log that is padding, for which there is no record.
    pub(super) fn padding(&mut self) {
        self.piece.count.padding += 1;
    }

    /// Ends the piece.
    pub(super) fn end(mut self) -> EncodedChunk {
        let piece = &mut self.piece;
        if let Some(rows) = &mut self.rows {
            match rows.finish() {
                Ok(rows) => piece.rows = Some(rows),
                Err(error) => piece.broken = Some(error.into()),
            }
        }
        let lines = self.encoder.compression.filter(|_| self.encoder.form.is_lines());
        if let Some(compression) = lines.filter(|_| !piece.bytes.is_empty()) {
            match compression.compress(&piece.bytes) {
                Ok(packed) => piece.packed = Some(packed),
                Err(error) => piece.broken = Some(CliError::Compress(error)),
            }
        }
        self.piece
    }

    fn row(&mut self, write: impl FnOnce(&mut RowEncoder) -> Result<(), EncodeError>) {
        let written = match &mut self.rows {
            Some(rows) => write(rows),
            rows => RowEncoder::new().and_then(|new| write(rows.insert(new))),
        };
        if let Err(error) = written {
            self.piece.broken = Some(error.into());
        }
    }

    fn record(&mut self, record: &impl Serialize) {
        match self.encoder.form {
            Form::Object | Form::Array => self.pretty(record),
            Form::Lines | Form::RpcLines | Form::CallLines | Form::Rows => {
                // Records have no maps with keys other than text, and a vector takes every byte: nothing
                // is left that could fail.
                let _ = serde_json::to_writer(&mut self.piece.bytes, record);
                self.piece.bytes.push(b'\n');
            }
        }
    }

    fn pretty(&mut self, record: &impl Serialize) {
        if self.encoder.form == Form::Array {
            self.piece.bytes.extend_from_slice(Form::COMMA);
        }
        // As above.
        let _ = serde_json::to_writer_pretty(&mut self.piece.bytes, record);
        if self.encoder.form == Form::Object {
            self.piece.bytes.push(b'\n');
        }
    }
}

/// What was asked for as text, and what it names of a log's place.
fn request(asked: &RequestSource) -> (LogPlace, Cow<'_, str>) {
    // None of these has maps with keys other than text, the only thing that could fail.
    match asked {
        RequestSource::Request(request) => {
            ((*request).into(), serde_json::to_string(request).unwrap_or_default().into())
        }
        RequestSource::Line(line) => {
            let line = line.get();
            let request = RequestLine::parse(line.as_bytes());
            (request.map_or_else(|_| LogPlace::default(), |line| line.request.into()), line.into())
        }
        RequestSource::Text(text) => {
            (LogPlace::default(), serde_json::to_string(text).unwrap_or_default().into())
        }
    }
}
