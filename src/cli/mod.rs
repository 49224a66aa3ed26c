//! The command line: arguments, the console, and one file per command. Data go to standard output, messages
//! to standard error.

mod args;
mod check;
mod error;
mod hint;
mod history;
mod import;
mod index;
mod inspect;
mod inspect_proof;
mod inspect_tree;
mod interrupt;
mod merge;
mod observer;
mod progress;
mod prove;
mod prove_args;
mod rebuild;
mod report;
mod state;
mod verify;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use args::{Cli, Command};
use error::{CliError, Outcome};

use crate::files::{ignore_sigxfsz, install_sigbus_handler};

/// Runs the command line and answers with the process's exit code.
///
/// | code | meaning |
/// | --- | --- |
/// | 0 | done |
/// | 1 | done, but some requests could not be proven, some proofs are invalid, or some batches left out |
/// | 2 | wrong usage |
/// | 3 | an input is malformed, damaged or unknown, or no proof is invalid and some cannot be judged |
/// | 4 | the rebuilt tree differs from what the contract stored |
/// | 5 | nothing found for the request |
/// | 6 | reading or writing failed |
/// | 130 | interrupted |
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap, which knows their codes; nothing is left to do when
            // even that cannot be printed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    cli.share_global();
    cli.global.color.colour();
    match run(&cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::from(1),
        Ok(Outcome::NotJudged) => ExitCode::from(3),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            report::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: &Cli) -> Result<Outcome, CliError> {
    install_sigbus_handler().map_err(CliError::ReadProgress)?;
    ignore_sigxfsz();
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = cli.global.threads()? {
        pool = pool.num_threads(threads.into());
    }
    let pool = pool.build().map_err(CliError::Threads)?;
    interrupt::watch()?;
    let console = report::Console::new(&cli.global);
    let bars = progress::ProgressFactory::new(&cli.global);
    pool.install(|| match &cli.command {
        Command::Import(args) => import::run(args, &console, bars),
        Command::Rebuild(args) => rebuild::run(args, &console, bars),
        Command::Index(args) => index::run(args, &console, bars),
        Command::Prove(args) => prove::run(args, &console, bars),
        Command::Merge(args) => merge::run(args, &console, bars),
        Command::Verify(args) => verify::run(args, &console, bars),
        Command::History(args) => history::run(args, &console, bars),
        Command::Inspect(args) => inspect::run(args),
        Command::Check(args) => check::run(args, &console, bars),
    })
}
