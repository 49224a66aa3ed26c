//! Which contract L1 expects which call at, by the sources of `L1Nullifier` and `Mailbox`.

use std::collections::BTreeMap;

use super::{super::ChainContracts, *};
use crate::{
    primitives::{BatchNumber, ChainId, Hash},
    proof::{TargetRecord, calldata::L1Contracts},
};

const TO: Address = Address::system(0xabcdef);
const NULLIFIER: Address = Address::system(0x1111);
const VERIFIER: Address = Address::system(0x2222);
const OLD_BRIDGE: Address = Address::system(0x3333);
const SOMEBODY: Address = Address::system(0x4444);
const CHAIN: ChainId = ChainId(324);

const BATCH_ROOT: TargetRecord = TargetRecord {
    kind: TargetKind::BatchRoot,
    sl_chain_id: None,
    number: None,
    root: Hash::ZERO,
    timestamp: None,
};
const BLOCK: TargetRecord = TargetRecord {
    kind: TargetKind::Block,
    sl_chain_id: Some(ChainId(506)),
    number: Some(7),
    root: Hash::ZERO,
    timestamp: None,
};

/// L1 with the contracts of one chain, whose old bridge is known if it is given.
fn l1(old_bridge: Option<Address>) -> L1Contracts {
    let contracts = ChainContracts { verifier: Some(VERIFIER), old_bridge };
    let chains = BTreeMap::from([(CHAIN, contracts)]);
    L1Contracts { nullifier: Some(NULLIFIER), are_since_v33: false, chains }
}

fn since_v33(l1: L1Contracts) -> L1Contracts {
    L1Contracts { are_since_v33: true, ..l1 }
}

/// The call and the contract for a log with its message.
fn chosen(
    options: &CallOptions,
    log: &L2ToL1Log,
    message: Option<&[u8]>,
    target: &TargetRecord,
) -> Result<(Call, Address), CallError> {
    let proof = ProofView {
        chain: CHAIN,
        batch: BatchNumber(7),
        id: 3,
        root: Hash::ZERO,
        head: &[Hash::ZERO],
        tail: &[],
        target,
        l1_timestamp: None,
        sl_block: None,
        log,
        message,
        transaction: None,
        checked_by: None,
    };
    let record = options.encode(&proof)?;
    let is_leaf = record.call == Call::Leaf;
    assert_eq!(record.log, is_leaf.then_some(*log));
    let sender = match record.call {
        Call::Log => log.sender(),
        _ => log.message_sender().unwrap(),
    };
    let sender = format!("{:0>64}", &sender.to_string()[2..]);
    assert_eq!(record.data.contains(&sender), !is_leaf);
    Ok((record.call, record.to))
}

/// The call that is chosen by the sender of a message against the root of a batch.
fn by_sender(
    l1: &L1Contracts,
    sender: Address,
    message: &[u8],
) -> Result<(Call, Address), CallError> {
    let options = CallOptions { call: CallChoice::BySender, to: None, l1: l1.clone() };
    let log = L2ToL1Log::of_message(5, sender, message);
    chosen(&options, &log, Some(message), &BATCH_ROOT)
}

/// Messages in the three layouts that L1Nullifier takes, with the published selectors.
fn layouts() -> [Vec<u8>; 3] {
    let message = |selector: [u8; 4], len| {
        let mut message = selector.to_vec();
        message.resize(len, 0);
        message
    };
    [
        message([0x6c, 0x09, 0x60, 0xf9], 56),
        message([0x11, 0xa2, 0xcc, 0xc1], 76),
        message([0x9c, 0x88, 0x4f, 0xd1], 68),
    ]
}

