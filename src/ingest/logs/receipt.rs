use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{
    SourceError,
    message_event::message,
    needed_members::{needed, required},
    rpc_objects::{LogList, Object, PartialReceipt, RpcLog},
};
use crate::{
    ingest::json::each_element,
    message::L2ToL1Log,
    primitives::{BatchNumber, Hash},
};

/// The deepest nesting: answers in arrays in envelopes in arrays.
const DEEPEST: u32 = 4;
/// The characters of a node's error that are shown.
const SHOWN: usize = 200;

/// A part of an answer.
pub(super) enum Answer {
    Receipt(Receipt),
    /// A message in an event, with its hash.
    Message(Hash, Vec<u8>),
    Fault(Fault),
}

/// A part that cannot be used.
pub(super) struct Fault {
    pub(super) what: Cow<'static, str>,
    /// The block whose batch is incomplete without it.
    pub(super) block: Option<u64>,
    /// The batch that is incomplete without it.
    pub(super) batch: Option<BatchNumber>,
    pub(super) error: SourceError,
    /// The number of further parts missing in the same block or batch, or in no known one.
    pub(super) more: u64,
}

/// A receipt of a transaction.
pub(super) struct Receipt {
    pub(super) hash: Hash,
    pub(super) block: u64,
    pub(super) index: u64,
    pub(super) batch: Option<BatchNumber>,
    pub(super) logs: Vec<ReceiptLog>,
    /// Whether `l2ToL1Logs` is null instead of a list. There may be logs all the same.
    pub(super) is_null: bool,
}

pub(super) struct ReceiptLog {
    pub(super) log: L2ToL1Log,
    /// Its index among the logs of the block, if the node counts so.
    pub(super) index_in_block: Option<u64>,
    pub(super) message: Option<Vec<u8>>,
}

/// Passes every part of one JSON value to `take`, until `take` returns an error.
///
/// A short text can hold very many unusable parts. Consecutive ones that affect the same batch, or no known
/// batch, are merged into one fault.
pub(super) fn answers<E>(
    text: &[u8],
    take: &mut dyn FnMut(Answer) -> Result<(), E>,
) -> Result<(), E> {
    let mut reading = ReceiptReader { take, fault: None };
    match std::str::from_utf8(text) {
        Ok(text) => reading.whole(text)?,
        Err(error) => reading.nowhere("not an answer of a node", || SourceError::Bad {
            what: "the text".into(),
            reason: error.to_string(),
        })?,
    }
    reading.end()
}

struct ReceiptReader<'t, E> {
    take: &'t mut dyn FnMut(Answer) -> Result<(), E>,
    /// The last fault, until another part follows.
    fault: Option<Fault>,
}

