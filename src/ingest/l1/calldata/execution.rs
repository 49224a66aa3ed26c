//! The data of an execution.
//!
//! ```text
//! u8 version ‖ abi.encode(StoredBatchInfo[], …)      version 0: 8 words, v26 to v28; 1: 9 words, v29 to v31
//! u8 2 ‖ abi.encode(struct { StoredBatchInfo[], … })  9 words, since v33
//! ```
//!
//! Since v31 there are seven lists and values. On a settlement layer of v31, three of them have all that the executed
//! batches sent; on L1 these are empty:
//!
//! ```text
//! …, L2Log[][] logs, bytes[][] messages, bytes32[] aggregated roots, address feePayer
//! L2Log     six words: u8 shard id, bool is service, u16 transaction number, sender, key, value
//! ```
//!
//! The other values are not needed. Sources: era-contracts `BatchDecoder.sol`, v26 to v31 and v33; `Messaging.sol`.

use super::{
    Action, Call, CalldataError, CalldataProblem, StoredBatchInfo, abi::Abi, call::is_execution,
    stored_batch::Layout,
};
use crate::{
    message::{L2ToL1Log, MessageList},
    primitives::Hash,
};

/// The head of the encoding since v31: six offsets and an address.
const HEAD_WORDS: u64 = 7;
/// The bytes of calldata up to the end of that head, as encoders write them.
const LONGEST_HEAD: usize = 512;
/// The words of an `L2Log`.
const LOG_WORDS: usize = 6;

const LOGS: &str = "the list of logs";
const MESSAGES: &str = "the list of messages";
const ROOTS: &str = "the list of aggregated roots";
const VERSION: &str = "the version of the execution";
/// The version in which one struct holds all values.
const STRUCT: u8 = 2;
const LIST: &str = "the list of executed batches";

/// The batches that a call executes.
pub(super) fn executed(call: &Call<'_>) -> Result<Vec<StoredBatchInfo>, CalldataError> {
    let layout = match call.data.byte(VERSION)? {
        0 => Layout::V26,
        1 | STRUCT => Layout::V29,
        version => return Err(call.data.bad(0, VERSION, CalldataProblem::Version(version))),
    };
    let mut arguments = call.data.after(1);
    if call.data.byte(VERSION)? == STRUCT {
        arguments = arguments.tail(0, "the struct of the execution")?;
    }
    let (count, mut elements) = arguments.array(0, LIST)?;
    let (mut batches, mut named) = (Vec::new(), call.batches.0);
    for _ in 0..count {
        let batch = StoredBatchInfo::read(elements, layout)?;
        if batch.batch != named {
            let problem = CalldataProblem::OtherBatch { found: batch.batch, named };
            return Err(elements.bad(0, "the number of the stored batch", problem));
        }
        batches.push(batch);
        named.0 = named.0.saturating_add(1);
        elements = elements.after(32 * layout.words());
    }
    match batches.last() {
        Some(last) if last.batch == call.batches.1 => Ok(batches),
        last => {
            let found = last.map_or(call.batches.0, |last| last.batch);
            let problem = CalldataProblem::OtherBatch { found, named: call.batches.1 };
            Err(arguments.bad(0, LIST, problem))
        }
    }
}

/// A batch that was executed on a settlement layer since v31, with everything that it sent.
#[derive(Clone, Debug)]
pub struct ExecutedBatch {
    /// What the settlement layer keeps of it.
    pub info: StoredBatchInfo,
    /// Its logs, in their order.
    pub logs: Vec<L2ToL1Log>,
    /// The messages of the logs of messages.
    pub messages: MessageList,
    /// The root of its own MessageRoot, the right half of the batch root.
    pub aggregated_root: Hash,
}

impl ExecutedBatch {
    /// The batches with their logs that a transaction with these calldata executes, also inside another call. None
    /// for other transactions, and for executions without logs.
    ///
    /// # Errors
    /// [`CalldataError`] if the calldata are those of an execution, and damaged.
    pub fn all_in(calldata: &[u8]) -> Result<Vec<Self>, CalldataError> {
        match Call::of(calldata) {
            Some((Action::Execute, call)) => with_logs(&call?),
            Some(_) => Ok(Vec::new()),
            None => {
                let calls = Call::nested(calldata).filter(|call| call.action == Action::Execute);
                Ok(calls.filter_map(|call| with_logs(&call).ok()).flatten().collect())
            }
        }
    }
}

