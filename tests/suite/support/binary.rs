//! The built binary, run as a user runs it.

use std::{
    ffi::OsStr,
    io::Write,
    process::{Command, Output, Stdio},
};

use super::fixture;

pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_slproof"))
}

/// The arguments of `prove` for a directory of fixtures.
pub fn prove_args(folder: &str, rest: &[&str]) -> Vec<String> {
    let path = |file: &str| fixture(&format!("{folder}/{file}")).to_str().unwrap().to_owned();
    let (tree, messages) = (path("state.anvil.json"), path("logs.jsonl.gz"));
    let args = ["prove", "--tree", &tree, "--messages", &messages, "-q"].map(str::to_owned);
    args.into_iter().chain(rest.iter().map(|arg| (*arg).to_owned())).collect()
}

pub fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    command().args(args).stdin(Stdio::null()).output().unwrap().into()
}

pub fn run_with_input<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, input: &[u8]) -> Run {
    let mut child = command()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The result is ignored: a command that refuses its input closes the pipe early.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

/// Runs with a limit of the address space (MiB), so that excessive use of memory fails instead of swapping, and
/// with a limit of the processor time, so that endless work fails too.
#[cfg(unix)]
pub fn run_within<S: AsRef<OsStr>>(mebibytes: u64, args: impl IntoIterator<Item = S>) -> Run {
    limited("-v", mebibytes, args)
}

/// As [`run_within`], with a limit of the memory that the process has for itself: mapped files do not count.
#[cfg(target_os = "linux")]
pub fn run_in_heap<S: AsRef<OsStr>>(mebibytes: u64, args: impl IntoIterator<Item = S>) -> Run {
    limited("-d", mebibytes, args)
}

#[cfg(unix)]
fn limited<S: AsRef<OsStr>>(limit: &str, mebibytes: u64, args: impl IntoIterator<Item = S>) -> Run {
    Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit {limit} {}; ulimit -t 120; exec \"$@\"", mebibytes * 1024))
        .arg("sh")
        .arg(env!("CARGO_BIN_EXE_slproof"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into()
}
