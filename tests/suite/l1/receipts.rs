use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use serde_json::{Value, json};
use slproof::{
    Trees, TreesOptions,
    files::ReadProgressHandle,
    ingest::{
        FoundFiles,
        l1::{Execution, L1Data, NoBatch, PassedOver},
    },
    primitives::{Hash, SlBatch},
};

use super::commits::{
    assert_complete, batch, commits_of_2014, diamond, hash, is_commit, lines, numbers, read,
    receipts, revert, transactions,
};
use crate::support::{binary::run, json_lines, l1_files, l1_proofs::in_l1_form};

/// A revert by a stranger, after the last commit, and its receipt. It failed.
fn failed_revert() -> (Value, Value) {
    let mut forged = revert();
    let input = forged["input"].as_str().unwrap().replace(&"7dd".to_owned(), "7ec");
    (forged["hash"], forged["input"]) = (json!(Hash::new([0xe2; 32])), input.into());
    forged["blockNumber"] = "0x2000000".into();
    let receipt = json!({"transactionHash": forged["hash"], "blockNumber": "0x2000000",
        "transactionIndex": "0x1", "status": "0x0", "cumulativeGasUsed": "0x1", "logs": []});
    (forged, receipt)
}

/// Nothing in the receipt of a failed transaction shows that it is of L1.
#[test]
fn receipts_in_files_of_their_own_tell_failed_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let (forged, receipt) = failed_revert();
    l1_files::write(folder.path(), &l1_files::commits());
    fs::remove_file(folder.path().join("receipts.jsonl")).unwrap();
    let all_receipts = || receipts().into_iter().chain([receipt.clone()]);
    for (number, receipt) in all_receipts().enumerate() {
        let answer = json!({"jsonrpc": "2.0", "id": 1, "result": receipt});
        fs::write(folder.path().join(format!("{number}.json")), answer.to_string()).unwrap();
    }
    l1_files::write_lines(folder.path(), "revert.jsonl", &[forged]);
    let found = FoundFiles::at(&[folder.path()]).unwrap();
    let files = found.of_l1();
    let read = L1Data::read(&files, &ReadProgressHandle::default()).unwrap();
    assert_complete(read.chains());
    let commits = read.chains().of_diamond(diamond()).unwrap();
    assert_eq!(commits.passed_over()[&PassedOver::Failed], 2);

    // In one file, behind a receipt of a ZKsync chain.
    let mixed = tempfile::tempdir().unwrap();
    l1_files::write(mixed.path(), &l1_files::commits());
    fs::remove_file(mixed.path().join("receipts.jsonl")).unwrap();
    l1_files::write_lines(mixed.path(), "revert.jsonl", &[failed_revert().0]);
    let of_l2 = json!({"transactionHash": Hash::new([7; 32]), "status": "0x1", "logs": [],
        "cumulativeGasUsed": "0x1", "l2ToL1Logs": []});
    let values: Vec<Value> = [of_l2].into_iter().chain(all_receipts()).collect();
    l1_files::write_lines(mixed.path(), "receipts.jsonl", &values);
    let of_mixed = FoundFiles::at(&[mixed.path()]).unwrap().of_l1();
    assert_eq!(of_mixed.receipts, [mixed.path().join("receipts.jsonl")]);
    let together = L1Data::read(&of_mixed, &ReadProgressHandle::default()).unwrap();
    assert_complete(together.chains());
    let commits = together.chains().of_diamond(diamond()).unwrap();
    assert_eq!(commits.passed_over()[&PassedOver::Failed], 2);

    // By their names, and as the batches of the settlement layer beside a state.
    let paths: Vec<PathBuf> = files.paths().map(Into::into).collect();
    assert_eq!(paths.len(), found.files.len());
    let surveyed = run(["survey", "--json", "--search", "0", folder.path().to_str().unwrap()]);
    assert!(!surveyed.stdout.contains("chain-of-logs"), "{}", surveyed.stdout);
    let trees = Trees::open(&paths, &TreesOptions::default()).unwrap();
    assert_complete(trees.from_l1().unwrap().0.chains());
    let state = crate::support::fixture("gateway-v29/state.anvil.json");
    let logs = crate::support::fixture("gateway-v29/logs.jsonl.gz");
    let paths = [state, logs, folder.path().into()].map(|path| path.to_str().unwrap().to_owned());
    let [state, logs, l1] = &paths;
    let line = in_l1_form().remove(0);
    let line = json!({"chainId": line["chainId"], "batchNumber": line["batchNumber"],
        "id": line["logIndex"], "target": "sl-batch:2029"});
    let requests = folder.path().join(".requests");
    fs::write(&requests, line.to_string()).unwrap();
    let proven = run([
        "prove",
        "--tree",
        state,
        "--messages",
        logs,
        "--sl-batches",
        l1,
        "--requests",
        requests.to_str().unwrap(),
    ]);
    // The stranger did not revert it.
    assert!(proven.stdout.contains("sl-batch-not-on-l1"), "{}{}", proven.stdout, proven.stderr);
}

