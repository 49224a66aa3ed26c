//! The command line: arguments, the console, and one file per command. Data is written to standard output,
//! messages to standard error.

mod anchor;
mod anchor_args;
mod args;
mod check;
mod claims;
mod claims_args;
mod compared;
mod completions;
mod error;
mod examples;
mod formats;
mod hint;
mod history;
mod import;
mod index;
mod inspect;
mod inspect_l1;
mod inspect_lines;
mod inspect_proof;
mod inspect_tree;
mod interrupt;
mod leaf;
mod line_report;
mod look_up;
mod man;
mod merge;
mod needs;
mod networks;
mod number;
mod observer;
mod progress;
mod proofs_args;
mod prove;
mod prove_args;
mod publish;
mod publish_args;
mod rebuild;
mod recheck;
mod report;
mod role;
mod schema;
mod schema_name;
mod serve;
mod serve_args;
mod shell_words;
mod source_args;
mod sources;
mod state;
mod state_args;
mod survey;
mod verify;
mod version;
mod wrong_input;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use args::{Cli, Command};
use error::{CliError, Outcome};
use look_up::LookUp;

use crate::{
    files::{ignore_sigxfsz, install_sigbus_handler},
    proof::FailureCode,
};

/// Runs the command line and returns the exit code of the process.
///
/// | code | meaning |
/// | --- | --- |
/// | 0 | done |
/// | 1 | done, but some requests could not be proven, some proofs are invalid, or some batches were left out |
/// | 2 | wrong usage |
/// | 3 | an input is malformed, damaged or unknown; or no proof is invalid, but some cannot be judged |
/// | 4 | the rebuilt tree differs from what the contract stored |
/// | 5 | nothing found for the request |
/// | 6 | reading or writing failed |
/// | 130 | interrupted |
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let mut cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &args),
    };
    cli.share_global();
    cli.global.color.apply();
    if cli.global.json {
        report::use_json();
    }
    match run(&cli) {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            report::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Whether a command takes less time than to start threads. `look_up` are the files of a look-up, if it is one.
fn is_quick(command: &Command, look_up: Option<&LookUp>) -> bool {
    match command {
        Command::Prove(_) => look_up.is_some_and(|files| !files.is_searched),
        Command::Networks | Command::Completions(_) | Command::Man(_) | Command::Schema(_) => true,
        _ => false,
    }
}

/// Whether a command writes proofs to standard output alone.
fn writes_no_file(command: &Command) -> bool {
    matches!(command, Command::Prove(args) if prove::writes_no_file(args))
}

/// Prints the help, the version or the usage error that clap returned instead of arguments.
fn usage(error: &clap::Error, args: &[OsString]) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    let is_json = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    if code == 0 || !is_json {
        // If standard error is closed, the error cannot be reported.
        let _ = error.print();
        return ExitCode::from(code);
    }
    report::use_json();
    let text = error.render().to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = message.strip_prefix("error: ").unwrap_or(message);
    report::error_object(
        FailureCode::InvalidOptions,
        message.trim(),
        Some(rest.trim()).filter(|hint| !hint.is_empty()),
        code,
    );
    ExitCode::from(code)
}

fn run(cli: &Cli) -> Result<Outcome, CliError> {
    install_sigbus_handler().map_err(CliError::ReadProgress)?;
    ignore_sigxfsz();
    let threads = cli.global.threads()?;
    let mut pool = rayon::ThreadPoolBuilder::new();
    let look_up = match &cli.command {
        Command::Prove(args) => LookUp::open(args),
        _ => None,
    };
    let is_quick = is_quick(&cli.command, look_up.as_ref());
    if is_quick {
        // The thread that runs this is the only one of the pool, so none is started.
        pool = pool.num_threads(1).use_current_thread();
    } else if let Some(threads) = threads {
        pool = pool.num_threads(threads.into());
    }
    let pool = pool.build().map_err(CliError::Threads)?;
    // A signal ends the process at once by default. That is enough where no file has to be removed.
    if !(is_quick && writes_no_file(&cli.command)) {
        interrupt::watch()?;
    }
    let console = report::Console::new(&cli.global);
    let bars = progress::ProgressFactory::new(&cli.global);
    pool.install(|| match &cli.command {
        Command::Survey(args) => survey::run(args, &console, bars),
        Command::Import(args) => import::run(args, &console, bars),
        Command::Rebuild(args) => rebuild::run(args, &console, bars),
        Command::Index(args) => index::run(args, &console, bars),
        Command::Prove(args) => prove::run(args, look_up, &console, bars),
        Command::Merge(args) => merge::run(args, &console, bars),
        Command::Verify(args) => verify::run(args, &console, bars),
        Command::Claims(args) => claims::run(args, &console, bars),
        Command::Needs(args) => needs::run(args, &console, bars),
        Command::Recheck(args) => recheck::run(args, &console, bars),
        Command::History(args) => history::run(args, &console, bars),
        Command::Serve(args) => serve::run(args, &console),
        Command::Publish(args) => publish::run(args, &console),
        Command::Inspect(args) => inspect::run(args, console),
        Command::Check(args) => check::run(args, &console, bars),
        Command::Networks => networks::run(),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args, console),
        Command::Schema(args) => schema::run(args),
    })
}
