//! Writers of the sources that `index` reads: receipts, pubdata and tables, by their documentation.

use serde_json::{Value, json};
use slproof::keccak::keccak256;

use super::vectors::{Batch, hex, is_message, tx_number, unhex};

fn word(number: u64) -> String {
    format!("0x{number:064x}")
}

/// The event `L1MessageSent(address indexed, bytes32 indexed, bytes)`.
pub fn event(log: &[u8], message: &[u8]) -> Value {
    let mut data = [0; 64];
    data[31] = 32;
    data[56..].copy_from_slice(&(message.len() as u64).to_be_bytes());
    let mut data = data.to_vec();
    data.extend(message);
    data.resize(data.len().next_multiple_of(32), 0);
    json!({
        "address": "0x0000000000000000000000000000000000008008",
        "topics": [
            keccak256(b"L1MessageSent(address,bytes32,bytes)"),
            hex(&log[24..56]),
            keccak256(message),
        ],
        "data": hex(&data),
        "logIndex": "0x0",
        "removed": false,
    })
}

/// The events of L1Messenger for a log: `L2ToL1LogSent((uint8,bool,uint16,address,bytes32,bytes32))`, and for the
/// log of a message the one of the next message.
pub fn messenger_events<'m>(
    log: &[u8],
    messages: &mut impl Iterator<Item = &'m Vec<u8>>,
) -> Vec<Value> {
    let mut data = Vec::new();
    for field in [&log[..1], &log[1..2], &log[2..4], &log[4..24], &log[24..56], &log[56..88]] {
        data.resize(data.len() + 32 - field.len(), 0);
        data.extend(field);
    }
    let signature = b"L2ToL1LogSent((uint8,bool,uint16,address,bytes32,bytes32))";
    let mut events = vec![json!({
        "address": "0x0000000000000000000000000000000000008008",
        "topics": [keccak256(signature)],
        "data": hex(&data),
        "logIndex": "0x0",
        "removed": false,
    })];
    if is_message(log) {
        events.push(event(log, messages.next().unwrap()));
    }
    events
}

/// The kind of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Node {
    Era,
    ZksyncOs,
}

/// The receipts of a batch, block by block, and its first and last block. Each batch also has a receipt
/// without logs, because most transactions emit none.
pub struct Receipts {
    pub blocks: Vec<Vec<Value>>,
    pub first: u64,
    pub last: u64,
}

/// The receipts of batches of an Era chain. One block number is skipped between every two batches.
pub fn receipts_apart(batches: &[Batch]) -> Vec<Vec<Value>> {
    let mut first = 10;
    let receipts = batches.iter().map(|batch| {
        let receipts = receipts(Node::Era, batch, first, true);
        first = receipts.last + 2;
        receipts.blocks.concat()
    });
    receipts.collect()
}

