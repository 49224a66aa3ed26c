//! States of a few slots, for what no recorded state shows. Slots are those of the contracts' sources.

use super::*;
use crate::{
    contracts::system,
    forest::Addresses,
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
    proof::{Known, RootQuery, verify::RootRef},
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
    let lacking = Lacking::Release { name: "MessageRoot", address: PROXY, stored: None };
    let unknown = Some(Answer::Lacking(lacking));
    for (since_v33, is_timed, expected) in [
        (false, true, unknown),
        (true, true, None),
        (false, false, None),
        (true, false, Some(Answer::Refused(Refusal::OtherRelease { since_v33: true }))),
    ] {
        let objection = known.objection_to_release(since_v33, is_timed);
        assert_eq!(objection, expected, "{since_v33} {is_timed}");
    }
    let of_v33 = Refusal::OtherRelease { since_v33: true }.to_string();
    assert!(of_v33.contains("of v33 or later, but the proof is of a release before v33"));
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

/// A layout that is not known answers nothing, whatever its slots hold under the numbers of a known one.
#[test]
fn a_state_of_an_unknown_layout_answers_nothing() {
    let root = mapping_value(BATCH.0.into(), mapping_value(CHAIN.to_word(), Word::from(12)));
    let all = Slots::default().message_root(PROXY).with(PROXY, root, ROOT);
    let all = all.with(PROXY, Word::from(14), 9);
    let draft = all.clone().with(PROXY, Word::from(15), 9);
    let v31 = all.with(PROXY, Word::from(13), 1);
    let newer = |slot: u64| v31.clone().with(PROXY, slot.into(), 1);
    let addresses = Addresses { message_root: PROXY, ..Addresses::default() };
    let answers = |state: Slots| {
        let known = state.known(addresses);
        let through = (GATEWAY, BATCH.0);
        let mut answers = vec![
            known.of_batch(CHAIN, BATCH).unwrap(),
            known.of_sl_block(GATEWAY.to_word(), 214).unwrap(),
            known.of_sl_batch((CHAIN, BATCH), GATEWAY.to_word(), 1).unwrap(),
            known.objection((CHAIN, BATCH), through, false).unwrap().unwrap(),
        ];
        answers.extend(known.lacking().unwrap().map(Answer::Lacking));
        (known.batch_root(CHAIN, BATCH).unwrap(), answers)
    };
    let (read, accepted) = answers(v31.clone());
    assert_eq!((read, accepted[0].root().unwrap().root), (Some(ROOT), ROOT));
    for state in [newer(15), newer(16), newer(49), draft] {
        let (read, answers) = answers(state);
        assert_eq!((read, answers.len()), (None, 5));
        for answer in answers {
            let Answer::Lacking(lacking @ Lacking::Layout(_)) = answer else {
                panic!("{answer:?}")
            };
            assert_eq!(lacking.code(), "layout-not-supported");
        }
    }
    // Slot 50 is `v31UpgradeChainBatchNumber`.
    assert_eq!(answers(newer(50)).0, Some(ROOT));
}

/// Ids of chains have 256 bits on chain. One beyond 64 bits says nothing about other chains, and shows the release too.
#[test]
fn a_chain_with_a_wide_id_does_not_hide_the_others() {
    let wide = Word::join(1, 5);
    let second = mapping_value(Word::from(1), Word::from(3));
    let with_wide = |state: Slots| state.with(PROXY, Word::from(1), 2).with(PROXY, second, wide);
    let addresses = Addresses { message_root: PROXY, ..Addresses::default() };
    let known = |state: Slots| with_wide(state.message_root(PROXY)).known(addresses);
    let before_v31 = known(Slots::default());
    assert_eq!((before_v31.own_chain(), before_v31.is_v31()), (Some(GATEWAY), false));
    assert!(known(Slots::default().with(PROXY, Word::from(13), 1)).is_v31());
    let of_wide = mapping_value(wide, Word::from(50));
    assert!(known(Slots::default().with(PROXY, of_wide, 9)).is_v31());
}

/// A root that a proof of v33 does not fold to is refused by v31 and by v33.
#[test]
fn a_release_that_is_not_shown_leaves_only_proofs_open_that_fold_to_the_root() {
    let lacking =
        |stored| Answer::Lacking(Lacking::Release { name: "MessageRoot", address: PROXY, stored });
    assert!(matches!(Known::from(lacking(Some(ROOT))), Known::Unclear(ROOT, _)));
    assert!(matches!(Known::from(lacking(None)), Known::Lacking(_)));
}

#[test]
fn a_state_with_a_message_root_is_of_a_settlement_layer() {
    let known = |state: Slots| state.known(Addresses::default());
    assert!(!known(Slots::default()).is_settlement_layer());
    assert!(known(Slots::default().message_root(system::MESSAGE_ROOT)).is_settlement_layer());
}

/// `lastEmitBlock`, and since v33 the word after `historicalRoot` of that block.
#[test]
fn a_timestamp_of_the_newest_root_shows_v33() {
    let addresses = Addresses { message_root: PROXY, ..Addresses::default() };
    let root = mapping_value(Word::from(214), Word::from(9));
    let before = Slots::default().message_root(PROXY).with(PROXY, Word::from(14), 214);
    let before = before.with(PROXY, root, ROOT);
    let since = before.clone().with(PROXY, root.wrapping_add(1), 1_790_000_000);
    for (state, expected) in [(before, false), (since, true)] {
        let known = state.known(addresses);
        let borrowed = &known;
        assert_eq!(BatchRoots::is_since_v33(&known).unwrap(), expected);
        assert_eq!(BatchRoots::is_since_v33(&borrowed).unwrap(), expected);
    }
}

/// A source of roots that knows nothing of v33.
#[test]
fn other_batch_roots_are_of_releases_before_v33() {
    #[derive(Debug)]
    struct NoRoots;
    impl BatchRoots for NoRoots {
        fn batch_root(&self, _: ChainId, _: BatchNumber) -> Result<Option<Hash>, StateError> {
            Ok(None)
        }
    }
    assert!(!NoRoots.is_since_v33().unwrap());
}

/// Bridgehub is of v31 if `chainRegistrationSender` is set.
#[test]
fn the_contract_that_a_state_of_l1_lacks_is_named() {
    let message_root = Address::new([0xbb; 20]);
    let lacking = |state: Slots| {
        let known = state.known(Addresses { bridgehub: PROXY, message_root });
        known.lacking().unwrap()
    };
    assert_eq!(lacking(Slots::default()), Some(Lacking::Bridgehub(PROXY)));
    let bridgehub = Slots::default().with(PROXY, Word::from(208), 1);
    assert_eq!(lacking(bridgehub.clone()), None);
    let of_v31 = bridgehub.with(PROXY, Word::from(220), 1);
    assert_eq!(lacking(of_v31), Some(Lacking::MessageRoot(message_root)));

    let required = |addresses| Slots::default().known(addresses).require_l1();
    let of_a_zksync_chain = required(Addresses::default());
    assert!(matches!(of_a_zksync_chain, Err(NotOfL1::NoBridgehub)));
    let of_l1 = required(Addresses { bridgehub: PROXY, message_root });
    assert!(matches!(of_l1, Err(NotOfL1::Lacking(Lacking::Bridgehub(PROXY)))));
}

/// `historicalRoot` has the roots of the layer's own blocks, not those of another layer.
#[test]
fn blocks_of_another_layer_are_not_those_of_this_one() {
    let root = mapping_value(Word::from(214), Word::from(9));
    let state = Slots::default().message_root(system::MESSAGE_ROOT);
    let known = state.with(system::MESSAGE_ROOT, root, ROOT).known(Addresses::default());
    let of_block = |layer: ChainId| known.of_sl_block(layer.to_word(), 214).unwrap().root();
    assert_eq!(of_block(GATEWAY).map(|known| known.root), Some(ROOT));
    assert_eq!(of_block(CHAIN), None);
}

/// On L1 of v26 to v30 a chain's diamond verifies, since v31 MessageRoot. `zkChainMap` of Bridgehub names the diamond.
#[test]
fn l1_names_the_contract_that_verifies_proofs_of_a_chain() {
    let (diamond, message_root) = (Address::new([0xdd; 20]), Address::new([0xbb; 20]));
    let named = mapping_value(CHAIN.to_word(), Word::from(210));
    let state = Slots::default()
        .with(PROXY, Word::from(208), 1)
        .with(PROXY, named, diamond.to_word())
        .with(diamond, Word::from(40), CHAIN.to_word())
        .with(diamond, Word::from(11), 9);
    let addresses = Addresses { bridgehub: PROXY, message_root };
    let known = state.clone().known(addresses);
    assert_eq!(known.verifier(CHAIN), Ok(Some(diamond)));
    assert_eq!(known.verifier(ChainId(325)), Ok(None));
    assert_eq!(known.batches_executed(CHAIN), Ok(Some(BatchNumber(9))));
    assert_eq!(known.batches_executed(ChainId(325)), Ok(None));
    assert!(known.diamond(CHAIN).unwrap().is_some());
    assert!(known.diamond(ChainId(325)).unwrap().is_none());
    // The diamond is not in the state.
    let absent = Slots::default().with(PROXY, named, diamond.to_word()).known(addresses);
    assert_eq!(absent.batches_executed(CHAIN), Ok(None));

    let upgrade = mapping_value(GATEWAY.to_word(), Word::from(50));
    let of_v31 = state.with(PROXY, Word::from(220), 1).message_root(message_root);
    let known = of_v31.with(message_root, upgrade, 9).known(addresses);
    assert_eq!(known.verifier(CHAIN), Ok(Some(message_root)));
    let of_a_chain = Slots::default().with(system::BRIDGEHUB, Word::from(208), 1).with(
        system::BRIDGEHUB,
        named,
        diamond.to_word(),
    );
    assert_eq!(of_a_chain.known(Addresses::default()).verifier(CHAIN), Ok(None));
}

#[test]
fn a_slot_that_is_not_proven_is_told_from_a_damaged_state() {
    let (contract, slot) = (PROXY, Word::from(1));
    let code = |error: &StateError| state_error_code(error).as_str();
    assert_eq!(code(&StateError::NotProven { contract, slot }), "slot-not-proven");
    let wide = Slots::default().with(PROXY, Word::from(13), Word::join(1, 0));
    let error = crate::contracts::MessageRoot::at(&wide, PROXY).interop_root_log_id().unwrap_err();
    assert_eq!(code(&error), "state-damaged");
}
