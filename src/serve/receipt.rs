//! Receipts made of an archive: what clients read in a receipt before they ask for a proof.
//!
//! An archive has the L2→L1 logs of a transaction and their messages, and nothing else of it. Members that clients
//! have to find and the archive does not have are zero: `blockHash`, `blockNumber`, `from`, gas. Every such
//! receipt has the member `slproofSynthetic`.

use alloy_primitives::Bytes;
use alloy_sol_types::{SolEvent, SolValue};
use serde_json::{Value, json};

use crate::{
    archive::LogAt,
    contracts::abi::L1MessageSent,
    message::{L2ToL1Log, LogKind, MESSENGER},
    primitives::{Address, BatchNumber, Hash, hex},
};

/// A number as nodes write it.
pub(super) fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

/// The receipt of a transaction with these logs; there is at least one.
pub(super) fn receipt(transaction: Hash, logs: &[LogAt<'_>]) -> Value {
    let Some(first) = logs.first() else { return Value::Null };
    let batch = first.batch.batch();
    let log_of = |at: &LogAt<'_>| -> Option<&L2ToL1Log> {
        first.batch.logs().get(usize::try_from(at.index).ok()?)
    };
    let sent: Vec<(u64, &L2ToL1Log)> =
        logs.iter().filter_map(|at| Some((at.index, log_of(at)?))).collect();
    let number = sent.first().map_or(0, |(_, log)| log.tx_number());
    let place = Place { transaction, batch, number };

    let messages = messages(first, &sent);
    let events: Vec<Value> =
        (0..).zip(messages).map(|(at, (log, message))| place.event(at, log, message)).collect();
    let l2_to_l1: Vec<Value> =
        (0..).zip(&sent).map(|(at, (id, log))| place.log(at, *id, log)).collect();
    // zksync-js takes the receiver of the transaction for the sender of the message.
    let to = sent.iter().find_map(|(_, log)| log.message_sender());
    let to = to.or(sent.first().map(|(_, log)| log.sender()));
    let failed = sent.iter().any(|(_, log)| log.kind() == LogKind::Status && log.value().is_zero());
    let mut receipt = json!({
        "slproofSynthetic": true,
        "contractAddress": null,
        "cumulativeGasUsed": "0x0",
        "effectiveGasPrice": "0x0",
        "from": Address::default(),
        "gasUsed": "0x0",
        "l1BatchTxIndex": quantity(number.into()),
        "l2ToL1Logs": l2_to_l1,
        "logs": events,
        "logsBloom": hex::encode(&[0; 256]),
        "root": Hash::ZERO,
        "status": if failed { "0x0" } else { "0x1" },
        "to": to,
        "type": "0x0",
    });
    place.complete(&mut receipt);
    receipt
}

