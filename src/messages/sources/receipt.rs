use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use serde_json::value::RawValue;

use super::{
    SourceError,
    bytes::Bytes,
    rpc_objects::{Event, Object, Quantity, Remains, RpcLog},
};
use crate::{
    keccak::keccak256,
    messages::{L2ToL1Log, MESSENGER},
    primitives::{Address, BatchNumber, Hash, Word, hex},
};

/// Answers in arrays in envelopes in arrays.
const DEEPEST: u32 = 4;
/// How much of a node's error is shown.
const SHOWN: usize = 200;

static MESSAGE_SENT: LazyLock<Hash> =
    LazyLock::new(|| keccak256(b"L1MessageSent(address,bytes32,bytes)"));

/// What stands in an answer.
pub(super) enum Answer {
    Receipt(Receipt),
    /// A message that an event carries, under its hash.
    Message(Hash, Vec<u8>),
    /// What cannot be used, and the block whose batch is incomplete without it.
    Fault {
        what: String,
        block: Option<u64>,
        batch: Option<BatchNumber>,
        error: SourceError,
    },
}

/// A receipt of a transaction.
pub(super) struct Receipt {
    pub(super) hash: Hash,
    pub(super) block: u64,
    pub(super) index: u64,
    pub(super) batch: Option<BatchNumber>,
    pub(super) logs: Vec<ReceiptLog>,
}

pub(super) struct ReceiptLog {
    pub(super) log: L2ToL1Log,
    /// Its place among the logs of the block, where the node counts so.
    pub(super) index_in_block: Option<u64>,
    pub(super) message: Option<Vec<u8>>,
}

/// Everything in one JSON value.
pub(super) fn answers(text: &[u8]) -> Vec<Answer> {
    let mut found = Vec::new();
    match std::str::from_utf8(text) {
        Ok(text) => value(text, 0, &mut found),
        Err(error) => found.push(fault(
            "no answer of a node",
            SourceError::Bad { what: "the text".into(), reason: error.to_string() },
        )),
    }
    found
}

fn fault(what: impl Into<String>, error: SourceError) -> Answer {
    Answer::Fault { what: what.into(), block: None, batch: None, error }
}

fn value(text: &str, depth: u32, found: &mut Vec<Answer>) {
    match text.as_bytes().first() {
        Some(b'{') => object(text, depth, found),
        Some(b'[') if depth < DEEPEST => match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(elements) => elements.iter().for_each(|raw| value(raw.get(), depth + 1, found)),
            Err(error) => found.push(fault("no answer of a node", error.into())),
        },
        Some(b'n') => found.push(fault("no receipt", SourceError::NullAnswer)),
        _ => {
            let reason = "is neither an object nor an array of objects";
            let error = SourceError::Bad { what: "the value".into(), reason: reason.into() };
            found.push(fault("no answer of a node", error));
        }
    }
}

fn object(text: &str, depth: u32, found: &mut Vec<Answer>) {
    let object: Object<'_> = match serde_json::from_str(text) {
        Ok(object) => object,
        Err(error) => {
            let remains: Remains<'_> = serde_json::from_str(text).unwrap_or_default();
            return found.push(Answer::Fault {
                what: "no receipt of a ZKsync node".into(),
                block: Remains::number(remains.block_number),
                batch: Remains::number(remains.l1_batch_number).map(BatchNumber),
                error: error.into(),
            });
        }
    };
    if let Some(error) = object.error {
        let text = error.get().chars().take(SHOWN).collect();
        found.push(fault("no receipt", SourceError::NodeError(text)));
    } else if let (Some(result), true) = (object.result, depth < DEEPEST) {
        value(result.get(), depth + 1, found);
    } else if object.jsonrpc.is_some() {
        found.push(fault("no receipt", SourceError::NullAnswer));
    } else if let (Some(topics), None) = (&object.topics, &object.cumulative_gas_used) {
        if object.removed == Some(true) {
            return;
        }
        match message(object.address, topics, object.data.as_deref()) {
            Ok(Some((hash, bytes))) => found.push(Answer::Message(hash, bytes)),
            Ok(None) => {}
            Err(error) => found.push(fault("an event of L1Messenger", error)),
        }
    } else {
        found.push(receipt(object));
    }
}

