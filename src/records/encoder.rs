//! Outcomes as the bytes of a file: JSON, NDJSON, answers of a node, calldata, rows of Parquet.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use thiserror::Error;

use super::{
    CallOptions, Count, Encode, LineWriter, Outcome, RequestSource,
    parquet::{EncodedRows, OutcomeRows},
};
use crate::{
    files::Compression,
    proof::{Failure, FailureCode, FailureRecord, Hints, ProofView, no_hints},
};

/// How many buffers are kept to be filled again.
const MOST_BUFFERS: usize = 8;
/// The largest buffer that is kept, in bytes: that of a giant batch is not kept for small ones.
const LARGEST_BUFFER: usize = 7_000_000;

/// The formats of proofs. Every build names all of them; one whose feature is off refuses to write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofFormat {
    /// One JSON object, or an array of them.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// One object a line, with exactly the fields that a node answers.
    Rpc,
    /// One object a line, with the ABI-encoded call that takes the proof; with the feature `calldata`.
    Calldata,
    /// Rows of a Parquet file; with the feature `parquet`.
    Parquet,
}

impl ProofFormat {
    /// Refuses a format that this build does not have.
    pub(crate) fn check(self) -> Result<(), EncoderError> {
        let feature = match self {
            Self::Calldata if !cfg!(feature = "calldata") => "calldata",
            Self::Parquet if !cfg!(feature = "parquet") => "parquet",
            _ => return Ok(()),
        };
        Err(EncoderError::NoFormat { format: self, feature })
    }
}

/// Why records could not be encoded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The format cannot take a value.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Parquet(#[from] super::parquet::EncodeError),
    /// The build does not have the format.
    #[error("this build has no {format:?}: its feature {feature} is off")]
    NoFormat {
        /// The format.
        format: ProofFormat,
        /// The feature that the format needs.
        feature: &'static str,
    },
    /// The compressor failed.
    #[error("cannot compress")]
    Compress(#[source] io::Error),
}

impl EncoderError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::NoFormat { .. } => FailureCode::FormatUnsupported,
            _ => FailureCode::WriteFailed,
        }
    }
}

/// Encoded records.
#[derive(Default)]
pub struct EncodedChunk {
    /// The records as text.
    pub(crate) bytes: Vec<u8>,
    /// The same compressed, where the output is and its records are lines.
    pub(crate) packed: Option<Vec<u8>>,
    /// Rows, where the output has rows.
    pub(crate) rows: Option<EncodedRows>,
    /// Failures that the format has no record for.
    pub(crate) unwritten: Vec<Failure>,
}

/// How records look, and what stands between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
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
    /// The separator before each record of an array.
    pub(crate) const COMMA: &[u8] = b",\n";

    /// Without a given format one proof is JSON, and many are a line each.
    pub(crate) fn new(format: Option<ProofFormat>, many: bool) -> Self {
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
    pub(crate) fn is_lines(self) -> bool {
        matches!(self, Self::Lines | Self::RpcLines | Self::CallLines)
    }
}

/// Turns outcomes into bytes in one form.
#[derive(Clone)]
pub struct Encoder {
    form: Form,
    compression: Option<Compression>,
    calls: CallOptions,
    hints: Hints,
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// An encoder at work on a chunk.
struct Encoding<'e> {
    encoder: &'e Encoder,
    lines: LineWriter,
    rows: OutcomeRows,
    chunk: EncodedChunk,
    count: Count,
}

impl Encoder {
    /// An encoder of records in this form, whose text is compressed where `compression` is given.
    pub(crate) fn new(form: Form, compression: Option<Compression>, calls: CallOptions) -> Self {
        Self { form, compression, calls, hints: no_hints, free: Arc::default() }
    }

    /// With hints after the messages of failures.
    pub(crate) fn with_hints(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }

    /// What the bytes depend on besides the proofs and calls.
    pub(crate) fn describe(&self) -> String {
        format!("{:?} {:?}", self.form, self.compression)
    }

    /// How the records look.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// How text is compressed.
    pub(crate) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Whether an interrupted output can be resumed: its chunks are appended to each other, as lines or as
    /// rows.
    pub(crate) fn is_resumable(&self) -> bool {
        self.form.is_lines() || self.form == Form::Rows
    }

