//! The settlement layer's own batches: one JSON object per line and batch, or an array of such objects, or objects
//! over several lines.
//!
//! ```text
//! {"chainId":506,"batchNumber":2000,"firstBlock":101,"lastBlock":105,"logs":["0x<88 bytes>",…],
//!  "chainBatchRoot":"0x…","localLogsRoot":"0x…"}
//! {"gwBatch":2000,"firstBlock":101,"lastBlock":105,"logs":[…],…}
//! ```
//!
//! A line is a line of the raw archive of logs, with the blocks of the batch; `gwBatch` is another name for
//! `batchNumber`. `chainBatchRoot` is the root that L1 stores. It may be missing, as may `localLogsRoot`,
//! which must be the root of the logs. Other fields and empty lines are ignored.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::IndexError;
use crate::{
    archive::Place,
    files::{Input, ShowPath},
    ingest::json::{JsonValues, ValueChunk},
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{BatchNumber, ChainId, Hash, SlBatch, SlBlock},
};

/// The most batches kept in memory, about 240 bytes each: one per minute for four years.
const MOST_BATCHES: usize = 1 << 21;

/// A batch of the settlement layer: the root of its own logs, and the blocks it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlBatchLogs {
    batch: SlBatch,
    blocks: RangeInclusive<SlBlock>,
    local_root: Hash,
    root: Option<Hash>,
    is_executed: Option<bool>,
}

impl SlBatchLogs {
    /// A batch from L1: the blocks with interop roots in it, the root of its logs, the root in its commit, and
    /// whether L1 executed it.
    pub(super) fn of_l1(
        batch: SlBatch,
        blocks: RangeInclusive<SlBlock>,
        local_root: Hash,
        root: Hash,
        is_executed: Option<bool>,
    ) -> Self {
        Self { batch, blocks, local_root, root: Some(root), is_executed }
    }

    /// The batch.
    #[must_use]
    pub fn batch(&self) -> SlBatch {
        self.batch
    }

    /// The blocks of the batch.
    #[must_use]
    pub fn blocks(&self) -> &RangeInclusive<SlBlock> {
        &self.blocks
    }

    /// The root of its logs, computed from them.
    #[must_use]
    pub fn local_root(&self) -> Hash {
        self.local_root
    }

    /// The batch root in the file, which is not verified yet.
    #[must_use]
    pub fn root(&self) -> Option<Hash> {
        self.root
    }

    /// Whether L1 executed the batch and stores its root. `None` if that is not known.
    #[must_use]
    pub fn is_executed(&self) -> Option<bool> {
        self.is_executed
    }
}

/// The settlement layer's own batches.
#[derive(Clone, Debug, Default)]
pub struct SlBatches {
    by_number: ByNumber,
    /// The last block of each batch, in ascending order.
    last_blocks: Vec<(SlBlock, SlBatch)>,
}

/// Batches by number, each with its place in the file.
type ByNumber = BTreeMap<SlBatch, (Place, SlBatchLogs)>;

impl SlBatches {
    fn new(by_number: ByNumber) -> Self {
        let ends = by_number.values().map(|(_, logs)| (*logs.blocks().end(), logs.batch()));
        let mut last_blocks: Vec<_> = ends.collect();
        last_blocks.sort_unstable();
        Self { by_number, last_blocks }
    }

    /// Batches from L1, in addition to those of files.
    pub(super) fn with(mut self, batches: impl IntoIterator<Item = SlBatchLogs>) -> Self {
        for logs in batches {
            self.by_number.entry(logs.batch).or_insert((Place::Whole, logs));
        }
        Self::new(self.by_number)
    }

    /// A batch. `None` if the file does not have it.
    #[must_use]
    pub fn batch(&self, batch: SlBatch) -> Option<&SlBatchLogs> {
        self.by_number.get(&batch).map(|(_, logs)| logs)
    }

    /// The batch that covers a block, which is the first one that ends with or after it. `None` if the file
    /// does not have it.
    #[must_use]
    pub fn covering(&self, block: SlBlock) -> Option<&SlBatchLogs> {
        let next = self.last_blocks.partition_point(|(last, _)| *last < block);
        let logs = self.batch(self.last_blocks.get(next)?.1)?;
        logs.blocks().contains(&block).then_some(logs)
    }

