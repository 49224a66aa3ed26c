//! Reads records in exactly the form that this program writes them, many times as fast as any other form.
//!
//! The words that the proofs of a batch have in common, two thirds of a record, are the same text in each of them.
//! They are compared with those of the record before, and decoded only if they differ.

use std::ops::Range;

use memchr::memchr;

use super::Defaults;
use crate::{
    message::L2ToL1Log,
    primitives::{Address, BatchNumber, ChainId, Hash, Timestamp},
    proof::{
        TargetKind, TargetRecord,
        proof_group::{Common, LogPart, ProofGroup},
        verify_many::metadata,
    },
};

/// Reads records into a group of proofs.
pub(crate) struct ExactReader<'t> {
    defaults: &'t Defaults,
    group: ProofGroup,
    /// The text of the last record from the end of its own words to its log.
    last: Option<&'t [u8]>,
}

impl<'t> ExactReader<'t> {
    /// Creates a reader of records that shall not contradict `defaults`, into an empty group.
    pub(crate) fn new(defaults: &'t Defaults, group: ProofGroup) -> Self {
        Self { defaults, group, last: None }
    }

    /// The proofs of the records that were read.
    pub(crate) fn into_group(self) -> ProofGroup {
        self.group
    }

    /// Reads a record, and compares the fields that repeat each other. Returns whether it has the exact form and
    /// does not contradict itself or the defaults. [`parse`](super::parse) says what is wrong with others. The hash of a
    /// message is compared by [`ProofGroup::folded`].
    pub(crate) fn read(&mut self, text: &'t [u8]) -> bool {
        let (words, messages) = (self.group.words().len(), self.group.messages().len());
        let is_read = self.record(text, words).is_some();
        if !is_read {
            self.group.words().truncate(words);
            self.group.messages().truncate(messages);
        }
        is_read
    }

    fn record(&mut self, text: &'t [u8], start: usize) -> Option<()> {
        let mut rest = Rest(text);
        rest.literal(b"{\"chainId\":")?;
        let chain = ChainId(rest.number()?);
        rest.literal(b",\"batchNumber\":")?;
        let batch = BatchNumber(rest.number()?);
        rest.literal(b",\"id\":")?;
        let index = rest.number()?;
        rest.literal(b",\"root\":")?;
        let root = Hash::new(rest.bytes()?);
        rest.literal(b",\"proof\":[")?;
        rest.own_words(self.group.words(), start)?;

        let tail = self.group.words().len();
        let is_same =
            |common: &Common| (common.chain, common.batch, common.root) == (chain, batch, root);
        let same = self.last.filter(|_| self.group.last().is_some_and(is_same));
        let new = match same.and_then(|same| rest.0.strip_prefix(same)) {
            Some(after) => {
                rest.0 = after;
                None
            }
            None => {
                let from = rest.0;
                while rest.literal(b",").is_some() {
                    self.group.words().push(Hash::new(rest.bytes()?));
                }
                rest.literal(b"],\"target\":")?;
                let target = Some(rest.target()?);
                rest.literal(b",\"log\":")?;
                let text = &from[..from.len() - rest.0.len()];
                Some((target, text))
            }
        };
        let log = L2ToL1Log::new(rest.bytes()?);
        let message = self.fields_of_log(&mut rest, &log)?;
        let l1_timestamp = rest.last_fields()?;
        let Defaults { chain: given_chain, batch: given_batch, log: given_log } = *self.defaults;
        let is_given = given_chain.is_none_or(|given| given == chain)
            && given_batch.is_none_or(|given| given == batch)
            && given_log.is_none_or(|given| given == log);
        if !is_given {
            return None;
        }
        let part = LogPart { index, log, message };
        match new {
            Some((target, text)) => {
                let common = Common { chain, batch, root, l1_timestamp, target };
                self.group.push(common, part, start, tail);
                self.last = Some(text);
            }
            None if self.group.last().is_none_or(|last| last.l1_timestamp != l1_timestamp) => {
                return None;
            }
            None => self.group.push_same(part, start),
        }
        Some(())
    }

    /// Reads the message and the fields that repeat parts of the log, which must agree with it. Returns the place of the
    /// message in those of the group.
    fn fields_of_log(
        &mut self,
        rest: &mut Rest<'t>,
        log: &L2ToL1Log,
    ) -> Option<Option<Range<usize>>> {
        let is_message = log.is_message();
        let message = match rest.literal(b",\"message\":") {
            Some(()) => Some(rest.bytes_of_any_length(self.group.messages())?),
            None => None,
        };
        rest.literal(b",\"sender\":")?;
        let sender = log.message_sender().unwrap_or_else(|| log.sender());
        (Address::new(rest.bytes()?) == sender).then_some(())?;
        rest.literal(b",\"txNumberInBatch\":")?;
        (rest.number()? == u64::from(log.tx_number())).then_some(())?;
        if rest.literal(b",\"messageHash\":").is_some() {
            (is_message && Hash::new(rest.bytes()?) == log.value()).then_some(())?;
        }
        Some(message)
    }
}

