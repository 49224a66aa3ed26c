use super::*;
use crate::{keccak::hash_node, primitives::Address};

fn logs(messages: &[&[u8]]) -> Vec<L2ToL1Log> {
    messages.iter().map(|m| L2ToL1Log::of_message(0, Address::system(1), m)).collect()
}

fn batch(logs: Vec<L2ToL1Log>, messages: &[&[u8]]) -> Result<BatchLogs, LogsError> {
    let messages = messages.iter().collect();
    BatchLogs::new(ChainId(1), BatchNumber(1), logs, messages, None)
}

#[test]
fn messages_must_be_those_of_their_logs() {
    assert!(batch(logs(&[b"a", b"b"]), &[b"a", b"b"]).is_ok());
    assert!(batch(logs(&[b"a", b"b"]), &[]).is_ok());
    assert!(matches!(
        batch(logs(&[b"a", b"b"]), &[b"b", b"a"]),
        Err(LogsError::Message { index: 0, .. })
    ));
    assert!(matches!(
        batch(logs(&[b"a", b"b"]), &[b"a"]),
        Err(LogsError::MessageCount { expected: 2, got: 1 })
    ));
}

#[test]
fn other_logs_have_no_message() {
    let mut mixed = logs(&[b"a", b"b"]);
    mixed.insert(1, L2ToL1Log::new([0; 88]));
    let batch = batch(mixed, &[b"a", b"b"]).unwrap();
    let messages: Vec<_> = batch.view().with_messages().map(|(_, message)| message).collect();
    assert_eq!(messages, [Some(&b"a"[..]), None, Some(b"b")]);
}

#[cfg(feature = "archive")]
#[test]
fn the_roots_of_the_commitment_tree_are_kept_and_merged() {
    let node = |byte| Some(ImtRoots::Node(Hash::new([byte; 32])));
    let with = |imt| batch(logs(&[b"a"]), &[]).unwrap().with_imt(imt);
    let (known, unknown, other) = (with(node(1)), with(None), with(node(2)));
    assert_eq!((known.view().imt(), unknown.view().imt()), (node(1), None));
    for (one, two) in [(&known, &unknown), (&unknown, &known), (&known, &known)] {
        assert_eq!(one.view().merge(two.view()).unwrap().imt(), node(1));
    }
    assert!(matches!(known.view().merge(other.view()), Err(BatchPart::ImtRoots)));
}

#[test]
fn a_tree_holds_16384_logs_and_no_more() {
    assert!(batch(vec![L2ToL1Log::new([1; 88]); 16384], &[]).is_ok());
    assert_eq!(
        batch(vec![L2ToL1Log::new([1; 88]); 16385], &[]),
        Err(LogsError::TooManyLogs { got: 16385 })
    );
}

#[test]
fn the_path_of_a_log_leads_to_the_root() {
    let tree = batch(logs(&[b"a", b"b", b"c"]), &[]).unwrap().view().tree();
    for height in LOG_TREE_HEIGHTS {
        let path: Vec<Hash> = tree.path(2, height).unwrap().collect();
        // Log 2 is a right child at level 1 and a left child elsewhere.
        let root = (0..).zip(path).fold(tree.leaf(2), |node, (level, sibling)| match level {
            1 => hash_node(sibling, node),
            _ => hash_node(node, sibling),
        });
        assert_eq!(Some(root), tree.root_at(height));
    }
    assert!(tree.path(3, LOG_TREE_HEIGHT).is_err());
}

#[test]
fn the_nodes_above_the_first_logs_are_those_of_their_pairs() {
    let tree = batch(logs(&[b"a", b"b", b"c"]), &[]).unwrap().view().tree();
    let leaves: Vec<Hash> = (0..4).map(|index| tree.leaf(index)).collect();
    let pairs = [hash_node(leaves[0], leaves[1]), hash_node(leaves[2], leaves[3])];
    assert_eq!(tree.nodes(0, 3), leaves[..3]);
    assert_eq!(tree.nodes(1, 3), pairs);
    assert_eq!(tree.nodes(1, 2), pairs[..1]);
    assert_eq!(tree.nodes(2, 3), [hash_node(pairs[0], pairs[1])]);
}

