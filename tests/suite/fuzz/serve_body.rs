use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, LazyLock},
    thread,
    time::Duration,
};

use serde_json::{Value, json, value::RawValue};
use slproof::{
    Target,
    serve::{ServeObserver, ServeOptions, ServedTrees, Server, Sources},
};

/// The largest body that the server takes.
const MOST_BYTES: usize = 1 << 16;

/// A server of a small Gateway, in this process. It ends with the process.
static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    // The server reads its files once, and looks only whether they are still the same.
    let folder = tempfile::tempdir().unwrap().keep();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut options = ServeOptions::new(Sources::default());
    let mut trees = ServedTrees {
        paths: vec![file(
            "state",
            include_bytes!("../../../fixtures/gateway-v31/state.anvil.json"),
        )],
        options: Default::default(),
        l1_target: Target::FirstSlBatch,
        claims: None,
    };
    let events = include_bytes!("../../../fixtures/gateway-v31/events.jsonl.gz");
    let batches = include_bytes!("../../../fixtures/gateway-v31/gw_batches.jsonl");
    trees.options.events = vec![file("events", events)];
    trees.options.sl_batches = vec![file("batches", batches)];
    options.sources.messages = vec![file("logs", logs().as_bytes())];
    options.sources.trees = vec![trees];
    options.limits.request_bytes = MOST_BYTES;
    options.limits.calls = 20;
    options.limits.logs = 20;
    options.limits.answer_bytes = 1 << 18;
    options.reload = Duration::from_secs(1 << 30);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), options, Arc::new(Silent)).unwrap();
    let address = server.address();
    thread::spawn(|| server.run());
    address
});

/// The logs of small batches. Log `i` of batch `n` has the transaction whose hash is `1000 n + i` in decimal digits.
fn logs() -> String {
    let packed = include_bytes!("../../../fixtures/gateway-v31/logs.jsonl.gz");
    let mut text = String::new();
    super::input("logs", packed).unwrap().read_to_string(&mut text).unwrap();
    let mut small = String::new();
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let (batch, logs) =
            (line["batchNumber"].as_u64().unwrap(), line["logs"].as_array().unwrap().len() as u64);
        if logs <= 20 {
            let hash = |log: u64| json!(format!("0x{:064}", 1000 * batch + log));
            line["transactions"] = (0..logs).map(hash).collect();
            small += &format!("{line}\n");
        }
    }
    small
}

struct Silent;

impl ServeObserver for Silent {}

thread_local! {
    static STREAM: RefCell<Option<TcpStream>> = const { RefCell::new(None) };
}

/// Every body is answered at the path of all chains and at that of one, by JSON-RPC 2.0.
pub(super) fn run(data: &[u8]) {
    for path in ["/", "/324"] {
        let (status, answer) = STREAM.with_borrow_mut(|stream| post(stream, path, data));
        match status {
            200 => check(data, &answer),
            // No call wants an answer.
            204 => assert!(answer.is_empty()),
            413 => assert!(data.len() > MOST_BYTES),
            other => panic!("status {other}: {answer}"),
        }
    }
}

/// Sends a body on the open connection, or on a new one.
fn post(open: &mut Option<TcpStream>, path: &str, body: &[u8]) -> (u16, String) {
    let mut stream = open.take().unwrap_or_else(|| TcpStream::connect(*SERVER).unwrap());
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    // A server that refuses a large body may close the connection before it has read it.
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
    let (mut bytes, mut piece) = (Vec::new(), [0; 1 << 14]);
    loop {
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            let mut lines = head.lines();
            let len = lines.find_map(|line| line.strip_prefix("content-length: "));
            let len = len.map_or(0, |len| len.parse().unwrap());
            if bytes.len() >= at + 4 + len {
                assert_eq!(bytes.len(), at + 4 + len, "an answer is as long as it says");
                if matches!(status, 200 | 204) {
                    *open = Some(stream);
                }
                return (status, String::from_utf8(bytes.split_off(at + 4)).unwrap());
            }
        }
        let len = stream.read(&mut piece).unwrap();
        assert!(len > 0, "the connection ended before an answer");
        bytes.extend_from_slice(&piece[..len]);
    }
}

/// The answer to a body: an object, or for an array of calls a list of at most as many.
fn check(body: &[u8], answer: &str) {
    let calls: Option<Vec<&RawValue>> = serde_json::from_slice(body).ok();
    let answers: Vec<&RawValue> = match answer.starts_with('[') {
        true => serde_json::from_str(answer).unwrap(),
        false => vec![serde_json::from_str(answer).unwrap()],
    };
    assert!(!answers.is_empty());
    if let (Some(calls), true) = (calls, answer.starts_with('[')) {
        assert!(answers.len() <= calls.len());
    }
    for answer in answers {
        let mut members: BTreeMap<&str, &RawValue> = serde_json::from_str(answer.get()).unwrap();
        assert_eq!(members.remove("jsonrpc").unwrap().get(), "\"2.0\"");
        let id = members.remove("id").unwrap().get();
        assert!(id == "null" || std::str::from_utf8(body).unwrap().contains(id), "{id}");
        assert_eq!(members.len(), 1, "a result or an error: {answer}");
        if let Some(error) = members.get("error") {
            let error: BTreeMap<&str, &RawValue> = serde_json::from_str(error.get()).unwrap();
            let code: i64 = serde_json::from_str(error["code"].get()).unwrap();
            assert!((-32768..=-32000).contains(&code) && code != -32603, "{answer}");
            let message: String = serde_json::from_str(error["message"].get()).unwrap();
            assert!(!message.is_empty());
        } else {
            assert!(members.contains_key("result"), "{answer}");
        }
    }
}