/// A JSON text without the white space beside brackets, commas and colons, so that a record that was printed over several
/// lines has the exact form too. `None` if there is other white space, or a string with escapes.
pub(crate) fn compacted(text: &[u8]) -> Option<Vec<u8>> {
    let (mut compact, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = memchr(b'"', rest) {
        let len = memchr(b'"', &rest[at + 1..])? + 2;
        let (before, after) = rest.split_at(at);
        let (string, after) = after.split_at(len);
        push_compacted(before, &mut compact)?;
        memchr(b'\\', string).is_none().then_some(())?;
        compact.extend_from_slice(string);
        rest = after;
    }
    push_compacted(rest, &mut compact)?;
    Some(compact)
}

/// Appends a part without strings.
fn push_compacted(mut text: &[u8], compact: &mut Vec<u8>) -> Option<()> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    while let Some(at) = text.iter().position(is_space) {
        compact.extend_from_slice(&text[..at]);
        let space = text[at..].iter().take_while(|byte| is_space(byte)).count();
        text = &text[at + space..];
        let is_beside = matches!(compact.last(), Some(b'{' | b'[' | b',' | b':'))
            || matches!(text.first(), Some(b'}' | b']'));
        is_beside.then_some(())?;
    }
    compact.extend_from_slice(text);
    Some(())
}

/// The part of a text that is not read yet.
struct Rest<'t>(&'t [u8]);

impl<'t> Rest<'t> {
    fn take(&mut self, len: usize) -> Option<&'t [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn literal(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// A number as this program writes it: decimal digits without leading zeros.
    fn number(&mut self) -> Option<u64> {
        let len = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = self.take(len)?;
        if len == 0 || (len > 1 && digits[0] == b'0') {
            return None;
        }
        digits.iter().try_fold(0_u64, |number, digit| {
            number.checked_mul(10)?.checked_add((digit - b'0').into())
        })
    }

    /// A text of `0x` and two digits for each byte.
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.literal(b"\"0x")?;
        let mut bytes = [0; N];
        const_hex::decode_to_slice(self.take(2 * N)?, &mut bytes).ok()?;
        self.literal(b"\"")?;
        Some(bytes)
    }

    /// Appends bytes to `all`, and returns their place.
    fn bytes_of_any_length(&mut self, all: &mut Vec<u8>) -> Option<Range<usize>> {
        self.literal(b"\"0x")?;
        let digits = self.take(memchr(b'"', self.0)?)?;
        digits.len().is_multiple_of(2).then_some(())?;
        let start = all.len();
        all.resize(start + digits.len() / 2, 0);
        const_hex::decode_to_slice(digits, &mut all[start..]).ok()?;
        self.literal(b"\"")?;
        Some(start..all.len())
    }

    /// The words of a proof up to the first one that its batch shares. The first word says how many there are.
    fn own_words(&mut self, words: &mut Vec<Hash>, start: usize) -> Option<()> {
        words.push(Hash::new(self.bytes()?));
        match metadata(&words[start..])? {
            Some(node) => {
                for _ in 0..node.path {
                    self.literal(b",")?;
                    words.push(Hash::new(self.bytes()?));
                }
            }
            None => {
                while self.literal(b",").is_some() {
                    words.push(Hash::new(self.bytes()?));
                }
            }
        }
        Some(())
    }

    /// The fields after those of the log, up to the end of the record. Returns the timestamp, if there is one.
    fn last_fields(&mut self) -> Option<Option<Timestamp>> {
        if self.literal(b",\"txHash\":").is_some() {
            self.bytes::<32>()?;
        }
        let l1_timestamp = match self.literal(b",\"l1Timestamp\":") {
            Some(()) => Some(Timestamp(self.number()?)),
            None => None,
        };
        self.literal(b",\"checkedBy\":\"")?;
        let words = self.take(memchr(b'"', self.0)?)?;
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
        words.iter().all(is_plain).then_some(())?;
        self.literal(b"\"}")?;
        self.0.is_empty().then_some(l1_timestamp)
    }

    fn target(&mut self) -> Option<TargetRecord> {
        self.literal(b"{\"kind\":\"")?;
        let kinds: [(&[u8], _); 3] = [
            (b"block", TargetKind::Block),
            (b"sl-batch", TargetKind::SlBatch),
            (b"batch-root", TargetKind::BatchRoot),
        ];
        let kind = kinds.into_iter().find_map(|(name, kind)| self.literal(name).map(|()| kind))?;
        self.literal(b"\"")?;
        let sl_chain_id = match self.literal(b",\"slChainId\":") {
            Some(()) => Some(ChainId(self.number()?)),
            None => None,
        };
        let number = match self.literal(b",\"number\":") {
            Some(()) => Some(self.number()?),
            None => None,
        };
        self.literal(b",\"root\":")?;
        let root = Hash::new(self.bytes()?);
        let timestamp = match self.literal(b",\"timestamp\":") {
            Some(()) => Some(Timestamp(self.number()?)),
            None => None,
        };
        self.literal(b"}")?;
        Some(TargetRecord { kind, sl_chain_id, number, root, timestamp })
    }
}

#[cfg(test)]
mod tests;
