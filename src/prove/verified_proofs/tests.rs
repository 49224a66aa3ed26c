use std::sync::Mutex;

use super::*;
use crate::{
    anchor::BatchRoots,
    keccak::hash_node,
    message::{BatchLogs, BatchView, LogKind, MessageList},
    primitives::{BatchNumber, ChainId},
    proof::verify::VerifyError,
    prove::Extractor,
    state::StateError,
};

const AGGREGATED: Hash = Hash::new([5; 32]);

/// A state that stores one root for every batch.
#[derive(Debug)]
struct OneRoot(Hash);

impl BatchRoots for OneRoot {
    fn batch_root(&self, _: ChainId, _: BatchNumber) -> Result<Option<Hash>, StateError> {
        Ok(Some(self.0))
    }
}

/// A batch with this many messages, all from sender 7.
fn logs(count: u64) -> BatchLogs {
    let messages: Vec<[u8; 8]> = (0..count).map(u64::to_be_bytes).collect();
    let log = |message: &[u8; 8]| L2ToL1Log::of_message(0, Address::system(7), message);
    let logs = messages.iter().map(log).collect();
    let messages = messages.iter().collect();
    BatchLogs::new(ChainId(324), BatchNumber(9), logs, messages, Some(AGGREGATED)).unwrap()
}

fn prepared<'a>(logs: BatchView<'a>) -> BatchProofs<'a> {
    let state = OneRoot(hash_node(logs.tree().root(), AGGREGATED));
    Extractor::to_batch_roots(&state).batch(logs).unwrap()
}

fn all_of<'a>(batch: &BatchProofs<'a>) -> VerifiedProofs<'a> {
    VerifiedProofs::new([(batch, LogFilter::All)])
}

/// The log indices for which there is no proof, with their errors.
fn refused(made: &VerifiedProofs<'_>) -> Vec<(u64, ExtractError)> {
    made.of(0).filter_map(|(index, proof)| Some((index, proof.err()?.clone()))).collect()
}

fn refusal(index: u64) -> ExtractError {
    let (chain, batch) = (ChainId(324), BatchNumber(9));
    ExtractError::Refused { chain, batch, index, source: VerifyError::Empty }
}

#[test]
fn a_proof_that_both_verifiers_refuse_is_replaced_by_the_reason() {
    let logs = logs(5);
    let batch = prepared(logs.view());
    let mut made = all_of(&batch);
    assert_eq!(refused(&made), []);
    let many = |_: &[BatchInput<'_>], members: &[ProofInput<'_>]| {
        members.iter().map(|member| member.index != 3).collect()
    };
    made.refuse(many, |_, record, _| match record.id {
        3 => Err(refusal(3)),
        _ => Ok(()),
    });
    assert_eq!(refused(&made), [(3, refusal(3))]);
    assert_eq!(made.of(0).filter(|(_, proof)| proof.is_ok()).count(), 4);
}

#[test]
fn a_proof_that_only_one_verifier_accepts_is_not_returned() {
    let logs = logs(5);
    let batch = prepared(logs.view());

    let mut made = all_of(&batch);
    made.refuse(|_, members| vec![false; members.len()], |_, _, _| Ok(()));
    let disputed = |index| {
        let (chain, batch) = (ChainId(324), BatchNumber(9));
        (index, ExtractError::Disputed { chain, batch, index })
    };
    assert_eq!(refused(&made), (0..5).map(disputed).collect::<Vec<_>>());

    // Of accepted proofs, the first is judged again.
    let mut made = all_of(&batch);
    made.refuse(|_, members| vec![true; members.len()], |_, record, _| Err(refusal(record.id)));
    assert_eq!(refused(&made), [(0, refusal(0))]);
}

#[test]
fn the_single_verifier_judges_every_1024th_accepted_proof_and_all_refused_ones() {
    let logs = logs(2050);
    let batch = prepared(logs.view());
    let mut made = all_of(&batch);
    let judged = Mutex::new(vec![]);
    let many = |_: &[BatchInput<'_>], members: &[ProofInput<'_>]| {
        members.iter().map(|member| member.index != 77).collect()
    };
    made.refuse(many, |batch, record, log| {
        judged.lock().unwrap().push(record.id);
        batch.verify(record, log)
    });
    assert_eq!(judged.into_inner().unwrap(), [0, 77, 1024, 2048]);
    assert!(matches!(refused(&made)[..], [(77, ExtractError::Disputed { index: 77, .. })]));
}

