use bytemuck::{Pod, TransparentWrapper, Zeroable};

use crate::{
    keccak::keccak256,
    primitives::{Address, Hash, Word, hex_text::hex_text},
};

/// keccak256 of 88 zero bytes: the padding of the tree of a batch's logs.
pub const EMPTY_LOG_LEAF: Hash = Hash::new([
    0x72, 0xab, 0xee, 0x45, 0xb5, 0x9e, 0x34, 0x4a, 0xf8, 0xa6, 0xe5, 0x20, 0x24, 0x1c, 0x47, 0x44,
    0xaf, 0xf2, 0x6e, 0xd4, 0x11, 0xf4, 0xc4, 0xb0, 0x0f, 0x8a, 0xf0, 0x9a, 0xda, 0xda, 0x43, 0xba,
]);

/// L1Messenger, the sender of the logs of messages. It emits other logs too;
/// [`L2ToL1Log::is_message`] distinguishes them.
pub const MESSENGER: Address = Address::system(0x8008);

/// The bootloader, the sender of the logs of the statuses of L1→L2 transactions.
pub const BOOTLOADER: Address = Address::system(0x8001);

/// The kinds of L2→L1 logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// The log of a message ([`L2ToL1Log::is_message`]).
    Message,
    /// Whether an L1→L2 transaction succeeded: a service log of the bootloader, with the transaction's hash as
    /// key, and the value 1 or 0.
    Status,
    /// Any other log.
    Other,
}

/// An L2→L1 log in the 88-byte encoding that its leaf hashes.
///
/// ```
/// use slproof::{keccak::keccak256, message::L2ToL1Log, primitives::Address};
///
/// let sender = Address::system(0x800a);
/// let log = L2ToL1Log::of_message(3, sender, b"hello");
/// assert!(log.is_message());
/// assert_eq!((log.tx_number(), log.message_sender()), (3, Some(sender)));
/// assert_eq!(log.value(), keccak256(b"hello"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Pod, Zeroable, TransparentWrapper)]
#[repr(transparent)]
pub struct L2ToL1Log([u8; L2ToL1Log::LEN]);

impl L2ToL1Log {
    /// The length in bytes.
    pub const LEN: usize = 88;

    /// Wraps the bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The log that `sendToL1` emits for a message.
    #[must_use]
    pub fn of_message(tx_number_in_batch: u16, sender: Address, message: &[u8]) -> Self {
        Self::of_message_hash(tx_number_in_batch, sender, keccak256(message))
    }

    /// The log that `sendToL1` emits for a message with this keccak256.
    #[must_use]
    pub fn of_message_hash(tx_number_in_batch: u16, sender: Address, hash: Hash) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[1] = 1;
        bytes[2..4].copy_from_slice(&tx_number_in_batch.to_be_bytes());
        bytes[4..24].copy_from_slice(MESSENGER.as_bytes());
        bytes[24..56].copy_from_slice(sender.to_word().as_bytes());
        bytes[56..].copy_from_slice(hash.as_bytes());
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Whether it is padding, which the contracts refuse to prove: 88 zero bytes.
    #[cfg(feature = "archive")]
    pub(crate) fn is_padding(&self) -> bool {
        self.0 == [0; Self::LEN]
    }

    /// The shard. It is 0 in all logs so far.
    #[must_use]
    pub fn shard_id(&self) -> u8 {
        self.0[0]
    }

