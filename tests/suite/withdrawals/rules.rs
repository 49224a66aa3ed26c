use serde_json::json;
use slproof::primitives::{Address, ChainId, Hash, Word};

use crate::support::{
    claims_case::{
        ASSET_ROUTER, BASE_ASSET, BASE_TOKEN, BATCH, CHAIN, Case, DIAMOND, L1_CHAIN, MESSAGE_ROOT,
        OLD_BRIDGE, RECEIVER, RELEASES, Release, TOKEN, base_token, legacy, message, routed,
    },
    l1::{VAULT, asset_id, bridgehub, nullifier, slot},
};

const STRANGER: Address = Address::new([0x99; 20]);
const ASSET: Hash = Hash::new([0x77; 32]);
const LEGACY_BRIDGE: Address = Address::new([0x1e; 20]);

const WRONG_SENDER: (&str, &str) = ("WrongL2Sender", "0x636c90db");
const INVALID_PROOF: (&str, &str) = ("InvalidProof", "0x09bde339");

/// Which sender L1 pays for, for each layout: `_verifyWithdrawal` of both releases.
#[test]
fn the_sender_of_the_message_decides() {
    use Release::{V29, V31};
    let base = || base_token(1000);
    let router = || routed(ASSET, STRANGER, 5);
    let base_by_router = || routed(BASE_ASSET, STRANGER, 5);
    let old = || legacy(TOKEN, 9);
    type Row = (Release, Vec<u8>, Address, Option<(&'static str, &'static str)>);
    let cases: [Row; 24] = [
        (V29, base(), BASE_TOKEN, None),
        // v29 proves a base token as of 0x…800a, whichever of the three senders is named.
        (V29, base(), ASSET_ROUTER, Some(INVALID_PROOF)),
        (V29, base(), OLD_BRIDGE, Some(INVALID_PROOF)),
        (V29, base(), STRANGER, Some(WRONG_SENDER)),
        (V29, router(), ASSET_ROUTER, None),
        (V29, router(), OLD_BRIDGE, None),
        (V29, router(), BASE_TOKEN, None),
        (V29, router(), STRANGER, Some(WRONG_SENDER)),
        (V29, base_by_router(), ASSET_ROUTER, Some(INVALID_PROOF)),
        (V29, base_by_router(), BASE_TOKEN, None),
        (V29, old(), ASSET_ROUTER, None),
        (V29, old(), STRANGER, Some(WRONG_SENDER)),
        (V31, base(), BASE_TOKEN, None),
        (V31, base(), ASSET_ROUTER, Some(WRONG_SENDER)),
        (V31, base(), OLD_BRIDGE, Some(WRONG_SENDER)),
        (V31, base(), STRANGER, Some(WRONG_SENDER)),
        (V31, router(), ASSET_ROUTER, None),
        (V31, router(), OLD_BRIDGE, None),
        (V31, router(), BASE_TOKEN, Some(WRONG_SENDER)),
        (V31, router(), STRANGER, Some(WRONG_SENDER)),
        (V31, base_by_router(), ASSET_ROUTER, Some(WRONG_SENDER)),
        (V31, base_by_router(), BASE_TOKEN, None),
        (V31, old(), OLD_BRIDGE, None),
        (V31, old(), BASE_TOKEN, Some(WRONG_SENDER)),
    ];
    for (release, bytes, sender, refused) in cases {
        let case = Case::of(release, sender, &bytes);
        match refused {
            None => case.is_claimable(),
            Some((name, selector)) => case.is_refused(name, selector),
        }
    }
    // The old bridge is that of the chain.
    for release in RELEASES {
        let slot = slot(206, &[CHAIN.into()]);
        let case = Case::of(release, OLD_BRIDGE, &legacy(TOKEN, 9)).with(nullifier(), slot, 0);
        case.is_refused(WRONG_SENDER.0, WRONG_SENDER.1);
    }
}

