//! Proves every occurrence of a message, and verifies the proofs, with the library alone.
//!
//! ```text
//! cargo run --release --example prove_message -- \
//!     fixtures/gateway-v29/state.anvil.json fixtures/gateway-v29/logs.jsonl.gz 0x<message hash>
//! ```

use std::{env, error::Error, path::Path};

use slproof::{
    anchor::KnownRoots,
    files::Access,
    forest::{self, Addresses, RebuildOptions},
    ingest::{logs::read_archive, state::read_state},
    primitives::Hash,
    proof::Target,
    prove::Extractor,
};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [state, logs, hash] = &args[..] else {
        return Err("usage: prove_message <STATE> <ARCHIVE> <MESSAGE HASH>".into());
    };
    let hash: Hash = hash.parse()?;
    let dump = read_state(Path::new(state), None)?;
    let forest = forest::rebuild(&dump.state, &RebuildOptions::default())?;
    let archive = read_archive(Path::new(logs), Access::Map)?;

    let extractor = Extractor::new(&forest, Target::Latest)?;
    let known = KnownRoots::new(&dump.state, Addresses::default())?;
    let mut found = archive.find_message(hash).peekable();
    if found.peek().is_none() {
        return Err(format!("the archive has no message with the hash {hash}").into());
    }
    for at in found {
        let at = at?;
        let record = extractor.batch(at.batch)?.prove(at.index)?;
        let log = &at.batch.logs()[at.index as usize];
        let folded = record
            .verify(log, |anchor| Some(known.of_record(&record, anchor).ok()?.root()?.root))?;
        println!(
            "chain {}, batch {}, log {}: {} words fold to {}",
            record.chain_id,
            record.batch_number,
            record.id,
            record.proof.len(),
            folded.root
        );
    }
    Ok(())
}
