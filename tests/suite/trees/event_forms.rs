//! Events in the forms in which nodes, block explorers and data exporters write logs: all of them are read as
//! the same events.

use std::{fmt::Write, fs, io::Cursor};

use serde_json::{Value, json};
use slproof::{
    contracts::{MessageRootEvent, system::MESSAGE_ROOT},
    files::Input,
    ingest::{
        FileKind,
        event_logs::{ColumnNames, LogField, Mapping},
        events::{EventList, read_events, read_events_input, read_events_with},
        sniff,
    },
};

use crate::support::{self, binary::run, fixture};

const VECTORS: &str = "gateway-v29/events.jsonl.gz";
/// Files of real exporters, or made by their rules, of the same history (see `fixtures/README.md`).
const EXPORTS: [&str; 4] =
    ["cryo.parquet", "hypersync.parquet.gz", "bigquery_listitem.parquet", "flipside.csv.gz"];

/// A log with the digits of its values, without a prefix.
struct Log {
    block: u64,
    index: u64,
    topics: Vec<String>,
    data: String,
}

impl Log {
    /// Encodes a decoded event as the contract emits it.
    fn of(event: &Value) -> Self {
        let word = |name: &str| format!("{:064x}", event[name].as_u64().unwrap());
        let digits = |value: &Value| value.as_str().unwrap()[2..].to_owned();
        let (signature, words, data) = match event["event"].as_str().unwrap() {
            "AddedChain" => {
                ("AddedChain(uint256,uint256)", vec!["chainId", "chainIndex"], String::new())
            }
            "AppendedChainBatchRoot" => (
                "AppendedChainBatchRoot(uint256,uint256,bytes32)",
                vec!["chainId", "batchNumber"],
                digits(&event["chainBatchRoot"]),
            ),
            "NewChainRoot" => (
                "NewChainRoot(uint256,bytes32,bytes32)",
                vec!["chainId"],
                digits(&event["chainRoot"]) + &digits(&event["chainIdLeafHash"]),
            ),
            _ => (
                "NewInteropRoot(uint256,uint256,uint256,bytes32[])",
                vec!["chainId", "interopBlockNumber", "logId"],
                format!("{:064x}{:064x}{}", 32, 1, digits(&event["sides"][0])),
            ),
        };
        let signature = slproof::keccak::keccak256(signature.as_bytes()).to_string();
        let words = words.into_iter().map(word);
        let topics = std::iter::once(signature[2..].to_owned()).chain(words).collect();
        let number = |name: &str| event[name].as_u64().unwrap();
        Self { block: number("blockNumber"), index: number("logIndex"), topics, data }
    }

    fn topic(&self, at: usize, prefix: &str) -> String {
        self.topics.get(at).map(|topic| format!("{prefix}{topic}")).unwrap_or_default()
    }

    fn prefixed(&self) -> Vec<String> {
        self.topics.iter().map(|topic| format!("0x{topic}")).collect()
    }

    fn json(&self) -> Value {
        json!({
            "address": MESSAGE_ROOT.to_string(), "topics": self.prefixed(), "data": format!("0x{}", self.data),
            "blockNumber": format!("{:#x}", self.block), "logIndex": format!("{:#x}", self.index),
        })
    }
}

fn logs() -> Vec<Log> {
    support::json_lines(VECTORS).iter().map(Log::of).collect()
}

fn listed(events: EventList) -> Vec<MessageRootEvent> {
    events.iter().collect::<Result<_, _>>().unwrap()
}

fn expected() -> Vec<MessageRootEvent> {
    listed(read_events(&[fixture(VECTORS)], MESSAGE_ROOT).unwrap())
}

fn input(text: &str) -> Input {
    Input::from_reader("test", Cursor::new(text.to_owned())).unwrap()
}

/// A table of every log, one row each.
fn table(header: &str, row: impl Fn(&Log) -> String) -> String {
    logs().iter().fold(format!("{header}\n"), |mut text, log| {
        writeln!(text, "{}", row(log)).unwrap();
        text
    })
}

