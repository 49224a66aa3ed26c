//! The ends of proofs that a zksync-era node stores beside the batches of its chain, in the table `l1_batches`:
//!
//! ```text
//! number                                    bigint   the batch
//! l2_l1_merkle_root                         bytea    its batch root
//! batch_chain_merkle_path                   bytea    from there to the root of a batch of the settlement layer
//! batch_chain_merkle_path_until_msg_root    bytea    to the interop root of a block of the settlement layer
//! ```
//!
//! A path is encoded by bincode 1, as `BatchAndChainMerklePath`:
//!
//! ```text
//! u32 length of the batch path ‖ u64 number of words ‖ word…        little-endian
//! word   u64 66 ‖ "0x" and 64 digits
//! ```
//!
//! The words are those of a proof after its log path. Source: zksync-era, `core/lib/types` and the migrations of
//! `core/lib/dal`.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    SourceError,
    postgres::{LONGEST_ROW, refused},
    postgres_text::{bytea, fixed, integer, required},
};
use crate::{
    archive::Place,
    files::Input,
    ingest::{
        IndexError,
        record::Record,
        rows::{Form, Item, RowReader, tables_in},
    },
    primitives::{BatchNumber, ChainId, Hash},
    proof::{METADATA_VERSION, Proof, ProofEnd, SettlementHop},
};

const TABLE: &str = "l1_batches";
const NUMBER: &str = "number";
const ROOT: &str = "l2_l1_merkle_root";
const PATHS: [&str; 2] = ["batch_chain_merkle_path", "batch_chain_merkle_path_until_msg_root"];

/// The bytes before the words of a path, and those of a word.
const HEAD_LEN: usize = 4 + 8;
const WORD_LEN: usize = 8 + TEXT_LEN;
/// The bytes of the text of a word.
const TEXT_LEN: usize = 66;

/// A path from a batch root to a root of the settlement layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPath {
    /// The path.
    pub hop: SettlementHop,
    /// The settlement layer.
    pub sl_chain: ChainId,
    /// The block or the batch of the settlement layer.
    pub number: u64,
}

/// What the table has of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    /// The batch root.
    pub root: Hash,
    /// The path to the root of a batch of the settlement layer.
    pub to_sl_batch: Option<StoredPath>,
    /// The path to the interop root of a block of the settlement layer.
    pub to_block: Option<StoredPath>,
}

/// The batches of a chain with a stored path. They take about one kilobyte of memory each.
#[derive(Debug)]
pub struct StoredPaths(BTreeMap<BatchNumber, StoredBatch>);

impl StoredPaths {
    /// Whether an input is such a table, or a dump with it, by its first mebibyte.
    #[must_use]
    pub fn recognize(input: &Input) -> bool {
        form(input.head()).is_some()
    }

    /// Reads tables of one chain. Rows without a path are passed over.
    ///
    /// # Errors
    /// [`IndexError`] if an input cannot be read, a row or a path is damaged, rows contradict each other, or there is
    /// no path.
    pub fn read(inputs: Vec<Input>) -> Result<Self, IndexError> {
        let mut batches = BTreeMap::new();
        let mut last = String::new();
        for input in inputs {
            last = input.name().to_owned();
            read_rows(input, |number, batch| match batches.entry(number) {
                Entry::Vacant(free) => Ok(_ = free.insert(batch)),
                Entry::Occupied(known) if *known.get() == batch => Ok(()),
                Entry::Occupied(_) => {
                    let what = format!("batch {number}");
                    let reason = "contradicts another row of the batch".into();
                    Err(SourceError::Bad { what, reason })
                }
            })?;
        }
        match batches.is_empty() {
            true => {
                let reason = "no row has batch_chain_merkle_path".into();
                Err(IndexError::Refused { name: last, reason })
            }
            false => Ok(Self(batches)),
        }
    }

    /// The batches with a path, in ascending order.
    #[must_use]
    pub fn batches(&self) -> &BTreeMap<BatchNumber, StoredBatch> {
        &self.0
    }
}

/// The positions of the columns.
struct Columns {
    len: usize,
    number: usize,
    root: usize,
    paths: [Option<usize>; 2],
}

impl Columns {
    /// `None` if one that is needed is missing.
    fn of(names: &[String]) -> Option<Self> {
        let place = |name| names.iter().position(|column| column == name);
        let paths = PATHS.map(place);
        let (number, root) = (place(NUMBER)?, place(ROOT)?);
        paths.iter().any(Option::is_some).then_some(Self { len: names.len(), number, root, paths })
    }
}

fn form(head: &[u8]) -> Option<Form> {
    match Form::detect(head, |columns| Columns::of(columns).is_some())? {
        Form::Dump => {
            let is_table = |(name, columns): (String, Vec<String>)| {
                name == TABLE && Columns::of(&columns).is_some()
            };
            tables_in(head).any(is_table).then_some(Form::Dump)
        }
        form => Some(form),
    }
}

