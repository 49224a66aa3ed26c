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
    sync::Arc,
};

use serde::Deserialize;

use super::IndexError;
use crate::{
    archive::Place,
    files::Input,
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
    /// A batch from L1. `None` if not all of it is known.
    fn of_l1(found: SlBatchFound) -> Option<Self> {
        let SlBatchFound { batch, blocks, root, local_root, is_executed } = found;
        Some(Self {
            batch,
            blocks: blocks?,
            local_root: local_root?,
            root: Some(root?),
            is_executed,
        })
    }

    /// Adds what another file has of the same batch. Returns whether it is the same: one of them may lack the root.
    fn add(&mut self, other: Self) -> bool {
        let (own, given) = (self.root, other.root);
        self.root = own.or(given);
        let agree = given.is_none_or(|given| self.root == Some(given));
        agree && *self == Self { root: self.root, ..other }
    }

    /// Adds what L1 has of the same batch. `Err` says what differs.
    fn join(&mut self, on_l1: &SlBatchFound) -> Result<(), String> {
        let differs = |what: &str, here: Hash, there: Hash| {
            format!("has the {what} {here}, but {there} in the files of L1")
        };
        match (on_l1.local_root, self.root, on_l1.root) {
            (Some(local_root), ..) if local_root != self.local_root => {
                return Err(differs("local logs root", self.local_root, local_root));
            }
            (_, Some(root), Some(on_l1)) if root != on_l1 => {
                return Err(differs("root", root, on_l1));
            }
            _ => {}
        }
        self.root = self.root.or(on_l1.root);
        self.is_executed = self.is_executed.or(on_l1.is_executed);
        Ok(())
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

    /// The batch root in the file or in its commit, which is not verified yet.
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

/// What L1 has of a batch.
pub(super) struct SlBatchFound {
    pub(super) batch: SlBatch,
    /// Its blocks with interop roots, if these are known.
    pub(super) blocks: Option<RangeInclusive<SlBlock>>,
    /// The root in its commit.
    pub(super) root: Option<Hash>,
    /// The root of its logs.
    pub(super) local_root: Option<Hash>,
    /// Whether L1 executed it.
    pub(super) is_executed: Option<bool>,
}

/// The settlement layer's own batches.
#[derive(Clone, Debug, Default)]
pub struct SlBatches {
    by_number: ByNumber,
    /// The last block of each batch, in ascending order.
    last_blocks: Vec<(SlBlock, SlBatch)>,
}

/// Batches by number, each with its file and its place in it.
type ByNumber = BTreeMap<SlBatch, (Arc<str>, Place, SlBatchLogs)>;

impl SlBatches {
    fn new(by_number: ByNumber) -> Self {
        let ends = by_number.values().map(|(.., logs)| (*logs.blocks().end(), logs.batch()));
        let mut last_blocks: Vec<_> = ends.collect();
        last_blocks.sort_unstable();
        Self { by_number, last_blocks }
    }

    /// Adds the batches that L1 has. A batch of a file keeps its blocks, which are all that it has.
    ///
    /// # Errors
    /// [`IndexError::SlBatch`] if L1 has another root of a batch of a file.
    pub(super) fn with(
        mut self,
        on_l1: impl IntoIterator<Item = SlBatchFound>,
    ) -> Result<Self, IndexError> {
        for found in on_l1 {
            let batch = found.batch;
            if let Some((name, place, logs)) = self.by_number.get_mut(&batch) {
                let (name, place) = (name.to_string(), *place);
                let joined = logs.join(&found);
                joined.map_err(|reason| IndexError::SlBatch { name, place, batch, reason })?;
            } else if let Some(logs) = SlBatchLogs::of_l1(found) {
                self.by_number.insert(batch, ("L1".into(), Place::Whole, logs));
            }
        }
        Ok(Self::new(self.by_number))
    }

    /// A batch. `None` if the file does not have it.
    #[must_use]
    pub fn batch(&self, batch: SlBatch) -> Option<&SlBatchLogs> {
        self.by_number.get(&batch).map(|(.., logs)| logs)
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
        self.by_number.values().map(|(.., logs)| logs)
    }

    /// The first and the last batch.
    #[must_use]
    pub fn range(&self) -> Option<(SlBatch, SlBatch)> {
        Some((*self.by_number.first_key_value()?.0, *self.by_number.last_key_value()?.0))
    }
}

/// Adds a batch of the file `name`, unless `limit` batches are there already. One with the same number has to be the same,
/// but for a root that only one of them has.
fn add(
    found: &mut ByNumber,
    limit: usize,
    (name, place): (&Arc<str>, Place),
    logs: SlBatchLogs,
) -> Result<(), IndexError> {
    let batch = logs.batch;
    let count = found.len();
    match found.get_mut(&batch) {
        Some((first, at, known)) => match known.add(logs) {
            true => Ok(()),
            false => {
                let reason = format!("differs from the one in {first}{at}");
                Err(IndexError::SlBatch { name: name.to_string(), place, batch, reason })
            }
        },
        None if count == limit => {
            Err(IndexError::TooManySlBatches { name: name.to_string(), place, limit })
        }
        None => {
            found.insert(batch, (name.clone(), place, logs));
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
        for (name, place, batch) in read_sl_batches(path, sl_chain)?.by_number.into_values() {
            add(&mut all, MOST_BATCHES, (&name, place), batch)?;
        }
    }
    Ok(SlBatches::new(all))
}

fn read_at_most(limit: usize, input: Input, sl_chain: ChainId) -> Result<SlBatches, IndexError> {
    let name: Arc<str> = input.name().into();
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
                .map_err(|source| IndexError::NotBatch { name: name.to_string(), place, source })?;
            if parsed.chain_id.is_some_and(|chain| chain != sl_chain) {
                continue;
            }
            let batch = sl_batch(parsed, sl_chain, &name, place)?;
            add(&mut found, limit, (&name, place), batch)?;
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
    fn batches_of_files_are_compared_with_l1() {
        let line = "{\"gwBatch\":7,\"firstBlock\":1,\"lastBlock\":3,\"logs\":[]}\n";
        let local_root = read(line).unwrap().batch(SlBatch(7)).unwrap().local_root();
        let [root, other] = [[1; 32], [2; 32]].map(Hash::new);
        let with = |batch: u64, root: Option<Hash>, local_root: Option<Hash>| {
            let with_root = line.replace("]}", &format!("],\"chainBatchRoot\":\"{other}\"}}"));
            let batch = SlBatch(batch);
            [line, &with_root].map(|line| {
                let (blocks, is_executed) = (Some(SlBlock(2)..=SlBlock(2)), Some(false));
                let found = SlBatchFound { batch, blocks, root, local_root, is_executed };
                let joined = read(line).unwrap().with([found]);
                joined.map(|all| all.batch(batch).cloned()).map_err(|error| error.to_string())
            })
        };
        let [without_root, with_root] = with(7, Some(root), Some(local_root));
        let joined = without_root.unwrap().unwrap();
        assert_eq!((joined.root(), joined.is_executed()), (Some(root), Some(false)));
        assert_eq!(*joined.blocks(), SlBlock(1)..=SlBlock(3));
        let words =
            format!("test, line 1: SL batch 7 has the root {other}, but {root} in the files of L1");
        assert_eq!(with_root, Err(words));
        for found in with(7, None, Some(other)) {
            let error = found.unwrap_err();
            assert!(error.contains("has the local logs root 0x375a5bf909cb0214"), "{error}");
        }
        // Of other batches, L1 has to know all.
        for (root, is_known) in [(Some(root), true), (None, false)] {
            let known = with(8, root, Some(local_root)).map(|found| found.unwrap().is_some());
            assert_eq!(known, [is_known; 2]);
        }
    }

    /// The script of the manual writes batches without their roots, other files have them.
    #[test]
    fn a_root_that_only_one_of_two_files_has_is_taken() {
        let line = "{\"gwBatch\":7,\"firstBlock\":1,\"lastBlock\":3,\"logs\":[]}";
        let [root, other] = [[1; 32], [2; 32]].map(Hash::new);
        let with = |root: Hash| line.replace("]}", &format!("],\"chainBatchRoot\":\"{root}\"}}"));
        let root_of = |lines: &[&str]| {
            read(&lines.join("\n")).map(|all| all.batch(SlBatch(7)).unwrap().root()).ok()
        };
        let (of_root, of_other) = (with(root), with(other));
        assert_eq!(root_of(&[line, line]), Some(None));
        for lines in [[line, &of_root], [&of_root, line], [&of_root, &of_root]] {
            assert_eq!(root_of(&lines), Some(Some(root)), "{lines:?}");
        }
        // What only the second line has counts for the third.
        for lines in [&[&of_root[..], &of_other][..], &[line, &of_root, &of_other]] {
            assert_eq!(root_of(lines), None, "{lines:?}");
        }
        let longer = of_root.replace(":3,", ":4,");
        assert_eq!(root_of(&[line, &longer]), None);
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
