use std::{ops::Range, path::Path};

use serde_json::json;

use super::{
    args::CheckArgs,
    error::{CliError, Outcome},
    file_kind::Role,
    progress::ProgressFactory,
    report::{self, Console, count},
    wrong_input::wrong_input,
};
use crate::{
    archive::{self, Archive},
    files::{Container, SectionName},
    forest::{TREE_FILE, TreeFile},
    snapshot::{self, Snapshot},
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
    let what = match container.kind() {
        kind if kind == snapshot::KIND.tag => {
            Snapshot::of(container)?.check()?;
            snapshot::KIND.name
        }
        kind if kind == TREE_FILE.tag => {
            TreeFile::of(container)?.check()?;
            TREE_FILE.name
        }
        kind if kind == archive::KIND.tag => {
            Archive::of(container)?.check()?;
            archive::KIND.name
        }
        _ => {
            container.check()?;
            "a native file of an unknown kind"
        }
    };
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
