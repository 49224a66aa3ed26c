//! What is left of the pubdata of a batch of an Era chain of which blobs are lost.
//!
//! The hash of each blob is in the commit. So the bytes that are there are those of the pubdata; only where its parts
//! begin has to be found:
//!
//! | part | begins |
//! | --- | --- |
//! | logs | in the first blob |
//! | messages | behind the logs; after a lost blob, where a message has the hash that a log has |
//! | state diffs | in the last blobs, where their first bytes name the version, the number of initial writes, and a length up to the zeros behind the pubdata |

use std::{collections::HashMap, ops::Range};

use super::{
    bytes::Bytes,
    era_pubdata::{DiffsHead, read_logs},
    state_diffs::StateDiffs,
};
use crate::{
    keccak::keccak256,
    message::{BatchLogs, L2ToL1Log, LogsError},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The most bytes that are hashed in search of messages after a lost blob.
const MOST_HASHED: usize = 1 << 26;
/// The most places that are tried for the state diffs.
const MOST_TRIED: usize = 1 << 10;
/// The least bytes of a message that is searched after a lost blob: one with pubdata, which are empty.
const SHORTEST: usize = 5 * 32;

/// What is left of the pubdata of a batch of an Era chain of which blobs are lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EraPart {
    /// The logs of the batch. `None` if not all are there.
    pub logs: Option<Vec<L2ToL1Log>>,
    /// The messages that are there, in their order.
    pub messages: Vec<MessagePart>,
    /// The slots that the batch changed. `None` if not all are there.
    pub diffs: Option<StateDiffs>,
}

/// A message, or its first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePart {
    /// The index of its log in the batch.
    pub index: usize,
    /// Its log.
    pub log: L2ToL1Log,
    /// The bytes. If all are there, they have the hash in the log.
    pub bytes: Vec<u8>,
    /// Whether all bytes are there.
    pub is_whole: bool,
}

impl EraPart {
    /// Reads what is left of `pubdata`, of which only the `known` ranges are there, in ascending order. The batch gave
    /// these enumeration `indexes` to the slots that it wrote first.
    pub(in crate::ingest) fn read(
        pubdata: &[u8],
        known: &[Range<usize>],
        indexes: Range<u64>,
    ) -> Self {
        let last = known.last().filter(|last| last.end == pubdata.len());
        let diffs = last.and_then(|last| find_diffs(&pubdata[last.clone()], indexes));
        let mut part = Self { diffs, ..Self::default() };
        let Some(first) = known.first().filter(|first| first.start == 0) else { return part };
        let mut bytes = Bytes::new(&pubdata[first.clone()]);
        let Ok(logs) = read_logs(&mut bytes) else { return part };
        let mut messages = Messages::of(&logs);
        if bytes.u32("the number of messages").is_ok() {
            messages.read(&mut bytes);
        }
        for range in &known[1..] {
            messages.find(&pubdata[range.clone()]);
        }
        part.messages = messages.found;
        part.logs = Some(logs);
        part
    }

    /// The batch with its logs, and with its messages if all are there.
    pub(super) fn batch(self, chain: ChainId, number: BatchNumber) -> Result<BatchLogs, LogsError> {
        let logs = self.logs.unwrap_or_default();
        let count = logs.iter().filter(|log| log.is_message()).count();
        let are_whole =
            self.messages.len() == count && self.messages.iter().all(|one| one.is_whole);
        let messages = self.messages.iter().filter(|_| are_whole).map(|one| &one.bytes);
        BatchLogs::new(chain, number, logs, messages.collect(), None)
    }

    /// The root of the tree of the logs. `None` if not all are there.
    pub(in crate::ingest) fn local_root(&self) -> Option<Hash> {
        let (chain, number) = Default::default();
        let logs = Self { logs: Some(self.logs.clone()?), ..Self::default() };
        Some(logs.batch(chain, number).ok()?.view().tree().root())
    }

    /// Whether nothing is left.
    pub(in crate::ingest) fn is_empty(&self) -> bool {
        self.logs.is_none() && self.diffs.is_none()
    }
}

