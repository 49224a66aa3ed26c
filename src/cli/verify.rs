use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    anchor,
    error::{CliError, Outcome, refuse_several_pipes},
    hint,
    line_report::LineReport,
    progress::{ProgressFactory, file_len},
    proofs_args::{MissingArgs, VerifyArgs},
    report::{Console, count},
    role::Role,
    wrong_input::wrong_input,
};
use crate::{
    anchor::RootLocation,
    files::Input,
    message::L2ToL1Log,
    primitives::hex,
    proof::reader::Defaults,
    publish::{Checked, check},
    records::{Entries, TrustedRoots, VerdictLine, Verdicts},
};

/// How many invalid proofs, and how many that cannot be judged, are described in messages.
const MOST_NAMED: u64 = 10;

/// The number of proofs with each verdict.
#[derive(Default)]
struct Tally {
    valid: u64,
    invalid: u64,
    not_judged: u64,
    /// Records of requests that could not be proven.
    failures: u64,
    /// The number of valid proofs, by the variable that stores their root.
    locations: HashMap<RootLocation, u64>,
}

pub(super) fn run(
    args: &VerifyArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    if let Some(directory) = &args.published {
        let network = args.state_args.network.map(|_| "--network");
        if let Some(flag) = args.missing.given().or(args.state_args.given()).or(network) {
            let text = format!("{flag} has no effect with --published, whose files have all of it");
            return Err(CliError::Usage(text));
        }
        return published(directory, console);
    }
    verify(args, console, bars).map_err(|error| wrong_input(&args.proofs, Role::Proofs, error))
}

/// Reads a published directory back.
fn published(directory: &Path, console: &Console) -> Result<Outcome, CliError> {
    let Checked { batches, logs, proofs, .. } = check(directory).map_err(CliError::Publish)?;
    console.summary(&json!({"batches": batches, "logs": logs, "proofs": proofs}));
    console.info(format_args!(
        "{} batches, {} logs, {} proofs: all files hold",
        count(batches),
        count(logs),
        count(proofs)
    ));
    Ok(Outcome::Done)
}

fn verify(
    args: &VerifyArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    let inputs: Vec<&Path> =
        args.anchor.paths.iter().chain([&args.proofs]).map(PathBuf::as_path).collect();
    refuse_several_pipes(&inputs)?;
    if let (true, Some(flag)) = (args.anchor.paths.is_empty(), args.state_args.given()) {
        let text = format!("{flag} is about the state; give one with --anchor");
        return Err(CliError::Usage(text));
    }
    let defaults = args.missing.resolve()?;
    let roots = match (&args.anchor.paths[..], args.root) {
        ([], Some(root)) => TrustedRoots::Root(root),
        ([_, ..], _) => roots_of_state(args, console)?,
        ([], None) => return Err(CliError::Usage("give --root or --anchor".into())),
    };
    let progress = bars.reading();
    let watcher = progress.watcher();
    watcher.expect(file_len(&args.proofs).unwrap_or(0));
    let entries = Entries::open(Input::open_watched(&args.proofs, &watcher)?, &defaults)?;
    console.verbose(format_args!("{}: {}", entries.name(), entries.format()));
    let mut report = LineReport::create(args.report.as_deref(), &inputs)?;

    let mut verdicts = Verdicts::new(entries, defaults, roots).with_hints(hint::of);
    let (name, place) = (verdicts.entries().name().to_owned(), verdicts.entries().place());
    let mut tally = Tally::default();
    loop {
        let chunk = verdicts.next_chunk()?;
        if chunk.is_empty() {
            break;
        }
        for verdict in chunk {
            let Some(verdict) = verdict else {
                tally.failures += 1;
                continue;
            };
            tally.add(&verdict, place, console);
            report.put(&verdict)?;
        }
    }
    progress.end();
    if tally.valid + tally.invalid + tally.not_judged == 0 {
        return Err(CliError::NothingFound(format!("{name} holds no proof")));
    }
    report.finish()?;
    tally.sum_up(place, console);
    Ok(match (tally.invalid, tally.not_judged) {
        (0, 0) => Outcome::Done,
        (0, _) => Outcome::NotJudged,
        _ => Outcome::SomeFailed,
    })
}

