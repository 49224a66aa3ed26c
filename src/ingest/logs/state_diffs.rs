//! The compressed state diffs at the end of the pubdata of an Era batch:
//!
//! ```text
//! u16 initial writes ‖ (derived key 32 ‖ value) each ‖ (enumeration index ‖ value) until the end
//! value   u8 (length << 3 | operation) ‖ bytes, big-endian
//! ```
//!
//! | operation | bytes | the new value |
//! | --- | --- | --- |
//! | 0 | 32; the length in the first byte is 0 | the bytes |
//! | 1 | `length` | the previous value plus the bytes, modulo 2^256 |
//! | 2 | `length` | the previous value minus the bytes, modulo 2^256 |
//! | 3 | `length` | the bytes |
//!
//! The writer takes the shortest form; every form is read. A slot that is written for the first time was zero
//! before. Source: zksync-era `compress_state_diffs` and `compress_with_best_strategy`.

use alloy_primitives::U256;

use super::{SourceError, bytes::Bytes};
use crate::primitives::{Hash, Word};

/// The slots that a batch changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDiffs {
    /// The slots that were written for the first time, by their derived key
    /// ([`era_key`](crate::state::keys::era_key)), with their values. They get the next enumeration indexes, in
    /// this order.
    pub initial: Vec<(Hash, Word)>,
    /// The other slots, by their enumeration index, with what was done to their value.
    pub repeated: Vec<(u64, Change)>,
}

/// What a batch did to the value of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is this one now.
    Set(Word),
    /// This number was added, modulo 2^256.
    Add(Word),
    /// This number was subtracted, modulo 2^256.
    Subtract(Word),
}

impl Change {
    /// The new value. `None` if it depends on a previous value that is not known.
    #[must_use]
    pub fn value(self, previous: Option<Word>) -> Option<Word> {
        let number = |word: Word| U256::from_be_bytes(*word.as_bytes());
        let sum = match self {
            Self::Set(value) => return Some(value),
            Self::Add(by) => number(previous?).wrapping_add(number(by)),
            Self::Subtract(by) => number(previous?).wrapping_sub(number(by)),
        };
        Some(Word::new(sum.to_be_bytes()))
    }

    fn read(bytes: &mut Bytes<'_>) -> Result<Self, SourceError> {
        let (offset, head) = (bytes.offset(), bytes.u8("the form of a value")?);
        let bad = |reason| {
            let (what, got) = ("the form of a value", head.into());
            SourceError::Number { what, offset, got, reason }
        };
        let mut number = |len: u8| -> Result<Word, SourceError> {
            let mut word = [0; 32];
            word[32 - usize::from(len)..].copy_from_slice(bytes.take(len.into(), "a value")?);
            Ok(Word::new(word))
        };
        match (head & 7, head >> 3) {
            (0, 0) => number(32).map(Self::Set),
            (0, _) => Err(bad("a whole value has the form 0")),
            (1, len) => number(len).map(Self::Add),
            (2, len) => number(len).map(Self::Subtract),
            (3, len) => number(len).map(Self::Set),
            _ => Err(bad("the operations are 0 to 3")),
        }
    }
}

