use bytemuck::TransparentWrapper;

use super::columns::{COLUMNS, Column, kind_of_name};
use crate::{
    files::{
        Input,
        parquet::{self, Damage, Irregular, Leaf, MOST_MEMORY, ParquetFile, Physical, ReadError},
    },
    message::L2ToL1Log,
    primitives::{Address, BatchNumber, ChainId, Hash, Timestamp},
    proof::{
        TargetKind, TargetRecord,
        reader::{Defaults, Fields, Item, LogFields, RecordError},
    },
};

/// A Parquet file of proofs.
///
/// Files that other programs made from such a file can be read too. Columns are found by name, and may be
/// encoded in plain form or with dictionaries, with zstd, Snappy, gzip or no compression.
pub struct ParquetProofs {
    file: ParquetFile,
    /// The position of each of [`COLUMNS`] in the file, if it is read. Only the proof is required.
    places: Vec<Option<usize>>,
    defaults: Defaults,
}

impl ParquetProofs {
    /// Opens an input. The file is read from its end, so a pipe or a compressed file is first written to a
    /// temporary file.
    ///
    /// # Errors
    /// [`ReadError`] when the input cannot be read, is not a Parquet file, or has other columns.
    pub fn open(input: Input) -> Result<Self, ReadError> {
        let file = ParquetFile::open(input)?;
        let place = |column: Column| {
            if !column.is_read() {
                return Ok(None);
            }
            let mut named = file.leaves().iter().enumerate();
            let mut found = named.by_ref().filter(|(_, leaf)| &*leaf.name == column.name());
            match (found.next(), found.next()) {
                (Some((at, leaf)), None) if can_read(column, leaf) => Ok(Some(at)),
                (Some((_, leaf)), None)
                    if column.is_number() && leaf.physical == Physical::Double =>
                {
                    Err(ReadError::Floats { name: file.name().to_owned(), column: column.name() })
                }
                (None, _) if column != Column::Proof => Ok(None),
                _ => Err(ReadError::Column {
                    name: file.name().to_owned(),
                    column: column.name(),
                    kind: kind(column),
                    content: "proofs",
                }),
            }
        };
        let places = COLUMNS.into_iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self { file, places, defaults: Defaults::default() })
    }

    /// Sets the values that its rows lack. Rows that contradict them are refused.
    #[must_use]
    pub fn with_defaults(self, defaults: Defaults) -> Self {
        Self { defaults, ..self }
    }

    /// The name of the file, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        self.file.name()
    }

    /// The number of row groups.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.file.groups()
    }

    /// The rows of a row group in order. One page of each column is in memory.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when the row group is damaged.
    pub fn rows(&self, group: usize) -> Result<Rows, ReadError> {
        self.rows_within(group, MOST_MEMORY)
    }

    /// The number of rows of a row group, as the footer declares it.
    pub(super) fn row_count(&self, group: usize) -> Result<u64, ReadError> {
        Ok(self.file.group(group)?.rows())
    }

    /// As [`Self::rows`]. The pages take at most `most` bytes.
    pub(super) fn rows_within(&self, group: usize, most: u64) -> Result<Rows, ReadError> {
        let row_group = self.file.group_within(group, most)?;
        let columns =
            self.places.iter().map(|place| place.map(|at| row_group.column(at)).transpose());
        let columns = columns.collect::<Result<_, _>>()?;
        let (name, left) = (self.name().to_owned(), row_group.rows());
        Ok(Rows { name, group, columns, defaults: self.defaults, left, words: Vec::new() })
    }
}

/// The type that a column must have, in words.
fn kind(column: Column) -> &'static str {
    match column {
        Column::Proof => "lists of 32 bytes",
        _ if column.is_number() => "integers",
        _ => "bytes",
    }
}

