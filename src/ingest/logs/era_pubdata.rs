//! The pubdata of a batch of an Era chain, since v26:
//!
//! ```text
//! logs       u32 count ‖ 88 bytes each                   the leaves, in their order
//! messages   u32 count ‖ (u32 length ‖ bytes) each       in the order of the logs of messages
//! bytecodes  u32 count ‖ (u32 length ‖ bytes) each
//! state      u8 version = 1 ‖ u24 length of what follows the next byte ‖ u8 bytes of an index ‖ diffs
//! ```
//!
//! Numbers are big-endian. Zeros may follow: the rest of the last blob. Source: zksync-era `extend_from_pubdata_input`
//! and `compress_state_diffs`.

use super::{SourceError, bytes::Bytes, state_diffs::StateDiffs};
use crate::message::{L2ToL1Log, LOG_TREE_HEIGHT, MessageList};

/// The version of the compression of state diffs.
const DIFFS_VERSION: u64 = 1;

/// The logs and messages of a batch in pubdata.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PublishedLogs {
    pub(super) logs: Vec<L2ToL1Log>,
    pub(super) messages: MessageList,
}

impl PublishedLogs {
    /// Reads counted logs and counted messages, as both kinds of chains publish them, and appends them to
    /// those read before.
    pub(super) fn read(&mut self, bytes: &mut Bytes<'_>) -> Result<(), SourceError> {
        add_logs(bytes, &mut self.logs)?;
        let count = bytes.u32("the number of messages")?;
        for _ in 0..count {
            let len = bytes.u32("the length of a message")?;
            self.messages.push(bytes.take(len.into(), "a message")?);
        }
        Ok(())
    }
}

/// Reads counted logs.
pub(super) fn read_logs(bytes: &mut Bytes<'_>) -> Result<Vec<L2ToL1Log>, SourceError> {
    let mut logs = Vec::new();
    add_logs(bytes, &mut logs)?;
    Ok(logs)
}

/// Reads counted logs, and appends them to those of the blocks before.
fn add_logs(bytes: &mut Bytes<'_>, logs: &mut Vec<L2ToL1Log>) -> Result<(), SourceError> {
    let (at, count) = (bytes.offset(), bytes.u32("the number of logs")?);
    if logs.len() as u64 + u64::from(count) > 1 << LOG_TREE_HEIGHT {
        return Err(SourceError::Number {
            what: "the number of logs",
            offset: at,
            got: count.into(),
            reason: "a batch has at most 16384",
        });
    }
    for _ in 0..count {
        logs.push(L2ToL1Log::new(bytes.array("a log")?));
    }
    Ok(())
}

/// Reads the logs and messages in the pubdata of a batch. The state diffs are skipped by their length.
pub(super) fn parse(pubdata: &[u8]) -> Result<PublishedLogs, SourceError> {
    let mut bytes = Bytes::new(pubdata);
    let published = logs_and_bytecodes(&mut bytes)?;
    let diffs = DiffsHead::read(&mut bytes)?;
    bytes.take(diffs.len, "the state diffs")?;
    only_zeros(&bytes)?;
    Ok(published)
}

/// Reads the logs in the first bytes of the pubdata of a batch, and the messages if all are there. `None` if not all
/// logs are there, or it is no such pubdata.
pub(super) fn parse_start(pubdata: &[u8]) -> Option<(Vec<L2ToL1Log>, Option<MessageList>)> {
    let mut whole = PublishedLogs::default();
    if whole.read(&mut Bytes::new(pubdata)).is_ok() {
        return Some((whole.logs, Some(whole.messages)));
    }
    Some((read_logs(&mut Bytes::new(pubdata)).ok()?, None))
}

/// The pubdata of a batch of an Era chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EraPubdata {
    /// The logs of the batch: the leaves of its local tree, in their order.
    pub logs: Vec<L2ToL1Log>,
    /// Its messages, in the order of the logs of messages.
    pub messages: MessageList,
    /// The slots that it changed.
    pub diffs: StateDiffs,
}

impl EraPubdata {
    /// Reads the pubdata of a batch, with the zeros behind it in its last blob, and returns its length without them.
    ///
    /// # Errors
    /// [`SourceError`] with the offset, if a count or length exceeds the bytes, a number is not allowed, or anything
    /// but zeros follows.
    pub fn read(pubdata: &[u8]) -> Result<(Self, usize), SourceError> {
        let mut bytes = Bytes::new(pubdata);
        let PublishedLogs { logs, messages } = logs_and_bytecodes(&mut bytes)?;
        let DiffsHead { len, width, width_at } = DiffsHead::read(&mut bytes)?;
        let diffs = StateDiffs::read(&mut bytes, len, width, width_at)?;
        only_zeros(&bytes)?;
        Ok((Self { logs, messages, diffs }, pubdata.len() - bytes.rest().len()))
    }
}

