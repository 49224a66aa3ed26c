use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json, value::RawValue};

use super::answers::{LOG_PROOF, RECEIPT};
use crate::support::server::{
    Gateway, RECORDED, Server, read_response, read_response_of_open_connection, wait_until,
};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
const CHAIN_ID: &str = r#"{"jsonrpc":"2.0","id":1,"result":"0x144"}"#;

fn call(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

/// A request that keeps its connection open.
fn request(body: &str) -> String {
    format!("POST /324 HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn is_served(server: &Server) {
    assert_eq!(server.post("/324", CALL).body, CHAIN_ID);
}

/// Every limit allows exactly what it says.
#[test]
fn limits_are_exact() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&["--max-request", "2000", "--max-calls", "3"]);
    let padded = |len: usize| format!("{CALL}{}", " ".repeat(len - CALL.len()));
    assert_eq!(server.post("/324", &padded(2000)).body, CHAIN_ID);
    assert_eq!(server.post("/324", &padded(2001)).status, 413);
    let calls = |count: usize| format!("[{}]", vec![CALL; count].join(","));
    assert_eq!(server.post("/324", &calls(3)).json().as_array().unwrap().len(), 3);
    assert_eq!(server.post("/324", &calls(4)).json()["error"]["code"], -32600);
    // An announced length is refused before any of the body was sent.
    let mut stream = server.connect();
    let head = "POST /324 HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 999999999999\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(read_response(&mut stream).status, 413);
    drop(server);

    // The size of a single answer, to the byte.
    let proof = call(LOG_PROOF, &json!([RECORDED]));
    let whole = gateway.serve(&[]).post("/324", &proof).json()["result"].to_string();
    for (most, fits) in [(whole.len(), true), (whole.len() - 1, false)] {
        let server = gateway.serve(&["--max-answer", &most.to_string()]);
        let answer = server.post("/324", &proof).json();
        assert_eq!(answer["result"].is_object(), fits, "{answer}");
        assert!(fits || answer["error"]["code"] == -32000, "{answer}");
    }
}

/// A message may be in the archive any number of times; a call proves only as many as the limit says.
#[test]
fn a_call_proves_a_limited_number_of_logs() {
    let gateway = Gateway::new("gateway-v29");
    let logs = gateway.serve(&[]).result("/", "slproof_logs", json!([324, 501_239]));
    let message = &logs[9]["value"];
    let served = |limits: Value| {
        let layers = json!([{"tree": ["gateway.sltree"], "slBatches": ["sl.jsonl"]}]);
        let config = json!({"messages": ["gateway.slmsg"], "layers": layers, "limits": limits});
        let file = gateway.path("conf.json");
        fs::write(&file, config.to_string()).unwrap();
        let server = Server::start(["--config", file.to_str().unwrap()].map(str::to_owned));
        server.call("/", "slproof_proofByMessage", json!([message]))
    };
    let all = served(json!({}))["result"].as_array().unwrap().len();
    assert!(all > 1);
    assert_eq!(served(json!({"logs": all}))["result"].as_array().unwrap().len(), all);
    let refused = served(json!({"logs": all - 1}));
    assert_eq!(refused["error"]["code"], -32000, "{refused}");
}

