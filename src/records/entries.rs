//! Reads the records of an input in any format, one at a time.

use std::collections::VecDeque;

use super::{
    EntriesError, Records,
    parquet::{NumberedGroup, NumberedRows},
};
use crate::{
    files::{BlockText, Input, Kind, container::is_container},
    proof::reader::{self, Defaults, Item, RecordError},
};

/// The most parts of an input that are read to find a record.
const MOST_PARTS: usize = 16;

/// The records of an input with their numbers, counted from 1: line numbers of a text, row numbers of a
/// Parquet file.
///
/// ```
/// use slproof::{files::Input, proof::reader::{Defaults, Item}, records::Entries};
///
/// let text = r#"{"request":{"message":"0x"},"error":{"code":"message-not-found","message":""}}"#;
/// let input = Input::from_reader("example", text.as_bytes())?;
/// let entries = Entries::open(input, &Defaults::default())?.collect::<Result<Vec<_>, _>>()?;
/// let (line, entry) = entries.into_iter().next().ok_or("one record")?;
/// assert_eq!(line, 1);
/// assert!(matches!(entry.item(&Defaults::default())?, Item::Failure));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Entries {
    name: String,
    source: Source,
    /// The rest of a list of records that is one text, such as an answer of a node. They have the number of its line.
    listed: VecDeque<(u64, BlockText)>,
    /// Whether any entry so far is a record.
    has_record: bool,
}

enum Source {
    Texts(Box<Records>),
    Rows(Box<NumberedRows>),
}

/// One entry of an input. It need not be a valid record.
#[derive(Debug)]
pub enum Entry {
    /// A text, such as a line.
    Text(BlockText),
    /// A row of a Parquet file.
    Row(Result<Item, RecordError>),
}

impl Entries {
    /// Opens an input. `defaults` replace values that the rows of a Parquet file lack.
    ///
    /// # Errors
    /// [`EntriesError`] when the input cannot be read, or is of another kind.
    pub fn open(input: Input, defaults: &Defaults) -> Result<Self, EntriesError> {
        let name = input.name().to_owned();
        if is_container(input.head()) {
            let kind = Kind::of_head(input.head());
            let what = kind.map_or("a native file of slproof", |kind| kind.name);
            return Err(EntriesError::NotProofs { name, what });
        }
        let source = if input.is_parquet() {
            Source::Rows(Box::new(NumberedRows::open(input, defaults)?))
        } else {
            Source::Texts(Box::new(Records::open(input)?))
        };
        Ok(Self { name, source, listed: VecDeque::new(), has_record: false })
    }

    /// The name of the input, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next entries: at most `most`, of about as many bytes as `bytes`; of the first entries 16 times as many, if it
    /// takes them to find a record. Empty after the last entry.
    ///
    /// # Errors
    /// [`EntriesError`] when the input cannot be read, or when none of the first entries is a record: only beside records
    /// are damaged lines taken for damaged proofs.
    pub fn next_chunk(
        &mut self,
        most: usize,
        bytes: usize,
    ) -> Result<Vec<(u64, Entry)>, EntriesError> {
        let mut entries = next_of(self, most, bytes)?;
        let (mut searched, mut parts) = (0, 1);
        while !self.has_record && searched < entries.len() {
            self.has_record = entries[searched..].iter().any(|(_, entry)| entry.is_record());
            searched = entries.len();
            if !self.has_record && parts < MOST_PARTS {
                entries.extend(next_of(self, most, bytes)?);
                parts += 1;
            }
        }
        match self.has_record || entries.is_empty() {
            true => Ok(entries),
            false => Err(EntriesError::NoProofs(self.name.clone())),
        }
    }

    /// Passes over the next row group of a Parquet file, which is then read at the same time as up to `most` others.
    /// `None` if the entries have to be read one after the other.
    pub(super) fn take_group(&mut self, most: usize) -> Option<NumberedGroup> {
        match &mut self.source {
            Source::Texts(_) => None,
            Source::Rows(rows) => rows.take_group(most),
        }
    }

    /// The format of the records, for messages.
    #[must_use]
    pub fn format(&self) -> &'static str {
        match self.source {
            Source::Texts(_) => "JSON records",
            Source::Rows(_) => "rows of a Parquet file",
        }
    }

    /// The unit of record numbers: "line" or "row".
    #[must_use]
    pub fn place(&self) -> &'static str {
        match self.source {
            Source::Texts(_) => "line",
            Source::Rows(_) => "row",
        }
    }
}

impl Iterator for Entries {
    type Item = Result<(u64, Entry), EntriesError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match &mut self.source {
            Source::Texts(texts) => {
                let found = match self.listed.pop_front() {
                    Some(next) => Ok(next),
                    None => texts.next()?.map(|(line, text)| match reader::listed(&text) {
                        None => (line, text),
                        Some(records) => {
                            let texts = records.iter().map(|record| record.get().as_bytes());
                            self.listed.extend(texts.map(|text| (line, text.to_owned().into())));
                            self.listed.pop_front().unwrap_or((line, text))
                        }
                    }),
                };
                found.map(|(line, text)| (line, Entry::Text(text))).map_err(EntriesError::from)
            }
            Source::Rows(rows) => {
                let row = rows.next()?;
                row.map(|(number, item)| (number, Entry::Row(item)))
            }
        })
    }
}