/// Without its receipt, a transaction may have failed.
#[test]
fn a_commit_without_a_receipt_counts_if_no_other_has_one_or_the_next_batch_follows_it() {
    let (all, receipts) = (transactions(), receipts());
    let forged = all.iter().rfind(|one| is_commit(one) && numbers(one).0 == 2029).unwrap();
    let forged = l1_files::with_number(forged, 2029, 2031);
    let honest = read(&[&lines(&all)]);
    let honest = honest.of_diamond(diamond()).unwrap();
    let end = |chains: &slproof::ingest::l1::L1Chains| {
        *chains.of_diamond(diamond()).unwrap().range().unwrap().end()
    };
    let with_forged = [&lines(&all)[..], &lines(std::slice::from_ref(&forged))].concat();
    assert_eq!(end(&read(&[&with_forged])), SlBatch(2031));
    let chains = read(&[&with_forged, &lines(&receipts)]);
    assert_complete(&chains);
    let passed_over = chains.of_diamond(diamond()).unwrap().passed_over();
    assert_eq!(passed_over[&PassedOver::NoReceipt], 1);

    // Of 2027 and 2028, without their receipts and executions.
    let mut left = all.clone();
    left.retain(|one| is_commit(one) || numbers(one).1 < 2026);
    let is_late = |one: &Value| is_commit(one) && [2027, 2028].contains(&numbers(one).0);
    let late: Vec<_> = all.iter().filter(|one| is_late(one)).map(|one| &one["hash"]).collect();
    let mut others = receipts.clone();
    others.retain(|receipt| !late.contains(&&receipt["transactionHash"]));
    others.retain(|receipt| !receipt.to_string().contains("2402307311a4d6604e4e7b4c8a15a7e1213e"));
    let chains = read(&[&lines(&left), &lines(&others)]);
    let commits = chains.of_diamond(diamond()).unwrap();
    for number in 2027..=2029 {
        assert_eq!(batch(commits, number), batch(honest, number));
    }
    // Without the one that follows them, they are not taken.
    left.retain(|one| !(is_commit(one) && numbers(one).0 == 2029));
    let chains = read(&[&lines(&left), &lines(&others)]);
    assert_eq!(end(&chains), SlBatch(2026));
}

