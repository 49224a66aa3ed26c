//! Facts about the pages of a column, for the page index at the end of a file.
//!
//! A file of 100 million rows has some millions of pages, so the facts are kept packed until the file is complete, and in
//! checkpoints. All numbers are varints:
//!
//! ```text
//! page     length ‖ rows ‖ (nulls << 1 | has bounds) ‖ least ‖ most     the last two if it has bounds
//! ```

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::primitives::{
    hex,
    varint::{self, VarintError},
};

/// The facts about a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageFacts {
    /// The length of the page with its header, in bytes.
    pub(super) len: u64,
    pub(super) rows: u64,
    /// The number of rows without a value.
    pub(super) nulls: u64,
    /// The smallest and the largest number.
    pub(super) bounds: Option<(u64, u64)>,
}

/// The facts about the pages of a column, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PageList(Vec<u8>);

impl PageList {
    pub(super) fn push(&mut self, page: &PageFacts) {
        let flagged = page.nulls << 1 | u64::from(page.bounds.is_some());
        let bounds = page.bounds.map(|(least, most)| [least, most]);
        let numbers =
            [page.len, page.rows, flagged].into_iter().chain(bounds.into_iter().flatten());
        numbers.for_each(|number| varint::write(number, &mut self.0));
    }

    pub(super) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// The pages in order. An error ends the iteration; it occurs only for a list from a damaged checkpoint.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<PageFacts, VarintError>> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let page = read(&mut rest);
            if page.is_err() {
                rest = &[];
            }
            Some(page)
        })
    }
}

fn read(rest: &mut &[u8]) -> Result<PageFacts, VarintError> {
    let (len, rows, flagged) = (varint::read(rest)?, varint::read(rest)?, varint::read(rest)?);
    let bounds = match flagged & 1 {
        0 => None,
        _ => Some((varint::read(rest)?, varint::read(rest)?)),
    };
    Ok(PageFacts { len, rows, nulls: flagged >> 1, bounds })
}

impl Serialize for PageList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for PageList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::bytes(&text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_kept_with_and_without_bounds() {
        let pages = [
            PageFacts { len: 300, rows: 1024, nulls: 0, bounds: Some((1, u64::MAX)) },
            PageFacts { len: 1 << 31, rows: 7, nulls: 7, bounds: None },
            PageFacts { len: 40, rows: 9, nulls: 8, bounds: Some((0, 0)) },
        ];
        let (mut list, mut rest) = (PageList::default(), PageList::default());
        list.push(&pages[0]);
        pages[1..].iter().for_each(|page| rest.push(page));
        list.append(&rest);
        let kept = serde_json::to_string(&list).unwrap();
        let list: PageList = serde_json::from_str(&kept).unwrap();
        assert!(list.iter().map(Result::unwrap).eq(pages));

        list.0
            .split_last()
            .map(|(_, cut)| PageList(cut.to_vec()))
            .unwrap()
            .iter()
            .last()
            .unwrap()
            .unwrap_err();
        serde_json::from_str::<PageList>("\"0x0\"").unwrap_err();
    }
}
