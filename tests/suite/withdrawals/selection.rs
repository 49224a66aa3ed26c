use serde_json::{Value, json};
use slproof::{
    claims::{ClaimKind, Status},
    primitives::{Address, ChainId, Hash},
};

use crate::support::{
    claims_case::{
        ASSET_ROUTER, BASE_ASSET, BASE_TOKEN, BATCH, CHAIN, Case, L1_CHAIN, OLD_BRIDGE, RECEIVER,
        Release, TOKEN, base_token, legacy, message, routed, transaction,
    },
    l1::asset_id,
};

const CALLER: Address = Address::new([0xca; 20]);

/// Two base tokens, a token by the router and one by the old bridge, and a message that is no withdrawal.
fn case() -> Case {
    let mut other = base_token(20);
    other[4..24].copy_from_slice(CALLER.as_bytes());
    let mut case = Case::new(
        Release::V31,
        vec![
            message(BASE_TOKEN, &base_token(10)),
            message(BASE_TOKEN, &other),
            message(ASSET_ROUTER, &routed(asset_id(CHAIN, TOKEN), CALLER, 5)),
            message(OLD_BRIDGE, &legacy(TOKEN, 9)),
            message(CALLER, b"hello"),
        ],
    );
    case.state.pay(CHAIN, BATCH, 0);
    case
}

fn selected(change: impl FnOnce(&mut Case)) -> Vec<u64> {
    let mut case = case();
    change(&mut case);
    case.claims().0.iter().map(|claim| claim["id"].as_u64().unwrap()).collect()
}

#[test]
fn every_flag_narrows_the_selection() {
    let hash = |index: usize| transaction(index).parse::<Hash>().unwrap();
    assert_eq!(selected(|_| ()), [0, 1, 2, 3]);
    assert_eq!(selected(|case| case.selection.receiver = Some(RECEIVER)), [0, 2, 3]);
    assert_eq!(selected(|case| case.selection.receiver = Some(CALLER)), [1]);
    assert_eq!(selected(|case| case.selection.sender = Some(BASE_TOKEN)), [0, 1]);
    assert_eq!(selected(|case| case.selection.sender = Some(CALLER)), [2]);
    // The other one with this address is a token of the chain.
    assert_eq!(selected(|case| case.selection.token = Some(TOKEN)), [3]);
    assert_eq!(selected(|case| case.selection.asset_id = Some(BASE_ASSET)), [0, 1]);
    assert_eq!(selected(|case| case.selection.transaction = Some(hash(2))), [2]);
    let message = case().logs[3].0.value();
    assert_eq!(selected(|case| case.selection.message = Some(message)), [3]);
    let kinds = vec![ClaimKind::LegacyErc20, ClaimKind::Other];
    assert_eq!(selected(|case| case.selection.kinds = kinds), [3, 4]);
    assert_eq!(selected(|case| case.selection.statuses = vec![Status::Finalized]), [0]);
    assert_eq!(selected(|case| case.selection.chain = Some(ChainId(CHAIN))), [0, 1, 2, 3]);
    assert_eq!(selected(|case| case.selection.chain = Some(ChainId(1))), [0; 0]);
    let batches = Some("8..".parse().unwrap());
    assert_eq!(selected(|case| case.selection.batches = batches), [0; 0]);
}

#[test]
fn totals_are_sums_by_token_and_status() {
    let mut case = case();
    case.selection.statuses = vec![Status::Claimable];
    let (claims, totals) = case.claims();
    assert_eq!(claims.len(), 3);
    let totals = json!(totals);
    assert_eq!([&totals["claims"], &totals["claimable"], &totals["finalized"]], [4, 3, 1]);
    let tokens = totals["tokens"].as_array().unwrap();
    let of = |asset: Hash| -> &Value {
        tokens.iter().find(|token| token["assetId"] == asset.to_string()).unwrap()
    };
    assert_eq!(of(BASE_ASSET)["finalized"], json!({"claims": 1, "amount": "10"}));
    assert_eq!(of(BASE_ASSET)["claimable"], json!({"claims": 1, "amount": "20"}));
    assert_eq!(of(asset_id(CHAIN, TOKEN))["claimable"], json!({"claims": 1, "amount": "5"}));
    assert_eq!(tokens.len(), 3);
}

