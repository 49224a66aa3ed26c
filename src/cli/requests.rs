//! What the lines of a file ask for.

use std::{
    collections::HashMap,
    error::Error,
    fmt::Display,
    iter::{self, Peekable},
    path::Path,
    sync::Arc,
};

use serde_json::value::RawValue;

use super::{
    error::CliError,
    hint,
    pipeline::{Failed, ProofTask, RequestSource, WorkItem},
    target::Trees,
};
use crate::{
    anchor::KnownRoots,
    archive::{Archive, ArchiveError, LogAt},
    files::{Input, InputError, Lines},
    primitives::{BatchNumber, ChainId},
    proof::{Failure, Request, RequestLine, Target},
    prove::{Extractor, LogFilter},
    snapshot::Snapshot,
};

/// The longest line that is read as a request; its four fields take a tenth of it.
const LONGEST_LINE: usize = 4096;
/// How much of a line that is no JSON is repeated in its error.
const QUOTED: usize = 200;
const MALFORMED: &str = "malformed-request";
const DAMAGED: &str = "archive-damaged";
/// How many targets are kept, so that requests for the same need not look them up again.
const MOST_TARGETS: usize = 1 << 10;

/// The steps that the lines of a file ask for, in their order.
pub(super) struct Requests<'a> {
    name: String,
    lines: Lines<Input>,
    /// The last line that was read.
    line: u64,
    archive: &'a Archive,
    trees: &'a Trees<'a>,
    witness: Option<&'a KnownRoots<&'a Snapshot>>,
    /// The target of lines that name none.
    default: Target,
    extractors: HashMap<Target, Arc<Extractor<'a>>>,
    /// What the last line selects, as far as it is not done.
    selected: Option<Selected<'a>>,
}

/// The logs of one request, found one after the other: there may be more than fit into memory.
struct Selected<'a> {
    found: Found<'a>,
    extractor: Arc<Extractor<'a>>,
    asked: Arc<RawValue>,
}

/// Logs that an index of the archive leads to.
struct Found<'a>(Peekable<Box<dyn Iterator<Item = Result<LogAt<'a>, ArchiveError>> + 'a>>);

impl<'a> Found<'a> {
    fn new(found: impl Iterator<Item = Result<LogAt<'a>, ArchiveError>> + 'a) -> Self {
        let found: Box<dyn Iterator<Item = _>> = Box::new(found);
        Self(found.peekable())
    }
}

impl<'a> Requests<'a> {
    pub(super) fn open(
        path: &Path,
        archive: &'a Archive,
        trees: &'a Trees<'a>,
        witness: Option<&'a KnownRoots<&'a Snapshot>>,
        default: Target,
    ) -> Result<Self, CliError> {
        let input = Input::open(path)?;
        let name = input.name().to_owned();
        let lines = Lines::new(input, LONGEST_LINE);
        let extractors = HashMap::new();
        Ok(Self {
            name,
            lines,
            line: 0,
            archive,
            trees,
            witness,
            default,
            extractors,
            selected: None,
        })
    }