/// Whether a file's column has this type.
fn can_read(column: Column, leaf: &Leaf) -> bool {
    let is_kind = match leaf.physical {
        Physical::Int32 | Physical::Int64 => column.is_number(),
        Physical::Bytes => !column.is_number(),
        // Programs without unsigned integers write numbers as decimals, which have a fixed length.
        Physical::Fixed(_) => true,
        Physical::Boolean | Physical::Double | Physical::Other => false,
    };
    is_kind && leaf.repetition == u8::from(column == Column::Proof)
}

/// The rows of a row group in order.
pub struct Rows {
    /// The name of the file.
    name: String,
    group: usize,
    /// The readers of [`COLUMNS`], where the file has them and they are read.
    columns: Vec<Option<parquet::Column>>,
    defaults: Defaults,
    /// The number of rows that were not read yet.
    left: u64,
    /// The words of the last row.
    words: Vec<[u8; 32]>,
}

impl Iterator for Rows {
    type Item = Result<Result<Item, RecordError>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(match self.row() {
            Ok(row) => Ok(row.item(Hash::wrap_slice(&self.words), &self.defaults)),
            Err(source) => {
                self.left = 0;
                Err(ReadError::Damaged { name: self.name.clone(), group: self.group, source })
            }
        })
    }
}

impl Rows {
    /// Whether all rows were read.
    pub(super) fn is_end(&self) -> bool {
        self.left == 0
    }

    fn number(&mut self, column: Column) -> Result<Option<Whole>, Damage> {
        let column = self.columns[column as usize].as_mut();
        Ok(column.map(parquet::Column::whole).transpose()?.flatten())
    }

