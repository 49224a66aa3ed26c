use std::time::Instant;

use serde_json::json;

use super::{
    error::{CliError, Outcome},
    publish_args::PublishArgs,
    report::{self, Console, LEFT_OUT_SHOWN, count},
    role::Role,
    wrong_input::wrong_inputs,
};
use crate::{
    files::ShowPath,
    proof::Failure,
    prove::Messages,
    publish::{Publication, Published},
};

pub(super) fn run(args: &PublishArgs, console: &Console) -> Result<Outcome, CliError> {
    let given = &args.sources.with_archive()?;
    let started = Instant::now();
    let trees = given.tree_args.trees(&given.tree, &given.trees_options(console))?;
    let mut options = given.messages_options();
    options.trees = vec![trees.clone()];
    let messages = Messages::open(&given.messages, &options)
        .map_err(|error| wrong_inputs(&given.messages, Role::Messages, error.into()))?;
    report::left_out(messages.skipped(), 0, Outcome::SomeFailed);
    let publication = Publication::new(trees, messages, given.target.into());
    let published = publication.write(&args.output).map_err(CliError::Publish)?;
    let Published { batches, written, partial, logs, left_out, not_archived, .. } = &published;
    let seconds = started.elapsed().as_secs_f64();
    console.summary(&json!({
        "batches": batches, "written": written, "partial": partial, "logs": logs,
        "leftOut": left_out.len() as u64 + not_archived, "seconds": seconds,
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
    report::say_left_out(*not_archived, console);
    for ((chain, batch), failure) in left_out.iter().take(LEFT_OUT_SHOWN) {
        let Failure { code, message } = failure;
        report::words_of_error(format_args!(
            "left out: chain {chain}, batch {batch}: {code}: {message}"
        ));
    }
    report::and_more(left_out.len() as u64);
    console.info(format_args!("output             {}", args.output.shown()));
    console.info(format_args!("time               {seconds:.2} s"));
    Ok(if left_out.is_empty() && *not_archived == 0 { Outcome::Done } else { Outcome::SomeFailed })
}
