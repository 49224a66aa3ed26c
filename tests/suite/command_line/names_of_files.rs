//! Names of files that look like lines of their own, or control the terminal.

use std::fs;

use serde_json::Value;

use crate::support::{
    binary::{command, run},
    fixture,
};

const NAME: &str = "a\n\ncan be proven\n  latest, block:N   999 messages\u{1b}[31m";
const SHOWN: &str = "a\\n\\ncan be proven\\n  latest, block:N   999 messages\\u{1b}[31m";

/// A survey names a file in one line, without escape codes.
#[test]
fn a_name_writes_no_lines_of_a_survey() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path(), folder.path().join(NAME));
    fs::write(&file, "Nothing that is known.").unwrap();
    fs::copy(fixture("gateway-v29/state.anvil.json"), dir.join("state.json")).unwrap();
    let surveyed = run(["survey", dir.to_str().unwrap()]);
    assert_eq!(surveyed.code, Some(5), "{}", surveyed.stderr);
    assert!(!surveyed.stdout.lines().any(|line| line == "can be proven"), "{}", surveyed.stdout);
    assert!(!surveyed.stdout.contains('\u{1b}'), "{}", surveyed.stdout);
    assert!(surveyed.stdout.contains(SHOWN), "{}", surveyed.stdout);
    // Programs get the name as it is.
    let value: Value =
        serde_json::from_str(&run(["survey", "--json", dir.to_str().unwrap()]).stdout).unwrap();
    let files = value["files"].as_array().unwrap();
    assert!(files.iter().any(|found| found["path"] == file.to_str().unwrap()), "{value}");
}

/// The command that a survey suggests is one line that a shell reads as it is meant.
#[test]
fn a_name_writes_no_next_command() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("x\nnext\n  rm 'it'\u{1b}[2J");
    fs::create_dir(&dir).unwrap();
    fs::copy(fixture("gateway-v29/state.anvil.json"), dir.join("state.json")).unwrap();
    fs::copy(fixture("gateway-v29/logs.jsonl.gz"), dir.join("logs.jsonl.gz")).unwrap();
    let surveyed = run(["survey", dir.to_str().unwrap()]);
    assert_eq!(surveyed.code, Some(0), "{}", surveyed.stderr);
    let (_, next) = surveyed.stdout.split_once("\nnext\n").unwrap();
    let [next] = next.lines().collect::<Vec<_>>()[..] else { panic!("{next}") };
    assert!(!next.contains('\u{1b}'), "{next}");
    let program = command().get_program().to_str().unwrap().to_owned();
    let line = next.trim().replacen("slproof", &program, 1);
    let made = std::process::Command::new("bash")
        .args(["-c", &line])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(folder.path().join("proofs.ndjson").exists());
}

/// The error about a file names it in one line.
#[test]
fn a_name_writes_no_lines_of_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(NAME);
    for content in [None, Some("")] {
        content.map_or(Ok(()), |content| fs::write(&file, content)).unwrap();
        let failed = run(["rebuild", file.to_str().unwrap()]);
        assert!(matches!(failed.code, Some(3 | 6)), "{}", failed.stderr);
        assert!(failed.stderr.contains(SHOWN), "{}", failed.stderr);
        assert!(!failed.stderr.lines().any(|line| line == "can be proven"), "{}", failed.stderr);
    }
}