/// Writes the receipts of a batch whose first block is `first`. Without `with_messages`, the events are left
/// out.
pub fn receipts(node: Node, batch: &Batch, first: u64, with_messages: bool) -> Receipts {
    // Consecutive logs with the same transaction number are of one transaction.
    let mut transactions: Vec<Vec<usize>> = Vec::new();
    for (at, log) in batch.logs.iter().enumerate() {
        match transactions.last_mut() {
            Some(last) if tx_number(&batch.logs[last[0]]) == tx_number(log) => last.push(at),
            _ => transactions.push(vec![at]),
        }
    }
    let mut messages = batch.messages.iter();
    let mut blocks: Vec<Vec<Value>> = vec![Vec::new()];
    let (mut index_in_block, mut log_index, mut last_number) = (0, 0, None);
    for (count, logs) in transactions.iter().enumerate() {
        let number = tx_number(&batch.logs[logs[0]]);
        let next_block = match node {
            Node::Era => index_in_block == 40,
            // Transaction numbers start at 0 in each block.
            Node::ZksyncOs => last_number.is_some_and(|last| number <= last),
        };
        if next_block {
            blocks.push(Vec::new());
            (index_in_block, log_index) = (0, 0);
        }
        last_number = Some(number);
        let block = first + blocks.len() as u64 - 1;
        let index = if node == Node::Era { index_in_block } else { number };
        let hash = transaction_hash(batch, count);
        let mut events = Vec::new();
        let mut rpc_logs = Vec::new();
        for (place, at) in logs.iter().enumerate() {
            let log = &batch.logs[*at];
            if is_message(log) {
                let message = messages.next().unwrap();
                if with_messages {
                    events.push(event(log, message));
                }
            }
            let mut rpc = json!({
                "blockHash": null,
                "blockNumber": format!("{block:#x}"),
                "logIndex": format!("{log_index:#x}"),
                "transactionIndex": format!("{index:#x}"),
                "transactionHash": hash,
                "transactionLogIndex": format!("{place:#x}"),
                "shardId": format!("{:#x}", log[0]),
                "isService": log[1] == 1,
                "sender": hex(&log[4..24]),
                "key": hex(&log[24..56]),
                "value": hex(&log[56..88]),
            });
            if node == Node::Era {
                rpc["txIndexInL1Batch"] = json!(format!("{number:#x}"));
                rpc["l1BatchNumber"] = json!(format!("{:#x}", batch.number));
            }
            log_index += 1;
            rpc_logs.push(rpc);
        }
        let receipt = receipt(node, batch, block, index, number, hash, events, rpc_logs);
        blocks.last_mut().unwrap().push(receipt);
        index_in_block += 1;
    }
    let last = first + blocks.len() as u64 - 1;
    let index = 70_000 + index_in_block;
    let hash = transaction_hash(batch, usize::MAX);
    let idle = receipt(node, batch, last, index, index, hash, Vec::new(), Vec::new());
    blocks.last_mut().unwrap().push(idle);
    Receipts { blocks, first, last }
}

#[allow(clippy::too_many_arguments)]
fn receipt(
    node: Node,
    batch: &Batch,
    block: u64,
    index: u64,
    number: u64,
    hash: String,
    events: Vec<Value>,
    rpc_logs: Vec<Value>,
) -> Value {
    let mut receipt = json!({
        "blockHash": word(block),
        "blockNumber": format!("{block:#x}"),
        "contractAddress": null,
        "cumulativeGasUsed": "0x0",
        "effectiveGasPrice": "0x5f5e100",
        "from": "0x36615cf349d7f6344891b1e7ca7c72883f5dc049",
        "logs": events,
        "l2ToL1Logs": rpc_logs,
        "logsBloom": "0x00",
        "status": "0x1",
        "transactionHash": hash,
        "transactionIndex": format!("{index:#x}"),
        "type": "0x71",
    });
    if node == Node::Era {
        receipt["l1BatchNumber"] = json!(format!("{:#x}", batch.number));
        receipt["l1BatchTxIndex"] = json!(format!("{number:#x}"));
    }
    receipt
}

pub fn transaction_hash(batch: &Batch, count: usize) -> String {
    keccak256(format!("{} {} {count}", batch.chain, batch.number).as_bytes()).to_string()
}

fn counted(items: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = (items.len() as u32).to_be_bytes().to_vec();
    for item in items {
        bytes.extend((item.len() as u32).to_be_bytes());
        bytes.extend(item);
    }
    bytes
}

/// The pubdata of a batch of an Era chain, with a bytecode and some state.
pub fn era_pubdata(batch: &Batch) -> Vec<u8> {
    let mut bytes = (batch.logs.len() as u32).to_be_bytes().to_vec();
    batch.logs.iter().for_each(|log| bytes.extend(log));
    bytes.extend(counted(&batch.messages));
    bytes.extend(counted(&[vec![0xfe; 96]]));
    // One initial write, with its key, and one repeated write, with its enumeration index of four bytes.
    let mut diffs = vec![0, 1];
    diffs.extend([0x11; 32]);
    diffs.extend([(2 << 3) | 1, 1, 0xa4]);
    diffs.extend([0, 0, 0x30, 0x39]);
    diffs.push(0);
    diffs.extend([0xee; 31]);
    diffs.push(0);
    bytes.push(1);
    bytes.extend(&(diffs.len() as u32).to_be_bytes()[1..]);
    bytes.push(4);
    bytes.extend(diffs);
    bytes
}

