//! The rows of the section `lost`.

use crate::{forest::LostLeaves, primitives::SlBatch};

/// The bytes of a row.
const ROW: usize = 48;

/// Encodes a row.
pub(super) fn encode(LostLeaves { chain, leaves, missing, next }: &LostLeaves) -> Vec<u8> {
    let (first, last) = (missing.start().0, missing.end().0);
    [*chain, leaves.start, leaves.end, first, last, *next].map(u64::to_le_bytes).concat()
}

/// Decodes all rows. `None` if the last one is not whole.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<LostLeaves>> {
    let (rows, rest) = bytes.as_chunks::<ROW>();
    let rows = rows.iter().map(|row| {
        let (numbers, _) = row.as_chunks();
        let number = |at: usize| u64::from_le_bytes(numbers[at]);
        let missing = SlBatch(number(3))..=SlBatch(number(4));
        LostLeaves { chain: number(0), leaves: number(1)..number(2), missing, next: number(5) }
    });
    rest.is_empty().then(|| rows.collect())
}
