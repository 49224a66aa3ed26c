use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::Arc,
};

use parquet::{
    data_type::ByteArray,
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
};
use thiserror::Error;

use super::{
    MAGIC,
    column_rows::ColumnRows,
    columns::{Column, READ, kind_of_name},
};
use crate::{
    files::{Input, InputError, nameless},
    message::L2ToL1Log,
    primitives::{Address, BatchNumber, ChainId, Hash},
    proof::{
        TargetRecord,
        reader::{Defaults, Fields, Item, LogFields, RecordError},
    },
};

/// The maximum length of a footer in bytes: that of about 40,000 row groups.
const LONGEST_FOOTER: u64 = 64 << 20;
/// The number of rows that are decoded at once.
const ROWS_AT_ONCE: usize = 256;

/// An error from reading a Parquet file of proofs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Opening or reading failed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file lacks the magic bytes at its beginning or end. It is not a Parquet file, or is truncated.
    #[error("{name} is not a whole Parquet file: it has no {place}")]
    NotWhole {
        /// The file.
        name: String,
        /// What is missing.
        place: &'static str,
    },
    /// The footer is too long.
    #[error("the footer of {name} has {len} bytes, but the maximum is {LONGEST_FOOTER}")]
    Footer {
        /// The file.
        name: String,
        /// The length in the file.
        len: u64,
    },
    /// A column is missing or has another type.
    #[error("{name} has no column {column} of {kind}, so it is not a Parquet file of proofs")]
    Column {
        /// The file.
        name: String,
        /// The column's name.
        column: &'static str,
        /// The expected type.
        kind: &'static str,
    },
    /// The file is damaged.
    #[error("{name}: row group {group} is damaged")]
    Damaged {
        /// The file.
        name: String,
        /// The row group, counted from 0.
        group: usize,
        /// The error of the `parquet` crate.
        #[source]
        source: ParquetError,
    },
    /// The footer is damaged.
    #[error("{name}: the footer is damaged")]
    DamagedFooter {
        /// The file.
        name: String,
        /// The error of the `parquet` crate.
        #[source]
        source: ParquetError,
    },
}

impl ReadError {
    /// Whether the operating system failed, rather than the file being damaged.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Input(error) => !error.is_damage(),
            Self::Damaged { source: ParquetError::External(error), .. } => {
                // Errors of a decompressor are not errors of the operating system.
                let error = error.downcast_ref::<io::Error>();
                error.is_some_and(|error| error.raw_os_error().is_some())
            }
            _ => false,
        }
    }
}

/// A Parquet file of proofs.
///
/// Files that other programs made from such a file can be read too. Columns are found by name, and may be
/// encoded in plain form or with dictionaries, with zstd, Snappy or no compression.
pub struct ParquetProofs {
    name: String,
    file: Arc<File>,
    reader: SerializedFileReader<File>,
    /// The position of each of [`READ`] in the file. Only the proof is required.
    places: Vec<Option<usize>>,
    defaults: Defaults,
}

