//! States of a few slots, for what no recorded state shows. Slots are those of the contracts' sources.

use super::*;
use crate::{
    contracts::system,
    forest::Addresses,
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
    proof::{RootQuery, verify::RootRef},
    state::{ProvenSlots, StateError, sample::Slots, slots::mapping_value},
};

const CHAIN: ChainId = ChainId(324);
const GATEWAY: ChainId = ChainId(506);
const BATCH: BatchNumber = BatchNumber(7);
const ROOT: Hash = Hash::new([5; 32]);
const PROXY: Address = Address::new([0xaa; 20]);

impl Slots {
    /// `interopRoots[chain][number]` of L2InteropRootStorage.
    fn imported(self, chain: ChainId, number: u64, root: Hash) -> Self {
        let of_chain = mapping_value(chain.to_word(), Word::from(0));
        let slot = mapping_value(number.into(), of_chain);
        self.with(system::INTEROP_ROOT_STORAGE, slot, root)
    }

    /// MessageRoot at an address, with one chain: `chainCount` and `chainIndexToId[0]`.
    fn message_root(self, at: Address) -> Self {
        let first = mapping_value(Word::from(0), Word::from(3));
        self.with(at, Word::from(1), 1).with(at, first, GATEWAY.to_word())
    }

    fn known(self, addresses: Addresses) -> KnownRoots<Self> {
        KnownRoots::new(self, addresses).unwrap()
    }
}

#[test]
fn l1_reads_no_imported_roots() {
    let state = Slots::default().imported(CHAIN, BATCH.0, ROOT).imported(GATEWAY, 214, ROOT);
    let answers = |addresses| {
        let known = state.clone().known(addresses);
        let of_batch = known.of_batch(CHAIN, BATCH).unwrap().root();
        let of_block = known.of_sl_block(GATEWAY.to_word(), 214).unwrap().root();
        [of_batch, of_block].map(|known| known.map(|known| known.root))
    };
    assert_eq!(answers(Addresses::default()), [Some(ROOT); 2]);
    // L1's contracts are proxies; one address shows it.
    let bridgehub = Addresses { bridgehub: PROXY, ..Addresses::default() };
    let message_root = Addresses { message_root: PROXY, ..Addresses::default() };
    assert_eq!(answers(bridgehub), [None; 2]);
    assert_eq!(answers(message_root), [None; 2]);
}

/// Three reasons why Bridgehub names no diamond for a chain.
#[test]
fn a_chain_without_a_diamond_is_unknown_unless_bridgehub_is_missing() {
    let answer = |state: Slots| state.known(Addresses::default()).of_batch(CHAIN, BATCH).unwrap();
    let lacking = Answer::Lacking(Lacking::Bridgehub(system::BRIDGEHUB));
    assert_eq!(answer(Slots::default()), lacking);
    let other = Slots::default().with(PROXY, Word::from(208), 1);
    assert_eq!(answer(other), lacking);
    // `zkChainMap` of Bridgehub has a chain, but not this one.
    let bridgehub = Slots::default().with(system::BRIDGEHUB, Word::from(208), 1);
    assert_eq!(answer(bridgehub), Answer::NotStored);
    // A listening chain: it imported other roots.
    let listening = Slots::default().imported(GATEWAY, 214, ROOT);
    assert_eq!(answer(listening), Answer::NotStored);
}

/// After an upgrade in place, one of two variables shows that MessageRoot is of v31.
#[test]
fn either_batch_number_of_a_chain_shows_v31() {
    let state = Slots::default().message_root(PROXY);
    let addresses = Addresses { message_root: PROXY, ..Addresses::default() };
    let batch_zero = |state: Slots| state.known(addresses).of_batch(CHAIN, BatchNumber(0)).unwrap();
    let refused = Answer::Refused(Refusal::BatchZero(CHAIN));
    assert_ne!(batch_zero(state.clone()), refused);
    // `currentChainBatchNumber` and `v31UpgradeChainBatchNumber`.
    for variable in [11, 50] {
        let slot = mapping_value(GATEWAY.to_word(), Word::from(variable));
        assert_eq!(batch_zero(state.clone().with(PROXY, slot, 9)), refused, "slot {variable}");
    }
}

/// A state that shows no timestamp may be of v33, which has stored no root yet.
#[test]
fn words_need_a_release_that_the_state_shows() {
    let addresses = Addresses { message_root: PROXY, ..Addresses::default() };
    // `interopRootLogId` is of v31.
    let known =
        Slots::default().message_root(PROXY).with(PROXY, Word::from(13), 1).known(addresses);
    let unknown = Some(Answer::Lacking(Lacking::Release(PROXY)));
    for (since_v33, is_timed, expected) in [
        (false, true, unknown),
        (true, true, None),
        (false, false, None),
        (true, false, Some(Answer::Refused(Refusal::OtherRelease { since_v33: true }))),
    ] {
        let objection = known.objection_to_release(since_v33, is_timed);
        assert_eq!(objection, expected, "{since_v33} {is_timed}");
    }
}

/// A proof with the words of v31 leads to a root that a chain imported before its upgrade to v33, and is refused since. Only
/// timestamps show the upgrade, so no proof is judged where they are not proven.
#[test]
fn an_imported_root_needs_timestamps_that_the_state_shows() {
    let storage = system::INTEROP_ROOT_STORAGE;
    let of_chain = mapping_value(GATEWAY.to_word(), Word::from(0));
    let root = mapping_value(Word::from(214), of_chain);
    let (timestamp, latest) =
        (root.wrapping_add(1), mapping_value(GATEWAY.to_word(), Word::from(1)));
    let answer = |proven: &[(Word, u64)]| {
        let mut slots = ProvenSlots::default();
        [system::BRIDGEHUB, system::MESSAGE_ROOT].into_iter().for_each(|at| slots.insert_empty(at));
        slots.insert(storage, root, ROOT.into());
        for (slot, value) in proven {
            slots.insert(storage, *slot, Word::from(*value));
        }
        let known = KnownRoots::new(slots, Addresses::default()).unwrap();
        let query =
            RootQuery { chain: CHAIN, batch: BATCH, proof: &[], target: None, l1_timestamp: None };
        known.of_record(query, &RootRef::SettlementLayer(GATEWAY.to_word(), 214))
    };
    let not_proven = |slot| Err(StateError::NotProven { contract: storage, slot });
    assert_eq!(answer(&[]), not_proven(timestamp));
    assert_eq!(answer(&[(timestamp, 0)]), not_proven(latest));
    assert_eq!(answer(&[(latest, 0)]), not_proven(timestamp));
    assert!(matches!(answer(&[(timestamp, 0), (latest, 0)]), Ok(Answer::Root(_))));
    let refused = Ok(Answer::Refused(Refusal::OtherRelease { since_v33: true }));
    assert_eq!(answer(&[(timestamp, 0), (latest, 9)]), refused);
    assert_eq!(answer(&[(timestamp, 9)]), refused);
}

#[test]
fn a_state_with_a_message_root_is_of_a_settlement_layer() {
    let known = |state: Slots| state.known(Addresses::default());
    assert!(!known(Slots::default()).is_settlement_layer());
    assert!(known(Slots::default().message_root(system::MESSAGE_ROOT)).is_settlement_layer());
}
