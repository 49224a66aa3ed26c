//! States of a few slots, at the slots that solc prints for the contracts' sources.

use super::*;
use crate::{
    keccak::keccak256,
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp},
    state::sample::Slots,
};

const AT: Address = Address::new([0xaa; 20]);
const OTHER: Address = Address::new([0xbb; 20]);
const CHAIN: ChainId = ChainId(324);
const BATCH: BatchNumber = BatchNumber(7);

/// The slot of a value in nested mappings: the outermost key comes first.
fn mapped(slot: u64, keys: &[Word]) -> Word {
    keys.iter().fold(Word::from(slot), |slot, key| {
        Word::from(keccak256(&[*key.as_bytes(), *slot.as_bytes()].concat()))
    })
}

fn with(slot: impl Into<Word>, value: impl Into<Word>) -> Slots {
    Slots::default().with(AT, slot.into(), value)
}

#[test]
fn l1_nullifier_has_its_variables_at_their_slots() {
    let empty = Slots::default();
    let nullifier = L1Nullifier::at(&empty, AT);
    assert_eq!(nullifier.is_set_up(), Ok(false));
    assert_eq!(nullifier.is_paused(), Ok(false));
    assert_eq!(nullifier.has_interop_handler(), Ok(false));
    assert_eq!(nullifier.has_last_legacy_deposit(), Ok(false));
    assert_eq!(nullifier.are_finalized(CHAIN, BATCH, [0, 1]), Ok(vec![false, false]));
    assert_eq!(nullifier.deposit(CHAIN, Hash::new([9; 32])), Ok(Hash::ZERO));
    assert_eq!(nullifier.old_bridge(CHAIN), Ok(None));
    assert_eq!(nullifier.legacy_bridge(), Ok(None));
    assert_eq!(nullifier.native_token_vault(), Ok(None));

    assert_eq!(L1Nullifier::at(&with(213, 1), AT).is_set_up(), Ok(true));
    assert_eq!(L1Nullifier::at(&with(214, 1), AT).is_set_up(), Ok(true));
    assert_eq!(L1Nullifier::at(&with(212, 1), AT).is_set_up(), Ok(false));
    assert_eq!(L1Nullifier::at(&with(151, 1), AT).is_paused(), Ok(true));
    assert_eq!(L1Nullifier::at(&with(215, 1), AT).has_interop_handler(), Ok(true));
    assert_eq!(L1Nullifier::at(&with(203, 1), AT).has_last_legacy_deposit(), Ok(true));
    let address = OTHER.to_word();
    assert_eq!(L1Nullifier::at(&with(205, address), AT).legacy_bridge(), Ok(Some(OTHER)));
    assert_eq!(L1Nullifier::at(&with(214, address), AT).native_token_vault(), Ok(Some(OTHER)));
    let state = with(mapped(206, &[CHAIN.to_word()]), address);
    assert_eq!(L1Nullifier::at(&state, AT).old_bridge(CHAIN), Ok(Some(OTHER)));
    assert_eq!(L1Nullifier::at(&state, AT).old_bridge(ChainId(325)), Ok(None));
    let (l2_tx, deposit) = (Hash::new([9; 32]), Hash::new([8; 32]));
    let state = with(mapped(207, &[CHAIN.to_word(), l2_tx.into()]), deposit);
    assert_eq!(L1Nullifier::at(&state, AT).deposit(CHAIN, l2_tx), Ok(deposit));
    let state = with(mapped(208, &[CHAIN.to_word(), BATCH.to_word(), Word::from(2)]), 1);
    let finalized = L1Nullifier::at(&state, AT).are_finalized(CHAIN, BATCH, [1, 2, 3]);
    assert_eq!(finalized, Ok(vec![false, true, false]));
    let state = with(201, 5).with(AT, Word::from(202), 6);
    let first = L1Nullifier::at(&state, AT).first_batches().unwrap();
    assert_eq!((first.after_diamond, first.after_legacy_bridge), (Word::from(5), Word::from(6)));
}

#[test]
fn old_bridges_have_flags_of_their_own() {
    let empty = Slots::default();
    assert_eq!(ZkChain::at(&empty, AT).is_eth_withdrawal_finalized(BATCH, 2), Ok(false));
    assert_eq!(L1Erc20Bridge::at(&empty, AT).is_finalized(BATCH, 2), Ok(false));
    assert_eq!(ZkChain::at(&empty, AT).settles_elsewhere(), Ok(false));
    let keys = [BATCH.to_word(), Word::from(2)];
    let state = with(mapped(29, &keys), 1);
    assert_eq!(ZkChain::at(&state, AT).is_eth_withdrawal_finalized(BATCH, 2), Ok(true));
    assert_eq!(ZkChain::at(&state, AT).is_eth_withdrawal_finalized(BATCH, 3), Ok(false));
    let state = with(mapped(0, &keys), 1);
    assert_eq!(L1Erc20Bridge::at(&state, AT).is_finalized(BATCH, 2), Ok(true));
    assert_eq!(L1Erc20Bridge::at(&state, AT).is_finalized(BATCH, 3), Ok(false));
    assert_eq!(ZkChain::at(&with(50, OTHER.to_word()), AT).settles_elsewhere(), Ok(true));
}

