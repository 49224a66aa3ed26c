//! Encodes outcomes as JSON, NDJSON, answers of a node, calldata or rows of Parquet.

use std::sync::Arc;

use super::{
    CallOptions, Count, Encode, EncoderError, Integers, LineWriter, Outcome, ProofFormat,
    RequestSource,
    l1_evidence::L1Evidence,
    page::{around_records, with_l1},
    parquet::{EncodedRows, OutcomeRows},
};
use crate::{
    files::{Compression, Pool},
    proof::{Failure, FailureCode, FailureRecord, Hints, ProofView, no_hints},
};
use serde::Serialize;

/// The maximum size of a buffer that is kept for reuse, in bytes. The buffer of a piece with a very long message is not
/// kept for others.
const LARGEST_BUFFER: usize = 8 << 20;

/// Encoded records.
#[derive(Default)]
pub struct EncodedChunk {
    /// The records as text.
    pub(crate) bytes: Vec<u8>,
    /// The compressed text, if the output is compressed and its records are lines.
    pub(crate) packed: Option<Vec<u8>>,
    /// The rows, if the output has rows.
    pub(crate) rows: Option<EncodedRows>,
    /// The failed requests as lines, compressed if their file is, if they have a file of their own.
    pub(crate) failures: Vec<u8>,
    /// Failures for which the format has no record.
    pub(crate) unwritten: Vec<Failure>,
}

/// The lines of failed requests in a file of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FailureLines {
    pub(crate) compression: Option<Compression>,
}

impl FailureLines {
    /// Returns the content of the file for some lines. A compressed file without lines is not empty either.
    pub(crate) fn encode(self, lines: Vec<u8>) -> Result<Vec<u8>, EncoderError> {
        match self.compression {
            Some(compression) => compression.compress(&lines).map_err(EncoderError::Compress),
            None => Ok(lines),
        }
    }
}

/// The layout of records and of what separates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object.
    Object,
    /// JSON objects in an array. Each record has a comma before it. The sink replaces the first comma by the
    /// opening bracket.
    Array,
    /// The same array, in the page that shows and checks its records.
    Page,
    Lines,
    RpcLines,
    CallLines,
    Rows,
}

impl Form {
    /// The separator before each record of an array.
    pub(crate) const COMMA: &str = ",\n";

    /// An array without records.
    pub(crate) const NO_RECORDS: &str = "[]\n";

    /// The form of a format. The default is JSON for one proof, and NDJSON for many.
    pub(crate) fn new(format: Option<ProofFormat>, many: bool) -> Self {
        match (format, many) {
            (Some(ProofFormat::Bundle), _) => Self::Page,
            (Some(ProofFormat::Rpc), _) => Self::RpcLines,
            (Some(ProofFormat::Calldata), _) => Self::CallLines,
            (Some(ProofFormat::Parquet), _) => Self::Rows,
            (Some(ProofFormat::Ndjson), _) | (None, true) => Self::Lines,
            (Some(ProofFormat::Json), true) => Self::Array,
            (Some(ProofFormat::Json) | None, false) => Self::Object,
        }
    }

    /// The text before a list of records, and its brackets. `None` if the form has none.
    pub(crate) fn list(self) -> Option<[&'static str; 3]> {
        match self {
            Self::Array => Some(["", "[\n", "\n]\n"]),
            Self::Page => Some([around_records().0, "[\n", "\n]\n"]),
            _ => None,
        }
    }

    /// The name by which a job is known to have this form.
    fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::Page => "page",
            Self::Lines => "lines",
            Self::RpcLines => "answers of a node",
            Self::CallLines => "calls",
            Self::Rows => "rows",
        }
    }

    /// Whether every record is a line.
    fn is_lines(self) -> bool {
        matches!(self, Self::Lines | Self::RpcLines | Self::CallLines)
    }
}

/// Encodes outcomes in one form.
#[derive(Clone)]
pub struct Encoder {
    form: Form,
    compression: Option<Compression>,
    calls: CallOptions,
    integers: Integers,
    /// Whether rows have the timestamps of v33.
    has_timestamps: bool,
    failures: Option<FailureLines>,
    /// What proves the state of L1 that has to accept the proofs of a page.
    l1: Option<Arc<L1Evidence>>,
    hints: Hints,
    free: Arc<Free>,
}

/// What is used again.
#[derive(Default)]
struct Free {
    texts: Pool<Vec<u8>>,
    rows: Pool<OutcomeRows>,
}