#[test]
fn a_transaction_hash_belongs_to_each_log() {
    let two = batch(logs(&[b"a", b"b"]), &[]).unwrap();
    assert!(two.clone().with_transactions(vec![Hash::ZERO; 2]).is_ok());
    assert_eq!(
        two.with_transactions(vec![Hash::ZERO]),
        Err(LogsError::TransactionCount { expected: 2, got: 1 })
    );
}

#[cfg(feature = "archive")]
#[test]
fn two_sources_of_a_batch_complete_each_other() {
    let bare = batch(logs(&[b"a"]), &[]).unwrap();
    let full = batch(logs(&[b"a"]), &[b"a"]).unwrap();
    assert_eq!(bare.view().merge(full.view()), Ok(full.view()));
    assert_eq!(full.view().merge(bare.view()), Ok(full.view()));
    let other = batch(logs(&[b"b"]), &[]).unwrap();
    assert_eq!(full.view().merge(other.view()), Err(BatchPart::Logs));
    let with = |byte| bare.clone().with_transactions(vec![Hash::new([byte; 32])]).unwrap();
    assert_eq!(with(1).view().merge(full.view()).unwrap().transactions(), [Hash::new([1; 32])]);
    assert_eq!(with(1).view().merge(with(2).view()), Err(BatchPart::Transactions));
}
#[cfg(feature = "archive")]
#[test]
fn two_sources_of_a_batch_may_differ_in_no_part() {
    let full = batch(logs(&[b"a"]), &[b"a"]).unwrap();
    let full = full.with_transactions(vec![Hash::new([1; 32])]).unwrap();
    let full = BatchView { aggregated_root: Some(Hash::new([2; 32])), ..full.view() };
    let bare = BatchView {
        messages: Messages::default(),
        transactions: &[],
        aggregated_root: None,
        ..full
    };
    for (one, two) in [(full, full), (full, bare), (bare, full)] {
        assert_eq!(one.merge(two), Ok(full));
    }
    let message: MessageList = [b"b"].into_iter().collect();
    let transactions = [Hash::new([3; 32])];
    let aggregated_root = Some(Hash::ZERO);
    for (other, part) in [
        (BatchView { messages: message.view(), ..full }, BatchPart::Messages),
        (BatchView { transactions: &transactions, ..full }, BatchPart::Transactions),
        (BatchView { aggregated_root, ..full }, BatchPart::AggregatedRoot),
    ] {
        assert_eq!(full.merge(other), Err(part));
        assert_eq!(other.merge(full), Err(part));
    }
}

/// Padding at the end of one source changes no root. It contradicts no source, in any order.
#[cfg(feature = "archive")]
#[test]
fn padding_at_the_end_of_one_source_is_left_out() {
    let padded = |count: usize| {
        let mut padded = logs(&[b"a"]);
        padded.resize(1 + count, L2ToL1Log::new([0; 88]));
        let hashes = (0..=count as u8).map(|at| Hash::new([at + 1; 32])).collect();
        batch(padded, &[b"a"]).unwrap().with_transactions(hashes).unwrap()
    };
    let (plain, short, long) = (padded(0), padded(1), padded(3));
    assert_eq!(long.view().tree().root(), plain.view().tree().root());
    for (one, two, merged) in [
        (&plain, &long, &plain),
        (&long, &plain, &plain),
        (&long, &short, &short),
        (&short, &long, &short),
        (&long, &long, &long),
    ] {
        assert_eq!(one.view().merge(two.view()), Ok(merged.view()));
    }
    let bare = batch(logs(&[b"a"]), &[]).unwrap();
    assert_eq!(bare.view().merge(long.view()), Ok(plain.view()));
    let other = batch(logs(&[b"a", b"b"]), &[]).unwrap();
    assert_eq!(long.view().merge(other.view()), Err(BatchPart::Logs));
    assert_eq!(other.view().merge(plain.view()), Err(BatchPart::Logs));
}