/// The transactions of the events are missing.
#[test]
fn events_alone_show_executions_and_reverts() {
    let mut all = transactions();
    all.retain(is_commit);
    let receipts = receipts();
    assert_complete(&read(&[&lines(&all), &lines(&receipts)]));

    let right = batch(read(&[&lines(&transactions())]).of_diamond(diamond()).unwrap(), 2014);
    let of_revert = |receipt: &&Value| receipt["transactionHash"] == revert()["hash"];
    let receipt = receipts.iter().find(of_revert).unwrap();
    for text in [lines(std::slice::from_ref(receipt)), receipt["logs"].to_string()] {
        let chains = read(&[&lines(&commits_of_2014()), &text]);
        // The diamond of the event is not the one of a group yet: both commits are under its name.
        let commits = chains.of_diamond(diamond()).unwrap();
        assert_eq!(batch(commits, 2014), right, "{text}");
        assert_eq!(commits.batches()[0].execution, Execution::Unknown);
    }

    // The first commit of 2014 is not the one that was executed. No commit of 2015 says more.
    all.retain(|one| {
        hash(&one["hash"]) != hash(&commits_of_2014()[1]["hash"]) && numbers(one).0 != 2015
    });
    let is_other = |one: &&Value| one["transactionHash"] != revert()["hash"];
    let others: Vec<Value> = receipts.iter().filter(is_other).cloned().collect();
    let chains = read(&[&lines(&all), &lines(&others)]);
    let gaps = chains.of_diamond(diamond()).unwrap().gaps();
    let [(_, NoBatch::PassedOver { reason, .. }), (_, NoBatch::Missing)] = &gaps[..] else {
        panic!("{gaps:?}")
    };
    assert_eq!(*reason, PassedOver::NotExecuted);
    // A stranger's execution of another content is none.
    let is_last = |one: &Value| !is_commit(one) && numbers(one).1 == 2028;
    let execution = transactions().into_iter().find(is_last).unwrap();
    let root = read(&[&lines(&transactions())]);
    let root = root.of_diamond(diamond()).unwrap().batch(SlBatch(2028)).unwrap().info.state_root;
    let mut forged = execution.clone();
    let input = execution["input"].as_str().unwrap();
    assert!(input.contains(&root.to_string()[2..]));
    forged["input"] = input.replace(&root.to_string()[2..], &"5a".repeat(32)).into();
    forged["hash"] = json!(Hash::new([0xe3; 32]));
    let mut all = transactions();
    all.retain(is_commit);
    all.push(forged);
    assert_complete(&read(&[&lines(&all), &lines(&receipts)]));
}

/// A table without indices of transactions has the order of blocks; one without blocks has no order.
#[test]
fn reverts_are_ordered_by_the_block_alone() {
    let both = commits_of_2014();
    let table = |header: &str, rows: &[Value], with_block: bool| {
        let mut table = format!("{header}\n");
        for row in rows {
            let block = row["blockNumber"].as_str().unwrap();
            let block = u64::from_str_radix(&block[2..], 16).unwrap();
            let (hash, input) = (row["hash"].as_str().unwrap(), row["input"].as_str().unwrap());
            let block = if with_block { format!(",{block}") } else { String::new() };
            writeln!(table, "{hash},{input}{block}").unwrap();
        }
        table
    };
    let right = batch(read(&[&lines(&transactions())]).of_diamond(diamond()).unwrap(), 2014);
    let rows = [both[0].clone(), revert(), both[1].clone()];
    let told = read(&[&table("hash,input,block_number", &rows, true)]);
    assert_eq!(batch(told.of_diamond(diamond()).unwrap(), 2014), right);
    let [first, ..] = &both[..] else { panic!("two commits") };
    let rows = [first.clone(), revert()];
    let reverted = read(&[&table("hash,input,block_number", &rows, true)]);
    let expected = BTreeMap::from([(PassedOver::Reverted, 1)]);
    assert_eq!(*reverted.of_diamond(diamond()).unwrap().passed_over(), expected);
    let unknown = read(&[&table("hash,input", &rows, false)]);
    let commits = unknown.of_diamond(diamond()).unwrap();
    assert!(commits.batches().is_empty());
    assert_eq!(*commits.passed_over(), BTreeMap::from([(PassedOver::OrderUnknown, 1)]));
}

/// A call inside another one, as calldata of `multicall(bytes)`.
fn nested(transaction: &Value) -> Value {
    let input = transaction["input"].as_str().unwrap().trim_start_matches("0x");
    let mut nested = transaction.clone();
    nested["input"] =
        json!(format!("0xac9650d8{:064x}{:064x}{input}{:056x}", 32, input.len() / 2, 0));
    nested
}

