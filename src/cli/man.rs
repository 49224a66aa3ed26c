use std::{fs, path::Path};

use clap::CommandFactory;
use serde_json::json;

use super::{
    args::{Cli, ManArgs},
    error::{CliError, Outcome},
    report::Console,
};
use crate::files::{Output, OutputError, ShowPath};

pub(super) fn run(args: &ManArgs, console: Console) -> Result<Outcome, CliError> {
    let mut command = Cli::command();
    command.build();
    let Some(dir) = &args.dir else {
        write(command, Path::new("-"))?;
        return Ok(Outcome::Done);
    };
    fs::create_dir_all(dir)
        .map_err(|source| OutputError { name: dir.shown().to_string(), source })?;
    let mut files = Vec::new();
    let commands: Vec<_> = command.get_subcommands().cloned().collect();
    for command in commands.into_iter().chain([command]) {
        // A subcommand's display name is slproof-NAME.
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        let file = dir.join(format!("{name}.1"));
        files.push(file.to_string_lossy().into_owned());
        write(command, &file)?;
    }
    console.info(format_args!("{} manual pages in {}", files.len(), dir.shown()));
    console.summary(&json!({"files": files}));
    Ok(Outcome::Done)
}

fn write(command: clap::Command, target: &Path) -> Result<(), CliError> {
    let mut page = Vec::new();
    // Writing to a vector cannot fail.
    let _ = clap_mangen::Man::new(command).render(&mut page);
    let mut output = Output::create(target)?;
    CliError::unless_unread(output.put(&page).and_then(|()| output.finish()))
}
