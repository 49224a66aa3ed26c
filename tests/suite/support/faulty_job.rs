//! Commands that write a file, run with a fault at each of their system calls in turn.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use flate2::{Compression, write::GzEncoder};
use slproof::{Messages, Observer, ProofOutput, Prover, Selection, Trees};

use super::{
    binary::{Run, command, run},
    faults::{Call, Fault, Tracer},
    fixture,
    vectors::raw_batches,
};

/// `prove` for all logs of [`Files`].
pub const PROVE: [&str; 6] =
    ["prove", "--tree", "in/trees.sltree", "--messages", "in/logs.slmsg", "--all"];
const OLD: &[u8] = b"the old output";
pub const FAULTS: [Fault; 6] =
    [Fault::Eio, Fault::Enospc, Fault::Eintr, Fault::Short, Fault::Kill, Fault::Interrupt];

/// A command that reads files in `in` and writes a file in `out`.
pub struct Job {
    _temporary: tempfile::TempDir,
    folder: PathBuf,
    args: Vec<String>,
    /// The name of the output.
    output: &'static str,
    /// The files in `out` before the command runs: the old output, and what an interrupted job left.
    before: Vec<(String, Vec<u8>)>,
    /// The output without a fault.
    new: Vec<u8>,
}

impl Job {
    /// A command on copies of the files `inputs`.
    pub fn new(inputs: &[PathBuf], args: &[&str], output: &'static str) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().canonicalize().unwrap();
        fs::create_dir(folder.join("in")).unwrap();
        for input in inputs {
            fs::copy(input, folder.join("in").join(input.file_name().unwrap())).unwrap();
        }
        let to = format!("out/{output}");
        let args = [args, &["-o", &to, "-q", "--threads", "2"]].concat();
        let args = args.into_iter().map(str::to_owned).collect();
        let before = vec![(output.to_owned(), OLD.to_vec())];
        let mut job = Self { _temporary: temporary, folder, args, output, before, new: Vec::new() };
        job.start();
        let whole = job.run_again(&[]);
        assert_eq!(whole.code, Some(0), "{}", whole.stderr);
        job.new = fs::read(job.out().join(output)).unwrap();
        job
    }

    /// A job of which a part was already written by a cancelled run.
    pub fn interrupted(output: &'static str) -> Self {
        let files = Files::new();
        let logs = fixture("gateway-v31/logs.jsonl.gz");
        files.make(&["index", logs.to_str().unwrap()], "logs.slmsg");
        let mut job = files.job(&["trees.sltree", "logs.slmsg"], &PROVE, output);
        job.start();
        let trees = Trees::open(&[files.path("trees.sltree")], &Default::default()).unwrap();
        let messages = Messages::open(&[files.path("logs.slmsg")], &Default::default()).unwrap();
        let all = Prover::new(trees, messages).job(Selection::all());
        let output = ProofOutput::create(job.out().join(job.output)).unwrap();
        all.observer(Arc::new(EndAfterOnePart::default())).write(output).unwrap_err();
        for name in job.left() {
            let bytes = fs::read(job.out().join(&name)).unwrap();
            assert!(!bytes.is_empty() && bytes.len() < job.new.len(), "{name} is a part");
            job.before.push((name, bytes));
        }
        assert_eq!(job.before.len(), 3, "a partial output and its checkpoint");
        job
    }

    /// The command with `--resume`.
    pub fn resuming(mut self) -> Self {
        self.args.push("--resume".into());
        self
    }

    fn out(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// Makes `out` as it is before the command runs.
    fn start(&self) {
        if self.out().exists() {
            fs::remove_dir_all(self.out()).unwrap();
        }
        fs::create_dir(self.out()).unwrap();
        for (name, bytes) in &self.before {
            fs::write(self.out().join(name), bytes).unwrap();
        }
    }

    /// Runs the command without a fault on what is in `out`.
    fn run_again(&self, more: &[&str]) -> Run {
        let args = self.args.iter().map(String::as_str).chain(more.iter().copied());
        command().args(args).current_dir(&self.folder).output().unwrap().into()
    }

    /// The names in `out`, without that of the output.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.out()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| *name != self.output).collect();
        names.sort();
        names
    }