/// The next entries of a source: at most `most`, of about as many bytes as `bytes`.
pub(super) fn next_of(
    source: &mut impl Iterator<Item = Result<(u64, Entry), EntriesError>>,
    most: usize,
    bytes: usize,
) -> Result<Vec<(u64, Entry)>, EntriesError> {
    let (mut entries, mut weight) = (Vec::new(), 0);
    while entries.len() < most && weight < bytes {
        let Some(entry) = source.next().transpose()? else { break };
        weight += entry.1.weight();
        entries.push(entry);
    }
    Ok(entries)
}

impl Entry {
    /// The approximate size of the entry in bytes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Row(Ok(Item::Proof(record, _))) => {
                let message = record.message.as_ref().map_or(0, Vec::len);
                256 + 32 * record.proof.len() + message
            }
            // Only texts are records of leaves.
            Self::Row(_) => 64,
        }
    }

    /// Whether the entry is a record of a proof, possibly a damaged one.
    fn is_record(&self) -> bool {
        match self {
            Self::Text(text) => reader::is_record(text),
            Self::Row(_) => true,
        }
    }

    /// Parses the entry. `defaults` apply to texts; the rows of a file were read with those given to
    /// [`Entries::open`].
    ///
    /// # Errors
    /// [`RecordError`] when it is not a record, or lacks a value that `defaults` do not contain.
    pub fn item(self, defaults: &Defaults) -> Result<Item, RecordError> {
        match self {
            Self::Text(text) => reader::parse(&text, defaults),
            Self::Row(row) => row,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The other lines are no records.
    #[test]
    fn a_record_is_searched_in_sixteen_parts() {
        let first = |before: usize| {
            let text = "{}\n".repeat(before) + "{\"proof\":1\n{}\n{}\n";
            let input = Input::from_reader("example", std::io::Cursor::new(text)).unwrap();
            let mut entries = Entries::open(input, &Defaults::default()).unwrap();
            let first = entries.next_chunk(2, usize::MAX).map(|found| found.len());
            first.map(|first| (first, entries.next_chunk(2, usize::MAX).unwrap().len()))
        };
        for (before, lens) in [(0, (2, 1)), (1, (2, 2)), (2, (4, 1)), (31, (32, 2))] {
            assert_eq!(first(before).unwrap(), lens, "{before}");
        }
        assert!(matches!(first(32), Err(EntriesError::NoProofs(_))));
    }

    #[test]
    fn the_records_of_a_list_have_the_number_of_its_line() {
        let text = "{\"proof\":1}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{\"proof\":2},{\"proof\":3}]}\n\
                    [{\"proof\":4},[{\"proof\":5}]]\n{\"result\":[]}\n{\"proof\":6}\n";
        let input = Input::from_reader("test", text.as_bytes()).unwrap();
        let entries = Entries::open(input, &Defaults::default()).unwrap();
        let found: Vec<(u64, String)> = entries
            .map(|entry| match entry.unwrap() {
                (line, Entry::Text(text)) => (line, str::from_utf8(&text).unwrap().to_owned()),
                (_, Entry::Row(_)) => unreachable!(),
            })
            .collect();
        let expected = [
            (1, "{\"proof\":1}"),
            (2, "{\"proof\":2}"),
            (2, "{\"proof\":3}"),
            (3, "{\"proof\":4}"),
            (3, "[{\"proof\":5}]"),
            (4, "{\"result\":[]}"),
            (5, "{\"proof\":6}"),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn entries_that_are_read_together_are_few_and_small() {
        let row = || Entry::Row(Ok(Item::Failure));
        let mut source = (1..=15).map(|number| Ok((number, row())));
        let mut next = |most, bytes| {
            let read = next_of(&mut source, most, bytes).unwrap();
            read.into_iter().map(|(number, _)| number).collect::<Vec<_>>()
        };
        assert_eq!(next(4, usize::MAX), [1, 2, 3, 4]);
        assert_eq!(next(4, 2 * row().weight()), [5, 6]);
        // An entry that is larger is read alone.
        assert_eq!(next(4, 1), [7]);
        assert_eq!(next(100, usize::MAX).len(), 8);
        assert!(next(100, usize::MAX).is_empty());
    }

    #[test]
    fn long_messages_and_proofs_have_weight() {
        let text = std::fs::read("fixtures/gateway-v31/record.json").unwrap();
        let Ok(Item::Proof(mut record, log)) = reader::parse(&text, &Defaults::default()) else {
            panic!("a proof")
        };
        let words = record.proof.len() * 32;
        record.message = Some(vec![7; 100_000]);
        let weight = Entry::Row(Ok(Item::Proof(record, log))).weight();
        assert!((100_000 + words..102_000 + words).contains(&weight), "{weight}");
    }
}