#[test]
fn assets_tokens_receivers_and_amounts_are_those_of_the_message() {
    for release in RELEASES {
        let receiver = json!(RECEIVER.to_string());
        let claim = Case::of(release, BASE_TOKEN, &base_token(1000)).claim();
        assert_eq!((&claim["kind"], &claim["receiver"]), (&json!("base-token"), &receiver));
        assert_eq!(claim["assetId"], BASE_ASSET.to_string());
        assert_eq!((&claim["token"], &claim["amount"]), (&json!(null), &json!("1000")));

        // Ether, and a token that the vault knows.
        let ether = Address::system(1);
        let of_chain = slot(212, &[CHAIN.into()]);
        let case = Case::of(release, BASE_TOKEN, &base_token(1));
        let case = case.with(bridgehub(), of_chain, asset_id(L1_CHAIN, ether));
        assert_eq!(case.claim()["token"], ether.to_string());
        let case = Case::of(release, BASE_TOKEN, &base_token(1));
        let case = case.with(VAULT, slot(202, &[BASE_ASSET.into()]), TOKEN.to_word());
        assert_eq!(case.claim()["token"], TOKEN.to_string());

        // A token of L1, one of the chain, and one of a third chain that the vault knows.
        for origin in [L1_CHAIN, CHAIN, 9] {
            let asset = asset_id(origin, TOKEN);
            let case = Case::of(release, ASSET_ROUTER, &routed(asset, STRANGER, 5));
            let claim = case.with(VAULT, slot(201, &[asset.into()]), origin).claim();
            assert_eq!((&claim["kind"], &claim["receiver"]), (&json!("asset-router"), &receiver));
            assert_eq!(claim["assetId"], asset.to_string());
            let token = json!(TOKEN.to_string());
            assert_eq!((&claim["token"], &claim["amount"]), (&token, &json!("5")));
            let chain = (origin != L1_CHAIN).then_some(origin);
            assert_eq!(claim.get("tokenChainId").and_then(serde_json::Value::as_u64), chain);
        }
        // The handler of another asset names that token.
        let claim = Case::of(release, ASSET_ROUTER, &routed(ASSET, STRANGER, 5)).claim();
        assert_eq!(claim["assetId"], ASSET.to_string());
        assert_eq!((&claim["token"], &claim["amount"]), (&json!(null), &json!("5")));
        let mut case = Case::of(release, ASSET_ROUTER, &routed(ASSET, STRANGER, 5));
        case.selection.token = Some(TOKEN);
        assert!(case.claims().0.is_empty());

        let claim = Case::of(release, OLD_BRIDGE, &legacy(TOKEN, 9)).claim();
        assert_eq!((&claim["kind"], &claim["receiver"]), (&json!("legacy-erc20"), &receiver));
        assert_eq!(claim["assetId"], asset_id(L1_CHAIN, TOKEN).to_string());
        assert_eq!((&claim["token"], &claim["amount"]), (&json!(TOKEN.to_string()), &json!("9")));

        // Transfer data of another handler.
        let mut other = routed(ASSET, STRANGER, 5);
        other.truncate(68);
        let claim = Case::of(release, ASSET_ROUTER, &other).claim();
        let null = json!(null);
        assert_eq!((&claim["receiver"], &claim["amount"]), (&null, &null));
        assert_eq!(
            (&claim["status"], &claim["assetId"]),
            (&json!("claimable"), &json!(ASSET.to_string()))
        );
    }
}

#[test]
fn a_paused_nullifier_refuses_what_it_has_not_paid() {
    for release in RELEASES {
        let paused = || {
            let case = Case::of(release, BASE_TOKEN, &base_token(1));
            case.with(nullifier(), Word::from(151), 1)
        };
        paused().is_refused("Error(Pausable: paused)", "0x08c379a0");
        let mut paid = paused();
        paid.state.pay(CHAIN, BATCH, 0);
        assert_eq!(paid.claim()["status"], "finalized");
    }
}

#[test]
fn an_old_withdrawal_of_a_token_from_elsewhere_is_refused() {
    for release in RELEASES {
        let registered = |asset: Hash| {
            let case = Case::of(release, OLD_BRIDGE, &legacy(TOKEN, 9));
            case.with(VAULT, slot(203, &[TOKEN.to_word()]), asset)
        };
        registered(asset_id(L1_CHAIN, TOKEN)).is_claimable();
        registered(asset_id(CHAIN, TOKEN)).is_refused("TokenNotLegacy", "0x1850b46b");
        // The vault registers a token that it does not know.
        registered(Hash::ZERO).is_claimable();
    }
}

