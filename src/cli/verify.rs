use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use super::{
    args::{MissingArgs, VerifyArgs},
    error::{CliError, Outcome, refuse_overwriting},
    hint,
    progress::{Bars, file_len},
    proof_input::{Entries, Entry},
    report::{Words, count},
};
use crate::{
    anchor::{Answer, KnownRoots, RootLocation},
    files::{Input, Output},
    ingest::state::Dump,
    message::L2ToL1Log,
    primitives::{Hash, hex},
    proofs::{
        Failure,
        reader::{Defaults, Item},
        verify::{Anchor, VerifyError},
    },
    snapshot::Snapshot,
    state::StateError,
};

/// How many records are verified before their verdicts are written.
const RECORDS_AT_ONCE: usize = 4096;
/// And how many bytes of them, about.
const BYTES_AT_ONCE: usize = 64 << 20;
/// How many invalid proofs are named in words.
const MOST_NAMED: u64 = 10;

/// Who says which root is right.
enum Trusted<'s> {
    Root(Hash),
    State(KnownRoots<&'s Snapshot>),
}

#[derive(Serialize)]
struct Verdict {
    /// The line, or the row of a Parquet file from 1.
    line: u64,
    valid: bool,
    /// Which variable of which contract the root was compared with.
    #[serde(serialize_with = "as_text", skip_serializing_if = "Option::is_none")]
    anchor: Option<RootLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn as_text<S: Serializer>(
    voucher: &Option<RootLocation>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match voucher {
        Some(voucher) => serializer.collect_str(voucher),
        None => serializer.serialize_none(),
    }
}

pub(super) fn run(args: &VerifyArgs, words: &Words, bars: Bars) -> Result<Outcome, CliError> {
    if args.proofs == Path::new("-") && args.anchor.as_deref() == Some(Path::new("-")) {
        return Err(CliError::Usage(
            "the proofs and --anchor cannot both be standard input".into(),
        ));
    }
    if let (None, Some(flag)) = (&args.anchor, args.how.given()) {
        let text = format!("{flag} says something of the state, which --anchor gives");
        return Err(CliError::Usage(text));
    }
    let defaults = args.missing.resolve()?;
    let anchor: Option<Dump> =
        args.anchor.as_ref().map(|path| args.how.read(path, words)).transpose()?;
    let trusted = match (&anchor, args.root) {
        (Some(dump), _) => {
            let witness = KnownRoots::new(&dump.state, args.how.addresses(&dump.state)?)?;
            words.explain(if witness.is_settlement_layer() {
                "the anchor holds a MessageRoot: its own roots count, those of batches executed there, and \
                 those it imported"
            } else {
                "the anchor holds no MessageRoot: the roots that it imported count, and those that the \
                 diamonds of chains store"
            });
            Trusted::State(witness)
        }
        (None, Some(root)) => Trusted::Root(root),
        (None, None) => return Err(CliError::Usage("give --root or --anchor".into())),
    };
    let progress = bars.reading();
    let watcher = progress.watcher();
    watcher.expect(file_len(&args.proofs).unwrap_or(0));
    let mut records = Entries::open(Input::open_watched(&args.proofs, &watcher)?)?;
    if let Some(report) = &args.report {
        let anchor = args.anchor.iter().map(PathBuf::as_path);
        let inputs: Vec<&Path> = anchor.chain([args.proofs.as_path()]).collect();
        refuse_overwriting(report, &inputs)?;
    }
    let mut report = args.report.as_deref().map(Output::create).transpose()?;

    let (mut valid, mut invalid, mut failures) = (0u64, 0u64, 0u64);
    let mut vouchers = BTreeMap::new();
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
        let verdicts: Vec<Option<Verdict>> = entries
            .into_par_iter()
            .map(|(line, entry)| judge(line, entry, &defaults, &trusted))
            .collect::<Result<_, _>>()?;
        for verdict in verdicts {
            let Some(verdict) = verdict else {
                failures += 1;
                continue;
            };
            match &verdict.error {
                None => {
                    valid += 1;
                    if let Some(voucher) = &verdict.anchor {
                        *vouchers.entry(voucher.to_string()).or_insert(0u64) += 1;
                    }
                }
                Some(error) => {
                    invalid += 1;
                    if invalid <= MOST_NAMED {
                        words.say(format_args!(
                            "{} {}: {}: {}",
                            records.place(),
                            verdict.line,
                            error.code,
                            error.message
                        ));
                    }
                }
            }
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
    if valid + invalid == 0 {
        return Err(CliError::NothingFound(format!("{} holds no proof", records.name())));
    }
    if let Some(report) = report {
        CliError::unless_unread(report.finish())?;
    }
    if invalid > MOST_NAMED {
        words.say(format_args!("and {} more", count(invalid - MOST_NAMED)));
    }
    words.say(format_args!(
        "{} valid, {} invalid{}",
        count(valid),
        count(invalid),
        match failures {
            0 => String::new(),
            n => format!("; {} {}s are failed requests without a proof", count(n), records.place()),
        }
    ));
    for (voucher, proofs) in vouchers.iter().take(MOST_NAMED as usize) {
        words.say(format_args!("{} by {voucher}", count(*proofs)));
    }
    if vouchers.len() > MOST_NAMED as usize {
        words.say(format_args!("and by {} more contracts", vouchers.len() - MOST_NAMED as usize));
    }
    Ok(if invalid == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

/// The verdict on one record; `None` for one that holds no proof.
fn judge(
    line: u64,
    entry: Entry,
    defaults: &Defaults,
    trusted: &Trusted<'_>,
) -> Result<Option<Verdict>, StateError> {
    let (mut by, mut unreadable, mut refused) = (None, None, None);
    let error = match entry.item(defaults) {
        Ok(Item::Failure) => return Ok(None),
        Ok(Item::Proof(record, log)) => {
            // The state is asked for the one root that the words lead to.
            let known = |anchor: &Anchor| match trusted {
                Trusted::Root(root) => Some(*root),
                Trusted::State(known) => match record.known_root(known, anchor) {
                    Ok(Answer::Root(known)) => {
                        by = Some(known.location);
                        Some(known.root)
                    }
                    Ok(Answer::Refused(refusal)) => {
                        let message = hint::told(&refusal);
                        refused = Some(Failure { code: refusal.code().into(), message });
                        None
                    }
                    Ok(Answer::Lacking(lacking)) => {
                        let message = hint::told(&lacking);
                        refused = Some(Failure { code: lacking.code().into(), message });
                        None
                    }
                    Ok(_) => None,
                    Err(error) => {
                        unreadable = Some(error);
                        None
                    }
                },
            };
            let verdict = record.verify(&log, known);
            let failure =
                |e: VerifyError| Failure { code: e.code().into(), message: hint::told(&e) };
            verdict.err().map(|e| refused.unwrap_or_else(|| failure(e)))
        }
        Err(e) => Some(Failure { code: "malformed-record".into(), message: hint::told(&e) }),
    };
    match unreadable {
        Some(error) => Err(error),
        None => Ok(Some(Verdict { line, valid: error.is_none(), anchor: by, error })),
    }
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
