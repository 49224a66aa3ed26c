//! The pubdata of the batches, against what the node's code wrote.

use slproof::{
    ingest::logs::{Change, EraPubdata},
    primitives::{Hash, Word},
    state::keys::era_key,
};

use crate::support;

/// The test data of zksync-era for a batch with 149 state diffs: the slots, their values before and after, and the
/// bytes that the node published.
#[test]
fn the_state_diffs_of_the_node_are_read() {
    let example = support::json("l1/state_diffs.json.zst");
    let diffs = const_hex::decode(example["compressed"].as_str().unwrap()).unwrap();
    assert_eq!(diffs.len(), 7006);
    // No logs, messages and bytecodes are before them, and a part of a blob behind them.
    let pubdata = [&[0; 12][..], &diffs, &[0; 100]].concat();
    let (read, len) = EraPubdata::read(&pubdata).unwrap();
    assert_eq!((len, read.logs.len(), read.messages.view().len()), (12 + 7006, 0, 0));
    let (mut initial, mut repeated) = (read.diffs.initial.iter(), read.diffs.repeated.iter());
    for slot in example["stateDiffs"].as_array().unwrap() {
        let word = |name: &str| -> Word { Word::from_hex(slot[name].as_str().unwrap()).unwrap() };
        let [before, after] = ["initial_value", "final_value"].map(word);
        match slot["enumeration_index"].as_u64().unwrap() {
            0 => {
                let key: Hash =
                    era_key(slot["address"].as_str().unwrap().parse().unwrap(), word("key"));
                assert_eq!(initial.next(), Some(&(key, after)));
            }
            index => {
                let (read, change) = repeated.next().unwrap();
                assert_eq!((*read, change.value(Some(before))), (index, Some(after)));
                assert_eq!(change.value(None).is_some(), matches!(change, Change::Set(_)));
            }
        }
    }
    assert_eq!((initial.next(), repeated.next()), (None, None));
}
