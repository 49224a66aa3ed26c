use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    keccak::{hash_node, keccak256},
    message::{BatchLogs, EMPTY_IMT, EightLeaves, ImtRoots, L2ToL1Log, MessageList},
    primitives::{Address, ChainId},
};

const AGGREGATED: Hash = Hash::new([7; 32]);

/// A transaction: its number, and the messages of its logs.
type Sent = (u16, Vec<u32>);

fn logs_of(transaction: &Sent) -> Vec<L2ToL1Log> {
    let (number, messages) = transaction;
    let log =
        |message: &u32| L2ToL1Log::of_message(*number, Address::system(1), &message.to_be_bytes());
    messages.iter().map(log).collect()
}

/// The root of the logs of transactions, by the algorithm that makes proofs.
fn local_root_of(transactions: &[Sent]) -> Hash {
    let logs = transactions.iter().flat_map(logs_of).collect();
    let batch = BatchLogs::new(ChainId(1), BatchNumber(1), logs, MessageList::default(), None);
    batch.unwrap().view().tree().root()
}

/// Their batch root.
fn root_of(transactions: &[Sent]) -> Hash {
    hash_node(local_root_of(transactions), AGGREGATED)
}

/// The roots of batches that are numbered from 1.
fn roots_of(batches: &[Vec<Sent>]) -> BatchRoots {
    let numbers = (1..).map(BatchNumber);
    let roots = numbers.zip(batches.iter().map(|batch| root_of(batch)));
    BatchRoots::new(roots, vec![AGGREGATED], false)
}

fn push(search: &mut BatchSearch<'_>, at: u64, transaction: &Sent) {
    let leaves: Vec<_> = logs_of(transaction).iter().map(|log| keccak256(log.as_bytes())).collect();
    let new = Transaction {
        hash: Hash::new([1; 32]),
        number: transaction.0,
        block: at,
        positions: (at, at),
        logs: leaves.len(),
    };
    search.push(new, &leaves);
}

/// The outcomes for transactions, each in its own block; `None` is an interruption. Also the first and the
/// last block of each.
fn found(roots: &BatchRoots, transactions: &[Option<Sent>]) -> Vec<(u64, u64, Outcome)> {
    let mut search = BatchSearch::new(roots);
    for (at, transaction) in (0..).zip(transactions) {
        match transaction {
            Some(transaction) => push(&mut search, at, transaction),
            None => search.interrupt(),
        }
    }
    let stretches = search.finish();
    stretches
        .into_iter()
        .map(|stretch| (stretch.blocks.0, stretch.blocks.1, stretch.outcome))
        .collect()
}

fn batches_in(found: &[(u64, u64, Outcome)]) -> Vec<(u64, u64, u64)> {
    let batch = |(first, last, outcome): &(u64, u64, Outcome)| match outcome {
        Outcome::Batch { number, is_certain: true } => Some((*first, *last, number.0)),
        _ => None,
    };
    found.iter().filter_map(batch).collect()
}

/// Every run between two interruptions that has the root of a batch, by trying all of them.
fn plain(batches: &[Vec<Sent>], transactions: &[Option<Sent>]) -> Vec<(u64, u64, u64)> {
    let roots: Vec<_> = batches.iter().map(|batch| root_of(batch)).collect();
    let mut found = Vec::new();
    for first in 0..transactions.len() {
        for end in first + 1..=transactions.len() {
            let Some(run) = transactions[first..end].iter().cloned().collect::<Option<Vec<_>>>()
            else {
                break;
            };
            let root = root_of(&run);
            let numbers = (1..).zip(&roots).filter(|(_, other)| **other == root);
            found.extend(numbers.map(|(number, _)| (first as u64, end as u64 - 1, number)));
        }
    }
    found
}