#[test]
fn a_row_may_have_the_calldata_and_the_logs() {
    let by_hash: BTreeMap<Hash, Value> =
        receipts().into_iter().map(|one| (hash(&one["transactionHash"]), one)).collect();
    let merged = |transaction: &Value| {
        let receipt = &by_hash[&hash(&transaction["hash"])];
        let mut merged = nested(transaction);
        (merged["logs"], merged["status"]) = (receipt["logs"].clone(), receipt["status"].clone());
        merged
    };
    let rows: Vec<Value> = transactions().iter().map(merged).collect();
    assert_complete(&read(&[&lines(&rows)]));

    // A nested commit that no receipt shows is named, although the batch was executed.
    let is_2010 = |one: &Value| is_commit(one) && numbers(one).0 == 2010;
    let rows: Vec<Value> = transactions()
        .iter()
        .map(|one| if is_2010(one) { nested(one) } else { one.clone() })
        .collect();
    let gaps = read(&[&lines(&rows)]);
    let gaps = gaps.of_diamond(diamond()).unwrap().gaps();
    let [(range, NoBatch::PassedOver { reason: PassedOver::NestedWithoutEvent, .. })] = &gaps[..]
    else {
        panic!("{gaps:?}")
    };
    assert_eq!(*range, SlBatch(2010)..=SlBatch(2010));
}

/// The number of the block and the index only tell the order.
#[test]
fn an_unreadable_block_costs_nothing_and_what_costs_a_batch_is_named() {
    let mut rows = transactions();
    rows.iter_mut().for_each(|row| row["blockNumber"] = "n/a".into());
    let receipts: Vec<Value> = receipts();
    assert_complete(&read(&[&lines(&rows), &lines(&receipts)]));

    let folder = tempfile::tempdir().unwrap();
    let mut commits = l1_files::commits();
    let at = commits.iter().position(|one| l1_files::committed(one) == Some(2008)).unwrap();
    commits[at]["status"] = "perhaps".into();
    l1_files::write(folder.path(), &commits);
    let path = folder.path().to_str().unwrap();
    let place = format!("commits.jsonl, line {}", at + 1);
    let rebuilt = run(["rebuild", path]);
    assert!(rebuilt.stderr.contains(&place), "{}", rebuilt.stderr);
    assert!(rebuilt.stderr.contains("the status"), "{}", rebuilt.stderr);
    let surveyed: Value =
        serde_json::from_str(&run(["survey", "--json", "--search", "0", path]).stdout).unwrap();
    let [fault] = &surveyed["l1"]["unusable"].as_array().unwrap()[..] else {
        panic!("{}", surveyed["l1"])
    };
    assert!(fault.as_str().unwrap().contains(&place), "{fault}");

    commits.iter_mut().for_each(|one| one["status"] = "perhaps".into());
    l1_files::write_lines(folder.path(), "commits.jsonl", &commits);
    let rebuilt = run(["rebuild", path]);
    assert!(rebuilt.stderr.contains("commits.jsonl, line 1 "), "{}", rebuilt.stderr);
    assert!(rebuilt.stderr.contains("nor can 34 more"), "{}", rebuilt.stderr);
}

/// A file with receipts of failed transactions, in which one is cut off or the last bracket is missing.
#[test]
fn damaged_files_of_receipts_are_named() {
    let (forged, receipt) = failed_revert();
    for text in
        [format!("{receipt}\n{}\n", &receipt.to_string()[..90]), format!("[{receipt},{receipt}")]
    {
        let folder = tempfile::tempdir().unwrap();
        l1_files::write(folder.path(), &l1_files::commits());
        l1_files::write_lines(folder.path(), "revert.jsonl", std::slice::from_ref(&forged));
        let path = folder.path().to_str().unwrap();
        let others = run(["rebuild", path]);
        assert!(!others.stderr.contains("failed.json"), "{}", others.stderr);
        fs::write(folder.path().join("failed.json"), text).unwrap();
        let rebuilt = run(["rebuild", path]);
        assert!(rebuilt.stderr.contains("failed.json"), "{}", rebuilt.stderr);
        assert_eq!(rebuilt.stdout, others.stdout);
        let surveyed = run(["survey", "--json", "--search", "0", path]).stdout;
        let surveyed: Value = serde_json::from_str(&surveyed).unwrap();
        let [named] = &surveyed["l1"]["unusable"].as_array().unwrap()[..] else {
            panic!("{}", surveyed["l1"])
        };
        assert!(named.as_str().unwrap().contains("failed.json"), "{named}");
    }
}

