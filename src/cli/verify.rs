use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use super::{
    args::{MissingArgs, VerifyArgs},
    error::{CliError, Outcome},
    report::{Words, count},
};
use crate::{
    files::{Input, Output},
    forest::RootWitness,
    import::Dump,
    messages::L2ToL1Log,
    primitives::{Hash, hex},
    proofs::{
        Failure, ProofRecord, TargetKind,
        reader::{self, Defaults, Item, Records},
        verify::Anchor,
    },
    snapshot::Snapshot,
    state::StateError,
};

/// How many records are verified before their verdicts are written.
const RECORDS_AT_ONCE: usize = 4096;
/// How many invalid proofs are named in words.
const MOST_NAMED: u64 = 10;

/// Who says which root is right.
enum Trusted<'s> {
    Root(Hash),
    State(RootWitness<'s, Snapshot>),
}

#[derive(Serialize)]
struct Verdict {
    line: u64,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

pub(super) fn run(args: &VerifyArgs, words: &Words) -> Result<Outcome, CliError> {
    if args.proofs == Path::new("-") && args.anchor.as_deref() == Some(Path::new("-")) {
        return Err(CliError::Usage(
            "the proofs and --anchor cannot both be standard input".into(),
        ));
    }
    let defaults = args.missing.resolve()?;
    let anchor: Option<Dump> =
        args.anchor.as_ref().map(|path| args.how.read(path, words)).transpose()?;
    let trusted = match (&anchor, args.root) {
        (Some(dump), _) => {
            let witness = RootWitness::new(&dump.state, args.how.addresses())?;
            words.explain(if witness.is_settlement_layer() {
                "the anchor holds a MessageRoot: its own roots count, and those it imported"
            } else {
                "the anchor holds no MessageRoot: the roots that it imported count"
            });
            Trusted::State(witness)
        }
        (None, Some(root)) => Trusted::Root(root),
        (None, None) => return Err(CliError::Usage("give --root or --anchor".into())),
    };
    let mut records = Records::open(Input::open(&args.proofs)?)?;
    let mut report = args.report.as_deref().map(Output::create).transpose()?;

    let (mut valid, mut invalid, mut failures) = (0u64, 0u64, 0u64);
    loop {
        let texts: Vec<(u64, Vec<u8>)> =
            records.by_ref().take(RECORDS_AT_ONCE).collect::<Result<_, _>>()?;
        if texts.is_empty() {
            break;
        }
        let verdicts: Vec<Option<Verdict>> = texts
            .par_iter()
            .map(|(line, text)| judge(*line, text, &defaults, &trusted))
            .collect::<Result<_, _>>()?;
        for verdict in verdicts {
            let Some(verdict) = verdict else {
                failures += 1;
                continue;
            };
            match &verdict.error {
                None => valid += 1,
                Some(error) => {
                    invalid += 1;
                    if invalid <= MOST_NAMED {
                        words.say(format_args!(
                            "line {}: {}: {}",
                            verdict.line, error.code, error.message
                        ));
                    }
                }
            }
            if let Some(report) = &mut report {
                let mut line = serde_json::to_vec(&verdict).unwrap_or_default();
                line.push(b'\n');
                report.put(&line)?;
            }
        }
    }
    if valid + invalid == 0 {
        return Err(CliError::NothingFound(format!("{} holds no proof", records.name())));
    }
    if let Some(report) = report {
        report.finish()?;
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
            n => format!("; {} lines are failed requests without a proof", count(n)),
        }
    ));
    Ok(if invalid == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

/// The verdict on one record; `None` for one that holds no proof.
fn judge(
    line: u64,
    text: &[u8],
    defaults: &Defaults,
    trusted: &Trusted<'_>,
) -> Result<Option<Verdict>, StateError> {
    let error = match reader::parse(text, defaults) {
        Ok(Item::Failure) => return Ok(None),
        Ok(Item::Proof(record, log)) => {
            // The state is asked for the one root that the words lead to.
            let mut unreadable = None;
            let verdict = record.verify(&log, |anchor| match trusted.root(&record, anchor) {
                Ok(root) => root,
                Err(error) => {
                    unreadable = Some(error);
                    None
                }
            });
            if let Some(error) = unreadable {
                return Err(error);
            }
            verdict.err().map(|e| Failure { code: e.code().into(), message: e.to_string() })
        }
        Err(e) => Some(Failure { code: "malformed-record".into(), message: e.to_string() }),
    };
    Ok(Some(Verdict { line, valid: error.is_none(), error }))
}

impl Trusted<'_> {
    fn root(&self, record: &ProofRecord, anchor: &Anchor) -> Result<Option<Hash>, StateError> {
        match (self, anchor) {
            (Self::Root(root), _) => Ok(Some(*root)),
            (Self::State(state), Anchor::Batch(chain, batch)) => state.batch_root(*chain, *batch),
            // The words do not tell blocks from batches; this state knows roots by block.
            (Self::State(_), Anchor::SettlementLayer(..))
                if record.target.is_some_and(|target| target.kind == TargetKind::SlBatch) =>
            {
                Ok(None)
            }
            (Self::State(state), Anchor::SettlementLayer(chain, number)) => {
                state.block_root(*chain, *number)
            }
        }
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