/// A receipt, or why it is none.
fn receipt(object: Object<'_>) -> Answer {
    let block = object.block_number.map(|number| number.0);
    let batch = object.l1_batch_number.map(|number| BatchNumber(number.0));
    let what = match (object.transaction_hash, block, batch) {
        (Some(hash), ..) => format!("the receipt of transaction {hash}"),
        (None, Some(block), _) => format!("a receipt of block {block}"),
        (None, None, Some(batch)) => format!("a receipt of batch {batch}"),
        (None, None, None) => "a receipt".into(),
    };
    match parts(object) {
        Ok(receipt) => Answer::Receipt(receipt),
        Err(error) => {
            let what = match (block, batch) {
                (_, Some(batch)) => format!("{what}, without which batch {batch} is left out"),
                (Some(block), None) => {
                    format!("{what}, without which the batch of block {block} is left out")
                }
                (None, None) => what,
            };
            Answer::Fault { what, block, batch, error }
        }
    }
}

fn parts(object: Object<'_>) -> Result<Receipt, SourceError> {
    let missing = |field| SourceError::Missing { what: "the receipt".into(), field };
    let hash = object.transaction_hash.ok_or_else(|| missing("transactionHash"))?;
    let block = object.block_number.ok_or_else(|| missing("blockNumber"))?.0;
    let index = object.transaction_index.ok_or_else(|| missing("transactionIndex"))?.0;
    let batch = object.l1_batch_number.map(|number| BatchNumber(number.0));
    let rpc_logs = object.l2_to_l1_logs.ok_or_else(|| missing("l2ToL1Logs"))?;
    let mut messages = HashMap::new();
    for Event { address, topics, data } in object.logs.iter().flatten() {
        messages.extend(message(*address, topics, data.as_deref())?);
    }
    let mut logs = Vec::with_capacity(rpc_logs.len());
    let mut previous = None;
    for (at, rpc) in (0..).zip(rpc_logs) {
        if let Some(Quantity(got)) = rpc.transaction_log_index {
            // Era counts these logs alone; whether others do is not said, but they count upwards.
            if (batch.is_some() && got != at) || previous.is_some_and(|previous| got <= previous) {
                return Err(SourceError::LogOrder { at, got });
            }
            previous = Some(got);
        }
        if let Some(other) = rpc.transaction_hash
            && other != hash
        {
            let reason = format!("is of another transaction, {other}");
            return Err(SourceError::Bad { what: format!("log {at}"), reason });
        }
        let number = rpc.tx_index_in_l1_batch.or(object.l1_batch_tx_index);
        let number = match (number, batch) {
            (Some(Quantity(number)), _) => number,
            // A node that names the batch counts in it, too.
            (None, Some(_)) => {
                let what = format!("log {at} of the receipt");
                return Err(SourceError::Missing { what, field: "txIndexInL1Batch" });
            }
            (None, None) => index,
        };
        let index_in_block = rpc.log_index.filter(|_| batch.is_some()).map(|index| index.0);
        let log = leaf(&rpc, at, number)?;
        let message = if log.is_message() { messages.get(&log.value()).cloned() } else { None };
        logs.push(ReceiptLog { log, index_in_block, message });
    }
    Ok(Receipt { hash, block, index, batch, logs })
}

/// The 88 bytes of a log, whose transaction has this number.
fn leaf(rpc: &RpcLog, at: u64, number: u64) -> Result<L2ToL1Log, SourceError> {
    let what = || format!("log {at} of the receipt");
    let missing = |field| SourceError::Missing { what: what(), field };
    let number = u16::try_from(number).map_err(|_| SourceError::Bad {
        what: what(),
        reason: format!("has a transaction with the number {number}, which does not fit 16 bits"),
    })?;
    let shard = rpc.shard_id.ok_or_else(|| missing("shardId"))?.0;
    let shard = u8::try_from(shard).map_err(|_| SourceError::Bad {
        what: what(),
        reason: format!("is of shard {shard}, which does not fit 8 bits"),
    })?;
    let mut bytes = [0; L2ToL1Log::LEN];
    bytes[0] = shard;
    bytes[1] = rpc.is_service.ok_or_else(|| missing("isService"))?.into();
    bytes[2..4].copy_from_slice(&number.to_be_bytes());
    bytes[4..24].copy_from_slice(rpc.sender.ok_or_else(|| missing("sender"))?.as_bytes());
    bytes[24..56].copy_from_slice(rpc.key.ok_or_else(|| missing("key"))?.as_bytes());
    bytes[56..].copy_from_slice(rpc.value.ok_or_else(|| missing("value"))?.as_bytes());
    Ok(L2ToL1Log::new(bytes))
}