/// The positions of transactions, whose receipts have none.
#[test]
fn a_revert_has_the_position_of_its_transaction() {
    let both = commits_of_2014();
    let rows = [both[0].clone(), revert(), both[1].clone()];
    let hashes = rows.each_ref().map(|row| &row["hash"]);
    let mut receipts = receipts();
    receipts.retain(|receipt| hashes.contains(&&receipt["transactionHash"]));
    for receipt in &mut receipts {
        let members = receipt.as_object_mut().unwrap();
        for name in ["blockNumber", "transactionIndex"] {
            members.remove(name);
        }
        for log in members["logs"].as_array_mut().unwrap() {
            log.as_object_mut().unwrap().remove("blockNumber");
        }
    }
    assert_eq!(receipts.len(), 3);
    let right = batch(read(&[&lines(&transactions())]).of_diamond(diamond()).unwrap(), 2014);
    for texts in [[lines(&rows), lines(&receipts)], [lines(&receipts), lines(&rows)]] {
        let told = read(&texts.each_ref().map(String::as_str));
        let commits = told.of_diamond(diamond()).unwrap();
        assert_eq!(batch(commits, 2014), right);
        assert_eq!(*commits.passed_over(), BTreeMap::from([(PassedOver::Reverted, 1)]));
    }
}

/// A log has an index of its own.
#[test]
fn the_index_of_a_log_is_not_that_of_its_transaction() {
    let both = commits_of_2014();
    let receipts = receipts();
    let of_revert = |receipt: &&Value| receipt["transactionHash"] == revert()["hash"];
    let receipt = receipts.iter().find(of_revert).unwrap();
    let mut log = receipt["logs"][0].clone();
    let members = log.as_object_mut().unwrap();
    members.retain(|name, _| ["address", "topics", "data"].contains(&name.as_str()));
    members.insert("transaction_hash".into(), revert()["hash"].clone());
    // All in one block, the revert between the commits; its log is the first of it.
    members.insert("block_number".into(), 5.into());
    members.insert("index".into(), 0.into());
    let mut rows = [both[0].clone(), revert(), both[1].clone()];
    for (index, row) in rows.iter_mut().enumerate() {
        (row["blockNumber"], row["transactionIndex"]) =
            (json!("0x5"), json!(format!("{index:#x}")));
    }
    let right = batch(read(&[&lines(&transactions())]).of_diamond(diamond()).unwrap(), 2014);
    for texts in [[lines(&rows), lines(&[log.clone()])], [lines(&[log.clone()]), lines(&rows)]] {
        let told = read(&texts.each_ref().map(String::as_str));
        assert_eq!(batch(told.of_diamond(diamond()).unwrap(), 2014), right);
    }
}

/// Two files have the same transactions. One says more of them, or something else.
#[test]
fn copies_of_a_transaction_tell_the_same_in_any_order() {
    let (all, receipts) = (transactions(), receipts());
    let with = |name: &str, of: &dyn Fn(&Value) -> bool, value: &str| {
        let mut all = all.clone();
        for one in all.iter_mut().filter(|one| of(one)) {
            one[name] = value.into();
        }
        lines(&all)
    };
    let is_2028 = |one: &Value| is_commit(one) && numbers(one).0 == 2028;
    let is_revert = |one: &Value| one["hash"] == revert()["hash"];
    let told = |one: &str, other: &str| {
        let told = [[one, other], [other, one]].map(|texts| read(&texts));
        told.map(|chains| {
            let commits = chains.of_diamond(diamond()).unwrap();
            let faults: Vec<String> = chains.faults().iter().map(ToString::to_string).collect();
            (commits.batches().to_vec(), commits.gaps(), faults.len())
        })
    };
    // Only one file has the status.
    let failed = with("status", &is_2028, "0x0");
    let [one, other] = told(&lines(&all), &failed);
    assert_eq!(one, other);
    assert_eq!(one.1, [(SlBatch(2028)..=SlBatch(2028), NoBatch::Missing)]);
    let without_status = one.2;
    // The other says that it succeeded. Both are named, whichever comes first.
    let [one, other] = told(&with("status", &is_2028, "0x1"), &failed);
    assert_eq!(one, other);
    assert_eq!((one.1.len(), one.2), (1, without_status + 1));
    // As a transaction and its receipt.
    let failed = json!({"transactionHash": receipts[0]["transactionHash"], "status": "0x0",
        "blockNumber": receipts[0]["blockNumber"], "logs": receipts[0]["logs"]});
    let [one, other] = told(&(lines(&all) + &lines(&receipts)), &lines(&[failed]));
    assert_eq!((&one.0, &one.1), (&other.0, &other.1));
    assert_eq!((one.2, other.2), (1, 1));

    // If the position of the revert is contradicted, nothing tells whether it was first.
    let both = commits_of_2014();
    let rows = [both[0].clone(), revert(), both[1].clone()];
    let mut late = rows.clone();
    late.iter_mut().filter(|one| is_revert(one)).for_each(|one| one["blockNumber"] = "0x1".into());
    for texts in [[&rows, &late, &rows], [&late, &rows, &rows], [&rows, &rows, &late]] {
        let chains = read(&texts.map(|rows| lines(rows)).each_ref().map(String::as_str));
        let commits = chains.of_diamond(diamond()).unwrap();
        assert!(commits.batches().is_empty());
        assert_eq!(commits.passed_over()[&PassedOver::OrderUnknown], 2);
    }
}

