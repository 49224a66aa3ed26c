use std::path::Path;

use super::{
    args::CheckArgs,
    error::{CliError, Outcome},
    progress::ProgressFactory,
    report::{Console, count},
};
use crate::{
    archive::{self, Archive},
    files::{Container, Output},
    forest::{TREE_FILE, TreeFile},
    snapshot::{self, Snapshot},
};

pub(super) fn run(
    args: &CheckArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let progress = bars.busy("hashing all sections");
    let container = Container::open(&args.file, args.access)?;
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
            "a native file of another kind"
        }
    };
    progress.end();
    let mut text = String::new();
    for (section, range) in &sections {
        let (start, end) = (range.start, range.end);
        text.push_str(&format!(
            "section {:<9} bytes {start} to {end}: good\n",
            section.to_string()
        ));
    }
    let mut output = Output::create(Path::new("-"))?;
    output.put(text.as_bytes())?;
    output.finish()?;
    console.info(format_args!("{name} is {what}, and all of its {} bytes are good", count(bytes)));
    Ok(Outcome::Done)
}