/// Everybody can deploy a token with this address on another chain. Its withdrawals are not those of the token of L1.
#[test]
fn tokens_of_other_chains_are_not_taken_for_those_of_l1() {
    let origins = [L1_CHAIN, CHAIN, 1, 31_337];
    let routed = |origin| message(ASSET_ROUTER, &routed(asset_id(origin, TOKEN), CALLER, 5));
    for release in [Release::V29, Release::V31] {
        let case = |l1_chain| {
            let mut case = Case::new(release, origins.map(routed).to_vec());
            case.options.l1_chain = l1_chain;
            case
        };
        // The asset of the other public network is that of no token here.
        let mut known = case(Some(ChainId(L1_CHAIN)));
        let token = json!(TOKEN.to_string());
        let named = |claims: &[Value]| -> Vec<(Value, Option<u64>)> {
            let chain = |claim: &Value| claim.get("tokenChainId").and_then(Value::as_u64);
            claims.iter().map(|claim| (claim["token"].clone(), chain(claim))).collect()
        };
        let (claims, totals) = known.claims();
        let unnamed = (Value::Null, None);
        let of_chain = (token.clone(), Some(CHAIN));
        assert_eq!(
            named(&claims),
            [(token.clone(), None), of_chain.clone(), unnamed.clone(), unnamed.clone()]
        );
        let totals = json!(totals);
        let named_totals = named(totals["tokens"].as_array().unwrap());
        assert_eq!(named_totals.iter().filter(|total| **total == of_chain).count(), 1);
        assert_eq!(named_totals.iter().filter(|total| **total == unnamed).count(), 2);
        known.selection.token = Some(TOKEN);
        assert_eq!(known.claims().0.len(), 1);
    }
    // If the id of L1 is not known, it may be that of either network; the claim says which.
    let mut unknown = Case::new(Release::V29, origins.map(routed).to_vec());
    unknown.options.l1_chain = None;
    unknown.selection.token = Some(TOKEN);
    let chains: Vec<Option<u64>> =
        unknown.claims().0.iter().map(|claim| claim["tokenChainId"].as_u64()).collect();
    assert_eq!(chains, [Some(L1_CHAIN), Some(1)]);
}

/// Sums are wider than 256 bits.
#[test]
fn the_largest_amounts_are_added() {
    let mut bytes = base_token(0);
    bytes[24..].fill(0xff);
    let logs = vec![message(BASE_TOKEN, &bytes), message(BASE_TOKEN, &bytes)];
    let (claims, totals) = Case::new(Release::V29, logs).claims();
    let most = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    assert_eq!(claims[0]["amount"], most);
    let twice = "231584178474632390847141970017375815706539969331281128078915168015826259279870";
    assert_eq!(json!(totals)["tokens"][0]["claimable"]["amount"], twice);
}

#[test]
fn hashes_that_are_not_there_are_errors() {
    use slproof::{
        Messages, MessagesOptions,
        anchor::KnownRoots,
        claims::{Claims, ClaimsOptions},
    };
    let case = case();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("logs.jsonl");
    let (log, _) = &case.logs[0];
    let line = json!({"chainId": CHAIN, "batchNumber": BATCH, "logs": [log.to_string()]});
    std::fs::write(&file, line.to_string()).unwrap();
    let messages = Messages::open(&[file], &MessagesOptions::default()).unwrap();
    let l1 = KnownRoots::new(case.state.clone(), slproof::forest::Addresses::default()).unwrap();
    let options = ClaimsOptions::new(crate::support::l1::nullifier());
    let code = |transaction: Option<Hash>, message: Option<Hash>| {
        let mut selection = case.selection.clone();
        (selection.transaction, selection.message) = (transaction, message);
        let job = Claims::new(&l1, None, &messages, selection, &options).unwrap();
        job.run(|_| (), |()| Ok(())).unwrap_err().code().as_str()
    };
    assert_eq!(code(Some(Hash::new([9; 32])), None), "transaction-not-found");
    assert_eq!(code(None, Some(Hash::new([9; 32]))), "message-not-found");
    assert_eq!(code(Some(log.value()), None), "transaction-not-found");
}
