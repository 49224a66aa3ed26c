use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    anchor,
    error::{CliError, Outcome, refuse_several_pipes},
    line_report::LineReport,
    progress::{ProgressFactory, file_len},
    proofs_args::RecheckArgs,
    report::{Console, count},
    role::Role,
    wrong_input::wrong_input,
};
use crate::{
    anchor::KnownRoots,
    claims::{ClaimsOptions, Recheck, RecheckStatus, Rechecks},
    files::Input,
    records::Entries,
    state::StorageReader,
};

/// How many proofs that L1 does not take are described in messages.
const MOST_NAMED: u64 = 10;

/// The number of proofs with each status.
#[derive(Default)]
struct Tally {
    statuses: BTreeMap<RecheckStatus, u64>,
    /// Records of requests that could not be proven.
    failures: u64,
    named: u64,
}

pub(super) fn run(
    args: &RecheckArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    recheck(args, console, bars).map_err(|error| wrong_input(&args.proofs, Role::Proofs, error))
}

fn recheck(
    args: &RecheckArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let inputs: Vec<&Path> =
        args.anchor.paths.iter().chain([&args.proofs]).map(PathBuf::as_path).collect();
    refuse_several_pipes(&inputs)?;
    let network = args.state_args.deployment();
    let l1_nullifier = args.state_args.l1_nullifier(args.l1_nullifier)?;
    let defaults = args.missing.resolve()?;
    let l1 = l1(args, console)?;
    let mut options = ClaimsOptions::new(l1_nullifier);
    options.l1_chain = network.map(|network| network.l1_chain_id);
    options.era_chain = network.map(|network| network.era_chain_id);

    let progress = bars.reading();
    let watcher = progress.watcher();
    watcher.expect(file_len(&args.proofs).unwrap_or(0));
    let entries = Entries::open(Input::open_watched(&args.proofs, &watcher)?, &defaults)?;
    let mut report = LineReport::create(args.report.as_deref(), &inputs)?;
    let mut rechecks = Rechecks::new(entries, defaults, &l1, &options);
    let (name, place) = (rechecks.entries().name().to_owned(), rechecks.entries().place());
    let mut tally = Tally::default();
    loop {
        let chunk = rechecks.next_chunk()?;
        if chunk.is_empty() {
            break;
        }
        for found in chunk {
            let Some(found) = found else {
                tally.failures += 1;
                continue;
            };
            tally.add(&found, place, console);
            report.put(&found)?;
        }
    }
    progress.end();
    if tally.statuses.is_empty() {
        return Err(CliError::NothingFound(format!("{name} holds no proof")));
    }
    report.finish()?;
    tally.sum_up(&l1, place, console);
    let has = |status| tally.of(status) > 0;
    Ok(if has(RecheckStatus::Refused) || has(RecheckStatus::Invalid) {
        Outcome::SomeFailed
    } else if has(RecheckStatus::Unknown) {
        Outcome::NotJudged
    } else {
        Outcome::Done
    })
}

/// The roots that L1 accepts.
fn l1(args: &RecheckArgs, console: &Console) -> Result<KnownRoots, CliError> {
    let options = args.anchor.options(args.state_args.options());
    anchor::open_l1(&args.anchor.paths, &options, "--bridgehub", console)
}

impl Tally {
    fn of(&self, status: RecheckStatus) -> u64 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    /// Counts a proof, and prints it if it is one of the first that L1 does not take.
    fn add(&mut self, found: &Recheck, place: &str, console: &Console) {
        *self.statuses.entry(found.status).or_insert(0) += 1;
        let is_taken = matches!(found.status, RecheckStatus::Accepted | RecheckStatus::Finalized);
        let Some(reason) = found.reason.as_ref().filter(|_| !is_taken) else { return };
        self.named += 1;
        if self.named <= MOST_NAMED {
            let (line, code, message) = (found.line, reason.code, &reason.message);
            let error = reason.error.map_or(String::new(), |error| format!(" ({})", error.name));
            console.info(format_args!("{place} {line}: {code}{error}: {message}"));
        }
    }

    /// Prints the number of proofs with each status.
    fn sum_up(&self, l1: &KnownRoots, place: &str, console: &Console) {
        let [accepted, finalized, refused, invalid, unknown] = [
            RecheckStatus::Accepted,
            RecheckStatus::Finalized,
            RecheckStatus::Refused,
            RecheckStatus::Invalid,
            RecheckStatus::Unknown,
        ]
        .map(|status| self.of(status));
        let block = l1.state().block();
        console.summary(&json!({
            "anchorBlock": block,
            "accepted": accepted,
            "finalized": finalized,
            "refused": refused,
            "invalid": invalid,
            "unknown": unknown,
            "failedRequests": self.failures,
        }));
        if self.named > MOST_NAMED {
            console.info(format_args!("and {} more", count(self.named - MOST_NAMED)));
        }
        let at = block.map_or(String::new(), |block| format!(" at block {block}"));
        console.info(format_args!(
            "L1{at}: {} accepted, {} paid out, {} refused, {} invalid, {} unknown",
            count(accepted),
            count(finalized),
            count(refused),
            count(invalid),
            count(unknown)
        ));
        if self.failures > 0 {
            let failures = count(self.failures);
            console.info(format_args!("{failures} {place}s are failed requests without a proof"));
        }
    }
}
