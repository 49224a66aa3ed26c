use std::time::Instant;

use serde_json::json;

use super::{
    error::{CliError, Outcome},
    publish_args::PublishArgs,
    report::{self, Console, count},
    role::Role,
    wrong_input::wrong_inputs,
};
use crate::{
    files::ShowPath,
    proof::Failure,
    prove::Messages,
    publish::{Publication, Published},
};

/// The most batches left out that are shown.
const LEFT_OUT_SHOWN: usize = 20;

pub(super) fn run(args: &PublishArgs, console: &Console) -> Result<Outcome, CliError> {
    let given = &args.sources.with_archive()?;
    let started = Instant::now();
    let trees = given.tree_args.trees(&given.tree, &given.trees_options(console))?;
    let mut options = given.messages_options();
    options.trees = Some(trees.clone());
    let messages = Messages::open(&given.messages, &options)
        .map_err(|error| wrong_inputs(&given.messages, Role::Messages, error.into()))?;
    messages.skipped().first().iter().take(LEFT_OUT_SHOWN).for_each(report::skipped);
    let is_whole = messages.skipped().count() == 0;
    let publication = Publication::new(trees, messages, given.target.into());
    let published = publication.write(&args.output).map_err(CliError::Publish)?;
    let Published { batches, written, partial, logs, left_out, .. } = &published;
    let seconds = started.elapsed().as_secs_f64();
    console.summary(&json!({
        "batches": batches, "written": written, "partial": partial, "logs": logs,
        "leftOut": left_out.len(), "seconds": seconds,
    }));
    console.info(format_args!(
        "batches            {}, of which {} are new or written again",
        count(*batches),
        count(*written)
    ));
    console.info(format_args!("logs               {}", count(*logs)));
    if *partial > 0 {
        console.info(format_args!(
            "partial            {} batches have no proof to one of the roots yet",
            count(*partial)
        ));
    }
    for ((chain, batch), failure) in left_out.iter().take(LEFT_OUT_SHOWN) {
        let Failure { code, message } = failure;
        report::words_of_error(format_args!(
            "left out: chain {chain}, batch {batch}: {code}: {message}"
        ));
    }
    if left_out.len() > LEFT_OUT_SHOWN {
        let rest = count(left_out.len() - LEFT_OUT_SHOWN);
        report::words_of_error(format_args!("and {rest} more like these"));
    }
    console.info(format_args!("output             {}", args.output.shown()));
    console.info(format_args!("time               {seconds:.2} s"));
    Ok(if left_out.is_empty() && is_whole { Outcome::Done } else { Outcome::SomeFailed })
}