/// Batches of transactions whose messages differ. The numbers ascend, or are any numbers.
fn histories() -> impl Strategy<Value = Vec<Vec<Sent>>> {
    let transaction = (0..4u16, 0..4u16, 1..4usize, any::<bool>());
    let batch = prop::collection::vec(transaction, 0..5);
    prop::collection::vec(batch, 1..7).prop_map(|batches| {
        let mut message = 0;
        let mut next = |count: usize| {
            let first = message;
            message += count as u32;
            (first..message).collect()
        };
        let mut made = Vec::new();
        for batch in batches {
            let mut last = 0;
            let transaction = |(step, any_number, logs, ascends): (u16, u16, usize, bool)| {
                last += step;
                (if ascends { last } else { any_number }, next(logs))
            };
            made.push(batch.into_iter().map(transaction).collect());
        }
        made
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn every_run_that_leads_to_a_root_is_found(
        batches in histories(),
        lost in prop::collection::btree_set(0..20usize, 0..3),
        interrupted in prop::collection::btree_set(0..20usize, 0..2),
    ) {
        let mut transactions: Vec<Option<Sent>> = Vec::new();
        for (at, transaction) in batches.iter().flatten().enumerate() {
            if interrupted.contains(&at) {
                transactions.push(None);
            }
            if !lost.contains(&at) {
                transactions.push(Some(transaction.clone()));
            }
        }
        let found = found(&roots_of(&batches), &transactions);
        prop_assert_eq!(batches_in(&found), plain(&batches, &transactions));
        // Every transaction has an outcome.
        let given = (0..).zip(&transactions).filter(|(_, transaction)| transaction.is_some());
        for (at, _) in given {
            prop_assert!(found.iter().any(|(first, last, _)| (*first..=*last).contains(&at)));
        }
    }

    #[test]
    fn the_longest_ascending_sequence_is_kept(numbers in prop::collection::vec(
        prop::option::of((0..9u64).prop_map(BatchNumber)), 0..12,
    )) {
        let kept = numbers::ascending(&numbers);
        let given: Vec<_> = kept.iter().copied().flatten().collect();
        prop_assert!(given.is_sorted_by(|one, next| one < next));
        prop_assert!(kept.iter().zip(&numbers).all(|(kept, number)| kept.is_none() || kept == number));
        let mut longest = vec![0usize; numbers.len()];
        for at in (0..numbers.len()).filter(|at| numbers[*at].is_some()) {
            let before = (0..at).filter(|other| numbers[*other].is_some() && numbers[*other] < numbers[at]);
            longest[at] = 1 + before.map(|other| longest[other]).max().unwrap_or(0);
        }
        prop_assert_eq!(given.len(), longest.into_iter().max().unwrap_or(0));
    }
}

#[test]
fn a_batch_that_begins_with_the_logs_of_another_one_is_found() {
    let batches = [vec![(0, vec![1])], vec![(0, vec![1]), (1, vec![2])], vec![(0, vec![3])]];
    let transactions: Vec<_> = batches.concat().into_iter().map(Some).collect();
    let roots = roots_of(&batches);
    let whole = found(&roots, &transactions);
    assert_eq!(batches_in(&whole), [(0, 0, 1), (1, 2, 2), (3, 3, 3)]);
    // Without the first batch, the longer run is taken.
    assert_eq!(batches_in(&found(&roots, &transactions[1..])), [(0, 1, 2), (2, 2, 3)]);
}

#[test]
fn equal_batches_are_numbered_in_order_and_certain_only_if_all_are_there() {
    let same = vec![(0, vec![1])];
    let batches = [same.clone(), vec![(0, vec![2])], same.clone(), same, vec![(0, vec![3])]];
    let roots = roots_of(&batches);
    let transactions: Vec<_> = batches.concat().into_iter().map(Some).collect();
    let all = found(&roots, &transactions);
    assert_eq!(batches_in(&all), [(0, 0, 1), (1, 1, 2), (2, 2, 3), (3, 3, 4), (4, 4, 5)]);
    // One of the third and the fourth batch is missing.
    let some: Vec<_> = transactions.iter().enumerate().filter(|(at, _)| *at != 2).collect();
    let some: Vec<_> = some.into_iter().map(|(_, transaction)| transaction.clone()).collect();
    let outcomes: Vec<_> = found(&roots, &some).into_iter().map(|found| found.2).collect();
    let batch = |number, is_certain| Outcome::Batch { number: BatchNumber(number), is_certain };
    assert_eq!(outcomes, [batch(1, true), batch(2, true), batch(3, false), batch(5, true)]);
}

#[test]
fn runs_against_the_order_are_named() {
    let batches: Vec<Vec<Sent>> = (0..5).map(|at| vec![(0, vec![at])]).collect();
    let mut transactions: Vec<_> = batches.concat().into_iter().map(Some).collect();
    transactions.swap(1, 4);
    let outcomes: Vec<_> =
        found(&roots_of(&batches), &transactions).into_iter().map(|found| found.2).collect();
    let out_of_order: BTreeSet<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::OutOfOrder(number) => Some(number.0),
            _ => None,
        })
        .collect();
    assert_eq!(out_of_order, BTreeSet::from([2, 5]));
}

