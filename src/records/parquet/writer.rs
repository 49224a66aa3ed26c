use std::mem;

use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    columns::{COLUMNS, Column, UNTIMED, kind_name},
    pages::{Chunk, Packer, Pages},
};
use crate::{
    primitives::{BatchNumber, ChainId, Hash, varint::VarintError},
    proof::{Failure, ProofView, Request},
};

/// The approximate number of rows of a row group: all but the last have from a half to one and a half times as many.
///
/// A row group is the smallest part that a query engine gives to a thread or a machine, so it must be small enough to
/// divide a file of some ten thousand proofs, and large enough that its 1.4 KB in the footer do not matter.
/// This many proofs take about 12 MB in memory and 1 to 3 MB in the file.
pub const ROWS_PER_GROUP: u64 = 8192;

/// The maximum number of rows of a page. A reader that looks for one row reads a page of each column, about 150 KB
/// together.
const ROWS_PER_PAGE: u64 = 1024;

/// Proof words are random except for repeated runs, so the fastest level that finds repetitions compresses as
/// well as any.
const WORDS_LEVEL: i32 = -3;
const LEVEL: i32 = 1;

/// Records could not be encoded: a message has 2 GiB or more, or zstd could not allocate memory.
#[derive(Debug, Error)]
#[error("cannot encode records as Parquet")]
pub struct EncodeError(#[source] ParquetError);

impl From<ParquetError> for EncodeError {
    fn from(error: ParquetError) -> Self {
        Self(error)
    }
}

impl From<VarintError> for EncodeError {
    fn from(error: VarintError) -> Self {
        ParquetError::External(Box::new(error)).into()
    }
}

/// Encodes proofs and failures as rows, in the order in which they are appended.
pub struct RowEncoder {
    columns: Vec<(Column, Pages)>,
    words: Packer,
    others: Packer,
    /// The number of rows that are not in `stripes`.
    rows: u64,
    stripes: Vec<Stripe>,
}

/// Encoded rows, in parts at whose ends a row group may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRows {
    pub(super) stripes: Vec<Stripe>,
}

/// Some pages of each column, with the same rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stripe {
    pub(super) rows: u64,
    columns: Vec<(Vec<u8>, Chunk)>,
}

/// The log position that a failed request names, as far as it names one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPlace {
    /// The chain.
    pub chain: Option<ChainId>,
    /// The batch.
    pub batch: Option<BatchNumber>,
    /// The log's leaf index in the batch.
    pub id: Option<u64>,
}

impl From<Request> for LogPlace {
    fn from(request: Request) -> Self {
        match request {
            Request::Log { chain_id, batch_number, id } => {
                Self { chain: Some(chain_id), batch: Some(batch_number), id: Some(id) }
            }
            Request::Batch { chain_id, batch_number } => {
                Self { chain: Some(chain_id), batch: Some(batch_number), id: None }
            }
            Request::Message { .. } | Request::Transaction { .. } => Self::default(),
        }
    }
}

/// A row group, joined from rows that were encoded in parallel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowGroup {
    rows: u64,
    /// The pages of each column, in the parts in which they were encoded.
    columns: Vec<(Vec<Vec<u8>>, Chunk)>,
}

impl RowGroup {
    /// The number of rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends rows.
    pub fn append(&mut self, rows: EncodedRows) {
        rows.stripes.into_iter().for_each(|stripe| self.append_stripe(stripe));
    }

    pub(super) fn append_stripe(&mut self, stripe: Stripe) {
        self.rows += stripe.rows;
        self.columns.resize_with(stripe.columns.len(), Default::default);
        for ((parts, chunk), (more, of_more)) in self.columns.iter_mut().zip(stripe.columns) {
            parts.push(more);
            chunk.append(&of_more);
        }
    }

    /// Returns the bytes of the row group in parts, in order.
    pub fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.columns.iter().flat_map(|(parts, _)| parts).map(Vec::as_slice)
    }

    /// Returns the facts that the footer needs.
    #[must_use]
    pub fn summary(&self) -> RowGroupSummary {
        let chunks = self.columns.iter().map(|(_, chunk)| chunk.clone()).collect();
        RowGroupSummary { rows: self.rows, chunks }
    }
}

/// The footer's facts about a row group. It can be stored, so that writing a file can be resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowGroupSummary {
    pub(super) rows: u64,
    pub(super) chunks: Vec<Chunk>,
}

impl RowGroupSummary {
    /// The length of the row group in bytes.
    pub(super) fn byte_len(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len).sum()
    }
}

impl RowEncoder {
    /// Creates an encoder without rows, for proofs of releases before v33.
    ///
    /// # Errors
    /// [`EncodeError`] when zstd cannot allocate memory.
    pub fn new() -> Result<Self, EncodeError> {
        Self::of(UNTIMED)
    }

    /// Creates an encoder without rows, whose rows also have the timestamps of proofs since v33. All rows of a
    /// file have the same columns.
    ///
    /// # Errors
    /// [`EncodeError`] when zstd cannot allocate memory.
    pub fn with_timestamps() -> Result<Self, EncodeError> {
        Self::of(&COLUMNS)
    }

