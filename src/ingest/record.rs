//! The columns of a row, without the escapes of the format they were in.
//!
//! | value | `COPY`, `pg_dump` | CSV |
//! | --- | --- | --- |
//! | NULL | `\N` | empty |
//! | a backslash | `\\` | the same |
//! | a quotation mark | the same | `""` in a quoted column |
//!
//! Source: PostgreSQL's documentation of `COPY`.

/// A row of a table: its columns back to back, unescaped.
#[derive(Debug, Default)]
pub(super) struct Record {
    text: Vec<u8>,
    /// The end of each column, and whether it is NULL.
    ends: Vec<(usize, bool)>,
}

impl Record {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// The number of columns.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A column. `None` if it is NULL or does not exist.
    pub(super) fn get(&self, column: usize) -> Option<&[u8]> {
        let (end, is_null) = *self.ends.get(column)?;
        let start = column.checked_sub(1).map_or(0, |previous| self.ends[previous].0);
        (!is_null).then(|| &self.text[start..end])
    }

    /// Adds a column of CSV. An empty one is NULL.
    pub(super) fn push_csv(&mut self, column: &[u8]) {
        self.text.extend_from_slice(column);
        self.ends.push((self.text.len(), column.is_empty()));
    }

    /// Adds the columns of a line of `COPY`.
    pub(super) fn push_copied(&mut self, line: &[u8]) {
        for column in line.split(|byte| *byte == b'\t') {
            let is_null = column == b"\\N";
            if !is_null {
                unescape(column, &mut self.text);
            }
            self.ends.push((self.text.len(), is_null));
        }
    }
}

/// Decodes the escapes of `COPY`.
fn unescape(column: &[u8], text: &mut Vec<u8>) {
    let mut rest = column;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        text.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((escaped, after)) = rest.split_first() else {
            text.push(b'\\');
            return;
        };
        rest = after;
        match escaped {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'v' => text.push(11),
            b'x' => {
                let digits =
                    rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
                text.push(number(&rest[..digits], 16).unwrap_or(b'x'));
                rest = &rest[digits..];
            }
            b'0'..=b'7' => {
                let more =
                    rest.iter().take(2).take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
                let mut digits = vec![*escaped];
                digits.extend_from_slice(&rest[..more]);
                text.push(number(&digits, 8).unwrap_or(*escaped));
                rest = &rest[more..];
            }
            other => text.push(*other),
        }
    }
    text.extend_from_slice(rest);
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    // Postgres takes the low byte, too.
    Some((number & 0xff) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_of_copy_are_decoded() {
        let mut record = Record::default();
        record.push_copied(b"\\\\x0df3\t\\N\ta\\tb\\101\\n\t\\x41");
        assert_eq!(record.get(0).unwrap(), b"\\x0df3");
        assert_eq!(record.get(1), None);
        assert_eq!(record.get(2).unwrap(), b"a\tbA\n");
        assert_eq!(record.get(3).unwrap(), b"A");
        assert_eq!((record.len(), record.get(4)), (4, None));
    }

    #[test]
    fn an_empty_column_of_csv_is_null() {
        let mut record = Record::default();
        record.push_csv(b"a");
        record.push_csv(b"");
        assert_eq!((record.get(0), record.get(1)), (Some(&b"a"[..]), None));
    }

    proptest! {
        #[test]
        fn random_text_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut record = Record::default();
            record.push_copied(&bytes);
            let columns = bytes.iter().filter(|byte| **byte == b'\t').count() + 1;
            prop_assert_eq!(record.len(), columns);
        }
    }
}
