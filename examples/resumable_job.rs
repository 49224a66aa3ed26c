//! Runs a job into a sink of its own: a folder with one file for each part, named by the steps that are done
//! with it. A run that is interrupted is resumed by the next one.
//!
//! ```text
//! cargo run --release --example resumable_job -- \
//!     fixtures/gateway-v29/state.anvil.json fixtures/gateway-v29/logs.jsonl.gz proofs/
//! ```

use std::{
    env, error, fs, io,
    path::{Path, PathBuf},
};

use slproof::{Answer, JobPart, Messages, Prover, Selection, Sink, Trees};

/// Writes a file for each part.
struct Folder(PathBuf);

impl Folder {
    /// How many steps of the job the folder has.
    fn steps(&self) -> io::Result<u64> {
        let names = self.0.read_dir()?.map(|entry| Ok(entry?.file_name()));
        let names = names.collect::<io::Result<Vec<_>>>()?;
        let steps = names.iter().filter_map(|name| Path::new(name).file_stem()?.to_str());
        Ok(steps.filter_map(|steps| steps.parse().ok()).max().unwrap_or(0))
    }
}

impl Sink for Folder {
    fn write(&mut self, part: JobPart) -> Result<(), Box<dyn error::Error + Send + Sync>> {
        let mut text = Vec::new();
        for answer in &part.answers {
            match answer {
                Answer::Proof(record) => serde_json::to_writer(&mut text, record)?,
                Answer::Failed(record) => serde_json::to_writer(&mut text, record)?,
            }
            text.push(b'\n');
        }
        // A file has its name only when it is complete, so that every name stands for steps that are done.
        let unfinished = self.0.join("unfinished");
        fs::write(&unfinished, text)?;
        fs::rename(unfinished, self.0.join(format!("{:020}.ndjson", part.steps)))?;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn error::Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [state, logs, folder] = &args[..] else {
        return Err("usage: resumable_job <STATE> <ARCHIVE> <FOLDER>".into());
    };
    fs::create_dir_all(folder)?;
    let mut sink = Folder(folder.into());
    let trees = Trees::open(&[state], &Default::default())?;
    let prover = Prover::new(trees, Messages::open(&[logs], &Default::default())?);

    let job = prover.job(Selection::all()).skip(sink.steps()?);
    let summary = job.run(&mut sink)?;
    println!("{} proofs in this run", summary.count.proofs);
    Ok(())
}
