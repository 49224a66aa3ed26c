use std::io::Write;

use super::Integers;
use crate::{
    primitives::{BatchNumber, ChainId, Hash},
    proof::{ProofView, TargetKind, TargetRecord},
};

/// Writes proofs as lines of JSON. The bytes are those that `serde_json` produces for a
/// [`ProofRecord`](crate::proof::ProofRecord) or an [`RpcAnswer`](crate::proof::RpcAnswer), but no such value
/// is created.
///
/// Two thirds of a line are the same for all logs of a batch. This text is kept from one proof to the next.
#[derive(Debug, Default)]
pub struct LineWriter {
    /// How the numbers of records are written. Answers of a node have numbers.
    integers: Integers,
    last: Option<Shared>,
}

/// The cached text, and the values that it was made from.
#[derive(Debug)]
struct Shared {
    batch: (ChainId, BatchNumber),
    root: Hash,
    tail: Vec<Hash>,
    target: TargetRecord,
    /// `{"chainId":…,"batchNumber":…,"id":`
    start: Vec<u8>,
    /// `,"root":"0x…","proof":[`
    middle: Vec<u8>,
    /// The words of the tail, each with a comma before it.
    words: Vec<u8>,
    /// `],"target":{…},"log":`
    end: Vec<u8>,
}

impl Shared {
    fn new(proof: &ProofView<'_>, integers: Integers) -> Self {
        let mut shared = Self {
            batch: (proof.chain, proof.batch),
            root: proof.root,
            tail: proof.tail.to_vec(),
            target: *proof.target,
            start: Vec::with_capacity(64),
            middle: Vec::with_capacity(96),
            words: Vec::with_capacity(proof.tail.len() * WORD_LEN),
            end: Vec::with_capacity(192),
        };
        let out = &mut shared.start;
        out.extend_from_slice(b"{\"chainId\":");
        integer(out, integers, proof.chain.0);
        out.extend_from_slice(b",\"batchNumber\":");
        integer(out, integers, proof.batch.0);
        out.extend_from_slice(b",\"id\":");
        let out = &mut shared.middle;
        out.extend_from_slice(b",\"root\":");
        hex(out, proof.root.as_bytes());
        out.extend_from_slice(b",\"proof\":[");
        for word in proof.tail {
            shared.words.push(b',');
            hex(&mut shared.words, word.as_bytes());
        }
        let out = &mut shared.end;
        out.extend_from_slice(b"],\"target\":{\"kind\":");
        out.extend_from_slice(match proof.target.kind {
            TargetKind::Block => b"\"block\"",
            TargetKind::SlBatch => b"\"sl-batch\"",
            TargetKind::BatchRoot => b"\"batch-root\"",
        });
        if let Some(chain) = proof.target.sl_chain_id {
            out.extend_from_slice(b",\"slChainId\":");
            integer(out, integers, chain.0);
        }
        if let Some(of) = proof.target.number {
            out.extend_from_slice(b",\"number\":");
            integer(out, integers, of);
        }
        out.extend_from_slice(b",\"root\":");
        hex(out, proof.target.root.as_bytes());
        if let Some(timestamp) = proof.target.timestamp {
            out.extend_from_slice(b",\"timestamp\":");
            integer(out, integers, timestamp.0);
        }
        out.extend_from_slice(b"},\"log\":");
        shared
    }

    fn is_of(&self, proof: &ProofView<'_>) -> bool {
        self.batch == (proof.chain, proof.batch)
            && self.root == proof.root
            && self.tail == proof.tail
            && self.target == *proof.target
    }
}

/// The length of a word's text: quotes, `0x`, 64 digits, and a comma.
const WORD_LEN: usize = 69;

impl LineWriter {
    /// Creates a writer whose records have integers of this kind.
    #[must_use]
    pub fn new(integers: Integers) -> Self {
        Self { integers, last: None }
    }

    fn shared(&mut self, proof: &ProofView<'_>) -> &Shared {
        match &mut self.last {
            Some(shared) if shared.is_of(proof) => {}
            last => *last = Some(Shared::new(proof, self.integers)),
        }
        self.last.as_ref().unwrap_or_else(|| unreachable!("just made"))
    }

    /// Appends a proof record without a newline.
    pub fn record(&mut self, proof: &ProofView<'_>, out: &mut Vec<u8>) {
        let integers = self.integers;
        let shared = self.shared(proof);
        out.extend_from_slice(&shared.start);
        integer(out, integers, proof.id);
        out.extend_from_slice(&shared.middle);
        words(proof.head, shared, out);
        out.extend_from_slice(&shared.end);
        hex(out, proof.log.as_bytes());
        if let Some(message) = proof.message {
            out.extend_from_slice(b",\"message\":");
            hex(out, message);
        }
        let log = proof.log;
        out.extend_from_slice(b",\"sender\":");
        hex(out, log.message_sender().unwrap_or_else(|| log.sender()).as_bytes());
        out.extend_from_slice(b",\"txNumberInBatch\":");
        integer(out, integers, log.tx_number().into());
        if log.is_message() {
            out.extend_from_slice(b",\"messageHash\":");
            hex(out, log.value().as_bytes());
        }
        if let Some(transaction) = proof.transaction {
            out.extend_from_slice(b",\"txHash\":");
            hex(out, transaction.as_bytes());
        }
        if let Some(timestamp) = proof.l1_timestamp {
            out.extend_from_slice(b",\"l1Timestamp\":");
            integer(out, integers, timestamp.0);
        }
        if let Some(evidence) = proof.checked_by {
            // Writing to memory cannot fail.
            let _ = write!(out, ",\"checkedBy\":\"{evidence}\"");
        }
        out.push(b'}');
    }

