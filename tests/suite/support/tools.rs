//! Programs of other projects that read what slproof writes.
//!
//! A check is skipped if its program is missing. With `SLPROOF_REQUIRE_TOOLS=1`, which continuous integration
//! sets, it fails instead.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// Reports a skipped check.
///
/// # Panics
///
/// If `required` is set.
fn skip(reason: &str, required: bool) {
    assert!(!required, "{reason}, and SLPROOF_REQUIRE_TOOLS is set");
    eprintln!("skipped: {reason}");
}

fn tools_are_required() -> bool {
    std::env::var_os("SLPROOF_REQUIRE_TOOLS").is_some_and(|value| value == "1")
}

/// The output of a program for `input`; `None` if the program is not installed.
pub fn tool(program: &str, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    let child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        skip(&format!("{program} is not installed"), tools_are_required());
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = feeder.join().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{program} {args:?}: {said}");
    Some(output.stdout)
}

/// Whether `python3` has a module.
pub fn python_has(module: &str) -> bool {
    has("python3", ["-c", &format!("import {module}")], module)
}

/// Whether `node` has a package. `NODE_PATH` says where packages are.
pub fn node_has(package: &str) -> bool {
    has("node", ["-e", &format!("require({package:?})")], package)
}

fn has(program: &str, args: [&str; 2], module: &str) -> bool {
    let status = Command::new(program).args(args).stderr(Stdio::null()).status();
    let has = status.is_ok_and(|status| status.success());
    if !has {
        skip(&format!("{program} has no module {module}"), tools_are_required());
    }
    has
}

/// Whether a program, or the directory of a package, is there.
pub fn is_installed(package: &Path) -> bool {
    let has = package.exists();
    if !has {
        skip(&format!("{} is not installed", package.display()), tools_are_required());
    }
    has
}

#[test]
fn missing_tool_is_skipped_only_where_tools_are_not_required() {
    skip("a tool is not installed", false);
    std::panic::catch_unwind(|| skip("a tool is not installed", true)).unwrap_err();
}
