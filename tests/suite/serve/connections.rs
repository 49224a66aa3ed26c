use std::{
    fs,
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{
    binary::run,
    server::{
        Gateway, RECORDED, Server, archive_with_transactions, read_response, transaction,
        wait_until,
    },
};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;

fn proof_call() -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "zks_getL2ToL1LogProof", "params": [RECORDED]})
        .to_string()
}

#[test]
fn malformed_and_oversized_requests_are_refused() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&["--max-request", "2000", "--max-calls", "3"]);
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("[{]", -32700),
        (&"[".repeat(1999), -32700),
        ("[]", -32600),
        ("[1,2,3,4]", -32600),
        ("\"text\"", -32600),
    ] {
        let response = server.post("/324", body);
        assert_eq!((response.status, &response.json()["id"]), (200, &Value::Null), "{body}");
        assert_eq!(response.json()["error"]["code"], code, "{body}");
    }
    assert_eq!(server.request("POST", "/324", "", b"\xff\xfe").json()["error"]["code"], -32700);
    assert_eq!(server.post("/324", &" ".repeat(2001)).status, 413);
    // A body whose length is not announced.
    let chunk = format!("{:x}\r\n{}\r\n", 3000, " ".repeat(3000));
    let mut stream = server.connect();
    let head =
        "POST /324 HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let _ = stream.write_all(format!("{head}{chunk}0\r\n\r\n").as_bytes());
    assert_eq!(read_response(&mut stream).status, 413);
    // The server answers as before.
    assert_eq!(server.post("/324", CALL).json()["result"], "0x144");
}

/// Answers that do not fit are errors of their calls; the rest of the array is answered.
#[test]
fn an_answer_has_a_largest_size() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&["--max-answer", "4000"]);
    let calls: Vec<Value> = (0..3).map(|_| serde_json::from_str(&proof_call()).unwrap()).collect();
    let answers = server.post("/324", &json!(calls).to_string()).json();
    assert!(answers[0]["result"]["proof"].is_array());
    for at in [1, 2] {
        assert_eq!(answers[at]["error"]["code"], -32000, "{}", answers[at]);
    }
}

#[test]
fn pages_of_any_origin_may_ask() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let asked = "origin: https://example.org\r\naccess-control-request-method: POST\r\n\
                 access-control-request-headers: content-type\r\n";
    let preflight = server.request("OPTIONS", "/324", asked, b"");
    assert_eq!(preflight.status, 200, "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("content-type"));
    let answer = server.request("POST", "/324", "origin: https://example.org\r\n", CALL.as_bytes());
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("slproof-code"));
}

/// A client that does not send its request loses its connection; others are served meanwhile.
#[test]
fn slow_clients_lose_their_connections() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&["--timeout", "1"]);
    let mut no_head = server.connect();
    no_head.write_all(b"POST /324 HTTP/1.1\r\nhost").unwrap();
    let mut no_body = server.connect();
    no_body
        .write_all(
            b"POST /324 HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n\r\n{",
        )
        .unwrap();
    let mut silent = server.connect();
    assert_eq!(server.post("/324", CALL).json()["result"], "0x144");
    assert_eq!(read_response(&mut no_body).status, 408);
    for stream in [&mut no_head, &mut silent] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!String::from_utf8_lossy(&rest).contains(" 200 "));
    }
}

/// A client that does not take its answer loses its connection. Its answers are larger than the buffers of the
/// system.
#[test]
fn clients_that_do_not_read_lose_their_connections() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&["--timeout", "3", "--max-connections", "1"]);
    let receipt = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionReceipt", "params": [RECORDED]});
    let calls = vec![receipt; 1000];
    let body = json!(calls).to_string();
    let head = format!("POST /324 HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut greedy = server.connect();
    // Requests are answered one after another, so the writing ends when the connection does.
    let writing = thread::spawn(move || {
        let one = format!("{head}{body}");
        while greedy.write_all(one.as_bytes()).is_ok() {}
    });
    writing.join().unwrap();
    assert_eq!(server.post("/324", CALL).json()["result"], "0x144");
}

