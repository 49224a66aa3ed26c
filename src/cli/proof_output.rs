//! Proofs and failures in the format that was asked for.

use serde::Serialize;

use super::{args::ProofFormat, error::CliError, report};
use crate::{
    files::Output,
    proofs::{ExtractError, Failure, FailureRecord, ProofRecord, Request, RpcAnswer},
};

/// Records in the form in which they are written.
#[derive(Default)]
pub(super) struct Piece {
    records: Vec<Vec<u8>>,
    /// Failures that the format has no record for.
    words: Vec<String>,
    pub(super) count: Count,
}

/// What became of the requests.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    /// Proofs.
    pub(super) proofs: u64,
    /// Requests that failed.
    pub(super) failures: u64,
    /// The logs that those requests were for.
    pub(super) failed_logs: u64,
    /// Logs that are padding.
    pub(super) padding: u64,
}

impl Piece {
    pub(super) fn proof(&mut self, form: ProofFormat, proof: ProofRecord) {
        self.count.proofs += 1;
        match form {
            ProofFormat::Rpc => self.record(form, &RpcAnswer::from(proof)),
            ProofFormat::Json | ProofFormat::Ndjson => self.record(form, &proof),
        }
    }

    /// A request for `logs` logs failed.
    pub(super) fn failure(
        &mut self,
        form: ProofFormat,
        request: Request,
        logs: usize,
        error: &ExtractError,
    ) {
        self.count.failures += 1;
        self.count.failed_logs += logs as u64;
        let error = Failure { code: error.code().into(), message: error.to_string() };
        match form {
            ProofFormat::Rpc => self.words.push(format!("{}: {}", error.code, error.message)),
            _ => self.record(form, &FailureRecord { request, error }),
        }
    }

    fn record(&mut self, form: ProofFormat, record: &impl Serialize) {
        let text = match form {
            ProofFormat::Json => serde_json::to_vec_pretty(record),
            ProofFormat::Ndjson | ProofFormat::Rpc => serde_json::to_vec(record),
        };
        // The records have no maps with keys other than text, the only thing that could fail.
        self.records.push(text.unwrap_or_default());
    }
}

/// Where the records go.
pub(super) struct Sink {
    output: Output,
    pub(super) form: ProofFormat,
    /// Whether JSON is to be an array.
    many: bool,
    /// Whether a record was written.
    begun: bool,
    total: Count,
}

impl Sink {
    /// Takes one record, or `many`. Without a given format one is JSON, and many are a line each.
    pub(super) fn new(output: Output, format: Option<ProofFormat>, many: bool) -> Self {
        let default = if many { ProofFormat::Ndjson } else { ProofFormat::Json };
        Self {
            output,
            form: format.unwrap_or(default),
            many,
            begun: false,
            total: Count::default(),
        }
    }

    /// What to call the output in messages.
    pub(super) fn name(&self) -> String {
        self.output.name()
    }

    pub(super) fn write(&mut self, piece: &Piece) -> Result<(), CliError> {
        let is_array = self.form == ProofFormat::Json && self.many;
        for record in &piece.records {
            self.output.put(match (is_array, self.begun) {
                (true, false) => b"[\n",
                (true, true) => b",\n",
                (false, false) => b"",
                (false, true) => b"\n",
            })?;
            self.output.put(record)?;
            self.begun = true;
        }
        for words in &piece.words {
            report::error(&CliError::NothingFound(words.clone()));
        }
        self.total.proofs += piece.count.proofs;
        self.total.failures += piece.count.failures;
        self.total.failed_logs += piece.count.failed_logs;
        self.total.padding += piece.count.padding;
        Ok(())
    }

    /// Ends the output and puts it in place.
    pub(super) fn finish(mut self) -> Result<Count, CliError> {
        let is_array = self.form == ProofFormat::Json && self.many;
        self.output.put(match (is_array, self.begun) {
            (true, true) => b"\n]\n",
            (true, false) => b"[]\n",
            (false, true) => b"\n",
            (false, false) => b"",
        })?;
        self.output.finish()?;
        Ok(self.total)
    }
}
