//! Reads ABI-encoded values as the decoder of Solidity does: offsets may point anywhere in the data, numbers must
//! fit their types, and bytes after the values are ignored. Unlike `alloy-sol-types`, which encodes and decodes all other
//! calldata, it names the byte at fault, and does not copy the pubdata.

use super::{CalldataError, CalldataProblem};
use crate::primitives::{Address, Hash, Word};

/// The length of a word.
const WORD: usize = 32;

/// A part of calldata, with its place in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Abi<'c> {
    calldata: &'c [u8],
    start: usize,
    end: usize,
}

impl<'c> Abi<'c> {
    /// All bytes of the calldata from `start`.
    pub(super) fn new(calldata: &'c [u8], start: usize) -> Self {
        Self { calldata, start, end: calldata.len() }
    }

    /// The part without its first `len` bytes.
    pub(super) fn after(self, len: usize) -> Self {
        Self { start: self.end.min(self.start.saturating_add(len)), ..self }
    }

    /// The bytes of the part.
    pub(super) fn all(&self) -> &'c [u8] {
        self.calldata.get(self.start..self.end).unwrap_or_default()
    }

    /// An error about the word with this index.
    pub(super) fn bad(
        &self,
        index: usize,
        what: &'static str,
        problem: CalldataProblem,
    ) -> CalldataError {
        CalldataError { offset: self.start.saturating_add(index * WORD), what, problem }
    }

    /// The first byte.
    pub(super) fn byte(&self, what: &'static str) -> Result<u8, CalldataError> {
        self.all().first().copied().ok_or_else(|| self.cut(0, what))
    }

    pub(super) fn word(&self, index: usize, what: &'static str) -> Result<Word, CalldataError> {
        let rest = self.all().get(index * WORD..).and_then(<[u8]>::first_chunk);
        rest.map(|bytes| Word::new(*bytes)).ok_or_else(|| self.cut(index, what))
    }

    pub(super) fn hash(&self, index: usize, what: &'static str) -> Result<Hash, CalldataError> {
        self.word(index, what).map(Word::to_hash)
    }

    pub(super) fn number(&self, index: usize, what: &'static str) -> Result<u64, CalldataError> {
        let word = self.word(index, what)?;
        let problem = CalldataProblem::TooLarge { word, bits: 64 };
        word.to_u64().map_err(|_| self.bad(index, what, problem))
    }

    pub(super) fn byte_number(
        &self,
        index: usize,
        what: &'static str,
    ) -> Result<u8, CalldataError> {
        let word = self.word(index, what)?;
        let number = word.to_u64().ok().and_then(|number| u8::try_from(number).ok());
        let problem = CalldataProblem::TooLarge { word, bits: 8 };
        number.ok_or_else(|| self.bad(index, what, problem))
    }

    pub(super) fn address(
        &self,
        index: usize,
        what: &'static str,
    ) -> Result<Address, CalldataError> {
        let word = self.word(index, what)?;
        let address = Address::from_word(word);
        if address.to_word() == word {
            return Ok(address);
        }
        Err(self.bad(index, what, CalldataProblem::TooLarge { word, bits: 160 }))
    }

    /// The value to which the offset in a word leads. Offsets count from the start of this part.
    pub(super) fn tail(&self, index: usize, what: &'static str) -> Result<Self, CalldataError> {
        let offset = self.number(index, what)?;
        let start = usize::try_from(offset).ok().and_then(|offset| self.start.checked_add(offset));
        match start.filter(|start| *start <= self.end) {
            Some(start) => Ok(Self { start, ..*self }),
            None => Err(self.cut(index, what)),
        }
    }

    /// The bytes to which the offset in a word leads.
    pub(super) fn bytes(&self, index: usize, what: &'static str) -> Result<Self, CalldataError> {
        let tail = self.tail(index, what)?;
        let len = tail.number(0, what)?;
        let start = tail.start + WORD;
        let end = usize::try_from(len).ok().and_then(|len| start.checked_add(len));
        match end.filter(|end| *end <= self.end) {
            Some(end) => Ok(Self { start, end, ..*self }),
            None => Err(tail.cut(0, what)),
        }
    }

    /// The array to which the offset in a word leads: its length, and its elements.
    pub(super) fn array(
        &self,
        index: usize,
        what: &'static str,
    ) -> Result<(u64, Self), CalldataError> {
        let tail = self.tail(index, what)?;
        Ok((tail.number(0, what)?, tail.after(WORD)))
    }

    fn cut(&self, index: usize, what: &'static str) -> CalldataError {
        self.bad(index, what, CalldataProblem::Cut { len: self.calldata.len() })
    }
}
