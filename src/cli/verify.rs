use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::{
    args::{MissingArgs, VerifyArgs},
    error::{CliError, Outcome, refuse_overwriting},
    hint,
    progress::{ProgressFactory, file_len},
    proof_input::{Entries, Entry},
    report::{Console, count},
    sniff::{Role, wrong_input},
};
use crate::{
    anchor::{Answer, KnownRoots, RootLocation},
    files::{Input, Output},
    ingest::state::Dump,
    message::L2ToL1Log,
    primitives::{Hash, hex, ordered::try_map},
    proof::{
        Failure, Known, Reason, Verdict,
        reader::{Defaults, Item},
    },
    snapshot::Snapshot,
    state::StateError,
};

/// How many records are verified before their verdicts are written.
const RECORDS_AT_ONCE: usize = 4096;
/// And how many bytes of them, about.
const BYTES_AT_ONCE: usize = 64 << 20;
/// How many proofs that are invalid, and how many that cannot be judged, are named in words.
const MOST_NAMED: u64 = 10;

/// Who says which root is right.
enum Trusted<'s> {
    Root(Hash),
    State(KnownRoots<&'s Snapshot>),
}

/// A line of the report.
#[derive(Serialize)]
struct VerdictLine {
    /// The line, or the row of a Parquet file from 1.
    line: u64,
    /// Null where the proof cannot be judged.
    valid: Option<bool>,
    /// Which variable of which contract the root was compared with.
    #[serde(serialize_with = "as_text", skip_serializing_if = "Option::is_none")]
    anchor: Option<RootLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

/// How many proofs had which verdict.
#[derive(Default)]
struct Tally {
    valid: u64,
    invalid: u64,
    not_judged: u64,
    /// Records of requests that could not be proven.
    failures: u64,
    /// By where the root of a valid proof is stored.
    locations: BTreeMap<String, u64>,
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn as_text<S: Serializer>(
    location: &Option<RootLocation>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match location {
        Some(location) => serializer.collect_str(location),
        None => serializer.serialize_none(),
    }
}

pub(super) fn run(
    args: &VerifyArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    verify(args, console, bars).map_err(|error| wrong_input(&args.proofs, Role::Proofs, error))
}

fn verify(
    args: &VerifyArgs,
    console: &Console,
    bars: ProgressFactory,
) -> Result<Outcome, CliError> {
    if args.proofs == Path::new("-") && args.anchor.as_deref() == Some(Path::new("-")) {
        return Err(CliError::Usage(
            "the proofs and --anchor cannot both be standard input".into(),
        ));
    }
    if let (None, Some(flag)) = (&args.anchor, args.how.given()) {
        let text = format!("{flag} is about the state; give one with --anchor");
        return Err(CliError::Usage(text));
    }
    let defaults = args.missing.resolve()?;
    let anchor: Option<Dump> =
        args.anchor.as_ref().map(|path| args.how.read(path, console)).transpose()?;
    let trusted = match (&anchor, args.root) {
        (Some(dump), _) => {
            let known = KnownRoots::new(&dump.state, args.how.addresses(&dump.state)?)?;
            console.verbose(if known.is_settlement_layer() {
                "the anchor has MessageRoot: its own roots, those of batches executed there and imported ones \
                 are known"
            } else {
                "the anchor has no MessageRoot: imported roots and those that the diamonds of chains store are \
                 known"
            });
            Trusted::State(known)
        }
        (None, Some(root)) => Trusted::Root(root),
        (None, None) => return Err(CliError::Usage("give --root or --anchor".into())),
    };
    let progress = bars.reading();
    let watcher = progress.watcher();
    watcher.expect(file_len(&args.proofs).unwrap_or(0));
    let mut records = Entries::open(Input::open_watched(&args.proofs, &watcher)?, &defaults)?;
    console.verbose(format_args!("{}: {}", records.name(), records.format()));
    if let Some(report) = &args.report {
        let anchor = args.anchor.iter().map(PathBuf::as_path);
        let inputs: Vec<&Path> = anchor.chain([args.proofs.as_path()]).collect();
        refuse_overwriting(report, &inputs)?;
    }
    let mut report = args.report.as_deref().map(Output::create).transpose()?;

    let mut tally = Tally::default();
    let mut is_list = false;
    loop {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while entries.len() < RECORDS_AT_ONCE && bytes < BYTES_AT_ONCE {
            let Some(entry) = records.next().transpose()? else { break };
            bytes += entry.1.weight();
            entries.push(entry);
        }
        if entries.is_empty() {
            break;
        }
        // Damaged lines among proofs are invalid proofs; where there is nothing else, there is no proof.
        is_list = is_list || entries.iter().any(|(_, entry)| entry.is_record());
        if !is_list {
            return Err(records.no_proofs());
        }
        let verdicts: Vec<Option<VerdictLine>> =
            try_map(entries.into_par_iter(), |(line, entry)| {
                judge(line, entry, &defaults, &trusted)
            })?;
        for verdict in verdicts {
            let Some(verdict) = verdict else {
                tally.failures += 1;
                continue;
            };
            tally.add(&verdict, records.place(), console);
            if let Some(open) = &mut report {
                let mut line = serde_json::to_vec(&verdict).unwrap_or_default();
                line.push(b'\n');
                match open.put(&line) {
                    // Nobody reads the report any more; the exit code still says how it ends.
                    Err(error) if error.is_closed_pipe() => report = None,
                    result => result?,
                }
            }
        }
    }
    progress.end();
    if tally.valid + tally.invalid + tally.not_judged == 0 {
        return Err(CliError::NothingFound(format!("{} holds no proof", records.name())));
    }
    if let Some(report) = report {
        CliError::unless_unread(report.finish())?;
    }
    tally.sum_up(records.place(), console);
    Ok(match (tally.invalid, tally.not_judged) {
        (0, 0) => Outcome::Done,
        (0, _) => Outcome::NotJudged,
        _ => Outcome::SomeFailed,
    })
}

impl Tally {
    /// Counts a verdict, and names it if it is one of the first of its kind.
    fn add(&mut self, verdict: &VerdictLine, place: &str, console: &Console) {
        let counted = match verdict.valid {
            Some(true) => {
                self.valid += 1;
                if let Some(location) = &verdict.anchor {
                    *self.locations.entry(location.to_string()).or_insert(0) += 1;
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

    /// Says how many proofs had which verdict.
    fn sum_up(&self, place: &str, console: &Console) {
        console.summary(&json!({
            "valid": self.valid,
            "invalid": self.invalid,
            "notJudged": self.not_judged,
            "failedRequests": self.failures,
            "anchors": self.locations,
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
        for (location, proofs) in self.locations.iter().take(MOST_NAMED as usize) {
            console.info(format_args!("{} by {location}", count(*proofs)));
        }
        if self.locations.len() > MOST_NAMED as usize {
            let more = self.locations.len() - MOST_NAMED as usize;
            console.info(format_args!("and by {more} more contracts"));
        }
    }
}

/// The verdict on one record; `None` for one that holds no proof.
fn judge(
    line: u64,
    entry: Entry,
    defaults: &Defaults,
    trusted: &Trusted<'_>,
) -> Result<Option<VerdictLine>, StateError> {
    let (mut by, mut unreadable) = (None, None);
    let verdict = match entry.item(defaults) {
        Ok(Item::Failure) => return Ok(None),
        // The state is asked for the one root that the words lead to.
        Ok(Item::Proof(record, log)) => Verdict::of(&record, &log, |anchor| {
            let trusted = match trusted {
                Trusted::Root(root) => return Known::Root(*root),
                Trusted::State(known) => known,
            };
            let answer = trusted.of_record(&record, anchor).unwrap_or_else(|error| {
                unreadable = Some(error);
                Answer::NotStored
            });
            by = answer.root().map(|known| known.location);
            answer.into()
        }),
        Err(error) => error.into(),
    };
    if let Some(error) = unreadable {
        return Err(error);
    }
    let told =
        |reason: &Reason| Some(Failure { code: reason.code().into(), message: hint::told(reason) });
    let (valid, error) = match &verdict {
        Verdict::Valid(_) => (Some(true), None),
        Verdict::Invalid(reason) => (Some(false), told(reason)),
        Verdict::CannotJudge(reason) => (None, told(reason)),
    };
    Ok(Some(VerdictLine { line, valid, anchor: by, error }))
}

impl MissingArgs {
    fn resolve(&self) -> Result<Defaults, CliError> {
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