#[test]
fn options_are_refused_that_no_proof_against_the_target_can_have() {
    let (none, known) = (L1Contracts::default(), l1(None));
    let only_nullifier = L1Contracts { nullifier: Some(NULLIFIER), ..L1Contracts::default() };
    let only_chains = L1Contracts { nullifier: None, ..l1(None) };
    let finalize = CallChoice::Only(Call::FinalizeDeposit);
    let (by_log, by_sender, log) =
        (CallChoice::ByLog, CallChoice::BySender, CallChoice::Only(Call::Log));
    let (block, batch) = (TargetKind::Block, TargetKind::BatchRoot);
    let cases = [
        (by_sender, Some(TO), &known, batch, Err(CallError::OneContract)),
        (by_sender, Some(TO), &known, block, Err(CallError::OneContract)),
        (by_sender, None, &known, block, Err(CallError::NotOnL1)),
        (by_sender, None, &known, batch, Ok(())),
        (by_sender, None, &known, TargetKind::SlBatch, Ok(())),
        (by_sender, None, &only_chains, batch, Err(CallError::NoAddress)),
        (by_sender, None, &since_v33(only_chains.clone()), batch, Ok(())),
        (by_sender, None, &since_v33(known.clone()), block, Err(CallError::NotOnL1)),
        (finalize, Some(TO), &known, block, Err(CallError::NotOnL1)),
        (finalize, Some(TO), &none, batch, Ok(())),
        (finalize, None, &only_nullifier, batch, Ok(())),
        (finalize, None, &only_chains, batch, Err(CallError::NoAddress)),
        (finalize, Some(TO), &since_v33(known.clone()), batch, Err(CallError::NoFinalizeDeposit)),
        (finalize, None, &since_v33(known.clone()), block, Err(CallError::NotOnL1)),
        (by_log, None, &none, block, Ok(())),
        (by_log, Some(TO), &none, batch, Ok(())),
        (by_log, None, &only_chains, batch, Ok(())),
        (by_log, None, &only_nullifier, batch, Err(CallError::NoAddress)),
        (log, None, &none, block, Ok(())),
        (log, Some(TO), &none, batch, Ok(())),
        (log, None, &only_chains, TargetKind::SlBatch, Ok(())),
        (log, None, &none, batch, Err(CallError::NoAddress)),
    ];
    for (call, to, l1, target, expected) in cases {
        let options = CallOptions { call, to, l1: l1.clone() };
        assert_eq!(options.check(target), expected, "{options:?} {target:?}");
    }
}

#[test]
fn l1_nullifier_gets_the_withdrawals_that_it_pays_and_the_verifier_all_others() {
    let [base_token, legacy, routed] = &layouts();
    let (paid, proven) = (Ok((Call::FinalizeDeposit, NULLIFIER)), Ok((Call::Message, VERIFIER)));
    let unknown = |sender| Err(CallError::UnknownBridge { id: 3, sender });
    let (old, other) = (l1(Some(OLD_BRIDGE)), l1(None));
    for (l1, sender, message, expected) in [
        (&old, BASE_TOKEN, base_token, paid.clone()),
        (&other, BASE_TOKEN, base_token, paid.clone()),
        (&old, ASSET_ROUTER, routed, paid.clone()),
        (&other, ASSET_ROUTER, legacy, paid.clone()),
        (&old, OLD_BRIDGE, legacy, paid.clone()),
        (&old, OLD_BRIDGE, routed, paid.clone()),
        // Only L2BaseToken withdraws a base token, and nothing else.
        (&other, ASSET_ROUTER, base_token, proven.clone()),
        (&old, OLD_BRIDGE, base_token, proven.clone()),
        (&other, SOMEBODY, base_token, proven.clone()),
        (&other, BASE_TOKEN, legacy, proven.clone()),
        (&old, BASE_TOKEN, routed, proven.clone()),
        // Somebody else sent the bytes of a withdrawal, unless this is the bridge that is not known.
        (&old, SOMEBODY, legacy, proven.clone()),
        (&other, SOMEBODY, legacy, unknown(SOMEBODY)),
        (&L1Contracts { chains: BTreeMap::new(), ..l1(None) }, SOMEBODY, routed, unknown(SOMEBODY)),
        // Other bytes.
        (&old, BASE_TOKEN, &b"hello".to_vec(), proven.clone()),
        (&other, SOMEBODY, &b"hello".to_vec(), proven.clone()),
        // Since v33 there is no call for withdrawals.
        (&since_v33(old.clone()), BASE_TOKEN, base_token, Err(CallError::NoFinalizeDeposit)),
        (&since_v33(old.clone()), SOMEBODY, base_token, proven.clone()),
    ] {
        assert_eq!(by_sender(l1, sender, message), expected, "{sender} {message:?} {l1:?}");
    }
}

