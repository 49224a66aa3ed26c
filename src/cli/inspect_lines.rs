//! Descriptions of files with one item per line, and of the manifests and checkpoints of outputs.

use std::{
    collections::{BTreeMap, HashSet},
    io::Read,
};

use serde_json::{Value, json};

use super::{error::CliError, report::count};
use crate::{
    files::{Input, InputError, Lines, Scratch},
    ingest::{
        FileKind,
        events::read_events_input,
        l1::blobs::{BlobCounts, Blobs},
    },
    primitives::{Address, Number},
    proof::{Request, RequestLine},
    prove::with_causes,
};

/// The maximum length of a line whose members are read: more than a batch with all its messages.
const LONGEST_LINE: usize = 64 << 20;
/// The maximum length of a manifest or checkpoint. A checkpoint lists its row groups.
const LONGEST_DOCUMENT: u64 = 64 << 20;

/// Requests, counted by what they select.
pub(super) fn requests(input: Input) -> Result<(Value, String), CliError> {
    let name = input.name().to_owned();
    let (mut kinds, mut lines) = (BTreeMap::<&str, u64>::new(), 0u64);
    for_each_line(input, |line| {
        lines += 1;
        let kind = match RequestLine::parse(line).map(|line| line.request) {
            Ok(Request::Log { .. }) => "log",
            Ok(Request::Batch { .. }) => "batch",
            Ok(Request::Message { .. }) => "message",
            Ok(Request::Transaction { .. }) => "transaction",
            Err(_) => "malformed",
        };
        *kinds.entry(kind).or_default() += 1;
    })?;
    let mut text = format!("{name}: {}\n{} lines\n", FileKind::Requests, count(lines));
    for (kind, lines) in &kinds {
        text.push_str(&format!("{kind:>13}  {}\n", count(*lines)));
    }
    Ok((json!({"kind": "requests", "lines": lines, "requests": kinds}), text))
}

/// Batches with their ranges of blocks.
pub(super) fn batches(input: Input, kind: FileKind) -> Result<(Value, String), CliError> {
    let name = input.name().to_owned();
    let (mut lines, mut logs, mut malformed) = (0u64, 0u64, 0u64);
    let (mut batches, mut blocks) = (None, None);
    for_each_line(input, |line| {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        let number = |name: &str| {
            serde_json::from_value::<Number>(line[name].clone()).ok().map(|Number(number)| number)
        };
        let batch = number("batchNumber").or_else(|| number("gwBatch"));
        match (batch, number("firstBlock"), number("lastBlock")) {
            (Some(batch), Some(first), Some(last)) => {
                lines += 1;
                logs += line["logs"].as_array().map_or(0, |logs| logs.len() as u64);
                widen(&mut batches, batch);
                widen(&mut blocks, first);
                widen(&mut blocks, last);
            }
            _ => malformed += 1,
        }
    })?;
    let range = |range: Option<[u64; 2]>| match range {
        Some([first, last]) => format!("{first} to {last}"),
        None => "none".into(),
    };
    let text = format!(
        "{name}: {}\n{} batches, {}\nblocks {}\n{} logs, {} malformed lines\n",
        kind,
        count(lines),
        range(batches),
        range(blocks),
        count(logs),
        count(malformed)
    );
    let word = if kind == FileKind::SlBatches { "sl-batches" } else { "batch-blocks" };
    let value = json!({
        "kind": word,
        "batches": lines,
        "batchRange": batches,
        "blockRange": blocks,
        "logs": logs,
        "malformed": malformed,
    });
    Ok((value, text))
}

/// Events of the MessageRoot at an address.
pub(super) fn events(input: Input, message_root: Address) -> Result<(Value, String), CliError> {
    let name = input.name().to_owned();
    let events = read_events_input(input, message_root)?;
    let (mut kinds, mut blocks) = (BTreeMap::<&str, u64>::new(), None);
    for event in events.iter() {
        let event = event?;
        *kinds.entry(event.kind.name()).or_default() += 1;
        widen(&mut blocks, event.block.0);
    }
    let mut text = format!("{name}: {}\n{} events\n", FileKind::Events, count(events.len()));
    if let Some([first, last]) = blocks {
        text.push_str(&format!("blocks {first} to {last}\n"));
    }
    for (kind, events) in &kinds {
        text.push_str(&format!("{kind:>24}  {}\n", count(*events)));
    }
    let value = json!({
        "kind": "events",
        "events": events.len(),
        "blockRange": blocks,
        "byKind": kinds,
    });
    Ok((value, text))
}

/// Blobs of L1. Which batches they belong to is known only from commits.
pub(super) fn blobs(input: Input) -> Result<(Value, String), CliError> {
    let name = input.name().to_owned();
    let blobs = Blobs::read_input(input, &HashSet::new(), Scratch::temporary()?)?;
    let BlobCounts { unused: era, foreign, damaged, .. } = blobs.counts();
    let mut text = format!("{}: {}\n{era} with pubdata of Era chains", name, FileKind::Blobs);
    if foreign > 0 {
        text.push_str(&format!(", {foreign} of others"));
    }
    text.push('\n');
    for fault in blobs.faults() {
        text.push_str(&format!("damaged: {}\n", with_causes(fault)));
    }
    Ok((json!({"kind": "blobs", "era": era, "foreign": foreign, "damaged": damaged}), text))
}

/// The manifest of a shard, or the checkpoint of an interrupted job.
pub(super) fn document(input: Input, kind: FileKind) -> Result<(Value, String), CliError> {
    let name = input.name().to_owned();
    let mut text = Vec::new();
    let read = input.take(LONGEST_DOCUMENT).read_to_end(&mut text);
    read.map_err(|source| InputError::Read { name: name.clone(), source })?;
    let document: Value = serde_json::from_slice(&text).map_err(|error| CliError::Unknown {
        name: name.clone(),
        reason: format!("not a JSON document: {error}"),
    })?;
    let word = if kind == FileKind::Manifest { "shard-manifest" } else { "checkpoint" };
    let value = json!({
        "kind": word,
        "shard": document["shard"],
        "of": document["of"],
        "steps": document["steps"],
        "bytes": document["bytes"],
        "count": document["count"],
        "job": document["job"],
    });
    let field = |name: &str| match &value[name] {
        Value::Null => String::new(),
        Value::String(text) => format!("{name:<10} {text}\n"),
        other => format!("{name:<10} {other}\n"),
    };
    let fields: String = ["shard", "of", "steps", "bytes", "count", "job"].map(field).concat();
    Ok((value.clone(), format!("{name}: {}\n{fields}", kind)))
}

fn widen(range: &mut Option<[u64; 2]>, number: u64) {
    let [first, last] = range.unwrap_or([number, number]);
    *range = Some([first.min(number), last.max(number)]);
}

/// Calls `each` with every line that is not empty.
fn for_each_line(input: Input, mut each: impl FnMut(&[u8])) -> Result<(), CliError> {
    let name = input.name().to_owned();
    let mut lines = Lines::new(input, LONGEST_LINE);
    loop {
        match lines.next_line() {
            Ok(Some(line)) => each(line.text),
            Ok(None) => return Ok(()),
            Err(source) => return Err(InputError::Read { name, source }.into()),
        }
    }
}
