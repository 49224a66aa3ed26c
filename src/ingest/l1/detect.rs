use super::{
    calldata::has_quoted_selector,
    digest::{Calls, Digest},
    rows::{is_of_l2, rows_in, signatures},
};
use crate::ingest::{OtherAnswer, logs::has_topic};

/// Whether JSON with this beginning has transactions that commit, execute or revert batches, or receipts of them.
/// Receipts of a settlement layer, which has the same events of its own chains, have `l2ToL1Logs` too.
pub(in crate::ingest) fn has_batch_calls(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    if !text.starts_with(b"{") && !text.starts_with(b"[") {
        return false;
    }
    has_quoted_selector(text)
        || (has_topic(text, &signatures()) && !is_of_l2(text))
        || (has_answer_of_transactions(text) && has_call(text))
}

fn has_answer_of_transactions(text: &[u8]) -> bool {
    matches!(OtherAnswer::of(text), Some(OtherAnswer::Transaction | OtherAnswer::Block))
}

/// Whether the first line, or the whole text, has a transaction with such a call among its arguments.
fn has_call(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    [first, text].into_iter().any(|text| {
        let mut found = Vec::new();
        rows_in(text, &mut found);
        let mut digests = found.into_iter().flatten().map(Digest::of);
        digests.any(|digest| matches!(digest.calls, Calls::Found { .. }))
    })
}