    /// What a line asks for: one step, or several that are kept as selected.
    fn ask(&mut self, line: &[u8], is_too_long: bool) -> Result<Option<WorkItem<'a>>, CliError> {
        let text =
            || RequestSource::Text(String::from_utf8_lossy(line).chars().take(QUOTED).collect());
        if is_too_long {
            let reason = format!("longer than {LONGEST_LINE} bytes; no request is");
            return Ok(Some(failed(text(), MALFORMED, &self.place(), &reason)));
        }
        let asked: Arc<RawValue> = match serde_json::from_slice::<Box<RawValue>>(line) {
            Ok(value) => value.into(),
            Err(error) => {
                let reason = format!("not a request: {error}");
                return Ok(Some(failed(text(), MALFORMED, &self.place(), &reason)));
            }
        };
        let place = self.place();
        let fail = |code: &str, reason: &dyn Display| {
            Ok(Some(failed(RequestSource::Line(Arc::clone(&asked)), code, &place, reason)))
        };
        let RequestLine { request, target } = match RequestLine::parse(line) {
            Ok(line) => line,
            Err(error) => return fail(error.code(), &error),
        };
        let target = target.unwrap_or(self.default);
        let extractor = match self.extractors.get(&target) {
            Some(known) => Arc::clone(known),
            None => match self.trees.extractor(self.witness, target) {
                Ok(extractor) => {
                    let extractor = Arc::new(extractor);
                    if self.extractors.len() >= MOST_TARGETS {
                        self.extractors.clear();
                    }
                    self.extractors.insert(target, Arc::clone(&extractor));
                    extractor
                }
                Err(error) => match error.of_target() {
                    Some(code) => return fail(code, &with_causes(&error)),
                    None => return Err(error),
                },
            },
        };
        let archive = self.archive;
        let mut found = match request {
            Request::Log { chain_id, batch_number, id } => {
                return Ok(Some(self.prove(
                    asked,
                    extractor,
                    (chain_id, batch_number),
                    LogFilter::Log(id),
                )));
            }
            Request::Batch { chain_id, batch_number } => {
                return Ok(Some(self.prove(
                    asked,
                    extractor,
                    (chain_id, batch_number),
                    LogFilter::All,
                )));
            }
            Request::Message { message } => Found::new(archive.find_message(message)),
            Request::Transaction { tx_hash, log } => {
                let mut found = Found::new(archive.find_transaction(tx_hash));
                if let (Some(log), Some(Ok(_))) = (log, found.0.peek()) {
                    let logs = usize::try_from(log).ok().and_then(|log| found.0.nth(log));
                    let Some(at) = logs else {
                        let reason = format!("the transaction {tx_hash} has no log {log}");
                        return fail("log-not-in-transaction", &reason);
                    };
                    found = Found::new(iter::once(at));
                }
                found
            }
        };
        match (found.0.peek(), request) {
            (Some(Ok(_)), _) => {}
            (Some(Err(error)), _) => {
                let reason = error.to_string();
                return fail(DAMAGED, &reason);
            }
            (None, Request::Message { message }) => {
                let reason = match archive.find_transaction(message).next() {
                    Some(_) => format!(
                        "no message has the hash {message}; it is that of a transaction (txHash)"
                    ),
                    None => format!("no message in the archive has the hash {message}"),
                };
                return fail("message-not-found", &reason);
            }
            (None, Request::Transaction { tx_hash, .. })
                if archive.find_message(tx_hash).next().is_some() =>
            {
                let reason = format!(
                    "no transaction has the hash {tx_hash}; it is that of a message (message)"
                );
                return fail("transaction-not-found", &reason);
            }
            (None, _) => {
                let reason = "the archive has no log of this transaction";
                return fail("transaction-not-found", &reason);
            }
        }
        self.selected = Some(Selected { found, extractor, asked });
        Ok(None)
    }

    /// The step for logs of one batch.
    fn prove(
        &self,
        asked: Arc<RawValue>,
        extractor: Arc<Extractor<'a>>,
        (chain, batch): (ChainId, BatchNumber),
        which: LogFilter,
    ) -> WorkItem<'a> {
        match extractor.logs_of(self.archive, chain, batch) {
            Ok(logs) if which == LogFilter::All && logs.logs().is_empty() => {
                let reason = format!("chain {chain}, batch {batch} has no logs");
                failed(RequestSource::Line(asked), "log-not-in-batch", &self.place(), &reason)
            }
            Ok(logs) => WorkItem::Prove(ProofTask { logs, which, extractor, asked: Some(asked) }),
            Err(error) => {
                failed(RequestSource::Line(asked), error.code(), &self.place(), &hint::told(&error))
            }
        }
    }

    /// Where the last line stands.
    fn place(&self) -> String {
        format!("{}, line {}", self.name, self.line)
    }
}

/// Only of a line that says nothing useful itself it is told where it stands.
fn failed<'a>(asked: RequestSource, code: &str, place: &str, reason: &dyn Display) -> WorkItem<'a> {
    let message = match code {
        MALFORMED => format!("{place}: {reason}"),
        _ => reason.to_string(),
    };
    WorkItem::Fail(Failed { asked, error: Failure { code: code.into(), message } })
}

impl<'a> Iterator for Requests<'a> {
    type Item = Result<WorkItem<'a>, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(Selected { found, extractor, asked }) = &mut self.selected {
                let (extractor, asked) = (Arc::clone(extractor), Arc::clone(asked));
                match found.0.next() {
                    Some(Ok(LogAt { batch: logs, index })) => {
                        let (which, asked) = (LogFilter::Log(index), Some(asked));
                        return Some(Ok(WorkItem::Prove(ProofTask {
                            logs,
                            which,
                            extractor,
                            asked,
                        })));
                    }
                    Some(Err(error)) => {
                        let place = self.place();
                        return Some(Ok(failed(
                            RequestSource::Line(asked),
                            DAMAGED,
                            &place,
                            &error,
                        )));
                    }
                    None => self.selected = None,
                }
            }
            let (line, is_too_long) = match self.lines.next_line() {
                Ok(line) => {
                    let line = line?;
                    self.line = line.number;
                    (line.text.to_vec(), line.is_too_long)
                }
                Err(source) => {
                    let name = self.name.clone();
                    return Some(Err(InputError::Read { name, source }.into()));
                }
            };
            match self.ask(&line, is_too_long) {
                Ok(None) => {}
                Ok(Some(step)) => return Some(Ok(step)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    hint::beside(text, error)
}
