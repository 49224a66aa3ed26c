//! Shares one prover between threads that answer requests, as a server does.
//!
//! ```text
//! cargo run --release --example prove_in_threads -- \
//!     fixtures/gateway-v29/state.anvil.json fixtures/gateway-v29/logs.jsonl.gz < requests.ndjson
//! ```

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    sync::{Mutex, PoisonError},
    thread,
};

use slproof::{Messages, Prover, Target, Trees, proof::RequestLine};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    run(&args, BufReader::new(io::stdin()), &mut io::stdout())
}

/// Writes one line for each line of requests, in the order in which the answers are ready.
pub(crate) fn run(
    args: &[String],
    requests: impl BufRead + Send,
    out: &mut (impl Write + Send),
) -> Result<(), Box<dyn Error>> {
    let [state, logs] = args else {
        return Err("usage: prove_in_threads <STATE> <ARCHIVE>".into());
    };
    let trees = Trees::open(&[state], &Default::default())?;
    let prover = Prover::new(trees, Messages::open(&[logs], &Default::default())?);

    let (requests, out) = (Mutex::new(requests.lines()), Mutex::new(out));
    thread::scope(|threads| {
        let answer_all = || -> io::Result<()> {
            // Clones share the opened files.
            let prover = prover.clone();
            let next = || requests.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some(line) = next() {
                let answer = answer(&prover, &line?);
                writeln!(out.lock().unwrap_or_else(PoisonError::into_inner), "{answer}")?;
            }
            Ok(())
        };
        let workers = [(); 4].map(|()| threads.spawn(answer_all));
        workers
            .into_iter()
            .try_for_each(|worker| Ok(worker.join().map_err(|_| "a thread panicked")??))
    })
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
