//! Runs a job with a custom sink: a directory with one file per part. The name of each file is the number of
//! steps completed so far, so the next run can resume an interrupted one.
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

/// Writes one file per part.
struct DirectorySink(PathBuf);

impl DirectorySink {
    /// The number of completed steps of the job in the directory.
    fn steps(&self) -> io::Result<u64> {
        let names = self.0.read_dir()?.map(|entry| Ok(entry?.file_name()));
        let names = names.collect::<io::Result<Vec<_>>>()?;
        let steps = names.iter().filter_map(|name| Path::new(name).file_stem()?.to_str());
        Ok(steps.filter_map(|steps| steps.parse().ok()).max().unwrap_or(0))
    }
}

impl Sink for DirectorySink {
    fn write(&mut self, part: JobPart) -> Result<(), Box<dyn error::Error + Send + Sync>> {
        let mut text = Vec::new();
        for answer in &part.answers {
            match answer {
                Answer::Proof(record) => serde_json::to_writer(&mut text, record)?,
                Answer::Failed(record) => serde_json::to_writer(&mut text, record)?,
            }
            text.push(b'\n');
        }
        // The file is renamed when it is complete, so the steps that its name counts are always done.
        let unfinished = self.0.join("unfinished");
        fs::write(&unfinished, text)?;
        fs::rename(unfinished, self.0.join(format!("{:020}.ndjson", part.steps)))?;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn error::Error>> {
    let proofs = run(&env::args().skip(1).collect::<Vec<_>>())?;
    println!("{proofs} proofs in this run");
    Ok(())
}

/// Starts the job or continues it. Returns the number of proofs of this run.
pub(crate) fn run(args: &[String]) -> Result<u64, Box<dyn error::Error>> {
    let [state, logs, directory] = args else {
        return Err("usage: resumable_job <STATE> <ARCHIVE> <DIRECTORY>".into());
    };
    fs::create_dir_all(directory)?;
    let mut sink = DirectorySink(directory.into());
    let trees = Trees::open(&[state], &Default::default())?;
    let prover = Prover::new(trees, Messages::open(&[logs], &Default::default())?);

    let job = prover.job(Selection::all()).skip(sink.steps()?);
    Ok(job.run(&mut sink)?.count.proofs)
}