/// A diamond that is called directly ignores the id of the chain. Only one file says which contract was called.
#[test]
fn a_copy_without_the_called_contract_shows_no_more() {
    let mut direct = json_lines("l1/v28/commits.jsonl.gz").remove(0);
    let number = numbers(&direct).0;
    let root = read(&[&lines(std::slice::from_ref(&direct))]);
    let root = root.chains()[0].batch(SlBatch(number)).unwrap().info.state_root;
    direct["to"] = json!(diamond());
    let mut less = direct.clone();
    less.as_object_mut().unwrap().remove("to");
    let topic = "0x8f2916b2f2d78cc5890ead36c06c0f6d5d112c7e103589947e8e2f0d6eddb763";
    let receipt = json!({"transactionHash": direct["hash"], "status": "0x1", "logs": [
        {"address": diamond(), "data": "0x",
            "topics": [topic, format!("0x{number:064x}"), root, Hash::ZERO]}]});
    let receipt = lines(&[receipt]);
    for rows in [[&direct, &less], [&less, &direct]] {
        let chains = read(&[&lines(&rows.map(Clone::clone)), &receipt]);
        assert_eq!(chains.of_diamond(diamond()).unwrap().chain(), None);
    }
}

/// Nodes mark the logs of blocks that are not in the chain any more.
#[test]
fn removed_events_show_nothing() {
    let all = [lines(&transactions()), lines(&receipts())];
    let execution = |texts: &[&str]| {
        let chains = read(&[&[all[0].as_str(), &all[1]], texts].concat());
        let commits = chains.of_diamond(diamond()).unwrap();
        commits.batch(SlBatch(2029)).unwrap().execution
    };
    assert_eq!(execution(&[]), Execution::NotExecuted);
    let chains = read(&[&all[0]]);
    let commits = chains.of_diamond(diamond()).unwrap();
    let root = commits.batch(SlBatch(2029)).unwrap().info.state_root;
    let topic = "0x2402307311a4d6604e4e7b4c8a15a7e1213edb39c16a31efa70afb06030d3165";
    let log = |removed: Value| {
        json!({"address": diamond(), "data": "0x", "removed": removed,
            "blockNumber": "0x2000000", "transactionHash": Hash::new([9; 32]),
            "topics": [topic, format!("0x{:064x}", 2029), root, Hash::ZERO]})
    };
    for (removed, is_shown) in [(json!(true), false), (json!("true"), false), (json!(false), true)]
    {
        let expected = if is_shown { Execution::Executed } else { Execution::NotExecuted };
        let receipt = json!({"transactionHash": Hash::new([9; 32]), "status": "0x1",
            "logs": [log(removed.clone())]});
        for text in [lines(&[json!({"result": [log(removed)]})]), lines(&[receipt])] {
            assert_eq!(execution(&[&text]), expected, "{text}");
        }
    }
}
