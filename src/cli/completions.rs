use std::path::Path;

use clap::CommandFactory;

use super::{
    args::{Cli, CompletionsArgs},
    error::{CliError, Outcome},
};
use crate::files::Output;

pub(super) fn run(args: &CompletionsArgs) -> Result<Outcome, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "slproof", &mut script);
    let mut output = Output::create(Path::new("-"))?;
    CliError::unless_unread(output.put(&script).and_then(|()| output.finish()))?;
    Ok(Outcome::Done)
}