#[test]
fn a_withdrawal_without_its_bytes_is_not_told_from_others() {
    let call = Call::FinalizeDeposit;
    let no_bytes = Err(CallError::NoBytes { call, id: 3 });
    let proven = Ok((Call::Log, VERIFIER));
    let options = |l1| CallOptions { call: CallChoice::BySender, to: None, l1 };
    let of = |l1, sender| {
        let log = L2ToL1Log::of_message(5, sender, b"hello");
        chosen(&options(l1), &log, None, &BATCH_ROOT)
    };
    assert_eq!(of(l1(Some(OLD_BRIDGE)), BASE_TOKEN), no_bytes);
    assert_eq!(of(l1(Some(OLD_BRIDGE)), ASSET_ROUTER), no_bytes);
    assert_eq!(of(l1(Some(OLD_BRIDGE)), OLD_BRIDGE), no_bytes);
    assert_eq!(of(l1(None), SOMEBODY), no_bytes);
    assert_eq!(of(l1(Some(OLD_BRIDGE)), SOMEBODY), proven);
    // A log that is of no message is of no withdrawal.
    let plain = L2ToL1Log::new([1; 88]);
    assert_eq!(chosen(&options(l1(None)), &plain, None, &BATCH_ROOT), proven);
    assert_eq!(chosen(&options(l1(None)), &plain, Some(b"x"), &BATCH_ROOT), proven);
}

#[test]
fn a_call_that_is_given_goes_to_the_contract_that_has_it() {
    let [base_token, ..] = &layouts();
    let of = |call, to, l1: L1Contracts, sender, target: &TargetRecord| {
        let options = CallOptions { call: CallChoice::Only(call), to, l1 };
        let log = L2ToL1Log::of_message(5, sender, base_token);
        chosen(&options, &log, Some(base_token), target)
    };
    let finalize = Call::FinalizeDeposit;
    let known = || l1(Some(OLD_BRIDGE));
    assert_eq!(of(finalize, None, known(), BASE_TOKEN, &BATCH_ROOT), Ok((finalize, NULLIFIER)));
    assert_eq!(of(finalize, Some(TO), known(), BASE_TOKEN, &BATCH_ROOT), Ok((finalize, TO)));
    assert_eq!(of(finalize, Some(TO), known(), BASE_TOKEN, &BLOCK), Err(CallError::NotOnL1));
    let refused = Err(CallError::NoWithdrawal { id: 3 });
    assert_eq!(of(finalize, None, known(), SOMEBODY, &BATCH_ROOT), refused);
    let gone = Err(CallError::NoFinalizeDeposit);
    assert_eq!(of(finalize, Some(TO), since_v33(known()), BASE_TOKEN, &BATCH_ROOT), gone);
    let no_nullifier = L1Contracts { nullifier: None, ..known() };
    let no_address = Err(CallError::NoAddress);
    assert_eq!(of(finalize, None, no_nullifier, BASE_TOKEN, &BATCH_ROOT), no_address);
    for call in [Call::Message, Call::Log, Call::Leaf] {
        let to = |address| Ok((call, address));
        assert_eq!(of(call, None, known(), SOMEBODY, &BATCH_ROOT), to(VERIFIER));
        assert_eq!(of(call, Some(TO), known(), SOMEBODY, &BATCH_ROOT), to(TO));
        assert_eq!(of(call, Some(TO), known(), SOMEBODY, &BLOCK), to(TO));
        // Since v33 too: only L1Nullifier lost its function.
        assert_eq!(of(call, None, since_v33(known()), BASE_TOKEN, &BATCH_ROOT), to(VERIFIER));
        // L2MessageVerification has one address on every chain.
        let verification = Address::system(0x1_0009);
        assert_eq!(of(call, None, known(), SOMEBODY, &BLOCK), to(verification));
        let no_chains = L1Contracts { chains: BTreeMap::new(), ..known() };
        assert_eq!(of(call, None, no_chains, SOMEBODY, &BATCH_ROOT), no_address);
    }
}
