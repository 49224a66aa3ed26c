//! Runs the binary so that one of its system calls on the files of a job fails.
//!
//! `tests/suite/faults/fail_nth_call.c` traces the binary and lists the calls and the faults.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use super::{binary::Run, tools::tool};

/// What happens to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk fails.
    Eio,
    /// The disk is full.
    Enospc,
    /// A signal interrupts the call.
    Eintr,
    /// Only half of the bytes are read or written.
    Short,
    /// SIGKILL ends the process before the call.
    Kill,
    /// SIGINT arrives before the call.
    Interrupt,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Eio => "EIO",
            Self::Enospc => "ENOSPC",
            Self::Eintr => "EINTR",
            Self::Short => "short",
            Self::Kill => "kill",
            Self::Interrupt => "interrupt",
        }
    }
}

/// A call in which a fault is possible.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    pub path: PathBuf,
}

/// The program that runs the binary with a fault.
pub struct Tracer(PathBuf);

impl Tracer {
    /// `None` if there is no C compiler, as with other missing tools, or if the system does not allow tracing.
    pub fn get() -> Option<&'static Self> {
        static TRACER: OnceLock<Option<Tracer>> = OnceLock::new();
        TRACER.get_or_init(Self::build).as_ref()
    }

    fn build() -> Option<Self> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/faults/fail_nth_call.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let program = folder.join(format!("fail_nth_call-{}", std::process::id()));
        let args = ["-O1", "-Wall", "-Wextra", "-Werror", "-o", program.to_str().unwrap(), source];
        tool("cc", &args, b"")?;
        // Later runs replace it.
        let tracer = Self(folder.join("fail_nth_call"));
        fs::rename(&program, &tracer.0).unwrap();
        let log = folder.join("fail_nth_call.log");
        let tried = tracer.command(folder, &log, Fault::Eio, 0).arg("/bin/true").output().unwrap();
        if !tried.status.success() {
            eprintln!("skipped: this system refuses to trace programs: {tried:?}");
            return None;
        }
        Some(tracer)
    }

    fn command(&self, below: &Path, log: &Path, fault: Fault, number: usize) -> Command {
        let mut command = Command::new(&self.0);
        command.args([below, log]).args([fault.name(), &number.to_string()]).stdin(Stdio::null());
        command
    }

    /// Runs the binary in `folder`. The fault happens to the call with this number, counted from 1, among those
    /// on files below `below`. Also returns these calls.
    pub fn run<S: AsRef<std::ffi::OsStr>>(
        &self,
        (folder, below): (&Path, &Path),
        (fault, number): (Fault, usize),
        args: &[S],
    ) -> (Run, Vec<Call>) {
        let log = folder.with_extension("calls");
        let mut command = self.command(below, &log, fault, number);
        command.arg(env!("CARGO_BIN_EXE_slproof")).args(args).current_dir(folder);
        let run = Run::from(command.output().unwrap());
        let calls = fs::read_to_string(&log).unwrap();
        fs::remove_file(&log).unwrap();
        let call = |line: &str| {
            let mut parts = line.splitn(3, ' ').skip(1);
            let mut part = || parts.next().unwrap().to_owned();
            Call { name: part(), path: part().into() }
        };
        (run, calls.lines().map(call).collect())
    }
}
