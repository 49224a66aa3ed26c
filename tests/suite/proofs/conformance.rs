//! The conformance tests, run on the binary and on the verifier in Python.
//!
//! The expected answers are written in the cases, and come from the contracts. So this is a test of the binary, of
//! the second verifier, and of the files themselves.

use std::path::Path;

use crate::support::tools::tool;

/// Runs a program in `conformance/`; `None` if Python is not installed.
fn run_program(program: &str, args: &[&str]) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let path = |file: &str| folder.join(file).to_str().unwrap().to_owned();
    let program = path(program);
    let args: Vec<String> = args
        .iter()
        .map(|arg| if arg.starts_with("adapters/") { path(arg) } else { (*arg).to_owned() })
        .collect();
    let args: Vec<&str> =
        [program.as_str()].into_iter().chain(args.iter().map(String::as_str)).collect();
    Some(String::from_utf8(tool("python3", &args, b"")?).unwrap())
}

/// The numbers in the last line of the table: cases, right, wrong, unsupported.
fn totals(report: &str) -> Vec<usize> {
    let line = report.lines().find(|line| line.starts_with("all ")).unwrap();
    line.split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect()
}

fn assert_all_right(report: Option<String>) {
    let Some(report) = report else { return };
    let totals = totals(&report);
    assert!(totals[0] >= 200, "{report}");
    assert_eq!(totals[1..], [totals[0], 0, 0], "{report}");
}

#[test]
fn the_binary_answers_every_case_as_expected() {
    let binary = env!("CARGO_BIN_EXE_slproof");
    assert_all_right(run_program("run.py", &["python3", "adapters/slproof.py", binary]));
}

#[test]
fn the_verifier_in_python_answers_every_case_as_expected() {
    assert_all_right(run_program("run.py", &["python3", "adapters/python_verifier.py"]));
}

#[test]
fn the_cases_are_those_that_the_fixtures_give() {
    assert!(run_program("generate.py", &["--check"]).is_none_or(|output| output.is_empty()));
}
