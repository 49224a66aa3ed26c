//! Where hashes and addresses occur.

use std::path::Path;

use bytemuck::{Pod, Zeroable};

use super::{
    PublishError,
    files::{Directory, digest},
    manifest::{IndexEntry, MOST_OF_KEY},
};
use crate::{
    files::{ExternalSort, SortRecord},
    keccak::keccak256,
    message::{BatchView, Withdrawal},
    primitives::{Address, Hash},
};

/// The kinds of indexes, in the order in which they are written.
pub(super) const KINDS: [&str; 4] = ["messages", "receivers", "senders", "transactions"];

const MESSAGES: u64 = 0;
const RECEIVERS: u64 = 1;
const SENDERS: u64 = 2;
const TRANSACTIONS: u64 = 3;

/// The bytes of entries that are kept in memory; the rest is sorted in a temporary file.
const MOST_IN_MEMORY: usize = 256 << 20;

/// The lines of a file, on average, if there are enough of them.
const LINES: u64 = 1024;

/// The most digits of a prefix: 65,536 files of each kind.
const MOST_DIGITS: u32 = 4;

/// Logs of one batch with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct Place {
    kind: u64,
    key: u64,
    chain: u64,
    batch: u64,
    first: u64,
    count: u64,
}

impl SortRecord for Place {
    type Place = ();

    fn payload_len(&self) -> usize {
        0
    }
}

/// Collects the entries of all batches.
pub(super) struct Index {
    sort: ExternalSort<Place>,
    counts: [u64; KINDS.len()],
}

impl Index {
    /// An index; what does not fit into memory goes beside `target` meanwhile.
    pub(super) fn beside(target: &Path) -> Self {
        Self { sort: ExternalSort::beside(target, MOST_IN_MEMORY), counts: [0; KINDS.len()] }
    }

    /// Adds the logs of a batch.
    pub(super) fn add(&mut self, logs: &BatchView<'_>) -> Result<(), PublishError> {
        let mut places = Vec::with_capacity(4 * logs.logs().len());
        for (id, (log, message)) in (0..).zip(logs.with_messages()) {
            let mut put = |kind, key: u64| places.push((kind, key, id));
            if log.is_message() {
                put(MESSAGES, log.value().prefix_u64());
            }
            put(SENDERS, of_address(log.message_sender().unwrap_or_else(|| log.sender())));
            if let Some(receiver) = message.and_then(Withdrawal::parse).and_then(|w| w.receiver()) {
                put(RECEIVERS, of_address(receiver));
            }
            let transaction = usize::try_from(id).ok().and_then(|id| logs.transactions().get(id));
            if let Some(transaction) = transaction {
                put(TRANSACTIONS, transaction.prefix_u64());
            }
        }
        places.sort_unstable();
        // Logs that follow each other are one entry.
        let follows = |one: &(u64, u64, u64), next: &(u64, u64, u64)| {
            (one.0, one.1) == (next.0, next.1) && one.2 + 1 == next.2
        };
        for run in places.chunk_by(follows) {
            let (kind, key, first) = run[0];
            let (chain, batch) = (logs.chain().0, logs.batch().0);
            self.sort
                .push(Place { kind, key, chain, batch, first, count: run.len() as u64 }, &[])?;
            if let Some(count) = self.counts.get_mut(usize::try_from(kind).unwrap_or(usize::MAX)) {
                *count += 1;
            }
        }
        Ok(())
    }

