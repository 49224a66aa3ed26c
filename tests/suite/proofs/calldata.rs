//! Calldata, decoded by a test decoder and by another implementation than the one that encoded it.

use crate::support::{
    naive,
    proof_records::{proofs, view},
    tools::tool,
};
use serde_json::Value;
use sha3::{Digest, Keccak256};
use slproof::{
    anchor::BatchRoots,
    message::{ASSET_ROUTER, BASE_TOKEN, BatchLogs, L2ToL1Log},
    primitives::{Address, BatchNumber, ChainId, Hash, hex},
    proof::{
        ProofRecord, Target, TargetKind,
        calldata::{Call, CallChoice, CallError, CallOptions},
        reader::{self, Defaults, Item},
    },
    prove::Extractor,
    state::StateError,
};

/// A word of ABI-encoded data.
fn word(data: &[u8], at: usize) -> [u8; 32] {
    data[at..at + 32].try_into().unwrap()
}

fn number(data: &[u8], at: usize) -> u64 {
    let word = word(data, at);
    assert_eq!(word[..24], [0; 24]);
    u64::from_be_bytes(word[24..].try_into().unwrap())
}

fn bytes_at(data: &[u8], at: usize) -> Vec<u8> {
    let len = number(data, at) as usize;
    let padded = &data[at + 32..at + 32 + len.next_multiple_of(32)];
    assert!(padded[len..].iter().all(|byte| *byte == 0));
    padded[..len].to_vec()
}

fn words_at(data: &[u8], at: usize) -> Vec<Hash> {
    (0..number(data, at) as usize).map(|i| Hash::new(word(data, at + 32 + 32 * i))).collect()
}

fn selector(signature: &str) -> [u8; 4] {
    Keccak256::digest(signature)[..4].try_into().unwrap()
}

fn encode(
    record: &ProofRecord,
    call: Option<Call>,
    to: Option<Address>,
) -> Result<Value, CallError> {
    let call = call.map_or(CallChoice::ByLog, CallChoice::Only);
    let options = CallOptions { call, to, ..CallOptions::default() };
    let encoded = options.encode(&view(record))?;
    Ok(serde_json::to_value(&encoded).unwrap())
}

const TO: Address = Address::system(0xabcdef);

/// The root of the batch of `withdrawals`.
#[derive(Debug)]
struct OneRoot(Hash);

impl BatchRoots for OneRoot {
    fn batch_root(&self, _: ChainId, _: BatchNumber) -> Result<Option<Hash>, StateError> {
        Ok(Some(self.0))
    }
}

/// Proofs of withdrawals of a base token against the root of their batch. The fixtures have none.
fn withdrawals() -> Vec<ProofRecord> {
    let message = |i: u8| {
        let mut message =
            selector("finalizeEthWithdrawal(uint256,uint256,uint16,bytes,bytes32[])").to_vec();
        message.extend([i; 52]);
        message.resize(56 + usize::from(i), 0xda);
        message
    };
    let messages: Vec<Vec<u8>> = (0..40).map(message).collect();
    let log = |(tx, message): (u16, &Vec<u8>)| L2ToL1Log::of_message(tx, BASE_TOKEN, message);
    let logs = (0..).zip(&messages).map(log).collect();
    let messages = messages.iter().collect();
    let batch = BatchLogs::new(ChainId(324), BatchNumber(7), logs, messages, Some(Hash::ZERO));
    let batch = batch.unwrap();
    let root = OneRoot(naive::node(batch.view().tree().root(), Hash::ZERO));
    let extractor = Extractor::to_batch_roots(&root);
    let proofs = extractor.batch(batch.view()).unwrap();
    proofs.prove_all().map(Result::unwrap).collect()
}

