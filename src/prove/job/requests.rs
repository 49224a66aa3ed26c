//! Requests in the lines of a file.

use std::{collections::HashMap, ops::Range, sync::Arc};

use serde_json::value::RawValue;

use super::{
    found::{self, Found},
    request_lines::{LONGEST_LINE, RequestLines},
    source::Source,
    step::{Failed, OwnedSource, ProofTask, WorkItem},
};
use crate::{
    archive::{Archive, LogAt},
    files::{Input, InputError, Lines},
    primitives::{BatchNumber, ChainId},
    proof::{Failure, FailureCode, Hints, Request, RequestLine, Target},
    prove::{Error, Extractor, LogFilter, SlBlocks, Trees, with_causes},
};

/// The maximum number of characters that an error quotes from a line that is not JSON.
const QUOTED: usize = 200;
/// The maximum number of cached targets. Requests for a cached target do not look it up again.
const MOST_TARGETS: usize = 1 << 10;

/// The steps that the lines of a file request, in their order.
pub(super) struct Requests<'a> {
    name: String,
    lines: Lines<Input>,
    /// The number of the last line that was read.
    line: u64,
    /// The number of lines that were read, and which of them are answered. Empty ones do not count.
    read: u64,
    part: Range<u64>,
    archive: &'a Archive,
    trees: &'a Trees,
    /// The target of lines that name none.
    default: Target,
    blocks: SlBlocks,
    hints: Hints,
    /// By target: its extractor, or why it has none.
    extractors: HashMap<Target, Result<Arc<Extractor<'a>>, Failure>>,
    /// The logs selected by the last line that are still to be processed.
    selected: Option<Selected<'a>>,
}

/// The logs of one request, found one at a time, since they may not fit into memory.
struct Selected<'a> {
    found: Found<'a>,
    extractor: Arc<Extractor<'a>>,
    asked: Arc<RawValue>,
    is_one_of_many: bool,
}

impl<'a> Requests<'a> {
    /// Opens the lines. `default` is the target of those that name none.
    pub(super) fn open(
        lines: &RequestLines,
        Source { archive, trees, target: default, shard, blocks, hints }: Source<'a>,
    ) -> Result<Self, Error> {
        let part = match shard {
            Some(shard) => shard.part_of(lines.count()?),
            None => 0..u64::MAX,
        };
        let (name, lines) = lines.read()?;
        Ok(Self {
            name,
            lines,
            line: 0,
            read: 0,
            part,
            archive,
            trees,
            default,
            blocks,
            hints,
            extractors: HashMap::new(),
            selected: None,
        })
    }

