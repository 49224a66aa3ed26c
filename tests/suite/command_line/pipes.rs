//! Named pipes as inputs. Like standard input, they can be read only once.
#![cfg(unix)]

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{
    self,
    binary::{Run, command, run},
    fixture,
};
use tempfile::TempDir;

/// A directory with a named pipe to which files are written.
struct Pipe(TempDir);

impl Pipe {
    fn new() -> Self {
        let pipe = Self(tempfile::tempdir().unwrap());
        let made = std::process::Command::new("mkfifo").arg(pipe.path("pipe")).status().unwrap();
        assert!(made.success());
        pipe
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a command while a file is written to the pipe once.
    fn run(&self, file: &Path, args: &[&str]) -> Run {
        let (pipe, bytes) = (self.path("pipe"), fs::read(file).unwrap());
        // The result is ignored: a command that ends early closes the pipe.
        std::thread::spawn(move || fs::write(pipe, bytes));
        let mut child = command()
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (end, args) = (Instant::now() + Duration::from_secs(60), args.join(" "));
        // The command prints so little that it fits into the buffers of the pipes.
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > end {
                child.kill().unwrap();
                panic!("{args} waits for more");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.wait_with_output().unwrap().into()
    }
}

#[test]
fn dumps_archives_and_proofs_are_read_from_named_pipes() {
    let pipe = Pipe::new();
    let name = pipe.path("pipe");
    let state = fixture("gateway-v31/state.anvil.json");
    let expected = run(["rebuild", state.to_str().unwrap(), "-q"]).stdout;
    assert!(expected.contains("settlement layer 506"));
    for dump in support::STATE_DUMPS.iter().filter(|dump| !dump.contains("no-addr")) {
        let rebuilt = pipe.run(&fixture(&format!("gateway-v31/{dump}")), &["rebuild", &name, "-q"]);
        assert_eq!(rebuilt.code, Some(0), "{dump}: {}", rebuilt.stderr);
        assert!(rebuilt.stdout == expected, "{dump}");
    }
    let logs = fixture("gateway-v31/logs.jsonl.gz");
    let (tree, proofs) = (state.to_str().unwrap(), pipe.path("proofs.parquet"));
    let one = ["--chain", "388", "--all", "--format", "parquet", "-o", &proofs];
    let proven =
        pipe.run(&logs, &[&["prove", "--tree", tree, "--messages", &name], &one[..]].concat());
    assert_eq!(proven.code, Some(0), "{}", proven.stderr);
    let verified = pipe.run(Path::new(&proofs), &["verify", &name, "--anchor", tree]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
}

#[test]
fn pipes_are_refused_at_once_where_a_file_is_needed() {
    let pipe = Pipe::new();
    let name = pipe.path("pipe");
    let [state, logs] =
        ["state.anvil.json", "logs.jsonl.gz"].map(|file| fixture(&format!("gateway-v31/{file}")));
    let (state, logs) = (state.to_str().unwrap(), logs.to_str().unwrap());
    let native = ["state.slsnap", "trees.sltree", "logs.slmsg"].map(|file| pipe.path(file));
    for (command, input, output) in
        [("import", state, &native[0]), ("rebuild", state, &native[1]), ("index", logs, &native[2])]
    {
        assert_eq!(run([command, input, "-o", output, "-q"]).code, Some(0));
    }
    let header = support::era::fixture(1).join("snapshots_getSnapshot.json");
    let prove = ["prove", "--tree", state, "--messages", &name, "--all"];
    let refused = |file: &str, args: &[&str]| {
        let run = pipe.run(Path::new(file), args);
        assert_eq!(run.code, Some(3), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(&name), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains("give "), "{args:?}: {}", run.stderr);
    };
    for command in ["rebuild", "inspect", "history"] {
        for file in [&*native[0], &native[1], header.to_str().unwrap()] {
            refused(file, &[command, &name]);
        }
    }
    refused(&native[2], &["inspect", &name]);
    refused(&native[2], &prove);
    refused(&native[2], &["index", &name, "-o", &pipe.path("again.slmsg")]);
}

/// Slots in an order that requires a second pass over the input.
#[test]
fn a_second_reading_of_a_pipe_is_refused() {
    let pipe = Pipe::new();
    let log = |log: &support::era::Log| {
        let mut key = log.hashed.unwrap();
        key.reverse();
        format!(
            "0x{},0x{}\n",
            support::vectors::hex(&key).trim_start_matches("0x"),
            support::vectors::hex(&log.value).trim_start_matches("0x")
        )
    };
    let chunks = support::era::chunks(1);
    let rows: String = chunks.iter().flatten().map(log).collect();
    fs::write(pipe.path("table.csv"), format!("hashedKey,value\n{rows}")).unwrap();
    let (table, name, target) = (pipe.path("table.csv"), pipe.path("pipe"), pipe.path("x.slsnap"));
    let imported = run(["import", &table, "-o", &target]);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    fs::remove_file(&target).unwrap();
    let refused = pipe.run(Path::new(&table), &["import", &name, "-o", &target]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("has to be read twice"), "{}", refused.stderr);
    assert!(!Path::new(&target).exists());
    // Blobs can only be told apart after all transactions were read.
    let refused = pipe.run(&fixture("l1/commits.jsonl.gz"), &["rebuild", &name]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("has to be read twice"), "{}", refused.stderr);
}