#[test]
fn calldata_decoded_by_hand_gives_the_arguments_back() {
    let records = proofs("gateway-v31", Target::Latest);
    let withdrawals = withdrawals();
    let mut calls = [0; 4];
    for (record, withdrawal) in records.iter().step_by(7).zip(withdrawals.iter().cycle()) {
        for call in Call::ALL {
            let record = if call == Call::FinalizeDeposit { withdrawal } else { record };
            let log = record.log.unwrap();
            let line = match encode(record, Some(call), Some(TO)) {
                Ok(line) => line,
                Err(error) => {
                    assert_eq!(call, Call::Message);
                    assert!(record.message.is_none() || !log.is_message(), "{error}");
                    continue;
                }
            };
            calls[call as usize] += 1;
            assert_eq!(line["call"], call.name());
            assert_eq!(line["to"], TO.to_string());
            assert_eq!(line["batchNumber"], record.batch_number.0);
            let data = hex::bytes(line["data"].as_str().unwrap()).unwrap();
            let (head, mut args) = data.split_at(4);
            let expected = selector(match call {
                Call::Message => {
                    "proveL2MessageInclusionShared(uint256,uint256,uint256,(uint16,address,bytes),bytes32[])"
                }
                Call::Log => {
                    "proveL2LogInclusionShared(uint256,uint256,uint256,(uint8,bool,uint16,address,bytes32,bytes32),bytes32[])"
                }
                Call::Leaf => {
                    "proveL2LeafInclusionShared(uint256,uint256,uint256,bytes32,bytes32[])"
                }
                Call::FinalizeDeposit => {
                    "finalizeDeposit((uint256,uint256,uint256,address,uint16,bytes,bytes32[]))"
                }
            });
            assert_eq!(head, expected);
            if call == Call::FinalizeDeposit {
                assert_eq!(number(args, 0), 32);
                args = &args[32..];
            }
            let place = [number(args, 0), number(args, 32), number(args, 64)];
            assert_eq!(place, [record.chain_id.0, record.batch_number.0, record.id]);
            let words = match call {
                Call::Message => {
                    let message = &args[number(args, 96) as usize..];
                    assert_eq!(number(message, 0), u64::from(log.tx_number()));
                    assert_eq!(&word(message, 32), log.key().as_bytes());
                    let bytes = bytes_at(message, number(message, 64) as usize);
                    assert_eq!(Some(bytes), record.message);
                    number(args, 128)
                }
                Call::Log => {
                    let fields = [0, 1, 2].map(|i| number(args, 96 + 32 * i));
                    let bytes = log.as_bytes();
                    let tx = u16::from_be_bytes([bytes[2], bytes[3]]);
                    assert_eq!(fields, [bytes[0].into(), bytes[1].into(), u64::from(tx)]);
                    assert_eq!(word(args, 192)[12..], bytes[4..24]);
                    assert_eq!(
                        (&word(args, 224)[..], &word(args, 256)[..]),
                        bytes[24..].split_at(32)
                    );
                    number(args, 288)
                }
                Call::Leaf => {
                    assert_eq!(word(args, 96)[..], Keccak256::digest(log.as_bytes())[..]);
                    number(args, 128)
                }
                Call::FinalizeDeposit => {
                    assert_eq!(&word(args, 96), log.key().as_bytes());
                    assert_eq!(number(args, 128), u64::from(log.tx_number()));
                    let bytes = bytes_at(args, number(args, 160) as usize);
                    assert_eq!(Some(bytes), record.message);
                    number(args, 192)
                }
            };
            assert_eq!(words_at(args, words as usize), record.proof);

            // Reading the calldata returns the record, which is accepted.
            let text = serde_json::to_vec(&line).unwrap();
            let Ok(Item::Proof(read, log)) = reader::parse(&text, &Defaults::default()) else {
                panic!("{line}")
            };
            read.verify(&log, |_| record.target.map(|target| target.root)).unwrap();
            let message =
                record.message.clone().filter(|_| !matches!(call, Call::Log | Call::Leaf));
            assert_eq!(*read, ProofRecord { message, checked_by: None, ..record.clone() });
        }
    }
    assert!(calls.iter().all(|count| *count > 20), "{calls:?}");
}

#[test]
fn calldata_are_addressed_to_the_contract_that_stores_the_root() {
    let record = &proofs("gateway-v31", Target::Latest)[0];
    let line = encode(record, None, None).unwrap();
    assert_eq!(line["to"], "0x0000000000000000000000000000000000010009");
    let finalize = Some(Call::FinalizeDeposit);
    let withdrawal = &withdrawals()[0];
    let to_block = ProofRecord { target: record.target, ..withdrawal.clone() };
    assert_eq!(encode(&to_block, finalize, Some(TO)), Err(CallError::NotOnL1));
    assert_eq!(encode(withdrawal, None, None), Err(CallError::NoAddress));
    assert_eq!(encode(withdrawal, finalize, None), Err(CallError::NoAddress));
    assert_eq!(encode(withdrawal, finalize, Some(TO)).unwrap()["to"], TO.to_string());
}