/// More clients than connections wait for their turn, and all are answered.
#[test]
fn connections_beyond_the_limit_wait() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&["--max-connections", "2"]);
    let answered = AtomicUsize::new(0);
    thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                assert_eq!(server.post("/324", CALL).status, 200);
                answered.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(answered.into_inner(), 16);
}

#[test]
fn health_metrics_and_the_log_say_what_happened() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    server.post("/324", &proof_call());
    let line = server.line_with("firstCalls");
    let first = json!([{"method": "zks_getL2ToL1LogProof", "outcome": "result"}]);
    assert_eq!(line["firstCalls"], first);
    assert_eq!(
        (&line["status"], &line["path"], &line["client"]),
        (&json!(200), &json!("/324"), &json!("127.0.0.1"))
    );
    assert_eq!(line["bytesIn"], proof_call().len());
    let health = server.get("/health").json();
    assert_eq!((&health["status"], &health["reloadError"]), (&json!("ok"), &Value::Null));
    assert!(health["chains"].as_array().unwrap().contains(&json!(324)));
    let metrics = server.get("/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    for line in [
        "slproof_calls_total{method=\"zks_getL2ToL1LogProof\",outcome=\"result\"} 1",
        "slproof_responses_total{status=\"200\"} 2",
        "slproof_failed_reloads_total 0",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line}\n{}", metrics.body);
    }
}

/// Files are replaced by renaming while clients ask: no request fails, and the new content is served. Damaged files
/// are not used.
#[test]
fn replaced_files_are_served_without_losing_a_request() {
    let gateway = Gateway::new("gateway-v29");
    let server = Arc::new(gateway.serve(&["-v"]));
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let new_hash = format!("0x{}", "ee".repeat(32));
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let answer = server.post("/324", &proof_call()).json();
                    assert!(answer["result"]["proof"].is_array(), "{answer}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let ask_new = || {
            let params = json!([new_hash]);
            server.result("/324", "zks_getL2ToL1LogProof", params)
        };
        assert!(ask_new().is_null());
        // The same logs, one transaction with another hash.
        archive_with_transactions("gateway-v29", &gateway.path("logs.jsonl"));
        let other = transaction(324, 501_234, 0);
        let text =
            fs::read_to_string(gateway.path("logs.jsonl")).unwrap().replace(&other, &new_hash);
        fs::write(gateway.path("logs.jsonl"), text).unwrap();
        let (logs, new) = (gateway.path("logs.jsonl"), gateway.path("new.slmsg"));
        let indexed = run(["index", logs.to_str().unwrap(), "-o", new.to_str().unwrap()]);
        assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
        fs::rename(&new, gateway.path("gateway.slmsg")).unwrap();
        wait_until(|| server.get("/health").json()["reloads"] == 1);
        assert!(ask_new()["proof"].is_array());

        let good = fs::read(gateway.path("gateway.sltree")).unwrap();
        fs::write(gateway.path("new"), &good[..good.len() / 2]).unwrap();
        fs::rename(gateway.path("new"), gateway.path("gateway.sltree")).unwrap();
        wait_until(|| server.get("/health").json()["reloadError"].is_string());
        assert!(ask_new()["proof"].is_array(), "the old files are used");
        fs::write(gateway.path("new"), &good).unwrap();
        fs::rename(gateway.path("new"), gateway.path("gateway.sltree")).unwrap();
        wait_until(|| server.get("/health").json()["reloadError"].is_null());
        assert_eq!(server.get("/health").json()["reloads"], 2);
        stop.store(true, Ordering::Relaxed);
    });
    assert!(asked.into_inner() > 10);
}