/// The messages of a batch, as they are found.
struct Messages<'l> {
    /// The logs of messages, with their indices in the batch.
    logs: Vec<(usize, &'l L2ToL1Log)>,
    /// By hash: the first message with it.
    by_hash: HashMap<Hash, usize>,
    /// The next message.
    next: usize,
    /// The bytes that may still be hashed.
    rest: usize,
    found: Vec<MessagePart>,
}

impl<'l> Messages<'l> {
    fn of(logs: &'l [L2ToL1Log]) -> Self {
        let logs: Vec<_> = logs.iter().enumerate().filter(|(_, log)| log.is_message()).collect();
        let by_hash =
            logs.iter().enumerate().rev().map(|(at, (_, log))| (log.value(), at)).collect();
        Self { logs, by_hash, next: 0, rest: MOST_HASHED, found: Vec::new() }
    }

    /// Reads one message after the other, up to the first that is not whole.
    fn read(&mut self, bytes: &mut Bytes<'_>) {
        while let Some((index, log)) = self.logs.get(self.next).copied() {
            let Ok(len) = bytes.u32("the length of a message") else { return };
            let (message, is_whole) = match bytes.take(len.into(), "a message") {
                Ok(message) => (message, true),
                Err(_) => (bytes.rest(), false),
            };
            if is_whole && keccak256(message) != log.value() {
                return;
            }
            self.next += 1;
            self.found.push(MessagePart { index, log: *log, bytes: message.to_vec(), is_whole });
            if !is_whole {
                return;
            }
        }
    }

    /// Finds messages behind a lost blob.
    fn find(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() && self.next < self.logs.len() {
            match self.at(&bytes[at..]) {
                Some(next) => {
                    self.next = next;
                    let mut rest = Bytes::new(&bytes[at..]);
                    self.read(&mut rest);
                    at += rest.offset() as usize;
                }
                None => at += 1,
            }
        }
    }

    /// The message that begins here, if it has one of the forms that are searched.
    fn at(&mut self, bytes: &[u8]) -> Option<usize> {
        let (len, rest) = bytes.split_first_chunk()?;
        let len = u32::from_be_bytes(*len) as usize;
        // All begin with a version in one byte, and a number in eight.
        let is_searched = len >= SHORTEST
            && len.is_multiple_of(32)
            && rest.len() >= len
            && rest[..31] == [0; 31]
            && rest[32..56] == [0; 24];
        self.rest = self.rest.checked_sub(if is_searched { len } else { 0 })?;
        let found = *self.by_hash.get(&keccak256(rest.get(..len).filter(|_| is_searched)?))?;
        (found >= self.next).then_some(found)
    }
}

