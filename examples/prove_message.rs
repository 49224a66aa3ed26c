//! Proves every occurrence of a message, and verifies the proofs.
//!
//! ```text
//! cargo run --release --example prove_message -- \
//!     fixtures/gateway-v29/state.anvil.json fixtures/gateway-v29/logs.jsonl.gz 0x<message hash>
//! ```

use std::{
    env,
    error::Error,
    io::{self, Write},
};

use slproof::{Messages, Prover, Request, Target, Trees, TrustedRoots, Verdict, verify};

fn main() -> Result<(), Box<dyn Error>> {
    run(&env::args().skip(1).collect::<Vec<_>>(), &mut io::stdout())
}

/// Writes one record per line.
pub(crate) fn run(args: &[String], out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let [state, logs, hash] = args else {
        return Err("usage: prove_message <STATE> <ARCHIVE> <MESSAGE HASH>".into());
    };
    let trees = Trees::open(&[state], &Default::default())?;
    eprintln!("{trees}");
    let prover = Prover::new(trees, Messages::open(&[logs], &Default::default())?);
    let known = TrustedRoots::open(state, &Default::default())?;

    let request = Request::Message { message: hash.parse()? };
    for record in prover.prove(&request, Target::Latest)? {
        match verify(&record, &known) {
            Verdict::Valid(_) => writeln!(out, "{}", serde_json::to_string(&record)?)?,
            Verdict::Invalid(reason) | Verdict::CannotJudge(reason) => return Err(reason.into()),
        }
    }
    Ok(())
}
