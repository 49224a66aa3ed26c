//! Decodes words into the parts of a proof. Strict: accepted words encode to the same words again.

use thiserror::Error;

use crate::primitives::{Hash, Word};
use crate::proof::{METADATA_VERSION, Proof, ProofEnd, SettlementHop};

/// Why words are not a valid proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No words at all.
    #[error("the proof has no words")]
    Empty,
    /// The metadata have an unknown version.
    #[error("word {at}: metadata version is {got}, expected 1")]
    Version {
        /// The index of the word.
        at: usize,
        /// The version there.
        got: u8,
    },
    /// A last-node flag that is neither 0 nor 1.
    #[error("word {at}: the last-node flag is {got}, not 0 or 1")]
    Flag {
        /// The index of the word.
        at: usize,
        /// The flag there.
        got: u8,
    },
    /// A word that should be metadata is not.
    #[error("word {at} should be metadata, with 28 zero bytes at the end")]
    NoMetadata {
        /// The index of the word.
        at: usize,
    },
    /// The last node has a batch path.
    #[error("word {at}: the last node cannot have a batch path, but this one has {len} siblings")]
    BatchPathOnLastNode {
        /// The index of the word.
        at: usize,
        /// The path's length.
        len: u8,
    },
    /// The settlement layer settles on another settlement layer.
    #[error("word {at}: a second settlement layer; the contracts allow one")]
    SecondHop {
        /// The index of the word.
        at: usize,
    },
    /// There are too few words.
    #[error("the proof has {got} words, but its metadata require at least {needed}")]
    TooShort {
        /// The number of words needed.
        needed: usize,
        /// The number of words found.
        got: usize,
    },
    /// There are too many words.
    #[error("the proof has {got} words, but its metadata describe {needed}")]
    TooLong {
        /// The number of words needed.
        needed: usize,
        /// The number of words found.
        got: usize,
    },
}

impl Proof {
    /// Decodes the words of a proof.
    ///
    /// # Errors
    /// [`DecodeError`] naming the word at fault.
    pub fn decode(words: &[Hash]) -> Result<Self, DecodeError> {
        let first = words.first().ok_or(DecodeError::Empty)?;
        if !is_metadata(first) {
            return Ok(Self { log_path: words.to_vec(), end: ProofEnd::Plain });
        }
        let mut rest = Words { words, at: 0 };
        let node = rest.metadata()?;
        let log_path = rest.take(node.path.into())?.to_vec();
        let end = if node.last {
            ProofEnd::BatchRoot
        } else {
            let l1_timestamp = match rest.have_timestamp(node.batch_path) {
                true => Some(rest.word()?),
                false => None,
            };
            ProofEnd::SettlementLayer(settlement_hop(&mut rest, l1_timestamp, node.batch_path)?)
        };
        if rest.at != words.len() {
            return Err(DecodeError::TooLong { needed: rest.at, got: words.len() });
        }
        Ok(Self { log_path, end })
    }
}

fn settlement_hop(
    rest: &mut Words<'_>,
    l1_timestamp: Option<Word>,
    batch_path: u8,
) -> Result<SettlementHop, DecodeError> {
    let batch_mask = rest.word()?;
    let batch_path = rest.take(batch_path.into())?.to_vec();
    let (sl_number, chain_mask) = rest.word()?.split();
    let sl_chain = rest.word()?;
    let at = rest.at;
    let node = rest.metadata()?;
    if !node.last {
        return Err(DecodeError::SecondHop { at });
    }
    let chain_path = rest.take(node.path.into())?.to_vec();
    Ok(SettlementHop {
        l1_timestamp,
        batch_mask,
        batch_path,
        sl_number,
        chain_mask,
        sl_chain,
        chain_path,
    })
}

struct Metadata {
    path: u8,
    batch_path: u8,
    last: bool,
}

struct Words<'a> {
    words: &'a [Hash],
    at: usize,
}

