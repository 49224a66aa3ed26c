//! Jobs that are interrupted, resumed, or write to a path that already exists.
#![cfg(unix)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::support::{
    binary::{Run, command, prove_args, run},
    fixture, json_lines,
};
use serde_json::json;

const FOLDER: &str = "gateway-v31";

fn path(file: &str) -> String {
    fixture(&format!("{FOLDER}/{file}")).to_str().unwrap().to_owned()
}

fn args(rest: &[&str]) -> Vec<String> {
    prove_args(FOLDER, rest)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A slow job: the same requests, repeated many times.
struct Slow {
    _folder: tempfile::TempDir,
    root: PathBuf,
    requests: String,
}

impl Slow {
    fn new(times: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let requests = root.join("requests");
        let vectors = json_lines(&format!("{FOLDER}/proofs.jsonl.gz"));
        let one: String = vectors
            .iter()
            .enumerate()
            .map(|(i, line)| {
                let (chain, batch) = (&line["chainId"], &line["batchNumber"]);
                // Some of them fail.
                let id = if i % 50 == 7 { json!(50_000) } else { line["logIndex"].clone() };
                format!("{{\"chainId\":{chain},\"batchNumber\":{batch},\"id\":{id}}}\n")
            })
            .collect();
        fs::write(&requests, one.repeat(times)).unwrap();
        let requests = requests.to_str().unwrap().to_owned();
        Self { _folder: folder, root, requests }
    }

    fn output(&self) -> String {
        self.root.join("out").to_str().unwrap().to_owned()
    }

    fn args(&self, rest: &[&str]) -> Vec<String> {
        args(&[&["--requests", &self.requests, "-o", &self.output()], rest].concat())
    }

    fn start(&self, rest: &[&str]) -> Child {
        let mut command = command();
        command.args(self.args(rest)).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts the job and interrupts it, so that its partial output and checkpoint remain.
    fn interrupted(&self) {
        let mut child = self.start(&[]);
        let (left, started) = (self.root.join("out.partial"), Instant::now());
        while !left.metadata().is_ok_and(|left| left.len() > 0) {
            assert!(started.elapsed() < Duration::from_secs(60), "nothing was written");
            std::thread::sleep(Duration::from_millis(5));
        }
        interrupt(&child, "-INT");
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }

    /// The output of an uninterrupted job.
    fn whole(&self) -> Vec<u8> {
        assert_eq!(run(self.args(&[])).code, Some(1));
        let whole = fs::read(self.output()).unwrap();
        fs::remove_file(self.output()).unwrap();
        whole
    }
}

fn wait_for(path: &Path, child: &mut Child) {
    let started = Instant::now();
    while !path.exists() && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(60), "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_job_killed_at_any_moment_ends_with_the_same_bytes() {
    let slow = Slow::new(150);
    let whole = slow.whole();
    let (partial, checkpoint) = (slow.root.join("out.partial"), slow.root.join("out.partial.json"));
    let (mut killed, mut resumed) = (0, 0);
    // Kills runs after different delays, then lets a last run end.
    for delay in [0, 30, 200, 5, 450, 90] {
        let mut child = slow.start(&["--resume"]);
        wait_for(if killed % 2 == 0 { &checkpoint } else { &partial }, &mut child);
        std::thread::sleep(Duration::from_millis(delay));
        resumed += usize::from(checkpoint.exists());
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
    }
    assert!(killed > 0 && resumed > 0, "killed {killed}, resumed {resumed}");
    if !slow.root.join("out").exists() {
        assert_eq!(run(slow.args(&["--resume"])).code, Some(1));
    }
    assert!(fs::read(slow.output()).unwrap() == whole);
    assert_eq!(names(&slow.root), ["out", "requests"]);
}

fn interrupt(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

#[test]
fn interrupted_job_is_reported_and_resumed() {
    let slow = Slow::new(150);
    let whole = slow.whole();
    for signal in ["-INT", "-TERM"] {
        let mut child = slow.start(&[]);
        wait_for(&slow.root.join("out.partial"), &mut child);
        interrupt(&child, signal);
        let ended = Run::from(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(130), "{}", ended.stderr);
        assert!(ended.stderr.contains("--resume"), "{}", ended.stderr);
        assert_eq!(names(&slow.root), ["out.partial", "out.partial.json", "requests"]);

        // The job is not resumed with other arguments.
        let other = run(slow.args(&["--resume", "--target", "first"]));
        assert_eq!(other.code, Some(2), "{}", other.stderr);
        assert!(other.stderr.contains("another arguments"), "{}", other.stderr);

        assert_eq!(run(slow.args(&["--resume"])).code, Some(1));
        assert!(fs::read(slow.output()).unwrap() == whole);
        assert_eq!(names(&slow.root), ["out", "requests"]);
        fs::remove_file(slow.output()).unwrap();
    }
    // Without --resume, a job starts again, but it does not overwrite files that are not from a job.
    let left = slow.root.join("out.partial");
    fs::write(&left, b"precious").unwrap();
    let refused = run(slow.args(&[]));
    assert_eq!(refused.code, Some(6), "{}", refused.stderr);
    assert!(refused.stderr.contains("move it away"), "{}", refused.stderr);
    assert_eq!(fs::read(&left).unwrap(), b"precious");
    let checkpoint = slow.root.join("out.partial.json");
    fs::write(&checkpoint, b"{}").unwrap();
    assert_eq!(run(slow.args(&[])).code, Some(6));
    assert_eq!(
        (fs::read(&left).unwrap(), fs::read(&checkpoint).unwrap()),
        (b"precious".into(), b"{}".into())
    );
    for file in [&left, &checkpoint] {
        fs::remove_file(file).unwrap();
    }
    slow.interrupted();
    assert_eq!(run(slow.args(&[])).code, Some(1));
    assert!(fs::read(slow.output()).unwrap() == whole);
    assert_eq!(names(&slow.root), ["out", "requests"]);
}

/// A job is refused if the bytes or the checkpoint of its partial output were altered.
#[test]
fn altered_partial_jobs_are_not_resumed() {
    let slow = Slow::new(150);
    slow.interrupted();
    let (left, checkpoint) = (slow.root.join("out.partial"), slow.root.join("out.partial.json"));
    let (bytes, note) = (fs::read(&left).unwrap(), fs::read_to_string(&checkpoint).unwrap());
    let refused = || {
        let run = run(slow.args(&["--resume"]));
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        assert!(!Path::new(&slow.output()).exists());
    };
    let mut altered = bytes.clone();
    altered[5000] ^= 1;
    fs::write(&left, altered).unwrap();
    refused();
    fs::write(&left, &bytes).unwrap();
    let read: serde_json::Value = serde_json::from_str(&note).unwrap();
    for (field, value) in [("steps", json!(u64::MAX)), ("steps", json!(0)), ("bytes", json!(1000))]
    {
        let mut read = read.clone();
        read[field] = value;
        fs::write(&checkpoint, read.to_string()).unwrap();
        refused();
    }
    // Pipes and links are not accepted as checkpoint or partial output.
    fs::remove_file(&checkpoint).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&checkpoint).status().unwrap().success());
    assert_eq!(run(slow.args(&["--resume"])).code, Some(6));
    fs::remove_file(&checkpoint).unwrap();
    fs::write(&checkpoint, &note).unwrap();
    let elsewhere = slow.root.join("elsewhere");
    fs::rename(&left, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &left).unwrap();
    for resume in [&["--resume"][..], &[]] {
        assert_eq!(run(slow.args(resume)).code, Some(6));
        assert!(fs::read(&elsewhere).unwrap() == bytes);
    }
}

/// A pipe can be read only once, so a job that reads requests from a pipe cannot be resumed.
#[test]
fn requests_from_a_pipe_are_read_once() {
    let slow = Slow::new(3);
    let whole = slow.whole();
    let pipe = slow.root.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (from, to) = (slow.root.join("requests"), pipe.clone());
    let writer = std::thread::spawn(move || fs::write(to, fs::read(from).unwrap()).unwrap());
    let mut args = slow.args(&[]);
    let requests = args.iter().position(|arg| arg == "--requests").unwrap() + 1;
    args[requests] = pipe.to_str().unwrap().into();
    assert_eq!(run(args).code, Some(1));
    writer.join().unwrap();
    assert!(fs::read(slow.output()).unwrap() == whole);
}

/// If the output is a dangling link, the target of the link is created and the link is kept.
#[test]
fn symbolic_links_to_outputs_are_kept() {
    let root = tempfile::tempdir().unwrap();
    let link = root.path().join("link");
    std::os::unix::fs::symlink("behind", &link).unwrap();
    let (tree, messages) = (path("state.anvil.json"), path("logs.jsonl.gz"));
    let out = link.to_str().unwrap();
    for which in [&["--all"][..], &["--chain", "324", "--batch", "501234", "--index", "0"]] {
        let args = ["prove", "--tree", &tree, "--messages", &messages, "-o", out];
        run(args.iter().chain(which));
        assert!(link.is_symlink());
        assert!(fs::metadata(root.path().join("behind")).unwrap().len() > 0);
        fs::remove_file(root.path().join("behind")).unwrap();
    }
}

#[test]
fn job_that_cannot_be_resumed_leaves_no_files() {
    let slow = Slow::new(400);
    let mut child = slow.start(&["--format", "bundle"]);
    let started = Instant::now();
    while names(&slow.root).len() < 2 && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(names(&slow.root), ["requests"]);
    let resumed = run(slow.args(&["--resume", "--format", "bundle"]));
    assert_eq!(resumed.code, Some(2), "{}", resumed.stderr);
}

#[test]
fn a_signal_removes_temporary_directories() {
    use std::io::Write;

    let folder = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let part = folder.path().join("part.csv");
    let row = format!("0x{:040x},0x{:064x},0x{:064x}\n", 1, 2, 3);
    fs::write(&part, format!("address,slot,value\n{row}")).unwrap();
    // The second part is a pipe that does not end, after what is read to detect its kind.
    let mut child = command()
        .args(["rebuild", part.to_str().unwrap(), "-"])
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(format!("address,slot,value\n{}", row.repeat(10_000)).as_bytes()).unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    while names(temporary.path()).is_empty() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(names(temporary.path()).len(), 1);
    let signal = ["-TERM", &child.id().to_string()].map(String::from);
    assert!(std::process::Command::new("kill").args(signal).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(names(temporary.path()), [""; 0]);
}