    /// All batches by number.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &SlBatchLogs> {
        self.by_number.values().map(|(_, logs)| logs)
    }

    /// The first and the last batch.
    #[must_use]
    pub fn range(&self) -> Option<(SlBatch, SlBatch)> {
        Some((*self.by_number.first_key_value()?.0, *self.by_number.last_key_value()?.0))
    }
}

/// Adds a batch of the file `name`, unless `limit` batches are there already. One with the same number has to
/// be the same; `differs` says otherwise what is wrong, by the place of the first one.
fn add(
    found: &mut ByNumber,
    limit: usize,
    name: &str,
    place: Place,
    logs: SlBatchLogs,
    differs: impl FnOnce(Place) -> String,
) -> Result<(), IndexError> {
    let (name, batch) = (|| name.to_owned(), logs.batch);
    match found.get(&batch) {
        Some((first, known)) if *known != logs => {
            Err(IndexError::SlBatch { name: name(), place, batch, reason: differs(*first) })
        }
        Some(_) => Ok(()),
        None if found.len() == limit => {
            Err(IndexError::TooManySlBatches { name: name(), place, limit })
        }
        None => {
            found.insert(batch, (place, logs));
            Ok(())
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(alias = "chain_id")]
    chain_id: Option<ChainId>,
    #[serde(alias = "gwBatch", alias = "batch_number", alias = "gw_batch")]
    batch_number: SlBatch,
    #[serde(alias = "first_block")]
    first_block: SlBlock,
    #[serde(alias = "last_block")]
    last_block: SlBlock,
    logs: Vec<L2ToL1Log>,
    #[serde(alias = "local_logs_root")]
    local_logs_root: Option<Hash>,
    #[serde(alias = "chain_batch_root")]
    chain_batch_root: Option<Hash>,
}

/// Reads the batches of the settlement layer with this chain id (`-` for standard input). Lines of other
/// chains are skipped.
///
/// # Errors
/// [`IndexError`] naming the file and the place, if an object is damaged, its logs do not fold to its local root, two
/// objects contradict each other, or there are more batches than the limit.
pub fn read_sl_batches(path: &Path, sl_chain: ChainId) -> Result<SlBatches, IndexError> {
    read_sl_batches_input(Input::open(path)?, sl_chain)
}

/// Reads the batches of a settlement layer from an open input.
///
/// # Errors
/// As [`read_sl_batches`].
pub fn read_sl_batches_input(input: Input, sl_chain: ChainId) -> Result<SlBatches, IndexError> {
    read_at_most(MOST_BATCHES, input, sl_chain)
}

/// Reads the batches of a settlement layer from several files, which have to agree.
///
/// # Errors
/// As [`read_sl_batches`], and if two files contradict each other.
pub fn read_all_sl_batches(paths: &[PathBuf], sl_chain: ChainId) -> Result<SlBatches, IndexError> {
    let mut all = ByNumber::new();
    for path in paths {
        for (place, batch) in read_sl_batches(path, sl_chain)?.by_number.into_values() {
            let differs = |_| "differs from the batch in another file".into();
            add(&mut all, MOST_BATCHES, &path.shown().to_string(), place, batch, differs)?;
        }
    }
    Ok(SlBatches::new(all))
}

fn read_at_most(limit: usize, input: Input, sl_chain: ChainId) -> Result<SlBatches, IndexError> {
    let name = input.name().to_owned();
    let (mut values, mut piece) = (JsonValues::of_lines(input), ValueChunk::default());
    let mut found = ByNumber::new();
    loop {
        values.read(&mut piece)?;
        if piece.is_empty() {
            return Ok(SlBatches::new(found));
        }
        for index in 0..piece.len() {
            let (text, place) = piece.value(index);
            let parsed: Row = serde_json::from_slice(text)
                .map_err(|source| IndexError::NotBatch { name: name.clone(), place, source })?;
            if parsed.chain_id.is_some_and(|chain| chain != sl_chain) {
                continue;
            }
            let batch = sl_batch(parsed, sl_chain, &name, place)?;
            let differs = |first| format!("differs from an earlier one{first}");
            add(&mut found, limit, &name, place, batch, differs)?;
        }
    }
}

fn sl_batch(
    parsed: Row,
    sl_chain: ChainId,
    name: &str,
    place: Place,
) -> Result<SlBatchLogs, IndexError> {
    let (batch, root) = (parsed.batch_number, parsed.chain_batch_root);
    let blocks = parsed.first_block..=parsed.last_block;
    let bad = |reason: String| IndexError::SlBatch { name: name.into(), place, batch, reason };
    if blocks.is_empty() {
        return Err(bad(format!("ends with block {}, before its first block", parsed.last_block)));
    }
    let logs =
        BatchLogs::new(sl_chain, BatchNumber(batch.0), parsed.logs, MessageList::default(), None)
            .map_err(|error| bad(format!("has {error}")))?;
    let logs = logs.view();
    let local_root = logs.tree().root();
    match parsed.local_logs_root {
        Some(stated) if stated != local_root => Err(bad(format!(
            "has the local logs root {stated}, but its {} logs fold to {local_root}",
            logs.logs().len()
        ))),
        _ => Ok(SlBatchLogs { batch, blocks, local_root, root, is_executed: None }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(text: &str) -> Result<SlBatches, IndexError> {
        let input = Input::from_reader("test", Cursor::new(text.to_owned())).unwrap();
        read_sl_batches_input(input, ChainId(506))
    }

    #[test]
    fn both_names_of_a_batch_are_read_and_other_chains_are_skipped() {
        let batches = read(
            "{\"gwBatch\":7,\"firstBlock\":1,\"lastBlock\":3,\"logs\":[]}\n\
             {\"chainId\":506,\"batchNumber\":8,\"firstBlock\":4,\"lastBlock\":4,\"logs\":[]}\n\
             {\"chainId\":9,\"batchNumber\":9,\"firstBlock\":4,\"lastBlock\":4,\"logs\":[]}\n",
        )
        .unwrap();
        assert_eq!(batches.range(), Some((SlBatch(7), SlBatch(8))));
        let batch = batches.batch(SlBatch(7)).unwrap();
        assert_eq!(*batch.blocks(), SlBlock(1)..=SlBlock(3));
        let covering = |block| batches.covering(SlBlock(block)).map(SlBatchLogs::batch);
        assert_eq!([1, 3, 4].map(covering), [Some(SlBatch(7)), Some(SlBatch(7)), Some(SlBatch(8))]);
        assert_eq!([0, 5].map(covering), [None, None]);
        // The published root of an empty tree of 16384 logs.
        assert!(batch.local_root().to_string().starts_with("0x375a5bf909cb0214"));
    }

    #[test]
    fn too_many_batches_are_refused() {
        let line = |number: u64| {
            format!("{{\"gwBatch\":{number},\"firstBlock\":1,\"lastBlock\":3,\"logs\":[]}}\n")
        };
        let read = |numbers: [u64; 4]| {
            let text = numbers.map(line).concat();
            read_at_most(3, Input::from_reader("test", Cursor::new(text))?, ChainId(506))
        };
        // Repeated batches count once.
        assert_eq!(read([1, 2, 2, 3]).unwrap().range(), Some((SlBatch(1), SlBatch(3))));
        let error = read([1, 2, 3, 4]).unwrap_err();
        let words = "test, line 4: more than 3 SL batches, too many for memory; remove the batches that \
                     no proof leads to";
        assert_eq!(error.to_string(), words);
    }

    #[test]
    fn damaged_lines_are_named() {
        let zero = Hash::ZERO;
        for damaged in [
            "7".to_owned(),
            "{\"gwBatch\":7,\"firstBlock\":1,\"logs\":[]}".to_owned(),
            "{\"gwBatch\":7,\"firstBlock\":5,\"lastBlock\":3,\"logs\":[]}".to_owned(),
            "{\"gwBatch\":7,\"firstBlock\":1,\"lastBlock\":3,\"logs\":[\"0x00\"]}".to_owned(),
            format!(
                "{{\"gwBatch\":7,\"firstBlock\":1,\"lastBlock\":3,\"logs\":[],\
                 \"localLogsRoot\":\"{zero}\"}}"
            ),
        ] {
            let error = read(&damaged).unwrap_err();
            assert!(error.to_string().contains("line 1"), "{damaged}: {error}");
        }
        let twice = "{\"gwBatch\":7,\"firstBlock\":1,\"lastBlock\":3,\"logs\":[]}\n\
                     {\"gwBatch\":7,\"firstBlock\":1,\"lastBlock\":4,\"logs\":[]}";
        let error = read(twice).unwrap_err();
        assert!(matches!(error, IndexError::SlBatch { place: Place::Line(2), .. }), "{error}");
    }
}
