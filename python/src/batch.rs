//! Proofs and failed requests as record batches of Arrow, with the columns of the Parquet files.

use std::{iter, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryArray, FixedSizeBinaryArray, ListArray, RecordBatch, StringArray, UInt64Array,
    builder::StringBuilder,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use slproof::{
    CheckedBy, Count,
    proof::{Failure, ProofView, RequestLine, TargetKind, TargetRecord},
    records::{Encode, EncoderError, Outcome, parquet::LogPlace},
};

/// The length of a word of a proof in bytes.
const WORD_LEN: usize = 32;

/// Why answers have no batch.
pub const TOO_LARGE: &str = "the answers have 2 GiB or more; ask for fewer at once";

/// The columns, in the order of the Parquet files. Those of a settlement layer since v33 have timestamps.
pub fn schema(has_timestamps: bool) -> SchemaRef {
    let words = Arc::new(Field::new("element", DataType::Binary, false));
    let mut columns = vec![
        ("chain_id", DataType::UInt64),
        ("batch_number", DataType::UInt64),
        ("id", DataType::UInt64),
        ("root", DataType::FixedSizeBinary(32)),
        ("proof", DataType::List(words)),
        ("target_kind", DataType::Utf8),
        ("target_sl_chain_id", DataType::UInt64),
        ("target_number", DataType::UInt64),
        ("target_root", DataType::FixedSizeBinary(32)),
        ("log", DataType::FixedSizeBinary(88)),
        ("message", DataType::Binary),
        ("error_code", DataType::Utf8),
        ("error_message", DataType::Utf8),
        ("request", DataType::Utf8),
        ("sender", DataType::FixedSizeBinary(20)),
        ("tx_number", DataType::UInt64),
        ("message_hash", DataType::FixedSizeBinary(32)),
        ("tx_hash", DataType::FixedSizeBinary(32)),
        ("checked_by", DataType::Utf8),
    ];
    if has_timestamps {
        columns.push(("l1_timestamp", DataType::UInt64));
        columns.push(("target_timestamp", DataType::UInt64));
    }
    let field = |(name, kind)| Field::new(name, kind, true);
    Arc::new(Schema::new(columns.into_iter().map(field).collect::<Vec<_>>()))
}

/// Makes record batches of outcomes, on all threads.
#[derive(Clone)]
pub struct Columns {
    pub has_timestamps: bool,
}

impl Encode for Columns {
    type Chunk = [Result<RecordBatch, ArrowError>; 1];

    fn encode(
        &self,
        outcomes: &mut dyn Iterator<Item = Outcome<'_>>,
    ) -> Result<(Self::Chunk, Count), EncoderError> {
        let (mut rows, mut count) = (Vec::new(), Count::default());
        for outcome in outcomes {
            match outcome {
                Outcome::Proof { proof, .. } => {
                    count.proofs += 1;
                    rows.push(Row::Proof(proof));
                }
                Outcome::Failed { request, logs, failure } => {
                    count.fail(failure.code, logs);
                    // Cannot fail: requests have no maps with keys other than strings.
                    let request = serde_json::to_string(&request).unwrap_or_default();
                    rows.push(Row::Failure { request, error: failure });
                }
                Outcome::Padding => count.padding += 1,
            }
        }
        Ok(([record_batch(&rows, self.has_timestamps)], count))
    }
}

/// A row: a proof, or a failed request.
enum Row<'a> {
    Proof(ProofView<'a>),
    Failure { request: String, error: Failure },
}

impl<'a> Row<'a> {
    fn proof(&self) -> Option<&ProofView<'a>> {
        match self {
            Self::Proof(proof) => Some(proof),
            Self::Failure { .. } => None,
        }
    }

    fn error(&self) -> Option<&Failure> {
        match self {
            Self::Proof(_) => None,
            Self::Failure { error, .. } => Some(error),
        }
    }

    /// The log of the proof, or what the request names of it.
    fn place(&self) -> LogPlace {
        match self {
            Self::Proof(ProofView { chain, batch, id, .. }) => {
                LogPlace { chain: Some(*chain), batch: Some(*batch), id: Some(*id) }
            }
            Self::Failure { request, .. } => {
                let line = RequestLine::parse(request.as_bytes());
                line.map_or_else(|_| LogPlace::default(), |line| line.request.into())
            }
        }
    }
}

