//! CSV rows, assembled from lines.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// The fields of one CSV row. Its memory is reused for the next row.
pub(super) struct CsvRow {
    parser: Reader,
    /// All fields back to back. The lengths say how much of it is used.
    text: Vec<u8>,
    ends: Vec<usize>,
    text_len: usize,
    len: usize,
}

/// The state of a row after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CsvLine {
    /// The row ends with the line.
    Complete,
    /// A quoted field is still open: the next line belongs to the row.
    Open,
    /// A carriage return within the line ends the row.
    CarriageReturn,
}

impl CsvRow {
    /// A row whose fields are separated by this byte.
    pub(super) fn new(separator: u8) -> Self {
        let parser = ReaderBuilder::new().delimiter(separator).build();
        Self { parser, text: vec![0; 64], ends: vec![0; 8], text_len: 0, len: 0 }
    }

    /// Starts a new row.
    pub(super) fn clear(&mut self) {
        self.parser.reset();
        (self.text_len, self.len) = (0, 0);
    }

    /// Adds a line, without its line end.
    pub(super) fn push_line(&mut self, line: &[u8]) -> CsvLine {
        // The parser treats empty input as the end of the text.
        if !line.is_empty() && self.parse(line) {
            return CsvLine::CarriageReturn;
        }
        if self.parse(b"\n") { CsvLine::Complete } else { CsvLine::Open }
    }

    /// Returns whether a row ends in this text.
    fn parse(&mut self, mut text: &[u8]) -> bool {
        loop {
            let buffers = (&mut self.text[self.text_len..], &mut self.ends[self.len..]);
            let (result, read, written, fields) =
                self.parser.read_record(text, buffers.0, buffers.1);
            text = &text[read..];
            self.text_len += written;
            self.len += fields;
            match result {
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record => return true,
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return false,
            }
        }
    }

    /// A field; empty if it does not exist.
    fn get(&self, at: usize) -> &[u8] {
        let Some(end) = self.ends[..self.len].get(at) else { return &[] };
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..*end]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len).map(|at| self.get(at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(lines: &[&str]) -> Option<Vec<String>> {
        let mut row = CsvRow::new(b',');
        let text = |field: &[u8]| String::from_utf8(field.to_vec()).unwrap();
        for (at, line) in lines.iter().enumerate() {
            match row.push_line(line.as_bytes()) {
                CsvLine::Complete if at + 1 == lines.len() => {}
                CsvLine::Open if at + 1 < lines.len() => {}
                _ => return None,
            }
        }
        Some(row.iter().map(text).collect())
    }

    #[test]
    fn rows_end_with_a_line_outside_of_quotation_marks() {
        assert_eq!(fields(&["a,,\"b,\"\"c\"\"\""]).unwrap(), ["a", "", "b,\"c\""]);
        assert_eq!(fields(&["a,\"b", "", "c\",d"]).unwrap(), ["a", "b\n\nc", "d"]);
        assert_eq!(fields(&["a,\"b"]), None);
        assert_eq!(fields(&["a\rb"]), None);
        assert_eq!(CsvRow::new(b',').push_line(b""), CsvLine::Open);
    }

    proptest! {
        #[test]
        fn quoted_fields_are_read_back(
            rows in prop::collection::vec(
                prop::collection::vec("[a-c,\"\n]{0,90}", 1..20), 1..4),
        ) {
            let mut row = CsvRow::new(b',');
            for expected in &rows {
                let quoted = expected.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\"")));
                let text = quoted.collect::<Vec<_>>().join(",");
                row.clear();
                let last = text.split('\n').map(|line| row.push_line(line.as_bytes())).last();
                prop_assert_eq!(last, Some(CsvLine::Complete));
                prop_assert!(row.iter().eq(expected.iter().map(String::as_bytes)));
            }
        }
    }
}
