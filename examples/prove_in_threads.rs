//! Shares one prover between threads that answer requests, as a server does.
//!
//! ```text
//! cargo run --release --example prove_in_threads -- \
//!     fixtures/gateway-v29/state.anvil.json fixtures/gateway-v29/logs.jsonl.gz < requests.ndjson
//! ```

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader},
    sync::{Mutex, PoisonError},
    thread,
};

use slproof::{Messages, Prover, Target, Trees, proof::RequestLine};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [state, logs] = &args[..] else {
        return Err("usage: prove_in_threads <STATE> <ARCHIVE>".into());
    };
    let trees = Trees::open(&[state], &Default::default())?;
    let prover = Prover::new(trees, Messages::open(&[logs], &Default::default())?);

    let requests = Mutex::new(BufReader::new(io::stdin()).lines());
    thread::scope(|threads| {
        for _ in 0..4 {
            // Clones share the opened files.
            let (prover, requests) = (prover.clone(), &requests);
            threads.spawn(move || {
                let next = || requests.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(Ok(line)) = next() {
                    println!("{}", answer(&prover, &line));
                }
            });
        }
    });
    Ok(())
}

/// The records for one line of requests, or the code and text of the error.
fn answer(prover: &Prover, line: &str) -> String {
    let request = match RequestLine::parse(line.as_bytes()) {
        Ok(request) => request,
        Err(error) => return format!("{}: {error}", error.code()),
    };
    match prover.prove(&request.request, request.target.unwrap_or(Target::Latest)) {
        Ok(records) => serde_json::to_string(&records).unwrap_or_default(),
        Err(error) => format!("{}: {error}", error.code()),
    }
}