/// v29 lets the caller name the asset router, and proves a withdrawal of a base token as of the base token all the same.
#[test]
fn a_withdrawal_of_a_base_token_is_proven_as_of_the_base_token() {
    let withdrawals = withdrawals();
    for (named, is_valid) in [(BASE_TOKEN, true), (ASSET_ROUTER, true), (TO, false)] {
        let record = &withdrawals[3];
        let mut line = encode(record, Some(Call::FinalizeDeposit), Some(TO)).unwrap();
        let data = line["data"].as_str().unwrap();
        let sender = |sender: Address| sender.to_string()[2..].to_owned();
        assert_eq!(data.matches(&sender(BASE_TOKEN)).count(), 1);
        line["data"] = data.replace(&sender(BASE_TOKEN), &sender(named)).into();
        let text = serde_json::to_vec(&line).unwrap();
        let Item::Proof(read, log) = reader::parse(&text, &Defaults::default()).unwrap() else {
            panic!("{line}")
        };
        assert_eq!(log == record.log.unwrap(), is_valid);
        let root = record.target.unwrap().root;
        assert_eq!(read.verify(&log, |_| Some(root)).is_ok(), is_valid);
    }
}

#[test]
fn values_that_do_not_fit_a_call_are_refused() {
    let target = Some(slproof::proof::TargetRecord {
        kind: TargetKind::Block,
        sl_chain_id: Some(ChainId(506)),
        number: Some(1),
        root: Hash::ZERO,
        timestamp: None,
    });
    let record = |log: L2ToL1Log, message: Option<&[u8]>| ProofRecord {
        chain_id: ChainId(1),
        batch_number: BatchNumber(2),
        id: 3,
        root: Hash::ZERO,
        proof: vec![Hash::ZERO],
        target,
        log: Some(log),
        message: message.map(<[u8]>::to_vec),
        tx_hash: None,
        l1_timestamp: None,
        checked_by: None,
    };
    let message = record(L2ToL1Log::of_message(4, TO, b"x"), Some(b"x"));
    let without_bytes = record(L2ToL1Log::of_message(4, TO, b"x"), None);
    let other = record(L2ToL1Log::new([1; 88]), None);
    let odd = record(L2ToL1Log::new([2; 88]), None);
    let call_of = |record| encode(record, None, None).map(|line| line["call"].clone());
    assert_eq!(call_of(&message).unwrap(), "proveL2MessageInclusionShared");
    assert_eq!(call_of(&without_bytes).unwrap(), "proveL2LogInclusionShared");
    assert_eq!(call_of(&other).unwrap(), "proveL2LogInclusionShared");
    let call = Call::Message;
    assert_eq!(encode(&other, Some(call), None), Err(CallError::NoMessage { call, id: 3 }));
    assert_eq!(encode(&without_bytes, Some(call), None), Err(CallError::NoBytes { call, id: 3 }));
    assert_eq!(encode(&odd, None, None), Err(CallError::NoBool { id: 3, byte: 2 }));
    assert!(encode(&odd, Some(Call::Leaf), None).is_ok());
}