    /// Parses a line into one step, or into several, which are stored in `selected`.
    fn ask(&mut self, line: &[u8], is_too_long: bool) -> Result<Option<WorkItem<'a>>, Error> {
        let is_not_json = |reason: String| {
            let text = String::from_utf8_lossy(line).chars().take(QUOTED).collect();
            Ok(Some(self.malformed(OwnedSource::Text(text), &reason)))
        };
        if is_too_long {
            return is_not_json(format!("the line has more than {LONGEST_LINE} bytes"));
        }
        let asked: Arc<RawValue> = match serde_json::from_slice::<Box<RawValue>>(line) {
            Ok(value) => value.into(),
            Err(error) => return is_not_json(format!("not a request: {error}")),
        };
        let source = || OwnedSource::Line(Arc::clone(&asked));
        let RequestLine { request, target } = match RequestLine::parse(line) {
            Ok(line) => line,
            Err(error) if error.code() == FailureCode::MalformedRequest => {
                return Ok(Some(self.malformed(source(), &error.to_string())));
            }
            Err(error) => return Ok(Some(failed(source(), error.code(), error.to_string()))),
        };
        let extractor = match self.extractor(target.unwrap_or(self.default))? {
            Ok(extractor) => extractor,
            Err(error) => return Ok(Some(WorkItem::Fail(Failed { asked: source(), error }))),
        };
        let is_one_of_many = matches!(request, Request::Transaction { log: None, .. });
        let found = match request {
            Request::Log { chain_id, batch_number, id } => {
                let place = (chain_id, batch_number);
                return Ok(Some(self.prove(asked, extractor, place, LogFilter::Log(id))));
            }
            Request::Batch { chain_id, batch_number } => {
                let place = (chain_id, batch_number);
                return Ok(Some(self.prove(asked, extractor, place, LogFilter::All)));
            }
            Request::Message { message } => found::message(self.archive, message),
            Request::Transaction { tx_hash, log } => found::transaction(self.archive, tx_hash, log),
        };
        match found {
            Ok(found) => {
                self.selected = Some(Selected { found, extractor, asked, is_one_of_many });
                Ok(None)
            }
            Err(error @ Error::Archive(_)) => {
                Ok(Some(failed(source(), FailureCode::ArchiveDamaged, error.to_string())))
            }
            Err(error) => Ok(Some(failed(source(), error.code(), error.to_string()))),
        }
    }

    /// Returns the extractor for a target, or why it has none, from the cache if possible.
    fn extractor(&mut self, target: Target) -> Result<Result<Arc<Extractor<'a>>, Failure>, Error> {
        if let Some(known) = self.extractors.get(&target) {
            return Ok(known.clone());
        }
        let extractor = match self.trees.extractor_naming(target, self.blocks) {
            Ok(extractor) => Ok(Arc::new(extractor)),
            Err(error) if error.is_of_target() => {
                let failure = Failure { code: error.code(), message: with_causes(&error) };
                Err(failure.hinted(&error, self.hints))
            }
            Err(error) => return Err(error),
        };
        if self.extractors.len() >= MOST_TARGETS {
            self.extractors.clear();
        }
        self.extractors.insert(target, extractor.clone());
        Ok(extractor)
    }

    /// Creates the step for logs of one batch.
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
                failed(OwnedSource::Line(asked), FailureCode::LogNotInBatch, reason)
            }
            Ok(logs) => {
                let (asked, is_one_of_many) = (Some(asked), which == LogFilter::All);
                WorkItem::Prove(ProofTask {
                    logs,
                    which,
                    extractor,
                    asked,
                    is_one_of_many,
                    proven: None,
                })
            }
            Err(error) => {
                let failure = Failure::of(error.code(), &error, self.hints);
                WorkItem::Fail(Failed { asked: OwnedSource::Line(asked), error: failure })
            }
        }
    }

    /// Creates the step for a malformed line. Its error names the line number, since the line may not be a
    /// request.
    fn malformed(&self, asked: OwnedSource, reason: &str) -> WorkItem<'a> {
        let message = format!("{}, line {}: {reason}", self.name, self.line);
        failed(asked, FailureCode::MalformedRequest, message)
    }
}

fn failed<'a>(asked: OwnedSource, code: FailureCode, message: String) -> WorkItem<'a> {
    WorkItem::Fail(Failed { asked, error: Failure { code, message } })
}

impl<'a> Iterator for Requests<'a> {
    type Item = Result<WorkItem<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(Selected { found, extractor, asked, is_one_of_many }) = &mut self.selected {
                let (extractor, asked) = (Arc::clone(extractor), Arc::clone(asked));
                let is_one_of_many = *is_one_of_many;
                match found.next() {
                    Some(Ok(LogAt { batch: logs, index })) => {
                        return Some(Ok(WorkItem::Prove(ProofTask {
                            logs,
                            which: LogFilter::Log(index),
                            extractor,
                            asked: Some(asked),
                            is_one_of_many,
                            proven: None,
                        })));
                    }
                    Some(Err(error)) => {
                        let asked = OwnedSource::Line(asked);
                        let message = error.to_string();
                        return Some(Ok(failed(asked, FailureCode::ArchiveDamaged, message)));
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
            let at = self.read;
            self.read += 1;
            if at < self.part.start {
                continue;
            }
            if at >= self.part.end {
                return None;
            }
            match self.ask(&line, is_too_long) {
                Ok(None) => {}
                Ok(Some(step)) => return Some(Ok(step)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        proof::no_hints,
        prove::{
            Messages,
            l1_form::tests::{DIFFERING, with_another_root},
        },
    };

    #[test]
    fn a_target_that_failed_is_not_tried_for_every_request() {
        let (trees, rebuilds) = with_another_root();
        let archive = "fixtures/gateway-v29/logs.jsonl.gz";
        let messages = Messages::open(&[archive], &Default::default()).unwrap();
        let line = "{\"chainId\":324,\"batchNumber\":501234,\"id\":0}\n";
        let lines = RequestLines::Text(line.repeat(3).into_bytes().into());
        let source = Source {
            archive: messages.archive(),
            trees: &trees,
            target: Target::SlBatch(DIFFERING.0),
            blocks: SlBlocks::IfKnown,
            shard: None,
            hints: no_hints,
        };
        let steps = Requests::open(&lines, source).unwrap();
        let codes = steps.map(|step| match step {
            Ok(WorkItem::Fail(failed)) => failed.error.code,
            _ => panic!("the target has no root"),
        });
        assert_eq!(codes.collect::<Vec<_>>(), [FailureCode::SlBatchRootDiffers; 3]);
        assert_eq!(rebuilds.count(), 1);
    }
}
