//! The pubdata of a batch of a ZKsync OS chain, versions 1 and 2: the pubdata of its blocks, one after
//! another.
//!
//! ```text
//! block      u8 version ‖ block hash 32 ‖ u64 timestamp ‖ diffs ‖ logs ‖ messages
//! diffs      u32 count ‖ (key 32 ‖ value) each
//! logs       u32 count ‖ 88 bytes each
//! messages   u32 count ‖ (u32 length ‖ bytes) each
//!
//! value      u8 (length << 3 | kind) ‖ bytes
//!   kind 0       32 bytes; length is 0
//!   kind 1 to 3  length bytes: the increase, the decrease, or the new value
//!   kind 4       an account; length says which part:
//!     0          u64 versioning ‖ nonce ‖ balance ‖ code ‖ u32 observable length
//!     1, 2, 3    nonce; balance; both, each a value
//!   code         u32 length ‖ [u32 length of artifacts] ‖ bytecode, or with the artifacts' length after it
//! ```
//!
//! Numbers are big-endian. The diffs have no length of their own and are parsed one by one. Releases differ
//! in the position of the artifacts' length, and in whether the bytecode is padded to 8 bytes; the observable
//! length after it, which is that of the code, shows the form. Kind 4 with length 4 (forced deployments) is
//! refused, and so is version 3, of which two different drafts exist. Source: zksync-os
//! `pubdata_compression.rs`, `account_cache_entry.rs`, `logs_storage.rs`.

use super::{SourceError, bytes::Bytes, era_pubdata::PublishedLogs};

/// Reads the pubdata of a batch.
pub(super) fn parse(pubdata: &[u8]) -> Result<PublishedLogs, SourceError> {
    let mut bytes = Bytes::new(pubdata);
    let mut published = PublishedLogs::default();
    loop {
        let at = bytes.offset();
        let version = bytes.u8("the version of a block's pubdata")?;
        if !(1..=2).contains(&version) {
            return Err(SourceError::Version(format!(
                "the block's pubdata at byte {at} is of version {version}; supported are versions 1 and 2{}",
                if version == 3 { " (two different drafts of version 3 exist)" } else { "" }
            )));
        }
        bytes.take(32, "the hash of a block")?;
        bytes.take(8, "the timestamp of a block")?;
        let count = bytes.u32("the number of state diffs")?;
        for _ in 0..count {
            bytes.take(32, "the key of a state diff")?;
            value(&mut bytes, true, version)?;
        }
        published.read(&mut bytes)?;
        if bytes.rest().is_empty() {
            return Ok(published);
        }
    }
}

/// Skips a value, or an account if one is allowed here.
fn value(bytes: &mut Bytes<'_>, may_be_account: bool, version: u8) -> Result<(), SourceError> {
    let at = bytes.offset();
    let head = bytes.u8("a state diff")?;
    match (head & 7, head >> 3) {
        (0, 0) => bytes.take(32, "a value").map(drop),
        (1..=3, len) => bytes.take(len.into(), "a value").map(drop),
        (4, 0) if may_be_account => {
            bytes.take(8, "an account's versioning")?;
            value(bytes, false, version)?;
            value(bytes, false, version)?;
            code(bytes, at, version)
        }
        (4, 1 | 2) if may_be_account => value(bytes, false, version),
        (4, 3) if may_be_account => {
            value(bytes, false, version)?;
            value(bytes, false, version)
        }
        (4, 4) if may_be_account => Err(SourceError::Version(format!(
            "the state diff at byte {at} is a forced deployment, whose form differs between releases; use the \
             receipts of the batch instead"
        ))),
        _ => Err(SourceError::Number {
            what: "the kind of a state diff",
            offset: at,
            got: head.into(),
            reason: "not a known kind",
        }),
    }
}

