//! Asks a server for proofs over the loopback interface, and prints what it did as Markdown.
//!
//! ```text
//! ulimit -n 4096
//! cargo run --manifest-path benches/Cargo.toml --release --bin load -- target/release/slproof 1000000
//! ```
//!
//! The arguments are the program and the number of requests of the longest row. No row takes longer than two minutes. The
//! clients run on the same machine, so they take a part of its processors.

use std::{
    error::Error,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use slproof::{files::Input, keccak::keccak256};

type Failed = Box<dyn Error + Send + Sync>;

/// The longest time of a row.
const LONGEST: Duration = Duration::from_secs(120);

/// The most logs of a batch that counts as small.
const SMALL: usize = 1000;

/// The calls of an array.
const ARRAY: usize = 100;

fn main() -> Result<(), Failed> {
    let mut args = std::env::args().skip(1);
    let program: PathBuf = args.next().ok_or("give the program and the number of requests")?.into();
    let requests: u64 = args.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let Transactions { small, large } = prepare(&program, folder.path())?;
    let server = Server::start(&program, folder.path())?;
    server.is_right(&small[0])?;
    println!(
        "| batches | connections | calls a request | requests | proofs a second | p50 | p99 | peak memory |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (name, hashes, connections, calls, requests) in [
        ("small", &small, 8, 1, requests),
        ("small", &small, 8, ARRAY, requests / 20),
        ("16,384 logs", &large, 8, 1, requests / 100),
        ("16,384 logs", &large, 8, ARRAY, requests / 100),
        ("small", &small, 1000, 1, requests / 20),
    ] {
        let Measured { requests, seconds, mut latencies } =
            server.load(hashes, connections, calls, requests)?;
        latencies.sort_unstable();
        let percentile = |part: usize| {
            let at = (latencies.len() * part / 100).min(latencies.len().saturating_sub(1));
            f64::from(latencies.get(at).copied().unwrap_or_default()) / 1000.0
        };
        println!(
            "| {name} | {connections} | {calls} | {requests} | {:.0} | {:.2} ms | {:.2} ms | {} |",
            (requests * calls as u64) as f64 / seconds,
            percentile(50),
            percentile(99),
            server.memory()?
        );
    }
    Ok(())
}

/// The hashes of transactions, one for each log.
struct Transactions {
    /// Of batches with at most [`SMALL`] logs.
    small: Vec<String>,
    /// Of the largest batch.
    large: Vec<String>,
}

/// Makes a tree file and an archive of the fixtures, in which every log is of a transaction of its own.
fn prepare(program: &Path, folder: &Path) -> Result<Transactions, Failed> {
    let mut text = String::new();
    Input::open(&fixture("logs.jsonl.gz"))?.read_to_string(&mut text)?;
    let mut transactions = Transactions { small: Vec::new(), large: Vec::new() };
    let mut lines = String::new();
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line)?;
        let (chain, batch) = (line["chainId"].clone(), line["batchNumber"].clone());
        let logs = line["logs"].as_array().map_or(0, Vec::len);
        let hash = |log| keccak256(format!("{chain} {batch} {log}").as_bytes()).to_string();
        let hashes: Vec<String> = (0..logs).map(hash).collect();
        line["transactions"] = json!(hashes);
        lines += &format!("{line}\n");
        // Chain 324 has the most batches.
        match logs {
            0 => {}
            ..=SMALL if chain == 324 => transactions.small.extend(hashes),
            16_384 => transactions.large = hashes,
            _ => {}
        }
    }
    fs::write(folder.join("logs.jsonl"), lines)?;
    for args in [
        ["index", "logs.jsonl", "-q", "-o", "logs.slmsg"].map(PathBuf::from).to_vec(),
        [
            PathBuf::from("rebuild"),
            fixture("state.anvil.json"),
            "--events".into(),
            fixture("events.jsonl.gz"),
            "-q".into(),
            "-o".into(),
            "trees.sltree".into(),
        ]
        .to_vec(),
    ] {
        if !Command::new(fs::canonicalize(program)?)
            .args(args)
            .current_dir(folder)
            .stdout(Stdio::null())
            .status()?
            .success()
        {
            return Err("the files of the server could not be made".into());
        }
    }
    Ok(transactions)
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/gateway-v29").join(name)
}

/// A server in a process of its own, which ends with the value.
struct Server {
    child: Child,
    address: String,
}

/// What a row measured.
struct Measured {
    requests: u64,
    seconds: f64,
    /// Of each request, in microseconds.
    latencies: Vec<u32>,
}

