use serde_json::{Value, json};
use slproof::{
    ingest::l1::{Commits, NoBatch},
    primitives::{Address, Hash, SlBatch},
};

use super::commits::{batch, diamond, is_commit, lines, numbers, read, receipts, transactions};
use crate::support::l1_files;

/// Anybody can send a transaction with any numbers.
#[test]
fn the_largest_number_is_behind_a_gap() {
    let all = transactions();
    let is_single = |one: &&Value| numbers(one) == (2028, 2028);
    let execution = all.iter().find(|one| !is_commit(one) && is_single(one)).unwrap();
    let commit = all.iter().find(|one| is_commit(one) && is_single(one)).unwrap();
    for (transaction, last) in [(execution, u64::MAX), (commit, u64::MAX - 1)] {
        let forged = l1_files::with_number(transaction, 2028, u64::MAX);
        let chains = read(&[&lines(&all), &lines(&[forged])]);
        let commits = chains.of_diamond(diamond()).unwrap();
        assert_eq!(commits.range().unwrap().end().0, u64::MAX);
        let expected = (SlBatch(2030)..=SlBatch(last), NoBatch::Missing);
        assert_eq!(commits.gaps(), [expected]);
    }
}

/// An execution of one batch with this content.
fn execution_of(commits: &Commits, number: u64, root: &str) -> Value {
    let info = &commits.batch(SlBatch(number)).unwrap().info;
    let word = |number: u64| format!("{number:064x}");
    let plain = |hash: Hash| hash.to_string()[2..].to_owned();
    let batch = [
        word(number),
        plain(info.state_root),
        word(info.next_index),
        plain(info.l1_transactions.to_hash()),
        plain(info.priority_hash),
        word(0),
        root.to_owned(),
        word(info.timestamp),
        word(1),
    ];
    let list = [word(128), word(0), word(0), word(0), word(1), batch.concat()].concat();
    let diamond = plain(diamond().to_word().to_hash());
    let head = [diamond, word(number), word(number), word(128), word(1 + list.len() as u64 / 2)];
    let input = format!("0xa085344d{}01{list}", head.concat());
    json!({"hash": Hash::new([0xe1; 32]), "blockNumber": "0x2000000", "transactionIndex": "0x0",
        "gas": "0x1", "to": Address::new([0xee; 20]), "input": input})
}

/// Anybody can send the same calls to another contract. The diamond emits no event for them.
#[test]
fn calls_without_events_do_not_displace_those_with_events() {
    let all = transactions();
    let honest = read(&[&lines(&all), &lines(&receipts())]);
    let honest = honest.of_diamond(diamond()).unwrap();
    let [before, root] =
        [2028, 2029].map(|number| batch(honest, number).to_string()[2..].to_owned());
    let other = "77".repeat(32);
    let real = all.iter().position(|one| is_commit(one) && numbers(one).0 == 2029).unwrap();
    let execution = execution_of(honest, 2029, &other);
    let forged = |of: &str| {
        let input = all[real]["input"].as_str().unwrap();
        let input = input.replace(of, &"66".repeat(32)).replace(&root, &other);
        let mut forged = all[real].clone();
        (forged["hash"], forged["input"]) = (json!(Hash::new([0xc1; 32])), input.into());
        lines(&[forged, execution.clone()])
    };
    // Beside a commit that was not executed yet: nobody can tell.
    let chains = read(&[&lines(&all), &forged("no digits"), &lines(&receipts())]);
    let commits = chains.of_diamond(diamond()).unwrap();
    let [(range, NoBatch::TwoCommits { .. })] = &commits.gaps()[..] else {
        panic!("{:?}", commits.gaps());
    };
    assert_eq!(*range, SlBatch(2029)..=SlBatch(2029));

    // After the last batch, with another content of it.
    let mut left = all.clone();
    left.remove(real);
    let chains = read(&[&lines(&left), &forged(&before), &lines(&receipts())]);
    let commits = chains.of_diamond(diamond()).unwrap();
    assert_eq!(batch(commits, 2028), batch(honest, 2028));
    assert_eq!(commits.gaps(), []);
}