/// `_isPreSharedBridgeEraEthWithdrawal` and `_isPreSharedBridgeEraTokenWithdrawal`.
#[test]
fn old_batches_of_era_need_the_flags_of_the_old_bridges() {
    for release in RELEASES {
        let era = |diamond_first: u64, bridge_first: u64| {
            let mut case = Case::of(release, BASE_TOKEN, &base_token(1))
                .with(nullifier(), Word::from(201), diamond_first)
                .with(nullifier(), Word::from(202), bridge_first);
            case.options.era_chain = Some(ChainId(CHAIN));
            case
        };
        let refused = ("SharedBridgeValueNotSet", "0x7774d2f9");
        era(0, BATCH).is_refused(refused.0, refused.1);
        era(BATCH, 0).is_refused(refused.0, refused.1);
        era(BATCH, BATCH).is_claimable();

        // The diamond is in the state.
        let in_diamond = slot(29, &[BATCH.into(), 0.into()]);
        era(BATCH + 1, BATCH).is_claimable();
        let paid = era(BATCH + 1, BATCH).with(DIAMOND, in_diamond, 1).claim();
        assert_eq!((&paid["status"], &paid["call"]), (&json!("finalized"), &json!(null)));

        // L1ERC20Bridge is not, and then it is.
        let by_bridge = || {
            let case = era(BATCH, BATCH + 1);
            case.with(nullifier(), Word::from(205), LEGACY_BRIDGE.to_word())
        };
        let unknown = by_bridge().has("unknown", "old-bridge-unknown");
        assert!(unknown["call"].is_object());
        by_bridge().with(LEGACY_BRIDGE, Word::from(2), 1).is_claimable();
        let in_bridge = slot(0, &[BATCH.into(), 0.into()]);
        let paid = by_bridge().with(LEGACY_BRIDGE, in_bridge, 1).claim();
        assert_eq!(paid["status"], "finalized");

        // Another chain, and a chain that may be Era.
        let mut other = era(BATCH + 1, BATCH + 1);
        other.options.era_chain = None;
        other.is_claimable();
        let mut unknown = era(BATCH + 1, BATCH + 1);
        (unknown.options.era_chain, unknown.options.l1_chain) = (None, Some(ChainId(31_337)));
        unknown.has("unknown", "old-bridge-unknown");
        // Ethereum's Era is 324.
        unknown.options.l1_chain = Some(ChainId(1));
        unknown.with(DIAMOND, in_diamond, 1).has_status("finalized");
    }
}

/// Without the chain id of L1, an old withdrawal may be of the base token, which L1 pays for another sender.
#[test]
fn an_old_withdrawal_is_not_judged_if_the_chain_id_of_l1_decides_and_is_not_known() {
    let of = |release, sender| {
        let mut case = Case::of(release, sender, &legacy(TOKEN, 9));
        let base = asset_id(L1_CHAIN, TOKEN);
        case.state.set(bridgehub(), slot(212, &[CHAIN.into()]), base);
        if release == Release::V31 {
            // Without a chain at index 0, MessageRoot does not show the id either.
            case.state.set(MESSAGE_ROOT, Word::from(1), 0);
        }
        case.has_status("refused");
        case.options.l1_chain = None;
        case
    };
    for release in RELEASES {
        for sender in [OLD_BRIDGE, ASSET_ROUTER] {
            of(release, sender).has("unknown", "l1-chain-unknown");
        }
        let (name, selector) = WRONG_SENDER;
        of(release, STRANGER).is_refused(name, selector);
    }
    // The base token is ether, by the asset id that it has on Ethereum.
    let mut of_ether = of(Release::V29, OLD_BRIDGE);
    of_ether.state.set(bridgehub(), slot(212, &[CHAIN.into()]), asset_id(1, Address::system(1)));
    of_ether.is_claimable();
    let mut by_base = Case::of(Release::V29, BASE_TOKEN, &legacy(TOKEN, 9));
    by_base.options.l1_chain = None;
    by_base.is_claimable();
    // The vault knows an asset of the token, which may be that of another chain.
    let registered = slot(203, &[TOKEN.to_word()]);
    by_base.state.set(VAULT, registered, asset_id(L1_CHAIN, TOKEN));
    by_base.has("unknown", "l1-chain-unknown");
}