impl<E> ReceiptReader<'_, E> {
    fn give(&mut self, answer: Answer) -> Result<(), E> {
        self.end()?;
        (self.take)(answer)
    }

    fn end(&mut self) -> Result<(), E> {
        self.fault.take().map_or(Ok(()), |fault| (self.take)(Answer::Fault(fault)))
    }

    fn fault(&mut self, fault: Fault) -> Result<(), E> {
        match &mut self.fault {
            // A log of another batch affects that batch, too.
            Some(last)
                if (last.block, last.batch) == (fault.block, fault.batch)
                    && !matches!(fault.error, SourceError::LogOfOtherBatch { .. }) =>
            {
                last.more += 1;
                Ok(())
            }
            _ => {
                self.end()?;
                self.fault = Some(fault);
                Ok(())
            }
        }
    }

    /// Adds a fault whose batch is unknown.
    fn nowhere(
        &mut self,
        what: &'static str,
        error: impl FnOnce() -> SourceError,
    ) -> Result<(), E> {
        match &mut self.fault {
            Some(Fault { block: None, batch: None, more, .. }) => {
                *more += 1;
                Ok(())
            }
            _ => {
                let (what, error) = (what.into(), error());
                self.fault(Fault { what, block: None, batch: None, error, more: 0 })
            }
        }
    }

    fn whole(&mut self, text: &str) -> Result<(), E> {
        // Parts of an outer array are passed on before its end is parsed. Inner arrays were parsed with it.
        if text.starts_with('[')
            && let Err(error) = serde_json::from_str::<IgnoredAny>(text)
        {
            return self.nowhere("not an answer of a node", || error.into());
        }
        self.value(text, 0)
    }

    fn value(&mut self, text: &str, depth: u32) -> Result<(), E> {
        match text.as_bytes().first() {
            Some(b'{') => self.object(text, depth),
            Some(b'[') if depth < DEEPEST => {
                match each_element(text, |raw: &RawValue| self.value(raw.get(), depth + 1)) {
                    Ok(taken) => taken,
                    Err(error) => self.nowhere("not an answer of a node", || error.into()),
                }
            }
            Some(b'n') => self.nowhere("not a receipt", || SourceError::NullAnswer),
            _ => self.nowhere("not an answer of a node", || SourceError::Bad {
                what: "the value".into(),
                reason: "is neither an object nor an array of objects".into(),
            }),
        }
    }

    fn object(&mut self, text: &str, depth: u32) -> Result<(), E> {
        let object: Object<'_> = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(error) => {
                let remains: PartialReceipt = serde_json::from_str(text).unwrap_or_default();
                return self.fault(Fault {
                    what: "not a receipt of a ZKsync node".into(),
                    block: remains.block_number.known().copied(),
                    batch: remains.l1_batch_number.known().copied().map(BatchNumber),
                    error: error.into(),
                    more: 0,
                });
            }
        };
        if let Some(error) = object.error {
            let text = || error.get().chars().take(SHOWN).collect();
            self.nowhere("not a receipt", || SourceError::NodeError(text()))
        } else if let (Some(result), true) = (object.result, depth < DEEPEST) {
            self.value(result.get(), depth + 1)
        } else if object.jsonrpc.is_some() {
            self.nowhere("not a receipt", || SourceError::NullAnswer)
        } else if let (Some(topics), None) = (&object.topics, &object.cumulative_gas_used) {
            if object.removed.known() == Some(&true) {
                return Ok(());
            }
            match message(&object.address, topics, object.data) {
                Ok(Some((hash, bytes))) => self.give(Answer::Message(hash, bytes)),
                Ok(None) => Ok(()),
                Err(error) => self.nowhere("an event of L1Messenger", || error),
            }
        } else {
            match receipt(object) {
                Ok(receipt) => self.give(Answer::Receipt(receipt)),
                Err(fault) => self.fault(fault),
            }
        }
    }
}

/// Parses a receipt, or returns why it is invalid.
fn receipt(mut object: Object<'_>) -> Result<Receipt, Fault> {
    object.transaction_hash = object.transaction_hash.or(std::mem::take(&mut object.hash));
    object.transaction_index = object.transaction_index.or(std::mem::take(&mut object.index));
    let hash = object.transaction_hash.known().copied();
    let block = object.block_number.known().copied();
    let batch = object.l1_batch_number.known().copied().map(BatchNumber);
    parts(object).map_err(|error| Fault::of_receipt(hash, block, batch, error))
}

impl Fault {
    /// A receipt cannot be used. Its parts are known as far as they can be read.
    pub(super) fn of_receipt(
        hash: Option<Hash>,
        block: Option<u64>,
        batch: Option<BatchNumber>,
        error: SourceError,
    ) -> Self {
        let what = match (hash, block, batch) {
            (Some(hash), ..) => format!("the receipt of transaction {hash}"),
            (None, Some(block), _) => format!("a receipt of block {block}"),
            (None, None, Some(batch)) => format!("a receipt of batch {batch}"),
            (None, None, None) => "a receipt".into(),
        };
        let what = match (block, batch) {
            (_, Some(batch)) => format!("{what}, without which batch {batch} is left out"),
            (Some(block), None) => {
                format!("{what}, without which the batch of block {block} is incomplete")
            }
            (None, None) => what,
        };
        Self { what: what.into(), block, batch, error, more: 0 }
    }
}