/// The pubdata of a batch of a ZKsync OS chain. A block begins where the transaction numbers start again.
pub fn zksync_os_pubdata(batch: &Batch, version: u8) -> Vec<u8> {
    let mut messages = batch.messages.iter();
    let mut blocks = vec![(Vec::<Vec<u8>>::new(), Vec::<Vec<u8>>::new())];
    let mut last = 0;
    for log in &batch.logs {
        if tx_number(log) < last {
            blocks.push(Default::default());
        }
        last = tx_number(log);
        let block = blocks.last_mut().unwrap();
        block.0.push(log.clone());
        if is_message(log) {
            block.1.push(messages.next().unwrap().clone());
        }
    }
    let mut bytes = Vec::new();
    for (logs, messages) in blocks {
        bytes.push(version);
        bytes.extend([0xb1; 32]);
        bytes.extend(1_780_000_000u64.to_be_bytes());
        // The value of a slot, and the nonce and balance of an account.
        bytes.extend(2u32.to_be_bytes());
        bytes.extend([0x22; 32]);
        bytes.extend([(2 << 3) | 1, 1, 0xa4]);
        bytes.extend([0x33; 32]);
        bytes.extend([(3 << 3) | 4, (1 << 3) | 1, 10, (3 << 3) | 2, 7, 8, 9]);
        bytes.extend((logs.len() as u32).to_be_bytes());
        logs.iter().for_each(|log| bytes.extend(log));
        bytes.extend(counted(&messages));
    }
    bytes
}

/// The message by which RelayedSLDAValidator publishes the pubdata of a batch.
pub fn relayed(batch: &Batch, pubdata: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    for number in [0, batch.chain, batch.number, 0x80, pubdata.len() as u64] {
        message.extend([0; 24]);
        message.extend(number.to_be_bytes());
    }
    message.extend(pubdata);
    message.resize(message.len().next_multiple_of(32), 0);
    message
}

/// A batch of the relaying settlement layer, with messages from `sender`.
pub fn relaying(chain: u64, number: u64, sender: [u8; 20], messages: Vec<Vec<u8>>) -> Batch {
    let logs = messages
        .iter()
        .enumerate()
        .map(|(at, message)| {
            let mut log = vec![0, 1];
            log.extend((at as u16).to_be_bytes());
            log.extend([0; 18]);
            log.extend([0x80, 0x08]);
            log.extend([0; 12]);
            log.extend(sender);
            log.extend(keccak256(message).as_bytes());
            log
        })
        .collect();
    Batch { chain, number, logs, messages }
}

/// A format in which Postgres writes rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Export {
    Dump,
    Copy,
    Csv,
}

impl Export {
    pub fn bytea(self, bytes: &[u8]) -> String {
        let digits = &hex(bytes)[2..];
        if self == Self::Csv { format!("\\x{digits}") } else { format!("\\\\x{digits}") }
    }

    pub fn bytea_array(self, items: &[Vec<u8>]) -> String {
        let elements: Vec<String> = items
            .iter()
            .map(|item| {
                let digits = &hex(item)[2..];
                match self {
                    Self::Csv => format!("\"\"\\\\x{digits}\"\""),
                    _ => format!("\"\\\\\\\\x{digits}\""),
                }
            })
            .collect();
        let array = format!("{{{}}}", elements.join(","));
        if self == Self::Csv && !items.is_empty() { format!("\"{array}\"") } else { array }
    }

    fn null(self) -> &'static str {
        if self == Self::Csv { "" } else { "\\N" }
    }

    /// A table with its header, and with the surrounding lines of a dump.
    pub fn table(self, name: &str, columns: &str, rows: &[Vec<String>]) -> String {
        let separator = if self == Self::Csv { "," } else { "\t" };
        let mut text = match self {
            Self::Dump => format!(
                "--\n-- Data for Name: {name}; Type: TABLE DATA; Schema: public\n--\n\n\
                 COPY public.{name} ({columns}) FROM stdin;\n"
            ),
            _ => columns.replace(", ", separator) + "\n",
        };
        for row in rows {
            text.push_str(&row.join(separator));
            text.push('\n');
        }
        if self == Self::Dump {
            text.push_str("\\.\n\n\n");
        }
        text
    }
}

