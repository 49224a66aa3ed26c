use std::{mem, sync::Arc};

use parquet::{
    basic::{CompressionCodec, Encoding},
    errors::ParquetError,
    file::{
        metadata::{
            ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter,
            RowGroupMetaData,
        },
        statistics::Statistics,
    },
    schema::types::SchemaDescPtr,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zstd::bulk::Compressor;

use super::{
    columns::{COLUMNS, Column, UNTIMED, kind_name, schema},
    pages::{Chunk, Pages},
};
use crate::{
    files::parquet::MAGIC,
    primitives::{BatchNumber, ChainId, Hash},
    proof::{Failure, ProofView, Request},
};

/// The minimum number of rows of a row group, except for the last of a file. Query engines read row groups in
/// parallel and hold some of them. This many proofs take about 50 MB in memory and about 10 MB in the file.
pub const ROWS_PER_GROUP: u64 = 32_768;

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

/// Encodes proofs and failures as rows, in the order in which they are appended.
pub struct RowEncoder {
    columns: Vec<(Column, Pages)>,
    words: Compressor<'static>,
    zstd: Compressor<'static>,
    rows: u64,
}

/// Encoded rows: some pages of each column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRows {
    rows: u64,
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
    columns: Vec<(Vec<u8>, Chunk)>,
}

impl RowGroup {
    /// The number of rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends rows.
    pub fn append(&mut self, rows: EncodedRows) {
        self.rows += rows.rows;
        if self.columns.is_empty() {
            self.columns = rows.columns;
            return;
        }
        for ((bytes, chunk), (more, of_more)) in self.columns.iter_mut().zip(rows.columns) {
            bytes.extend_from_slice(&more);
            chunk.append(&of_more);
        }
    }

    /// Returns the bytes of the row group in parts, in order.
    pub fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.columns.iter().map(|(bytes, _)| bytes.as_slice())
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
    rows: u64,
    chunks: Vec<Chunk>,
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
        let zstd = |level| Compressor::new(level).map_err(ParquetError::from);
        let pages = |column: &Column| (*column, Pages::new(*column == Column::Proof));
        Ok(Self {
            columns: columns.iter().map(pages).collect(),
            words: zstd(WORDS_LEVEL)?,
            zstd: zstd(LEVEL)?,
            rows: 0,
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
        self.bytes(Column::CheckedBy, Some(proof.checked_by.to_string().as_bytes()))?;
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
        for (column, pages) in &mut self.columns {
            let is_words = *column == Column::Proof;
            pages.flush_full(if is_words { &mut self.words } else { &mut self.zstd })?;
        }
        Ok(())
    }

    /// Returns the rows and resets the encoder.
    ///
    /// # Errors
    /// [`EncodeError`] when a page is too long for the format.
    pub fn finish(&mut self) -> Result<EncodedRows, EncodeError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, pages) in &mut self.columns {
            let is_words = *column == Column::Proof;
            columns.push(pages.finish(if is_words { &mut self.words } else { &mut self.zstd })?);
        }
        Ok(EncodedRows { rows: mem::take(&mut self.rows), columns })
    }
}

/// The footer of a file, which contains the offsets of all parts.
///
/// A file consists of [`MAGIC`], the bytes of its row groups in order, and the bytes of their footer.
pub struct Footer {
    schema: SchemaDescPtr,
    groups: Vec<RowGroupMetaData>,
    rows: u64,
    /// The offset of the next row group.
    end: u64,
}

impl Footer {
    /// Creates the footer of a file without row groups.
    ///
    /// # Errors
    /// No input causes one: the schema is a constant.
    pub fn new() -> Result<Self, EncodeError> {
        let end = MAGIC.len() as u64;
        Ok(Self { schema: schema(UNTIMED)?, groups: Vec::new(), rows: 0, end })
    }

    /// Adds a row group. Its bytes must be the next in the file.
    ///
    /// # Errors
    /// [`EncodeError`] when the summary is not one of this version, or when the file has more row groups or
    /// bytes than Parquet can count.
    pub fn add(&mut self, group: &RowGroupSummary) -> Result<(), EncodeError> {
        if self.groups.is_empty() && group.chunks.len() == COLUMNS.len() {
            self.schema = schema(&COLUMNS)?;
        }
        if group.chunks.len() != self.schema.columns().len() {
            let text = "a summary of a row group with other columns";
            return Err(ParquetError::General(text.into()).into());
        }
        let start = self.end;
        let mut columns = Vec::with_capacity(group.chunks.len());
        for (descriptor, chunk) in self.schema.columns().iter().zip(&group.chunks) {
            let mut column = ColumnChunkMetaData::builder(Arc::clone(descriptor))
                .set_compression_codec(CompressionCodec::ZSTD)
                .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
                .set_num_values(to_i64(chunk.values)?)
                .set_total_compressed_size(to_i64(chunk.len)?)
                .set_total_uncompressed_size(to_i64(chunk.raw_len)?)
                .set_data_page_offset(to_i64(self.end)?);
            if let Some((least, most)) = chunk.bounds {
                // The schema declares the numbers unsigned; the footer stores the same bits.
                let bounds = [least, most].map(|n| Some(n.cast_signed()));
                let nulls = Some(chunk.nulls);
                let statistics = Statistics::int64(bounds[0], bounds[1], None, nulls, false);
                column = column.set_statistics(statistics);
            }
            columns.push(column.build()?);
            self.end += chunk.len;
        }
        let raw_len =
            group.chunks.iter().fold(0u64, |sum, chunk| sum.saturating_add(chunk.raw_len));
        let metadata = RowGroupMetaData::builder(Arc::clone(&self.schema))
            .set_column_metadata(columns)
            .set_num_rows(to_i64(group.rows)?)
            .set_total_byte_size(to_i64(raw_len)?)
            .set_file_offset(to_i64(start)?)
            .build()?;
        self.groups.push(metadata);
        self.rows += group.rows;
        Ok(())
    }

    /// The size of the file without the footer, in bytes.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Returns the bytes of the footer, which complete the file.
    ///
    /// # Errors
    /// [`EncodeError`] when there are more row groups than Parquet can count.
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        let made_by = concat!("slproof version ", env!("CARGO_PKG_VERSION"));
        let rows = to_i64(self.rows)?;
        let file = FileMetaData::new(1, rows, Some(made_by.into()), None, self.schema, None);
        let metadata = ParquetMetaData::new(file, self.groups);
        let mut bytes = Vec::new();
        ParquetMetaDataWriter::new(&mut bytes, &metadata).finish()?;
        Ok(bytes)
    }
}

fn to_i64(number: u64) -> Result<i64, ParquetError> {
    Ok(i64::try_from(number)?)
}
