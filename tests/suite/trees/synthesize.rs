//! The synthesized settlement layer, against the storage that the real contracts wrote.

use std::collections::HashMap;

use crate::support::{
    self,
    layer::{Layer, MESSAGE_ROOT},
};
use serde_json::Value;
use slproof::{
    contracts::Layout,
    ingest::state::read_state,
    keccak::keccak256,
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
    state::{StorageReader, slots::mapping_value},
};

/// Applies the events of a history to a synthesized layer.
fn play(folder: &str, layout: Layout) -> Layer {
    let number = |event: &Value, field: &str| event[field].as_u64().unwrap();
    let events = support::json_lines(&format!("{folder}/events.jsonl.gz"));
    let mut layer = Layer::new(layout, ChainId(number(&events[0], "chainId")));
    let mut indices = HashMap::new();
    for event in &events[1..] {
        layer.set_block(number(event, "blockNumber"));
        match event["event"].as_str().unwrap() {
            "AddedChain" => {
                let chain = ChainId(number(event, "chainId"));
                indices.insert(chain, number(event, "chainIndex") as usize);
                layer.add_chain(chain);
            }
            "AppendedChainBatchRoot" => {
                let root: Hash = event["chainBatchRoot"].as_str().unwrap().parse().unwrap();
                let index = indices[&ChainId(number(event, "chainId"))];
                layer.append(index, BatchNumber(number(event, "batchNumber")), root);
            }
            // Emitted with every batch and by `updateFullTree()`. Storing the same root again changes
            // nothing.
            "NewInteropRoot" => layer.update_full_tree(),
            "NewChainRoot" => {}
            other => panic!("{other}"),
        }
    }
    layer
}

#[test]
fn the_same_history_gives_the_contracts_storage() {
    for (folder, layout) in [("gateway-v29", Layout::V29), ("gateway-v31", Layout::V31)] {
        let path = support::fixture(&format!("{folder}/state.anvil.json"));
        let dump = read_state(&path, None).unwrap();
        let storage = play(folder, layout).storage();
        let mut compared = 0;
        let mut same = |contract: Address, slot: Word, value: Word| {
            assert_eq!(dump.state.read(contract, slot), Ok(value), "{folder} {contract} {slot}");
            compared += u64::from(!value.is_zero());
        };
        let counter = Word::from(13);
        for ((contract, slot), value) in &storage {
            // The log counter (slot 13) is not compared: the real chain counts more logs than those of roots.
            if *contract == MESSAGE_ROOT && *slot != counter {
                same(*contract, *slot, *value);
            }
        }
        // Slots that the rules omit are not part of the trees: variables of the proxy, the lock of v31's
        // ReentrancyGuard, and the first batch number of a chain that has executed no batch.
        let mut lock = *keccak256(b"ReentrancyGuard").as_bytes();
        lock[31] -= 1;
        let arrived = mapping_value(ChainId(2741).to_word(), 11.into());
        let others = (0..64).map(Word::from).chain([Word::new(lock), arrived]);
        let others = others
            .filter(|slot| *slot == counter || !storage.contains_key(&(MESSAGE_ROOT, *slot)))
            .filter(|slot| !dump.state.read(MESSAGE_ROOT, *slot).unwrap().is_zero())
            .count() as u64;
        assert_eq!(Some(compared + others), dump.state.slot_count(MESSAGE_ROOT), "{folder}");
    }
}