fn lines(values: impl IntoIterator<Item = Value>) -> String {
    values.into_iter().map(|value| format!("{value}\n")).collect()
}

fn base64(digits: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = const_hex::decode(digits).unwrap();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - group.len()));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[test]
fn exported_files_hold_the_same_events() {
    let expected = expected();
    for file in EXPORTS {
        let path = fixture(&format!("exports/{file}"));
        assert_eq!(sniff(&Input::open(&path).unwrap()), Some(FileKind::Events), "{file}");
        assert!(listed(read_events(&[path], MESSAGE_ROOT).unwrap()) == expected, "{file}");
    }
}

#[test]
fn tables_of_every_kind_hold_the_same_events() {
    let address = MESSAGE_ROOT.to_string();
    let bare = &address[2..];
    let separated = |separator: &str, prefix: &str, log: &Log| {
        let topics = [0, 1, 2, 3].map(|at| log.topic(at, prefix));
        let cells = [log.block.to_string(), log.index.to_string(), format!("{prefix}{bare}")];
        [&cells[..], &topics, &[format!("{prefix}{}", log.data)]].concat().join(separator)
    };
    let names = "block_number,log_index,address,topic0,topic1,topic2,topic3,data";
    let with = |separator: &str| names.replace(',', separator);
    let quoted = |log: &Log| log.prefixed().join("\"\",\r\n  \"\"");
    let forms = [
        table(names, |log| separated(",", "0x", log)),
        table(&format!("\u{feff}{}\r", with(";")), |log| separated(";", "", log) + "\r"),
        table(&with("\t"), |log| separated("\t", "\\x", log)),
        table(
            "Index,BlockNumber,ContractAddress,Data,FirstTopic,SecondTopic,ThirdTopic,FourthTopic",
            |log| {
                let topics = [0, 1, 2, 3].map(|at| log.topic(at, "0x")).join(",");
                format!(
                    "{},{},{},0x{},{topics}",
                    log.index,
                    log.block,
                    address.to_uppercase(),
                    log.data
                )
            },
        ),
        table("TOPICS,DATA,BLOCK_NUMBER,EVENT_INDEX,ADDRESS,BLOCK_TIMESTAMP", |log| {
            format!(
                "\"[\n  \"\"{}\"\"\n]\",0x{},{}.0,{},{address},x",
                quoted(log),
                log.data,
                log.block,
                log.index
            )
        }),
        table("log_index,block_number,address,topics,data", |log| {
            let (topics, data) = (log.prefixed().join(","), &log.data);
            format!("{:#x},{:#x},{address},\"{topics}\",0x{data}", log.index, log.block)
        }),
        table("\"blockNumber\",\"logIndex\",\"number\",\"topics\",\"data\",\"address\"", |log| {
            let topics = log.topics.join("\"\",\"\"\\\\x");
            format!(
                "{},{},7,\"{{\"\"\\\\x{topics}\"\"}}\",\\x{},\\x{bare}",
                log.block, log.index, log.data
            )
        }),
        table("miniblock_number,event_index_in_block,topic1,topic2,topic3,topic4,value", |log| {
            let topics = [0, 1, 2, 3].map(|at| log.topic(at, "\\x")).join(",");
            format!("{},{},{topics},\\x{}", log.block, log.index, log.data)
        }),
        table("block_number,log_index,data,topics", |log| {
            let topics: Vec<_> = log.topics.iter().map(|topic| base64(topic)).collect();
            format!("{},{},{},\"{}\"", log.block, log.index, base64(&log.data), topics.join(","))
        }),
        table(
            "-- a dump\n\nCOPY public.logs (data, index, address_hash, \
               block_number, first_topic, second_topic, third_topic, fourth_topic) FROM stdin;",
            |log| {
                let topic =
                    |at| if at < log.topics.len() { log.topic(at, "\\\\x") } else { "\\N".into() };
                let topics = [0, 1, 2, 3].map(topic).join("\t");
                format!("\\\\x{}\t{}\t\\\\x{bare}\t{}\t{topics}", log.data, log.index, log.block)
            },
        ) + "\\.\n\nCOPY public.other (x) FROM stdin;\n1\n\\.\n",
    ];
    let expected = expected();
    for text in forms {
        let start: String = text.chars().take(200).collect();
        assert_eq!(sniff(&input(&text)), Some(FileKind::Events), "{start}");
        let events = read_events_input(input(&text), MESSAGE_ROOT).map(listed);
        assert!(events.unwrap_or_else(|error| panic!("{error}: {start}")) == expected, "{start}");
    }
}