/// L1Nullifier has the id of Era in its code. If it is not known, any chain may be Era.
#[test]
fn a_chain_that_may_be_era_is_not_judged_if_the_variables_are_not_set() {
    for release in RELEASES {
        for variable in [201, 202] {
            let mut case = Case::of(release, BASE_TOKEN, &base_token(1)).with(
                nullifier(),
                Word::from(variable),
                0,
            );
            case.is_claimable();
            for l1_chain in [None, Some(ChainId(31_337))] {
                // The state of v31 shows the id of L1.
                case.state.set(MESSAGE_ROOT, slot(3, &[0.into()]), 31_337);
                case.options.l1_chain = l1_chain;
                case.has("unknown", "old-bridge-unknown");
                case.options.era_chain = Some(ChainId(CHAIN + 1));
                case.is_claimable();
                case.options.era_chain = Some(ChainId(CHAIN));
                case.is_refused("SharedBridgeValueNotSet", "0x7774d2f9");
                case.options.era_chain = None;
            }
        }
    }
}

/// `BatchZeroNotAllowed` of L1MessageRoot. The diamonds before v31 have no such check.
#[test]
fn batch_zero_is_refused_since_v31() {
    let batch =
        |release, number| Case::at(release, number, vec![message(BASE_TOKEN, &base_token(1))]);
    batch(Release::V29, 0).is_claimable();
    batch(Release::V31, 0).is_refused("BatchZeroNotAllowed", "0xa695b1ef");
    batch(Release::V31, 1).is_claimable();
}

#[test]
fn a_batch_that_l1_did_not_execute_waits_if_the_chain_settles_there() {
    for release in RELEASES {
        let mut case = Case::of(release, BASE_TOKEN, &base_token(1));
        match release {
            Release::V29 => case.state.set(DIAMOND, slot(15, &[BATCH.into()]), 0),
            Release::V31 => {
                let root = slot(12, &[CHAIN.into(), BATCH.into()]);
                case.state.set(MESSAGE_ROOT, root, 0);
            }
        }
        // Executed elsewhere, or lost from the state.
        case.has("unknown", "batch-root-not-stored");
        let mut case = case.with(DIAMOND, Word::from(11), BATCH - 1);
        case.has("waiting", "batch-not-executed");
        case.state.set(DIAMOND, Word::from(50), 0x1234);
        case.has("unknown", "batch-root-not-stored");
    }
    // A root without the count: `BatchNotExecuted` of v29.
    let case = Case::of(Release::V29, BASE_TOKEN, &base_token(1));
    case.with(DIAMOND, Word::from(11), BATCH - 1).has("waiting", "batch-not-executed");
}

#[test]
fn v31_does_not_read_the_diamond_for_batches_since_its_upgrade() {
    let case = || {
        let case = Case::of(Release::V31, BASE_TOKEN, &base_token(1));
        let root = slot(12, &[CHAIN.into(), BATCH.into()]);
        let stored = case.state.word(MESSAGE_ROOT, root);
        let case = case.with(MESSAGE_ROOT, root, 0);
        case.with(DIAMOND, slot(15, &[BATCH.into()]), stored)
    };
    case().is_refused(INVALID_PROOF.0, INVALID_PROOF.1);
    case().with(MESSAGE_ROOT, slot(50, &[CHAIN.into()]), BATCH + 1).is_claimable();
}

#[test]
fn a_state_without_the_chain_decides_nothing() {
    let case = Case::of(Release::V29, BASE_TOKEN, &base_token(1));
    let lacking = Case { state: case.state.clone().without(DIAMOND), ..case };
    lacking.has("unknown", "anchor-lacks-diamond");
}

/// Logs that are not those of the batch are not said to be paid out.
#[test]
fn changed_logs_are_unknown() {
    for release in RELEASES {
        let mut case = Case::of(release, BASE_TOKEN, &base_token(1));
        case.state.pay(CHAIN, BATCH, 0);
        case.has_status("finalized");
        case.logs = vec![message(BASE_TOKEN, &base_token(2))];
        case.has("unknown", "logs-do-not-fold");
    }
}

