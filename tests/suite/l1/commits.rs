use std::{collections::BTreeMap, fmt::Write as _, io::Cursor};

use serde_json::{Value, json};
use slproof::{
    files::Input,
    ingest::{
        FileKind,
        l1::{
            CalldataProblem, ChainName, Commits, DaInput, Execution, L1Chains, L1FaultKind,
            L1Reader, NoBatch, PassedOver,
        },
        sniff,
    },
    keccak::keccak256,
    primitives::{Address, ChainId, Hash, SlBatch},
};

use crate::support::{json, json_lines};

pub(super) fn read(texts: &[&str]) -> L1Chains {
    let mut reader = L1Reader::default();
    for text in texts {
        let input = Input::from_reader("test", Cursor::new((*text).to_owned())).unwrap();
        // Receipts without an event of a diamond may be of any chain.
        let kind = sniff(&input);
        assert!(kind == Some(FileKind::L1Transactions) || text.starts_with("{\"blockNumber\""));
        reader.read(input).unwrap();
    }
    reader.finish()
}

pub(super) fn lines(values: &[Value]) -> String {
    values.iter().fold(String::new(), |mut text, value| {
        writeln!(text, "{value}").unwrap();
        text
    })
}

pub(super) fn diamond() -> Address {
    json("l1/expected.json.gz")["l1Diamond"].as_str().unwrap().parse().unwrap()
}

pub(super) fn transactions() -> Vec<Value> {
    let mut all = json_lines("l1/commits.jsonl.gz");
    all.extend(json_lines("l1/executes.jsonl.gz"));
    all
}

pub(super) fn receipts() -> Vec<Value> {
    json_lines("l1/receipts.jsonl.gz")
}