impl StateDiffs {
    /// Reads the diffs in the next `len` bytes. An enumeration index has `width` bytes.
    pub(super) fn read(
        bytes: &mut Bytes<'_>,
        len: u64,
        width: u8,
        width_at: u64,
    ) -> Result<Self, SourceError> {
        if !(1..=8).contains(&width) {
            return Err(SourceError::Number {
                what: "the width of an index",
                offset: width_at,
                got: width.into(),
                reason: "an enumeration index has 1 to 8 bytes",
            });
        }
        let mut bytes = bytes.part(len, "the state diffs")?;
        let mut diffs = Self::default();
        let count = u16::from_be_bytes(bytes.array("the number of initial writes")?);
        for _ in 0..count {
            let key = Hash::new(bytes.array("a derived key")?);
            let value = Change::read(&mut bytes)?.value(Some(Word::ZERO)).unwrap_or_default();
            diffs.initial.push((key, value));
        }
        while !bytes.rest().is_empty() {
            let mut index = [0; 8];
            let read = bytes.take(width.into(), "an enumeration index")?;
            index[8 - read.len()..].copy_from_slice(read);
            diffs.repeated.push((u64::from_be_bytes(index), Change::read(&mut bytes)?));
        }
        Ok(diffs)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(width: u8, diffs: &[u8]) -> Result<StateDiffs, SourceError> {
        StateDiffs::read(&mut Bytes::new(diffs), diffs.len() as u64, width, 0)
    }

    /// A value in a form that is not always the shortest.
    fn encode(change: Change, len: usize, out: &mut Vec<u8>) {
        let (operation, word) = match change {
            Change::Set(word) if len == 32 => {
                out.push(0);
                return out.extend(word.as_bytes());
            }
            Change::Add(word) => (1, word),
            Change::Subtract(word) => (2, word),
            Change::Set(word) => (3, word),
        };
        out.push((len as u8) << 3 | operation);
        out.extend(&word.as_bytes()[32 - len..]);
    }

    fn change() -> impl Strategy<Value = (Change, usize)> {
        (0..4u8, prop::array::uniform32(any::<u8>()), 0..32usize).prop_map(
            |(kind, mut word, len)| {
                let len = if kind == 0 { 32 } else { len };
                word[..32 - len].fill(0);
                let word = Word::new(word);
                let change = match kind {
                    1 => Change::Add(word),
                    2 => Change::Subtract(word),
                    _ => Change::Set(word),
                };
                (change, len)
            },
        )
    }

    proptest! {
        #[test]
        fn encoded_diffs_are_read_back_and_no_byte_may_be_missing(
            initial in prop::collection::vec((prop::array::uniform32(any::<u8>()), change()), 0..5),
            repeated in prop::collection::vec((any::<u64>(), change()), 0..5),
            width in 1..=8u8,
        ) {
            let mut bytes = (initial.len() as u16).to_be_bytes().to_vec();
            let mut expected = StateDiffs::default();
            let mut ends = vec![bytes.len()];
            for (key, (change, len)) in initial {
                bytes.extend(key);
                encode(change, len, &mut bytes);
                let value = change.value(Some(Word::ZERO)).unwrap();
                expected.initial.push((Hash::new(key), value));
                ends = vec![bytes.len()];
            }
            for (index, (change, len)) in repeated {
                let index = index >> (64 - 8 * u32::from(width));
                bytes.extend(&index.to_be_bytes()[8 - usize::from(width)..]);
                encode(change, len, &mut bytes);
                expected.repeated.push((index, change));
                ends.push(bytes.len());
            }
            prop_assert_eq!(&read(width, &bytes).unwrap(), &expected);
            for len in 0..bytes.len() {
                // The repeated writes are not counted.
                prop_assert_eq!(read(width, &bytes[..len]).is_err(), !ends.contains(&len));
            }
        }
    }

    #[test]
    fn changes_are_modulo_2_256() {
        let [one, most] = [Word::from(1), Word::new([0xff; 32])];
        assert_eq!(Change::Add(one).value(Some(most)), Some(Word::ZERO));
        assert_eq!(Change::Subtract(one).value(Some(Word::ZERO)), Some(most));
        assert_eq!(Change::Subtract(most).value(Some(one)), Some(Word::from(2)));
        for (change, expected) in
            [(Change::Add(one), None), (Change::Subtract(one), None), (Change::Set(one), Some(one))]
        {
            assert_eq!(change.value(None), expected);
        }
    }

    #[test]
    fn unknown_forms_are_refused_with_their_offset() {
        let value = |head: u8| [&[0, 1][..], &[9; 32], &[head], &[5; 32]].concat();
        assert!(read(4, &value(0)).is_ok());
        for head in [4, 5, 6, 7, 0xff, 0x08, 0xf8] {
            let error = read(4, &value(head)).unwrap_err();
            let is_named = matches!(
                error,
                SourceError::Number { offset: 34, got, .. } if got == u64::from(head)
            );
            assert!(is_named, "{head}: {error}");
        }
        for width in [0, 9, 255] {
            assert!(matches!(read(width, &value(0)), Err(SourceError::Number { .. })), "{width}");
        }
    }
}
