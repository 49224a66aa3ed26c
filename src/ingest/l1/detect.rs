use std::io::{self, Read as _};

use super::{
    calldata::has_quoted_selector,
    digest::{Calls, Digest},
    rows::{is_of_l2, rows_in, signatures},
};
use crate::{
    files::Input,
    ingest::{OtherAnswer, logs::has_topic},
};

/// The bytes that are searched at once.
const PIECE: usize = 1 << 20;
/// The bytes of a quotation mark, and of a selector as text.
const QUOTED: usize = 11;

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

/// Whether JSON has the calldata of such a transaction anywhere, and is not of a ZKsync chain, whose nodes add the
/// batches of L1 to blocks and transactions.
pub(in crate::ingest) fn has_late_calls(mut input: Input) -> io::Result<bool> {
    if String::from_utf8_lossy(input.head()).contains("\"l1BatchNumber\"") {
        return Ok(false);
    }
    let mut piece = Vec::with_capacity(2 * PIECE);
    loop {
        // A selector at the end of the last piece may be cut.
        piece.drain(..piece.len().saturating_sub(QUOTED));
        let read = input.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        let quoted = piece.iter().position(|byte| *byte == b'"').unwrap_or(piece.len());
        if has_quoted_selector(&piece[quoted..]) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
    }
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_selector_is_found_wherever_pieces_end() {
        let input = |text: &[u8]| Input::from_reader("test", Cursor::new(text.to_vec())).unwrap();
        let call = b"\"0x98f81962";
        for before in PIECE - call.len()..=PIECE {
            let mut text = vec![b' '; before];
            text.extend_from_slice(call);
            assert!(has_late_calls(input(&text)).unwrap(), "{before}");
            // Without the quotation mark, it is within other calldata.
            text[before] = b'0';
            assert!(!has_late_calls(input(&text)).unwrap(), "{before}");
        }
    }
}
