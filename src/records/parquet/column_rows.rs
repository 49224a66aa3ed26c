//! Reads one column of a row group, row by row.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    vec,
};

use parquet::{
    basic::Type,
    column::reader::ColumnReaderImpl,
    data_type::{
        ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
    },
    errors::ParquetError,
    file::metadata::ColumnChunkMetaData,
    schema::types::ColumnDescriptor,
};

use super::{
    columns::Column,
    guarded_pages::{Budget, GuardedPages},
};

pub(super) struct ColumnRows {
    reader: Reader,
    budget: Arc<Budget>,
    /// The definition level of a present value.
    deepest: i16,
    is_list: bool,
    definition: vec::IntoIter<i16>,
    repetition: vec::IntoIter<i16>,
}

enum Reader {
    Numbers(ColumnReaderImpl<Int64Type>, vec::IntoIter<i64>),
    Bytes(ColumnReaderImpl<ByteArrayType>, vec::IntoIter<ByteArray>),
    Fixed(ColumnReaderImpl<FixedLenByteArrayType>, vec::IntoIter<FixedLenByteArray>),
}

impl ColumnRows {
    /// The type that a column must have, in words.
    pub(super) fn kind(column: Column) -> &'static str {
        match column {
            Column::Proof => "lists of 32 bytes",
            _ if column.is_number() => "64-bit integers",
            _ => "bytes",
        }
    }

    /// Whether a file's column has this type.
    pub(super) fn can_read(column: Column, found: &ColumnDescriptor) -> bool {
        let physical = found.physical_type();
        let is_bytes = matches!(physical, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY);
        let is_kind = if column.is_number() { physical == Type::INT64 } else { is_bytes };
        is_kind && found.max_rep_level() == i16::from(column == Column::Proof)
    }

    pub(super) fn new(
        file: &Arc<File>,
        chunk: &ColumnChunkMetaData,
        rows: usize,
    ) -> Result<Self, ParquetError> {
        let descriptor = chunk.column_descr_ptr();
        let budget = Arc::default();
        let pages = Box::new(GuardedPages::new(file, chunk, rows, &budget)?);
        let (deepest, is_list) = (descriptor.max_def_level(), descriptor.max_rep_level() > 0);
        let reader = match descriptor.physical_type() {
            Type::INT64 => {
                Reader::Numbers(ColumnReaderImpl::new(descriptor, pages), Vec::new().into_iter())
            }
            Type::FIXED_LEN_BYTE_ARRAY => {
                Reader::Fixed(ColumnReaderImpl::new(descriptor, pages), Vec::new().into_iter())
            }
            _ => Reader::Bytes(ColumnReaderImpl::new(descriptor, pages), Vec::new().into_iter()),
        };
        let (definition, repetition) = Default::default();
        Ok(Self { reader, budget, deepest, is_list, definition, repetition })
    }

    /// Decodes exactly `rows` further rows. All earlier rows must have been consumed. Fewer rows are an
    /// error.
    pub(super) fn decode(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.budget.renew();
        let (mut definition, mut repetition) = (Vec::new(), Vec::new());
        let levels = (&mut definition, &mut repetition);
        let found = match &mut self.reader {
            Reader::Numbers(reader, values) => decode(reader, rows, levels, values),
            Reader::Bytes(reader, values) => decode(reader, rows, levels, values),
            Reader::Fixed(reader, values) => decode(reader, rows, levels, values),
        }?;
        if found != rows {
            return Err(ParquetError::EOF(format!("expected {rows} rows, found {found}")));
        }
        if self.deepest == 0 {
            // Without definition levels every row has a value.
            definition = vec![0; rows];
        }
        (self.definition, self.repetition) = (definition.into_iter(), repetition.into_iter());
        Ok(())
    }

    /// Returns the number in the next row.
    pub(super) fn number(&mut self) -> Option<u64> {
        let is_there = self.definition.next()? == self.deepest;
        match &mut self.reader {
            Reader::Numbers(_, values) if is_there => values.next().map(i64::cast_unsigned),
            _ => None,
        }
    }

    /// Returns the bytes in the next row.
    pub(super) fn bytes(&mut self) -> Option<ByteArray> {
        let is_there = self.definition.next()? == self.deepest;
        if is_there { self.value() } else { None }
    }

    fn value(&mut self) -> Option<ByteArray> {
        match &mut self.reader {
            Reader::Numbers(..) => None,
            Reader::Bytes(_, values) => values.next(),
            Reader::Fixed(_, values) => values.next().map(ByteArray::from),
        }
    }

    /// Returns the list in the next row. Its entries may be null.
    pub(super) fn list(&mut self) -> Option<Vec<Option<ByteArray>>> {
        debug_assert!(self.is_list);
        self.repetition.next()?;
        let first = self.definition.next()?;
        let goes_on = self.repetition.as_slice().iter().take_while(|level| **level > 0).count();
        if first < self.deepest && goes_on == 0 {
            // A null or empty list is not a proof.
            return None;
        }
        let mut list = Vec::with_capacity(1 + goes_on);
        let mut definition = Some(first);
        for _ in 0..=goes_on {
            let is_there = definition == Some(self.deepest);
            list.push(if is_there { self.value() } else { None });
            if list.len() <= goes_on {
                self.repetition.next();
                definition = self.definition.next();
            }
        }
        Some(list)
    }
}

fn decode<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    (definition, repetition): (&mut Vec<i16>, &mut Vec<i16>),
    values: &mut vec::IntoIter<T::T>,
) -> Result<usize, ParquetError> {
    let mut decoded = Vec::new();
    // The pages were checked before. If the crate panics nevertheless, only this file fails, not the job. The
    // reader is not used after an error.
    let read = || reader.read_records(rows, Some(definition), Some(repetition), &mut decoded);
    let (found, ..) = catch_unwind(AssertUnwindSafe(read))
        .map_err(|_| ParquetError::General("its pages cannot be decoded".into()))??;
    *values = decoded.into_iter();
    Ok(found)
}