/// The real verifiers refuse the proofs of a batch whose words were damaged after they were made.
#[test]
fn damaged_words_are_refused_by_the_verifiers_themselves() {
    let logs = logs(3);
    let batch = prepared(logs.view());
    let mut made = all_of(&batch);
    let last = made.words.len() - 1;
    made.words[last] = Hash::ZERO;
    made.refuse(verify_many::accepted, CommonPart::verify);
    let refused = refused(&made);
    assert!(
        matches!(
            &refused[..],
            [(2, ExtractError::Refused { source: VerifyError::BatchRoot { .. }, .. })]
        ),
        "{refused:?}"
    );
}

/// An archive is not hashed as a whole when it is opened, so its messages may be other ones.
#[test]
fn a_message_that_does_not_match_its_log_is_not_returned() {
    let logs = logs(3);
    let other: MessageList = [[0; 8], [9; 8], 2_u64.to_be_bytes()].iter().collect();
    let batch = prepared(BatchView { messages: other.view(), ..logs.view() });
    let refused = refused(&all_of(&batch));
    assert!(
        matches!(&refused[..], [(1, ExtractError::ArchiveDamaged { reason, .. })]
            if reason.starts_with("log 1: the message hashes to")),
        "{refused:?}"
    );
}

#[test]
fn a_filter_selects_logs_by_index_or_by_the_sender_of_their_message() {
    let mut list = vec![L2ToL1Log::new([3; 88])];
    list.extend([7, 8, 7].map(|sender| L2ToL1Log::of_message(0, Address::system(sender), b"x")));
    let messages = MessageList::default();
    let logs = BatchLogs::new(ChainId(324), BatchNumber(9), list, messages, Some(AGGREGATED));
    let logs = logs.unwrap();
    let batch = prepared(logs.view());
    let selected = |which| {
        let made = VerifiedProofs::new([(&batch, which)]);
        made.of(0).map(|(index, proof)| (index, proof.is_ok())).collect::<Vec<_>>()
    };
    assert_eq!(selected(LogFilter::All), [(0, true), (1, true), (2, true), (3, true)]);
    let from = |sender| LogFilter::Matching { sender: Some(Address::system(sender)), kind: None };
    assert_eq!(selected(from(7)), [(1, true), (3, true)]);
    assert_eq!(selected(from(9)), []);
    let of = |sender, kind| LogFilter::Matching { sender, kind: Some(kind) };
    assert_eq!(selected(of(None, LogKind::Message)), [(1, true), (2, true), (3, true)]);
    assert_eq!(selected(of(None, LogKind::Status)), []);
    assert_eq!(selected(of(None, LogKind::Other)), [(0, true)]);
    assert_eq!(selected(of(Some(Address::system(8)), LogKind::Message)), [(2, true)]);
    assert_eq!(selected(of(Some(Address::system(8)), LogKind::Other)), []);
    assert_eq!(selected(LogFilter::Log(2)), [(2, true)]);
    assert_eq!(selected(LogFilter::Log(4)), [(4, false)]);
    for (which, index, expected) in
        [(LogFilter::Log(2), 2, true), (LogFilter::Log(2), 1, false), (LogFilter::All, 9, true)]
    {
        assert_eq!(which.has(index, &logs.view().logs()[1]), expected);
    }
}

/// The logs of a batch are read in their order, so that each is read once. Requests may have any order.
#[test]
fn single_logs_are_proven_in_any_order() {
    let logs = logs(5);
    let batch = prepared(logs.view());
    let order = [3, 1, 1, 4, 0];
    let made = VerifiedProofs::new(order.map(|index| (&batch, LogFilter::Log(index))));
    for (place, index) in order.into_iter().enumerate() {
        let found: Vec<_> = made.of(place).map(|(id, proof)| (id, proof.is_ok())).collect();
        assert_eq!(found, [(index, true)]);
    }
}