/// The message that an event carries, with its hash; nothing when it is another event.
fn message(
    address: Option<Address>,
    topics: &[Cow<'_, str>],
    data: Option<&str>,
) -> Result<Option<(Hash, Vec<u8>)>, SourceError> {
    let [signature, _, hash, ..] = topics else { return Ok(None) };
    if address != Some(MESSENGER) || signature.parse() != Ok(*MESSAGE_SENT) {
        return Ok(None);
    }
    let bad = |reason: String| SourceError::Bad { what: "the event's data".into(), reason };
    let expected: Hash = hash.parse().map_err(|error: hex::HexError| SourceError::Bad {
        what: "the event's third topic".into(),
        reason: error.to_string(),
    })?;
    let data = data.ok_or(SourceError::Missing { what: "the event".into(), field: "data" })?;
    let data = hex::bytes(data).map_err(|error| bad(error.to_string()))?;
    let mut bytes = Bytes::new(&data);
    let number = |word: [u8; 32]| Word::new(word).to_u64().map_err(|error| bad(error.to_string()));
    if number(bytes.array("the offset of the message")?)? != 32 {
        return Err(bad("does not begin with the offset of the message, 32".into()));
    }
    let len = number(bytes.array("the length of the message")?)?;
    let message = bytes.take(len, "the message")?;
    let got = keccak256(message);
    if got != expected {
        return Err(SourceError::MessageHash { expected, got });
    }
    Ok(Some((expected, message.to_vec())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECEIPT: &str = r#"{"jsonrpc":"2.0","id":1,"result":[{"transactionHash":
        "0x0101010101010101010101010101010101010101010101010101010101010101","transactionIndex":"0x2",
        "blockNumber":"0x10","l1BatchNumber":"0x7","l1BatchTxIndex":9,"status":"0x1","logs":[{"address":
        "0x0000000000000000000000000000000000008008","topics":[
        "0x3a36e47291f4201faf137fab081d92295bce2d53be2c6ca68ba82c7faa9ce241",
        "0x00000000000000000000000036615cf349d7f6344891b1e7ca7c72883f5dc049",
        "0x56570de287d73cd1cb6092bb8fdee6173974955fdef345ae579ee9f475ea7432"],"data":
        "0x000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000021234000000000000000000000000000000000000000000000000000000000000"
        }],"l2ToL1Logs":[{"blockHash":null,"logIndex":"0x0","transactionLogIndex":"0x0",
        "txIndexInL1Batch":"0x9","shardId":"0x0","isService":true,"sender":
        "0x0000000000000000000000000000000000008008","key":
        "0x00000000000000000000000036615cf349d7f6344891b1e7ca7c72883f5dc049","value":
        "0x56570de287d73cd1cb6092bb8fdee6173974955fdef345ae579ee9f475ea7432"}]}]}"#;

    /// The message of a test network that the documentation of zksync-era publishes, with its hash; the
    /// event's signature is as explorers show it.
    #[test]
    fn a_receipt_gives_the_log_of_its_message() {
        let found = answers(RECEIPT.as_bytes());
        let [Answer::Receipt(receipt)] = &found[..] else { panic!("{}", found.len()) };
        assert_eq!((receipt.block, receipt.index), (16, 2));
        assert_eq!(receipt.batch, Some(BatchNumber(7)));
        let [log] = &receipt.logs[..] else { panic!("{}", receipt.logs.len()) };
        let sender = "0x36615cf349d7f6344891b1e7ca7c72883f5dc049".parse().unwrap();
        assert_eq!(log.log, L2ToL1Log::of_message(9, sender, &[0x12, 0x34]));
        assert_eq!(log.message.as_deref(), Some(&[0x12, 0x34][..]));
        assert_eq!(log.index_in_block, Some(0));
    }

    proptest! {
        #[test]
        fn no_answer_breaks_it(
            at in 0..RECEIPT.len(),
            byte in any::<u8>(),
            len in 0..RECEIPT.len(),
        ) {
            let mut text = RECEIPT.as_bytes().to_vec();
            text[at] = byte;
            let whole = answers(&text);
            prop_assert_eq!(whole.len(), 1);
            let _ = answers(&text[..len]);
            let _ = answers(&text[len..]);
        }
    }
}