    /// Appends a proof with the fields of a node's answer, without a newline.
    pub fn rpc_answer(&mut self, proof: &ProofView<'_>, out: &mut Vec<u8>) {
        let shared = self.shared(proof);
        out.extend_from_slice(b"{\"proof\":[");
        words(proof.head, shared, out);
        out.extend_from_slice(b"],\"id\":");
        number(out, proof.id);
        out.extend_from_slice(b",\"root\":");
        hex(out, proof.root.as_bytes());
        out.extend_from_slice(b",\"batchNumber\":");
        number(out, proof.batch.0);
        out.extend_from_slice(b",\"gatewayBlockNumber\":");
        match proof.sl_block {
            Some(block) => number(out, block.0),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
}

/// Appends the words of a proof, separated by commas.
fn words(head: &[Hash], shared: &Shared, out: &mut Vec<u8>) {
    out.reserve((head.len() + shared.tail.len()) * WORD_LEN);
    for (i, word) in head.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        hex(out, word.as_bytes());
    }
    // The tail's text begins with a comma.
    let without = usize::from(head.is_empty() && !shared.words.is_empty());
    out.extend_from_slice(&shared.words[without..]);
}

/// Appends quoted lower-case hexadecimal digits with `0x`.
fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"\"0x");
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    // Cannot fail: the slice has exactly the length of the digits.
    let _ = const_hex::encode_to_slice(bytes, &mut out[start..]);
    out.push(b'"');
}

/// Appends a number of a record.
fn integer(out: &mut Vec<u8>, integers: Integers, value: u64) {
    match integers {
        Integers::Number => number(out, value),
        Integers::String => {
            out.push(b'"');
            number(out, value);
            out.push(b'"');
        }
    }
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        message::L2ToL1Log,
        primitives::{Address, SlBlock, Timestamp},
        proof::{CheckedBy, ProofRecord},
    };

    fn hash() -> impl Strategy<Value = Hash> {
        any::<[u8; 32]>().prop_map(Hash::new)
    }

    fn target() -> impl Strategy<Value = TargetRecord> {
        let kind = prop_oneof![
            Just(TargetKind::Block),
            Just(TargetKind::SlBatch),
            Just(TargetKind::BatchRoot)
        ];
        let numbers = any::<[Option<u64>; 3]>();
        (kind, numbers, hash()).prop_map(|(kind, [chain, number, timestamp], root)| TargetRecord {
            kind,
            sl_chain_id: chain.map(ChainId),
            number,
            root,
            timestamp: timestamp.map(Timestamp),
        })
    }

    proptest! {
        #[test]
        fn lines_are_those_of_serde(
            // Few values of each, so that equal values sometimes follow each other.
            places in prop::collection::vec((0..2u64, 0..2usize, 0..2usize), 1..12),
            numbers in (any::<u64>(), any::<u64>(), any::<u64>()),
            heads in prop::collection::vec(hash(), 0..20),
            tails in prop::array::uniform2(prop::collection::vec(hash(), 0..30)),
            targets in prop::array::uniform2(target()),
            root in hash(),
            log in prop::array::uniform32(any::<u8>()),
            message in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
            is_message: bool,
            sl_block: Option<u64>,
            transaction in prop::option::of(hash()),
            l1_timestamp: Option<u64>,
        ) {
            let mut bytes = [7; L2ToL1Log::LEN];
            bytes[..32].copy_from_slice(&log);
            let log = match is_message {
                true => L2ToL1Log::of_message(7, Address::system(9), b"x"),
                false => L2ToL1Log::new(bytes),
            };
            let mut writer = LineWriter::default();
            let mut with_strings = LineWriter::new(Integers::String);
            for (number, tail, target) in places {
                let proof = ProofView {
                    chain: ChainId(numbers.0 ^ number),
                    batch: BatchNumber(numbers.1),
                    id: numbers.2,
                    root,
                    head: &heads,
                    tail: &tails[tail],
                    target: &targets[target],
                    sl_block: sl_block.map(SlBlock),
                    l1_timestamp: l1_timestamp.map(Timestamp),
                    log: &log,
                    message: message.as_deref(),
                    transaction: transaction.as_ref(),
                    checked_by: Some(CheckedBy::STATE.and(CheckedBy::EVENTS)),
                };
                let mut line = Vec::new();
                writer.record(&proof, &mut line);
                let record = proof.to_record();
                prop_assert_eq!(&line, &serde_json::to_vec(&record).unwrap());
                line.clear();
                with_strings.record(&proof, &mut line);
                let mut expected = Vec::new();
                Integers::String.compact(&record, &mut expected);
                prop_assert_eq!(&line, &expected);
                prop_assert_eq!(serde_json::from_slice::<ProofRecord>(&line).unwrap(), record);
                line.clear();
                writer.rpc_answer(&proof, &mut line);
                prop_assert_eq!(&line, &serde_json::to_vec(&proof.to_rpc_answer()).unwrap());
            }
        }
    }
}
