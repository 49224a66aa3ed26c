use proptest::prelude::*;
use serde_json::Value;

use super::{
    super::{Item, parse},
    *,
};
use crate::proof::{CheckedBy, ProofRecord};

/// A record of a message against the root of a block.
fn record() -> ProofRecord {
    let text = std::fs::read("fixtures/gateway-v31/record.json").unwrap();
    ProofRecord { checked_by: Some(CheckedBy::STATE), ..serde_json::from_slice(&text).unwrap() }
}

fn text(record: &ProofRecord) -> Vec<u8> {
    serde_json::to_vec(record).unwrap()
}

/// A record with the fields that a group keeps of it. It keeps the messages by themselves.
fn kept(record: &ProofRecord) -> ProofRecord {
    ProofRecord { message: None, tx_hash: None, checked_by: None, ..record.clone() }
}

/// Records with every form of each field.
fn records() -> Vec<ProofRecord> {
    let record = record();
    let target = record.target.unwrap();
    let to = |target| ProofRecord { target: Some(target), ..record.clone() };
    let mut no_message = *record.log.unwrap().as_bytes();
    no_message[1] = 0;
    let no_message = Some(L2ToL1Log::new(no_message));
    let sources = Some(CheckedBy::STATE.and(CheckedBy::EVENTS).and(CheckedBy::L1));
    vec![
        record.clone(),
        ProofRecord { id: 0, ..record.clone() },
        ProofRecord { id: 10, chain_id: ChainId(u64::MAX), ..record.clone() },
        ProofRecord { message: None, ..record.clone() },
        ProofRecord { message: Some(Vec::new()), ..record.clone() },
        ProofRecord { log: no_message, message: None, ..record.clone() },
        ProofRecord { tx_hash: Some(Hash::new([9; 32])), ..record.clone() },
        ProofRecord {
            batch_number: BatchNumber(42),
            l1_timestamp: Some(Timestamp(1_790_000_000)),
            ..record.clone()
        },
        ProofRecord { checked_by: sources, ..record.clone() },
        to(TargetRecord { timestamp: Some(Timestamp(1_790_000_000)), ..target }),
        to(TargetRecord { kind: TargetKind::SlBatch, ..target }),
        to(TargetRecord::batch_root(record.root)),
        // All words are its own if the first one is none of metadata.
        ProofRecord { proof: record.proof[1..].to_vec(), ..record.clone() },
        ProofRecord { proof: record.proof[..16].to_vec(), ..record },
    ]
}

#[test]
fn every_form_of_a_record_that_is_written_is_read() {
    let records = records();
    let (texts, defaults): (Vec<_>, _) = (records.iter().map(text).collect(), Defaults::default());
    let mut reader = ExactReader::new(&defaults, ProofGroup::default());
    for text in &texts {
        assert!(reader.read(text), "{}", String::from_utf8_lossy(text));
    }
    let mut group = reader.into_group();
    assert_eq!(group.len(), records.len());
    for (at, record) in records.iter().enumerate() {
        assert_eq!(group.record(at), kept(record));
    }
    let messages: Vec<_> =
        records.iter().flat_map(|record| record.message.iter().flatten()).collect();
    assert_eq!(group.messages().iter().collect::<Vec<_>>(), messages);
    let folded = group.folded();
    let is_folded = |at: usize| folded[at].is_some();
    // The log has another message than that of no bytes.
    assert_eq!([0, 3, 4, 6, 8].map(is_folded), [true, true, false, true, true]);
}

#[test]
fn words_that_a_batch_shares_are_kept_once() {
    let at = |l1_timestamp| ProofRecord { l1_timestamp, ..record() };
    let (one, two) = (Some(Timestamp(1)), Some(Timestamp(2)));
    let records = [at(one), at(one), at(two), at(None), at(one)];
    let texts: Vec<_> = records.iter().map(text).collect();
    let defaults = Defaults::default();
    let mut reader = ExactReader::new(&defaults, ProofGroup::default());
    let are_read: Vec<_> = texts.iter().map(|text| reader.read(text)).collect();
    // A timestamp follows the text that records of a batch have in common.
    assert_eq!(are_read, [true, true, false, false, true]);
    let mut group = reader.into_group();
    let own = 1 + usize::from(records[0].proof[0].as_bytes()[1]);
    assert_eq!(group.words().len(), records[0].proof.len() + 2 * own);
    assert!((0..3).all(|at| group.record(at) == kept(&records[0])));

    // Another chain, batch or root shares nothing, though the text of the words is the same.
    let record = record();
    let others = [
        record.clone(),
        ProofRecord { chain_id: ChainId(10), ..record.clone() },
        ProofRecord { chain_id: ChainId(10), batch_number: BatchNumber(42), ..record.clone() },
        ProofRecord { root: Hash::new([7; 32]), ..record.clone() },
    ];
    let texts: Vec<_> = others.iter().map(text).collect();
    let mut reader = ExactReader::new(&defaults, ProofGroup::default());
    assert!(texts.iter().all(|text| reader.read(text)));
    let group = reader.into_group();
    for (at, other) in others.iter().enumerate() {
        assert_eq!(group.record(at), kept(other));
    }
}