impl ParquetProofs {
    /// Opens an input. The file is read from its end, so a pipe or a compressed file is first written to a
    /// temporary file.
    ///
    /// # Errors
    /// [`ReadError`] when the input cannot be read, is not a Parquet file, or has other columns.
    pub fn open(mut input: Input) -> Result<Self, ReadError> {
        let name = input.name().to_owned();
        let read_error = |source| InputError::Read { name: name.clone(), source };
        let file = match input.path().map(is_plain).transpose().map_err(read_error)?.flatten() {
            Some(file) => file,
            None => {
                let mut file = nameless(&std::env::temp_dir()).map_err(read_error)?;
                io::copy(&mut input, &mut file).map_err(read_error)?;
                file
            }
        };
        let not_whole = |place| ReadError::NotWhole { name: name.clone(), place };
        let footer = footer_len(&file).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => not_whole("footer"),
            _ => read_error(error).into(),
        })?;
        let footer = footer.ok_or_else(|| not_whole("\"PAR1\" at its end"))?;
        if footer > LONGEST_FOOTER {
            return Err(ReadError::Footer { name, len: footer });
        }
        let clone = file.try_clone().map_err(read_error)?;
        let reader = SerializedFileReader::new(clone)
            .map_err(|source| ReadError::DamagedFooter { name: name.clone(), source })?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let place = |column: Column| {
            let mut named = schema.columns().iter().enumerate();
            let mut found = named.by_ref().filter(|(_, descriptor)| {
                descriptor.path().parts().first().is_some_and(|part| part == column.name())
            });
            match (found.next(), found.next()) {
                (Some((at, descriptor)), None) if ColumnRows::can_read(column, descriptor) => {
                    Ok(Some(at))
                }
                (None, _) if column != Column::Proof => Ok(None),
                _ => {
                    let (name, kind) = (name.clone(), ColumnRows::kind(column));
                    Err(ReadError::Column { name, column: column.name(), kind })
                }
            }
        };
        let places = READ.iter().copied().map(place).collect::<Result<_, _>>()?;
        let (file, defaults) = (Arc::new(file), Defaults::default());
        Ok(Self { name, file, reader, places, defaults })
    }

    /// Sets the values that its rows lack. Rows that contradict them are refused.
    #[must_use]
    pub fn with_defaults(self, defaults: Defaults) -> Self {
        Self { defaults, ..self }
    }

    /// The name of the file, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of row groups.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.reader.metadata().num_row_groups()
    }

    /// The rows of a row group in order. Some hundred rows are decoded at once, so the memory does not grow
    /// with the row group.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when the row group is damaged.
    pub fn rows(&self, group: usize) -> Result<Rows, ReadError> {
        let damaged = |source| ReadError::Damaged { name: self.name.clone(), group, source };
        let missing = || damaged(ParquetError::IndexOutOfBound(group, self.groups()));
        let metadata = self.reader.metadata().row_groups().get(group).ok_or_else(missing)?;
        let left = usize::try_from(metadata.num_rows()).map_err(|error| damaged(error.into()))?;
        let columns = self.places.iter().map(|place| {
            let chunk = place.map(|place| metadata.column(place));
            chunk.map(|chunk| ColumnRows::new(&self.file, chunk, left)).transpose()
        });
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        let (name, defaults) = (self.name.clone(), self.defaults);
        Ok(Rows { name, group, columns, defaults, decoded: 0, left })
    }
}

/// Opens the file if it is an uncompressed Parquet file.
fn is_plain(path: &Path) -> io::Result<Option<File>> {
    let mut file = File::open(path)?;
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    Ok((magic == MAGIC).then_some(file))
}

/// Returns the length of the footer from the last eight bytes of a file; `None` if these are not the end of a
/// Parquet file.
fn footer_len(mut file: &File) -> io::Result<Option<u64>> {
    let mut tail = [0; 8];
    file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut tail)?;
    let [len @ .., _, _, _, _] = tail;
    Ok((tail[4..] == MAGIC).then_some(u64::from(u32::from_le_bytes(len))))
}

/// The rows of a row group in order.
pub struct Rows {
    name: String,
    group: usize,
    /// The readers of [`READ`], where the file has them.
    columns: Vec<Option<ColumnRows>>,
    defaults: Defaults,
    /// The number of decoded rows that were not returned yet.
    decoded: usize,
    /// The number of rows that are not decoded yet.
    left: usize,
}

impl Iterator for Rows {
    type Item = Result<Result<Item, RecordError>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.decoded == 0 {
            if self.left == 0 {
                return None;
            }
            let wanted = self.left.min(ROWS_AT_ONCE);
            for column in self.columns.iter_mut().flatten() {
                if let Err(source) = column.decode(wanted) {
                    self.left = 0;
                    let (name, group) = (self.name.clone(), self.group);
                    return Some(Err(ReadError::Damaged { name, group, source }));
                }
            }
            (self.decoded, self.left) = (wanted, self.left - wanted);
        }
        self.decoded -= 1;
        Some(Ok(self.item()))
    }
}