    fn read<T>(
        &mut self,
        column: Column,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Damage> {
        let column = self.columns[column as usize].as_mut();
        Ok(column.map(|column| column.read(read)).transpose()?.flatten())
    }

    fn fixed<const N: usize>(&mut self, column: Column) -> Result<Option<Fixed<N>>, Damage> {
        self.read(column, |bytes| bytes.try_into().map_err(|_| bytes.len()))
    }

    fn words(&mut self) -> Result<Option<Result<(), Irregular>>, Damage> {
        let column = self.columns[Column::Proof as usize].as_mut();
        Ok(column.map(|column| column.fixed_list(&mut self.words)).transpose()?.flatten())
    }

    /// Reads the next value of every column.
    fn row(&mut self) -> Result<Row, Damage> {
        Ok(Row {
            chain_id: self.number(Column::ChainId)?,
            batch_number: self.number(Column::BatchNumber)?,
            id: self.number(Column::Id)?,
            root: self.fixed(Column::Root)?,
            words: self.words()?,
            target_kind: self.read(Column::TargetKind, kind_of_name)?,
            target_sl_chain_id: self.number(Column::TargetSlChainId)?,
            target_number: self.number(Column::TargetNumber)?,
            target_root: self.fixed(Column::TargetRoot)?,
            log: self.fixed(Column::Log)?,
            message: self.read(Column::Message, <[u8]>::to_vec)?,
            error_code: self.read(Column::ErrorCode, |_| ())?,
            request: self.read(Column::Request, |_| ())?,
            sender: self.fixed(Column::Sender)?,
            tx_number: self.number(Column::TxNumber)?,
            message_hash: self.fixed(Column::MessageHash)?,
            l1_timestamp: self.number(Column::L1Timestamp)?,
            target_timestamp: self.number(Column::TargetTimestamp)?,
        })
    }
}

/// The bytes of a value, or how many there are if their number is wrong.
type Fixed<const N: usize> = Result<[u8; N], usize>;

/// A number; `None` if it is negative or has more than 64 bits.
type Whole = Option<u64>;

/// The values of a row.
struct Row {
    chain_id: Option<Whole>,
    batch_number: Option<Whole>,
    id: Option<Whole>,
    root: Option<Fixed<32>>,
    /// Whether there are words, and whether each has 32 bytes.
    words: Option<Result<(), Irregular>>,
    /// `None` within if the name is not one of a kind.
    target_kind: Option<Option<TargetKind>>,
    target_sl_chain_id: Option<Whole>,
    target_number: Option<Whole>,
    target_root: Option<Fixed<32>>,
    log: Option<Fixed<{ L2ToL1Log::LEN }>>,
    message: Option<Vec<u8>>,
    error_code: Option<()>,
    request: Option<()>,
    sender: Option<Fixed<20>>,
    tx_number: Option<Whole>,
    message_hash: Option<Fixed<32>>,
    l1_timestamp: Option<Whole>,
    target_timestamp: Option<Whole>,
}

impl Row {
    fn item(self, words: &[Hash], defaults: &Defaults) -> Result<Item, RecordError> {
        let about_failures =
            [(&self.error_code, Column::ErrorCode), (&self.request, Column::Request)];
        match about_failures.iter().find(|(value, _)| value.is_some()) {
            Some((_, column)) if self.words.is_some() => {
                let (one, other) = (Column::Proof.name(), column.name());
                return Err(RecordError::Both { one, other });
            }
            Some((_, Column::ErrorCode)) => return Ok(Item::Failure),
            _ => {}
        }
        let missing = |column: Column| RecordError::Empty { column: column.name() };
        // The largest number stands for one that is not supported, which is noted: a row that contradicts itself is
        // refused, whatever else there is.
        let mut lack = None;
        let mut number = |column: Column, value: Option<Whole>| {
            value.map(|whole| {
                whole.unwrap_or_else(|| {
                    lack.get_or_insert(RecordError::Decimal { column: column.name() });
                    u64::MAX
                })
            })
        };
        let chain = number(Column::ChainId, self.chain_id).map(ChainId);
        let batch = number(Column::BatchNumber, self.batch_number).map(BatchNumber);
        let id = number(Column::Id, self.id);
        let sl_chain_id = number(Column::TargetSlChainId, self.target_sl_chain_id).map(ChainId);
        let target_number = number(Column::TargetNumber, self.target_number);
        let timestamp = number(Column::TargetTimestamp, self.target_timestamp).map(Timestamp);
        let tx_number = number(Column::TxNumber, self.tx_number);
        let l1_timestamp = number(Column::L1Timestamp, self.l1_timestamp).map(Timestamp);
        let is_bare = sl_chain_id.is_none() && target_number.is_none() && timestamp.is_none();
        let target = match (self.target_kind, hash(Column::TargetRoot, self.target_root)?) {
            (None, None) if is_bare => None,
            (kind, root) => {
                let kind = kind.ok_or_else(|| missing(Column::TargetKind))?;
                let kind = kind.ok_or(RecordError::TargetKind)?;
                let root = root.ok_or_else(|| missing(Column::TargetRoot))?;
                Some(TargetRecord { kind, sl_chain_id, number: target_number, root, timestamp })
            }
        };
        let words = match self.words {
            None => None,
            Some(Ok(())) => Some(words.to_vec()),
            Some(Err(Irregular::Null)) => return Err(missing(Column::Proof)),
            Some(Err(Irregular::Length(got))) => {
                return Err(RecordError::Length {
                    column: Column::Proof.name(),
                    expected: 32,
                    got,
                });
            }
        };
        let fields = Fields {
            chain,
            batch,
            id,
            root: hash(Column::Root, self.root)?,
            words,
            target,
            log: fixed(Column::Log, self.log)?.map(L2ToL1Log::new),
            message: self.message,
            l1_timestamp,
            log_fields: LogFields {
                sender: fixed(Column::Sender, self.sender)?.map(Address::new),
                tx_number,
                message_hash: hash(Column::MessageHash, self.message_hash)?,
            },
            lack,
        };
        fields.complete(defaults)
    }
}

fn hash(column: Column, value: Option<Fixed<32>>) -> Result<Option<Hash>, RecordError> {
    Ok(fixed(column, value)?.map(Hash::new))
}

fn fixed<const N: usize>(
    column: Column,
    value: Option<Fixed<N>>,
) -> Result<Option<[u8; N]>, RecordError> {
    let wrong = |got| RecordError::Length { column: column.name(), expected: N, got };
    value.transpose().map_err(wrong)
}