    /// Whether outputs can be appended to each other.
    pub(crate) fn is_mergeable(&self) -> bool {
        self.form.is_lines() && self.compression.is_none()
    }

    fn begin(&self) -> Encoding<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let chunk =
            EncodedChunk { bytes: free.pop().unwrap_or_default(), ..EncodedChunk::default() };
        let (lines, rows) = (LineWriter::default(), OutcomeRows::default());
        Encoding { encoder: self, lines, rows, chunk, count: Count::default() }
    }

    /// Takes back the buffer of a chunk that is written.
    pub(crate) fn recycle(&self, chunk: EncodedChunk) {
        let mut bytes = chunk.bytes;
        bytes.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < MOST_BUFFERS && bytes.capacity() <= LARGEST_BUFFER {
            free.push(bytes);
        }
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
                Outcome::Proof { proof, request } => {
                    if let Err(failure) = encoding.proof(&proof)? {
                        encoding.failure(request, 1, failure)?;
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
    /// Encodes a proof; answers why the format cannot take it, where it cannot.
    fn proof(&mut self, proof: &ProofView<'_>) -> Result<Result<(), Failure>, EncoderError> {
        match self.encoder.form {
            Form::Lines => self.lines.record(proof, &mut self.chunk.bytes),
            Form::RpcLines => self.lines.rpc_answer(proof, &mut self.chunk.bytes),
            Form::CallLines => match self.encoder.calls.encode(proof) {
                Ok(record) => {
                    // As in `record`: nothing that could fail.
                    let _ = serde_json::to_writer(&mut self.chunk.bytes, &record);
                }
                Err(error) => {
                    return Ok(Err(Failure::of(error.code(), &error, self.encoder.hints)));
                }
            },
            Form::Rows => self.rows.proof(proof)?,
            Form::Object | Form::Array => self.pretty(&proof.to_record()),
        }
        if self.encoder.form.is_lines() {
            self.chunk.bytes.push(b'\n');
        }
        self.count.proofs += 1;
        Ok(Ok(()))
    }

    /// Encodes a request for `logs` logs that failed.
    fn failure(
        &mut self,
        request: RequestSource<'_>,
        logs: u64,
        error: Failure,
    ) -> Result<(), EncoderError> {
        self.count.fail(error.code, logs);
        match (self.encoder.form, request) {
            (Form::Rows, _) => self.rows.failure(request, &error)?,
            (Form::RpcLines, _) => self.chunk.unwritten.push(error),
            (_, RequestSource::Request(request)) => self.record(&FailureRecord { request, error }),
            (_, RequestSource::Line(request)) => self.record(&FailureRecord { request, error }),
            (_, RequestSource::Text(request)) => self.record(&FailureRecord { request, error }),
        }
        Ok(())
    }

    /// Ends the chunk.
    fn end(mut self) -> Result<(EncodedChunk, Count), EncoderError> {
        let chunk = &mut self.chunk;
        chunk.rows = self.rows.finish()?;
        let lines = self.encoder.compression.filter(|_| self.encoder.form.is_lines());
        if let Some(compression) = lines.filter(|_| !chunk.bytes.is_empty()) {
            let packed = compression.compress(&chunk.bytes).map_err(EncoderError::Compress)?;
            chunk.packed = Some(packed);
        }
        Ok((self.chunk, self.count))
    }

    fn record(&mut self, record: &impl Serialize) {
        match self.encoder.form {
            Form::Object | Form::Array => self.pretty(record),
            Form::Lines | Form::RpcLines | Form::CallLines | Form::Rows => {
                // Records have no maps with keys other than text, and a vector takes every byte: nothing
                // is left that could fail.
                let _ = serde_json::to_writer(&mut self.chunk.bytes, record);
                self.chunk.bytes.push(b'\n');
            }
        }
    }

    fn pretty(&mut self, record: &impl Serialize) {
        if self.encoder.form == Form::Array {
            self.chunk.bytes.extend_from_slice(Form::COMMA);
        }
        // As above.
        let _ = serde_json::to_writer_pretty(&mut self.chunk.bytes, record);
        if self.encoder.form == Form::Object {
            self.chunk.bytes.push(b'\n');
        }
    }
}