#[test]
fn tables_of_a_dump_without_logs_are_passed_over() {
    let text = table(
        "COPY public.other (x) FROM stdin;\n1\n\\.\nCOPY public.logs (block_number, log_index, topic0, topic1, \
         topic2, topic3, data) FROM stdin;",
        |log| {
            let topic =
                |at| if at < log.topics.len() { log.topic(at, "\\\\x") } else { "\\N".into() };
            let topics = [0, 1, 2, 3].map(topic).join("\t");
            format!("{}\t{}\t{topics}\t\\\\x{}", log.block, log.index, log.data)
        },
    ) + "\\.\n";
    assert!(listed(read_events_input(input(&text), MESSAGE_ROOT).unwrap()) == expected());
    // COPY writes two backslashes before an x.
    let one = text.replace("\\\\x", "\\x");
    assert!(read_events_input(input(&one), MESSAGE_ROOT).is_err());
}

#[test]
fn json_of_every_kind_holds_the_same_events() {
    let logs = logs();
    let all: Vec<_> = logs.iter().map(Log::json).collect();
    let in_pages = |page: &dyn Fn(&[Value]) -> Value| lines(all.chunks(50).map(page).rev());
    let columns = |log: &Log| {
        json!({
            "block_number": log.block.to_string(), "log_index": log.index, "contract_address": MESSAGE_ROOT.to_string(),
            "data": format!("0x{}", log.data), "topic0": log.topic(0, "0x"), "topic1": log.topic(1, "0x"),
            "topic2": log.topic(2, "0x"), "topic3": log.topic(3, "0x"),
        })
    };
    let item = |log: &Log| {
        let mut topics: Vec<Value> = log.prefixed().into_iter().map(Value::from).collect();
        topics.resize(4, Value::Null);
        json!({
            "address": {"hash": MESSAGE_ROOT.to_string(), "name": null}, "topics": topics, "index": log.index,
            "data": format!("0x{}", log.data), "block_number": log.block, "decoded": null,
        })
    };
    let of_etherscan = |log: &Value| {
        let mut log = log.clone();
        if log["logIndex"] == "0x0" {
            log["logIndex"] = "0x".into();
        }
        log
    };
    let block = |log: &Log| {
        let mut inner = log.json();
        inner.as_object_mut().unwrap().remove("blockNumber");
        json!({"header": {"number": log.block, "hash": "0x".to_owned() + &"07".repeat(32)}, "logs": [inner]})
    };
    let of_graphql = |log: &Log| {
        let mut of_block = log.json();
        of_block.as_object_mut().unwrap().remove("blockNumber");
        of_block["block"] = json!({"number": log.block, "hash": null});
        of_block
    };
    // Members in which others hold their logs.
    let of_squid = |log: &Value| {
        let mut log = log.clone();
        (log["events"], log["receipts"]) = (json!([]), json!([]));
        log
    };
    // All logs of a block have one hash, and the blocks of the vectors are in order.
    let base64_row = |log: &Log| {
        let topics: Vec<_> = log.topics.iter().map(|topic| base64(topic)).collect();
        let address = base64(&MESSAGE_ROOT.to_string()[2..]);
        json!({"data": base64(&log.data), "block_number": log.block, "log_index": log.index, "topics": topics, "address": address})
    };
    let forms = [
        Value::from(all.clone()).to_string(),
        in_pages(&|page| json!({"jsonrpc": "2.0", "id": 1, "result": page})),
        Value::from(all.chunks(9).map(|page| json!({"id": 1, "result": page})).collect::<Vec<_>>()).to_string(),
        in_pages(&|page| json!({"result": [{"logs": page, "cumulativeGasUsed": "0x1", "contractAddress": null}]})),
        in_pages(&|page| json!({"result": {"receipts": [{"transactionHash": "0x7", "logs": page}, {"logs": []}]}})),
        json!({"data": {"logs": all}}).to_string(),
        json!({"status": "1", "message": "OK", "result": all.iter().map(of_etherscan).collect::<Vec<_>>()}).to_string(),
        json!({"items": logs.iter().rev().map(item).collect::<Vec<_>>(), "next_page_params": null}).to_string(),
        json!({"result": {"rows": logs.iter().map(columns).collect::<Vec<_>>(), "metadata": {"x": []}}}).to_string(),
        lines(logs.iter().map(columns)),
        lines(logs.iter().map(block)),
        lines(logs.iter().map(base64_row)),
        json!({"data": {"logs": logs.iter().map(of_graphql).collect::<Vec<_>>()}}).to_string(),
        lines(all.iter().map(of_squid)),
    ];
    let expected = expected();
    for text in forms {
        let start: String = text.chars().take(300).collect();
        let events = read_events_input(input(&text), MESSAGE_ROOT).map(listed);
        assert!(events.unwrap_or_else(|error| panic!("{error}: {start}")) == expected, "{start}");
    }
}

