//! Descriptions of files of transactions of L1.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{error::CliError, report::count};
use crate::{
    files::Input,
    ingest::{
        FileKind,
        l1::{Commits, DaInput, Execution, L1Reader, PassedOver},
    },
    primitives::SlBatch,
    prove::with_causes,
};

/// The chains whose batches are committed, with what there is of each.
pub(super) fn transactions(input: Input) -> Result<(Value, String), CliError> {
    let name = input.name().to_owned();
    let mut reader = L1Reader::default();
    reader.read(input)?;
    let chains = reader.finish();
    let mut text = format!("{name}: {}\n", FileKind::L1Transactions);
    let rows: Vec<_> = chains.chains().iter().map(|commits| chain(commits, &mut text)).collect();
    let passed_over = passed_over(chains.passed_over(), "", &mut text);
    let faults: Vec<_> = chains.faults().iter().map(|fault| with_causes(fault)).collect();
    for fault in &faults {
        text.push_str(&format!("{fault}\n"));
    }
    if chains.more_faults() > 0 {
        text.push_str(&format!("{} more cannot be used\n", count(chains.more_faults())));
    }
    let value = json!({
        "kind": "l1-transactions",
        "chains": rows,
        "passedOver": passed_over,
        "faults": faults,
        "moreFaults": chains.more_faults(),
    });
    Ok((value, text))
}

fn chain(commits: &Commits, text: &mut String) -> Value {
    let batches = commits.batches();
    let of = |is: &dyn Fn(&DaInput<_>) -> bool| {
        batches.iter().filter(|batch| is(&batch.data)).count() as u64
    };
    let in_calldata = of(&|data| matches!(data, DaInput::Calldata { .. }));
    let in_blobs = of(&|data| matches!(data, DaInput::Blobs { .. }));
    let blobs: u64 = batches
        .iter()
        .map(|batch| match &batch.data {
            DaInput::Blobs { blobs, .. } => blobs.len() as u64,
            _ => 0,
        })
        .sum();
    let executed =
        batches.iter().filter(|batch| batch.execution == Execution::Executed).count() as u64;
    let names: Vec<_> = commits.names().iter().map(ToString::to_string).collect();
    text.push_str(&format!("{}\n", names.join(", ")));
    if let Some(range) = commits.range() {
        text.push_str(&format!(
            "  batches {} to {}: {} committed, {} of them known to be executed\n",
            range.start(),
            range.end(),
            count(batches.len() as u64),
            count(executed)
        ));
    }
    text.push_str(&format!(
        "  pubdata: {} batches in calldata, {} in {} blobs, {} not on L1 or in an unknown form\n",
        count(in_calldata),
        count(in_blobs),
        count(blobs),
        count(batches.len() as u64 - in_calldata - in_blobs)
    ));
    let mut gaps = Vec::new();
    for (range, reason) in commits.gaps() {
        let (code, reason) = (reason.code(), with_causes(&reason));
        text.push_str(&format!("  without {}: {reason}\n", SlBatch::names(&range)));
        gaps.push(json!({
            "first": range.start(),
            "last": range.end(),
            "code": code,
            "reason": reason,
        }));
    }
    let passed_over = passed_over(commits.passed_over(), "  ", text);
    let mut value = json!({
        "names": names,
        "batches": batches.len(),
        "executed": executed,
        "inCalldata": in_calldata,
        "inBlobs": in_blobs,
        "blobs": blobs,
        "gaps": gaps,
        "passedOver": passed_over,
    });
    if let Some(range) = commits.range() {
        value["firstBatch"] = json!(range.start());
        value["lastBatch"] = json!(range.end());
    }
    value
}

fn passed_over(counts: &BTreeMap<PassedOver, u64>, indent: &str, text: &mut String) -> Vec<Value> {
    let described = counts.iter().map(|(reason, calls)| {
        let line = format!("{indent}passed over: {}, each of which {reason}\n", count(*calls));
        text.push_str(&line);
        json!({"reason": reason.to_string(), "calls": calls})
    });
    described.collect()
}