/// The state of encoding one chunk.
struct Encoding<'e> {
    encoder: &'e Encoder,
    lines: LineWriter,
    rows: OutcomeRows,
    chunk: EncodedChunk,
    count: Count,
}

impl Encoder {
    /// Creates an encoder for a form. Text is compressed if `compression` is given.
    pub(crate) fn new(form: Form, compression: Option<Compression>, calls: CallOptions) -> Self {
        Self {
            form,
            compression,
            calls,
            integers: Integers::default(),
            has_timestamps: false,
            failures: None,
            l1: None,
            hints: no_hints,
            free: Arc::default(),
        }
    }

    /// Sets how records of JSON and NDJSON have their numbers.
    pub(crate) fn with_integers(self, integers: Integers) -> Self {
        Self { integers, ..self }
    }

    /// Sets whether rows have the timestamps of v33.
    pub(crate) fn with_timestamps(self, has_timestamps: bool) -> Self {
        Self { has_timestamps, ..self }
    }

    /// Encodes failed requests apart from the proofs, if `failures` is given.
    pub(crate) fn with_failures_apart(self, failures: Option<FailureLines>) -> Self {
        Self { failures, ..self }
    }

    /// Adds what proves the state of L1 to a page, which then has only proofs that this state accepts.
    pub(crate) fn with_l1(self, l1: Option<Arc<L1Evidence>>) -> Self {
        Self { l1, ..self }
    }

    /// Appends hints to the messages of failures.
    pub(crate) fn with_hints(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }

    /// Describes everything that the bytes depend on besides the proofs and calls.
    pub(crate) fn describe(&self) -> String {
        let packed = |compression: Option<Compression>| match compression {
            Some(Compression::Gzip) => ", gzip",
            Some(Compression::Zstd) => ", zstd",
            None => "",
        };
        let integers = match self.integers {
            Integers::Number => "",
            Integers::String => ", integers as strings",
        };
        let mut text = format!("{}{}{integers}", self.form.name(), packed(self.compression));
        if let Some(lines) = self.failures {
            text += ", failures apart";
            text += packed(lines.compression);
        }
        text
    }

    /// The layout of the records.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// The text after a list of records.
    pub(crate) fn after_list(&self) -> String {
        match (self.form, &self.l1) {
            (Form::Page, Some(l1)) => with_l1(&l1.to_json()),
            (Form::Page, None) => around_records().1.into(),
            _ => String::new(),
        }
    }

    /// The compression of the text.
    pub(crate) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Whether an interrupted output can be resumed, and made in shards: its records must be lines, rows or an array,
    /// which can be appended. A page is one document.
    pub(crate) fn is_resumable(&self) -> bool {
        self.form.is_lines() || matches!(self.form, Form::Rows | Form::Array)
    }

    /// The lines of failed requests, if they are not among the proofs.
    pub(crate) fn failures(&self) -> Option<FailureLines> {
        self.failures
    }

    fn begin(&self) -> Encoding<'_> {
        let bytes = self.free.texts.take().unwrap_or_default();
        let rows = self.free.rows.take();
        Encoding {
            encoder: self,
            lines: LineWriter::new(self.integers),
            rows: rows.unwrap_or_else(|| OutcomeRows::new(self.has_timestamps)),
            chunk: EncodedChunk { bytes, ..EncodedChunk::default() },
            count: Count::default(),
        }
    }

    /// Takes back the buffer of a written chunk for reuse.
    pub(crate) fn recycle(&self, chunk: EncodedChunk) {
        self.free.texts.recycle(chunk.bytes, LARGEST_BUFFER);
    }
}

impl Encode for Encoder {
    type Chunk = EncodedChunk;

    fn encode(
        &self,
        outcomes: &mut dyn Iterator<Item = Outcome<'_>>,
    ) -> Result<(EncodedChunk, Count), EncoderError> {
        let mut encoding = self.begin();
        for outcome in outcomes {
            match outcome {
                Outcome::Proof { proof, request, is_one_of_many } => {
                    match encoding.proof(&proof)? {
                        Ok(()) => {}
                        Err(failure)
                            if is_one_of_many && failure.code == FailureCode::NotAWithdrawal =>
                        {
                            encoding.count.skipped += 1;
                        }
                        Err(failure) => encoding.failure(request, 1, failure)?,
                    }
                }
                Outcome::Failed { request, logs, failure } => {
                    encoding.failure(request, logs, failure)?;
                }
                Outcome::Padding => encoding.count.padding += 1,
            }
        }
        encoding.end()
    }
}

