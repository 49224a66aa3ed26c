//! The `slproof` command; see the library's `cli` module.

use std::process::ExitCode;

fn main() -> ExitCode {
    slproof::cli::main(std::env::args_os())
}