    /// Whether a system contract sent it.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.0[1] != 0
    }

    /// The transaction's number: in the batch on Era chains, in the block on ZKsync OS chains.
    #[must_use]
    pub fn tx_number(&self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }

    /// The same log with another transaction number.
    #[must_use]
    pub fn with_tx_number(mut self, number: u16) -> Self {
        self.0[2..4].copy_from_slice(&number.to_be_bytes());
        self
    }

    /// The contract that emitted it: [`MESSENGER`] for messages, the bootloader for statuses of L1→L2
    /// transactions.
    #[must_use]
    pub fn sender(&self) -> Address {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&self.0[4..24]);
        Address::new(bytes)
    }

    /// The key. For a message it is the sender of the message, left-padded.
    #[must_use]
    pub fn key(&self) -> Word {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&self.0[24..56]);
        Word::new(bytes)
    }

    /// The value. For a message it is keccak256(message).
    #[must_use]
    pub fn value(&self) -> Hash {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&self.0[56..]);
        Hash::new(bytes)
    }

    /// Whether this is the log of a message. It is when
    ///
    /// ```text
    /// shardId = 0,  isService = 1,  sender = 0x…8008,  key = 12 zero bytes ‖ address
    /// ```
    ///
    /// L1Messenger emits exactly these logs in `sendToL1`, with the hash of the message as value. The
    /// contracts compute exactly these logs from a message that is to be proven: `_L2MessageToLog` of
    /// era-contracts, in some releases `_l2MessageToLog`. All code of this crate that counts messages, or
    /// lists them in the order of their logs, uses this rule.
    #[must_use]
    pub fn is_message(&self) -> bool {
        let by_messenger = self.shard_id() == 0 && self.0[1] == 1 && self.sender() == MESSENGER;
        by_messenger && self.0[24..36] == [0; 12]
    }

    /// The kind of the log.
    #[must_use]
    pub fn kind(&self) -> LogKind {
        let is_service = self.shard_id() == 0 && self.0[1] == 1;
        if self.is_message() {
            LogKind::Message
        } else if is_service && self.sender() == BOOTLOADER {
            LogKind::Status
        } else {
            LogKind::Other
        }
    }

    /// The sender of the message; `None` when this is not the log of a message.
    #[must_use]
    pub fn message_sender(&self) -> Option<Address> {
        self.is_message().then(|| Address::from_word(self.key()))
    }
}

hex_text!(L2ToL1Log, L2ToL1Log::LEN, "a log: \"0x\" and 176 hexadecimal digits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_leaf_is_the_hash_of_zeros() {
        assert_eq!(EMPTY_LOG_LEAF, keccak256(&[0; L2ToL1Log::LEN]));
    }

    /// A message of a real chain, with the value of its log, as published in the chain's documentation.
    #[test]
    fn fields_are_where_the_contract_packs_them() {
        let sender = "0x36615cf349d7f6344891b1e7ca7c72883f5dc049".parse().unwrap();
        let log = L2ToL1Log::of_message(3, sender, &[0x12, 0x34]);
        assert_eq!((log.shard_id(), log.is_service(), log.tx_number()), (0, true, 3));
        assert_eq!((log.sender(), Address::from_word(log.key())), (MESSENGER, sender));
        assert!(log.value().to_string().starts_with("0x56570de2"));
        assert!(log.is_message());
        assert_eq!(log.message_sender(), Some(sender));
        for (byte, value) in [(0, 1), (1, 0), (1, 2), (23, 9), (24, 1), (35, 1)] {
            let mut other = *log.as_bytes();
            other[byte] = value;
            let other = L2ToL1Log::new(other);
            assert!(!other.is_message(), "byte {byte} is {value}");
            assert_eq!(other.message_sender(), None);
            assert_eq!(other.is_service(), (byte, value) != (1, 0));
        }
        assert_eq!(log.to_string().parse(), Ok(log));
    }

    /// The bootloader tells the status of an L1→L2 transaction in a service log of shard 0.
    #[test]
    fn kinds_are_told_by_shard_service_flag_and_sender() {
        let of = |shard: u8, service: u8, sender: Address| {
            let mut bytes = [0; L2ToL1Log::LEN];
            (bytes[0], bytes[1]) = (shard, service);
            bytes[4..24].copy_from_slice(sender.as_bytes());
            L2ToL1Log::new(bytes).kind()
        };
        let [status, other] = [LogKind::Status, LogKind::Other];
        assert_eq!([of(0, 1, BOOTLOADER), of(0, 1, MESSENGER)], [status, LogKind::Message]);
        assert_eq!([of(1, 1, BOOTLOADER), of(0, 0, BOOTLOADER)], [other; 2]);
        assert_eq!([of(0, 1, Address::system(7)), of(1, 0, MESSENGER)], [other; 2]);
    }

    #[cfg(feature = "archive")]
    #[test]
    fn padding_is_88_zero_bytes() {
        assert!(L2ToL1Log::new([0; 88]).is_padding());
        let mut bytes = [0; 88];
        bytes[87] = 1;
        assert!(!L2ToL1Log::new(bytes).is_padding());
    }

    #[test]
    fn the_text_of_a_log_is_its_bytes() {
        let log = L2ToL1Log::new([0xab; 88]);
        let text = format!("0x{}", "ab".repeat(88));
        assert_eq!((log.to_string(), format!("{log:?}")), (text.clone(), text.clone()));
        assert_eq!(serde_json::from_str::<L2ToL1Log>(&format!("{text:?}")).unwrap(), log);
        let error = serde_json::from_str::<L2ToL1Log>("7").unwrap_err().to_string();
        assert!(error.contains("expected a log: \"0x\" and 176 hexadecimal digits"), "{error}");
    }
}
