//! Parts of the logs of a batch, from which proofs are made in bounded memory.

use std::{mem, ops::Range};

use super::{BatchView, L2ToL1Log};

/// Consecutive logs of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogRange {
    logs: Range<usize>,
    /// The number of messages of the logs before them.
    messages: usize,
}

impl LogRange {
    /// All logs of a batch.
    pub(crate) fn all(batch: &BatchView<'_>) -> Self {
        Self { logs: 0..batch.logs.len(), messages: 0 }
    }
}

impl<'a> BatchView<'a> {
    /// Divides the logs into ranges, at least one, that together hold all of them. Each has at most `most` of the logs
    /// that `is_counted` selects by index, and at most `most_bytes` bytes of their messages; a longer message is the
    /// only one that is counted in its range.
    pub(crate) fn ranges(
        &self,
        most: usize,
        most_bytes: usize,
        is_counted: impl Fn(u64, &L2ToL1Log) -> bool,
    ) -> Vec<LogRange> {
        let mut ranges = Vec::new();
        let mut range = LogRange { logs: 0..0, messages: 0 };
        let (mut counted, mut bytes, mut messages) = (0, 0, 0);
        for (index, (log, message)) in self.with_messages().enumerate() {
            if is_counted(index as u64, log) {
                let len = message.map_or(0, <[u8]>::len);
                if counted == most || (counted > 0 && bytes + len > most_bytes) {
                    ranges
                        .push(mem::replace(&mut range, LogRange { logs: index..index, messages }));
                    (counted, bytes) = (0, 0);
                }
                counted += 1;
                bytes += len;
            }
            range.logs.end = index + 1;
            messages += usize::from(message.is_some());
        }
        ranges.push(range);
        ranges
    }

    /// As [`BatchView::with_messages`], for the logs of a range, each with its index.
    pub(crate) fn with_messages_in(
        &self,
        range: &LogRange,
    ) -> impl Iterator<Item = (u64, (&'a L2ToL1Log, Option<&'a [u8]>))> + use<'a> {
        let mut messages = self.messages.iter_from(range.messages);
        let logs = self.logs.get(range.logs.clone()).unwrap_or_default();
        let logs = logs.iter().map(move |log| {
            let message = if log.is_message() { messages.next() } else { None };
            (log, message)
        });
        (range.logs.start as u64..).zip(logs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        message::{BatchLogs, MessageList},
        primitives::{Address, BatchNumber, ChainId},
    };

    /// Messages of these lengths, each after a log without a message.
    fn batch(lens: &[usize]) -> BatchLogs {
        let messages: Vec<Vec<u8>> = lens.iter().map(|len| vec![7; *len]).collect();
        let log = |message: &Vec<u8>| {
            [L2ToL1Log::new([1; 88]), L2ToL1Log::of_message(0, Address::system(7), message)]
        };
        let logs = messages.iter().flat_map(log).collect();
        let messages: MessageList = messages.iter().collect();
        BatchLogs::new(ChainId(1), BatchNumber(1), logs, messages, None).unwrap()
    }

    #[test]
    fn ranges_hold_all_logs_with_their_messages_within_the_limits() {
        let logs = batch(&[5, 0, 90, 40, 40, 40, 1]);
        let view = logs.view();
        let all: Vec<_> = (0..).zip(view.with_messages()).collect();
        for (most, most_bytes) in [(1, 0), (2, 1000), (3, 80), (100, 80), (100, 1000)] {
            let ranges = view.ranges(most, most_bytes, |_, _| true);
            let parts: Vec<Vec<_>> =
                ranges.iter().map(|range| view.with_messages_in(range).collect()).collect();
            assert_eq!(parts.concat(), all);
            for (part, range) in parts.iter().zip(&ranges) {
                let bytes: usize = part.iter().map(|(_, (_, m))| m.map_or(0, <[u8]>::len)).sum();
                assert!(part.len() == range.logs.len() && (1..=most).contains(&part.len()));
                assert!(bytes <= most_bytes || part.len() == 1);
            }
        }
        assert_eq!(view.ranges(100, 1000, |_, _| true), [LogRange::all(&view)]);
        // Messages that just fit, and one that does not fit alone.
        assert_eq!(batch(&[40, 40]).view().ranges(100, 80, |_, _| true).len(), 1);
        let is_message = |_, log: &L2ToL1Log| log.is_message();
        assert_eq!(batch(&[90]).view().ranges(100, 80, is_message).len(), 1);
    }

    #[test]
    fn logs_that_are_not_counted_do_not_fill_a_range() {
        let logs = batch(&[10; 20]);
        let is_message = |_, log: &L2ToL1Log| log.is_message();
        assert_eq!(logs.view().ranges(20, 1000, is_message).len(), 1);
        assert_eq!(logs.view().ranges(4, 1000, is_message).len(), 5);
        assert_eq!(logs.view().ranges(1, 0, |_, _| false).len(), 1);
        assert_eq!(batch(&[]).view().ranges(1, 0, |_, _| true).len(), 1);
    }
}
