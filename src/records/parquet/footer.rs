//! The end of a file: the page index and the footer.

use std::sync::Arc;

use parquet::{
    basic::{CompressionCodec, Encoding, Type},
    errors::ParquetError,
    file::{
        metadata::{
            ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter,
            RowGroupMetaData,
        },
        statistics::Statistics,
    },
    schema::types::{ColumnDescPtr, SchemaDescPtr},
};

use super::{
    EncodeError, RowGroupSummary,
    columns::{COLUMNS, UNTIMED, schema},
    page_index,
    pages::Chunk,
};
use crate::{files::parquet::MAGIC, primitives::varint::VarintError};

/// The footer of a file, which contains the offsets of all parts.
///
/// A file consists of [`MAGIC`], the bytes of its row groups in order, and the bytes of their footer.
pub struct Footer {
    groups: Vec<RowGroupSummary>,
    /// The offset of the next row group.
    end: u64,
}

impl Default for Footer {
    fn default() -> Self {
        Self { groups: Vec::new(), end: MAGIC.len() as u64 }
    }
}

impl Footer {
    /// Adds a row group. Its bytes must be the next in the file.
    ///
    /// # Errors
    /// [`EncodeError`] when the summary is not one of this version, or has other columns than the row groups before.
    pub fn add(&mut self, group: RowGroupSummary) -> Result<(), EncodeError> {
        let columns = group.chunks.len();
        let is_known = [COLUMNS.len(), UNTIMED.len()].contains(&columns);
        if !is_known || self.groups.first().is_some_and(|first| first.chunks.len() != columns) {
            let text = "a summary of a row group with other columns";
            return Err(ParquetError::General(text.into()).into());
        }
        self.end += group.byte_len();
        self.groups.push(group);
        Ok(())
    }

    /// The row groups.
    #[must_use]
    pub fn groups(&self) -> &[RowGroupSummary] {
        &self.groups
    }

    /// The size of the file without the footer, in bytes.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Returns the page index and the footer, which complete the file.
    ///
    /// # Errors
    /// [`EncodeError`] when the file has more row groups or bytes than Parquet can count, or when a summary is damaged.
    pub fn finish(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::new();
        let bounds = self.write_indexes(&mut bytes, |chunk, _, index| match chunk.bounds {
            Some(_) => page_index::write_bounds(&chunk.pages, index),
            None => Ok(()),
        })?;
        let offsets = self.write_indexes(&mut bytes, |chunk, start, index| {
            page_index::write_offsets(&chunk.pages, start, index)
        })?;

        let is_timed = self.groups.first().is_some_and(|first| first.chunks.len() == COLUMNS.len());
        let schema = schema(if is_timed { &COLUMNS } else { UNTIMED })?;
        let mut places = bounds.into_iter().zip(offsets);
        let (mut groups, mut start, mut rows) =
            (Vec::with_capacity(self.groups.len()), MAGIC.len() as u64, 0);
        for group in &self.groups {
            let mut columns = Vec::with_capacity(group.chunks.len());
            let mut at = start;
            for ((descriptor, chunk), places) in
                schema.columns().iter().zip(&group.chunks).zip(&mut places)
            {
                columns.push(column(descriptor, chunk, at, places)?);
                at += chunk.len;
            }
            groups.push(row_group(&schema, group, columns, start)?);
            (start, rows) = (at, rows + group.rows);
        }
        let made_by = concat!("slproof version ", env!("CARGO_PKG_VERSION"));
        let file = FileMetaData::new(1, to_i64(rows)?, Some(made_by.into()), None, schema, None);
        let metadata = ParquetMetaData::new(file, groups);
        ParquetMetaDataWriter::new(&mut bytes, &metadata).finish()?;
        Ok(bytes)
    }

    /// Appends an index of each column of each row group. Returns their places in the file.
    fn write_indexes(
        &self,
        bytes: &mut Vec<u8>,
        write: impl Fn(&Chunk, u64, &mut Vec<u8>) -> Result<(), VarintError>,
    ) -> Result<Vec<Place>, EncodeError> {
        let (mut places, mut chunk_start) = (Vec::new(), MAGIC.len() as u64);
        for chunk in self.groups.iter().flat_map(|group| &group.chunks) {
            let before = bytes.len();
            write(chunk, chunk_start, bytes)?;
            let len = i32::try_from(bytes.len() - before).map_err(ParquetError::from)?;
            let start = to_i64(self.end + before as u64)?;
            places.push((len > 0).then_some((start, len)));
            chunk_start += chunk.len;
        }
        Ok(places)
    }
}

/// The offset and the length of an index, if there is one.
type Place = Option<(i64, i32)>;

/// The footer's entry for a column of a row group.
fn column(
    descriptor: &ColumnDescPtr,
    chunk: &Chunk,
    start: u64,
    (bounds, offsets): (Place, Place),
) -> Result<ColumnChunkMetaData, ParquetError> {
    let mut column = ColumnChunkMetaData::builder(Arc::clone(descriptor))
        .set_compression_codec(CompressionCodec::ZSTD)
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
        .set_num_values(to_i64(chunk.values)?)
        .set_total_compressed_size(to_i64(chunk.len)?)
        .set_total_uncompressed_size(to_i64(chunk.raw_len)?)
        .set_data_page_offset(to_i64(start)?)
        .set_column_index_offset(bounds.map(|(start, _)| start))
        .set_column_index_length(bounds.map(|(_, len)| len))
        .set_offset_index_offset(offsets.map(|(start, _)| start))
        .set_offset_index_length(offsets.map(|(_, len)| len));
    let nulls = Some(chunk.nulls);
    let statistics = match descriptor.physical_type() {
        Type::INT64 => {
            // The schema declares the numbers unsigned; the footer stores the same bits.
            let (least, most) = chunk.bounds.unzip();
            let [least, most] = [least, most].map(|bound| bound.map(u64::cast_signed));
            Some(Statistics::int64(least, most, None, nulls, false))
        }
        // In a list, entries are counted and not rows.
        _ if descriptor.max_rep_level() > 0 => None,
        Type::BYTE_ARRAY => Some(Statistics::byte_array(None, None, None, nulls, false)),
        _ => Some(Statistics::fixed_len_byte_array(None, None, None, nulls, false)),
    };
    if let Some(statistics) = statistics {
        column = column.set_statistics(statistics);
    }
    column.build()
}

/// The footer's entry for a row group.
fn row_group(
    schema: &SchemaDescPtr,
    group: &RowGroupSummary,
    columns: Vec<ColumnChunkMetaData>,
    start: u64,
) -> Result<RowGroupMetaData, ParquetError> {
    let raw_len = group.chunks.iter().fold(0u64, |sum, chunk| sum.saturating_add(chunk.raw_len));
    RowGroupMetaData::builder(Arc::clone(schema))
        .set_column_metadata(columns)
        .set_num_rows(to_i64(group.rows)?)
        .set_total_byte_size(to_i64(raw_len)?)
        .set_file_offset(to_i64(start)?)
        .build()
}

fn to_i64(number: u64) -> Result<i64, ParquetError> {
    Ok(i64::try_from(number)?)
}