fn read_rows(
    input: Input,
    mut take: impl FnMut(BatchNumber, StoredBatch) -> Result<(), SourceError>,
) -> Result<(), IndexError> {
    let name = input.name().to_owned();
    let form = form(input.head()).unwrap_or(Form::Dump);
    let mut rows = RowReader::new(input, form, true, LONGEST_ROW);
    let mut columns = None;
    while let Some(item) = rows.next().map_err(|error| refused(&name, error))? {
        match item {
            Item::Table { name: of, columns: found, .. } => {
                let is_other = of.is_some_and(|of| of != TABLE);
                columns = Columns::of(&found).filter(|_| !is_other);
                if columns.is_none() {
                    rows.skip_table().map_err(|error| refused(&name, error))?;
                }
            }
            Item::Row { line, record } => {
                let Some(columns) = &columns else { continue };
                let found = row(columns, record);
                let taken = found
                    .and_then(|found| found.map_or(Ok(()), |(number, batch)| take(number, batch)));
                taken.map_err(|source| IndexError::Source {
                    name: name.clone(),
                    place: Place::Line(line),
                    what: format!("a row of {TABLE}"),
                    source,
                })?;
            }
        }
    }
    Ok(())
}

/// The batch of a row. `None` if it has no path.
fn row(
    columns: &Columns,
    record: &Record,
) -> Result<Option<(BatchNumber, StoredBatch)>, SourceError> {
    if record.len() != columns.len {
        let hint = "a tab or a comma in a value was not escaped, or the line is cut";
        return Err(SourceError::Columns { expected: columns.len, got: record.len(), hint });
    }
    let path = |index: usize| {
        let text = columns.paths[index].and_then(|at| record.get(at));
        text.map(|text| path(text, PATHS[index])).transpose()
    };
    let (to_sl_batch, to_block) = (path(0)?, path(1)?);
    if to_sl_batch.is_none() && to_block.is_none() {
        return Ok(None);
    }
    let number = integer(required(record, columns.number, NUMBER)?, NUMBER)?;
    let root = Hash::new(fixed(required(record, columns.root, ROOT)?, ROOT)?);
    Ok(Some((BatchNumber(number), StoredBatch { root, to_sl_batch, to_block })))
}

fn path(text: &[u8], column: &'static str) -> Result<StoredPath, SourceError> {
    let mut bytes = Vec::new();
    bytea(text, column, &mut bytes)?;
    decode(&bytes).map_err(|(byte, reason)| SourceError::Column {
        column,
        reason: format!("byte {byte}: {reason}"),
    })
}

/// Decodes a path. An error has the byte at fault.
fn decode(bytes: &[u8]) -> Result<StoredPath, (usize, String)> {
    let cut = || (bytes.len(), "the path ends here".to_owned());
    let (batch_path, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    let (count, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let (batch_path, count) = (u32::from_le_bytes(*batch_path), u64::from_le_bytes(*count));
    let Ok(batch_path) = u8::try_from(batch_path) else {
        return Err((0, format!("a batch path of {batch_path} words is longer than 255")));
    };
    if count.checked_mul(WORD_LEN as u64) != Some(rest.len() as u64) {
        let reason =
            format!("{count} words of {WORD_LEN} bytes are not the {} that follow", rest.len());
        return Err((4, reason));
    }
    // A log path of one word stands for that of a log.
    let mut metadata = [0; 32];
    metadata[..3].copy_from_slice(&[METADATA_VERSION, 1, batch_path]);
    let mut words = vec![Hash::new(metadata), Hash::ZERO];
    for (word, at) in rest.as_chunks::<WORD_LEN>().0.iter().zip((HEAD_LEN..).step_by(WORD_LEN)) {
        let (len, text) = word.split_at(8);
        if len != (TEXT_LEN as u64).to_le_bytes() {
            return Err((at, format!("the length of a word is not {TEXT_LEN}")));
        }
        let text = std::str::from_utf8(text).ok().filter(|text| text.starts_with("0x"));
        let word = text.and_then(|text| text.parse().ok());
        words.push(word.ok_or_else(|| (at + 8, "is not 0x and 64 hexadecimal digits".into()))?);
    }
    let bad = |reason: String| (HEAD_LEN, format!("the words do not end a proof: {reason}"));
    match Proof::decode(&words).map(|proof| proof.end) {
        Ok(ProofEnd::SettlementLayer(hop)) => {
            let number = u64::try_from(hop.sl_number).ok();
            let sl_chain = ChainId::try_from(hop.sl_chain).ok();
            let (Some(number), Some(sl_chain)) = (number, sl_chain) else {
                return Err(bad(
                    "the number or the chain id of the settlement layer is too large".into()
                ));
            };
            Ok(StoredPath { hop, sl_chain, number })
        }
        Ok(_) => Err(bad("they lead to no settlement layer".into())),
        Err(error) => Err(bad(format!("behind a log path of one word, {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The beginning of a path that a node wrote: a batch path of four words.
    #[test]
    fn the_beginning_of_a_path_of_a_node_is_read() {
        let begun = "040000000100000000000000420000000000000030786161".to_owned();
        let bytes = const_hex::decode(begun + &"61".repeat(62)).unwrap();
        assert_eq!(bytes.len(), HEAD_LEN + WORD_LEN);
        let (byte, reason) = decode(&bytes).unwrap_err();
        assert_eq!(byte, HEAD_LEN);
        assert!(reason.contains("words"), "{reason}");
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            decode(&bytes).unwrap_err().0
        };
        assert_eq!((with(1, 1), with(5, 1), with(12, 0x41)), (0, 4, 12));
        assert_eq!((with(20, b'1'), with(40, b'g')), (20, 20));
        assert_eq!(decode(&bytes[..9]).unwrap_err().0, 9);
    }

    proptest! {
        #[test]
        fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
