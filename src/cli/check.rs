use std::{ops::Range, path::Path};

use serde_json::json;

use super::{
    args::CheckArgs,
    error::{CliError, Outcome},
    progress::ProgressFactory,
    report::{self, Console, count},
    role::Role,
    wrong_input::wrong_input,
};
use crate::{
    archive::Archive,
    files::{Container, Kind, SectionName},
    forest::TreeFile,
    snapshot::Snapshot,
};

pub(super) fn run(
    args: &CheckArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let progress = bars.busy("hashing all sections");
    if args.file == Path::new("-") {
        return Err(CliError::Usage(
            "check needs the name of a file: native files cannot be read from a pipe".into(),
        ));
    }
    let container = Container::open(&args.file, args.access)
        .map_err(|error| wrong_input(&args.file, Role::Native, error.into()))?;
    let sections: Vec<_> = container.sections().collect();
    let (name, bytes) = (container.name().to_owned(), container.file_len());
    let kind = Kind::of(&container.kind());
    match kind {
        Some(Kind::SNAPSHOT) => Snapshot::of(container)?.check()?,
        Some(Kind::TREE_FILE) => TreeFile::of(container)?.check()?,
        Some(Kind::MESSAGE_ARCHIVE) => Archive::of(container)?.check()?,
        _ => container.check()?,
    }
    let what = kind.map_or("a native file of an unknown kind", |kind| kind.name);
    progress.end();
    let rows: Vec<_> = sections
        .iter()
        .map(|(section, range)| {
            json!({"name": section.to_string(), "start": range.start, "end": range.end})
        })
        .collect();
    let value = json!({"file": name, "kind": what, "bytes": bytes, "sections": rows});
    report::result(&value, || {
        let line = |(section, range): &(SectionName, Range<u64>)| {
            let section = section.to_string();
            format!("section {section:<9} bytes {} to {}: good\n", range.start, range.end)
        };
        sections.iter().map(line).collect()
    })?;
    console.info(format_args!("{name} is {what}; all of its {} bytes are good", count(bytes)));
    Ok(Outcome::Done)
}