#[test]
fn calldata_that_contradict_their_record_are_refused() {
    let records = proofs("gateway-v31", Target::Latest);
    let record = records.iter().find(|record| record.message.is_some()).unwrap();
    let code = |line: &Value| {
        let error = reader::parse(&serde_json::to_vec(line).unwrap(), &Defaults::default());
        error.unwrap_err().to_string()
    };
    let leaf = encode(record, Some(Call::Leaf), None).unwrap();
    let cases = [
        ("chainId", Value::from(1), "chainId"),
        ("batchNumber", Value::from(1), "batchNumber"),
        ("id", Value::from(999), "id"),
        ("id", Value::from("999"), "id"),
        ("id", Value::from(1.5), "id is damaged"),
        ("id", Value::from(-1), "id is damaged"),
        ("chainId", Value::from("none"), "chainId is damaged"),
        ("batchNumber", Value::from(2.5), "batchNumber is damaged"),
        ("proof", Value::from(vec![record.proof[0].to_string()]), "\"proof\" and \"data\""),
        ("request", Value::from(1), "\"data\" and \"request\""),
        ("error", Value::from("none"), "\"data\" and \"error\""),
        ("log", Value::from(format!("0x{}", "00".repeat(88))), "leaf"),
        ("log", Value::Null, "no log"),
        ("call", Value::from("finalizeDeposit"), "proveL2LeafInclusionShared"),
        ("call", Value::from("transfer"), "transfer"),
        ("data", Value::from("0x12345678"), "calldata"),
        ("data", Value::from("0x"), "calldata"),
        ("data", Value::from("zz"), "hexadecimal"),
        ("root", Value::from("0x12"), "root is damaged"),
        ("sender", Value::from(TO.to_string()), "sender"),
    ];
    for (field, value, expected) in cases {
        let mut line = leaf.clone();
        line[field] = value;
        assert!(code(&line).contains(expected), "{field}: {}", code(&line));
    }
    // A separate message must equal the message in the calldata or, without one, match the log.
    for call in [Call::Message, Call::Log, Call::Leaf] {
        let verdict = |message: &[u8]| {
            let mut line = encode(record, Some(call), None).unwrap();
            line["message"] = Value::from(hex::encode(message));
            match reader::parse(&serde_json::to_vec(&line).unwrap(), &Defaults::default()) {
                Ok(Item::Proof(read, log)) => read
                    .verify(&log, |_| record.target.map(|target| target.root))
                    .map(|_| ())
                    .map_err(|error| error.to_string()),
                Ok(Item::Leaf(_) | Item::Failure) => panic!("{line}"),
                Err(error) => Err(error.to_string()),
            }
        };
        assert_eq!(verdict(record.message.as_ref().unwrap()), Ok(()));
        assert!(verdict(b"another").unwrap_err().contains("message"), "{call:?}");
    }
    // Calldata that is cut, or has a changed byte in its offsets and lengths.
    for call in [Call::Message, Call::Log, Call::Leaf] {
        let line = encode(record, Some(call), None).unwrap();
        let read = |line: &Value| {
            let text = serde_json::to_vec(line).unwrap();
            let item = reader::parse(&text, &Defaults::default());
            item.map(|item| match item {
                Item::Proof(read, log) => (read, log),
                Item::Leaf(_) | Item::Failure => panic!("{line}"),
            })
        };
        let (whole, _) = read(&line).unwrap();
        let data = line["data"].as_str().unwrap().to_owned();
        for len in (2..data.len()).step_by(64) {
            let mut cut = line.clone();
            cut["data"] = Value::from(&data[..len]);
            code(&cut);
        }
        for at in (10..data.len().min(1000)).step_by(2) {
            let mut flipped = data.clone();
            flipped.replace_range(at..=at, if &data[at..=at] == "f" { "0" } else { "f" });
            let mut line = line.clone();
            line["data"] = Value::from(flipped);
            if let Ok((read, log)) = read(&line) {
                // Padding after the message is ignored, as in the contracts.
                let verdict = read.verify(&log, |_| record.target.map(|target| target.root));
                assert!(verdict.is_err() || read == whole, "{at}");
            }
        }
    }
}

/// `cast` of foundry decodes the calldata with a signature from this test. It also uses alloy, so this test
/// checks only the types in the signature.
#[test]
fn calldata_are_decoded_by_cast() {
    let records = proofs("gateway-v31", Target::Latest);
    let record = records.iter().find(|record| record.message.is_some()).unwrap();
    let line = encode(record, Some(Call::Message), None).unwrap();
    let signature =
        "proveL2MessageInclusionShared(uint256,uint256,uint256,(uint16,address,bytes),bytes32[])";
    let data = line["data"].as_str().unwrap();
    let Some(text) = tool("cast", &["calldata-decode", signature, data], b"") else { return };
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(&record.proof[1].to_string()), "{text}");
    assert!(text.contains(&hex::encode(record.message.as_ref().unwrap())), "{text}");
}