pub const LOG_COLUMNS: &str = "miniblock_number, log_index_in_miniblock, log_index_in_tx, tx_hash, \
    shard_id, is_service, tx_index_in_miniblock, tx_index_in_l1_batch, sender, key, value, created_at, \
    updated_at";

/// The tables of a node for the batches of a chain, in the order of `pg_dump`.
pub fn tables(export: Export, batches: &[Batch]) -> [String; 3] {
    let (mut logs, mut blocks, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let time = "2025-01-02 03:04:05.678901".to_owned();
    let mut block = 500_000;
    for batch in batches {
        let mut index = 0;
        let mut begin = |block: u64, batch: String| {
            blocks.push(vec![block.to_string(), time.clone(), export.bytea(&[7; 32]), batch]);
        };
        begin(block, batch.number.to_string());
        for (count, log) in batch.logs.iter().enumerate() {
            if index == 300 {
                (block, index) = (block + 1, 0);
                begin(block, batch.number.to_string());
            }
            let hash = transaction_hash(batch, count);
            let hash = unhex(&Value::from(hash));
            logs.push(vec![
                block.to_string(),
                index.to_string(),
                "0".into(),
                export.bytea(&hash),
                log[0].to_string(),
                if log[1] == 1 { "t" } else { "f" }.into(),
                count.to_string(),
                tx_number(log).to_string(),
                export.bytea(&log[4..24]),
                export.bytea(&log[24..56]),
                export.bytea(&log[56..88]),
                time.clone(),
                time.clone(),
            ]);
            index += 1;
        }
        rows.push(vec![
            batch.number.to_string(),
            export.null().into(),
            export.bytea_array(&batch.messages),
            "t".into(),
        ]);
        block += 1;
    }
    // A miniblock that is not in a batch yet.
    blocks.push(vec![block.to_string(), time, export.bytea(&[7; 32]), export.null().into()]);
    // The order of rows must not matter.
    blocks.rotate_left(3 % batches.len());
    logs.reverse();
    let other = export.table(
        "factory_deps",
        "bytecode_hash, bytecode",
        &[vec![export.bytea(&[1; 32]), export.bytea(&[2; 90])]],
    );
    let mut tables = [
        export.table("l1_batches", "number, hash, l2_to_l1_messages, is_sealed", &rows),
        export.table("l2_to_l1_logs", LOG_COLUMNS, &logs),
        export.table("miniblocks", "number, created_at, hash, l1_batch_number", &blocks),
    ];
    if export == Export::Dump {
        let head = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abcDEF\n\nSET client_encoding = 'UTF8';\n\n";
        tables[0] = format!("{head}{other}{}", tables[0]);
        tables[2] += "\\unrestrict abcDEF\n\n-- PostgreSQL database dump complete\n";
    }
    tables
}

/// One value per line.
pub fn lines(values: impl IntoIterator<Item = Value>) -> String {
    values.into_iter().map(|value| value.to_string() + "\n").collect()
}

/// A JSON-RPC response.
pub fn answer(result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "result": result })
}

/// The receipts of blocks, in one of the shapes in which users store the answers of nodes.
pub fn shaped(shape: usize, blocks: &[Vec<Value>]) -> String {
    let all = blocks.iter().flatten();
    match shape {
        // Results of eth_getTransactionReceipt.
        0 => lines(all.cloned()),
        1 => Value::from(all.cloned().collect::<Vec<_>>()).to_string(),
        2 => serde_json::to_string_pretty(&all.rev().collect::<Vec<_>>()).unwrap(),
        // JSON-RPC responses, and responses to batched requests.
        3 => lines(all.map(answer)),
        4 => Value::from(all.map(answer).collect::<Vec<_>>()).to_string(),
        // eth_getBlockReceipts.
        5 => lines(blocks.iter().rev().map(|block| answer(&Value::from(block.clone())))),
        6 => lines(blocks.iter().map(|block| Value::from(block.clone()))),
        // Every receipt twice.
        _ => lines(all.clone().chain(all.clone()).cloned()),
    }
}
