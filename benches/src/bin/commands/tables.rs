//! The tables that are printed.

use std::fmt;

use crate::{
    Failed,
    bench::{Bench, ROUNDS},
    machine::Machine,
};

/// A command that is measured with one thread and with all.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) arguments: String,
    /// The bytes that it reads or writes, whichever are more.
    pub(crate) bytes: u64,
}

/// The rows so far.
pub(crate) struct Tables {
    machine: Machine,
    /// A command, its time or size, what it is compared with, its time, and the ratio.
    compared: Vec<[String; 5]>,
    /// A command, its bytes, its times with one thread and with all, their ratio, its rate, and that of memcpy.
    scaled: Vec<[String; 7]>,
    /// A command and its memory.
    memory: Vec<[String; 2]>,
}

impl Tables {
    pub(crate) fn of(machine: Machine) -> Self {
        Self { machine, compared: Vec::new(), scaled: Vec::new(), memory: Vec::new() }
    }

    /// Adds a command beside another.
    pub(crate) fn compare(&mut self, row: [String; 5]) {
        self.compared.push(row);
    }

    /// Adds a command that is compared with nothing.
    pub(crate) fn alone(&mut self, command: String, value: String) {
        self.compared.push([command, value, String::new(), String::new(), String::new()]);
    }

    /// Measures commands with one thread and with all, adds them, and returns the seconds with all.
    pub(crate) fn scale(&mut self, bench: &Bench<'_>, jobs: &[Job]) -> Result<Vec<f64>, Failed> {
        let with = |threads: usize| {
            jobs.iter().map(move |job| format!("{} --threads {threads}", job.arguments))
        };
        let commands: Vec<String> = with(1).chain(with(bench.threads)).collect();
        let times = bench.medians(ROUNDS, &commands)?;
        let (one, all) = times.split_at(jobs.len());
        for ((job, one), all) in jobs.iter().zip(one).zip(all) {
            let rate = job.bytes as f64 / all;
            self.scaled.push([
                job.name.clone(),
                bytes(job.bytes),
                seconds(*one),
                seconds(*all),
                format!("{:.2} ×", one / all),
                gigabytes(rate),
                format!("{:.0} %", 100.0 * rate / self.machine.copied[1]),
            ]);
        }
        Ok(all.to_vec())
    }

    /// Measures the memory of a command, adds it, and returns its seconds.
    pub(crate) fn peak(
        &mut self,
        bench: &Bench<'_>,
        name: &str,
        arguments: &str,
    ) -> Result<f64, Failed> {
        let (seconds, peak) = bench.peak(arguments)?;
        self.memory.push([name.into(), format!("{:.0} MiB", peak as f64 / f64::from(1 << 20))]);
        Ok(seconds)
    }
}

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { threads, copied, read, written } = &self.machine;
        let [copied, read] = [copied, read].map(|rates| rates.map(gigabytes).join(" and "));
        writeln!(
            f,
            "The machine copies {copied} a second with 1 thread and with {threads} (memcpy), reads {read} of a file in \
             memory, and writes {} to a new file.\n",
            gigabytes(*written)
        )?;
        table(f, ["command", "", "beside", "", "ratio"], &self.compared)?;
        let all = format!("{threads} threads");
        let head = ["command", "bytes", "1 thread", &all, "", "a second", "of memcpy"];
        table(f, head, &self.scaled)?;
        table(f, ["command", "peak of anonymous memory"], &self.memory)
    }
}

/// A table, unless it has no rows. The first column holds text, the others numbers or what they are compared with.
fn table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    head: [&str; N],
    rows: &[[String; N]],
) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(f, "| {} |", head.join(" | "))?;
    let line = head.map(|name| if matches!(name, "command" | "beside") { "---" } else { "---:" });
    writeln!(f, "| {} |", line.join(" | "))?;
    rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))?;
    writeln!(f)
}

/// Seconds in a suitable unit.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        ..0.1 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        ..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// Bytes, usually those of a second.
pub(crate) fn gigabytes(bytes: f64) -> String {
    format!("{:.2} GB", bytes / 1e9)
}

/// A number with commas.
pub(crate) fn number(value: u64) -> String {
    match value {
        ..1000 => value.to_string(),
        _ => format!("{},{:03}", number(value / 1000), value % 1000),
    }
}
