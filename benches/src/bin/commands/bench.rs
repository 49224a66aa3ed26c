//! Runs slproof and the example `synthesize`, and measures them.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::Failed;

/// The number of runs of which the median counts.
pub(crate) const ROUNDS: usize = 5;

/// The time between two looks at the memory of a process.
const LOOK: Duration = Duration::from_millis(1);

/// The programs, and the folder in which they run.
pub(crate) struct Bench<'a> {
    slproof: &'a Path,
    synthesize: &'a Path,
    pub(crate) folder: &'a Path,
    percent: u64,
    /// The number of threads that slproof uses unless told otherwise.
    pub(crate) threads: usize,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        slproof: &'a Path,
        synthesize: &'a Path,
        folder: &'a Path,
        percent: u64,
        threads: usize,
    ) -> Self {
        Self { slproof, synthesize, folder, percent, threads }
    }

    /// A number of things in an input, at the size that was asked for.
    pub(crate) fn scaled(&self, full: u64) -> u64 {
        (full * self.percent / 100).max(1)
    }

    /// The length of a file in bytes.
    pub(crate) fn len(&self, name: &str) -> Result<u64, Failed> {
        Ok(fs::metadata(self.folder.join(name))?.len())
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), Failed> {
        Ok(fs::remove_file(self.folder.join(name))?)
    }

    /// Makes inputs.
    pub(crate) fn synthesize(&self, arguments: &str) -> Result<(), Failed> {
        self.finish(self.command(self.synthesize, arguments).spawn()?, arguments).map(|_| ())
    }

    /// Runs slproof, and returns its summary.
    pub(crate) fn summary(&self, arguments: &str) -> Result<Value, Failed> {
        let mut command = self.command(self.slproof, arguments);
        let output = command.arg("--json").stdout(Stdio::piped()).output()?;
        if !output.status.success() {
            return Err(failed(arguments, &output.stderr));
        }
        // Commands that can write records to standard output write their summary to standard error.
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        Ok(serde_json::from_slice(&text)?)
    }

    /// The seconds that slproof takes.
    pub(crate) fn seconds(&self, arguments: &str) -> Result<f64, Failed> {
        self.make_way(arguments)?;
        let started = Instant::now();
        let child = self.command(self.slproof, arguments).spawn()?;
        self.finish(child, arguments)?;
        Ok(started.elapsed().as_secs_f64())
    }

    /// The medians of the seconds that commands of slproof take. They run in turn.
    pub(crate) fn medians(&self, rounds: usize, commands: &[String]) -> Result<Vec<f64>, Failed> {
        let mut times = vec![Vec::new(); commands.len()];
        for _ in 0..rounds {
            for (times, command) in times.iter_mut().zip(commands) {
                times.push(self.seconds(command)?);
            }
        }
        Ok(times.into_iter().map(median).collect())
    }

    /// The seconds that slproof takes, and the most anonymous memory that it had, in bytes. Pages of mapped files are not
    /// anonymous. The memory is looked at each millisecond.
    pub(crate) fn peak(&self, arguments: &str) -> Result<(f64, u64), Failed> {
        self.make_way(arguments)?;
        let started = Instant::now();
        let mut child = self.command(self.slproof, arguments).spawn()?;
        let (status, mut peak) = (format!("/proc/{}/status", child.id()), 0);
        while child.try_wait()?.is_none() {
            peak = peak.max(anonymous(&fs::read_to_string(&status)?));
            thread::sleep(LOOK);
        }
        let seconds = started.elapsed().as_secs_f64();
        self.finish(child, arguments)?;
        Ok((seconds, peak))
    }

    /// Removes the output of an earlier run. The memory of the old file would otherwise be freed while the command is measured.
    fn make_way(&self, arguments: &str) -> Result<(), Failed> {
        let output = arguments.split_whitespace().skip_while(|word| *word != "-o").nth(1);
        match output.filter(|name| *name != "/dev/null" && self.folder.join(name).exists()) {
            Some(output) => self.remove(output),
            None => Ok(()),
        }
    }

    fn command(&self, program: &Path, arguments: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn finish(&self, child: Child, arguments: &str) -> Result<(), Failed> {
        let output = child.wait_with_output()?;
        if output.status.success() { Ok(()) } else { Err(failed(arguments, &output.stderr)) }
    }
}

/// The median of measured values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn failed(arguments: &str, errors: &[u8]) -> Failed {
    format!("{arguments}: {}", String::from_utf8_lossy(errors)).into()
}

/// The anonymous memory in bytes in the text of `/proc/PID/status`; 0 for a process that has ended.
fn anonymous(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    1024 * kib.unwrap_or(0)
}