/// Makes a batch of rows with the columns of [`schema`].
///
/// # Errors
/// [`ArrowError`] when the words or the messages have 2 GiB or more.
fn record_batch(rows: &[Row<'_>], has_timestamps: bool) -> Result<RecordBatch, ArrowError> {
    let schema = schema(has_timestamps);
    let places: Vec<LogPlace> = rows.iter().map(Row::place).collect();
    let proofs = || rows.iter().map(Row::proof);
    let targets = || proofs().map(|proof| Some(proof?.target));
    let logs = || proofs().map(|proof| Some(proof?.log));
    let senders: Vec<Option<[u8; 20]>> = logs()
        .map(|log| log.map(|log| *log.message_sender().unwrap_or_else(|| log.sender()).as_bytes()))
        .collect();
    let hashes: Vec<Option<[u8; 32]>> = logs()
        .map(|log| log.filter(|log| log.is_message()).map(|log| *log.value().as_bytes()))
        .collect();
    let mut columns: Vec<ArrayRef> = vec![
        numbers(places.iter().map(|place| place.chain.map(|chain| chain.0))),
        numbers(places.iter().map(|place| place.batch.map(|batch| batch.0))),
        numbers(places.iter().map(|place| place.id)),
        fixed(proofs().map(|proof| Some(proof?.root.as_bytes())))?,
        words(rows, &schema)?,
        texts(targets().map(|target| Some(kind_name(target?)))),
        numbers(targets().map(|target| Some(target?.sl_chain_id?.0))),
        numbers(targets().map(|target| target?.number)),
        fixed(targets().map(|target| Some(target?.root.as_bytes())))?,
        fixed(logs().map(|log| Some(log?.as_bytes())))?,
        messages(proofs().map(|proof| proof?.message))?,
        texts(rows.iter().map(|row| Some(row.error()?.code.as_str()))),
        texts(rows.iter().map(|row| Some(row.error()?.message.as_str()))),
        texts(rows.iter().map(|row| match row {
            Row::Proof(_) => None,
            Row::Failure { request, .. } => Some(request.as_str()),
        })),
        fixed(senders.iter().map(Option::as_ref))?,
        numbers(logs().map(|log| Some(log?.tx_number().into()))),
        fixed(hashes.iter().map(Option::as_ref))?,
        fixed(proofs().map(|proof| Some(proof?.transaction?.as_bytes())))?,
        checks(proofs()),
    ];
    if has_timestamps {
        columns.push(numbers(proofs().map(|proof| Some(proof?.l1_timestamp?.0))));
        columns.push(numbers(targets().map(|target| Some(target?.timestamp?.0))));
    }
    RecordBatch::try_new(schema, columns)
}

fn kind_name(target: &TargetRecord) -> &'static str {
    match target.kind {
        TargetKind::Block => "block",
        TargetKind::SlBatch => "sl-batch",
        TargetKind::BatchRoot => "batch-root",
    }
}

fn numbers(values: impl Iterator<Item = Option<u64>>) -> ArrayRef {
    Arc::new(values.collect::<UInt64Array>())
}

fn texts<'t>(values: impl Iterator<Item = Option<&'t str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn checks<'p>(proofs: impl Iterator<Item = Option<&'p ProofView<'p>>>) -> ArrayRef {
    let mut texts = StringBuilder::new();
    // Almost all proofs of a job were compared with the same.
    let mut last: Option<(CheckedBy, String)> = None;
    for proof in proofs {
        let checked_by = proof.and_then(|proof| proof.checked_by);
        if last.as_ref().map(|(of, _)| *of) != checked_by {
            last = checked_by.map(|of| (of, of.to_string()));
        }
        texts.append_option(last.as_ref().map(|(_, text)| text));
    }
    Arc::new(texts.finish())
}

fn fixed<'v, const N: usize>(
    values: impl Iterator<Item = Option<&'v [u8; N]>>,
) -> Result<ArrayRef, ArrowError> {
    let (mut bytes, mut are_there) = (Vec::new(), Vec::new());
    for value in values {
        bytes.extend_from_slice(value.unwrap_or(&[0; N]));
        are_there.push(value.is_some());
    }
    let nulls = NullBuffer::from(are_there);
    Ok(Arc::new(FixedSizeBinaryArray::try_new(N as i32, Buffer::from_vec(bytes), Some(nulls))?))
}

fn messages<'m>(values: impl Iterator<Item = Option<&'m [u8]>>) -> Result<ArrayRef, ArrowError> {
    let (mut bytes, mut lens, mut are_there) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        bytes.extend_from_slice(value.unwrap_or_default());
        lens.push(value.map_or(0, <[u8]>::len));
        are_there.push(value.is_some());
    }
    let nulls = NullBuffer::from(are_there);
    Ok(Arc::new(BinaryArray::try_new(offsets(lens)?, Buffer::from_vec(bytes), Some(nulls))?))
}

/// The words of the proofs as one column of lists.
fn words(rows: &[Row<'_>], schema: &Schema) -> Result<ArrayRef, ArrowError> {
    let lens = || rows.iter().map(|row| row.proof().map(|proof| proof.words().len()));
    let count: usize = lens().flatten().sum();
    let mut bytes = Vec::with_capacity(count * WORD_LEN);
    for proof in rows.iter().filter_map(Row::proof) {
        for word in proof.head.iter().chain(proof.tail) {
            bytes.extend_from_slice(word.as_bytes());
        }
    }
    let each = offsets(iter::repeat_n(WORD_LEN, count))?;
    let words = BinaryArray::try_new(each, Buffer::from_vec(bytes), None)?;
    let DataType::List(field) = schema.field(4).data_type().clone() else {
        return Err(ArrowError::SchemaError("the proofs are not lists".into()));
    };
    let nulls = NullBuffer::from_iter(lens().map(|len| len.is_some()));
    let lens = offsets(lens().map(Option::unwrap_or_default))?;
    Ok(Arc::new(ListArray::try_new(field, lens, Arc::new(words), Some(nulls))?))
}

/// The offsets of values of these lengths.
fn offsets(lens: impl IntoIterator<Item = usize>) -> Result<OffsetBuffer<i32>, ArrowError> {
    let mut end = 0_i32;
    let mut offsets = vec![end];
    for len in lens {
        let len = i32::try_from(len).ok();
        end = len
            .and_then(|len| end.checked_add(len))
            .ok_or_else(|| ArrowError::InvalidArgumentError(TOO_LARGE.into()))?;
        offsets.push(end);
    }
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}