pub(super) fn hash(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

/// The batches of the settlement layer are those of the node.
pub(super) fn assert_complete(chains: &L1Chains) {
    let commits = chains.of_diamond(diamond()).unwrap();
    assert!(commits.gaps().is_empty(), "{:?}", commits.gaps());
    let expected = json("l1/expected.json.gz");
    let expected = expected["slBatches"].as_array().unwrap();
    assert_eq!(commits.batches().len(), expected.len());
    for (batch, facts) in commits.batches().iter().zip(expected) {
        assert_eq!(Some(batch.batch.0), facts["slBatch"].as_u64());
        assert_eq!(batch.info.logs_root, hash(&facts["chainBatchRoot"]), "{}", batch.batch);
        assert_eq!(batch.data.pubdata_hash(), Some(hash(&facts["pubdataHash"])));
        let is_executed = batch.execution == Execution::Executed;
        assert_eq!(is_executed, facts["executedOnL1"] == true, "{}", batch.batch);
        if let DaInput::Calldata { pubdata, pubdata_hash } = &batch.data {
            let bytes = commits.pubdata(pubdata).unwrap();
            assert_eq!((bytes.len(), keccak256(&bytes)), (pubdata.len(), *pubdata_hash));
        }
    }
}

pub(super) fn batch(commits: &Commits, number: u64) -> Hash {
    commits.batch(SlBatch(number)).unwrap().info.logs_root
}

#[test]
fn answers_of_nodes_give_the_batches_in_every_envelope() {
    let (transactions, receipts) = (transactions(), receipts());
    let answer = |value: &Value| json!({"jsonrpc": "2.0", "id": 1, "result": value});
    let answers: Vec<_> = transactions.iter().map(answer).collect();
    let blocks: Vec<_> = transactions
        .iter()
        .map(|transaction| {
            let mut transaction = transaction.clone();
            let block = transaction.as_object_mut().unwrap().remove("blockNumber").unwrap();
            answer(&json!({"parentHash": "0x00", "transactionsRoot": "0x00", "number": block,
                "hash": "0x00", "transactions": [{"hash": Hash::ZERO, "input": "0x"}, transaction]}))
        })
        .collect();
    let receipt_lists: Vec<_> = receipts.chunks(7).map(|some| answer(&json!(some))).collect();
    let pretty = serde_json::to_string_pretty(&transactions).unwrap();
    let page = json!({"status": "1", "message": "OK", "result": transactions}).to_string();
    for texts in [
        vec![lines(&transactions), lines(&receipts)],
        vec![lines(&receipts), lines(&transactions)],
        vec![lines(&answers), json!(receipts).to_string()],
        vec![json!(answers).to_string(), lines(&receipt_lists)],
        vec![lines(&blocks), lines(&receipts)],
        vec![pretty, lines(&receipts)],
        vec![page, lines(&receipts)],
        // Without receipts, executions tell which commit is right.
        vec![lines(&transactions)],
    ] {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        assert_complete(&read(&texts));
    }
}

#[test]
fn what_is_passed_over_is_counted_by_its_reason() {
    let chains = read(&[&lines(&transactions()), &lines(&receipts())]);
    // Its receipt shows that nothing was committed.
    assert!(chains.faults().is_empty());
    assert_eq!(*chains.passed_over(), BTreeMap::from([(PassedOver::NoEvent, 1)]));
    let commits = chains.of_diamond(diamond()).unwrap();
    let expected = [(PassedOver::Failed, 1), (PassedOver::NotExecuted, 1)];
    assert_eq!(*commits.passed_over(), BTreeMap::from(expected));
    // The other chain's own commit, and one in the encoding of v28, which has no data.
    assert_eq!(chains.chains().len(), 2);
    let other = chains.chains().iter().find(|chain| !chain.is_of_diamond(diamond())).unwrap();
    assert_eq!(other.batches().len(), 1);
    assert_eq!(other.batches()[0].execution, Execution::Unknown);
    let chains = read(&[&lines(&transactions())]);
    let [fault] = chains.faults() else { panic!("{:?}", chains.faults()) };
    assert_eq!(fault.batch, Some((ChainName::Id(ChainId(324)), SlBatch(5))));
    assert!(fault.to_string().contains("test, line 2 (transaction 0xa0a63cb6"), "{fault}");
    let L1FaultKind::Calldata(error) = &fault.source else { panic!("{fault:?}") };
    assert!(matches!(error.problem, CalldataProblem::Cut { .. }), "{error}");
    assert_eq!(chains.passed_over()[&PassedOver::Damaged], 1);
}

/// The numbers in the calldata of a commit or of an execution. A revert has only one.
pub(super) fn numbers(transaction: &Value) -> (u64, u64) {
    let input = transaction["input"].as_str().unwrap();
    let number = |at: usize| {
        input.get(at..at + 64).map_or(0, |digits| u64::from_str_radix(digits, 16).unwrap())
    };
    (number(74), number(138))
}

pub(super) fn is_commit(transaction: &Value) -> bool {
    transaction["input"].as_str().unwrap().starts_with("0x0db9eb87")
}

#[test]
fn a_lost_execution_is_told_by_the_next_batch() {
    let all = transactions();
    for lost in 0..all.len() {
        if is_commit(&all[lost]) || !all[lost]["input"].as_str().unwrap().starts_with("0xa085344d")
        {
            continue;
        }
        let mut left = all.clone();
        let (first, last) = numbers(&left.remove(lost));
        let chains = read(&[&lines(&left)]);
        if last < 2028 {
            assert_complete(&chains);
            continue;
        }
        // Nothing tells that the last batches were executed.
        let commits = chains.of_diamond(diamond()).unwrap();
        for batch in first..=last {
            let batch = commits.batch(SlBatch(batch)).unwrap();
            assert_eq!(batch.execution, Execution::NotExecuted);
        }
    }
}

#[test]
fn a_lost_commit_is_a_gap_and_its_root_is_known_from_its_execution() {
    let all = transactions();
    for lost in 0..all.len() {
        let (number, _) = match &all[lost] {
            commit if is_commit(commit) && numbers(commit).0 >= 1999 => numbers(commit),
            _ => continue,
        };
        let mut left = all.clone();
        left.remove(lost);
        let chains = read(&[&lines(&left), &lines(&receipts())]);
        let commits = chains.of_diamond(diamond()).unwrap();
        if commits.batches().len() == 31 {
            // The failed copy, or the commit that was reverted.
            assert!([2002, 2014].contains(&number), "{number}");
            assert_complete(&chains);
            continue;
        }
        let gaps = commits.gaps();
        if number == 2029 {
            assert!(gaps.is_empty(), "the last batch is not known at all");
            continue;
        }
        let [(range, reason)] = &gaps[..] else { panic!("{gaps:?}") };
        assert_eq!(*range, SlBatch(number)..=SlBatch(number));
        match reason {
            NoBatch::OtherContent { root, .. } => {
                assert_eq!(number, 2014);
                assert_eq!(*root, commits.executed(SlBatch(number)).unwrap().0.logs_root);
            }
            NoBatch::Missing => assert_ne!(number, 2014),
            other => panic!("{other}"),
        }
        let (executed, _) = commits.executed(SlBatch(number)).unwrap();
        let expected = json("l1/expected.json.gz");
        let facts = &expected["slBatches"][usize::try_from(number - 1999).unwrap()];
        assert_eq!(executed.hash(), hash(&facts["storedBatchHash"]));
    }
}

/// The two commits of batch 2014: one was reverted before the other was made.
pub(super) fn commits_of_2014() -> Vec<Value> {
    let is_2014 = |transaction: &Value| is_commit(transaction) && numbers(transaction).0 == 2014;
    transactions().into_iter().filter(is_2014).collect()
}

pub(super) fn revert() -> Value {
    let is_revert = |value: &Value| value["input"].as_str().unwrap().starts_with("0x7ca4eff7");
    transactions().into_iter().find(is_revert).unwrap()
}

#[test]
fn of_two_commits_that_were_not_executed_the_one_after_the_revert_is_right() {
    let both = commits_of_2014();
    let right = batch(read(&[&lines(&transactions())]).of_diamond(diamond()).unwrap(), 2014);
    let told = read(&[&lines(&[both[0].clone(), revert(), both[1].clone()])]);
    let commits = told.of_diamond(diamond()).unwrap();
    assert_eq!(batch(commits, 2014), right);
    assert_eq!(commits.batches()[0].execution, Execution::Unknown);
    assert_eq!(*commits.passed_over(), BTreeMap::from([(PassedOver::Reverted, 1)]));
    // The order of the file does not matter.
    let told = read(&[&lines(&[revert(), both[1].clone(), both[0].clone()])]);
    assert_eq!(batch(told.of_diamond(diamond()).unwrap(), 2014), right);
    // Without the revert, neither is taken, and both are named.
    let tie = read(&[&lines(&both)]);
    let commits = tie.of_diamond(diamond()).unwrap();
    assert!(commits.batches().is_empty());
    let gaps = commits.gaps();
    let [(_, NoBatch::TwoCommits { commits })] = &gaps[..] else { panic!("{gaps:?}") };
    for (place, transaction) in commits.iter().zip(&both) {
        assert_eq!(place.hash, Some(hash(&transaction["hash"])));
    }
    // A revert that failed reverts nothing.
    let failed = json!({"transactionHash": revert()["hash"], "status": "0x0", "logs": []});
    let receipts = [failed, receipts()[2].clone()];
    let tie = read(&[&lines(&[both[0].clone(), revert(), both[1].clone()]), &lines(&receipts)]);
    assert!(tie.of_diamond(diamond()).unwrap().batches().is_empty());
}

#[test]
fn a_batch_that_was_only_reverted_has_no_commit() {
    let (first, last) = (commits_of_2014(), 2013);
    let mut all = transactions();
    all.retain(|transaction| (1..=last).contains(&numbers(transaction).1));
    all.extend([first[0].clone(), revert()]);
    let chains = read(&[&lines(&all)]);
    let commits = chains.of_diamond(diamond()).unwrap();
    assert!(commits.batch(SlBatch(2014)).is_none());
    assert_eq!(commits.range(), Some(SlBatch(1999)..=SlBatch(2013)), "it has no batch yet");
}

#[test]
fn doubled_transactions_change_nothing() {
    let all = transactions();
    let chains = read(&[&lines(&all), &lines(&all), &lines(&receipts())]);
    assert_complete(&chains);
    assert!(chains.passed_over()[&PassedOver::Repeated] >= 54);
}

#[test]
fn a_damaged_commit_is_never_taken_for_the_right_one() {
    let all = transactions();
    let at = all.iter().position(|value| is_commit(value) && numbers(value).0 == 2008).unwrap();
    let intact = all[at]["input"].as_str().unwrap().to_owned();
    let right = read(&[&lines(&all)]);
    let right = right.of_diamond(diamond()).unwrap().batch(SlBatch(2008)).unwrap();
    // Hexadecimal digits all over the calldata, behind the arguments of the call.
    for digit in (138..intact.len()).step_by(37) {
        let mut changed = all.clone();
        let other = if &intact[digit..=digit] == "1" { "2" } else { "1" };
        let input = format!("{}{other}{}", &intact[..digit], &intact[digit + 1..]);
        changed[at]["input"] = json!(input);
        let chains = read(&[&lines(&changed)]);
        let commits = chains.of_diamond(diamond()).unwrap();
        match commits.batch(SlBatch(2008)) {
            Some(found) => {
                assert_eq!(found.info.logs_root, right.info.logs_root, "digit {digit}");
                assert_eq!(found.info.state_root, right.info.state_root, "digit {digit}");
                assert_eq!(found.info.next_index, right.info.next_index, "digit {digit}");
            }
            None => assert_eq!(commits.gaps().len(), 1, "digit {digit}"),
        }
    }
}

#[test]
fn nested_calls_need_the_event_of_the_diamond() {
    // Word by word as calldata of `multicall(bytes)`, after another selector.
    let wrap = |transaction: &Value| {
        let input = transaction["input"].as_str().unwrap().trim_start_matches("0x");
        let mut wrapped = transaction.clone();
        wrapped["input"] =
            json!(format!("0xac9650d8{:064x}{:064x}{input}{:056x}", 32, input.len() / 2, 0));
        wrapped
    };
    let wrapped: Vec<_> = transactions().iter().map(wrap).collect();
    let chains = read(&[&lines(&wrapped), &lines(&receipts())]);
    assert_complete(&chains);
    let chains = read(&[&lines(&wrapped)]);
    assert!(chains.chains().is_empty());
    assert_eq!(chains.passed_over()[&PassedOver::NestedWithoutEvent], 55);
}

#[test]
fn direct_calls_of_the_diamond_are_told_by_its_events() {
    // A diamond ignores the name of the chain.
    let other = "00000000000000000000000000000000000000ff";
    let named = diamond().to_string();
    let direct = |transaction: &Value| {
        let mut direct = transaction.clone();
        let input = transaction["input"].as_str().unwrap();
        if input.contains(&named[2..]) {
            direct["input"] = json!(input.replacen(&named[2..], other, 1));
            direct["to"] = json!(named);
        }
        direct
    };
    let direct: Vec<_> = transactions().iter().map(direct).collect();
    assert_complete(&read(&[&lines(&direct), &lines(&receipts())]));
    // A receipt without an event: some other contract was called.
    let mut receipts = receipts();
    for receipt in &mut receipts {
        receipt["logs"] = json!([]);
    }
    let chains = read(&[&lines(&transactions()), &lines(&receipts)]);
    assert!(chains.chains().is_empty());
    // Also the one with damaged calldata.
    assert_eq!(chains.passed_over()[&PassedOver::NoEvent], 55);
}

#[test]
fn commits_of_v28_are_named_by_the_chain_id() {
    let v28 = json_lines("l1/v28/commits.jsonl.gz");
    let executes = json_lines("l1/v28/executes.jsonl.gz");
    let chains = read(&[&lines(&v28), &lines(&executes)]);
    let [commits] = chains.chains() else { panic!("one chain") };
    assert_eq!((commits.chain(), commits.batches().len()), (Some(ChainId(506)), 3));
    assert!(commits.batches().iter().all(|batch| batch.execution == Execution::Executed));
}

/// At the upgrade to v29, the first commit under the diamond follows the last batch under the chain id.
#[test]
fn the_chain_id_and_the_diamond_are_joined_by_the_batch_between_them() {
    let v28 = json_lines("l1/v28/commits.jsonl.gz");
    let mut first = transactions()
        .into_iter()
        .rfind(|value| is_commit(value) && numbers(value).0 == 2002)
        .unwrap();
    let apart = read(&[&lines(&v28), &lines(&[first.clone()])]);
    assert_eq!(apart.chains().len(), 2, "the state roots differ");
    let before = apart.of_chain(ChainId(506)).unwrap().batch(SlBatch(2001)).unwrap();
    // The words of the batch before: its number, the state root, four others, the batch root.
    let mut input = first["input"].as_str().unwrap().to_owned();
    let start = 2 + 2 * (4 + 5 * 32 + 1);
    for (at, hash) in [(1, before.info.state_root), (6, before.info.logs_root)] {
        let start = start + 64 * at;
        input.replace_range(start..start + 64, &hash.to_string()[2..]);
    }
    first["input"] = json!(input);
    let joined = read(&[&lines(&v28), &lines(&[first])]);
    let [commits] = joined.chains() else { panic!("{:?}", joined.chains()) };
    assert!(commits.is_of_diamond(diamond()) && commits.chain() == Some(ChainId(506)));
    assert_eq!(commits.range(), Some(SlBatch(1999)..=SlBatch(2002)));
    assert!(commits.gaps().is_empty());
}

#[test]
fn two_different_executions_are_named_unless_a_receipt_tells_them() {
    let mut all = transactions();
    let is_last = |value: &Value| !is_commit(value) && numbers(value).1 == 2028;
    let at = all.iter().position(is_last).unwrap();
    // Another content: the last digit of the last batch's commitment, before the offsets of the other lists.
    let mut forged = all[at].clone();
    let input = forged["input"].as_str().unwrap();
    let root = read(&[&lines(&all)])
        .of_diamond(diamond())
        .unwrap()
        .batch(SlBatch(2028))
        .unwrap()
        .info
        .logs_root;
    assert!(input.contains(&root.to_string()[2..]));
    forged["input"] = json!(input.replace(&root.to_string()[2..], &"5a".repeat(32)));
    forged["hash"] = json!(format!("0x{}", "77".repeat(32)));
    all.push(forged);
    let chains = read(&[&lines(&all)]);
    let gaps = chains.of_diamond(diamond()).unwrap().gaps();
    let [(range, NoBatch::TwoExecutions { executions })] = &gaps[..] else { panic!("{gaps:?}") };
    assert_eq!((*range.start(), executions[1].hash), (SlBatch(2028), Some(Hash::new([0x77; 32]))));
    assert_complete(&read(&[&lines(&all), &lines(&receipts())]));
}

#[test]
fn a_transaction_without_calldata_and_answers_without_transactions_are_named() {
    let hash = "0xa8dd6a115b9da3ebce234f5ab4a25402a618335b7442e6b5ac3c17e58164c625";
    let all = transactions();
    let others = [
        json!({"jsonrpc": "2.0", "id": 2, "result": null}),
        json!({"jsonrpc": "2.0", "id": 3, "error": {"code": -32000, "message": "limit"}}),
        json!({"number": "0x1", "transactions": [hash, hash]}),
        json!({"hash": hash, "nonce": "0x0", "input": null}),
        json!({"hash": "0x12", "nonce": "0x0", "input": "0x"}),
        json!({"hash": hash, "nonce": "0x0", "input": "0xzz"}),
    ];
    let text = format!("{}{}{{\"hash\":\n", lines(&all), lines(&others));
    let chains = read(&[&text]);
    assert_complete(&chains);
    let faults: Vec<_> = chains.faults().iter().map(|fault| fault.source.to_string()).collect();
    assert_eq!(faults.len(), 7, "{faults:?}");
    assert_eq!(chains.passed_over()[&PassedOver::NoCalldata], 1);
    for (fault, words) in faults[1..].iter().zip([
        "is null",
        "an error of the node",
        "only the hashes",
        "the transaction hash",
        "the calldata",
        "not JSON",
    ]) {
        assert!(fault.contains(words), "{fault}");
    }
    assert_eq!(chains.faults()[6].transaction.to_string(), "test, line 63");
}