#[test]
fn transactions_without_a_root_say_which_batches_they_may_be_of() {
    let batches: Vec<Vec<Sent>> =
        (0..4).map(|at| vec![(0, vec![2 * at]), (1, vec![2 * at + 1])]).collect();
    let roots = roots_of(&batches);
    let all: Vec<_> = batches.concat().into_iter().map(Some).collect();
    let without = |lost: &[usize]| {
        let kept = all.iter().enumerate().filter(|(at, _)| !lost.contains(at));
        found(&roots, &kept.map(|(_, transaction)| transaction.clone()).collect::<Vec<_>>())
    };
    let no_root = |after: u64, before: u64, between: (u64, u64)| Outcome::NoRoot {
        around: (
            (after > 0).then_some(BatchNumber(after)),
            (before > 0).then_some(BatchNumber(before)),
        ),
        between: Some((BatchNumber(between.0), BatchNumber(between.1))),
        is_stopped: false,
    };
    assert_eq!(without(&[2])[1], (1 + 1, 2, no_root(1, 3, (2, 2))));
    assert_eq!(without(&[0, 3])[0], (0, 1, no_root(0, 3, (1, 2))));
    assert_eq!(without(&[7])[3], (6, 6, no_root(3, 0, (4, 4))));
    let later = [&all[..], &[Some((0, vec![99]))]].concat();
    let around = (Some(BatchNumber(4)), None);
    let expected = Outcome::NoRoot { around, between: None, is_stopped: false };
    assert_eq!(found(&roots, &later)[4], (8, 8, expected));
}

#[test]
fn the_search_stops_at_its_limit_and_says_so() {
    // The numbers never restart, so only the second step finds the batch in the middle.
    let lost: Vec<Sent> = (0..9).map(|at| (at, vec![at.into()])).collect();
    let batch: Vec<Sent> = (9..12).map(|at| (at, vec![at.into()])).collect();
    let roots = roots_of(std::slice::from_ref(&batch));
    let transactions = [lost.clone(), batch, lost].concat();
    let search = |tries: u64| {
        let mut search = BatchSearch::new(&roots);
        (0..).zip(&transactions).for_each(|(at, transaction)| push(&mut search, at, transaction));
        search.tries = tries;
        search.finish().into_iter().map(|stretch| stretch.outcome).collect::<Vec<_>>()
    };
    assert!(matches!(search(1000)[..], [_, Outcome::Batch { number: BatchNumber(1), .. }, _]));
    let [Outcome::NoRoot { is_stopped, .. }] = search(100)[..] else { panic!("found") };
    assert!(is_stopped);
}

#[test]
fn batches_as_long_as_the_window_are_found() {
    let long = |first: u32, logs: u32| -> Vec<Sent> {
        (0..logs / 64)
            .map(|at| (at as u16, (first + at * 64..first + at * 64 + 64).collect()))
            .collect()
    };
    let batches = [long(0, 16384), long(1 << 20, 16384), long(2 << 20, 16320), long(3 << 20, 128)];
    let mut transactions: Vec<_> = batches.concat().into_iter().map(Some).collect();
    transactions.remove(300);
    let found = batches_in(&found(&roots_of(&batches), &transactions));
    assert_eq!(found, [(0, 255, 1), (511, 765, 3), (766, 767, 4)]);
}

/// Batches of one chain with roots of two and of eight leaves, as after an upgrade to v33.
#[test]
fn batches_with_roots_of_eight_leaves_are_found_unless_they_have_commitments() {
    let batches: Vec<Vec<Sent>> =
        (0..5).map(|at| vec![(0, vec![2 * at]), (1, vec![2 * at + 1])]).collect();
    let eight = |batch: &[Sent], imt| {
        let (local_root, multichain_root) = (local_root_of(batch), AGGREGATED);
        EightLeaves { local_root, multichain_root, imt }.root()
    };
    let [empty, first, none] = ImtRoots::WITHOUT_COMMITMENTS;
    let commitments = ImtRoots::Both { begin: EMPTY_IMT, end: Hash::new([9; 32]) };
    let roots = [
        root_of(&batches[0]),
        eight(&batches[1], none),
        eight(&batches[2], first),
        eight(&batches[3], commitments),
        eight(&batches[4], empty),
    ];
    let transactions: Vec<_> = batches.concat().into_iter().map(Some).collect();
    let found_with = |may_have_eight_leaves| {
        let roots = (1..).map(BatchNumber).zip(roots);
        let roots = BatchRoots::new(roots, vec![AGGREGATED], may_have_eight_leaves);
        batches_in(&found(&roots, &transactions))
    };
    assert_eq!(found_with(true), [(0, 1, 1), (2, 3, 2), (4, 5, 3), (8, 9, 5)]);
    assert_eq!(found_with(false), [(0, 1, 1)]);
}