fn parts(object: Object<'_>) -> Result<Receipt, SourceError> {
    let of = || "the receipt".to_owned();
    let hash = required(&object.transaction_hash, "transactionHash", of)?;
    let block = required(&object.block_number, "blockNumber", of)?;
    let index = required(&object.transaction_index, "transactionIndex", of)?;
    let batch = needed(&object.l1_batch_number, "l1BatchNumber", of)?.map(BatchNumber);
    let (rpc_logs, is_null) = match object.l2_to_l1_logs {
        LogList::Logs(logs) => (logs, false),
        LogList::Null => (Vec::new(), true),
        LogList::Missing => {
            return Err(SourceError::Missing { what: of(), field: "l2ToL1Logs" });
        }
    };
    let messages = object.logs.map(|events| events.0).transpose()?.unwrap_or_default();
    let mut logs = Vec::with_capacity(rpc_logs.len());
    let mut previous = None;
    for (at, rpc) in (0..).zip(rpc_logs) {
        let of = || format!("log {at} of the receipt");
        if let Some(&got) = rpc.transaction_log_index.known() {
            // On Era chains the index counts these logs alone. On other chains it must at least increase.
            if (batch.is_some() && got != at) || previous.is_some_and(|previous| got <= previous) {
                return Err(SourceError::LogOrder { at, got });
            }
            previous = Some(got);
        }
        if let Some(&other) = rpc.transaction_hash.known()
            && other != hash
        {
            let reason = format!("is of another transaction, {other}");
            return Err(SourceError::Bad { what: format!("log {at}"), reason });
        }
        if let (Some(&stated), Some(batch)) = (rpc.l1_batch_number.known(), batch)
            && stated != batch.0
        {
            let stated = BatchNumber(stated);
            return Err(SourceError::LogOfOtherBatch { transaction: hash, at, batch, stated });
        }
        let number = needed(&rpc.tx_index_in_l1_batch, "txIndexInL1Batch", of)?
            .or(needed(&rpc.tx_number_in_block, "txNumberInBlock", of)?)
            .or(needed(&object.l1_batch_tx_index, "l1BatchTxIndex", of)?);
        let number = match (number, batch) {
            (Some(number), _) => number,
            // A node that names the batch must also give the number in it.
            (None, Some(_)) => {
                return Err(SourceError::Missing { what: of(), field: "txIndexInL1Batch" });
            }
            (None, None) => index,
        };
        let index_in_block = rpc.log_index.known().or(rpc.index.known()).copied();
        let index_in_block = index_in_block.filter(|_| batch.is_some());
        let log = leaf(&rpc, at, number)?;
        let message = if log.is_message() { messages.get(&log.value()).cloned() } else { None };
        logs.push(ReceiptLog { log, index_in_block, message });
    }
    Ok(Receipt { hash, block, index, batch, logs, is_null })
}

