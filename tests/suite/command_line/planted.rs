//! Links, pipes and directories that another user planted under the names of files next to an output.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{binary::command, fixture};

const PRECIOUS: &str = "precious";
/// The time after which a job counts as hanging.
const LONG: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Planted {
    Link,
    DanglingLink,
    HardLink,
    Pipe,
    Folder,
}

const ALL: [Planted; 5] =
    [Planted::Link, Planted::DanglingLink, Planted::HardLink, Planted::Pipe, Planted::Folder];

/// A directory with a planted entry, and a file that the entry may point to.
struct Trap {
    folder: tempfile::TempDir,
    name: PathBuf,
}

impl Trap {
    fn new(name: &str, planted: Planted) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path(PRECIOUS), PRECIOUS).unwrap();
        let name = path(name);
        match planted {
            Planted::Link => symlink(path(PRECIOUS), &name).unwrap(),
            Planted::DanglingLink => symlink(path("nowhere"), &name).unwrap(),
            Planted::HardLink => fs::hard_link(path(PRECIOUS), &name).unwrap(),
            Planted::Pipe => {
                assert!(Command::new("mkfifo").arg(&name).status().unwrap().success());
            }
            Planted::Folder => fs::create_dir(&name).unwrap(),
        }
        Self { folder, name }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a command and returns its exit code. Asserts that it does not hang and that the file that the
    /// entry points to is unchanged.
    fn run(&self, args: &[&str]) -> Option<i32> {
        let mut child = command()
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if started.elapsed() > LONG {
                child.kill().unwrap();
                panic!("{args:?} hangs at {}", self.name.display());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(fs::read_to_string(self.path(PRECIOUS)).unwrap(), PRECIOUS, "{args:?}");
        assert!(!Path::new(&self.path("nowhere")).exists(), "{args:?}");
        code
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Whether the planted entry still exists.
    fn is_there(&self, planted: Planted) -> bool {
        let Ok(found) = self.name.symlink_metadata() else { return false };
        match planted {
            Planted::Link | Planted::DanglingLink => found.is_symlink(),
            Planted::HardLink => found.len() == PRECIOUS.len() as u64,
            Planted::Pipe => found.file_type().is_fifo(),
            Planted::Folder => found.is_dir(),
        }
    }
}

fn input(name: &str) -> String {
    fixture(&format!("gateway-v31/{name}")).to_str().unwrap().to_owned()
}

#[test]
fn a_job_writes_to_nothing_that_is_planted_beside_its_output() {
    let (tree, messages) = (input("state.anvil.json"), input("logs.jsonl.gz"));
    for (ending, gives_way) in [
        (".partial", false),
        (".partial.json", false),
        (".partial.json.new", true),
        (".shard.json", true),
    ] {
        for planted in ALL {
            let name = format!("out{ending}");
            let trap = Trap::new(&name, planted);
            let out = trap.path("out");
            let args = ["prove", "--tree", &tree, "--messages", &messages, "-q", "-o", &out];
            let which = ["--chain", "324", "--batch", "501234", "--all", "--shard", "1/2"];
            let gives_way = gives_way && planted != Planted::Folder;
            for resume in [&[][..], &["--resume"]] {
                let args = [&args[..], &which[..], resume].concat();
                let code = trap.run(&args);
                let expected = if gives_way { 0 } else { 6 };
                assert_eq!(code, Some(expected), "{planted:?} {ending} {resume:?}");
                assert_eq!(trap.is_there(planted), !gives_way, "{planted:?} {ending}");
                let names = match gives_way {
                    true => vec!["out", "out.shard.json", PRECIOUS],
                    false => vec![&name[..], PRECIOUS],
                };
                assert_eq!(trap.names(), names, "{planted:?} {ending}");
            }
        }
    }
}

/// Every command that writes replaces an output with two hard links only under the given name.
#[test]
fn outputs_replace_names_and_not_contents() {
    let (state, logs) = (input("state.anvil.json"), input("logs.jsonl.gz"));
    let made = tempfile::tempdir().unwrap();
    let shard = made.path().join("shard").to_str().unwrap().to_owned();
    let which = ["--chain", "324", "--batch", "501234", "--all"];
    let prove = [&["prove", "--tree", &state, "--messages", &logs, "-q"], &which[..]].concat();
    let status = command().args(&prove).args(["--shard", "1/1", "-o", &shard]).status().unwrap();
    assert!(status.success());
    let anchor = ["verify", &shard, "-q", "--anchor", &state, "--report"];
    for command in [
        &["import", &state, "-q", "-o"][..],
        &["rebuild", &state, "-q", "-o"],
        &["index", &logs, "-q", "-o"],
        &[&prove[..], &["-o"]].concat(),
        &[&prove[..], &["-o", "/dev/null", "--summary"]].concat(),
        &["merge", &shard, "-q", "-o"],
        &anchor,
    ] {
        let trap = Trap::new("out", Planted::HardLink);
        let out = trap.path("out");
        let args = [command, &[&out]].concat();
        assert_eq!(trap.run(&args), Some(0), "{args:?}");
        assert!(!trap.is_there(Planted::HardLink), "{args:?}");
        let trap = Trap::new("out", Planted::Folder);
        let out = trap.path("out");
        let args = [command, &[&out]].concat();
        assert_eq!(trap.run(&args), Some(6), "{args:?}");
        assert_eq!(trap.names(), ["out", PRECIOUS], "{args:?}");
    }
}
