//! Names the commit that the crate is built from in `SLPROOF_COMMIT`, where git knows it. A value that the
//! environment gives stays: a build without the repository can say what it is built from. Only release builds
//! ask git, for each commit would compile the crate anew.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SLPROOF_COMMIT");
    if env::var_os("SLPROOF_COMMIT").is_some() || env::var("PROFILE").is_ok_and(|p| p != "release")
    {
        return;
    }
    // A package that was unpacked inside the repository of something else has no commit of its own.
    let is_own = git(&["rev-parse", "--show-prefix"]).is_some_and(|prefix| prefix.is_empty());
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| is_own) else { return };
    println!("cargo::rustc-env=SLPROOF_COMMIT={commit}");
    // A commit or a checkout adds a line to the log of HEAD. A file that is missing would count as changed.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]);
    if let Some(log) = log.filter(|log| Path::new(log).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
}

/// What git answers, without the end of the line; nothing where there is no git or no repository.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
