//! Measures the commands of slproof beside what they are compared with, and prints Markdown tables:
//!
//! ```text
//! cargo build --release --bin slproof --example synthesize
//! cargo run --manifest-path benches/Cargo.toml --release --bin commands -- \
//!     target/release/slproof target/release/examples/synthesize [PERCENT [STAGE…]]
//! ```
//!
//! PERCENT is the size of the inputs, 100 if it is left out. With 100, all stages take about seven minutes on two cores, and 6 GB
//! in the temporary folder (`TMPDIR`), which has to be on a disk: the inputs are in the page cache when they are measured.
//! Nothing else may run meanwhile. Times are by the clock, of whole processes, and medians of several runs; commands that are
//! compared run in turn. A STAGE is `state`, `proofs`, `requests`, `era` or `past`.
//!
//! Before it measures, each stage checks the roots that `rebuild` finds against those of the contracts' algorithm, and lets
//! `verify` judge the proofs with the state.

mod bench;
mod era;
mod layer;
mod machine;
mod past;
mod proofs;
mod requests;
mod single;
mod state;
mod tables;

use std::{env, error::Error, path::PathBuf, thread};

use bench::Bench;
use machine::Machine;
use slproof_benches::results::processor;
use tables::Tables;

type Failed = Box<dyn Error>;

type Stage = fn(&Bench, &mut Tables) -> Result<(), Failed>;

const STAGES: [(&str, Stage); 5] = [
    ("state", state::measure),
    ("proofs", proofs::measure),
    ("requests", requests::measure),
    ("era", era::measure),
    ("past", past::measure),
];

fn main() -> Result<(), Failed> {
    let mut arguments = env::args().skip(1);
    let mut program = |name: &str| -> Result<PathBuf, Failed> {
        let path = arguments.next().ok_or(format!("give the path of {name}"))?;
        Ok(std::fs::canonicalize(&path).map_err(|error| format!("{path}: {error}"))?)
    };
    let (slproof, synthesize) = (program("slproof")?, program("synthesize")?);
    let percent = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let wanted: Vec<String> = arguments.collect();
    if let Some(unknown) = wanted.iter().find(|name| STAGES.iter().all(|stage| stage.0 != **name)) {
        return Err(format!("{unknown} is no stage").into());
    }

    let threads = thread::available_parallelism()?.get();
    let mut tables = Tables::of(Machine::measured(threads)?);
    for (name, stage) in STAGES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            eprintln!("{name} …");
            let folder = tempfile::tempdir()?;
            let bench = Bench::new(&slproof, &synthesize, folder.path(), percent, threads);
            stage(&bench, &mut tables)?;
        }
    }
    println!("{}. Inputs of {percent} %.\n\n{tables}", processor());
    Ok(())
}