/// Bodies that are no JSON, or JSON that no client sends: each has an answer, and none of them costs more than its
/// length.
#[test]
fn unusual_json_is_answered_or_refused() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let nested = |with: &str, depth: usize| with.repeat(depth);
    let with_id = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_chainId"}}"#);
    let with_params = |params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{LOG_PROOF}","params":{params}}}"#)
    };
    let deep = format!("{}{}", nested("[", 200_000), nested("]", 200_000));
    let digits = "9".repeat(1000);
    for (body, code) in [
        // Deep nesting, closed and not closed.
        (nested("[", 500_000), Some(-32700)),
        (nested("{\"a\":", 100_000), Some(-32700)),
        (deep.clone(), Some(-32600)),
        (with_params(&format!("[{deep}]")), Some(-32602)),
        (with_params(&format!("[\"{RECORDED}\",0,{deep}]")), Some(-32602)),
        (with_id(&deep), None),
        // Members that occur twice or are not known.
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"eth_chainId"}"#.into(), Some(-32600)),
        (r#"{"jsonrpc":"2.0","method":"a","id":1,"method":"eth_chainId"}"#.into(), Some(-32600)),
        (with_params(r#"[],"params":[]"#), Some(-32600)),
        (CALL.replace('{', "{\"unknown\":[{}],"), None),
        // Numbers beyond every type.
        (with_id(&digits), None),
        (with_id("-1e99999"), None),
        (with_params(&format!("[\"{RECORDED}\",{digits}]")), Some(-32602)),
        (with_params(&format!("[\"{RECORDED}\",1e999]")), Some(-32602)),
        (with_params(&format!("[\"{RECORDED}\",0.5]")), Some(-32602)),
        // Texts.
        (with_params(r#"["\ud800"]"#), Some(-32602)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#.into(), Some(-32600)),
        (with_id(r#""\u0000\"""#), None),
        (CALL.replace("eth_", "\u{0}eth_"), Some(-32700)),
        (CALL.replace("eth_", "\\u0000eth_"), Some(-32601)),
        (format!("\u{feff}{CALL}"), Some(-32700)),
        (format!("{CALL}{CALL}"), Some(-32700)),
        (format!("{CALL}\0"), Some(-32700)),
        (CALL.replace('"', "'"), Some(-32700)),
    ] {
        let shown: String = body.chars().take(80).collect();
        let response = server.post("/324", &body);
        assert_eq!(response.status, 200, "{shown}");
        // Ids are echoed as they came, also such as no Value can hold.
        let answer: &RawValue = serde_json::from_str(&response.body).unwrap();
        let found = answer
            .get()
            .split_once("\"error\":{\"code\":")
            .map(|(_, rest)| rest.split(',').next().unwrap().parse::<i64>().unwrap());
        assert_eq!(found, code, "{shown}");
        assert!(code.is_some() || response.body.contains("\"result\":\"0x144\""), "{shown}");
    }
    let echoed = server.post("/324", &with_id(&digits)).body;
    assert_eq!(echoed, CHAIN_ID.replace("\"id\":1", &format!("\"id\":{digits}")));
    for invalid in [&b"\xff"[..], b"\xc0\x80", b"{\"jsonrpc\":\"2.0\",\"method\":\"\xed\xa0\x80\"}"]
    {
        let answer = server.request("POST", "/324", "", invalid).json();
        assert_eq!(answer["error"]["code"], -32700);
    }
    is_served(&server);
}

/// What is not HTTP, or breaks its rules.
#[test]
fn requests_that_are_not_http_are_refused() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let long = "x".repeat(1 << 20);
    // The server may have read twice as many as it allows before it looks at them.
    let longer_than_allowed = "x".repeat(150_000);
    for (sent, status) in [
        (format!("GET /health HTTP/1.1\r\nhost: x\r\na: {longer_than_allowed}\r\n\r\n"), 431),
        ("\u{16}\u{3}\u{1}\0\u{1}\0".to_owned(), 400),
        ("POST\r\n\r\n".to_owned(), 400),
        ("GET /health HTTP/9.9\r\n\r\n".to_owned(), 400),
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), 431),
        (format!("GET /health HTTP/1.1\r\nhost: x\r\na: {long}\r\n\r\n"), 431),
        (format!("GET /health HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000)), 431),
        ("POST /324 HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned(), 400),
        (
            "POST /324 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n{}\r\n"
                .to_owned(),
            400,
        ),
    ] {
        let shown: String = sent.chars().take(80).collect();
        let mut stream = server.connect();
        // The server may close the connection before everything is written.
        let _ = stream.write_all(sent.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        let found = read_response(&mut stream).status;
        // A connection that is reset while much is still being sent loses its answer.
        assert!(found == status || found == 0 && sent.len() > 1 << 16, "{found}: {shown}");
    }
    is_served(&server);
}

/// What a client chooses takes a limited part of a line of the log: a method of HTTP may have any length.
#[test]
fn a_line_of_the_log_is_short() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let long = "X".repeat(10_000);
    assert_eq!(server.request(&long, &format!("/{long}"), "", b"").status, 405);
    let line = server.line_with("bytesOut");
    assert_eq!(
        (&line["method"], &line["path"]),
        (&json!("X".repeat(64)), &json!(format!("/{}", "X".repeat(63))))
    );
}

/// Clients that break off at any point leave nothing behind: no connection, no work, no answer for another.
#[test]
fn clients_that_break_off_leave_nothing_behind() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&["--threads", "1"]);
    let receipts = json!(vec![
        json!({"jsonrpc": "2.0", "id": 1, "method": RECEIPT, "params": [RECORDED]});
        1000
    ]);
    let large = request(&receipts.to_string());
    let small = request(&call(LOG_PROOF, &json!([RECORDED])));
    for cut in (0..small.len()).step_by(37) {
        let mut stream = server.connect();
        stream.write_all(&small.as_bytes()[..cut]).unwrap();
        if cut % 2 == 0 {
            let _ = stream.shutdown(Shutdown::Write);
            let found = read_response(&mut stream);
            assert!([0, 400].contains(&found.status), "{cut}: {found:?}");
        }
    }
    // Answers that nobody reads, or of which only the begin is read.
    for read in [0, 1, 1000] {
        let mut stream = server.connect();
        stream.write_all(large.as_bytes()).unwrap();
        stream.read_exact(&mut vec![0; read]).unwrap();
    }
    is_served(&server);
    wait_until(|| server.get("/metrics").body.contains("\nslproof_connections 1\n"));
}

/// A client that sends a byte now and then has as long for its whole request as any other.
#[test]
fn clients_that_send_byte_by_byte_lose_their_connections() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&["--timeout", "1", "--max-connections", "2"]);
    let whole = request(CALL);
    let head = whole.len() - CALL.len();
    let started = Instant::now();
    thread::scope(|threads| {
        // One never ends its head, the other never its body.
        for sent_at_once in [10, head + 1] {
            let (mut stream, whole) = (server.connect(), whole.as_bytes());
            threads.spawn(move || {
                stream.write_all(&whole[..sent_at_once]).unwrap();
                for byte in &whole[sent_at_once..] {
                    thread::sleep(Duration::from_millis(100));
                    if stream.write_all(&[*byte]).is_err() {
                        break;
                    }
                }
                assert!([0, 408].contains(&read_response(&mut stream).status));
            });
        }
        thread::sleep(Duration::from_millis(200));
        // Both connections are taken; this one waits until they are ended.
        is_served(&server);
        assert!(started.elapsed() < Duration::from_secs(20));
    });
}

/// Clients that ask again and again on connections that stay open. Each gets whole and right answers until the server
/// ends the connection, and never a part of one that looks whole.
struct Load {
    asked: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    fn new() -> Self {
        Self { asked: AtomicUsize::new(0), is_over: AtomicBool::new(false) }
    }

    /// Asks until the load is over or the server is gone.
    fn ask(&self, address: &str, body: &str, expected: &str) {
        while !self.is_over.load(Ordering::Relaxed) {
            let Ok(mut stream) = TcpStream::connect(address) else { return };
            while !self.is_over.load(Ordering::Relaxed)
                && stream.write_all(request(body).as_bytes()).is_ok()
            {
                match read_response_of_open_connection(&mut stream) {
                    Some(response) => {
                        assert_eq!((response.status, &*response.body), (200, expected));
                        self.asked.fetch_add(1, Ordering::Relaxed);
                    }
                    None => break,
                }
            }
        }
    }

    fn is_running(&self) {
        let before = self.asked.load(Ordering::Relaxed);
        wait_until(|| self.asked.load(Ordering::Relaxed) > before + 8);
    }
}

/// Requests of which a part has come before the signal are answered, whatever else goes on.
#[test]
fn a_signal_under_load_loses_no_request_that_was_begun() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let body = call(LOG_PROOF, &json!([RECORDED]));
    let expected = server.post("/324", &body).body;
    let (load, address) = (Load::new(), server.address.clone());
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| load.ask(&address, &body, &expected));
        }
        load.is_running();
        let whole = request(&body);
        let mut begun: Vec<TcpStream> = (0..8).map(|_| server.connect()).collect();
        for (at, stream) in begun.iter_mut().enumerate() {
            // Some in the head, some in the body.
            stream.write_all(&whole.as_bytes()[..20 * (at + 1)]).unwrap();
        }
        wait_until(|| server.get("/metrics").body.contains("\nslproof_connections 13\n"));
        server.signal("TERM");
        thread::sleep(Duration::from_millis(200));
        for (at, stream) in begun.iter_mut().enumerate() {
            stream.write_all(&whole.as_bytes()[20 * (at + 1)..]).unwrap();
            let response = read_response(stream);
            assert_eq!((response.status, response.body), (200, expected.clone()), "{at}");
        }
        assert_eq!(server.ended(), Some(0));
        load.is_over.store(true, Ordering::Relaxed);
    });
}

/// A server that is killed while it answers never gives a wrong answer, and the next one on the same port goes on.
#[test]
fn a_server_that_is_killed_under_load_is_started_again() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let body = call(LOG_PROOF, &json!([RECORDED]));
    let expected = server.post("/324", &body).body;
    let (load, address) = (Load::new(), server.address.clone());
    let under_load = |server: &Server, at_end: &dyn Fn()| {
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| load.ask(&server.address, &body, &expected));
            }
            load.is_running();
            at_end();
        });
    };
    under_load(&server, &|| server.signal("KILL"));
    assert_eq!(server.ended(), None);
    let again = Server::start_on(&address, gateway.flags());
    under_load(&again, &|| load.is_over.store(true, Ordering::Relaxed));
    is_served(&again);
}
