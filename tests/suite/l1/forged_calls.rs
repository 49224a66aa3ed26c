use serde_json::{Value, json};
use slproof::{
    ingest::l1::{ChainName, Commits, Execution, NoBatch, PassedOver},
    primitives::{Address, Hash, SlBatch},
};

use super::commits::{
    assert_complete, batch, diamond, is_commit, lines, numbers, read, receipts, transactions,
};
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
    // Beside a commit that was not executed yet, alone and with a revert of it.
    let revert = l1_files::executions()
        .into_iter()
        .find(|one| one["input"].as_str().unwrap().starts_with("0x7ca4eff7"));
    let mut revert = revert.unwrap();
    let input = revert["input"].as_str().unwrap().replace("7dd", "7ec");
    (revert["hash"], revert["input"]) = (json!(Hash::new([0xe2; 32])), input.into());
    revert["blockNumber"] = "0x2000000".into();
    for stranger in [forged("no digits"), forged("no digits") + &lines(&[revert])] {
        let chains = read(&[&lines(&all), &stranger, &lines(&receipts())]);
        let commits = chains.of_diamond(diamond()).unwrap();
        assert_eq!((batch(commits, 2029), commits.gaps()), (batch(honest, 2029), vec![]));
        assert_eq!(commits.batch(SlBatch(2029)).unwrap().execution, Execution::Unknown);
        let strange = stranger.lines().count() as u64;
        assert_eq!(commits.passed_over()[&PassedOver::NoReceipt], strange);
    }

    // After the last batch, with another content of it.
    let mut left = all.clone();
    left.remove(real);
    let chains = read(&[&lines(&left), &forged(&before), &lines(&receipts())]);
    let commits = chains.of_diamond(diamond()).unwrap();
    assert_eq!(batch(commits, 2028), batch(honest, 2028));
    assert_eq!(commits.gaps(), []);
    assert_eq!(*commits.range().unwrap().end(), SlBatch(2028));
}

/// Events that another contract emits, in transactions that name the diamond.
#[test]
fn events_of_another_contract_change_nothing() {
    let word = |number: u64| format!("0x{number:064x}");
    let (of_execution, of_revert) = (
        "0x2402307311a4d6604e4e7b4c8a15a7e1213edb39c16a31efa70afb06030d3165",
        "0x8bd4b15ea7d1bc41ea9abc3fc487ccb89cd678a00786584714faa9d751c84ee5",
    );
    let other = Hash::new([0x66; 32]);
    let stranger = Address::new([0xee; 20]);
    let logs = json!([
        {"address": stranger, "data": "0x", "topics": [of_execution, word(2014), other, other]},
        {"address": stranger, "data": "0x", "topics": [of_execution, word(2029), other, other]},
        {"address": stranger, "topics": [of_revert],
            "data": format!("{}{:0128}", word(2000), 0)},
    ]);
    let honest = read(&[&lines(&transactions())]);
    let honest = honest.of_diamond(diamond()).unwrap();
    let forged = execution_of(honest, 2029, &"66".repeat(32));
    let receipt = json!({"blockNumber": "0x2000000", "transactionIndex": "0x0",
        "transactionHash": forged["hash"], "status": "0x1", "logs": logs});
    let chains = read(&[
        &lines(&transactions()),
        &lines(&[forged]),
        &lines(&[receipt]),
        &lines(&receipts()),
    ]);
    assert_complete(&chains);
    assert_eq!(chains.chains().len(), 2);
}

/// Calldata of a commit that do not decode, by a stranger. Returns the transaction, and its receipt with these logs.
fn damaged(number: u64, status: &str, logs: Value) -> (Value, Value) {
    let word = |number: u64| format!("{number:064x}");
    let name = diamond().to_word().to_hash().to_string()[2..].to_owned();
    let head = [name, word(number), word(number), word(128), word(1), "01".repeat(32)].concat();
    let hash = Hash::new([0xd1; 32]);
    let transaction = json!({"hash": hash, "blockNumber": "0x1570000", "gas": "0x1",
        "to": Address::new([0xee; 20]), "input": format!("0x0db9eb87{head}")});
    let receipt = json!({"blockNumber": "0x1570000", "transactionHash": hash, "status": status,
        "logs": logs});
    (transaction, receipt)
}

#[test]
fn damaged_commits_of_strangers_change_nothing() {
    let all = transactions();
    for number in [0, 2030, 2031, 1 << 50, u64::MAX] {
        let (transaction, receipt) = damaged(number, "0x0", json!([]));
        let texts = [lines(&all), lines(&[transaction]), lines(&receipts())];
        // Without its receipt, it is named, and is no batch.
        let chains = read(&[&texts[0], &texts[1], &texts[2]]);
        let commits = chains.of_diamond(diamond()).unwrap();
        assert_eq!((commits.gaps(), commits.batches().len()), (vec![], 31), "{number}");
        let [fault] = chains.faults() else { panic!("{:?}", chains.faults()) };
        assert_eq!(fault.batch, Some((ChainName::Diamond(diamond()), SlBatch(number))));
        let chains = read(&[&texts[0], &texts[1], &texts[2], &lines(&[receipt])]);
        let commits = chains.of_diamond(diamond()).unwrap();
        assert_eq!((commits.gaps(), commits.batches().len()), (vec![], 31), "{number}");
        assert!(chains.faults().is_empty());
        assert_eq!(chains.passed_over()[&PassedOver::Failed], 1);
        assert!(!chains.passed_over().contains_key(&PassedOver::Damaged));
    }
}

#[test]
fn damaged_calldata_are_those_of_a_commit_if_the_event_shows_it() {
    let mut all = transactions();
    let topic = "0x8f2916b2f2d78cc5890ead36c06c0f6d5d112c7e103589947e8e2f0d6eddb763";
    let number = format!("0x{:064x}", 2030);
    let event = json!([{"address": diamond(), "data": "0x",
        "topics": [topic, number, Hash::new([1; 32]), Hash::new([2; 32])]}]);
    let (transaction, receipt) = damaged(2030, "0x1", event);
    let texts = [lines(&all), lines(&[transaction]), lines(&receipts()), lines(&[receipt])];
    let chains = read(&texts.each_ref().map(String::as_str));
    let gaps = chains.of_diamond(diamond()).unwrap().gaps();
    let [(range, NoBatch::Damaged { .. })] = &gaps[..] else { panic!("{gaps:?}") };
    assert_eq!(*range, SlBatch(2030)..=SlBatch(2030));

    // A damaged execution is not the commit of the batch.
    all.retain(|one| !is_commit(one) || numbers(one).0 != 2010);
    let is_execution = |one: &&Value| one["input"].as_str().unwrap().starts_with("0xa085344d");
    let mut cut = all.iter().find(is_execution).unwrap().clone();
    let input = cut["input"].as_str().unwrap();
    let word = |number: u64| format!("{number:064x}");
    let range = [word(2010), word(2010)].concat();
    cut["input"] = format!("{}{range}{}", &input[..74], &input[202..400]).into();
    cut["hash"] = json!(Hash::new([0xd2; 32]));
    let chains = read(&[&lines(&all), &lines(&[cut])]);
    assert!(
        chains.faults().iter().any(|fault| fault.transaction.hash == Some(Hash::new([0xd2; 32])))
    );
    let gaps = chains.of_diamond(diamond()).unwrap().gaps();
    assert_eq!(gaps, [(SlBatch(2010)..=SlBatch(2010), NoBatch::Missing)]);
}