/// Skips a deployed bytecode. Exactly one of the known forms must have an observable length that is that of
/// the code.
fn code(bytes: &mut Bytes<'_>, at: u64, version: u8) -> Result<(), SourceError> {
    let len = bytes.u32("the length of a bytecode")?;
    let (code, padded) = (u64::from(len), u64::from(len).next_multiple_of(8));
    let rest = bytes.rest();
    let number = |at: u64| {
        let at = usize::try_from(at).ok()?;
        rest.get(at..)?.first_chunk::<4>().map(|number| u32::from_be_bytes(*number))
    };
    let artifacts = u64::from(number(0).unwrap_or(0));
    let mut forms = match version {
        1 => vec![code + 4, 4 + padded + artifacts],
        _ => vec![code, padded],
    };
    forms.dedup();
    forms.retain(|end| number(*end) == Some(len));
    match forms[..] {
        [end] => bytes.take(end + 4, "a bytecode").map(drop),
        [] if code > rest.len() as u64 => bytes.take(code + 4, "a bytecode").map(drop),
        _ => Err(SourceError::Version(format!(
            "the bytecode deployed at byte {at} has none of the known forms, or several; use the receipts \
             of the batch instead"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::L2ToL1Log;

    /// A block with state diffs of all forms before its logs.
    fn block(version: u8, diffs: &[Vec<u8>], logs: &[L2ToL1Log], messages: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![version];
        bytes.extend([7; 40]);
        bytes.extend((diffs.len() as u32).to_be_bytes());
        for diff in diffs {
            bytes.extend([9; 32]);
            bytes.extend(diff);
        }
        bytes.extend((logs.len() as u32).to_be_bytes());
        logs.iter().for_each(|log| bytes.extend(log.as_bytes()));
        bytes.extend((messages.len() as u32).to_be_bytes());
        for message in messages {
            bytes.extend((message.len() as u32).to_be_bytes());
            bytes.extend(message);
        }
        bytes
    }

    /// A deployment with one byte of nonce and balance each, and a bytecode of 5 bytes.
    fn deployment(code: &[&[u8]]) -> Vec<u8> {
        let head = [&[4][..], &[1; 8], &[0b1001, 3], &[0b1_0010, 1, 2]].concat();
        [&head, &code.concat()[..]].concat()
    }

    fn diffs(version: u8) -> Vec<Vec<u8>> {
        let (len, code) = (5u32.to_be_bytes(), [0xfe, 1, 2, 3, 4]);
        let padded = [0xfe, 1, 2, 3, 4, 0, 0, 0];
        let mut diffs = vec![
            [&[0][..], &[0xff; 32]].concat(),
            vec![0b1011, 5],
            vec![0b11],
            vec![0b1100, 0b1001, 10],
            vec![0b1_0100, 0b1_0010, 1, 1],
            vec![0b1_1100, 0b1001, 1, 0b1011, 7],
        ];
        diffs.extend(if version == 1 {
            [deployment(&[&len, &code, &[0; 4], &len]), deployment(&[&len, &[0; 4], &padded, &len])]
        } else {
            [deployment(&[&len, &code, &len]), deployment(&[&len, &padded, &len])]
        });
        diffs
    }

    proptest! {
        #[test]
        fn blocks_are_parsed_up_to_their_logs(
            version in 1u8..=2,
            logs in prop::collection::vec(any::<u8>(), 0..4),
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
        ) {
            let logs: Vec<_> = logs.iter().map(|byte| L2ToL1Log::new([*byte; 88])).collect();
            let one = block(version, &diffs(version), &logs, &messages);
            let two = [&one[..], &block(version, &[], &logs, &[])].concat();
            let published = parse(&two).unwrap();
            prop_assert_eq!(published.logs, [&logs[..], &logs[..]].concat());
            prop_assert_eq!(published.messages, messages.iter().collect());
            for len in (0..two.len()).filter(|len| *len != one.len()) {
                prop_assert!(parse(&two[..len]).is_err(), "{len}");
            }
        }

        #[test]
        fn random_bytes_do_not_panic(
            version in 1u8..=2,
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            at in 0usize..400,
        ) {
            let _ = parse(&[&[version][..], &bytes].concat());
            let mut block = block(version, &diffs(version), &[], &[vec![1, 2, 3]]);
            let at = at % block.len();
            block[at] ^= bytes.first().copied().unwrap_or(1);
            let _ = parse(&block);
        }
    }

    #[test]
    fn ambiguous_values_are_refused_with_a_reason() {
        let forced = [vec![0b10_0100; 60]];
        for (bytes, words) in [
            (block(3, &[], &[], &[]), "version 3"),
            (block(0x5a, &[], &[], &[]), "version 90"),
            (block(1, &forced, &[], &[]), "forced deployment"),
            (block(1, &[vec![0b101]], &[], &[]), "kind of a state diff at byte 77"),
            (
                block(2, &[deployment(&[&[0, 0, 0, 1], &[7; 40]])], &[], &[]),
                "none of the known forms",
            ),
            // Ten bytes of a hundred and the numbers of logs and messages; the length stands behind the code.
            (
                block(2, &[deployment(&[&[0, 0, 0, 100], &[7; 10]])], &[], &[]),
                "a bytecode needs 86 more bytes",
            ),
        ] {
            let error = parse(&bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
