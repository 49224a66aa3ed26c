//! The page index: where the pages of a column begin, and which numbers each contains. With it a reader fetches the
//! pages of the rows that a query selects, instead of whole row groups (source: parquet-format, `PageIndex.md`
//! and `parquet.thrift`).
//!
//! ```text
//! OffsetIndex  { 1: list<PageLocation> }
//! PageLocation { 1: i64 offset, 2: i32 length with the header, 3: i64 number of the first row }
//! ColumnIndex  { 1: list<bool> is null, 2: list<binary> least, 3: list<binary> most, 4: i32 order,
//!                5: list<i64> nulls }
//! ```
//!
//! Structs are in Thrift's compact protocol. The `parquet` crate writes these structs only from values of all pages of a
//! file, which would take 20 times the memory of [`PageList`].

use crate::primitives::{varint, varint::VarintError};

use super::page_list::{PageFacts, PageList};

/// Types of the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;
/// The end of a struct.
const STOP: u8 = 0;

/// Values of `BoundaryOrder`.
const UNORDERED: u64 = 0;
const ASCENDING: u64 = 1;

/// Appends the offset index of a column's pages, the first of which is at `start` in the file.
pub(super) fn write_offsets(
    pages: &PageList,
    start: u64,
    out: &mut Vec<u8>,
) -> Result<(), VarintError> {
    let (mut at, mut row) = (start, 0);
    field(1, LIST, out);
    list(STRUCT, pages.iter().count(), out);
    for page in pages.iter() {
        let page = page?;
        for (kind, number) in [(I64, at), (I32, page.len), (I64, row)] {
            field(1, kind, out);
            integer(number, out);
        }
        out.push(STOP);
        at += page.len;
        row += page.rows;
    }
    out.push(STOP);
    Ok(())
}

/// Appends the column index of a column of numbers.
pub(super) fn write_bounds(pages: &PageList, out: &mut Vec<u8>) -> Result<(), VarintError> {
    let pages: Vec<PageFacts> = pages.iter().collect::<Result<_, _>>()?;
    field(1, LIST, out);
    list(TRUE, pages.len(), out);
    out.extend(pages.iter().map(|page| if page.bounds.is_none() { TRUE } else { FALSE }));
    for side in [|(least, _): (u64, u64)| least, |(_, most)| most] {
        field(1, LIST, out);
        list(BINARY, pages.len(), out);
        for page in &pages {
            // A page without numbers has an empty bound.
            let bound = page.bounds.map(|bounds| side(bounds).to_le_bytes());
            let bound = bound.as_ref().map_or(&[][..], |bound| bound);
            varint::write(bound.len() as u64, out);
            out.extend_from_slice(bound);
        }
    }
    field(1, I32, out);
    integer(if is_ascending(&pages) { ASCENDING } else { UNORDERED }, out);
    field(1, LIST, out);
    list(I64, pages.len(), out);
    pages.iter().for_each(|page| integer(page.nulls, out));
    out.push(STOP);
    Ok(())
}

/// Whether neither bound becomes smaller from page to page. Pages without numbers do not count.
fn is_ascending(pages: &[PageFacts]) -> bool {
    let bounds = pages.iter().filter_map(|page| page.bounds);
    bounds.is_sorted_by(|one, next| one.0 <= next.0 && one.1 <= next.1)
}

/// Appends the header of a field whose number is `after` above that of the field before.
fn field(after: u8, kind: u8, out: &mut Vec<u8>) {
    out.push(after << 4 | kind);
}

fn list(kind: u8, len: usize, out: &mut Vec<u8>) {
    match u8::try_from(len) {
        Ok(short @ ..15) => out.push(short << 4 | kind),
        _ => {
            out.push(0xf0 | kind);
            varint::write(len as u64, out);
        }
    }
}

/// Appends a number that is not negative, in the form of signed ones.
fn integer(number: u64, out: &mut Vec<u8>) {
    varint::write(number << 1, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(bounds: &[Option<(u64, u64)>]) -> PageList {
        let mut pages = PageList::default();
        for bounds in bounds {
            let nulls = if bounds.is_none() { 3 } else { 0 };
            pages.push(&PageFacts { len: 100, rows: 3, nulls, bounds: *bounds });
        }
        pages
    }

    /// Written by hand from the descriptions of parquet-format and of the compact protocol.
    #[test]
    fn indexes_have_the_published_layout() {
        let mut out = Vec::new();
        write_offsets(&pages(&[None, None]), 4, &mut out).unwrap();
        // 100 is 0xc8 0x01 in the form of signed numbers.
        let second = [0x16, 208, 1, 0x15, 0xc8, 1, 0x16, 6, 0];
        assert_eq!(
            out,
            [&[0x19, 0x2c, 0x16, 8, 0x15, 0xc8, 1, 0x16, 0, 0][..], &second, &[0]].concat()
        );

        out.clear();
        write_bounds(&pages(&[Some((1, 2)), None]), &mut out).unwrap();
        let bound = |number: u8| [8, number, 0, 0, 0, 0, 0, 0, 0, 0];
        let bounds = [&[0x19, 0x28][..], &bound(1), &[0x19, 0x28], &bound(2)].concat();
        // In the order of the fields: which pages are null, both bounds, ascending, the numbers of nulls.
        assert_eq!(
            out,
            [&[0x19, 0x21, 2, 1][..], &bounds, &[0x15, 2, 0x19, 0x26, 0, 6, 0]].concat()
        );
    }

    #[test]
    fn only_ascending_pages_are_called_so() {
        let is_ascending = |bounds: &[Option<(u64, u64)>]| {
            is_ascending(&pages(bounds).iter().map(Result::unwrap).collect::<Vec<_>>())
        };
        assert!(is_ascending(&[Some((1, 4)), None, Some((1, 4)), Some((2, u64::MAX))]));
        assert!(!is_ascending(&[Some((1, 4)), Some((2, 3))]));
        assert!(!is_ascending(&[Some((1, 4)), None, Some((0, 4))]));
    }
}