impl Rows {
    fn number(&mut self, column: Column) -> Option<u64> {
        self.columns[column as usize].as_mut()?.number()
    }

    fn bytes(&mut self, column: Column) -> Option<ByteArray> {
        self.columns[column as usize].as_mut()?.bytes()
    }

    fn fixed<const N: usize>(&mut self, column: Column) -> Result<Option<[u8; N]>, RecordError> {
        self.bytes(column).map(|bytes| fixed(column, bytes.data())).transpose()
    }

    fn hash(&mut self, column: Column) -> Result<Option<Hash>, RecordError> {
        Ok(self.fixed(column)?.map(Hash::new))
    }

    /// Reads the next value of every column and converts them into a record.
    fn item(&mut self) -> Result<Item, RecordError> {
        let chain_id = self.number(Column::ChainId).map(ChainId);
        let batch_number = self.number(Column::BatchNumber).map(BatchNumber);
        let id = self.number(Column::Id);
        let root = self.hash(Column::Root);
        let words = self.columns[Column::Proof as usize].as_mut().and_then(ColumnRows::list);
        let kind = self.bytes(Column::TargetKind);
        let sl_chain_id = self.number(Column::TargetSlChainId).map(ChainId);
        let number = self.number(Column::TargetNumber);
        let target_root = self.hash(Column::TargetRoot);
        let log = self.fixed(Column::Log);
        let message = self.bytes(Column::Message);
        let error = self.bytes(Column::ErrorCode);
        self.bytes(Column::ErrorMessage);
        let request = self.bytes(Column::Request);
        let sender = self.fixed(Column::Sender);
        let tx_number = self.number(Column::TxNumber);
        let message_hash = self.hash(Column::MessageHash);

        let about_failures = [(error, Column::ErrorCode), (request, Column::Request)];
        match about_failures.iter().find(|(value, _)| value.is_some()) {
            Some((_, column)) if words.is_some() => {
                let (one, other) = (Column::Proof.name(), column.name());
                return Err(RecordError::Both { one, other });
            }
            Some((_, Column::ErrorCode)) => return Ok(Item::Failure),
            _ => {}
        }
        let missing = |column: Column| RecordError::Empty { column: column.name() };
        let target = match (kind, target_root?) {
            (None, None) if sl_chain_id.is_none() && number.is_none() => None,
            (kind, root) => {
                let kind = kind.ok_or_else(|| missing(Column::TargetKind))?;
                let kind = kind_of_name(kind.data()).ok_or(RecordError::TargetKind)?;
                let root = root.ok_or_else(|| missing(Column::TargetRoot))?;
                Some(TargetRecord { kind, sl_chain_id, number, root })
            }
        };
        let words = words.ok_or_else(|| missing(Column::Proof))?;
        let words = words.into_iter().map(|word| match word {
            Some(word) => fixed(Column::Proof, word.data()).map(Hash::new),
            None => Err(missing(Column::Proof)),
        });
        let fields = Fields {
            chain: chain_id,
            batch: batch_number,
            id,
            root: root?,
            words: words.collect::<Result<_, _>>()?,
            target,
            log: log?.map(L2ToL1Log::new),
            message: message.map(|message| message.data().to_vec()),
            log_fields: LogFields {
                sender: sender?.map(Address::new),
                tx_number,
                message_hash: message_hash?,
            },
        };
        fields.complete(&self.defaults)
    }
}

fn fixed<const N: usize>(column: Column, bytes: &[u8]) -> Result<[u8; N], RecordError> {
    let wrong = |_| RecordError::Length { column: column.name(), expected: N, got: bytes.len() };
    bytes.try_into().map_err(wrong)
}