/// Finds the state diffs in the last bytes of pubdata. `None` if they do not begin there, or several places may be
/// their beginning.
fn find_diffs(bytes: &[u8], indexes: Range<u64>) -> Option<StateDiffs> {
    let count = u16::try_from(indexes.end.checked_sub(indexes.start)?).ok()?.to_be_bytes();
    let end = bytes.iter().rposition(|byte| *byte != 0)? + 1;
    let (mut found, mut tried) = (None, 0);
    for at in 0..end {
        let mut rest = Bytes::new(&bytes[at..]);
        let Ok(DiffsHead { len, width, width_at }) = DiffsHead::read(&mut rest) else { continue };
        let ends_at = at as u64 + rest.offset() + len;
        if !rest.rest().starts_with(&count) || ends_at < end as u64 || ends_at > bytes.len() as u64
        {
            continue;
        }
        tried += 1;
        if tried > MOST_TRIED {
            return None;
        }
        let Ok(diffs) = StateDiffs::read(&mut rest, len, width, width_at) else { continue };
        // Slots that were written before have the indexes before.
        let is_possible =
            diffs.repeated.iter().all(|(index, _)| (1..indexes.start).contains(index));
        if is_possible && found.replace(diffs).is_some() {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{Address, Word};

    const INDEXES: Range<u64> = 100..102;

    /// A message in a form that is searched.
    fn message(number: u64, words: usize) -> Vec<u8> {
        let text = (0..32 * words).map(|at| (7 * number as usize + at) as u8);
        [&[0; 32][..], Word::from(number).as_bytes()].concat().into_iter().chain(text).collect()
    }

    /// Pubdata with these messages, and where the logs, each message with its length, and the state diffs are.
    fn pubdata(messages: &[Vec<u8>]) -> (Vec<u8>, Vec<Range<usize>>) {
        let mut bytes = (messages.len() as u32).to_be_bytes().to_vec();
        for (at, message) in (0..).zip(messages) {
            bytes.extend(L2ToL1Log::of_message(at, Address::system(7), message).as_bytes());
        }
        let mut parts: Vec<Range<usize>> = std::iter::once(0..bytes.len()).collect();
        bytes.extend((messages.len() as u32).to_be_bytes());
        for message in messages {
            let start = bytes.len();
            bytes.extend((message.len() as u32).to_be_bytes());
            bytes.extend(message);
            parts.push(start..bytes.len());
        }
        // One bytecode.
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 32]);
        bytes.extend([1; 32]);
        let start = bytes.len();
        let initial = |key: u8| [&[key; 32][..], &[1 << 3 | 1, key]].concat();
        let repeated = |index: u8| [&[0, 0, 0, index, 0][..], &[index; 32]].concat();
        let diffs = [vec![0, 2], initial(1), initial(2), repeated(1), repeated(99)].concat();
        bytes.extend([1, 0, 0, diffs.len() as u8, 4]);
        bytes.extend(diffs);
        parts.push(start..bytes.len());
        bytes.extend([0; 70]);
        (bytes, parts)
    }

    /// Pieces of several lengths are lost in turn. What is not in the lost piece is found.
    #[test]
    fn a_lost_piece_costs_what_is_in_it() {
        let messages: Vec<_> =
            [(1, 3), (2, 9), (3, 4), (4, 20)].map(|(n, len)| message(n, len)).into();
        let (bytes, parts) = pubdata(&messages);
        for len in [80, 150, 333, 500] {
            for lost in
                (0..bytes.len()).step_by(len).map(|start| start..bytes.len().min(start + len))
            {
                let mut left = bytes.clone();
                left[lost.clone()].fill(0);
                let known = [0..lost.start, lost.end..bytes.len()];
                let known: Vec<_> = known.into_iter().filter(|range| !range.is_empty()).collect();
                let part = EraPart::read(&left, &known, INDEXES);
                let is_left =
                    |part: &Range<usize>| part.end <= lost.start || lost.end <= part.start;
                let [logs, parts @ .., diffs] = &parts[..] else { unreachable!() };
                assert_eq!(part.logs.is_some(), is_left(logs), "{lost:?}");
                assert_eq!(
                    part.diffs.is_some(),
                    is_left(diffs) && lost.end < bytes.len(),
                    "{lost:?}"
                );
                let whole = part.messages.iter().filter(|message| message.is_whole);
                let found: Vec<usize> = whole
                    .map(|message| {
                        assert_eq!(message.bytes, messages[message.index]);
                        message.index
                    })
                    .collect();
                let expected = (0..4).filter(|at| is_left(logs) && is_left(&parts[*at]));
                assert_eq!(found, expected.collect::<Vec<_>>(), "{lost:?}");
                for message in part.messages.iter().filter(|message| !message.is_whole) {
                    assert!(messages[message.index].starts_with(&message.bytes));
                }
            }
        }
    }

    /// What looks like state diffs is none if it has another number of initial writes, ends elsewhere, or names slots
    /// that the batch did not find.
    #[test]
    fn state_diffs_have_to_fit_the_commit() {
        let (bytes, parts) = pubdata(&[]);
        let diffs = parts.last().unwrap().clone();
        let bytes = &bytes[diffs.start..];
        assert_eq!(find_diffs(bytes, INDEXES).unwrap().repeated.len(), 2);
        for (other, indexes) in
            [(bytes, 100..103), (bytes, 99..101), (&bytes[..diffs.len() - 1], INDEXES)]
        {
            assert_eq!(find_diffs(other, indexes), None);
        }
        let behind = [bytes, &[1]].concat();
        assert_eq!(find_diffs(&behind, INDEXES), None);
    }
}
