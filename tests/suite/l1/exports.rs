use std::{fmt::Write as _, io::Cursor, path::Path};

use serde_json::{Value, json};
use slproof::{
    files::Input,
    ingest::{
        FileKind,
        l1::{Commits, DaInput, L1Chains, L1Reader, PassedOver},
        sniff,
    },
    keccak::keccak256,
    primitives::SlBatch,
};

use super::commits::{
    commits_of_2014, diamond, hash, is_commit, lines, numbers, read, receipts, transactions,
};
use crate::support::{fixture, json_lines};

/// What an export has: the transactions with at most 5,000 hexadecimal digits of calldata.
fn short_transactions() -> Vec<Value> {
    let is_short = |value: &Value| value["input"].as_str().unwrap().len() <= 5000;
    transactions().into_iter().filter(is_short).collect()
}

fn open(path: &Path) -> L1Chains {
    let input = Input::open(path).unwrap();
    assert_eq!(sniff(&input), Some(FileKind::L1Transactions), "{}", path.display());
    let mut reader = L1Reader::default();
    reader.read(input).unwrap();
    reader.finish()
}

/// Everything of the chains but the places of their transactions.
fn content(chains: &L1Chains) -> Vec<String> {
    let of_chain = |commits: &Commits| {
        let batches = commits.batches().iter().map(|batch| {
            format!("{:?}", (&batch.previous, &batch.info, &batch.data, batch.execution))
        });
        let names = format!("{:?} {:?}", commits.names(), commits.range());
        batches.chain([names]).collect::<Vec<_>>()
    };
    chains.chains().iter().flat_map(of_chain).collect()
}

#[test]
fn exports_give_the_same_batches() {
    let short = short_transactions();
    let expected = content(&read(&[&lines(&short), &lines(&receipts())]));
    assert!(expected.len() > 15, "{}", expected.len());
    let mut formats = 0;
    for entry in std::fs::read_dir(fixture("l1/exports")).unwrap() {
        let path = entry.unwrap().path();
        let chains = open(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("etherscan_web") {
            // Without calldata. Every row is counted.
            assert_eq!(chains.passed_over()[&PassedOver::NoCalldata], 30);
            assert!(chains.chains().is_empty() && chains.faults().is_empty());
        } else if name.contains("receipts") {
            assert!(chains.chains().is_empty() && chains.faults().is_empty());
        } else {
            assert_eq!(content(&chains), expected, "{name}");
            assert_eq!(
                chains.faults()[0].transaction.hash,
                Some(hash(&short[1]["hash"])),
                "{name}"
            );
            formats += 1;
        }
    }
    assert_eq!(formats, 7);
}

#[test]
fn the_status_of_a_table_of_receipts_is_used() {
    let both = commits_of_2014();
    for (failed, right) in [(0, 1), (1, 0)] {
        let mut reader = L1Reader::default();
        let mut table = "transaction_hash,block_number,gas_used,status\n".to_owned();
        for (at, transaction) in both.iter().enumerate() {
            let hash = transaction["hash"].as_str().unwrap();
            writeln!(table, "{hash},,,{}", u8::from(at != failed)).unwrap();
        }
        for text in [table, lines(&both)] {
            reader.read(Input::from_reader("test", Cursor::new(text)).unwrap()).unwrap();
        }
        let chains = reader.finish();
        let commits = chains.of_diamond(diamond()).unwrap();
        let found = commits.batch(SlBatch(2014)).unwrap();
        assert_eq!(found.transaction.hash, Some(hash(&both[right]["hash"])));
    }
}

#[test]
fn damaged_rows_of_tables_are_named_by_line() {
    let text = "hash,input,block_number\n0x12,0x,1\n,0x,1\nab,cd\n";
    let mut reader = L1Reader::default();
    reader.read(Input::from_reader("table", Cursor::new(text)).unwrap()).unwrap();
    let chains = reader.finish();
    let texts: Vec<_> = chains
        .faults()
        .iter()
        .map(|fault| format!("{}: {}", fault.transaction, fault.source))
        .collect();
    let words = [
        "table, line 2: the transaction hash is \"0x12\"",
        "table, line 3: the transaction hash is missing",
        "table, line 4: the row has 2 columns",
    ];
    assert_eq!(texts.len(), words.len());
    for (text, words) in texts.iter().zip(words) {
        assert!(text.starts_with(words), "{text}");
    }
    let mut reader = L1Reader::default();
    let logs = Input::from_reader("table", Cursor::new("transaction_hash,data,topic0\n")).unwrap();
    assert!(reader.read(logs).unwrap_err().to_string().contains("table of logs"));
}

/// Beyond 64 MiB, pubdata are in a temporary file.
#[test]
fn pubdata_of_many_commits_are_read_back() {
    let all = json_lines("l1/commits.jsonl.gz");
    let template = all.iter().find(|value| is_commit(value) && numbers(value).0 == 2012).unwrap();
    let input = template["input"].as_str().unwrap();
    let mut reader = L1Reader::default();
    let named = diamond().to_string();
    // The same batch of other chains, which need not be stored once.
    for chunk in (0..1024u32).collect::<Vec<_>>().chunks(64) {
        let text = chunk.iter().fold(String::new(), |mut text, chain| {
            let input = input.replacen(&named[2..], &format!("{chain:040x}"), 1);
            let hash = format!("0x{chain:064x}");
            writeln!(text, "{}", json!({"hash": hash, "input": input})).unwrap();
            text
        });
        reader.read(Input::from_reader("test", Cursor::new(text)).unwrap()).unwrap();
    }
    let chains = reader.finish();
    assert_eq!(chains.chains().len(), 1024);
    for commits in chains.chains() {
        let [batch] = commits.batches() else { panic!("one batch") };
        let DaInput::Calldata { pubdata, pubdata_hash } = &batch.data else { panic!("calldata") };
        assert_eq!(keccak256(&commits.pubdata(pubdata).unwrap()), *pubdata_hash);
    }
}
