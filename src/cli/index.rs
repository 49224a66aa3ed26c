use std::{path::Path, time::Instant};

use super::{
    args::IndexArgs,
    error::{CliError, Outcome},
    report::{Words, count},
};
use crate::{files::Input, messages::ArchiveWriter};

pub(super) fn run(args: &IndexArgs, words: &Words) -> Result<Outcome, CliError> {
    if args.archives.iter().filter(|path| path.as_path() == Path::new("-")).count() > 1 {
        return Err(CliError::Usage("only one archive can be standard input".into()));
    }
    let started = Instant::now();
    let mut writer = ArchiveWriter::create(&args.output)?;
    for path in &args.archives {
        let input = Input::open(path)?;
        let name = input.name().to_owned();
        let before = writer.added().batches;
        let format = writer.read(input, args.format.into(), args.access)?;
        let batches = count(writer.added().batches - before);
        words.explain(format_args!("{name} is a {format} of {batches} batches"));
    }
    let added = writer.added().batches;
    if added == 0 {
        return Err(CliError::NothingFound("the archives hold no batch".into()));
    }
    let header = writer.commit()?;
    words.say(format_args!(
        "batches            {}{}",
        count(header.batches),
        match added - header.batches {
            0 => String::new(),
            merged => format!(", after merging {} that were given twice", count(merged)),
        }
    ));
    words.say(format_args!("logs               {}", count(header.logs)));
    words.say(format_args!(
        "messages           {} with their bytes, {} bytes",
        count(header.messages),
        count(header.message_bytes)
    ));
    words.say(format_args!("output             {}", args.output.display()));
    words.say(format_args!("time               {:.2} s", started.elapsed().as_secs_f64()));
    Ok(Outcome::Done)
}
