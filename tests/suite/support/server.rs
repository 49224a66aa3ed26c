//! `slproof serve` as a process of its own, and a plain client of HTTP.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Stdio},
    sync::{
        Mutex,
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use slproof::keccak::keccak256;

use super::{binary, fixture, json_lines, vectors};

/// The hash of the transaction in the recorded requests of real clients.
pub const RECORDED: &str = "0xf8341679fd37fa54ae7093f2b8a0e19255f2349b13d010c9253330e3bbff0eda";

/// How long something may take that is expected to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The invented hash of the transaction whose first log this is. It is that of the recordings for logs 8 and 9
/// of batch 501239 of chain 324.
pub fn transaction(chain: u64, batch: u64, first: usize) -> String {
    match (chain, batch, first) {
        (324, 501_239, 8) => RECORDED.into(),
        _ => keccak256(format!("{chain} {batch} {first}").as_bytes()).to_string(),
    }
}

/// The raw archive of a directory of fixtures with a hash for each transaction: logs that follow each other and
/// have the same number are of one.
pub fn archive_with_transactions(folder: &str, file: &Path) {
    let mut text = String::new();
    for mut line in json_lines(&format!("{folder}/logs.jsonl.gz")) {
        let (chain, batch) =
            (line["chainId"].as_u64().unwrap(), line["batchNumber"].as_u64().unwrap());
        let logs: Vec<_> = line["logs"].as_array().unwrap().iter().map(vectors::unhex).collect();
        let mut first = 0;
        let hashes = (0..logs.len()).map(|at| {
            if vectors::tx_number(&logs[at]) != vectors::tx_number(&logs[first]) {
                first = at;
            }
            transaction(chain, batch, first)
        });
        line["transactions"] = json!(hashes.collect::<Vec<_>>());
        text += &format!("{line}\n");
    }
    fs::write(file, text).unwrap();
}

/// Makes a directory with the events, the batches and the messages of a Gateway, among them withdrawals.
pub fn withdrawals(directory: &Path) {
    fs::create_dir(directory).unwrap();
    for file in ["events.jsonl.gz", "withdrawals.jsonl.gz", "gw_batches.jsonl"] {
        fs::copy(fixture(&format!("gateway-v29-to-v31/{file}")), directory.join(file)).unwrap();
    }
}

/// As [`withdrawals`], where batch 1154 of chain 12 lacks its last log.
pub fn damaged_withdrawals(directory: &Path) {
    withdrawals(directory);
    let mut batches = json_lines("gateway-v29-to-v31/withdrawals.jsonl.gz");
    let is_damaged = |batch: &&mut Value| batch["chainId"] == 12 && batch["batchNumber"] == 1154;
    let damaged = batches.iter_mut().find(is_damaged).unwrap();
    damaged["logs"].as_array_mut().unwrap().pop();
    damaged.as_object_mut().unwrap().retain(|name, _| name != "messages" && name != "transactions");
    let text: String = batches.iter().map(|batch| format!("{batch}\n")).collect();
    fs::remove_file(directory.join("withdrawals.jsonl.gz")).unwrap();
    fs::write(directory.join("withdrawals.jsonl"), text).unwrap();
}

/// A directory with the files of a Gateway: trees with their history, and logs with hashes of transactions.
pub struct Gateway(tempfile::TempDir);

impl Gateway {
    pub fn new(folder: &str) -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        let path = |file: &str| fixture(&format!("{folder}/{file}"));
        archive_with_transactions(folder, &directory.path("logs.jsonl"));
        let messages = directory.path("gateway.slmsg");
        let indexed = binary::run([
            OsStr::new("index"),
            directory.path("logs.jsonl").as_os_str(),
            OsStr::new("-o"),
            messages.as_os_str(),
        ]);
        assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
        let tree = directory.path("gateway.sltree");
        let rebuilt = binary::run([
            OsStr::new("rebuild"),
            path("state.anvil.json").as_os_str(),
            OsStr::new("--events"),
            path("events.jsonl.gz").as_os_str(),
            OsStr::new("-o"),
            tree.as_os_str(),
        ]);
        assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
        fs::copy(path("gw_batches.jsonl"), directory.path("sl.jsonl")).unwrap();
        directory
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The flags that name its files.
    pub fn flags(&self) -> Vec<String> {
        let text = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let flags = [
            "--tree",
            &text("gateway.sltree"),
            "--messages",
            &text("gateway.slmsg"),
            "--sl-batches",
            &text("sl.jsonl"),
        ];
        flags.map(str::to_owned).into()
    }

    /// Starts a server of these files.
    pub fn serve(&self, rest: &[&str]) -> Server {
        let rest = rest.iter().map(|flag| (*flag).to_owned());
        Server::start(self.flags().into_iter().chain(rest))
    }
}

/// A running server. It is killed when the value is dropped.
pub struct Server {
    child: Child,
    pub address: String,
    lines: Mutex<Receiver<String>>,
}

/// An answer of HTTP.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Server {
    /// Starts a server on any free port, and waits until it listens.
    pub fn start(flags: impl IntoIterator<Item = String>) -> Self {
        Self::start_on("127.0.0.1:0", flags)
    }

    /// Starts a server on an address, and waits until it listens.
    pub fn start_on(address: &str, flags: impl IntoIterator<Item = String>) -> Self {
        let mut child = binary::command()
            .args(["serve", "--json", "--listen", address])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Mutex::new(read_lines(child.stderr.take().unwrap()));
        let mut server = Self { child, address: String::new(), lines };
        let listening = server.line_with("listening");
        server.address = listening["listening"].as_str().unwrap().to_owned();
        server
    }

    /// The next line on standard error that has a member, as JSON.
    pub fn line_with(&self, member: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        let lines = self.lines.lock().unwrap();
        let mut seen = Vec::new();
        while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            if value.get(member).is_some() {
                return value;
            }
            seen.push(line);
        }
        panic!("no line with {member}: {seen:#?}");
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request on a connection of its own.
    pub fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Response {
        let mut stream = self.connect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        // A server that refuses a request may close the connection before it has read all of it.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        read_response(&mut stream)
    }

    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path, "", b"")
    }

    pub fn post(&self, path: &str, body: &str) -> Response {
        self.request("POST", path, "content-type: application/json\r\n", body.as_bytes())
    }

    /// Calls a method. Returns the answer without the version and the id.
    pub fn call(&self, path: &str, method: &str, params: Value) -> Value {
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        let mut answer = self.post(path, &call.to_string()).json();
        let answer = answer.as_object_mut().unwrap();
        assert_eq!(answer.remove("jsonrpc"), Some(json!("2.0")));
        assert_eq!(answer.remove("id"), Some(json!(7)));
        json!(answer)
    }

    /// The result of a method.
    pub fn result(&self, path: &str, method: &str, params: Value) -> Value {
        let answer = self.call(path, method, params);
        answer.get("result").unwrap_or_else(|| panic!("{method}: {answer}")).clone()
    }

    /// Sends a signal to the process.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until the process ended, and returns its exit code.
    pub fn ended(mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server did not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads one answer, up to the end of the connection.
pub fn read_response(stream: &mut TcpStream) -> Response {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Response { status, head: head.into(), body: body.into() }
}

/// Reads one answer of a connection that stays open, by its length; `None` if the connection ends first.
pub fn read_response_of_open_connection(stream: &mut TcpStream) -> Option<Response> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
            let mut response = Response { status: 0, head, body: String::new() };
            let len: usize = response.header("content-length").unwrap().parse().unwrap();
            if bytes.len() >= at + 4 + len {
                assert_eq!(bytes.len(), at + 4 + len, "nothing was asked beyond this");
                response.status = response.head.split(' ').nth(1).unwrap().parse().unwrap();
                response.body = String::from_utf8(bytes.split_off(at + 4)).unwrap();
                return Some(response);
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(len) => bytes.extend_from_slice(&piece[..len]),
        }
    }
}

/// Waits until something is so.
pub fn wait_until(is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it did not happen within a minute");
}

fn read_lines(stderr: ChildStderr) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
