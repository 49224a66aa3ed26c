//! The `schema` command: JSON Schemas of everything that slproof writes or reads as JSON.

use std::path::Path;

use clap::ValueEnum;
use serde_json::json;

use super::{
    args::SchemaArgs,
    error::{CliError, Outcome},
    report,
    schema_name::SchemaName,
};
use crate::files::Output;

pub(super) fn run(args: &SchemaArgs) -> Result<Outcome, CliError> {
    if let Some(name) = args.name {
        let mut output = Output::create(Path::new("-"))?;
        CliError::unless_unread(output.put(name.text().as_bytes()).and_then(|()| output.finish()))?;
        return Ok(Outcome::Done);
    }
    let names = SchemaName::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<_> = names.map(|value| (value.get_name().to_owned(), value)).collect();
    let list: Vec<_> = names.iter().map(|(name, _)| name).collect();
    report::result(&json!(list), || {
        let line = |(name, value): &(String, clap::builder::PossibleValue)| {
            let help = value.get_help().map(ToString::to_string).unwrap_or_default();
            format!("{name:<15} {help}\n")
        };
        names.iter().map(line).collect()
    })?;
    Ok(Outcome::Done)
}