#[test]
fn trees_and_proofs_are_those_of_decoded_events() {
    let messages = fixture("gateway-v29/logs.jsonl.gz");
    let prove = |tree: &str| {
        let arguments =
            ["--chain", "324", "--batch", "501234", "--index", "0", "--target", "first"];
        let inputs = ["prove", "--tree", tree, "--messages", messages.to_str().unwrap()];
        let proved = run(inputs.iter().chain(&arguments));
        assert_eq!(proved.code, Some(0), "{}", proved.stderr);
        proved.stdout
    };
    let path = |file: &str| fixture(file).to_str().unwrap().to_owned();
    let expected = prove(&path(VECTORS));
    assert!(!expected.is_empty());
    for file in EXPORTS {
        assert_eq!(prove(&path(&format!("exports/{file}"))), expected, "{file}");
    }
}

#[test]
fn names_of_columns_can_be_given() {
    let text = table("height,position,first,second,third,fourth,payload", |log| {
        let topics = [0, 1, 2, 3].map(|at| log.topic(at, "0x")).join(",");
        format!("{},{},{topics},0x{}", log.block, log.index, log.data)
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.csv");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let columns = "block=height,log-index=Position,topic0=first,topic1=second,topic2=third,topic3=fourth,data=payload";
    let names: ColumnNames = columns.parse().unwrap();
    let mut mappings: Vec<Mapping> = Vec::new();
    let events = read_events_with(&[path], MESSAGE_ROOT, &names, |m| mappings.push(m.clone()));
    assert!(listed(events.unwrap()) == expected());
    let [mapping] = &mappings[..] else { panic!("{mappings:?}") };
    assert!(mapping.columns.contains(&(LogField::LogIndex, "position".into())));
    let lacking = [LogField::Address, LogField::BlockHash, LogField::TxHash, LogField::Removed];
    assert_eq!(mapping.lacking(), lacking);

    let rebuilt = run(["rebuild", path, "-v", "--columns", columns]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
    assert!(rebuilt.stderr.contains("the data from \"payload\""), "{}", rebuilt.stderr);
    let refused = run(["rebuild", path]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
}

#[test]
fn what_a_form_cannot_hold_is_refused_with_its_place() {
    let header = "block_number,log_index,address,topics,data\n";
    let topic = format!("0x{}", "1a".repeat(32));
    let of_base64 = base64(&topic[2..]);
    for (text, says) in [
        (format!("{header}1,0,,{topic}\n"), "line 2: the row has 4 columns, but the header has 5"),
        (
            format!("{header}1,0,,{topic},0x\n,0,,{topic},0x\n"),
            "line 3: the block number is missing",
        ),
        (format!("{header}1.5,0,,{topic},0x\n"), "line 2: the block number is \"1.5\""),
        (format!("{header}1,0,,{},0x\n", &topic[..65]), "line 2: the topics is"),
        (
            format!("{header}1,0,,{topic},0x\n2,0,,{of_base64},\n"),
            "earlier values of the file are hexadecimal",
        ),
        (format!("{header}1,0,,\"[null,\"\"{topic}\"\"]\",0x\n"), "a topic after a null one"),
        (format!("{header}1,0,,{topic},0x123\n"), "an odd number"),
        (format!("{header}\"1,0"), "line 2: the row has a quotation mark without"),
        ("log_index,topics,block_time\n".into(), "no column for the block number (blocknumber)"),
        ("evt_index,evt_block_number,chainId\n".into(), "decoded events"),
        ("<html>\n".into(), "no column for"),
        ("COPY a (block_number, log_index, topics) FROM stdin;\n".into(), "cut off"),
        ("COPY a (x) FROM stdin;\n\\.\n".into(), "no column for"),
        (
            "{\"status\":\"0\",\"result\":\"Max rate limit reached\"}".into(),
            "Max rate limit reached",
        ),
        ("[{\"id\":7,\"error\":{\"code\":-32005}}]".into(), "is an error of the node"),
        ("{\"data\":{\"entities\":[]}}".into(), "has no \"topics\""),
        (format!("{{\"topics\":[\"{topic}\"],\"logIndex\":0}}"), "the block number is missing"),
    ] {
        let error = read_events_input(input(&text), MESSAGE_ROOT).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn overlapping_pages_and_removed_copies_are_put_right() {
    let expected = expected();
    let logs: Vec<_> = logs().iter().map(Log::json).collect();
    let (early, late) = (json!({"result": logs[..300]}), json!({"result": logs[250..]}));
    let mut removed = logs[7].clone();
    removed["removed"] = true.into();
    removed["topics"][1] = format!("0x{:064x}", 999).into();
    let text = format!("{late}\n{removed}\n{early}");
    assert!(listed(read_events_input(input(&text), MESSAGE_ROOT).unwrap()) == expected);
    let mut copy = logs[7].clone();
    copy["blockHash"] = format!("0x{}", "01".repeat(32)).into();
    let mut other = copy.clone();
    other["blockHash"] = format!("0x{}", "02".repeat(32)).into();
    let error = read_events_input(input(&format!("{copy}{other}")), MESSAGE_ROOT).unwrap_err();
    assert!(error.to_string().contains("replaced block"), "{error}");
}

/// A source that has only the topics says nothing else than one with the data of the same events.
#[test]
fn the_same_events_without_their_data_change_nothing() {
    let expected = expected();
    let logs: Vec<_> = logs().iter().map(Log::json).collect();
    let mut without = logs.clone();
    without.iter_mut().for_each(|log| _ = log.as_object_mut().unwrap().remove("data"));
    let part = without[100..160].to_vec();
    for texts in [[&logs, &part], [&part, &logs], [&without, &logs]] {
        let text: String = texts.into_iter().map(|logs| lines(logs.iter().cloned())).collect();
        assert!(listed(read_events_input(input(&text), MESSAGE_ROOT).unwrap()) == expected);
    }
    // Another event at the same place is not the same one.
    let mut other = without[7].clone();
    other["topics"][1] = format!("0x{:064x}", 999).into();
    let text = lines(logs.into_iter().chain([other]));
    let list = listed(read_events_input(input(&text), MESSAGE_ROOT).unwrap());
    assert_eq!(list.len(), expected.len() + 1);
}
