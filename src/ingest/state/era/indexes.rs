//! The set of enumeration indexes that occurred, as bits.

/// 2^18 indexes, 32 KiB.
const PAGE_BITS: u32 = 18;
const WORDS: usize = 1 << (PAGE_BITS - 6);
/// 2^31 indexes in total, a quarter of a gibibyte if every page is in use. The largest chain has a fraction
/// of them.
const PAGES: usize = 1 << (31 - PAGE_BITS);

/// A set of enumeration indexes. Memory is allocated only for pages in use.
///
/// One thread adds to it. Indexes come in any order, so several threads would mostly wait for each other's
/// cache lines.
pub(super) struct Indexes {
    pages: Vec<Option<Box<[u64; WORDS]>>>,
}

/// Why an index was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Zero,
    TooLarge,
    Twice,
}

impl Indexes {
    pub(super) fn new() -> Self {
        Self { pages: (0..PAGES).map(|_| None).collect() }
    }

    /// Adds indexes. An error has the place of the first one that is refused.
    pub(super) fn insert_all(&mut self, indexes: &[[u8; 8]]) -> Result<(), (usize, Refused)> {
        for (place, index) in indexes.iter().enumerate() {
            self.insert(u64::from_le_bytes(*index)).map_err(|refused| (place, refused))?;
        }
        Ok(())
    }

    /// Adds an index.
    #[inline]
    pub(super) fn insert(&mut self, index: u64) -> Result<(), Refused> {
        if index == 0 {
            return Err(Refused::Zero);
        }
        let page = usize::try_from(index >> PAGE_BITS).ok().and_then(|at| self.pages.get_mut(at));
        let page = page.ok_or(Refused::TooLarge)?;
        let page = page.get_or_insert_with(empty_page);
        let word = &mut page[(index >> 6) as usize & (WORDS - 1)];
        let bit = 1 << (index & 63);
        let is_new = *word & bit == 0;
        *word |= bit;
        if is_new { Ok(()) } else { Err(Refused::Twice) }
    }

    /// The highest index, the number of indexes, and the first one missing below the highest.
    pub(super) fn summary(&self) -> (u64, u64, Option<u64>) {
        let (mut last, mut count, mut gap) = (0, 0, None);
        for (at, page) in (0u64..).zip(&self.pages) {
            let Some(page) = page else {
                gap = gap.or(Some((at << PAGE_BITS).max(1)));
                continue;
            };
            for (word, bits) in (0u64..).zip(page.iter().copied()) {
                let first = at << PAGE_BITS | word << 6;
                count += u64::from(bits.count_ones());
                if bits != 0 {
                    last = first + 63 - u64::from(bits.leading_zeros());
                }
                // Index 0 is not used.
                let missing = !(bits | u64::from(first == 0));
                if missing != 0 {
                    gap = gap.or(Some(first + u64::from(missing.trailing_zeros())));
                }
            }
        }
        (last, count, gap.filter(|gap| *gap < last))
    }
}

#[cold]
fn empty_page() -> Box<[u64; WORDS]> {
    Box::new([0; WORDS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_repetitions_are_found() {
        let far = (1 << PAGE_BITS) * 3;
        for (given, summary) in [
            (vec![], (0, 0, None)),
            (vec![1], (1, 1, None)),
            (vec![3, 1, 2], (3, 3, None)),
            (vec![2], (2, 1, Some(1))),
            ((1..=64).collect(), (64, 64, None)),
            ((1..=200).filter(|i| *i != 64).collect(), (200, 199, Some(64))),
            ((1..=far).collect(), (far, far, None)),
            ((1..=9).chain([far]).collect(), (far, 10, Some(10))),
        ] {
            let mut indexes = Indexes::new();
            for index in given {
                assert_eq!(indexes.insert(index), Ok(()));
                assert_eq!(indexes.insert(index), Err(Refused::Twice));
            }
            assert_eq!(indexes.summary(), summary);
        }
        assert_eq!(Indexes::new().insert(0), Err(Refused::Zero));
        assert_eq!(Indexes::new().insert(1 << 31), Err(Refused::TooLarge));
        assert_eq!(Indexes::new().insert(u64::MAX), Err(Refused::TooLarge));
    }
}