#[test]
fn bridgehub_and_the_vault_name_layers_and_tokens() {
    let (asset, key) = (Hash::new([4; 32]), CHAIN.to_word());
    let empty = Slots::default();
    assert_eq!(Bridgehub::at(&empty, AT).settlement_layer(CHAIN), Ok(None));
    assert_eq!(Bridgehub::at(&empty, AT).base_token_asset_id(CHAIN), Ok(Hash::ZERO));
    let state = with(mapped(212, &[key]), asset);
    assert_eq!(Bridgehub::at(&state, AT).base_token_asset_id(CHAIN), Ok(asset));
    let state = with(mapped(216, &[key]), 506);
    assert_eq!(Bridgehub::at(&state, AT).settlement_layer(CHAIN), Ok(Some(ChainId(506))));
    let state = with(mapped(216, &[key]), Word::join(1, 0));
    assert_eq!(Bridgehub::at(&state, AT).settlement_layer(CHAIN), Ok(None));

    let vault = NativeTokenVault::at(&empty, AT);
    assert_eq!(vault.origin_chain(asset), Ok(None));
    assert_eq!(vault.token(asset), Ok(None));
    assert_eq!(vault.asset_id(OTHER), Ok(None));
    let state = with(mapped(201, &[asset.into()]), 1)
        .with(AT, mapped(202, &[asset.into()]), OTHER.to_word())
        .with(AT, mapped(203, &[OTHER.to_word()]), asset);
    let vault = NativeTokenVault::at(&state, AT);
    assert_eq!(vault.origin_chain(asset), Ok(Some(ChainId(1))));
    assert_eq!(vault.token(asset), Ok(Some(OTHER)));
    assert_eq!(vault.asset_id(OTHER), Ok(Some(asset)));
}

/// `isValidSettlementLayer`: the intervals from number 0 to `migrationNumber`, each of six words.
#[test]
fn the_intervals_of_a_chain_say_where_a_batch_was_settled() {
    let interval = |state: Slots, index: u64, words: [u64; 6]| {
        let start = mapped(252, &[CHAIN.to_word(), Word::from(index)]);
        (0..)
            .zip(words)
            .fold(state, |state, (field, word)| state.with(AT, start.wrapping_add(field), word))
    };
    let settled = |state: &Slots, batch: u64| {
        L1ChainAssetHandler::at(state, AT).settled_on(CHAIN, BatchNumber(batch)).unwrap()
    };
    let layer = |chain: u64, first: u64, last: Option<u64>| SettledOn::Layer {
        chain: chain.into(),
        first: first.into(),
        last: last.map(Word::from),
    };
    assert_eq!(settled(&Slots::default(), 1), SettledOn::L1);
    // The interval before v31 is closed, the first one is not in use, and the second one is active.
    let migrated = with(mapped(207, &[CHAIN.to_word()]), 2);
    let state = interval(migrated, 0, [10, 20, 100, 200, 506, 0]);
    let state = interval(state, 2, [30, 0, 300, 0, 507, 1]);
    for (batch, expected) in [
        (10, SettledOn::L1),
        (11, layer(506, 100, Some(200))),
        (20, layer(506, 100, Some(200))),
        (21, SettledOn::L1),
        (30, SettledOn::L1),
        (31, layer(507, 300, None)),
    ] {
        assert_eq!(settled(&state, batch), expected, "batch {batch}");
    }
    let closed = interval(Slots::default(), 0, [10, 20, 100, 200, 506, 0]);
    assert_eq!(settled(&closed, 21), SettledOn::L1);
    let often = with(mapped(207, &[CHAIN.to_word()]), 3);
    assert_eq!(settled(&often, 1), SettledOn::TooManyMigrations);
}

#[test]
fn message_root_of_v33_has_timestamps() {
    let blocks = [214, 215].map(SlBlock);
    let (empty, second) = (Slots::default(), mapped(9, &[Word::from(215)]).wrapping_add(1));
    let none = vec![Timestamp(0); 2];
    assert_eq!(MessageRoot::at(&empty, AT).root_timestamps(&blocks), Ok(none));
    assert_eq!(MessageRoot::at(&empty, AT).interop_root_log_id(), Ok(0));
    let state = with(second, 1_790_000_000).with(AT, Word::from(13), 5);
    let times = vec![Timestamp(0), Timestamp(1_790_000_000)];
    assert_eq!(MessageRoot::at(&state, AT).root_timestamps(&blocks), Ok(times));
    assert_eq!(MessageRoot::at(&state, AT).interop_root_log_id(), Ok(5));

    let layout = |state: Slots| MessageRoot::at(&state, AT).foreign_layout().unwrap();
    let newer = Some(ForeignLayout::Newer { slot: 15 });
    assert_eq!(layout(Slots::default()), None);
    assert_eq!(layout(with(13, 1).with(AT, Word::from(14), 1)), None);
    assert_eq!(layout(with(14, 1).with(AT, Word::from(15), 1)), Some(ForeignLayout::DraftOfV33));
    assert_eq!(layout(with(15, 1)), newer);
    assert_eq!(layout(with(13, 1).with(AT, Word::from(14), 1).with(AT, Word::from(15), 1)), newer);
    assert_eq!(layout(with(13, 1).with(AT, Word::from(15), 1)), newer);
}