impl Tally {
    /// Counts a verdict, and prints it if it is one of the first of its kind.
    fn add(&mut self, verdict: &VerdictLine, place: &str, console: &Console) {
        let counted = match verdict.valid {
            Some(true) => {
                self.valid += 1;
                if let Some(location) = &verdict.anchor {
                    *self.locations.entry(*location).or_insert(0) += 1;
                }
                return;
            }
            Some(false) => &mut self.invalid,
            None => &mut self.not_judged,
        };
        *counted += 1;
        if let (Some(error), ..=MOST_NAMED) = (&verdict.error, *counted) {
            let line = verdict.line;
            console.info(format_args!("{place} {line}: {}: {}", error.code, error.message));
        }
    }

    /// Prints the number of proofs with each verdict.
    fn sum_up(&self, place: &str, console: &Console) {
        let locations: BTreeMap<String, u64> = self
            .locations
            .iter()
            .map(|(location, proofs)| (location.to_string(), *proofs))
            .collect();
        console.summary(&json!({
            "valid": self.valid,
            "invalid": self.invalid,
            "notJudged": self.not_judged,
            "failedRequests": self.failures,
            "anchors": locations,
        }));
        let unnamed =
            self.invalid.saturating_sub(MOST_NAMED) + self.not_judged.saturating_sub(MOST_NAMED);
        if unnamed > 0 {
            console.info(format_args!("and {} more", count(unnamed)));
        }
        console.info(format_args!(
            "{} valid, {} invalid{}{}",
            count(self.valid),
            count(self.invalid),
            match self.not_judged {
                0 => String::new(),
                n => format!(", {} cannot be judged", count(n)),
            },
            match self.failures {
                0 => String::new(),
                n => format!("; {} {place}s are failed requests without a proof", count(n)),
            }
        ));
        for (location, proofs) in locations.iter().take(MOST_NAMED as usize) {
            console.info(format_args!("{} by {location}", count(*proofs)));
        }
        if locations.len() > MOST_NAMED as usize {
            let more = locations.len() - MOST_NAMED as usize;
            console.info(format_args!("and by {more} more contracts"));
        }
    }
}

/// The roots that the contracts in the anchor's state accept.
fn roots_of_state(args: &VerifyArgs, console: &Console) -> Result<TrustedRoots, CliError> {
    let options = args.anchor.options(args.state_args.options());
    let state = anchor::open(&args.anchor.paths, &options, console)?;
    let roots = TrustedRoots::of_state(state.into_reader(), &options)?;
    if let TrustedRoots::State(known) = &roots {
        console.verbose(if known.is_settlement_layer() {
            "the anchor has MessageRoot: its own roots, those of batches executed there and imported ones are \
             known"
        } else {
            "the anchor has no MessageRoot: imported roots and those that the diamonds of chains store are \
             known"
        });
    }
    Ok(roots)
}

impl MissingArgs {
    /// The first of these flags that was given.
    fn given(&self) -> Option<&'static str> {
        let given = [
            ("--chain-id", self.chain_id.is_some()),
            ("--batch", self.batch.is_some()),
            ("--log", self.log.is_some()),
            ("--message", self.message.is_some()),
        ];
        given.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }

    /// The values that replace those missing in records.
    pub(super) fn resolve(&self) -> Result<Defaults, CliError> {
        let made = match (&self.message, self.sender, self.tx_number) {
            (Some(message), Some(sender), Some(tx_number)) => {
                let message =
                    hex::bytes(message).map_err(|e| CliError::Usage(format!("--message: {e}")))?;
                Some(L2ToL1Log::of_message(tx_number, sender, &message))
            }
            _ => None,
        };
        Ok(Defaults { chain: self.chain_id, batch: self.batch, log: self.log.or(made) })
    }
}