    /// Hands every file to `put`, with its kind and the digits of its name, and returns what the manifest says of
    /// the kinds.
    pub(super) fn files(
        self,
        mut put: impl FnMut(&str, &str, &[u8]) -> Result<(), PublishError>,
    ) -> Result<Vec<IndexEntry>, PublishError> {
        let digits = self.counts.map(|count| {
            let files = count / LINES;
            (0..MOST_DIGITS).find(|digits| 16u64.pow(*digits) > files).unwrap_or(MOST_DIGITS)
        });
        let mut sorted = self.sort.finish()?;
        let (mut open, mut text) = (None::<(u64, u64)>, String::new());
        let mut same: Vec<Place> = Vec::new();
        loop {
            let next = sorted.next()?.map(|(place, _)| place);
            let of_key = |place: &Place| (place.kind, place.key);
            if same.first().map(of_key) != next.as_ref().map(of_key) || next.is_none() {
                for place in &same[same.len().saturating_sub(MOST_OF_KEY)..] {
                    let Place { key, chain, batch, first, count, .. } = place;
                    text += &format!("{key:016x} {chain} {batch} {first} {count}\n");
                }
                same.clear();
            }
            let file = next.map(|place| {
                let digits = digits[usize::try_from(place.kind).unwrap_or(0)];
                (place.kind, place.key.checked_shr(64 - 4 * digits).unwrap_or(0))
            });
            if let Some((kind, prefix)) = open.filter(|open| Some(*open) != file) {
                let at = usize::try_from(kind).unwrap_or(0);
                let width = digits[at] as usize;
                let name = if width == 0 { "all".into() } else { format!("{prefix:0width$x}") };
                put(KINDS[at], &name, text.as_bytes())?;
                text.clear();
            }
            open = file;
            match next {
                Some(place) => {
                    // Only the last ones are written, so no more are kept.
                    if same.len() >= 2 * MOST_OF_KEY {
                        same.drain(..MOST_OF_KEY);
                    }
                    same.push(place);
                }
                None => break,
            }
        }
        let entries = KINDS.iter().zip(self.counts).zip(digits);
        Ok(entries
            .map(|((kind, entries), digits)| IndexEntry { kind: (*kind).into(), digits, entries })
            .collect())
    }
}

/// The last 8 bytes of an address: the first ones of all system contracts are zeros.
fn of_address(address: Address) -> u64 {
    address.as_bytes().last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Writes the files of an index and its list of hashes. Returns its directory, and what the manifest says.
pub(super) fn write(
    index: Index,
    directory: &Directory,
) -> Result<(String, Hash, Vec<IndexEntry>), PublishError> {
    // The name of the directory has the digest of all files, so they are written under another name first.
    let temporary = "index/new";
    directory.clear(temporary)?;
    let mut hashes = String::new();
    let entries = index.files(|kind, digits, bytes| {
        hashes += &format!("{kind}/{digits}.txt {}\n", keccak256(bytes));
        directory.write(&format!("{temporary}/{kind}/{digits}.txt"), bytes)
    })?;
    let hash = keccak256(hashes.as_bytes());
    directory.write(&format!("{temporary}/hashes.txt"), hashes.as_bytes())?;
    let name = format!("index/{}", digest(hash));
    let files = hashes.lines().filter_map(|line| line.split(' ').next()).chain(["hashes.txt"]);
    directory.replace(temporary, &name, files)?;
    Ok((name, hash, entries))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        message::{BatchLogs, L2ToL1Log},
        primitives::{BatchNumber, ChainId},
    };

    /// Of a message that is sent again and again, and of its sender, only the newest lines are written.
    #[test]
    fn a_key_has_a_limited_number_of_lines() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::beside(folder.path());
        let batches = 2 * MOST_OF_KEY as u64 + 500;
        for number in (0..batches).map(BatchNumber) {
            let log = L2ToL1Log::of_message(0, Address::new([7; 20]), b"again");
            let messages = [&b"again"[..]].into_iter().collect();
            let logs = BatchLogs::new(ChainId(1), number, vec![log], messages, None).unwrap();
            index.add(&logs.view()).unwrap();
        }
        let mut files = BTreeMap::new();
        let entries = index.files(|kind, _, bytes| {
            files.insert(kind.to_owned(), String::from_utf8(bytes.to_vec()).unwrap());
            Ok(())
        });
        assert_eq!(
            entries.unwrap().iter().map(|of| of.entries).collect::<Vec<_>>(),
            [batches, 0, batches, 0]
        );
        assert_eq!(files.keys().collect::<Vec<_>>(), ["messages", "senders"]);
        for text in files.values() {
            let batch = |line: &str| line.split(' ').nth(2).unwrap().parse::<u64>().unwrap();
            let found: Vec<u64> = text.lines().map(batch).collect();
            assert!(found.iter().copied().eq(batches - MOST_OF_KEY as u64..batches));
        }
    }
}