/// The logs of messages whose bytes are in the archive.
fn messages<'d>(at: &LogAt<'d>, sent: &[(u64, &'d L2ToL1Log)]) -> Vec<(&'d L2ToL1Log, &'d [u8])> {
    let mut wanted = sent.iter().map(|(id, _)| *id).peekable();
    let mut found = Vec::new();
    for (id, (log, message)) in (0..).zip(at.batch.with_messages()) {
        if wanted.next_if_eq(&id).is_some() {
            found.extend(message.map(|message| (log, message)));
        }
        if wanted.peek().is_none() {
            break;
        }
    }
    found
}

/// What all members of a receipt repeat.
struct Place {
    transaction: Hash,
    batch: BatchNumber,
    /// The number of the transaction in its batch; on ZKsync OS chains in its block.
    number: u16,
}

impl Place {
    /// Adds the members that a receipt, its events and its logs have in common.
    fn complete(&self, object: &mut Value) {
        object["blockHash"] = json!(Hash::ZERO);
        object["blockNumber"] = json!("0x0");
        object["l1BatchNumber"] = json!(quantity(self.batch.0));
        object["transactionHash"] = json!(self.transaction);
        object["transactionIndex"] = json!(quantity(self.number.into()));
    }

    /// The event of a message.
    fn event(&self, at: u64, log: &L2ToL1Log, message: &[u8]) -> Value {
        let hash = Hash::new(L1MessageSent::SIGNATURE_HASH.0);
        let mut event = json!({
            "address": MESSENGER,
            "data": hex::encode(&abi_bytes(message)),
            "logIndex": quantity(at),
            "removed": false,
            "topics": [hash, log.key().to_hash(), log.value()],
            "transactionLogIndex": quantity(at),
        });
        self.complete(&mut event);
        event
    }

    fn log(&self, at: u64, id: u64, log: &L2ToL1Log) -> Value {
        let mut object = json!({
            "isService": log.is_service(),
            "key": log.key().to_hash(),
            "logIndex": quantity(id),
            "sender": log.sender(),
            "shardId": quantity(log.shard_id().into()),
            "transactionLogIndex": quantity(at),
            "txIndexInL1Batch": quantity(log.tx_number().into()),
            "value": log.value(),
        });
        self.complete(&mut object);
        object
    }
}

/// `abi.encode(bytes)`.
fn abi_bytes(message: &[u8]) -> Vec<u8> {
    Bytes::copy_from_slice(message).abi_encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        message::{BOOTLOADER, BatchLogs},
        primitives::ChainId,
    };

    /// The log in which the bootloader says whether an L1→L2 transaction succeeded.
    fn status(transaction: u8, succeeded: bool) -> L2ToL1Log {
        let mut bytes = [0; L2ToL1Log::LEN];
        (bytes[1], bytes[55], bytes[87]) = (1, transaction, u8::from(succeeded));
        bytes[4..24].copy_from_slice(BOOTLOADER.as_bytes());
        L2ToL1Log::new(bytes)
    }

    #[test]
    fn a_receipt_has_the_events_of_its_own_messages_only() {
        let sender = Address::new([7; 20]);
        let logs: Vec<_> = [(0, &b"zero"[..]), (1, b"one"), (1, b"two")]
            .map(|(number, message)| L2ToL1Log::of_message(number, sender, message))
            .into();
        let messages = [&b"zero"[..], b"one", b"two"].into_iter().collect();
        let batch = BatchLogs::new(ChainId(1), BatchNumber(9), logs, messages, None).unwrap();
        let at = |index| LogAt { batch: batch.view(), index };
        let made = receipt(Hash::new([1; 32]), &[at(1), at(2)]);
        let data = |at: usize| made["logs"][at]["data"].as_str().unwrap().to_owned();
        // The offset of the bytes, their length, and the bytes, padded to words.
        assert_eq!(data(0), format!("0x{:064x}{:064x}{:0<64}", 32, 3, "6f6e65"));
        assert_eq!(data(1), format!("0x{:064x}{:064x}{:0<64}", 32, 3, "74776f"));
        assert_eq!(made["logs"].as_array().unwrap().len(), 2);
        assert_eq!(made["l2ToL1Logs"][1]["logIndex"], "0x2");
        assert_eq!((&made["l1BatchTxIndex"], &made["to"]), (&json!("0x1"), &json!(sender)));
        assert_eq!(made["logs"][0]["topics"][1], json!(sender.to_word().to_hash()));
    }

    #[test]
    fn a_transaction_whose_status_log_says_so_failed() {
        let logs = vec![status(1, true), status(2, false)];
        let batch =
            BatchLogs::new(ChainId(1), BatchNumber(9), logs, Default::default(), None).unwrap();
        for (index, expected) in [(0, "0x1"), (1, "0x0")] {
            let made = receipt(Hash::ZERO, &[LogAt { batch: batch.view(), index }]);
            assert_eq!(made["status"], expected);
            assert_eq!(made["logs"], json!([]));
        }
    }
}