#[test]
fn a_record_that_contradicts_itself_has_not_the_exact_form() {
    let record = record();
    let written = String::from_utf8(text(&record)).unwrap();
    let hash = record.log.unwrap().value().to_string();
    let of_hash = format!("\"messageHash\":\"{hash}\"");
    let of_other = format!("\"messageHash\":\"{}\"", Hash::new([1; 32]));
    for (from, to) in [
        ("\"id\":2,", "\"id\":02,"),
        ("\"id\":2,", "\"id\":,"),
        ("\"id\":2,", "\"id\":18446744073709551616,"),
        ("\"kind\":\"block\"", "\"kind\":\"blocks\""),
        ("\"txNumberInBatch\":2", "\"txNumberInBatch\":3"),
        (&of_hash, "\"messageHash\":\"0x11\""),
        (&of_hash, &of_other),
        ("\"message\":\"0x", "\"message\":\"0x1"),
        ("\"message\":\"0x", "\"message\":\"0xg1"),
        ("\"checkedBy\":\"state\"", "\"checkedBy\":\"st\\u0061te\""),
        ("\"checkedBy\":\"state\"", "\"checkedBy\":\"st\u{e4}te\""),
        ("\"checkedBy\":\"state\"}", "\"checkedBy\":\"state\"} "),
    ] {
        assert_eq!(written.matches(from).count(), 1, "{from}");
        let altered = written.replace(from, to);
        let defaults = Defaults::default();
        let mut reader = ExactReader::new(&defaults, ProofGroup::default());
        assert!(!reader.read(altered.as_bytes()), "{to}");
        let mut group = reader.into_group();
        assert_eq!((group.len(), group.words().len(), group.messages().len()), (0, 0, 0), "{to}");
    }
    let sender = record.log.unwrap().message_sender().unwrap();
    let (log, no_sender) = (record.log.unwrap(), Address::system(7));
    assert_ne!(sender, no_sender);
    let altered = written
        .replace(&format!("\"sender\":\"{sender}\""), &format!("\"sender\":\"{no_sender}\""));
    let mut no_message = *log.as_bytes();
    no_message[1] = 0;
    let hash_without_message =
        text(&ProofRecord { log: Some(L2ToL1Log::new(no_message)), message: None, ..record });
    let hash_without_message = String::from_utf8(hash_without_message).unwrap();
    let hash_without_message =
        hash_without_message.replace(",\"checkedBy\"", &format!(",{of_hash},\"checkedBy\""));
    for altered in [altered, hash_without_message] {
        let defaults = Defaults::default();
        assert!(
            !ExactReader::new(&defaults, ProofGroup::default()).read(altered.as_bytes()),
            "{altered}"
        );
    }
}

#[test]
fn given_values_must_be_those_of_the_record() {
    let record = record();
    let written = text(&record);
    let (chain, batch, log) = (record.chain_id, record.batch_number, record.log.unwrap());
    let reads =
        |defaults: Defaults| ExactReader::new(&defaults, ProofGroup::default()).read(&written);
    assert!(reads(Defaults { chain: Some(chain), batch: Some(batch), log: Some(log) }));
    let none = Defaults::default();
    assert!(!reads(Defaults { chain: Some(ChainId(chain.0 + 1)), ..none }));
    assert!(!reads(Defaults { batch: Some(BatchNumber(batch.0 + 1)), ..none }));
    assert!(!reads(Defaults { log: Some(L2ToL1Log::new([1; 88])), ..none }));
}

/// The reader of all forms finds the same in each altered text that has the exact form.
#[test]
fn altered_texts_are_read_as_by_the_reader_of_all_forms() {
    let records = records();
    let (record, timed) = (&records[0], &records[7]);
    let defaults = Defaults::default();
    let reads = |text: &[u8]| ExactReader::new(&defaults, ProofGroup::default()).read(text);
    let mut count = 0;
    for written in [text(record), text(&ProofRecord { tx_hash: Some(Hash::ZERO), ..timed.clone() })]
    {
        let words = written.windows(2).position(|two| two == b"],").unwrap();
        // Each word is read in the same way.
        for at in (0..written.len()).filter(|at| *at < 200 || *at > words - 90 || at % 13 == 0) {
            assert!(!reads(&written[..at]), "{at} bytes");
            for byte in *b"0a\" ," {
                let mut altered = written.clone();
                altered[at] = byte;
                let mut reader = ExactReader::new(&defaults, ProofGroup::default());
                if !reader.read(&altered) {
                    let mut group = reader.into_group();
                    assert_eq!(
                        (group.len(), group.words().len(), group.messages().len()),
                        (0, 0, 0)
                    );
                    continue;
                }
                let found = reader.into_group().record(0);
                let Ok(Item::Proof(expected, _)) = parse(&altered, &defaults) else {
                    panic!("{}", String::from_utf8_lossy(&altered));
                };
                assert_eq!(found, kept(&expected), "{}", String::from_utf8_lossy(&altered));
                count += 1;
            }
        }
    }
    assert!(count > 1000, "{count}");
}

#[test]
fn white_space_between_tokens_is_removed() {
    let compact = |text: &str| Some(String::from_utf8(compacted(text.as_bytes())?).unwrap());
    let pretty = "{\n  \"a\": [\n    \"b c\",\r\n\t1\n  ],\n  \"d\": {}\n}";
    assert_eq!(compact(pretty).unwrap(), "{\"a\":[\"b c\",1],\"d\":{}}");
    for other in ["[1 2]", "[1 ,2]", "{\"a\" :1}", "[\"\\n\"]", "[\"a]", " []", "[\u{b}1]"] {
        assert_ne!(compact(other).as_deref(), Some("[12]"), "{other}");
        let is_same = compact(other).is_some_and(|compact| compact == other);
        assert!(compact(other).is_none() || is_same, "{other}");
    }
}

proptest! {
    /// What is removed changes neither the meaning of a text nor whether it is JSON.
    #[test]
    fn compacted_texts_mean_the_same(text in "[\\[\\]{}:,\"ab12 \n\t\\\\-]{0,24}") {
        if let Some(compact) = compacted(text.as_bytes()) {
            let value = |text: &[u8]| serde_json::from_slice::<Value>(text).ok();
            prop_assert_eq!(value(&compact), value(text.as_bytes()));
        }
    }
}