impl Encoding<'_> {
    /// Encodes a proof. The inner error says why the format cannot take it.
    fn proof(&mut self, proof: &ProofView<'_>) -> Result<Result<(), Failure>, EncoderError> {
        match self.encoder.form {
            Form::Lines => self.lines.record(proof, &mut self.chunk.bytes),
            Form::RpcLines => self.lines.rpc_answer(proof, &mut self.chunk.bytes),
            Form::CallLines => match self.encoder.calls.encode(proof) {
                Ok(record) => {
                    // Cannot fail, as in `Integers`.
                    let _ = serde_json::to_writer(&mut self.chunk.bytes, &record);
                }
                Err(error) => {
                    return Ok(Err(Failure::of(error.code(), &error, self.encoder.hints)));
                }
            },
            Form::Rows => self.rows.proof(proof)?,
            Form::Object | Form::Array | Form::Page => {
                let record = proof.to_record();
                if let Some(l1) = &self.encoder.l1
                    && let Err(reason) = l1.check(&record)
                {
                    // The hints are for the command that verifies.
                    return Ok(Err(Failure::of(reason.code(), &reason, no_hints)));
                }
                self.pretty(&record);
            }
        }
        if self.encoder.form.is_lines() {
            self.chunk.bytes.push(b'\n');
        }
        self.count.proofs += 1;
        Ok(Ok(()))
    }

    /// Encodes a failed request for `logs` logs.
    fn failure(
        &mut self,
        request: RequestSource<'_>,
        logs: u64,
        error: Failure,
    ) -> Result<(), EncoderError> {
        self.count.fail(error.code, logs);
        if self.encoder.failures.is_some() {
            line(
                self.encoder.integers,
                &FailureRecord { request, error },
                &mut self.chunk.failures,
            );
            return Ok(());
        }
        match self.encoder.form {
            Form::Rows => self.rows.failure(request, &error)?,
            Form::RpcLines => self.chunk.unwritten.push(error),
            Form::Object | Form::Array | Form::Page | Form::Lines | Form::CallLines => {
                self.record(&FailureRecord { request, error });
            }
        }
        Ok(())
    }

    /// Completes the chunk.
    fn end(mut self) -> Result<(EncodedChunk, Count), EncoderError> {
        let chunk = &mut self.chunk;
        chunk.rows = self.rows.finish()?;
        self.encoder.free.rows.put(self.rows);
        let lines = self.encoder.compression.filter(|_| self.encoder.form.is_lines());
        if let Some(compression) = lines.filter(|_| !chunk.bytes.is_empty()) {
            let packed = compression.compress(&chunk.bytes).map_err(EncoderError::Compress)?;
            chunk.packed = Some(packed);
        }
        if let Some(lines) = self.encoder.failures.filter(|_| !chunk.failures.is_empty()) {
            chunk.failures = lines.encode(std::mem::take(&mut chunk.failures))?;
        }
        Ok((self.chunk, self.count))
    }

    fn record(&mut self, record: &impl Serialize) {
        match self.encoder.form {
            Form::Object | Form::Array | Form::Page => self.pretty(record),
            Form::Lines | Form::RpcLines | Form::CallLines | Form::Rows => {
                line(self.encoder.integers, record, &mut self.chunk.bytes);
            }
        }
    }

    fn pretty(&mut self, record: &impl Serialize) {
        if self.encoder.form.list().is_some() {
            self.chunk.bytes.extend_from_slice(Form::COMMA.as_bytes());
        }
        if self.encoder.form == Form::Page {
            // Cannot fail, as in `Integers`.
            let text = serde_json::to_string_pretty(record).unwrap_or_default();
            // A request that failed may contain anything, and no text may end the script.
            self.chunk.bytes.extend_from_slice(text.replace('<', "\\u003c").as_bytes());
        } else {
            self.encoder.integers.pretty(record, &mut self.chunk.bytes);
        }
        if self.encoder.form == Form::Object {
            self.chunk.bytes.push(b'\n');
        }
    }
}

/// Appends a record as a line.
fn line(integers: Integers, record: &impl Serialize, bytes: &mut Vec<u8>) {
    integers.compact(record, bytes);
    bytes.push(b'\n');
}