/// Whether a text has the calldata of an execution with logs at the start of a quoted value, by the head of the
/// encoding alone: the list of logs is not empty. The calldata may be cut off.
pub(in crate::ingest) fn has_quoted_logs(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'"').any(|start| {
        let digits = start.strip_prefix(b"0x").unwrap_or(start);
        let digits = &digits[..digits.len().min(2 * LONGEST_HEAD) & !1];
        let Ok(calldata) = const_hex::decode(digits) else { return false };
        let data = Abi::new(&calldata, 4).tail(3, "the data of the batches");
        is_execution(&calldata) && data.is_ok_and(|data| carries_logs(data.after(32)))
    })
}

fn carries_logs(data: Abi<'_>) -> bool {
    let head = data.after(1);
    let offset = |index| head.number(index, LOGS).ok();
    data.byte(VERSION).is_ok_and(|version| version == 1)
        && offset(0) == Some(32 * HEAD_WORDS)
        && offset(3)
            .zip(offset(4))
            .is_some_and(|(logs, messages)| messages > logs.saturating_add(32))
}

fn with_logs(call: &Call<'_>) -> Result<Vec<ExecutedBatch>, CalldataError> {
    let batches = executed(call)?;
    let arguments = call.data.after(1);
    if call.data.byte(VERSION)? != 1 || arguments.number(0, LIST)? < 32 * HEAD_WORDS {
        return Ok(Vec::new());
    }
    let list = |index: usize, what: &'static str| {
        let (count, elements) = arguments.array(index, what)?;
        let problem = CalldataProblem::OtherCount { found: count, batches: batches.len() };
        match count == batches.len() as u64 {
            true => Ok(elements),
            false => Err(arguments.bad(index, what, problem)),
        }
    };
    if arguments.array(3, LOGS)?.0 == 0 {
        return Ok(Vec::new());
    }
    let (logs, messages, roots) = (list(3, LOGS)?, list(4, MESSAGES)?, list(5, ROOTS)?);
    // Offsets may lead to the same bytes again and again.
    let mut left = call.data.all().len() as u64;
    let mut take = |part: &Abi<'_>, index: usize, what: &'static str, bytes: Option<u64>| {
        let rest = bytes.and_then(|bytes| left.checked_sub(bytes));
        let repeated = || part.bad(index, what, CalldataProblem::Repeated);
        rest.map(|rest| left = rest).ok_or_else(repeated)
    };
    let mut found = Vec::with_capacity(batches.len());
    for (at, info) in batches.into_iter().enumerate() {
        let (count, list) = logs.array(at, LOGS)?;
        take(&logs, at, LOGS, count.checked_mul(32 * LOG_WORDS as u64))?;
        let of_batch = (0..count as usize).map(|index| log(list.after(32 * LOG_WORDS * index)));
        let of_batch: Vec<L2ToL1Log> = of_batch.collect::<Result<_, _>>()?;
        let (count, list) = messages.array(at, MESSAGES)?;
        take(&messages, at, MESSAGES, count.checked_mul(32))?;
        let mut sent = MessageList::default();
        for index in 0..count as usize {
            let bytes = list.bytes(index, "a message")?.all();
            take(&list, index, "a message", Some(bytes.len() as u64))?;
            sent.push(bytes);
        }
        let aggregated_root = roots.hash(at, ROOTS)?;
        found.push(ExecutedBatch { info, logs: of_batch, messages: sent, aggregated_root });
    }
    Ok(found)
}

/// Reads an `L2Log` at the start of a part.
fn log(part: Abi<'_>) -> Result<L2ToL1Log, CalldataError> {
    let mut bytes = [0; L2ToL1Log::LEN];
    bytes[0] = part.byte_number(0, "the shard of a log")?;
    bytes[1] = match part.byte_number(1, "the flag of a log")? {
        flag @ (0 | 1) => flag,
        flag => {
            let problem = CalldataProblem::TooLarge { word: u64::from(flag).into(), bits: 1 };
            return Err(part.bad(1, "the flag of a log", problem));
        }
    };
    let what = "the transaction number of a log";
    let number = part.number(2, what)?;
    let word = number.into();
    let number = u16::try_from(number)
        .map_err(|_| part.bad(2, what, CalldataProblem::TooLarge { word, bits: 16 }))?;
    bytes[2..4].copy_from_slice(&number.to_be_bytes());
    bytes[4..24].copy_from_slice(part.address(3, "the sender of a log")?.as_bytes());
    bytes[24..56].copy_from_slice(part.word(4, "the key of a log")?.as_bytes());
    bytes[56..].copy_from_slice(part.word(5, "the value of a log")?.as_bytes());
    Ok(L2ToL1Log::new(bytes))
}