/// The 88 bytes of a log whose transaction has this number.
fn leaf(rpc: &RpcLog, at: u64, number: u64) -> Result<L2ToL1Log, SourceError> {
    let of = || format!("log {at} of the receipt");
    let number = u16::try_from(number).map_err(|_| SourceError::Bad {
        what: of(),
        reason: format!("has a transaction with the number {number}, which does not fit 16 bits"),
    })?;
    let shard = required(&rpc.shard_id, "shardId", of)?;
    let shard = u8::try_from(shard).map_err(|_| SourceError::Bad {
        what: of(),
        reason: format!("is of shard {shard}, which does not fit 8 bits"),
    })?;
    let mut bytes = [0; L2ToL1Log::LEN];
    bytes[0] = shard;
    bytes[1] = required(&rpc.is_service, "isService", of)?.into();
    bytes[2..4].copy_from_slice(&number.to_be_bytes());
    bytes[4..24].copy_from_slice(required(&rpc.sender, "sender", of)?.as_bytes());
    bytes[24..56].copy_from_slice(required(&rpc.key, "key", of)?.as_bytes());
    bytes[56..].copy_from_slice(required(&rpc.value, "value", of)?.as_bytes());
    Ok(L2ToL1Log::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8]) -> Vec<Answer> {
        let mut found = Vec::new();
        let Ok(()) = answers::<Infallible>(text, &mut |answer| {
            found.push(answer);
            Ok(())
        });
        found
    }

    /// The faults in a text that has nothing else: their blocks, and the number of further parts of each.
    fn faults(text: &str) -> Vec<(Option<u64>, u64, String)> {
        let fault = |answer| match answer {
            Answer::Fault(fault) => (fault.block, fault.more, fault.error.to_string()),
            _ => panic!("no fault"),
        };
        all(text.as_bytes()).into_iter().map(fault).collect()
    }

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

    /// The message of a test network in the documentation of zksync-era, with its hash. The event's signature
    /// is as explorers show it.
    #[test]
    fn a_receipt_gives_the_log_of_its_message() {
        let found = all(RECEIPT.as_bytes());
        let [Answer::Receipt(receipt)] = &found[..] else { panic!("{}", found.len()) };
        assert_eq!((receipt.block, receipt.index), (16, 2));
        assert_eq!(receipt.batch, Some(BatchNumber(7)));
        let [log] = &receipt.logs[..] else { panic!("{}", receipt.logs.len()) };
        let sender = "0x36615cf349d7f6344891b1e7ca7c72883f5dc049".parse().unwrap();
        assert_eq!(log.log, L2ToL1Log::of_message(9, sender, &[0x12, 0x34]));
        assert_eq!(log.message.as_deref(), Some(&[0x12, 0x34][..]));
        assert_eq!(log.index_in_block, Some(0));
    }

    #[test]
    fn consecutive_faults_with_the_same_effect_are_merged() {
        let blocks = |text| faults(text).into_iter().map(|(block, more, _)| (block, more));
        assert!(blocks("{\"result\":[1,2,null,[],{}]}").eq([(None, 3)]));
        let text =
            "[[{\"blockNumber\":7},{\"blockNumber\":\"0x7\",\"logs\":1},1,{\"blockNumber\":7}]]";
        assert!(blocks(text).eq([(Some(7), 1), (None, 0), (Some(7), 0)]));
        // The receipts between and after damaged parts are read.
        let text = format!("[1,1,{RECEIPT},1,1]");
        let [Answer::Fault(one), Answer::Receipt(_), Answer::Fault(two)] =
            &all(text.as_bytes())[..]
        else {
            panic!("not in their order")
        };
        assert_eq!((one.more, two.more), (1, 1));
    }

    #[test]
    fn an_array_that_ends_too_early_gives_nothing() {
        let text = format!("[{RECEIPT},");
        assert!(matches!(&all(text.as_bytes())[..], [Answer::Fault(_)]));
    }

    #[test]
    fn more_logs_than_a_batch_has_are_refused_before_they_are_read() {
        let text = |logs: usize| {
            let logs = vec!["{}"; logs].join(",");
            format!("{{\"blockNumber\":7,\"l2ToL1Logs\":[{logs}]}}")
        };
        let [(block, _, error)] = &faults(&text(16385))[..] else { panic!("one fault") };
        assert_eq!(*block, Some(7));
        assert!(error.contains("a receipt with more than 16384 logs in l2ToL1Logs"), "{error}");
        assert!(faults(&text(16384))[0].2.contains("transactionHash"));
        let topics = ["\"0x\""; 5].join(",");
        for text in [
            format!("{{\"topics\":[{topics}]}}"),
            format!("{{\"blockNumber\":7,\"logs\":[{{\"topics\":[{topics}]}}]}}"),
        ] {
            assert!(faults(&text)[0].2.contains("more than 4 topics"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn random_answers_do_not_panic(
            at in 0..RECEIPT.len(),
            byte in any::<u8>(),
            len in 0..RECEIPT.len(),
        ) {
            let mut text = RECEIPT.as_bytes().to_vec();
            text[at] = byte;
            let whole = all(&text);
            prop_assert_eq!(whole.len(), 1);
            let _ = all(&text[..len]);
            let _ = all(&text[len..]);
        }
    }
}