#[test]
fn other_messages_have_the_call_that_verifies_them() {
    for release in RELEASES {
        let mut case = Case::of(release, STRANGER, b"hello");
        case.selection.kinds = vec![slproof::claims::ClaimKind::Other];
        let claim = case.has("claimable", "not-a-withdrawal");
        assert_eq!(claim["call"]["function"], "proveL2MessageInclusionShared");
        let verifier = if release == Release::V31 { MESSAGE_ROOT } else { DIAMOND };
        assert_eq!(claim["call"]["to"], verifier.to_string());
        let data = claim["call"]["data"].as_str().unwrap();
        assert_eq!(claim["call"]["cast"], format!("cast call {verifier} {data}"));
        assert_eq!(claim["call"]["arguments"]["message"]["data"], "0x68656c6c6f");
        let error = json!({"name": "InvalidSelector", "selector": "0x12ba286f"});
        assert_eq!(claim["reason"]["error"], error);
        assert_eq!(claim["kind"], "other");

        // The selector of a withdrawal, and too few or too many bytes.
        let length = json!({"name": "L2WithdrawalMessageWrongLength", "selector": "0x97e1359e"});
        let of_asset = json!({"name": "WrongMsgLength", "selector": "0x61cdb17e"});
        let long = [&legacy(TOKEN, 9)[..], &[0]].concat();
        for (bytes, error) in [
            (&base_token(1)[..55], &length),
            (&long, &length),
            (&routed(ASSET, STRANGER, 5)[..67], &of_asset),
        ] {
            let mut case = Case::of(release, ASSET_ROUTER, bytes);
            case.selection.kinds = vec![slproof::claims::ClaimKind::Other];
            let claim = case.has("claimable", "not-a-withdrawal");
            assert_eq!(claim["reason"]["error"], *error);
        }
    }
}

/// L1Nullifier of v33 has no `finalizeDeposit`. The upgrade sets `l1InteropHandler`, and MessageRoot stores timestamps.
#[test]
fn v33_pays_out_no_withdrawals() {
    let by_nullifier = |case: Case| case.with(nullifier(), Word::from(215), 1);
    let by_message_root =
        |case: Case| Case { state: case.state.upgraded_to_v33(MESSAGE_ROOT), ..case };
    let upgrades: [&dyn Fn(Case) -> Case; 2] = [&by_nullifier, &by_message_root];
    for (sender, bytes) in [
        (BASE_TOKEN, base_token(1)),
        (STRANGER, base_token(1)),
        (ASSET_ROUTER, routed(ASSET, STRANGER, 5)),
        (OLD_BRIDGE, legacy(TOKEN, 9)),
    ] {
        for upgrade in upgrades {
            let mut case = upgrade(Case::of(Release::V31, sender, &bytes));
            let claim = case.has("unknown", "no-finalize-deposit");
            assert!(claim["call"].is_null() && claim["reason"]["error"].is_null(), "{claim}");
            // A pause of L1Nullifier does not matter.
            case.state.set(nullifier(), Word::from(151), 1);
            case.has("unknown", "no-finalize-deposit");
            case.state.pay(CHAIN, BATCH, 0);
            case.has_status("finalized");
        }
    }
    // A bundle is a message that this program does not read.
    for upgrade in upgrades {
        let mut case = upgrade(Case::of(Release::V31, Address::system(0x1_000d), &[1, 2, 3]));
        case.selection.kinds = vec![slproof::claims::ClaimKind::Other];
        let claim = case.has("claimable", "no-finalize-deposit");
        assert_eq!(claim["call"]["function"], "proveL2MessageInclusionShared");
        assert!(claim["reason"]["error"].is_null(), "{claim}");
    }
}

#[test]
fn missing_messages_that_may_be_withdrawals_are_listed() {
    let listed = [BASE_TOKEN, ASSET_ROUTER, OLD_BRIDGE].map(|sender| (sender, true));
    for (sender, is_listed) in listed.into_iter().chain([(STRANGER, false)]) {
        let (log, _) = message(sender, &base_token(1));
        let mut case = Case::new(Release::V31, vec![(log, None)]);
        if !is_listed {
            assert_eq!(case.claims().0, Vec::<serde_json::Value>::new());
            continue;
        }
        assert_eq!(case.has("unknown", "call-needs-message-bytes")["kind"], "other");
        case.selection.receiver = Some(RECEIVER);
        assert!(case.claims().0.is_empty());
    }
}