fn logs_and_bytecodes(bytes: &mut Bytes<'_>) -> Result<PublishedLogs, SourceError> {
    let mut published = PublishedLogs::default();
    published.read(bytes)?;
    let count = bytes.u32("the number of bytecodes")?;
    for _ in 0..count {
        let len = bytes.u32("the length of a bytecode")?;
        bytes.take(len.into(), "a bytecode")?;
    }
    Ok(published)
}

/// The first bytes of the state diffs.
pub(super) struct DiffsHead {
    /// The bytes that follow.
    pub(super) len: u64,
    /// The bytes of an enumeration index.
    pub(super) width: u8,
    pub(super) width_at: u64,
}

impl DiffsHead {
    pub(super) fn read(bytes: &mut Bytes<'_>) -> Result<Self, SourceError> {
        let (at, version) = (bytes.offset(), bytes.u8("the version of the state diffs")?);
        if u64::from(version) != DIFFS_VERSION {
            return Err(SourceError::Number {
                what: "the version of the state diffs",
                offset: at,
                got: version.into(),
                reason: "known is 1",
            });
        }
        let [a, b, c] = bytes.array("the length of the state diffs")?;
        let len = u32::from_be_bytes([0, a, b, c]).into();
        let (width_at, width) = (bytes.offset(), bytes.u8("the width of an index")?);
        Ok(Self { len, width, width_at })
    }
}

/// What follows the pubdata is the rest of the last blob.
fn only_zeros(bytes: &Bytes<'_>) -> Result<(), SourceError> {
    let rest = bytes.rest();
    match rest.iter().any(|byte| *byte != 0) {
        true => Err(SourceError::Trailing { offset: bytes.offset(), len: rest.len() as u64 }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(items: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = (items.len() as u32).to_be_bytes().to_vec();
        for item in items {
            bytes.extend((item.len() as u32).to_be_bytes());
            bytes.extend(item);
        }
        bytes
    }

    fn encode(
        logs: &[L2ToL1Log],
        messages: &[Vec<u8>],
        codes: &[Vec<u8>],
        diffs: &[u8],
    ) -> Vec<u8> {
        let mut bytes = (logs.len() as u32).to_be_bytes().to_vec();
        logs.iter().for_each(|log| bytes.extend(log.as_bytes()));
        bytes.extend(counted(messages));
        bytes.extend(counted(codes));
        bytes.push(1);
        bytes.extend(&(diffs.len() as u32).to_be_bytes()[1..]);
        bytes.push(4);
        bytes.extend(diffs);
        bytes
    }

    /// The first bytes of the pubdata of a batch of a test network, from the documentation of zksync-era.
    #[test]
    fn a_published_example_is_read() {
        let text = "00000001000100030000000000000000000000000000000000008008000000000000000000000000\
                    36615cf349d7f6344891b1e7ca7c72883f5dc04956570de287d73cd1cb6092bb8fdee6173974955f\
                    def345ae579ee9f475ea743200000001000000021234000000000100000204\
                    0000";
        let pubdata = const_hex::decode(text.replace(' ', "")).unwrap();
        let published = parse(&pubdata).unwrap();
        assert_eq!(published.logs.len(), 1);
        let value = published.logs[0].value();
        assert_eq!(value, crate::keccak::keccak256(&[0x12, 0x34]));
        assert_eq!(published.messages, [[0x12, 0x34]].into_iter().collect());
    }

    proptest! {
        #[test]
        fn encoded_pubdata_is_read_back_and_no_byte_may_be_missing(
            logs in prop::collection::vec(prop::array::uniform32(any::<u8>()), 0..4),
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
            codes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..3),
            diffs in prop::collection::vec(any::<u8>(), 0..50),
            padding in 0usize..70,
        ) {
            let logs: Vec<L2ToL1Log> = logs
                .iter()
                .map(|seed| {
                    let mut bytes = [seed[0]; 88];
                    bytes[..32].copy_from_slice(seed);
                    L2ToL1Log::new(bytes)
                })
                .collect();
            let whole = encode(&logs, &messages, &codes, &diffs);
            let expected = PublishedLogs { logs, messages: messages.iter().collect() };
            let mut padded = whole.clone();
            padded.resize(whole.len() + padding, 0);
            prop_assert_eq!(&parse(&padded).unwrap(), &expected);
            for len in 0..whole.len() {
                prop_assert!(parse(&whole[..len]).is_err(), "{len} of {}", whole.len());
            }
            padded.push(7);
            let is_trailing = matches!(parse(&padded), Err(SourceError::Trailing { .. }));
            prop_assert!(is_trailing);
        }

        #[test]
        fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let _ = parse(&[&[0, 0, 0, 0][..], &bytes].concat());
        }
    }
}
