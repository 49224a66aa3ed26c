//! Reads the results of criterion and callgrind from their files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::COUNTED;

/// Which of the measured times of a function is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Criterion's estimate of the median.
    Median,
    /// The fastest sample, for a machine on which other programs run.
    Fastest,
}

/// One measured function.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The group, such as `build`.
    pub group: String,
    /// What was measured, such as `slproof-2`.
    pub function: String,
    /// The parameter: a number of leaves, logs or threads; 0 if there is none.
    pub value: u64,
    /// The number of elements of one iteration.
    pub elements: u64,
    /// The time of one iteration in nanoseconds.
    pub nanoseconds: f64,
}

impl Measured {
    /// Nanoseconds per element.
    #[must_use]
    pub fn each(&self) -> f64 {
        self.nanoseconds / self.elements.max(1) as f64
    }
}

/// Everything below criterion's folder.
#[derive(Clone, Debug, Default)]
pub struct Results {
    measured: Vec<Measured>,
    /// Instructions a hash by backend.
    pub instructions: BTreeMap<String, f64>,
}

impl Results {
    /// Reads criterion's folder.
    ///
    /// # Errors
    /// When a folder or file cannot be read, or is not as criterion writes it.
    pub fn read(folder: &Path, statistic: Statistic) -> io::Result<Self> {
        let mut results = Self::default();
        for path in files(folder)? {
            let name = path.file_name().unwrap_or_default();
            if name == "benchmark.json" && path.parent().is_some_and(|p| p.ends_with("new")) {
                let time = match statistic {
                    Statistic::Median => median(&json(&path.with_file_name("estimates.json"))?),
                    Statistic::Fastest => fastest(&json(&path.with_file_name("sample.json"))?),
                };
                results.measured.extend(measured(&json(&path)?, time));
            } else if path.extension().is_some_and(|extension| extension == "callgrind") {
                let text = fs::read_to_string(&path)?;
                let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
                if let (Some(total), Some(backend)) = (total, path.file_stem()) {
                    let total: f64 = total.trim().parse().unwrap_or_default();
                    let backend = backend.to_string_lossy().into_owned();
                    results.instructions.insert(backend, total / COUNTED as f64);
                }
            }
        }
        results.measured.sort_by(|a, b| (&a.group, a.value).cmp(&(&b.group, b.value)));
        Ok(results)
    }

    /// One function of a group.
    #[must_use]
    pub fn find(&self, group: &str, function: &str, value: u64) -> Option<&Measured> {
        self.of(group).find(|m| m.function == function && m.value == value)
    }

    /// A group, ordered by value.
    pub fn of(&self, group: &str) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(move |m| m.group == group)
    }

    /// The values of a group in order.
    #[must_use]
    pub fn values(&self, group: &str) -> Vec<u64> {
        let mut values: Vec<u64> = self.of(group).map(|m| m.value).collect();
        values.dedup();
        values
    }

    /// The number of threads in the measurements with all threads.
    #[must_use]
    pub fn threads(&self) -> u64 {
        self.of("limit").map(|m| m.value).max().unwrap_or(1)
    }

    /// The lower bound of nanoseconds per leaf with this number of threads: its hash and that of a node.
    #[must_use]
    pub fn limit(&self, threads: u64) -> Option<f64> {
        self.find("limit", "threads", threads).map(|m| 2.0 * m.each())
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.append(&mut files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

fn json(path: &Path) -> io::Result<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

fn median(estimates: &Value) -> Option<f64> {
    estimates["median"]["point_estimate"].as_f64()
}

fn fastest(sample: &Value) -> Option<f64> {
    let (times, iterations) = (sample["times"].as_array()?, sample["iters"].as_array()?);
    let each = times.iter().zip(iterations).map(|(time, n)| Some(time.as_f64()? / n.as_f64()?));
    each.flatten().reduce(f64::min)
}

fn measured(benchmark: &Value, time: Option<f64>) -> Option<Measured> {
    let value = benchmark["value_str"].as_str().and_then(|text| text.parse().ok());
    Some(Measured {
        group: benchmark["group_id"].as_str()?.into(),
        function: benchmark["function_id"].as_str()?.into(),
        value: value.unwrap_or(0),
        elements: benchmark["throughput"]["Elements"].as_u64().unwrap_or(1),
        nanoseconds: time?,
    })
}

/// The name of the processor with its family and model, its cores and threads, and the backend of Keccak that is used.
#[must_use]
pub fn processor() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let values = |name: &str| -> Vec<&str> {
        let pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).collect()
    };
    let first = |name: &str| values(name).first().copied().unwrap_or("unknown");
    let sockets_and_cores = values("physical id").into_iter().zip(values("core id"));
    let cores = sockets_and_cores.collect::<BTreeSet<_>>().len();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{} (family {}, model {}), {cores} cores, {threads} threads, Keccak backend {}",
        first("model name"),
        first("cpu family"),
        first("model"),
        slproof::keccak::Backend::best().name(),
    )
}