impl<'a> Words<'a> {
    /// Whether a timestamp precedes the batch mask: a number of 64 bits, and the second metadata one word later.
    /// Without a timestamp that place has the first sibling of the chain path, which is a hash; with one, the place
    /// before has a chain id, which is no metadata.
    fn have_timestamp(&self, batch_path: u8) -> bool {
        let first = self.words.get(self.at).map(|word| Word::from(*word).to_u64());
        let second = self.at + usize::from(batch_path) + 3;
        let has_metadata = |at: usize| {
            let word = self.words.get(at);
            word.is_some_and(|word| is_metadata(word) && word.as_bytes()[0] == METADATA_VERSION)
        };
        matches!(first, Some(Ok(1..))) && !has_metadata(second) && has_metadata(second + 1)
    }

    fn take(&mut self, len: usize) -> Result<&'a [Hash], DecodeError> {
        let end = self.at + len;
        let taken = self
            .words
            .get(self.at..end)
            .ok_or(DecodeError::TooShort { needed: end, got: self.words.len() })?;
        self.at = end;
        Ok(taken)
    }

    fn word(&mut self) -> Result<Word, DecodeError> {
        Ok(self.take(1)?[0].into())
    }

    fn metadata(&mut self) -> Result<Metadata, DecodeError> {
        let at = self.at;
        let word = self.take(1)?[0];
        if !is_metadata(&word) {
            return Err(DecodeError::NoMetadata { at });
        }
        let [version, path, batch_path, flag, ..] = *word.as_bytes();
        if version != METADATA_VERSION {
            return Err(DecodeError::Version { at, got: version });
        }
        let last = match flag {
            0 => false,
            1 => true,
            got => return Err(DecodeError::Flag { at, got }),
        };
        if last && batch_path != 0 {
            return Err(DecodeError::BatchPathOnLastNode { at, len: batch_path });
        }
        Ok(Metadata { path, batch_path, last })
    }
}

fn is_metadata(word: &Hash) -> bool {
    word.as_bytes()[4..].iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::Timestamp;

    fn metadata(path: u8, batch_path: u8, last: u8) -> Hash {
        let mut word = [0; 32];
        word[..4].copy_from_slice(&[1, path, batch_path, last]);
        Hash::new(word)
    }

    /// A proof through block 214 of chain 506, with paths of 2, 1 and 1 siblings and, since v33, a timestamp.
    fn words(l1_timestamp: Option<Word>, chain_sibling: Hash, sl_chain: Word) -> Vec<Hash> {
        let sibling = |seed: u8| Hash::new([seed; 32]);
        let mut words = vec![metadata(2, 1, 0), sibling(100), sibling(101)];
        words.extend(l1_timestamp.map(Word::to_hash));
        words.extend([Word::from(1).to_hash(), sibling(102)]);
        words.extend([Word::join(214, 1).to_hash(), sl_chain.to_hash()]);
        words.extend([metadata(1, 0, 1), chain_sibling]);
        words
    }

    #[test]
    fn a_timestamp_is_a_number_before_which_the_other_words_fit() {
        let (sibling, layer) = (Hash::new([103; 32]), Word::from(506));
        let decoded = |words: &[Hash]| -> Result<Option<Word>, DecodeError> {
            match Proof::decode(words)?.end {
                ProofEnd::SettlementLayer(hop) => {
                    assert_eq!((hop.sl_number, hop.chain_mask), (214, 1));
                    Ok(hop.l1_timestamp)
                }
                other => panic!("{other:?}"),
            }
        };
        let time = Timestamp(1_790_000_000).to_word();
        assert_eq!(decoded(&words(None, sibling, layer)), Ok(None));
        assert_eq!(decoded(&words(Some(time), sibling, layer)), Ok(Some(time)));
        assert_eq!(decoded(&words(Some(Word::from(1)), sibling, layer)), Ok(Some(Word::from(1))));
        // A sibling may look like metadata, and a chain id may be any number.
        assert_eq!(decoded(&words(None, metadata(1, 0, 1), layer)), Ok(None));
        let wide = Word::new([&[1][..], &[7; 31]].concat().try_into().unwrap());
        assert_eq!(decoded(&words(Some(time), sibling, wide)), Ok(Some(time)));
        let no_time = [Word::from(0), Word::join(0, 1 << 64)];
        for word in no_time {
            let error = DecodeError::NoMetadata { at: 7 };
            assert_eq!(decoded(&words(Some(word), sibling, layer)), Err(error), "{word}");
        }
    }
}