/// The topics that nodes return for the events of both releases.
#[test]
fn events_of_both_releases_are_told_by_their_topics() {
    let topic = |text: &str| -> Word { text.parse::<Hash>().unwrap().into() };
    let appended = [
        topic("0x4f7fd9ed016150a623d5a2cf43053fe313a56293a77e060a05db49ed22579520"),
        topic("0x56aac19c3642451d73371dc458d94c3f9d432b0749206e140b98ebacbfcb070d"),
    ];
    let stored = [
        topic("0x94a4617be5e5655b97e5cf28ad2038cdc6ae3325b7940f0da8418aac8516a11f"),
        topic("0xd9224b103e56a078ddcef402bc2876021fa5985c7532b2ef9189966a7f69ec38"),
    ];
    let signatures = EventKind::signatures();
    for topic in appended.iter().chain(&stored) {
        assert!(signatures.contains(&topic.to_hash()), "{topic}");
    }
    let (root, time) = (Hash::new([5; 32]), Timestamp(1_790_000_000));
    let bytes = |words: &[Word]| words.iter().flat_map(|word| *word.as_bytes()).collect::<Vec<_>>();
    let decoded = |topics: &[Word], words: &[Word]| {
        EventKind::decode(topics, Some(&bytes(words))).unwrap().unwrap()
    };
    let place = [CHAIN.to_word(), BATCH.to_word()];
    let of_batch = |timestamp| EventKind::AppendedBatch(CHAIN, BATCH, Some(root), timestamp);
    let event = decoded(&[appended[0], place[0], place[1]], &[root.into()]);
    assert_eq!(event, of_batch(None));
    let event = decoded(&[appended[1], place[0], place[1]], &[root.into(), time.to_word()]);
    assert_eq!(event, of_batch(Some(time)));
    let text = event.to_string();
    assert_eq!(text, format!("AppendedChainBatchRoot of batch 7 of chain 324 with root {root}"));

    let (layer, block, log_id) = (ChainId(506), SlBlock(214), 3);
    let topics = |signature| [signature, layer.to_word(), block.to_word(), Word::from(log_id)];
    let sides = [Word::from(32), Word::from(1), root.into()];
    let of_block = |timestamp| {
        let data = NewInteropRootData { sl_chain: layer, block, log_id, root, timestamp };
        EventKind::NewInteropRoot(Some(data))
    };
    assert_eq!(decoded(&topics(stored[0]), &sides), of_block(None));
    let timed = [time.to_word(), Word::from(64), Word::from(1), root.into()];
    assert_eq!(decoded(&topics(stored[1]), &timed), of_block(Some(time)));
    assert_eq!(EventKind::decode(&topics(appended[0]), None), Ok(None));
}

/// The first slots of a dynamic array are at the hash of its own slot.
#[test]
fn nodes_and_sides_are_in_arrays() {
    let array = |slot: Word| -> Word { keccak256(slot.as_bytes()).into() };
    let level = array(Word::from(6)).wrapping_add(2);
    let node = array(level).wrapping_add(5);
    assert_eq!(MessageRoot::<Slots>::shared_node_slot(2, 5), node);
    let sides = array(mapped(8, &[CHAIN.to_word()]).wrapping_add(1));
    assert_eq!(MessageRoot::<Slots>::side_slot(CHAIN, 3), sides.wrapping_add(3));
}

#[test]
fn names_are_those_that_are_parsed() {
    for name in ["v26", "v28", "v29", "v31", "atomic-interop"] {
        let release: Release = name.parse().unwrap();
        assert_eq!(release.to_string(), name);
    }
    assert_eq!(Network::ALL.map(Network::name), ["mainnet", "testnet"]);
}

#[test]
fn events_of_other_contracts_are_passed_over() {
    let topics = [Word::from(keccak256(b"Other(uint256)")), 1.into(), 2.into(), 3.into()];
    for count in 0..=topics.len() {
        for data in [None, Some(&[0; 64][..]), Some(&[0; 128])] {
            assert_eq!(EventKind::decode(&topics[..count], data), Ok(None));
        }
    }
}

/// Chains are registered in the order of their indices. The contract registers the settlement layer itself at index 0 in
/// its initializer, in some releases without an event.
#[test]
fn only_the_first_registration_follows_no_other_event() {
    let is_first = |index| EventKind::AddedChain(CHAIN, index).is_first_registration();
    assert_eq!([0, 1, 2, 3].map(is_first), [true, true, false, false]);
    assert!(!EventKind::NewChainRoot(CHAIN, None).is_first_registration());
}