    /// Runs the command once for each call in which each fault is possible, with the fault in this call.
    pub fn survives(&self, faults: &[Fault]) {
        let Some(tracer) = Tracer::get() else { return };
        let mut wrong = Vec::new();
        for fault in faults {
            // Ending the process before the output is created changes nothing. Files of an earlier job are in `out`.
            let below = match fault {
                Fault::Kill | Fault::Interrupt => self.out(),
                _ if self.before.len() > 1 => self.out(),
                _ => self.folder.clone(),
            };
            let folders = (self.folder.as_path(), below.as_path());
            self.start();
            let count = tracer.run(folders, (*fault, 0), &self.args).1.len();
            assert!(count > 0, "{fault:?} happens to no call");
            for number in 1..=count {
                self.start();
                let (run, calls) = tracer.run(folders, (*fault, number), &self.args);
                // The threads of a job do not always make the same calls.
                let Some(call) = calls.get(number - 1) else { continue };
                if let Err(reason) = self.judge(*fault, call, &run) {
                    let Call { name, path } = call;
                    wrong.push(format!(
                        "{fault:?} in call {number}, {name} of {}: {reason}; exit code {:?}, left {:?}: {}",
                        path.strip_prefix(&self.folder).unwrap().display(),
                        run.code,
                        self.left(),
                        run.stderr
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// Judges a run by what it left.
    fn judge(&self, fault: Fault, call: &Call, run: &Run) -> Result<(), String> {
        let found = fs::read(self.out().join(self.output)).unwrap_or_default();
        let (is_old, is_new) = (found == OLD, found == self.new);
        let demand = |fact: bool, what: &str| if fact { Ok(()) } else { Err(what.to_owned()) };
        demand(is_old || is_new, "the output is neither the old one nor the new one")?;
        demand(is_new || run.code != Some(0), "the output is the old one")?;
        match fault {
            Fault::Eio | Fault::Enospc => {
                // These calls say whether a file is there, what it is, or how long. A wrong answer that changed the
                // output would be found above.
                let is_harmless = ["stat", "readlink", "seek", "unlink"].contains(&&*call.name);
                demand(run.code == Some(6) || is_harmless && is_new, "it did not end with 6")?;
                let file = match call.path.strip_prefix(self.folder.join("in")) {
                    Ok(file) if file != Path::new("") => file.to_str().unwrap(),
                    Ok(_) => "in",
                    Err(_) => self.output,
                };
                let names = run.code == Some(0) || run.stderr.contains(file);
                demand(names, "the error does not name the file")?;
                // A file whose removal fails remains.
                let mut left = self.left();
                left.retain(|name| call.name != "unlink" || !call.path.ends_with(name));
                self.may_leave(&left)
            }
            Fault::Eintr | Fault::Short => {
                demand(run.code == Some(0), "it failed")?;
                demand(self.left().is_empty(), "it left files")
            }
            Fault::Kill => {
                demand(run.code == Some(137), "it was not killed")?;
                self.ends_well(&[])
            }
            Fault::Interrupt => {
                // The signal may be noticed after the last call.
                demand([Some(130), Some(0)].contains(&run.code), "it did not end with 130")?;
                self.may_leave(&self.left())
            }
        }
    }

    /// A job leaves nothing, or files from which it can be resumed.
    fn may_leave(&self, left: &[String]) -> Result<(), String> {
        match left {
            [] => Ok(()),
            [partial, checkpoint]
                if *partial == format!("{}.partial", self.output)
                    && *checkpoint == format!("{partial}.json") =>
            {
                let resumes = self.args.iter().any(|arg| arg == "--resume");
                self.ends_well(if resumes { &[] } else { &["--resume"] })
            }
            _ => Err("it left files".into()),
        }
    }

    /// Runs the command again without a fault. Only the temporary file of a killed process remains.
    fn ends_well(&self, more: &[&str]) -> Result<(), String> {
        let mut temporary = self.left();
        temporary.retain(|name| name.starts_with(".slproof-"));
        let again = self.run_again(more);
        let is_new = fs::read(self.out().join(self.output)).unwrap() == self.new;
        match again.code == Some(0) && is_new && self.left() == temporary {
            true => Ok(()),
            false => Err(format!("again, it ended with {:?}: {}", again.code, again.stderr)),
        }
    }
}

/// Native files, logs and proofs of a few batches.
pub struct Files(tempfile::TempDir);

impl Files {
    pub fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let (_, batches) = raw_batches("gateway-v31");
        let lines: Vec<String> = batches.iter().map(|batch| format!("{batch}\n")).collect();
        fs::write(files.path("logs.jsonl"), lines.concat()).unwrap();
        let (some, others) = lines.split_at(2);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(some.concat().as_bytes()).unwrap();
        fs::write(files.path("some.jsonl.gz"), gzip.finish().unwrap()).unwrap();
        let zstd = zstd::bulk::compress(others.concat().as_bytes(), 1).unwrap();
        fs::write(files.path("others.jsonl.zst"), zstd).unwrap();

        let state = fixture("gateway-v31/state.anvil.json");
        files.make(&["import", state.to_str().unwrap()], "state.slsnap");
        files.make(&["rebuild", &files.text("state.slsnap")], "trees.sltree");
        files.make(&["index", &files.text("logs.jsonl")], "logs.slmsg");
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn make(&self, args: &[&str], output: &str) {
        let made = run(args.iter().chain(&["-o", &self.text(output), "-q"]));
        assert_eq!(made.code, Some(0), "{}", made.stderr);
    }

    pub fn job(&self, inputs: &[&str], args: &[&str], output: &'static str) -> Job {
        let inputs: Vec<PathBuf> = inputs.iter().map(|name| self.path(name)).collect();
        Job::new(&inputs, args, output)
    }
}

/// Cancels a job after its first part was begun.
#[derive(Default)]
struct EndAfterOnePart(AtomicBool);

impl Observer for EndAfterOnePart {
    fn is_cancelled(&self) -> bool {
        self.0.swap(true, Ordering::Relaxed)
    }
}