impl Server {
    fn start(program: &Path, folder: &Path) -> Result<Self, Failed> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let child = Command::new(fs::canonicalize(program)?)
            .args(["serve", "-q", "--listen", &address, "--tree", "trees.sltree"])
            .args(["--messages", "logs.slmsg", "--sl-batches"])
            .arg(fixture("gw_batches.jsonl"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let server = Self { child, address };
        let until = Instant::now() + LONGEST;
        while TcpStream::connect(&server.address).is_err() {
            if Instant::now() > until {
                return Err("the server did not start".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Compares an answer with a proof that contracts accepted.
    fn is_right(&self, hash: &str) -> Result<(), Failed> {
        let mut text = String::new();
        Input::open(&fixture("proofs_l1.jsonl.gz"))?.read_to_string(&mut text)?;
        let accepted: Value = serde_json::from_str(text.lines().next().ok_or("no proof")?)?;
        let (chain, batch, index) =
            (&accepted["chainId"], &accepted["batchNumber"], &accepted["logIndex"]);
        let expected = keccak256(format!("{chain} {batch} {index}").as_bytes()).to_string();
        let mut client = Client::connect(&self.address)?;
        for asked in [&*expected, hash] {
            let answer: Value = serde_json::from_slice(client.ask(&request(&[asked]))?)?;
            let proof = &answer["result"]["proof"];
            if !proof.is_array() || asked == expected && proof != &accepted["proof"] {
                return Err(format!("a wrong answer: {answer}").into());
            }
        }
        Ok(())
    }

    /// Asks on several connections at once, which are all open before the first request.
    fn load(
        &self,
        hashes: &[String],
        connections: u64,
        calls: usize,
        requests: u64,
    ) -> Result<Measured, Failed> {
        let open = |_| Client::connect(&self.address);
        let clients = (0..connections).map(open).collect::<Result<Vec<_>, Failed>>()?;
        let left = AtomicU64::new(requests);
        let started = Instant::now();
        let asked = thread::scope(|threads| {
            let ask = |(at, client): (usize, Client)| {
                let left = &left;
                let work = move || ask(client, at, (hashes, calls), left, started + LONGEST);
                thread::Builder::new().stack_size(1 << 18).spawn_scoped(threads, work)
            };
            let running =
                clients.into_iter().enumerate().map(ask).collect::<Result<Vec<_>, _>>()?;
            let mut latencies = Vec::new();
            for thread in running {
                latencies.extend(thread.join().map_err(|_| "a client failed")??);
            }
            Ok::<_, Failed>(latencies)
        });
        let (latencies, seconds) = (asked?, started.elapsed().as_secs_f64());
        Ok(Measured { requests: latencies.len() as u64, seconds, latencies })
    }

    /// The peak of the memory of the process so far, without its files and with the mapped ones.
    fn memory(&self) -> Result<String, Failed> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').trim().split(' ').next()?.parse().ok()
        };
        let peak = kib("VmHWM").ok_or("no VmHWM")?;
        let mapped = kib("RssFile").ok_or("no RssFile")?;
        Ok(format!("{} MiB, {} of them files", peak / 1024, mapped / 1024))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until no requests are left, for other transactions each time. Returns how long each took.
fn ask(
    mut client: Client,
    at: usize,
    (hashes, calls): (&[String], usize),
    left: &AtomicU64,
    until: Instant,
) -> Result<Vec<u32>, Failed> {
    let mut latencies = Vec::new();
    let mut next = at * 7919;
    let take = |left: u64| left.checked_sub(1);
    while Instant::now() < until
        && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    {
        let asked: Vec<&str> = (0..calls).map(|i| &*hashes[(next + i) % hashes.len()]).collect();
        next += calls * 13;
        let body = request(&asked);
        let started = Instant::now();
        let answer = client.ask(&body)?;
        latencies.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
        let proofs = answer.windows(9).filter(|text| text == b"\"proof\":[").count();
        if proofs != calls {
            return Err(format!("{proofs} proofs for {calls} calls").into());
        }
    }
    Ok(latencies)
}

/// The body of a request: a call, or an array of them.
fn request(hashes: &[&str]) -> String {
    let call = |hash: &&str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"zks_getL2ToL1LogProof","params":["{hash}",0]}}"#
        )
    };
    match hashes {
        [one] => call(one),
        _ => format!("[{}]", hashes.iter().map(call).collect::<Vec<_>>().join(",")),
    }
}

/// A connection that stays open.
struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    fn connect(address: &str) -> Result<Self, Failed> {
        let stream = TcpStream::connect(address)
            .map_err(|error| format!("{error}; are more files allowed (ulimit -n)?"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::new() })
    }

    /// Sends a request, and returns the body of its answer.
    fn ask(&mut self, body: &str) -> Result<&[u8], Failed> {
        let len = body.len();
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {len}\r\n\r\n");
        self.stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        self.answer.clear();
        let mut end = None;
        let mut piece = [0; 1 << 16];
        loop {
            let read = self.stream.read(&mut piece)?;
            if read == 0 {
                return Err("the server ended the connection".into());
            }
            self.answer.extend_from_slice(&piece[..read]);
            if end.is_none() {
                end = self.answer.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
            }
            let Some(end) = end else { continue };
            let head = std::str::from_utf8(&self.answer[..end])?;
            if !head.starts_with("HTTP/1.1 200 ") {
                return Err(head.to_owned().into());
            }
            let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let len: usize = len.ok_or("no length")?.parse()?;
            if self.answer.len() >= end + len {
                return Ok(&self.answer[end..]);
            }
        }
    }
}