/// Files whose opening failed are tried again, also if they look the same: the error may have passed.
#[test]
fn files_that_could_not_be_opened_are_tried_again() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let (tree, new) = (gateway.path("gateway.sltree"), gateway.path("new"));
    let good = fs::read(&tree).unwrap();
    fs::write(&new, vec![0; good.len()]).unwrap();
    fs::rename(&new, &tree).unwrap();
    wait_until(|| server.get("/health").json()["reloadError"].is_string());
    let mut file = fs::OpenOptions::new().write(true).open(&tree).unwrap();
    let time = file.metadata().unwrap().modified().unwrap();
    file.write_all(&good).unwrap();
    file.set_modified(time).unwrap();
    wait_until(|| server.get("/health").json()["reloads"] == 1);
    assert!(server.get("/health").json()["reloadError"].is_null());
}

/// Limits that a server cannot have are refused before it starts, from flags and from a configuration.
#[test]
fn limits_are_checked_before_the_server_starts() {
    let gateway = Gateway::new("gateway-v29");
    let refused = |flags: Vec<String>| {
        let checked = run(["serve", "--check"].map(str::to_owned).into_iter().chain(flags));
        assert_eq!(checked.code, Some(2), "{}", checked.stderr);
        assert!(checked.stderr.contains("it has to be from 1 to"), "{}", checked.stderr);
    };
    for flag in ["--max-connections", "--max-calls", "--max-request", "--max-answer", "--timeout"] {
        for value in ["0", "0xffffffffffffffff"] {
            let given = [flag, value].map(str::to_owned);
            refused(gateway.flags().into_iter().chain(given).collect());
        }
    }
    let file = gateway.path("conf.json");
    for limits in [json!({"logs": u64::MAX}), json!({"waitingBytes": 0})] {
        let layers = json!([{"tree": ["gateway.sltree"], "slBatches": ["sl.jsonl"]}]);
        let config = json!({"messages": ["gateway.slmsg"], "layers": layers, "limits": limits});
        fs::write(&file, config.to_string()).unwrap();
        refused(["--config", file.to_str().unwrap()].map(str::to_owned).into());
    }
}

/// After a signal the server answers what it began, and ends without an error.
#[test]
fn a_signal_ends_the_server_after_its_answers() {
    let gateway = Gateway::new("gateway-v29");
    for signal in ["TERM", "INT"] {
        let server = gateway.serve(&[]);
        let body = proof_call();
        let mut stream = server.connect();
        let (half, rest) = body.split_at(20);
        let head =
            format!("POST /324 HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{half}").as_bytes()).unwrap();
        // Accepted and begun before the signal.
        wait_until(|| server.get("/metrics").body.contains("\nslproof_connections 2\n"));
        server.signal(signal);
        thread::sleep(Duration::from_millis(300));
        stream.write_all(rest.as_bytes()).unwrap();
        let answer = read_response(&mut stream);
        assert_eq!(answer.status, 200, "{signal}");
        assert!(answer.json()["result"]["proof"].is_array());
        assert_eq!(server.ended(), Some(0), "{signal}");
    }
}

/// A killed server leaves nothing behind that a new one would stumble over, not even on the same port.
#[test]
fn a_killed_server_is_started_again() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let address = server.address.clone();
    assert_eq!(server.post("/324", CALL).status, 200);
    server.signal("KILL");
    assert_eq!(server.ended(), None);
    let again = Server::start_on(&address, gateway.flags());
    assert_eq!((&again.address, again.post("/324", CALL).status), (&address, 200));
    // A second server cannot take the port.
    let flags: Vec<String> = ["serve", "--listen", &address]
        .map(str::to_owned)
        .into_iter()
        .chain(gateway.flags())
        .collect();
    let second = run(&flags);
    assert_eq!(second.code, Some(6), "{}", second.stderr);
    assert!(second.stderr.contains(&address), "{}", second.stderr);
}

#[test]
fn the_files_are_checked_without_serving_them() {
    let gateway = Gateway::new("gateway-v29");
    let flags: Vec<String> =
        ["serve", "--check"].map(str::to_owned).into_iter().chain(gateway.flags()).collect();
    let checked = run(&flags);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(checked.stdout.contains("324"), "{}", checked.stdout);
    fs::write(gateway.path("gateway.slmsg"), "damaged").unwrap();
    assert_eq!(run(&flags).code, Some(3));
}
