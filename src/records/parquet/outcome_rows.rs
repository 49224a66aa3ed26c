use std::borrow::Cow;

use super::{EncodeError, EncodedRows, LogPlace, RowEncoder};
use crate::{
    proof::{Failure, ProofView, RequestLine},
    records::RequestSource,
};

/// Encodes the rows of chunks of outcomes.
pub(crate) struct OutcomeRows {
    has_timestamps: bool,
    /// `None` until the first row, since chunks of text have no rows.
    encoder: Option<RowEncoder>,
}

impl OutcomeRows {
    /// Begins a chunk without rows. All chunks of a file have the timestamps of v33, or none has.
    pub(crate) fn new(has_timestamps: bool) -> Self {
        Self { has_timestamps, encoder: None }
    }

    /// Appends a proof.
    pub(crate) fn proof(&mut self, proof: &ProofView<'_>) -> Result<(), EncodeError> {
        self.encoder()?.proof(proof)
    }

    /// Appends a failed request.
    pub(crate) fn failure(
        &mut self,
        request: RequestSource<'_>,
        error: &Failure,
    ) -> Result<(), EncodeError> {
        let (place, text) = place_and_text(request);
        self.encoder()?.failure(place, &text, error)
    }

    /// Returns the rows, if any. The next chunk can begin then.
    pub(crate) fn finish(&mut self) -> Result<Option<EncodedRows>, EncodeError> {
        let rows = self.encoder.as_mut().map(RowEncoder::finish).transpose()?;
        Ok(rows.filter(|rows| !rows.stripes.is_empty()))
    }

    fn encoder(&mut self) -> Result<&mut RowEncoder, EncodeError> {
        match &mut self.encoder {
            Some(encoder) => Ok(encoder),
            none if self.has_timestamps => Ok(none.insert(RowEncoder::with_timestamps()?)),
            none => Ok(none.insert(RowEncoder::new()?)),
        }
    }
}

/// Returns the log position as far as the request names it, and the request as text.
fn place_and_text(request: RequestSource<'_>) -> (LogPlace, Cow<'_, str>) {
    // Cannot fail: requests have no maps with keys other than strings.
    match request {
        RequestSource::Request(request) => {
            (request.into(), serde_json::to_string(&request).unwrap_or_default().into())
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
