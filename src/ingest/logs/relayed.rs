//! The pubdata of chains on a settlement layer, inside that layer's own messages.
//!
//! ```text
//! message   abi.encode(uint8 version = 0, uint256 chainId, uint256 batchNumber, bytes pubdata)
//! ```
//!
//! Source: era-contracts `RelayedSLDAValidator.sol`, v26 to v31. This contract sends the message; its address
//! differs between layers.

use alloy_sol_types::{
    SolType,
    sol_data::{Bytes, Uint},
};

use super::{SourceError, batch_pubdata, era_part::MessagePart};
use crate::{
    message::{BatchLogs, BatchView, L2ToL1Log},
    primitives::{Address, BatchNumber, ChainId, Word},
};

/// The senders whose messages may hold the pubdata of other chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayedBy {
    /// Any sender: every message in the form of relayed pubdata is used. Anyone can send such a message.
    Anyone,
    /// A RelayedSLDAValidator.
    Sender(Address),
}

impl std::str::FromStr for RelayedBy {
    type Err = crate::primitives::hex::HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "any" { Ok(Self::Anyone) } else { text.parse().map(Self::Sender) }
    }
}

/// A batch in a message, or a message that should hold one.
pub(super) type Relayed = Result<BatchLogs, Unreadable>;

/// A message that should hold a batch.
pub(super) struct Unreadable {
    /// The batch that the message names.
    pub(super) of: Option<(ChainId, BatchNumber)>,
    pub(super) what: String,
    pub(super) error: SourceError,
}

impl RelayedBy {
    /// Finds the batches in the messages of a batch.
    pub(super) fn find(self, batch: BatchView<'_>, mut found: impl FnMut(Relayed)) {
        for (index, (log, message)) in batch.with_messages().enumerate() {
            let Some(message) = message else { continue };
            self.read(batch.key(), (index, log, message)).into_iter().for_each(&mut found);
        }
    }

    /// As [`RelayedBy::find`], in what is left of the messages of a batch. Pubdata begin with the logs, so a batch is also
    /// found in a message whose end is lost.
    pub(super) fn find_in_part(
        self,
        within: (ChainId, BatchNumber),
        messages: &[MessagePart],
        mut found: impl FnMut(Relayed),
    ) {
        for MessagePart { index, log, bytes, is_whole } in messages {
            match is_whole {
                true => self.read(within, (*index, log, bytes)).into_iter().for_each(&mut found),
                false if self.is_by(log) => {
                    let first = relayed_batch(bytes).zip(bytes.get(HEAD_LEN..));
                    let batch = first.and_then(|((chain, number), pubdata)| {
                        batch_pubdata::parse_start(chain, number, pubdata)
                    });
                    batch.into_iter().for_each(|batch| found(Ok(batch)));
                }
                false => {}
            }
        }
    }

    fn is_by(self, log: &L2ToL1Log) -> bool {
        match self {
            Self::Anyone => true,
            Self::Sender(sender) => log.key() == sender.to_word(),
        }
    }

    /// Reads the batch in a message of a batch of a chain. `None` if it holds none.
    fn read(
        self,
        (within, number): (ChainId, BatchNumber),
        (index, log, message): (usize, &L2ToL1Log, &[u8]),
    ) -> Option<Relayed> {
        if !self.is_by(log) {
            return None;
        }
        match (open(message), self) {
            (Some((chain, batch, bytes)), _) => {
                Some(batch_pubdata::parse(chain, batch, &bytes).map_err(|error| {
                    let what = format!(
                        "the pubdata of chain {chain}, batch {batch} in the message of log {index} of chain {within}, \
                         batch {number}"
                    );
                    Unreadable { of: Some((chain, batch)), what, error }
                }))
            }
            (None, Self::Sender(_)) => {
                let what =
                    format!("the message of log {index} of chain {within}, batch {number}");
                let reason = "is not relayed pubdata, although its sender relays pubdata";
                let error = SourceError::Bad { what: "the message".into(), reason: reason.into() };
                Some(Err(Unreadable { of: None, what, error }))
            }
            (None, Self::Anyone) => None,
        }
    }
}

/// The bytes of a message before the pubdata: version, chain, batch, offset and length.
const HEAD_LEN: usize = 5 * 32;

/// Version, chain, batch and pubdata.
type Message = (Uint<8>, Uint<256>, Uint<256>, Bytes);

/// The chain, batch and pubdata in a message with exactly this form.
fn open(message: &[u8]) -> Option<(ChainId, BatchNumber, alloy_primitives::Bytes)> {
    let relayed = Message::abi_decode_params(message).ok()?;
    // Several texts decode to the same values. The contract sends only the canonical one.
    if Message::abi_encode_params(&relayed) != message {
        return None;
    }
    let (0, chain, batch, pubdata) = relayed else { return None };
    Some((ChainId(chain.try_into().ok()?), BatchNumber(batch.try_into().ok()?), pubdata))
}

/// The chain and batch in the head of a message in this form. The pubdata behind it are not looked at.
pub(in crate::ingest) fn relayed_batch(message: &[u8]) -> Option<(ChainId, BatchNumber)> {
    let (words, _) = message.as_chunks::<32>();
    let [version, chain, batch, offset, _, ..] = words else { return None };
    let number = |word: &[u8; 32]| Word::new(*word).to_u64().ok();
    let is_relayed = (number(version)?, number(offset)?) == (0, 0x80);
    is_relayed.then_some((ChainId(number(chain)?), BatchNumber(number(batch)?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(words: [u64; 4], pubdata: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        for word in words.into_iter().chain([pubdata.len() as u64]) {
            message.extend(Word::from(word).as_bytes());
        }
        message.extend(pubdata);
        message.resize(message.len().next_multiple_of(32), 0);
        message
    }

    proptest! {
        #[test]
        fn only_the_exact_form_is_decoded(
            chain in any::<u64>(),
            batch in any::<u64>(),
            pubdata in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let message = encode([0, chain, batch, 0x80], &pubdata);
            let expected = Some((ChainId(chain), BatchNumber(batch), pubdata.clone().into()));
            prop_assert_eq!(open(&message), expected);
            prop_assert!(open(&encode([1, chain, batch, 0x80], &pubdata)).is_none());
            prop_assert!(open(&encode([0, chain, batch, 0xa0], &pubdata)).is_none());
            prop_assert!(open(&message[..message.len() - 1]).is_none());
            prop_assert!(open(&[&message[..], &[0; 32]].concat()).is_none());
        }

        #[test]
        fn random_messages_do_not_panic(message in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = open(&message);
        }
    }
}