    fn of(columns: &[Column]) -> Result<Self, EncodeError> {
        let pages = |column: &Column| (*column, Pages::new(*column == Column::Proof));
        Ok(Self {
            columns: columns.iter().map(pages).collect(),
            words: Packer::new(WORDS_LEVEL)?,
            others: Packer::new(LEVEL)?,
            rows: 0,
            stripes: Vec::new(),
        })
    }

    /// Appends a proof.
    ///
    /// # Errors
    /// [`EncodeError`] when the message is too long for the format.
    pub fn proof(&mut self, proof: &ProofView<'_>) -> Result<(), EncodeError> {
        let target = proof.target;
        self.number(Column::ChainId, Some(proof.chain.0));
        self.number(Column::BatchNumber, Some(proof.batch.0));
        self.number(Column::Id, Some(proof.id));
        self.column(Column::Root).fixed(proof.root.as_bytes());
        self.column(Column::Proof).list(proof.head, proof.tail);
        self.bytes(Column::TargetKind, Some(kind_name(target.kind).as_bytes()))?;
        self.number(Column::TargetSlChainId, target.sl_chain_id.map(|id| id.0));
        self.number(Column::TargetNumber, target.number);
        self.column(Column::TargetRoot).fixed(target.root.as_bytes());
        self.column(Column::Log).fixed(proof.log.as_bytes());
        self.bytes(Column::Message, proof.message)?;
        for column in [Column::ErrorCode, Column::ErrorMessage, Column::Request] {
            self.column(column).null();
        }
        let log = proof.log;
        let sender = log.message_sender().unwrap_or_else(|| log.sender());
        self.column(Column::Sender).fixed(sender.as_bytes());
        self.number(Column::TxNumber, Some(log.tx_number().into()));
        let message_hash = log.is_message().then(|| log.value());
        self.hash(Column::MessageHash, message_hash.as_ref());
        self.hash(Column::TxHash, proof.transaction);
        let evidence = proof.checked_by.map(|evidence| evidence.to_string());
        self.bytes(Column::CheckedBy, evidence.as_ref().map(String::as_bytes))?;
        if self.columns.len() > UNTIMED.len() {
            self.number(Column::L1Timestamp, proof.l1_timestamp.map(|timestamp| timestamp.0));
            self.number(Column::TargetTimestamp, target.timestamp.map(|timestamp| timestamp.0));
        }
        self.end_row()
    }

    /// Appends a failed request, with its text.
    ///
    /// # Errors
    /// [`EncodeError`] when a text is too long for the format.
    pub fn failure(
        &mut self,
        place: LogPlace,
        request: &str,
        error: &Failure,
    ) -> Result<(), EncodeError> {
        self.number(Column::ChainId, place.chain.map(|chain| chain.0));
        self.number(Column::BatchNumber, place.batch.map(|batch| batch.0));
        self.number(Column::Id, place.id);
        for column in &COLUMNS[Column::Root as usize..Column::ErrorCode as usize] {
            self.column(*column).null();
        }
        self.bytes(Column::ErrorCode, Some(error.code.as_str().as_bytes()))?;
        self.bytes(Column::ErrorMessage, Some(error.message.as_bytes()))?;
        self.bytes(Column::Request, Some(request.as_bytes()))?;
        for (_, pages) in &mut self.columns[Column::Sender as usize..] {
            pages.null();
        }
        self.end_row()
    }

    fn column(&mut self, column: Column) -> &mut Pages {
        &mut self.columns[column as usize].1
    }

    fn number(&mut self, column: Column, value: Option<u64>) {
        let pages = self.column(column);
        match value {
            Some(value) => pages.number(value),
            None => pages.null(),
        }
    }

    fn hash(&mut self, column: Column, value: Option<&Hash>) {
        let pages = self.column(column);
        match value {
            Some(value) => pages.fixed(value.as_bytes()),
            None => pages.null(),
        }
    }

    fn bytes(&mut self, column: Column, value: Option<&[u8]>) -> Result<(), ParquetError> {
        let pages = self.column(column);
        match value {
            Some(value) => pages.bytes(value),
            None => {
                pages.null();
                Ok(())
            }
        }
    }

    fn end_row(&mut self) -> Result<(), EncodeError> {
        self.rows += 1;
        if self.rows == ROWS_PER_PAGE {
            return self.end_stripe();
        }
        for (column, pages) in &mut self.columns {
            let is_words = *column == Column::Proof;
            pages.flush_full(if is_words { &mut self.words } else { &mut self.others })?;
        }
        Ok(())
    }

    fn end_stripe(&mut self) -> Result<(), EncodeError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, pages) in &mut self.columns {
            let is_words = *column == Column::Proof;
            columns.push(pages.finish(if is_words {
                &mut self.words
            } else {
                &mut self.others
            })?);
        }
        self.stripes.push(Stripe { rows: mem::take(&mut self.rows), columns });
        Ok(())
    }

    /// Returns the rows and resets the encoder.
    ///
    /// # Errors
    /// [`EncodeError`] when a page is too long for the format.
    pub fn finish(&mut self) -> Result<EncodedRows, EncodeError> {
        if self.rows > 0 {
            self.end_stripe()?;
        }
        Ok(EncodedRows { stripes: mem::take(&mut self.stripes) })
    }
}
